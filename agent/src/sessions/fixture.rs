//! Sessions without sshd, for tests: monitors that are shells, rules that sudo's own tools look at.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use daypass_protocol::narrowing::Limits;
use daypass_protocol::time::Time;
use daypass_protocol::window::FrozenWindow;
use serde_json::{Value, json};

use super::record::{Record, tests::record};
use super::registry::{Sessions, Setup};
use super::session::Session;
use crate::alarm::Alarm;
use crate::facts::{Handle, since_boot, stamp_now};
use crate::layout::Layout;
use crate::managed;
use crate::presence::{Presence, sample};
use crate::sudoers::{Programs, Sudoers, UNHURRIED, script};
use crate::watch::Watch;

const STACK: &str = "account required pam_daypass.so\n";

/// A program that does nothing.
const SLEEPS: &str = "sleep 600";

/// How long anything in a test may take.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// A host in a directory of its own.
pub(super) struct Host {
    pub(super) folder: tempfile::TempDir,
    pub(super) layout: Layout,
    pub(super) sessions: Sessions,
    pub(super) entries: Receiver<Value>,
}

/// sshd's monitor, in its place a shell that waits for a program of the contractor's.
pub(crate) struct Monitor {
    shell: Child,
    /// That program.
    pub(crate) child: Handle,
}

impl Host {
    /// With this program as its sudo, and this line before sudo's own checker.
    pub(super) fn new(sudo: &str, before_check: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::under(folder.path());
        furnish(&layout);
        let (intake, entries) = crate::fixture::intake();
        let sessions = Sessions::new(Setup {
            directory: layout.sessions(),
            journal: layout.journal(),
            sudoers: Sudoers::with_scripts(
                &layout.session_sudoers(),
                folder.path(),
                &checker(before_check),
                "exec /usr/bin/cvtsudoers \"$@\"",
            ),
            programs: Programs::at(vec![script(folder.path(), "sudo", sudo)], UNHURRIED),
            presence: Arc::new(Presence::new(&layout)),
            intake,
            managed: Arc::new(managed::Store::open(&layout.managed()).unwrap()),
            watch: Watch::start().unwrap(),
            alarm: Alarm::start().unwrap(),
            host: "db1".parse().unwrap(),
            warnings: Vec::new(),
            again: Duration::from_millis(100),
        });
        Self {
            folder,
            layout,
            sessions,
            entries,
        }
    }

    /// With the original sudo.
    pub(super) fn with_sudo(before_check: &str) -> Self {
        Self::new("echo Sudo version 1.9", before_check)
    }

    /// With sudo-rs.
    pub(super) fn with_sudo_rs() -> Self {
        Self::new("echo sudo-rs 0.2.5", "")
    }

    /// Lets somebody in by a window of their own with this item; `number` tells sessions apart, and puts them in order.
    pub(super) fn let_in(&self, number: u64, person: &str, item: &str) -> (Monitor, Arc<Session>) {
        self.let_in_as(record().uid, number, person, item)
    }

    /// The same as this uid.
    pub(super) fn let_in_as(
        &self,
        uid: u32,
        number: u64,
        person: &str,
        item: &str,
    ) -> (Monitor, Arc<Session>) {
        let monitor = Monitor::start();
        let session = monitor.let_in(&self.sessions, &self.layout, uid, number, person, item);
        (monitor, session)
    }

    /// Puts this uid under management.
    pub(super) fn manage(&self, uid: u32) {
        let path = self.layout.managed();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut managed = managed::Managed::default();
        managed.insert(uid, vec!["deploy".to_owned()]).unwrap();
        managed.store(&path).unwrap();
    }

    /// The files of rules that are in force.
    pub(super) fn rules(&self) -> Vec<String> {
        let entries = fs::read_dir(self.layout.session_sudoers()).into_iter();
        let names = entries.flatten().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
        names.retain(|name| !name.starts_with('.'));
        names.sort();
        names
    }

    /// Another program in the place of sudo's checker.
    pub(super) fn exchange_checker(&self, before_check: &str) {
        script(self.folder.path(), "visudo", &checker(before_check));
    }

    /// PAM asks us in this service no more, or again.
    pub(super) fn set_pam(&self, service: &str, asks: bool) {
        let text = if asks {
            STACK
        } else {
            "account required pam_unix.so\n"
        };
        fs::write(self.layout.pam().join(service), text).unwrap();
    }
}

impl Monitor {
    /// It ends with its program.
    pub(crate) fn start() -> Self {
        Self::with(SLEEPS, "wait")
    }

