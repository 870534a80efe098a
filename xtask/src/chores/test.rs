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

/// Which of the tests on hosts.
enum Rows<'a> {
    All,
    /// Those whose names contain this word.
    Named(&'a str),
    /// What another sshd, sudo or PAM may answer differently.
    OfTheRelease,
}

/// Runs the tests; what the runners print is theirs.
pub(crate) fn run(scope: &Scope) -> Result<()> {
    match scope {
        Scope::Fast => fast(),
        Scope::Rows(word) => privilege::as_root(|| {
            debian::install(debian::EVERYTHING)?;
            let rows = word.as_deref().map_or(Rows::All, Rows::Named);
            on_hosts(Release::chosen()?, &rows)
        }),
        Scope::Everything => privilege::as_root(|| {
            debian::install(debian::EVERYTHING)?;
            fast()?;
            asan::run()?;
            let release = Release::chosen()?;
            on_hosts(release, &Rows::All)?;
            match release {
                Release::Bookworm => on_hosts(Release::Trixie, &Rows::OfTheRelease),
                Release::Trixie => Ok(()),
            }
        }),
    }
}

fn fast() -> Result<()> {
    say::step("fast tests");
    process::run(workspace::cargo().args(["test", "--workspace", "--locked"]))
}

/// Each test has hosts of its own; two at a time keep a small machine busy, more make it slow.
fn on_hosts(release: Release, rows: &Rows<'_>) -> Result<()> {
    let packages = package::for_hosts(release)?;
    say::step(format_args!("tests on throwaway hosts ({release})"));
    let (tests, word): (&[&str], _) = match rows {
        Rows::All => (&ON_HOSTS, None),
        Rows::Named(word) => (&ON_HOSTS, Some(*word)),
        Rows::OfTheRelease => (&["doors"], None),
    };
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
        .args(tests.iter().map(|name| format!("--test={name}")))
        .args(["--", "--test-threads=2"])
        .args(word)
        .env("DAYPASS_PACKAGES", packages.directory())
        .env("DAYPASS_TEST_RELEASE", release.name());
    if matches!(rows, Rows::OfTheRelease) {
        command.env("DAYPASS_TEST_ROWS", "release");
    }
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
