//! Copying lines while they are written, as whoever forwards them does.

use std::time::Duration;

use daypass_journal::follow::{Followed, Follower, SignedCheckpoint};
use daypass_journal::horizon::Horizon;
use daypass_journal::identity::Identity;
use daypass_journal::reader::{Copier, Line};
use daypass_journal::witness::Witness;
use daypass_journal::writer::Options;
use serde_json::json;

use crate::place::{Place, small_segments};

fn rest(copier: &mut Copier) -> Vec<Vec<u8>> {
    let mut lines = Vec::new();
    while copier.advance().unwrap() {
        lines.push(copier.line().to_vec());
    }
    lines
}

fn all(place: &Place) -> Vec<Vec<u8>> {
    rest(&mut Copier::open(&place.journal(), 0).unwrap().0)
}

/// Feeds the lines to one who checks them; how many entries they prove.
fn proven(place: &Place, lines: &[Vec<u8>]) -> u64 {
    let identity = Identity::open(&place.keys()).unwrap();
    let mut follower = Follower::new(&identity.log_vkey(), &identity.epoch_vkey()).unwrap();
    let mut proven = 0;
    for line in lines {
        if follower.line(line).unwrap() == Followed::Seal {
            proven = follower.size();
        }
    }
    proven
}

#[test]
fn a_copy_is_the_files_byte_for_byte_across_segments() {
    let place = Place::new();
    let (writer, _) = place.open_with(small_segments());
    place.write(&writer, 120);
    let mut files = Vec::new();
    assert!(place.segments().len() > 2);
    for segment in place.segments() {
        files.extend(std::fs::read(segment).unwrap());
    }
    let mut copied = all(&place).join(&b'\n');
    copied.push(b'\n');
    assert_eq!(copied, files);
}

#[test]
fn lines_that_come_later_are_seen_later_and_once() {
    let place = Place::new();
    let (writer, _) = place.open_with(small_segments());
    let (mut copier, _) = Copier::open(&place.journal(), 0).unwrap();
    let mut lines = rest(&mut copier);
    for _ in 0..40 {
        place.write(&writer, 1);
        lines.extend(rest(&mut copier));
    }
    assert_eq!(lines, all(&place));
}

#[test]
fn a_copy_goes_on_behind_every_seal_and_says_which_it_was() {
    let place = Place::new();
    let (writer, _) = place.open_with(small_segments());
    place.write(&writer, 30);
    let whole = all(&place);
    for note in place.seals() {
        let seal = SignedCheckpoint::parse(&note).unwrap();
        let (mut copier, found) = Copier::open(&place.journal(), seal.size).unwrap();
        assert_eq!(found.as_deref(), Some(note.as_str()));
        let lines = rest(&mut copier);
        assert_eq!(lines, whole[whole.len() - lines.len()..]);
        let first = lines
            .first()
            .map(|line| String::from_utf8_lossy(line).into_owned());
        let expected = format!("{{\"seq\":{},", seal.size);
        assert!(first.is_none_or(|first| first.starts_with(&expected)));
    }
}

#[test]
fn where_no_seal_stands_the_next_line_is_not_lost() {
    let place = Place::new();
    let (writer, _) = place.open();
    place.write(&writer, 1);
    // Entries 0 and 1 are sealed together.
    let (mut copier, seal) = Copier::open(&place.journal(), 1).unwrap();
    assert_eq!(seal, None);
    assert!(copier.advance().unwrap());
    assert!(copier.line().starts_with(b"{\"seq\":1,"));
    let (mut copier, seal) = Copier::open(&place.journal(), 99).unwrap();
    assert_eq!(seal, None);
    assert!(!copier.advance().unwrap());
}

#[test]
fn what_a_crash_tore_is_left_out_and_the_rest_holds() {
    for torn in [&b"{\"seq\":9,\"ti"[..], &[0; 4096], b"\0\0\n{\"seq\":4}\n"] {
        let place = Place::new();
        let (writer, _) = place.open();
        place.write(&writer, 2);
        drop(writer);
        let segment = place.segments().pop().unwrap();
        let mut bytes = std::fs::read(&segment).unwrap();
        bytes.extend_from_slice(torn);
        std::fs::write(&segment, bytes).unwrap();
        let (writer, _) = place.open();
        place.write(&writer, 2);
        writer.close().unwrap();
        let lines = all(&place);
        assert_eq!(proven(&place, &lines), place.entries().len() as u64);
    }
}

#[test]
fn the_horizon_follows_each_commit_and_a_call_wakes() {
    let horizon = Horizon::default();
    let place = Place::new();
    let (writer, _) = place.open_with(Options {
        horizon: horizon.clone(),
        ..Options::default()
    });
    let seen = horizon.sight();
    assert_eq!(seen.size, 2);
    let long = Duration::from_secs(60);
    let now = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| horizon.wait(seen, long));
        place.write(&writer, 1);
        waiting.join().unwrap()
    });
    assert_eq!(now.size, 3);
    horizon.call();
    assert_eq!(horizon.wait(now, long).size, 3);
}

#[test]
fn many_long_entries_at_once_get_seals_in_between() {
    let place = Place::new();
    let (writer, _) = place.open_with(Options::default());
    let text = "x".repeat(60_000);
    std::thread::scope(|scope| {
        for _ in 0..100 {
            let (writer, text) = (&writer, &text);
            scope.spawn(move || {
                writer
                    .append(&json!({"action": "test", "text": text}))
                    .unwrap()
            });
        }
    });
    let mut unsealed = 0;
    for line in all(&place) {
        unsealed = match line.starts_with(b"{\"seal\":") {
            true => 0,
            false => unsealed + line.len(),
        };
        assert!(unsealed < 2 * 1024 * 1024, "{unsealed}");
    }
    writer.close().unwrap();
    assert_eq!(place.verify().exit_code(), 0);
}

#[test]
fn witnesses_that_are_declared_later_are_expected_from_then_on() {
    let place = Place::new();
    let (writer, _) = place.open();
    let witness = Witness::create(&place.path().join("witness"), "w").unwrap();
    let note = |size| {
        let lines = place.lines().into_iter().rev();
        let mut seals = lines.filter_map(|line| match line {
            Line::Seal(note) => Some(note),
            _ => None,
        });
        witness.cosign(&seals.next().unwrap(), size).unwrap()
    };
    writer.append_witness(&note(1)).unwrap_err();
    let keys = [witness.vkey().to_string()];
    writer.declare_witnesses(&keys).unwrap();
    let declared = place.entries().len();
    writer.declare_witnesses(&keys).unwrap();
    assert_eq!(
        place.entries().len(),
        declared,
        "the same again changes nothing"
    );
    writer.append_witness(&note(2)).unwrap();
    let report = place.verify();
    assert_eq!(report.witnesses_declared, keys);
    // Cosigned, but by nobody whom the trust file names.
    assert_eq!(report.exit_code(), 2);
    writer.close().unwrap();
}
