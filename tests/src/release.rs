//! The Debian releases that a throwaway host can run.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Result};

/// A Debian release, by its code name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Release {
    /// Debian 12: OpenSSH 9.2, sudo 1.9.13, systemd 252.
    #[default]
    Bookworm,
    /// Debian 13: OpenSSH 10.0, sudo 1.9.16, systemd 257.
    Trixie,
}

impl Release {
    /// The release that the environment variable `DAYPASS_TEST_RELEASE` names; bookworm without it.
    pub fn chosen() -> Result<Self> {
        match std::env::var("DAYPASS_TEST_RELEASE") {
            Ok(name) => name.parse(),
            Err(_) => Ok(Self::default()),
        }
    }

    /// The code name, as archives and `/etc/os-release` spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Release {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "bookworm" => Ok(Self::Bookworm),
            "trixie" => Ok(Self::Trixie),
            _ => Err(Error::UnknownRelease {
                name: name.to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_read_back_from_its_name() {
        for release in [Release::Bookworm, Release::Trixie] {
            assert_eq!(release.name().parse::<Release>().unwrap(), release);
        }
    }

    #[test]
    fn an_unknown_release_is_refused_by_name() {
        let error = "buster".parse::<Release>().unwrap_err();
        assert!(error.to_string().contains("buster"));
    }
}
