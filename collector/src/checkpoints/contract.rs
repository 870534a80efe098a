//! What every [`CheckpointStore`] must do. Call [`holds_for`] with a way to open the same store again.

use super::losses::{Debt, How, Loss};
use super::{
    Advanced, CheckpointError, CheckpointStore, Held, Mark, Registered, Registration, StoredSegment,
};
use crate::origin::Origin;
use crate::segments::SegmentName;

fn log(host: &str) -> Origin {
    format!("daypass/0123456789abcdef/host/{host}/00000000000000ff")
        .parse()
        .unwrap()
}

fn registration(host: &str) -> Registration {
    Registration {
        log: log(host),
        record: format!("{{\"host\":\"{host}\"}}"),
        signature: "signed".to_owned(),
        registered: 1_000_000,
    }
}

fn mark(size: u64, root: u8) -> Mark {
    Mark {
        size,
        root: [root; 32],
    }
}

fn held(mark: Mark) -> Held {
    Held {
        mark,
        seal: format!("seal of {mark:?}\n"),
        follower: format!("{{\"size\":{}}}", mark.size),
        stored: 2_000_000 + i64::try_from(mark.size).unwrap(),
    }
}

fn segment(first: u64, size: u64) -> SegmentName {
    SegmentName::of(first, size, &first.to_be_bytes())
}

/// Runs the whole contract on an empty store. `open` opens the store anew, as after a restart.
pub(crate) fn holds_for<S: CheckpointStore>(open: impl Fn() -> S) {
    logs_are_registered_once(&open());
    let store = open();
    advances_follow_one_another(&store);
    drop(store);
    what_was_written_is_there_after_a_restart(&open());
    a_segment_gives_way_to_another(&open());
    what_gave_way_is_remembered_until_it_is_settled(&open());
    what_is_lost_is_remembered_until_it_is_found(&open());
    what_is_owed_is_remembered_until_it_is_paid(&open());
    of_many_that_advance_from_one_mark_one_wins(&open());
}

fn logs_are_registered_once(store: &impl CheckpointStore) {
    assert_eq!(store.registration(&log("a")).unwrap(), None);
    let unknown = store.advance(&log("a"), &Mark::empty(), &held(mark(1, 1)), &segment(0, 1));
    assert!(matches!(unknown, Err(CheckpointError::Unregistered { .. })));

    assert_eq!(store.register(&registration("a")).unwrap(), Registered::New);
    let later = Registration {
        registered: 9_000_000,
        ..registration("a")
    };
    assert_eq!(store.register(&later).unwrap(), Registered::Same);
    let other = Registration {
        record: "{}".to_owned(),
        ..registration("a")
    };
    assert_eq!(store.register(&other).unwrap(), Registered::Differs);
    assert_eq!(
        store.registration(&log("a")).unwrap(),
        Some(registration("a")),
        "the first one stands"
    );
    assert_eq!(store.latest(&log("a")).unwrap(), None);
    assert_eq!(store.register(&registration("b")).unwrap(), Registered::New);
}

fn advances_follow_one_another(store: &impl CheckpointStore) {
    let (empty, one, two) = (Mark::empty(), mark(3, 1), mark(5, 2));
    let advance = |host: &str, old: &Mark, new: Mark, name| {
        store.advance(&log(host), old, &held(new), &name).unwrap()
    };
    assert_eq!(
        advance("a", &one, two, segment(3, 5)),
        Advanced::Stale,
        "nothing is there yet"
    );
    assert_eq!(advance("a", &empty, one, segment(0, 3)), Advanced::Done);
    assert_eq!(
        advance("a", &empty, one, segment(0, 3)),
        Advanced::Done,
        "the same write again"
    );
    assert_eq!(
        advance("a", &empty, mark(3, 9), segment(0, 3)),
        Advanced::Stale,
        "another root"
    );
    assert_eq!(
        advance("a", &empty, mark(2, 1), segment(0, 2)),
        Advanced::Stale,
        "never back"
    );
    assert_eq!(
        advance("b", &empty, mark(1, 7), segment(0, 1)),
        Advanced::Done,
        "logs are apart"
    );
    assert_eq!(advance("a", &one, two, segment(3, 5)), Advanced::Done);
    assert_eq!(
        advance("a", &one, two, segment(3, 5)),
        Advanced::Done,
        "the same write again"
    );
    assert_eq!(
        advance("a", &one, mark(5, 8), segment(3, 5)),
        Advanced::Stale
    );
    assert_eq!(store.latest(&log("a")).unwrap(), Some(held(two)));
}

