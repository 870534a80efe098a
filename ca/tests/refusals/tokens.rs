//! Join tokens that are not made, and machines that are not enrolled by them.

use daypass_protocol::api::{Enrolled, Enrolment};
use daypass_protocol::digest::Pin;
use daypass_protocol::token::Secret;
use serde_json::{Value, json};

use crate::house::machine::{application, application_as, renewal, with_keys};
use crate::house::{House, Someone, no};

#[test]
fn a_join_token_enrols_one_machine_under_its_own_name_once() {
    let house = House::with(&[]);
    let token = house.token("db1", &["db-prod"]);
    let enroll = |application| {
        house
            .post_bare::<Value>("/v1/hosts/enroll", application)
            .map(|_| ())
    };
    let (right, _) = application(&token);
    let mut other_name = right.clone();
    other_name.host = "db2".parse().unwrap();
    assert_eq!(enroll(&other_name), no(422, "token-other-host"));
    let mut other_journal = right.clone();
    other_journal.journal.origin = other_journal.journal.origin.replace("db1", "db2");
    assert_eq!(enroll(&other_journal), no(422, "journal-origin"));
    let mut no_keys = right.clone();
    no_keys.host_keys.clear();
    assert_eq!(enroll(&no_keys), no(422, "host-keys"));
    let mut bad_csr = right.clone();
    bad_csr.csr = "not a request".to_owned();
    with_keys(token.ca, &mut bad_csr, &[&Someone::new("host")]);
    assert_eq!(enroll(&bad_csr), no(400, "csr-invalid"));
    let mut guessed = right.clone();
    guessed.secret = Secret::from_bytes([1; 32]);
    assert_eq!(enroll(&guessed), no(403, "token-unknown"));
    assert_eq!(enroll(&right), Ok(()));
    assert_eq!(enroll(&right), no(403, "token-used"));
    let again = json!({"host": "web1", "aliases": ["db1.example.org"], "ttl": 600});
    let taken = house.post::<Value>(&house.admin, "/v1/hosts/tokens", &again);
    assert_eq!(taken.map(|_| ()), no(409, "name-taken"));
    assert_eq!(house.told("host.refused").len(), 6);
}

#[test]
fn no_machine_is_certified_for_a_host_key_that_it_does_not_prove() {
    let house = House::with(&[]);
    let token = house.group_token("db-prod", 9);
    let victim = Someone::new("db1");
    let (mut honest, _) = application_as(&token, "db1");
    with_keys(token.ca, &mut honest, &[&victim]);
    let enroll = |asked: &Enrolment| {
        house
            .post_bare::<Enrolled>("/v1/hosts/enroll", asked)
            .map(drop)
    };
    assert_eq!(enroll(&honest), Ok(()));

    let (own, _) = application_as(&token, "db2");
    let refused = |change: &dyn Fn(&mut Enrolment)| {
        let mut asked = own.clone();
        change(&mut asked);
        assert_eq!(enroll(&asked), no(422, "host-key-unproven"));
    };
    let known = honest.proofs.clone();
    refused(&|asked| asked.host_keys = vec![victim.public()]);
    refused(&|asked| asked.host_keys.push(victim.public()));
    refused(&|asked| asked.proofs.clear());
    refused(&|asked| asked.proofs.push(asked.proofs[0].clone()));
    // What the victim once signed serves nobody else.
    refused(&|asked| {
        asked.host_keys = vec![victim.public()];
        asked.proofs.clone_from(&known);
    });
    // Nor does what it signs under another name, for another client certificate, or for another CA.
    let other = |change: &dyn Fn(&mut Enrolment)| {
        refused(&|asked| prove_another(token.ca, &victim, asked, change));
    };
    other(&|said| said.host = "db1".parse().unwrap());
    other(&|said| said.csr.push('\n'));
    refused(&|asked| with_keys(Pin::from_bytes([1; 32]), asked, &[&victim]));

    let refusals = house.told("host.refused");
    assert_eq!(refusals.len(), 8);
    assert!(
        refusals
            .iter()
            .all(|entry| entry["resource"]["host"] == "db2")
    );
    assert_eq!(enroll(&own), Ok(()));
}

/// Proofs by `ssh` of something else than is asked for.
fn prove_another(ca: Pin, ssh: &Someone, asked: &mut Enrolment, change: impl Fn(&mut Enrolment)) {
    let mut other = asked.clone();
    change(&mut other);
    with_keys(ca, &mut other, &[ssh]);
    (asked.host_keys, asked.proofs) = (other.host_keys, other.proofs);
}

