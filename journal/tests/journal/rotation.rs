//! The log's key is handed over, and whoever has the first one follows; who was not handed it seals nothing.

use std::time::{Duration, Instant};

use daypass_journal::Error;
use daypass_journal::follow::Follower;
use daypass_journal::identity::Identity;
use daypass_journal::proof::{Proof, ProofFault};
use daypass_journal::reader::Line;
use daypass_journal::trust::Trust;
use daypass_journal::verify::{LogKey, Options as VerifyOptions, Report, verify};
use daypass_journal::writer::{Options, Retention, Writer};

use crate::forger::Forger;
use crate::place::{ORIGIN, Place, line_of, small_segments, tampered};

const DEADLINE: Duration = Duration::from_secs(30);

/// A journal of ten entries whose log key was handed over by entry 4.
fn rotated() -> (Place, Writer) {
    let place = Place::new();
    let (writer, _) = place.open();
    place.write(&writer, 2);
    let rotated = writer.rotate_log_key("alice").unwrap();
    assert_eq!(rotated.receipt.seq, 4);
    place.write(&writer, 5);
    (place, writer)
}

/// The keys on disk of before and after.
fn both(place: &Place, writer: &Writer) -> (Forger, Forger) {
    let path = place.keys().join("log.key");
    let before = Forger::thief_of(&path);
    writer.rotate_log_key("alice").unwrap();
    (before, Forger::thief_of(&path))
}

#[test]
fn whoever_has_the_first_key_follows_to_the_next() {
    let (place, writer) = rotated();
    let report = place.verify();
    assert_eq!(report.exit_code(), 0, "{report}");
    let [LogKey { seq, key }] = &report.log_keys[..] else {
        panic!("{report}");
    };
    assert_eq!(*seq, 4);
    assert!(report.to_string().contains(key), "{report}");
    let entry = &place.entries()[4];
    assert_eq!(entry["action"], "journal.log_key");
    let detail = serde_json::json!({"log_key": key, "reason": "request", "by": "alice"});
    assert_eq!(entry["detail"], detail);
    // After a stop, a start, and once more.
    writer.close().unwrap();
    let (writer, recovery) = place.open();
    assert!(recovery.clean);
    writer.rotate_log_key("bob").unwrap();
    place.write(&writer, 1);
    drop(writer);
    drop(place.open());
    let report = place.verify();
    assert_eq!(report.exit_code(), 0, "{report}");
    assert_eq!(report.log_keys.len(), 2);
    // It is no secret that lies about any more.
    assert!(!place.keys().join("log.key.next").exists());
    assert_eq!(
        Forger::thief_of(&place.keys().join("log.key")).vkey(),
        report.log_keys[1].key
    );
    let identity = Identity::open(&place.keys()).unwrap();
    let mut follower = Follower::new(&identity.log_vkey(), &identity.epoch_vkey()).unwrap();
    let text = place.text();
    follower.lines(text.lines().map(str::as_bytes)).unwrap();
    assert_eq!(follower.size(), report.proven);
}

#[test]
fn an_old_key_is_handed_over_by_itself_and_a_young_one_is_not() {
    let place = Place::new();
    let old = || Options {
        log_key_age: Duration::from_millis(1),
        ..small_segments()
    };
    let (writer, _) = place.open_with(small_segments());
    place.write(&writer, 2);
    writer.close().unwrap();
    assert!(place.verify().log_keys.is_empty());
    let (writer, _) = place.open_with(old());
    let begun = Instant::now();
    while place.verify().log_keys.is_empty() {
        assert!(begun.elapsed() < DEADLINE, "it is never handed over");
        std::thread::yield_now();
    }
    writer.close().unwrap();
    let report = place.verify();
    assert_eq!(report.exit_code(), 0, "{report}");
    let by_itself = |entry: &&serde_json::Value| entry["action"] == "journal.log_key";
    let entries = place.entries();
    let entry = entries.iter().find(by_itself).unwrap();
    assert_eq!(entry["detail"]["reason"], "age");
    assert_eq!(entry["detail"]["by"], serde_json::Value::Null);
    // Its term begins anew with the entry, also for a start.
    let keys = report.log_keys.len();
    let (writer, _) = place.open_with(small_segments());
    place.write(&writer, 2);
    writer.close().unwrap();
    assert_eq!(place.verify().log_keys.len(), keys);
}

#[test]
fn there_is_an_end_to_handing_over_and_the_journal_goes_on() {
    let place = Place::new();
    let (writer, _) = place.open();
    let refused = loop {
        if let Err(error) = writer.rotate_log_key("alice") {
            break error;
        }
    };
    assert!(matches!(refused, Error::LogKeys { limit: 64 }), "{refused}");
    place.write(&writer, 1);
    let report = place.verify();
    assert_eq!(
        (report.exit_code(), report.log_keys.len()),
        (0, 63),
        "{report}"
    );
}

