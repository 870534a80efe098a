use std::convert::Infallible;

use daypass_protocol::digest::{Digest, Incarnation};
use daypass_protocol::revocation::Subject;
use daypass_protocol::sshsig;

use super::*;
use crate::fixture::{Ca, private, public};

fn known(ca: &Ca) -> Known {
    Known::first(ca.pin, ca.rosters.clone(), ca.state(1)).unwrap()
}

fn no_fetch() -> Result<Vec<SignedRoster>, Infallible> {
    panic!("the rosters were not to be fetched")
}

#[test]
fn a_newer_state_is_taken_over_without_asking_for_rosters() {
    let ca = Ca::new();
    let (next, changes) = known(&ca).take_over(ca.state(2), no_fetch).unwrap();
    assert_eq!(next.number(), 2);
    assert!(!changes.is_notable());
}

#[test]
fn an_older_state_is_refused() {
    let ca = Ca::new();
    let (next, _) = known(&ca).take_over(ca.state(5), no_fetch).unwrap();
    let error = next.take_over(ca.state(4), no_fetch).unwrap_err();
    assert!(matches!(
        error,
        Error::State(state::Error::Older { known: 5, found: 4 })
    ));
}

#[test]
fn a_state_by_another_key_is_refused() {
    let ca = Ca::new();
    let mut state = ca.template.clone();
    state.number = 2;
    let foreign = state.sign(sshsig::with_key(&private(99))).unwrap();
    let error = known(&ca).take_over(foreign, no_fetch).unwrap_err();
    assert!(matches!(
        error,
        Error::State(state::Error::ForeignKey { .. })
    ));
}

#[test]
fn the_next_state_key_is_the_one_announced() {
    let mut ca = Ca::new();
    let before = known(&ca);
    ca.template.state_key = public(44);
    let (next, _) = before.take_over(ca.state(2), no_fetch).unwrap();
    assert!(next.take_over(ca.state(3), no_fetch).is_err());
}

#[test]
fn a_new_roster_is_fetched_and_told() {
    let mut ca = Ca::new();
    let before = known(&ca);
    ca.next_roster();
    let rosters = ca.rosters.clone();
    let (next, changes) = before
        .take_over(ca.state(2), || Ok::<_, Infallible>(rosters))
        .unwrap();
    assert_eq!(changes.roster, Some(2));
    assert_eq!(next.chain.newest().number, 2);
}

#[test]
fn a_roster_that_is_named_but_not_sent_changes_nothing() {
    let mut ca = Ca::new();
    let before = known(&ca);
    let old = ca.rosters.clone();
    ca.next_roster();
    let error = before
        .take_over(ca.state(2), || Ok::<_, Infallible>(old))
        .unwrap_err();
    assert!(matches!(
        error,
        Error::RosterMissing {
            wanted: 2,
            found: 1
        }
    ));
}

#[test]
fn another_roster_of_the_same_number_is_a_fork() {
    let mut ca = Ca::new();
    let before = known(&ca);
    ca.template.roster.hash = Digest::of("another");
    let error = before.take_over(ca.state(2), no_fetch).unwrap_err();
    assert!(matches!(error, Error::RosterFork { number: 1, .. }));
}

#[test]
fn a_stop_is_kept_when_a_later_state_omits_it() {
    let mut ca = Ca::new();
    let before = known(&ca);
    let window = Digest::of("a window");
    ca.template.revocations = vec![ca.revocation(window)];
    let (with, changes) = before.take_over(ca.state(2), no_fetch).unwrap();
    assert_eq!(changes.stops, 1);
    ca.template.revocations.clear();
    let (without, changes) = with.take_over(ca.state(3), no_fetch).unwrap();
    assert_eq!(changes.stops, 0);
    assert_eq!(without.stops.len(), 1);
    assert_eq!(without.stops[0].stop.window(), window);
}

#[test]
fn a_stop_that_nobody_in_authority_signed_counts_for_nothing() {
    let mut ca = Ca::new();
    let mut forged = ca.revocation(Digest::of("a window"));
    forged.signature = ca.revocation(Digest::of("another")).signature;
    let before = known(&Ca::new());
    ca.template.revocations = vec![forged];
    let (next, changes) = before.take_over(ca.state(2), no_fetch).unwrap();
    assert_eq!((changes.stops, changes.unusable), (0, 1));
    assert!(next.stops.is_empty());
}

