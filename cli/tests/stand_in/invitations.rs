//! Erin is invited, hands in her key, and is signed in by an admin who has compared it: and by nobody who has not.

mod desk;
mod lines;

use std::time::SystemTime;

use daypass_cli::paths::Places;
use daypass_protocol::api::Invitation;
use daypass_protocol::digest::Digest;
use daypass_protocol::invitation::Acceptance;
use daypass_protocol::roster::{Person, Role};
use daypass_protocol::token::InviteLine;
use daypass_protocol::version::Version;
use daypass_transport::authority::Authority;
use desk::Desk;
use ssh_key::HashAlg;

use crate::scene::Carol;

fn erin() -> daypass_protocol::name::Name {
    "erin".parse().expect("a name")
}

/// The line that Erin is sent.
fn line(said: &str) -> InviteLine {
    let word = said.split_whitespace().find_map(|word| word.parse().ok());
    word.unwrap_or_else(|| panic!("no line in: {said}"))
}

/// Sets a machine up by this line, with the key that is there.
fn set_up(home: &Carol, line: &InviteLine) -> (i32, String) {
    let key = home.home.path().join("id").display().to_string();
    home.daypass(&["setup", &line.to_string(), "--key", &key])
}

#[test]
fn whoever_was_invited_hands_in_a_key_and_is_signed_in_with_the_key_that_an_admin_compared() {
    let (carol, guest) = (Carol::new(), Carol::new());
    let desk = Desk::open(&carol);
    let fingerprint = guest.key().fingerprint().to_string();

    let (code, said) = carol.daypass(&["invite", "erin", "--role", "contractor,auditor"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("only erin reads"), "{said}");
    assert!(said.contains("daypass invite confirm erin"), "{said}");
    let line = line(&said);
    assert_eq!((&line.person, line.ca), (&erin(), desk.pin()));
    assert_eq!(line.root, Digest::from_bytes(desk.ca.root.hash()));
    let (code, said) = carol.daypass(&["invite", "list"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("not handed in yet"), "{said}");
    let (code, said) = carol.daypass(&["invite", "confirm", "erin"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("erin has not handed in a key yet"), "{said}");

    let (code, said) = set_up(&guest, &line);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("This machine is set up for erin"), "{said}");
    assert!(said.contains(&fingerprint), "{said}");
    assert!(said.contains("by telephone or in person"), "{said}");
    assert!(Places::below(guest.home.path()).ssh_include().exists());
    // Again, on the same machine, is no other word.
    assert_eq!(set_up(&guest, &line).0, 0);
    let (code, said) = carol.daypass(&["invite", "list"]);
    assert_eq!(code, 0, "{said}");
    for word in ["erin", "contractor, auditor", "carol", &fingerprint] {
        assert!(said.contains(word), "{word} is missing in: {said}");
    }
    desk.ca.seen();

    let confirm = |words: &[&str]| {
        let confirm = ["invite", "confirm", "erin", "--role", "auditor,contractor"];
        carol.daypass(&[&confirm[..], words].concat())
    };
    let (code, said) = confirm(&["--yes", "--fingerprint", &fingerprint]);
    assert_eq!(code, 0, "{said}");
    for told in [
        "carol invited erin as contractor, auditor".to_owned(),
        "+ erin is auditor, contractor".to_owned(),
        format!("+ erin signs with {fingerprint}"),
        "erin is in roster 4.".to_owned(),
    ] {
        assert!(said.contains(&told), "{told} is missing in: {said}");
    }
    let seen = [
        "GET /v1/invitations",
        "GET /v1/roster",
        "POST /v1/roster",
        "POST /v1/invitations/withdraw",
    ];
    assert_eq!(desk.ca.seen(), seen);
    let newest = desk.verified();
    let signed_in = newest.newest().person(&erin()).expect("in the roster");
    assert_eq!(signed_in.keys, [guest.key()]);
    assert_eq!(signed_in.roles, [Role::Contractor, Role::Auditor]);
    let (code, said) = confirm(&[]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("no invitation of erin is open"), "{said}");
}

#[test]
fn nobody_signs_a_key_or_roles_that_they_did_not_mean() {
    let (carol, guest) = (Carol::new(), Carol::new());
    let desk = Desk::open(&carol);
    let fingerprint = guest.key().fingerprint().to_string();
    let other = carol.key().fingerprint().to_string();
    let (_, said) = carol.daypass(&["invite", "erin", "--role", "contractor"]);
    assert_eq!(set_up(&guest, &line(&said)).0, 0);
    desk.ca.seen();
    let (code, said) = carol.daypass(&["invite", "confirm", "erin", "--yes"]);
    assert_eq!(code, 64, "{said}");
    assert!(said.contains("nobody is signed in unseen"), "{said}");
    assert!(desk.ca.seen().is_empty());
    // Roles are the CA's word alone: without them on the command line they are not looked at either.
    let words = ["invite", "confirm", "erin", "--yes", "--fingerprint"];
    let words = [&words[..], &[&fingerprint]].concat();
    assert_eq!(carol.daypass(&words).0, 64);
    for (words, told) in [
        (
            ["--fingerprint", &other, "--role", "contractor"],
            format!("is {fingerprint}, and not {other}; nothing was signed"),
        ),
        (
            ["--fingerprint", &fingerprint, "--role", "admin"],
            "invited as contractor, and not as admin; nothing was signed".to_owned(),
        ),
    ] {
        let confirm = ["invite", "confirm", "erin", "--yes"];
        let (code, said) = carol.daypass(&[&confirm[..], &words[..]].concat());
        assert_eq!(code, 1, "{said}");
        assert!(said.contains(&told), "{told} is missing in: {said}");
    }
    assert!(!desk.ca.seen().contains(&"POST /v1/roster".to_owned()));
}

#[test]
fn a_ca_that_shows_another_key_than_was_handed_in_gets_no_signature() {
    let (carol, guest) = (Carol::new(), Carol::new());
    let desk = Desk::open(&carol);
    let (_, said) = carol.daypass(&["invite", "erin", "--role", "contractor"]);
    let line = line(&said);
    assert_eq!(set_up(&guest, &line).0, 0);
    let mallory = guest.make_key("mallory");
    let lies: [fn(&mut Invitation, &ssh_key::PrivateKey, &InviteLine); 4] = [
        // Her word for another key.
        |invitation, mallory, _| invitation.key = Some(crate::scene::public(mallory)),
        // No word at all.
        |invitation, _, _| invitation.accepted = None,
        // Somebody's word for somebody else.
        |invitation, mallory, line| {
            let acceptance = Acceptance {
                v: Version,
                ca: line.ca,
                person: "mallory".parse().expect("a name"),
                secret: line.secret.digest(),
                key: crate::scene::public(mallory),
            };
            let sign =
                |namespace: &str, bytes: &[u8]| mallory.sign(namespace, HashAlg::Sha512, bytes);
            invitation.key = Some(acceptance.key.clone());
            invitation.accepted = Some(acceptance.sign(sign).expect("signed"));
        },
        // Her word, and another's signature.
        |invitation, mallory, _| {
            let accepted = invitation.accepted.as_mut().expect("handed in");
            let sign =
                |namespace: &str, bytes: &[u8]| mallory.sign(namespace, HashAlg::Sha512, bytes);
            let acceptance: Acceptance =
                serde_json::from_str(&accepted.acceptance).expect("an acceptance");
            accepted.signature = acceptance.sign(sign).expect("signed").signature;
        },
    ];
    let truth = desk.invitation();
    for (number, lie) in lies.iter().enumerate() {
        let mut invitation = truth.clone();
        lie(&mut invitation, &mallory, &line);
        desk.show(invitation);
        let (code, said) = carol.daypass(&["invite", "confirm", "erin"]);
        assert_eq!(code, 1, "{number}: {said}");
        assert!(said.contains("It may be lying"), "{number}: {said}");
        let (code, said) = carol.daypass(&["invite", "list"]);
        assert_eq!(code, 0, "{number}: {said}");
        let shown = crate::scene::public(&mallory).fingerprint().to_string();
        assert!(
            said.contains("** does not speak for itself") && !said.contains(&shown),
            "{number}: {said}"
        );
    }
}

#[test]
fn the_line_names_the_root_that_the_ca_shows_and_not_one_that_it_once_had() {
    let carol = Carol::new();
    let desk = Desk::open(&carol);
    let other = Authority::create("before", SystemTime::now()).expect("a root");
    let roots = Places::below(carol.home.path()).root_file();
    let both = [other.certificate(), desk.ca.root.certificate()].concat();
    std::fs::write(&roots, both).expect("written");
    let (code, said) = carol.daypass(&["invite", "erin", "--role", "contractor"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(line(&said).root, Digest::from_bytes(desk.ca.root.hash()));
    desk.ca.seen();
    std::fs::write(&roots, other.certificate()).expect("written");
    let (code, said) = carol.daypass(&["invite", "erin", "--role", "contractor"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("somebody is in between"), "{said}");
    assert!(desk.ca.seen().is_empty());
}

#[test]
fn what_stands_in_the_roster_is_only_tidied_up() {
    let (carol, guest) = (Carol::new(), Carol::new());
    let desk = Desk::open(&carol);
    let (_, said) = carol.daypass(&["invite", "erin", "--role", "contractor"]);
    let line = line(&said);
    let person = |key| Person {
        name: erin(),
        roles: vec![Role::Contractor],
        keys: vec![key],
    };
    assert_eq!(set_up(&guest, &line).0, 0);
    // Somebody signed her in by hand, with another key; then with this one as well.
    let by_hand = crate::scene::public(&guest.make_key("by-hand"));
    desk.sign_in(&carol, |roster| roster.people.push(person(by_hand)));
    let (code, said) = carol.daypass(&["invite", "confirm", "erin"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("without the key of the invitation"), "{said}");
    desk.sign_in(&carol, |roster| {
        let found = roster
            .people
            .iter_mut()
            .find(|person| person.name == erin());
        found.expect("there").keys.push(guest.key());
    });
    desk.ca.seen();
    let (code, said) = carol.daypass(&["invite", "confirm", "erin"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("the invitation is done"), "{said}");
    let seen = desk.ca.seen();
    assert!(!seen.contains(&"POST /v1/roster".to_owned()), "{seen:?}");
    assert_eq!(
        seen.last().map(String::as_str),
        Some("POST /v1/invitations/withdraw")
    );
}

#[test]
fn where_two_must_sign_the_invitation_is_open_until_they_have() {
    let (carol, guest) = (Carol::new(), Carol::new());
    let desk = Desk::open(&carol);
    desk.sign_in(&carol, |roster| roster.policy.roster_signatures = 2);
    let (_, said) = carol.daypass(&["invite", "erin", "--role", "contractor"]);
    assert_eq!(set_up(&guest, &line(&said)).0, 0);
    desk.ca.seen();
    let fingerprint = guest.key().fingerprint().to_string();
    let proposal = carol.home.path().join("proposal").display().to_string();
    let confirm = ["invite", "confirm", "erin", "--yes", "--role", "contractor"];
    let confirm = [&confirm[..], &["--fingerprint", &fingerprint]].concat();
    let (code, said) = carol.daypass(&confirm);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("add --proposal FILE"), "{said}");
    let (code, said) = carol.daypass(&[&confirm[..], &["--proposal", &proposal]].concat());
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("1 more of the admins"), "{said}");
    assert!(
        said.contains("`daypass invite confirm erin` ends"),
        "{said}"
    );
    assert!(
        desk.ca
            .seen()
            .iter()
            .all(|request| request.starts_with("GET"))
    );
}
