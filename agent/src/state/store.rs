//! What was taken over, on disk: `chain.json`, then `state.json`, which speaks of it.

use std::path::{Path, PathBuf};

use daypass_protocol::digest::Pin;
use daypass_protocol::key::Key;
use daypass_protocol::narrowing::SignedNarrowing;
use daypass_protocol::revocation::SignedRevocation;
use daypass_protocol::roster::SignedRoster;
use daypass_protocol::state::{self, SignedState};
use daypass_protocol::statement::SignedStatement;
use daypass_protocol::strict_json;
use daypass_protocol::time::Time;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Known;
use super::memory::{Memory, ROOM};
use crate::durable;

/// Room for a few hundred rosters of the largest size.
const MAX_CHAIN: usize = 128 * 1024 * 1024;
/// The state's own bound twice over, for escapes, everything that is remembered, and to spare.
const MAX_STATE: usize = 64 * 1024 * 1024;
const _: () = assert!(2 * state::MAX_DOCUMENT + 3 * ROOM.bytes + 1024 * 1024 <= MAX_STATE);

/// `state.json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    state: SignedState,
    /// The key that was trusted for this state; the state itself announces the next.
    signed_by: Key,
    stops: Vec<SignedStatement>,
    #[serde(default)]
    revoked: Vec<SignedRevocation>,
    #[serde(default)]
    narrowings: Vec<SignedNarrowing>,
}

/// `chain.json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredChain {
    chain: Vec<SignedRoster>,
}

/// Why nothing could be loaded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] durable::Error),
    /// A file is missing.
    #[error("{} is missing", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A file is damaged.
    #[error("{} cannot be read: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: strict_json::Error,
    },
    /// What stands there does not verify.
    #[error("what was taken over does not verify any more: {0}")]
    Unverified(#[from] super::Error<std::convert::Infallible>),
}

impl Known {
    /// Reads what was taken over, and checks all of it again.
    ///
    /// # Errors
    /// See [`enum@Error`].
    pub fn load(directory: &Path, pin: Pin) -> Result<Self, Error> {
        let StoredChain { chain: rosters } = read(&directory.join("chain.json"), MAX_CHAIN)?;
        let stored: Stored = read(&directory.join("state.json"), MAX_STATE)?;
        let state = stored
            .state
            .check(pin, &stored.signed_by)
            .map_err(super::Error::State)?;
        let chain = super::Chain::verify(pin, &rosters).map_err(super::Error::Chain)?;
        super::agrees(&chain, &state)?;
        let mut known = Self {
            pin,
            signed: stored.state,
            signed_by: stored.signed_by,
            state,
            stops: Memory::of(&stored.stops, &chain),
            revoked: Memory::of(&stored.revoked, &chain),
            narrowings: Memory::of(&stored.narrowings, &chain),
            rosters,
            chain,
            unusable: 0,
            enrolled: Time::from_unix(0),
        };
        // What there was no room to remember counts as long as the state says it.
        known.unusable = known.hear();
        Ok(known)
    }

    /// Writes everything, the rosters first.
    ///
    /// # Errors
    /// A file could not be written.
    pub fn store(&self, directory: &Path) -> Result<(), durable::Error> {
        let chain = StoredChain {
            chain: self.rosters.clone(),
        };
        write(&directory.join("chain.json"), &chain, MAX_CHAIN)?;
        self.store_state(directory)
    }

    /// Writes the state alone; for when the rosters have not changed.
    ///
    /// # Errors
    /// The file could not be written.
    pub fn store_state(&self, directory: &Path) -> Result<(), durable::Error> {
        let stored = Stored {
            state: self.signed.clone(),
            signed_by: self.signed_by.clone(),
            stops: self.stops.lasting(),
            revoked: self.revoked.lasting(),
            narrowings: self.narrowings.lasting(),
        };
        write(&directory.join("state.json"), &stored, MAX_STATE)
    }
}

fn read<T: DeserializeOwned>(path: &Path, bound: usize) -> Result<T, Error> {
    let bytes = durable::read(path, bound as u64)?.ok_or_else(|| Error::Missing {
        path: path.to_owned(),
    })?;
    strict_json::parse(bytes, bound).map_err(|source| Error::Json {
        path: path.to_owned(),
        source,
    })
}

/// What would be too long to be read again is not written: the file of before stays.
fn write(path: &Path, value: &impl Serialize, bound: usize) -> Result<(), durable::Error> {
    // Strings, numbers and lists of them only: this cannot fail.
    let text = serde_json::to_vec(value).unwrap_or_default();
    if text.len() > bound {
        return Err(durable::Error::TooLarge {
            path: path.to_owned(),
            limit: bound as u64,
        });
    }
    durable::replace(path, &text, 0o600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_read_again_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        write(&path, &"123", 5).unwrap();
        let error = write(&path, &"1234", 5).unwrap_err();
        assert!(matches!(error, durable::Error::TooLarge { limit: 5, .. }));
        let kept: String = read(&path, 5).unwrap();
        assert_eq!(kept, "123");
    }
}
