//! Old segments go, the disk is freed, and every seal and every old proof still passes.

mod archives;
mod blobs;
mod witnesses;

use std::path::{Path, PathBuf};

use chrono::{TimeDelta, Utc};
use daypass_journal::proof::{Proof, prove_consistency};
use daypass_journal::reader::{Copier, Line};
use daypass_journal::tree::path::is_consistent;
use daypass_journal::writer::{Options, Retention, Writer};
use serde_json::json;

use crate::place::{Place, tampered};

fn options() -> Options {
    Options {
        segment_bytes: 12_000,
        ..Options::default()
    }
}

/// Everything but what still grows.
fn everything() -> Retention {
    Retention {
        before: Some(Utc::now() + TimeDelta::days(1)),
        ..Retention::default()
    }
}

/// A journal of several segments: plain entries, epochs that end, a clean stop, a crash.
fn long(place: &Place) -> Writer {
    let (writer, _) = place.open_with(options());
    for number in 0..40 {
        let event =
            json!({"action": "sudo.request", "command": {"line": format!("/bin/true {number}")}});
        match number % 9 {
            0 => writer.append_ending_epoch(&event).unwrap(),
            _ => writer.append(&event).unwrap(),
        };
    }
    writer.close().unwrap();
    let (writer, _) = place.open_with(options());
    place.write(&writer, 20);
    drop(writer);
    let last = place.segments().pop().unwrap();
    let mut bytes = std::fs::read(&last).unwrap();
    bytes.extend_from_slice(b"{\"seq\":8");
    std::fs::write(&last, bytes).unwrap();
    let (writer, recovery) = place.open_with(options());
    assert_eq!(recovery.interruptions.len(), 1);
    place.write(&writer, 40);
    writer
}

fn bytes_on_disk(place: &Place) -> u64 {
    let length = |path: PathBuf| path.metadata().unwrap().len();
    place.segments().into_iter().map(length).sum()
}

fn entry(place: &Place, wanted: u64) -> Option<Vec<u8>> {
    place.lines().into_iter().find_map(|line| match line {
        Line::Entry { seq, bytes } if seq == wanted => Some(bytes),
        _ => None,
    })
}

#[test]
fn retired_segments_free_the_disk_and_every_proof_still_passes() {
    let place = Place::new();
    let writer = long(&place);
    let trust = place.trust();
    let log = &trust.logs[0];
    let ordinary = |entry: &serde_json::Value| {
        let is_sudo = entry["action"].as_str().unwrap().starts_with("sudo");
        is_sudo.then(|| entry["seq"].as_u64().unwrap())
    };
    let ordinary: Vec<_> = place.entries().iter().filter_map(ordinary).collect();
    let old: Vec<_> = [0, 15, 42, 59]
        .into_iter()
        .map(|place| ordinary[place])
        .map(|seq| {
            let proof = Proof::make(&place.journal(), seq).unwrap();
            (seq, entry(&place, seq).unwrap(), proof)
        })
        .collect();
    let checkpoint = place.seals()[30].clone();
    let before = bytes_on_disk(&place);
    let segments = place.segments().len();

    let retired = writer
        .retire(&everything(), "root", "older than a year")
        .unwrap()
        .unwrap();
    assert_eq!(retired.segments, segments - 1);
    assert!(before - bytes_on_disk(&place) > before / 3);
    let report = place.verify();
    assert_eq!(report.exit_code(), 0, "{report}");
    assert!(report.remarks.is_empty(), "{report}");
    assert!(report.retired > 80, "{report}");
    let declaration: serde_json::Value =
        serde_json::from_slice(&entry(&place, retired.seq).unwrap()).unwrap();
    assert_eq!(declaration["detail"]["by"], "root");
    assert_eq!(
        declaration["detail"]["segments"].as_array().unwrap().len(),
        retired.segments
    );

    for (seq, leaf, proof) in &old {
        assert_eq!(entry(&place, *seq), None);
        proof.check(leaf, log, &[]).unwrap();
        // Whoever kept the entry can have a new proof of it.
        let again = Proof::make(&place.journal(), *seq).unwrap();
        assert_ne!(again.checkpoint, proof.checkpoint);
        again.check(leaf, log, &[]).unwrap();
    }
    assert_eq!(place.verify_against(&checkpoint).exit_code(), 0);
    assert_eq!(writer.retire(&everything(), "root", "again").unwrap(), None);
    // The writer goes on, starts again, and retires what came since.
    place.write(&writer, 40);
    writer.close().unwrap();
    let (writer, recovery) = place.open_with(options());
    assert!(recovery.clean);
    writer
        .retire(&everything(), "root", "more")
        .unwrap()
        .unwrap();
    assert_eq!(place.verify().exit_code(), 0);
}

