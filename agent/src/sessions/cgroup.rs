//! A control group: freeze it, see who is inside, thaw it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::facts::Handle;

/// Where the unified hierarchy is mounted, alone or beside the old ones.
const MOUNTS: [&str; 3] = [
    "/sys/fs/cgroup",
    "/sys/fs/cgroup/unified",
    "/sys/fs/cgroup/systemd",
];

/// One control group.
#[derive(Debug, Clone)]
pub(super) struct Cgroup {
    directory: PathBuf,
}

impl Cgroup {
    /// The group with this path from the hierarchy's root (`/user.slice/…`), `None` when there is none.
    #[must_use]
    pub(super) fn find(path: &str) -> Option<Self> {
        let relative = path
            .strip_prefix('/')
            .filter(|rest| !rest.is_empty() && !rest.split('/').any(|part| part == ".."))?;
        let directory = MOUNTS
            .iter()
            .map(|mount| Path::new(mount).join(relative))
            .find(|path| path.join("cgroup.procs").exists())?;
        Some(Self { directory })
    }

    /// Everybody inside, groups below included.
    #[must_use]
    pub(super) fn pids(&self) -> Vec<i32> {
        let mut pids = Vec::new();
        collect(&self.directory, &mut pids);
        pids
    }

    /// Stops everybody inside; waits at most `patience` for it. Someone stuck in the kernel never freezes and can be
    /// killed all the same; where groups cannot be frozen (the old hierarchy) this does nothing.
    pub(super) fn freeze(&self, patience: Duration) {
        if fs::write(self.directory.join("cgroup.freeze"), "1").is_ok() {
            self.wait_frozen(patience);
        }
    }

    /// Lets everybody go on.
    pub(super) fn thaw(&self) {
        let _ = fs::write(self.directory.join("cgroup.freeze"), "0");
    }

    /// Kills everybody inside at once, where the kernel can (Linux 5.14).
    ///
    /// # Errors
    /// What the system said.
    pub(super) fn kill(&self) -> io::Result<()> {
        fs::write(self.directory.join("cgroup.kill"), "1")
    }

    /// [`Cgroup::kill`], or everybody one by one where the kernel cannot.
    pub(super) fn kill_all(&self) {
        if self.kill().is_err() {
            let held = self.pids().into_iter();
            for process in held.filter_map(|pid| Handle::open(pid).ok()) {
                process.kill();
            }
        }
    }

    /// The names of the groups just below.
    pub(super) fn below(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.directory)
            .into_iter()
            .flatten()
            .flatten();
        entries
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect()
    }

    fn wait_frozen(&self, patience: Duration) {
        let path = self.directory.join("cgroup.events");
        let until = Instant::now() + patience;
        let Ok(file) = File::open(&path) else { return };
        while !fs::read_to_string(&path).is_ok_and(|text| text.contains("frozen 1")) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            // A short wait: the event may have come between the reading and this.
            let time = Timespec {
                tv_sec: 0,
                tv_nsec: left.min(Duration::from_millis(5)).subsec_nanos().into(),
            };
            let _ = poll(&mut [PollFd::new(&file, PollFlags::PRI)], Some(&time));
        }
    }
}

fn collect(directory: &Path, pids: &mut Vec<i32>) {
    let text = fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
    pids.extend(text.lines().filter_map(|line| line.parse::<i32>().ok()));
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(&entry.path(), pids);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_leaves_the_hierarchy_names_no_group() {
        assert!(Cgroup::find("/../../etc").is_none());
        assert!(
            Cgroup::find("/").is_none(),
            "the root holds the whole machine"
        );
        assert!(Cgroup::find("/no-such-slice").is_none());
    }
}
