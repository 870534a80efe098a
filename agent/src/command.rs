//! Running the system's own programs: by absolute path, with an environment of our own, and never for longer than they
//! are given: whatever hangs there (a name service, a disk, PAM) must not hang whoever asked.

mod within;

use std::io;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use within::Cut;

/// A program of the system that could not be run or did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be started.
    #[error("cannot run {program}: {source}")]
    Start {
        /// Its path.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// It ran and failed.
    #[error("{program} failed: {said}")]
    Failed {
        /// Its path and arguments.
        program: String,
        /// What it wrote to its standard error, shortened.
        said: String,
    },
    /// It did not end in its time, and was killed.
    #[error("{program} did not end within {} seconds", patience.as_secs())]
    Late {
        /// Its path and arguments.
        program: String,
        /// How long it had.
        patience: Duration,
    },
    /// It said more than anybody wants to hear, and was killed.
    #[error("{program} says more than {limit} bytes")]
    TooMuch {
        /// Its path and arguments.
        program: String,
        /// How much it may say.
        limit: usize,
    },
    /// It was not started, because earlier ones that were killed have not ended yet.
    #[error(
        "{program} is not started beside those that were killed and do not end: look at the disks of this host"
    )]
    Stuck {
        /// Its path and arguments.
        program: String,
    },
}

impl Error {
    /// Whether another try would only take as long.
    #[must_use]
    pub fn is_late(&self) -> bool {
        matches!(self, Self::Late { .. } | Self::Stuck { .. })
    }
}

/// Runs a program that has no longer than this to its end, and returns what it wrote to its standard output.
///
/// # Errors
/// [`Error::Failed`] for any exit status but 0, and the others.
pub fn run_within(patience: Duration, program: &Path, arguments: &[&str]) -> Result<String, Error> {
    let output = hear(patience, program, arguments)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(failed(program, arguments, &output))
}

/// Runs a program that has no longer than this and returns what it wrote, to whichever of its two outputs.
///
/// # Errors
/// As for [`run_within`].
pub fn run_aloud(patience: Duration, program: &Path, arguments: &[&str]) -> Result<String, Error> {
    let output = hear(patience, program, arguments)?;
    if output.status.success() {
        let (out, err) = (&output.stdout, &output.stderr);
        return Ok(String::from_utf8_lossy(&[&out[..], &err[..]].concat()).into_owned());
    }
    Err(failed(program, arguments, &output))
}

/// Runs a program that has no longer than this, for whoever can make something of other exit statuses than 0 as well.
///
/// # Errors
/// Every [`enum@Error`] but [`Error::Failed`].
pub(crate) fn hear(
    patience: Duration,
    program: &Path,
    arguments: &[&str],
) -> Result<Output, Error> {
    let spelled = || spelled(program, arguments);
    within::output(&mut command(program, arguments), patience).map_err(|cut| match cut {
        Cut::System(source) => Error::Start {
            program: program.display().to_string(),
            source,
        },
        Cut::Late => Error::Late {
            program: spelled(),
            patience,
        },
        Cut::TooMuch => Error::TooMuch {
            program: spelled(),
            limit: within::MOST_SAID,
        },
        Cut::Stuck => Error::Stuck { program: spelled() },
    })
}

/// The error that such an answer is.
pub(crate) fn failed(program: &Path, arguments: &[&str], output: &Output) -> Error {
    Error::Failed {
        program: spelled(program, arguments),
        said: shortened(output),
    }
}

fn spelled(program: &Path, arguments: &[&str]) -> String {
    format!("{} {}", program.display(), arguments.join(" "))
}

fn command(program: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C")
        .stdin(Stdio::null());
    command
}

fn shortened(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.trim();
    if said.is_empty() {
        return output.status.to_string();
    }
    said.chars().take(2000).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(60);

    #[test]
    fn a_program_that_fails_tells_what_it_said() {
        let error = run_within(SOON, Path::new("/bin/sh"), &["-c", "echo no >&2; exit 3"]);
        let error = error.unwrap_err();
        assert!(matches!(error, Error::Failed { said, .. } if said == "no"));
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = run_within(SOON, Path::new("/nonexistent/sshd"), &[]).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("cannot run /nonexistent/sshd")
        );
    }

    #[test]
    fn nothing_of_our_environment_is_passed_on() {
        let seen = run_within(SOON, Path::new("/usr/bin/env"), &[]).unwrap();
        assert_eq!(seen, "LC_ALL=C\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\n");
    }

    #[test]
    fn a_program_that_hangs_is_named_with_the_time_that_it_had() {
        let patience = Duration::from_secs(1);
        let error = run_within(patience, Path::new("/bin/sleep"), &["600"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "/bin/sleep 600 did not end within 1 seconds"
        );
        assert!(error.is_late());
    }
}
