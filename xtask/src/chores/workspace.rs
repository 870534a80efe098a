//! The checkout that we work on, its target directory and its toolchain.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::error::{Error, Result};
use super::{process, say};

/// The top of the checkout.
pub(crate) fn top() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// The cargo that runs us.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(top());
    command
}

/// What cargo knows of the members, their dependencies and the target directory.
pub(crate) fn metadata() -> Result<Value> {
    let mut command = cargo();
    command.args(["metadata", "--format-version=1", "--no-deps", "--locked"]);
    let json = process::output(&mut command)?;
    serde_json::from_slice(&json).map_err(|source| Error::Json {
        command: "cargo metadata".to_owned(),
        source,
    })
}

/// Where cargo builds, and where everything that the chores make stands.
pub(crate) fn target() -> Result<PathBuf> {
    let metadata = metadata()?;
    Ok(metadata["target_directory"]
        .as_str()
        .map_or_else(|| top().join("target"), PathBuf::from))
}

/// The root of the toolchain that builds this checkout.
pub(crate) fn toolchain() -> Result<PathBuf> {
    let mut rustc = Command::new("rustc");
    let printed = process::output(rustc.args(["--print", "sysroot"]).current_dir(top()))?;
    let sysroot = PathBuf::from(String::from_utf8_lossy(&printed).trim());
    if sysroot == Path::new("/usr") {
        return Err(Error::SystemToolchain { sysroot });
    }
    Ok(sysroot)
}

/// Which C library a program can be linked with that takes it along whole.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Static {
    /// The compiler's own musl.
    Musl,
    /// The build root's glibc.
    Glibc,
}

/// Has the toolchain bring musl, where it can be told to: what starts without glibc starts sooner. `debian/rules` looks
/// whether it is there.
pub(crate) fn static_library() -> Result<Static> {
    let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    let place = toolchain()?.join("lib/rustlib").join(&target).join("lib");
    if !place.is_dir() {
        let mut rustup = Command::new("rustup");
        let add = rustup.args(["target", "add", &target]).current_dir(top());
        if !process::succeeds(add) {
            say::note(
                "without rustup's musl, sshd's helper is linked with glibc, and starts more slowly",
            );
        }
    }
    Ok(match place.is_dir() {
        true => Static::Musl,
        false => Static::Glibc,
    })
}

/// The compiler, as it describes itself.
pub(crate) fn compiler() -> Result<String> {
    let mut rustc = Command::new("rustc");
    let printed = process::output(rustc.args(["--version", "--verbose"]).current_dir(top()))?;
    Ok(String::from_utf8_lossy(&printed).into_owned())
}

/// Where cargo keeps the sources of dependencies.
pub(crate) fn cargo_home() -> PathBuf {
    let named = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home =
        || PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| "/root".into())).join(".cargo");
    named.unwrap_or_else(home)
}
