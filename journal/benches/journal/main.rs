//! What the journal costs, as ratios within one run on one file system: `cargo xtask bench journal`.
//! `TMPDIR` chooses the file system, `DAYPASS_BENCH_ENTRIES` the size of the larger journal whose
//! verification is measured for its memory.

mod journald;
mod memory;

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use daypass_journal::identity::Identity;
use daypass_journal::trust::{Trust, TrustedLog};
use daypass_journal::verify::{self, verify};
use daypass_journal::writer::{Options, Writer};
use journald::Rate;
use nix::time::{ClockId, clock_gettime};
use serde_json::json;

/// How long each measurement runs.
const FOR: Duration = Duration::from_secs(2);

fn main() -> io::Result<()> {
    if memory::is_child() {
        return Ok(());
    }
    // `cargo test --all-targets` starts benches too, without this argument.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let out = &mut io::stdout().lock();
    let dir = tempfile::tempdir()?;
    let raw = raw_appends(dir.path())?;
    writeln!(out, "raw append + fdatasync      {raw:10.0} /s")?;
    let one = appends(dir.path(), "one", 1);
    writeln!(
        out,
        "one caller                  {one:10.0} /s  {:5.2} of raw",
        one / raw
    )?;
    let many = appends(dir.path(), "many", 32);
    writeln!(
        out,
        "32 callers                  {many:10.0} /s  {:5.2} of raw",
        many / raw
    )?;
    let (plain, ending) = rotation(dir.path());
    let ratio = ending.as_secs_f64() / plain.as_secs_f64();
    writeln!(out, "p50 of a commit             {plain:10.1?}")?;
    writeln!(
        out,
        "p50, ending its epoch       {ending:10.1?}  {ratio:5.2} of one that does not"
    )?;
    let (mut fastest, mut waited) = (0.0_f64, 0.0_f64);
    for callers in [1, 128] {
        let verified = verification(dir.path(), callers);
        let rate = |time: Duration| verified.entries as f64 / time.as_secs_f64();
        let (rate, by_clock) = (rate(verified.cpu), rate(verified.clock));
        (fastest, waited) = (fastest.max(rate), waited.max(by_clock));
        let each = verified.entries as f64 / verified.seals as f64;
        writeln!(
            out,
            "verify, {each:4.1} entries a seal  {rate:10.0} /s of one core, {by_clock:.0} /s by the clock"
        )?;
    }
    match journald::rate(dir.path(), &message())? {
        Ok(Rate { cpu, clock }) => writeln!(
            out,
            "journalctl --verify         {cpu:10.0} /s of one core, {clock:.0} /s by the clock; \
             ours is {:.1} and {:.1} times as fast",
            fastest / cpu,
            waited / clock
        )?,
        Err(missing) => writeln!(out, "journalctl --verify         not measured: {missing}")?,
    }
    let larger: usize = std::env::var("DAYPASS_BENCH_ENTRIES")
        .ok()
        .and_then(|number| number.parse().ok())
        .unwrap_or(400_000);
    for entries in [larger / 4, larger] {
        let place = dir.path().join(format!("memory-{entries}"));
        std::fs::create_dir(&place)?;
        let (writer, trust) = journal(&place, "journal");
        write_all(&writer, 64, entries / 64);
        writer.close().expect("closed");
        std::fs::write(place.join("trust.toml"), trust.to_string())?;
        let most = memory::most(&place);
        writeln!(
            out,
            "verify, {entries:8} entries    {most:10} KiB of memory at most"
        )?;
        std::fs::remove_dir_all(place)?;
    }
    Ok(())
}

/// The median length of an entry's line of [`event`], in bytes.
const ENTRY: usize = 700;

