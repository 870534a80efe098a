//! Writing and reading back.

use std::os::unix::fs::MetadataExt;

use daypass_journal::Error;
use daypass_journal::reader::Line;
use daypass_journal::writer::{Options, Writer};
use serde_json::{Value, json};

use crate::place::{Place, SEGMENT_BYTES};

#[test]
fn what_was_appended_is_read_back_in_order() {
    let place = Place::new();
    let (writer, recovery) = place.open();
    assert_eq!(recovery.sealed, 0);
    for number in 0..3 {
        let receipt = writer.append(&json!({"action": "test", "n": number}));
        assert_eq!(receipt.unwrap().seq, 2 + number);
    }
    writer.close().unwrap();
    assert_eq!(
        place.actions(),
        [
            "journal.open",
            "journal.epoch.next",
            "test",
            "test",
            "test",
            "journal.close"
        ]
    );
    for (seq, entry) in place.entries().iter().enumerate() {
        assert_eq!(entry["seq"], seq);
    }
}

#[test]
fn every_commit_has_one_seal() {
    let place = Place::new();
    let (writer, _) = place.open();
    writer.append(&json!({"action": "test"})).unwrap();
    let lines = place.lines();
    let is_seal = |line: &Line| matches!(line, Line::Seal(_));
    let kinds: Vec<_> = lines.iter().map(is_seal).collect();
    assert_eq!(kinds, [false, false, true, false, true]);
}

#[test]
fn each_start_begins_an_epoch_that_commits_to_the_one_before() {
    let place = Place::new();
    let (writer, _) = place.open();
    writer.append(&json!({"action": "test"})).unwrap();
    writer.close().unwrap();
    let (writer, recovery) = place.open();
    assert!(recovery.clean);
    assert_eq!(recovery.sealed, 4);
    writer.close().unwrap();
    let opening = &place.entries()[4];
    assert_eq!(opening["action"], "journal.epoch");
    assert_eq!(opening["detail"]["epoch"], 1);
    assert_eq!(opening["detail"]["reason"], "start");
    assert_eq!(opening["detail"]["previous"]["size"], 4);
}

#[test]
fn a_second_writer_is_refused_and_told_why() {
    let place = Place::new();
    let (_writer, _) = place.open();
    let second = Writer::open(&place.journal(), &place.keys(), Options::default());
    assert!(matches!(second, Err(Error::InUse { .. })));
}

#[test]
fn an_entry_can_end_its_epoch() {
    let place = Place::new();
    let (writer, _) = place.open();
    for _ in 0..3 {
        writer
            .append_ending_epoch(&json!({"action": "sudo.request"}))
            .unwrap();
        writer.append(&json!({"action": "sudo.start"})).unwrap();
    }
    writer.close().unwrap();
    let round = [
        "sudo.request",
        "journal.epoch",
        "journal.epoch.next",
        "sudo.start",
    ];
    let mut expected = vec!["journal.open", "journal.epoch.next"];
    expected.extend(round.iter().cycle().take(12));
    expected.push("journal.close");
    // The keeper may open an epoch before the next entry does; the order is the same.
    assert_eq!(place.actions(), expected);
}

#[test]
fn an_epoch_ends_after_so_many_entries() {
    let place = Place::new();
    let (writer, _) = place.open_with(Options {
        epoch_entries: 2,
        ..Options::default()
    });
    for _ in 0..4 {
        writer.append(&json!({"action": "test"})).unwrap();
    }
    writer.close().unwrap();
    let openings = place.entries();
    let reasons: Vec<_> = openings
        .iter()
        .filter(|entry| entry["action"] == "journal.epoch")
        .map(|entry| entry["detail"]["reason"].as_str().unwrap())
        .collect();
    assert_eq!(reasons, ["entries", "entries"]);
}

#[test]
fn a_segment_is_named_after_its_first_entry() {
    let place = Place::new();
    let (writer, _) = place.open_with(Options {
        segment_bytes: 3000,
        ..Options::default()
    });
    for _ in 0..8 {
        writer.append(&json!({"action": "test"})).unwrap();
    }
    writer.close().unwrap();
    let segments = place.segments();
    assert!(segments.len() > 2);
    for path in segments {
        assert!(path.metadata().unwrap().len() <= 3000);
        let text = std::fs::read_to_string(&path).unwrap();
        let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        let name = format!("{:020}.jsonl", first["seq"].as_u64().unwrap());
        assert!(path.ends_with(name));
    }
}

#[test]
fn the_next_segment_is_reserved_ahead() {
    let place = Place::new();
    let (writer, _) = place.open();
    writer.close().unwrap();
    let reserved = place.journal().join("reserve").metadata().unwrap();
    assert_eq!(reserved.len(), 0);
    let segment = place.segments()[0].metadata().unwrap();
    // A file system that cannot reserve does without.
    if segment.blocks() * 512 >= SEGMENT_BYTES {
        assert!(reserved.blocks() * 512 >= SEGMENT_BYTES);
    }
}

#[test]
fn many_callers_share_commits_and_none_is_lost() {
    let place = Place::new();
    let (writer, _) = place.open();
    std::thread::scope(|scope| {
        for caller in 0..8 {
            let writer = writer.clone();
            scope.spawn(move || {
                for n in 0..20 {
                    let event = json!({"action": "test", "caller": caller, "n": n});
                    match n % 7 {
                        0 => writer.append_ending_epoch(&event),
                        _ => writer.append(&event),
                    }
                    .unwrap();
                }
            });
        }
    });
    writer.close().unwrap();
    let mut seen: Vec<_> = place
        .entries()
        .iter()
        .filter(|entry| entry["action"] == "test")
        .map(|entry| {
            (
                entry["caller"].as_u64().unwrap(),
                entry["n"].as_u64().unwrap(),
            )
        })
        .collect();
    let arrived = seen.clone();
    seen.sort_unstable();
    assert_eq!(seen.len(), 160);
    // Each caller's own order is kept.
    for caller in 0..8 {
        let own: Vec<_> = arrived.iter().filter(|(who, _)| *who == caller).collect();
        assert!(own.is_sorted());
    }
    place.open().0.close().unwrap();
}

#[test]
fn a_closed_journal_takes_nothing_more() {
    let place = Place::new();
    let (writer, _) = place.open();
    let other = writer.clone();
    writer.close().unwrap();
    let refused = other.append(&json!({"action": "test"}));
    assert!(matches!(refused, Err(Error::Closed)));
}

#[test]
fn journal_and_keys_of_another_time_are_told_apart() {
    let place = Place::new();
    place.open().0.close().unwrap();
    std::fs::rename(place.journal(), place.path().join("gone")).unwrap();
    let opened = Writer::open(&place.journal(), &place.keys(), Options::default());
    assert!(matches!(opened, Err(Error::EpochKey { wanted: 0, .. })));
}
