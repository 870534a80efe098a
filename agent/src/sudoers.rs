//! sudo's rules of one session: written for its group, checked by sudo's own tools, renamed into place, gone with it.
//!
//! One static `@includedir` names the directory. sudo skips names with a dot, so a file that is still being checked is
//! never in force.

mod check;
mod defaults;
mod grantee;
mod own;
mod passed;
mod programs;
mod tools;

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::command;
use daypass_protocol::sudo_item::SudoItem;
use daypass_protocol::window::WindowId;

pub use defaults::{Flaw, SUDO_SERVICES, flaw};
pub use grantee::Grantee;
pub use own::lacking;
pub use passed::Accepted;
pub use programs::Programs;
pub(crate) use programs::identity;

use passed::Passed;
use tools::Tools;
#[cfg(test)]
pub(crate) use tools::{UNHURRIED, script};

/// The directory of the live sessions' rules.
#[derive(Debug, Clone)]
pub struct Sudoers {
    directory: PathBuf,
    tools: Tools,
    passed: Passed,
}

/// Why a session gets no sudo rules, and so is not let in.
#[derive(Debug, thiserror::Error)]
pub enum SudoersError {
    /// The file could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// `visudo` could not be run, or does not accept the rules.
    #[error("visudo does not accept the session's rules: {0}")]
    Visudo(#[source] command::Error),
    /// `cvtsudoers` could not be run, or does not accept the rules.
    #[error("cvtsudoers does not accept the session's rules: {0}")]
    Cvtsudoers(#[source] command::Error),
    /// `cvtsudoers` reads something else than what was meant.
    #[error("sudo reads the session's rules otherwise than they were meant (rule {rule})")]
    Misread {
        /// Which rule, from 1; 0 for something around them.
        rule: usize,
    },
    /// They are not in force before that.
    #[error("sudo's tools have not looked at the session's rules yet")]
    NotLookedAt,
}

impl SudoersError {
    /// Whether a tool hangs, and will with the next rules.
    #[must_use]
    pub fn is_late(&self) -> bool {
        matches!(self, Self::Visudo(error) | Self::Cvtsudoers(error) if error.is_late())
    }
}

impl Sudoers {
    /// Rules in this directory, which is made if need be.
    ///
    /// # Errors
    /// [`SudoersError::Write`].
    pub fn new(directory: &Path) -> Result<Self, SudoersError> {
        make(directory)?;
        // Of an agent that was killed while sudo's tools looked at them.
        remove_others(directory, |name| !is_draft(name));
        Ok(Self {
            directory: directory.to_owned(),
            tools: Tools::default(),
            passed: Passed::default(),
        })
    }

    /// Has sudo's tools look at rules that are about to be needed. That takes as long as they do: never under a lock
    /// that the end of a session waits for.
    ///
    /// # Errors
    /// [`SudoersError`]: they would not be put in force.
    pub fn prepare(&self, grantee: Grantee, items: &[SudoItem]) -> Result<Accepted, SudoersError> {
        self.passed.look(&self.tools, grantee, items, || {
            // Skipped by sudo for its dot.
            let draft = self.directory.join(format!(".{}", draft_name()));
            let checked = write(&draft, &grantee.rules(items))
                .and_then(|()| check::check(&self.tools, &draft, grantee, items));
            let _ = fs::remove_file(&draft);
            checked
        })
    }

    /// Rules that the tools have looked at already; waits for nobody.
    ///
    /// # Errors
    /// [`SudoersError::NotLookedAt`].
    pub fn accepted(&self, grantee: Grantee, items: &[SudoItem]) -> Result<Accepted, SudoersError> {
        let found = self.passed.find(&self.tools, grantee, items);
        found.ok_or(SudoersError::NotLookedAt)
    }

    /// Puts the rules of one session in force; waits for nobody. Without items they grant nothing; those of a group have
    /// sudo say so to PAM.
    ///
    /// # Errors
    /// [`SudoersError`]; nothing is in force then.
    pub fn place(
        &self,
        window: WindowId,
        grantee: Grantee,
        accepted: &Accepted,
    ) -> Result<(), SudoersError> {
        if accepted.kind() != grantee.kind() {
            return Err(SudoersError::NotLookedAt);
        }
        let path = self.directory.join(name(window, grantee));
        let draft = self.directory.join(format!(".{}", draft_name()));
        let placed = write(&draft, &grantee.rules(accepted.items())).and_then(|()| {
            fs::rename(&draft, &path).map_err(|source| SudoersError::Write { path, source })
        });
        if placed.is_err() {
            let _ = fs::remove_file(&draft);
        }
        placed
    }

    /// Whether rules of this name are there.
    #[must_use]
    pub fn are_placed(&self, window: WindowId, grantee: Grantee) -> bool {
        self.directory.join(name(window, grantee)).exists()
    }

    /// Takes rules away; whether they are gone.
    ///
    /// # Errors
    /// What the system said, when they are still there.
    pub fn remove(&self, window: WindowId, grantee: Grantee) -> io::Result<()> {
        match fs::remove_file(self.directory.join(name(window, grantee))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Makes the directory again where it is gone, and takes away every file but these: left by an agent that was
    /// killed.
    ///
    /// # Errors
    /// [`SudoersError::Write`].
    pub fn keep_only(&self, kept: &BTreeSet<(WindowId, Grantee)>) -> Result<(), SudoersError> {
        make(&self.directory)?;
        let names: BTreeSet<OsString> = kept
            .iter()
            .map(|(window, grantee)| name(*window, *grantee).into())
            .collect();
        // Drafts are somebody's who is at it.
        remove_others(&self.directory, |name| {
            is_draft(name) || names.contains(name)
        });
        Ok(())
    }

    /// Where they stand.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

/// One name for each window and grantee: sudo reads them in the order of their names, which means nothing here.
fn name(window: WindowId, grantee: Grantee) -> String {
    match grantee {
        Grantee::Group(gid) => format!("{window}-{gid}"),
        Grantee::Account(uid) => format!("{window}-uid-{uid}"),
    }
}

fn remove_others(directory: &Path, is_kept: impl Fn(&OsStr) -> bool) {
    let entries = fs::read_dir(directory).into_iter().flatten();
    for entry in entries.flatten() {
        if !is_kept(&entry.file_name()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn is_draft(name: &OsStr) -> bool {
    name.as_bytes().starts_with(b".")
}

/// Several may be written at once.
fn draft_name() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn make(directory: &Path) -> Result<(), SudoersError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(directory)
        .map_err(|source| SudoersError::Write {
            path: directory.to_owned(),
            source,
        })
}

fn write(path: &Path, text: &str) -> Result<(), SudoersError> {
    let failed = |source| SudoersError::Write {
        path: path.to_owned(),
        source,
    };
    let _ = fs::remove_file(path);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o440)
        .open(path)
        .map_err(failed)?;
    // /run is memory: no fsync, it is gone with the sessions that it is for.
    file.write_all(text.as_bytes()).map_err(failed)
}

#[cfg(test)]
impl Sudoers {
    /// With scripts in the places of sudo's tools.
    pub(crate) fn with_scripts(
        directory: &Path,
        folder: &Path,
        checker: &str,
        reader: &str,
    ) -> Self {
        Self {
            tools: Tools::scripts(folder, checker, reader),
            ..Self::new(directory).unwrap()
        }
    }
}

#[cfg(test)]
mod tests;
