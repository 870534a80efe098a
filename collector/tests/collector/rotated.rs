//! Journals whose log keys are handed over: followed by whoever knows the registered key, across restarts and copies.

use std::path::Path;
use std::time::Duration;

use daypass_collector::authority::Authority;
use daypass_collector::checkpoints::CheckpointStore as _;
use daypass_collector::checkpoints::sqlite::SqliteCheckpoints;
use daypass_collector::clock::Now;
use daypass_collector::housekeeping::Housekeeping;
use daypass_collector::keep::Stores;
use daypass_collector::orders::{self, Answer, Order};
use daypass_collector::restore::{self, Unsigned};
use daypass_collector::segments::directory::DirectorySegments;
use daypass_collector::strangers::Stranger;
use daypass_journal::identity::Identity;
use daypass_journal::trust::{Trust, TrustedLog};
use daypass_journal::verify::{self, Report, verify};
use serde_json::json;

use crate::host::Host;
use crate::site::{Site, refused};
use crate::store::audited;
use crate::witness::{add, seals, size};

/// Hands the log of a host's journal over; the new key.
fn hand_over(host: &Host) -> String {
    let writer = host.writer();
    let rotated = writer.rotate_log_key("root").unwrap();
    writer.close().unwrap();
    rotated.key
}

/// Sends what is new, and says how much is held then.
fn forward(host: &Host, site: &Site, held: u64) -> u64 {
    host.forward(site, held)["size"].as_u64().unwrap()
}

/// A journal as its registered keys verify it.
fn verified(dir: &Path, keys: &Path) -> Report {
    let identity = Identity::open(keys).unwrap();
    let log = TrustedLog::new(&identity.log_vkey(), &identity.epoch_vkey()).unwrap();
    let trust = Trust {
        logs: vec![log],
        ..Trust::default()
    };
    verify(dir, &trust, verify::Options::default())
}

#[test]
fn a_log_that_is_handed_over_is_followed_across_restarts_and_found_by_who_searches() {
    let mut site = Site::new();
    let host = site.host("db1");
    host.write(&[json!({"action": "before"})]);
    let mut held = forward(&host, &site, 0);
    for _ in 0..2 {
        let key = hand_over(&host);
        held = forward(&host, &site, held);
        site.stop();
        site.start();
        host.write(&[json!({"action": "by-the-heir"})]);
        held = forward(&host, &site, held);
        let found = site.find("action=journal.log_key&order=newest", 1);
        assert!(found[0].to_string().contains(&key), "{found:?}");
    }
    site.find("action=by-the-heir", 2);
    assert_eq!(audited(&site), Ok(0));
    assert!(site.journalled("alarm.tampered").is_empty());
}

#[test]
fn what_a_later_key_signs_contradicts_what_is_held_as_well_as_what_the_first_one_signed() {
    let site = Site::new();
    let host = site.host("db1");
    host.write(&[json!({"action": "x"})]);
    let held = forward(&host, &site, 0);
    hand_over(&host);
    let held = forward(&host, &site, held);
    let clone = host.clone_machine();
    host.write(&[json!({"action": "here"})]);
    forward(&host, &site, held);
    clone.write(&[json!({"action": "there"})]);
    let result = clone.send(&site, held, &clone.lines(held));
    assert_eq!(refused(result), (422, "fork".to_owned()));
    let alarm = site.await_journalled("alarm.fork");
    assert_eq!(alarm["detail"]["log"], host.origin);
    // A checkpoint by any of its keys is the log's.
    let note = seals(&host).pop().unwrap();
    let (ours, theirs) = (size(&note), seals(&clone).pop().unwrap());
    add(&site, &format!("old {ours}\n\n{note}")).unwrap();
    let other = add(&site, &format!("old {ours}\n\n{theirs}"));
    assert_eq!(refused(other).0, 409);
}

