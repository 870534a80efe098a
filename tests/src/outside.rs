//! The machine that runs the tests: its tools, and what they need.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use crate::{Error, Result};

/// A command of the outer machine, and the Debian package that brings it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tool {
    /// The command's name.
    pub command: &'static str,
    /// The Debian (and Ubuntu) package.
    pub package: &'static str,
}

impl Tool {
    /// What throwaway hosts need from the machine that runs them.
    pub const FOR_HOSTS: [Self; 5] = [
        Self {
            command: "mmdebstrap",
            package: "mmdebstrap",
        },
        Self {
            command: "systemd-nspawn",
            package: "systemd-container",
        },
        Self {
            command: "ip",
            package: "iproute2",
        },
        Self {
            command: "nsenter",
            package: "util-linux",
        },
        Self {
            command: "chroot",
            package: "coreutils",
        },
    ];

    /// Whether the command stands in `PATH` or one of the system's own directories.
    #[must_use]
    pub fn is_there(&self) -> bool {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let system = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(Into::into);
        std::env::split_paths(&path)
            .chain(system)
            .any(|directory| directory.join(self.command).is_file())
    }
}

/// Says which of `tools` are missing, all at once.
pub fn require_tools(tools: &[Tool]) -> Result<()> {
    let missing: Vec<Tool> = tools
        .iter()
        .filter(|tool| !tool.is_there())
        .copied()
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::ToolsMissing {
        tools: missing.iter().map(|tool| tool.command).collect(),
        packages: missing.iter().map(|tool| tool.package).collect(),
    })
}

/// Refuses to go on without root.
pub fn require_root() -> Result<()> {
    if nix::unistd::geteuid().is_root() {
        Ok(())
    } else {
        Err(Error::NotRoot)
    }
}

/// Runs a tool to its end; its standard error becomes the error's text.
pub(crate) fn tool<S: AsRef<OsStr>>(
    program: &str,
    arguments: impl IntoIterator<Item = S>,
) -> Result<()> {
    let mut command = Command::new(program);
    command.args(arguments);
    let words = spelled(&command);
    let output = command.output().map_err(|source| Error::Process {
        what: "start",
        command: words.clone(),
        source,
    })?;
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Error::ToolFailed {
        command: words,
        status: output.status,
        stderr,
    })
}

/// `ip` with its arguments given as one line: none of ours contains white space.
pub(crate) fn ip(line: &str) -> Result<()> {
    tool("ip", line.split_ascii_whitespace())
}

/// The command line as a person would read it.
pub(crate) fn spelled(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(
        command
            .get_args()
            .map(|argument| argument.to_string_lossy().into_owned()),
    );
    words.join(" ")
}

/// Makes a directory and those above it.
pub(crate) fn make_directory(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).map_err(Error::path("make the directory", path))
}

/// Writes a whole file.
pub(crate) fn write(path: &Path, contents: impl AsRef<[u8]>) -> Result<()> {
    std::fs::write(path, contents).map_err(Error::path("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_tools_are_named_together_with_their_packages() {
        let tools = [
            Tool {
                command: "sh",
                package: "dash",
            },
            Tool {
                command: "no-such-command",
                package: "no-such-package",
            },
        ];
        let error = require_tools(&tools).unwrap_err().to_string();
        assert_eq!(
            error,
            "no-such-command missing: run `apt-get install no-such-package`"
        );
    }
}
