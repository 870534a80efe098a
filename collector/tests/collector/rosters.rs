//! What the collector takes over from the CA, and what it does not.

use daypass_collector::authority::{Authority, WordError};
use daypass_collector::clock::Now;
use daypass_protocol::api::Rosters;
use daypass_protocol::event::Action;
use daypass_protocol::roster::VerifiedRoster;
use daypass_protocol::state::SignedState;
use daypass_transport::client::Request;

use crate::site::{Ca, Site, refused};

#[test]
fn a_fork_of_the_roster_is_refused_and_makes_an_alarm_that_names_both() {
    let ca = Ca::new();
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::begin(&directory.path().join("word"), ca.pin, &ca.word).unwrap();
    let (one, another) = (
        ca.word_with_second_roster(1_000_000),
        ca.word_with_second_roster(2_000_000),
    );
    authority.follow(&one).unwrap();
    authority.follow(&one).unwrap();
    let held = authority.with_roster(VerifiedRoster::hash);
    let error = authority.follow(&another).unwrap_err();
    assert!(
        matches!(error, WordError::Forked { number: 2, .. }),
        "{error}"
    );
    assert_eq!(authority.with_roster(VerifiedRoster::hash), held);
    let event = serde_json::to_value(error.alarm().unwrap()).unwrap();
    assert_eq!(event["action"], Action::AlarmRosterFork.to_string());
    assert_eq!(event["detail"]["roster"], 2);
    assert_eq!(event["detail"]["held"], held.to_string());
    assert_ne!(event["detail"]["offered"], held.to_string());
    let fewer = authority.follow(&ca.word).unwrap_err();
    assert!(fewer.alarm().is_none(), "{fewer}");
}

#[test]
fn an_enrolled_host_gets_the_cas_word_and_nobody_without_a_certificate_does() {
    let site = Site::new();
    let host = site.stranger("db1");
    let client = site.client(Some(&host.identity));
    let state: SignedState = client.call(&Request::get("/v1/state")).unwrap();
    assert_eq!(state, site.ca.word.state);
    let Rosters { chain } = client.call(&Request::get("/v1/roster")).unwrap();
    assert_eq!(chain, site.ca.word.chain);
    let next = site.ca.word_with_second_roster(1_000_000);
    let authority = site.server().collector().authority();
    authority.follow(&next).unwrap();
    let Rosters { chain } = client.call(&Request::get("/v1/roster")).unwrap();
    assert_eq!(chain.len(), 2);
    for path in ["/v1/state", "/v1/roster"] {
        let nobody = site
            .client(None)
            .call::<serde_json::Value>(&Request::get(path));
        assert_eq!(refused(nobody), (401, "no-certificate".to_owned()));
    }
}

#[test]
fn a_roster_by_the_recovery_key_is_told_before_it_is_taken_over() {
    let ca = Ca::new();
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::begin(&directory.path().join("word"), ca.pin, &ca.word).unwrap();
    assert!(authority.alarm_before(&ca.word).unwrap().is_none());
    let by_admin = ca.word_with_second_roster(1_000_000);
    assert!(authority.alarm_before(&by_admin).unwrap().is_none());
    let word = ca.word_by_the_recovery_key();
    let alarm = authority.alarm_before(&word).unwrap().unwrap();
    let alarm = serde_json::to_value(alarm).unwrap();
    assert_eq!(alarm["action"], Action::AlarmRecovery.to_string());
    assert_eq!(alarm["detail"]["roster"], 2);
    authority.follow(&word).unwrap();
    // Once.
    assert!(authority.alarm_before(&word).unwrap().is_none());
}

#[test]
fn a_state_that_is_dated_ahead_is_not_taken_over_and_is_an_alarm() {
    let ca = Ca::new();
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::begin(&directory.path().join("word"), ca.pin, &ca.word).unwrap();
    let now = Now::read().time();
    authority.follow(&ca.word_dated(now.plus(60))).unwrap();
    let before = authority.state();
    let error = authority
        .follow(&ca.word_dated(now.plus(3600)))
        .unwrap_err();
    assert_eq!(authority.state(), before);
    let alarm = serde_json::to_value(error.alarm().unwrap()).unwrap();
    assert_eq!(alarm["action"], Action::AlarmClock.to_string());
    assert_eq!(alarm["code"], "state-ahead");
}

