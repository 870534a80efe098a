//! `daypass log` over a million entries, beside grep and jq over the same files in the same run: `cargo xtask bench log`.
//! `TMPDIR` chooses the file system, `DAYPASS_BENCH_ENTRIES` another number of entries.

use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use daypass_journal::identity::Identity;
use daypass_journal::writer::{Options, Writer};
use serde_json::json;

/// One person of so many is asked for.
const PEOPLE: usize = 1000;

/// Callers at once: so many entries share a seal.
const CALLERS: usize = 64;

fn main() -> io::Result<()> {
    // `cargo test --all-targets` starts benches too, without this argument.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let wanted = std::env::var("DAYPASS_BENCH_ENTRIES")
        .ok()
        .and_then(|text| text.parse().ok());
    let entries = wanted.unwrap_or(1_000_000);
    let dir = tempfile::tempdir()?;
    let out = &mut io::stdout().lock();
    for part in [entries / 10, entries] {
        let journal = dir.path().join(format!("journal-{part}"));
        write_journal(&journal, part);
        measure(out, &journal, part)?;
    }
    Ok(())
}

fn measure(out: &mut impl io::Write, journal: &Path, entries: usize) -> io::Result<()> {
    let bytes: u64 = segments(journal)?
        .iter()
        .map(|path| path.metadata().map_or(0, |file| file.len()))
        .sum();
    writeln!(out, "{entries} entries, {} MiB", bytes >> 20)?;
    let daypass = env!("CARGO_BIN_EXE_daypass");
    let log = |words: &[&str]| {
        let mut command = Command::new(daypass);
        command
            .arg("log")
            .arg(journal)
            .args(words)
            .env("HOME", "/nonexistent");
        command
    };
    let files = segments(journal)?;
    let mut grep = Command::new("grep");
    grep.args(["-hF", "\"user7\""]).args(&files);
    let mut jq = Command::new("jq");
    jq.args(["-c", "select(.identity.person == \"user7\")"])
        .args(&files);
    let line = |out: &mut dyn io::Write, name: &str, run: &Run| {
        writeln!(
            out,
            "  {name:<34} first line {:>8.1?}  whole answer {:>8.1?}  {:>7} lines  peak {:>4} MiB",
            run.first,
            run.whole,
            run.lines,
            run.peak >> 10
        )
    };
    // Once for the page cache, then the best of three: other work on the machine does not count.
    run(grep_again(&grep))?;
    let ours = best(|| run(log(&["--user", "user7"])))?;
    line(out, "daypass log --user user7", &ours)?;
    line(
        out,
        "daypass log --user user7 -o json",
        &best(|| run(log(&["--user", "user7", "-o", "json"])))?,
    )?;
    line(
        out,
        "daypass log --user user7 -n 10",
        &best(|| run(log(&["--user", "user7", "-n", "10"])))?,
    )?;
    line(
        out,
        "daypass log --since 1h --text nginx7",
        &best(|| run(log(&["--since", "1h", "--text", "nginx7 "])))?,
    )?;
    let plain = best(|| run(grep_again(&grep)))?;
    line(out, "grep -F", &plain)?;
    let parsed = run(grep_again(&jq))?;
    line(out, "jq", &parsed)?;
    writeln!(
        out,
        "  whole answer: {:.2} of grep, {:.4} of jq",
        ours.whole.as_secs_f64() / plain.whole.as_secs_f64(),
        ours.whole.as_secs_f64() / parsed.whole.as_secs_f64()
    )
}

struct Run {
    first: Duration,
    whole: Duration,
    lines: usize,
    /// KiB.
    peak: u64,
}

fn best(mut run: impl FnMut() -> io::Result<Run>) -> io::Result<Run> {
    let mut runs = [run()?, run()?, run()?];
    runs.sort_by_key(|run| run.whole);
    let [best, ..] = runs;
    Ok(best)
}

/// A command cannot be started twice.
fn grep_again(command: &Command) -> Command {
    let mut again = Command::new(command.get_program());
    again.args(command.get_args());
    again
}

fn run(mut command: Command) -> io::Result<Run> {
    let start = Instant::now();
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let stdout = child
        .stdout
        .take()
        .ok_or_else(|| io::Error::other("no output"))?;
    let mut reader = BufReader::new(stdout);
    let mut line = Vec::new();
    let mut lines = 0;
    let (mut first, mut peak) = (None, 0);
    while reader.read_until(b'\n', &mut line)? > 0 {
        // The table's heading is no answer.
        if first.is_none() && !line.starts_with(b"TIME") {
            first = Some(start.elapsed());
        }
        lines += 1;
        if lines % 64 == 0 {
            peak = peak.max(peak_of(child.id()));
        }
        line.clear();
    }
    peak = peak.max(peak_of(child.id()));
    child.wait()?;
    Ok(Run {
        first: first.unwrap_or_default(),
        whole: start.elapsed(),
        lines,
        peak,
    })
}

/// The most memory that a process has had so far, KiB.
fn peak_of(pid: u32) -> u64 {
    let mut status = String::new();
    if let Ok(mut file) = std::fs::File::open(format!("/proc/{pid}/status")) {
        // A process that has ended has no such line.
        let _ = file.read_to_string(&mut status);
    }
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0)
}

fn segments(journal: &Path) -> io::Result<Vec<std::path::PathBuf>> {
    let mut paths = Vec::new();
    for file in std::fs::read_dir(journal)? {
        let path = file?.path();
        if path.extension().is_some_and(|end| end == "jsonl") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn write_journal(journal: &Path, entries: usize) {
    let keys = journal.with_extension("keys");
    Identity::create(&keys, "example.org/bench").expect("a new identity");
    let (writer, _) = Writer::open(journal, &keys, Options::default()).expect("a new journal");
    std::thread::scope(|scope| {
        for caller in 0..CALLERS {
            let writer = &writer;
            scope.spawn(move || {
                for number in (caller..entries).step_by(CALLERS) {
                    writer.append(&event(number)).expect("appended");
                }
            });
        }
    });
    writer.close().expect("closed");
}

fn event(number: usize) -> serde_json::Value {
    json!({
        "action": "sudo.start", "outcome": "allowed",
        "identity": {"person": format!("user{}", number % PEOPLE), "account": "deploy", "uid": 1001,
            "window": "w-01jbqv3k5t8x2m4n6p7r9s0vwy", "serial": "4611686018427387904",
            "key": "SHA256:uNiVztksCsDhcc0u9e8BrJXVGDhQ3dQyZLcRbGYkDqM"},
        "resource": {"host": "db1", "service": "sudo", "account": "root"},
        "origin": {"address": "192.0.2.7", "port": 50022, "tty": "pts/0", "session": "s-0011223344556677"},
        "command": {"line": format!("sudo /usr/bin/systemctl restart nginx{} --now", number % 5000), "length": 40,
            "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
    })
}
