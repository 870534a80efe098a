//! How the program ends.

use std::process::ExitCode;

/// Exit codes, the same for every command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// What was asked for is done.
    Done,
    /// It failed, or was refused; for `verify`: tampered with.
    Failed,
    /// `verify`: incomplete, unreadable or unwitnessed.
    Incomplete,
    /// The command line was wrong (`EX_USAGE`).
    Usage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::from(0),
            Exit::Failed => Self::from(1),
            Exit::Incomplete => Self::from(2),
            Exit::Usage => Self::from(64),
        }
    }
}
