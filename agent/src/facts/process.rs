//! A process by pid and start time, held by a pidfd so that its number cannot come to mean another one.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, PidfdGetfdFlags, Signal, pidfd_getfd, pidfd_open, pidfd_send_signal,
};
use serde::{Deserialize, Serialize};

use super::reading;

/// The most bytes read of any file under `/proc`.
const MAX_FILE: u64 = 256 * 1024;
/// What is set aside for one: nearly all come whole in one read.
const USUAL_FILE: usize = 4 * 1024;
/// What the kernel writes for "no audit session".
const NO_AUDIT_SESSION: u32 = u32::MAX;
/// What it writes where nobody has logged in.
const NO_LOGIN_UID: u32 = u32::MAX;

/// A process, as long as the machine runs: a pid alone is used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Process {
    /// Its pid.
    pub pid: i32,
    /// When it started, in clock ticks since boot.
    pub start: u64,
}

/// The uids and groups of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ids {
    /// Its real uid.
    pub real_uid: u32,
    /// Its supplementary groups.
    pub groups: Vec<u32>,
}

/// Why something about a process is not known.
#[derive(Debug, thiserror::Error)]
pub enum FactError {
    /// It has ended.
    #[error("process {pid} has ended")]
    Gone {
        /// Its pid.
        pid: i32,
    },
    /// A file under `/proc` could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file under `/proc` does not look as proc(5) says.
    #[error("{} is not as expected", path.display())]
    Form {
        /// Which.
        path: PathBuf,
    },
    /// No pidfd to be had.
    #[error("cannot hold process {pid}: {source}")]
    Hold {
        /// Its pid.
        pid: i32,
        /// What the system said.
        source: io::Error,
    },
}

/// A hold on a process: signals and waits through it reach that process or nobody.
#[derive(Debug, Clone)]
pub struct Handle {
    process: Process,
    pidfd: Arc<OwnedFd>,
}

impl Process {
    /// The process that has this pid now.
    ///
    /// # Errors
    /// [`FactError`].
    pub fn with_pid(pid: i32) -> Result<Self, FactError> {
        Ok(Self {
            pid,
            start: stat_number(pid, 22)?,
        })
    }

    /// The process that has this pid now, and its parent's pid, from one look.
    ///
    /// # Errors
    /// [`FactError`].
    pub fn with_parent(pid: i32) -> Result<(Self, i32), FactError> {
        let stat = Stat::of(pid)?;
        let parent = i32::try_from(stat.number(4)?).map_err(|_| stat.form())?;
        let start = stat.number(22)?;
        Ok((Self { pid, start }, parent))
    }

    pub(super) fn path(self, name: &str) -> PathBuf {
        proc_path(self.pid, name)
    }

    /// The parent's pid.
    ///
    /// # Errors
    /// [`FactError`].
    pub fn parent(self) -> Result<i32, FactError> {
        let parent = stat_number(self.pid, 4)?;
        i32::try_from(parent).map_err(|_| FactError::Form {
            path: self.path("stat"),
        })
    }

    /// Its controlling terminal as the kernel numbers devices, 0 for none.
    ///
    /// # Errors
    /// [`FactError`].
    pub fn terminal(self) -> Result<u64, FactError> {
        stat_number(self.pid, 7)
    }

    /// Its uids and groups.
    ///
    /// # Errors
    /// [`FactError`].
    pub fn ids(self) -> Result<Ids, FactError> {
        let path = self.path("status");
        let text = read_text(&path, self.pid)?;
        reading::ids(&text).ok_or(FactError::Form { path })
    }

    /// The audit session that it belongs to.
    #[must_use]
    pub fn audit_session(self) -> Option<u32> {
        audit_session(self.pid)
    }

    /// The uid that logged in to start it, which stays through sudo and su; `None` where nobody did.
    #[must_use]
    pub fn login_uid(self) -> Option<u32> {
        let text = read_text(&self.path("loginuid"), self.pid).ok()?;
        let uid = text.trim().parse().ok()?;
        (uid != NO_LOGIN_UID).then_some(uid)
    }

