//! What a commit changes: segment, tree and epoch. Held by one thread at a time.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::Options;
use super::batch::Committed;
use crate::clock::Stamp;
use crate::durable;
use crate::entry::Event;
use crate::epoch::{Keyring, Preparation, Stored};
use crate::error::{DiskError, Error};
use crate::log_keys::LogKeys;
use crate::note::{SignerKey, VerifierKey};
use crate::own::{Close, Epoch, Next, Own, Previous, Reason};
use crate::recent::RecentSeals;
use crate::seal::Checkpoint;
use crate::segment::Name;
use crate::tree::{Frontier, Hash, leaf_hash};

/// The mode of segment files: root writes, adm reads.
pub(super) const SEGMENT_MODE: u32 = 0o640;

/// The next segment while it has no name yet: room that a disk that fills up cannot take.
const RESERVE: &str = "reserve";

pub(super) struct Core {
    pub(super) dir: PathBuf,
    /// Holds the lock on the directory.
    pub(super) lock: File,
    pub(super) options: Options,
    pub(super) boot: String,
    pub(super) keys_dir: PathBuf,
    pub(super) log: SignerKey,
    /// Those before it, and itself.
    pub(super) log_keys: LogKeys,
    /// The time of the entry that named it.
    pub(super) log_since: DateTime<Utc>,
    pub(super) keyring: Keyring,
    pub(super) segment: Segment,
    pub(super) tree: Frontier,
    /// Size and root of the last seal.
    pub(super) sealed: Previous,
    pub(super) recent: RecentSeals,
    pub(super) latest_seal: String,
    /// How many entries a declared witness has cosigned; `None` where none was ever declared.
    pub(super) cosigned: Option<u64>,
    /// The declared witnesses.
    pub(super) witnesses: Vec<VerifierKey>,
    /// Whether the next opening entry has to name them.
    pub(super) declaration: Declaration,
    /// Entries of the journal's own that the next commit begins with.
    pub(super) pending: Vec<Own>,
    /// Whether the next segment's room is reserved.
    pub(super) is_reserved: bool,
    pub(super) epoch_began: Instant,
    pub(super) epoch_entries: u64,
}

/// After so many bytes of entries comes a seal, so that what is sealed fits into one upload; most
/// commits are far smaller.
const SEAL_BYTES: usize = 1024 * 1024;

/// The seals of one commit; the last covers all of it.
#[derive(Default)]
struct Seals {
    made: Vec<(u64, Hash)>,
    latest: String,
    /// Where the bytes begin that none of them covers.
    end: usize,
}

impl Seals {
    fn push(&mut self, core: &Core, tree: &Frontier, bytes: &mut Vec<u8>) {
        let checkpoint = Checkpoint {
            origin: core.log.public().name().to_owned(),
            size: tree.size(),
            root: tree.root(),
        };
        self.latest = checkpoint.seal(&core.log, core.keyring.current(), bytes);
        self.made.push((checkpoint.size, checkpoint.root));
        bytes.push(b'\n');
        self.end = bytes.len();
    }
}

/// A file to reserve.
pub(super) struct Room {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
}

/// Whether the journal names its witnesses as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Declaration {
    Owed,
    Made,
}

/// The segment that grows.
pub(super) struct Segment {
    pub(super) path: PathBuf,
    pub(super) file: File,
    pub(super) length: u64,
    /// What an append failed of: nothing may stand behind what it may have left.
    pub(super) failed: Option<DiskError>,
}

impl Segment {
    /// Appends lines, once they are on disk; never again after a failure.
    pub(super) fn append(&mut self, lines: &[u8]) -> Result<(), DiskError> {
        if let Some(failure) = &self.failed {
            return Err(failure.clone());
        }
        durable::append(&mut self.file, &self.path, lines)
            .inspect_err(|failure| self.failed = Some(failure.clone()))?;
        self.length += lines.len() as u64;
        Ok(())
    }

    /// A new segment, with room for its whole length if the disk has it.
    pub(super) fn create(dir: &Path, name: Name, options: &Options) -> Result<Self, DiskError> {
        let path = dir.join(name.to_string());
        let file = durable::create(&path, SEGMENT_MODE)?;
        durable::allocate(&file, options.segment_bytes);
        durable::guard(&file, options.protection);
        Ok(Self {
            path,
            file,
            length: 0,
            failed: None,
        })
    }

    /// The segment for which the room was reserved.
    fn adopt(dir: &Path, name: Name, options: &Options) -> Result<Self, DiskError> {
        let path = dir.join(name.to_string());
        let file = durable::adopt(&dir.join(RESERVE), &path)?;
        durable::guard(&file, options.protection);
        Ok(Self {
            file,
            path,
            length: 0,
            failed: None,
        })
    }
}

