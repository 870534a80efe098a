//! What the chores need from the distribution's packages.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use daypass_tests::Tool;

use super::error::{Error, Result};
use super::{process, say};

/// To compile on this machine.
pub(crate) const TO_COMPILE: &[&str] = &["gcc", "libc6-dev", "libpam0g-dev"];
/// What the fast tests judge by.
pub(crate) const TO_JUDGE: &[&str] = &[
    "openssh-client",
    "openssl",
    "python3-aiosmtpd",
    "rsyslog",
    "rsyslog-gnutls",
    "softhsm2",
    "strace",
    "sudo",
    "tzdata",
];
/// To start throwaway hosts and to build packages in a root of their release.
pub(crate) const FOR_HOSTS: &[&str] = &[
    "mmdebstrap",
    "systemd-container",
    "iproute2",
    "util-linux",
    "debian-archive-keyring",
];
/// What the benchmarks compare with.
pub(crate) const TO_COMPARE: &[&str] = &["systemd-journal-remote"];
/// libFuzzer is compiled with the targets.
pub(crate) const TO_FUZZ: &[&str] = &["g++"];
/// All of it.
pub(crate) const EVERYTHING: &[&[&str]] = &[TO_COMPILE, TO_JUDGE, FOR_HOSTS, TO_COMPARE, TO_FUZZ];

const POLICY: &str = "/usr/sbin/policy-rc.d";
const POLICY_TEXT: &str =
    "#!/bin/sh\n# Made by daypass' xtask while it installs packages.\nexit 101\n";

/// Installs those that are missing; starts none of their services.
pub(crate) fn install(groups: &[&[&str]]) -> Result<()> {
    let missing = missing(groups)?;
    if missing.is_empty() {
        return Ok(());
    }
    say::step(format_args!("installing {}", missing.join(" ")));
    let _guard = NothingStarts::begin()?;
    let apt = || {
        let mut command = Command::new("apt-get");
        command
            .env("DEBIAN_FRONTEND", "noninteractive")
            .arg("--quiet=2");
        command
    };
    process::run(apt().arg("update"))?;
    process::run(
        apt()
            .args(["install", "--yes", "--no-install-recommends"])
            .args(missing),
    )
}

/// Those that are not installed.
pub(crate) fn missing<'a>(groups: &[&[&'a str]]) -> Result<Vec<&'a str>> {
    for command in ["dpkg-query", "apt-get"] {
        if !(Tool {
            command,
            package: "",
        })
        .is_there()
        {
            return Err(Error::NotDebian { missing: command });
        }
    }
    let is_missing = |package: &&str| {
        let mut query = Command::new("dpkg-query");
        query.args(["--show", "--showformat=${db:Status-Status}", package]);
        !query
            .output()
            .is_ok_and(|output| output.stdout == b"installed")
    };
    Ok(groups
        .iter()
        .flat_map(|group| group.iter().copied())
        .filter(is_missing)
        .collect())
}

/// While it lives, maintainer scripts start no service on this machine. A machine with a policy of
/// its own keeps it.
struct NothingStarts {
    ours: bool,
}

impl NothingStarts {
    fn begin() -> Result<Self> {
        let path = Path::new(POLICY);
        let ours = match fs::read_to_string(path) {
            Ok(text) => text == POLICY_TEXT,
            Err(_) => true,
        };
        if ours {
            fs::write(path, POLICY_TEXT).map_err(Error::path("write", path))?;
            fs::set_permissions(path, fs::Permissions::from_mode(0o755))
                .map_err(Error::path("make executable", path))?;
        }
        Ok(Self { ours })
    }
}

impl Drop for NothingStarts {
    fn drop(&mut self) {
        if self.ours && fs::remove_file(POLICY).is_err() {
            say::note(format_args!(
                "{POLICY} could not be removed: services installed later will not start"
            ));
        }
    }
}
