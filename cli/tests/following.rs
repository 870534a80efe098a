//! `daypass log -f`: from segment to segment, while old ones go.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use daypass_journal::identity::Identity;
use daypass_journal::writer::{Options, Writer};
use serde_json::{Value, json};

/// How long a line may take to come.
const DEADLINE: Duration = Duration::from_secs(60);

struct Followed {
    child: Child,
    lines: Receiver<String>,
}

impl Followed {
    fn start(directory: &Path, words: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_daypass"))
            .args(["log", "-f", "-o", "json"])
            .arg(directory.join("journal"))
            .args(words)
            .env("HOME", directory)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("daypass runs");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// The command of the next line.
    fn next(&self) -> String {
        let line = self.lines.recv_timeout(DEADLINE).expect("a line in time");
        let entry: Value = serde_json::from_str(&line).expect("an entry");
        entry["command"]["line"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn journal(directory: &Path) -> Writer {
    let keys = directory.join("keys");
    Identity::create(&keys, "daypass/0123456789abcdef/host/db1/0123456789abcdef")
        .expect("an identity");
    let options = Options {
        segment_bytes: 20_000,
        ..Options::default()
    };
    Writer::open(&directory.join("journal"), &keys, options)
        .expect("a journal")
        .0
}

fn write(writer: &Writer, person: &str, line: &str) {
    let event =
        json!({"action": "sudo.start", "identity": {"person": person}, "command": {"line": line}});
    writer.append(&event).expect("appended");
}

#[test]
fn what_is_written_is_shown_from_segment_to_segment_each_line_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let writer = journal(directory.path());
    for number in 0..30 {
        write(&writer, "carol", &format!("before {number}"));
        write(&writer, "dave", "something else");
    }
    let followed = Followed::start(directory.path(), &["--user", "carol"]);
    for number in 0..30 {
        assert_eq!(followed.next(), format!("before {number}"));
    }
    for number in 0..60 {
        write(&writer, "dave", "something else");
        write(&writer, "carol", &format!("after {number}"));
    }
    for number in 0..60 {
        assert_eq!(followed.next(), format!("after {number}"));
    }
    // Retention takes away what is old.
    let mut segments: Vec<_> = std::fs::read_dir(directory.path().join("journal"))
        .expect("a directory")
        .map(|file| file.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|end| end == "jsonl"))
        .collect();
    segments.sort();
    assert!(segments.len() > 3, "{segments:?}");
    segments.pop();
    for segment in segments {
        std::fs::remove_file(segment).expect("removed");
    }
    for number in 0..60 {
        write(&writer, "carol", &format!("later {number}"));
    }
    for number in 0..60 {
        assert_eq!(followed.next(), format!("later {number}"));
    }
}

#[test]
fn the_last_lines_come_first_and_then_what_is_new() {
    let directory = tempfile::tempdir().expect("a directory");
    let writer = journal(directory.path());
    for number in 0..50 {
        write(&writer, "carol", &format!("before {number}"));
    }
    let followed = Followed::start(directory.path(), &["--user", "carol", "-n", "2"]);
    assert_eq!(followed.next(), "before 48");
    assert_eq!(followed.next(), "before 49");
    write(&writer, "carol", "after");
    assert_eq!(followed.next(), "after");
}
