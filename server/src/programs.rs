//! The programs that are run: where they are, and what they answer.

use std::ffi::OsStr;
use std::io::{self, Write as _};
use std::process::{Command, Output, Stdio};

use serde::Deserialize;

/// The certificate authority.
pub const CA: &str = "/usr/bin/daypass-ca";
/// The collector.
pub const COLLECTOR: &str = "/usr/bin/daypass-collector";
/// Services.
pub const SYSTEMCTL: &str = "/usr/bin/systemctl";
/// Their logs.
pub const JOURNALCTL: &str = "/usr/bin/journalctl";

/// Why a program did not do as told.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// It cannot be run.
    #[error("{program} cannot be run")]
    Run {
        /// Which.
        program: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// It failed; what it said was shown, or is here.
    #[error("{command} failed{}", after_colon(said))]
    Failed {
        /// What was run.
        command: String,
        /// What it said to us alone.
        said: String,
    },
    /// What it printed is not what it prints.
    #[error("{command} printed something else than expected")]
    Unexpected {
        /// What was run.
        command: String,
        /// What is wrong.
        source: serde_json::Error,
    },
}

/// What `daypass-ca status -o json` says, as far as it is of use here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Status {
    /// The pin.
    pub ca: String,
    /// The line for `daypass setup`.
    pub setup: String,
    /// Whether roster 1 was signed.
    pub active: bool,
    /// Who may sign it.
    pub admins: Vec<String>,
    /// The collectors.
    pub collectors: Vec<Collector>,
}

/// A collector, as the CA knows it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Collector {
    /// Where it answers.
    pub url: String,
}

fn after_colon(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!(":\n{text}")
    }
}

/// Runs a program whose output people are to see.
///
/// # Errors
/// When it cannot be run, or fails.
pub fn show<A: AsRef<OsStr>>(program: &'static str, arguments: &[A]) -> Result<(), ProgramError> {
    let status = Command::new(program)
        .args(arguments)
        .status()
        .map_err(|source| ProgramError::Run { program, source })?;
    if status.success() {
        return Ok(());
    }
    Err(ProgramError::Failed {
        command: spelled(program, arguments),
        said: String::new(),
    })
}

/// Runs a program on `input`; what it printed.
///
/// # Errors
/// When it cannot be run, or fails; then what it said goes into the error.
pub fn pipe<A: AsRef<OsStr>>(
    program: &'static str,
    arguments: &[A],
    input: &str,
) -> Result<String, ProgramError> {
    let output = run(program, arguments, input)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(ProgramError::Failed {
        command: spelled(program, arguments),
        said: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

/// Whether a program says yes by its exit status, and nothing else.
///
/// # Errors
/// When it cannot be run.
pub fn says_yes<A: AsRef<OsStr>>(
    program: &'static str,
    arguments: &[A],
) -> Result<bool, ProgramError> {
    Ok(run(program, arguments, "")?.status.success())
}

/// How the running CA fares.
///
/// # Errors
/// When it does not run.
pub fn status() -> Result<Status, ProgramError> {
    let arguments = ["status", "--output", "json"];
    let text = pipe(CA, &arguments, "")?;
    serde_json::from_str(&text).map_err(|source| ProgramError::Unexpected {
        command: spelled(CA, &arguments),
        source,
    })
}

fn run<A: AsRef<OsStr>>(
    program: &'static str,
    arguments: &[A],
    input: &str,
) -> Result<Output, ProgramError> {
    let failed = |source| ProgramError::Run { program, source };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    // What is sent is small, and read before anything is answered; one that ends without reading says why.
    if let Some(mut pipe) = child.stdin.take() {
        let _ = pipe.write_all(input.as_bytes());
    }
    child.wait_with_output().map_err(failed)
}

fn spelled<A: AsRef<OsStr>>(program: &str, arguments: &[A]) -> String {
    let words = arguments
        .iter()
        .map(|argument| argument.as_ref().to_string_lossy().into_owned());
    std::iter::once(program.to_owned())
        .chain(words)
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_says_when_it_fails_is_in_the_error() {
        let failed = pipe("/bin/sh", &["-c", "cat >&2; exit 3"], "no room").unwrap_err();
        assert_eq!(
            failed.to_string(),
            "/bin/sh -c cat >&2; exit 3 failed:\nno room"
        );
    }

    #[test]
    fn a_program_that_reads_nothing_is_heard_all_the_same() {
        let input = "x".repeat(1 << 20);
        assert_eq!(
            pipe("/bin/sh", &["-c", "echo done"], &input).unwrap(),
            "done\n"
        );
    }

    #[test]
    fn a_missing_program_is_named() {
        let missing = says_yes("/no/such/program", &["x"]).unwrap_err();
        assert!(missing.to_string().contains("/no/such/program"));
    }

    #[test]
    fn the_status_of_the_ca_is_read_whatever_else_it_says() {
        let text = r#"{"ca":"ab","setup":"daypass-setup-1.x","active":false,"roster":1,"admins":["alice"],
            "collectors":[{"url":"https://s:7444","witness":"w","names":["s"],"added":"t","expires":"t"}]}"#;
        let status: Status = serde_json::from_str(text).unwrap();
        assert_eq!(status.admins, ["alice"]);
        assert_eq!(status.collectors[0].url, "https://s:7444");
    }
}
