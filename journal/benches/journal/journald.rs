//! The same question to journald: a sealed file of as many messages of the same size, verified by
//! `journalctl`. Its keys are made in a mount namespace of their own, so that the machine's stay.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

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

/// Messages that journald verifies in a second:
pub(crate) struct Rate {
    /// of one core's time,
    pub(crate) cpu: f64,
    /// and by the clock.
    pub(crate) clock: f64,
}

/// Measures it.
pub(crate) fn rate(dir: &Path, message: &str) -> io::Result<Result<Rate, Missing>> {
    if !Path::new(REMOTE).exists() {
        return Ok(Err("install systemd-journal-remote (cargo xtask setup)"));
    }
    export(&dir.join("export"), message)?;
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
    let (before, begun) = (used_by_children(), Instant::now());
    // It goes on in a second file when the first is full.
    let verified = Command::new("journalctl")
        .arg("--verify")
        .args(files(dir)?)
        .arg(format!("--verify-key={}", key.trim()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    let (cpu, clock) = (used_by_children() - before, begun.elapsed());
    Ok(match verified.success() {
        true => Ok(Rate {
            cpu: MESSAGES as f64 / cpu.as_secs_f64(),
            clock: MESSAGES as f64 / clock.as_secs_f64(),
        }),
        false => Err("journalctl --verify did not pass its own file"),
    })
}

/// Messages from now on in journald's export format; keys hold for what comes after they were made.
fn export(path: &Path, message: &str) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let begin = now.unwrap_or_default().as_micros() as u64 + 60_000_000;
    for number in 0..MESSAGES {
        write!(
            out,
            "__REALTIME_TIMESTAMP={}\n__MONOTONIC_TIMESTAMP={}\n\
             _BOOT_ID=00112233445566778899aabbccddeeff\nMESSAGE={number} {message}\n\n",
            begin + number * 1000,
            number * 1000,
        )?;
    }
    out.flush()
}

/// The arguments that name the files.
fn files(dir: &Path) -> io::Result<Vec<String>> {
    let mut files = Vec::new();
    for file in std::fs::read_dir(dir)? {
        let path = file?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("sealed") && name.ends_with(".journal") {
            files.push(format!("--file={}", path.display()));
        }
    }
    Ok(files)
}

fn used_by_children() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("every Linux counts this");
    let of = |time: nix::sys::time::TimeVal| {
        Duration::from_micros(time.tv_sec() as u64 * 1_000_000 + time.tv_usec() as u64)
    };
    of(usage.user_time()) + of(usage.system_time())
}
