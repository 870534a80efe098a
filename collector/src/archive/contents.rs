//! What an archive has, as it is read back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::ArchiveError;
use crate::checkpoints::losses::Debt;
use crate::export::Kept;
use crate::origin::Origin;
use crate::segments::SegmentName;

/// A journal, as the archive knows it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ArchivedLog {
    /// Its origin.
    pub origin: String,
    /// The enrolment record's exact bytes.
    pub record: String,
    /// The CA's signature over it.
    pub signature: String,
    /// When it was first shown, in microseconds since 1970.
    pub registered: i64,
    /// Entries of its checkpoint.
    pub size: u64,
    /// The seal of it; empty before the first.
    pub seal: String,
}

/// A segment in an archive.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listed {
    /// Whose.
    pub log: Origin,
    /// Which.
    pub name: SegmentName,
    /// When it was stored, in microseconds since 1970.
    pub stored: i64,
}

/// What is still to be taken out of segments, by their numbers.
pub type Owed = BTreeMap<u64, Vec<Debt>>;

/// What an archive lists: its segments by number.
///
/// # Errors
/// When the list cannot be read.
pub fn read_list(root: &Path) -> Result<BTreeMap<u64, Listed>, ArchiveError> {
    let path = root.join("list");
    let text = std::fs::read_to_string(&path).map_err(|source| ArchiveError::File {
        path: path.clone(),
        source,
    })?;
    let mut list = BTreeMap::new();
    for (place, line) in text.split_inclusive('\n').enumerate() {
        // What rsync caught in the middle of a line is not listed yet.
        let Some(line) = line.strip_suffix('\n') else {
            break;
        };
        let (number, listed) = entry(line).ok_or_else(|| ArchiveError::List {
            path: path.clone(),
            line: place + 1,
        })?;
        list.insert(number, listed);
    }
    Ok(list)
}

fn entry(line: &str) -> Option<(u64, Listed)> {
    let parts: Vec<&str> = line.split(' ').collect();
    let [number, stored, name, log] = parts[..] else {
        return None;
    };
    let listed = Listed {
        log: log.parse().ok()?,
        name: name.parse().ok()?,
        stored: stored.parse().ok()?,
    };
    Some((number.parse().ok()?, listed))
}

/// The journals that an archive knows.
///
/// # Errors
/// When its list of them cannot be read.
pub fn read_logs(root: &Path) -> Result<Vec<ArchivedLog>, ArchiveError> {
    read_json(root.join("logs.json"))
}

/// What is still to be taken out of segments when they are brought back. A copy of before anything ever was has no file of it.
///
/// # Errors
/// When it cannot be read.
pub fn read_owed(root: &Path) -> Result<Owed, ArchiveError> {
    read_json_or_nothing(root.join(super::OWED))
}

/// How far exports were; none where nothing ever was exported.
///
/// # Errors
/// When it cannot be read.
pub fn read_exports(root: &Path) -> Result<Vec<Kept>, ArchiveError> {
    read_json_or_nothing(root.join(super::EXPORTS))
}

fn read_json_or_nothing<T: DeserializeOwned + Default>(path: PathBuf) -> Result<T, ArchiveError> {
    match path.exists() {
        true => read_json(path),
        false => Ok(T::default()),
    }
}

fn read_json<T: DeserializeOwned>(path: PathBuf) -> Result<T, ArchiveError> {
    let bytes = std::fs::read(&path).map_err(|source| ArchiveError::File {
        path: path.clone(),
        source,
    })?;
    serde_json::from_slice(&bytes).map_err(|error| ArchiveError::Json {
        path,
        reason: error.to_string(),
    })
}
