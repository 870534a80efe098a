//! A CA in miniature for tests: one admin, one contractor, states on demand.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use chrono::Utc;
use daypass_protocol::digest::{Digest, Incarnation, Pin};
use daypass_protocol::key::Key;
use daypass_protocol::narrowing::{Narrowing, SignedNarrowing};
use daypass_protocol::revocation::{Revocation, SignedRevocation, Subject};
use daypass_protocol::roster::{Person, Policy, Role, Roster, SignedRoster};
use daypass_protocol::sshsig;
use daypass_protocol::state::{RosterMark, SignedState, State};
use daypass_protocol::statement::{SignedStatement, Statement, Verb};
use daypass_protocol::time::Time;
use daypass_protocol::version::Version;
use daypass_protocol::window::{FrozenWindow, Permit, Window, WindowId};
use serde_json::{Value, json};
use ssh_key::PrivateKey;
use ssh_key::private::Ed25519Keypair;

use crate::intake::{Entry, Epoch, Intake, Ledger, LedgerFailed, Receipt};

/// The instant at which the tests play.
pub(crate) const NOW: i64 = 1_800_000_000;

/// A private key that is the same for the same seed.
pub(crate) fn private(seed: u8) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]))
}

/// Its public half.
pub(crate) fn public(seed: u8) -> Key {
    Key::try_from(private(seed).public_key().key_data().clone()).unwrap()
}

pub(crate) const ADMIN: u8 = 1;
const RECOVERY: u8 = 2;
pub(crate) const CONTRACTOR: u8 = 3;
pub(crate) const STATE: u8 = 4;
pub(crate) const USER_CA: u8 = 5;

/// The rosters and states of one CA.
pub(crate) struct Ca {
    pub(crate) pin: Pin,
    pub(crate) rosters: Vec<SignedRoster>,
    pub(crate) template: State,
    /// How long stops are announced, in seconds.
    pub(crate) announced_for: u64,
}

impl Ca {
    /// Roster 1, signed, and a state numbered 1.
    pub(crate) fn new() -> Self {
        let first = roster(1, None);
        let pin = Pin::from(Digest::of(&first));
        let template = State {
            v: Version,
            ca: pin,
            incarnation: Incarnation::from_bytes([7; 8]),
            number: 1,
            time: Time::from_unix(NOW),
            roster: RosterMark {
                number: 1,
                hash: Digest::of(&first),
            },
            user_ca: vec![public(USER_CA)],
            host_ca: vec![],
            state_key: public(STATE),
            revocations: vec![],
            revoked: vec![],
            narrowings: vec![],
            successions: vec![],
            collectors: vec![],
            x509: vec![],
        };
        Self {
            pin,
            rosters: vec![signed(first)],
            template,
            announced_for: 3600,
        }
    }

    /// Adds a roster and lets states name it.
    pub(crate) fn next_roster(&mut self) {
        let last = Digest::of(&self.rosters.last().unwrap().roster);
        let number = self.rosters.len() as u64 + 1;
        let text = roster(number, Some(last));
        self.template.roster = RosterMark {
            number,
            hash: Digest::of(&text),
        };
        self.rosters.push(signed(text));
    }

    /// The same, signed by the recovery key in the admin's stead.
    pub(crate) fn next_roster_by_recovery(&mut self) {
        self.next_roster_by(RECOVERY);
    }

    /// The same, signed by whoever has this key.
    pub(crate) fn next_roster_by(&mut self, seed: u8) {
        self.next_roster();
        let last = self.rosters.pop().unwrap();
        self.rosters.push(signed_by(seed, last.roster));
    }

    /// The state with this number, signed; a minute for each number.
    pub(crate) fn state(&self, number: u64) -> SignedState {
        self.state_at(number, Time::from_unix(NOW).plus(60 * number))
    }

    /// The state with this number, signed at this time.
    pub(crate) fn state_at(&self, number: u64, time: Time) -> SignedState {
        let state = State {
            number,
            time,
            ..self.template.clone()
        };
        state.sign(sshsig::with_key(&private(STATE))).unwrap()
    }

    /// A window of Carol's on db1, an hour from now on, with these sudo items.
    pub(crate) fn window(&self, sudo: &[&str]) -> FrozenWindow {
        let window = Window {
            v: Version,
            id: WindowId::new(Time::from_unix(NOW), [7; 10]),
            ca: self.pin,
            contractor: "carol".parse().unwrap(),
            keys: vec![public(CONTRACTOR).fingerprint()],
            hosts: vec!["db1".parse().unwrap()],
            accounts: vec!["deploy".parse().unwrap()],
            sudo: sudo.iter().map(|item| item.parse().unwrap()).collect(),
            starts: Time::from_unix(NOW),
            ends: Time::from_unix(NOW).plus(3600),
            hours: None,
            sources: None,
            permit: vec![Permit::Pty],
            force_command: None,
            max_certificate_ttl: 600,
            reason: "Restart the web server".parse().unwrap(),
            ticket: None,
            extends: None,
        };
        FrozenWindow::freeze(&window).unwrap()
    }

