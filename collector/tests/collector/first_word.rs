//! A collector that is there before its CA's first roster is signed, and one whose certificate grows old.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, SystemTime};

use daypass_collector::certificate::{CertificateError, Papers};
use daypass_collector::layout::Layout;
use daypass_protocol::digest::Digest;
use daypass_protocol::token::SetupLine;
use daypass_transport::client::{Client, Request};
use daypass_transport::request::SigningRequest;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::ca_door::CaDoor;
use crate::site::Ca;

const DEADLINE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// An admitted collector of this CA, made by the command.
struct Made {
    dir: tempfile::TempDir,
    setup: SetupLine,
}

impl Made {
    fn of(ca: &Ca, door: &CaDoor) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let setup = SetupLine {
            url: format!("https://localhost:{}", door.address.port())
                .parse()
                .unwrap(),
            root: Digest::from_bytes(ca.root.hash()),
            ca: ca.pin,
        };
        let made = Self { dir, setup };
        let init = made
            .command()
            .args(["init", "--name", "collector.test"])
            .args([
                "--ca-setup",
                &made.setup.to_string(),
                "--user",
                "root",
                "--data",
            ])
            .arg(made.data())
            .arg("--config")
            .arg(made.config())
            .output()
            .unwrap();
        assert!(
            init.status.success(),
            "{}",
            String::from_utf8_lossy(&init.stderr)
        );
        // A port of the system's choice; the address that hosts are told needs a real one.
        let text = std::fs::read_to_string(made.config()).unwrap();
        std::fs::write(made.config(), text.replace("[::]:7444", "127.0.0.1:0")).unwrap();
        made.put(ca);
        made
    }

    /// What `accept` puts in place, for the key that `init` made.
    fn put(&self, ca: &Ca) {
        let layout = self.layout();
        let key = std::fs::read_to_string(layout.tls_key()).unwrap();
        let csr = SigningRequest::again(&key, "x").unwrap().csr;
        let leaf = ca
            .root
            .issue_collector(&csr, &["collector.test".to_owned()], SystemTime::now())
            .unwrap();
        let root = ca.root.certificate();
        std::fs::write(layout.tls_root(), root).unwrap();
        std::fs::write(layout.tls_chain(), format!("{leaf}{root}")).unwrap();
    }

    fn command(&self) -> Command {
        Command::new(env!("CARGO_BIN_EXE_daypass-collector"))
    }

    fn serve(&self) -> Service {
        let mut child = self
            .command()
            .args(["serve", "--config"])
            .arg(self.config())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = follow(child.stderr.take().unwrap());
        Service { child, lines }
    }

    fn layout(&self) -> Layout {
        Layout::new(self.data())
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn config(&self) -> PathBuf {
        self.dir.path().join("collector.toml")
    }
}

/// A running `serve`, ended when dropped.
struct Service {
    child: Child,
    lines: Receiver<String>,
}

impl Service {
    /// Waits for a line of its log that holds `part`.
    fn says(&self, part: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(DEADLINE);
            let line = line.unwrap_or_else(|_| panic!("it never says {part}"));
            if line.contains(part) {
                return line;
            }
        }
    }

    fn stops(&mut self) {
        kill(
            Pid::from_raw(self.child.id().try_into().unwrap()),
            Signal::SIGTERM,
        )
        .unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn follow(log: ChildStderr) -> Receiver<String> {
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            if tell.send(line).is_err() {
                return;
            }
        }
    });
    told
}

#[test]
fn it_waits_for_the_first_roster_and_begins_by_itself() {
    let ca = Ca::new();
    let door = CaDoor::open(&ca);
    let made = Made::of(&ca, &door);
    let mut service = made.serve();
    service.says("not signed yet");
    assert!(!made.layout().authority().exists());
    door.sign();
    service.says("takes journals in");
    assert!(made.layout().authority().exists());
    service.stops();

    // From now on the CA is not needed to start.
    drop(door);
    let mut service = made.serve();
    service.says("takes journals in");
    service.stops();
}

#[test]
fn it_stops_while_it_waits() {
    let ca = Ca::new();
    let door = CaDoor::open(&ca);
    let made = Made::of(&ca, &door);
    let mut service = made.serve();
    service.says("not signed yet");
    service.stops();
}

