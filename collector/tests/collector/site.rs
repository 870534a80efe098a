//! Hosts with journals, and a collector on a port of its own.

// By its path, since the bench has this file at another place.
#[path = "site/ca.rs"]
pub(crate) mod ca;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use daypass_collector::alerts::Alerts;
use daypass_collector::alerts::config::AlertsConfig;
use daypass_collector::authority::Authority;
use daypass_collector::checkpoints::CheckpointStore;
use daypass_collector::checkpoints::sqlite::SqliteCheckpoints;
use daypass_collector::clock::Now;
use daypass_collector::collector::{Collector, Parts};
use daypass_collector::config::{self, Config};
use daypass_collector::export::Exports;
use daypass_collector::export::config::ExportConfig;
use daypass_collector::index::Index;
use daypass_collector::index::sqlite::SqliteIndex;
use daypass_collector::layout::Layout;
use daypass_collector::ledger::Ledger;
use daypass_collector::segments::SegmentStore;
use daypass_collector::segments::directory::DirectorySegments;
use daypass_collector::server::Server;
use daypass_collector::strangers::{Stranger, Strangers};
use daypass_collector::witness::Witness;
use daypass_journal::identity::Identity;
use daypass_journal::reader::{Line, Reader};
use daypass_protocol::digest::{Digest, Incarnation, Nonce};
use daypass_protocol::enrolment::{Record, ca_origin, host_origin};
use daypass_protocol::http_auth::Target;
use daypass_protocol::sshsig;
use daypass_protocol::token::SetupLine;
use daypass_protocol::version::Version;
use daypass_transport::client::{Client, ClientIdentity, Error, Request};
use serde_json::Value;

pub(crate) use ca::{Ca, PEOPLE};
use ca::{STATE, private, random};

use crate::host::Host;
use crate::port::listener_apart;
use crate::throwaway::{self, Throwaway};

/// Nothing here takes longer.
const DEADLINE: Duration = Duration::from_secs(60);

/// The whole site.
pub(crate) struct Site {
    dir: tempfile::TempDir,
    pub(crate) ca: Arc<Ca>,
    server: Option<Server>,
    /// Rules and destinations from the next start on.
    pub(crate) alerts: AlertsConfig,
    /// Where entries go from the next start on.
    pub(crate) export: ExportConfig,
    throwaway: Option<Throwaway>,
    /// Others' logs that it knows from its next start on.
    pub(crate) strangers: Vec<Stranger>,
}

impl Site {
    pub(crate) fn new() -> Self {
        Self::of(Arc::new(Ca::new()), "collector.test", None)
    }

    /// A second collector of the same CA.
    pub(crate) fn beside(&self) -> Self {
        Self::of(Arc::clone(&self.ca), "second.test", None)
    }

    /// A collector whose data stand in this directory, on a disk of their own.
    pub(crate) fn on(disk: &Path) -> Self {
        Self::of(Arc::new(Ca::new()), "collector.test", Some(disk))
    }

    fn of(ca: Arc<Ca>, witness: &str, disk: Option<&Path>) -> Self {
        let dir = match disk {
            Some(disk) => tempfile::tempdir_in(disk).unwrap(),
            None => tempfile::tempdir().unwrap(),
        };
        let layout = Layout::new(dir.path());
        std::fs::create_dir(layout.keys()).unwrap();
        std::fs::create_dir(layout.segments()).unwrap();
        std::fs::create_dir(layout.orders()).unwrap();
        std::fs::create_dir(layout.strangers()).unwrap();
        Ledger::begin(&layout, ca.pin).unwrap();
        Witness::create(&layout.witness_key(), witness).unwrap();
        Authority::begin(&layout.authority(), ca.pin, &ca.word).unwrap();
        let mut site = Self {
            dir,
            ca,
            server: None,
            alerts: AlertsConfig::default(),
            export: ExportConfig::default(),
            throwaway: throwaway::chosen(),
            strangers: Vec::new(),
        };
        site.start();
        site
    }

    pub(crate) fn layout(&self) -> Layout {
        Layout::new(self.dir.path())
    }

    /// The text of this collector's configuration.
    pub(crate) fn config_text(&self) -> String {
        let setup = SetupLine {
            url: "https://localhost:7443".parse().unwrap(),
            root: Digest::of(self.ca.root.certificate()),
            ca: self.ca.pin,
        };
        let listen = (Ipv4Addr::LOCALHOST, 0).into();
        config::initial_text(&setup, listen, self.dir.path())
    }

