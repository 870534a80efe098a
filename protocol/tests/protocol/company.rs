//! A small company: its people, their keys, its roster, a window.

use daypass_protocol::digest::{Digest, Pin};
use daypass_protocol::grant::{ApprovedWindow, Grant};
use daypass_protocol::key::{Fingerprint, Key};
use daypass_protocol::name::Name;
use daypass_protocol::place::Place;
use daypass_protocol::roster::{Chain, Person, Policy, Role, Roster, SignedRoster, VerifiedRoster};
use daypass_protocol::sshsig;
use daypass_protocol::statement::{SignedStatement, Statement, Verb};
use daypass_protocol::time::Time;
use daypass_protocol::version::Version;
use daypass_protocol::window::{FrozenWindow, Permit, Window, WindowId};
use ssh_key::PrivateKey;
use ssh_key::private::{Ed25519Keypair, KeypairData};

/// The moment at which most tests play.
pub(crate) const NOW: &str = "2026-11-23T10:00:00Z";

/// Admin, two approvers, a contractor, and somebody who is both contractor and approver.
pub(crate) const PEOPLE: [(&str, &[Role]); 5] = [
    ("ada", &[Role::Admin]),
    ("ann", &[Role::Approver]),
    ("bob", &[Role::Approver]),
    ("carl", &[Role::Contractor]),
    ("dora", &[Role::Contractor, Role::Approver]),
];

pub(crate) struct Company {
    pub(crate) chain: Chain,
}

pub(crate) fn time(text: &str) -> Time {
    text.parse().unwrap()
}

pub(crate) fn now() -> Time {
    time(NOW)
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// The same key for the same name in every run.
pub(crate) fn private_key(owner: &str) -> PrivateKey {
    let seed = *Digest::of(owner).as_bytes();
    PrivateKey::new(KeypairData::Ed25519(Ed25519Keypair::from_seed(&seed)), "").unwrap()
}

pub(crate) fn key(owner: &str) -> Key {
    private_key(owner)
        .public_key()
        .key_data()
        .clone()
        .try_into()
        .unwrap()
}

pub(crate) fn fingerprint(owner: &str) -> Fingerprint {
    key(owner).fingerprint()
}

pub(crate) fn person(owner: &str, roles: &[Role]) -> Person {
    Person {
        name: name(owner),
        roles: roles.to_vec(),
        keys: vec![key(owner)],
    }
}

/// The hosts of Carl's window: db1 is in the group `db`.
pub(crate) fn places() -> Vec<Place> {
    vec![
        Place::new("db1".parse().unwrap(), [], [name("db")]),
        Place::new("db2".parse().unwrap(), [], []),
    ]
}

/// Roster 1 as a draft.
pub(crate) fn first_roster(policy: Policy) -> Roster {
    Roster {
        v: Version,
        number: 1,
        previous: None,
        time: time("2026-01-01T00:00:00Z"),
        people: PEOPLE
            .iter()
            .map(|(owner, roles)| person(owner, roles))
            .collect(),
        recovery: key("recovery"),
        policy,
    }
}

/// A roster written down and signed by these people.
pub(crate) fn signed(roster: &Roster, signers: &[&str]) -> SignedRoster {
    let mut signed = SignedRoster::unsigned(roster.freeze().unwrap());
    for signer in signers {
        signed.sign(sshsig::with_key(&private_key(signer))).unwrap();
    }
    signed
}

impl Company {
    pub(crate) fn new() -> Self {
        Self::under(Policy::default())
    }

    pub(crate) fn under(policy: Policy) -> Self {
        let first = signed(&first_roster(policy), &["ada"]);
        let pin = Pin::from(Digest::of(&first.roster));
        Self {
            chain: Chain::verify(pin, &[first]).unwrap(),
        }
    }

    pub(crate) fn roster(&self) -> &VerifiedRoster {
        self.chain.newest()
    }

    /// Puts the next roster in force, changed like this and signed by the admin.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut Roster)) {
        let mut next = Roster::clone(self.roster());
        next.number += 1;
        next.previous = Some(self.roster().hash());
        change(&mut next);
        self.chain.extend(&signed(&next, &["ada"])).unwrap();
    }

    /// Carl's window on db1 and db2, an hour from now on.
    pub(crate) fn draft(&self) -> Window {
        Window {
            v: Version,
            id: WindowId::new(now(), [7; 10]),
            ca: self.roster().pin(),
            contractor: name("carl"),
            keys: vec![fingerprint("carl")],
            hosts: vec!["db1".parse().unwrap(), "db2".parse().unwrap()],
            accounts: vec!["deploy".parse().unwrap()],
            sudo: vec!["/usr/bin/systemctl restart nginx".parse().unwrap()],
            starts: now(),
            ends: now().plus(3600),
            hours: None,
            sources: None,
            permit: vec![Permit::Pty],
            force_command: None,
            max_certificate_ttl: 600,
            reason: "Restart the web server".parse().unwrap(),
            ticket: None,
            extends: None,
        }
    }

    pub(crate) fn window(&self) -> FrozenWindow {
        FrozenWindow::freeze(&self.draft()).unwrap()
    }

    /// What `signer` would say of the window.
    pub(crate) fn statement(&self, verb: Verb, signer: &str, window: &FrozenWindow) -> Statement {
        Statement {
            v: Version,
            verb,
            window: window.hash(),
            ca: self.roster().pin(),
            signer: name(signer),
            time: now(),
            expires: window.document().ends,
        }
    }

    pub(crate) fn says(&self, verb: Verb, signer: &str, window: &FrozenWindow) -> SignedStatement {
        self.statement(verb, signer, window)
            .sign(sshsig::with_key(&private_key(signer)))
            .unwrap()
    }

    pub(crate) fn grant(&self, window: &FrozenWindow, said: &[(Verb, &str)]) -> Grant {
        let statements = said
            .iter()
            .map(|&(verb, signer)| self.says(verb, signer, window))
            .collect();
        Grant::new(window, statements)
    }

    /// The window, asked for by its contractor and approved by Ann.
    pub(crate) fn approved(&self, window: &FrozenWindow) -> ApprovedWindow {
        let contractor = window.document().contractor.clone();
        self.grant(
            window,
            &[(Verb::Request, contractor.as_str()), (Verb::Approve, "ann")],
        )
        .check(self.roster(), &places(), now())
        .unwrap()
    }
}
