//! What other people's programs load, under AddressSanitizer: every answer that an agent should not give, through libpam.

use super::error::Result;
use super::{process, say, workspace};

/// The unstable switch of the compiler that the toolchain has the runtime for; and the runtime stands in the test, where
/// the module that it loads looks for it.
const FLAGS: &str = "-Zsanitizer=address -Clink-arg=-rdynamic";
const OPTIONS: &str = "detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1";

/// Builds the module and what it speaks anew, and plays their tests.
pub(super) fn run() -> Result<()> {
    say::step("tests under AddressSanitizer");
    let compiler = workspace::compiler()?;
    let host = compiler
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap_or("x86_64-unknown-linux-gnu");
    process::run(
        workspace::cargo()
            .args(["test", "--locked", "--lib", "--tests"])
            .args(["--package=daypass-gate", "--package=daypass-pam"])
            // With a target named, the flags are for it alone: not for what runs while it is built.
            .args(["--target", host])
            .arg("--target-dir")
            .arg(workspace::target()?.join("asan"))
            .env("RUSTC_BOOTSTRAP", "1")
            .env("RUSTFLAGS", FLAGS)
            .env("ASAN_OPTIONS", OPTIONS),
    )
}
