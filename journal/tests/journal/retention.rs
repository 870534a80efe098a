//! Old segments go, the disk is freed, and every seal and every old proof still passes.

use std::path::{Path, PathBuf};

use chrono::{TimeDelta, Utc};
use daypass_journal::proof::{Proof, prove_consistency};
use daypass_journal::reader::{Copier, Line};
use daypass_journal::tree::path::is_consistent;
use daypass_journal::verify::Remark;
use daypass_journal::witness::Witness;
use daypass_journal::writer::{Options, Retention, Writer};
use serde_json::json;

use crate::place::{self, Place, tampered};

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
fn what_no_declared_witness_has_cosigned_stays() {
    let place = Place::new();
    let witness = Witness::create(&place.path().join("w"), "example.org/w").unwrap();
    let options = || Options {
        witnesses: vec![witness.vkey().to_string()],
        ..options()
    };
    let (writer, _) = place.open_with(options());
    place.write(&writer, 30);
    assert_eq!(writer.retire(&everything(), "root", "r").unwrap(), None);
    let note = writer.latest_seal().1;
    let cosigned = witness.cosign(&note, 1_700_000_000).unwrap();
    writer.append_witness(&cosigned).unwrap();
    place.write(&writer, 30);
    drop(writer);
    // Known after a start, too.
    let (writer, _) = place.open_with(options());
    let retired = writer.retire(&everything(), "root", "r").unwrap().unwrap();
    assert!(retired.segments < place.segments().len() - 1);
    let trust = daypass_journal::trust::Trust {
        witnesses: vec![witness.vkey()],
        ..place.trust()
    };
    let report = daypass_journal::verify::verify(
        &place.journal(),
        &trust,
        daypass_journal::verify::Options::default(),
    );
    assert_eq!(report.exit_code(), 2, "{report}");
    assert_eq!(report.witnessed.unwrap().time, 1_700_000_000);
}

#[test]
fn a_cosigned_seal_stays_with_its_cosignature() {
    let place = Place::new();
    let witness = Witness::create(&place.path().join("w"), "example.org/w").unwrap();
    let (writer, _) = place.open_with(Options {
        witnesses: vec![witness.vkey().to_string()],
        ..options()
    });
    place.write(&writer, 5);
    let early = writer.latest_seal().1;
    place.write(&writer, 3);
    let early = witness.cosign(&early, 1_700_000_000).unwrap();
    writer.append_witness(&early).unwrap();
    place.write(&writer, 60);
    let late = witness
        .cosign(&writer.latest_seal().1, 1_700_000_060)
        .unwrap();
    writer.append_witness(&late).unwrap();
    writer.retire(&everything(), "root", "r").unwrap().unwrap();
    let first = std::fs::read_to_string(&place.segments()[0]).unwrap();
    assert_eq!(first.matches("{\"witness\":").count(), 1, "{first}");
    let trust = daypass_journal::trust::Trust {
        witnesses: vec![witness.vkey()],
        ..place.trust()
    };
    let report = daypass_journal::verify::verify(
        &place.journal(),
        &trust,
        daypass_journal::verify::Options::default(),
    );
    assert!(report.remarks.is_empty(), "{report}");
}

#[test]
fn an_archive_keeps_the_segments_whole_and_they_verify_when_fetched_back() {
    let place = Place::new();
    let (writer, _) = place.open_with(options());
    let blob = writer.keep_blob(b"a long command").unwrap();
    writer
        .append(&json!({"action": "sudo.request", "command": {"sha256": blob}}))
        .unwrap();
    place.write(&writer, 30);
    let whole = std::fs::read(&place.segments()[0]).unwrap();
    let archive = place.path().join("archive");
    let which = Retention {
        archive: Some(archive.clone()),
        ..everything()
    };
    let error = writer.retire(&which, "root", "r").unwrap_err();
    assert!(error.to_string().contains("make it first"), "{error}");
    std::fs::create_dir(&archive).unwrap();
    // Under the journal's own name: others may have their segments beside it.
    let archive = archive.join(place::ORIGIN.replace('/', "-"));
    std::fs::create_dir_all(archive.join("blobs")).unwrap();
    let name = place.segments()[0].file_name().unwrap().to_owned();
    for taken in [archive.join(&name), archive.join("blobs").join(&blob)] {
        std::fs::write(&taken, b"another").unwrap();
        let error = writer.retire(&which, "root", "r").unwrap_err();
        assert!(error.to_string().contains("holds another"), "{error}");
        assert_eq!(std::fs::read(&place.segments()[0]).unwrap(), whole);
        std::fs::remove_file(taken).unwrap();
    }

    let retired = writer.retire(&which, "root", "r").unwrap().unwrap();
    assert_eq!(std::fs::read(archive.join(&name)).unwrap(), whole);
    let kept = daypass_journal::blob::path(&archive, &blob).unwrap();
    assert_eq!(std::fs::read(kept).unwrap(), b"a long command");
    assert_eq!(daypass_journal::blob::path(&place.journal(), &blob), None);
    drop(writer);
    for file in std::fs::read_dir(&archive).unwrap() {
        let file = file.unwrap();
        if file.path().is_file() {
            std::fs::copy(file.path(), place.journal().join(file.file_name())).unwrap();
        }
    }
    let report = place.verify();
    assert_eq!(report.exit_code(), 0, "{report}");
    assert_eq!(
        (report.retired, report.remarks.len()),
        (0, retired.segments)
    );
    assert!(report.to_string().contains("fetched back"), "{report}");
    assert!(matches!(
        report.remarks[0],
        Remark::NotRetired { first: 0, .. }
    ));
}

