//! The roster's policy, asked over HTTPS: the CA takes in, approves and certifies by it.

mod house;

use daypass_protocol::api::{CertificateWish, Issued, WindowState};
use daypass_protocol::roster::policy::Policy;
use daypass_protocol::roster::{ApprovalKeys, Role};
use daypass_protocol::statement::Verb;
use house::{House, No, Someone, no};
use serde_json::json;

fn set(house: &House, policy: serde_json::Value) {
    let policy: Policy = serde_json::from_value(policy).unwrap();
    house.change_roster(|roster| roster.policy = policy);
}

fn login(house: &House, who: &Someone, host: &str) -> Result<(), No> {
    let wish = CertificateWish {
        host: host.parse().unwrap(),
        account: "deploy".parse().unwrap(),
        key: who.public(),
        window: None,
    };
    house
        .post::<Issued>(who, "/v1/certificates", &wish)
        .map(|_| ())
}

#[test]
fn a_group_that_asks_for_two_approvals_gets_two() {
    let (cody, bob, eve) = (
        Someone::new("cody"),
        Someone::new("bob"),
        Someone::new("eve"),
    );
    let house = House::with(&[
        (&cody, &[Role::Contractor]),
        (&bob, &[Role::Approver]),
        (&eve, &[Role::Approver]),
    ]);
    // Machines of the house are in the group db-prod.
    house.host("db1");
    let other = house.token("web1", &[]);
    house.enroll(&other).unwrap();
    set(
        &house,
        json!({"rules": [{"name": "prod", "groups": ["db-prod"], "require": {"approvals": 2}}]}),
    );
    let window = house.request(&cody, &house.wish("db1"));
    let view = house.say(&bob, Verb::Approve, &window).unwrap();
    assert_eq!(view.state, WindowState::Requested);
    assert_eq!(login(&house, &cody, "db1"), no(403, "not-approved"));
    let view = house.say(&eve, Verb::Approve, &window).unwrap();
    assert_eq!(view.state, WindowState::Open);
    assert_eq!(login(&house, &cody, "db1"), Ok(()));
    let elsewhere = house.request(&cody, &house.wish("web1"));
    let view = house.say(&bob, Verb::Approve, &elsewhere).unwrap();
    assert_eq!(view.state, WindowState::Open);
}

#[test]
fn what_the_policy_approves_in_advance_is_open_as_soon_as_it_is_asked_for() {
    let (cody, eve) = (Someone::new("cody"), Someone::new("eve"));
    let house = House::with(&[(&cody, &[Role::Contractor]), (&eve, &[Role::Contractor])]);
    house.host("db1");
    let every_day = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    set(
        &house,
        json!({"approvals": 2, "standing": [{
            "name": "care",
            "contractors": ["cody"],
            "groups": ["db-prod"],
            "accounts": ["deploy"],
            "sudo": ["/usr/bin/systemctl restart shop"],
            "hours": {"zone": "UTC", "ranges": [{"days": every_day, "from": "00:00", "to": "24:00"}], "outside": "deny"},
            "until": house.now().plus(86_400),
            "permit": ["pty"],
        }]}),
    );
    let window = house.draft(&cody, &house.wish("db1")).unwrap();
    let view = house.submit(&cody, Verb::Request, &window).unwrap();
    assert_eq!(view.state, WindowState::Open);
    assert_eq!(login(&house, &cody, "db1"), Ok(()));
    let window = house.draft(&eve, &house.wish("db1")).unwrap();
    let view = house.submit(&eve, Verb::Request, &window).unwrap();
    assert_eq!(view.state, WindowState::Requested);
    // The roster that no longer says so closes it.
    set(&house, json!({"approvals": 2}));
    assert_eq!(login(&house, &cody, "db1"), no(403, "not-approved"));
}

#[test]
fn what_a_rule_forbids_is_refused_at_submission() {
    let (cody, bob) = (Someone::new("cody"), Someone::new("bob"));
    let house = House::with(&[(&cody, &[Role::Contractor]), (&bob, &[Role::Approver])]);
    house.host("db1");
    set(
        &house,
        json!({"rules": [
            {"name": "short", "hosts": ["db1"], "require": {"max_window": 60, "max_certificate_ttl": 60}},
            {"name": "whence", "accounts": ["root"], "require": {"sources": ["192.0.2.0/24"]}},
            {"name": "nobody", "accounts": ["oracle"], "require": {"contractors": []}},
        ]}),
    );
    let ask = |change: &dyn Fn(&mut daypass_protocol::api::Wish)| {
        let mut wish = house.wish("db1");
        wish.ends = wish.starts.plus(60);
        change(&mut wish);
        let window = house.draft(&cody, &wish)?;
        assert!(window.document().max_certificate_ttl <= 60);
        house.submit(&cody, Verb::Request, &window).map(|_| ())
    };
    assert_eq!(ask(&|_| {}), Ok(()));
    assert_eq!(
        ask(&|wish| wish.ends = wish.starts.plus(61)),
        no(422, "window-too-long")
    );
    assert_eq!(
        ask(&|wish| wish.accounts = vec!["root".parse().unwrap()]),
        no(422, "sources-required")
    );
    assert_eq!(
        ask(&|wish| wish.accounts = vec!["oracle".parse().unwrap()]),
        no(422, "contractor-not-allowed")
    );
}

#[test]
fn an_approval_by_a_key_that_the_policy_does_not_take_is_refused_and_journalled() {
    let (cody, bob) = (Someone::new("cody"), Someone::new("bob"));
    let house = House::with(&[(&cody, &[Role::Contractor]), (&bob, &[Role::Approver])]);
    house.host("db1");
    house.change_roster(|roster| roster.policy.approval_keys = ApprovalKeys::Verified);
    let window = house.request(&cody, &house.wish("db1"));
    assert_eq!(
        house.say(&bob, Verb::Approve, &window).map(|_| ()),
        no(403, "key-too-weak")
    );
    assert_eq!(
        house.told("statement.refused").last().unwrap()["code"],
        "key-too-weak"
    );
    let window = house.draft(&bob, &{
        let mut wish = house.wish("db1");
        wish.contractor = Some(cody.name.clone());
        wish
    });
    assert_eq!(
        house
            .submit(&bob, Verb::Grant, &window.unwrap())
            .map(|_| ()),
        no(403, "key-too-weak")
    );
    assert_eq!(login(&house, &cody, "db1"), no(403, "not-approved"));
}
