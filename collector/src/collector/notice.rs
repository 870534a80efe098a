//! What is noticed and journalled: refusals, contradictions, silence.

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::time::Instant;

use daypass_protocol::enrolment::Record;
use daypass_protocol::event::{Event, Origin as From, Outcome};

use super::{Collector, CollectorError};
use crate::add_checkpoint::{AddCheckpoint, Judgement};
use crate::checkpoints::{Registration, StoredSegment};
use crate::clock::Now;
use crate::indexer::{self, FollowIndexError};
use crate::ingest::{self, IngestError};
use crate::origin::Origin;
use crate::refusals::Verdict;
use crate::segments::{Put, SegmentError, SegmentName};
use crate::strangers::Witnessed;
use crate::watch::{Contradiction, Presence};
use crate::witness::Cosignature;

/// Characters of what was found in a journal that does not hold.
const FOUND: usize = 300;

impl Collector {
    /// Journals a refusal, so many a minute of each address.
    ///
    /// # Errors
    /// When it is not durable.
    pub fn refused(&self, address: IpAddr, event: Event) -> Result<(), CollectorError> {
        let Verdict::Record { unrecorded } = self.refusals.judge(address, Instant::now()) else {
            tracing::info!(%address, "a refusal is not journalled: too many from this address");
            return Ok(());
        };
        let event = event.outcome(Outcome::Denied).from(From {
            address: Some(address),
            ..From::default()
        });
        self.record(&match unrecorded {
            0 => event,
            unrecorded => event.detail("unrecorded", unrecorded),
        })
    }

    /// Something was heard of who writes `log`. That it goes to another collector counts where the CA's state names one
    /// before this: nobody slips away from the first.
    pub fn hears(&self, log: &Origin, presence: Presence) {
        let authority = &self.parts.authority;
        if presence == Presence::Stays || authority.prefers_another_to(&self.witness().vkeys()) {
            self.watch.hears(log, presence);
        }
    }

    /// Looks who fell silent, and journals it.
    ///
    /// # Errors
    /// When the store or the journal fails.
    pub fn look(&self, now: Now) -> Result<(), CollectorError> {
        let silence_after = self.parts.silence_after;
        self.watch
            .look(&*self.parts.checkpoints, now, silence_after, |event| {
                self.record(event)
            })
    }

    /// Whether who writes this log has gone for good.
    pub fn has_retired(&self, registration: &Registration) -> bool {
        self.watch.has_retired(registration)
    }

    /// A stored segment is damaged or missing: raises the alarm, once for as long as it stays so, and its reader may pass it over.
    ///
    /// # Errors
    /// When it is not durable: what nobody is told of is not passed over.
    pub(crate) fn lost(
        &self,
        segment: &StoredSegment,
        error: &SegmentError,
    ) -> Result<(), CollectorError> {
        let losses = self.parts.checkpoints.lost();
        self.watch
            .lost(losses, segment, error, |event| self.record(event))
    }

    /// Raises that alarm for those who take text out of what is stored.
    pub(crate) fn tells_of_lost(
        &self,
    ) -> impl FnMut(&StoredSegment, SegmentError) -> Result<(), FollowIndexError> {
        |segment, error| Ok(self.lost(segment, &error).map_err(Box::new)?)
    }

    /// Takes into the index what it has not taken yet, and passes over what is lost; says how many segments those were.
    ///
    /// # Errors
    /// At the first that cannot be taken.
    pub fn follow_index(&self) -> Result<u64, FollowIndexError> {
        indexer::follow(self.stores(), self.index(), &mut self.tells_of_lost())
    }

    /// Remembers how each journal looked last, from what is stored of it: its newest segments. Of one that is lost nothing is.
    ///
    /// # Errors
    /// When the stores cannot say.
    pub fn recall(&self) -> Result<(), CollectorError> {
        let stores = self.stores();
        for (registration, held) in stores.checkpoints.logs()? {
            let Some(held) = held else { continue };
            self.watch.recall(
                stores.checkpoints,
                stores.segments,
                &registration.log,
                &held,
                |segment, error| self.lost(segment, error),
            )?;
        }
        Ok(())
    }

    /// Judges the checkpoint of another's log, and raises the alarm when that has two pasts.
    pub(super) fn witness_stranger(
        &self,
        request: &AddCheckpoint,
        now: Now,
    ) -> Result<(Judgement, Option<Cosignature>), CollectorError> {
        let checkpoint = &request.checkpoint;
        let Witnessed { judgement, kept } = self.parts.strangers.add(request)?;
        if let Judgement::OtherRoot { held } = judgement {
            let (origin, size) = (&checkpoint.origin, checkpoint.size);
            self.watch
                .stranger(origin, held, size, |event| self.record(event))?;
        }
        let cosignature = match kept {
            Some(kept) => Some(self.parts.witness.cosign_stranger(&kept, now).ok_or(
                CollectorError::Damaged {
                    what: "checkpoint of another's log",
                },
            )?),
            None => None,
        };
        Ok((judgement, cosignature))
    }

    /// Raises the alarm when lines were refused that the log itself signed, and keeps them.
    pub(super) fn alarm(
        &self,
        log: &Origin,
        record: &Record,
        bytes: &[u8],
        error: &IngestError,
    ) -> Result<(), CollectorError> {
        let found = match error {
            IngestError::Fork(fork) => Contradiction::Entries((**fork).clone()),
            IngestError::Broken(broken) => Contradiction::Lines {
                seq: broken.seq,
                // It may quote what the lines say, and has to fit into an entry.
                reason: broken.cause.to_string().chars().take(FOUND).collect(),
            },
            _ => return Ok(()),
        };
        if !ingest::body::is_signed(bytes, found.seq(), &self.log_keys(log, record)?) {
            return Ok(());
        }
        let name = SegmentName::of(found.seq(), found.seq().saturating_add(1), bytes);
        let evidence =
            self.watch.takes_evidence(log, &name) && self.keep_evidence(log, &name, bytes);
        let evidence = evidence.then_some(&name);
        self.watch
            .contradiction(log, &found, evidence, |event| self.record(event))
    }

    /// Keeps the other side of a fork beside ours: no checkpoint counts it.
    fn keep_evidence(&self, log: &Origin, name: &SegmentName, bytes: &[u8]) -> bool {
        match self.parts.segments.put(log, name, bytes) {
            Ok(put) => {
                // Whoever sends the same again and again makes no work for the second copy.
                if put == Put::New {
                    self.evidence_kept.fetch_add(1, Ordering::SeqCst);
                }
                true
            }
            Err(error) => {
                // The alarm matters more than its evidence.
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, %log, "the other side of a fork could not be kept");
                false
            }
        }
    }
}
