//! One throwaway host.

mod disk;

pub use disk::write_to;
mod files;

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::command::{As, Command};
use crate::machine::{Machine, Slot};
use crate::outside::{make_directory, tool, write};
use crate::run::Run;
use crate::{Error, Release, Result, Root};

/// systemctl is done once the signal is sent. sshd, which removes the note of its process id then, listens again when
/// it has written it anew.
const RELOAD_SSHD: &str = "\
    before=$(stat -c %z /run/sshd.pid); systemctl reload ssh; \
    until after=$(stat -c %z /run/sshd.pid 2>/dev/null) && [ \"$after\" != \"$before\" ]; do sleep 0.01; done";

/// A Debian machine, up or down. Its disk survives [`Host::pull_plug`] and ends with the network.
#[derive(Debug)]
pub struct Host {
    slot: Slot,
    address: String,
    release: Release,
    machine: Mutex<Option<Machine>>,
    commands: AtomicU32,
}

impl Host {
    pub(crate) fn new(
        run: &Run,
        root: &Root,
        name: &str,
        address: String,
        namespace: String,
    ) -> Result<Self> {
        let directory = run.directory().join(name);
        make_directory(&directory)?;
        disk::mount_on(&directory, root.path())?;
        let cgroup = run.cgroup()?.below(name);
        let slot = Slot {
            name: name.to_owned(),
            directory,
            namespace,
            cgroup,
        };
        let machine = Mutex::new(None);
        Ok(Self {
            slot,
            address,
            release: root.release(),
            machine,
            commands: AtomicU32::new(0),
        })
    }

    /// Gives the new disk what no two hosts may share, and the names of the others.
    pub(crate) fn prepare(&self, known: &str) -> Result<()> {
        let root = self.slot.root();
        write(&root.join("etc/hosts"), known)?;
        write(&root.join("etc/hostname"), format!("{}\n", self.name()))?;
        write(&root.join("etc/machine-id"), machine_id()?)?;
        let key = [
            "-q",
            "-t",
            "ed25519",
            "-N",
            "",
            "-C",
            self.name(),
            "-f",
            "/etc/ssh/ssh_host_ed25519_key",
        ];
        tool(
            "chroot",
            [root.as_os_str(), OsStr::new("ssh-keygen")]
                .into_iter()
                .chain(key.map(OsStr::new)),
        )
    }

    /// The host's name, for itself and for the others.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.slot.name
    }

    /// Its address in the network.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The release that it runs.
    #[must_use]
    pub fn release(&self) -> Release {
        self.release
    }

    /// Starts the host and returns when it is fully up.
    pub fn boot(&self) -> Result<()> {
        let mut machine = self.machine();
        if machine.is_some() {
            return Err(Error::HostUp {
                host: self.name().to_owned(),
            });
        }
        *machine = Some(Machine::boot(&self.slot)?);
        Ok(())
    }

    /// Shuts the host down in order.
    pub fn shut_down(&self) -> Result<()> {
        self.root(["systemctl", "--no-block", "poweroff"]).ok()?;
        self.take()?.await_end(&self.slot)
    }

    /// Ends every process of the host at once, with no shutdown. What they had written is still
    /// there at the next [`Host::boot`]: this cuts the power of programs, not of the page cache.
    pub fn pull_plug(&self) -> Result<()> {
        self.take()?.kill(&self.slot)
    }

    /// Stops all of the host's processes, as if it hung, until the answer is dropped. Commands
    /// given meanwhile hang too.
    pub fn freeze(&self) -> Result<Frozen<'_>> {
        self.slot.cgroup.freeze()?;
        Ok(Frozen(self))
    }

    /// A command as root.
    pub fn root<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Command<'_> {
        Command::new(self, As::Root, words)
    }

    /// A command as a user, in their home, with the environment of a login. It is no login: no PAM
    /// is asked and logind knows nothing of it.
    pub fn user<S: AsRef<OsStr>>(
        &self,
        user: &str,
        words: impl IntoIterator<Item = S>,
    ) -> Command<'_> {
        Command::new(self, As::User(user.to_owned()), words)
    }

    /// A shell script as root, ended by its first command that fails.
    pub fn script(&self, text: &str) -> Command<'_> {
        self.root(["sh", "-euc", text])
    }

    /// Has sshd read its configuration anew, and waits until it has: whoever comes in between is let in by the old
    /// rules or turned away.
    pub fn reload_sshd(&self) -> Result<()> {
        self.script(RELOAD_SSHD).ok().map(drop)
    }

    /// Makes an ordinary user with a home and no password.
    pub fn add_user(&self, user: &str) -> Result<()> {
        self.root(["useradd", "--create-home", "--shell", "/bin/bash", user])
            .ok()
            .map(drop)
    }

    /// Looks at a shell condition inside until it holds.
    pub fn await_condition(&self, condition: &str, deadline: Duration) -> Result<()> {
        let what = format!("`{condition}` on {}", self.name());
        crate::until(&what, deadline, || {
            Ok(self.root(["sh", "-c", condition]).run()?.success())
        })
    }

    /// The process id, outside, of the host's first process.
    pub(crate) fn leader(&self) -> Result<i32> {
        self.machine()
            .as_ref()
            .map(Machine::leader)
            .ok_or_else(|| self.down())
    }

    /// A control group of its own for the next command.
    pub(crate) fn next_cgroup(&self) -> Result<crate::cgroup::Cgroup> {
        let number = self.commands.fetch_add(1, Ordering::Relaxed);
        let cgroup = self
            .slot
            .cgroup
            .below("commands")
            .below(&number.to_string());
        cgroup.make()?;
        Ok(cgroup)
    }

    fn take(&self) -> Result<Machine> {
        self.machine().take().ok_or_else(|| self.down())
    }

    fn down(&self) -> Error {
        Error::HostDown {
            host: self.name().to_owned(),
        }
    }

    /// A test that panicked with the lock held leaves nothing half done in it.
    fn machine(&self) -> MutexGuard<'_, Option<Machine>> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(machine) = self.machine().take()
            && let Err(error) = machine.kill(&self.slot)
        {
            eprintln!("cannot end the host {}: {error}", self.name());
        }
    }
}

/// A host whose processes stand still. Dropped, they go on.
#[derive(Debug)]
pub struct Frozen<'a>(&'a Host);

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.0.slot.cgroup.thaw() {
            eprintln!("cannot thaw the host {}: {error}", self.0.name());
        }
    }
}

/// 32 random hexadecimal digits; the kernel's UUIDs are random.
fn machine_id() -> Result<String> {
    let source = "/proc/sys/kernel/random/uuid";
    let uuid = std::fs::read_to_string(source).map_err(Error::path("read", source))?;
    let mut id = uuid.replace('-', "");
    if !id.ends_with('\n') {
        let _ = writeln!(id);
    }
    Ok(id)
}
