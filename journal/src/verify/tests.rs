//! Attacks that need secret keys, and clocks that cannot be set in a test.

use std::path::Path;

use serde_json::json;

use super::{Options as VerifyOptions, Remark, Report, Verdict, verify};
use crate::clock::Stamp;
use crate::encoding::base64;
use crate::entry::{Event, Head};
use crate::epoch;
use crate::handover;
use crate::identity::Identity;
use crate::note::SignerKey;
use crate::seal::{self, Checkpoint, Kind, epoch_key_name};
use crate::tree::{Frontier, leaf_hash};
use crate::trust::{Trust, TrustedLog};
use crate::writer::{Options, Writer};

const ORIGIN: &str = "o/host/db1/0";

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Identity::create(&dir.path().join("keys"), ORIGIN).unwrap();
        Self(dir)
    }

    fn keys(&self) -> std::path::PathBuf {
        self.0.path().join("keys")
    }

    fn journal(&self) -> std::path::PathBuf {
        self.0.path().join("journal")
    }

    fn segment(&self) -> std::path::PathBuf {
        self.journal().join("00000000000000000000.jsonl")
    }

    fn start(&self) -> Writer {
        Writer::open(&self.journal(), &self.keys(), Options::default())
            .unwrap()
            .0
    }

    fn verify(&self) -> Report {
        let identity = Identity::open(&self.keys()).unwrap();
        let log = TrustedLog::new(&identity.log_vkey(), &identity.epoch_vkey()).unwrap();
        let trust = Trust {
            logs: vec![log],
            ..Trust::default()
        };
        verify(&self.journal(), &trust, VerifyOptions::default())
    }
}

/// Rewrites a word everywhere and seals everything anew, with the log's key and, for each epoch,
/// the key that `key_of` gives.
fn rewrite(path: &Path, from: &str, to: &str, log: &SignerKey, key_of: impl Fn(&str) -> SignerKey) {
    let text = std::fs::read_to_string(path).unwrap();
    let (mut tree, mut out) = (Frontier::default(), Vec::new());
    let mut last_root = String::new();
    for line in text.lines() {
        if let Kind::Seal(note) = seal::kind(line.as_bytes()) {
            let name = note.lines().last().unwrap().split(' ').nth(1).unwrap();
            let checkpoint = Checkpoint {
                origin: ORIGIN.into(),
                size: tree.size(),
                root: tree.root(),
            };
            last_root = base64(&checkpoint.root);
            checkpoint.seal(log, &key_of(name), &mut out);
        } else {
            let mut line = line.replace(from, to);
            // Opening entries repeat the root before them.
            if let Some(at) = line.find("\"root\":\"") {
                line.replace_range(at + 8..at + 52, &last_root);
            }
            tree.push(leaf_hash(line.as_bytes()));
            out.extend_from_slice(line.as_bytes());
        }
        out.push(b'\n');
    }
    std::fs::write(path, out).unwrap();
}

