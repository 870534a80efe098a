//! The collector, whole: stores, keys, journal and memory, and what is done with them. Knows nothing of HTTP.

mod error;
mod notice;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use daypass_protocol::enrolment::{self, Record, SignedRecord};
use daypass_protocol::event::{Action, Event, Outcome};
use daypass_protocol::strict_json;

pub use error::CollectorError;

use crate::add_checkpoint::{AddCheckpoint, Judgement};
use crate::alerts::Alerts;
use crate::arrivals::Arrivals;
use crate::authority::Authority;
use crate::checkpoints::{CheckpointStore, Mark, Registered, Registration};
use crate::clock::Now;
use crate::export::Exports;
use crate::index::Index;
use crate::ingest;
use crate::keep::{self, Durable, Stores};
use crate::ledger::Ledger;
use crate::origin::Origin;
use crate::people::People;
use crate::refusals::Refusals;
use crate::segments::SegmentStore;
use crate::strangers::Strangers;
use crate::watch::{Contradiction, Watch};
use crate::witness::{Cosignature, Witness};

/// What the collector is made of.
pub struct Parts {
    /// The truth about each log.
    pub checkpoints: Box<dyn CheckpointStore>,
    /// The lines.
    pub segments: Box<dyn SegmentStore>,
    /// Logs of others, whose checkpoints are cosigned without their entries.
    pub strangers: Strangers,
    /// Search.
    pub index: Box<dyn Index>,
    /// Who people are.
    pub authority: Authority,
    /// The key that cosigns.
    pub witness: Witness,
    /// Our own journal.
    pub ledger: Ledger,
    /// What people are told of at once.
    pub alerts: Alerts,
    /// Where entries go as they come in.
    pub exports: Exports,
    /// Seconds after which a journal of which nothing came is silent.
    pub silence_after: u64,
}

/// The collector.
pub struct Collector {
    parts: Parts,
    people: People,
    watch: Watch,
    refusals: Refusals,
    locks: Mutex<HashMap<Origin, Arc<Mutex<()>>>>,
    arrivals: SyncSender<()>,
    stopping: AtomicBool,
    searchable: Arrivals,
    news: Arrivals,
    evidence_kept: AtomicU64,
}

/// What is held of a log, and our word for it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Standing {
    /// Size and root.
    pub mark: Mark,
    /// Of that checkpoint; `None` while there is none.
    pub cosignature: Option<Cosignature>,
}

impl Collector {
    /// Puts the parts together. Whoever holds the receiver is told when there is something to index.
    pub fn new(parts: Parts, now: Now) -> (Self, Receiver<()>) {
        let (arrivals, arrived) = sync_channel(1);
        let collector = Self {
            parts,
            people: People::new(now.time()),
            watch: Watch::new(now),
            refusals: Refusals::default(),
            locks: Mutex::default(),
            arrivals,
            stopping: AtomicBool::new(false),
            searchable: Arrivals::default(),
            news: Arrivals::default(),
            evidence_kept: AtomicU64::new(0),
        };
        (collector, arrived)
    }