#[test]
fn a_roster_signed_with_a_key_that_was_revoked_before_is_not_taken_over_and_is_told() {
    let ca = Ca::new();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("word");
    let authority = Authority::begin(&path, ca.pin, &ca.word).unwrap();
    // Alice's own, which signs rosters.
    authority.follow(&ca.revoking(&ca.word, 2, &[1])).unwrap();
    // Whoever has the CA leaves it out from now on, and waits for a restart.
    authority.follow(&ca.revoking(&ca.word, 3, &[])).unwrap();
    let authority = Authority::open(&path, ca.pin).unwrap();
    let stolen = ca.revoking(&ca.word_with_second_roster(1_000_000), 4, &[]);
    let error = authority.follow(&stolen).unwrap_err();
    assert!(
        matches!(error, WordError::ByRevokedKey { number: 2, .. }),
        "{error}"
    );
    assert_eq!(authority.chain().len(), 1);
    let alarm = serde_json::to_value(error.alarm().unwrap()).unwrap();
    assert_eq!(alarm["action"], Action::StateTaken.to_string());
    assert_eq!(alarm["outcome"], "failed");
    assert_eq!(alarm["code"], "roster-key-revoked");
    // The recovery key helps.
    let recovered = ca.revoking(&ca.word_by_the_recovery_key(), 4, &[]);
    authority.follow(&recovered).unwrap();

    // Of what is heard at once nobody knows which came first.
    let late = directory.path().join("late");
    std::fs::create_dir(&late).unwrap();
    let authority = Authority::begin(&late.join("word"), ca.pin, &ca.word).unwrap();
    let both = ca.revoking(&ca.word_with_second_roster(1_000_000), 4, &[1]);
    authority.follow(&both).unwrap();
    assert!(Authority::open(&late.join("word"), ca.pin).is_ok());
}

#[test]
fn nobody_reads_with_a_key_that_was_revoked_whatever_the_ca_says_later() {
    let mut site = Site::new();
    let read = |site: &Site, person: &str| site.ask(person, "/v1/logs");
    read(&site, "dora").unwrap();
    let follow = |site: &Site, number, seeds: &[u8]| {
        let word = site.ca.revoking(&site.ca.word, number, seeds);
        site.server().collector().authority().follow(&word).unwrap();
    };
    follow(&site, 2, &[4]);
    let refusal = (401, "key-revoked".to_owned());
    assert_eq!(refused(read(&site, "dora")), refusal);
    read(&site, "bob").unwrap();
    follow(&site, 3, &[]);
    assert_eq!(refused(read(&site, "dora")), refusal);
    site.stop();
    site.start();
    assert_eq!(refused(read(&site, "dora")), refusal);
    let told = site.journalled("request.refused");
    assert!(told.iter().all(|entry| entry["code"] == "key-revoked"));
    assert!(!told.is_empty());
}

#[test]
fn what_people_revoked_counts_though_the_state_that_says_it_is_dated_ahead() {
    let mut site = Site::new();
    let ahead = site.ca.word_dated(Now::read().time().plus(3600));
    let word = site.ca.revoking(&ahead, 2, &[4]);
    let authority = site.server().collector().authority();
    let before = authority.state();
    assert!(authority.follow(&word).is_err());
    assert_eq!(authority.state(), before, "nothing else of it does");
    let refusal = (401, "key-revoked".to_owned());
    assert_eq!(refused(site.ask("dora", "/v1/logs")), refusal);
    site.stop();
    site.start();
    assert_eq!(refused(site.ask("dora", "/v1/logs")), refusal);
    site.ask("bob", "/v1/logs").unwrap();
    // Rosters that came with it are those of its time: one that the key signed is no thief's.
    let next = site.ca.word_with_second_roster(1_000_000);
    let ahead = Now::read().time().plus(3600);
    let both = site.ca.revoking(&site.ca.dated(&next, ahead), 3, &[1]);
    let authority = site.server().collector().authority();
    assert!(authority.follow(&both).is_err());
    let due = site.ca.revoking(&next, 4, &[1]);
    authority.follow(&due).unwrap();
}