#[test]
fn the_key_before_seals_nothing_more() {
    let place = Place::new();
    let (writer, _) = place.open();
    let (before, _) = both(&place, &writer);
    place.write(&writer, 2);
    drop(writer);
    place.edit(|lines| {
        let at = line_of(lines, 4) + 1;
        lines[at] = before.sign_instead(&lines[at]);
    });
    let (seq, cause) = tampered(&place.verify());
    assert_eq!(seq, 4);
    assert!(cause.contains("another key of"), "{cause}");
}

#[test]
fn the_heir_does_not_seal_its_own_announcement() {
    let place = Place::new();
    let (writer, _) = place.open();
    let (_, heir) = both(&place, &writer);
    drop(writer);
    place.edit(|lines| {
        let at = line_of(lines, 2) + 1;
        lines[at] = heir.sign_instead(&lines[at]);
    });
    let (seq, cause) = tampered(&place.verify());
    assert_eq!(seq, 2);
    assert!(cause.contains("another key of"), "{cause}");
}

#[test]
fn a_key_that_nobody_announced_seals_nothing() {
    let place = Place::written(3);
    place.edit(|lines| {
        let at = line_of(lines, 4) + 1;
        lines[at] = Forger::stranger(ORIGIN).sign_instead(&lines[at]);
    });
    let (seq, cause) = tampered(&place.verify());
    assert_eq!(seq, 4);
    assert!(cause.contains("nobody handed it over"), "{cause}");
}

/// A journal whose last batch hands the log over to each of `heirs`, sealed with all the secrets that it takes.
fn handing_over_to(heirs: &[&str]) -> Report {
    let place = Place::new();
    // The key of epoch 0 is on disk until its opening is sealed.
    let epoch = Forger::thief_of(&place.keys().join("epoch.keys"));
    let (writer, _) = place.open();
    place.write(&writer, 1);
    drop(writer);
    let log = Forger::thief_of(&place.keys().join("log.key"));
    place.edit(|lines| {
        let head = lines[line_of(lines, 2)].split(",\"action\"").next().unwrap();
        let head = head.to_owned();
        for (seq, heir) in (3..).zip(heirs) {
            let head = head.replace("{\"seq\":2,", &format!("{{\"seq\":{seq},"));
            lines.push(format!(
                "{head},\"action\":\"journal.log_key\",\"detail\":{{\"log_key\":\"{heir}\",\"reason\":\"request\"}}}}"
            ));
        }
        let seal = log.seal(&epoch, lines);
        lines.push(seal);
    });
    place.verify()
}

#[test]
fn a_log_is_handed_over_once_at_a_time_to_a_key_of_its_own() {
    let (one, other) = (Forger::stranger(ORIGIN), Forger::stranger("other"));
    let one = one.vkey();
    assert_eq!(handing_over_to(&[&one]).exit_code(), 0);
    for (heirs, told) in [
        (&[&*one, &*one][..], "not the last one under its seal"),
        (&[&*other.vkey()], "it is named \"other\""),
        (&["nonsense"], "cannot be read"),
    ] {
        let (seq, cause) = tampered(&handing_over_to(heirs));
        assert_eq!(seq, 3, "{cause}");
        assert!(cause.contains(told), "{cause}");
    }
}

#[test]
fn what_no_seal_covers_hands_nothing_over() {
    let place = Place::written(2);
    let (writer, _) = place.open();
    let kept = place.path().join("kept");
    Place::restore(&place.keys(), &kept);
    writer.rotate_log_key("alice").unwrap();
    drop(writer);
    // Whatever was written after the announcement is lost, and so is the heir.
    place.edit(|lines| {
        let seals = lines.iter().rposition(|line| line.starts_with("{\"seal\""));
        lines.truncate(seals.unwrap());
    });
    assert_eq!(place.verify().exit_code(), 2);
    // Both before and after the heir had its place on disk.
    for is_stored in [true, false] {
        let crashed = Place::of(ORIGIN);
        Place::restore(&place.journal(), &crashed.journal());
        let heir = std::fs::read(place.keys().join("log.key")).unwrap();
        Place::restore(&kept, &crashed.keys());
        if is_stored {
            std::fs::write(crashed.keys().join("log.key.next"), heir).unwrap();
        }
        let (writer, recovery) = crashed.open();
        assert!(!recovery.clean);
        crashed.write(&writer, 1);
        assert!(!crashed.keys().join("log.key.next").exists());
        let report = crashed.verify();
        assert_eq!(
            (report.exit_code(), report.log_keys.len()),
            (0, 0),
            "{report}"
        );
        writer.rotate_log_key("alice").unwrap();
        crashed.write(&writer, 1);
        let report = crashed.verify();
        assert_eq!(
            (report.exit_code(), report.log_keys.len()),
            (0, 1),
            "{report}"
        );
    }
}

