//! Command lines that are too long for their entries: the whole goes along, and is compared with what its entry says.

use daypass_protocol::digest::Digest;
use daypass_protocol::event::{Action, Command, Outcome, spell};

use crate::archive::Files;
use crate::doubts::assert_said;
use crate::scene::{Change, Scene};
use crate::verify;

#[test]
fn a_long_command_line_is_in_the_bundle_whole() {
    let mut line = Vec::new();
    spell(["x'x\n".repeat(400_000)], &mut line);
    let scene = Scene::with(&Change {
        texts: vec![line.clone()],
        on_host: Some(|stage| {
            let command = Command::from_arguments(["x'x\n".repeat(400_000)]);
            let event = stage.in_session(Action::SudoRequest);
            let event = event.outcome(Outcome::Allowed).command(command);
            vec![event.with_command_kept()]
        }),
        ..Change::default()
    });
    let archive = scene.exported(&["--window", &scene.window()]);
    assert_said(&verify(&scene, &archive), 0, "PROVEN");
    let files = || Files::of(&archive);
    let names = files().names();
    let [name] = &names
        .iter()
        .filter(|name| name.starts_with("texts/"))
        .collect::<Vec<_>>()[..]
    else {
        panic!("{names:?}");
    };
    assert!(files().bytes(name) == line);
    let mut changed = files();
    changed.change(name, |text| text[1_000_000] = b'y');
    let changed = verify(&scene, &changed.archive());
    assert_said(&changed, 1, "not the text whose hash it is named by");
    let mut without = files();
    without.remove(name);
    assert_said(
        &verify(&scene, &without.archive()),
        2,
        "the whole is not in the bundle",
    );
    let mut more = files();
    more.add(&format!("texts/{}", Digest::of("more")), b"more");
    assert_said(
        &verify(&scene, &more.archive()),
        1,
        "nothing in the bundle refers to it",
    );
}
