//! Sessions of this boot whose notes under `/run` are gone, found again in the journal and the kernel.
//!
//! The entry by which a session was let in says all that the note said: the certificate holds the window. That the
//! monitor is still that process shows by its start, which was before the entry.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use daypass_journal::reader::{Line, Reader};
use daypass_protocol::certificate::WINDOW_EXTENSION;
use daypass_protocol::digest::Digest;
use daypass_protocol::grant::Grant;
use daypass_protocol::time::Time;
use daypass_protocol::window::{FrozenWindow, WindowId};
use serde::Deserialize;
use ssh_key::Certificate;

use super::cgroup::Cgroup;
use super::record::{Extension, Record, SessionId};
use crate::facts::{Process, TICKS_PER_SECOND, since_boot};

/// The clock may have been set since the boot by so much, and the search still begins early enough.
const DAY: chrono::Duration = chrono::Duration::days(1);

/// A line about a session, as far as it matters here.
#[derive(Deserialize)]
struct Entry {
    time: DateTime<Utc>,
    boot: String,
    /// Microseconds since boot.
    mono: u64,
    action: String,
    #[serde(default)]
    identity: Who,
    #[serde(default)]
    resource: What,
    #[serde(default)]
    origin: Where,
    #[serde(default)]
    detail: Detail,
}

#[derive(Default, Deserialize)]
struct Who {
    uid: Option<u32>,
    window: Option<WindowId>,
    serial: Option<String>,
    key: Option<daypass_protocol::key::Fingerprint>,
}

#[derive(Default, Deserialize)]
struct What {
    account: Option<String>,
}

#[derive(Default, Deserialize)]
struct Where {
    address: Option<std::net::IpAddr>,
    port: Option<u16>,
    session: Option<SessionId>,
}

#[derive(Default, Deserialize)]
struct Detail {
    certificate: Option<String>,
    window_hash: Option<Digest>,
    monitor: Option<i32>,
    group: Option<u32>,
    scope: Option<String>,
    audit: Option<u32>,
    closes: Option<Time>,
}

/// What the journal says of this boot's sessions.
#[derive(Default)]
struct Found {
    records: BTreeMap<SessionId, Record>,
    /// Windows by which somebody came in, with serial and key of the certificate.
    windows: BTreeMap<WindowId, Record>,
}

/// The sessions of this boot that the journal says are not over: those in which somebody or something lives, and those of
/// which it has no end at all. And whether it could be read to its end. A line that cannot be made out is passed over: what it tells of is lost, and its
/// processes are logind's.
pub(super) fn rebuild(journal: &Path) -> (Vec<Record>, Result<(), daypass_journal::Error>) {
    let mut found = Found::default();
    let read = boot_id().map_or(Ok(()), |boot| found.read(journal, &boot));
    let mut records: Vec<Record> = found.records.into_values().collect();
    records.retain(|record| !record.closed || lives(record));
    (records, read)
}

fn entry(bytes: &[u8]) -> Option<Entry> {
    // Few lines are about sessions, and most of a line is not looked at for it.
    let text = std::str::from_utf8(bytes).ok()?;
    if !text.contains("\"session.") {
        return None;
    }
    serde_json::from_str(text).ok()
}

impl Found {
    fn read(&mut self, journal: &Path, boot: &str) -> Result<(), daypass_journal::Error> {
        let up = chrono::Duration::from_std(since_boot()).unwrap_or_default();
        for line in Reader::open_since(journal, Utc::now() - up - DAY)? {
            if let Line::Entry { bytes, .. } = line?
                && let Some(entry) = entry(&bytes)
                && entry.boot == boot
            {
                self.heed(&entry);
            }
        }
        Ok(())
    }

    fn heed(&mut self, entry: &Entry) {
        match entry.action.as_str() {
            "session.open" => {
                if let Some(record) = record(entry) {
                    if let Some(window) = entry.identity.window {
                        self.windows.insert(window, record.clone());
                    }
                    self.records.insert(record.id, record);
                }
            }
            // One whose extension is not known lasts by its own window.
            "session.extended" => drop(self.extend(entry)),
            "session.close" => {
                let id = entry.origin.session;
                if let Some(record) = id.and_then(|id| self.records.get_mut(&id)) {
                    record.closed = true;
                }
            }
            "session.end" => {
                if let Some(id) = entry.origin.session {
                    self.records.remove(&id);
                }
            }
            _ => {}
        }
    }

