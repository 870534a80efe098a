//! Why a state is not taken over.

use daypass_protocol::digest::Digest;
use daypass_protocol::key::Fingerprint;
use daypass_protocol::roster::ChainError;
use daypass_protocol::state;

/// Why nothing was taken over.
#[derive(Debug, thiserror::Error)]
pub enum Error<E> {
    /// The state itself.
    #[error(transparent)]
    State(#[from] state::Error),
    /// The rosters do not lead from the pin to a roster.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The rosters could not be fetched.
    #[error("the rosters could not be fetched: {0}")]
    Fetch(#[source] E),
    /// There are two rosters of one number.
    #[error("there are two rosters {number}: the CA's is another one than this host's")]
    RosterFork {
        /// The number.
        number: u64,
        /// The one that is known here.
        held: Digest,
        /// The CA's.
        offered: Digest,
    },
    /// A new roster was signed with a key that had been revoked.
    #[error("roster {number} is signed with {key}, which was revoked before: it is not taken over")]
    RosterByRevokedKey {
        /// The roster's number.
        number: u64,
        /// The key.
        key: Fingerprint,
    },
    /// The rosters that came do not reach the number that the state names.
    #[error("the state names roster {wanted}, the CA sends none beyond {found}")]
    RosterMissing {
        /// The number that the state names.
        wanted: u64,
        /// The newest that came.
        found: u64,
    },
}
