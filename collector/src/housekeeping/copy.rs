//! The second copy: brought up to what is stored, and rid of what was replaced.

use std::time::Instant;

use daypass_protocol::event::{Action, Event, Outcome};

use super::{Housekeeping, MINUTE, complain, whole};
use crate::archive::{Archive, ArchiveError};
use crate::backoff::Pause;
use crate::checkpoints::StoredSegment;
use crate::collector::Collector;
use crate::evidence::{self, EvidenceError};
use crate::export::KeptError;
use crate::keep::Stores;
use crate::origin::Origin;
use crate::rewrite::{self, RewriteError};
use crate::segments::SegmentName;

/// Replaced segments that are looked at, at most.
const MANY: usize = 1024;

/// What cannot be done for now is tried again later and later.
#[derive(Default)]
pub(super) struct Copying {
    /// While the directory cannot be used.
    away: Pause,
    /// While what took others' place is lost.
    waiting: Pause,
    /// Those others.
    replaced: Vec<StoredSegment>,
}

impl Housekeeping {
    /// Something that was lost is back: what the copy left out is in its reach again.
    pub(super) fn takes_up(&mut self) {
        self.archive = None;
        self.copying.waiting.end();
    }

    /// Brings the second copy up to what is stored, and removes what was replaced from both.
    pub(super) fn copy(&mut self, collector: &Collector) {
        if !self.copying.away.is_over() {
            return;
        }
        let outcome = self.try_copy(collector);
        let event = Event::new(Action::ArchiveBehind);
        let event = match (&outcome, self.is_behind) {
            (Err(error), false) => {
                complain(error, "the second copy is behind");
                event.outcome(Outcome::Failed).because(
                    "archive-behind",
                    format!("the second copy cannot be made: {}", whole(error)),
                )
            }
            (Ok(()), true) => event.outcome(Outcome::Done),
            _ => return,
        };
        match collector.record(&event) {
            Ok(()) => self.is_behind = outcome.is_err(),
            // Told the next time.
            Err(error) => complain(
                &error,
                "the state of the second copy could not be journalled",
            ),
        }
    }

    fn try_copy(&mut self, collector: &Collector) -> Result<(), CopyError> {
        let stores = collector.stores();
        let Some(root) = self.config.archive.clone() else {
            return self.copying.settle(collector, None);
        };
        let archive = match &mut self.archive {
            Some(archive) => archive,
            none => none.insert(Archive::open(&root)?),
        };
        let mut lost = |segment: &_, error| {
            Ok::<_, ArchiveError>(collector.lost(segment, &error).map_err(Box::new)?)
        };
        let outcome = archive
            .follow(stores, &mut lost)
            .map_err(CopyError::from)
            .and_then(|count| {
                // A segment that is lost keeps nothing else waiting.
                let settled = self.copying.settle(collector, Some(archive));
                let kept = collector.evidence_kept();
                if self.evidence != Some(kept) {
                    copy_evidence(collector, archive)?;
                    self.evidence = Some(kept);
                }
                while let Some(gone) = self.memory.gone.last() {
                    if let Some((log, name)) = evidence_at(gone) {
                        archive.remove(&log, &name)?;
                    }
                    self.memory.gone.pop();
                }
                if self.files_at.is_none_or(|last| last.elapsed() >= MINUTE) {
                    archive.follow_files(&self.layout, collector.own_incarnation())?;
                    archive.follow_exports(&collector.exports().kept()?)?;
                    self.files_at = Some(Instant::now());
                }
                settled?;
                Ok(count)
            });
        match &outcome {
            Ok(_) => self.copying.away.end(),
            // Nothing is wrong with the directory.
            Err(CopyError::Rewrite(RewriteError::Waiting { .. })) => {}
            // It may be a disk that is gone; the next try opens it anew.
            Err(_) => {
                self.archive = None;
                self.copying.away.failed();
            }
        }
        self.remember();
        outcome.map(drop)
    }
}

impl Copying {
    /// Removes what was replaced. What could not be removed the last time is left in peace for a while, unless there is more.
    fn settle(
        &mut self,
        collector: &Collector,
        archive: Option<&mut Archive>,
    ) -> Result<(), CopyError> {
        let stores = collector.stores();
        let replaced = |stores: Stores<'_>| {
            let replaced = stores.checkpoints.replaced(MANY);
            replaced.map_err(RewriteError::from)
        };
        let waits = !self.waiting.is_over() && replaced(stores)? == self.replaced;
        if waits {
            let count = self.replaced.len();
            return Err(RewriteError::Waiting { count }.into());
        }
        let settled = rewrite::settle(stores, archive, &mut collector.tells_of_lost());
        match &settled {
            Err(RewriteError::Waiting { .. }) => {
                self.replaced = replaced(stores)?;
                self.waiting.failed();
            }
            Ok(()) | Err(_) => self.waiting.end(),
        }
        Ok(settled?)
    }
}

/// Copies of each log what no checkpoint counts; while nobody adds to it, since what is under way is none of that.
fn copy_evidence(collector: &Collector, archive: &Archive) -> Result<(), CopyError> {
    let stores = collector.stores();
    for (registration, _) in stores.checkpoints.logs().map_err(ArchiveError::from)? {
        let log = registration.log;
        let names = collector.with_log(&log, || evidence::unlisted(stores, &log))?;
        archive.follow_evidence(stores, &log, &names)?;
    }
    Ok(())
}

fn evidence_at(text: &str) -> Option<(Origin, SegmentName)> {
    let (log, name) = text.split_once(' ')?;
    Some((log.parse().ok()?, name.parse().ok()?))
}

/// Why the second copy is not what it should be.
#[derive(Debug, thiserror::Error)]
enum CopyError {
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Exports(#[from] KeptError),
    #[error(transparent)]
    Rewrite(#[from] RewriteError),
}
