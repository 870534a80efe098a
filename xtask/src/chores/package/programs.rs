//! The programs of the checkout's own, unoptimised build, which tests and demo need anyway.

use std::fs;
use std::path::PathBuf;

use daypass_tests::Release;

use crate::chores::error::Result;
use crate::chores::{debian, process, workspace};

/// Whether what this machine builds runs on `release`: a program needs the C library that it was
/// linked with, or a newer one.
pub(super) fn can_run_on(release: Release) -> bool {
    fs::read_to_string("/etc/os-release").is_ok_and(|text| runs_on(&text, release))
}

/// Builds them and says where they are.
pub(super) fn build() -> Result<PathBuf> {
    debian::install(&[debian::TO_COMPILE])?;
    process::run(workspace::cargo().args([
        "build",
        "--workspace",
        "--locked",
        "--quiet",
        "--lib",
        "--bins",
        "--tests",
    ]))?;
    Ok(workspace::target()?.join("debug"))
}

fn runs_on(os_release: &str, release: Release) -> bool {
    let code_name = os_release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    matches!(
        (code_name.map(|name| name.trim_matches('"')), release),
        (Some("bookworm"), _) | (Some("trixie"), Release::Trixie)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(code_name: &str) -> String {
        format!("NAME=\"Debian GNU/Linux\"\nVERSION_CODENAME={code_name}\nID=debian\n")
    }

    #[test]
    fn programs_run_on_their_own_release_and_on_newer_ones() {
        assert!(runs_on(&machine("bookworm"), Release::Bookworm));
        assert!(runs_on(&machine("bookworm"), Release::Trixie));
        assert!(runs_on(&machine("trixie"), Release::Trixie));
    }

    #[test]
    fn programs_do_not_run_on_older_releases_and_unknown_machines_are_not_guessed_at() {
        assert!(!runs_on(&machine("trixie"), Release::Bookworm));
        assert!(!runs_on(&machine("noble"), Release::Bookworm));
        assert!(!runs_on("ID=debian\n", Release::Bookworm));
    }
}
