//! Who runs a command of ours.

use std::fs;

use nix::unistd::{Uid, geteuid};

use crate::accounts;

/// The person behind this process, as far as the kernel knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoker {
    /// The uid that logged in, or the real uid where nobody did.
    pub uid: u32,
    /// Its name, if it has one.
    pub account: Option<String>,
}

impl Invoker {
    /// Its name, or else its number: how an entry says who asked for something.
    #[must_use]
    pub fn in_a_word(self) -> String {
        self.account.unwrap_or_else(|| self.uid.to_string())
    }
}

/// Asks the kernel who logged in to start this.
#[must_use]
pub fn invoker() -> Invoker {
    let uid = login_uid().unwrap_or_else(|| Uid::current().as_raw());
    Invoker {
        uid,
        // A glass must break while a directory service hangs.
        account: accounts::name_of(uid),
    }
}

/// The uid that logged in; `None` where no login started this, as in a boot script.
#[must_use]
pub fn login_uid() -> Option<u32> {
    let text = fs::read_to_string("/proc/self/loginuid").ok()?;
    text.trim().parse().ok().filter(|uid| *uid != u32::MAX)
}

/// Does this process run as root?
#[must_use]
pub fn is_root() -> bool {
    geteuid().is_root()
}
