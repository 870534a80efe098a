//! Real journals, with stops and crashes, as somebody outside sees their lines.

use std::path::PathBuf;

use serde_json::json;

use super::{Followed, Follower, Snapshot, leaf, note_of_seal};
use crate::chain::Cause;
use crate::identity::Identity;
use crate::writer::{Options, Writer};

const ORIGIN: &str = "o/host/db1/0";

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Identity::create(&dir.path().join("keys"), ORIGIN).unwrap();
        Self(dir)
    }

    fn journal(&self) -> PathBuf {
        self.0.path().join("journal")
    }

    fn start(&self) -> Writer {
        let keys = self.0.path().join("keys");
        Writer::open(&self.journal(), &keys, Options::default())
            .unwrap()
            .0
    }

    fn segments(&self) -> Vec<PathBuf> {
        let files = std::fs::read_dir(self.journal()).unwrap();
        let paths = files.map(|file| file.unwrap().path());
        let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some()).collect();
        paths.sort();
        paths
    }

    /// What a crash in the middle of the last write leaves: no seal, and half a line.
    fn crash(&self) {
        let path = self.segments().pop().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let seal = text.rfind("{\"seal\"").unwrap();
        std::fs::write(&path, format!("{}{{\"seq\":9", &text[..seal])).unwrap();
    }

    /// The whole lines of all segments, which is what is forwarded.
    fn lines(&self) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        for path in self.segments() {
            let bytes = std::fs::read(path).unwrap();
            let whole = bytes
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |end| end + 1);
            let split = bytes[..whole].split(|byte| *byte == b'\n');
            lines.extend(split.filter(|line| !line.is_empty()).map(<[u8]>::to_vec));
        }
        lines
    }

    fn follower(&self) -> Follower {
        let identity = Identity::open(&self.0.path().join("keys")).unwrap();
        Follower::new(&identity.log_vkey(), &identity.epoch_vkey()).unwrap()
    }

    fn resume(&self, snapshot: &Snapshot) -> Follower {
        let identity = Identity::open(&self.0.path().join("keys")).unwrap();
        Follower::resume(&identity.log_vkey(), &identity.epoch_vkey(), snapshot).unwrap()
    }
}

/// A journal with a clean stop, two crashes and rotations of keys.
fn eventful() -> Place {
    let place = Place::new();
    let writer = place.start();
    for number in 0..3 {
        writer
            .append(&json!({"action": "test", "number": number}))
            .unwrap();
    }
    writer
        .append_ending_epoch(&json!({"action": "sudo"}))
        .unwrap();
    writer.append(&json!({"action": "after"})).unwrap();
    writer.rotate_log_key("root").unwrap();
    writer.append(&json!({"action": "by the heir"})).unwrap();
    writer.close().unwrap();
    let writer = place.start();
    writer.append(&json!({"action": "test"})).unwrap();
    drop(writer);
    place.crash();
    let writer = place.start();
    writer.append(&json!({"action": "test"})).unwrap();
    drop(writer);
    place.crash();
    let writer = place.start();
    writer.append(&json!({"action": "test"})).unwrap();
    writer.rotate_log_key("root").unwrap();
    drop(writer);
    place
}

#[test]
fn a_follower_goes_on_from_what_was_remembered_before_logs_were_handed_over() {
    let place = Place::new();
    let writer = place.start();
    writer.append(&json!({"action": "test"})).unwrap();
    let mut follower = place.follower();
    for line in place.lines() {
        follower.line(&line).unwrap();
    }
    let text = serde_json::to_string(&follower.snapshot()).unwrap();
    // As it was written then, and is where a log never was.
    assert!(!text.contains("later_log_keys"), "{text}");
    let held = place.lines().len();
    let rotated = writer.rotate_log_key("root").unwrap();
    let mut follower = place.resume(&serde_json::from_str(&text).unwrap());
    for line in place.lines().split_off(held) {
        follower.line(&line).unwrap();
    }
    let after = follower.snapshot().unwrap();
    assert_eq!(after.later_log_keys(), std::slice::from_ref(&rotated.key));
    // Whoever forgets the key does not go on.
    let held = place.lines().len();
    writer.append(&json!({"action": "test"})).unwrap();
    let goes_on = |snapshot: &Snapshot| {
        let mut follower = place.resume(snapshot);
        let lines = place.lines().split_off(held);
        lines
            .iter()
            .try_for_each(|line| follower.line(line).map(drop))
    };
    assert_eq!(goes_on(&after), Ok(()));
    let with = |keys: serde_json::Value| -> Snapshot {
        let mut value = serde_json::to_value(&after).unwrap();
        value["later_log_keys"] = keys;
        serde_json::from_value(value).unwrap()
    };
    let broken = goes_on(&with(json!([]))).unwrap_err();
    assert!(matches!(broken.cause, Cause::SealLogKey { .. }), "{broken}");
    let identity = Identity::open(&place.0.path().join("keys")).unwrap();
    for keys in [json!(["o"]), json!([rotated.key, rotated.key])] {
        let (log, epoch) = (identity.log_vkey(), identity.epoch_vkey());
        let resumed = Follower::resume(&log, &epoch, &with(keys));
        assert_eq!(resumed.err(), Some(super::FollowError::Snapshot));
    }
}

