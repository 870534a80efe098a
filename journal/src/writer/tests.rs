//! What only a test inside can bring about: a disk that fails.

use std::path::Path;

use nix::errno::Errno;
use serde_json::json;

use super::{Options, Recovery, Writer};
use crate::durable::fault;
use crate::error::{Action, Error};
use crate::identity::Identity;

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
        let (journal, keys) = (self.path().join("journal"), self.path().join("keys"));
        Writer::open(&journal, &keys, Options::default())
    }
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
        Action::Rename,
        Action::SyncDirectory,
    ];
    for action in actions {
        let mut reached = 0;
        for after in 0.. {
            let place = Place::new();
            fault::plan(place.path(), action, after, Errno::ENOSPC);
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
