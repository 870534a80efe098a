//! Which sudo is installed. sudo-rs reads the same files as the original, understands less of them, and tells everybody
//! who uses it of every line that it does not understand; so where it is there, rules are written for both.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

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

/// The sudo-rs programs of this host, looked for again when a file changes.
#[derive(Debug, Default, Clone)]
pub struct Programs {
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    marks: Option<Vec<Option<FileMark>>>,
    rust: Arc<Vec<PathBuf>>,
}

impl Programs {
    /// The paths of sudo-rs, links resolved; none where there is none.
    #[must_use]
    pub fn rust(&self) -> Arc<Vec<PathBuf>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let marks: Vec<_> = PLACES
            .iter()
            .map(|place| FileMark::of(Path::new(place)))
            .collect();
        if known.marks.as_ref() != Some(&marks) {
            let mut found: Vec<PathBuf> =
                PLACES.iter().filter_map(|place| rust_at(place)).collect();
            found.sort();
            found.dedup();
            known.rust = Arc::new(found);
            known.marks = Some(marks);
        }
        Arc::clone(&known.rust)
    }
}

fn rust_at(place: &str) -> Option<PathBuf> {
    let path = fs::canonicalize(place).ok()?;
    let version = command::run_aloud(&path, &["--version"]).ok()?;
    is_rust(&version).then_some(path)
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
    use super::*;

    #[test]
    fn the_two_sudos_are_told_apart() {
        assert!(is_rust("sudo-rs 0.2.5\n"));
        assert!(!is_rust(""));
        assert!(!is_rust(
            "Sudo version 1.9.16p2\nSudoers policy plugin version 1.9.16p2\n"
        ));
    }
}
