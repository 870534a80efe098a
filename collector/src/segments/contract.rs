//! What every [`SegmentStore`] must do. Call [`holds_for`] with a way to open the same store again.

use super::{Put, SegmentError, SegmentName, SegmentStore};
use crate::origin::Origin;

fn log(host: &str) -> Origin {
    format!("daypass/0123456789abcdef/host/{host}/00000000000000ff")
        .parse()
        .unwrap()
}

/// Runs the whole contract on an empty store. `open` opens the store anew, as after a restart.
pub(crate) fn holds_for<S: SegmentStore>(open: impl Fn() -> S) {
    let store = open();
    let bytes = b"{\"seq\":0}\n".as_slice();
    let name = SegmentName::of(0, 1, bytes);

    assert!(matches!(
        store.bytes(&log("a"), &name),
        Err(SegmentError::Missing { .. })
    ));
    assert_eq!(store.names(&log("a")).unwrap(), []);

    assert_eq!(store.put(&log("a"), &name, bytes).unwrap(), Put::New);
    assert_eq!(
        store.put(&log("a"), &name, bytes).unwrap(),
        Put::Present,
        "a repeated put is harmless"
    );
    assert_eq!(store.bytes(&log("a"), &name).unwrap(), bytes);

    let refused = store.put(&log("a"), &name, b"other");
    assert!(
        matches!(refused, Err(SegmentError::Misnamed { .. })),
        "a name says what it holds"
    );
    assert_eq!(
        store.bytes(&log("a"), &name).unwrap(),
        bytes,
        "and nothing was replaced"
    );

    assert!(
        matches!(
            store.bytes(&log("b"), &name),
            Err(SegmentError::Missing { .. })
        ),
        "a log's segments are its own"
    );

    // A fork: the same place, other content, both kept.
    let fork = b"{\"seq\":0,\"x\":1}\n".as_slice();
    let forked = SegmentName::of(0, 1, fork);
    assert_eq!(store.put(&log("a"), &forked, fork).unwrap(), Put::New);
    let later = SegmentName::of(1, 3, b"later");
    store.put(&log("a"), &later, b"later").unwrap();

    let mut expected = vec![name, forked];
    expected.sort();
    expected.push(later);
    assert_eq!(
        store.names(&log("a")).unwrap(),
        expected,
        "names come sorted by place"
    );

    drop(store);
    let store = open();
    assert_eq!(
        store.names(&log("a")).unwrap(),
        expected,
        "what was put is there after a restart"
    );
    assert_eq!(store.bytes(&log("a"), &forked).unwrap(), fork);
    assert_eq!(
        store.put(&log("a"), &later, b"later").unwrap(),
        Put::Present
    );

    store.remove(&log("a"), &forked).unwrap();
    store.remove(&log("a"), &forked).unwrap();
    assert!(matches!(
        store.bytes(&log("a"), &forked),
        Err(SegmentError::Missing { .. })
    ));
    expected.retain(|name| *name != forked);
    assert_eq!(
        open().names(&log("a")).unwrap(),
        expected,
        "what was removed stays away"
    );

    one_of_many_puts_at_once_is_new(&store);
}

fn one_of_many_puts_at_once_is_new(store: &impl SegmentStore) {
    let bytes = vec![b'x'; 100_000];
    let name = SegmentName::of(7, 8, &bytes);
    let new = std::thread::scope(|scope| {
        let putters: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| store.put(&log("c"), &name, &bytes).unwrap()))
            .collect();
        putters
            .into_iter()
            .map(|putter| putter.join().unwrap())
            .filter(|put| *put == Put::New)
            .count()
    });
    assert_eq!(new, 1);
    assert_eq!(store.bytes(&log("c"), &name).unwrap(), bytes);
}

#[test]
fn segments_in_memory_keep_the_contract() {
    let store = super::memory::MemorySegments::default();
    holds_for(|| store.clone());
}