    /// Where systemd put it, as a path from the hierarchy's root: `/user.slice/…`.
    #[must_use]
    pub fn cgroup(self) -> Option<String> {
        let text = read_text(&self.path("cgroup"), self.pid).ok()?;
        reading::systemd_path(&text).map(str::to_owned)
    }

    /// The file that it runs: device and inode, so that a name cannot deceive.
    #[must_use]
    pub fn program(self) -> Option<(u64, u64)> {
        let about = fs::metadata(self.path("exe")).ok()?;
        Some((about.dev(), about.ino()))
    }

    /// A hold on it.
    ///
    /// # Errors
    /// [`FactError`]; a process that has ended is [`FactError::Gone`].
    pub fn hold(self) -> Result<Handle, FactError> {
        let handle = Handle::open(self.pid)?;
        if handle.process == self {
            Ok(handle)
        } else {
            Err(FactError::Gone { pid: self.pid })
        }
    }
}

impl Handle {
    /// Holds the process that has this pid now.
    ///
    /// # Errors
    /// [`FactError`].
    pub fn open(pid: i32) -> Result<Self, FactError> {
        let number = Pid::from_raw(pid).ok_or(FactError::Gone { pid })?;
        let pidfd = pidfd_open(number, PidfdFlags::empty()).map_err(|error| match error {
            rustix::io::Errno::SRCH => FactError::Gone { pid },
            error => FactError::Hold {
                pid,
                source: error.into(),
            },
        })?;
        Self::from_pidfd(pid, pidfd)
    }

    /// Takes over a pidfd that the kernel gave for this pid.
    ///
    /// # Errors
    /// [`FactError`].
    pub fn from_pidfd(pid: i32, pidfd: OwnedFd) -> Result<Self, FactError> {
        // Read while the pidfd is held, and believed only if the process lives on afterwards: so the start time is
        // that of the process held.
        let process = Process::with_pid(pid)?;
        let handle = Self {
            process,
            pidfd: Arc::new(pidfd),
        };
        if handle.is_alive() {
            Ok(handle)
        } else {
            Err(FactError::Gone { pid })
        }
    }

    /// Which process is held.
    #[must_use]
    pub fn process(&self) -> Process {
        self.process
    }

    /// Whether it has not ended.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        !self.ends_within(Duration::ZERO)
    }

    /// A descriptor of its own, taken over: what is behind it is then ours as well.
    ///
    /// # Errors
    /// It has none of this number, or the kernel allows nobody that much.
    pub(super) fn descriptor(&self, number: i32) -> io::Result<OwnedFd> {
        Ok(pidfd_getfd(&*self.pidfd, number, PidfdGetfdFlags::empty())?)
    }

    /// Waits for its end; whether it came in time.
    #[must_use]
    pub fn ends_within(&self, patience: Duration) -> bool {
        let time = Timespec {
            tv_sec: patience.as_secs().cast_signed(),
            tv_nsec: patience.subsec_nanos().into(),
        };
        let mut wanted = [PollFd::new(&*self.pidfd, PollFlags::IN)];
        poll(&mut wanted, Some(&time)).is_ok_and(|ready| ready > 0)
    }

    /// Another hold on the same process, with a descriptor of its own.
    ///
    /// # Errors
    /// Out of descriptors.
    pub fn duplicate(&self) -> io::Result<Self> {
        Ok(Self {
            process: self.process,
            pidfd: Arc::new(self.pidfd.try_clone()?),
        })
    }

    /// Kills it; one that has ended is fine.
    pub fn kill(&self) {
        // ESRCH is the goal, and root is refused nothing else.
        let _ = pidfd_send_signal(&*self.pidfd, Signal::KILL);
    }
}

impl AsFd for Handle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

/// Every process that descends from `root`, itself not included, by a look at all of `/proc`.
#[must_use]
pub fn descendants(root: i32) -> Vec<i32> {
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for pid in pids() {
        if let Ok(parent) = stat_number(pid, 4) {
            children.entry(parent as i32).or_default().push(pid);
        }
    }
    let mut found = Vec::new();
    let mut open = vec![root];
    while let Some(parent) = open.pop() {
        for child in children.remove(&parent).unwrap_or_default() {
            found.push(child);
            open.push(child);
        }
    }
    found
}

