//! Search over many entries: how fast they become searchable, and how fast questions are answered.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use daypass_collector::index::Index as _;
use daypass_collector::index::query::Query;
use daypass_collector::index::record::Record;
use daypass_collector::index::sqlite::SqliteIndex;
use daypass_collector::origin::Origin;

/// Entries that are searched, unless `DAYPASS_BENCH_ENTRIES` says otherwise.
const ENTRIES: u64 = 1_000_000;
/// Entries of a segment, and segments that are taken at once: as the collector does that has a backlog.
const SEGMENT: u64 = 256;
const AT_ONCE: u64 = 32;
/// Between two entries, in microseconds: a busy site's day has 864,000.
const STEP: u64 = 100_000;
/// 2026-11-01, in microseconds since 1970.
const BEGIN: u64 = 1_793_491_200_000_000;
const HOSTS: u64 = 50;
const PEOPLE: u64 = 200;
/// How often each question is asked.
const ASKED: u32 = 20;

const COMMANDS: [&str; 8] = [
    "systemctl restart nginx",
    "journalctl -u postgresql -n 100 --no-pager",
    "tail -f /var/log/app/current.log",
    "apt-get install -y curl",
    "psql -c 'SELECT count(*) FROM orders'",
    "rsync -a /srv/build/ /srv/www/",
    "cat /etc/nginx/conf.d/site.conf",
    "docker compose up -d",
];

/// Measures, and writes a line for each.
pub(crate) fn run(out: &mut impl Write) -> io::Result<()> {
    let said = std::env::var("DAYPASS_BENCH_ENTRIES").ok();
    let entries = said.and_then(|said| said.parse().ok()).unwrap_or(ENTRIES);
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("index.db");
    let index = SqliteIndex::open(&path).expect("an index");
    let (rate, last) = fill(&index, entries);
    let size = path.metadata()?.len() / 1024 / 1024;
    writeln!(
        out,
        "indexed with text, {entries:9} entries {rate:10.0} entries/s  the last 100,000: {last:.0}  {size} MiB"
    )?;
    let day = (BEGIN + entries * STEP).saturating_sub(86_400_000_000);
    let since =
        daypass_protocol::time::Time::from_unix(i64::try_from(day / 1_000_000).unwrap_or(0));
    for (name, query) in [
        (
            "--user, a day, first page",
            format!("user=p7&since={since}&limit=500"),
        ),
        (
            "--user, a day, newest",
            format!("user=p7&since={since}&limit=500&order=newest"),
        ),
        (
            "--user, nobody",
            format!("user=nobody&since={since}&limit=500"),
        ),
        ("--text, rare", "text=DROP+TABLE&limit=500".to_owned()),
        (
            "--text, rare, newest",
            "text=DROP+TABLE&limit=500&order=newest".to_owned(),
        ),
        (
            "--text, in every eighth",
            "text=restart+nginx&limit=500".to_owned(),
        ),
        (
            "--text, in every eighth, newest",
            "text=restart+nginx&limit=500&order=newest".to_owned(),
        ),
        ("--text, nowhere", "text=mkfs.ext4&limit=500".to_owned()),
        (
            "--text, nowhere, of known pieces",
            "text=nginx+restart&limit=500".to_owned(),
        ),
        (
            "--text and --user",
            format!("text=restart+nginx&user=p56&since={since}&limit=500"),
        ),
        ("--text, two letters", "text=up&limit=500".to_owned()),
        (
            "--text, two letters, nowhere",
            "text=rm&limit=500".to_owned(),
        ),
        (
            "--text, two letters, every thousandth",
            "text=%25q&limit=500".to_owned(),
        ),
        (
            "--text, two letters, every 128th",
            "text=%25r&limit=500&order=newest".to_owned(),
        ),
        ("--text, one letter", "text=%25&limit=500".to_owned()),
        ("--action alarm", "action=alarm&limit=500".to_owned()),
        (
            "live: what came in the last minute",
            format!("order=arrival&since={}&limit=500", minute(entries)),
        ),
    ] {
        let (middle, longest, found) = ask(&index, &query);
        writeln!(
            out,
            "{name:36} {middle:10.2?}  longest {longest:.2?}  finds {found}"
        )?;
    }
    Ok(())
}

