//! What is noted of a session under `/run`, to find it again after a restart.

use std::fmt;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use daypass_protocol::key::Fingerprint;
use daypass_protocol::time::Time;
use serde::{Deserialize, Serialize};

use crate::durable;
use crate::facts::Process;

/// A record holds a window of at most 16 KiB, which JSON may double.
const MAX_BYTES: u64 = 128 * 1024;

/// A session's name in the journal, `s-` and 16 hex digits, and its handle on the gates' wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(u64);

/// Not a session's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected s- and 16 hexadecimal digits")]
pub struct InvalidSessionId;

/// One session, as noted when gate 3 let it in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Always 1.
    pub v: u8,
    /// Its name.
    pub id: SessionId,
    /// sshd's monitor.
    pub monitor: Process,
    /// The account's name, as sshd has it.
    pub account: String,
    /// The account's uid.
    pub uid: u32,
    /// Its group, where the window grants sudo.
    pub gid: Option<u32>,
    /// The frozen window's exact text.
    pub window: String,
    /// The certificate's serial.
    pub serial: u64,
    /// The certified key.
    pub key: Fingerprint,
    /// Where it came from.
    pub address: Option<IpAddr>,
    /// From which port.
    pub port: Option<u16>,
    /// The cgroup path of the logind scope that the monitor leads.
    pub scope: Option<String>,
    /// The audit session, where the monitor has one of its own.
    pub audit: Option<u32>,
    /// When it was let in.
    pub opened: Time,
    /// The same in milliseconds since boot.
    pub opened_since_boot: u64,
    /// The same by the clock that stamps files, in milliseconds since 1970. The journal does not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_stamp: Option<i64>,
    /// When it must be over.
    pub closes: Time,
    /// The same in milliseconds since boot, for a clock that is set back.
    pub closes_since_boot: u64,
    /// The approved extension by which it may last longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<Extension>,
    /// That it closed by itself, which is in the journal: what it left running is all that is left of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub closed: bool,
}

/// A later end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extension {
    /// The extending window's exact text.
    pub window: String,
    /// The certificate's number that brought it.
    pub serial: u64,
    /// The key in that.
    pub key: Fingerprint,
    /// When the session must be over.
    pub closes: Time,
    /// The same in milliseconds since boot.
    pub closes_since_boot: u64,
}

/// Why a session's record could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The file.
    #[error(transparent)]
    File(#[from] durable::Error),
    /// Its content.
    #[error("{} is not a session's record: {source}", path.display())]
    Form {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
}

impl SessionId {
    /// A new one, at random.
    ///
    /// # Errors
    /// The kernel gives no random bytes.
    pub fn random() -> io::Result<Self> {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        // 0 means "none" on the wire.
        Ok(Self(u64::from_ne_bytes(bytes).max(1)))
    }

    /// From the wire; `None` for 0.
    #[must_use]
    pub fn from_handle(handle: u64) -> Option<Self> {
        (handle != 0).then_some(Self(handle))
    }

    /// For the wire.
    #[must_use]
    pub fn handle(self) -> u64 {
        self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "s-{:016x}", self.0)
    }
}

impl FromStr for SessionId {
    type Err = InvalidSessionId;

    fn from_str(text: &str) -> Result<Self, InvalidSessionId> {
        let digits = text
            .strip_prefix("s-")
            .filter(|digits| digits.len() == 16)
            .ok_or(InvalidSessionId)?;
        let number = u64::from_str_radix(digits, 16).map_err(|_| InvalidSessionId)?;
        Self::from_handle(number)
            .filter(|id| id.to_string() == text)
            .ok_or(InvalidSessionId)
    }
}

impl Serialize for SessionId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SessionId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Extension {
    /// How much longer the session may last by it.
    #[must_use]
    pub fn left(&self, now: Duration, since_boot: Duration) -> Duration {
        left(self.closes, self.closes_since_boot, now, since_boot)
    }
}

fn left(closes: Time, closes_since_boot: u64, now: Duration, since_boot: Duration) -> Duration {
    let by_clock = Duration::from_secs(closes.unix_unsigned()).saturating_sub(now);
    let by_boot = Duration::from_millis(closes_since_boot).saturating_sub(since_boot);
    by_clock.min(by_boot)
}

impl Record {
    /// How much longer it may last: by the clock or by the time since boot, whichever is less.
    #[must_use]
    pub fn left(&self, now: Duration, since_boot: Duration) -> Duration {
        left(self.closes, self.closes_since_boot, now, since_boot)
    }

