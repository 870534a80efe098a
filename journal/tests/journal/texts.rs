//! Long texts beside the journal: `verify` compares them with the entries that name them.

use std::path::PathBuf;
use std::process::Command;

use daypass_journal::verify::{Lack, Remark, Report, Verdict};
use daypass_journal::writer::Writer;
use serde_json::{Value, json};

use crate::place::{Place, tampered};

/// An entry whose text is kept; its number and where the text is.
fn kept(place: &Place, writer: &Writer, text: &[u8]) -> (u64, PathBuf) {
    let sha256 = writer.keep_blob(text).unwrap();
    let command = json!({"blob": true, "length": text.len(), "sha256": sha256});
    let event = json!({"action": "sudo.request", "command": command});
    let seq = writer.append(&event).unwrap().seq;
    let path = daypass_journal::blob::path(&place.journal(), &sha256).unwrap();
    (seq, path)
}

/// What `verify` says, and the reader in another language with it.
fn verified(place: &Place) -> Report {
    let report = place.verify();
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/vectors/journal/verify.py"
    );
    let trust = place.path().join("trust.toml");
    std::fs::write(&trust, place.trust().to_string()).unwrap();
    let mut python = Command::new("python3");
    let Ok(output) = python.arg(script).arg(place.journal()).arg(trust).output() else {
        eprintln!("not compared: there is no python3 on this machine to run verify.py");
        return report;
    };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let other: Value = serde_json::from_slice(&output.stdout).expect(&said);
    let own = serde_json::to_value(&report).unwrap();
    assert_eq!(other["exit"], json!(report.exit_code()), "{report}");
    assert_eq!(other["proven"], own["proven"], "{report}");
    assert_eq!(other["seq"], own["verdict"]["seq"], "{report}");
    report
}

#[test]
fn texts_that_are_what_entries_name_are_counted() {
    let place = Place::new();
    let (writer, _) = place.open();
    kept(&place, &writer, &vec![0xff; 2_000_000]);
    let (again, path) = kept(&place, &writer, b"a long command");
    assert!(kept(&place, &writer, b"a long command") > (again, path));
    let report = verified(&place);
    assert_eq!((report.exit_code(), report.texts), (0, 2), "{report}");
    assert!(report.to_string().contains("texts      2"), "{report}");
}

#[test]
fn a_changed_text_is_tampering_at_the_first_entry_that_names_it() {
    let place = Place::new();
    let (writer, _) = place.open();
    place.write(&writer, 2);
    let (_, other) = kept(&place, &writer, b"one long command");
    let (seq, path) = kept(&place, &writer, b"a long command");
    kept(&place, &writer, b"a long command");
    for changed in [b"a long commanD".as_slice(), b"a long comman", b""] {
        std::fs::write(&path, changed).unwrap();
        let (bad, cause) = tampered(&verified(&place));
        assert_eq!(bad, seq, "{cause}");
        assert!(
            cause.contains("not the one that the entry names"),
            "{cause}"
        );
    }
    std::fs::copy(&path, &other).unwrap();
    assert_eq!(tampered(&verified(&place)).0, seq - 1);
    for (path, text) in [(path, "a long command"), (other, "one long command")] {
        std::fs::write(path, text).unwrap();
    }
    assert_eq!(verified(&place).exit_code(), 0);
}

#[test]
fn a_text_that_is_gone_is_missed_where_an_entry_says_that_it_is_kept() {
    let place = Place::new();
    let (writer, _) = place.open();
    let (first, path) = kept(&place, &writer, b"a long command");
    kept(&place, &writer, b"a long command");
    // The same text, of which this entry keeps the beginning only.
    let sha256 = path.file_name().unwrap().to_str().unwrap();
    let event = json!({"action": "sudo.start", "command": {"length": 14, "sha256": sha256}});
    writer.append(&event).unwrap();
    std::fs::remove_file(&path).unwrap();
    let report = verified(&place);
    let lacks = vec![Lack::Texts { first, count: 2 }];
    assert_eq!(report.verdict, Verdict::Incomplete { lacks }, "{report}");
    assert!(
        report.to_string().contains("2 entries, from 2 on"),
        "{report}"
    );
    writer.erase(&[first, first + 1], "root", "r").unwrap();
    assert_eq!(verified(&place).exit_code(), 0, "nobody says so any more");
}

#[test]
fn what_no_entry_names_is_remarked_on_if_it_is_not_what_its_name_says_and_goes_with_the_next_erasure()
 {
    let place = Place::new();
    let (writer, _) = place.open();
    let (seq, _) = kept(&place, &writer, b"a long command");
    let stray = place.journal().join("blobs").join("0".repeat(64));
    std::fs::write(&stray, "anything").unwrap();
    std::fs::write(place.journal().join("blobs/README"), "not ours").unwrap();
    let report = verified(&place);
    assert_eq!(report.exit_code(), 0, "{report}");
    let sha256 = "0".repeat(64);
    assert_eq!(report.remarks, [Remark::StrayText { sha256 }], "{report}");
    writer.erase(&[seq], "root", "r").unwrap();
    assert!(!stray.exists());
    assert!(verified(&place).remarks.is_empty());
}

#[test]
fn an_erasure_that_a_crash_interrupted_is_missing_nothing() {
    let place = Place::new();
    let (writer, _) = place.open();
    let (seq, _) = kept(&place, &writer, b"a long command");
    let start = format!("{{\"seq\":{seq},");
    let line = |text: &str| {
        text.lines()
            .find(|line| line.starts_with(&start))
            .map(str::to_owned)
    };
    let entry = line(&place.text()).unwrap();
    writer.erase(&[seq], "root", "r").unwrap();
    drop(writer);
    // The text was gone before the line.
    place.edit(|lines| {
        let erased = format!("{{\"erased\":{seq},");
        let at = lines.iter().position(|line| line.starts_with(&erased));
        lines[at.unwrap()] = entry;
    });
    let report = place.verify();
    assert_eq!(report.exit_code(), 0, "{report}");
    let erased = Remark::NotErased {
        first: seq,
        last: seq,
    };
    assert_eq!(report.remarks, [erased], "{report}");
}
