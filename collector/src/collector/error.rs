//! Why the collector does not do what it is asked.

use daypass_protocol::enrolment;

use crate::checkpoints::CheckpointError;
use crate::ingest::IngestError;
use crate::origin::Origin;
use crate::strangers::StrangerError;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum CollectorError {
    /// The log was never registered here.
    #[error("no journal with the origin {log} is known here; show its enrolment record first")]
    UnknownLog {
        /// Which.
        log: String,
    },
    /// The record is not one that the CA signed.
    #[error(transparent)]
    Record(#[from] enrolment::Error),
    /// The record is another journal's.
    #[error("the enrolment record is for {found}, not for {log}")]
    OtherRecord {
        /// The log in the path.
        log: Origin,
        /// The one in the record.
        found: String,
    },
    /// Another record was shown before.
    #[error(
        "{log} is known here by another enrolment record; a journal that starts anew takes a new incarnation"
    )]
    RegisteredDifferently {
        /// Which.
        log: Origin,
    },
    /// The lines.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The log ends before what is held.
    #[error(
        "the journal ends after {size} entries, {held} are held here: its end is missing on the host"
    )]
    RolledBack {
        /// Entries on the host.
        size: u64,
        /// Entries here.
        held: u64,
    },
    /// The checkpoint is signed by none of the log's keys.
    #[error("the checkpoint is not signed by the log's key")]
    NotSigned,
    /// The checkpoint of another's log could not be kept.
    #[error(transparent)]
    Stranger(#[from] StrangerError),
    /// The store.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Our own journal: what is not journalled is not done.
    #[error("the collector's own journal failed")]
    Ledger(#[from] daypass_journal::Error),
    /// A stored record or seal is not what was stored.
    #[error("a stored {what} cannot be read")]
    Damaged {
        /// What.
        what: &'static str,
    },
}
