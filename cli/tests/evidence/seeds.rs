//! The seeds of the fuzz target `evidence`: a bundle that is proven, and each of its files.

use std::fs;
use std::path::Path;

use crate::archive::Files;
use crate::scene::Scene;
use crate::verify;

#[test]
#[ignore = "makes the seeds of a fuzz target anew, with new keys; run by hand after a change of the format"]
fn make_the_seeds() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds");
    let scene = Scene::new();
    let archive = scene.exported(&["--window", &scene.window()]);
    assert_eq!(verify(&scene, &archive).code, 0);
    fs::write(seeds.join("evidence.tar"), &archive).expect("written");
    fs::copy(&scene.trust, seeds.join("evidence.toml")).expect("copied");
    let parts = seeds.join("evidence");
    let _ = fs::remove_dir_all(&parts);
    fs::create_dir(&parts).expect("made");
    let files = Files::of(&archive);
    for (place, name) in (0_u8..).zip(files.names()) {
        let mut seed = vec![place];
        seed.extend(files.bytes(&name));
        fs::write(parts.join(name.replace('/', "-")), seed).expect("written");
    }
}