    pub(crate) fn config(&self) -> Config {
        Config::parse(&self.config_text(), Path::new("collector.toml")).unwrap()
    }

    pub(crate) fn start(&mut self) {
        let layout = self.layout();
        let (checkpoints, segments, index) = self.stores();
        let parts = Parts {
            checkpoints,
            segments,
            index,
            authority: Authority::open(&layout.authority(), self.ca.pin).unwrap(),
            witness: Witness::open(&layout.witness_key()).unwrap(),
            ledger: Ledger::open(&layout).unwrap(),
            alerts: Alerts::open(&self.alerts, &layout).unwrap(),
            exports: Exports::open(&self.export, &layout).unwrap(),
            strangers: Strangers::open(&layout.strangers(), self.ca.pin, &self.strangers).unwrap(),
            silence_after: 2700,
        };
        let leaf = self
            .ca
            .root
            .issue_server(&["localhost".to_owned()], SystemTime::now())
            .unwrap();
        let tls =
            daypass_transport::server::config(&leaf.chain, &leaf.key, self.ca.root.certificate())
                .unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (collector, arrived) = Collector::new(parts, Now::read());
        self.server = Some(Server::start(collector, arrived, listener, tls, 10_000).unwrap());
    }

    fn stores(
        &self,
    ) -> (
        Box<dyn CheckpointStore>,
        Box<dyn SegmentStore>,
        Box<dyn Index>,
    ) {
        if let Some(throwaway) = self.throwaway.clone() {
            let Throwaway {
                checkpoints,
                segments,
                index,
            } = throwaway;
            return (Box::new(checkpoints), Box::new(segments), Box::new(index));
        }
        let layout = self.layout();
        (
            Box::new(SqliteCheckpoints::open(&layout.checkpoints()).unwrap()),
            Box::new(DirectorySegments::open(&layout.segments()).unwrap()),
            Box::new(SqliteIndex::open(&layout.index()).unwrap()),
        )
    }

    pub(crate) fn stop(&mut self) {
        self.server.take().unwrap().stop().unwrap();
    }

    pub(crate) fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    /// Shows metrics to monitoring; where.
    pub(crate) fn show_metrics(&mut self) -> SocketAddr {
        let (listener, address) = listener_apart();
        let server = self.server.as_mut().unwrap();
        server.show_metrics(listener).unwrap();
        address
    }

    /// A client that trusts our root, and shows this certificate, if any.
    pub(crate) fn client(&self, identity: Option<&(String, String)>) -> Client {
        let identity = identity.map(|(certificate, key)| ClientIdentity { certificate, key });
        let base = format!("https://localhost:{}", self.server().address().port());
        Client::new(&base, self.ca.root.certificate(), identity).unwrap()
    }

    /// A host with a journal, known to the collector.
    pub(crate) fn host(&self, name: &str) -> Host {
        let host = self.stranger(name);
        host.register(self).unwrap();
        host
    }

    /// A host that was enrolled as one that may go for good, known to the collector.
    pub(crate) fn ephemeral_host(&self, name: &str) -> Host {
        let mut host = self.stranger(name);
        let record: Record = serde_json::from_str(&host.record.record).unwrap();
        let record = Record {
            ephemeral: true,
            ..record
        };
        host.record = record.sign(sshsig::with_key(&private(STATE))).unwrap();
        host.register(self).unwrap();
        host
    }

    /// A host with a journal that the collector has not heard of.
    pub(crate) fn stranger(&self, name: &str) -> Host {
        self.stranger_in(name, &[])
    }

    /// The same, enrolled into groups.
    pub(crate) fn stranger_in(&self, name: &str, groups: &[&str]) -> Host {
        let incarnation = Incarnation::from_bytes([1; 8]);
        let origin = match name {
            "ca" => ca_origin(self.ca.pin, incarnation),
            _ => host_origin(self.ca.pin, &name.parse().unwrap(), incarnation),
        };
        self.journal(name, origin, groups)
    }

    /// A log that is nobody's here.
    pub(crate) fn foreign(&self, origin: &str) -> Host {
        self.journal("foreign", origin.to_owned(), &[])
    }

