//! A company, its CA's journal and a host's, and the trust file of an auditor.

mod journals;

use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use daypass_journal::trust::Trust;
use daypass_journal::witness::Witness;
use daypass_protocol::api::Rosters;
use daypass_protocol::certificate::Request;
use daypass_protocol::digest::{Digest, Pin};
use daypass_protocol::event::{Action, Event, Identity, Origin, Outcome, Resource};
use daypass_protocol::grant::Grant;
use daypass_protocol::key::Key;
use daypass_protocol::roster::{Chain, Person, Policy, Role, Roster, SignedRoster};
use daypass_protocol::sshsig;
use daypass_protocol::statement::{SignedStatement, Statement, Verb};
use daypass_protocol::time::{SKEW, Time};
use daypass_protocol::version::Version;
use daypass_protocol::window::{FrozenWindow, Permit, Window, WindowId};
use ssh_key::PrivateKey;
use ssh_key::private::{Ed25519Keypair, KeypairData};
use tempfile::TempDir;

use journals::{ca_journal, host_journal};

pub(crate) const SESSION: &str = "s-0011223344556677";
const SERIAL: u64 = 4_611_686_018_427_387_904;

/// What a scene has that others have not.
#[derive(Default)]
pub(crate) struct Change {
    /// Of the entry that opens the session.
    pub(crate) opening: Option<fn(Event) -> Event>,
    /// Entries in the host's journal, behind the session.
    pub(crate) on_host: Option<fn(&Stage) -> Vec<Event>>,
    /// Long texts beside the host's journal.
    pub(crate) texts: Vec<Vec<u8>>,
    /// Entries in the CA's journal, behind the rest.
    pub(crate) at_ca: Option<fn(&Stage) -> Vec<Event>>,
    /// Whether the journals are handed over to other log keys, in their middle and at their end.
    pub(crate) is_handed_over: bool,
    /// Rosters whose entries the CA's journal lacks.
    pub(crate) without_roster: Option<u64>,
}

/// What entries can be about.
pub(crate) struct Stage {
    pub(crate) window: FrozenWindow,
    chain: Chain,
}

pub(crate) struct Scene {
    directory: TempDir,
    window: WindowId,
    pub(crate) ca: PathBuf,
    pub(crate) host: PathBuf,
    pub(crate) trust: PathBuf,
    pub(crate) chain: PathBuf,
    pub(crate) pin: String,
    pub(crate) user_ca: String,
}

fn private(owner: &str) -> PrivateKey {
    let seed = *Digest::of(owner).as_bytes();
    PrivateKey::new(KeypairData::Ed25519(Ed25519Keypair::from_seed(&seed)), "").expect("a key")
}

fn public(owner: &str) -> Key {
    private(owner)
        .public_key()
        .key_data()
        .clone()
        .try_into()
        .expect("a key")
}

fn person(name: &str, role: Role) -> Person {
    Person {
        name: name.parse().expect("a name"),
        roles: vec![role],
        keys: vec![public(name)],
    }
}

fn signed(roster: &Roster) -> SignedRoster {
    let mut signed = SignedRoster::unsigned(roster.freeze().expect("a roster"));
    signed
        .sign(sshsig::with_key(&private("ada")))
        .expect("signed");
    signed
}

