//! The collector's own journal: what it took in, what it refused and why, who read, what alarmed it.

use std::path::{Path, PathBuf};

use daypass_journal::Error;
use daypass_journal::erasure;
use daypass_journal::horizon::Horizon;
use daypass_journal::identity::Identity;
use daypass_journal::writer::{Options, Rotated, Writer};
use daypass_protocol::digest::Pin;
use daypass_protocol::enrolment::collector_origin;
use daypass_protocol::event::Event;

use crate::layout::Layout;

/// The journal, open for writing.
pub struct Ledger {
    writer: Writer,
    directory: PathBuf,
    keys: PathBuf,
    horizon: Horizon,
    incarnation: String,
}

/// Why a journal could not be begun.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] Error),
    /// Its incarnation, which it made itself.
    #[error("the journal made an incarnation that is none: {0}")]
    Incarnation(#[from] daypass_protocol::digest::InvalidHex),
}

impl Ledger {
    /// Makes the identity of a new journal.
    ///
    /// # Errors
    /// When there is one, or the disk refuses.
    pub fn begin(layout: &Layout, ca: Pin) -> Result<Identity, BeginError> {
        let incarnation = daypass_journal::identity::fresh_incarnation()?.parse()?;
        let origin = collector_origin(ca, incarnation);
        Ok(Identity::create(&layout.journal_keys(), &origin)?)
    }

    /// Opens the journal; nobody else can until it is closed.
    ///
    /// # Errors
    /// When another process writes it, or the disk refuses.
    pub fn open(layout: &Layout) -> Result<Self, Error> {
        let horizon = Horizon::default();
        let options = Options {
            horizon: horizon.clone(),
            ..Options::default()
        };
        let (writer, recovery) = Writer::open(&layout.journal(), &layout.journal_keys(), options)?;
        let identity = Identity::open(&layout.journal_keys())?;
        let incarnation = identity.origin().rsplit('/').next().unwrap_or_default();
        if !recovery.clean {
            tracing::warn!(
                sealed = recovery.sealed,
                "the last run did not stop in order; the journal says what it left behind"
            );
        }
        Ok(Self {
            writer,
            directory: layout.journal(),
            keys: layout.journal_keys(),
            horizon,
            incarnation: incarnation.to_owned(),
        })
    }

    /// Where it stands.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// How far it is on disk.
    pub fn horizon(&self) -> Horizon {
        self.horizon.clone()
    }

    /// Its name and public keys.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn identity(&self) -> Result<Identity, Error> {
        Identity::open(&self.keys)
    }

    /// Appends an event and returns when it is durable.
    ///
    /// # Errors
    /// When it is not.
    pub fn record(&self, event: &Event) -> Result<(), Error> {
        self.writer.append(event).map(|_| ())
    }

    /// The last part of its origin.
    pub fn incarnation(&self) -> &str {
        &self.incarnation
    }

    /// Erases what names a person; says how many entries that were.
    ///
    /// # Errors
    /// When the journal cannot be read or changed.
    pub fn erase_person(&self, person: &str, by: &str, reason: &str) -> Result<u64, Error> {
        let entries = erasure::of_person(&self.directory, person)?;
        let runs = erasure::runs(&entries);
        for runs in runs.chunks(erasure::MOST_RUNS) {
            let entries: Vec<u64> = runs
                .iter()
                .flat_map(|(first, last)| *first..=*last)
                .collect();
            self.writer.erase(&entries, by, reason)?;
        }
        Ok(entries.len() as u64)
    }

    /// Hands the journal over to a new log key, which `by` asks for.
    ///
    /// # Errors
    /// When it has had as many as can be, or the disk refuses.
    pub fn rotate_log_key(&self, by: &str) -> Result<Rotated, Error> {
        self.writer.rotate_log_key(by)
    }

    /// Writes the closing seal.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn close(self) -> Result<(), Error> {
        self.writer.close()
    }
}
