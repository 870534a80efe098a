//! Whoever stole the CA: its key, its database, every document. What they lack is other people's keys.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{CAROL, Site};
use crate::{Error, Host, Result};

/// Where the thief works, on the laptop.
const LAIR: &str = "/root/lair";
/// The number of the next certificate that is forged: each has its own, so that what a host says of one is found.
static NEXT: AtomicU64 = AtomicU64::new(4711);

/// The CA's user key, in the clear, and `ssh-keygen` to use it with.
#[derive(Debug)]
pub struct Forger<'a> {
    site: &'a Site,
    /// The number of the certificate that was forged last.
    serial: Cell<u64>,
}

/// A window document with the statements that go with it.
#[derive(Clone, Debug)]
pub struct Papers {
    /// The document's exact text.
    pub window: String,
    /// `{"statement":TEXT,"signature":SIGNATURE}` each.
    pub statements: Vec<Value>,
}

/// A certificate to be forged. What is not said is as the CA would do it.
#[derive(Clone, Debug)]
pub struct Forgery {
    papers: Option<Papers>,
    principal: Option<String>,
    options: Vec<String>,
    validity: String,
}

impl<'a> Forger<'a> {
    /// Takes the CA's key out of the server, with its passphrase.
    pub fn with_stolen_key(site: &'a Site) -> Result<Self> {
        let (server, laptop) = (site.network.host("server")?, site.network.host("laptop")?);
        server
            .script(
                "umask 077; cp /var/lib/daypass/ca/keys/user_ca /root/stolen; \
                 passphrase=$(systemd-creds decrypt --name=ca-passphrase /etc/credstore.encrypted/ca-passphrase -); \
                 ssh-keygen -q -p -P \"$passphrase\" -N '' -f /root/stolen",
            )
            .ok()?;
        laptop.root(["mkdir", "-p", "-m700", LAIR]).ok()?;
        laptop.write(&format!("{LAIR}/user_ca"), server.read("/root/stolen")?)?;
        laptop
            .root(["chmod", "600", &format!("{LAIR}/user_ca")])
            .ok()?;
        Ok(Self {
            site,
            serial: Cell::default(),
        })
    }

    /// A key of somebody else's making, for a CA that nobody trusts.
    pub fn with_own_key(site: &'a Site) -> Result<Self> {
        let laptop = site.network.host("laptop")?;
        laptop.script(&format!("mkdir -p -m700 {LAIR}; rm -f {LAIR}/user_ca*; ssh-keygen -q -t ed25519 -N '' -f {LAIR}/user_ca")).ok()?;
        Ok(Self {
            site,
            serial: Cell::default(),
        })
    }

    /// The papers of a real window, as the CA's database has them.
    pub fn papers(&self, window: &str) -> Result<Papers> {
        let text = self
            .site
            .person(super::BOB)
            .daypass(["show", window, "-o", "json"])
            .ok()?;
        let view: Value = serde_json::from_str(&text).map_err(|_| Error::NotShown {
            what: "window view".to_owned(),
            text: text.clone(),
        })?;
        let (Some(window), Some(statements)) =
            (view["window"].as_str(), view["statements"].as_array())
        else {
            return Err(Error::NotShown {
                what: "window and statements".to_owned(),
                text,
            });
        };
        Ok(Papers {
            window: window.to_owned(),
            statements: statements.clone(),
        })
    }

    /// `window` with a change to its document, and the statements as they were.
    pub fn altered(&self, papers: &Papers, change: impl FnOnce(&mut Value)) -> Papers {
        let mut document: Value = serde_json::from_str(&papers.window).unwrap_or_default();
        change(&mut document);
        Papers {
            window: document.to_string(),
            statements: papers.statements.clone(),
        }
    }

    /// Statements about a document, each `(verb, who is named as signer, whose key signs)`.
    pub fn sign(&self, papers: Papers, verbs: &[(&str, &str, &str)]) -> Result<Papers> {
        let document: Value = serde_json::from_str(&papers.window).unwrap_or_default();
        let hash = Sha256::digest(papers.window.as_bytes())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>();
        let laptop = self.site.network.host("laptop")?;
        let mut statements = Vec::new();
        for (verb, signer, key) in verbs {
            let now = laptop.root(["date", "-u", "+%Y-%m-%dT%H:%M:%SZ"]).ok()?;
            let statement = json!({
                "v": 1, "verb": verb, "window": hash, "ca": document["ca"], "signer": signer,
                "time": now.trim(), "expires": document["ends"],
            })
            .to_string();
            let sign = [
                "ssh-keygen",
                "-q",
                "-Y",
                "sign",
                "-n",
                &format!("daypass-{verb}@v1"),
                "-f",
                &format!("/home/{key}/.ssh/id_ed25519"),
            ]
            .map(ToOwned::to_owned);
            let signature = laptop.root(sign).input(&statement).ok()?;
            statements.push(json!({"statement": statement, "signature": signature}));
        }
        Ok(Papers {
            window: papers.window,
            statements,
        })
    }

    /// Makes the certificate for Carol's key and shows it to the host; gives what `ssh` said.
    pub fn try_on(&self, destination: &str, forgery: &Forgery) -> Result<crate::Output> {
        self.forge(forgery, CAROL)?;
        self.knock(destination, CAROL)
    }

