//! Brings everything back from the second copy: each journal is followed anew from its first line, as it was when it came in.
//! One that does not hold keeps no other from coming back.

use std::collections::BTreeMap;
use std::path::Path;

use daypass_journal::error::Broken;
use daypass_journal::follow::{FollowError, Follower};
use daypass_protocol::enrolment::{self, Record, SignedRecord};
use daypass_protocol::strict_json;

use crate::archive::{self, ArchiveError, ArchivedLog, Listed};
use crate::authority::Authority;
use crate::checkpoints::losses::{Debt, How, Loss};
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
    /// Journals whose record no key of the CA's signed that is known.
    pub unsigned: Vec<String>,
    /// Journals that are not here, or only up to where they hold, and why.
    pub failed: Vec<Failure>,
    /// Journals of which the copy has fewer entries than their checkpoint counts: the first number that is missing.
    pub short: Vec<(String, u64)>,
}

/// A journal that is not here, or not all of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure {
    /// Its origin.
    pub log: String,
    /// Why, in a sentence.
    pub why: String,
}

/// What is done with a record that no key of the CA's signed that is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unsigned {
    /// Its journal stays away: whoever wrote the copy could have put it there.
    Refused,
    /// Its journal comes back, on the word of whoever said so.
    Taken,
}

/// Why nothing was brought back, or one journal was not.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The copy.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A segment in the copy.
    #[error(transparent)]
    Copied(SegmentError),
    /// A segment here.
    #[error(transparent)]
    Here(SegmentError),
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
    #[error("the copy names it, and {0}")]
    Origin(#[from] InvalidOrigin),
    /// A record that is none, or another journal's or CA's.
    #[error("its record in the copy does not count: {reason}")]
    Record {
        /// Why.
        reason: String,
    },
    /// A segment of a journal that the copy has no record of.
    #[error("the copy has segments of it and no record")]
    Stranger,
    /// Nobody vouches for its keys.
    #[error(
        "no key of the CA's, of today or before, signed its record; compare it with the CA's journal (host.enrolled), then say --take-unsigned"
    )]
    Unsigned,
    /// Its keys.
    #[error(transparent)]
    Keys(#[from] FollowError),
    /// A line.
    #[error("its lines in the copy do not hold: {broken}")]
    Broken {
        /// What does not hold.
        broken: Broken,
    },
    /// A segment that does not end with a seal, or not where its name says.
    #[error("segment {number} in the copy does not lead where its name says")]
    Elsewhere {
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

/// Brings what the copy in `root` has into empty `stores`. What keeps single journals away is in the answer.
///
/// # Errors
/// When the copy's lists cannot be read, there is something here, or nothing can be stored.
pub fn restore(
    root: &Path,
    stores: Stores<'_>,
    authority: &Authority,
    unsigned: Unsigned,
) -> Result<Restored, RestoreError> {
    let count = stores.checkpoints.logs()?.len();
    if count > 0 {
        return Err(RestoreError::NotEmpty { count });
    }
    let (logs, list) = (archive::read_logs(root)?, archive::read_list(root)?);
    let owed = archive::read_owed(root)?;
    let mut restored = Restored::default();
    let mut following: BTreeMap<Origin, Following> = BTreeMap::new();
    for log in &logs {
        match register(stores, authority, log, unsigned, &mut restored) {
            Ok((origin, one)) => {
                following.insert(origin, one);
                restored.logs += 1;
            }
            Err(error) => restored.fails(&log.origin, error)?,
        }
    }
    let copy = DirectorySegments::open_to_read(&root.join("segments"));
    for (number, listed) in list {
        let log = listed.log.to_string();
        let Some(one) = following.get_mut(&listed.log) else {
            if !restored.has_failed(&log) {
                restored.fails(&log, RestoreError::Stranger)?;
            }
            continue;
        };
        // Nothing of it follows from what does not hold.
        if restored.has_failed(&log) {
            continue;
        }
        let taken = one.take(stores, &copy, number, &listed);
        let debts = owed.get(&number).map_or(&[][..], Vec::as_slice);
        match taken.and_then(|()| owe(stores, &listed, debts)) {
            Ok(()) => restored.segments += 1,
            Err(error) => restored.fails(&log, error)?,
        }
    }
    for log in logs {
        let origin = log.origin.parse::<Origin>().ok();
        let one = origin.and_then(|origin| following.get(&origin));
        let Some(size) = one.map(|one| one.mark.size) else {
            continue;
        };
        restored.entries += size;
        if size < log.size {
            restored.short.push((log.origin, size));
        }
    }
    Ok(restored)
}

impl Restored {
    fn has_failed(&self, log: &str) -> bool {
        self.failed.iter().any(|failure| failure.log == log)
    }

    /// Notes why a journal is not here; what is no fault of its own ends it all.
    fn fails(&mut self, log: &str, error: RestoreError) -> Result<(), RestoreError> {
        let is_ours = match &error {
            RestoreError::Checkpoint(_) | RestoreError::Snapshot(_) | RestoreError::Here(_) => true,
            RestoreError::Archive(_)
            | RestoreError::NotEmpty { .. }
            | RestoreError::Copied(_)
            | RestoreError::Origin(_)
            | RestoreError::Record { .. }
            | RestoreError::Stranger
            | RestoreError::Unsigned
            | RestoreError::Keys(_)
            | RestoreError::Broken { .. }
            | RestoreError::Elsewhere { .. } => false,
        };
        if is_ours {
            return Err(error);
        }
        self.failed.push(Failure {
            log: log.to_owned(),
            why: crate::diagnostic::sentence(&error),
        });
        Ok(())
    }
}

impl Following {
    /// Follows a segment, and stores it.
    fn take(
        &mut self,
        stores: Stores<'_>,
        copy: &DirectorySegments,
        number: u64,
        listed: &Listed,
    ) -> Result<(), RestoreError> {
        let log = &listed.log;
        let bytes = copy
            .bytes(log, &listed.name)
            .map_err(RestoreError::Copied)?;
        for line in body::lines(&bytes) {
            self.follower
                .line(line)
                .map_err(|broken| RestoreError::Broken { broken })?;
        }
        let mark = Mark {
            size: self.follower.size(),
            root: self.follower.root(),
        };
        let (Some(snapshot), Some(seal)) = (self.follower.snapshot(), self.follower.seal()) else {
            return Err(RestoreError::Elsewhere { number });
        };
        if mark.size != listed.name.size {
            return Err(RestoreError::Elsewhere { number });
        }
        let held = Held {
            mark,
            seal: seal.to_owned(),
            follower: serde_json::to_string(&snapshot)?,
            stored: listed.stored,
        };
        stores
            .segments
            .put(log, &listed.name, &bytes)
            .map_err(RestoreError::Here)?;
        match stores
            .checkpoints
            .advance(log, &self.mark, &held, &listed.name)?
        {
            Advanced::Done => self.mark = mark,
            Advanced::Stale => return Err(RestoreError::Elsewhere { number }),
        }
        Ok(())
    }
}

/// Has taken out of a segment what was to be when it came back where it was copied from: the service does that, and nobody reads
/// it before.
fn owe(stores: Stores<'_>, listed: &Listed, debts: &[Debt]) -> Result<(), RestoreError> {
    if debts.is_empty() {
        return Ok(());
    }
    let Listed { log, name, .. } = listed;
    let here = stores.checkpoints.segments_of(log, name.first, 1)?;
    for segment in here {
        let losses = stores.checkpoints.lost();
        losses.lose(&Loss {
            number: segment.number,
            name: *name,
            how: How::Missing,
            told: true,
        })?;
        losses.owe(segment.number, debts)?;
    }
    Ok(())
}

fn register(
    stores: Stores<'_>,
    authority: &Authority,
    log: &ArchivedLog,
    unsigned: Unsigned,
    restored: &mut Restored,
) -> Result<(Origin, Following), RestoreError> {
    let refused = |reason: String| RestoreError::Record { reason };
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
    // Its own journal a collector vouches for by itself.
    let is_ours = *origin.owner() == Owner::Collector;
    if !is_ours && !signed.is_ok_and(|signed| authority.check(&signed).is_ok()) {
        if unsigned == Unsigned::Refused {
            return Err(RestoreError::Unsigned);
        }
        restored.unsigned.push(log.origin.clone());
    }
    let follower = Follower::of_copy(&record.log_key, &record.epoch_key)?;
    stores.checkpoints.register(&Registration {
        log: origin.clone(),
        record: log.record.clone(),
        signature: log.signature.clone(),
        registered: log.registered,
    })?;
    let mark = Mark::empty();
    Ok((origin, Following { follower, mark }))
}
