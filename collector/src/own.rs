//! The collector's own journal, taken in like anybody's: so its alarms are searched for where all else is, and a copy of
//! what it says stands among the segments. Nothing of it comes over a wire, and no word of the CA is needed.

use std::time::Duration;

use daypass_journal::follow::note_of_seal;
use daypass_journal::horizon::Horizon;
use daypass_journal::reader::Copier;
use daypass_protocol::enrolment::Record;
use daypass_protocol::name::InvalidName;
use daypass_protocol::version::Version;

use crate::checkpoints::{CheckpointError, Registration};
use crate::clock::Now;
use crate::collector::{Collector, CollectorError};
use crate::ingest::body::{BODY_LIMIT, is_entry};
use crate::ingest::{self, IngestError};
use crate::ledger::Ledger;
use crate::origin::{InvalidOrigin, Origin};

/// After a failure, and when nothing happens, it is looked at again.
const LOOK: Duration = Duration::from_secs(30);
/// So much at once is enough: a seal comes after a megabyte at most.
const FULL: usize = BODY_LIMIT / 2;

/// Why the own journal is not taken in.
#[derive(Debug, thiserror::Error)]
pub enum OwnError {
    /// Its keys or lines cannot be read.
    #[error(transparent)]
    Journal(#[from] daypass_journal::Error),
    /// Its name is none of a collector's.
    #[error(transparent)]
    Origin(#[from] InvalidOrigin),
    /// It has no name to go by.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// The store.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Its record could not be written down.
    #[error("the record of the collector's own journal could not be written as JSON")]
    Record(#[from] serde_json::Error),
    /// Its lines.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// What is stored of it.
    #[error(transparent)]
    Collector(#[from] CollectorError),
    /// The journal on disk is another one than what is stored of it.
    #[error(
        "entry {held} of the collector's own journal does not follow the {held} that are stored"
    )]
    Differs {
        /// How many are stored.
        held: u64,
    },
}

/// The own journal, on its way into the stores.
pub(crate) struct Own {
    log: Origin,
    record: Record,
    horizon: Horizon,
}

impl Own {
    /// Makes the journal known to the stores, where it is not.
    ///
    /// # Errors
    /// What the disk or the store refuses.
    pub(crate) fn begin(collector: &Collector, now: Now) -> Result<Self, OwnError> {
        let ledger = collector.ledger();
        let identity = ledger.identity()?;
        let log: Origin = identity.origin().parse()?;
        let checkpoints = collector.stores().checkpoints;
        if checkpoints.registration(&log)?.is_none() {
            let record = Record {
                v: Version,
                ca: collector.authority().pin(),
                host: "collector".parse()?,
                aliases: Vec::new(),
                groups: Vec::new(),
                incarnation: log.incarnation(),
                origin: log.to_string(),
                log_key: identity.log_vkey(),
                epoch_key: identity.epoch_vkey(),
                time: now.time(),
                ephemeral: false,
            };
            checkpoints.register(&Registration {
                log: log.clone(),
                record: serde_json::to_string(&record)?,
                // Our own word is enough for what we write ourselves.
                signature: String::new(),
                registered: now.micros(),
            })?;
        }
        let record = collector.record_of(&log)?;
        let horizon = ledger.horizon();
        Ok(Self {
            log,
            record,
            horizon,
        })
    }

    /// Takes in what is written until the collector stops.
    pub(crate) fn follow(&self, collector: &Collector) {
        loop {
            if let Err(error) = self.take_in(collector) {
                let error = &error as &dyn std::error::Error;
                tracing::error!(
                    error,
                    "the collector's own journal cannot be searched from here on"
                );
            }
            if collector.is_stopping() {
                return;
            }
            let _ = self.horizon.wait(self.horizon.sight(), LOOK);
        }
    }

    /// Takes in what there is, and what comes until a failure or the collector's end.
    fn take_in(&self, collector: &Collector) -> Result<(), OwnError> {
        let held = collector.stores().checkpoints.latest(&self.log)?;
        let mut size = held.map_or(0, |held| held.mark.size);
        let mut lines = Lines::behind(collector.ledger(), size)?;
        loop {
            let sight = self.horizon.sight();
            lines.fill(sight.size)?;
            if lines.sealed > 0 {
                let (stores, body) = (collector.stores(), &lines.bytes[..lines.sealed]);
                let now = Now::read();
                // Whoever erases evidence meanwhile must not take a segment for one that no checkpoint counts.
                let durable = collector.with_log(&self.log, || {
                    ingest::ingest(stores, &self.log, &self.record, size, body, now)
                })?;
                size = durable.mark().size;
                lines.taken();
                collector.has_arrived();
            } else if collector.is_stopping() {
                return Ok(());
            } else {
                let _ = self.horizon.wait(sight, LOOK);
            }
        }
    }
}

/// Lines that were read and are not taken in yet.
struct Lines {
    copier: Copier,
    bytes: Vec<u8>,
    /// Where the last seal among them ends.
    sealed: usize,
    /// How many entries were read.
    read: u64,
    /// Whether the copier's line is still to be taken.
    is_held: bool,
}

impl Lines {
    fn behind(ledger: &Ledger, size: u64) -> Result<Self, OwnError> {
        let (copier, seal) = Copier::open(ledger.directory(), size)?;
        if size > 0 && seal.is_none() {
            return Err(OwnError::Differs { held: size });
        }
        Ok(Self {
            copier,
            bytes: Vec::new(),
            sealed: 0,
            read: size,
            is_held: false,
        })
    }

    /// Reads on, up to entry `horizon`: what stands behind it may not be on disk yet.
    fn fill(&mut self, horizon: u64) -> Result<(), OwnError> {
        while self.is_held || self.copier.advance()? {
            let line = self.copier.line();
            let is_entry = is_entry(line);
            self.is_held = is_entry && self.read >= horizon || self.bytes.len() >= FULL;
            if self.is_held {
                return Ok(());
            }
            self.bytes.extend_from_slice(line);
            self.bytes.push(b'\n');
            self.read += u64::from(is_entry);
            if note_of_seal(line).is_some() {
                self.sealed = self.bytes.len();
            }
        }
        Ok(())
    }

    fn taken(&mut self) {
        self.bytes.drain(..self.sealed);
        self.sealed = 0;
    }
}
