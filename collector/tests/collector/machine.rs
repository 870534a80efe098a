//! A host that runs: a journal that is open, and a forwarder that follows it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use daypass_forward::{ClientError, Contact, Forwarder, Notice, Owner, Setup, Status};
use daypass_journal::horizon::Horizon;
use daypass_journal::reader::{Line, Reader};
use daypass_journal::writer::{Options, Writer};
use daypass_protocol::state::Collector;
use daypass_protocol::token::CaUrl;
use daypass_transport::client::{Client, ClientIdentity};
use serde_json::{Value, json};

use crate::host::Host;
use crate::site::Site;

/// Nothing here takes longer, even on a machine that does much else.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);

/// A host at work.
pub(crate) struct Machine {
    pub(crate) host: Host,
    pub(crate) writer: Writer,
    forwarder: Option<Forwarder>,
    told: Arc<Told>,
}

/// What the forwarder told: codes in their order.
#[derive(Default)]
struct Told {
    codes: Mutex<Vec<String>>,
    more: Condvar,
    /// How often a client was asked for.
    clients: AtomicU64,
}

struct Program {
    root: String,
    identity: (String, String),
    writer: Writer,
    told: Arc<Told>,
    gathers: Gathers,
}

/// Asked how long what was written may wait for more.
pub(crate) type Gathers = Box<dyn Fn() -> Duration + Send>;

impl Owner for Program {
    fn gathers(&self) -> Duration {
        (self.gathers)()
    }

    fn client(&self, url: &CaUrl) -> Result<Client, ClientError> {
        self.told.clients.fetch_add(1, Ordering::SeqCst);
        let (certificate, key) = &self.identity;
        let identity = ClientIdentity { certificate, key };
        Ok(Client::lasting(&url.join(""), &self.root, Some(identity))?)
    }

    fn keep(&self, note: &str) -> Result<(), daypass_journal::Error> {
        self.writer.append_witness(note)
    }

    fn tell(&self, notice: &Notice<'_>) {
        let code = match notice {
            Notice::Connected { .. } => "connected",
            Notice::Away { trouble, .. } => trouble.code(),
            Notice::Contradicted { found, .. } => found.code(),
        };
        self.told.codes.lock().unwrap().push(code.to_owned());
        self.told.more.notify_all();
    }

    fn changed(&self, status: &Status) {
        assert!(status.cosigned <= status.sealed);
    }
}

/// The collector at this port, with the key that it cosigns with.
pub(crate) fn collector(port: u16, witness: &str) -> Collector {
    Collector {
        url: CaUrl::new("localhost", port).unwrap(),
        witness: witness.to_owned(),
        heir: None,
    }
}

impl Machine {
    /// Boots a host whose journal goes to these collectors.
    pub(crate) fn boot(site: &Site, host: Host, collectors: &[Collector]) -> Self {
        Self::boot_gathering(site, host, collectors, Box::new(|| Duration::ZERO))
    }

    /// The same of one on which entries wait for more.
    pub(crate) fn boot_gathering(
        site: &Site,
        host: Host,
        collectors: &[Collector],
        gathers: Gathers,
    ) -> Self {
        let horizon = Horizon::default();
        let options = Options {
            witnesses: collectors.iter().map(|one| one.witness.clone()).collect(),
            horizon: horizon.clone(),
            segment_bytes: 64 * 1024,
            ..Options::default()
        };
        let journal = host.dir.path().join("journal");
        let (writer, _) = Writer::open(&journal, &host.dir.path().join("keys"), options).unwrap();
        let told = Arc::<Told>::default();
        let program = Program {
            root: site.ca.root.certificate().to_owned(),
            identity: host.identity.clone(),
            writer: writer.clone(),
            told: Arc::clone(&told),
            gathers,
        };
        let setup = Setup {
            journal,
            origin: host.origin.clone(),
            record: host.record.clone(),
            horizon,
            owner: Box::new(program),
        };
        let forwarder = Forwarder::start(setup, collectors.to_vec()).unwrap();
        Self {
            host,
            writer,
            forwarder: Some(forwarder),
            told,
        }
    }

    pub(crate) fn forwarder(&self) -> &Forwarder {
        self.forwarder.as_ref().unwrap()
    }

