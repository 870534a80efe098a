//! `cargo xtask check`: all that can be judged without running anything.

mod deny;
mod directions;
mod ignored;
mod threats;

use super::error::{Error, Result};
use super::{process, say, workspace};

type Check = fn() -> Result<()>;

const CHECKS: [(&str, Check); 6] = [
    ("format", format),
    ("directions", directions::check),
    ("ignored tests", ignored::check),
    ("threats", threats::check),
    ("clippy", clippy),
    ("dependencies", deny::check),
];

/// Runs every check, also after one failed, and names those that did.
pub(crate) fn run() -> Result<()> {
    let mut failed = Vec::new();
    for (name, check) in CHECKS {
        say::step(name);
        if let Err(error) = check() {
            say::failure(error);
            failed.push(name);
        }
    }
    if failed.is_empty() {
        Ok(())
    } else {
        Err(Error::Checks { checks: failed })
    }
}

fn format() -> Result<()> {
    process::run(workspace::cargo().args(["fmt", "--all", "--check"]))
}

/// With the tests on hosts, which are behind a feature.
fn clippy() -> Result<()> {
    process::run(workspace::cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--features=daypass-tests/hosts",
        "--locked",
        "--quiet",
        "--",
        "-Dwarnings",
    ]))
}
