//! Debian packages, built inside a root of the release that they are for.
//!
//! The root is lent the toolchain and the sources of the dependencies, read-only and without a
//! network, always under the same paths: so packages do not depend on the machine that builds them,
//! be it a newer release or another distribution, and two builds are the same bit for bit.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use daypass_tests::{Release, Root, RootKind};

use super::error::{Error, Result};
use super::{debian, process, say, source_tree, workspace};

mod programs;

/// The packages that every build makes.
const NAMES: [&str; 3] = ["daypass", "daypass-host", "daypass-server"];

/// How many lines of a failed build are shown.
const SHOWN: usize = 40;

/// The finished packages of one release.
#[derive(Debug)]
pub(crate) struct Packages {
    directory: PathBuf,
}

impl Packages {
    /// The directory that holds them, and no others.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Tells where they are.
    pub(crate) fn say(&self) {
        say::text(self.directory.display());
    }

    fn are_complete(&self) -> Result<()> {
        for package in NAMES {
            let prefix = format!("{package}_");
            let names = fs::read_dir(&self.directory)
                .into_iter()
                .flatten()
                .flatten();
            let mut names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
            if !names.any(|name| name.starts_with(&prefix) && name.ends_with(".deb")) {
                return Err(Error::PackageMissing {
                    package,
                    directory: self.directory.clone(),
                });
            }
        }
        Ok(())
    }
}

/// Builds the packages that people get.
pub(crate) fn build(release: Release) -> Result<Packages> {
    build_with(release, None)
}

/// Packages for throwaway hosts: around the programs of the checkout's own build where the release
/// can run them, which saves the optimised build of everything; else as [`build`].
pub(crate) fn for_hosts(release: Release) -> Result<Packages> {
    if !programs::can_run_on(release) {
        return build(release);
    }
    build_with(release, Some(programs::build()?))
}

/// Packs `programs`, or builds them first in the root, unless the packages that are there were made
/// from the same sources by the same compiler.
fn build_with(release: Release, programs: Option<PathBuf>) -> Result<Packages> {
    debian::install(&[debian::FOR_HOSTS])?;
    let kind = programs
        .as_ref()
        .map_or("packages", |_| "packages-for-hosts");
    let place = workspace::target()?.join(kind).join(release.name());
    let packages = Packages {
        directory: place.join("packages"),
    };
    let sources = source_tree::files(workspace::top())?;
    let digest = source_tree::digest(workspace::top(), &sources)?;
    let mut digest = format!("sources {digest:016x}\n{}", workspace::compiler()?);
    if programs.is_none() {
        digest.push_str(&format!("static {:?}\n", workspace::static_library()?));
    }
    let stamp = place.join("built-from");
    if fs::read_to_string(&stamp).is_ok_and(|built| built == digest)
        && packages.are_complete().is_ok()
    {
        return Ok(packages);
    }
    say::step(format_args!("building the packages for {release}"));
    lay_out(&place, &sources)?;
    process::run(workspace::cargo().args(["fetch", "--locked", "--quiet"]))?;
    let root = Root::obtain(release, RootKind::Build)?;
    let mut command = build_command(&root, &place)?;
    if let Some(programs) = programs {
        command.arg(format!("--bind-ro={}:/build/programs", programs.display()));
        // Packed for this machine's own hosts: the time that xz takes here would be lost twice.
        command.args([
            "--setenv=PROGRAMS=/build/programs",
            "--setenv=DPKG_DEB_COMPRESSOR_TYPE=zstd",
            "--setenv=DPKG_DEB_COMPRESSOR_LEVEL=1",
        ]);
        fs::create_dir_all(place.join("programs")).map_err(Error::path("make", &place))?;
    }
    command.args([
        "dpkg-buildpackage",
        "--build=binary",
        "--unsigned-changes",
        "--no-pre-clean",
    ]);
    run_logged(&mut command, &place.join("build.log"))?;
    gather(&place, &packages.directory)?;
    packages.are_complete()?;
    fs::write(&stamp, digest).map_err(Error::path("write", stamp))?;
    Ok(packages)
}

/// `source/` with `debian/` at its top, as dpkg wants it.
fn lay_out(place: &Path, sources: &[PathBuf]) -> Result<()> {
    let source = place.join("source");
    let debian = source.join("debian");
    source_tree::copy(workspace::top(), sources, &source)?;
    if debian.exists() {
        fs::remove_dir_all(&debian).map_err(Error::path("remove", &debian))?;
    }
    let packaging = workspace::top().join("packaging/debian");
    source_tree::copy(&packaging, &source_tree::files(&packaging)?, &debian)?;
    for directory in ["target", "cargo"] {
        let path = place.join(directory);
        fs::create_dir_all(&path).map_err(Error::path("make the directory", path))?;
    }
    Ok(())
}

/// All but the words of the build itself.
fn build_command(root: &Root, place: &Path) -> Result<Command> {
    let mut command = Command::new("systemd-nspawn");
    command
        .args([
            "--quiet",
            "--register=no",
            "--keep-unit",
            "--private-network",
            "--read-only",
            "--console=pipe",
        ])
        .arg(format!("--directory={}", root.path().display()))
        .arg(format!("--bind={}:/build", place.display()))
        .arg(format!(
            "--bind-ro={}:/opt/rust",
            workspace::toolchain()?.display()
        ))
        .arg("--chdir=/build/source")
        .args([
            "--setenv=PATH=/opt/rust/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "--setenv=CARGO_HOME=/build/cargo",
        ])
        .args([
            "--setenv=CARGO_NET_OFFLINE=true",
            "--setenv=CARGO_TARGET_DIR=/build/target",
        ])
        .arg("--setenv=DEB_BUILD_OPTIONS=noautodbgsym");
    // Only what cargo downloaded, and how it was told to; no credentials.
    for part in ["registry", "git", "config.toml"] {
        let path = workspace::cargo_home().join(part);
        if path.exists() {
            command.arg(format!("--bind-ro={}:/build/cargo/{part}", path.display()));
        }
    }
    Ok(command)
}

/// The build's many lines go to a file, whose end is shown when it fails.
fn run_logged(command: &mut Command, log: &Path) -> Result<()> {
    say::note(format_args!(
        "some minutes the first time; its log is {}",
        log.display()
    ));
    let file = fs::File::create(log).map_err(Error::path("write", log))?;
    let errors = file.try_clone().map_err(Error::path("open", log))?;
    let done = process::run(command.stdin(Stdio::null()).stdout(file).stderr(errors));
    if done.is_err() {
        let text = fs::read(log).map_err(Error::path("read", log))?;
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        say::note(lines[lines.len().saturating_sub(SHOWN)..].join("\n"));
    }
    done
}

/// Moves what dpkg put beside the sources into a directory that holds nothing older.
fn gather(place: &Path, directory: &Path) -> Result<()> {
    if directory.exists() {
        fs::remove_dir_all(directory).map_err(Error::path("remove", directory))?;
    }
    fs::create_dir_all(directory).map_err(Error::path("make the directory", directory))?;
    let entries = fs::read_dir(place).map_err(Error::path("list", place))?;
    for entry in entries.flatten() {
        let path = entry.path();
        let made = path.extension().is_some_and(|extension| {
            ["deb", "changes", "buildinfo"]
                .iter()
                .any(|e| extension == *e)
        });
        if made {
            fs::rename(&path, directory.join(entry.file_name()))
                .map_err(Error::path("move", &path))?;
        }
    }
    Ok(())
}
