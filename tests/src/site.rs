//! A small company on throwaway hosts: a server with CA and collector, hosts that enrolled, a laptop with people.
//!
//! Everything is installed from the Debian packages and set up by the commands that a person would
//! type; nothing here edits a file of sshd, sudo or PAM. Private keys of people exist on the laptop only.

mod collector;
mod forger;
mod journal;
mod packages;
mod people;

use std::time::Duration;

use crate::{Network, Plan, Result};

pub use collector::COLLECTOR_URL;
pub use forger::{Forger, Forgery, Papers};
pub use journal::Verification;
pub use packages::Packages;
pub use people::{Person, Wish};

/// How long a service may take to be up, a page to be there, a window to be seen: far longer than it takes, because a
/// machine may have much else to do.
pub const SOON: Duration = Duration::from_secs(60);

/// The administrator: signs the roster, enrols hosts.
pub const ALICE: &str = "alice";
/// The approver.
pub const BOB: &str = "bob";
/// The contractor who gets windows.
pub const CAROL: &str = "carol";
/// A contractor who gets none.
pub const MALLORY: &str = "mallory";

/// The server, the laptop and the hosts, installed and running.
#[derive(Debug)]
pub struct Site {
    /// The machines.
    pub network: Network,
    packages: Packages,
    pin: String,
    setup_line: String,
}

impl Site {
    /// A server, a laptop with its people, and hosts of these names with the package but not yet enrolled.
    pub fn found(hosts: &[&str]) -> Result<Self> {
        let mut site = Self::machines(hosts)?;
        site.install()?;
        site.set_up_server()?;
        site.sign_roster()?;
        site.add_people()?;
        Ok(site)
    }

    /// [`Site::found`], then each host enrolled, with the account `deploy` on it managed.
    pub fn with_managed(hosts: &[&str]) -> Result<Self> {
        let site = Self::found(hosts)?;
        for host in hosts {
            site.enrol(host)?;
            site.network.host(host)?.add_user("deploy")?;
            site.manage(host, "deploy")?;
        }
        Ok(site)
    }

    /// The machines alone, booted.
    pub fn machines(hosts: &[&str]) -> Result<Self> {
        let packages = Packages::built()?;
        let names = ["server", "laptop"]
            .into_iter()
            .chain(hosts.iter().copied());
        let network = names
            .into_iter()
            .try_fold(Network::plan(), Plan::host)?
            .start()?;
        Ok(Self {
            network,
            packages,
            pin: String::new(),
            setup_line: String::new(),
        })
    }

    /// The packages onto every machine, by apt.
    pub fn install(&self) -> Result<()> {
        for host in self.network.hosts() {
            let packages: &[&str] = match host.name() {
                "server" => &["daypass-server"],
                "laptop" => &["daypass"],
                _ => &["daypass-host", "daypass"],
            };
            self.packages.install(host, packages)?;
        }
        Ok(())
    }

    /// Makes people's keys on the laptop, and CA and collector on the server, with Alice as the first admin; gives what
    /// `daypass-server init` printed. The collector runs, and waits for the first roster.
    pub fn set_up_server(&mut self) -> Result<String> {
        let (server, laptop) = (self.network.host("server")?, self.network.host("laptop")?);
        for name in [ALICE, BOB, CAROL, MALLORY] {
            people::make(laptop, name)?;
        }
        server.write("/root/alice.pub", people::public_key(laptop, ALICE)?)?;
        let printed = self.server_init()?.ok()?;
        self.setup_line = word_starting(&printed, "daypass-setup-1.")?;
        self.pin = hash_in(&printed)?;
        Ok(printed)
    }

    /// `daypass-server init`, as root types it there.
    pub fn server_init(&self) -> Result<crate::command::Command<'_>> {
        let init = [
            "daypass-server",
            "init",
            "--admin",
            ALICE,
            "--admin-key",
            "/root/alice.pub",
            "--name",
            "server",
        ];
        Ok(self.network.host("server")?.root(init))
    }

    /// Alice sets her account up and signs roster 1, which puts the CA into service, and the collector by itself.
    pub fn sign_roster(&self) -> Result<String> {
        self.person(ALICE).set_up()?;
        let signed = self
            .person(ALICE)
            .daypass(["roster", "sign", "--pin", &self.pin, "--yes"])
            .ok()?;
        self.await_collector()?;
        Ok(signed)
    }

    /// Alice adds the others, who set their accounts up.
    pub fn add_people(&self) -> Result<()> {
        [
            (BOB, "approver"),
            (CAROL, "contractor"),
            (MALLORY, "contractor"),
        ]
        .into_iter()
        .try_for_each(|(name, role)| self.add_person(name, role))
    }

    /// Somebody new, with an account and a key on the laptop, whom Alice adds. Who is there for one row alone can be
    /// removed in it.
    pub fn hire(&self, name: &str, role: &str) -> Result<()> {
        self.welcome(name)?;
        self.add_person(name, role)
    }

    /// Somebody new, with an account and a key on the laptop, of whom daypass knows nothing.
    pub fn welcome(&self, name: &str) -> Result<()> {
        people::make(self.network.host("laptop")?, name)
    }

    fn add_person(&self, name: &str, role: &str) -> Result<()> {
        let key = format!("/home/{name}/.ssh/id_ed25519.pub");
        let copy = format!("/home/{ALICE}/{name}.pub");
        let install = ["install", "-m644", &key, &copy];
        self.network.host("laptop")?.root(install).ok()?;
        let add = [
            "person", "add", name, "--key", &copy, "--role", role, "--yes",
        ];
        self.person(ALICE).daypass(add).ok()?;
        self.person(name).set_up().map(drop)
    }

    /// Alice makes a token, the host's root pastes it.
    pub fn enrol(&self, host: &str) -> Result<String> {
        let token = self.person(ALICE).daypass(["host", "token", host]).ok()?;
        let token = word_starting(&token, "daypass-join-1.")?;
        let enrolled = self
            .network
            .host(host)?
            .root(["daypass-agent", "enroll"])
            .input(format!("{token}\n"))
            .ok()?;
        // A laptop learns of a new host when it next asks for the list.
        for name in [ALICE, BOB, CAROL, MALLORY] {
            self.person(name).daypass(["setup", "--refresh"]).ok()?;
        }
        Ok(enrolled)
    }

    /// Puts an account of a host under management.
    pub fn manage(&self, host: &str, account: &str) -> Result<String> {
        self.network
            .host(host)?
            .root(["daypass-agent", "manage", account])
            .ok()
    }

    /// Somebody at the laptop.
    #[must_use]
    pub fn person<'a>(&'a self, name: &'a str) -> Person<'a> {
        Person::new(self, name)
    }

    /// The hash of roster 1.
    #[must_use]
    pub fn pin(&self) -> &str {
        &self.pin
    }

    /// What `daypass setup` takes.
    #[must_use]
    pub fn setup_line(&self) -> &str {
        &self.setup_line
    }
}

/// The word of `text` that starts so.
fn word_starting(text: &str, start: &str) -> Result<String> {
    text.split_whitespace()
        .find(|word| word.starts_with(start))
        .map(ToOwned::to_owned)
        .ok_or_else(|| crate::Error::NotShown {
            what: start.to_owned(),
            text: text.to_owned(),
        })
}

/// The word of `text` that is a hash.
fn hash_in(text: &str) -> Result<String> {
    text.split_whitespace()
        .find(|word| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .map(ToOwned::to_owned)
        .ok_or_else(|| crate::Error::NotShown {
            what: "a hash".to_owned(),
            text: text.to_owned(),
        })
}
