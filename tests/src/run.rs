//! One run: everything that a [`crate::Network`] makes outside itself, and its end.
//!
//! `/run/daypass-hosts/RUN/lock` is locked as long as the owner lives; whoever starts next removes
//! the runs whose lock is free. A run's mounts lie below its directory, its control groups and
//! network namespaces carry its name: so all that is removed is ours.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::mount::{MntFlags, umount2};

use crate::cgroup::Cgroup;
use crate::lock::Lock;
use crate::outside::{ip, make_directory};
use crate::{Error, Result};

const RUNS: &str = "/run/daypass-hosts";
/// Where `ip netns` keeps the names of namespaces.
const NAMESPACES: &str = "/run/netns";

/// The directory, control group and name that everything of one network hangs on.
#[derive(Debug)]
pub(crate) struct Run {
    name: String,
    _lock: Lock,
}

impl Run {
    /// Clears away what dead runs left, and starts a new one.
    pub(crate) fn start() -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        make_directory(Path::new(RUNS))?;
        // Between a run's directory and its lock nobody else may look.
        let _all = Lock::wait(&Path::new(RUNS).join("lock"))?;
        remove_dead()?;
        let name = format!(
            "dp{:x}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let directory = directory_of(&name);
        make_directory(&directory)?;
        let lock = Lock::wait(&directory.join("lock"))?;
        Ok(Self { name, _lock: lock })
    }

    pub(crate) fn directory(&self) -> PathBuf {
        directory_of(&self.name)
    }

    pub(crate) fn cgroup(&self) -> Result<Cgroup> {
        Ok(Cgroup::top()?.below(&self.name))
    }

    /// The name of a network namespace of this run.
    pub(crate) fn namespace(&self, part: &str) -> String {
        format!("{}.{part}", self.name)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next run: the lock dies with us.
        if let Err(error) = remove(&self.name) {
            eprintln!("cannot remove the test run {}: {error}", self.name);
        }
    }
}

fn directory_of(run: &str) -> PathBuf {
    Path::new(RUNS).join(run)
}

fn remove_dead() -> Result<()> {
    for name in names_in(Path::new(RUNS))? {
        let directory = directory_of(&name);
        if !directory.is_dir() {
            continue;
        }
        if let Some(_dead) = Lock::attempt(&directory.join("lock"))? {
            remove(&name)?;
        }
    }
    Ok(())
}

fn remove(run: &str) -> Result<()> {
    Cgroup::top()?.below(run).remove()?;
    let directory = directory_of(run);
    for mount in mounts_below(&directory)?.iter().rev() {
        umount2(mount, MntFlags::MNT_DETACH)
            .map_err(|errno| Error::path("unmount", mount)(errno.into()))?;
    }
    for namespace in names_in(Path::new(NAMESPACES))? {
        if namespace
            .strip_prefix(run)
            .is_some_and(|rest| rest.starts_with('.'))
        {
            ip(&format!("netns delete {namespace}"))?;
        }
    }
    fs::remove_dir_all(&directory).map_err(Error::path("remove", directory))
}

/// In the order in which they were mounted.
fn mounts_below(directory: &Path) -> Result<Vec<PathBuf>> {
    let table = Path::new("/proc/self/mountinfo");
    let text = fs::read_to_string(table).map_err(Error::path("read", table))?;
    let points = text
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(PathBuf::from);
    Ok(points
        .filter(|point| point.starts_with(directory))
        .collect())
}

fn names_in(directory: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::path("list", directory)(error)),
    };
    Ok(entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect())
}