/// As long as an entry, and of the same kind of text.
fn message() -> String {
    let mut message = event().to_string();
    while message.len() < ENTRY {
        message.push_str(r#" "salt":"6b2f0c9d""#);
    }
    message.truncate(ENTRY);
    message
}

fn event() -> serde_json::Value {
    json!({
        "action": "sudo.start", "outcome": "allowed",
        "identity": {"person": "carol", "account": "deploy", "uid": 1001,
            "window": "w-01jbqv3k5t8x2m4n6p7r9s0vwy", "serial": "4611686018427387904",
            "key": "SHA256:uNiVztksCsDhcc0u9e8BrJXVGDhQ3dQyZLcRbGYkDqM"},
        "resource": {"host": "db1", "service": "sudo", "account": "root"},
        "origin": {"address": "192.0.2.7", "port": 50022, "tty": "pts/0", "session": "s-0011223344556677"},
        "command": {"line": "/usr/bin/systemctl restart postgresql"},
    })
}

fn raw_appends(dir: &Path) -> io::Result<f64> {
    let line = vec![b'x'; ENTRY];
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(dir.join("raw"))?;
    let (start, mut count) = (Instant::now(), 0_u32);
    while start.elapsed() < FOR {
        file.write_all(&line)?;
        file.sync_data()?;
        count += 1;
    }
    Ok(f64::from(count) / start.elapsed().as_secs_f64())
}

fn journal(dir: &Path, name: &str) -> (Writer, Trust) {
    let (journal, keys) = (dir.join(name), dir.join(format!("{name}-keys")));
    let identity = Identity::create(&keys, "example.org/bench").expect("a new identity");
    let log = TrustedLog::new(&identity.log_vkey(), &identity.epoch_vkey()).expect("its keys");
    let (writer, _) = Writer::open(&journal, &keys, Options::default()).expect("a new journal");
    let trust = Trust {
        logs: vec![log],
        ..Trust::default()
    };
    (writer, trust)
}

fn appends(dir: &Path, name: &str, callers: usize) -> f64 {
    let (writer, _) = journal(dir, name);
    let start = Instant::now();
    let count: usize = std::thread::scope(|scope| {
        let append = || {
            let mut count = 0;
            while start.elapsed() < FOR {
                writer.append(&event()).expect("appended");
                count += 1;
            }
            count
        };
        let callers: Vec<_> = (0..callers).map(|_| scope.spawn(append)).collect();
        callers
            .into_iter()
            .map(|caller| caller.join().expect("no panic"))
            .sum()
    });
    count as f64 / start.elapsed().as_secs_f64()
}

/// The medians of commits that go on and of commits that end their epoch, at 100 a second.
fn rotation(dir: &Path) -> (Duration, Duration) {
    let (writer, _) = journal(dir, "rotation");
    let mut times = [vec![], vec![]];
    for round in 0..400_u32 {
        // Each kind comes after each as often: what went before, and the pause since, are the same for both.
        let ends = (round / 2) % 2;
        let start = Instant::now();
        match ends {
            0 => writer.append(&event()).expect("appended"),
            _ => writer.append_ending_epoch(&event()).expect("appended"),
        };
        times[ends as usize].push(start.elapsed());
        std::thread::sleep(Duration::from_millis(10).saturating_sub(start.elapsed()));
    }
    let [plain, ending] = times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2]
    });
    (plain, ending)
}

/// What this process has had of all cores: other work on the machine does not count.
fn cpu_time() -> Duration {
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)
        .expect("every Linux has this clock")
        .into()
}

fn write_all(writer: &Writer, callers: usize, each: usize) {
    std::thread::scope(|scope| {
        for _ in 0..callers {
            scope.spawn(|| (0..each).for_each(|_| drop(writer.append(&event()))));
        }
    });
}

/// What a verification took.
struct Verified {
    entries: u64,
    seals: u64,
    /// On all cores together,
    cpu: Duration,
    /// and for whoever waits.
    clock: Duration,
}

fn verification(dir: &Path, callers: usize) -> Verified {
    let name = format!("verify-{callers}");
    let (writer, trust) = journal(dir, &name);
    write_all(&writer, callers, 200_000 / callers.max(8));
    writer.close().expect("closed");
    let (start, begun) = (cpu_time(), Instant::now());
    let report = verify(&dir.join(&name), &trust, verify::Options::default());
    let (cpu, clock) = (cpu_time() - start, begun.elapsed());
    assert_eq!(report.exit_code(), 0, "{report}");
    let reader = daypass_journal::reader::Reader::open(&dir.join(&name)).expect("readable");
    let is_seal = |line: &Result<daypass_journal::reader::Line, _>| {
        matches!(line, Ok(daypass_journal::reader::Line::Seal(_)))
    };
    Verified {
        entries: report.proven,
        seals: reader.filter(is_seal).count() as u64,
        cpu,
        clock,
    }
}
