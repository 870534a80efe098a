//! A booted container: from the start of `systemd-nspawn` to the death of its last process.

use std::fs::{self, File};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::cgroup::Cgroup;
use crate::outside::spelled;
use crate::{Error, Result};

/// How long a boot may take. Half a second is usual.
const BOOT: Duration = Duration::from_secs(180);
/// How long a clean shutdown may take.
const SHUTDOWN: Duration = Duration::from_secs(180);

/// What a machine is started from.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) name: String,
    /// Holds the root's mount, the console's file and the socket of the boot's messages.
    pub(crate) directory: PathBuf,
    pub(crate) namespace: String,
    pub(crate) cgroup: Cgroup,
}

/// A running container.
#[derive(Debug)]
pub(crate) struct Machine {
    nspawn: Child,
    leader: i32,
}

impl Machine {
    /// Boots, and returns when systemd says that the default target is reached.
    pub(crate) fn boot(slot: &Slot) -> Result<Self> {
        slot.cgroup.make()?;
        let socket = slot.directory.join("notify");
        if socket.exists() {
            fs::remove_file(&socket).map_err(Error::path("remove", &socket))?;
        }
        let messages = UnixDatagram::bind(&socket).map_err(Error::path("bind", &socket))?;
        let console = slot.console();
        let output = File::create(&console).map_err(Error::path("create", &console))?;
        let errors = output.try_clone().map_err(Error::path("open", &console))?;
        let mut command = slot.command(&socket);
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let nspawn = command.spawn().map_err(|source| Error::Process {
            what: "start",
            command: spelled(&command),
            source,
        })?;
        let mut machine = Self { nspawn, leader: 0 };
        match machine.await_ready(&messages) {
            Ok(leader) => Ok(Self { leader, ..machine }),
            Err(reason) => {
                machine.kill(slot)?;
                let console = format!("{}\n{reason}", last_lines(&console));
                Err(Error::Boot {
                    host: slot.name.clone(),
                    console,
                })
            }
        }
    }

    /// The process id, outside, of the container's first process.
    pub(crate) fn leader(&self) -> i32 {
        self.leader
    }

    /// Ends everything at once, as a power cut does.
    ///
    /// The groups go too: a group that was killed once kills what is cloned into it from one that
    /// was not (Linux from 6.13 on), and systemd from 254 on starts its services so.
    pub(crate) fn kill(mut self, slot: &Slot) -> Result<()> {
        slot.cgroup.kill()?;
        self.nspawn
            .wait()
            .map_err(|source| waiting(&slot.name, source))?;
        slot.cgroup.remove()
    }

    /// Waits for the end of a shutdown that was asked for inside.
    pub(crate) fn await_end(mut self, slot: &Slot) -> Result<()> {
        let mut ended = Ok(None);
        crate::until("the end of the shutdown", SHUTDOWN, || {
            ended = self.nspawn.try_wait();
            Ok(!matches!(ended, Ok(None)))
        })?;
        ended
            .map(drop)
            .map_err(|source| waiting(&slot.name, source))
    }

    /// nspawn sends two messages: the leader's process id, and READY when the boot is complete.
    fn await_ready(&mut self, messages: &UnixDatagram) -> std::result::Result<i32, String> {
        let start = Instant::now();
        let mut leader = None;
        messages
            .set_read_timeout(Some(Duration::from_millis(100)))
            .map_err(|error| error.to_string())?;
        while start.elapsed() < BOOT {
            let mut bytes = [0; 4096];
            let message = match messages.recv(&mut bytes) {
                Ok(length) => String::from_utf8_lossy(&bytes[..length]).into_owned(),
                Err(_) => match self.nspawn.try_wait() {
                    Ok(Some(status)) => return Err(format!("systemd-nspawn ended ({status})")),
                    _ => continue,
                },
            };
            let pid = message
                .lines()
                .find_map(|line| line.strip_prefix("X_NSPAWN_LEADER_PID="));
            leader = pid.and_then(|pid| pid.parse().ok()).or(leader);
            if let (Some(leader), true) = (leader, message.lines().any(|line| line == "READY=1")) {
                return Ok(leader);
            }
        }
        Err(format!("not up after {BOOT:?}"))
    }
}

impl Slot {
    /// Where the root is mounted.
    pub(crate) fn root(&self) -> PathBuf {
        self.directory.join("root")
    }

    fn console(&self) -> PathBuf {
        self.directory.join("console")
    }

    /// The shell enters the control group and forgets the login that the tests run under, so that
    /// the host's own logins get audit identities of their own; then it becomes nspawn.
    fn command(&self, socket: &Path) -> Command {
        let mut command = Command::new("sh");
        command
            .arg("-c")
            .arg("echo 0 > \"$1\" || exit; { echo 4294967295 > /proc/self/loginuid; } 2>/dev/null; shift; exec \"$@\"")
            .arg("sh")
            .arg(self.cgroup.entrance())
            .args(["systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--system-call-filter=@memlock pidfd_getfd"])
            .args(["--console=pipe", "--notify-ready=yes", "--link-journal=no", "--resolv-conf=off"])
            .arg(format!("--directory={}", self.root().display()))
            .arg(format!("--network-namespace-path=/run/netns/{}", self.namespace))
            .arg(format!("--machine={}", self.name))
            .env("NOTIFY_SOCKET", socket)
            .env("SYSTEMD_NSPAWN_UNIFIED_HIERARCHY", "1");
        command
    }
}

fn waiting(host: &str, source: std::io::Error) -> Error {
    Error::Process {
        what: "wait for",
        command: format!("systemd-nspawn of {host}"),
        source,
    }
}

fn last_lines(console: &Path) -> String {
    let text = fs::read(console).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