#[test]
fn a_journal_with_stops_and_crashes_is_followed_to_its_end() {
    let place = eventful();
    let mut follower = place.follower();
    let mut size = 0;
    for line in place.lines() {
        match follower.line(&line).unwrap() {
            Followed::Entry { seq, leaf: hash } => {
                assert_eq!((seq, leaf(&line)), (size, Some((seq, hash))));
                size += 1;
            }
            Followed::Seal => assert_eq!(follower.seal(), note_of_seal(&line).as_deref()),
            Followed::Witness => panic!("nobody cosigned"),
        }
    }
    assert!(follower.is_sealed());
    assert_eq!(follower.size(), size);
}

#[test]
fn a_follower_goes_on_at_every_seal_as_if_it_had_never_stopped() {
    let place = eventful();
    let mut follower = place.follower();
    for line in place.lines() {
        follower.line(&line).unwrap();
        let Some(snapshot) = follower.snapshot() else {
            continue;
        };
        let text = serde_json::to_string(&snapshot).unwrap();
        let read: Snapshot = serde_json::from_str(&text).unwrap();
        assert_eq!(read, snapshot);
        let root = follower.root();
        follower = place.resume(&read);
        assert_eq!(follower.root(), root);
    }
}

#[test]
fn every_line_that_is_missing_doubled_or_swapped_is_noticed() {
    let place = eventful();
    let lines = place.lines();
    let holds = |lines: &[Vec<u8>]| {
        let mut follower = place.follower();
        lines.iter().all(|line| follower.line(line).is_ok()) && follower.is_sealed()
    };
    assert!(holds(&lines));
    for place in 0..lines.len() - 1 {
        let mut missing = lines.clone();
        missing.remove(place);
        assert!(!holds(&missing), "line {place} missing");
        let mut doubled = lines.clone();
        doubled.insert(place, lines[place].clone());
        assert!(!holds(&doubled), "line {place} doubled");
        let mut swapped = lines.clone();
        swapped.swap(place, place + 1);
        assert!(!holds(&swapped), "line {place} swapped");
    }
}

#[test]
fn another_journals_keys_do_not_prove_this_one() {
    let (place, other) = (eventful(), Place::new());
    let mut follower = other.follower();
    let mut lines = place.lines().into_iter();
    let broken = lines.find_map(|line| follower.line(&line).err()).unwrap();
    assert!(matches!(broken.cause, Cause::Opening { .. }), "{broken}");
}

#[test]
fn a_false_signature_is_noticed_at_its_seal() {
    let place = eventful();
    let lines = place.lines();
    for (number, line) in lines.iter().enumerate() {
        let Some(note) = note_of_seal(line) else {
            continue;
        };
        // The last characters of both signatures but their padding, one after the other.
        for signature in note.lines().rev().take(2) {
            let mut bent = signature.to_owned().into_bytes();
            let place_of = bent.len() - 9;
            bent[place_of] = if bent[place_of] == b'A' { b'B' } else { b'A' };
            let bent = String::from_utf8(bent).unwrap();
            let text = String::from_utf8(line.clone()).unwrap();
            let forged = text.replace(signature, &bent);
            let mut follower = place.follower();
            for line in &lines[..number] {
                follower.line(line).unwrap();
            }
            let broken = follower.line(forged.as_bytes()).unwrap_err();
            assert!(
                matches!(broken.cause, Cause::SealSignature { .. }),
                "{broken}"
            );
            // Among many it is found at the same place, also before something else that is broken.
            let many = lines[..number].iter().map(Vec::as_slice);
            let many = many.chain([forged.as_bytes(), b"nonsense"]);
            assert_eq!(place.follower().lines(many).unwrap_err(), broken);
        }
    }
}

#[test]
fn many_lines_lead_where_each_one_leads() {
    let place = eventful();
    let lines = place.lines();
    let (mut one, mut many) = (place.follower(), place.follower());
    for line in &lines {
        one.line(line).unwrap();
    }
    many.lines(lines.iter().map(Vec::as_slice)).unwrap();
    assert_eq!(one.snapshot(), many.snapshot());
    assert_eq!((one.root(), one.seal()), (many.root(), many.seal()));
}