#[test]
fn a_retired_journal_is_consistent_with_its_past() {
    let place = Place::new();
    let writer = long(&place);
    let root = |place: &Place, at: usize| {
        let note = place.seals()[at].clone();
        let mut lines = note.lines().skip(1);
        let size: u64 = lines.next().unwrap().parse().unwrap();
        (size, decoded(lines.next().unwrap()))
    };
    let (old, old_root) = root(&place, 20);
    writer.retire(&everything(), "root", "r").unwrap().unwrap();
    let (new, new_root) = root(&place, place.seals().len() - 1);
    let proof = prove_consistency(&place.journal(), old, new).unwrap();
    assert!(is_consistent(old, &old_root, new, &new_root, &proof));
}

fn decoded(root: &str) -> [u8; 32] {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(root);
    bytes.unwrap().try_into().unwrap()
}

/// The number of a segment's first entry, which is its name.
fn first_of(segment: &Path) -> u64 {
    let name = segment.file_name().unwrap().to_str().unwrap();
    name.split_once('.').unwrap().0.parse().unwrap()
}

#[test]
fn age_and_size_choose_the_oldest_segments() {
    let place = Place::new();
    let writer = long(&place);
    let young = Retention {
        before: Some(Utc::now() - TimeDelta::days(1)),
        ..Retention::default()
    };
    assert_eq!(writer.retire(&young, "root", "r").unwrap(), None);
    assert_eq!(
        writer.retire(&Retention::default(), "root", "r").unwrap(),
        None
    );
    // What somebody still needs stays, however old and large it is.
    let needed = Retention {
        keep_from: Some(0),
        beyond_bytes: Some(0),
        ..everything()
    };
    assert_eq!(writer.retire(&needed, "root", "r").unwrap(), None);
    let before = place.segments().len();
    let large = Retention {
        beyond_bytes: Some(bytes_on_disk(&place) - 1),
        ..Retention::default()
    };
    let retired = writer.retire(&large, "root", "r").unwrap().unwrap();
    assert_eq!(retired.segments, 1);
    assert!(before > 3);
    let from_third = Retention {
        keep_from: Some(first_of(&place.segments()[2])),
        ..everything()
    };
    let retired = writer.retire(&from_third, "root", "r").unwrap().unwrap();
    assert_eq!(retired.segments, 1);
    let first = std::fs::read_to_string(&place.segments()[0]).unwrap();
    assert!(first.contains("{\"retired\":"), "{first}");
    assert_eq!(place.verify().exit_code(), 0);
}

#[test]
fn what_is_retired_without_saying_so_or_changed_is_tampering() {
    let place = Place::new();
    let writer = long(&place);
    let whole: Vec<_> = place
        .segments()
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    writer.retire(&everything(), "root", "r").unwrap().unwrap();
    drop(writer);
    let retired = place.segments();
    let texts: Vec<_> = retired
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    let first = |text: &str| {
        let line = text.lines().find(|line| line.starts_with("{\"retired\":"));
        let rest = line.unwrap().strip_prefix("{\"retired\":").unwrap();
        rest.split(',').next().unwrap().parse::<u64>().unwrap()
    };
    // A hash changed.
    let second = &texts[1];
    let at = second.find("\"leaves\":\"").unwrap() + 12;
    let letter = if &second[at..=at] == "A" { "B" } else { "A" };
    let mut changed = second.clone();
    changed.replace_range(at..=at, letter);
    std::fs::write(&retired[1], &changed).unwrap();
    let (seq, cause) = tampered(&place.verify());
    assert!(seq <= first(second), "{seq}");
    assert_eq!(cause, "what stands there is not what was sealed");
    std::fs::write(&retired[1], second).unwrap();
    // A run removed.
    let without: String = second
        .split_inclusive('\n')
        .filter(|line| !line.starts_with("{\"retired\":"))
        .collect();
    std::fs::write(&retired[1], without).unwrap();
    let (seq, _) = tampered(&place.verify());
    assert_eq!(seq, first(second));
    std::fs::write(&retired[1], second).unwrap();
    // The declaration cut off with the tail: a segment is retired that nobody says so of.
    let last = retired.len() - 1;
    let declaration = texts[last].find("\"action\":\"journal.retired\"").unwrap();
    let cut = texts[last][..declaration].rfind('\n').unwrap() + 1;
    std::fs::write(&retired[last], &texts[last][..cut]).unwrap();
    let (seq, cause) = tampered(&place.verify());
    assert_eq!(seq, first(&texts[0]));
    assert!(cause.contains("no sealed entry says"), "{cause}");
    // Whole segments beside a retired one that was torn keep the chain, too.
    std::fs::write(&retired[last], &texts[last]).unwrap();
    for (path, whole) in retired.iter().zip(&whole).take(last) {
        let text = std::fs::read(path).unwrap();
        std::fs::write(path, whole).unwrap();
        assert_eq!(place.verify().exit_code(), 0, "{}", path.display());
        std::fs::write(path, text).unwrap();
    }
}

