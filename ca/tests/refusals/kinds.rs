//! Messages of a kind that nobody knows, or that belongs elsewhere: well signed, and refused wherever they are sent.

use daypass_protocol::api::WindowView;
use daypass_protocol::revocation::{Revocation, Subject};
use daypass_protocol::roster::Role;
use daypass_protocol::sshsig;
use daypass_protocol::statement::Verb;
use serde_json::{Value, json};

use crate::house::{House, Someone, no};

#[test]
fn a_verb_that_nobody_knows_does_nothing_however_well_it_is_signed() {
    let [cody, bob] = ["cody", "bob"].map(Someone::new);
    let house = House::with(&[(&cody, &[Role::Contractor]), (&bob, &[Role::Approver])]);
    house.host("db1");
    let window = house.request(&cody, &house.wish("db1"));
    let approval = house.statement(&bob, Verb::Approve, &window).statement;
    let path = format!("/v1/windows/{}", window.document().id);
    for verb in ["bless", "Approve", "approve ", ""] {
        let statement = approval.replace("\"approve\"", &format!("\"{verb}\""));
        for namespace in [
            format!("daypass-{verb}@v1"),
            "daypass-approve@v1".to_owned(),
        ] {
            let sign = sshsig::with_key(&bob.key);
            let signature = sshsig::sign(&namespace, statement.as_bytes(), sign).unwrap();
            let body = json!({"statement": statement, "signature": signature});
            assert_eq!(
                house.post::<Value>(&bob, &format!("{path}/statements"), &body),
                no(400, "statement-invalid"),
                "{verb:?} in {namespace}"
            );
        }
    }
    let view: WindowView = house.get(&bob, &path).unwrap();
    assert_eq!(view.state.to_string(), "requested");
}

#[test]
fn a_message_is_taken_on_its_own_route_alone() {
    let [cody, bob] = ["cody", "bob"].map(Someone::new);
    let house = House::with(&[
        (&cody, &[Role::Contractor]),
        (&bob, &[Role::Approver, Role::Admin]),
    ]);
    house.host("db1");
    let window = house.request(&cody, &house.wish("db1"));
    let approval = house.statement(&bob, Verb::Approve, &window);
    let now = house.now();
    let revocation = Revocation::of(
        &Subject::Person(cody.name.clone()),
        house.newborn.pin,
        bob.name.clone(),
        now,
        now.plus(600),
    )
    .sign(sshsig::with_key(&bob.key))
    .unwrap();
    let at = format!("/v1/windows/{}", window.document().id);
    let (statements, narrowings) = (format!("{at}/statements"), format!("{at}/narrowings"));
    let elsewhere = |path: &str, body: &Value| {
        assert_eq!(
            house.post::<Value>(&bob, path, body),
            no(400, "malformed-body"),
            "{path}"
        );
    };
    let (approval, revocation) = (json!(approval), json!(revocation));
    for path in [
        "/v1/revocations",
        "/v1/roster",
        "/v1/hosts/comeback",
        "/v1/windows",
        &narrowings,
    ] {
        elsewhere(path, &approval);
    }
    for path in [
        statements.as_str(),
        "/v1/roster",
        "/v1/windows",
        &narrowings,
    ] {
        elsewhere(path, &revocation);
    }
    // The words of one kind under the name of another: their signature is for what they are.
    let renamed = json!({"revocation": approval["statement"], "signature": approval["signature"]});
    assert_eq!(
        house.post::<Value>(&bob, "/v1/revocations", &renamed),
        no(400, "statement-invalid")
    );
    let view: WindowView = house.get(&bob, &at).unwrap();
    assert_eq!(view.state.to_string(), "requested");
    assert!(house.told("access.revoked").is_empty());
}
