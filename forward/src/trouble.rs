//! What goes wrong on the way to a collector.

use daypass_journal::error::KeyFault;
use daypass_transport::client;

use crate::owner::ClientError;

/// Why a collector does not take the journal now. It is tried again.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// No connection can be set up from here.
    #[error("no connection can be set up: {0}")]
    Client(#[source] ClientError),
    /// The collector does not answer, or refuses.
    #[error(transparent)]
    Call(#[from] client::Error),
    /// The key that the CA's state names for it is none.
    #[error("the witness key of this collector cannot be used: {0}")]
    WitnessKey(KeyFault),
    /// It holds less than it was just sent, and says that all is well.
    #[error("the collector holds {held} entries after {sent} were sent")]
    NotTaken {
        /// The journal's size as sent.
        sent: u64,
        /// What it says that it holds.
        held: u64,
    },
    /// What stands in the place of a cosignature is none, or another's.
    #[error(
        "the collector's cosignature of {size} entries is by no witness key that the CA's state names"
    )]
    FalseCosignature {
        /// The size that it should cover.
        size: u64,
    },
    /// The journal cannot be read.
    #[error("the journal cannot be read: {0}")]
    Journal(#[from] daypass_journal::Error),
    /// More lines before the next seal than one upload may hold.
    #[error("the entries from {from} on have no seal within {limit} bytes")]
    TooLarge {
        /// The first of them.
        from: u64,
        /// What one upload may hold.
        limit: usize,
    },
}

impl Trouble {
    /// A stable word in kebab-case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Client(_) | Self::WitnessKey(_) => "collector-unusable",
            Self::Call(client::Error::Api { .. } | client::Error::Status { .. }) => {
                "collector-refused"
            }
            Self::Call(client::Error::NotJson { .. } | client::Error::TooLong { .. }) => {
                "collector-garbled"
            }
            Self::Call(client::Error::Untrusted { .. }) => "collector-untrusted",
            Self::Call(_) => "collector-unreachable",
            Self::NotTaken { .. } => "collector-forgets",
            Self::FalseCosignature { .. } => "cosignature-false",
            Self::Journal(_) | Self::TooLarge { .. } => "journal-unreadable",
        }
    }

    /// Whether the collector found the upload larger than it takes.
    pub(crate) fn is_too_large(&self) -> bool {
        matches!(self, Self::Call(client::Error::Api { status: 413, .. }))
    }
}

/// The journal here and the one that the collector holds exclude each other: a person has to look. It is not tried
/// again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// The collector holds more than there is: the journal was put back to an earlier time, or another machine writes
    /// under the same name.
    #[error(
        "this journal has {ours} sealed entries, but the collector holds {held}: it was rolled back, or another machine writes it too"
    )]
    RolledBack {
        /// Sealed entries here.
        ours: u64,
        /// Entries held there.
        held: u64,
    },
    /// The collector holds other entries.
    #[error(
        "the {size} entries that the collector holds are not the first {size} of this journal: two machines write it, or it was changed"
    )]
    Diverged {
        /// How many it holds.
        size: u64,
    },
    /// The collector found that what was sent does not follow from what it holds.
    #[error("the collector does not take this journal: {message}")]
    Refused {
        /// Its word for it: `fork`, `not-proven`.
        code: String,
        /// What it says.
        message: String,
        /// The first entry that was sent.
        from: u64,
    },
}

impl Contradiction {
    /// A stable word in kebab-case.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::RolledBack { .. } => "rolled-back",
            Self::Diverged { .. } => "diverged",
            Self::Refused { code, .. } => code,
        }
    }

    /// The first entry that is in question.
    #[must_use]
    pub fn seq(&self) -> u64 {
        match self {
            Self::RolledBack { ours, .. } => *ours,
            Self::Diverged { size } => size.saturating_sub(1),
            Self::Refused { from, .. } => *from,
        }
    }
}

/// Why a session with a collector is over.
#[derive(Debug)]
pub(crate) enum End {
    /// Told to stop, or other collectors are named now.
    Orders,
    /// A collector that stands before this one in the list answers again.
    Preferred,
    /// There is another certificate to show.
    Renewed,
    Trouble(Trouble),
    Contradiction(Contradiction),
}

impl<T: Into<Trouble>> From<T> for End {
    fn from(trouble: T) -> Self {
        Self::Trouble(trouble.into())
    }
}

impl From<Contradiction> for End {
    fn from(found: Contradiction) -> Self {
        Self::Contradiction(found)
    }
}
