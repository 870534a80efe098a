//! What commands leave for the daemon to journal.
//!
//! The journal has one writer, the daemon. A command that changes something writes the event here
//! and lets the daemon look; a daemon that does not run finds it at its start.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde_json::value::RawValue;

use crate::aside;
use crate::durable;
use crate::intake::Intake;

const MAX_BYTES: u64 = 64 * 1024;
/// How the files of events end.
const EVENTS: &str = "json";

/// Leaves an event, durably; where, in case what it tells of does not happen after all.
///
/// # Errors
/// The file could not be written.
pub fn leave(spool: &Path, event: &impl Serialize) -> Result<PathBuf, durable::Error> {
    durable::directory(spool, 0o700)?;
    // Names sort by time; the process id keeps two commands of the same instant apart.
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanoseconds = now.map_or(0, |since| since.as_nanos());
    let name = format!("{nanoseconds:020}-{}.json", std::process::id());
    // Our own events always give JSON; an empty object would still be counted.
    let text = serde_json::to_vec(event).unwrap_or_else(|_| b"{}".to_vec());
    let path = spool.join(name);
    durable::replace(&path, &text, 0o600)?;
    Ok(path)
}

/// Commits what was left, in order, and removes it. Stops at the first one that the journal does
/// not take: it is tried again the next time.
///
/// # Errors
/// The directory or a file of it cannot be read or removed.
pub fn drain(spool: &Path, intake: &Intake) -> Result<usize, durable::Error> {
    let mut done = 0;
    for path in durable::waiting(spool, EVENTS)? {
        if !intake.is_healthy() {
            break;
        }
        let bytes = match durable::read(&path, MAX_BYTES) {
            Ok(bytes) => bytes.unwrap_or_default(),
            Err(error @ durable::Error::TooLarge { .. }) => {
                // None of ours; those behind it must not wait for it for ever.
                aside::tell(&format!("{error}: it is kept, and is not journalled"));
                durable::rename(&path, &path.with_extension("too-large"))?;
                continue;
            }
            Err(error) => return Err(error),
        };
        if let Ok(event) = serde_json::from_slice::<Box<RawValue>>(&bytes)
            && intake.commit(&event).is_err()
        {
            break;
        }
        durable::remove(&path)?;
        done += 1;
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_too_large_is_kept_aside_and_the_next_one_is_journalled() {
        let folder = tempfile::tempdir().unwrap();
        let spool = folder.path().join("spool");
        leave(&spool, &json!({"action": "gap"})).unwrap();
        let large = spool.join("00000000000000000001-1.json");
        fs::write(&large, vec![b' '; 70_000]).unwrap();
        let (intake, entries) = crate::fixture::intake();
        assert_eq!(drain(&spool, &intake).unwrap(), 1);
        assert_eq!(entries.try_recv().unwrap()["action"], "gap");
        assert!(durable::waiting(&spool, EVENTS).unwrap().is_empty());
        assert!(large.with_extension("too-large").exists());
    }
}
