//! People who are not invited, and keys that are not taken for those who are.

use daypass_protocol::api::{AcceptInvitation, Invited, Revoked};
use daypass_protocol::digest::Pin;
use daypass_protocol::invitation::Acceptance;
use daypass_protocol::revocation::{Revocation, Subject};
use daypass_protocol::roster::Role;
use daypass_protocol::sshsig;
use daypass_protocol::token::Secret;
use serde_json::{Value, json};

use crate::house::inviting::signed;
use crate::house::{House, Someone, no};

#[test]
fn a_key_that_does_not_fit_the_invitation_is_refused_and_the_journal_tells_why() {
    let (bob, gone) = (Someone::new("bob"), Someone::new("gone"));
    let house = House::with(&[(&bob, &[Role::Approver]), (&gone, &[Role::Contractor])]);
    house.change_roster(|roster| roster.people.retain(|person| person.name != gone.name));
    let carol = Someone::new("carol");
    let Invited { secret, .. } = house.invite("carol").unwrap();
    let right = house.acceptance(&secret, &carol);
    let mut refusals = Vec::new();
    let mut refused = |asked: &AcceptInvitation, status, code: &str| {
        assert_eq!(house.hand_in(asked).map(drop), no(status, code));
        refusals.push(code.to_owned());
    };
    let mut with = |change: &dyn Fn(&mut Acceptance), signer: &Someone, status, code| {
        let mut said = right.clone();
        change(&mut said);
        refused(&signed(&secret, &said, signer), status, code);
    };
    with(
        &|said| said.ca = Pin::from_bytes([1; 32]),
        &carol,
        403,
        "wrong-ca",
    );
    let mallory = "mallory".parse().unwrap();
    with(
        &|said| said.person.clone_from(&mallory),
        &carol,
        422,
        "other-invitation",
    );
    let other = Secret::from_bytes([7; 32]);
    with(
        &|said| said.secret = other.digest(),
        &carol,
        422,
        "other-invitation",
    );
    with(&|_| (), &bob, 403, "signature-foreign-key");
    // Theirs now, or once.
    for owner in [&bob, &gone, &house.admin] {
        with(
            &|said| said.key = owner.public(),
            owner,
            422,
            "key-of-another",
        );
    }
    let recovery = Someone {
        key: ssh_key::PrivateKey::from_openssh(house.newborn.recovery.as_bytes()).unwrap(),
        ..carol.clone()
    };
    with(
        &|said| said.key = recovery.public(),
        &recovery,
        422,
        "recovery-key",
    );
    let lost = Someone::new("carol");
    revoke(&house, &lost);
    with(&|said| said.key = lost.public(), &lost, 403, "key-revoked");
    let mut damaged = signed(&secret, &right, &carol);
    damaged.accepted.acceptance.push('}');
    refused(&damaged, 400, "acceptance-invalid");
    let mut altered = signed(&secret, &right, &carol);
    altered.accepted.acceptance.push(' ');
    refused(&altered, 403, "signature-invalid");
    assert_eq!(house.invitations()[0].key, None);

    // Whoever comes second is not taken, whoever they are: two have the line.
    let first = Someone::new("carol");
    house.accept(&secret, &first).unwrap();
    refused(&signed(&secret, &right, &carol), 409, "invitation-used");
    assert_eq!(house.invitations()[0].key, Some(first.public()));

    let told = house.told("invitation.refused");
    let codes: Vec<&str> = told
        .iter()
        .filter_map(|entry| entry["code"].as_str())
        .collect();
    assert_eq!(codes, refusals);
    for entry in &told {
        assert_eq!(entry["outcome"], "denied");
        assert_eq!(entry["detail"]["person"], "carol");
        assert_eq!(
            entry["detail"]["invitation"],
            secret.digest().to_string()[..16]
        );
        assert_eq!(entry["origin"]["address"], "127.0.0.1");
        assert!(!entry.to_string().contains(&secret.to_string()));
    }
}

/// The admin says that this key is lost.
fn revoke(house: &House, lost: &Someone) {
    let (admin, now) = (&house.admin, house.now());
    let subject = Subject::Key(lost.public().fingerprint());
    let pin = house.newborn.pin;
    let revocation = Revocation::of(&subject, pin, admin.name.clone(), now, now.plus(86_400));
    let signed = revocation.sign(sshsig::with_key(&admin.key)).unwrap();
    let _: Revoked = house.post(admin, "/v1/revocations", &signed).unwrap();
}

#[test]
fn nobody_is_invited_who_is_there_and_no_more_than_a_hundred_at_once() {
    let bob = Someone::new("bob");
    let house = House::with(&[(&bob, &[Role::Approver])]);
    assert_eq!(house.invite("bob").map(drop), no(409, "person-exists"));
    let make = |wish: Value| {
        let made = house.post::<Value>(&house.admin, "/v1/invitations", &wish);
        made.map(drop)
    };
    for (wish, status, code) in [
        (
            json!({"person": "carol", "roles": ["contractor"], "seconds": 59}),
            422,
            "invitation-seconds",
        ),
        (
            json!({"person": "carol", "roles": [], "seconds": 60}),
            422,
            "invitation-roles",
        ),
        (
            json!({"person": "Carol", "roles": ["contractor"], "seconds": 60}),
            400,
            "malformed-body",
        ),
        (
            json!({"person": "carol", "roles": ["root"], "seconds": 60}),
            400,
            "malformed-body",
        ),
    ] {
        assert_eq!(make(wish.clone()), no(status, code), "{wish}");
    }
    assert_eq!(house.told("person.invited"), Vec::<Value>::new());
    let Invited { secret, .. } = house.invite("carol").unwrap();
    for number in 1..100 {
        house.invite(&format!("guest{number}")).unwrap();
    }
    assert_eq!(
        house.invite("dave").map(drop),
        no(409, "too-many-invitations")
    );
    // In the place of one of them.
    house.invite("guest1").unwrap();
    // Somebody whom an admin added meanwhile hands nothing in.
    let carol = Someone::new("carol");
    house.change_roster(|roster| roster.people.push(carol.entry(&[Role::Contractor])));
    assert_eq!(
        house.accept(&secret, &carol).map(drop),
        no(409, "person-exists")
    );
    house.pass(601);
    house.invite("dave").unwrap();
    assert_eq!(house.invitations().len(), 1);
}

#[test]
fn who_knocks_with_a_secret_that_is_none_fills_no_journal() {
    let house = House::with(&[]);
    let eve = Someone::new("eve");
    for _ in 0..40 {
        let knock = house.accept(&Secret::from_bytes([9; 32]), &eve);
        assert_eq!(knock.map(drop), no(403, "invitation-unknown"));
    }
    assert_eq!(house.told("invitation.refused").len(), 30);
}