#[test]
fn a_host_renews_by_keys_that_it_proves_and_may_have_new_ones() {
    let house = House::with(&[]);
    let machine = house.host("db1");
    let (fresh, victim) = (Someone::new("fresh"), Someone::new("victim"));
    let (mut asked, _) = renewal(house.newborn.pin, "db1", &fresh);
    let own = asked.host_keys.clone();
    asked.host_keys = vec![victim.public()];
    assert_eq!(
        house.renew_by(&machine, &asked).map(drop),
        no(422, "host-key-unproven")
    );
    let told = house.told("host.refused");
    assert_eq!(told[0]["code"], "host-key-unproven");
    assert_eq!(told[0]["resource"]["host"], "db1");
    // Under the name of another host nothing is proven.
    let (other, _) = renewal(house.newborn.pin, "db2", &fresh);
    assert_eq!(
        house.renew_by(&machine, &other).map(drop),
        no(422, "host-key-unproven")
    );
    asked.host_keys = own;
    house.renew_by(&machine, &asked).unwrap();
}

#[test]
fn a_token_for_a_group_enrols_as_many_machines_as_it_says_each_under_a_name_of_its_own() {
    let house = House::with(&[]);
    let token = house.group_token("db-prod", 2);
    assert_eq!(token.host, None);
    let promised = house.token("db9", &[]);
    let enroll = |name: &str| house.enroll_as(&token, name).map(|_| ());
    assert_eq!(enroll("db1"), Ok(()));
    assert_eq!(enroll("db1"), no(409, "name-taken"));
    assert_eq!(enroll("db9"), no(409, "name-promised"));
    assert_eq!(enroll("ca"), no(422, "name-reserved"));
    assert_eq!(enroll("db2.example.org"), no(422, "name-not-single"));
    assert_eq!(enroll("db2"), Ok(()));
    assert_eq!(enroll("db3"), no(403, "token-used"));
    assert_eq!(house.enroll_as(&promised, "db9").map(|_| ()), Ok(()));

    let enrolled = house.told("host.enrolled");
    let made = house.told("host.token");
    assert_eq!(made[0]["detail"]["uses"], 2);
    for (entry, name) in enrolled.iter().zip(["db1", "db2"]) {
        assert_eq!(entry["resource"]["host"], name);
        assert_eq!(entry["detail"]["groups"], json!(["db-prod"]));
        assert_eq!(entry["detail"]["token"], made[0]["detail"]["token"]);
    }
    assert_eq!(house.told("host.refused").len(), 5);
}

#[test]
fn a_token_that_nothing_limits_is_not_made() {
    let house = House::with(&[]);
    let make = |wish: Value| {
        house
            .post::<Value>(&house.admin, "/v1/hosts/tokens", &wish)
            .map(|_| ())
    };
    for (wish, code) in [
        (json!({"ttl": 600}), "token-unlimited"),
        (
            json!({"groups": ["db"], "uses": 0, "ttl": 600}),
            "token-uses",
        ),
        (json!({"host": "db1", "uses": 2, "ttl": 600}), "token-uses"),
        (
            json!({"groups": ["db"], "aliases": ["db"], "ttl": 600}),
            "token-aliases",
        ),
        (json!({"groups": ["db"], "ttl": 59}), "token-ttl"),
        (json!({"host": "ca", "ttl": 600}), "name-reserved"),
    ] {
        assert_eq!(make(wish.clone()), no(422, code), "{wish}");
    }
    assert!(house.told("host.token").is_empty());
}

#[test]
fn a_join_token_expires() {
    let house = House::with(&[]);
    let token = house.token("db1", &[]);
    house.pass(601);
    assert_eq!(house.enroll(&token).map(|_| ()), no(403, "token-expired"));
}

#[test]
fn a_flood_of_unknown_tokens_is_counted_and_hides_no_use_of_a_known_one() {
    let house = House::with(&[]);
    let token = house.token("db1", &[]);
    house.enroll(&token).unwrap();
    let (mut asked, _) = application(&token);
    let known = asked.secret.clone();
    asked.secret = Secret::from_bytes([7; 32]);
    let knock = |asked: &Enrolment| {
        house
            .post_bare::<Enrolled>("/v1/hosts/enroll", asked)
            .map(drop)
    };
    for _ in 0..40 {
        assert_eq!(knock(&asked), no(403, "token-unknown"));
    }
    let told = || house.told("host.refused");
    assert_eq!(told().len(), 30);
    // It was somebody's once.
    asked.secret = known;
    assert_eq!(knock(&asked), no(403, "token-used"));
    assert_eq!(told().last().unwrap()["code"], "token-used");
    house.pass(61);
    asked.secret = Secret::from_bytes([8; 32]);
    assert_eq!(knock(&asked), no(403, "token-unknown"));
    assert_eq!(told().last().unwrap()["detail"]["untold"], 10);
    assert_eq!(told().len(), 32);
}
