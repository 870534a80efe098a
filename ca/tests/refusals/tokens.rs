//! Join tokens that are not made, and machines that are not enrolled by them.

use daypass_protocol::api::{Enrolled, Enrolment};
use daypass_protocol::token::Secret;
use serde_json::{Value, json};

use crate::house::machine::application;
use crate::house::{House, no};

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
