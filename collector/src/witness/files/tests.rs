use daypass_protocol::digest::{Digest, Pin};
use daypass_protocol::time::Time;
use daypass_protocol::version::Version;
use daypass_protocol::witness_key::{Reason, Step};

use super::*;

struct Keys {
    _dir: tempfile::TempDir,
    files: Files,
}

impl Keys {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("witness.key");
        Key::create(&path, "log/daypass-collector").unwrap();
        Self {
            files: Files::at(&path),
            _dir: dir,
        }
    }

    fn current(&self) -> Key {
        Key::open(&self.files.current).unwrap()
    }

    fn name_heir(&self) -> (Key, Named) {
        let say = |witness, heir| WitnessSuccession {
            v: Version,
            ca: Pin::from(Digest::of("ca")),
            url: "https://log:7444".parse().unwrap(),
            step: Step::Begins,
            witness,
            heir,
            reason: Reason::Age,
            time: Time::from_unix(7),
        };
        self.files.name_heir(&self.current(), say).unwrap()
    }
}

fn vkey(key: &Key) -> String {
    key.vkey().to_string()
}

#[test]
fn an_heir_is_found_again_and_takes_the_place_of_the_key_that_named_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let keys = Keys::new();
    let (heir, named) = keys.name_heir();
    assert_eq!(named.said.witness, vkey(&keys.current()));
    for path in [&keys.files.next, &keys.files.successions] {
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
    let (found, by) = keys.files.heir_of(&keys.current()).unwrap();
    assert_eq!(found.map(|found| vkey(&found)), Some(vkey(&heir)));
    assert_eq!(by, Some(named.clone()));
    keys.files.take_over().unwrap();
    assert_eq!(vkey(&keys.current()), vkey(&heir));
    // What named it is known still, for a CA that has forgotten it.
    let (found, by) = keys.files.heir_of(&keys.current()).unwrap();
    assert!(found.is_none());
    assert_eq!(by, Some(named));
}

#[test]
fn whoever_only_looks_sees_what_is_under_way_and_drops_nothing() {
    let keys = Keys::new();
    let seen = || keys.files.under_way().unwrap();
    assert_eq!(seen(), None);
    // Made, and not named yet.
    Key::create(&keys.files.next, "log/daypass-collector").unwrap();
    assert_eq!(seen(), None);
    assert!(keys.files.next.exists());
    let (_, named) = keys.name_heir();
    assert_eq!(seen(), Some(named));
    // Left over from another time.
    Key::create(&keys.files.next, "log/daypass-collector").unwrap();
    assert_eq!(seen(), None);
    assert!(keys.files.next.exists());
    keys.name_heir();
    keys.files.take_over().unwrap();
    assert_eq!(seen(), None);
}

#[test]
fn the_last_successions_are_kept_and_no_more() {
    let keys = Keys::new();
    let mut last = None;
    for _ in 0..MOST + 2 {
        last = Some(keys.name_heir().1);
        keys.files.take_over().unwrap();
    }
    assert_eq!(keys.files.told().unwrap().len(), MOST);
    assert_eq!(keys.files.last().unwrap(), last);
}

#[test]
fn what_is_damaged_is_told_and_nothing_is_dropped() {
    let keys = Keys::new();
    keys.name_heir();
    std::fs::write(&keys.files.successions, "{}\n").unwrap();
    let error = keys.files.heir_of(&keys.current()).map(drop).unwrap_err();
    assert!(error.to_string().contains("witness.successions"), "{error}");
    assert!(keys.files.next.exists());
}