#[test]
fn a_second_copy_brings_a_log_back_that_was_handed_over_and_it_goes_on() {
    let site = Site::new();
    let host = site.host("db1");
    host.write(&[json!({"action": "x"})]);
    let held = forward(&host, &site, 0);
    let key = hand_over(&host);
    let held = forward(&host, &site, held);
    let archive = tempfile::tempdir().unwrap();
    let mut config = site.config();
    config.archive = Some(archive.path().to_owned());
    Housekeeping::new(config, site.layout()).once(site.server().collector(), Now::read());

    let dir = tempfile::tempdir().unwrap();
    let checkpoints = SqliteCheckpoints::open(&dir.path().join("checkpoints.db")).unwrap();
    let segments = DirectorySegments::open(dir.path()).unwrap();
    let stores = Stores {
        checkpoints: &checkpoints,
        segments: &segments,
    };
    let authority = Authority::open(&site.layout().authority(), site.ca.pin).unwrap();
    let restored = restore::restore(archive.path(), stores, &authority, Unsigned::Refused).unwrap();
    assert!(restored.failed.is_empty(), "{:?}", restored.failed);
    let origin = host.origin.parse().unwrap();
    let found = checkpoints.latest(&origin).unwrap().unwrap();
    assert_eq!(found.mark.size, held);
    assert!(found.follower.contains(&key), "{}", found.follower);
    let before = site.server().collector().stores().checkpoints;
    assert_eq!(
        before.latest(&origin).unwrap().unwrap().follower,
        found.follower
    );
}

#[test]
fn the_collectors_own_log_is_handed_over_when_root_orders_it() {
    let mut site = Site::new();
    let layout = site.layout();
    std::fs::create_dir_all(layout.orders()).unwrap();
    let order = Order::RenewLogKey {
        by: "root".to_owned(),
    };
    let path = orders::leave(&layout.orders(), &order).unwrap();
    let mut housekeeping = Housekeeping::new(site.config(), site.layout());
    housekeeping.once(site.server().collector(), Now::read());
    let answer = orders::answer(&path, Duration::from_secs(9)).unwrap();
    let Some(Answer::Renewed { entry, key }) = answer else {
        panic!("{answer:?}");
    };
    let found = site.find("action=journal.log_key", 1);
    assert!(found[0].to_string().contains(&key), "{found:?}");
    // Its own stores follow it over a restart.
    site.stop();
    site.start();
    site.find("action=collector.start", 2);
    site.stop();
    let report = verified(&layout.journal(), &layout.journal_keys());
    assert_eq!(report.exit_code(), 0, "{report}");
    assert!(crate::checker::check_journal(&layout.journal()) > 0);
    assert_eq!(
        (report.log_keys[0].seq, &report.log_keys[0].key),
        (entry, &key)
    );
}

#[test]
fn somebody_elses_log_counts_by_its_later_keys_once_these_are_named() {
    let mut site = Site::new();
    let log = site.foreign("example.org/log");
    let keys = Identity::open(&log.dir.path().join("keys")).unwrap();
    let named = |site: &mut Site, later_keys: Vec<String>| {
        site.strangers = vec![Stranger {
            origin: log.origin.clone(),
            key: keys.log_vkey(),
            later_keys,
        }];
        site.stop();
        site.start();
    };
    named(&mut site, Vec::new());
    log.write(&[json!({"action": "x"})]);
    let first = seals(&log).pop().unwrap();
    add(&site, &format!("old 0\n\n{first}")).unwrap();
    let later = hand_over(&log);
    let second = seals(&log).pop().unwrap();
    let proof = crate::witness::proof(&log, size(&first), size(&second));
    let question = format!("old {}\n{proof}\n{second}", size(&first));
    assert_eq!(
        refused(add(&site, &question)),
        (403, "not-signed".to_owned())
    );
    // What is kept is still by the key of before.
    named(&mut site, vec![later]);
    add(&site, &question).unwrap();
}
