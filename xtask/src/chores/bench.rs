//! `cargo xtask bench NAME`: figures as ratios within one run. Never a test: other work on the machine shows in them.

use super::error::Result;
use super::{process, workspace};

/// The benchmarks: their names here, their packages, their names there.
pub(crate) const ALL: [(&str, &str, &str); 1] = [("log", "daypass", "log")];

/// Runs one of [`ALL`].
pub(crate) fn run(package: &str, bench: &str) -> Result<()> {
    process::run(workspace::cargo().args([
        "bench", "--locked", "--quiet", "-p", package, "--bench", bench,
    ]))
}
