//! The program itself, as systemd starts it: its socket handed over, its readiness told.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use daypass_protocol::time::Time;
use daypass_transport::client::{Client, Error, Request};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{House, Someone};

/// Longer than a busy machine needs for anything here.
const PATIENCE: Duration = Duration::from_secs(60);

/// Takes the socket that is its standard input for the first that systemd hands over.
const HAND_OVER: &str = r#"exec 3<&0 </dev/null; LISTEN_PID=$$; export LISTEN_PID; exec "$@""#;

/// A `daypass-ca serve` at work.
pub(crate) struct Program {
    child: Child,
    pub(crate) address: SocketAddr,
    notices: UnixDatagram,
}

impl House {
    /// Leaves the CA to the program, which is started with `before` in front of its command line. `metrics` is where
    /// it shows them.
    pub(crate) fn program(&mut self, before: &[&str], metrics: Option<SocketAddr>) -> Program {
        if self.running.is_some() {
            self.crash();
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        self.program_on(listener, before, metrics)
    }

    /// Starts the program on a listener that may outlive it, as systemd's do; the CA must not be at work here.
    pub(crate) fn program_on(
        &self,
        listener: TcpListener,
        before: &[&str],
        metrics: Option<SocketAddr>,
    ) -> Program {
        let address = listener.local_addr().unwrap();
        let (config, passphrase) = (self.file("ca.toml"), self.file("passphrase"));
        let notify = self.file("notify.sock");
        let _ = std::fs::remove_file(&notify);
        let notices = UnixDatagram::bind(&notify).unwrap();
        notices.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut text = format!(
            "names = [\"localhost\"]\nlisten = \"127.0.0.1:1\"\ndata = \"{}\"\ncontrol = \"{}\"\n",
            self.directory.path().display(),
            self.file("control.sock").display(),
        );
        if let Some(agent) = &self.agent {
            text += &format!("ssh_agent = \"{}\"\n", agent.display());
        }
        if let Some(address) = metrics {
            text += &format!("metrics = \"{address}\"\n");
        }
        std::fs::write(&config, text).unwrap();
        std::fs::write(&passphrase, "correct horse battery\n").unwrap();
        let command = [before, &["sh", "-c", HAND_OVER, "sh"]].concat();
        let child = Command::new(command[0])
            .args(&command[1..])
            .arg(env!("CARGO_BIN_EXE_daypass-ca"))
            .args(["serve", "--config"])
            .arg(&config)
            .arg("--passphrase-file")
            .arg(&passphrase)
            .env("LISTEN_FDS", "1")
            .env("NOTIFY_SOCKET", &notify)
            .stdin(OwnedFd::from(listener))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        Program {
            child,
            address,
            notices,
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A request to the program.
    pub(crate) fn post_to<T: DeserializeOwned>(
        &self,
        program: &Program,
        who: &Someone,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Error> {
        self.post_at(program.address, who, path, body)
    }

    /// A request to whatever program listens there.
    pub(crate) fn post_at<T: DeserializeOwned>(
        &self,
        address: SocketAddr,
        who: &Someone,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Error> {
        let body = serde_json::to_vec(body).unwrap();
        let now = Time::from(std::time::SystemTime::now());
        let header = self.header_at(who, "POST", path, &body, now);
        let client = self.client_at(address);
        client.call(&Request::post(path, &body).authorized(&header))
    }

    /// A question to the program.
    pub(crate) fn get_from<T: DeserializeOwned>(
        &self,
        program: &Program,
        who: &Someone,
        path: &str,
    ) -> Result<T, Error> {
        let now = Time::from(std::time::SystemTime::now());
        let header = self.header_at(who, "GET", path, b"", now);
        self.client_to(program)
            .call(&Request::get(path).authorized(&header))
    }

    /// A client of the program, without an identity.
    pub(crate) fn client_to(&self, program: &Program) -> Client {
        self.client_at(program.address)
    }

    fn client_at(&self, address: SocketAddr) -> Client {
        let url = format!("https://localhost:{}", address.port());
        Client::new(&url, &self.root(), None).unwrap()
    }
}

impl Program {
    /// Waits until it has told systemd so much.
    pub(crate) fn tells(&self, word: &str) {
        let mut notice = [0; 512];
        loop {
            let length = self.notices.recv(&mut notice).unwrap();
            if String::from_utf8_lossy(&notice[..length]).contains(word) {
                return;
            }
        }
    }

    /// Whether it has ended.
    pub(crate) fn is_over(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Tells it to stop, and waits for the end.
    pub(crate) fn stop(mut self) -> ExitStatus {
        let pid = nix::unistd::Pid::from_raw(self.child.id().try_into().unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        self.child.wait().unwrap()
    }

    /// Makes sure that it runs no longer.
    pub(crate) fn end(mut self) {
        // The group: a tracer that is killed leaves what it traced at work.
        let group = nix::unistd::Pid::from_raw(self.child.id().try_into().unwrap());
        let _ = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
        self.child.wait().unwrap();
        // What was traced is nobody's child to wait for: it has the other end of this until it is gone.
        let _ = std::io::copy(&mut self.child.stdout.take().unwrap(), &mut std::io::sink());
    }
}