    fn journal(&self, name: &str, origin: String, groups: &[&str]) -> Host {
        let dir = tempfile::tempdir().unwrap();
        let identity = Identity::create(&dir.path().join("keys"), &origin).unwrap();
        let record = Record {
            v: Version,
            ca: self.ca.pin,
            host: name.parse().unwrap(),
            aliases: vec![],
            groups: groups.iter().map(|group| group.parse().unwrap()).collect(),
            incarnation: Incarnation::from_bytes([1; 8]),
            origin: origin.clone(),
            log_key: identity.log_vkey(),
            epoch_key: identity.epoch_vkey(),
            time: Now::read().time(),
            ephemeral: false,
        };
        Host {
            origin,
            record: record.sign(sshsig::with_key(&private(STATE))).unwrap(),
            identity: self.ca.identity(name),
            dir,
        }
    }

    /// Asks as a person, with a fresh signature.
    pub(crate) fn ask(&self, person: &str, path: &str) -> Result<Value, Error> {
        let header = self.signature(person, path);
        self.client(None)
            .call(&Request::get(path).authorized(&header))
    }

    /// Sends a body as a person, with a fresh signature.
    pub(crate) fn post(&self, person: &str, path: &str, body: &Value) -> Result<Value, Error> {
        let body = serde_json::to_vec(body).unwrap();
        let header = self.signed(person, "POST", path, &body);
        self.client(None)
            .call(&Request::post(path, &body).authorized(&header))
    }

    /// The header with which a person asks for a path.
    pub(crate) fn signature(&self, person: &str, path: &str) -> String {
        self.signed(person, "GET", path, b"")
    }

    /// The header with which a person makes a request.
    pub(crate) fn signed(&self, person: &str, method: &str, path: &str, body: &[u8]) -> String {
        let place = PEOPLE.iter().position(|(name, _)| *name == person).unwrap();
        let key = private(u8::try_from(place).unwrap() + 1);
        let target = Target {
            ca: self.ca.pin,
            method,
            path,
            body,
        };
        let credential = target.sign(
            &person.parse().unwrap(),
            Now::read().time(),
            Nonce::from_bytes(random()),
            sshsig::with_key(&key),
        );
        credential.unwrap().to_header()
    }

    /// The entries that `query` finds, once there are `count` of them.
    pub(crate) fn find(&self, query: &str, count: usize) -> Vec<Value> {
        let begun = Instant::now();
        loop {
            let answer = self.ask("dora", &format!("/v1/entries?{query}")).unwrap();
            let entries = answer["entries"].as_array().unwrap().clone();
            if entries.len() >= count {
                return entries;
            }
            assert!(
                begun.elapsed() < DEADLINE,
                "{query} finds {} of {count}",
                entries.len()
            );
            std::thread::yield_now();
        }
    }

    /// The entries of the collector's own journal with this action, as they stand on disk.
    pub(crate) fn journalled(&self, action: &str) -> Vec<Value> {
        let lines = Reader::open(&self.layout().journal()).unwrap();
        lines
            .filter_map(|line| match line.unwrap() {
                Line::Entry { bytes, .. } => Some(serde_json::from_slice::<Value>(&bytes).unwrap()),
                _ => None,
            })
            .filter(|entry| entry["action"] == action)
            .collect()
    }

    /// As [`Site::journalled`], once there is one.
    pub(crate) fn await_journalled(&self, action: &str) -> Value {
        let begun = Instant::now();
        loop {
            if let Some(entry) = self.journalled(action).pop() {
                return entry;
            }
            assert!(begun.elapsed() < DEADLINE, "{action} is not journalled");
            std::thread::yield_now();
        }
    }

    /// Every file below the segments' directory, but for those of the collector's own journal.
    pub(crate) fn stored(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut open = vec![self.layout().segments()];
        while let Some(dir) = open.pop() {
            for file in std::fs::read_dir(dir).unwrap() {
                let path = file.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    found.push(path);
                }
            }
        }
        let is_own = |path: &PathBuf| {
            path.components()
                .any(|part| part.as_os_str() == "collector")
        };
        let segments = self.layout().segments();
        found.retain(|path| !is_own(&path.strip_prefix(&segments).unwrap().to_owned()));
        found.sort();
        found
    }
}

/// Waits until this is so.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < DEADLINE, "not so in time: {what}");
        std::thread::yield_now();
    }
}

/// Status and code of a refusal.
pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> (u16, String) {
    match result.unwrap_err() {
        Error::Api { status, code, .. } => (status, code),
        Error::Status { status, .. } => (status, String::new()),
        other => panic!("{other}"),
    }
}
