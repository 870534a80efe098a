//! Reading and verifying a host's journal, as its own administrator.

use std::time::Duration;

use super::Site;
use crate::Result;

/// Where a host keeps its journal.
const JOURNAL: &str = "/var/log/daypass/journal";
/// Where the tests keep the keys that they verify it with.
const TRUST: &str = "/root/trust.toml";

/// What `daypass verify` said.
#[derive(Clone, Debug)]
pub struct Verification {
    /// 0 proven, 1 tampered, 2 incomplete.
    pub code: i32,
    /// What it wrote.
    pub text: String,
}

impl Site {
    /// Every entry of the host's journal, a JSON text each, in order.
    pub fn entries(&self, host: &str) -> Result<Vec<String>> {
        let text = self
            .network
            .host(host)?
            .root(["daypass", "log", JOURNAL, "-o", "json"])
            .ok()?;
        Ok(text.lines().map(ToOwned::to_owned).collect())
    }

    /// The newest entry with this action.
    pub fn last(&self, host: &str, action: &str) -> Result<Option<String>> {
        let wanted = format!("\"action\":\"{action}\"");
        Ok(self
            .entries(host)?
            .into_iter()
            .rev()
            .find(|entry| entry.contains(&wanted)))
    }

    /// Waits for an entry with this action whose text holds all of `parts`.
    pub fn await_entry(&self, host: &str, action: &str, parts: &[&str]) -> Result<String> {
        self.await_entry_within(host, action, parts, super::SOON)
    }

    /// [`Site::await_entry`] with a deadline of one's own.
    pub fn await_entry_within(
        &self,
        host: &str,
        action: &str,
        parts: &[&str],
        deadline: Duration,
    ) -> Result<String> {
        let wanted = format!("\"action\":\"{action}\"");
        let mut found = None;
        crate::until(
            &format!("an entry {action} with {parts:?} on {host}"),
            deadline,
            || {
                let entries = self.entries(host)?;
                found = entries.into_iter().rev().find(|entry| {
                    entry.contains(&wanted) && parts.iter().all(|part| entry.contains(part))
                });
                Ok(found.is_some())
            },
        )?;
        found.ok_or_else(|| crate::Error::NotShown {
            what: action.to_owned(),
            text: String::new(),
        })
    }

    /// `daypass verify` over a directory on the host (by default its journal), with the host's trust file.
    pub fn verify(&self, host: &str, directory: Option<&str>) -> Result<Verification> {
        let host = self.network.host(host)?;
        host.script(&format!("daypass-agent trust > {TRUST}"))
            .ok()?;
        let output = host
            .root([
                "daypass",
                "verify",
                directory.unwrap_or(JOURNAL),
                "--trust",
                TRUST,
            ])
            .run()?;
        Ok(Verification {
            code: output.code().unwrap_or(-1),
            text: format!("{}{}", output.stdout(), output.stderr()),
        })
    }

    /// Waits until the collector has cosigned all that the host's journal holds, and the journal holds that.
    pub fn await_cosigned(&self, host: &str) -> Result<()> {
        crate::until("all of the journal is cosigned", super::SOON, || {
            Ok(self.verify(host, None)?.code == 0)
        })
    }

    /// Keeps a copy of the host's journal, cosigned to its end, in a directory of the host's.
    pub fn copy_journal(&self, host: &str, to: &str) -> Result<()> {
        self.await_cosigned(host)?;
        self.network
            .host(host)?
            .script(&format!("rm -rf {to}; cp -a {JOURNAL} {to}"))
            .ok()
            .map(drop)
    }

    /// `daypass verify --collector` by somebody at the laptop, over a directory carried there from the host, with the
    /// host's trust file.
    pub fn verify_with_collector(
        &self,
        person: &str,
        host: &str,
        directory: &str,
    ) -> Result<Verification> {
        let (from, laptop) = (self.network.host(host)?, self.network.host("laptop")?);
        let carry = format!(
            "daypass-agent trust > {TRUST}; cd / && tar -c -- {} {}",
            directory.trim_start_matches('/'),
            TRUST.trim_start_matches('/')
        );
        let archive = from.script(&carry).run()?;
        laptop.write("/var/tmp/carried.tar", &archive.stdout)?;
        let place = format!("/home/{person}/carried");
        let unpack = format!(
            "rm -rf {place}; mkdir {place}; tar -C {place} --no-same-owner -xf /var/tmp/carried.tar; chown -R {person}: {place}"
        );
        laptop.script(&unpack).ok()?;
        let (copy, trust) = (format!("{place}{directory}"), format!("{place}{TRUST}"));
        let output = self
            .person(person)
            .daypass(["verify", &copy, "--trust", &trust, "--collector"])
            .run()?;
        Ok(Verification {
            code: output.code().unwrap_or(-1),
            text: format!("{}{}", output.stdout(), output.stderr()),
        })
    }
}
