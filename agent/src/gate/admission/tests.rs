use daypass_protocol::certificate::Request;
use daypass_protocol::grant::Grant;
use daypass_protocol::roster::Chain;
use daypass_protocol::window::{FrozenWindow, Window, WindowId};

use super::*;
use crate::authority::HostNames;
use crate::fixture::{ADMIN, CONTRACTOR, Ca, NOW, USER_CA, private, public};
use crate::state::Known;

fn now() -> Time {
    Time::from_unix(NOW).plus(60)
}

fn snapshot(ca: &Ca) -> Snapshot {
    let known = Known::first(ca.pin, ca.rosters.clone(), ca.state(1)).unwrap();
    known.snapshot(HostNames::new("db1".parse().unwrap(), [], []))
}

/// A certificate of Carol's for a window that Alice granted.
fn certificate(ca: &Ca) -> Profile {
    certificate_of(ca, &ca.window(&["/usr/bin/id"]))
}

fn certificate_of(ca: &Ca, window: &FrozenWindow) -> Profile {
    let chain = Chain::verify(ca.pin, &ca.rosters).unwrap();
    let host = HostNames::new("db1".parse().unwrap(), [], []);
    let approved = Grant::new(window, vec![ca.grant(window.hash())])
        .check(chain.newest(), &[host.place().clone()], now())
        .unwrap();
    let certificate = Request {
        window: &approved,
        key: &public(CONTRACTOR),
        serial: 7,
        nonce: [1; 32],
        state: 1,
        now: now(),
        ttl: 600,
        skew: SKEW,
    }
    .issue(&private(USER_CA))
    .unwrap();
    Profile::check(&certificate, &[public(USER_CA)], now()).unwrap()
}

fn judged(ca: &Ca) -> Result<Admission, Refusal> {
    judge(&snapshot(ca), certificate(ca), "deploy", None, now())
}

#[test]
fn whoever_was_granted_a_window_is_let_in() {
    let admission = judged(&Ca::new()).unwrap();
    assert_eq!(admission.closes, Time::from_unix(NOW).plus(3600));
}

#[test]
fn what_was_signed_with_a_key_that_was_revoked_opens_nothing_whatever_its_date() {
    let mut ca = Ca::new();
    let approvers = Subject::Key(public(ADMIN).fingerprint());
    // Dated as the grant is: whoever has the key could have dated it before as well.
    ca.template.revoked = vec![ca.revocation_of(&approvers)];
    let refusal = judged(&ca).unwrap_err();
    assert_eq!(refusal.code(), "statement-key-revoked");
    let said = refusal.to_string();
    assert!(
        said.contains("alice's \"grant\"") && said.contains("new approval"),
        "{said}"
    );
}

#[test]
fn the_revocation_of_somebody_elses_key_keeps_nobody_out() {
    let mut ca = Ca::new();
    let others = Subject::Key(public(99).fingerprint());
    ca.template.revoked = vec![ca.revocation_of(&others)];
    assert!(judged(&ca).is_ok());
    let own = Subject::Key(public(CONTRACTOR).fingerprint());
    ca.template.revoked = vec![ca.revocation_of(&own)];
    assert_eq!(judged(&ca).unwrap_err().code(), "key-revoked");
}

#[test]
fn a_window_that_is_dated_after_what_was_said_of_it_opens_nothing() {
    let ca = Ca::new();
    let dated = |seconds| {
        let window = Window {
            id: WindowId::new(Time::from_unix(NOW).plus(seconds), [8; 10]),
            ..ca.window(&[]).document().clone()
        };
        let window = FrozenWindow::freeze(&window).unwrap();
        let profile = certificate_of(&ca, &window);
        judge(&snapshot(&ca), profile, "deploy", None, now())
    };
    // Alice's grant is of the same second; clocks differ by a minute.
    assert!(dated(SKEW).is_ok());
    assert_eq!(dated(SKEW + 1).unwrap_err().code(), "window-misdated");
}
