//! The state key changes once a year, and whoever was away follows.

mod house;

use std::sync::Arc;

use axum_server::tls_rustls::RustlsConfig;
use daypass_ca::keys::state_key;
use daypass_ca::tls;
use daypass_ca::upkeep::Upkeep;
use daypass_protocol::enrolment::SignedRecord;
use daypass_protocol::key::Key;
use daypass_protocol::state::{SignedState, VerifiedState};
use house::{House, passphrase};

const YEAR: i64 = 366 * 86_400;

fn announced(house: &House) -> SignedState {
    house.authority().announced().unwrap().signed.clone()
}

fn key(house: &House) -> Key {
    announced(house).read_unverified().unwrap().state_key
}

fn restart(house: &mut House) {
    house.crash();
    house.start();
}

/// As somebody judges it who trusts `known`.
fn judged(house: &House, known: &Key) -> VerifiedState {
    announced(house).check(house.newborn.pin, known).unwrap()
}

#[test]
fn a_year_later_another_key_signs_and_whoever_was_away_follows() {
    let mut house = House::with(&[]);
    let first = key(&house);
    let record: SignedRecord = house.host("db1").enrolled.enrolment;
    restart(&mut house);
    assert_eq!(key(&house), first);
    house.pass(YEAR);
    restart(&mut house);
    let second = key(&house);
    assert_ne!(second, first);
    restart(&mut house);
    assert_eq!(key(&house), second);
    house.pass(YEAR);
    restart(&mut house);
    let third = key(&house);
    assert_ne!(third, second);
    for known in [&first, &second, &third] {
        let state = judged(&house, known);
        assert_eq!(state.state().state_key, third);
        assert_eq!(state.former_state_keys(), [second.clone(), first.clone()]);
    }
    // What the first one signed of a host still counts, for whoever trusts the third.
    let former = judged(&house, &third).former_state_keys();
    let pin = house.newborn.pin;
    assert!(former.iter().any(|key| record.check(pin, key).is_ok()));
}

#[test]
fn a_year_later_another_key_signs_though_the_ca_was_never_restarted() {
    let house = House::with(&[]);
    let layout = house.layout();
    let config = tls::config(&house.authority().x509_roots(), &layout).unwrap();
    let mut upkeep = Upkeep {
        authority: Arc::clone(house.authority()),
        layout,
        names: vec!["localhost".to_owned()],
        certificate: RustlsConfig::from_config(config),
        passphrase_file: None,
    };
    let first = key(&house);
    upkeep.once();
    assert_eq!(key(&house), first);
    house.pass(YEAR);
    // Where the passphrase was typed, the next start does it.
    upkeep.once();
    assert_eq!(key(&house), first);
    let file = house.directory.path().join("passphrase");
    std::fs::write(&file, passphrase().as_bytes()).unwrap();
    upkeep.passphrase_file = Some(file);
    upkeep.once();
    let second = key(&house);
    assert_ne!(second, first);
    assert_eq!(
        judged(&house, &first).former_state_keys(),
        std::slice::from_ref(&first)
    );
    upkeep.once();
    assert_eq!(key(&house), second);
    let told = house.told("ca.state-key");
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["detail"]["key"], second.fingerprint().to_string());
    assert_eq!(told[0]["detail"]["before"], first.fingerprint().to_string());
    // What the next one signs of a host counts, and so does what the first one did.
    let record = house.host("db1").enrolled.enrolment;
    assert!(record.check(house.newborn.pin, &second).is_ok());
    // The next start goes on with it.
    drop(upkeep);
    let mut house = house;
    restart(&mut house);
    assert_eq!(key(&house), second);
    judged(&house, &first);
}

#[test]
fn a_crash_between_naming_the_next_key_and_using_it_loses_nobody() {
    let mut house = House::with(&[]);
    let first = key(&house);
    house.crash();
    let layout = house.layout();
    let copy = |from: &str, to: &str| {
        for half in ["", ".pub"] {
            let path = |name: &str| layout.keys().join(format!("{name}{half}"));
            std::fs::copy(path(from), path(to)).unwrap();
        }
    };
    copy("state", "kept");
    let password = passphrase();
    let now = daypass_ca::authority::Authority::system_clock()();
    let next =
        state_key::succeed(house.places(&layout, &password), house.newborn.pin, now).unwrap();
    // Named, and not yet in place.
    copy("state", "state-next");
    copy("kept", "state");
    house.start();
    assert_eq!(key(&house), next);
    judged(&house, &first);
    // In place with one half.
    house.crash();
    let public = layout.keys().join("state.pub");
    std::fs::rename(&public, layout.keys().join("state-next.pub")).unwrap();
    house.start();
    assert_eq!(key(&house), next);
    assert!(public.exists());
    // Made, and named by nobody: dropped.
    house.crash();
    copy("kept", "state-next");
    house.start();
    assert_eq!(key(&house), next);
    assert!(!layout.keys().join("state-next").exists());
}
