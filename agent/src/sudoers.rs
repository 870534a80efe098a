//! sudo's rules of one session: written for its group, checked by sudo's own tools, renamed into place, gone with it.
//!
//! One static `@includedir` names the directory. sudo skips names with a dot, so a file that is still being checked is
//! never in force.

mod check;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::command;
use daypass_protocol::sudo_item::SudoItem;
use daypass_protocol::window::WindowId;

/// What holds for sudo inside these sessions, whatever the site's own files say: PAM decides, through our own service,
/// about the caller. What the session's rules do not grant needs a password: PAM hears of it then, `sudo -n` or not,
/// and once.
const DEFAULTS: &str = "pam_service=daypass-sudo, pam_login_service=daypass-sudo, pam_acct_mgmt, pam_session, \
     !rootpw, !targetpw, !runaspw, noninteractive_auth, passwd_tries=1";

/// The directory of the live sessions' rules.
#[derive(Debug, Clone)]
pub struct Sudoers {
    directory: PathBuf,
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
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(directory)
            .map_err(|source| SudoersError::Write {
                path: directory.to_owned(),
                source,
            })?;
        Ok(Self {
            directory: directory.to_owned(),
        })
    }

    /// Puts the rules of one session in force. Without items they grant nothing, and have sudo say so to PAM.
    ///
    /// # Errors
    /// [`SudoersError`]; nothing is in force then.
    pub fn place(
        &self,
        window: WindowId,
        gid: u32,
        items: &[SudoItem],
    ) -> Result<(), SudoersError> {
        let path = self.path(window, gid);
        let draft = self.directory.join(format!(".{window}-{gid}"));
        let placed = write(&draft, &text(gid, items))
            .and_then(|()| check::check(&draft, gid, items))
            .and_then(|()| {
                fs::rename(&draft, &path).map_err(|source| SudoersError::Write { path, source })
            });
        if placed.is_err() {
            let _ = fs::remove_file(&draft);
        }
        placed
    }

    /// Takes the rules of one session away; whether they are gone.
    ///
    /// # Errors
    /// What the system said, when they are still there.
    pub fn remove(&self, window: WindowId, gid: u32) -> io::Result<()> {
        match fs::remove_file(self.path(window, gid)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Takes away every file that belongs to none of these groups: left by an agent that was killed.
    pub fn keep_only(&self, gids: &BTreeSet<u32>) {
        for entry in fs::read_dir(&self.directory)
            .into_iter()
            .flatten()
            .flatten()
        {
            let name = entry.file_name();
            let gid = name
                .to_str()
                .and_then(|name| name.rsplit_once('-')?.1.parse().ok());
            if gid.is_none_or(|gid| !gids.contains(&gid)) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn path(&self, window: WindowId, gid: u32) -> PathBuf {
        self.directory.join(format!("{window}-{gid}"))
    }
}

fn text(gid: u32, items: &[SudoItem]) -> String {
    let mut text = format!("Defaults:%#{gid} {DEFAULTS}\n");
    for item in items {
        // Writing to a String does not fail.
        let _ = writeln!(text, "%#{gid} ALL = {}", item.to_sudoers());
    }
    text
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
        sudoers.place(window(), 1_900_000_000, &items).unwrap();
        sudoers.place(window(), 1_900_000_001, &items).unwrap();
        let names = || {
            let mut names: Vec<_> = fs::read_dir(directory.path())
                .unwrap()
                .map(|e| e.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        };
        assert_eq!(
            names(),
            [
                "w-01jd3x5v7e8s2k4m6n8p0q2r4t-1900000000",
                "w-01jd3x5v7e8s2k4m6n8p0q2r4t-1900000001"
            ]
        );
        sudoers.keep_only(&BTreeSet::from([1_900_000_001]));
        assert_eq!(names(), ["w-01jd3x5v7e8s2k4m6n8p0q2r4t-1900000001"]);
        sudoers.remove(window(), 1_900_000_001).unwrap();
        sudoers.remove(window(), 1_900_000_001).unwrap();
        assert!(names().is_empty());
    }

    #[test]
    fn a_session_without_sudo_has_rules_that_grant_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let sudoers = Sudoers::new(directory.path()).unwrap();
        sudoers.place(window(), 1_900_000_000, &[]).unwrap();
        let path = directory.path().join("rules");
        write(&path, &text(1_900_000_000, &items(&["ALL"]))).unwrap();
        assert!(matches!(
            check::check(&path, 1_900_000_000, &[]),
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
            .place(window(), 1_900_000_000, &items(&many))
            .unwrap();
    }

    #[test]
    fn rules_that_sudo_reads_otherwise_are_not_in_force() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rules");
        write(&path, &text(1_900_000_000, &items(&["ALL"]))).unwrap();
        let meant = items(&["/usr/bin/id"]);
        assert!(matches!(
            check::check(&path, 1_900_000_000, &meant),
            Err(SudoersError::Misread { rule: 1 })
        ));
        assert!(matches!(
            check::check(&path, 1_900_000_001, &items(&["ALL"])),
            Err(SudoersError::Misread { .. })
        ));
        write(&path, "%#1 ALL = NONSENSE:\n").unwrap();
        assert!(matches!(
            check::check(&path, 1, &meant),
            Err(SudoersError::Visudo(_))
        ));
    }
}
