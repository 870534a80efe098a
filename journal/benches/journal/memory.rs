//! How much memory a verification takes, by journals of different size: each in a process of its own.

use std::io::{self, Write as _};
use std::path::Path;
use std::process::Command;

use daypass_journal::trust::Trust;
use daypass_journal::verify::{self, verify};

/// Set for the process that verifies: the journal, and beside it `trust.toml`.
const VERIFIES: &str = "DAYPASS_BENCH_VERIFIES";

/// What the process does that was started for it; `false` in every other one.
pub(crate) fn is_child() -> bool {
    let Some(dir) = std::env::var_os(VERIFIES) else {
        return false;
    };
    let dir = Path::new(&dir);
    let trust = Trust::read(&dir.join("trust.toml")).expect("written for this process");
    let report = verify(&dir.join("journal"), &trust, verify::Options::default());
    assert_eq!(report.exit_code(), 0, "{report}");
    writeln!(io::stdout(), "{}", high_water_mark()).expect("whoever started this reads");
    true
}

/// The most memory that verifying the journal in `dir` took, in KiB.
pub(crate) fn most(dir: &Path) -> u64 {
    let mut child = Command::new(std::env::current_exe().expect("a program has a path"));
    child.env(VERIFIES, dir);
    let output = child.output().expect("it starts");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.trim().parse().expect("a number")
}

/// The high-water mark of this process, in KiB.
fn high_water_mark() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("every Linux has it");
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number
        .and_then(|number| number.parse().ok())
        .expect("a number of KiB")
}