#[test]
fn what_only_a_witness_without_entries_has_seen_is_not_retired() {
    let place = Place::new();
    let make = |name: &str| Witness::create(&place.path().join(name), name).unwrap();
    let (holds, outside) = (make("holds"), make("outside"));
    let options = Options {
        witnesses: vec![holds.vkey().to_string(), outside.vkey().to_string()],
        outside: vec![outside.vkey().to_string()],
        ..options()
    };
    let (writer, _) = place.open_with(options.clone());
    place.write(&writer, 40);
    let cosign = |witness: &Witness, writer: &Writer| {
        let note = witness.cosign(&writer.latest_seal().1, 1).unwrap();
        writer.append_witness(&note).unwrap();
    };
    cosign(&outside, &writer);
    assert_eq!(writer.retire(&everything(), "root", "r").unwrap(), None);
    // Nor after a start.
    writer.close().unwrap();
    let (writer, _) = place.open_with(options);
    assert_eq!(writer.retire(&everything(), "root", "r").unwrap(), None);
    cosign(&holds, &writer);
    assert!(writer.retire(&everything(), "root", "r").unwrap().is_some());
    assert_eq!(
        place.verify().exit_code(),
        2,
        "the trust file names no witness"
    );
}

#[test]
fn two_journals_share_an_archive() {
    let archive = tempfile::tempdir().unwrap();
    let which = Retention {
        archive: Some(archive.path().to_owned()),
        ..everything()
    };
    for origin in [
        place::ORIGIN,
        "daypass/0011223344556677/ca/8899aabbccddeeff",
    ] {
        let place = Place::of(origin);
        let (writer, _) = place.open_with(options());
        place.write(&writer, 30);
        let whole = std::fs::read(&place.segments()[0]).unwrap();
        writer.retire(&which, "root", "r").unwrap().unwrap();
        let kept = archive.path().join(origin.replace('/', "-"));
        let name = place.segments()[0].file_name().unwrap().to_owned();
        assert_eq!(std::fs::read(kept.join(name)).unwrap(), whole);
        let declared = place
            .entries()
            .into_iter()
            .find(|entry| entry["action"] == "journal.retired");
        assert_eq!(declared.unwrap()["detail"]["archive"], json!(kept));
    }
}

#[test]
fn a_blob_that_the_next_entry_will_name_stays() {
    let place = Place::new();
    let (writer, _) = place.open_with(options());
    let event = |blob: &str| json!({"action": "sudo.request", "command": {"sha256": blob}});
    let blob = writer.keep_blob(b"twice").unwrap();
    let first = writer.append(&event(&blob)).unwrap().seq;
    place.write(&writer, 30);
    // Somebody is told that the text is there, and everything that names it goes.
    assert_eq!(writer.keep_blob(b"twice").unwrap(), blob);
    writer.erase(&[first], "root", "r").unwrap();
    writer.retire(&everything(), "root", "r").unwrap().unwrap();
    let last = writer.append(&event(&blob)).unwrap().seq;
    assert!(daypass_journal::blob::path(&place.journal(), &blob).is_some());
    writer.erase(&[last], "root", "r").unwrap();
    assert_eq!(daypass_journal::blob::path(&place.journal(), &blob), None);
    // Entries that come together keep their word as well.
    let blob = writer.keep_blob(b"thrice").unwrap();
    let appended = writer.append_all(&[event(&blob)]).remove(0).unwrap();
    writer.erase(&[appended.seq], "root", "r").unwrap();
    assert_eq!(daypass_journal::blob::path(&place.journal(), &blob), None);
}

#[test]
fn a_blob_that_a_kept_entry_names_too_stays() {
    let place = Place::new();
    let (writer, _) = place.open_with(options());
    let blob = writer.keep_blob(b"twice").unwrap();
    let event = json!({"action": "sudo.request", "command": {"sha256": blob}});
    writer.append(&event).unwrap();
    place.write(&writer, 30);
    writer.append(&event).unwrap();
    writer.retire(&everything(), "root", "r").unwrap().unwrap();
    assert!(daypass_journal::blob::path(&place.journal(), &blob).is_some());
    // Nor does it go with one of two entries that are erased.
    let again = writer.append(&event).unwrap().seq;
    writer.erase(&[again], "root", "r").unwrap();
    assert!(daypass_journal::blob::path(&place.journal(), &blob).is_some());
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
fn where_witnesses_were_ever_declared_nothing_goes_that_none_has_seen() {
    let place = Place::new();
    let witness = Witness::create(&place.path().join("w"), "example.org/w").unwrap();
    let (writer, _) = place.open_with(options());
    writer
        .declare_witnesses(&[witness.vkey().to_string()])
        .unwrap();
    place.write(&writer, 40);
    assert_eq!(writer.retire(&everything(), "root", "r").unwrap(), None);
    drop(writer);
    // Started without naming them.
    let (writer, _) = place.open_with(options());
    assert_eq!(writer.retire(&everything(), "root", "r").unwrap(), None);
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