fn now() -> Time {
    Time::from(SystemTime::now())
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::with(&Change::default())
    }

    pub(crate) fn with(change: &Change) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |name: &str| directory.path().join(name);
        let first = Roster {
            v: Version,
            number: 1,
            previous: None,
            time: now().minus(86_400),
            people: vec![person("ada", Role::Admin)],
            recovery: public("recovery"),
            policy: Policy::default(),
        };
        let first_signed = signed(&first);
        let hash = Digest::of(&first_signed.roster);
        let second = Roster {
            number: 2,
            previous: Some(hash),
            time: now().minus(3600),
            people: vec![
                person("ada", Role::Admin),
                person("bob", Role::Approver),
                person("carol", Role::Contractor),
                person("dave", Role::Approver),
            ],
            ..first
        };
        let second_signed = signed(&second);
        // Dave has been an approver, and is none any more.
        let third = Roster {
            number: 3,
            previous: Some(Digest::of(&second_signed.roster)),
            time: now().minus(1800),
            people: second.people[..3].to_vec(),
            ..second
        };
        let rosters = vec![first_signed, second_signed, signed(&third)];
        let pin = Pin::from(hash);
        let chain = Chain::verify(pin, &rosters).expect("a chain");
        let window = window(pin);
        let said = said(&window);
        let stage = Stage { window, chain };
        let bytes = certificate(&stage.window, &stage.chain, SERIAL);

        let witness =
            Witness::create(&at("witness.key"), "example.org/witness").expect("a witness");
        let ca_log = ca_journal(directory.path(), &rosters, &stage, &said, &witness, change);
        let host_log = host_journal(directory.path(), &stage, &bytes, &witness, change);
        let user_ca = public("user-ca").to_string();
        let trust = Trust {
            logs: vec![host_log, ca_log],
            witnesses: vec![witness.vkey()],
            pin: Some(pin.to_string()),
            user_ca: vec![user_ca.clone()],
        };
        std::fs::write(at("trust.toml"), trust.to_string()).expect("written");
        let text = serde_json::to_string(&Rosters { chain: rosters }).expect("JSON");
        std::fs::write(at("chain.json"), text).expect("written");
        Self {
            window: stage.window.document().id,
            ca: at("ca"),
            host: at("host"),
            trust: at("trust.toml"),
            chain: at("chain.json"),
            pin: pin.to_string(),
            user_ca,
            directory,
        }
    }

    pub(crate) fn home(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn window(&self) -> String {
        self.window.to_string()
    }

    pub(crate) fn user_ca_fingerprint(&self) -> String {
        public("user-ca").fingerprint().to_string()
    }

    /// The bundle from both journals.
    pub(crate) fn exported(&self, question: &[&str]) -> Vec<u8> {
        self.exported_from(&[&self.host, &self.ca], question)
    }

    pub(crate) fn exported_from(&self, directories: &[&Path], question: &[&str]) -> Vec<u8> {
        let out = self.path("evidence.tar");
        let output = Process::new(env!("CARGO_BIN_EXE_daypass"))
            .args(["evidence", "export"])
            .args(directories)
            .args(question)
            .arg("-o")
            .arg(&out)
            .env("HOME", self.home())
            .env_remove("XDG_CONFIG_HOME")
            .output()
            .expect("daypass runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        std::fs::read(out).expect("a bundle")
    }
}

fn said(window: &FrozenWindow) -> [SignedStatement; 2] {
    [(Verb::Request, "carol"), (Verb::Approve, "bob")]
        .map(|(verb, who)| says(verb, who, window, now()))
}

/// The bytes of a certificate of Carol's.
fn certificate(window: &FrozenWindow, chain: &Chain, serial: u64) -> Vec<u8> {
    let approved = Grant::new(window, said(window).to_vec())
        .check(chain.newest(), &[], now())
        .expect("approved");
    let request = Request {
        window: &approved,
        key: &public("carol"),
        serial,
        nonce: [9; 32],
        state: 3,
        now: now(),
        ttl: 600,
        skew: SKEW,
    };
    let certificate = request.issue(&private("user-ca")).expect("a certificate");
    certificate.to_bytes().expect("bytes")
}

impl Stage {
    /// Something about the window at the CA.
    pub(crate) fn about(&self, action: Action, who: &str) -> Event {
        Event::new(action).outcome(Outcome::Done).by(Identity {
            person: who.parse().ok(),
            window: Some(self.window.document().id),
            ..Identity::default()
        })
    }

    /// Somebody said something about the window so many seconds ago.
    pub(crate) fn said(&self, action: Action, verb: Verb, who: &str, ago: u64) -> Event {
        let said = says(verb, who, &self.window, now().minus(ago));
        self.about(action, who)
            .detail("statement", said.statement.clone())
            .detail("signature", said.signature.to_string())
    }

    /// Something in a session.
    pub(crate) fn in_session(&self, action: Action) -> Event {
        of_session(action, self.window.document().id, SERIAL, SESSION)
    }

    /// A window that lets Carol stay an hour longer, and no more.
    fn longer(&self) -> FrozenWindow {
        let window = Window {
            id: WindowId::new(now(), [8; 10]),
            ends: self.window.document().ends.plus(3600),
            extends: Some(self.window.document().id),
            ..self.window.document().clone()
        };
        FrozenWindow::freeze(&window).expect("a window")
    }

    /// The login by that window, and what it did to the session.
    pub(crate) fn prolonged(&self) -> Vec<Event> {
        let (longer, serial) = (self.longer(), SERIAL + 1);
        let bytes = certificate(&longer, &self.chain, serial);
        vec![
            opening(&longer, &bytes, serial, "s-1011223344556677"),
            of_session(
                Action::SessionExtended,
                longer.document().id,
                SERIAL,
                SESSION,
            )
            .outcome(Outcome::Done)
            .detail("closes", longer.document().ends.to_string())
            .detail("window_before", self.window.document().id.to_string()),
        ]
    }
}

fn of_session(action: Action, window: WindowId, serial: u64, session: &str) -> Event {
    Event::new(action)
        .by(Identity {
            person: "carol".parse().ok(),
            account: Some("deploy".to_owned()),
            uid: Some(1001),
            window: Some(window),
            serial: Some(serial),
            key: Some(public("carol").fingerprint()),
        })
        .on(Resource {
            host: "db1".parse().ok(),
            service: Some("sshd".to_owned()),
            account: None,
        })
        .from(Origin {
            address: "192.0.2.7".parse().ok(),
            session: Some(session.to_owned()),
            ..Origin::default()
        })
}

fn opening(window: &FrozenWindow, certificate: &[u8], serial: u64, session: &str) -> Event {
    of_session(Action::SessionOpen, window.document().id, serial, session)
        .outcome(Outcome::Allowed)
        .detail("window_hash", window.hash().to_string())
        .detail("approved_by", vec!["bob"])
        .detail("closes", window.document().ends.to_string())
        .detail("roster", 3)
        .detail("certificate", STANDARD.encode(certificate))
}

/// Open from a minute ago for an hour.
fn window(pin: Pin) -> FrozenWindow {
    let window = Window {
        v: Version,
        id: WindowId::new(now(), [7; 10]),
        ca: pin,
        contractor: "carol".parse().expect("a name"),
        keys: vec![public("carol").fingerprint()],
        hosts: vec!["db1".parse().expect("a host")],
        accounts: vec!["deploy".parse().expect("an account")],
        sudo: vec!["/usr/bin/systemctl restart nginx".parse().expect("an item")],
        starts: now().minus(60),
        ends: now().plus(3600),
        hours: None,
        sources: None,
        permit: vec![Permit::Pty],
        force_command: None,
        max_certificate_ttl: 600,
        reason: "order 4711".parse().expect("a reason"),
        ticket: None,
        extends: None,
    };
    FrozenWindow::freeze(&window).expect("a window")
}

fn says(verb: Verb, who: &str, window: &FrozenWindow, time: Time) -> SignedStatement {
    Statement {
        v: Version,
        verb,
        window: window.hash(),
        ca: window.document().ca,
        signer: who.parse().expect("a name"),
        time,
        expires: window.document().ends,
    }
    .sign(sshsig::with_key(&private(who)))
    .expect("signed")
}
