//! The managed file: which accounts are under management, readable without asking NSS.
//!
//! One line a uid: `UID NAME [NAME…]`. Blank lines and lines that start with `#` are skipped; anything else that does
//! not parse refuses the whole file, because half a list would let the other half in.

use std::fmt;

/// The most bytes that a managed file may have.
pub const MAX_FILE: usize = 1024 * 1024;

/// The accounts under management.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ManagedAccounts {
    entries: Vec<ManagedAccount>,
}

/// One managed uid with every name it is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedAccount {
    /// The uid, never 0.
    pub uid: u32,
    /// Its names, at least one.
    pub names: Vec<String>,
}

/// Why a managed file was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManagedError {
    /// The file has more than [`MAX_FILE`] bytes.
    TooLong,
    /// A line does not start with a uid.
    Uid {
        /// Which line, from 1.
        line: usize,
    },
    /// Root cannot be managed.
    Root {
        /// Which line, from 1.
        line: usize,
    },
    /// A line names nobody.
    NoName {
        /// Which line, from 1.
        line: usize,
    },
    /// A name holds characters that no account name has.
    Name {
        /// Which line, from 1.
        line: usize,
    },
}

impl fmt::Display for ManagedError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(out, "the managed file has more than {MAX_FILE} bytes"),
            Self::Uid { line } => write!(out, "line {line} does not start with a uid"),
            Self::Root { line } => write!(
                out,
                "line {line}: uid 0 and the name root cannot be managed"
            ),
            Self::NoName { line } => write!(out, "line {line} names no account"),
            Self::Name { line } => write!(
                out,
                "line {line}: a name holds characters that account names do not have"
            ),
        }
    }
}

impl std::error::Error for ManagedError {}

impl ManagedAccounts {
    /// Reads a managed file.
    ///
    /// # Errors
    /// [`ManagedError`], with the line.
    pub fn parse(text: &str) -> Result<Self, ManagedError> {
        if text.len() > MAX_FILE {
            return Err(ManagedError::TooLong);
        }
        let mut accounts = Self::default();
        for (index, content) in text.lines().enumerate() {
            let line = index + 1;
            if content.trim().is_empty() || content.starts_with('#') {
                continue;
            }
            let mut words = content.split_ascii_whitespace();
            let uid = words
                .next()
                .and_then(|word| word.parse().ok())
                .ok_or(ManagedError::Uid { line })?;
            let names: Vec<String> = words.map(str::to_owned).collect();
            accounts
                .entries
                .push(ManagedAccount::checked(uid, names, line)?);
        }
        Ok(accounts)
    }

    /// A list from its accounts, in the order of their uids.
    ///
    /// # Errors
    /// [`ManagedError`]; `line` then counts accounts.
    pub fn new(accounts: impl IntoIterator<Item = ManagedAccount>) -> Result<Self, ManagedError> {
        let mut entries = Vec::new();
        for (index, account) in accounts.into_iter().enumerate() {
            entries.push(ManagedAccount::checked(
                account.uid,
                account.names,
                index + 1,
            )?);
        }
        entries.sort_by_key(|account| account.uid);
        Ok(Self { entries })
    }

    /// Whether this uid is under management.
    #[must_use]
    pub fn has_uid(&self, uid: u32) -> bool {
        self.entries.iter().any(|account| account.uid == uid)
    }

    /// The managed uid that has this name.
    #[must_use]
    pub fn uid_of(&self, name: &str) -> Option<u32> {
        self.entries
            .iter()
            .find(|account| account.names.iter().any(|known| known == name))
            .map(|account| account.uid)
    }

    /// Every account.
    #[must_use]
    pub fn accounts(&self) -> &[ManagedAccount] {
        &self.entries
    }
}

impl ManagedAccount {
    fn checked(uid: u32, names: Vec<String>, line: usize) -> Result<Self, ManagedError> {
        if uid == 0 || names.iter().any(|name| name == "root") {
            return Err(ManagedError::Root { line });
        }
        if names.is_empty() {
            return Err(ManagedError::NoName { line });
        }
        let ok = |name: &String| {
            !name.is_empty()
                && name.len() <= 256
                && name
                    .chars()
                    .all(|c| c.is_ascii_graphic() && !",:*?!\"'\\#".contains(c))
        };
        if !names.iter().all(ok) {
            return Err(ManagedError::Name { line });
        }
        Ok(Self { uid, names })
    }
}

impl fmt::Display for ManagedAccounts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "# Written by daypass-agent; change it with `daypass-agent manage` and `unmanage`."
        )?;
        for account in &self.entries {
            writeln!(out, "{} {}", account.uid, account.names.join(" "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_a_uid_counts() {
        let accounts =
            ManagedAccounts::parse("# comment\n\n1001 deploy deploy-alias\n1002 backup\n").unwrap();
        assert!(accounts.has_uid(1001));
        assert!(!accounts.has_uid(0));
        assert_eq!(accounts.uid_of("deploy-alias"), Some(1001));
        assert_eq!(accounts.uid_of("root"), None);
        assert_eq!(
            ManagedAccounts::parse(&accounts.to_string()).unwrap(),
            accounts
        );
    }

    #[test]
    fn a_line_that_does_not_parse_refuses_the_file() {
        assert_eq!(
            ManagedAccounts::parse("1001 a\ndeploy"),
            Err(ManagedError::Uid { line: 2 })
        );
        assert_eq!(
            ManagedAccounts::parse("0 toor"),
            Err(ManagedError::Root { line: 1 })
        );
        assert_eq!(
            ManagedAccounts::parse("7 root"),
            Err(ManagedError::Root { line: 1 })
        );
        assert_eq!(
            ManagedAccounts::parse("1001"),
            Err(ManagedError::NoName { line: 1 })
        );
        assert_eq!(
            ManagedAccounts::parse("1001 a,b"),
            Err(ManagedError::Name { line: 1 })
        );
        assert_eq!(
            ManagedAccounts::parse("4294967296 a"),
            Err(ManagedError::Uid { line: 1 })
        );
    }
}
