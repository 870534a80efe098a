//! Manipulations of files on disk, each with the exit code, the entry and the cause that `verify`
//! must give.

use daypass_journal::identity::Identity;
use daypass_journal::trust::Trust;
use daypass_journal::verify::{Options as VerifyOptions, verify};
use daypass_journal::witness::Witness;
use daypass_journal::writer::Options;
use serde_json::json;

use crate::place::{ORIGIN, Place, line_of, tampered};

#[test]
fn an_untouched_journal_is_proven() {
    let place = Place::written(5);
    let report = place.verify();
    assert_eq!(report.exit_code(), 0, "{report}");
    assert_eq!(report.proven, 7);
    let (writer, _) = place.open();
    place.write(&writer, 3);
    writer.close().unwrap();
    let report = place.verify();
    assert_eq!(report.exit_code(), 0, "{report}");
    assert!(report.closed);
    assert_eq!((report.proven, report.epochs), (13, 2));
}

#[test]
fn a_changed_word_is_found_at_its_entry() {
    let place = Place::written(5);
    place.edit(|lines| {
        let at = line_of(lines, 4);
        lines[at] = lines[at].replace("/bin/true", "/bin/tree");
    });
    let (seq, cause) = tampered(&place.verify());
    assert_eq!(
        (seq, cause.as_str()),
        (4, "what stands there is not what was sealed")
    );
}

#[test]
fn no_flipped_bit_goes_unnoticed() {
    let place = Place::written(4);
    let segment = &place.segments()[0];
    let bytes = std::fs::read(segment).unwrap();
    for place_in_file in (0..bytes.len()).step_by(61).chain([bytes.len() - 1]) {
        let mut changed = bytes.clone();
        changed[place_in_file] ^= 1 << (place_in_file % 7);
        std::fs::write(segment, &changed).unwrap();
        let (seq, _) = tampered(&place.verify());
        let text = &bytes[..=place_in_file];
        let newlines = text.iter().filter(|byte| **byte == b'\n').count();
        // Two entries and a seal first, then an entry and a seal each; a newline is its line's.
        let line = newlines - usize::from(bytes[place_in_file] == b'\n');
        // A line that can no longer be told to be a seal counts as the entry that would come.
        let range = match line as u64 {
            0..=1 => 0..=1,
            2 => 0..=2,
            line => line.div_ceil(2)..=line / 2 + 1,
        };
        assert!(
            range.contains(&seq),
            "byte {place_in_file}, line {line}: {seq}"
        );
    }
}

#[test]
fn two_entries_that_changed_places_are_found() {
    let place = Place::written(5);
    place.edit(|lines| {
        let (one, other) = (line_of(lines, 3), line_of(lines, 5));
        lines.swap(one, other);
    });
    let (seq, cause) = tampered(&place.verify());
    assert_eq!(seq, 3);
    assert!(cause.contains("number 5 stands where 3 belongs"), "{cause}");
}

#[test]
fn an_entry_removed_in_the_middle_is_found() {
    let place = Place::written(5);
    place.edit(|lines| {
        lines.remove(line_of(lines, 4));
    });
    let (seq, cause) = tampered(&place.verify());
    assert_eq!(seq, 4);
    assert!(
        cause.contains("for 5 entries stands where there are 4"),
        "{cause}"
    );
    // With its seal it is no better.
    let place = Place::written(5);
    place.edit(|lines| {
        let at = line_of(lines, 4);
        lines.drain(at..=at + 1);
    });
    let (seq, cause) = tampered(&place.verify());
    assert_eq!(seq, 4);
    assert!(cause.contains("number 5 stands where 4 belongs"), "{cause}");
}

#[test]
fn a_segment_removed_in_the_middle_is_found() {
    let place = Place::new();
    let (writer, _) = place.open_with(Options {
        segment_bytes: 1500,
        ..Options::default()
    });
    place.write(&writer, 8);
    let segments = place.segments();
    assert!(segments.len() > 3);
    std::fs::remove_file(&segments[1]).unwrap();
    let name = segments[1].file_stem().unwrap().to_str().unwrap();
    let (seq, cause) = tampered(&place.verify());
    assert_eq!(seq, name.parse::<u64>().unwrap());
    assert!(cause.contains("a segment is missing"), "{cause}");
}

