use std::convert::Infallible;

use daypass_protocol::digest::{Digest, Incarnation};
use daypass_protocol::revocation::Subject;
use daypass_protocol::sshsig;

use super::*;
use crate::fixture::{Ca, NOW, private, public};

/// An hour after the first state.
fn clock() -> OwnClock {
    OwnClock {
        now: Time::from_unix(NOW + 3600),
        tolerance: 300,
    }
}

fn known(ca: &Ca) -> Known {
    Known::first(ca.pin, ca.rosters.clone(), ca.state(1)).unwrap()
}

fn no_fetch() -> Result<Vec<SignedRoster>, Infallible> {
    panic!("the rosters were not to be fetched")
}

#[test]
fn a_newer_state_is_taken_over_without_asking_for_rosters() {
    let ca = Ca::new();
    let (next, changes) = known(&ca)
        .take_over(ca.state(2), clock(), no_fetch)
        .unwrap();
    assert_eq!(next.number(), 2);
    assert!(!changes.is_notable());
}

#[test]
fn an_older_state_is_refused() {
    let ca = Ca::new();
    let (next, _) = known(&ca)
        .take_over(ca.state(5), clock(), no_fetch)
        .unwrap();
    let error = next.take_over(ca.state(4), clock(), no_fetch).unwrap_err();
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
    let error = known(&ca)
        .take_over(foreign, clock(), no_fetch)
        .unwrap_err();
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
    let (next, _) = before.take_over(ca.state(2), clock(), no_fetch).unwrap();
    assert!(next.take_over(ca.state(3), clock(), no_fetch).is_err());
}

#[test]
fn a_new_roster_is_fetched_and_told() {
    let mut ca = Ca::new();
    let before = known(&ca);
    ca.next_roster();
    let rosters = ca.rosters.clone();
    let (next, changes) = before
        .take_over(ca.state(2), clock(), || Ok::<_, Infallible>(rosters))
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
        .take_over(ca.state(2), clock(), || Ok::<_, Infallible>(old))
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
    let error = before
        .take_over(ca.state(2), clock(), no_fetch)
        .unwrap_err();
    assert!(matches!(error, Error::RosterFork { number: 1, .. }));
}

#[test]
fn a_stop_is_kept_when_a_later_state_omits_it() {
    let mut ca = Ca::new();
    let before = known(&ca);
    let window = Digest::of("a window");
    ca.template.revocations = vec![ca.revocation(window)];
    let (with, changes) = before.take_over(ca.state(2), clock(), no_fetch).unwrap();
    assert_eq!(changes.stops, 1);
    ca.template.revocations.clear();
    let (without, changes) = with.take_over(ca.state(3), clock(), no_fetch).unwrap();
    assert_eq!(changes.stops, 0);
    let kept: Vec<Digest> = without.stops.all().map(Stop::window).collect();
    assert_eq!(kept, [window]);
}

#[test]
fn a_stop_that_nobody_in_authority_signed_counts_for_nothing() {
    let mut ca = Ca::new();
    let mut forged = ca.revocation(Digest::of("a window"));
    forged.signature = ca.revocation(Digest::of("another")).signature;
    let before = known(&Ca::new());
    ca.template.revocations = vec![forged];
    let (next, changes) = before.take_over(ca.state(2), clock(), no_fetch).unwrap();
    assert_eq!((changes.stops, changes.unusable), (0, 1));
    assert_eq!(next.stops.all().count(), 0);
    // Once, not with each state that says the same.
    let (_, changes) = next.take_over(ca.state(3), clock(), no_fetch).unwrap();
    assert!(!changes.is_notable());
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
    let (with, changes) = before.take_over(ca.state(2), clock(), no_fetch).unwrap();
    assert_eq!((changes.revoked, changes.unusable), (3, 0));
    ca.template.revoked.clear();
    let (without, changes) = with.take_over(ca.state(3), clock(), no_fetch).unwrap();
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
    let (next, changes) = before.take_over(ca.state(2), clock(), no_fetch).unwrap();
    assert_eq!((changes.revoked, changes.unusable), (0, 1));
    assert_eq!(next.revoked.all().count(), 0);
}

