//! The gates that may be missing, each with its word.

use std::path::PathBuf;

use crate::pam_stack::Kind;
use crate::sshd::Overridden;

/// A gate that is not where it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Absent {
    /// No PAM module file in any security directory, or something else in its place.
    #[error("PAM's security directory has no pam_daypass.so that can be loaded")]
    Module,
    /// A PAM stack without our module.
    #[error("pam_daypass.so is missing in PAM's {} of {service}", stacks(kinds))]
    Stack {
        /// The PAM service.
        service: &'static str,
        /// The stacks.
        kinds: Vec<Kind>,
    },
    /// sshd does something else for this account.
    #[error("for {account}, {overridden}")]
    Sshd {
        /// One name of a managed uid.
        account: String,
        /// What it does.
        overridden: Overridden,
    },
    /// sshd could not be asked.
    #[error("sshd's configuration for {account} cannot be read: {said}")]
    Unreadable {
        /// One name of a managed uid.
        account: String,
        /// What sshd said.
        said: String,
    },
    /// sudo's configuration lacks our line.
    #[error("{} is missing", path.display())]
    Sudoers {
        /// The file.
        path: PathBuf,
    },
    /// sudo's configuration says otherwise behind our line.
    #[error("sudo reads `{setting}` behind contractors' own settings")]
    SudoSettings {
        /// What it says.
        setting: String,
    },
    /// sudo's configuration cannot be read.
    #[error("sudo's settings cannot be read: {said}")]
    SudoUnreadable {
        /// What its tool said.
        said: String,
    },
}

impl Absent {
    /// A stable word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Module => "module-missing",
            Self::Stack { .. } => "stack-without-module",
            Self::Sshd { .. } => "sshd-overridden",
            Self::Unreadable { .. } => "sshd-unreadable",
            Self::Sudoers { .. } => "sudoers-missing",
            Self::SudoSettings { .. } => "sudo-settings",
            Self::SudoUnreadable { .. } => "sudo-unreadable",
        }
    }
}

fn stacks(kinds: &[Kind]) -> String {
    let names: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    match names.as_slice() {
        [only] => format!("{only} stack"),
        _ => format!("stacks {}", names.join(", ")),
    }
}
