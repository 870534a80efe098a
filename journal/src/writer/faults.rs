//! A fault at each operation that must be durable, one after the other, through all that a writer does:
//! the disk is full, fails, or the machine stops there. Whatever it was, nothing acknowledged is lost,
//! nothing looks tampered with, and the next start goes on.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use chrono::{TimeDelta, Utc};
use nix::errno::Errno;
use serde_json::json;

use super::tests::once_free;
use super::{Options, Retention, Writer};
use crate::durable::{Action, fault};
use crate::error::Error;
use crate::identity::Identity;
use crate::reader::{Line, Reader};
use crate::trust::{Trust, TrustedLog};
use crate::verify::{self, Remark, verify};

const ACTIONS: [Action; 6] = [
    Action::MakeDirectory,
    Action::Create,
    Action::Write,
    Action::Sync,
    Action::Rename,
    Action::SyncDirectory,
];

struct Place(PathBuf);

impl Place {
    fn journal(&self) -> PathBuf {
        self.0.join("journal")
    }

    fn keys(&self) -> PathBuf {
        self.0.join("keys")
    }

    fn open(&self) -> Result<Writer, Error> {
        let options = Options {
            segment_bytes: 4_000,
            ..Options::default()
        };
        Writer::open(&self.journal(), &self.keys(), options).map(|(writer, _)| writer)
    }

    fn open_once_free(&self) -> Result<Writer, Error> {
        once_free(|| self.open())
    }

    fn verify(&self) -> verify::Report {
        let identity = Identity::open(&self.keys()).unwrap();
        let log = TrustedLog::new(&identity.log_vkey(), &identity.epoch_vkey()).unwrap();
        let trust = Trust {
            logs: vec![log],
            ..Trust::default()
        };
        verify(&self.journal(), &trust, verify::Options::default())
    }

    /// Which entries there are, those of which a hash is left among them.
    fn numbers(&self) -> Vec<u64> {
        let numbers = |line| match line {
            Line::Entry { seq, .. } | Line::Erased { seq, .. } => seq..seq + 1,
            Line::Retired { first, leaves } => first..first + leaves.len() as u64,
            _ => 0..0,
        };
        let Ok(lines) = Reader::open(&self.journal()) else {
            return Vec::new();
        };
        lines.flat_map(|line| numbers(line.unwrap())).collect()
    }
}

/// Everything that a writer does; `told` of each number that it acknowledges.
fn work(place: &Place, mut told: impl FnMut(u64)) -> Result<(), Error> {
    let writer = place.open()?;
    let blob = writer.keep_blob(b"a long command")?;
    told(writer.rotate_log_key("root")?.receipt.seq);
    let mut last = 0;
    for number in 0..9 {
        let event = json!({"action": "test", "n": number, "command": {"sha256": blob}});
        let receipt = match number % 3 {
            0 => writer.append_ending_epoch(&event)?,
            _ => writer.append(&event)?,
        };
        last = receipt.seq;
        told(last);
    }
    told(writer.erase(&[last], "root", "asked")?.seq);
    let everything = Retention {
        before: Some(Utc::now() + TimeDelta::days(1)),
        ..Retention::default()
    };
    if let Some(retired) = writer.retire(&everything, "root", "old")? {
        told(retired.seq);
    }
    writer.close()
}

/// What must hold, whatever went wrong.
fn check(place: &Place, acknowledged: &[u64], fault: &str) {
    if !place.numbers().is_empty() {
        let report = place.verify();
        assert_ne!(report.exit_code(), 1, "{fault}: {report}");
    }
    let writer = place
        .open_once_free()
        .unwrap_or_else(|error| panic!("{fault}: {error}"));
    writer.append(&json!({"action": "test"})).unwrap();
    writer.close().unwrap();
    let report = place.verify();
    assert_eq!(report.exit_code(), 0, "{fault}: {report}");
    // What was declared gone is gone: the start took the work up.
    let is_left =
        |remark: &Remark| matches!(remark, Remark::NotErased { .. } | Remark::NotRetired { .. });
    assert!(!report.remarks.iter().any(is_left), "{fault}: {report}");
    let numbers = place.numbers();
    let lost = acknowledged.iter().find(|seq| !numbers.contains(seq));
    assert_eq!(lost, None, "{fault}");
}

fn new_place(dir: &Path) -> Place {
    let place = Place(dir.to_owned());
    Identity::create(&place.keys(), "o/host/db1/0").unwrap();
    place
}

#[test]
fn whatever_fails_nothing_acknowledged_is_lost_and_nothing_looks_tampered_with() {
    for action in ACTIONS {
        let mut reached = 0;
        for (after, errno) in (0..).zip([Errno::ENOSPC, Errno::EIO].into_iter().cycle()) {
            let dir = tempfile::tempdir().unwrap();
            let place = new_place(dir.path());
            fault::plan(dir.path(), action, after, errno);
            let mut acknowledged = Vec::new();
            // Some failures stop the writer, some only what was asked of it.
            let _ = work(&place, |seq| acknowledged.push(seq));
            if fault::withdraw(dir.path()) {
                break;
            }
            reached += 1;
            check(&place, &acknowledged, &format!("{action} {after}: {errno}"));
        }
        assert!(reached > 0, "{action} never happens");
    }
}

const PLACE: &str = "DAYPASS_JOURNAL_FAULT_PLACE";
const AFTER: &str = "DAYPASS_JOURNAL_FAULT_AFTER";

#[test]
fn wherever_the_writer_is_killed_nothing_acknowledged_is_lost_and_nothing_looks_tampered_with() {
    let mut reached = 0;
    for after in 0.. {
        let dir = tempfile::tempdir().unwrap();
        let place = new_place(dir.path());
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "writer::faults::the_writer_that_dies"])
            .args(["--ignored", "--nocapture"])
            .env(PLACE, dir.path())
            .env(AFTER, after.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let acknowledged: Vec<u64> = lines
            .map_while(Result::ok)
            .filter_map(|line| line.rsplit_once("ack ")?.1.parse().ok())
            .collect();
        if child.wait().unwrap().success() {
            break;
        }
        reached += 1;
        check(&place, &acknowledged, &format!("killed after {after}"));
    }
    assert!(reached > 40, "{reached}");
}

#[test]
#[ignore = "the child process of the test above, which dies"]
fn the_writer_that_dies() {
    let (Some(dir), Ok(after)) = (std::env::var_os(PLACE), std::env::var(AFTER)) else {
        return;
    };
    let place = Place(dir.into());
    fault::plan_death(&place.0, after.parse().unwrap());
    let mut out = std::io::stdout();
    work(&place, |seq| writeln!(out, "ack {seq}").unwrap()).unwrap();
}