    /// Its program was called with a line of some more bytes than this, which comes along.
    pub(crate) fn of_a_long_line(length: usize) -> (Self, Vec<u8>) {
        let word = format!("head -c {length} /dev/zero | tr '\\0' x");
        // What it cannot open it says, and goes on.
        let program = format!("tail -f /dev/null $({word}) 2>/dev/null");
        let monitor = Self::with(&program, "wait");
        let words = || monitor.child.process().words(usize::MAX).unwrap().unwrap();
        until("the program in its shell's place", || {
            words().first().is_some_and(|first| first == b"tail")
        });
        let line = words().join(&b' ');
        assert!(line.len() > length);
        (monitor, line)
    }

    /// Its program has ended, and stays as a shadow that the kernel knows nothing more of than that: nobody has asked how
    /// it ended.
    pub(crate) fn of_the_dead() -> Self {
        let monitor = Self::with(SLEEPS, "exec sleep 600 >/dev/null");
        // As long as it is a shell it may ask.
        let name = format!("/proc/{}/comm", monitor.shell.id());
        until("another program in the shell's place", || {
            fs::read_to_string(&name).unwrap() == "sleep\n"
        });
        monitor.child.kill();
        assert!(monitor.child.ends_within(SOON));
        monitor
    }

    /// Lets somebody in by a window of their own with this item; `number` tells sessions apart, and puts them in order.
    pub(crate) fn let_in(
        &self,
        sessions: &Sessions,
        layout: &Layout,
        uid: u32,
        number: u64,
        person: &str,
        item: &str,
    ) -> Arc<Session> {
        let window = window(number, person, item);
        let shell = Handle::open(i32::try_from(self.shell.id()).unwrap()).unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let boot = u64::try_from(since_boot().as_millis()).unwrap();
        let record = Record {
            id: format!("s-{number:016x}").parse().unwrap(),
            monitor: shell.process(),
            uid,
            gid: Some(1_900_000_000 + u32::try_from(number).unwrap()),
            window: window.text().to_owned(),
            audit: None,
            opened: Time::from_unix(i64::try_from(now.as_secs()).unwrap()),
            opened_since_boot: boot - 1000 + number,
            opened_stamp: Some(stamp_now()),
            closes: Time::from_unix(i64::try_from(now.as_secs()).unwrap() + 3600),
            closes_since_boot: boot + 3_600_000,
            ..record()
        };
        record.store(&layout.sessions()).unwrap();
        sessions
            .register(record, window, Limits::default(), &shell)
            .unwrap()
    }

    fn with(program: &str, then: &str) -> Self {
        let script = format!("{program} >/dev/null & echo $!; {then}");
        let mut shell = Command::new("/bin/sh")
            .args(["-c", &script])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(shell.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let child = Handle::open(line.trim().parse().unwrap()).unwrap();
        Self { shell, child }
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.child.kill();
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

fn checker(before: &str) -> String {
    format!("{before}\nexec /usr/sbin/visudo \"$@\"")
}

fn window(number: u64, person: &str, item: &str) -> FrozenWindow {
    let document = json!({
        "v": 1,
        "id": format!("w-{number:026}"),
        "ca": "0".repeat(64),
        "contractor": person,
        "keys": ["SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"],
        "hosts": ["db1"],
        "accounts": ["deploy"],
        "sudo": [item],
        "starts": "2026-01-01T00:00:00Z",
        "ends": "2100-01-01T00:00:00Z",
        "permit": ["pty"],
        "max_certificate_ttl": 600,
        "reason": "a test",
    });
    FrozenWindow::parse(&document.to_string()).unwrap()
}

/// PAM's module and the services by which sudo asks it.
pub(crate) fn furnish(layout: &Layout) {
    let security = layout.seen(Path::new("/usr/lib/security"));
    for directory in [layout.pam(), security.clone(), layout.sessions()] {
        fs::create_dir_all(directory).unwrap();
    }
    fs::write(security.join("pam_daypass.so"), sample()).unwrap();
    for service in ["sudo", "sudo-i", "daypass-sudo"] {
        fs::write(layout.pam().join(service), STACK).unwrap();
    }
}

/// Looks until it holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < SOON, "{what} does not come");
        std::thread::yield_now();
    }
}

/// A pipe by name, at which a script waits.
pub(super) fn fifo(folder: &Path) -> PathBuf {
    let path = folder.join("fifo");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    path
}
