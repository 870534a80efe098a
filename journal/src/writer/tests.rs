//! What only a test inside can bring about: a disk that fails.

use std::path::Path;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use serde_json::json;

use super::{Options, Recovery, Writer, keeper};
use crate::durable::fault;
use crate::error::{Action, Error};
use crate::identity::Identity;

/// So long a lock may be waited for.
const DEADLINE: Duration = Duration::from_secs(30);

/// Opens a journal whose lock may still be held for a moment.
pub(super) fn once_free<T>(open: impl Fn() -> Result<T, Error>) -> Result<T, Error> {
    let begun = Instant::now();
    loop {
        match open() {
            Err(Error::InUse { .. }) if begun.elapsed() < DEADLINE => thread::yield_now(),
            opened => return opened,
        }
    }
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Identity::create(&dir.path().join("keys"), "o/host/db1/0").unwrap();
        Self(dir)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn open(&self) -> Result<(Writer, Recovery), Error> {
        self.open_resting(keeper::REST)
    }

    fn open_resting(&self, rest: Duration) -> Result<(Writer, Recovery), Error> {
        let (journal, keys) = (self.path().join("journal"), self.path().join("keys"));
        let open = || Writer::open_resting(&journal, &keys, Options::default(), rest);
        // A child of another test may hold the lock until it has come to its exec.
        once_free(open)
    }
}

#[test]
fn events_that_come_together_are_committed_together_and_one_that_is_not_taken_keeps_none_out() {
    let place = Place::new();
    let (writer, _) = place.open().unwrap();
    let before = writer.append(&json!({"action": "first"})).unwrap().seq;
    let events = [
        json!({"action": "a"}),
        json!("no object"),
        json!({"action": "b"}),
    ];
    let answers = writer.append_all_ending_epoch(&events);
    let [Ok(a), Err(Error::Event(_)), Ok(b)] = &answers[..] else {
        panic!("{answers:?}");
    };
    assert_eq!((a.seq, b.seq), (before + 1, before + 2));
    assert_eq!(a.time, b.time, "one commit");
    assert!(writer.append_all::<serde_json::Value>(&[]).is_empty());
}

#[test]
fn the_keeper_does_not_rest_while_somebody_waits_for_it() {
    let place = Place::new();
    let (writer, _) = place
        .open_resting(Duration::from_secs(24 * 60 * 60))
        .unwrap();
    let (tell, told) = channel();
    // Each but the first finds no key for the epoch after its own, and waits for one.
    let ending = thread::spawn(move || {
        for number in 0..4 {
            let ended = writer.append_ending_epoch(&json!({"action": "test", "n": number}));
            tell.send(ended.is_ok()).unwrap();
        }
    });
    for _ in 0..4 {
        assert_eq!(told.recv_timeout(DEADLINE), Ok(true), "it rests");
    }
    // Nor at a stop.
    let (tell, told) = channel();
    let stopping = thread::spawn(move || tell.send(ending.join().is_ok()));
    assert_eq!(
        told.recv_timeout(DEADLINE),
        Ok(true),
        "the keeper does not stop"
    );
    stopping.join().unwrap().unwrap();
}

#[test]
fn a_failed_sync_stops_the_writer_for_good_and_says_so() {
    let place = Place::new();
    let (writer, _) = place.open().unwrap();
    let journal = place.path().join("journal");
    fault::plan(&journal, Action::Sync, 0, Errno::EIO);
    let first = writer.append(&json!({"action": "test"})).unwrap_err();
    let Error::Disk(failure) = &first else {
        panic!("{first:?}");
    };
    assert_eq!(failure.action, Action::Sync);
    for _ in 0..2 {
        let later = writer.append(&json!({"action": "test"})).unwrap_err();
        assert!(matches!(later, Error::Stopped { .. }), "{later}");
    }
}

#[test]
fn whatever_fails_at_a_start_the_next_start_goes_on() {
    let actions = [
        Action::MakeDirectory,
        Action::Create,
        Action::Write,
        Action::Sync,
        Action::SyncDirectory,
    ];
    for action in actions {
        let mut reached = 0;
        for after in 0.. {
            let place = Place::new();
            fault::plan_here(place.path(), action, after, Errno::ENOSPC);
            let first = place.open();
            if fault::withdraw(place.path()) {
                break;
            }
            assert!(first.is_err(), "{action} {after}");
            reached += 1;
            let (writer, _) = place.open().unwrap();
            writer.append(&json!({"action": "test"})).unwrap();
            writer.close().unwrap();
            let (_, recovery) = place.open().unwrap();
            assert!(recovery.clean, "{action} {after}");
        }
        assert!(reached > 0, "{action} never happens");
    }
}

#[test]
fn a_disk_that_fills_in_the_middle_of_a_write_loses_nothing_acknowledged() {
    let place = Place::new();
    let (writer, _) = place.open().unwrap();
    let kept = writer.append(&json!({"action": "test"})).unwrap();
    let journal = place.path().join("journal");
    fault::plan(&journal, Action::Write, 0, Errno::ENOSPC);
    let refused = writer.append(&json!({"action": "test"})).unwrap_err();
    assert!(matches!(refused, Error::Disk(_)), "{refused}");
    drop(writer);
    let (writer, recovery) = place.open().unwrap();
    assert_eq!(recovery.sealed, kept.seq + 1);
    assert_eq!(recovery.interruptions.len(), 1);
    writer.close().unwrap();
}

#[test]
fn a_key_that_cannot_be_brought_to_the_disk_stops_the_writer() {
    let place = Place::new();
    let (writer, _) = place.open().unwrap();
    fault::plan(&place.path().join("keys"), Action::Sync, 0, Errno::EIO);
    // The first ends a prepared epoch; the second has to wait for a key that never comes.
    writer
        .append_ending_epoch(&json!({"action": "test"}))
        .unwrap();
    let outcome = writer.append_ending_epoch(&json!({"action": "test"}));
    let later = writer.append(&json!({"action": "test"}));
    assert!(outcome.is_err() || later.is_err());
    assert!(matches!(
        writer.append(&json!({"action": "test"})),
        Err(Error::Stopped { .. })
    ));
}
