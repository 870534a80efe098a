//! Control groups (v2): what holds the processes of a host, so that all of them can be frozen or
//! ended at once, those that forked themselves away included.

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::{Error, Result};

/// How long the kernel may take to end or freeze what stands in a group.
const DEADLINE: Duration = Duration::from_secs(60);

/// One control group that we made.
#[derive(Debug)]
pub(crate) struct Cgroup(PathBuf);

impl Cgroup {
    /// The group for everything of ours on this machine; not made yet.
    pub(crate) fn top() -> Result<Self> {
        let table = Path::new("/proc/self/mountinfo");
        let mounts = fs::read_to_string(table).map_err(Error::path("read", table))?;
        let mount = mounts
            .lines()
            .find_map(cgroup2_mount)
            .ok_or(Error::NoCgroup2)?;
        Ok(Self(mount.join("daypass-hosts")))
    }

    /// A group below this one; not made yet.
    pub(crate) fn below(&self, name: &str) -> Self {
        Self(self.0.join(name))
    }

    /// Makes the group and those above it.
    pub(crate) fn make(&self) -> Result<()> {
        crate::outside::make_directory(&self.0)
    }

    /// The file through which a process enters the group.
    pub(crate) fn entrance(&self) -> PathBuf {
        self.0.join("cgroup.procs")
    }

    /// Stops every process in the group and below until [`Cgroup::thaw`].
    pub(crate) fn freeze(&self) -> Result<()> {
        self.write("cgroup.freeze", "1")?;
        self.await_event("frozen 1")
    }

    /// Lets the processes go on.
    pub(crate) fn thaw(&self) -> Result<()> {
        self.write("cgroup.freeze", "0")?;
        self.await_event("frozen 0")
    }

    /// Kills every process in the group and below, and waits until none is left. A group that is
    /// not there has none.
    pub(crate) fn kill(&self) -> Result<()> {
        if !self.0.exists() {
            return Ok(());
        }
        self.write("cgroup.kill", "1")?;
        self.await_event("populated 0")
    }

    /// Kills what is in the group and removes it with everything below.
    pub(crate) fn remove(&self) -> Result<()> {
        self.kill()?;
        remove_tree(&self.0)
    }

    fn write(&self, file: &str, value: &str) -> Result<()> {
        crate::outside::write(&self.0.join(file), value)
    }

    /// The kernel wakes pollers of `cgroup.events` when one of its lines changes.
    fn await_event(&self, line: &str) -> Result<()> {
        let path = self.0.join("cgroup.events");
        let start = Instant::now();
        let file = fs::File::open(&path).map_err(Error::path("open", &path))?;
        loop {
            // Reading by this very file also tells the kernel what this poller has seen.
            let mut bytes = [0; 256];
            let length = file
                .read_at(&mut bytes, 0)
                .map_err(Error::path("read", &path))?;
            let seen = String::from_utf8_lossy(&bytes[..length]).into_owned();
            if seen.lines().any(|present| present == line) {
                return Ok(());
            }
            if start.elapsed() > DEADLINE {
                let what = format!("{line:?} in {}", path.display());
                return Err(Error::Deadline {
                    what,
                    after: DEADLINE,
                    seen,
                });
            }
            let mut watched = [PollFd::new(file.as_fd(), PollFlags::POLLPRI)];
            poll(&mut watched, PollTimeout::from(100_u8))
                .map_err(|errno| Error::path("watch", &path)(errno.into()))?;
        }
    }
}

/// The mount point, when this line of mountinfo is a cgroup v2 mount.
fn cgroup2_mount(line: &str) -> Option<PathBuf> {
    let (mount, file_system) = line.split_once(" - ")?;
    file_system.starts_with("cgroup2 ").then_some(())?;
    mount.split(' ').nth(4).map(PathBuf::from)
}

/// Groups go by `rmdir`, innermost first; their files cannot be unlinked.
fn remove_tree(path: &Path) -> Result<()> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::path("list", path)(error)),
    };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_tree(&entry.path())?;
        }
    }
    // A process that was just killed may hold its group for a moment longer.
    crate::until(
        "an empty control group",
        DEADLINE,
        || match fs::remove_dir(path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::ResourceBusy => Ok(false),
            Err(error) => Err(Error::path("remove", path)(error)),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_version_two_mount_is_taken() {
        let new = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate";
        let old = "31 23 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory";
        assert_eq!(cgroup2_mount(new), Some(PathBuf::from("/sys/fs/cgroup")));
        assert_eq!(cgroup2_mount(old), None);
    }
}
