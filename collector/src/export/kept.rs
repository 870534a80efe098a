//! How far exports are, for the second copy: a collector that comes back from it goes on where the lost one was.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Exports;
use super::store::{Confirmed, Store, StoreError};
use crate::database;
use crate::feed::Place;

/// How far one is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// Which.
    pub name: String,
    /// The last segment that its receiver has wholly.
    pub segment: u64,
    /// Entries of the one behind it that have lower numbers are there, too.
    pub seq: u64,
    /// Entries, in all.
    pub entries: u64,
    /// When that was known, in microseconds since 1970.
    pub changed: i64,
}

/// Why places are not kept, or not brought back.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// The database does not answer.
    #[error("how far exports are is not known")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database cannot be opened.
    #[error(transparent)]
    Database(#[from] database::OpenError),
}

impl From<StoreError> for KeptError {
    fn from(error: StoreError) -> Self {
        Self::Store(Box::new(error))
    }
}

impl Exports {
    /// How far each is that has begun.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn kept(&self) -> Result<Vec<Kept>, KeptError> {
        let mut kept = Vec::new();
        for one in &self.destinations {
            if let Some(confirmed) = self.store.confirmed(&one.name)? {
                let Place { segment, seq } = confirmed.place;
                kept.push(Kept {
                    name: one.name.clone(),
                    segment,
                    seq,
                    entries: confirmed.entries,
                    changed: confirmed.changed,
                });
            }
        }
        Ok(kept)
    }
}

/// Has exports go on from there, in the database at `path`. Nothing behind segment `last` is back: what takes those numbers next
/// may be something else, and is exported.
///
/// # Errors
/// When the database cannot be opened or written.
pub fn bring_back(path: &Path, kept: &[Kept], last: u64) -> Result<(), KeptError> {
    let store = Store::open(path)?;
    for one in kept {
        let place = match one.segment < last {
            true => Place {
                segment: one.segment,
                seq: one.seq,
            },
            false => Place {
                segment: last,
                seq: 0,
            },
        };
        let confirmed = Confirmed {
            place,
            entries: one.entries,
            changed: one.changed,
        };
        store.keep(&one.name, &confirmed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_did_not_come_back_is_not_taken_for_exported() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("exports.db");
        let kept = |segment| Kept {
            name: format!("to-{segment}"),
            segment,
            seq: 7,
            entries: 70,
            changed: 1,
        };
        bring_back(&path, &[3, 5, 9].map(kept), 5).unwrap();
        let store = Store::open(&path).unwrap();
        let place = |segment: u64| {
            let confirmed = store.confirmed(&format!("to-{segment}")).unwrap();
            let Place { segment, seq } = confirmed.unwrap().place;
            (segment, seq)
        };
        assert_eq!([3, 5, 9].map(place), [(3, 7), (5, 0), (5, 0)]);
    }
}
