//! Gates without sshd and PAM, for tests: whoever calls sudo is a shell's child, and the journal hands on what it is given.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use daypass_forward::Link;
use daypass_gate::{Caller, Request, Response};
use daypass_protocol::event::{Action, Event};
use serde_json::Value;

use super::{Deps, Door, Gates};
use crate::accounts::Names;
use crate::authority::{Authority, HostNames};
use crate::config::Config;
use crate::facts::Peer;
use crate::fixture::{Ca, intake};
use crate::forward::Evidence;
use crate::layout::Layout;
use crate::managed;
use crate::presence::Presence;
use crate::sessions::Session;
use crate::sessions::fixture::{Monitor, furnish};
use crate::state::Known;

/// A host in a directory of its own. Without a word about it, it manages nobody: contractors are told by their PAM service.
pub(super) struct Host {
    layout: Layout,
    pub(super) gates: Arc<Gates>,
    entries: Receiver<Value>,
    _folder: tempfile::TempDir,
}

impl Host {
    /// With these settings.
    pub(super) fn with(settings: &str) -> Self {
        Self::of(settings, None, Names::of_the_system)
    }

    /// With `deploy` under management, as uid 1001, and these names besides.
    pub(super) fn managing(names: impl FnOnce(&Layout) -> Names) -> Self {
        Self::of("", Some("1001 deploy\n"), names)
    }

    fn of(settings: &str, managed: Option<&str>, names: impl FnOnce(&Layout) -> Names) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::under(folder.path());
        furnish(&layout);
        if let Some(managed) = managed {
            let path = layout.managed();
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, managed).unwrap();
        }
        let whose = names(&layout);
        let config = Config::parse(Path::new("agent.toml"), settings).unwrap();
        let ca = Ca::new();
        let known = Known::first(ca.pin, ca.rosters.clone(), ca.state(1)).unwrap();
        let names = HostNames::new("db1".parse().unwrap(), [], []);
        let (intake, entries) = intake();
        let gates = Gates::new(Deps {
            authority: Arc::new(Authority::new(known.snapshot(names))),
            managed: Arc::new(managed::Store::open(&layout.managed()).unwrap()),
            names: whose,
            presence: Arc::new(Presence::new(&layout)),
            intake,
            evidence: Evidence::new(Link::new(Default::default()), config.journal.forward),
            layout: layout.clone(),
            config,
        });
        Self {
            layout,
            gates: gates.unwrap(),
            entries,
            _folder: folder,
        }
    }

    /// Lets the monitor's contractor in, by a window that grants something; `number` tells sessions apart.
    pub(super) fn let_in(&self, monitor: &Monitor, number: u64) -> Arc<Session> {
        let sessions = self.gates.sessions();
        monitor.let_in(sessions, &self.layout, 1001, number, "carol", "/usr/bin/id")
    }

    /// What PAM's account phase of this service says to the monitor's program.
    pub(super) fn account(&self, monitor: &Monitor, service: &str) -> Response {
        self.account_of(monitor, service, "deploy")
    }

    /// The same, of whoever has this name.
    pub(super) fn account_of(&self, monitor: &Monitor, service: &str, user: &str) -> Response {
        let peer = Peer {
            uid: 0,
            handle: monitor.child.clone(),
            is_certain: true,
        };
        let request = Request::Account(Caller {
            service: service.to_owned(),
            user: user.to_owned(),
            ruser: user.to_owned(),
            ..Caller::default()
        });
        self.gates.answer(Door::Agent, &peer, &request).unwrap()
    }

    /// The next entry, which comes by itself.
    pub(super) fn await_entry(&self, patience: Duration) -> Value {
        self.entries.recv_timeout(patience).unwrap()
    }

    /// Closes the journal: its entries, and the texts that were kept for them.
    pub(super) fn entries(&self) -> Vec<Value> {
        self.gates.intake.finish(&Event::new(Action::AgentStop));
        let all = self.entries.try_iter();
        all.filter(|entry| entry["action"] != "agent.stop")
            .collect()
    }

    /// The action and the code of each of them.
    pub(super) fn journalled(&self) -> Vec<(String, Option<String>)> {
        let word = |entry: &Value, key: &str| entry[key].as_str().map(ToOwned::to_owned);
        let all = self.entries().into_iter();
        all.map(|entry| (word(&entry, "action").unwrap(), word(&entry, "code")))
            .collect()
    }
}
