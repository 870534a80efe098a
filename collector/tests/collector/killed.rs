//! The collector's process, killed at random while a host writes.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
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

/// Not long, so that many kills come in the middle of what follows a start.
pub(crate) fn random_pause() -> Duration {
    let mut byte = [0];
    getrandom::fill(&mut byte).unwrap();
    Duration::from_millis(u64::from(byte[0] / 4))
}

/// A host that writes as fast as its disk lets it, but for a moment between two entries, until `over` is gone.
pub(crate) fn write_until(machine: &Machine, over: &Mutex<Receiver<()>>) {
    let goes_on = || {
        let over = over.lock().unwrap();
        over.recv_timeout(Duration::from_millis(1)) == Err(RecvTimeoutError::Timeout)
    };
    while goes_on() {
        machine.write(1);
    }
}

#[test]
fn a_collector_killed_a_hundred_times_loses_doubles_and_invents_nothing() {
    let mut site = Site::new();
    let witness = site.server().collector().witness_key();
    site.stop();
    settle_in(&site, "");
    let proxy = Proxy::new(Way::Cut);
    let named = collector(proxy.port(), &witness);
    let machines: Vec<_> = ["db1", "db2", "db3"]
        .into_iter()
        .map(|name| Machine::boot(&site, site.stranger(name), std::slice::from_ref(&named)))
        .collect();
    let (over, is_over) = channel::<()>();
    let is_over = Mutex::new(is_over);
    std::thread::scope(|scope| {
        for machine in &machines {
            let is_over = &is_over;
            scope.spawn(move || write_until(machine, is_over));
        }
        for kill in 0..100 {
            let process = Process::start(&site);
            proxy.lead(Way::To(process.address));
            let before = machines[kill % 3].status().cosigned;
            for machine in &machines {
                machine.forwarder().again();
            }
            machines[kill % 3].await_progress(before);
            // Not an event to wait for: the kill is to come at any moment.
            std::thread::sleep(random_pause());
            drop(process);
            let cosigned = machines.iter().map(|machine| machine.status().cosigned);
            let checkpoints = SqliteCheckpoints::open(&site.layout().checkpoints()).unwrap();
            for (machine, cosigned) in machines.iter().zip(cosigned.collect::<Vec<_>>()) {
                let log = machine.host.origin.parse().unwrap();
                let held = checkpoints.latest(&log).unwrap();
                let held = held.map_or(0, |held| held.mark.size);
                assert!(held >= cosigned, "{cosigned} cosigned, {held} stored");
            }
        }
        drop(over);
    });
    site.start();
    proxy.lead(Way::To(site.server().address()));
    for machine in machines {
        machine.forwarder().again();
        machine.settle();
        holds_all_once(&site, &machine);
        let told = machine.told();
        let is_alarm = |told: &String| told == "fork" || told == "rolled-back";
        assert!(!told.iter().any(is_alarm), "{told:?}");
        machine.shut_down();
    }
}
