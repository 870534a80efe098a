use std::thread;

use super::*;
use crate::fixture::{Ca, NOW};
use crate::state::Known;

fn numbered(number: u64) -> Snapshot {
    let ca = Ca::new();
    let known = Known::first(ca.pin, ca.rosters.clone(), ca.state(number)).unwrap();
    let alias = "db1.example.org".parse().unwrap();
    known.snapshot(HostNames::new("db1".parse().unwrap(), [alias], []))
}

#[test]
fn a_host_has_its_name_first_and_then_its_aliases() {
    let host = numbered(1).host;
    assert_eq!(host.name().as_str(), "db1");
    assert_eq!(host.all().len(), 2);
}

#[test]
fn whoever_asks_for_a_known_state_does_not_wait() {
    let authority = Authority::new(numbered(7));
    let snapshot = authority.catch_up(7, Instant::now()).unwrap();
    assert_eq!(snapshot.state.number, 7);
}

#[test]
fn whoever_asks_for_a_newer_state_wakes_the_poller_and_gets_it() {
    let authority = Authority::new(numbered(7));
    thread::scope(|scope| {
        scope.spawn(|| {
            assert_eq!(authority.next_turn(Duration::from_secs(3600)), Turn::Poll);
            authority.publish(numbered(8));
        });
        let deadline = Instant::now() + Duration::from_secs(60);
        let snapshot = authority.catch_up(8, deadline).unwrap();
        assert_eq!(snapshot.state.number, 8);
    });
}

#[test]
fn a_state_that_does_not_come_is_behind() {
    let authority = Authority::new(numbered(7));
    let behind = authority.catch_up(9, Instant::now()).unwrap_err();
    assert_eq!(behind, Behind { have: 7, wanted: 9 });
}

#[test]
fn stopping_ends_all_waiting() {
    let authority = Authority::new(numbered(7));
    authority.stop();
    assert_eq!(authority.next_turn(Duration::from_secs(3600)), Turn::Stop);
    let deadline = Instant::now() + Duration::from_secs(3600);
    assert!(authority.catch_up(8, deadline).is_err());
}

#[test]
fn a_fresh_state_is_fit_and_an_old_one_is_not() {
    let authority = Authority::new(numbered(1));
    let limits = StateConfig::default();
    let signed = Time::from_unix(NOW).plus(60);
    assert!(
        authority
            .fit_for_logins(&limits, signed.plus(8 * 3600))
            .is_ok()
    );
    let unfit = authority.fit_for_logins(&limits, signed.plus(8 * 3600 + 1));
    assert!(matches!(unfit, Err(Unfit::TooOld { .. })));
}

#[test]
fn a_clock_that_contradicts_the_cas_is_unfit() {
    let authority = Authority::new(numbered(1));
    let signed = Time::from_unix(NOW).plus(60);
    authority.clock().heard(SystemTime::from(signed).into());
    let limits = StateConfig::default();
    assert!(authority.fit_for_logins(&limits, signed).is_ok());
    let unfit = authority.fit_for_logins(&limits, signed.plus(600));
    assert!(matches!(unfit, Err(Unfit::ClockOff { .. })));
}

#[test]
fn a_clock_that_is_behind_the_newest_state_is_unfit_though_nobody_told_how_late_it_is() {
    let authority = Authority::new(numbered(1));
    let limits = StateConfig::default();
    let signed = Time::from_unix(NOW).plus(60);
    let earlier = |seconds| authority.fit_for_logins(&limits, signed.minus(seconds));
    assert!(earlier(300).is_ok());
    assert!(matches!(earlier(301), Err(Unfit::ClockOff { .. })));
}
