//! Killed at every step: what was answered is there, what was not can be sent again, and nothing is there twice.

use std::sync::atomic::{AtomicUsize, Ordering};

use daypass_journal::identity::Identity;
use daypass_journal::writer::{Options, Writer};
use daypass_protocol::digest::{Digest, Incarnation, Pin};
use daypass_protocol::enrolment::{Record, host_origin};
use daypass_protocol::version::Version;
use serde_json::json;

use super::ingest;
use crate::checkpoints::losses::Losses;
use crate::checkpoints::memory::MemoryCheckpoints;
use crate::checkpoints::{
    Advanced, CheckpointError, CheckpointStore, Held, Mark, Registered, Registration, StoredSegment,
};
use crate::clock::Now;
use crate::index::Index;
use crate::index::memory::MemoryIndex;
use crate::index::query::{Order, Query};
use crate::indexer;
use crate::keep::Stores;
use crate::origin::Origin;
use crate::segments::memory::MemorySegments;
use crate::segments::{Put, SegmentError, SegmentName, SegmentStore};

/// When a store fails, seen from the write that it was asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Failure {
    /// Before it took place.
    Before,
    /// After it took place, without an answer.
    After,
}

/// Stores of which one write fails; so many times, or for good.
struct Failing {
    segments: MemorySegments,
    checkpoints: MemoryCheckpoints,
    write: AtomicUsize,
    fails: (usize, Failure, usize),
}

impl Failing {
    fn strike(&self, failure: Failure) -> bool {
        let (write, kind, times) = self.fails;
        let now = self.write.load(Ordering::SeqCst);
        kind == failure && (write..write.saturating_add(times)).contains(&now)
    }

    fn next(&self) {
        self.write.fetch_add(1, Ordering::SeqCst);
    }
}

impl SegmentStore for Failing {
    fn put(&self, log: &Origin, name: &SegmentName, bytes: &[u8]) -> Result<Put, SegmentError> {
        let failed = || SegmentError::Failed {
            doing: "test".to_owned(),
            source: "killed".into(),
        };
        self.next();
        if self.strike(Failure::Before) {
            return Err(failed());
        }
        let put = self.segments.put(log, name, bytes)?;
        if self.strike(Failure::After) {
            Err(failed())
        } else {
            Ok(put)
        }
    }

    fn bytes(&self, log: &Origin, name: &SegmentName) -> Result<Vec<u8>, SegmentError> {
        self.segments.bytes(log, name)
    }

    fn remove(&self, log: &Origin, name: &SegmentName) -> Result<(), SegmentError> {
        self.segments.remove(log, name)
    }

    fn names(&self, log: &Origin) -> Result<Vec<SegmentName>, SegmentError> {
        self.segments.names(log)
    }
}

impl CheckpointStore for Failing {
    fn register(&self, registration: &Registration) -> Result<Registered, CheckpointError> {
        self.checkpoints.register(registration)
    }

    fn registration(&self, log: &Origin) -> Result<Option<Registration>, CheckpointError> {
        self.checkpoints.registration(log)
    }

    fn latest(&self, log: &Origin) -> Result<Option<Held>, CheckpointError> {
        self.checkpoints.latest(log)
    }

    fn advance(
        &self,
        log: &Origin,
        old: &Mark,
        new: &Held,
        segment: &SegmentName,
    ) -> Result<Advanced, CheckpointError> {
        let failed = || CheckpointError::Failed {
            doing: "test",
            source: "killed".into(),
        };
        self.next();
        if self.strike(Failure::Before) {
            return Err(failed());
        }
        let advanced = self.checkpoints.advance(log, old, new, segment)?;
        if self.strike(Failure::After) {
            Err(failed())
        } else {
            Ok(advanced)
        }
    }

    fn segments_of(
        &self,
        log: &Origin,
        from: u64,
        limit: usize,
    ) -> Result<Vec<StoredSegment>, CheckpointError> {
        self.checkpoints.segments_of(log, from, limit)
    }

