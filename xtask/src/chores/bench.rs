//! Measurements: ratios within one run, printed and never judged.

use daypass_tests::Release;

use super::error::Result;
use super::{debian, package, privilege, process, say, workspace};

/// What can be measured: a crate with its bench.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bench {
    Journal,
    Collector,
    Log,
    Ca,
    /// Not a crate's, but of throwaway hosts with the packages as people get them.
    Host,
}

impl Bench {
    pub(super) fn of(name: &str) -> Option<Self> {
        match name {
            "journal" => Some(Self::Journal),
            "collector" => Some(Self::Collector),
            "log" => Some(Self::Log),
            "ca" => Some(Self::Ca),
            "host" => Some(Self::Host),
            _ => None,
        }
    }

    /// Its crate and its name there.
    fn names(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Journal => Some(("daypass-journal", "journal")),
            Self::Collector => Some(("daypass-collector", "collector")),
            Self::Log => Some(("daypass", "log")),
            Self::Ca => Some(("daypass-ca", "ca")),
            Self::Host => None,
        }
    }
}

/// Measures, in a release build.
pub(super) fn run(bench: Bench) -> Result<()> {
    let Some((package, bench)) = bench.names() else {
        return privilege::as_root(on_hosts);
    };
    process::run(workspace::cargo().args([
        "bench",
        "--locked",
        "--package",
        package,
        "--bench",
        bench,
    ]))
}

fn on_hosts() -> Result<()> {
    debian::install(&[debian::TO_COMPILE, debian::FOR_HOSTS])?;
    let release = Release::chosen()?;
    let packages = package::build(release)?;
    say::step(format_args!("measuring on throwaway hosts ({release})"));
    process::run(
        workspace::cargo()
            .args(["run", "--quiet", "--locked", "--bin=bench-host"])
            .env("DAYPASS_PACKAGES", packages.directory())
            .env("DAYPASS_TEST_RELEASE", release.name()),
    )
}
