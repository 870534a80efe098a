//! Other people's crates: bans, licences and where they come from, as `deny.toml` says.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::chores::error::Result;
use crate::chores::{process, say, workspace};

/// The cargo-deny that we judge by; another one may judge otherwise.
const VERSION: &str = "0.20.2";

pub(super) fn check() -> Result<()> {
    let mut command = Command::new(program()?);
    let arguments = [
        "--all-features",
        "--locked",
        "--log-level=warn",
        "check",
        "--hide-inclusion-graph",
    ];
    process::run(
        command
            .args(arguments)
            .args(["bans", "licenses", "sources"])
            .current_dir(workspace::top()),
    )
}

/// The pinned cargo-deny, built beside cargo's own files where it is not there yet, so that all
/// checkouts share it; unoptimised, since it runs for a second and would build for minutes.
fn program() -> Result<PathBuf> {
    let place = workspace::cargo_home()
        .join("daypass-tools")
        .join(format!("cargo-deny-{VERSION}"));
    let program = place.join("bin/cargo-deny");
    if !is_pinned(&program) {
        say::note(format_args!("building cargo-deny {VERSION}, once"));
        process::run(
            workspace::cargo()
                .args([
                    "install",
                    "--locked",
                    "--quiet",
                    "--debug",
                    "--version",
                    VERSION,
                    "--root",
                ])
                .arg(&place)
                .arg("cargo-deny"),
        )?;
    }
    Ok(program)
}

fn is_pinned(program: &Path) -> bool {
    process::succeeds(Command::new(program).arg("--version"))
}
