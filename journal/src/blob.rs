//! Long texts beside the entries: an entry keeps the beginning, length and hash, a blob the whole.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use memchr::memmem::{self, Finder};
use sha2::{Digest, Sha256};

use crate::durable::{self, Action, DiskError, failed};
use crate::encoding::hex;
use crate::error::Error;

pub(crate) const DIR: &str = "blobs";

/// The longest text that is kept, in bytes; the kernel allows a command line of about 6 MB at most.
pub const BLOB_LIMIT: usize = 8 * 1024 * 1024;

/// How an event names a text.
const NAMES: &str = "\"sha256\":\"";

/// How an event says that the texts that it names are kept. In a string the quotes would be escaped.
static SAYS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"blob\":true"));

/// Digits of a hash.
const DIGITS: usize = 64;

/// What is found under a hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The text.
    Whole(Vec<u8>),
    /// Something, but not the text with this hash.
    Another,
    /// Nothing.
    Nothing,
}

/// The hash by which a text is kept, in hexadecimal.
pub(crate) fn name(text: &[u8]) -> Result<String, Error> {
    if text.len() > BLOB_LIMIT {
        return Err(Error::BlobTooLong {
            length: text.len(),
            limit: BLOB_LIMIT,
        });
    }
    Ok(hex(&Sha256::digest(text)))
}

/// Keeps a text in the journal's directory under its hash, unless it is there; returns once it is on disk. One caller at
/// a time for each text.
pub(crate) fn keep(journal: &Path, name: &str, text: &[u8]) -> Result<(), DiskError> {
    let dir = journal.join(DIR);
    durable::make_dir(&dir, 0o750)?;
    let path = dir.join(name);
    match path.exists() {
        true => Ok(()),
        false => durable::replace(&path, 0o640, text),
    }
}

/// The hashes of long texts that stand in an event.
pub(crate) fn named(event: &[u8]) -> impl Iterator<Item = &str> {
    memmem::find_iter(event, NAMES).filter_map(|at| {
        let hash = event.get(at + NAMES.len()..)?.get(..DIGITS)?;
        str::from_utf8(hash).ok().filter(|hash| is_hash(hash))
    })
}

/// Whether an event says that the texts that it names are kept.
pub(crate) fn says_kept(event: &[u8]) -> bool {
    SAYS.find(event).is_some()
}

fn is_hash(name: &str) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    name.len() == DIGITS && name.bytes().all(is_digit)
}

/// Where the text with this SHA-256 (hexadecimal) is kept in a journal's directory, if it is.
#[must_use]
pub fn path(journal: &Path, sha256: &str) -> Option<PathBuf> {
    let path = journal.join(DIR).join(sha256);
    (is_hash(sha256) && path.is_file()).then_some(path)
}

/// The text with this SHA-256 (hexadecimal), if a journal's directory keeps it.
///
/// # Errors
///
/// What the disk refused.
pub fn read(journal: &Path, sha256: &str) -> Result<Kept, DiskError> {
    let Some(path) = path(journal, sha256) else {
        return Ok(Kept::Nothing);
    };
    let text = durable::read_at_most(&path, BLOB_LIMIT)?;
    Ok(match text {
        Some(text) if hex(&Sha256::digest(&text)) == sha256 => Kept::Whole(text),
        _ => Kept::Another,
    })
}

/// Whether the file under this name has the text with this hash.
pub(crate) fn is_itself(journal: &Path, name: &str) -> Result<bool, DiskError> {
    let text = durable::read_at_most(&journal.join(DIR).join(name), BLOB_LIMIT)?;
    Ok(text.is_some_and(|text| hex(&Sha256::digest(text)) == name))
}

/// The hashes under which something is kept.
pub(crate) fn list(journal: &Path) -> Result<BTreeSet<String>, DiskError> {
    let names = files(journal)?.into_iter();
    Ok(names.filter(|name| is_hash(name)).collect())
}