#[test]
fn what_another_ca_says_first_is_not_believed() {
    let (ca, other) = (Ca::new(), Ca::new());
    let mut foreign = Ca::new();
    foreign.root =
        daypass_transport::authority::Authority::from_pem(ca.root.certificate(), &ca.root.key())
            .unwrap();
    foreign.word = other.word;
    // The right root, so the connection holds; rosters that do not follow from the pin.
    let door = CaDoor::open(&foreign);
    door.sign();
    let made = Made::of(&ca, &door);
    let mut service = made.serve();
    service.says("rosters do not hold");
    assert!(!made.layout().authority().exists());
    service.stops();
}

#[test]
fn a_certificate_is_renewed_at_two_thirds_of_its_life() {
    let ca = Ca::new();
    let door = CaDoor::open(&ca);
    let made = Made::of(&ca, &door);
    let layout = made.layout();
    let papers = Papers::read(&layout).unwrap();
    let now = SystemTime::now();
    assert!(!papers.are_due(now + 59 * DAY).unwrap());
    assert!(papers.are_due(now + 61 * DAY).unwrap());
    let before = std::fs::read_to_string(layout.tls_key()).unwrap();
    let refresh = papers.refresh(&made.setup).unwrap();
    papers.renew(&layout, refresh.client()).unwrap();
    assert_ne!(std::fs::read_to_string(layout.tls_key()).unwrap(), before);
    let renewed = Papers::read(&layout).unwrap();
    renewed.server().unwrap();
    assert!(no_staged(&layout));
}

#[test]
fn a_renewal_that_was_cut_off_is_finished_or_forgotten() {
    let ca = Ca::new();
    let door = CaDoor::open(&ca);
    let made = Made::of(&ca, &door);
    let layout = made.layout();
    let SigningRequest { key, csr } = SigningRequest::create("x").unwrap();
    let leaf = ca
        .root
        .issue_collector(&csr, &["collector.test".to_owned()], SystemTime::now())
        .unwrap();
    let chain = format!("{leaf}{}", ca.root.certificate());
    let (staged_key, staged_chain) = staged(&layout);

    // The key alone: the CA never certified it, or its answer was lost.
    std::fs::write(&staged_key, &key).unwrap();
    Papers::read(&layout).unwrap().server().unwrap();
    assert!(no_staged(&layout));
    // Both, or the certificate alone, when the key was moved already.
    std::fs::write(&staged_key, &key).unwrap();
    std::fs::write(&staged_chain, &chain).unwrap();
    Papers::read(&layout).unwrap().server().unwrap();
    std::fs::write(&staged_chain, &chain).unwrap();
    Papers::read(&layout).unwrap().server().unwrap();
    assert!(no_staged(&layout));
    assert_eq!(std::fs::read_to_string(layout.tls_key()).unwrap(), key);
}

#[test]
fn without_the_cas_answer_nothing_is_served() {
    let dir = tempfile::tempdir().unwrap();
    let missing = Papers::read(&Layout::new(dir.path()));
    assert!(matches!(missing, Err(CertificateError::NotAccepted { .. })));
}

#[test]
fn a_running_server_shows_its_renewed_certificate() {
    let site = crate::site::Site::new();
    let about = |root: &str| {
        let base = format!("https://localhost:{}", site.server().address().port());
        Client::new(&base, root, None)
            .unwrap()
            .call::<Value>(&Request::get("/v1/about"))
            .is_ok()
    };
    assert!(about(site.ca.root.certificate()));
    // Of another root, so that one can tell which of the two is shown.
    let other = Ca::new().root;
    let leaf = other
        .issue_server(&["localhost".to_owned()], SystemTime::now())
        .unwrap();
    let shown =
        daypass_transport::server::config(&leaf.chain, &leaf.key, site.ca.root.certificate());
    site.server().show(shown.unwrap());
    assert!(about(other.certificate()));
    assert!(!about(site.ca.root.certificate()));
}

fn staged(layout: &Layout) -> (PathBuf, PathBuf) {
    (
        layout.tls_key().with_extension("next"),
        layout.tls_chain().with_extension("next"),
    )
}

fn no_staged(layout: &Layout) -> bool {
    let (key, chain) = staged(layout);
    let exists = |path: &Path| path.exists();
    !exists(&key) && !exists(&chain)
}
