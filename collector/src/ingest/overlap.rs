//! Lines that are held already: the same again are ignored, others are a fork.

use daypass_journal::follow::leaf;
use daypass_journal::remains;
use daypass_journal::tree::Hash;
use daypass_protocol::digest::Digest;

use super::body::Body;
use super::{Fork, IngestError};
use crate::checkpoints::StoredSegment;
use crate::keep::Stores;
use crate::origin::Origin;

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
    let bytes = match stores.segments.bytes(&segment.log, &segment.name) {
        Ok(bytes) => bytes,
        // With what is lost nothing can be compared. What is new has to follow from the tree in any case.
        Err(error) if error.is_loss() => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for held in remains::entries(&bytes) {
        let seq = held.seq();
        let Some(offered) = body.entry(seq) else {
            continue;
        };
        // By their leaves: what was erased since, there or here, is still the same entry.
        let (ours, theirs) = (Digest::from_bytes(held.leaf()), leaf_of(offered));
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
