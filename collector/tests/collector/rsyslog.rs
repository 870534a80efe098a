//! A real rsyslog on a port of its own, that takes RFC 5424 over TLS and writes what it gets into files.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use crate::port::port_of_ones_own;
use crate::site::Ca;

/// Nothing here takes longer, even on a machine that does much else.
const DEADLINE: Duration = Duration::from_secs(120);

/// Whom it lets in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Lets {
    Anybody,
    ThoseWithACertificate,
}

/// The daemon; killed when it is dropped.
pub(crate) struct Rsyslog {
    dir: tempfile::TempDir,
    port: u16,
    lets: Lets,
    running: Option<Child>,
    started: u32,
}

impl Rsyslog {
    /// Runs under a server certificate of this CA.
    pub(crate) fn start(ca: &Ca, lets: Lets) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let leaf = ca
            .root
            .issue_server(&["localhost".to_owned()], SystemTime::now())
            .unwrap();
        std::fs::write(dir.path().join("cert.pem"), leaf.chain).unwrap();
        std::fs::write(dir.path().join("key.pem"), leaf.key).unwrap();
        std::fs::write(dir.path().join("ca.pem"), ca.root.certificate()).unwrap();
        let mut rsyslog = Self {
            dir,
            port: port_of_ones_own(),
            lets,
            running: None,
            started: 0,
        };
        rsyslog.run();
        rsyslog
    }

    /// `HOST:PORT`.
    pub(crate) fn address(&self) -> String {
        format!("localhost:{}", self.port)
    }

    pub(crate) fn ca_file(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// SIGKILL, in the middle of whatever it does.
    pub(crate) fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.kill().unwrap();
            running.wait().unwrap();
        }
    }

    /// Starts it, and waits until it takes connections.
    pub(crate) fn run(&mut self) {
        self.started += 1;
        let dir = self.dir.path();
        let config = dir.join("rsyslog.conf");
        std::fs::write(&config, self.config()).unwrap();
        let child = Command::new("rsyslogd")
            .args(["-n", "-C", "-f"])
            .arg(&config)
            .arg("-i")
            .arg(dir.join("pid"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("rsyslogd; cargo xtask setup installs it");
        self.running = Some(child);
        let begun = Instant::now();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        while TcpStream::connect(address).is_err() {
            assert!(begun.elapsed() < DEADLINE, "rsyslogd does not listen");
            std::thread::yield_now();
        }
    }

    fn config(&self) -> String {
        let dir = self.dir.path().display();
        let mode = match self.lets {
            Lets::Anybody => "anon",
            Lets::ThoseWithACertificate => "x509/certvalid",
        };
        // The queue is direct, so that what was read is written before more is read.
        format!(
            r#"global(workDirectory="{dir}" maxMessageSize="256k"
       defaultNetstreamDriverCAFile="{dir}/ca.pem"
       defaultNetstreamDriverCertFile="{dir}/cert.pem"
       defaultNetstreamDriverKeyFile="{dir}/key.pem")
main_queue(queue.type="Direct")
module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="{mode}")
input(type="imtcp" port="{}" address="127.0.0.1")
template(name="whole" type="string" string="%pri%|%timereported:::date-rfc3339%|%hostname%|%app-name%|%msgid%|%structured-data%|%msg%\n")
action(type="omfile" file="{dir}/out-{}" template="whole" asyncWriting="off" flushOnTXEnd="on")
"#,
            self.port, self.started
        )
    }

    /// What it wrote: by origin and number, each line; a line that a kill cut is none.
    pub(crate) fn taken(&self) -> BTreeMap<(String, u64), Vec<String>> {
        let mut taken: BTreeMap<_, Vec<String>> = BTreeMap::new();
        for number in 1..=self.started {
            let text = read(&self.dir.path().join(format!("out-{number}")));
            for line in text
                .split_inclusive('\n')
                .filter(|line| line.ends_with('\n'))
            {
                let Some((origin, seq)) = name(line) else {
                    continue;
                };
                taken
                    .entry((origin, seq))
                    .or_default()
                    .push(line.trim_end().to_owned());
            }
        }
        taken
    }

    /// Waits until it has all these entries of this journal.
    pub(crate) fn await_all(
        &self,
        origin: &str,
        entries: &BTreeMap<u64, String>,
    ) -> BTreeMap<(String, u64), Vec<String>> {
        let begun = Instant::now();
        loop {
            let taken = self.taken();
            let missing = entries
                .keys()
                .find(|seq| !taken.contains_key(&(origin.to_owned(), **seq)));
            let Some(missing) = missing else { return taken };
            assert!(
                begun.elapsed() < DEADLINE,
                "entry {missing} of {} is missing",
                entries.len()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Rsyslog {
    fn drop(&mut self) {
        self.kill();
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}

/// `origin` and `seq` of the structured data.
fn name(line: &str) -> Option<(String, u64)> {
    let value = |key: &str| line.split_once(key)?.1.split('"').next();
    Some((
        value(" origin=\"")?.to_owned(),
        value(" seq=\"")?.parse().ok()?,
    ))
}

/// The body of a line.
pub(crate) fn body(line: &str) -> Value {
    serde_json::from_str(line.splitn(7, '|').nth(6).unwrap()).unwrap()
}
