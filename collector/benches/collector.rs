//! What forwarding costs, beside raw appends in the same run on one file system: `cargo xtask bench collector`. `TMPDIR`
//! chooses the file system.

use std::fs::{OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use daypass_forward::Awaited;
use daypass_protocol::forwarding::About;
use daypass_transport::client::{Client, ClientIdentity, Request};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike};
use serde_json::json;

#[path = "../tests/collector/host.rs"]
#[allow(dead_code)]
mod host;
#[path = "../tests/collector/killed.rs"]
#[allow(dead_code, unused_imports)]
mod killed;
#[path = "../tests/collector/machine.rs"]
#[allow(dead_code)]
mod machine;
#[path = "../tests/collector/port.rs"]
#[allow(dead_code)]
mod port;
#[path = "../tests/collector/proxy.rs"]
#[allow(dead_code)]
mod proxy;
#[path = "../tests/collector/receiver.rs"]
#[allow(dead_code)]
mod receiver;
#[path = "collector/search.rs"]
mod search;
#[path = "../tests/collector/site.rs"]
#[allow(dead_code)]
mod site;

#[path = "../tests/collector/throwaway.rs"]
#[allow(dead_code)]
mod throwaway;

use killed::{Process, settle_in};
use machine::{Machine, collector};
use receiver::Receiver;
use site::Site;

/// Entries that the collector has to take in, of one host or of many together.
const BACKLOG: u64 = 60_000;
/// Entries whose way to the cosignature is timed.
const TIMED: usize = 2000;
/// Alerts whose way is timed.
const ALERTED: usize = 300;
const PATIENCE: Duration = Duration::from_secs(600);

fn main() -> io::Result<()> {
    // `cargo test --all-targets` starts benches too, without this argument.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let out = &mut io::stdout().lock();
    // `cargo bench -p daypass-collector --bench collector -- search`: this part alone.
    if std::env::args().any(|argument| argument == "search") {
        return search::run(out);
    }
    let dir = tempfile::tempdir()?;
    let (raw, sync) = raw_appends(dir.path())?;
    writeln!(
        out,
        "raw append + fdatasync              {raw:10.0} /s   p50 {sync:.1?}"
    )?;
    // `cargo bench -p daypass-collector --bench collector -- alerts`: this part alone.
    if std::env::args().any(|argument| argument == "alerts") {
        return ways(out, "webhook ", alerted(), sync);
    }
    for hosts in [1, 20, 50] {
        let Ingest { rate, each, lag } = ingest(hosts);
        writeln!(
            out,
            "stored and cosigned, {hosts:2} hosts       {rate:10.0} entries/s  {:6.2} of raw appends, {:.1} us of one core each; searchable {lag:.2?} later",
            rate / raw,
            each.as_secs_f64() * 1e6
        )?;
    }
    let (before, after) = idle(1000);
    writeln!(
        out,
        "resident, 1000 idle hosts           {:10.1} MiB        {:.1} MiB before they came",
        after as f64 / 1024.0,
        before as f64 / 1024.0
    )?;
    ways(out, "cosigned", round_trips(), sync)?;
    ways(out, "webhook ", alerted(), sync)?;
    search::run(out)
}

/// How long something took, in the middle and at worst.
fn ways(
    out: &mut impl Write,
    what: &str,
    mut ways: Vec<Duration>,
    sync: Duration,
) -> io::Result<()> {
    ways.sort_unstable();
    let at = |share: f64| ways[((ways.len() - 1) as f64 * share) as usize];
    for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
        writeln!(
            out,
            "durable to {what}, {name}            {:10.2?}  {:6.1} raw appends",
            at(share),
            at(share).as_secs_f64() / sync.as_secs_f64()
        )?;
    }
    Ok(())
}

/// One line after the other, each synced: how many a second, and how long one takes in the middle.
fn raw_appends(dir: &Path) -> io::Result<(f64, Duration)> {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(dir.join("raw"))?;
    let line = [b'x'; 400];
    let (begun, mut each) = (Instant::now(), Vec::new());
    while begun.elapsed() < Duration::from_secs(2) {
        let one = Instant::now();
        file.write_all(&line)?;
        file.sync_data()?;
        each.push(one.elapsed());
    }
    let rate = each.len() as f64 / begun.elapsed().as_secs_f64();
    each.sort_unstable();
    Ok((rate, each[each.len() / 2]))
}

/// What it takes to take entries in.
struct Ingest {
    /// Entries a second, by the clock.
    rate: f64,
    /// Time of a core for each, hosts and collector together: what a loaded machine shows, too.
    each: Duration,
    /// How long after the last cosignature all of them are searchable.
    lag: Duration,
}

/// Time of all cores that this process has used.
fn used() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("usage");
    let of = |time: TimeVal| {
        Duration::from_micros(u64::try_from(time.num_microseconds()).unwrap_or_default())
    };
    of(usage.user_time()) + of(usage.system_time())
}

