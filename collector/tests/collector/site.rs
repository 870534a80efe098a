//! A CA in miniature, hosts with journals, and a collector on a port of its own.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use daypass_collector::alerts::Alerts;
use daypass_collector::alerts::config::AlertsConfig;
use daypass_collector::authority::{Authority, Word};
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
use daypass_protocol::digest::{Digest, Incarnation, Nonce, Pin};
use daypass_protocol::enrolment::{Record, ca_origin, host_origin};
use daypass_protocol::http_auth::Target;
use daypass_protocol::key::Key;
use daypass_protocol::roster::{Person, Policy, Role, Roster, SignedRoster};
use daypass_protocol::sshsig;
use daypass_protocol::state::{RosterMark, State};
use daypass_protocol::token::SetupLine;
use daypass_protocol::version::Version;
use daypass_transport::authority::Authority as Root;
use daypass_transport::client::{Client, ClientIdentity, Error, Request};
use daypass_transport::request::SigningRequest;
use serde_json::Value;
use ssh_key::PrivateKey;
use ssh_key::private::Ed25519Keypair;

use crate::host::Host;
use crate::port::listener_apart;
use crate::throwaway::{self, Throwaway};

const STATE: u8 = 100;
/// Nothing here takes longer.
const DEADLINE: Duration = Duration::from_secs(60);

fn private(seed: u8) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]))
}

fn public(seed: u8) -> Key {
    Key::try_from(private(seed).public_key().key_data().clone()).unwrap()
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

/// Who is in the roster; the seed of the key is the place in the list, from 1.
pub(crate) const PEOPLE: [(&str, Role); 4] = [
    ("alice", Role::Admin),
    ("bob", Role::Approver),
    ("carol", Role::Contractor),
    ("dora", Role::Auditor),
];

/// The miniature CA.
pub(crate) struct Ca {
    pub(crate) root: Root,
    pub(crate) pin: Pin,
    pub(crate) word: Word,
}

impl Ca {
    pub(crate) fn new() -> Self {
        let people = (1..).zip(PEOPLE).map(|(seed, (name, role))| Person {
            name: name.parse().unwrap(),
            roles: vec![role],
            keys: vec![public(seed)],
        });
        let roster = Roster {
            v: Version,
            number: 1,
            previous: None,
            time: Now::read()
                .time()
                .plus(u64::from_le_bytes(random()) % 1_000_000),
            // No two CAs of one test have the same pin.
            people: people.collect(),
            recovery: public(101),
            policy: Policy::default(),
        };
        let text = roster.freeze().unwrap();
        let hash = Digest::of(&text);
        let mut signed = SignedRoster::unsigned(text);
        signed.sign(sshsig::with_key(&private(1))).unwrap();
        let pin = Pin::from(hash);
        let state = State {
            v: Version,
            ca: pin,
            incarnation: Incarnation::from_bytes([7; 8]),
            number: 1,
            time: Now::read().time(),
            roster: RosterMark { number: 1, hash },
            user_ca: vec![public(102)],
            host_ca: vec![],
            state_key: public(STATE),
            revocations: vec![],
            revoked: vec![],
            narrowings: vec![],
            successions: vec![],
            collectors: vec![],
            x509: vec![],
        };
        let state = state.sign(sshsig::with_key(&private(STATE))).unwrap();
        Self {
            root: Root::create("test", SystemTime::now()).unwrap(),
            pin,
            word: Word {
                chain: vec![signed],
                state,
            },
        }
    }

    /// What the CA says after roster 2, which differs by the longest window.
    pub(crate) fn word_with_second_roster(&self, max_window: u64) -> Word {
        self.word_signed_by(1, max_window)
    }

    /// The same, put in force by the recovery key.
    pub(crate) fn word_by_the_recovery_key(&self) -> Word {
        self.word_signed_by(101, 1_000_000)
    }

    fn word_signed_by(&self, signer: u8, max_window: u64) -> Word {
        let mut roster = Roster::parse(&self.word.chain[0].roster).unwrap();
        roster.number = 2;
        roster.previous = Some(Digest::of(&self.word.chain[0].roster));
        roster.policy.max_window = max_window;
        let text = roster.freeze().unwrap();
        let mut state = self.word.state.read_unverified().unwrap();
        state.number = 2;
        state.roster = RosterMark {
            number: 2,
            hash: Digest::of(&text),
        };
        let mut second = SignedRoster::unsigned(text);
        second.sign(sshsig::with_key(&private(signer))).unwrap();
        Word {
            chain: vec![self.word.chain[0].clone(), second],
            state: state.sign(sshsig::with_key(&private(STATE))).unwrap(),
        }
    }

    /// The same state, dated otherwise.
    pub(crate) fn word_dated(&self, time: daypass_protocol::time::Time) -> Word {
        let mut state = self.word.state.read_unverified().unwrap();
        state.time = time;
        Word {
            chain: self.word.chain.clone(),
            state: state.sign(sshsig::with_key(&private(STATE))).unwrap(),
        }
    }

    /// What the CA says once it has these collectors.
    pub(crate) fn word_naming(&self, collectors: Vec<daypass_protocol::state::Collector>) -> Word {
        let mut state = self.word.state.read_unverified().unwrap();
        state.number = 2;
        state.collectors = collectors;
        Word {
            chain: self.word.chain.clone(),
            state: state.sign(sshsig::with_key(&private(STATE))).unwrap(),
        }
    }

    /// A client certificate and its key.
    pub(crate) fn identity(&self, name: &str) -> (String, String) {
        issue(&self.root, name, SystemTime::now())
    }
}

/// A client certificate of any root, and its key.
pub(crate) fn issue(root: &Root, name: &str, now: SystemTime) -> (String, String) {
    let SigningRequest { key, csr } = SigningRequest::create(name).unwrap();
    (root.issue_host(&csr, name, now).unwrap(), key)
}

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

/// Status and code of a refusal.
pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> (u16, String) {
    match result.unwrap_err() {
        Error::Api { status, code, .. } => (status, code),
        Error::Status { status, .. } => (status, String::new()),
        other => panic!("{other}"),
    }
}