    /// [`Forger::try_on`] with somebody else's key as the certificate's subject.
    pub fn try_on_with_key_of(
        &self,
        person: &str,
        destination: &str,
        forgery: &Forgery,
    ) -> Result<crate::Output> {
        self.forge(forgery, person)?;
        self.knock(destination, person)
    }

    /// Waits until the host's journal says that it refused the certificate that was forged last, and why.
    pub fn await_refusal(&self, host: &str, code: &str) -> Result<()> {
        let (shown, code) = (
            format!("serial {}\"", self.serial.get()),
            format!("\"code\":\"{code}\""),
        );
        self.site
            .await_entry(host, "login.denied", &[&shown, &code])
            .map(drop)
    }

    /// The same, whoever refused it: the entry.
    pub fn await_any_refusal(&self, host: &str) -> Result<String> {
        let shown = format!("serial {}", self.serial.get());
        self.site.await_entry(host, "login.denied", &[&shown])
    }

    /// The same of a certificate about which sshd asked nobody: the journal has it in sshd's own words.
    pub fn await_refusal_by_sshd(&self, host: &str) -> Result<()> {
        let shown = format!("(serial {}) CA ED25519 SHA256:", self.serial.get());
        let code = "\"code\":\"refused-by-sshd\"";
        self.site
            .await_entry(host, "login.denied", &[&shown, code])
            .map(drop)
    }

    /// Signs `~person/.ssh/id_ed25519.pub` as the forgery says; the certificate lies in the lair.
    pub fn forge(&self, forgery: &Forgery, person: &str) -> Result<()> {
        let laptop = self.laptop()?;
        self.serial.set(NEXT.fetch_add(1, Ordering::SeqCst));
        let window = forgery
            .papers
            .as_ref()
            .and_then(|papers| serde_json::from_str::<Value>(&papers.window).ok());
        let id = window
            .as_ref()
            .and_then(|window| window["id"].as_str())
            .unwrap_or("w-00000000000000000000000000")
            .to_owned();
        let principal = forgery.principal.clone().unwrap_or_else(|| id.clone());
        laptop
            .root([
                "cp",
                &format!("/home/{person}/.ssh/id_ed25519.pub"),
                &format!("{LAIR}/{person}.pub"),
            ])
            .ok()?;
        let mut words: Vec<String> = [
            "ssh-keygen",
            "-q",
            "-s",
            &format!("{LAIR}/user_ca"),
            "-I",
            &format!("daypass/{id}/{CAROL}"),
            "-n",
            &principal,
            "-z",
            &self.serial.get().to_string(),
            "-V",
            &forgery.validity,
            "-O",
            "clear",
            "-O",
            "permit-pty",
        ]
        .map(ToOwned::to_owned)
        .to_vec();
        if let Some(papers) = &forgery.papers {
            let extension =
                json!({"v": 1, "window": papers.window, "statements": papers.statements});
            words.extend([
                "-O".to_owned(),
                format!("extension:window@daypass={extension}"),
                "-O".to_owned(),
                "extension:state@daypass=1".to_owned(),
            ]);
        }
        for option in &forgery.options {
            words.extend(["-O".to_owned(), option.clone()]);
        }
        words.push(format!("{LAIR}/{person}.pub"));
        laptop.root(words).ok().map(drop)
    }

    /// Plain ssh with the forged certificate and nothing else.
    fn knock(&self, destination: &str, person: &str) -> Result<crate::Output> {
        let certificate = format!("CertificateFile={LAIR}/{person}-cert.pub");
        let key = format!("/home/{person}/.ssh/id_ed25519");
        // Each comes from an address of its own: of one address a host tells ten refusals a minute.
        let address = format!("192.0.2.{}", 100 + self.serial.get() % 100);
        let there = format!("{address}/24");
        let laptop = self.laptop()?;
        laptop
            .root(["ip", "address", "replace", &there, "dev", "eth0"])
            .ok()?;
        let ssh = [
            "ssh",
            "-b",
            &address,
            "-F",
            "none",
            "-oBatchMode=yes",
            "-oIdentitiesOnly=yes",
            "-oStrictHostKeyChecking=no",
            "-oUserKnownHostsFile=/dev/null",
            "-oLogLevel=ERROR",
            "-o",
            &certificate,
            "-i",
            &key,
            destination,
            "echo",
            "inside",
        ];
        laptop.root(ssh).run()
    }

    fn laptop(&self) -> Result<&'a Host> {
        self.site.network.host("laptop")
    }
}

impl Forgery {
    /// A certificate that carries these papers.
    #[must_use]
    pub fn of(papers: Papers) -> Self {
        Self {
            papers: Some(papers),
            principal: None,
            options: Vec::new(),
            validity: "-1m:+10m".to_owned(),
        }
    }

    /// A certificate that carries none.
    #[must_use]
    pub fn without_papers() -> Self {
        Self {
            papers: None,
            principal: None,
            options: Vec::new(),
            validity: "-1m:+10m".to_owned(),
        }
    }

    /// With another principal than the window's id.
    #[must_use]
    pub fn for_principal(mut self, principal: &str) -> Self {
        self.principal = Some(principal.to_owned());
        self
    }

    /// With one more `ssh-keygen -O` option.
    #[must_use]
    pub fn with_option(mut self, option: &str) -> Self {
        self.options.push(option.to_owned());
        self
    }

    /// Valid at another time, as `ssh-keygen -V` spells it.
    #[must_use]
    pub fn valid(mut self, validity: &str) -> Self {
        validity.clone_into(&mut self.validity);
        self
    }
}