/// From `hosts` hosts that have a backlog each, from the first word to the last cosignature.
fn ingest(hosts: u64) -> Ingest {
    let site = Site::new();
    let witness = site.server().collector().witness_key();
    let named = [collector(site.server().address().port(), &witness)];
    let each = BACKLOG / hosts;
    let machines: Vec<_> = (0..hosts)
        .map(|number| {
            let machine = Machine::boot(&site, site.stranger(&format!("h{number}")), &[]);
            machine
                .writer
                .declare_witnesses(std::slice::from_ref(&witness))
                .expect("declared");
            backlog(&machine, each);
            machine
        })
        .collect();
    let sealed: u64 = machines.iter().map(|machine| machine.status().sealed).sum();
    let (begun, before) = (Instant::now(), used());
    for machine in &machines {
        machine.forwarder().collectors(&named);
    }
    for machine in &machines {
        machine.settle();
    }
    let (elapsed, used) = (begun.elapsed(), used() - before);
    let cosigned = Instant::now();
    let collector = site.server().collector();
    let after = |taken| collector.stores().checkpoints.segments_after(taken, 1);
    while !after(collector.index().taken().expect("a number"))
        .expect("a list")
        .is_empty()
    {
        thread::sleep(Duration::from_millis(5));
    }
    let lag = cosigned.elapsed();
    for machine in machines {
        machine.shut_down();
    }
    Ingest {
        rate: sealed as f64 / elapsed.as_secs_f64(),
        each: used.div_f64(sealed as f64),
        lag,
    }
}

/// Resident kibibytes of a collector's process to which this many hosts are connected that have nothing to say; its size
/// before they came.
fn idle(hosts: usize) -> (u64, u64) {
    let mut site = Site::new();
    let witness = site.server().collector().witness_key();
    site.stop();
    settle_in(&site, "");
    let process = Process::start(&site);
    let before = process.resident();
    let root = site.ca.root.certificate();
    let host = site.stranger("h0");
    let base = format!("https://localhost:{}", process.address.port());
    let clients: Vec<Client> = (0..hosts)
        .map(|_| {
            let (certificate, key) = &host.identity;
            let identity = ClientIdentity { certificate, key };
            let client = Client::lasting(&base, root, Some(identity)).expect("a client");
            let about: About = client.call(&Request::get("/v1/about")).expect("an answer");
            assert_eq!(about.witness, witness);
            client
        })
        .collect();
    let after = process.resident();
    drop(clients);
    (before, after)
}

/// Writes entries as a busy host does: several callers share a commit.
fn backlog(machine: &Machine, entries: u64) {
    const CALLERS: u64 = 16;
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                for _ in 0..entries / CALLERS {
                    machine.writer.append(&event()).expect("appended");
                }
            });
        }
    });
}

/// From durable on the host to the cosignature, one entry at a time, as before a contractor's sudo.
fn round_trips() -> Vec<Duration> {
    let site = Site::new();
    let witness = site.server().collector().witness_key();
    let named = [collector(site.server().address().port(), &witness)];
    let machine = Machine::boot(&site, site.stranger("db1"), &named);
    machine.await_told("connected");
    machine.settle();
    let link = machine.forwarder().link();
    let ways = (0..TIMED)
        .map(|_| {
            let seq = machine.writer.append(&event()).expect("appended").seq;
            let begun = Instant::now();
            assert_eq!(link.await_cosigned(seq, PATIENCE), Awaited::Cosigned);
            begun.elapsed()
        })
        .collect();
    machine.shut_down();
    ways
}

/// From durable on the host to the alert at a webhook, one entry at a time; each is another person's, so that none is
/// only counted.
fn alerted() -> Vec<Duration> {
    let (dir, receiver) = (tempfile::tempdir().expect("a directory"), Receiver::http());
    let secret = dir.path().join("secret");
    std::fs::write(&secret, "a secret of more than sixteen bytes").expect("written");
    std::fs::set_permissions(&secret, Permissions::from_mode(0o600)).expect("a mode");
    let mut site = Site::new();
    site.stop();
    site.alerts = toml::from_str(&format!(
        "[[webhook]]\nname = \"pager\"\nurl = \"http://127.0.0.1:{}/\"\nsecret_file = {secret:?}",
        receiver.port()
    ))
    .expect("a configuration");
    site.start();
    let witness = site.server().collector().witness_key();
    let named = [collector(site.server().address().port(), &witness)];
    let machine = Machine::boot(&site, site.stranger("db1"), &named);
    machine.await_told("connected");
    machine.settle();
    let ways = (0..ALERTED)
        .map(|number| {
            let mut event = event();
            event["identity"]["person"] = format!("p{number}").into();
            event["command"]["line"] = "sudo rm -r /srv".into();
            machine.writer.append(&event).expect("appended");
            let begun = Instant::now();
            let came = receiver.wait(|came| came.len() > number);
            came[number].at.saturating_duration_since(begun)
        })
        .collect();
    machine.shut_down();
    ways
}

fn event() -> serde_json::Value {
    json!({
        "action": "sudo.request",
        "outcome": "allowed",
        "identity": {"person": "carol", "account": "deploy", "window": "w-01hzzzzzzzzzzzzzzzzzzzzzzz", "serial": "1234567890123456789"},
        "resource": {"host": "db1", "service": "sudo"},
        "origin": {"address": "192.0.2.7", "port": 50_000, "session": "s-0123456789abcdef"},
        "command": {"line": "systemctl restart nginx"},
    })
}
