//! The entries of a stored segment, for those who read everything that is stored, one segment after the other.

use daypass_journal::remains::{self, Stored};

use crate::checkpoints::{CheckpointError, StoredSegment};
use crate::keep::Stores;
use crate::owed;
use crate::segments::{SegmentError, SegmentName};

/// Its entries that have their text, with their sequence numbers.
pub(crate) type Entries = Vec<(u64, Vec<u8>)>;

/// Reads a segment, without what is to be taken out of it. One that is lost has no entries, once `lost` was told of it: it must
/// not keep everything behind it from being read.
pub(crate) fn read<E: From<SegmentError> + From<CheckpointError>>(
    stores: Stores<'_>,
    segment: &StoredSegment,
    lost: impl FnOnce(&StoredSegment, SegmentError) -> Result<(), E>,
) -> Result<Entries, E> {
    match now::<E>(stores, segment)? {
        Now::Whole(_, bytes) => {
            let owed = stores.checkpoints.lost().owed(segment.number)?;
            Ok(entries(&owed::without(bytes, &owed)))
        }
        Now::Lost(error) => lost(segment, error).map(|()| Entries::new()),
    }
}

/// A segment as it is now.
pub(crate) enum Now {
    /// By which name, and its bytes.
    Whole(SegmentName, Vec<u8>),
    /// They are gone, or are others.
    Lost(SegmentError),
}

/// Reads a segment that was listed a moment ago. Text may have been taken out of it since: then it has another name now, and the
/// old one is gone.
pub(crate) fn now<E: From<SegmentError> + From<CheckpointError>>(
    stores: Stores<'_>,
    segment: &StoredSegment,
) -> Result<Now, E> {
    let StoredSegment {
        number, log, name, ..
    } = segment;
    let error = match stores.segments.bytes(log, name) {
        Ok(bytes) => return Ok(Now::Whole(*name, bytes)),
        Err(error) if error.is_loss() => error,
        Err(error) => return Err(error.into()),
    };
    let listed = stores
        .checkpoints
        .segments_after(number.saturating_sub(1), 1)?;
    let renamed = listed.into_iter().next();
    let renamed = renamed.filter(|listed| listed.number == *number && listed.name != *name);
    let Some(StoredSegment { name, .. }) = renamed else {
        return Ok(Now::Lost(error));
    };
    match stores.segments.bytes(log, &name) {
        Ok(bytes) => Ok(Now::Whole(name, bytes)),
        Err(error) if error.is_loss() => Ok(Now::Lost(error)),
        Err(error) => Err(error.into()),
    }
}

fn entries(bytes: &[u8]) -> Entries {
    let entries = remains::entries(bytes);
    let whole = entries.iter().filter_map(|entry| match entry {
        Stored::Whole { seq, line } => Some((*seq, line.to_vec())),
        Stored::Gone { .. } => None,
    });
    whole.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoints::memory::MemoryCheckpoints;
    use crate::checkpoints::{CheckpointStore as _, Held, Mark, Registration};
    use crate::origin::Origin;
    use crate::segments::SegmentStore as _;
    use crate::segments::memory::MemorySegments;

    #[derive(Debug, thiserror::Error)]
    enum Failed {
        #[error(transparent)]
        Checkpoint(#[from] CheckpointError),
        #[error(transparent)]
        Segment(#[from] SegmentError),
    }

    fn entry(seq: u64) -> String {
        let (boot, salt) = ("a".repeat(32), "b".repeat(32));
        format!(
            "{{\"seq\":{seq},\"time\":\"2026-11-23T10:00:00.000000Z\",\"boot\":\"{boot}\",\"mono\":1,\"salt\":\"{salt}\",\"action\":\"x\"}}\n"
        )
    }

    #[test]
    fn what_lost_some_text_since_it_was_listed_is_read_by_its_new_name() {
        let (checkpoints, segments) = (MemoryCheckpoints::default(), MemorySegments::default());
        let stores = Stores {
            checkpoints: &checkpoints,
            segments: &segments,
        };
        let log: Origin = "daypass/0123456789abcdef/host/db1/00000000000000ff"
            .parse()
            .unwrap();
        let lines = entry(0) + &entry(1);
        let name = SegmentName::of(0, 2, lines.as_bytes());
        segments.put(&log, &name, lines.as_bytes()).unwrap();
        let registration = Registration {
            log: log.clone(),
            record: String::new(),
            signature: String::new(),
            registered: 0,
        };
        checkpoints.register(&registration).unwrap();
        let held = Held {
            mark: Mark {
                size: 2,
                root: [1; 32],
            },
            seal: String::new(),
            follower: String::new(),
            stored: 0,
        };
        checkpoints
            .advance(&log, &Mark::empty(), &held, &name)
            .unwrap();
        let listed = checkpoints.segments_after(0, 1).unwrap().remove(0);

        let left = remains::erase(lines.as_bytes(), &[(0, 0)]);
        let new = SegmentName::of(0, 2, &left);
        segments.put(&log, &new, &left).unwrap();
        checkpoints.replace(&listed, &new).unwrap();
        segments.remove(&log, &name).unwrap();
        let nothing_is_lost = |_: &_, error: SegmentError| Err(Failed::Segment(error));
        let entries = read(stores, &listed, nothing_is_lost).unwrap();
        assert_eq!(entries, [(1, entry(1).trim_end().as_bytes().to_vec())]);

        segments.remove(&log, &new).unwrap();
        let error = read(stores, &listed, nothing_is_lost).unwrap_err();
        assert!(matches!(
            error,
            Failed::Segment(SegmentError::Missing { .. })
        ));
    }
}
