//! Becoming root where a chore needs it.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use daypass_tests::Tool;
use nix::unistd::{geteuid, getgid, getuid};

use super::error::{Error, Result};
use super::{process, say, workspace};

/// What the chore needs of our environment; sudo starts with an empty one.
const KEPT: &[&str] = &[
    "PATH",
    "HOME",
    "CARGO",
    "CARGO_HOME",
    "CARGO_TARGET_DIR",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "DAYPASS_TEST_RELEASE",
    "DAYPASS_TEST_MIRROR",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "NO_COLOR",
];

/// Does the work as root: at once, or by calling ourselves through sudo.
pub(crate) fn as_root(work: impl FnOnce() -> Result<()>) -> Result<()> {
    if geteuid().is_root() {
        return work();
    }
    if !(Tool {
        command: "sudo",
        package: "sudo",
    })
    .is_there()
    {
        return Err(Error::NoPrivilege);
    }
    // Root must not be the one who first unpacks into the caller's cargo home.
    process::run(workspace::cargo().args(["fetch", "--locked"]))?;
    say::note("this needs root: asking sudo");
    let ourselves = Path::new("/proc/self/exe");
    let ourselves = std::fs::read_link(ourselves).map_err(Error::path("read", ourselves))?;
    let kept = KEPT.iter().filter_map(|name| {
        let mut pair = OsString::from(format!("{name}="));
        pair.push(std::env::var_os(name)?);
        Some(pair)
    });
    let done = process::run(
        Command::new("sudo")
            .arg("--")
            .arg("env")
            .args(kept)
            .arg(ourselves)
            .args(std::env::args_os().skip(1)),
    );
    give_back(&workspace::target()?)?;
    done
}

/// What root built stays the caller's to remove.
fn give_back(target: &Path) -> Result<()> {
    let owner = format!("{}:{}", getuid(), getgid());
    process::run(
        Command::new("sudo")
            .args(["--", "chown", "--recursive", "--no-dereference", &owner])
            .arg(target),
    )
}
