//! A command on a host.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::process::ExitStatus;
use std::time::Duration;

use crate::{Error, Host, Result, Running};

/// How long a command may take unless it says otherwise: an installation among others, on a machine that is busy.
const DEADLINE: Duration = Duration::from_secs(180);
/// What a command of ours finds its programs by.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// On whose behalf a command runs.
#[derive(Clone, Debug)]
pub(crate) enum As {
    Root,
    User(String),
}

/// A command to run on a host: what, as whom, with which input.
#[derive(Clone, Debug)]
pub struct Command<'a> {
    host: &'a Host,
    who: As,
    words: Vec<OsString>,
    environment: Vec<OsString>,
    input: Vec<u8>,
    deadline: Duration,
}

impl<'a> Command<'a> {
    pub(crate) fn new<S: AsRef<OsStr>>(
        host: &'a Host,
        who: As,
        words: impl IntoIterator<Item = S>,
    ) -> Self {
        let words = words
            .into_iter()
            .map(|word| word.as_ref().to_owned())
            .collect();
        Self {
            host,
            who,
            words,
            environment: Vec::new(),
            input: Vec::new(),
            deadline: DEADLINE,
        }
    }

    /// What the command reads from its standard input, which then ends.
    #[must_use]
    pub fn input(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.input = bytes.as_ref().to_vec();
        self
    }

    /// One more environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push(format!("{name}={value}").into());
        self
    }

    /// How long the command may take; three minutes unless this says otherwise.
    #[must_use]
    pub fn within(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Runs the command to its end, whatever its status.
    pub fn run(&self) -> Result<Output> {
        let mut running = self.spawn()?;
        running.write(&self.input)?;
        running.close_input();
        running.wait(self.deadline)
    }

    /// Runs the command; any status but 0 is an error. Gives its standard output as text.
    pub fn ok(&self) -> Result<String> {
        let output = self.run()?;
        if output.success() {
            Ok(output.stdout())
        } else {
            Err(self.failed(output))
        }
    }

    /// Starts the command and leaves it running, with its input open.
    pub fn spawn(&self) -> Result<Running> {
        Running::start(self.host, &self.words_inside(&self.words), self.spelled())
    }

    /// Starts the command on a terminal of its own. What the terminal shows is its standard output.
    pub fn spawn_on_terminal(&self) -> Result<Running> {
        let script = ["script", "-q", "-e", "-f", "-c"].map(OsString::from);
        let words: Vec<_> = script
            .into_iter()
            .chain([quoted(&self.words), "/dev/null".into()])
            .collect();
        Running::start(self.host, &self.words_inside(&words), self.spelled())
    }

    /// The error that a status other than 0 is for those who expected 0.
    pub(crate) fn failed(&self, output: Output) -> Error {
        Error::CommandFailed {
            host: self.host.name().to_owned(),
            command: self.spelled(),
            output,
        }
    }

    /// The command as a person would read it.
    fn spelled(&self) -> String {
        let words: Vec<_> = self
            .words
            .iter()
            .map(|word| word.to_string_lossy())
            .collect();
        words.join(" ")
    }

    /// With the words that make a process of the host's root into what `who` says.
    fn words_inside(&self, words: &[OsString]) -> Vec<OsString> {
        let become_who: Vec<OsString> = match &self.who {
            As::Root => [
                "env",
                "-i",
                "-C",
                "/root",
                "HOME=/root",
                "USER=root",
                "LOGNAME=root",
                PATH,
                "LANG=C.UTF-8",
            ]
            .map(OsString::from)
            .to_vec(),
            As::User(user) => [
                "setpriv",
                &format!("--reuid={user}"),
                &format!("--regid={user}"),
                "--init-groups",
                "--reset-env",
                "sh",
                "-c",
                "cd && exec \"$@\"",
                "sh",
                "env",
                "LANG=C.UTF-8",
            ]
            .map(OsString::from)
            .to_vec(),
        };
        become_who
            .into_iter()
            .chain(self.environment.iter().cloned())
            .chain(words.iter().cloned())
            .collect()
    }
}

/// How a command ended, and what it wrote.
#[derive(Clone, Debug)]
pub struct Output {
    /// Its status; a signal that ended it stands there as a signal.
    pub status: ExitStatus,
    /// The bytes of its standard output.
    pub stdout: Vec<u8>,
    /// The bytes of its standard error.
    pub stderr: Vec<u8>,
}

impl Output {
    /// Whether the status was 0.
    #[must_use]
    pub fn success(&self) -> bool {
        self.status.success()
    }

    /// The exit code, unless a signal ended it.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Standard output as text.
    #[must_use]
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text.
    #[must_use]
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}{}", self.status, self.stdout(), self.stderr())
    }
}

/// One string from which a POSIX shell reads the same words.
fn quoted(words: &[OsString]) -> OsString {
    let mut line = OsString::new();
    for word in words {
        if !line.is_empty() {
            line.push(" ");
        }
        line.push("'");
        line.push(word.to_string_lossy().replace('\'', r"'\''"));
        line.push("'");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_quoted_words_back() {
        let words = ["printf", "%s|", "it's", "a b", "$HOME", ""].map(OsString::from);
        let output = std::process::Command::new("sh")
            .arg("-c")
            .arg(quoted(&words))
            .output()
            .unwrap();
        assert_eq!(output.stdout, b"it's|a b|$HOME||");
    }
}
