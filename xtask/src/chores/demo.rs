//! `cargo xtask demo`.

use std::path::Path;

use daypass_tests::Release;

use super::error::Result;
use super::{debian, package, process, say, workspace};

/// Prepares the machine, builds the packages and plays the story on them.
pub(crate) fn run(keep: Option<&Path>) -> Result<()> {
    debian::install(&[debian::TO_COMPILE, debian::FOR_HOSTS])?;
    let release = Release::chosen()?;
    let packages = package::for_hosts(release)?;
    say::step("the story");
    let mut story = workspace::cargo();
    story
        .args(["run", "--quiet", "--locked", "--bin=demo", "--"])
        .env("DAYPASS_PACKAGES", packages.directory())
        .env("DAYPASS_TEST_RELEASE", release.name());
    if let Some(directory) = keep {
        // The story runs at the top of the checkout, not where we were called.
        let directory = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
        story.arg("--keep").arg(directory);
    }
    process::run(&mut story)
}
