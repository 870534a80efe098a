//! The collector on the server.

use super::{SOON, Site};
use crate::{Host, Result};

/// Where it answers.
pub const COLLECTOR_URL: &str = "https://server:7444";

/// Its unit.
const UNIT: &str = "daypass-collector.service";

impl Site {
    /// Waits until it takes journals in: after the first roster, or after a start.
    pub fn await_collector(&self) -> Result<()> {
        crate::until("the collector takes journals in", SOON, || {
            Ok(self.collector_says()?.contains("takes journals in"))
        })
    }

    /// What `systemctl status` says of it in one line: what it does, or what it waits for.
    pub fn collector_says(&self) -> Result<String> {
        self.server()?
            .root([
                "systemctl",
                "show",
                "--value",
                "--property=StatusText",
                UNIT,
            ])
            .ok()
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

    /// Kills it with SIGKILL; systemd starts it again by itself.
    pub fn kill_collector(&self) -> Result<()> {
        self.server()?
            .root(["systemctl", "kill", "--signal=KILL", UNIT])
            .ok()
            .map(drop)
    }

    /// Every entry that the collector holds and this person may read, a JSON text each, with a query such as `host=db1`.
    pub fn collected(&self, person: &str, options: &[&str]) -> Result<Vec<String>> {
        let collector = format!("--collector={COLLECTOR_URL}");
        let words = ["log", &collector, "-o", "json"];
        let words = words.into_iter().chain(options.iter().copied());
        let text = self.person(person).daypass(words).ok()?;
        Ok(text.lines().map(ToOwned::to_owned).collect())
    }

    fn server(&self) -> Result<&Host> {
        self.network.host("server")
    }
}
