//! `cargo xtask fuzz`: every parser of bytes from outside, under libFuzzer and AddressSanitizer.

mod findings;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;

use super::error::{Error, Result};
use super::{debian, privilege, process, say, workspace};
use findings::Findings;

/// How long each target is played unless the caller says otherwise.
pub(super) const SECONDS: u32 = 240;
/// The version that is installed, beside what is built.
const CARGO_FUZZ: &str = "0.13.2";
/// A target that needs longer for one input, in seconds, hangs; under the sanitizer everything takes several times as long.
const PATIENCE: u32 = 2;
/// Memory for one input, in MiB.
const MEMORY: u32 = 512;

/// What to play.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// Each target so long.
    pub(super) seconds: u32,
    /// This one alone.
    pub(super) target: Option<String>,
}

/// Where everything is.
struct Place {
    /// What cargo-fuzz builds.
    built: PathBuf,
    /// What is found to be new, and what broke something.
    kept: PathBuf,
}

/// Plays the targets, as many at a time as there are cores, and says how far each came. Who is not root becomes it where
/// something is to be installed first.
pub(super) fn run(plan: &Plan) -> Result<()> {
    let needed: &[&[&str]] = &[debian::TO_COMPILE, debian::TO_FUZZ];
    if debian::missing(needed)?.is_empty() {
        return play_all(plan);
    }
    privilege::as_root(|| {
        debian::install(needed)?;
        play_all(plan)
    })
}

fn play_all(plan: &Plan) -> Result<()> {
    let place = build()?;
    let all =
        targets(&std::fs::read_to_string(manifest()).map_err(Error::path("read", manifest()))?);
    let wanted: Vec<String> = match &plan.target {
        Some(target) if all.contains(target) => vec![target.clone()],
        Some(target) => {
            return Err(Error::NoSuchTarget {
                target: target.clone(),
                all: all.join(", "),
            });
        }
        None => all,
    };
    say::step(format_args!(
        "{} targets, {} s each",
        wanted.len(),
        plan.seconds
    ));
    let left = Mutex::new(wanted.into_iter());
    let broken = Mutex::new(Vec::new());
    let next = || left.lock().ok().and_then(|mut left| left.next());
    let failed = Mutex::new(None);
    thread::scope(|scope| {
        let workers = thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(target) = next() {
                    match play(&place, &target, plan.seconds) {
                        Ok(findings) => {
                            say::text(findings.told(&target));
                            if findings.broke
                                && let Ok(mut broken) = broken.lock()
                            {
                                broken.push(target);
                            }
                        }
                        Err(error) => {
                            if let Ok(mut failed) = failed.lock() {
                                failed.get_or_insert(error);
                            }
                        }
                    }
                }
            });
        }
    });
    if let Some(error) = failed.into_inner().ok().flatten() {
        return Err(error);
    }
    let targets = broken.into_inner().unwrap_or_default();
    if targets.is_empty() {
        Ok(())
    } else {
        Err(Error::Fuzz {
            targets,
            kept: place.kept,
        })
    }
}

fn manifest() -> PathBuf {
    workspace::top().join("fuzz/Cargo.toml")
}

/// The names of the binaries, in the manifest's order.
fn targets(manifest: &str) -> Vec<String> {
    let binaries = manifest.split("[[bin]]").skip(1);
    binaries
        .filter_map(|binary| binary.split('"').nth(1))
        .map(str::to_owned)
        .collect()
}

/// Builds all targets with cargo-fuzz, which is installed first where it is missing.
fn build() -> Result<Place> {
    let target = workspace::target()?;
    let tools = target.join("tools");
    let program = tools.join("bin/cargo-fuzz");
    if !program.exists() {
        say::step(format_args!("installing cargo-fuzz {CARGO_FUZZ}"));
        let version = format!("={CARGO_FUZZ}");
        process::run(
            workspace::cargo()
                .args(["install", "--quiet", "--locked", "cargo-fuzz", "--version"])
                .arg(version)
                .arg("--root")
                .arg(&tools),
        )?;
    }
    let built = target.join("fuzz");
    say::step("building the targets");
    process::run(
        Command::new(program)
            .args(["build", "--target-dir"])
            .arg(&built)
            .current_dir(workspace::top())
            // Sanitizers are for nightly compilers, by their own word; those of this one are no others.
            .env("RUSTC_BOOTSTRAP", "1"),
    )?;
    Ok(Place {
        built: built.join(host()?).join("release"),
        kept: built.join("kept"),
    })
}

/// The machine that the compiler builds for.
fn host() -> Result<String> {
    let compiler = workspace::compiler()?;
    let host = compiler
        .lines()
        .find_map(|line| line.strip_prefix("host: "));
    Ok(host.unwrap_or("x86_64-unknown-linux-gnu").to_owned())
}

/// Plays one target, from its seeds and from what was found to be new before.
fn play(place: &Place, target: &str, seconds: u32) -> Result<Findings> {
    let corpus = directory(&place.kept.join("corpus").join(target))?;
    let broken = directory(&place.kept.join("broken").join(target))?;
    let log = place.kept.join(format!("{target}.log"));
    let file = std::fs::File::create(&log).map_err(Error::path("write", &log))?;
    let mut command = Command::new(place.built.join(target));
    command
        .arg(&corpus)
        .args(seeds(target))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-timeout={PATIENCE}"))
        .arg(format!("-rss_limit_mb={MEMORY}"))
        .arg(format!("-artifact_prefix={}/", broken.display()))
        .arg("-print_final_stats=1")
        // What was freed is kept for a while, to find who uses it still: not so much of it that it counts as memory in use.
        .env("ASAN_OPTIONS", "quarantine_size_mb=32")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(file);
    let status = command.status().map_err(|source| Error::Start {
        command: target.to_owned(),
        source,
    })?;
    let text = std::fs::read(&log).map_err(Error::path("read", &log))?;
    Ok(Findings::of(
        &String::from_utf8_lossy(&text),
        status.success(),
    ))
}

fn directory(path: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(path).map_err(Error::path("make", path))?;
    Ok(path.to_owned())
}

fn seeds(target: &str) -> Option<PathBuf> {
    let seeds = workspace::top().join("fuzz/seeds").join(target);
    seeds.is_dir().then_some(seeds)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_target_is_in_the_manifest_and_every_seed_is_of_one() {
        let named = targets(include_str!("../../../fuzz/Cargo.toml"));
        let named: BTreeSet<String> = named.into_iter().collect();
        let files = |directory: &str| -> BTreeSet<PathBuf> {
            let entries = std::fs::read_dir(workspace::top().join("fuzz").join(directory));
            entries
                .expect("a directory")
                .map(|entry| entry.expect("an entry").path())
                .collect()
        };
        let stem = |path: &PathBuf| {
            path.file_stem()
                .and_then(|name| Some(name.to_str()?.to_owned()))
        };
        let written: BTreeSet<String> = files("fuzz_targets").iter().filter_map(stem).collect();
        assert_eq!(named, written);
        let seeded = files("seeds");
        let seeded = seeded.iter().filter(|path| path.is_dir()).filter_map(stem);
        for seeds in seeded {
            assert!(named.contains(&seeds), "{seeds} is no target");
        }
    }
}
