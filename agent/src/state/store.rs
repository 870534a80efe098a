//! What was taken over, on disk: `chain.json`, then `state.json`, which speaks of it.

use std::path::{Path, PathBuf};

use daypass_protocol::digest::Pin;
use daypass_protocol::key::Key;
use daypass_protocol::narrowing::SignedNarrowing;
use daypass_protocol::revocation::SignedRevocation;
use daypass_protocol::roster::SignedRoster;
use daypass_protocol::state::SignedState;
use daypass_protocol::statement::SignedStatement;
use daypass_protocol::strict_json;
use daypass_protocol::time::Time;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Kept, KeptNarrowing, KeptRevocation, Known};
use crate::durable;

/// Room for a few hundred rosters of the largest size.
const MAX_CHAIN: usize = 128 * 1024 * 1024;
/// The state's own bound twice over, for escapes, and every stop that is kept.
const MAX_STATE: usize = 64 * 1024 * 1024;

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
        let unverified = |error: daypass_protocol::state::Error| super::Error::State(error);
        let state = stored
            .state
            .check(pin, &stored.signed_by)
            .map_err(unverified)?;
        let chain = super::Chain::verify(pin, &rosters).map_err(super::Error::Chain)?;
        super::agrees(&chain, &state)?;
        let stops = stored
            .stops
            .iter()
            .filter_map(|signed| Kept::check(signed, &chain))
            .collect();
        let revoked = stored
            .revoked
            .iter()
            .filter_map(|signed| KeptRevocation::check(signed, &chain))
            .collect();
        let narrowings = stored
            .narrowings
            .iter()
            .filter_map(|signed| KeptNarrowing::check(signed, &chain))
            .collect();
        Ok(Self {
            pin,
            rosters,
            chain,
            signed: stored.state,
            signed_by: stored.signed_by,
            state,
            stops,
            revoked,
            narrowings,
            enrolled: Time::from_unix(0),
        })
    }

    /// Writes everything, the rosters first.
    ///
    /// # Errors
    /// A file could not be written.
    pub fn store(&self, directory: &Path) -> Result<(), durable::Error> {
        let chain = StoredChain {
            chain: self.rosters.clone(),
        };
        write(&directory.join("chain.json"), &chain)?;
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
            stops: self.stops.iter().map(|kept| kept.signed.clone()).collect(),
            revoked: self
                .revoked
                .iter()
                .map(|kept| kept.signed.clone())
                .collect(),
            narrowings: self
                .narrowings
                .iter()
                .map(|kept| kept.signed.clone())
                .collect(),
        };
        write(&directory.join("state.json"), &stored)
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

fn write(path: &Path, value: &impl Serialize) -> Result<(), durable::Error> {
    // Strings, numbers and lists of them only: this cannot fail.
    let text = serde_json::to_vec(value).unwrap_or_default();
    durable::replace(path, &text, 0o600)
}
