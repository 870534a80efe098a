//! Reading PAM's service files, to see whether our module stands in a stack.
//!
//! The lines of a service are followed through `@include`, `include` and `substack`. What cannot
//! be read counts as empty: a stack is either seen to hold the module, or it does not.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::durable;

const MAX_BYTES: u64 = 256 * 1024;
const MAX_DEPTH: usize = 16;
const MODULE: &str = "pam_daypass.so";

/// PAM's four kinds of module; passwords are none of our business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `auth`, for its setcred.
    Auth,
    /// `account`.
    Account,
    /// `session`.
    Session,
}

impl Kind {
    fn parse(word: &str) -> Option<Self> {
        // A leading dash only silences the log when the module is missing.
        match word.strip_prefix('-').unwrap_or(word) {
            "auth" => Some(Self::Auth),
            "account" => Some(Self::Account),
            "session" => Some(Self::Session),
            _ => None,
        }
    }

    /// The word in a service file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Account => "account",
            Self::Session => "session",
        }
    }
}

/// One service's stacks, with everything that they include.
#[derive(Clone, Debug, Default)]
pub struct Service {
    holding: BTreeSet<Kind>,
    files: BTreeSet<PathBuf>,
}

impl Service {
    /// Reads a service of the directory `/etc/pam.d` or its like.
    #[must_use]
    pub fn read(directory: &Path, service: &str) -> Self {
        let mut read = Self::default();
        read.follow(directory, service, None, 0);
        read
    }

    /// Does our module stand in this stack?
    #[must_use]
    pub fn holds(&self, kind: Kind) -> bool {
        self.holding.contains(&kind)
    }

    /// Every file that was looked at, present or not.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(PathBuf::as_path)
    }

    /// Reads one file; `only` is the stack that an `include` is for.
    fn follow(&mut self, directory: &Path, name: &str, only: Option<Kind>, depth: usize) {
        let path = directory.join(name);
        self.files.insert(path.clone());
        if depth >= MAX_DEPTH {
            return;
        }
        let Ok(Some(bytes)) = durable::read(&path, MAX_BYTES) else {
            return;
        };
        let text = String::from_utf8_lossy(&bytes).replace("\\\n", " ");
        for line in text.lines() {
            match Line::parse(line) {
                Some(Line::Everything { file }) => self.follow(directory, file, only, depth + 1),
                Some(Line::Stack { kind, file }) if only.is_none_or(|only| only == kind) => {
                    self.follow(directory, file, Some(kind), depth + 1);
                }
                Some(Line::Ours { kind }) if only.is_none_or(|only| only == kind) => {
                    self.holding.insert(kind);
                }
                _ => {}
            }
        }
    }
}

/// A line that matters to us.
enum Line<'a> {
    Everything { file: &'a str },
    Stack { kind: Kind, file: &'a str },
    Ours { kind: Kind },
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let line = line.split('#').next()?.trim();
        let (first, rest) = line.split_once(char::is_whitespace)?;
        let rest = rest.trim_start();
        if first == "@include" {
            return Some(Self::Everything { file: rest });
        }
        let kind = Kind::parse(first)?;
        let (control, rest) = control(rest)?;
        let module = rest.split_whitespace().next()?;
        if control == "include" || control == "substack" {
            return Some(Self::Stack { kind, file: module });
        }
        (module.rsplit('/').next() == Some(MODULE)).then_some(Self::Ours { kind })
    }
}

/// Splits the control field off, which may be `[several words]`.
fn control(rest: &str) -> Option<(&str, &str)> {
    if rest.starts_with('[') {
        let end = rest.find(']')? + 1;
        return Some(rest.split_at(end));
    }
    rest.split_once(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn services(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    #[test]
    fn debians_way_of_including_is_followed() {
        let folder = services(&[
            (
                "sshd",
                "@include common-auth\naccount required pam_nologin.so\n@include common-account\n@include common-session\n",
            ),
            ("common-auth", "auth optional pam_daypass.so\n"),
            (
                "common-account",
                "account [success=ok ignore=ignore module_unknown=ignore default=bad] pam_daypass.so\n",
            ),
            (
                "common-session",
                "session required pam_unix.so\n# session required pam_daypass.so\n",
            ),
        ]);
        let sshd = Service::read(folder.path(), "sshd");
        assert!(sshd.holds(Kind::Auth));
        assert!(sshd.holds(Kind::Account));
        assert!(!sshd.holds(Kind::Session));
        assert_eq!(sshd.files().count(), 4);
    }

    #[test]
    fn an_include_for_one_stack_takes_that_stack_only() {
        let folder = services(&[
            ("sudo", "account include shared\nsession substack other\n"),
            (
                "shared",
                "account required /lib/security/pam_daypass.so quiet\nsession required pam_daypass.so\n",
            ),
            ("other", "-session \\\n  required pam_daypass.so\n"),
        ]);
        let sudo = Service::read(folder.path(), "sudo");
        assert!(sudo.holds(Kind::Account));
        assert!(sudo.holds(Kind::Session));
        assert!(!Service::read(folder.path(), "shared").holds(Kind::Auth));
    }

    #[test]
    fn a_file_that_includes_itself_ends() {
        let folder = services(&[("loop", "@include loop\n")]);
        assert!(!Service::read(folder.path(), "loop").holds(Kind::Account));
    }

    #[test]
    fn a_missing_service_holds_nothing() {
        let folder = services(&[]);
        assert!(!Service::read(folder.path(), "sshd").holds(Kind::Account));
    }
}
