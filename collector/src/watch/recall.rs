//! How a journal looked last, read from what is stored of it: after a start, and by who asks beside the service.

use crate::checkpoints::{CheckpointStore, Held, StoredSegment};
use crate::clock::Now;
use crate::ingest::IngestError;
use crate::origin::Origin;
use crate::segments::{SegmentError, SegmentStore};

use super::{Condition, Watch, condition, is_ephemeral, newest};

/// Entries from which a journal is known again: what a host says last, and its journal's own after that.
const LAST: u64 = 4;

/// As many segments as have them.
const SEGMENTS: usize = 4;

impl Watch {
    /// Reads the newest of what is `held` of a log; segments that are `lost` are told and passed over.
    ///
    /// # Errors
    /// When the stores cannot say, and those of `lost`.
    pub fn recall<E: From<IngestError>>(
        &self,
        checkpoints: &dyn CheckpointStore,
        segments: &dyn SegmentStore,
        log: &Origin,
        held: &Held,
        mut lost: impl FnMut(&StoredSegment, &SegmentError) -> Result<(), E>,
    ) -> Result<(), E> {
        let from = held.mark.size.saturating_sub(LAST);
        let newest = checkpoints.segments_of(log, from, SEGMENTS);
        for segment in newest.map_err(IngestError::from)? {
            let bytes = match segments.bytes(&segment.log, &segment.name) {
                Ok(bytes) => bytes,
                Err(error) if error.is_loss() => {
                    lost(&segment, &error)?;
                    continue;
                }
                Err(error) => return Err(IngestError::from(error).into()),
            };
            let now = Now::of_micros(held.stored);
            // Told of when they came.
            self.read(&segment.log, &bytes, now, |_| Ok::<_, E>(()))?;
        }
        Ok(())
    }
}

/// How many journals are silent at `now`, but for those of hosts that went for good, and for former lives of those that are
/// heard by another.
///
/// # Errors
/// When the stores cannot say.
pub fn silent(
    checkpoints: &dyn CheckpointStore,
    segments: &dyn SegmentStore,
    now: Now,
    silence_after: u64,
) -> Result<usize, IngestError> {
    let watch = Watch::new(now);
    let mut count = 0;
    let logs = checkpoints.logs()?;
    let newest = newest(&logs);
    for (registration, held) in &logs {
        let Some(held) = held else { continue };
        if !newest.contains(&registration.log) {
            continue;
        }
        if condition(Some(held.stored), now, silence_after) != Condition::Silent {
            continue;
        }
        // All others count without a look at what they said last.
        if is_ephemeral(registration) {
            // The service tells of what is lost.
            let lost = |_: &StoredSegment, _: &SegmentError| Ok::<_, IngestError>(());
            watch.recall(checkpoints, segments, &registration.log, held, lost)?;
        }
        count += usize::from(!watch.has_retired(registration));
    }
    Ok(count)
}
