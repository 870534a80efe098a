//! A person's data can be erased, and every proof still passes.

use daypass_journal::proof::Proof;
use daypass_journal::reader::Line;
use daypass_journal::writer::Options;
use serde_json::json;

use crate::place::{Place, tampered};

#[test]
fn a_persons_entries_are_erased_and_everything_still_verifies() {
    let place = Place::new();
    let (writer, _) = place.open_with(Options {
        segment_bytes: 3_000,
        ..Options::default()
    });
    place.write(&writer, 3);
    let sha256 = writer.keep_blob(b"long ago, mallory").unwrap();
    let event = json!({"action": "sudo.request", "identity": {"person": "mallory"}, "command": {"sha256": sha256}});
    let erased = writer.append(&event).unwrap().seq;
    place.write(&writer, 3);
    let proof = Proof::make(&place.journal(), erased - 1).unwrap();
    let checkpoint = writer.latest_seal().1;
    let last = writer.append(&event).unwrap().seq;
    let receipt = writer
        .erase(
            &[erased, last],
            "dpo@example.org",
            "request 17 of the person",
        )
        .unwrap();

    let entries = place.entries();
    let declaration = entries
        .iter()
        .find(|entry| entry["seq"] == receipt.seq)
        .unwrap();
    assert_eq!(declaration["detail"]["by"], "dpo@example.org");
    assert_eq!(
        declaration["detail"]["entries"],
        json!([[erased, erased], [last, last]])
    );
    for path in place.segments() {
        assert!(!std::fs::read_to_string(path).unwrap().contains("mallory"));
    }
    assert_eq!(daypass_journal::blob::path(&place.journal(), &sha256), None);
    // The writer goes on in the file that took the old one's place.
    place.write(&writer, 1);
    let report = place.verify();
    assert_eq!(report.exit_code(), 0, "{report}");
    assert!(report.remarks.is_empty(), "{report}");
    assert_eq!(place.verify_against(&checkpoint).exit_code(), 0);
    // What was proven stays proven, and its neighbours can still be.
    let log = &place.trust().logs[0];
    let before = place.lines().into_iter().find_map(|line| match line {
        Line::Entry { seq, bytes } if seq == erased - 1 => Some(bytes),
        _ => None,
    });
    let before = before.unwrap();
    proof.check(&before, log, &[]).unwrap();
    let again = Proof::make(&place.journal(), erased - 1).unwrap();
    again.check(&before, log, &[]).unwrap();
    let is_erased = |line: &Line| matches!(line, Line::Erased { seq, .. } if *seq == erased);
    assert!(place.lines().iter().any(is_erased));
    writer.close().unwrap();
    place.open().0.close().unwrap();
    assert_eq!(place.verify().exit_code(), 0);
}

#[test]
fn what_is_erased_without_saying_so_is_tampering() {
    let place = Place::written(4);
    let (writer, _) = place.open();
    writer.erase(&[3], "b", "r").unwrap();
    drop(writer);
    assert_eq!(place.verify().exit_code(), 0);
    // The same line where nobody declared it.
    let erased = place
        .text()
        .lines()
        .find(|line| line.starts_with("{\"erased\""))
        .unwrap()
        .to_owned();
    let other = Place::written(4);
    other.edit(|lines| {
        let at = crate::place::line_of(lines, 3);
        lines[at] = erased;
    });
    assert_eq!(tampered(&other.verify()).0, 3);
    // With the right hash the seals pass, and yet nobody may have erased it.
    let text = place.text();
    let declaration = text
        .lines()
        .position(|line| line.contains("journal.erased"))
        .unwrap();
    place.edit(|lines| lines.truncate(declaration));
    let (seq, cause) = tampered(&place.verify());
    assert_eq!(seq, 3);
    assert!(cause.contains("no sealed entry says by whom"), "{cause}");
}

#[test]
fn what_the_chain_hangs_on_cannot_be_erased() {
    let place = Place::written(2);
    let (writer, _) = place.open();
    for (seq, reason) in [
        (0, "journal's own"),
        (1, "journal's own"),
        (99, "no such entry"),
    ] {
        let error = writer.erase(&[2, seq], "b", "r").unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
    writer.erase(&[2], "b", "r").unwrap();
    assert!(writer.erase(&[2], "b", "r").is_err());
}

#[test]
fn an_erasure_that_a_crash_interrupted_is_taken_up_at_the_next_start() {
    let place = Place::written(3);
    let (writer, _) = place.open();
    let kept = std::fs::read_to_string(&place.segments()[0]).unwrap();
    let entry = kept
        .lines()
        .find(|line| line.starts_with("{\"seq\":3,"))
        .unwrap()
        .to_owned();
    writer.erase(&[3], "b", "r").unwrap();
    drop(writer);
    place.edit(|lines| {
        let at = lines
            .iter()
            .position(|line| line.starts_with("{\"erased\""))
            .unwrap();
        lines[at] = entry;
    });
    let report = place.verify();
    assert_eq!(report.exit_code(), 0, "{report}");
    assert!(
        report.to_string().contains("declared erased but not all"),
        "{report}"
    );
    place.open().0.close().unwrap();
    let report = place.verify();
    assert!(report.remarks.is_empty(), "{report}");
    assert_eq!(report.exit_code(), 0);
}

/// The kept checkpoint ends at an entry that is erased in the journal as it is shown: of it, a hash is left, which is
/// a leaf like any other.
#[test]
fn another_past_is_found_where_the_kept_checkpoint_ends_at_an_erased_entry() {
    let (place, other) = (Place::new(), Place::new());
    Place::restore(&place.keys(), &other.keys());
    place.write(&place.open().0, 3);
    let kept = place.seals().pop().unwrap();
    let size: u64 = kept.lines().nth(1).unwrap().parse().unwrap();
    let (writer, _) = other.open();
    other.write(&writer, 9);
    writer.erase(&[size - 1], "b", "r").unwrap();
    drop(writer);
    assert_eq!(other.verify().exit_code(), 0);
    let (_, cause) = tampered(&other.verify_against(&kept));
    assert!(cause.contains("another journal"), "{cause}");
}
