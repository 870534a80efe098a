//! Measurements: ratios within one run, printed and never judged.

use super::error::Result;
use super::{process, workspace};

/// What can be measured: a crate with its bench.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bench {
    Journal,
    Collector,
    Log,
    Ca,
}

impl Bench {
    pub(super) fn of(name: &str) -> Option<Self> {
        match name {
            "journal" => Some(Self::Journal),
            "collector" => Some(Self::Collector),
            "log" => Some(Self::Log),
            "ca" => Some(Self::Ca),
            _ => None,
        }
    }

    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Journal => ("daypass-journal", "journal"),
            Self::Collector => ("daypass-collector", "collector"),
            Self::Log => ("daypass", "log"),
            Self::Ca => ("daypass-ca", "ca"),
        }
    }
}

/// Measures, in a release build.
pub(super) fn run(bench: Bench) -> Result<()> {
    let (package, bench) = bench.names();
    process::run(workspace::cargo().args([
        "bench",
        "--locked",
        "--package",
        package,
        "--bench",
        bench,
    ]))
}
