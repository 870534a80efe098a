//! Running the system's own programs: by absolute path, with an environment of our own.

use std::io;
use std::path::Path;
use std::process::{Command, Output, Stdio};

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
}

/// Runs a program to its end and returns what it wrote to its standard output.
///
/// # Errors
/// [`Error::Start`], or [`Error::Failed`] for any exit status but 0.
pub fn run(program: &Path, arguments: &[&str]) -> Result<String, Error> {
    let output = start(program, arguments)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(failed(program, arguments, &output))
}

/// Runs a program to its end and returns what it wrote, to whichever of its two outputs.
///
/// # Errors
/// As for [`run`].
pub fn run_aloud(program: &Path, arguments: &[&str]) -> Result<String, Error> {
    let output = start(program, arguments)?;
    if output.status.success() {
        let (out, err) = (&output.stdout, &output.stderr);
        return Ok(String::from_utf8_lossy(&[&out[..], &err[..]].concat()).into_owned());
    }
    Err(failed(program, arguments, &output))
}

fn failed(program: &Path, arguments: &[&str], output: &Output) -> Error {
    Error::Failed {
        program: format!("{} {}", program.display(), arguments.join(" ")),
        said: shortened(output),
    }
}

fn start(program: &Path, arguments: &[&str]) -> Result<Output, Error> {
    Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .map_err(|source| Error::Start {
            program: program.display().to_string(),
            source,
        })
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

    #[test]
    fn a_program_that_fails_tells_what_it_said() {
        let error = run(Path::new("/bin/sh"), &["-c", "echo no >&2; exit 3"]).unwrap_err();
        assert!(matches!(error, Error::Failed { said, .. } if said == "no"));
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = run(Path::new("/nonexistent/sshd"), &[]).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("cannot run /nonexistent/sshd")
        );
    }

    #[test]
    fn nothing_of_our_environment_is_passed_on() {
        let seen = run(Path::new("/usr/bin/env"), &[]).unwrap();
        assert_eq!(seen, "LC_ALL=C\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\n");
    }
}
