use super::crowd::MOST;
use super::*;
use crate::gate::fixture::Host;
use crate::sessions::fixture::{Monitor, SOON, until};

/// A contractor's sudo goes by this service, and everybody else's by the other.
const CONTRACTORS: &str = "daypass-sudo";
const OTHERS: &str = "sudo";

/// Holds for each request, and for nothing that is refused.
const ENDS_BY_ANY_REQUEST: &str = r#"
[[end]]
name = "no-sudo"
title = "Nobody uses sudo here"
when.actions = ["sudo.request"]
"#;

fn is_allowed(response: &Response) -> bool {
    matches!(response, Response::Allow { .. })
}

fn entry(action: &str, code: Option<&str>) -> (String, Option<String>) {
    (action.to_owned(), code.map(ToOwned::to_owned))
}

#[test]
fn a_contractors_call_without_a_legible_command_line_is_refused_and_not_journalled_as_allowed() {
    let host = Host::with("");
    let (legible, illegible) = (Monitor::start(), Monitor::of_the_dead());
    let sessions = [host.let_in(&legible, 1), host.let_in(&illegible, 2)];
    // The module takes this for a refusal, as it does everything but a yes.
    assert_eq!(host.account(&illegible, CONTRACTORS), Response::Ignore);
    assert!(is_allowed(&host.account(&legible, CONTRACTORS)));
    assert!(sessions.iter().all(|session| session.is_open()));
    assert_eq!(host.journalled(), [entry("sudo.request", None)]);
}

#[test]
fn when_a_sessions_places_are_taken_the_next_call_is_refused_before_any_rule_is_judged() {
    let host = Host::with(ENDS_BY_ANY_REQUEST);
    let monitor = Monitor::start();
    let session = host.let_in(&monitor, 1);
    let come = || host.gates.crowd.come(session.record.id).unwrap();
    let places: Vec<_> = (0..MOST).map(|_| come()).collect();
    let refused = host.account(&monitor, CONTRACTORS);
    assert_eq!(refused, Response::deny(diagnostic::SUDO_CROWDED));
    assert!(session.is_open());
    drop(places);
    // With room, the rule is judged: it is not for want of one that the call before passed it by.
    let refused = host.account(&monitor, CONTRACTORS);
    assert!(matches!(refused, Response::Deny { message } if message.contains("Nobody uses sudo")));
    assert!(monitor.child.ends_within(SOON));
    until("the session's end", || {
        host.gates.sessions().by_id(session.record.id).is_none()
    });
    let mut journalled = host.journalled();
    journalled.retain(|(action, _)| action.starts_with("sudo."));
    let expected = ["sudo-crowded", "ended-by-rule"].map(|code| entry("sudo.denied", Some(code)));
    assert_eq!(journalled, expected);
}

#[test]
fn an_ordinary_users_call_is_refused_neither_for_its_command_line_nor_for_a_crowd() {
    let host = Host::with("");
    let (carols, olgas, illegible) = (Monitor::start(), Monitor::start(), Monitor::of_the_dead());
    let session = host.let_in(&carols, 1);
    let come = || host.gates.crowd.come(session.record.id).unwrap();
    let _places: Vec<_> = (0..MOST).map(|_| come()).collect();
    // The last is whom the contractor's sudo made root: nobody's call is refused to root.
    for caller in [&olgas, &illegible, &carols] {
        assert!(is_allowed(&host.account(caller, OTHERS)));
    }
    let refused = host.account(&carols, CONTRACTORS);
    assert_eq!(refused, Response::deny(diagnostic::SUDO_CROWDED));
    let request = || entry("sudo.request", None);
    let denied = entry("sudo.denied", Some("sudo-crowded"));
    assert_eq!(host.journalled(), [request(), request(), request(), denied]);
}