#[test]
fn a_cut_tail_is_found_against_a_kept_checkpoint() {
    let place = Place::written(5);
    let latest = place.seals().pop().unwrap();
    assert_eq!(place.verify_against(&latest).exit_code(), 0);
    place.edit(|lines| lines.truncate(line_of(lines, 5)));
    // Alone it looks like a journal that is just so long.
    assert_eq!(place.verify().exit_code(), 0);
    let (seq, cause) = tampered(&place.verify_against(&latest));
    assert_eq!(seq, 5);
    assert!(cause.contains("knows of 7 entries"), "{cause}");
}

#[test]
fn a_cut_tail_shows_by_its_missing_witness() {
    let place = Place::new();
    let witness = Witness::create(&place.path().join("w"), "example.org/w").unwrap();
    let (writer, _) = place.open_with(Options {
        witnesses: vec![witness.vkey().to_string()],
        ..Options::default()
    });
    place.write(&writer, 4);
    let cosigned = witness.cosign(&writer.latest_seal().1, 1_700_000_000);
    writer.append_witness(&cosigned.unwrap()).unwrap();
    drop(writer);
    let trust = Trust {
        witnesses: vec![witness.vkey()],
        ..place.trust()
    };
    let verified = || verify(&place.journal(), &trust, VerifyOptions::default());
    assert_eq!(verified().exit_code(), 0);
    // Cut behind a whole seal; with the cosignature kept, it tells on the cutter.
    let whole = place.text();
    let cosignature = whole.lines().last().unwrap().to_owned();
    place.edit(|lines| lines.truncate(line_of(lines, 4)));
    let report = verified();
    assert_eq!(report.exit_code(), 2, "{report}");
    assert!(
        report.to_string().contains("no trusted witness"),
        "{report}"
    );
    place.edit(|lines| lines.push(cosignature));
    let (seq, cause) = tampered(&verified());
    assert_eq!(seq, 4);
    assert!(cause.contains("knows of 6 entries"), "{cause}");
}

#[test]
fn the_closing_seal_takes_its_cosignature_and_nothing_else_comes_after_it() {
    let place = Place::new();
    let witness = Witness::create(&place.path().join("w"), "example.org/w").unwrap();
    let (writer, _) = place.open_with(Options {
        witnesses: vec![witness.vkey().to_string()],
        ..Options::default()
    });
    place.write(&writer, 2);
    writer.clone().close().unwrap();
    let cosigned = witness.cosign(&writer.latest_seal().1, 1_700_000_000);
    writer.append_witness(&cosigned.unwrap()).unwrap();
    assert!(writer.append(&json!({"action": "test"})).is_err());
    drop(writer);
    let trust = Trust {
        witnesses: vec![witness.vkey()],
        ..place.trust()
    };
    let report = verify(&place.journal(), &trust, VerifyOptions::default());
    assert_eq!(report.exit_code(), 0, "{report}");
    assert!(place.open().1.clean);
}

#[test]
fn yesterdays_directory_and_keys_are_found_against_a_kept_checkpoint() {
    let place = Place::written(3);
    let (kept, keys) = (place.path().join("kept"), place.path().join("kept-keys"));
    Place::restore(&place.journal(), &kept);
    Place::restore(&place.keys(), &keys);
    let (writer, _) = place.open();
    place.write(&writer, 3);
    drop(writer);
    let latest = place.seals().pop().unwrap();
    Place::restore(&kept, &place.journal());
    Place::restore(&keys, &place.keys());
    let (_, cause) = tampered(&place.verify_against(&latest));
    assert!(cause.contains("an old copy was put back"), "{cause}");
    // Written on, it is another journal than the one that was kept.
    let (writer, _) = place.open();
    place.write(&writer, 6);
    drop(writer);
    assert_eq!(place.verify().exit_code(), 0);
    let (_, cause) = tampered(&place.verify_against(&latest));
    assert!(cause.contains("rewritten or forked"), "{cause}");
}

#[test]
fn yesterdays_journal_under_todays_keys_does_not_start() {
    let place = Place::written(3);
    let kept = place.path().join("kept");
    Place::restore(&place.journal(), &kept);
    drop(place.open());
    drop(place.open());
    Place::restore(&kept, &place.journal());
    let opened =
        daypass_journal::writer::Writer::open(&place.journal(), &place.keys(), Options::default());
    let error = opened.err().unwrap();
    assert!(
        error.to_string().contains("not of the same time"),
        "{error}"
    );
}

