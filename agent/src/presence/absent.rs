//! The gates that may be missing, each with its word.

use std::path::PathBuf;

use crate::pam_stack::Kind;
use crate::sshd::Overridden;
use crate::sudoers::Flaw;

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
    /// sudo's configuration lacks our file.
    #[error("{} is missing", path.display())]
    Sudoers {
        /// The file.
        path: PathBuf,
    },
    /// Somebody took a line out of it, or put something else in its place.
    #[error("{} lacks the line `{line}`", path.display())]
    SudoersEdited {
        /// The file.
        path: PathBuf,
        /// The first of its lines that is not there, or not in its order.
        line: &'static str,
    },
    /// Contractors' own settings are not what counts for them.
    #[error("{0}")]
    SudoSettings(Flaw),
    /// sudo's configuration cannot be read.
    #[error("sudo's settings cannot be read: {said}")]
    SudoUnreadable {
        /// What its tool said.
        said: String,
    },
}

impl Absent {
    /// Whether another setting of sudo's may count for contractors than their own.
    pub(super) fn is_of_sudos_settings(&self) -> bool {
        matches!(
            self,
            Self::Sudoers { .. } | Self::SudoersEdited { .. } | Self::SudoSettings(_)
        )
    }

    /// A stable word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Module => "module-missing",
            Self::Stack { .. } => "stack-without-module",
            Self::Sshd { .. } => "sshd-overridden",
            Self::Unreadable { .. } => "sshd-unreadable",
            Self::Sudoers { .. } => "sudoers-missing",
            Self::SudoersEdited { .. } => "sudoers-edited",
            Self::SudoSettings(Flaw::Unread) => "sudoers-unread",
            Self::SudoSettings(Flaw::Unreadable(_)) | Self::SudoUnreadable { .. } => {
                "sudo-unreadable"
            }
            Self::SudoSettings(_) => "sudo-settings",
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