#[test]
fn yesterdays_journal_under_the_heir_does_not_start() {
    let place = Place::written(1);
    let kept = place.path().join("kept");
    Place::restore(&place.journal(), &kept);
    let (writer, _) = place.open();
    writer.rotate_log_key("alice").unwrap();
    drop(writer);
    Place::restore(&kept, &place.journal());
    let opened = Writer::open(&place.journal(), &place.keys(), Options::default());
    let error = opened.err().unwrap();
    assert!(matches!(error, Error::LogKey { .. }), "{error}");
    assert!(
        error.to_string().contains("not of the same time"),
        "{error}"
    );
}

#[test]
fn a_handover_outlives_the_segment_that_it_is_in() {
    let place = Place::new();
    let (writer, _) = place.open_with(small_segments());
    place.write(&writer, 3);
    for _ in 0..2 {
        writer.rotate_log_key("alice").unwrap();
        place.write(&writer, 80);
    }
    assert!(place.segments().len() > 3);
    let everything = Retention {
        before: Some(chrono::Utc::now() + chrono::TimeDelta::days(1)),
        ..Retention::default()
    };
    let retired = writer.retire(&everything, "root", "old").unwrap();
    assert!(retired.is_some());
    writer.close().unwrap();
    let report = place.verify();
    assert_eq!(
        (report.exit_code(), report.log_keys.len()),
        (0, 2),
        "{report}"
    );
    assert!(report.retired > 100, "{report}");
    drop(place.open_with(small_segments()));
    // Nor is it erased.
    let (writer, _) = place.open_with(small_segments());
    assert!(
        writer
            .erase(&[report.log_keys[0].seq], "root", "asked")
            .is_err()
    );
}

fn leaf(place: &Place, wanted: u64) -> Vec<u8> {
    let leaf = |line| match line {
        Line::Entry { seq, bytes } if seq == wanted => Some(bytes),
        _ => None,
    };
    place.lines().into_iter().find_map(leaf).unwrap()
}

#[test]
fn a_proof_of_the_handover_leads_to_the_key_of_all_other_proofs() {
    let (place, _writer) = rotated();
    let log = &place.trust().logs[0];
    // By the first key alone this one can be checked, and no other.
    let handover = Proof::make(&place.journal(), 4).unwrap();
    let proven = handover.check(&leaf(&place, 4), log, &[]).unwrap();
    assert_eq!(proven.size, 5);
    let later = Proof::make(&place.journal(), 3).unwrap();
    let unknown = later.check(&leaf(&place, 3), log, &[]);
    assert!(
        matches!(unknown, Err(ProofFault::Signature { .. })),
        "{unknown:?}"
    );
    let LogKey { seq, key } = place.verify().log_keys.remove(0);
    let followed = log.following(&leaf(&place, 4), &handover).unwrap();
    let log = log.clone().with_later_key(&key, seq).unwrap();
    assert_eq!(followed, log);
    // No other entry leads anywhere, nor does this one under another checkpoint.
    assert_eq!(log.following(&leaf(&place, 3), &later), None);
    let elsewhere = Proof {
        checkpoint: later.checkpoint.clone(),
        ..handover.clone()
    };
    assert_eq!(log.following(&leaf(&place, 4), &elsewhere), None);
    let proven = later.check(&leaf(&place, 3), &log, &[]).unwrap();
    assert_eq!(proven.size, 10);
    // The first key does not count for what came after it.
    assert!(handover.check(&leaf(&place, 4), &log, &[]).is_ok());
    let too_late = place.trust().logs[0]
        .clone()
        .with_later_key(&key, 9)
        .unwrap();
    assert!(later.check(&leaf(&place, 3), &too_late, &[]).is_err());
}

#[test]
fn a_kept_checkpoint_counts_by_any_key_that_the_journal_leads_to() {
    let (place, writer) = rotated();
    let kept = writer.latest_seal().1;
    place.write(&writer, 2);
    drop(writer);
    assert_eq!(place.verify_against(&kept).exit_code(), 0);
    // Cut off behind the handover, it is found by the heir's checkpoint; before it, by who was told of the heir.
    let key = place.verify().log_keys.remove(0);
    place.edit(|lines| lines.truncate(line_of(lines, 7)));
    let (_, cause) = tampered(&place.verify_against(&kept));
    assert!(cause.contains("knows of 10 entries"), "{cause}");
    place.edit(|lines| lines.truncate(line_of(lines, 4)));
    assert_eq!(place.verify_against(&kept).exit_code(), 2);
    let log = place.trust().logs.remove(0);
    let told = Trust {
        logs: vec![log.with_later_key(&key.key, key.seq).unwrap()],
        ..Trust::default()
    };
    let options = VerifyOptions {
        checkpoint: Some(&kept),
        ..VerifyOptions::default()
    };
    let (_, cause) = tampered(&verify(&place.journal(), &told, options));
    assert!(cause.contains("knows of 10 entries"), "{cause}");
}