/// How many bytes the texts of a journal have together, if each counts as `least` at least.
///
/// # Errors
///
/// What the disk refused.
pub fn total(journal: &Path, least: u64) -> Result<u64, DiskError> {
    let dir = journal.join(DIR);
    let length = |name: String| dir.join(name).metadata().map_or(0, |file| file.len());
    let lengths = files(journal)?.into_iter().map(length);
    Ok(lengths.map(|length| length.max(least)).sum())
}

/// Removes what a crash left of a text on its way. Only while nobody writes.
pub(crate) fn tidy(journal: &Path) -> Result<(), DiskError> {
    for name in files(journal)? {
        if name.strip_suffix(durable::UNFINISHED).is_some_and(is_hash) {
            let path = journal.join(DIR).join(name);
            std::fs::remove_file(&path).map_err(failed(Action::Remove, &path))?;
        }
    }
    Ok(())
}

fn files(journal: &Path) -> Result<Vec<String>, DiskError> {
    let dir = journal.join(DIR);
    let entries = match std::fs::read_dir(&dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed(Action::List, &dir))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed(Action::List, &dir))?;
        // Nothing else can be read to its end.
        if entry.path().is_file() {
            names.extend(entry.file_name().into_string());
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_names_texts_by_hash_and_no_string_in_it_does() {
        let [one, two] = [b"one", b"two"].map(|text| name(text).unwrap());
        let event = serde_json::json!({
            "command": {"line": format!("\"sha256\":\"{one}\",\"blob\":true"), "sha256": two},
            "detail": {"sha256": "short"},
        });
        let event = event.to_string();
        assert_eq!(named(event.as_bytes()).collect::<Vec<_>>(), [&two]);
        assert!(!says_kept(event.as_bytes()));
        let event =
            format!("{{\"blob\":true,\"sha256\":\"{one}\",\"x\":{{\"sha256\":\"{two}\"}}}}");
        assert_eq!(named(event.as_bytes()).collect::<Vec<_>>(), [&one, &two]);
        assert!(says_kept(event.as_bytes()));
    }

    #[test]
    fn a_text_is_read_back_and_another_in_its_place_is_not_taken_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let text = b"a long command";
        let hash = name(text).unwrap();
        assert_eq!(read(dir.path(), &hash).unwrap(), Kept::Nothing);
        keep(dir.path(), &hash, text).unwrap();
        assert_eq!(read(dir.path(), &hash).unwrap(), Kept::Whole(text.to_vec()));
        assert!(is_itself(dir.path(), &hash).unwrap());
        let file = path(dir.path(), &hash).unwrap();
        for other in [b"another".to_vec(), vec![0; BLOB_LIMIT + 1]] {
            std::fs::write(&file, &other).unwrap();
            assert_eq!(read(dir.path(), &hash).unwrap(), Kept::Another);
            assert!(!is_itself(dir.path(), &hash).unwrap());
            let length = other.len() as u64;
            assert_eq!(total(dir.path(), 0).unwrap(), length);
            assert_eq!(total(dir.path(), length + 1).unwrap(), length + 1);
        }
        for no_hash in ["../keys", "", &hash.to_uppercase()] {
            assert_eq!(read(dir.path(), no_hash).unwrap(), Kept::Nothing);
        }
    }

    #[test]
    fn what_a_crash_left_of_a_text_goes_and_texts_stay() {
        let dir = tempfile::tempdir().unwrap();
        tidy(dir.path()).unwrap();
        let hash = name(b"text").unwrap();
        keep(dir.path(), &hash, b"text").unwrap();
        let blobs = dir.path().join(DIR);
        std::fs::write(blobs.join(format!("{hash}{}", durable::UNFINISHED)), "te").unwrap();
        std::fs::write(blobs.join("somebody's.new"), "").unwrap();
        tidy(dir.path()).unwrap();
        let mut left = files(dir.path()).unwrap();
        left.sort();
        assert_eq!(left, [hash, "somebody's.new".to_owned()]);
    }
}
