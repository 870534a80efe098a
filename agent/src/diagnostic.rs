//! All text for people: what happened, and what to do next.

mod advice;
mod findings;
mod glass;
mod report;
mod visitor;

pub use findings::findings;
pub use glass::{glass_broken, glass_is_broken, glass_is_damaged, glass_whole};
pub use report::{enrolled, erased, log_key_renewed, managed, status, unmanaged};
pub use visitor::{
    COMMAND_GOES_ON, NO_CERTIFICATE, NO_JOURNAL, NO_SESSION, NOT_WITNESSED, OTHER_CERTIFICATE,
    SU_INTO_MANAGED, SU_NOT_GRANTED, SUDO_CROWDED, SUDO_OLDER, SUDO_WITHHELD, SUDO_WITHOUT_SESSION,
    ended, ended_by_rule, ends_soon, login_refused, sudo_not_granted, sudo_taken,
};

use std::io;

use daypass_protocol::token;

use crate::orders::ask;
use crate::{break_glass, enroll, erasure, manage, run, status as status_of, trust};

/// Asks for the join token, where somebody sits at a terminal.
pub const PASTE_TOKEN: &str =
    "Paste the line that \"daypass host token\" printed, and press Enter:\n";

/// Why a command did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Only root may.
    #[error("this needs root's rights")]
    NotRoot,
    /// The token could not be read.
    #[error("cannot read the token from standard input: {0}")]
    Input(#[source] io::Error),
    /// What was read is no token.
    #[error("what came on standard input is no join token: {0}")]
    Token(#[source] token::Error),
    /// `enroll`.
    #[error(transparent)]
    Enroll(#[from] enroll::Error),
    /// `manage` or `unmanage`.
    #[error(transparent)]
    Manage(#[from] manage::Error),
    /// `erase`.
    #[error(transparent)]
    Erase(#[from] erasure::Error),
    /// `renew-log-key`.
    #[error(transparent)]
    RenewLogKey(#[from] ask::Error),
    /// `break-glass`.
    #[error(transparent)]
    BreakGlass(#[from] break_glass::Error),
    /// `run`.
    #[error(transparent)]
    Run(#[from] run::Error),
    /// `status` or `doctor`.
    #[error(transparent)]
    Status(#[from] status_of::Error),
    /// `trust`.
    #[error(transparent)]
    Trust(#[from] trust::Error),
}

/// What is written to standard error: the failure, then what to do.
#[must_use]
pub fn explain(failure: &Failure) -> String {
    match advice::advice(failure) {
        Some(advice) => format!("daypass-agent: {failure}\n  {advice}\n"),
        None => format!("daypass-agent: {failure}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_happened_and_what_to_do() {
        let text = explain(&Failure::NotRoot);
        assert_eq!(
            text,
            "daypass-agent: this needs root's rights\n  Run it as root, or through sudo.\n"
        );
        let text = explain(&Failure::Manage(manage::Error::NotEnrolled));
        assert!(text.starts_with("daypass-agent: this host is not enrolled\n  Enrol it first: "));
    }
}
