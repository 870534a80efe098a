//! `cargo xtask test`.

use daypass_tests::Release;

use super::error::Result;
use super::{debian, package, privilege, process, say, workspace};

/// How much to test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// What needs neither root nor a host.
    Fast,
    /// All there is.
    Everything,
}

/// Runs the tests; what the runners print is theirs.
pub(crate) fn run(scope: Scope) -> Result<()> {
    match scope {
        Scope::Fast => fast(),
        Scope::Everything => privilege::as_root(|| {
            debian::install(debian::EVERYTHING)?;
            fast()?;
            on_hosts(Release::chosen()?)
        }),
    }
}

fn fast() -> Result<()> {
    say::step("fast tests");
    process::run(workspace::cargo().args(["test", "--workspace", "--locked"]))
}

/// Each test has hosts of its own; two at a time keep a small machine busy, more make it slow.
fn on_hosts(release: Release) -> Result<()> {
    let packages = package::build(release)?;
    say::step(format_args!("tests on throwaway hosts ({release})"));
    process::run(
        workspace::cargo()
            .args([
                "test",
                "--locked",
                "--package=daypass-tests",
                "--features=hosts",
                "--tests",
                "--",
            ])
            .arg("--test-threads=2")
            .env("DAYPASS_PACKAGES", packages.directory())
            .env("DAYPASS_TEST_RELEASE", release.name()),
    )
}