#[test]
fn a_revocation_is_kept_when_a_later_state_omits_it_and_when_the_agent_starts_again() {
    let mut ca = Ca::new();
    let before = known(&ca);
    let revoked = [
        Subject::Person("carol".parse().unwrap()),
        Subject::Serial(7),
        Subject::Host("db1".parse().unwrap()),
    ];
    ca.template.revoked = revoked.iter().map(|it| ca.revocation_of(it)).collect();
    let (with, changes) = before.take_over(ca.state(2), no_fetch).unwrap();
    assert_eq!((changes.revoked, changes.unusable), (3, 0));
    ca.template.revoked.clear();
    let (without, changes) = with.take_over(ca.state(3), no_fetch).unwrap();
    assert_eq!(changes.revoked, 0);
    let folder = tempfile::tempdir().unwrap();
    without.store(folder.path()).unwrap();
    let again = Known::load(folder.path(), ca.pin).unwrap();
    let names = HostNames::new("db1".parse().unwrap(), [], []);
    let kept = again.snapshot(names).revoked;
    let kept: Vec<_> = kept.iter().map(|it| it.subject().clone()).collect();
    assert!(revoked.iter().all(|subject| kept.contains(subject)));
}

#[test]
fn a_revocation_that_nobody_in_authority_signed_counts_for_nothing() {
    let mut ca = Ca::new();
    let before = known(&ca);
    let mut forged = ca.revocation_of(&Subject::Serial(7));
    forged.signature = ca.revocation_of(&Subject::Serial(8)).signature;
    ca.template.revoked = vec![forged];
    let (next, changes) = before.take_over(ca.state(2), no_fetch).unwrap();
    assert_eq!((changes.revoked, changes.unusable), (0, 1));
    assert!(next.revoked.is_empty());
}

#[test]
fn a_rebuilt_ca_is_told_as_such() {
    let mut ca = Ca::new();
    let before = known(&ca);
    ca.template.incarnation = Incarnation::from_bytes([8; 8]);
    assert!(before.take_over(ca.state(1), no_fetch).is_err());
    let (_, changes) = before.take_over(ca.state(2), no_fetch).unwrap();
    assert!(changes.incarnation);
}

#[test]
fn what_is_stored_is_loaded_and_checked_again() {
    let mut ca = Ca::new();
    ca.template.revocations = vec![ca.revocation(Digest::of("a window"))];
    let (before, _) = known(&ca).take_over(ca.state(2), no_fetch).unwrap();
    let folder = tempfile::tempdir().unwrap();
    before.store(folder.path()).unwrap();
    let after = Known::load(folder.path(), ca.pin).unwrap();
    assert_eq!(after.number(), 2);
    assert_eq!(after.stops.len(), 1);

    let foreign = Pin::from(Digest::of("another CA"));
    assert!(matches!(
        Known::load(folder.path(), foreign),
        Err(store::Error::Unverified(_))
    ));
}

#[test]
fn a_narrowing_is_kept_when_a_later_state_omits_it_and_when_the_agent_starts_again() {
    let mut ca = Ca::new();
    let before = known(&ca);
    let window = Digest::of("a window");
    ca.template.narrowings = vec![ca.narrowing(window)];
    let (with, changes) = before.take_over(ca.state(2), no_fetch).unwrap();
    assert_eq!((changes.narrowed, changes.unusable), (1, 0));
    ca.template.narrowings.clear();
    let (without, changes) = with.take_over(ca.state(3), no_fetch).unwrap();
    assert_eq!(changes.narrowed, 0);
    let folder = tempfile::tempdir().unwrap();
    without.store(folder.path()).unwrap();
    let again = Known::load(folder.path(), ca.pin).unwrap();
    let names = HostNames::new("db1".parse().unwrap(), [], []);
    let kept = again.snapshot(names).narrowings;
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].narrowing().window, window);
}

#[test]
fn a_narrowing_that_nobody_in_the_roster_signed_counts_for_nothing() {
    let mut ca = Ca::new();
    let before = known(&ca);
    let mut forged = ca.narrowing(Digest::of("a window"));
    forged.signature = ca.narrowing(Digest::of("another")).signature;
    ca.template.narrowings = vec![forged];
    let (next, changes) = before.take_over(ca.state(2), no_fetch).unwrap();
    assert_eq!((changes.narrowed, changes.unusable), (0, 1));
    assert!(next.narrowings.is_empty());
}
