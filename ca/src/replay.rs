//! What a journal tells of certificates, read from a given entry on: at each start, and once more at a restore.
//!
//! However long the journal is, no more than [`AT_ONCE`] rows are held. The end of a segment may be torn, as a crash leaves it;
//! a journal that is damaged anywhere else is not read over: a start refuses it, a restore takes what it tells until there.

use std::path::Path;

use daypass_journal::reader::{Line, Reader};
use daypass_protocol::event::Action;
use daypass_protocol::time::Time;
use serde_json::Value;

use crate::store::IssuedCertificate;

/// Rows that are handed over together.
const AT_ONCE: usize = 1000;

/// Why a journal does not tell.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// It cannot be read.
    #[error("the journal cannot be read")]
    Journal(#[from] daypass_journal::Error),
    /// A line that is none, though what was sealed goes on after it.
    #[error(
        "the journal is damaged: what stands in {segment} at byte {offset} is no line, and sealed lines follow it"
    )]
    Damaged {
        /// The segment's file name.
        segment: String,
        /// Where, in bytes.
        offset: u64,
    },
}

/// Hands what the journal tells of certificates from entry `since` on to `take`, some at a time; how many entries the journal
/// has.
///
/// # Errors
/// When it cannot be read or is damaged, and whatever `take` says.
pub fn certificates<E: From<ReplayError>>(
    directory: &Path,
    since: u64,
    take: impl FnMut(Vec<IssuedCertificate>) -> Result<(), E>,
) -> Result<u64, E> {
    let (entries, damage) = until_damage(directory, since, take)?;
    damage.map_or(Ok(entries), |damage| Err(damage.into()))
}

/// As [`certificates`], of a journal that may be damaged: what it tells until there, how many entries that are, and what the
/// damage is.
///
/// # Errors
/// When there is no journal, and whatever `take` says.
pub fn until_damage<E: From<ReplayError>>(
    directory: &Path,
    since: u64,
    take: impl FnMut(Vec<IssuedCertificate>) -> Result<(), E>,
) -> Result<(u64, Option<ReplayError>), E> {
    in_chunks(directory, since, AT_ONCE, take)
}

fn in_chunks<E: From<ReplayError>>(
    directory: &Path,
    since: u64,
    at_once: usize,
    mut take: impl FnMut(Vec<IssuedCertificate>) -> Result<(), E>,
) -> Result<(u64, Option<ReplayError>), E> {
    let mut lines = Reader::open_at(directory, since).map_err(ReplayError::from)?;
    let (mut entries, mut found) = (0, Vec::new());
    let mut torn: Option<(String, u64)> = None;
    let damage = loop {
        let line = match lines.next() {
            Some(Ok(line)) => line,
            Some(Err(error)) => break Some(error.into()),
            None => break None,
        };
        if let Some((segment, offset)) = torn.take()
            && lines.segment().as_ref() == Some(&segment)
        {
            if matches!(line, Line::Seal(_)) {
                break Some(ReplayError::Damaged { segment, offset });
            }
            // Pages of a torn end come in any order: no seal covers what stands there, and nobody was answered.
            torn = Some((segment, offset));
            continue;
        }
        match &line {
            Line::Entry { seq, .. } | Line::Erased { seq, .. } => entries = seq + 1,
            Line::Retired { first, leaves } => entries = first + leaves.len() as u64,
            Line::Unreadable {
                segment, offset, ..
            } => torn = Some((segment.clone(), *offset)),
            _ => {}
        }
        // Reading begins with the segment that has it.
        if entries > since {
            found.extend(issued_by(&line));
        }
        if found.len() == at_once {
            take(std::mem::take(&mut found))?;
        }
    };
    if !found.is_empty() {
        take(found)?;
    }
    Ok((entries, damage))
}

/// The certificate that a line tells of, if it does. A line that was erased tells nothing any more.
fn issued_by(line: &Line) -> Option<IssuedCertificate> {
    let Line::Entry { bytes, .. } = line else {
        return None;
    };
    // Most entries are told from others by this, at a fraction of what reading them would cost.
    let text = std::str::from_utf8(bytes).ok()?;
    if !text.contains(Action::CertificateIssued.as_str()) {
        return None;
    }
    issued(&serde_json::from_str(text).ok()?)
}

