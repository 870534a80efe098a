//! Why a chore failed.

use std::path::PathBuf;
use std::process::ExitStatus;

pub(crate) type Result<T> = std::result::Result<T, Error>;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("no such chore: {words}\n{usage}")]
    Usage { words: String, usage: &'static str },
    #[error("cannot start `{command}`: {source}")]
    Start {
        command: String,
        source: std::io::Error,
    },
    #[error("`{command}` failed ({status})")]
    Failed { command: String, status: ExitStatus },
    #[error("cannot {what} {}: {source}", path.display())]
    Path {
        what: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("`{command}` answered what we cannot read: {source}")]
    Json {
        command: String,
        source: serde_json::Error,
    },
    #[error(transparent)]
    Hosts(#[from] daypass_tests::Error),
    #[error("this needs root, and there is no sudo: run it as root")]
    NoPrivilege,
    #[error("this needs Debian or Ubuntu: there is no {missing} here")]
    NotDebian { missing: &'static str },
    #[error(
        "the Rust toolchain in {} is part of the system and cannot be lent to a build root: \
         install one by rustup (https://rustup.rs)", sysroot.display()
    )]
    SystemToolchain { sysroot: PathBuf },
    #[error("building made no package called {package} in {}", directory.display())]
    PackageMissing {
        package: &'static str,
        directory: PathBuf,
    },
    #[error("{} failed: {}", if checks.len() == 1 { "check" } else { "checks" }, checks.join(", "))]
    Checks { checks: Vec<&'static str> },
    #[error("{} dependencies in the wrong direction", wrong.len())]
    Directions { wrong: Vec<String> },
    #[error("{} files that docs/threats.md names are not there", places.len())]
    Threats { places: Vec<String> },
    #[error("there is no fuzz target called {target}; there are {all}")]
    NoSuchTarget { target: String, all: String },
    #[error("{} broke; the inputs are in {}", targets.join(", "), kept.join("broken").display())]
    Fuzz { targets: Vec<String>, kept: PathBuf },
    #[error("{} tests are ignored without a reason", places.len())]
    Ignored { places: Vec<String> },
}

impl Error {
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage { .. } | Self::Hosts(daypass_tests::Error::UnknownRelease { .. }) => 64,
            _ => 1,
        }
    }

    pub(crate) fn path(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Path { what, path, source }
    }
}
