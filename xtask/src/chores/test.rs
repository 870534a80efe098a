//! `cargo xtask test`.

use daypass_tests::Release;

use super::error::Result;
use super::{asan, debian, package, privilege, process, say, workspace};

/// The tests that start hosts.
const ON_HOSTS: [&str; 4] = ["throwaway_hosts", "doors", "packages", "years"];

/// How much to test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// What needs neither root nor a host.
    Fast,
    /// On hosts alone, and of those tests the rows whose names contain this word.
    Rows(Option<String>),
    /// All there is.
    Everything,
}

/// Each test has hosts of its own and spends most of its time waiting for them; so many at a time keep two cores busy.
const AT_A_TIME: usize = 3;

/// Runs the tests; what the runners print is theirs.
pub(crate) fn run(scope: &Scope) -> Result<()> {
    match scope {
        Scope::Fast => fast(),
        Scope::Rows(word) => privilege::as_root(|| {
            debian::install(debian::EVERYTHING)?;
            on_hosts(Release::chosen()?, word.as_deref())
        }),
        Scope::Everything => privilege::as_root(|| {
            debian::install(debian::EVERYTHING)?;
            fast()?;
            asan::run()?;
            let release = Release::chosen()?;
            on_hosts(release, None)?;
            match release {
                Release::Bookworm => on_hosts(Release::Trixie, None),
                Release::Trixie => Ok(()),
            }
        }),
    }
}

fn fast() -> Result<()> {
    say::step("fast tests");
    process::run(workspace::cargo().args(["test", "--workspace", "--locked"]))
}

/// The tests on hosts of this release: all of them, or those whose names contain the word.
fn on_hosts(release: Release, word: Option<&str>) -> Result<()> {
    let packages = package::for_hosts(release)?;
    say::step(format_args!("tests on throwaway hosts ({release})"));
    let mut command = workspace::cargo();
    // By the tests' names over the whole workspace: one package alone would have its dependencies
    // built once more, with other features.
    command
        .args([
            "test",
            "--workspace",
            "--locked",
            "--no-fail-fast",
            "--features=daypass-tests/hosts",
        ])
        .args(ON_HOSTS.map(|name| format!("--test={name}")))
        .args(["--", &format!("--test-threads={AT_A_TIME}")])
        .args(word)
        .env("DAYPASS_PACKAGES", packages.directory())
        .env("DAYPASS_TEST_RELEASE", release.name());
    process::run(&mut command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_test_that_starts_hosts_is_run() {
        let manifest = include_str!("../../../tests/Cargo.toml");
        let behind_the_feature = manifest
            .split("[[test]]")
            .skip(1)
            .filter(|test| test.contains("required-features"))
            .filter_map(|test| test.split('"').nth(1));
        let (mut named, mut listed): (Vec<_>, Vec<_>) =
            (behind_the_feature.collect(), ON_HOSTS.to_vec());
        named.sort_unstable();
        listed.sort_unstable();
        assert_eq!(named, listed);
    }
}