fn what_was_written_is_there_after_a_restart(store: &impl CheckpointStore) {
    let stored = |number, host: &str, name: SegmentName| StoredSegment {
        number,
        log: log(host),
        name,
        stored: held(mark(name.size, 0)).stored,
    };
    let (a0, b0, a3) = (
        stored(1, "a", segment(0, 3)),
        stored(2, "b", segment(0, 1)),
        stored(3, "a", segment(3, 5)),
    );
    assert_eq!(store.latest(&log("a")).unwrap(), Some(held(mark(5, 2))));
    assert_eq!(
        store.segments_after(0, 9).unwrap(),
        [a0.clone(), b0.clone(), a3.clone()],
        "each once, in the order of their writes, numbered without holes"
    );
    assert_eq!(store.segments_after(1, 1).unwrap(), [b0]);
    assert_eq!(store.segments_after(3, 9).unwrap(), []);
    assert_eq!(
        store.segments_of(&log("a"), 0, 9).unwrap(),
        [a0.clone(), a3.clone()]
    );
    assert_eq!(
        store.segments_of(&log("a"), 2, 9).unwrap(),
        [a0.clone(), a3.clone()]
    );
    assert_eq!(store.segments_of(&log("a"), 3, 9).unwrap(), [a3]);
    assert_eq!(store.segments_of(&log("a"), 5, 9).unwrap(), []);
    assert_eq!(store.segments_of(&log("a"), 0, 1).unwrap(), [a0]);
    assert_eq!(
        store.logs().unwrap(),
        [
            (registration("a"), Some(held(mark(5, 2)))),
            (registration("b"), Some(held(mark(1, 7)))),
        ]
    );
}

fn of_many_that_advance_from_one_mark_one_wins(store: &impl CheckpointStore) {
    store.register(&registration("c")).unwrap();
    let done = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..8)
            .map(|root| {
                scope.spawn(move || {
                    let new = held(mark(1, root));
                    store
                        .advance(&log("c"), &Mark::empty(), &new, &segment(0, 1))
                        .unwrap()
                })
            })
            .collect();
        let done = writers.into_iter().map(|writer| writer.join().unwrap());
        done.filter(|advanced| *advanced == Advanced::Done).count()
    });
    assert_eq!(done, 1);
    assert_eq!(store.segments_of(&log("c"), 0, 9).unwrap().len(), 1);
}

fn a_segment_gives_way_to_another(store: &impl CheckpointStore) {
    let listed = || store.segments_of(&log("a"), 0, 9).unwrap();
    let old = listed().remove(0);
    assert_eq!(old.stored, held(mark(3, 1)).stored, "when it was stored");
    let new = SegmentName::of(0, 3, b"less");
    let other = SegmentName::of(0, 3, b"other");
    assert_eq!(store.replaced(9).unwrap(), []);
    assert_eq!(store.replace(&old, &new).unwrap(), Advanced::Done);
    assert_eq!(
        store.replace(&old, &new).unwrap(),
        Advanced::Done,
        "the same write again"
    );
    assert_eq!(store.replace(&old, &other).unwrap(), Advanced::Stale);
    let replaced = StoredSegment {
        name: new,
        ..old.clone()
    };
    assert_eq!(listed()[0], replaced, "its number and its time stay");
    assert_eq!(store.replaced(9).unwrap(), [old]);
    let unknown = StoredSegment {
        number: 99,
        ..replaced
    };
    assert_eq!(store.replace(&unknown, &other).unwrap(), Advanced::Stale);
}

fn what_gave_way_is_remembered_until_it_is_settled(store: &impl CheckpointStore) {
    let replaced = store.replaced(9).unwrap();
    assert_eq!(replaced.len(), 1, "after a restart, too");
    store.settled(&replaced[0]).unwrap();
    store.settled(&replaced[0]).unwrap();
    assert_eq!(store.replaced(9).unwrap(), []);
}

fn what_is_lost_is_remembered_until_it_is_found(store: &impl CheckpointStore) {
    let lost = store.lost();
    let loss = |number, how| Loss {
        number,
        name: segment(number, number + 2),
        how,
        told: how == How::Damaged,
    };
    let (one, three) = (loss(1, How::Missing), loss(3, How::Damaged));
    lost.lose(&loss(1, How::Damaged)).unwrap();
    lost.lose(&one).unwrap();
    lost.lose(&three).unwrap();
    assert_eq!(lost.loss(1).unwrap(), Some(one), "as it is now");
    assert_eq!(lost.loss(2).unwrap(), None);
    assert_eq!(lost.after(0, 9).unwrap(), [one, three]);
    assert_eq!(lost.after(0, 1).unwrap(), [one]);
    assert_eq!(lost.after(1, 9).unwrap(), [three]);
    lost.found(1).unwrap();
    lost.found(1).unwrap();
    assert_eq!(lost.after(0, 9).unwrap(), [three]);
}

fn what_is_owed_is_remembered_until_it_is_paid(store: &impl CheckpointStore) {
    let entries = Debt::Entries { first: 1, last: 2 };
    let person = Debt::Person {
        name: "carol".to_owned(),
        by: "root".to_owned(),
        why: "asked on 3 May".to_owned(),
    };
    let lost = store.lost();
    assert_eq!(lost.owed(3).unwrap(), []);
    lost.owe(1, &[Debt::Age]).unwrap();
    lost.owe(3, &[entries.clone(), person.clone()]).unwrap();
    lost.owe(3, std::slice::from_ref(&person)).unwrap();
    let mut owed = lost.owed(3).unwrap();
    owed.sort_unstable();
    assert_eq!(owed, [entries.clone(), person.clone()], "each once");
    assert_eq!(lost.debts().unwrap().len(), 3);
    lost.paid(3, &[entries, Debt::Age]).unwrap();
    lost.paid(1, std::slice::from_ref(&person)).unwrap();
    assert_eq!(
        lost.debts().unwrap(),
        [(1, Debt::Age), (3, person)],
        "of this segment, and no more than was paid"
    );
}

#[test]
fn checkpoints_in_memory_keep_the_contract() {
    let store = super::memory::MemoryCheckpoints::default();
    holds_for(|| store.clone());
}