#[test]
fn a_retirement_that_a_crash_interrupted_is_taken_up_at_the_next_start() {
    let place = Place::new();
    let writer = long(&place);
    let whole = std::fs::read(&place.segments()[1]).unwrap();
    writer.retire(&everything(), "root", "r").unwrap().unwrap();
    drop(writer);
    let second = place.segments()[1].clone();
    let retired = std::fs::read(&second).unwrap();
    std::fs::write(&second, &whole).unwrap();
    let report = place.verify();
    assert_eq!(
        (report.exit_code(), report.remarks.len()),
        (0, 1),
        "{report}"
    );
    place.open_with(options()).0.close().unwrap();
    assert_eq!(std::fs::read(&second).unwrap(), retired);
    assert!(place.verify().remarks.is_empty());
}

#[test]
fn erased_entries_can_be_retired() {
    let place = Place::new();
    let (writer, _) = place.open_with(options());
    place.write(&writer, 40);
    writer.erase(&[4, 5, 9], "dpo", "asked").unwrap();
    place.write(&writer, 40);
    writer.retire(&everything(), "root", "r").unwrap().unwrap();
    let error = writer.erase(&[4], "dpo", "again").unwrap_err();
    assert!(error.to_string().contains("no such entry"), "{error}");
    let report = place.verify();
    assert_eq!(report.exit_code(), 0, "{report}");
    assert!(report.remarks.is_empty(), "{report}");
}

#[test]
fn whoever_forwards_finds_the_place_behind_what_is_retired() {
    let place = Place::new();
    let writer = long(&place);
    writer.retire(&everything(), "root", "r").unwrap().unwrap();
    let last = place.segments().pop().unwrap();
    let name = last.file_stem().unwrap().to_str().unwrap();
    let first: u64 = name.parse().unwrap();
    let (mut copier, note) = Copier::open(&place.journal(), first).unwrap();
    assert_eq!(note.unwrap().lines().nth(1), Some(&*first.to_string()));
    assert!(copier.advance().unwrap());
    let start = format!("{{\"seq\":{first},");
    assert!(copier.line().starts_with(start.as_bytes()));
}

#[test]
fn what_is_left_of_a_stored_copy_is_what_the_writer_leaves() {
    let place = Place::new();
    let (writer, _) = place.open_with(options());
    place.write(&writer, 60);
    let first = place.segments().remove(0);
    let whole = std::fs::read(&first).unwrap();
    let erased = daypass_journal::remains::erase(&whole, &[(3, 4), (900, 901)]);
    assert_eq!(erased.len(), whole.len(), "in as many bytes");
    writer.erase(&[3, 4], "root", "asked").unwrap();
    assert_eq!(std::fs::read(&first).unwrap(), erased);
    let retired = daypass_journal::remains::retire(&erased).unwrap();
    assert_eq!(daypass_journal::remains::retire(&retired), None, "once");
    writer
        .retire(&everything(), "root", "old")
        .unwrap()
        .unwrap();
    assert_eq!(std::fs::read(&first).unwrap(), retired);

    // The leaves are those of the lines.
    let leaves = |lines: &[u8]| {
        let entries = daypass_journal::remains::entries(lines);
        let leaves = entries.iter().map(|entry| (entry.seq(), entry.leaf()));
        leaves.collect::<Vec<_>>()
    };
    assert_eq!(leaves(&whole), leaves(&erased));
    assert_eq!(leaves(&whole), leaves(&retired));
    let declared: Vec<_> = place
        .lines()
        .iter()
        .filter_map(|line| match line {
            Line::Entry { bytes, .. } => daypass_journal::remains::declared(bytes),
            _ => None,
        })
        .collect();
    assert_eq!(declared[0].entries, [(3, 4)]);
    assert_eq!((&*declared[0].by, &*declared[0].reason), ("root", "asked"));
    writer.close().unwrap();
}