impl Core {
    /// Writes, seals and syncs: first the pending entries of the journal's own, then `events`.
    pub(super) fn commit(&mut self, events: &[Event]) -> Result<Committed, DiskError> {
        let own: Vec<Event> = self
            .pending
            .iter()
            .map(|own| Event::of_object(own.to_json()))
            .collect();
        let stamp = Stamp::now();
        let mut tree = self.tree.clone();
        let mut bytes = Vec::with_capacity(1024 * (own.len() + events.len() + 1));
        let mut seals = Seals::default();
        for event in own.iter().chain(events) {
            if bytes.len() - seals.end > SEAL_BYTES {
                seals.push(self, &tree, &mut bytes);
            }
            let start = bytes.len();
            event.write(tree.size(), &stamp, &self.boot, &mut bytes);
            tree.push(leaf_hash(&bytes[start..]));
            bytes.push(b'\n');
        }
        seals.push(self, &tree, &mut bytes);
        self.make_room(bytes.len() as u64)?;
        self.segment.append(&bytes)?;
        let first = self.tree.size() + own.len() as u64;
        self.tree = tree;
        for (size, root) in seals.made {
            self.sealed = Previous::new(size, &root);
            self.recent.push(size, root);
        }
        self.latest_seal = seals.latest;
        self.pending.clear();
        self.epoch_entries += events.len() as u64;
        self.options.horizon.moved(self.tree.size());
        Ok(Committed { first, stamp })
    }

    /// Begins a new segment when this one would grow too long.
    fn make_room(&mut self, bytes: u64) -> Result<(), DiskError> {
        let length = self.segment.length;
        if self.segment.failed.is_none()
            && length > 0
            && length + bytes > self.options.segment_bytes
        {
            let name = Name::new(self.tree.size());
            self.segment = match self.is_reserved {
                true => Segment::adopt(&self.dir, name, &self.options)?,
                false => Segment::create(&self.dir, name, &self.options)?,
            };
            self.is_reserved = false;
        }
        Ok(())
    }

    /// The room to reserve for the next segment; `None` when it is.
    pub(super) fn missing_room(&self) -> Option<Room> {
        (!self.is_reserved).then(|| Room {
            path: self.dir.join(RESERVE),
            bytes: self.options.segment_bytes,
        })
    }

    /// The number of the current epoch.
    pub(super) fn epoch(&self) -> u64 {
        self.keyring.epoch()
    }

    pub(super) fn epoch_is_full(&self) -> bool {
        self.epoch_entries >= self.options.epoch_entries
    }

    /// How long the current epoch may still last; `None` when nothing was sealed that it could
    /// betray.
    pub(super) fn epoch_has_left(&self) -> Option<Duration> {
        let left = self
            .options
            .epoch_age
            .saturating_sub(self.epoch_began.elapsed());
        (self.epoch_entries > 0).then_some(left)
    }

    /// Whether the keeper has something to do.
    pub(super) fn is_settling(&self) -> bool {
        !self.pending.is_empty() || !self.keyring.is_prepared() || !self.is_reserved
    }

    /// Forgets the current key; the next commit opens the next epoch. `false` while the disk still
    /// knows the key.
    pub(super) fn end_epoch(&mut self, reason: Reason) -> bool {
        if !self.keyring.advance() {
            return false;
        }
        self.open_epoch(reason);
        self.pending.push(self.announcement());
        true
    }

    /// Makes the opening entry of the current epoch the next to be written.
    pub(super) fn open_epoch(&mut self, reason: Reason) {
        let declaration = std::mem::replace(&mut self.declaration, Declaration::Made);
        let witnesses = (declaration == Declaration::Owed).then(|| self.options.witnesses.clone());
        self.pending.push(Own::Epoch(Epoch {
            epoch: self.keyring.epoch(),
            epoch_key: self.keyring.current().public().to_string(),
            previous: self.sealed.clone(),
            reason,
            witnesses,
        }));
        self.epoch_began = Instant::now();
        self.epoch_entries = 0;
    }

    /// The entry that announces the key of the next epoch.
    pub(super) fn announcement(&self) -> Own {
        Own::Next(Next {
            epoch: self.keyring.epoch() + 1,
            epoch_key: self.keyring.next().to_string(),
        })
    }

    /// Writes pending entries, should nobody have come to take them along.
    pub(super) fn settle(&mut self) -> Result<(), DiskError> {
        if !self.pending.is_empty() {
            self.commit(&[])?;
        }
        Ok(())
    }

    /// What is to be stored so that the current key can be forgotten; `None` when it was.
    pub(super) fn preparation(&self) -> Result<Option<Preparation>, Error> {
        match self.keyring.is_prepared() {
            true => Ok(None),
            false => self.keyring.preparation().map(Some),
        }
    }

    pub(super) fn prepared(&mut self, stored: Stored) {
        self.keyring.prepared(stored);
    }

    /// Writes the closing entry, wipes the key that sealed it and gives the journal free.
    pub(super) fn close(&mut self) -> Result<(), Error> {
        self.settle()?;
        if let Some(preparation) = self.preparation()? {
            self.prepared(preparation.store()?);
        }
        self.pending.push(Own::Close(Close {
            epoch: self.keyring.epoch(),
        }));
        self.commit(&[])?;
        self.keyring.advance();
        // Should unlocking fail, the lock goes with the last clone of the writer.
        let _ = self.lock.unlock();
        Ok(())
    }
}
