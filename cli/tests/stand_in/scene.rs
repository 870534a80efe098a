//! Carol's home, Alice's rosters, and what a stand-in answers.

use std::path::{Path, PathBuf};
use std::process::Command;

use daypass_cli::config::Config;
use daypass_cli::paths::Places;
use daypass_protocol::api::{Failure, Problem};
use daypass_protocol::digest::Digest;
use daypass_protocol::key::Key;
use daypass_protocol::roster::{Chain, Person, Policy, Role, Roster, SignedRoster};
use daypass_protocol::statement::{SignedStatement, Statement, Verb};
use daypass_protocol::time::Time;
use daypass_protocol::version::Version;
use daypass_protocol::window::{FrozenWindow, WindowId};
use serde::Serialize;
use ssh_key::{HashAlg, PrivateKey};
use tempfile::TempDir;

/// Alice's rosters: herself, Carol, and in the second one Dave.
pub(crate) struct Rolls {
    pub(crate) chain: Vec<SignedRoster>,
}

impl Rolls {
    pub(crate) fn verified(&self) -> Chain {
        let pin = Digest::of(&self.chain[0].roster).into();
        Chain::verify(pin, &self.chain).expect("a chain")
    }

    /// The roster that follows, with a change, signed by this key of Carol's home.
    pub(crate) fn next(
        &self,
        carol: &Carol,
        signer: &str,
        change: impl FnOnce(&mut Roster),
    ) -> SignedRoster {
        let chain = self.verified();
        let mut roster = Roster::clone(chain.newest());
        roster.number += 1;
        roster.previous = Some(chain.newest().hash());
        change(&mut roster);
        sign(&roster, &carol.private(signer))
    }
}

/// Carol's home, with a key in it.
pub(crate) struct Carol {
    pub(crate) home: TempDir,
}

impl Carol {
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().expect("a directory");
        keygen(
            &["-q", "-N", "", "-t", "ed25519", "-f"],
            &home.path().join("id"),
        );
        Self { home }
    }

    pub(crate) fn key(&self) -> Key {
        let text = std::fs::read_to_string(self.home.path().join("id.pub")).expect("a key");
        Key::from_openssh_line(text.trim()).expect("a key")
    }

    /// A key in a file of her home.
    pub(crate) fn private(&self, name: &str) -> PrivateKey {
        let key = std::fs::read(self.home.path().join(name)).expect("a key");
        PrivateKey::from_openssh(key).expect("a key")
    }

    /// A new one.
    pub(crate) fn make_key(&self, name: &str) -> PrivateKey {
        let path: PathBuf = self.home.path().join(name);
        keygen(&["-q", "-N", "", "-t", "ed25519", "-f"], &path);
        self.private(name)
    }

    /// Her word about a window.
    pub(crate) fn says(&self, verb: Verb, window: &FrozenWindow) -> SignedStatement {
        let key = self.private("id");
        let document = window.document();
        let statement = Statement {
            v: Version,
            verb,
            window: window.hash(),
            ca: document.ca,
            signer: "carol".parse().expect("a name"),
            time: document.starts,
            expires: document.ends,
        };
        let signed = statement.sign(|namespace, bytes| key.sign(namespace, HashAlg::Sha512, bytes));
        signed.expect("signed")
    }

    pub(crate) fn set_up(&self, port: u16, root: &str, rolls: &Rolls) {
        let places = Places::below(self.home.path());
        let config = Config {
            url: format!("https://localhost:{port}")
                .parse()
                .expect("an address"),
            ca: Digest::of(&rolls.chain[0].roster).into(),
            root: Digest::of("not looked at after set-up"),
            person: "carol".parse().expect("a name"),
            key: self.key().fingerprint(),
            key_file: Some(self.home.path().join("id")),
            agent: None,
        };
        config.save(&places).expect("saved");
        daypass_cli::durable::write(&places.root_file(), root.as_bytes(), 0o600).expect("written");
    }

    /// Puts a certificate of a window for one of her keys at hand, valid for so long (`+20s`), for `deploy` on db1.
    pub(crate) fn certify(&self, key: &str, valid: &str) {
        let home = self.home.path();
        let authority = home.join("alice");
        let window = WindowId::new(Time::from_unix(1), [1; 10]).to_string();
        let authority = authority.to_str().expect("text");
        let words = [
            "-q", "-I", "test", "-V", valid, "-n", &window, "-s", authority,
        ];
        keygen(&words, &home.join(format!("{key}.pub")));
        let certificates = Places::below(home).certificates();
        std::fs::create_dir_all(&certificates).expect("a directory");
        std::fs::copy(
            home.join(format!("{key}-cert.pub")),
            certificates.join("deploy@db1-cert.pub"),
        )
        .expect("copied");
    }

    /// The exit code and everything that was said.
    pub(crate) fn daypass(&self, words: &[&str]) -> (i32, String) {
        self.run(&mut Command::new(env!("CARGO_BIN_EXE_daypass")), words)
    }

    /// The same for somebody whose clock shows this zone's time.
    pub(crate) fn daypass_in(&self, zone: &str, words: &[&str]) -> (i32, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_daypass"));
        self.run(command.env("TZ", zone), words)
    }

    fn run(&self, command: &mut Command, words: &[&str]) -> (i32, String) {
        let output = command
            .args(words)
            .env("HOME", self.home.path())
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("XDG_DATA_HOME")
            .env_remove("XDG_STATE_HOME")
            .env_remove("SSH_AUTH_SOCK")
            .output()
            .expect("daypass runs");
        let said = [output.stdout, output.stderr].concat();
        (
            output.status.code().expect("a code"),
            String::from_utf8(said).expect("text"),
        )
    }
}