#[test]
fn another_hosts_journal_is_told_by_its_origin() {
    let place = Place::written(3);
    let other = Place::of("daypass/0011223344556677/host/db2/0123456789abcdef");
    let (writer, _) = other.open();
    other.write(&writer, 3);
    Place::restore(&other.journal(), &place.journal());
    let (seq, cause) = tampered(&place.verify());
    assert_eq!(seq, 0);
    assert!(cause.contains("origin") && cause.contains("db2"), "{cause}");
}

#[test]
fn another_hosts_segment_is_told_by_its_seals() {
    let options = || Options {
        segment_bytes: 1,
        ..Options::default()
    };
    let place = Place::new();
    place.write(&place.open_with(options()).0, 4);
    let other = Place::of("daypass/0011223344556677/host/db2/0123456789abcdef");
    other.write(&other.open_with(options()).0, 4);
    std::fs::copy(&other.segments()[2], &place.segments()[2]).unwrap();
    let (seq, cause) = tampered(&place.verify());
    assert_eq!(seq, 3);
    assert!(
        cause.contains("a seal of daypass/0011223344556677/host/db2"),
        "{cause}"
    );
}

#[test]
fn a_journal_stripped_of_its_seals_is_no_crash() {
    let place = Place::written(3);
    place.edit(|lines| lines.retain(|line| !line.starts_with("{\"seal\"")));
    let (seq, cause) = tampered(&place.verify());
    assert_eq!(seq, 0);
    assert!(cause.contains("without a seal"), "{cause}");
}

#[test]
fn one_seal_stripped_is_found_too() {
    let place = Place::written(3);
    place.edit(|lines| {
        lines.remove(line_of(lines, 3) + 1);
    });
    let (seq, _) = tampered(&place.verify());
    assert_eq!(seq, 3);
}

#[test]
fn whoever_steals_the_keys_on_disk_cannot_begin_anew() {
    let place = Place::written(3);
    let trust = place.trust();
    // A new journal of the same name, sealed by the stolen log key but with an epoch of their own.
    let thief = Place::new();
    for file in ["log.key", "first-log.vkey"] {
        std::fs::copy(place.keys().join(file), thief.keys().join(file)).unwrap();
    }
    thief.write(&thief.open().0, 3);
    let report = verify(&thief.journal(), &trust, VerifyOptions::default());
    let (seq, cause) = tampered(&report);
    assert_eq!(seq, 0);
    assert!(cause.contains("epoch_key"), "{cause}");
    assert_eq!(Identity::open(&thief.keys()).unwrap().origin(), ORIGIN);
}

#[test]
fn bytes_of_every_kind_are_kept_exactly_and_break_no_line() {
    let place = Place::new();
    let (writer, _) = place.open();
    let nasty = "\n{\"seq\":3}\n\u{1b}[2J\u{0}\u{7f}\u{9b}\u{202e}\"\\";
    writer
        .append(&json!({"action": "sudo.request", "command": {"line": nasty}}))
        .unwrap();
    let entries = place.entries();
    assert_eq!(entries[2]["command"]["line"], nasty);
    let text = place.text();
    let is_raw_control = |char: char| (char.is_control() || char == '\u{202e}') && char != '\n';
    assert_eq!(text.chars().find(|char| is_raw_control(*char)), None);
    assert_eq!(place.verify().exit_code(), 0);
}

#[test]
fn two_megabytes_of_command_line_are_kept_exactly_in_a_blob() {
    let place = Place::new();
    let (writer, _) = place.open();
    let line = vec![0xff; 2_000_000];
    let refused = writer.append(&json!({"action": "test", "line": "x".repeat(70_000)}));
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("keep long text as a blob")
    );
    let sha256 = writer.keep_blob(&line).unwrap();
    assert_eq!(writer.keep_blob(&line).unwrap(), sha256);
    let event = json!({"action": "test", "command": {"length": line.len(), "sha256": sha256}});
    writer.append(&event).unwrap();
    let path = daypass_journal::blob::path(&place.journal(), &sha256).unwrap();
    assert_eq!(std::fs::read(path).unwrap(), line);
    assert_eq!(
        daypass_journal::blob::path(&place.journal(), "../log.key"),
        None
    );
    assert_eq!(place.verify().exit_code(), 0);
}
