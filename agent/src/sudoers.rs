//! sudo's rules of one session: written for its group, checked by sudo's own tools, renamed into place, gone with it.
//!
//! One static `@includedir` names the directory. sudo skips names with a dot, so a file that is still being checked is
//! never in force.

mod check;
mod grantee;
mod passed;
mod programs;

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

pub use grantee::Grantee;
pub use programs::Programs;
pub(crate) use programs::identity;

use passed::Passed;

/// The directory of the live sessions' rules.
#[derive(Debug, Clone)]
pub struct Sudoers {
    directory: PathBuf,
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
            passed: Passed::default(),
        })
    }

    /// Has sudo's tools look at rules that are about to be needed; [`place`](Self::place) then need not wait for them.
    ///
    /// # Errors
    /// [`SudoersError`]: they would not be put in force.
    pub fn prepare(&self, grantee: Grantee, items: &[SudoItem]) -> Result<(), SudoersError> {
        self.passed.look(grantee, items, || {
            // Skipped by sudo for its dot.
            let draft = self.directory.join(format!(".{}", draft_name()));
            let checked = write(&draft, &grantee.rules(items))
                .and_then(|()| check::check(&draft, grantee, items));
            let _ = fs::remove_file(&draft);
            checked
        })
    }

    /// Puts the rules of one session in force. Without items they grant nothing; those of a group have sudo say so to
    /// PAM.
    ///
    /// # Errors
    /// [`SudoersError`]; nothing is in force then.
    pub fn place(
        &self,
        window: WindowId,
        grantee: Grantee,
        items: &[SudoItem],
    ) -> Result<(), SudoersError> {
        self.prepare(grantee, items)?;
        let path = self.directory.join(name(window, grantee));
        let draft = self.directory.join(format!(".{}", draft_name()));
        let placed = write(&draft, &grantee.rules(items)).and_then(|()| {
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
mod tests {
    use super::*;

    fn items(texts: &[&str]) -> Vec<SudoItem> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn window() -> WindowId {
        "w-01jd3x5v7e8s2k4m6n8p0q2r4t".parse().unwrap()
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    const ONE: Grantee = Grantee::Group(1_900_000_000);
    const TWO: Grantee = Grantee::Group(1_900_000_001);

    #[test]
    fn rules_are_in_force_when_sudo_reads_what_was_meant() {
        let directory = tempfile::tempdir().unwrap();
        let sudoers = Sudoers::new(directory.path()).unwrap();
        let items = items(&[
            "/usr/bin/id",
            "(www-data) /usr/bin/true \"\"",
            "/usr/bin/systemctl restart *",
            "ALL",
        ]);
        sudoers.place(window(), ONE, &items).unwrap();
        sudoers.place(window(), TWO, &items).unwrap();
        assert_eq!(
            names(directory.path()),
            [
                "w-01jd3x5v7e8s2k4m6n8p0q2r4t-1900000000",
                "w-01jd3x5v7e8s2k4m6n8p0q2r4t-1900000001"
            ]
        );
        sudoers
            .keep_only(&BTreeSet::from([(window(), TWO)]))
            .unwrap();
        assert_eq!(
            names(directory.path()),
            ["w-01jd3x5v7e8s2k4m6n8p0q2r4t-1900000001"]
        );
        assert!(sudoers.are_placed(window(), TWO));
        sudoers.remove(window(), TWO).unwrap();
        sudoers.remove(window(), TWO).unwrap();
        assert!(!sudoers.are_placed(window(), TWO));
        assert!(names(directory.path()).is_empty());
    }

    #[test]
    fn rules_for_an_account_are_what_both_sudos_understand() {
        let directory = tempfile::tempdir().unwrap();
        let sudoers = Sudoers::new(directory.path()).unwrap();
        let grantee = Grantee::Account(1001);
        sudoers
            .place(window(), grantee, &items(&["/usr/bin/id", "ALL"]))
            .unwrap();
        let [only] = &names(directory.path())[..] else {
            panic!("one file")
        };
        let text = fs::read_to_string(directory.path().join(only)).unwrap();
        assert_eq!(
            text,
            "Defaults:#1001 !rootpw, !targetpw, passwd_tries=1\n\
             #1001 ALL = (root) NOPASSWD: /usr/bin/id\n\
             #1001 ALL = (ALL : ALL) NOPASSWD: ALL\n"
        );
    }

    #[test]
    fn drafts_are_left_to_who_writes_them_and_swept_up_at_the_start() {
        let directory = tempfile::tempdir().unwrap();
        let sudoers = Sudoers::new(directory.path()).unwrap();
        fs::write(directory.path().join(".7"), "").unwrap();
        sudoers.keep_only(&BTreeSet::new()).unwrap();
        assert_eq!(names(directory.path()), [".7"]);
        Sudoers::new(directory.path()).unwrap();
        assert!(names(directory.path()).is_empty());
    }

    #[test]
    fn a_session_without_sudo_has_rules_that_grant_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let sudoers = Sudoers::new(directory.path()).unwrap();
        sudoers.place(window(), ONE, &[]).unwrap();
        let path = directory.path().join("rules");
        write(&path, &ONE.rules(&items(&["ALL"]))).unwrap();
        assert!(matches!(
            check::check(&path, ONE, &[]),
            Err(SudoersError::Misread { .. })
        ));
    }

    #[test]
    fn two_hundred_rules_are_fine() {
        let directory = tempfile::tempdir().unwrap();
        let many: Vec<String> = (0..200)
            .map(|n| format!("/usr/bin/systemctl restart unit-{n}.service"))
            .collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        Sudoers::new(directory.path())
            .unwrap()
            .place(window(), ONE, &items(&many))
            .unwrap();
    }

    #[test]
    fn rules_that_sudo_reads_otherwise_are_not_in_force() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rules");
        write(&path, &ONE.rules(&items(&["ALL"]))).unwrap();
        let meant = items(&["/usr/bin/id"]);
        assert!(matches!(
            check::check(&path, ONE, &meant),
            Err(SudoersError::Misread { rule: 1 })
        ));
        for other in [TWO, Grantee::Account(1_900_000_000)] {
            assert!(matches!(
                check::check(&path, other, &items(&["ALL"])),
                Err(SudoersError::Misread { .. })
            ));
        }
        write(&path, "%#1 ALL = NONSENSE:\n").unwrap();
        assert!(matches!(
            check::check(&path, Grantee::Group(1), &meant),
            Err(SudoersError::Visudo(_))
        ));
    }
}