/// The row that an entry about a certificate is the record of.
fn issued(entry: &Value) -> Option<IssuedCertificate> {
    if entry["action"] != Action::CertificateIssued.as_str() {
        return None;
    }
    let (who, on, detail) = (&entry["identity"], &entry["resource"], &entry["detail"]);
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let time = |value: &Value| Some(value.as_str()?.parse::<Time>().ok()?.unix());
    // The journal's times have fractions of seconds, the documents' have none.
    let (seconds, _) = entry["time"].as_str()?.split_once('.')?;
    let written = format!("{seconds}Z").parse::<Time>().ok()?;
    Some(IssuedCertificate {
        serial: who["serial"].as_str()?.parse().ok()?,
        window: text(&who["window"])?,
        person: text(&who["person"])?,
        key: text(&who["key"])?,
        host: text(&on["host"])?,
        account: text(&on["account"])?,
        valid_after: time(&detail["valid_after"])?,
        valid_before: time(&detail["valid_before"])?,
        issued: written.unix(),
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use daypass_journal::identity::Identity;
    use daypass_journal::writer::{Options, Writer};
    use serde_json::json;
    use tempfile::TempDir;

    use super::*;

    /// A journal that tells of the certificates 1 to 5, in as many seals, and of something else before each.
    fn journal() -> (TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let (journal, keys) = (
            directory.path().join("journal"),
            directory.path().join("keys"),
        );
        Identity::create(&keys, "daypass/test/ca/1").unwrap();
        let (writer, _) = Writer::open(&journal, &keys, Options::default()).unwrap();
        for serial in 1..=5 {
            writer.append(&json!({"action": "ca.start"})).unwrap();
            let event = json!({
                "action": "certificate.issued",
                "identity": {"serial": serial.to_string(), "window": "w", "person": "cody", "key": "k"},
                "resource": {"host": "db1", "account": "deploy"},
                "detail": {"valid_after": "2026-11-23T10:00:00Z", "valid_before": "2026-11-23T11:00:00Z"},
            });
            writer.append(&event).unwrap();
        }
        drop(writer);
        (directory, journal)
    }

    /// Entries, chunks of serials, damage.
    type Told = (u64, Vec<Vec<u64>>, Option<ReplayError>);

    fn told(journal: &Path, since: u64) -> Told {
        let mut chunks = Vec::new();
        let read = in_chunks(journal, since, 2, |some| {
            chunks.push(some.iter().map(|one| one.serial).collect());
            Ok::<_, ReplayError>(())
        });
        let (entries, damage) = read.unwrap();
        (entries, chunks, damage)
    }

    fn read(journal: &Path, since: u64) -> Result<(u64, Vec<Vec<u64>>), ReplayError> {
        let (entries, chunks, damage) = told(journal, since);
        damage.map_or(Ok((entries, chunks)), Err)
    }

    fn segment(journal: &Path) -> PathBuf {
        let found = std::fs::read_dir(journal)
            .unwrap()
            .map(|file| file.unwrap().path());
        found
            .filter(|path| path.extension().is_some_and(|end| end == "jsonl"))
            .max()
            .unwrap()
    }

    fn seq_of(journal: &Path, serial: u64) -> u64 {
        let wanted = format!("\"serial\":\"{serial}\"");
        let seq = Reader::open(journal)
            .unwrap()
            .find_map(|line| match line.unwrap() {
                Line::Entry { seq, bytes } => String::from_utf8_lossy(&bytes)
                    .contains(&wanted)
                    .then_some(seq),
                _ => None,
            });
        seq.unwrap()
    }

    #[test]
    fn certificates_come_some_at_a_time_from_the_entry_on_that_was_asked_for() {
        let (_directory, journal) = journal();
        let (entries, all) = read(&journal, 0).unwrap();
        assert_eq!(all, [vec![1, 2], vec![3, 4], vec![5]]);
        let fourth = seq_of(&journal, 4);
        assert_eq!(read(&journal, fourth).unwrap(), (entries, vec![vec![4, 5]]));
        assert_eq!(
            read(&journal, fourth + 1).unwrap(),
            (entries, vec![vec![5]])
        );
        assert_eq!(read(&journal, entries).unwrap(), (entries, Vec::new()));
    }

    #[test]
    fn a_torn_end_tells_what_stands_before_it() {
        let (_directory, journal) = journal();
        let path = segment(&journal);
        let bytes = std::fs::read(&path).unwrap();
        let fifth = bytes
            .windows(13)
            .position(|part| part == b"\"serial\":\"5\"," as &[u8]);
        std::fs::write(&path, &bytes[..fifth.unwrap()]).unwrap();
        assert_eq!(read(&journal, 0).unwrap().1, [vec![1, 2], vec![3, 4]]);
        // What follows in the next segment counts: the journal went on after a crash.
        let keys = journal.parent().unwrap().join("keys");
        let (writer, recovery) = Writer::open(&journal, &keys, Options::default()).unwrap();
        assert_eq!(recovery.interruptions.len(), 1);
        drop(writer);
        assert_eq!(read(&journal, 0).unwrap().1, [vec![1, 2], vec![3, 4]]);
    }

    #[test]
    fn damage_anywhere_else_is_named_and_what_stands_before_it_is_told() {
        let (_directory, journal) = journal();
        let path = segment(&journal);
        let mut bytes = std::fs::read(&path).unwrap();
        let fourth = bytes
            .windows(13)
            .position(|part| part == b"\"serial\":\"4\"," as &[u8]);
        // As a disk would: the line is none any more.
        let begins = bytes[..fourth.unwrap()]
            .iter()
            .rposition(|byte| *byte == b'\n');
        let seq = seq_of(&journal, 4);
        bytes[begins.unwrap() + 1] = b'x';
        std::fs::write(&path, &bytes).unwrap();
        let expected = begins.unwrap() as u64 + 1;
        let (entries, chunks, damage) = told(&journal, 0);
        assert_eq!((entries, chunks), (seq, vec![vec![1, 2], vec![3]]));
        assert!(
            matches!(&damage, Some(ReplayError::Damaged { offset, .. }) if *offset == expected),
            "{damage:?}"
        );
        // A start goes by all of it or none.
        let strict = certificates(&journal, 0, |_| Ok::<_, ReplayError>(()));
        assert!(
            matches!(strict, Err(ReplayError::Damaged { .. })),
            "{strict:?}"
        );
    }
}