    fn segments_after(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredSegment>, CheckpointError> {
        self.checkpoints.segments_after(after, limit)
    }

    fn replace(&self, old: &StoredSegment, new: &SegmentName) -> Result<Advanced, CheckpointError> {
        self.checkpoints.replace(old, new)
    }

    fn replaced(&self, limit: usize) -> Result<Vec<StoredSegment>, CheckpointError> {
        self.checkpoints.replaced(limit)
    }

    fn settled(&self, old: &StoredSegment) -> Result<(), CheckpointError> {
        self.checkpoints.settled(old)
    }

    fn lost(&self) -> &dyn Losses {
        self.checkpoints.lost()
    }

    fn logs(&self) -> Result<Vec<(Registration, Option<Held>)>, CheckpointError> {
        self.checkpoints.logs()
    }
}

/// A journal in its uploads.
struct Journal {
    log: Origin,
    record: Record,
    uploads: Vec<(u64, Vec<u8>)>,
}

fn journal() -> Journal {
    written(
        |writer| writer.append(&json!({"action": "x"})).unwrap().seq,
        1,
    )
}

/// A journal in one upload of its opening and one for each of `times` that `write` wrote something, of which it gives the
/// first number.
fn written(mut write: impl FnMut(&Writer) -> u64, times: usize) -> Journal {
    let dir = tempfile::tempdir().unwrap();
    let (pin, incarnation) = (
        Pin::from(Digest::of("pin")),
        Incarnation::from_bytes([1; 8]),
    );
    let host = "db1".parse().unwrap();
    let origin = host_origin(pin, &host, incarnation);
    let (keys, journal) = (dir.path().join("keys"), dir.path().join("journal"));
    let identity = Identity::create(&keys, &origin).unwrap();
    let path = journal.join(format!("{:020}.jsonl", 0));
    let (writer, _) = Writer::open(&journal, &keys, Options::default()).unwrap();
    let first = std::fs::read(&path).unwrap();
    let mut length = first.len();
    let mut uploads = vec![(0, first)];
    for _ in 0..times {
        let seq = write(&writer);
        let rest = std::fs::read(&path).unwrap().split_off(length);
        length += rest.len();
        uploads.push((seq, rest));
    }
    writer.close().unwrap();
    Journal {
        log: origin.parse().unwrap(),
        record: Record {
            v: Version,
            ca: pin,
            host,
            aliases: vec![],
            groups: vec![],
            incarnation,
            origin,
            log_key: identity.log_vkey(),
            epoch_key: identity.epoch_vkey(),
            time: Now::read().time(),
            ephemeral: false,
        },
        uploads,
    }
}

fn registered(journal: &Journal) -> MemoryCheckpoints {
    let checkpoints = MemoryCheckpoints::default();
    let registration = Registration {
        log: journal.log.clone(),
        record: String::new(),
        signature: String::new(),
        registered: 0,
    };
    checkpoints.register(&registration).unwrap();
    checkpoints
}

#[test]
fn killed_at_any_step_nothing_answered_is_lost_and_nothing_is_doubled() {
    let journal = journal();
    let whole: Vec<u8> = journal
        .uploads
        .iter()
        .flat_map(|(_, bytes)| bytes.clone())
        .collect();
    for failure in [Failure::Before, Failure::After] {
        for write in 1..=4 {
            let (segments, checkpoints) = (MemorySegments::default(), registered(&journal));
            let failing = Failing {
                segments: segments.clone(),
                checkpoints: checkpoints.clone(),
                write: AtomicUsize::new(0),
                fails: (write, failure, usize::MAX),
            };
            let stores = Stores {
                checkpoints: &failing,
                segments: &failing,
            };
            let mut answered = 0;
            for (from, bytes) in &journal.uploads {
                match ingest(
                    stores,
                    &journal.log,
                    &journal.record,
                    *from,
                    bytes,
                    Now::read(),
                ) {
                    Ok(durable) => answered = durable.mark().size,
                    Err(_) => break,
                }
            }
            // Another process, the same stores, the host sends again what was not answered.
            let stores = Stores {
                checkpoints: &checkpoints,
                segments: &segments,
            };
            let held = checkpoints
                .latest(&journal.log)
                .unwrap()
                .map_or(0, |held| held.mark.size);
            assert!(
                held >= answered,
                "{failure:?} at write {write}: what was answered is there"
            );
            for (from, bytes) in &journal.uploads {
                ingest(
                    stores,
                    &journal.log,
                    &journal.record,
                    *from,
                    bytes,
                    Now::read(),
                )
                .unwrap();
            }
            let counted = checkpoints.segments_of(&journal.log, 0, 9).unwrap();
            let stored: Vec<u8> = counted
                .iter()
                .flat_map(|segment| segments.bytes(&journal.log, &segment.name).unwrap())
                .collect();
            assert_eq!(
                stored, whole,
                "{failure:?} at write {write}: every line once"
            );
            let index = MemoryIndex::default();
            indexer::catch_up(stores, &index).unwrap();
            let found = index
                .search(&Query::all(Order::Arrival))
                .unwrap()
                .entries
                .len();
            assert_eq!(
                found as u64,
                checkpoints.latest(&journal.log).unwrap().unwrap().mark.size
            );
        }
    }
}

#[test]
fn a_log_that_is_handed_over_is_followed_whoever_remembers_it() {
    let mut keys = Vec::new();
    let mut write = 0;
    let journal = written(
        |writer| {
            write += 1;
            match write % 2 {
                1 => writer.append(&json!({"action": "x"})).unwrap().seq,
                _ => {
                    let rotated = writer.rotate_log_key("root").unwrap();
                    keys.push(rotated.key);
                    rotated.receipt.seq
                }
            }
        },
        5,
    );
    let (segments, checkpoints) = (MemorySegments::default(), registered(&journal));
    let stores = Stores {
        checkpoints: &checkpoints,
        segments: &segments,
    };
    // Each of them goes on from what is stored, as a process does that was just started.
    for (from, bytes) in &journal.uploads {
        let (log, record) = (&journal.log, &journal.record);
        ingest(stores, log, record, *from, bytes, Now::read()).unwrap();
    }
    let held = checkpoints.latest(&journal.log).unwrap();
    let known = super::log_keys(&journal.record, held.as_ref()).unwrap();
    let expected = [vec![journal.record.log_key.clone()], keys].concat();
    assert_eq!(known, expected);
    let (_, last) = journal.uploads.last().unwrap();
    let signed = |keys: &[String]| super::body::is_signed(last, 0, keys);
    assert!(signed(&known) && !signed(&known[..2]));
    // Another one that has all of it, and none of what was remembered.
    let mut follower = daypass_journal::follow::Follower::of_copy(
        &journal.record.log_key,
        &journal.record.epoch_key,
    )
    .unwrap();
    for (_, bytes) in &journal.uploads {
        follower.lines(super::body::lines(bytes)).unwrap();
    }
    let snapshot = serde_json::to_string(&follower.snapshot().unwrap()).unwrap();
    assert_eq!(snapshot, held.unwrap().follower);
}

#[test]
fn a_checkpoint_whose_outcome_is_unknown_is_settled_by_the_same_write() {
    let journal = journal();
    for failure in [Failure::Before, Failure::After] {
        let failing = Failing {
            segments: MemorySegments::default(),
            checkpoints: registered(&journal),
            write: AtomicUsize::new(0),
            // The first advance, and the second attempt at it.
            fails: (2, failure, 2),
        };
        let stores = Stores {
            checkpoints: &failing,
            segments: &failing,
        };
        let (from, bytes) = &journal.uploads[0];
        let durable = ingest(
            stores,
            &journal.log,
            &journal.record,
            *from,
            bytes,
            Now::read(),
        )
        .unwrap();
        assert_eq!(
            failing.latest(&journal.log).unwrap().unwrap().mark,
            durable.mark()
        );
        assert_eq!(failing.segments_of(&journal.log, 0, 9).unwrap().len(), 1);
    }
}
