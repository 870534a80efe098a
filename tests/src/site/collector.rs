//! The collector on the server.

use std::time::Duration;

use super::{SOON, Site};
use crate::{Host, Result};

/// Where it answers.
pub const COLLECTOR_URL: &str = "https://server:7444";

/// Within this a reader who asked too often may ask again.
const PATIENCE: Duration = Duration::from_secs(90);

/// Its unit.
const UNIT: &str = "daypass-collector.service";

impl Site {
    /// Waits until it takes journals in: after the first roster, or after a start.
    pub fn await_collector(&self) -> Result<()> {
        self.await_collector_saying("takes journals in")
    }

    /// Waits until it says this of itself, in its line of `systemctl status`.
    pub fn await_collector_saying(&self, text: &str) -> Result<()> {
        crate::until(&format!("the collector says: {text}"), SOON, || {
            // What a process said that is gone stays until the next one starts.
            let active = self.collector_property("ActiveState")?;
            Ok(active == "active" && self.collector_property("StatusText")?.contains(text))
        })
    }

    fn collector_property(&self, name: &str) -> Result<String> {
        let property = format!("--property={name}");
        let said = self
            .server()?
            .root(["systemctl", "show", "--value", &property, UNIT])
            .ok()?;
        Ok(said.trim().to_owned())
    }

    /// Stops it, as for maintenance.
    pub fn stop_collector(&self) -> Result<()> {
        self.server()?
            .root(["systemctl", "stop", UNIT])
            .ok()
            .map(drop)
    }

    /// Starts it again, and waits until it takes journals in.
    pub fn start_collector(&self) -> Result<()> {
        self.server()?.root(["systemctl", "start", UNIT]).ok()?;
        self.await_collector()
    }

    /// Kills it with SIGKILL; systemd starts it again by itself. Returns when systemd has noticed.
    pub fn kill_collector(&self) -> Result<()> {
        let killed = self.collector_property("MainPID")?;
        self.server()?
            .root(["systemctl", "kill", "--signal=KILL", UNIT])
            .ok()?;
        crate::until("systemd notices the collector's end", SOON, || {
            Ok(self.collector_property("MainPID")? != killed)
        })
    }

    /// Every entry that the collector holds and this person may read, a JSON text each, with options such as `--host db1`.
    pub fn collected(&self, person: &str, options: &[&str]) -> Result<Vec<String>> {
        let collector = format!("--collector={COLLECTOR_URL}");
        let words = ["log", &collector, "-o", "json"];
        let words = words.into_iter().chain(options.iter().copied());
        let words: Vec<&str> = words.collect();
        let mut text = String::new();
        // Whoever waits for something asks more often than people do.
        crate::until("the collector answers", PATIENCE, || {
            match self.person(person).daypass(words.iter().copied()).ok() {
                Err(error) if error.to_string().contains("too-many-requests") => return Ok(false),
                answer => text = answer?,
            }
            Ok(true)
        })?;
        Ok(text.lines().map(ToOwned::to_owned).collect())
    }

    /// Lifts the limit of requests from one address, at CA and collector: in tests everybody sits at one laptop and is
    /// impatient.
    pub fn let_people_ask_often(&self) -> Result<()> {
        let lift = "for name in ca collector; do \
            echo 'requests_per_minute = 60000' >> /etc/daypass/$name.toml; systemctl restart daypass-$name; done";
        self.server()?.script(lift).ok()?;
        self.await_collector()
    }

    /// The entries of the journal that the `ca` or the `collector` keeps itself; the collector's alarms are in its own.
    pub fn servers_own_entries(&self, whose: &str) -> Result<Vec<String>> {
        let text = self
            .server()?
            .script(&format!("cat /var/lib/daypass/{whose}/journal/*.jsonl"))
            .ok()?;
        let entries = text.lines().filter(|line| line.starts_with("{\"seq\":"));
        Ok(entries.map(ToOwned::to_owned).collect())
    }

    /// Waits until the collector has heard from the CA that this person may read.
    pub fn await_reader(&self, person: &str) -> Result<()> {
        let collector = format!("--collector={COLLECTOR_URL}");
        crate::until(&format!("the collector knows {person}"), SOON, || {
            let words = ["log", &collector, "-n", "1"];
            Ok(self.person(person).daypass(words).run()?.success())
        })
    }

    fn server(&self) -> Result<&Host> {
        self.network.host("server")
    }
}
