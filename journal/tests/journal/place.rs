//! A journal with its keys in a directory of its own, and ways to tamper with it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use daypass_journal::Error;
use daypass_journal::identity::Identity;
use daypass_journal::reader::{Line, Reader};
use daypass_journal::trust::{Trust, TrustedLog};
use daypass_journal::verify::{Options as VerifyOptions, Report, Verdict, verify};
use daypass_journal::writer::{Options, Recovery, Writer};
use serde_json::{Value, json};

pub(crate) const ORIGIN: &str = "daypass/0011223344556677/host/db1/8899aabbccddeeff";

/// Small, because many journals are made at once, and each reserves its room.
pub(crate) const SEGMENT_BYTES: u64 = 256 * 1024;

/// So long a lock may be waited for.
const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self::of(ORIGIN)
    }

    pub(crate) fn of(origin: &str) -> Self {
        Self::made(tempfile::tempdir().unwrap(), origin)
    }

    /// On a file system that is mounted there.
    pub(crate) fn within(mounted: &Path) -> Self {
        Self::made(tempfile::tempdir_in(mounted).unwrap(), ORIGIN)
    }

    fn made(dir: tempfile::TempDir, origin: &str) -> Self {
        Identity::create(&dir.path().join("keys"), origin).unwrap();
        Self { dir }
    }

    /// A journal with `entries` entries after the first two, each sealed on its own, not closed.
    pub(crate) fn written(entries: usize) -> Self {
        let place = Self::new();
        let (writer, _) = place.open();
        place.write(&writer, entries);
        place
    }

    pub(crate) fn write(&self, writer: &Writer, entries: usize) {
        for number in 0..entries {
            let event =
                json!({"action": "sudo.start", "command": {"line": format!("/bin/true {number}")}});
            writer.append(&event).unwrap();
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.dir.path().join("journal")
    }

    pub(crate) fn keys(&self) -> PathBuf {
        self.dir.path().join("keys")
    }

    pub(crate) fn open(&self) -> (Writer, Recovery) {
        self.open_with(Options {
            segment_bytes: SEGMENT_BYTES,
            ..Options::default()
        })
    }

    pub(crate) fn open_with(&self, options: Options) -> (Writer, Recovery) {
        // The lock of a writer that is gone may still be held by a child of another test on its way to exec.
        let begun = Instant::now();
        while begun.elapsed() < DEADLINE {
            match Writer::open(&self.journal(), &self.keys(), options.clone()) {
                Err(Error::InUse { .. }) => std::thread::yield_now(),
                opened => return opened.unwrap(),
            }
        }
        Writer::open(&self.journal(), &self.keys(), options).unwrap()
    }

    pub(crate) fn lines(&self) -> Vec<Line> {
        let reader = Reader::open(&self.journal()).unwrap();
        reader.map(Result::unwrap).collect()
    }

    pub(crate) fn entries(&self) -> Vec<Value> {
        let entry = |line| match line {
            Line::Entry { bytes, .. } => Some(serde_json::from_slice(&bytes).unwrap()),
            _ => None,
        };
        self.lines().into_iter().filter_map(entry).collect()
    }

    pub(crate) fn actions(&self) -> Vec<String> {
        let action = |entry: &Value| entry["action"].as_str().unwrap().to_owned();
        self.entries().iter().map(action).collect()
    }

    pub(crate) fn trust(&self) -> Trust {
        let identity = Identity::open(&self.keys()).unwrap();
        let log = TrustedLog::new(&identity.log_vkey(), &identity.epoch_vkey()).unwrap();
        Trust {
            logs: vec![log],
            ..Trust::default()
        }
    }

    pub(crate) fn verify(&self) -> Report {
        verify(&self.journal(), &self.trust(), VerifyOptions::default())
    }

    pub(crate) fn verify_against(&self, checkpoint: &str) -> Report {
        let options = VerifyOptions {
            checkpoint: Some(checkpoint),
            ..VerifyOptions::default()
        };
        verify(&self.journal(), &self.trust(), options)
    }

    pub(crate) fn segments(&self) -> Vec<PathBuf> {
        let files = std::fs::read_dir(self.journal()).unwrap();
        let mut paths: Vec<_> = files
            .map(|file| file.unwrap().path())
            .filter(|path| path.extension().is_some_and(|end| end == "jsonl"))
            .collect();
        paths.sort();
        paths
    }

    /// The text of the only segment.
    pub(crate) fn text(&self) -> String {
        let [segment] = &self.segments()[..] else {
            panic!("one segment");
        };
        std::fs::read_to_string(segment).unwrap()
    }

    /// Changes the lines of the only segment.
    pub(crate) fn edit(&self, edit: impl FnOnce(&mut Vec<String>)) {
        let text = self.text();
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        edit(&mut lines);
        let mut text = lines.join("\n");
        text.push('\n');
        std::fs::write(&self.segments()[0], text).unwrap();
    }

    /// The notes of all seals.
    pub(crate) fn seals(&self) -> Vec<String> {
        let seal = |line| match line {
            Line::Seal(note) => Some(note),
            _ => None,
        };
        self.lines().into_iter().filter_map(seal).collect()
    }

    /// Copies directory `from` to `to`, replacing what is there.
    pub(crate) fn restore(from: &Path, to: &Path) {
        let _ = std::fs::remove_dir_all(to);
        std::fs::create_dir(to).unwrap();
        for file in std::fs::read_dir(from).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
}

/// The place of line `number` among lines that begin like an entry with that number.
pub(crate) fn line_of(lines: &[String], seq: u64) -> usize {
    let start = format!("{{\"seq\":{seq},");
    lines
        .iter()
        .position(|line| line.starts_with(&start))
        .unwrap()
}

/// The first bad entry, and the cause in words.
pub(crate) fn tampered(report: &Report) -> (u64, String) {
    assert_eq!(report.exit_code(), 1, "{report}");
    match &report.verdict {
        Verdict::Tampered(broken) => (broken.seq, broken.cause.to_string()),
        other => panic!("{other:?}"),
    }
}

/// Options under which segments end often.
pub(crate) fn small_segments() -> Options {
    Options {
        segment_bytes: 20_000,
        ..Options::default()
    }
}
