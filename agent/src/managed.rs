//! The managed accounts of this host: the uids that daypass guards, and every name of each.
//!
//! The file's form is `gate`'s, because the PAM module reads it too; here it is changed and
//! written.

mod store;

pub use store::Store;

use std::collections::BTreeMap;
use std::path::Path;

use daypass_gate::managed::{MAX_FILE, ManagedAccount, ManagedAccounts, ManagedError};

use crate::durable;

/// More than any host has; keeps the file small enough to read on each login.
pub const MAX_ACCOUNTS: usize = 1024;
/// Names of one uid.
pub const MAX_NAMES: usize = 16;

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
    /// What stands in it does not parse.
    #[error("/etc/daypass/managed: {0}")]
    Content(ManagedError),
    /// A uid stands twice.
    #[error("/etc/daypass/managed: uid {uid} stands twice")]
    Twice {
        /// The uid.
        uid: u32,
    },
    /// More accounts, or more names of one, than the bounds allow.
    #[error("more than {MAX_ACCOUNTS} managed accounts, or {MAX_NAMES} names of one")]
    TooMany,
}

impl Managed {
    /// Reads the managed file; a missing file manages nobody.
    ///
    /// # Errors
    /// Unreadable, over its bound, or not in its form.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let Some(bytes) = durable::read(path, MAX_FILE as u64)? else {
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
        for account in ManagedAccounts::parse(text)
            .map_err(Error::Content)?
            .accounts()
        {
            if managed.contains(account.uid) {
                return Err(Error::Twice { uid: account.uid });
            }
            managed.insert(account.uid, account.names.clone())?;
        }
        Ok(managed)
    }

    /// Writes the file: root's, 0644, replaced in one step.
    ///
    /// # Errors
    /// A name that the PAM module would refuse to read, or the file could not be written; the
    /// old one is then still in place.
    pub fn store(&self, path: &Path) -> Result<(), Error> {
        let text = self.to_text()?;
        Ok(durable::replace(path, text.as_bytes(), 0o644)?)
    }

    fn to_text(&self) -> Result<String, Error> {
        let accounts = self.iter().map(|(uid, names)| ManagedAccount {
            uid,
            names: names.to_vec(),
        });
        Ok(ManagedAccounts::new(accounts)
            .map_err(Error::Content)?
            .to_string())
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

/// Is this a user name that can stand in a `Match User` line without meaning more than itself?
/// sshd reads `*`, `?`, `!`, commas and white space there as patterns.
#[must_use]
pub fn is_plain_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-$@+".contains(&byte);
    !name.is_empty() && name.len() <= 64 && name.bytes().all(plain) && !name.starts_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_file_reads_back_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("managed");
        let managed = Managed::parse("# by hand\n1005 backup\n1001 deploy deploy2\n").unwrap();
        managed.store(&path).unwrap();
        assert_eq!(Managed::load(&path).unwrap(), managed);
        assert_eq!(managed.uid("deploy2"), Some(1001));
        assert_eq!(managed.names(1005), Some(&["backup".to_owned()][..]));
        assert!(!managed.contains(1000));
    }

    #[test]
    fn a_missing_file_manages_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let managed = Managed::load(&folder.path().join("managed")).unwrap();
        assert!(managed.is_empty());
    }

    #[test]
    fn a_uid_that_stands_twice_is_refused() {
        let error = Managed::parse("7 a\n7 b\n").unwrap_err();
        assert!(matches!(error, Error::Twice { uid: 7 }));
    }

    #[test]
    fn root_cannot_be_stored() {
        let folder = tempfile::tempdir().unwrap();
        let mut managed = Managed::default();
        managed.insert(0, vec!["root".to_owned()]).unwrap();
        assert!(managed.store(&folder.path().join("managed")).is_err());
    }

    #[test]
    fn names_that_sshd_would_read_as_patterns_are_not_plain() {
        for name in ["deploy", "deploy.2", "web$", "user@realm"] {
            assert!(is_plain_name(name), "{name}");
        }
        for name in ["", "*", "a?", "!a", "a,b", "a b", "-a", "a\\b", "a\"b"] {
            assert!(!is_plain_name(name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_panic(text in "\\PC*") {
            let _ = Managed::parse(&text);
        }

        #[test]
        fn whatever_is_written_is_read_back_the_same(
            accounts in proptest::collection::btree_map(
                1u32..,
                proptest::collection::vec("d[a-z0-9_.-]{0,8}", 1..4),
                0..20,
            )
        ) {
            let mut managed = Managed::default();
            for (uid, names) in accounts {
                managed.insert(uid, names).unwrap();
            }
            prop_assert_eq!(Managed::parse(&managed.to_text().unwrap()).unwrap(), managed);
        }
    }
}
