//! Brings everything back from the second copy: each journal is followed anew from its first line, as it was when it came in.

use std::collections::BTreeMap;
use std::path::Path;

use daypass_journal::error::Broken;
use daypass_journal::follow::{FollowError, Follower};
use daypass_protocol::enrolment::{self, Record, SignedRecord};
use daypass_protocol::strict_json;

use crate::archive::{self, ArchiveError, ArchivedLog};
use crate::authority::Authority;
use crate::checkpoints::{Advanced, CheckpointError, Held, Mark, Registration};
use crate::ingest::body;
use crate::keep::Stores;
use crate::origin::{InvalidOrigin, Origin, Owner};
use crate::segments::directory::DirectorySegments;
use crate::segments::{SegmentError, SegmentStore as _};

/// What was brought back.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Restored {
    /// Journals.
    pub logs: usize,
    /// Segments.
    pub segments: u64,
    /// Entries of them.
    pub entries: u64,
    /// Journals whose record the CA's key of today did not sign: an earlier one did, or nobody.
    pub of_earlier_keys: Vec<String>,
    /// Journals of which the copy has fewer entries than their checkpoint counts: the first number that is missing.
    pub short: Vec<(String, u64)>,
}

/// Why nothing, or not all, was brought back.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The copy.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A segment, there or here.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// The list of segments here.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// There is something here.
    #[error(
        "there are {count} journals here already; restore into a directory that is new: `daypass-collector init` makes one"
    )]
    NotEmpty {
        /// How many.
        count: usize,
    },
    /// The copy names a journal that is none.
    #[error("the copy names {0}")]
    Origin(#[from] InvalidOrigin),
    /// A record that is none, or another journal's or CA's.
    #[error("the record of {log} in the copy does not count: {reason}")]
    Record {
        /// Whose.
        log: String,
        /// Why.
        reason: String,
    },
    /// A segment of a journal that the copy has no record of.
    #[error("the copy has segments of {log} and no record of it")]
    Stranger {
        /// Whose.
        log: Origin,
    },
    /// Its keys.
    #[error(transparent)]
    Keys(#[from] FollowError),
    /// A line.
    #[error("the lines of {log} in the copy do not hold: {broken}")]
    Broken {
        /// Whose.
        log: Origin,
        /// What does not hold.
        broken: Broken,
    },
    /// A segment that does not end with a seal, or not where its name says.
    #[error("segment {number} of {log} in the copy does not lead where its name says")]
    Elsewhere {
        /// Whose.
        log: Origin,
        /// Its number.
        number: u64,
    },
    /// The verifier's own words could not be written down.
    #[error("the verifier's state could not be written as JSON")]
    Snapshot(#[from] serde_json::Error),
}

/// A journal that is being followed.
struct Following {
    follower: Follower,
    mark: Mark,
}

/// Brings what the copy in `root` has into empty `stores`.
///
/// # Errors
/// At the first that does not hold; what came before it is here.
pub fn restore(
    root: &Path,
    stores: Stores<'_>,
    authority: &Authority,
) -> Result<Restored, RestoreError> {
    let count = stores.checkpoints.logs()?.len();
    if count > 0 {
        return Err(RestoreError::NotEmpty { count });
    }
    let logs = archive::read_logs(root)?;
    let mut restored = Restored::default();
    let mut following: BTreeMap<Origin, Following> = BTreeMap::new();
    for log in &logs {
        let (origin, record) = register(stores, authority, log, &mut restored)?;
        let follower = Follower::of_copy(&record.log_key, &record.epoch_key)?;
        let mark = Mark::empty();
        following.insert(origin, Following { follower, mark });
        restored.logs += 1;
    }
    let copy = DirectorySegments::open_to_read(&root.join("segments"));
    for (number, listed) in archive::read_list(root)? {
        let log = &listed.log;
        let bytes = copy.bytes(log, &listed.name)?;
        let one = following
            .get_mut(log)
            .ok_or_else(|| RestoreError::Stranger { log: log.clone() })?;
        for line in body::lines(&bytes) {
            one.follower
                .line(line)
                .map_err(|broken| RestoreError::Broken {
                    log: log.clone(),
                    broken,
                })?;
        }
        let elsewhere = || RestoreError::Elsewhere {
            log: log.clone(),
            number,
        };
        let mark = Mark {
            size: one.follower.size(),
            root: one.follower.root(),
        };
        let (Some(snapshot), Some(seal)) = (one.follower.snapshot(), one.follower.seal()) else {
            return Err(elsewhere());
        };
        if mark.size != listed.name.size {
            return Err(elsewhere());
        }
        let held = Held {
            mark,
            seal: seal.to_owned(),
            follower: serde_json::to_string(&snapshot)?,
            stored: listed.stored,
        };
        stores.segments.put(log, &listed.name, &bytes)?;
        match stores
            .checkpoints
            .advance(log, &one.mark, &held, &listed.name)?
        {
            Advanced::Done => one.mark = mark,
            Advanced::Stale => return Err(elsewhere()),
        }
        restored.segments += 1;
    }
    for log in logs {
        let origin: Origin = log.origin.parse()?;
        let size = following.get(&origin).map_or(0, |one| one.mark.size);
        restored.entries += size;
        if size < log.size {
            restored.short.push((log.origin, size));
        }
    }
    Ok(restored)
}

fn register(
    stores: Stores<'_>,
    authority: &Authority,
    log: &ArchivedLog,
    restored: &mut Restored,
) -> Result<(Origin, Record), RestoreError> {
    let refused = |reason: String| RestoreError::Record {
        log: log.origin.clone(),
        reason,
    };
    let origin: Origin = log.origin.parse()?;
    let record: Record = strict_json::parse_document(&log.record, enrolment::MAX_DOCUMENT)
        .map_err(|error| refused(error.to_string()))?;
    if record.origin != log.origin || record.ca != authority.pin() {
        return Err(refused(
            "it is another journal's, or another CA's".to_owned(),
        ));
    }
    let signature = log.signature.parse();
    let signed = signature.map(|signature| SignedRecord {
        record: log.record.clone(),
        signature,
    });
    // The CA's key may have changed since: the lines are checked by the keys in the record in any case.
    // Its own journal a collector vouches for by itself.
    let is_ours = *origin.owner() == Owner::Collector;
    if !is_ours && !signed.is_ok_and(|signed| authority.check(&signed).is_ok()) {
        restored.of_earlier_keys.push(log.origin.clone());
    }
    stores.checkpoints.register(&Registration {
        log: origin.clone(),
        record: log.record.clone(),
        signature: log.signature.clone(),
        registered: log.registered,
    })?;
    Ok((origin, record))
}