pub(crate) fn keygen(words: &[&str], file: &Path) {
    assert!(
        Command::new("ssh-keygen")
            .args(words)
            .arg(file)
            .status()
            .expect("ssh-keygen runs")
            .success()
    );
}

pub(crate) fn rolls(carol: &Carol) -> Rolls {
    let person = |name: &str, roles: &[Role], key| Person {
        name: name.parse().expect("a name"),
        roles: roles.to_vec(),
        keys: vec![key],
    };
    let alice = carol.make_key("alice");
    let mut roster = Roster {
        v: Version,
        number: 1,
        previous: None,
        time: Time::from_unix(0),
        people: vec![
            person("alice", &[Role::Admin], public(&alice)),
            person("carol", &[Role::Contractor, Role::Approver], carol.key()),
        ],
        recovery: public(&carol.make_key("recovery")),
        policy: Policy::default(),
    };
    let first = sign(&roster, &alice);
    roster.number = 2;
    roster.previous = Some(Digest::of(&first.roster));
    roster.people.push(person(
        "dave",
        &[Role::Contractor],
        public(&carol.make_key("dave")),
    ));
    Rolls {
        chain: vec![first, sign(&roster, &alice)],
    }
}

pub(crate) fn public(key: &PrivateKey) -> Key {
    Key::try_from(key.public_key().key_data().clone()).expect("a key")
}

fn sign(roster: &Roster, key: &PrivateKey) -> SignedRoster {
    let mut signed = SignedRoster::unsigned(roster.freeze().expect("a roster"));
    signed
        .sign(|namespace, bytes| key.sign(namespace, HashAlg::Sha512, bytes))
        .expect("signed");
    signed
}

pub(crate) fn json(value: &impl Serialize) -> (u16, String) {
    (200, serde_json::to_string(value).expect("JSON"))
}

pub(crate) fn refusal(code: &str, message: String) -> (u16, String) {
    let failure = Failure {
        error: Problem {
            code: code.to_owned(),
            message,
        },
    };
    (401, serde_json::to_string(&failure).expect("JSON"))
}