    /// Where things are kept.
    pub fn stores(&self) -> Stores<'_> {
        Stores {
            checkpoints: &*self.parts.checkpoints,
            segments: &*self.parts.segments,
        }
    }

    /// Search.
    pub fn index(&self) -> &dyn Index {
        &*self.parts.index
    }

    /// Who people are.
    pub fn authority(&self) -> &Authority {
        &self.parts.authority
    }

    /// Whose requests were seen.
    pub fn people(&self) -> &People {
        &self.people
    }

    /// The witness's public key.
    pub fn witness_key(&self) -> String {
        self.parts.witness.vkey()
    }

    /// The keys that cosign.
    pub fn witness(&self) -> &Witness {
        &self.parts.witness
    }

    /// Does something with a log while nobody adds to it.
    pub fn with_log<T>(&self, log: &Origin, job: impl FnOnce() -> T) -> T {
        let lock = self.lock_of(log);
        let _held = lock.lock().unwrap_or_else(PoisonError::into_inner);
        job()
    }

    /// Which life of our own journal this is.
    pub fn own_incarnation(&self) -> &str {
        self.parts.ledger.incarnation()
    }

    /// Erases what names a person from our own journal; says how many entries that were.
    ///
    /// # Errors
    /// When the journal cannot be read or changed.
    pub fn erase_own(
        &self,
        person: &str,
        by: &str,
        reason: &str,
    ) -> Result<u64, daypass_journal::Error> {
        self.parts.ledger.erase_person(person, by, reason)
    }

    /// How often the other side of a fork was kept, in the life of this process.
    pub(crate) fn evidence_kept(&self) -> u64 {
        self.evidence_kept.load(Ordering::SeqCst)
    }

    /// Wakes those who wait for what comes in.
    pub fn arrivals(&self) -> &Arrivals {
        &self.searchable
    }

    /// Wakes those who read what is stored, before it can be searched.
    pub fn news(&self) -> &Arrivals {
        &self.news
    }

    /// What people are told of at once.
    pub fn alerts(&self) -> &Alerts {
        &self.parts.alerts
    }

    /// Where entries go as they come in.
    pub fn exports(&self) -> &Exports {
        &self.parts.exports
    }

    /// Tells whoever indexes to finish what there is, and no more.
    pub fn stop_indexing(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.has_arrived();
        self.parts.ledger.horizon().call();
    }

    /// There is something to index.
    pub(crate) fn has_arrived(&self) {
        // Full means that a notice waits already, which serves for all.
        let _ = self.arrivals.try_send(());
        self.news.came();
    }

    /// Our own journal.
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.parts.ledger
    }

    /// Whether [`Collector::stop_indexing`] was called.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Seconds after which a journal is silent.
    pub fn silence_after(&self) -> u64 {
        self.parts.silence_after
    }

    /// Makes a log known by the record that the CA signed for it.
    ///
    /// # Errors
    /// When the record does not count, is another log's, or another was shown before.
    pub fn register(
        &self,
        log: &Origin,
        signed: &SignedRecord,
        now: Now,
    ) -> Result<Standing, CollectorError> {
        let known = self.parts.checkpoints.registration(log)?;
        // Known by these very bytes: the CA may have changed its key since.
        if known.is_none_or(|known| known.record != signed.record) {
            let verified = self.parts.authority.check(signed)?;
            let found = &verified.record().origin;
            if *found != log.to_string() {
                return Err(CollectorError::OtherRecord {
                    log: log.clone(),
                    found: found.clone(),
                });
            }
            let registration = Registration {
                log: log.clone(),
                record: signed.record.clone(),
                signature: signed.signature.to_string(),
                registered: now.micros(),
            };
            match self.parts.checkpoints.register(&registration)? {
                Registered::New => self.record(&registered(log))?,
                Registered::Same => {}
                Registered::Differs => {
                    return Err(CollectorError::RegisteredDifferently { log: log.clone() });
                }
            }
        }
        self.standing(log, None, now)
    }

    /// What is held of a log whose owner says that it has `size` sealed entries, if it says.
    ///
    /// # Errors
    /// [`CollectorError::RolledBack`], after the alarm, when that is less than is held.
    pub fn standing(
        &self,
        log: &Origin,
        size: Option<u64>,
        now: Now,
    ) -> Result<Standing, CollectorError> {
        self.record_of(log)?;
        let durable = keep::latest(self.stores(), log)?;
        let mark = durable.as_ref().map_or(Mark::empty(), Durable::mark);
        if let Some(size) = size.filter(|size| *size < mark.size) {
            self.watch
                .rollback(log, size, mark.size, |event| self.record(event))?;
            return Err(CollectorError::RolledBack {
                size,
                held: mark.size,
            });
        }
        let cosignature = durable
            .map(|durable| self.cosign(&durable, now))
            .transpose()?;
        Ok(Standing { mark, cosignature })
    }

    /// The newest checkpoint of a log as its own seal and our cosignature below it: a signed note.
    ///
    /// # Errors
    /// When the log is unknown or has none yet.
    pub fn checkpoint(&self, log: &Origin, now: Now) -> Result<Option<String>, CollectorError> {
        self.record_of(log)?;
        let Some(durable) = keep::latest(self.stores(), log)? else {
            return Ok(None);
        };
        let cosignature = self.cosign(&durable, now)?;
        Ok(Some(format!("{}{}", durable.seal(), cosignature.lines())))
    }

    /// Takes lines in, from entry `from` on.
    ///
    /// # Errors
    /// When they are refused; where the log itself signed what contradicts it, after the alarm.
    pub fn append(
        &self,
        log: &Origin,
        from: u64,
        bytes: &[u8],
        now: Now,
    ) -> Result<Standing, CollectorError> {
        let record = self.record_of(log)?;
        let lock = self.lock_of(log);
        let _held = lock.lock().unwrap_or_else(PoisonError::into_inner);
        match ingest::ingest(self.stores(), log, &record, from, bytes, now) {
            Ok(durable) => {
                self.has_arrived();
                self.watch
                    .read(log, bytes, now, |event| self.record(event))?;
                Ok(Standing {
                    mark: durable.mark(),
                    cosignature: Some(self.cosign(&durable, now)?),
                })
            }
            Err(error) => {
                self.alarm(log, &record, bytes, &error)?;
                Err(error.into())
            }
        }
    }

    /// Judges a checkpoint that somebody brings.
    ///
    /// # Errors
    /// When the log is unknown or did not sign it.
    pub fn add_checkpoint(
        &self,
        request: &AddCheckpoint,
        now: Now,
    ) -> Result<(Judgement, Option<Cosignature>), CollectorError> {
        let checkpoint = &request.checkpoint;
        if self.parts.strangers.knows(&checkpoint.origin) {
            return self.witness_stranger(request, now);
        }
        let unknown = || CollectorError::UnknownLog {
            log: checkpoint.origin.chars().take(300).collect(),
        };
        let log: Origin = checkpoint.origin.parse().map_err(|_| unknown())?;
        let record = self.record_of(&log)?;
        // By any of its keys: what is cosigned is what is held, and two pasts are two pasts whichever key signed one of them.
        let keys = self.log_keys(&log, &record)?;
        if !keys.iter().any(|key| checkpoint.is_signed_by(key)) {
            return Err(CollectorError::NotSigned);
        }
        let durable = keep::latest(self.stores(), &log)?;
        let held = durable.as_ref().map_or(Mark::empty(), Durable::mark);
        let judgement = request.judge(&held);
        match (judgement, durable) {
            (Judgement::Cosign, Some(durable)) => {
                Ok((judgement, Some(self.cosign(&durable, now)?)))
            }
            // A proof that leads nowhere proves nothing: anybody can bring one beside a checkpoint that is as it should
            // be. Two roots for one size, both signed, are two pasts.
            (Judgement::OtherRoot { .. }, _) => {
                let found = Contradiction::Checkpoint {
                    held: held.size,
                    size: checkpoint.size,
                };
                self.watch
                    .contradiction(&log, &found, None, |event| self.record(event))?;
                Ok((judgement, None))
            }
            _ => Ok((judgement, None)),
        }
    }

    /// Journals an event.
    ///
    /// # Errors
    /// When it is not durable.
    pub fn record(&self, event: &Event) -> Result<(), CollectorError> {
        Ok(self.parts.ledger.record(event)?)
    }

    /// Writes the closing seal of our own journal.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn close(self) -> Result<(), CollectorError> {
        self.record(&Event::new(Action::CollectorStop).outcome(Outcome::Done))?;
        Ok(self.parts.ledger.close()?)
    }

    fn cosign(&self, durable: &Durable, now: Now) -> Result<Cosignature, CollectorError> {
        let cosignature = self.parts.witness.cosign(durable, now);
        cosignature.ok_or(CollectorError::Damaged { what: "seal" })
    }

    /// The record by which a log is known; it was checked when it was shown.
    pub(crate) fn record_of(&self, log: &Origin) -> Result<Record, CollectorError> {
        let known = self.parts.checkpoints.registration(log)?;
        let known = known.ok_or_else(|| CollectorError::UnknownLog {
            log: log.to_string(),
        })?;
        strict_json::parse_document(&known.record, enrolment::MAX_DOCUMENT).map_err(|_| {
            CollectorError::Damaged {
                what: "enrolment record",
            }
        })
    }

    /// The keys that a log is known to have had.
    pub(crate) fn log_keys(
        &self,
        log: &Origin,
        record: &Record,
    ) -> Result<Vec<String>, CollectorError> {
        let held = self.parts.checkpoints.latest(log)?;
        ingest::log_keys(record, held.as_ref()).map_err(|_| CollectorError::Damaged {
            what: "verifier's state",
        })
    }

    fn lock_of(&self, log: &Origin) -> Arc<Mutex<()>> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(locks.entry(log.clone()).or_default())
    }
}

fn registered(log: &Origin) -> Event {
    Event::new(Action::LogRegistered)
        .outcome(Outcome::Done)
        .detail("log", log.to_string())
}
