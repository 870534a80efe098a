//! A machine takes the place of a host that is enrolled: re-imaged, restored, or revoked before.

mod house;

use daypass_protocol::api::Enrolled;
use daypass_protocol::krl::Krl;
use daypass_protocol::revocation::{Revocation, Subject};
use daypass_protocol::roster::Role;
use daypass_protocol::sshsig;
use daypass_protocol::state::SignedState;
use daypass_protocol::token::JoinToken;
use daypass_transport::client::Request;
use house::machine::{application, with_keys};
use house::{House, No, Someone, no, refused};
use serde_json::{Value, json};

fn replacing(house: &House, wish: &Value) -> Result<JoinToken, No> {
    let token: daypass_protocol::api::Token = house.post(&house.admin, "/v1/hosts/tokens", wish)?;
    Ok(token.token.parse().unwrap())
}

#[test]
fn whoever_takes_a_hosts_place_ends_the_one_before() {
    let house = House::with(&[]);
    let before = house.host("db1");
    let token = replacing(&house, &json!({"host": "db1", "ttl": 600, "replace": true})).unwrap();
    let known = house.authority().announced().unwrap().number;
    let after = house.enroll(&token).unwrap();
    // Names and groups are those of before.
    assert_eq!(after.enrolled.aliases, before.enrolled.aliases);
    assert_eq!(after.enrolled.groups, before.enrolled.groups);
    let state = Request::get("/v1/state");
    assert_eq!(
        refused(house.client_of(&before).call::<SignedState>(&state)).map(drop),
        no(401, "certificate-unknown")
    );
    house.client_of(&after).call::<SignedState>(&state).unwrap();
    let told = house.told("host.enrolled");
    let origin = &told[0]["detail"]["origin"];
    assert_eq!(&told[1]["detail"]["replaced"], origin);
    // Once.
    assert_eq!(house.enroll(&token).map(drop), no(403, "token-used"));
    // The keys of the machine before may still have certificates: whoever asks for the list has them on it from now on, and
    // everybody asks, for the number is another one.
    assert!(house.authority().announced().unwrap().number > known);
    let krl = Krl::parse(&house.authority().announced().unwrap().krl).unwrap();
    assert_eq!(krl.keys.len(), 1);
}

#[test]
fn a_key_that_another_host_has_now_is_on_no_list() {
    let house = House::with(&[]);
    let enroll = |token: &JoinToken, who: &Someone| {
        let (mut asked, _) = application(token);
        with_keys(token.ca, &mut asked, &[who]);
        house
            .post_bare::<Enrolled>("/v1/hosts/enroll", &asked)
            .unwrap();
    };
    // Two machines of one image, and one that moves to another name.
    let (image, moved) = (Someone::new("image"), Someone::new("moved"));
    enroll(&house.token("db1", &[]), &image);
    enroll(&house.token("db2", &[]), &image);
    enroll(&house.token("db3", &[]), &moved);
    let anew = |host: &str, who: &Someone| {
        let wish = json!({"host": host, "ttl": 600, "replace": true});
        enroll(&replacing(&house, &wish).unwrap(), who);
    };
    let listed = || {
        house.authority().announce().unwrap();
        let krl = Krl::parse(&house.authority().announced().unwrap().krl).unwrap();
        krl.keys
    };
    anew("db1", &Someone::new("fresh"));
    anew("db3", &Someone::new("fresh"));
    assert_eq!(listed(), [*moved.public().fingerprint().as_bytes()].into());
    enroll(&house.token("db4", &[]), &moved);
    assert!(listed().is_empty());
}

#[test]
fn a_revoked_host_comes_back_by_a_token_that_replaces_it() {
    let bob = Someone::new("bob");
    let house = House::with(&[(&bob, &[Role::Approver])]);
    house.host("db1");
    let now = house.now();
    let signed = Revocation::of(
        &Subject::Host("db1".parse().unwrap()),
        house.newborn.pin,
        bob.name.clone(),
        now,
        now.plus(86_400),
    )
    .sign(sshsig::with_key(&bob.key))
    .unwrap();
    house
        .post::<Value>(&bob, "/v1/revocations", &signed)
        .unwrap();
    let plain = json!({"host": "db1", "ttl": 600});
    assert_eq!(replacing(&house, &plain).map(drop), no(409, "name-taken"));
    house.pass(2);
    let token = replacing(&house, &json!({"host": "db1", "ttl": 600, "replace": true})).unwrap();
    let machine = house.enroll(&token).unwrap();
    house.renew(&machine, "db1", &Someone::new("host")).unwrap();
}

#[test]
fn a_place_is_taken_of_one_enrolled_host_by_its_name_and_of_no_other() {
    let house = House::with(&[]);
    house.host("db1");
    house.host("db2");
    let ask = |wish: Value| replacing(&house, &wish).map(drop);
    assert_eq!(
        ask(json!({"host": "db9", "ttl": 600, "replace": true})),
        no(422, "nothing-to-replace")
    );
    // An alias is not the host's name.
    assert_eq!(
        ask(json!({"host": "db1.example.org", "ttl": 600, "replace": true})),
        no(422, "nothing-to-replace")
    );
    assert_eq!(
        ask(json!({"groups": ["db-prod"], "ttl": 600, "replace": true})),
        no(422, "token-replaces")
    );
    assert_eq!(
        ask(json!({"host": "db1", "aliases": ["db2"], "ttl": 600, "replace": true})),
        no(409, "name-taken")
    );
    // A machine that names itself does not become an alias that was promised to another.
    let promised = json!({"host": "web1", "aliases": ["www"], "ttl": 600});
    replacing(&house, &promised).unwrap();
    let group = house.group_token("web", 1);
    assert_eq!(
        house.enroll_as(&group, "www").map(drop),
        no(409, "name-promised")
    );
}
