//! The same question to journald: a sealed file of as many messages of the same size, verified by
//! `journalctl`. Its keys are made in a mount namespace of their own, so that the machine's stay.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::sys::resource::{UsageWho, getrusage};

/// How many messages.
const MESSAGES: u64 = 200_000;

const REMOTE: &str = "/usr/lib/systemd/systemd-journal-remote";

/// Makes the keys and the file; `$1` is the directory.
const MAKE: &str = r#"
set -e
mount -t tmpfs tmpfs /var/log
mkdir -p "/var/log/journal/$(cat /etc/machine-id)"
journalctl --setup-keys --interval=10s --force > "$1/key" 2>/dev/null
/usr/lib/systemd/systemd-journal-remote --output="$1/sealed.journal" --split-mode=none --seal=yes "$1/export" >&2
"#;

/// Why there is nothing to compare with.
pub(crate) type Missing = &'static str;

/// Messages that journald verifies in a second of one core's time.
pub(crate) fn rate(dir: &Path, length: usize) -> io::Result<Result<f64, Missing>> {
    if !Path::new(REMOTE).exists() {
        return Ok(Err("install systemd-journal-remote (cargo xtask setup)"));
    }
    export(&dir.join("export"), length)?;
    let made = Command::new("unshare")
        .args(["--mount", "sh", "-c", MAKE, "sh"])
        .arg(dir)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    if !made.success() {
        return Ok(Err("making its keys takes root"));
    }
    let key = std::fs::read_to_string(dir.join("key"))?;
    let before = used_by_children();
    let verified = Command::new("journalctl")
        .arg("--verify")
        .arg(format!("--file={}", dir.join("sealed.journal").display()))
        .arg(format!("--verify-key={}", key.trim()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    let took = used_by_children() - before;
    Ok(match verified.success() {
        true => Ok(MESSAGES as f64 / took.as_secs_f64()),
        false => Err("journalctl --verify did not pass its own file"),
    })
}

/// Messages from now on in journald's export format; keys hold for what comes after they were made.
fn export(path: &Path, length: usize) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let begin = now.unwrap_or_default().as_micros() as u64 + 60_000_000;
    for number in 0..MESSAGES {
        let start = format!("{number} ");
        let rest = "y".repeat(length.saturating_sub(start.len()));
        write!(
            out,
            "__REALTIME_TIMESTAMP={}\n__MONOTONIC_TIMESTAMP={}\n\
             _BOOT_ID=00112233445566778899aabbccddeeff\nMESSAGE={start}{rest}\n\n",
            begin + number * 1000,
            number * 1000,
        )?;
    }
    out.flush()
}

fn used_by_children() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("every Linux counts this");
    let of = |time: nix::sys::time::TimeVal| {
        Duration::from_micros(time.tv_sec() as u64 * 1_000_000 + time.tv_usec() as u64)
    };
    of(usage.user_time()) + of(usage.system_time())
}
