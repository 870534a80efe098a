//! What was not told is told later.

use super::*;
use crate::checkpoints::memory::MemoryCheckpoints;
use crate::checkpoints::{CheckpointError, CheckpointStore as _, Held, Mark, Registration};
use crate::segments::memory::MemorySegments;

#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("the disk is full")]
    Full,
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

fn log() -> Origin {
    "daypass/0123456789abcdef/host/db1/00000000000000ff"
        .parse()
        .unwrap()
}

/// How often `told` is told, where the journal fails the first time.
fn told(mut once: impl FnMut(&mut dyn FnMut(&Event) -> Result<(), Failed>) -> Result<(), Failed>) {
    let failed = once(&mut |_| Err(Failed::Full));
    assert!(matches!(failed, Err(Failed::Full)));
    let mut count = 0;
    for _ in 0..2 {
        once(&mut |_| {
            count += 1;
            Ok(())
        })
        .unwrap();
    }
    assert_eq!(count, 1);
}

#[test]
fn an_alarm_that_could_not_be_journalled_is_raised_again() {
    let watch = Watch::new(Now::of_micros(0));
    told(|tell| watch.rollback(&log(), 3, 9, tell));
}

#[test]
fn a_silence_that_could_not_be_journalled_is_told_at_the_next_look() {
    let watch = Watch::new(Now::of_micros(0));
    let checkpoints = MemoryCheckpoints::default();
    let registration = Registration {
        log: log(),
        record: String::new(),
        signature: String::new(),
        registered: 0,
    };
    checkpoints.register(&registration).unwrap();
    let late = Now::of_micros(100_000_000);
    told(|tell| watch.look(&checkpoints, late, 60, tell));
}

#[test]
fn a_wrong_clock_that_could_not_be_journalled_is_told_when_its_lines_come_again() {
    let watch = Watch::new(Now::of_micros(0));
    let line = "{\"seq\":0,\"time\":\"2026-11-23T10:00:00.000000Z\",\"boot\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"mono\":1,\
                \"salt\":\"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\",\"action\":\"x\"}\n";
    told(|tell| watch.read(&log(), line.as_bytes(), Now::of_micros(0), tell));
}

#[test]
fn a_life_that_is_over_is_not_silent() {
    let checkpoints = MemoryCheckpoints::default();
    for (incarnation, stored) in [(1, 1_000_000), (2, 90_000_000)] {
        let log: Origin = format!("daypass/0123456789abcdef/host/db1/{incarnation:016x}")
            .parse()
            .unwrap();
        let registration = Registration {
            log: log.clone(),
            record: String::new(),
            signature: String::new(),
            registered: 0,
        };
        checkpoints.register(&registration).unwrap();
        let held = Held {
            mark: Mark {
                size: 1,
                root: [1; 32],
            },
            seal: String::new(),
            follower: String::new(),
            stored,
        };
        let name = SegmentName::of(0, 1, b"x");
        checkpoints
            .advance(&log, &Mark::empty(), &held, &name)
            .unwrap();
    }
    let segments = MemorySegments::default();
    for (second, expected) in [(100, 0), (200, 1)] {
        let now = Now::of_micros(second * 1_000_000);
        assert_eq!(silent(&checkpoints, &segments, now, 60).unwrap(), expected);
    }
}
