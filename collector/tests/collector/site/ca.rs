//! A CA in miniature: its roster, what it says, the certificates that it gives.

use std::time::SystemTime;

use daypass_collector::authority::Word;
use daypass_collector::clock::Now;
use daypass_protocol::digest::{Digest, Incarnation, Pin};
use daypass_protocol::key::Key;
use daypass_protocol::revocation::{Revocation, Subject};
use daypass_protocol::roster::{Person, Policy, Role, Roster, SignedRoster};
use daypass_protocol::sshsig;
use daypass_protocol::state::{RosterMark, State};
use daypass_protocol::version::Version;
use daypass_transport::authority::Authority as Root;
use daypass_transport::request::SigningRequest;
use ssh_key::PrivateKey;
use ssh_key::private::Ed25519Keypair;

pub(super) const STATE: u8 = 100;
pub(super) fn private(seed: u8) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]))
}

pub(super) fn public(seed: u8) -> Key {
    Key::try_from(private(seed).public_key().key_data().clone()).unwrap()
}

pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

/// Who is in the roster; the seed of the key is the place in the list, from 1.
pub(crate) const PEOPLE: [(&str, Role); 4] = [
    ("alice", Role::Admin),
    ("bob", Role::Approver),
    ("carol", Role::Contractor),
    ("dora", Role::Auditor),
];

/// The miniature CA.
pub(crate) struct Ca {
    pub(crate) root: Root,
    pub(crate) pin: Pin,
    pub(crate) word: Word,
}

impl Ca {
    pub(crate) fn new() -> Self {
        let people = (1..).zip(PEOPLE).map(|(seed, (name, role))| Person {
            name: name.parse().unwrap(),
            roles: vec![role],
            keys: vec![public(seed)],
        });
        let roster = Roster {
            v: Version,
            number: 1,
            previous: None,
            time: Now::read()
                .time()
                .plus(u64::from_le_bytes(random()) % 1_000_000),
            // No two CAs of one test have the same pin.
            people: people.collect(),
            recovery: public(101),
            policy: Policy::default(),
        };
        let text = roster.freeze().unwrap();
        let hash = Digest::of(&text);
        let mut signed = SignedRoster::unsigned(text);
        signed.sign(sshsig::with_key(&private(1))).unwrap();
        let pin = Pin::from(hash);
        let state = State {
            v: Version,
            ca: pin,
            incarnation: Incarnation::from_bytes([7; 8]),
            number: 1,
            time: Now::read().time(),
            roster: RosterMark { number: 1, hash },
            user_ca: vec![public(102)],
            host_ca: vec![],
            state_key: public(STATE),
            revocations: vec![],
            revoked: vec![],
            narrowings: vec![],
            successions: vec![],
            collectors: vec![],
            x509: vec![],
        };
        let state = state.sign(sshsig::with_key(&private(STATE))).unwrap();
        Self {
            root: Root::create("test", SystemTime::now()).unwrap(),
            pin,
            word: Word {
                chain: vec![signed],
                state,
            },
        }
    }

    /// What the CA says after roster 2, which differs by the longest window.
    pub(crate) fn word_with_second_roster(&self, max_window: u64) -> Word {
        self.word_signed_by(1, max_window)
    }

    /// The same, put in force by the recovery key.
    pub(crate) fn word_by_the_recovery_key(&self) -> Word {
        self.word_signed_by(101, 1_000_000)
    }

    fn word_signed_by(&self, signer: u8, max_window: u64) -> Word {
        let mut roster = Roster::parse(&self.word.chain[0].roster).unwrap();
        roster.number = 2;
        roster.previous = Some(Digest::of(&self.word.chain[0].roster));
        roster.policy.max_window = max_window;
        let text = roster.freeze().unwrap();
        let mut state = self.word.state.read_unverified().unwrap();
        state.number = 2;
        state.roster = RosterMark {
            number: 2,
            hash: Digest::of(&text),
        };
        let mut second = SignedRoster::unsigned(text);
        second.sign(sshsig::with_key(&private(signer))).unwrap();
        Word {
            chain: vec![self.word.chain[0].clone(), second],
            state: state.sign(sshsig::with_key(&private(STATE))).unwrap(),
        }
    }

    /// This word, with a key that alice revoked; by whose public key's seed.
    pub(crate) fn revoking(&self, word: &Word, number: u64, seeds: &[u8]) -> Word {
        let mut state = word.state.read_unverified().unwrap();
        state.number = number;
        state.revoked = seeds
            .iter()
            .map(|seed| {
                let (now, signer) = (Now::read().time(), "alice".parse().unwrap());
                let subject = Subject::Key(public(*seed).fingerprint());
                let revocation = Revocation::of(&subject, self.pin, signer, now, now.plus(86_400));
                revocation.sign(sshsig::with_key(&private(1))).unwrap()
            })
            .collect();
        Word {
            chain: word.chain.clone(),
            state: state.sign(sshsig::with_key(&private(STATE))).unwrap(),
        }
    }

    /// The same state, dated otherwise.
    pub(crate) fn word_dated(&self, time: daypass_protocol::time::Time) -> Word {
        self.dated(&self.word, time)
    }

    /// This word, its state dated otherwise.
    pub(crate) fn dated(&self, word: &Word, time: daypass_protocol::time::Time) -> Word {
        let mut state = word.state.read_unverified().unwrap();
        state.time = time;
        Word {
            chain: word.chain.clone(),
            state: state.sign(sshsig::with_key(&private(STATE))).unwrap(),
        }
    }

    /// What the CA says once it has these collectors.
    pub(crate) fn word_naming(&self, collectors: Vec<daypass_protocol::state::Collector>) -> Word {
        let mut state = self.word.state.read_unverified().unwrap();
        state.number = 2;
        state.collectors = collectors;
        Word {
            chain: self.word.chain.clone(),
            state: state.sign(sshsig::with_key(&private(STATE))).unwrap(),
        }
    }

    /// A client certificate and its key.
    pub(crate) fn identity(&self, name: &str) -> (String, String) {
        issue(&self.root, name, SystemTime::now())
    }
}

/// A client certificate of any root, and its key.
pub(crate) fn issue(root: &Root, name: &str, now: SystemTime) -> (String, String) {
    let SigningRequest { key, csr } = SigningRequest::create(name).unwrap();
    (root.issue_host(&csr, name, now).unwrap(), key)
}
