//! Bundles of journals whose log keys were handed over: judged by the keys that were registered, and by stock tools.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::archive::Files;
use crate::doubts::assert_said;
use crate::scene::{Change, Scene};
use crate::verify;

fn scene() -> Scene {
    Scene::with(&Change {
        is_handed_over: true,
        ..Change::default()
    })
}

/// The entries by which logs are handed over, in the order of their names.
fn handovers(files: &Files) -> Vec<String> {
    let names = files.names().into_iter();
    let is_one = |name: &String| {
        name.ends_with(".json") && files.text(name).contains("\"action\":\"journal.log_key\"")
    };
    names.filter(is_one).collect()
}

/// The proofs of all other entries.
fn proofs_of_others(files: &Files) -> Vec<String> {
    let handovers: Vec<_> = handovers(files).iter().map(|one| proof_of(one)).collect();
    let mut names = files.names();
    names.retain(|name| name.ends_with(".tlog-proof") && !handovers.contains(name));
    names
}

fn proof_of(entry: &str) -> String {
    entry.replace(".json", ".tlog-proof")
}

#[test]
fn the_registered_key_leads_to_those_that_sealed_what_was_asked_for() {
    let scene = scene();
    let archive = scene.exported(&["--window", &scene.window()]);
    let said = verify(&scene, &archive);
    assert_said(&said, 0, "PROVEN");
    let files = Files::of(&archive);
    assert_eq!(handovers(&files).len(), 3, "{:?}", files.names());
}

#[test]
fn each_handover_is_needed_and_must_be_proven_by_the_key_before() {
    let scene = scene();
    let archive = scene.exported(&["--window", &scene.window()]);
    let whole = Files::of(&archive);
    for entry in handovers(&whole) {
        let mut files = Files::of(&archive);
        files.remove(&entry);
        files.remove(&proof_of(&entry));
        let said = verify(&scene, &files.archive());
        assert_said(&said, 1, "is not signed by the key of");
        // Under the checkpoint of everything else it proves nothing of the kind.
        let mut files = Files::of(&archive);
        let directory = entry.rsplit_once('/').expect("a directory").0;
        let mut others = proofs_of_others(&whole).into_iter();
        let other = others.rfind(|name| name.starts_with(directory));
        let other = whole.text(&other.expect("a proof"));
        let (_, checkpoint) = other.split_once("\n\n").expect("a checkpoint");
        files.change(&proof_of(&entry), |bytes| {
            let text = String::from_utf8(bytes.clone()).expect("text");
            let (head, _) = text.split_once("\n\n").expect("a proof");
            *bytes = format!("{head}\n\n{checkpoint}").into_bytes();
        });
        let said = verify(&scene, &files.archive());
        assert_said(&said, 1, "is not signed by the key of");
    }
}

/// Which key made the first signature under a proof's checkpoint: its first four bytes, hexadecimal.
fn key_id(proof: &str) -> String {
    let note = proof.split("\n\n").nth(2).expect("signatures");
    let line = note.lines().next().expect("a signature");
    let signature = line.rsplit(' ').next().expect("base64");
    let bytes = STANDARD.decode(signature).expect("base64");
    bytes[..4]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[test]
fn the_parts_are_as_the_readme_tells_stock_tools() {
    let scene = scene();
    let files = Files::of(&scene.exported(&["--window", &scene.window()]));
    for entry in handovers(&files) {
        let proof = files.text(&proof_of(&entry));
        let seq: u64 = entry[entry.len() - 25..entry.len() - 5]
            .parse()
            .expect("a number");
        let size = proof
            .split("\n\n")
            .nth(1)
            .and_then(|note| note.lines().nth(1));
        assert_eq!(size, Some(&*(seq + 1).to_string()), "{proof}");
    }
    // Three keys sealed the host's journal: what was asked for is under the last, each handover under the one before.
    let mut host = handovers(&files);
    host.retain(|name| name.starts_with("journals/1/"));
    let [one, two]: [String; 2] = host.try_into().expect("two");
    let (one, two) = (files.text(&proof_of(&one)), files.text(&proof_of(&two)));
    let mut others = proofs_of_others(&files).into_iter();
    let last = others.rfind(|name| name.starts_with("journals/1/"));
    let last = files.text(&last.expect("a proof"));
    let ids = [key_id(&one), key_id(&two), key_id(&last)];
    assert!(
        ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2],
        "{ids:?}"
    );
    let trust = std::fs::read_to_string(&scene.trust).expect("a trust file");
    let registered = trust.lines().filter(|line| line.starts_with("log_key"));
    let mut registered = registered.filter(|line| line.contains(&format!("+{}+", ids[0])));
    assert!(registered.next().is_some(), "{ids:?}\n{trust}");
}
