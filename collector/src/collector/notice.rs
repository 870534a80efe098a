//! What is noticed and journalled: refusals, contradictions, silence.

use std::net::IpAddr;
use std::time::Instant;

use daypass_protocol::enrolment::Record;
use daypass_protocol::event::{Event, Origin as From, Outcome};

use super::{Collector, CollectorError};
use crate::clock::Now;
use crate::ingest::{self, IngestError};
use crate::origin::Origin;
use crate::refusals::Verdict;
use crate::segments::SegmentName;
use crate::watch::Contradiction;

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

    /// Looks who fell silent, and journals it.
    ///
    /// # Errors
    /// When the store or the journal fails.
    pub fn look(&self, now: Now) -> Result<(), CollectorError> {
        let events = self
            .watch
            .look(&*self.parts.checkpoints, now, self.parts.silence_after)?;
        events.iter().try_for_each(|event| self.record(event))
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
                reason: broken.cause.to_string(),
            },
            _ => return Ok(()),
        };
        if !ingest::body::is_signed(bytes, found.seq(), &record.log_key) {
            return Ok(());
        }
        let name = SegmentName::of(found.seq(), found.seq().saturating_add(1), bytes);
        let evidence =
            self.watch.takes_evidence(log, &name) && self.keep_evidence(log, &name, bytes);
        let evidence = evidence.then_some(&name);
        match self.watch.contradiction(log, &found, evidence) {
            Some(event) => self.record(&event),
            None => Ok(()),
        }
    }

    /// Keeps the other side of a fork beside ours: no checkpoint counts it.
    fn keep_evidence(&self, log: &Origin, name: &SegmentName, bytes: &[u8]) -> bool {
        match self.parts.segments.put(log, name, bytes) {
            Ok(_) => true,
            Err(error) => {
                // The alarm matters more than its evidence.
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, %log, "the other side of a fork could not be kept");
                false
            }
        }
    }
}
