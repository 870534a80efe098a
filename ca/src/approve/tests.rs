use daypass_protocol::roster::{Person, Policy};
use daypass_protocol::version::Version;
use daypass_protocol::window::WindowId;
use ssh_key::PrivateKey;
use ssh_key::private::Ed25519Keypair;

use super::*;

const NOW: i64 = 1_800_000_000;

fn key(seed: u8) -> daypass_protocol::key::Key {
    let key = PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]));
    daypass_protocol::key::Key::try_from(key.public_key().key_data().clone()).unwrap()
}

fn person(name: &str, seed: u8, roles: &[Role]) -> Person {
    Person {
        name: name.parse().unwrap(),
        roles: roles.to_vec(),
        keys: vec![key(seed)],
    }
}

/// cody asks; bob and eve approve; ada is admin.
fn roster(approvals: u8) -> Roster {
    Roster {
        v: Version,
        number: 1,
        previous: None,
        time: Time::from_unix(0),
        people: vec![
            person("ada", 1, &[Role::Admin]),
            person("bob", 2, &[Role::Approver]),
            person("cody", 3, &[Role::Contractor]),
            person("eve", 4, &[Role::Approver]),
        ],
        recovery: key(9),
        policy: Policy {
            approvals,
            ..Policy::default()
        },
    }
}

fn window() -> Window {
    serde_json::from_value(serde_json::json!({
        "v": 1,
        "id": WindowId::new(Time::from_unix(NOW), [0; 10]),
        "ca": "0".repeat(64),
        "contractor": "cody",
        "keys": [key(3).fingerprint()],
        "hosts": ["db1"],
        "accounts": ["deploy"],
        "starts": Time::from_unix(NOW),
        "ends": Time::from_unix(NOW + 100),
        "permit": [],
        "max_certificate_ttl": 60,
        "reason": "a test",
    }))
    .unwrap()
}

fn said(verb: Verb, signer: &str, seed: u8) -> Said {
    Said {
        verb,
        signer: signer.parse().unwrap(),
        key: key(seed).fingerprint(),
        signed_with: ApprovalKeys::Any,
        expires: window().ends,
    }
}

fn at(said: &[Said], roster: &Roster, seconds: i64) -> WindowState {
    let places = [Place::new("db1".parse().unwrap(), [], [])];
    let now = Time::from_unix(NOW + seconds);
    state(&window(), &places, said, roster, now)
}

#[test]
fn a_request_alone_waits_and_then_lapses() {
    let said = [said(Verb::Request, "cody", 3)];
    assert_eq!(at(&said, &roster(1), 0), WindowState::Requested);
    assert_eq!(at(&said, &roster(1), 99), WindowState::Requested);
    assert_eq!(at(&said, &roster(1), 100), WindowState::Lapsed);
}

#[test]
fn an_approved_window_opens_at_its_first_second_and_closes_after_its_last() {
    let said = [
        said(Verb::Request, "cody", 3),
        said(Verb::Approve, "bob", 2),
    ];
    assert_eq!(at(&said, &roster(1), -1), WindowState::Approved);
    assert_eq!(at(&said, &roster(1), 0), WindowState::Open);
    assert_eq!(at(&said, &roster(1), 99), WindowState::Open);
    assert_eq!(at(&said, &roster(1), 100), WindowState::Closed);
}

#[test]
fn a_grant_counts_as_request_and_as_one_approval() {
    let grant = said(Verb::Grant, "bob", 2);
    assert_eq!(
        at(std::slice::from_ref(&grant), &roster(1), 0),
        WindowState::Open
    );
    assert_eq!(
        at(std::slice::from_ref(&grant), &roster(2), 0),
        WindowState::Requested
    );
    let both = [grant, said(Verb::Approve, "eve", 4)];
    assert_eq!(at(&both, &roster(2), 0), WindowState::Open);
}

#[test]
fn the_beneficiary_never_counts_as_an_approver() {
    let mut roster = roster(1);
    roster.people[2].roles.push(Role::Approver);
    for verb in [Verb::Approve, Verb::Grant] {
        let said = [said(Verb::Request, "cody", 3), said(verb, "cody", 3)];
        assert_eq!(at(&said, &roster, 0), WindowState::Requested);
    }
}

#[test]
fn who_lost_role_or_key_counts_no_more_while_the_window_lasts_and_history_stays() {
    let said = [
        said(Verb::Request, "cody", 3),
        said(Verb::Approve, "bob", 2),
    ];
    let mut demoted = roster(1);
    demoted.people[1].roles = vec![Role::Auditor];
    let mut rekeyed = roster(1);
    rekeyed.people[1].keys = vec![key(7)];
    let mut gone = roster(1);
    gone.people.remove(1);
    for roster in [demoted, rekeyed, gone] {
        assert_eq!(at(&said, &roster, 0), WindowState::Requested);
        assert_eq!(at(&said, &roster, 100), WindowState::Closed);
        let now = Time::from_unix(NOW);
        assert_eq!(counting(&window(), &said, &roster, now), [0]);
    }
}

#[test]
fn what_somebody_meant_for_a_time_counts_no_longer_and_somebody_else_approves_anew() {
    let short = Said {
        expires: Time::from_unix(NOW + 50),
        ..said(Verb::Approve, "bob", 2)
    };
    let mut all = vec![said(Verb::Request, "cody", 3), short];
    assert_eq!(at(&all, &roster(1), 49), WindowState::Open);
    assert_eq!(at(&all, &roster(1), 50), WindowState::Requested);
    all.push(said(Verb::Approve, "eve", 4));
    assert_eq!(at(&all, &roster(1), 50), WindowState::Open);
    let then = |seconds| {
        let now = Time::from_unix(NOW + seconds);
        counting(&window(), &all, &roster(1), now)
    };
    assert_eq!((then(49), then(50)), (vec![0, 1, 2], vec![0, 2]));
    assert_eq!(at(&all, &roster(1), 100), WindowState::Closed);
}

#[test]
fn what_ends_a_window_outlives_its_signer_and_its_time() {
    let mut without_bob = roster(1);
    without_bob.people.remove(1);
    for (verb, state) in [
        (Verb::Deny, WindowState::Denied),
        (Verb::End, WindowState::Ended),
        (Verb::Revoke, WindowState::Revoked),
    ] {
        let said = [said(Verb::Request, "cody", 3), said(verb, "bob", 2)];
        assert_eq!(at(&said, &without_bob, 0), state);
        assert_eq!(at(&said, &without_bob, 200), state);
    }
}

#[test]
fn a_contractor_who_left_has_asked_for_nothing() {
    let said = [
        said(Verb::Request, "cody", 3),
        said(Verb::Approve, "bob", 2),
    ];
    let mut roster = roster(1);
    roster.people.remove(2);
    assert_eq!(at(&said, &roster, 0), WindowState::Requested);
}
