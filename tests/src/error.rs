//! Why a throwaway host, or something done on it, failed.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use crate::Output;

/// What the functions of this crate return.
pub type Result<T> = std::result::Result<T, Error>;

/// Each variant is one cause, with what its reader needs.
#[derive(thiserror::Error)]
pub enum Error {
    /// A disk for hosts was named already.
    #[error("hosts write to another disk already")]
    Disk,
    /// Namespaces and mounts need root.
    #[error("throwaway hosts need root: run this as root or through sudo")]
    NotRoot,
    /// A tool of the machine that runs the tests is missing.
    #[error("{} missing: run `apt-get install {}`", list(tools), list(packages))]
    ToolsMissing {
        /// The commands that were looked for.
        tools: Vec<&'static str>,
        /// The Debian packages that bring them.
        packages: Vec<&'static str>,
    },
    /// A tool of the machine that runs the tests failed.
    #[error("`{command}` failed ({status}): {stderr}")]
    ToolFailed {
        /// The command line.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// What it wrote to its standard error.
        stderr: String,
    },
    /// A system call on a path of the machine that runs the tests failed.
    #[error("cannot {what} {}: {source}", path.display())]
    Path {
        /// What was tried, as an infinitive.
        what: &'static str,
        /// On which path.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A process could not be started or waited for.
    #[error("cannot {what} `{command}`: {source}")]
    Process {
        /// What was tried, as an infinitive.
        what: &'static str,
        /// The command line.
        command: String,
        /// The system's answer.
        source: std::io::Error,
    },
    /// No cgroup v2 hierarchy: hosts are frozen and ended through one.
    #[error("no cgroup v2 hierarchy is mounted: mount one on /sys/fs/cgroup/unified")]
    NoCgroup2,
    /// There are more hosts than addresses in a network.
    #[error("a network has room for {room} hosts")]
    NetworkFull {
        /// How many hosts fit.
        room: usize,
    },
    /// A release that this crate does not know.
    #[error("unknown Debian release {name:?}: say bookworm or trixie")]
    UnknownRelease {
        /// The name as given.
        name: String,
    },
    /// A host that is not in the network.
    #[error("no host {name:?} in this network")]
    UnknownHost {
        /// The name as given.
        name: String,
    },
    /// A name that cannot be a host's.
    #[error("{name:?} cannot name a host: use a-z, 0-9 and -, at most 32 characters")]
    HostName {
        /// The name as given.
        name: String,
    },
    /// The host ended before it was up, or was not up in time.
    #[error("host {host} did not boot; the end of its console:\n{console}")]
    Boot {
        /// The host's name.
        host: String,
        /// The last lines that its console showed.
        console: String,
    },
    /// Something was asked of a host that is not running.
    #[error("host {host} is not running")]
    HostDown {
        /// The host's name.
        host: String,
    },
    /// Something was asked of a host that is running.
    #[error("host {host} is running already")]
    HostUp {
        /// The host's name.
        host: String,
    },
    /// A command on a host ended with another status than 0.
    #[error("on {host}, `{command}` failed: {output}")]
    CommandFailed {
        /// The host's name.
        host: String,
        /// The command line.
        command: String,
        /// What it wrote, and how it ended.
        output: Output,
    },
    /// Something that a command should have shown, or a directory should hold, is not there.
    #[error("no {what} in: {text}")]
    NotShown {
        /// What was looked for.
        what: String,
        /// What was there instead.
        text: String,
    },
    /// Nobody said where the packages under test are.
    #[error("{variable} does not name a directory of packages: run this by `cargo xtask test`")]
    NoPackages {
        /// The environment variable that names it.
        variable: &'static str,
    },
    /// Something that was waited for did not happen in time.
    #[error("waited {after:?} in vain for {what}{}", after_colon(seen))]
    Deadline {
        /// What was waited for.
        what: String,
        /// For how long.
        after: Duration,
        /// What was seen instead.
        seen: String,
    },
}

impl Error {
    /// An [`Error::Path`], made where the system's answer comes in.
    pub(crate) fn path(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Path { what, path, source }
    }
}

/// Test runners print errors by `Debug`; people read them, so it says the same as `Display`.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn list(words: &[&str]) -> String {
    words.join(" ")
}

fn after_colon(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!("; seen instead:\n{text}")
    }
}