/// Everything that can be stolen from a host whose agent runs in epoch 1, whose secret is given as
/// the thief would find it in memory.
#[test]
fn a_thief_of_all_present_keys_cannot_rewrite_an_epoch_that_ended() {
    let place = Place::new();
    // Before epoch 1 begins its key is still on disk: where this test gets at it.
    let writer = place.start();
    writer
        .append(&json!({"action": "sudo.start", "identity": {"person": "mallory"}}))
        .unwrap();
    writer.close().unwrap();
    let stored = std::fs::read_to_string(place.keys().join("epoch.keys")).unwrap();
    let mut stored = stored.lines();
    let of_memory = stored.find(|line| line.contains("/epoch/1+"));
    let of_memory = of_memory.unwrap().to_owned();
    let writer = place.start();
    writer
        .append(&json!({"action": "sudo.start", "identity": {"person": "mallory"}}))
        .unwrap();
    drop(writer);
    assert_eq!(place.verify().exit_code(), 0);
    let log = handover::read(&place.keys().join("log.key")).unwrap();
    let stolen = || epoch::decode(Path::new("memory"), &of_memory).unwrap();
    assert_eq!(stolen().public().name(), epoch_key_name(ORIGIN, 1));

    // In the epoch whose key was stolen, whatever no witness has seen can be rewritten.
    let whole = std::fs::read(place.segment()).unwrap();
    rewrite(
        &place.segment(),
        "trudy",
        "trudy",
        &log,
        |name| match name.ends_with("/1") {
            true => stolen(),
            false => SignerKey::generate(name).unwrap(),
        },
    );
    // But epoch 0's key is gone, and every key that a thief can make is another.
    let report = place.verify();
    let Verdict::Tampered(broken) = &report.verdict else {
        panic!("{report}");
    };
    assert_eq!(broken.seq, 0);
    assert!(broken.to_string().contains("epoch/0"), "{broken}");

    // Nor does the thief's key pass for that of the epoch that ended.
    std::fs::write(place.segment(), whole).unwrap();
    rewrite(&place.segment(), "mallory", "trudy", &log, |_| stolen());
    let report = place.verify();
    let Verdict::Tampered(broken) = &report.verdict else {
        panic!("{report}");
    };
    assert_eq!(broken.seq, 0);
    assert!(
        broken.to_string().contains("epoch/1 where only"),
        "{broken}"
    );
}

/// A journal whose entries have the times given, in seconds, all in one boot.
fn with_times(place: &Place, times: &[(i64, u64)]) {
    // Before the start the key of epoch 0 is still on disk.
    let stored = std::fs::read_to_string(place.keys().join("epoch.keys")).unwrap();
    let epoch = epoch::decode(Path::new("epoch.keys"), stored.trim_end()).unwrap();
    drop(place.start());
    let log = handover::read(&place.keys().join("log.key")).unwrap();
    let mut bytes = std::fs::read(place.segment()).unwrap();
    let text = String::from_utf8(bytes.clone()).unwrap();
    let (mut tree, mut base) = (Frontier::default(), None);
    for line in text.lines() {
        if let Some(head) = Head::parse(line.as_bytes()) {
            tree.push(leaf_hash(line.as_bytes()));
            base = Some((head.boot.to_owned(), head.time.to_owned(), head.mono));
        }
    }
    let (boot, time, mono) = base.unwrap();
    let time = chrono::DateTime::parse_from_rfc3339(&time)
        .unwrap()
        .to_utc();
    for (seconds, passed) in times {
        let stamp = Stamp {
            time: time + chrono::TimeDelta::seconds(*seconds),
            mono: mono + passed * 1_000_000,
        };
        let start = bytes.len();
        let event = Event::of_caller(&json!({"action": "test"})).unwrap();
        event.write(tree.size(), &stamp, &boot, &mut bytes);
        tree.push(leaf_hash(&bytes[start..]));
        bytes.push(b'\n');
        let checkpoint = Checkpoint {
            origin: ORIGIN.into(),
            size: tree.size(),
            root: tree.root(),
        };
        checkpoint.seal(&log, &epoch, &mut bytes);
        bytes.push(b'\n');
    }
    std::fs::write(place.segment(), bytes).unwrap();
}

#[test]
fn a_clock_set_back_keeps_the_order_and_is_remarked_on() {
    let place = Place::new();
    with_times(&place, &[(10, 10), (-3590, 20), (-3580, 30), (-3579, 90)]);
    let report = place.verify();
    assert_eq!(report.exit_code(), 0, "{report}");
    assert_eq!(
        report.remarks,
        [
            Remark::ClockSetBack {
                seq: 3,
                seconds: 3610
            },
            Remark::ClockSetBack {
                seq: 5,
                seconds: 59
            },
        ]
    );
    assert!(
        report
            .to_string()
            .contains("set back by 3610 s before entry 3")
    );
}
