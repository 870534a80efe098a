//! What each error of the floors below means to a caller: a status, a code, a sentence. What failed on our side says
//! nothing but that; the log has it whole.

use super::refusal::Refusal;
use crate::alerts::StoreError;
use crate::collector::CollectorError;
use crate::export;
use crate::groups::GroupError;
use crate::index::IndexError;
use crate::ingest::{IngestError, InvalidBody};
use crate::people::PeopleError;
use crate::strangers::StrangerError;

impl From<CollectorError> for Refusal {
    fn from(error: CollectorError) -> Self {
        let message = error.to_string();
        match error {
            CollectorError::UnknownLog { .. } => Self::missing("unknown-log", message),
            CollectorError::Record(_) => Self::unacceptable("record-refused", message),
            CollectorError::OtherRecord { .. } => {
                Self::unacceptable("record-of-another-log", message)
            }
            CollectorError::RegisteredDifferently { .. } => {
                Self::unacceptable("registered-differently", message)
            }
            CollectorError::Ingest(error) => Self::from(error),
            CollectorError::RolledBack { held, .. } => Self::conflict("rolled-back", message, held),
            CollectorError::NotSigned
            | CollectorError::Stranger(StrangerError::NotSigned { .. }) => {
                Self::forbidden("not-signed", message)
            }
            CollectorError::Checkpoint(_)
            | CollectorError::Ledger(_)
            | CollectorError::Stranger(_)
            | CollectorError::Damaged { .. } => Self::failure(&error),
        }
    }
}

impl From<IngestError> for Refusal {
    fn from(error: IngestError) -> Self {
        let message = error.to_string();
        match error {
            IngestError::Body(InvalidBody::TooLong { .. }) => {
                Self::too_large(crate::segments::SEGMENT_LIMIT)
            }
            IngestError::Body(_) => Self::malformed("malformed-lines", message),
            IngestError::Gap { held, .. } => Self::conflict("gap", message, held),
            IngestError::Fork(_) => Self::unacceptable("fork", message),
            IngestError::Broken(_) => Self::unacceptable("not-proven", message),
            IngestError::Follow(_)
            | IngestError::Snapshot(_)
            | IngestError::Segment(_)
            | IngestError::Checkpoint(_)
            | IngestError::Keep(_) => Self::failure(&error),
        }
    }
}

impl From<PeopleError> for Refusal {
    fn from(error: PeopleError) -> Self {
        let (code, message) = (error.code(), error.to_string());
        match error {
            PeopleError::Credential(_) | PeopleError::RevokedKey { .. } | PeopleError::Replay => {
                Self::unauthenticated(code, message)
            }
            PeopleError::JustStarted | PeopleError::Flood => Self::unavailable(code, message),
            PeopleError::Role { .. } => Self::forbidden(code, message),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::failure(&error)
    }
}

impl From<export::StoreError> for Refusal {
    fn from(error: export::StoreError) -> Self {
        Self::failure(&error)
    }
}

impl From<GroupError> for Refusal {
    fn from(error: GroupError) -> Self {
        match error {
            GroupError::Unknown { .. } => Self::missing("unknown-group", error.to_string()),
            GroupError::Checkpoint(_) => Self::failure(&error),
        }
    }
}

impl From<IndexError> for Refusal {
    fn from(error: IndexError) -> Self {
        match error {
            IndexError::TooLong => Self::unavailable("search-too-long", error.to_string()),
            IndexError::OutOfTurn { .. } | IndexError::Failed { .. } => Self::failure(&error),
        }
    }
}