    /// The admin, who is an approver as well, grants a window.
    pub(crate) fn grant(&self, window: Digest) -> SignedStatement {
        self.says(Verb::Grant, "alice", ADMIN, window)
    }

    /// The admin revokes a window.
    pub(crate) fn revocation(&self, window: Digest) -> SignedStatement {
        self.says(Verb::Revoke, "alice", ADMIN, window)
    }

    /// The contractor is done with a window.
    pub(crate) fn early_end(&self, window: Digest) -> SignedStatement {
        self.says(Verb::End, "carol", CONTRACTOR, window)
    }

    fn says(&self, verb: Verb, signer: &str, seed: u8, window: Digest) -> SignedStatement {
        let statement = Statement {
            v: Version,
            verb,
            window,
            ca: self.pin,
            signer: signer.parse().unwrap(),
            time: Time::from_unix(NOW),
            expires: Time::from_unix(NOW).plus(self.announced_for),
        };
        statement.sign(sshsig::with_key(&private(seed))).unwrap()
    }
}

impl Ca {
    /// The admin leaves nothing of a window's sudo.
    pub(crate) fn narrowing(&self, window: Digest) -> SignedNarrowing {
        let narrowing = Narrowing {
            v: Version,
            verb: daypass_protocol::narrowing::Verb::Narrow,
            window,
            ca: self.pin,
            signer: "alice".parse().unwrap(),
            time: Time::from_unix(NOW),
            expires: Time::from_unix(NOW).plus(3600),
            ends: None,
            hosts: None,
            accounts: None,
            sudo: Some(Vec::new()),
        };
        narrowing.sign(sshsig::with_key(&private(ADMIN))).unwrap()
    }

    /// The admin revokes more than a window.
    pub(crate) fn revocation_of(&self, subject: &Subject) -> SignedRevocation {
        let now = Time::from_unix(NOW);
        let signer = "alice".parse().unwrap();
        Revocation::of(subject, self.pin, signer, now, now.plus(3600))
            .sign(sshsig::with_key(&private(ADMIN)))
            .unwrap()
    }
}

fn roster(number: u64, previous: Option<Digest>) -> String {
    let person = |name: &str, roles: &[Role], seed| Person {
        name: name.parse().unwrap(),
        roles: roles.to_vec(),
        keys: vec![public(seed)],
    };
    let roster = Roster {
        v: Version,
        number,
        previous,
        time: Time::from_unix(NOW),
        people: vec![
            person("alice", &[Role::Admin, Role::Approver], ADMIN),
            person("carol", &[Role::Contractor], CONTRACTOR),
        ],
        recovery: public(RECOVERY),
        policy: Policy::default(),
    };
    roster.freeze().unwrap()
}

fn signed(roster: String) -> SignedRoster {
    signed_by(ADMIN, roster)
}

fn signed_by(signer: u8, roster: String) -> SignedRoster {
    let key = private(signer);
    let signature =
        sshsig::sign(sshsig::ROSTER, roster.as_bytes(), sshsig::with_key(&key)).unwrap();
    SignedRoster {
        roster,
        signatures: vec![signature],
    }
}

/// What stands in the place of an action where a text was kept.
pub(crate) const KEPT: &str = "a text is kept";

/// A journal that hands on what it is given.
struct Pages(Mutex<Sender<Value>>);

impl Ledger for Pages {
    fn append(&self, events: &[Box<Entry>], _: Epoch) -> Vec<Result<Receipt, LedgerFailed>> {
        let append = |event: &Entry| {
            let value = serde_json::from_str(event.get()).unwrap();
            self.0.lock().unwrap().send(value).unwrap();
            Ok(Receipt {
                seq: 0,
                time: Utc::now(),
            })
        };
        events.iter().map(|event| append(event)).collect()
    }

    fn keep_text(&self, text: &[u8]) -> Result<(), daypass_journal::Error> {
        let kept = json!({"action": KEPT, "sha256": Digest::of(text)});
        self.0.lock().unwrap().send(kept).unwrap();
        Ok(())
    }

    fn keep_cosignature(&self, _: &str) -> Result<(), daypass_journal::Error> {
        Ok(())
    }

    fn declare_witnesses(&self, _: &[String]) -> Result<(), daypass_journal::Error> {
        Ok(())
    }

    fn close(&self) -> Result<(), LedgerFailed> {
        Ok(())
    }
}

/// An intake, and what it commits.
pub(crate) fn intake() -> (Intake, Receiver<Value>) {
    let (write, entries) = channel();
    let pages: Arc<dyn Ledger> = Arc::new(Pages(Mutex::new(write)));
    let intake = Intake::start(Box::new(move || Ok(Arc::clone(&pages))), Box::new(|_| {})).unwrap();
    (intake, entries)
}
