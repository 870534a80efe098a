//! The collector's process, killed at random while a host writes.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, SystemTime};

use daypass_collector::checkpoints::CheckpointStore as _;
use daypass_collector::checkpoints::sqlite::SqliteCheckpoints;
use daypass_protocol::digest::Digest;
use daypass_protocol::token::SetupLine;

use crate::machine::{Machine, collector, holds_all_once};
use crate::proxy::{Proxy, Way};
use crate::site::Site;

/// `daypass-collector serve`, ended when it is dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Process {
    pub(crate) fn start(site: &Site) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_daypass-collector"))
            .args(["serve", "--config"])
            .arg(site.layout().root().join("collector.toml"))
            .env("NO_COLOR", "1")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        let address = loop {
            line.clear();
            assert_ne!(said.read_line(&mut line).unwrap(), 0, "it did not start");
            if let Some((_, address)) = line.split_once("takes journals in address=") {
                break address.trim().parse().unwrap();
            }
        };
        // What it says later is nobody's concern, but must not stop it.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        Self { child, address }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Puts in place what the process reads at its start; `more` is the end of its configuration.
pub(crate) fn settle_in(site: &Site, more: &str) {
    let layout = site.layout();
    let names = ["localhost".to_owned()];
    let leaf = site
        .ca
        .root
        .issue_server(&names, SystemTime::now())
        .unwrap();
    std::fs::write(layout.tls_chain(), leaf.chain).unwrap();
    std::fs::write(layout.tls_key(), leaf.key).unwrap();
    std::fs::write(layout.tls_root(), site.ca.root.certificate()).unwrap();
    let setup = SetupLine {
        // Nobody listens there: the CA is away.
        url: "https://localhost:1".parse().unwrap(),
        root: Digest::from_bytes(site.ca.root.hash()),
        ca: site.ca.pin,
    };
    let config = format!(
        "ca_setup = \"{setup}\"\nlisten = \"127.0.0.1:0\"\ndata = {:?}\n{more}",
        layout.root()
    );
    std::fs::write(layout.root().join("collector.toml"), config).unwrap();
}

pub(crate) fn random_pause() -> Duration {
    let mut byte = [0];
    getrandom::fill(&mut byte).unwrap();
    Duration::from_millis(u64::from(byte[0]))
}

#[test]
fn a_collector_killed_at_random_loses_doubles_and_invents_nothing() {
    let mut site = Site::new();
    let witness = site.server().collector().witness_key();
    site.stop();
    settle_in(&site, "");
    let proxy = Proxy::new(Way::Cut);
    let named = collector(proxy.port(), &witness);
    let machine = Machine::boot(&site, site.stranger("db1"), &[named]);
    let (over, is_over) = channel::<()>();
    std::thread::scope(|scope| {
        let machine = &machine;
        scope.spawn(move || {
            while is_over.recv_timeout(Duration::from_millis(1)) == Err(RecvTimeoutError::Timeout) {
                machine.write(1);
            }
        });
        for _ in 0..20 {
            let process = Process::start(&site);
            proxy.lead(Way::To(process.address));
            let before = machine.status().cosigned;
            machine.forwarder().again();
            machine.await_progress(before);
            // Not an event to wait for: the kill is to come at any moment.
            std::thread::sleep(random_pause());
            drop(process);
            let cosigned = machine.status().cosigned;
            let log = machine.host.origin.parse().unwrap();
            let checkpoints = SqliteCheckpoints::open(&site.layout().checkpoints()).unwrap();
            let held = checkpoints.latest(&log).unwrap().unwrap().mark.size;
            assert!(held >= cosigned, "{cosigned} cosigned, {held} stored");
        }
        drop(over);
    });
    site.start();
    proxy.lead(Way::To(site.server().address()));
    machine.forwarder().again();
    machine.settle();
    holds_all_once(&site, &machine);
    assert!(
        !machine
            .told()
            .iter()
            .any(|told| told == "fork" || told == "rolled-back")
    );
    machine.shut_down();
}