impl Process {
    /// The pids of everybody who is in this audit session now.
    #[must_use]
    pub fn all_in_audit_session(audit: u32) -> Vec<i32> {
        pids()
            .filter(|pid| audit_session(*pid) == Some(audit))
            .collect()
    }
}

pub(super) fn audit_session(pid: i32) -> Option<u32> {
    let text = read_text(&proc_path(pid, "sessionid"), pid).ok()?;
    let number = text.trim().parse().ok()?;
    (number != NO_AUDIT_SESSION).then_some(number)
}

/// Everybody who runs.
pub fn pids() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The time since boot, suspend included: nobody can set it.
#[must_use]
pub fn since_boot() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(
        time.tv_sec.cast_unsigned(),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

/// How the kernel counts starts: `USER_HZ`, the same on every architecture that Debian runs on.
pub const TICKS_PER_SECOND: u64 = 100;

/// The time since boot as starts of processes are counted.
#[must_use]
pub fn ticks_since_boot() -> u64 {
    let ticks = since_boot().as_millis() * u128::from(TICKS_PER_SECOND) / 1000;
    u64::try_from(ticks).unwrap_or(u64::MAX)
}

fn proc_path(pid: i32, name: &str) -> PathBuf {
    format!("/proc/{pid}/{name}").into()
}

fn stat_number(pid: i32, field: usize) -> Result<u64, FactError> {
    Stat::of(pid)?.number(field)
}

/// What `/proc/PID/stat` says; its fields are numbered as in proc(5).
struct Stat {
    path: PathBuf,
    text: String,
}

impl Stat {
    fn of(pid: i32) -> Result<Self, FactError> {
        let path = proc_path(pid, "stat");
        let text = read_text(&path, pid)?;
        Ok(Self { path, text })
    }

    fn form(&self) -> FactError {
        FactError::Form {
            path: self.path.clone(),
        }
    }

    fn number(&self, field: usize) -> Result<u64, FactError> {
        reading::number(&self.text, field).ok_or_else(|| self.form())
    }
}

fn read_text(path: &PathBuf, pid: i32) -> Result<String, FactError> {
    let mut bytes = Vec::with_capacity(USUAL_FILE);
    fs::File::open(path)
        .and_then(|file| file.take(MAX_FILE).read_to_end(&mut bytes))
        .map_err(|source| unread(path.clone(), pid, source))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Why a file of this process could not be read.
pub(super) fn unread(path: PathBuf, pid: i32, source: io::Error) -> FactError {
    let is_gone =
        source.kind() == io::ErrorKind::NotFound || source.raw_os_error() == Some(libc::ESRCH);
    match is_gone {
        true => FactError::Gone { pid },
        false => FactError::Read { path, source },
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_process_is_known_by_pid_and_start_and_can_be_ended() {
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let pid = child.id() as i32;
        let process = Process::with_pid(pid).unwrap();
        assert_eq!(process.parent().unwrap(), std::process::id() as i32);
        assert!(descendants(std::process::id() as i32).contains(&pid));
        assert_eq!(
            process.ids().unwrap().real_uid,
            nix::unistd::getuid().as_raw()
        );

        let handle = process.hold().unwrap();
        assert!(handle.is_alive());
        handle.kill();
        assert!(handle.ends_within(Duration::from_secs(60)));
        child.wait().unwrap();
        assert!(matches!(process.hold(), Err(FactError::Gone { .. })));
    }

    #[test]
    fn another_process_with_the_same_pid_is_not_it() {
        let this = Process::with_pid(std::process::id() as i32).unwrap();
        let earlier = Process {
            start: this.start - 1,
            ..this
        };
        assert!(this.hold().is_ok());
        assert!(matches!(earlier.hold(), Err(FactError::Gone { .. })));
    }
}