    pub(crate) fn status(&self) -> Status {
        self.forwarder().link().status()
    }

    /// Appends so many entries, each committed on its own; the last one's number.
    pub(crate) fn write(&self, count: u64) -> u64 {
        let mut last = 0;
        for number in 0..count {
            let event = json!({"action": "sudo.start", "detail": {"number": number}});
            last = self.writer.append(&event).unwrap().seq;
        }
        last
    }

    /// Waits until everything that was written is cosigned.
    pub(crate) fn settle(&self) {
        self.await_status(|status| status.behind() == 0 && status.sealed > 0);
    }

    /// Waits until more than so many entries are cosigned.
    pub(crate) fn await_progress(&self, cosigned: u64) {
        self.await_status(|status| status.cosigned > cosigned);
    }

    pub(crate) fn await_contact(&self, fits: impl Fn(&Contact) -> bool) {
        self.await_status(|status| fits(&status.contact));
    }

    fn await_status(&self, fits: impl Fn(&Status) -> bool) {
        let status = self.forwarder().link().await_status(DEADLINE, &fits);
        assert!(fits(&status), "{status:?}");
    }

    /// Waits until the forwarder tells this.
    pub(crate) fn await_told(&self, code: &str) {
        let codes = self.told.codes.lock().unwrap();
        let (codes, _) = self
            .told
            .more
            .wait_timeout_while(codes, DEADLINE, |codes| {
                !codes.iter().any(|told| told == code)
            })
            .unwrap();
        assert!(codes.iter().any(|told| told == code), "{codes:?}");
    }

    /// How often the forwarder asked for a client, with the certificate of that moment.
    pub(crate) fn clients(&self) -> u64 {
        self.told.clients.load(Ordering::SeqCst)
    }

    pub(crate) fn told(&self) -> Vec<String> {
        self.told.codes.lock().unwrap().clone()
    }

    /// The journal's entries, by number.
    pub(crate) fn entries(&self) -> BTreeMap<u64, String> {
        let reader = Reader::open(&self.host.dir.path().join("journal")).unwrap();
        reader
            .filter_map(|line| match line.unwrap() {
                Line::Entry { seq, bytes } => Some((seq, String::from_utf8(bytes).unwrap())),
                _ => None,
            })
            .collect()
    }

    /// Stops forwarding, with so much patience.
    pub(crate) fn stop(&mut self, patience: Duration) {
        self.forwarder.take().unwrap().stop(patience);
    }

    /// Stops as a machine does that is switched off in order.
    pub(crate) fn shut_down(mut self) -> Host {
        self.forwarder.take().unwrap().stop(Duration::ZERO);
        let Self { host, writer, .. } = self;
        writer.close().unwrap();
        host
    }
}

/// Asserts that the collector holds each entry of the journal once, byte for byte, and no other of its origin.
pub(crate) fn holds_all_once(site: &Site, machine: &Machine) {
    let ours = machine.entries();
    let mut theirs = BTreeMap::new();
    let mut cursor = String::new();
    // The index follows what is stored; everything is there once the last entry is.
    let host = machine.host.origin.split('/').nth(3).unwrap().to_owned();
    site.find(&format!("host={host}&order=newest&limit=1"), 1);
    let begun = Instant::now();
    while theirs.len() < ours.len() {
        assert!(
            begun.elapsed() < DEADLINE,
            "{} of {}",
            theirs.len(),
            ours.len()
        );
        let page = site
            .ask(
                "dora",
                &format!("/v1/entries?host={host}&order=arrival&limit=1000{cursor}"),
            )
            .unwrap();
        let entries = page["entries"].as_array().unwrap();
        // The collector has something to say of the host, too.
        let is_ours = |found: &&Value| found["origin"] == machine.host.origin.as_str();
        for found in entries.iter().filter(is_ours) {
            let line = found["entry"].as_str().unwrap().to_owned();
            let entry: Value = serde_json::from_str(&line).unwrap();
            let seq = entry["seq"].as_u64().unwrap();
            assert_eq!(theirs.insert(seq, line), None, "entry {seq} is there twice");
        }
        cursor = format!("&cursor={}", page["next"].as_str().unwrap());
    }
    assert_eq!(ours, theirs);
}
