//! Lines that are held already: the same again are ignored, others are a fork.

use daypass_journal::follow::leaf;
use daypass_journal::tree::Hash;
use daypass_protocol::digest::Digest;

use super::body::{Body, is_entry, lines};
use super::{Fork, IngestError};
use crate::checkpoints::StoredSegment;
use crate::keep::Stores;
use crate::origin::Origin;
use crate::segments::SegmentError;

/// Segments that are looked up at once.
const LOOK: usize = 64;

/// Compares the entries of `body` that are among the `held` ones of `log`.
pub(super) fn compare(
    stores: Stores<'_>,
    log: &Origin,
    body: &Body<'_>,
    held: u64,
) -> Result<(), IngestError> {
    let end = body.range().end.min(held);
    let mut at = body.range().start;
    while at < end {
        let segments = stores.checkpoints.segments_of(log, at, LOOK)?;
        let Some(last) = segments.last() else {
            break;
        };
        let after = last.name.size;
        for segment in segments.iter().filter(|segment| segment.name.first < end) {
            compare_segment(stores, segment, body)?;
        }
        at = after;
    }
    Ok(())
}

fn compare_segment(
    stores: Stores<'_>,
    segment: &StoredSegment,
    body: &Body<'_>,
) -> Result<(), IngestError> {
    let bytes = stores.segments.bytes(&segment.log, &segment.name)?;
    for (seq, held) in (segment.name.first..).zip(entries(&bytes)) {
        let Some(offered) = body.entry(seq) else {
            continue;
        };
        // By their leaves: what was erased since is still the same entry.
        let (ours, theirs) = (leaf_of(held), leaf_of(offered));
        if ours != theirs {
            return Err(IngestError::Fork(Box::new(Fork {
                seq,
                held: ours,
                offered: theirs,
            })));
        }
    }
    Ok(())
}

/// The leaf hash of an entry whose form was checked.
fn leaf_of(line: &[u8]) -> Digest {
    Digest::from_bytes(leaf(line).map_or(Hash::default(), |(_, hash)| hash))
}

/// The entries of a segment that was verified when it was stored.
pub(crate) fn entries(segment: &[u8]) -> impl Iterator<Item = &[u8]> {
    lines(segment).filter(|line| is_entry(line))
}

/// The entries of a stored segment with their sequence numbers.
pub(crate) fn read(
    stores: Stores<'_>,
    segment: &StoredSegment,
) -> Result<Vec<(u64, Vec<u8>)>, SegmentError> {
    let bytes = stores.segments.bytes(&segment.log, &segment.name)?;
    Ok((segment.name.first..)
        .zip(entries(&bytes).map(<[u8]>::to_vec))
        .collect())
}