    /// By its own window again, or by one through which somebody came in before.
    fn extend(&mut self, entry: &Entry) -> Option<()> {
        let by = self.windows.get(&entry.identity.window?)?;
        let closes = entry.detail.closes?;
        let extension = Extension {
            window: by.window.clone(),
            serial: by.serial,
            key: by.key,
            closes,
            closes_since_boot: closes_since_boot(entry, closes),
        };
        let record = self.records.get_mut(&entry.origin.session?)?;
        record.extension = (record.window != extension.window).then_some(extension);
        Some(())
    }
}

fn record(entry: &Entry) -> Option<Record> {
    let (detail, identity) = (&entry.detail, &entry.identity);
    let window = window(detail.certificate.as_deref()?, detail.window_hash?)?;
    let (pid, closes) = (detail.monitor?, detail.closes?);
    Some(Record {
        v: 1,
        id: entry.origin.session?,
        monitor: monitor(pid, entry.mono),
        account: entry.resource.account.clone()?,
        uid: identity.uid?,
        gid: detail.group,
        window,
        serial: identity.serial.as_deref()?.parse().ok()?,
        key: identity.key?,
        address: entry.origin.address,
        port: entry.origin.port,
        scope: detail.scope.clone(),
        audit: detail.audit,
        opened: Time::from_unix(entry.time.timestamp()),
        opened_since_boot: entry.mono / 1000,
        opened_stamp: None,
        closes,
        closes_since_boot: closes_since_boot(entry, closes),
        extension: None,
        closed: false,
    })
}

/// Who has this pid now, if it had it when the entry was written; else somebody who is gone.
fn monitor(pid: i32, mono: u64) -> Process {
    let then = Duration::from_micros(mono).as_millis() * u128::from(TICKS_PER_SECOND) / 1000;
    match Process::with_pid(pid) {
        Ok(process) if u128::from(process.start) <= then => process,
        _ => Process { pid, start: 0 },
    }
}

fn window(certificate: &str, hash: Digest) -> Option<String> {
    let bytes = STANDARD.decode(certificate).ok()?;
    let certificate = Certificate::from_bytes(&bytes).ok()?;
    let text = certificate.extensions().get(WINDOW_EXTENSION)?;
    let grant = Grant::parse(text).ok()?;
    let window = FrozenWindow::parse(grant.window_text()).ok()?;
    (window.hash() == hash).then(|| window.text().to_owned())
}

fn closes_since_boot(entry: &Entry, closes: Time) -> u64 {
    let left = closes.unix().saturating_sub(entry.time.timestamp());
    let left = u64::try_from(left).unwrap_or(0).saturating_mul(1000);
    (entry.mono / 1000).saturating_add(left)
}

/// Whether the monitor lives, or something that the session left running.
fn lives(record: &Record) -> bool {
    let in_scope = || {
        let group = record.scope.as_deref().and_then(Cgroup::find);
        group.is_some_and(|group| !group.pids().is_empty())
    };
    let in_audit = || {
        let audit = record.audit;
        audit.is_some_and(|audit| !Process::all_in_audit_session(audit).is_empty())
    };
    record.monitor.hold().is_ok() || in_scope() || in_audit()
}

/// As the journal writes it.
fn boot_id() -> Option<String> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id");
    let text: Result<String, io::Error> = text;
    Some(text.ok()?.chars().filter(char::is_ascii_hexdigit).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_that_came_to_mean_somebody_else_is_nobodys() {
        let this = Process::with_pid(std::process::id() as i32).unwrap();
        let born = this.start * 1_000_000 / TICKS_PER_SECOND;
        assert_eq!(monitor(this.pid, born + 20_000), this);
        assert_ne!(monitor(this.pid, born - 1_000_000), this);
        assert!(monitor(this.pid, born - 1_000_000).hold().is_err());
    }

    #[test]
    fn lines_that_are_about_nothing_of_this_are_passed_over() {
        for line in [
            "{\"action\":\"sudo.end\"}",
            "{\"action\":\"session.open\"}",
            "\"session.",
            "",
        ] {
            assert!(entry(line.as_bytes()).is_none(), "{line}");
        }
    }
}