#[test]
fn a_rebuilt_ca_is_told_as_such() {
    let mut ca = Ca::new();
    let before = known(&ca);
    ca.template.incarnation = Incarnation::from_bytes([8; 8]);
    assert!(before.take_over(ca.state(1), clock(), no_fetch).is_err());
    let (_, changes) = before.take_over(ca.state(2), clock(), no_fetch).unwrap();
    assert!(changes.incarnation);
}

#[test]
fn what_is_stored_is_loaded_and_checked_again() {
    let mut ca = Ca::new();
    ca.template.revocations = vec![ca.revocation(Digest::of("a window"))];
    let (before, _) = known(&ca)
        .take_over(ca.state(2), clock(), no_fetch)
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    before.store(folder.path()).unwrap();
    let after = Known::load(folder.path(), ca.pin).unwrap();
    assert_eq!(after.number(), 2);
    assert_eq!(after.stops.all().count(), 1);

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
    let (with, changes) = before.take_over(ca.state(2), clock(), no_fetch).unwrap();
    assert_eq!((changes.narrowed, changes.unusable), (1, 0));
    ca.template.narrowings.clear();
    let (without, changes) = with.take_over(ca.state(3), clock(), no_fetch).unwrap();
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
    let (next, changes) = before.take_over(ca.state(2), clock(), no_fetch).unwrap();
    assert_eq!((changes.narrowed, changes.unusable), (0, 1));
    assert_eq!(next.narrowings.all().count(), 0);
}

#[test]
fn a_state_that_is_dated_ahead_is_refused() {
    let ca = Ca::new();
    let before = known(&ca);
    let due = clock().now.plus(clock().tolerance);
    assert!(
        before
            .take_over(ca.state_at(2, due), clock(), no_fetch)
            .is_ok()
    );
    let ahead = ca.state_at(2, due.plus(1));
    let error = before.take_over(ahead, clock(), no_fetch).unwrap_err();
    assert!(matches!(error, Error::State(state::Error::Ahead { .. })));
}

#[test]
fn what_takes_away_counts_even_in_a_state_that_is_dated_ahead() {
    let mut ca = Ca::new();
    let before = known(&ca);
    let window = Digest::of("a window");
    ca.template.revocations = vec![ca.revocation(window)];
    let ahead = ca.state_at(2, clock().now.plus(86_400));
    let (heeded, changes) = before.heed(&ahead, no_fetch).unwrap();
    assert_eq!((heeded.number(), changes.stops), (1, 1));
    assert!(heeded.heed(&ahead, no_fetch).is_none(), "nothing new");
    let mut forged = ahead.clone();
    forged.signature = ca.state(3).signature;
    assert!(before.heed(&forged, no_fetch).is_none(), "not the CA's");
    // A state that can be taken over, and says nothing of it, takes nothing of it back.
    ca.template.revocations.clear();
    let (next, _) = heeded.take_over(ca.state(2), clock(), no_fetch).unwrap();
    let kept: Vec<Digest> = next.stops.all().map(Stop::window).collect();
    assert_eq!(kept, [window]);
}

/// What is kept of a stop, a revocation and a narrowing, all expiring an hour after `NOW`, once a state so many days later was
/// taken over by a clock so many days later.
fn kept_after(dated: u64, shown: u64) -> [usize; 3] {
    let mut ca = Ca::new();
    let before = known(&ca);
    let window = Digest::of("a window");
    ca.template.revocations = vec![ca.revocation(window)];
    ca.template.revoked = vec![ca.revocation_of(&Subject::Serial(7))];
    ca.template.narrowings = vec![ca.narrowing(window)];
    let (with, _) = before.take_over(ca.state(2), clock(), no_fetch).unwrap();
    ca.template.revocations.clear();
    ca.template.revoked.clear();
    ca.template.narrowings.clear();
    let later = |days: u64| Time::from_unix(NOW).plus(2 * 3600 + days * 86_400);
    let late = OwnClock {
        now: later(shown),
        tolerance: u64::MAX,
    };
    let state = ca.state_at(3, later(dated));
    let (next, _) = with.take_over(state, late, no_fetch).unwrap();
    [
        next.stops.all().count(),
        next.revoked.all().count(),
        next.narrowings.all().count(),
    ]
}

