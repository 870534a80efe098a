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

#[test]
fn what_was_not_told_of_a_log_is_counted_and_told_with_the_next() {
    let watch = Watch::new(Now::of_micros(0));
    let told = std::cell::RefCell::new(Vec::new());
    let roll_back = |size| {
        watch.rollback(&log(), size, 9_999, |event| {
            let event = serde_json::to_value(event).unwrap();
            told.borrow_mut()
                .push(event["detail"].get("untold").cloned());
            Ok::<_, Failed>(())
        })
    };
    for size in 0..100 {
        roll_back(size).unwrap();
    }
    let most = usize::try_from(ALARMS).unwrap();
    assert_eq!(told.borrow().len(), most);
    assert!(told.borrow().iter().all(Option::is_none));
    // Another log has room of its own.
    let other: Origin = "daypass/0123456789abcdef/host/db2/00000000000000ff"
        .parse()
        .unwrap();
    let mut count = 0;
    let tell = |_: &Event| {
        count += 1;
        Ok::<_, Failed>(())
    };
    watch.rollback(&other, 1, 9, tell).unwrap();
    assert_eq!(count, 1);
    // A minute later.
    let early = Instant::now().checked_sub(PERIOD).unwrap();
    let mut raised = watch.raised.lock().unwrap();
    raised.lately.get_mut(&log().to_string()).unwrap().since = early;
    drop(raised);
    roll_back(100).unwrap();
    let last = told.borrow().last().cloned().unwrap();
    assert_eq!(last, Some(serde_json::json!(100 - ALARMS)));
}