    /// Where it is noted.
    #[must_use]
    pub fn path(directory: &Path, id: SessionId) -> PathBuf {
        directory.join(id.to_string())
    }

    /// Notes it.
    ///
    /// # Errors
    /// The file could not be written.
    pub fn store(&self, directory: &Path) -> Result<(), durable::Error> {
        let path = Self::path(directory, self.id);
        // Our own type, of strings and numbers: it always has a JSON form.
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        durable::replace(&path, &bytes, 0o600)
    }

    /// Every record in the directory; those that cannot be read are told, with their files, and so is a directory that
    /// cannot be.
    pub fn load_all(directory: &Path) -> Vec<Result<Self, RecordError>> {
        let unread = |source| {
            let path = directory.to_owned();
            RecordError::File(durable::Error::Read { path, source })
        };
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries.flatten(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
            Err(error) => return vec![Err(unread(error))],
        };
        let is_record = |path: &PathBuf| {
            path.file_name()
                .and_then(|name| name.to_str())
                .is_some_and(|name| name.parse::<SessionId>().is_ok())
        };
        entries
            .map(|entry| entry.path())
            .filter(is_record)
            .filter_map(|path| Self::load(path).transpose())
            .collect()
    }

    fn load(path: PathBuf) -> Result<Option<Self>, RecordError> {
        let Some(bytes) = durable::read(&path, MAX_BYTES)? else {
            return Ok(None);
        };
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|source| RecordError::Form { path, source })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn record() -> Record {
        Record {
            v: 1,
            id: SessionId(0x1234),
            monitor: Process {
                pid: 77,
                start: 12345,
            },
            account: "deploy".to_owned(),
            uid: 1001,
            gid: Some(1_900_000_000),
            window: "{}".to_owned(),
            serial: 7,
            key: "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                .parse()
                .unwrap(),
            address: Some("192.0.2.7".parse().unwrap()),
            port: Some(2222),
            scope: None,
            audit: Some(3),
            opened: Time::from_unix(1_800_000_000),
            opened_since_boot: 5_000,
            opened_stamp: None,
            closes: Time::from_unix(1_800_000_040),
            closes_since_boot: 45_000,
            extension: None,
            closed: false,
        }
    }

    #[test]
    fn a_record_is_found_again() {
        let directory = tempfile::tempdir().unwrap();
        record().store(directory.path()).unwrap();
        fs::write(directory.path().join("s-00000000000000ff"), "{}").unwrap();
        fs::write(directory.path().join("note"), "{}").unwrap();
        let mut found = Record::load_all(directory.path());
        found.sort_by_key(Result::is_err);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].as_ref().unwrap(), &record());
        assert!(matches!(found[1], Err(RecordError::Form { .. })));
    }

    #[test]
    fn a_session_ends_by_clock_or_by_time_since_boot_whichever_comes_first() {
        let record = record();
        let clock = |seconds: u64| Duration::from_secs(1_800_000_000 + seconds);
        let boot = Duration::from_secs;
        assert_eq!(record.left(clock(30), boot(35)), Duration::from_secs(10));
        assert_eq!(record.left(clock(41), boot(6)), Duration::ZERO);
        assert_eq!(
            record.left(Duration::ZERO, boot(46)),
            Duration::ZERO,
            "a clock that was set back"
        );
    }

    #[test]
    fn an_extension_is_found_again_and_lasts_longer() {
        let directory = tempfile::tempdir().unwrap();
        let extension = Extension {
            window: "{}".to_owned(),
            serial: 8,
            key: record().key,
            closes: Time::from_unix(1_800_000_100),
            closes_since_boot: 105_000,
        };
        let extended = Record {
            extension: Some(extension.clone()),
            ..record()
        };
        extended.store(directory.path()).unwrap();
        let found = Record::load_all(directory.path());
        assert_eq!(found[0].as_ref().unwrap(), &extended);
        let (clock, boot) = (Duration::from_secs(1_800_000_050), Duration::from_secs(55));
        assert_eq!(extended.left(clock, boot), Duration::ZERO);
        assert_eq!(extension.left(clock, boot), Duration::from_secs(50));
    }

    #[test]
    fn session_names_have_one_form() {
        assert_eq!(SessionId(255).to_string(), "s-00000000000000ff");
        for bad in [
            "s-0000000000000000",
            "s-ff",
            "s-00000000000000FF",
            "00000000000000ff",
        ] {
            assert!(bad.parse::<SessionId>().is_err(), "{bad}");
        }
    }
}