#[test]
fn what_takes_away_is_forgotten_by_the_earlier_of_two_clocks() {
    assert_eq!(kept_after(0, 0), [1, 1, 1]);
    assert_eq!(kept_after(400, 0), [1, 1, 1], "the CA's alone runs ahead");
    assert_eq!(kept_after(0, 400), [1, 1, 1], "this host's alone does");
    assert_eq!(kept_after(400, 400), [0, 0, 0]);
}

#[test]
fn a_narrowing_is_forgotten_a_day_after_its_window_and_the_rest_a_year_later() {
    assert_eq!(kept_after(1, 1), [1, 1, 0]);
    assert_eq!(kept_after(364, 364), [1, 1, 0]);
}

#[test]
fn a_roster_signed_with_a_key_that_was_revoked_before_is_not_taken_over() {
    let mut ca = Ca::new();
    let before = known(&ca);
    let admin = Subject::Key(public(crate::fixture::ADMIN).fingerprint());
    ca.template.revoked = vec![ca.revocation_of(&admin)];
    let (warned, _) = before.take_over(ca.state(2), clock(), no_fetch).unwrap();
    // Who has the key and the CA dates whatever they like, and leaves the revocation out.
    ca.template.revoked.clear();
    ca.next_roster();
    let rosters = || Ok::<_, Infallible>(ca.rosters.clone());
    let error = warned.take_over(ca.state(3), clock(), rosters).unwrap_err();
    assert!(matches!(error, Error::RosterByRevokedKey { number: 2, .. }));
    // A host that hears of both at once cannot know which came first, and the CA takes none after the revocation.
    ca.template.revoked = vec![ca.revocation_of(&admin)];
    let (late, changes) = before
        .take_over(ca.state(3), clock(), || {
            Ok::<_, Infallible>(ca.rosters.clone())
        })
        .unwrap();
    assert_eq!((changes.roster, changes.revoked), (Some(2), 1));
    // What was taken over stands, also after a restart.
    let folder = tempfile::tempdir().unwrap();
    late.store(folder.path()).unwrap();
    assert!(Known::load(folder.path(), ca.pin).is_ok());
}

#[test]
fn the_recovery_key_helps_where_the_admins_key_was_revoked() {
    let mut ca = Ca::new();
    let before = known(&ca);
    let admin = Subject::Key(public(crate::fixture::ADMIN).fingerprint());
    ca.template.revoked = vec![ca.revocation_of(&admin)];
    let (warned, _) = before.take_over(ca.state(2), clock(), no_fetch).unwrap();
    ca.next_roster_by_recovery();
    let rosters = || Ok::<_, Infallible>(ca.rosters.clone());
    let (_, changes) = warned.take_over(ca.state(3), clock(), rosters).unwrap();
    assert_eq!((changes.roster, changes.recovery), (Some(2), Some(2)));
}

#[test]
fn what_is_heeded_of_a_state_comes_with_its_rosters() {
    let mut ca = Ca::new();
    let before = known(&ca);
    ca.next_roster();
    let admin = Subject::Key(public(crate::fixture::ADMIN).fingerprint());
    ca.template.revoked = vec![ca.revocation_of(&admin)];
    let ahead = ca.state_at(2, clock().now.plus(86_400));
    let away = || Err::<Vec<SignedRoster>, _>("away");
    assert!(before.heed(&ahead, away).is_none());
    let rosters = || Ok::<_, Infallible>(ca.rosters.clone());
    let (heeded, changes) = before.heed(&ahead, rosters).unwrap();
    assert_eq!((changes.roster, changes.revoked), (Some(2), 1));
    // Else the roster that came before the revocation would be taken for one after it.
    assert!(heeded.take_over(ca.state(2), clock(), no_fetch).is_ok());
}