fn minute(entries: u64) -> daypass_protocol::time::Time {
    let begun = BEGIN + (entries * STEP).saturating_sub(60_000_000);
    daypass_protocol::time::Time::from_unix(i64::try_from(begun / 1_000_000).unwrap_or(0))
}

/// Entries a second, over all and over the last hundred thousand.
fn fill(index: &SqliteIndex, entries: u64) -> (f64, f64) {
    let logs: Vec<Origin> = (0..HOSTS)
        .map(|host| {
            let log = format!("daypass/0123456789abcdef/host/h{host}.example.org/00000000000000ff");
            log.parse().expect("an origin")
        })
        .collect();
    let (mut taking, mut last) = (Duration::ZERO, Duration::ZERO);
    let (mut done, mut number) = (0, 1);
    while done < entries {
        let lines: Vec<Vec<String>> = (0..AT_ONCE)
            .map(|segment| {
                let first = done + segment * SEGMENT;
                (first..first + SEGMENT).map(line).collect()
            })
            .collect();
        let begun = Instant::now();
        let segments: Vec<Vec<Record>> = (number..)
            .zip(&lines)
            .map(|(number, lines)| {
                let log = &logs[(number % HOSTS) as usize];
                (0..)
                    .zip(lines)
                    .map(|(seq, line)| Record::of(log, seq, line))
                    .collect()
            })
            .collect();
        index.take(number, &segments).expect("taken");
        let took = begun.elapsed();
        taking += took;
        if done + 100_000 >= entries {
            last += took;
        }
        number += AT_ONCE;
        done += AT_ONCE * SEGMENT;
    }
    let of_last = done.min(done - entries.saturating_sub(100_000).min(done));
    (
        done as f64 / taking.as_secs_f64(),
        of_last as f64 / last.as_secs_f64().max(f64::EPSILON),
    )
}

/// Entry number `n` of all.
fn line(n: u64) -> String {
    let time = chrono::DateTime::from_timestamp_micros((BEGIN + n * STEP).cast_signed())
        .expect("a time")
        .format("%Y-%m-%dT%H:%M:%S%.6fZ");
    let (person, session) = (n * 7 % PEOPLE, n / 40);
    let action = match n % 40 {
        0 => "session.open",
        39 => "session.close",
        other if other % 3 == 0 => "sudo.request",
        other if other % 3 == 1 => "sudo.start",
        _ => "sudo.end",
    };
    let command = match (n % 50_000, n % 997, n % 128) {
        (49_999, ..) => format!("psql -c 'DROP TABLE t{n}'"),
        (_, 0, _) => format!("date +%q # {n}"),
        (_, _, 0) => format!("date +%r # {n}"),
        _ => format!("{} # {n}", COMMANDS[(n % 8) as usize]),
    };
    format!(
        r#"{{"seq":{n},"time":"{time}","boot":"0123456789abcdef0123456789abcdef","mono":{n},"salt":"0123456789abcdef0123456789abcdef","action":"{action}","outcome":"allowed","identity":{{"person":"p{person}","account":"deploy","uid":1001,"window":"w-01hzzzzzzzzzzzzzzzzzzzzz{:02}","serial":"{n}"}},"resource":{{"host":"db1","service":"sudo","account":"root"}},"origin":{{"address":"192.0.2.7","port":50000,"session":"s-{session:016x}"}},"command":{{"line":"{command}","length":{},"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}}}}"#,
        person % 100,
        command.len()
    )
}

/// The middle and the longest of some answers, and how much they find.
fn ask(index: &SqliteIndex, query: &str) -> (Duration, Duration, usize) {
    let query = Query::parse(query).expect("a query");
    let mut found = 0;
    let mut took: Vec<Duration> = (0..ASKED)
        .map(|_| {
            let begun = Instant::now();
            found = index.search(&query).expect("an answer").entries.len();
            begun.elapsed()
        })
        .collect();
    took.sort_unstable();
    (took[took.len() / 2], took[took.len() - 1], found)
}
