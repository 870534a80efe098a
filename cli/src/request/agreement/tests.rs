//! A CA that lies, field by field.

use daypass_protocol::digest::Pin;
use daypass_protocol::name::Name;
use daypass_protocol::roster::{Person, Policy, Role, Roster, SignedRoster};
use daypass_protocol::time::Time;
use daypass_protocol::version::Version;
use daypass_protocol::window::{Permit, WindowId};
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{HashAlg, PrivateKey};

use super::*;

/// A key made from a fixed seed.
fn private(seed: u8) -> PrivateKey {
    let pair = Ed25519Keypair::from_seed(&[seed; 32]);
    PrivateKey::new(KeypairData::from(pair), "").expect("a key")
}

fn public(seed: u8) -> Key {
    Key::try_from(private(seed).public_key().key_data().clone()).expect("an Ed25519 key")
}

fn person(name: &str, role: Role, seed: u8) -> Person {
    Person {
        name: name.parse().expect("a name"),
        roles: vec![role],
        keys: vec![public(seed)],
    }
}

fn roster() -> VerifiedRoster {
    let roster = Roster {
        v: Version,
        number: 1,
        previous: None,
        time: Time::from_unix(0),
        people: vec![
            person("alice", Role::Admin, 1),
            person("carol", Role::Contractor, 2),
        ],
        recovery: public(3),
        policy: Policy::default(),
    };
    let mut signed = SignedRoster::unsigned(roster.freeze().expect("a roster"));
    let pin = Pin::from(daypass_protocol::digest::Digest::of(&signed.roster));
    signed
        .sign(|namespace, bytes| private(1).sign(namespace, HashAlg::Sha512, bytes))
        .expect("signed");
    VerifiedRoster::genesis(pin, &signed).expect("in force")
}

fn hosts() -> Vec<Host> {
    let host = |name: &str, alias: &str, group: &str| Host {
        name: name.parse().expect("a host"),
        aliases: vec![alias.parse().expect("a host")],
        groups: vec![group.parse().expect("a group")],
        enrolled: Time::from_unix(0),
        expires: Time::from_unix(9),
    };
    vec![
        host("db1", "db1.example", "db"),
        host("db2", "db2.example", "db"),
        host("web1", "www", "web"),
    ]
}

fn wish() -> Wish {
    Wish {
        contractor: Some("carol".parse().expect("a name")),
        hosts: vec![
            "www".parse().expect("a host"),
            "@db".parse().expect("a group"),
        ],
        accounts: vec!["deploy".parse().expect("an account")],
        sudo: vec!["/usr/bin/id".parse().expect("an item")],
        starts: Time::from_unix(100),
        ends: Time::from_unix(200),
        hours: None,
        sources: None,
        permit: vec![Permit::Pty],
        force_command: None,
        max_certificate_ttl: None,
        reason: "the order".parse().expect("a line"),
        ticket: None,
        extends: None,
    }
}

fn window(roster: &VerifiedRoster) -> Window {
    Window {
        v: Version,
        id: WindowId::new(Time::from_unix(1), [7; 10]),
        ca: roster.pin(),
        contractor: "carol".parse().expect("a name"),
        keys: vec![public(2).fingerprint()],
        hosts: ["db1", "db2", "web1"]
            .map(|host| host.parse().expect("a host"))
            .to_vec(),
        accounts: vec!["deploy".parse().expect("an account")],
        sudo: vec!["/usr/bin/id".parse().expect("an item")],
        starts: Time::from_unix(100),
        ends: Time::from_unix(200),
        hours: None,
        sources: None,
        permit: vec![Permit::Pty],
        force_command: None,
        max_certificate_ttl: 3600,
        reason: "the order".parse().expect("a line"),
        ticket: None,
        extends: None,
    }
}

#[test]
fn names_aliases_and_groups_agree_with_the_enrolled_names() {
    let roster = roster();
    check(&wish(), &window(&roster), &roster, &hosts()).expect("what was wished for");
}

#[test]
fn every_field_that_differs_is_named() {
    let roster = roster();
    let other_person: Name = "alice".parse().expect("a name");
    type Lie = Box<dyn Fn(&mut Window)>;
    let lies: Vec<(&str, Lie)> = vec![
        (
            "ca",
            Box::new(|window| window.ca = Pin::from_bytes([9; 32])),
        ),
        (
            "contractor",
            Box::new(move |window| window.contractor = other_person.clone()),
        ),
        (
            "keys",
            Box::new(|window| window.keys.push(public(8).fingerprint())),
        ),
        ("keys", Box::new(|window| window.keys.clear())),
        (
            "hosts",
            Box::new(|window| window.hosts.push("web2".parse().expect("a host"))),
        ),
        ("hosts", Box::new(|window| window.hosts.truncate(1))),
        (
            "accounts",
            Box::new(|window| window.accounts.push("root".parse().expect("an account"))),
        ),
        (
            "sudo",
            Box::new(|window| window.sudo.push("ALL".parse().expect("an item"))),
        ),
        (
            "starts",
            Box::new(|window| window.starts = Time::from_unix(99)),
        ),
        (
            "ends",
            Box::new(|window| window.ends = Time::from_unix(201)),
        ),
        (
            "sources",
            Box::new(|window| {
                window.sources = Some(vec!["192.0.2.0/24".parse().expect("a network")]);
            }),
        ),
        (
            "permit",
            Box::new(|window| window.permit.push(Permit::PortForwarding)),
        ),
        (
            "force_command",
            Box::new(|window| window.force_command = Some("id".parse().expect("a line"))),
        ),
        (
            "max_certificate_ttl",
            Box::new(|window| window.max_certificate_ttl = 3601),
        ),
        (
            "reason",
            Box::new(|window| window.reason = "another".parse().expect("a line")),
        ),
        (
            "ticket",
            Box::new(|window| window.ticket = Some("T-1".parse().expect("a line"))),
        ),
        (
            "extends",
            Box::new(|window| window.extends = Some(WindowId::new(Time::from_unix(1), [1; 10]))),
        ),
    ];
    for (field, lie) in lies {
        let mut window = window(&roster);
        lie(&mut window);
        match check(&wish(), &window, &roster, &hosts()) {
            Err(Failure::OtherWindow { field: named }) => assert_eq!(named, field),
            other => panic!("{field}: {other:?}"),
        }
    }
}
