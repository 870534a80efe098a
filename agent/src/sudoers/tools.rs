//! sudo's own tools: where they are, and how long each may take.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// They take some milliseconds. One that hangs (on a name service, on a disk) must not hang whoever waits for it.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);

/// The programs that judge rules.
#[derive(Debug, Clone)]
pub(super) struct Tools {
    /// The original's checker, or sudo-rs's in its place.
    pub(super) checker: PathBuf,
    /// sudo-rs's where both are installed.
    pub(super) rust_checker: PathBuf,
    /// What tells how sudo reads them. sudo-rs has none.
    pub(super) reader: PathBuf,
    /// How long each may take.
    pub(super) patience: Duration,
}

impl Default for Tools {
    fn default() -> Self {
        Self {
            checker: "/usr/sbin/visudo".into(),
            rust_checker: "/usr/bin/visudo-rs".into(),
            reader: "/usr/bin/cvtsudoers".into(),
            patience: PATIENCE,
        }
    }
}

impl Tools {
    /// All of them.
    pub(super) fn all(&self) -> [&Path; 3] {
        [&self.checker, &self.rust_checker, &self.reader]
    }
}

/// What scripts have that stand in for them: the machine is busy with other tests, and what goes on while one hangs must
/// be over before it is given up.
#[cfg(test)]
pub(crate) const UNHURRIED: Duration = Duration::from_secs(12);

#[cfg(test)]
impl Tools {
    /// Shell scripts in the places of the original's two.
    pub(crate) fn scripts(folder: &Path, checker: &str, reader: &str) -> Self {
        Self {
            checker: script(folder, "visudo", checker),
            rust_checker: folder.join("none"),
            reader: script(folder, "cvtsudoers", reader),
            patience: UNHURRIED,
        }
    }
}

/// A shell script, written by a process of its own: a program that another thread's child holds open for writing, if
/// only for a moment, cannot be run.
#[cfg(test)]
pub(crate) fn script(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    let write = "printf '#!/bin/sh\n%s\n' \"$2\" > \"$1\" && chmod 755 \"$1\"";
    let written = std::process::Command::new("/bin/sh")
        .args(["-c", write, "sh"])
        .arg(&path)
        .arg(text)
        .status()
        .unwrap();
    assert!(written.success());
    path
}
