//! `cargo xtask bench`: ratios within one run, for people to read. Never a test.

use std::str::FromStr;

use super::error::{Error, Result};
use super::{process, say, workspace};

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// Appending, rotating and verifying, against a bare loop and against journald.
    Journal,
}

impl FromStr for Subject {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "journal" => Ok(Self::Journal),
            _ => Err(Error::Usage {
                words: format!("bench {name}"),
                usage: super::USAGE,
            }),
        }
    }
}

/// Measures it.
pub(crate) fn run(subject: Subject) -> Result<()> {
    let (package, bench) = match subject {
        Subject::Journal => ("daypass-journal", "journal"),
    };
    say::step(format_args!("bench {bench}"));
    process::run(workspace::cargo().args(["bench", "--locked", "-p", package, "--bench", bench]))
}
