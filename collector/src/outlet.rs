//! What alerts and exports have in common: ways out that have names, secrets in files, and a facility in syslog.

use std::collections::HashSet;
use std::fmt;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use syslog::Facility;

/// Bytes of a name.
const LONGEST_NAME: usize = 64;
/// How long the machine's own syslog may keep us waiting.
pub(crate) const SOCKET_PATIENCE: Duration = Duration::from_secs(10);

/// What leaves by it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Alerts.
    Alerts,
    /// Entries as they come in.
    Export,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Alerts => "alerts to",
            Self::Export => "export",
        })
    }
}

/// One way out, as messages call it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outlet<'a> {
    pub(crate) kind: Kind,
    pub(crate) name: &'a str,
}

/// Why a way out cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OutletError {
    /// More than anybody needs.
    #[error("{kind}: there are more than {most} destinations")]
    TooMany {
        /// What for.
        kind: Kind,
        /// How many there can be.
        most: usize,
    },
    /// Two of one name.
    #[error("{kind} {name:?}: two have this name; give each a name of its own")]
    Twice {
        /// What for.
        kind: Kind,
        /// The name.
        name: String,
    },
    /// A value that cannot work.
    #[error("{kind} {name:?}: {reason}")]
    Unfit {
        /// What for.
        kind: Kind,
        /// Which.
        name: String,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// A file that cannot be used.
    #[error("{kind} {name:?}: {} {reason}", path.display())]
    File {
        /// What for.
        kind: Kind,
        /// Which.
        name: String,
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl Outlet<'_> {
    /// A value that cannot work.
    pub(crate) fn unfit(&self, reason: impl Into<String>) -> OutletError {
        OutletError::Unfit {
            kind: self.kind,
            name: self.name.chars().take(LONGEST_NAME).collect(),
            reason: reason.into(),
        }
    }

    /// A file that cannot be used.
    pub(crate) fn wrong(&self, path: &Path, reason: impl Into<String>) -> OutletError {
        OutletError::File {
            kind: self.kind,
            name: self.name.to_owned(),
            path: path.to_owned(),
            reason: reason.into(),
        }
    }

    /// The bytes of a file that holds a secret, and that others cannot read.
    pub(crate) fn secret(&self, path: &Path) -> Result<Vec<u8>, OutletError> {
        let unreadable =
            |error: std::io::Error| self.wrong(path, format!("cannot be read: {error}"));
        let mode = std::fs::metadata(path).map_err(unreadable)?.mode();
        if mode & 0o007 != 0 {
            let reason = format!(
                "holds a secret and can be read by everybody (mode {:o}): chmod 0640 it, group daypass-collector",
                mode & 0o777
            );
            return Err(self.wrong(path, reason));
        }
        std::fs::read(path).map_err(unreadable)
    }

    /// The same without the line's end.
    pub(crate) fn password(&self, path: &Path) -> Result<Vec<u8>, OutletError> {
        let mut secret = self.secret(path)?;
        while secret.last().is_some_and(u8::is_ascii_whitespace) {
            secret.pop();
        }
        Ok(secret)
    }

    /// A facility by its name.
    pub(crate) fn facility(&self, text: &str) -> Result<Facility, OutletError> {
        text.parse().map_err(|()| {
            self.unfit(format!(
                "no facility of syslog is called {:?}; authpriv, daemon and local0 to local7 are some",
                text.chars().take(32).collect::<String>()
            ))
        })
    }
}

/// Whether these names can be told apart, and used.
pub(crate) fn check<'a>(
    kind: Kind,
    most: usize,
    names: impl Iterator<Item = &'a str>,
) -> Result<(), OutletError> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let mut seen = HashSet::new();
    for name in names {
        if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(is_name) {
            return Err(Outlet { kind, name }
                .unfit("a name has 1 to 64 letters, digits, dots, dashes and underscores"));
        }
        if !seen.insert(name) {
            let name = name.to_owned();
            return Err(OutletError::Twice { kind, name });
        }
    }
    match seen.len() > most {
        true => Err(OutletError::TooMany { kind, most }),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn names_are_few_apart_and_plain() {
        let checked = |names: &[&str]| check(Kind::Export, 2, names.iter().copied());
        assert!(checked(&["a", "b.c-d_1"]).is_ok());
        let long = "x".repeat(65);
        for (names, part) in [
            (&["a", "b", "c"][..], "more than 2"),
            (&["a", "a"], "two have this name"),
            (&[""], "a name has"),
            (&["a b"], "a name has"),
            (&[long.as_str()], "a name has"),
        ] {
            let said = checked(names).unwrap_err().to_string();
            assert!(said.contains(part) && said.starts_with("export"), "{said}");
        }
    }

    #[test]
    fn a_secret_that_everybody_can_read_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        std::fs::write(&path, "word\n").unwrap();
        let outlet = Outlet {
            kind: Kind::Alerts,
            name: "pager",
        };
        let mode = |mode| std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        mode(0o644);
        let said = outlet.password(&path).unwrap_err().to_string();
        assert!(
            said.contains("mode 644") && said.contains("chmod 0640"),
            "{said}"
        );
        mode(0o640);
        assert_eq!(outlet.password(&path).unwrap(), b"word");
        assert_eq!(outlet.secret(&path).unwrap(), b"word\n");
    }
}
