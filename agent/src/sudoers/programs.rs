//! Which sudo is installed. sudo-rs reads the same files as the original, understands less of them, and tells everybody
//! who uses it of every line that it does not understand; so where it is there, rules are written for both.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::tools::PATIENCE;
use crate::command;
use crate::file_mark::FileMark;

/// Where distributions put them: Debian sudo-rs beside the original, others in its place.
const PLACES: [&str; 5] = [
    "/usr/bin/sudo",
    "/usr/bin/sudo-rs",
    "/usr/lib/cargo/bin/sudo",
    "/usr/local/bin/sudo",
    "/usr/local/bin/sudo-rs",
];

/// Who could not be asked is asked again after this.
const AGAIN: Duration = Duration::from_secs(10);

/// The sudo-rs programs of this host, looked for again when a file changes.
#[derive(Debug, Clone)]
pub struct Programs {
    places: Arc<Vec<PathBuf>>,
    /// How long each may take to say what it is.
    patience: Duration,
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    marks: Option<Vec<Option<FileMark>>>,
    rust: Arc<Vec<PathBuf>>,
    /// Those that gave no answer, and why not.
    silent: Vec<(PathBuf, String)>,
    /// When to ask those again that gave no answer.
    again: Option<Instant>,
}

impl Default for Programs {
    fn default() -> Self {
        Self::at(PLACES.map(PathBuf::from).to_vec(), PATIENCE)
    }
}

impl Programs {
    /// Looked for in these places, each asked for as long as this.
    pub(crate) fn at(places: Vec<PathBuf>, patience: Duration) -> Self {
        Self {
            places: Arc::new(places),
            patience,
            known: Arc::default(),
        }
    }

    /// The paths of sudo-rs, links resolved; none where there is none. Takes as long as the programs that are asked, so
    /// never under a lock that the end of a session waits for.
    #[must_use]
    pub fn rust(&self) -> Arc<Vec<PathBuf>> {
        Arc::clone(&self.known().rust)
    }

    /// Those of which it is not known whether they are sudo-rs, and why not. What there is to be asked is asked before.
    #[must_use]
    pub fn silent(&self) -> Vec<(PathBuf, String)> {
        self.known().silent.clone()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let marks: Vec<_> = self
            .places
            .iter()
            .map(|place| FileMark::of(place))
            .collect();
        let is_time = known.again.is_some_and(|again| Instant::now() >= again);
        if known.marks.as_ref() != Some(&marks) || is_time {
            known.look(&self.places, self.patience);
            known.marks = Some(marks);
        }
        known
    }
}

impl Known {
    fn look(&mut self, places: &[PathBuf], patience: Duration) {
        let mut paths: Vec<PathBuf> = places
            .iter()
            .filter_map(|place| fs::canonicalize(place).ok())
            .collect();
        paths.sort();
        paths.dedup();
        self.again = None;
        self.silent.clear();
        let mut found = Vec::new();
        for path in paths {
            match command::run_aloud(patience, &path, &["--version"]) {
                Ok(version) if is_rust(&version) => found.push(path),
                Ok(_) => {}
                // Being exchanged, or hanging: it is what it was, until it can be asked.
                Err(error) => {
                    self.silent.push((path.clone(), error.to_string()));
                    self.again = Some(Instant::now() + AGAIN);
                    if self.rust.contains(&path) {
                        found.push(path);
                    }
                }
            }
        }
        self.rust = Arc::new(found);
    }
}

/// The original says "Sudo version 1.9".
fn is_rust(version: &str) -> bool {
    version.starts_with("sudo-rs")
}

/// Device and inode of a program, as a process that runs it shows them.
pub(crate) fn identity(path: &Path) -> Option<(u64, u64)> {
    let about = fs::metadata(path).ok()?;
    Some((about.dev(), about.ino()))
}

#[cfg(test)]
mod tests {
    use super::super::tools::{UNHURRIED, script};
    use super::*;

    #[test]
    fn the_two_sudos_are_told_apart() {
        assert!(is_rust("sudo-rs 0.2.5\n"));
        assert!(!is_rust(""));
        assert!(!is_rust(
            "Sudo version 1.9.16p2\nSudoers policy plugin version 1.9.16p2\n"
        ));
    }

    #[test]
    fn who_gives_no_answer_is_what_it_was_and_is_asked_again() {
        let folder = tempfile::tempdir().unwrap();
        let sudo = |text: &str| script(folder.path(), "sudo", text);
        let path = fs::canonicalize(sudo("exit 1")).unwrap();
        let programs = Programs::at(vec![path.clone()], UNHURRIED);
        let ask_again_now = || {
            let mut known = programs.known.lock().unwrap();
            assert!(known.again.is_some(), "remembered as an answer");
            known.again = Some(Instant::now());
        };
        assert!(programs.rust().is_empty());
        let silent = programs.silent();
        assert!(
            matches!(&silent[..], [(which, why)] if *which == path && why.contains("exit status: 1")),
            "{silent:?}"
        );
        ask_again_now();
        assert!(programs.rust().is_empty());
        sudo("echo sudo-rs 0.2.5");
        assert_eq!(programs.rust().as_slice(), std::slice::from_ref(&path));
        assert!(programs.known.lock().unwrap().again.is_none());
        assert_eq!(programs.silent(), []);
        sudo("exit 2; # while it is exchanged");
        assert_eq!(*programs.rust(), [path]);
        ask_again_now();
        sudo("echo Sudo version 1.9.16p2");
        assert!(programs.rust().is_empty());
    }
}
