//! Why what the CA said is not taken over, and the alarm that it is worth.

use std::io;
use std::path::PathBuf;

use daypass_protocol::digest::Digest;
use daypass_protocol::event::{Action, Event, Outcome};
use daypass_protocol::key::Fingerprint;
use daypass_protocol::roster::ChainError;
use daypass_protocol::state;
use daypass_protocol::strict_json;

/// Why what the CA said is not taken over.
#[derive(Debug, thiserror::Error)]
pub enum WordError {
    /// The rosters do not hold.
    #[error("the CA's rosters do not hold: {0}")]
    Chain(#[from] ChainError),
    /// The state does not hold.
    #[error(transparent)]
    State(#[from] state::Error),
    /// It cannot be read.
    #[error("what the CA said cannot be read: {0}")]
    Json(#[from] strict_json::Error),
    /// Fewer rosters than are known.
    #[error("the CA shows {found} rosters, {known} are known: it went back")]
    Fewer {
        /// How many are known.
        known: u64,
        /// How many it shows.
        found: u64,
    },
    /// Admins signed two rosters of one number.
    #[error("there are two rosters {number}: the CA's is another one than the one known here")]
    Forked {
        /// The number.
        number: u64,
        /// The one that is known here.
        held: Digest,
        /// The CA's.
        offered: Digest,
    },
    /// A new roster was signed with a key that was known to be revoked.
    #[error(
        "roster {number} is signed with {key}, which was revoked before: it is not taken over; whoever signed it has the CA and a \
         stolen key, or the admins sign it anew with others"
    )]
    ByRevokedKey {
        /// The roster's number.
        number: u64,
        /// The key.
        key: Fingerprint,
    },
    /// The file of what was taken over.
    #[error("{} cannot be read or written", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl WordError {
    /// The alarm that it is worth. Two rosters of one number mean that admins' keys are in other hands, as one does that a revoked
    /// key signed, and a state that is dated ahead that the CA's key is, or that a clock is wrong.
    pub fn alarm(&self) -> Option<Event> {
        match self {
            Self::Forked {
                number,
                held,
                offered,
            } => Some(
                Event::new(Action::AlarmRosterFork)
                    .outcome(Outcome::Failed)
                    .because("roster-forked", self.to_string())
                    .detail("roster", *number)
                    .detail("held", held.to_string())
                    .detail("offered", offered.to_string()),
            ),
            Self::ByRevokedKey { number, key } => Some(
                Event::new(Action::StateTaken)
                    .outcome(Outcome::Failed)
                    .because("roster-key-revoked", self.to_string())
                    .detail("roster", *number)
                    .detail("key", key.to_string()),
            ),
            Self::State(state::Error::Ahead { now, found }) => Some(
                Event::new(Action::AlarmClock)
                    .outcome(Outcome::Failed)
                    .because("state-ahead", self.to_string())
                    .detail("seconds", found.since(*now)),
            ),
            _ => None,
        }
    }

    /// What is told once, however often it is met.
    pub(crate) fn gist(&self) -> String {
        match self {
            // How late it is plays no part.
            Self::State(state::Error::Ahead { .. }) => "state-ahead".to_owned(),
            other => other.to_string(),
        }
    }
}
