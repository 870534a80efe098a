//! Makes the test vectors whose logs were handed over to other keys; `vectors.rs` plays them with the others.

use std::path::Path;

use daypass_journal::trust::Trust;
use daypass_journal::verify::{Options as VerifyOptions, verify};
use daypass_journal::writer::{Options, Retention, Writer};
use serde_json::{Value, json};

use crate::forger::Forger;
use crate::place::{Place, line_of, small_segments};
use crate::vectors::{keep, vectors};

/// How the names of these vectors begin.
const NAMES: &str = "rotated";

/// A journal of `number` with two entries and a handover, and the key on disk before it.
fn rotated(number: u64) -> (Place, Writer, Forger) {
    let place = Place::of(&format!("example.org/daypass/host/db1/{number:016x}"));
    let (writer, _) = place.open();
    place.write(&writer, 2);
    let before = Forger::thief_of(&place.keys().join("log.key"));
    writer.rotate_log_key("root").unwrap();
    (place, writer, before)
}

/// Keeps a vector, with the verdict that it has.
fn case(cases: &mut Vec<Value>, place: &Place, name: &str, exit: u8) {
    keep(place, name);
    let report = verify(
        &vectors().join(name),
        &place.trust(),
        VerifyOptions::default(),
    );
    assert_eq!(report.exit_code(), exit, "{name}: {report}");
    let mut case = json!({"journal": name, "exit": exit, "proven": report.proven});
    let found = serde_json::to_value(&report).unwrap();
    if exit == 1 {
        case["seq"] = found["verdict"]["seq"].clone();
    }
    cases.push(case);
}

/// Once and twice, and with the seals that must not be.
fn handed_over(cases: &mut Vec<Value>) -> Vec<Place> {
    let (place, writer, before) = rotated(1);
    place.write(&writer, 2);
    case(cases, &place, "rotated", 0);
    writer.rotate_log_key("root").unwrap();
    place.write(&writer, 1);
    writer.close().unwrap();
    case(cases, &place, "rotated-twice", 0);
    // By the first key, after the handover.
    let whole = place.text();
    place.edit(|lines| {
        let at = line_of(lines, 5) + 1;
        lines[at] = before.sign_instead(&lines[at]);
    });
    case(cases, &place, "rotated-old-key", 1);
    // By the next key, without one.
    let heir = Forger::thief_of(&place.keys().join("log.key"));
    std::fs::write(&place.segments()[0], whole).unwrap();
    place.edit(|lines| {
        let at = line_of(lines, 3) + 1;
        lines[at] = heir.sign_instead(&lines[at]);
    });
    case(cases, &place, "rotated-unannounced", 1);
    vec![place]
}

/// To two keys under one seal.
fn handed_over_doubly(cases: &mut Vec<Value>) -> Place {
    let place = Place::of("example.org/daypass/host/db1/0000000000000002");
    let epoch = Forger::thief_of(&place.keys().join("epoch.keys"));
    let log = Forger::thief_of(&place.keys().join("log.key"));
    let (writer, _) = place.open();
    writer.rotate_log_key("root").unwrap();
    drop(writer);
    place.edit(|lines| {
        lines.pop();
        let entry = lines[line_of(lines, 2)].replace("{\"seq\":2,", "{\"seq\":3,");
        lines.push(entry);
        let seal = log.seal(&epoch, lines);
        lines.push(seal);
    });
    case(cases, &place, "rotated-doubly", 1);
    place
}

/// In entries that a crash left without their seal; then there is another handover.
fn handed_over_in_vain(cases: &mut Vec<Value>) -> Place {
    let place = Place::of("example.org/daypass/host/db1/0000000000000003");
    let (writer, _) = place.open();
    place.write(&writer, 1);
    let kept = place.path().join("kept");
    Place::restore(&place.keys(), &kept);
    writer.rotate_log_key("root").unwrap();
    drop(writer);
    place.edit(|lines| {
        lines.pop();
    });
    Place::restore(&kept, &place.keys());
    let (writer, _) = place.open();
    place.write(&writer, 1);
    drop(writer);
    case(cases, &place, "rotated-in-vain", 0);
    place
}

/// In a segment that was retired since.
fn handed_over_long_ago(cases: &mut Vec<Value>) -> Place {
    let place = Place::of("example.org/daypass/host/db1/0000000000000004");
    let (writer, _) = place.open_with(Options {
        segment_bytes: 3_000,
        ..small_segments()
    });
    place.write(&writer, 2);
    writer.rotate_log_key("root").unwrap();
    place.write(&writer, 6);
    let everything = Retention {
        before: Some(chrono::Utc::now() + chrono::TimeDelta::days(1)),
        ..Retention::default()
    };
    let retired = writer.retire(&everything, "root", "a vector").unwrap();
    assert!(retired.is_some());
    writer.close().unwrap();
    let report = place.verify();
    let gone_to = report.retired;
    assert!(report.log_keys[0].seq < gone_to, "{report}");
    case(cases, &place, "rotated-retired", 0);
    place
}

#[test]
#[ignore = "makes these vectors anew, with new keys; run by hand after a change of the format"]
fn make_the_rotated_vectors() {
    let mut made = Vec::new();
    let mut places = handed_over(&mut made);
    places.push(handed_over_doubly(&mut made));
    places.push(handed_over_in_vain(&mut made));
    places.push(handed_over_long_ago(&mut made));
    let path = vectors().join("cases.json");
    let mut cases: Vec<Value> = read(&path);
    cases.retain(|case| !case["journal"].as_str().unwrap().starts_with(NAMES));
    cases.extend(made);
    let text = serde_json::to_string_pretty(&cases).unwrap() + "\n";
    std::fs::write(&path, text).unwrap();
    let path = vectors().join("trust.toml");
    let mut trust = Trust::read(&path).unwrap();
    for place in &places {
        let made = place.trust().logs.remove(0);
        trust.logs.retain(|log| log.origin() != made.origin());
        trust.logs.push(made);
    }
    std::fs::write(&path, trust.to_string()).unwrap();
}

fn read(path: &Path) -> Vec<Value> {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}
