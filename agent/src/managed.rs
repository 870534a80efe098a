//! The managed accounts of this host: the uids that daypass guards, and every name of each.
//!
//! They stand in `/etc/daypass/managed`, one line for each uid: `UID NAME [NAME…]`, decimal and
//! separated by single spaces. The PAM module reads the same file; it must never need NSS.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::path::Path;

use crate::durable;

/// More than any host has; keeps the file small enough to read on each login.
pub const MAX_ACCOUNTS: usize = 1024;
/// Names of one uid.
pub const MAX_NAMES: usize = 16;
/// The file's bound in bytes.
pub const MAX_BYTES: u64 = 256 * 1024;

/// The managed uids, each with every name that it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Managed {
    accounts: BTreeMap<u32, Vec<String>>,
}

/// Why the managed file, or a change of it, was refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be read or written.
    #[error(transparent)]
    File(#[from] durable::Error),
    /// A line is not `UID NAME [NAME…]`.
    #[error("line {line}: expected `UID NAME [NAME…]`")]
    Line {
        /// Counted from 1.
        line: usize,
    },
    /// uid 0 can never be managed.
    #[error("line {line}: uid 0 cannot be managed")]
    Root {
        /// Counted from 1.
        line: usize,
    },
    /// A uid stands twice.
    #[error("line {line}: uid {uid} stands twice")]
    Twice {
        /// Counted from 1.
        line: usize,
        /// The uid.
        uid: u32,
    },
    /// More accounts, or more names of one, than the bounds allow.
    #[error("more than {MAX_ACCOUNTS} accounts or {MAX_NAMES} names of one")]
    TooMany,
}

impl Managed {
    /// Reads the managed file; a missing file manages nobody.
    ///
    /// # Errors
    /// Unreadable, over its bound, or not in the form above.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let Some(bytes) = durable::read(path, MAX_BYTES)? else {
            return Ok(Self::default());
        };
        Self::parse(&String::from_utf8_lossy(&bytes))
    }

    /// Reads the text of a managed file.
    ///
    /// # Errors
    /// As [`Managed::load`], reading aside.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut managed = Self::default();
        for (index, content) in text.lines().enumerate() {
            let line = index + 1;
            let mut words = content.split(' ');
            let uid = words
                .next()
                .filter(|word| is_plain_decimal(word))
                .and_then(|word| word.parse::<u32>().ok())
                .ok_or(Error::Line { line })?;
            let names: Vec<String> = words.map(str::to_owned).collect();
            if names.is_empty() || !names.iter().all(|name| is_name(name)) {
                return Err(Error::Line { line });
            }
            if uid == 0 {
                return Err(Error::Root { line });
            }
            if managed.names(uid).is_some() {
                return Err(Error::Twice { line, uid });
            }
            managed.insert(uid, names)?;
        }
        Ok(managed)
    }

    /// Writes the file: root's, 0644, replaced in one step.
    ///
    /// # Errors
    /// The file could not be written; the old one is then still in place.
    pub fn store(&self, path: &Path) -> Result<(), Error> {
        Ok(durable::replace(path, self.to_string().as_bytes(), 0o644)?)
    }

    /// Puts a uid under management, or replaces its names.
    ///
    /// # Errors
    /// [`Error::TooMany`].
    pub fn insert(&mut self, uid: u32, names: Vec<String>) -> Result<(), Error> {
        let room = self.accounts.len() < MAX_ACCOUNTS || self.accounts.contains_key(&uid);
        if !room || names.len() > MAX_NAMES {
            return Err(Error::TooMany);
        }
        self.accounts.insert(uid, names);
        Ok(())
    }

    /// Takes a uid out of management and returns the names that it had.
    pub fn remove(&mut self, uid: u32) -> Option<Vec<String>> {
        self.accounts.remove(&uid)
    }

    /// Is this uid managed?
    #[must_use]
    pub fn contains(&self, uid: u32) -> bool {
        self.accounts.contains_key(&uid)
    }

    /// Every name of a managed uid, the one that was managed first.
    #[must_use]
    pub fn names(&self, uid: u32) -> Option<&[String]> {
        self.accounts.get(&uid).map(Vec::as_slice)
    }

    /// The managed uid that has this name.
    #[must_use]
    pub fn uid(&self, name: &str) -> Option<u32> {
        self.iter()
            .find(|(_, names)| names.iter().any(|known| known == name))
            .map(|(uid, _)| uid)
    }

    /// All of them, by uid.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &[String])> {
        self.accounts
            .iter()
            .map(|(uid, names)| (*uid, names.as_slice()))
    }

    /// Does this host manage nobody?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }
}

impl fmt::Display for Managed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (uid, names) in self.iter() {
            write!(f, "{uid}")?;
            for name in names {
                write!(f, " {name}")?;
            }
            f.write_char('\n')?;
        }
        Ok(())
    }
}

fn is_plain_decimal(word: &str) -> bool {
    !word.is_empty()
        && word.bytes().all(|byte| byte.is_ascii_digit())
        && (word == "0" || !word.starts_with('0'))
}

/// A user name that can stand in this file and in a `Match User` line without meaning more than
/// itself: sshd reads `*`, `?`, `!`, commas and white space there as patterns.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-$@+".contains(&byte);
    !name.is_empty() && name.len() <= 64 && name.bytes().all(plain) && !name.starts_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_file_reads_back_as_it_was_written() {
        let text = "1001 deploy deploy2\n1005 backup\n";
        let managed = Managed::parse(text).unwrap();
        assert_eq!(managed.to_string(), text);
        assert_eq!(managed.uid("deploy2"), Some(1001));
        assert!(managed.contains(1005));
        assert!(!managed.contains(1000));
    }

    #[test]
    fn a_missing_file_manages_nobody() {
        let folder = tempfile::tempdir().unwrap();
        assert!(
            Managed::load(&folder.path().join("managed"))
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn root_is_never_managed() {
        assert!(matches!(
            Managed::parse("1001 deploy\n0 root\n"),
            Err(Error::Root { line: 2 })
        ));
    }

    #[test]
    fn what_is_not_a_uid_and_names_is_refused_with_its_line() {
        for text in [
            "deploy\n",
            "1001\n",
            "1001  deploy\n",
            "01 a\n",
            "+1 a\n",
            "1001 a*\n",
            "\n",
        ] {
            assert!(
                matches!(Managed::parse(text), Err(Error::Line { line: 1 })),
                "{text:?}"
            );
        }
        assert!(matches!(
            Managed::parse("7 a\n7 b\n"),
            Err(Error::Twice { line: 2, uid: 7 })
        ));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_panic(text in "\\PC*") {
            let _ = Managed::parse(&text);
        }

        #[test]
        fn whatever_is_read_is_written_back_the_same(
            accounts in proptest::collection::btree_map(1u32.., proptest::collection::vec("[a-z][a-z0-9_.-]{0,8}", 1..4), 0..20)
        ) {
            let mut managed = Managed::default();
            for (uid, names) in accounts {
                managed.insert(uid, names).unwrap();
            }
            prop_assert_eq!(Managed::parse(&managed.to_string()).unwrap(), managed);
        }
    }
}
