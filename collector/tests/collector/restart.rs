//! Stopped and started again, killed, indexed anew: the same answers.

use daypass_collector::checkpoints::sqlite::SqliteCheckpoints;
use daypass_collector::index::Index;
use daypass_collector::index::query::{Order, Query};
use daypass_collector::index::sqlite::SqliteIndex;
use daypass_collector::indexer;
use daypass_collector::keep::Stores;
use daypass_collector::segments::directory::DirectorySegments;
use serde_json::json;

use crate::site::Site;

#[test]
fn after_a_restart_forwarding_goes_on_where_it_stopped() {
    let mut site = Site::new();
    let host = site.host("db1");
    host.write(&[json!({"action": "before"})]);
    let held = host.forward(&site, 0)["size"].as_u64().unwrap();
    site.stop();
    assert_eq!(site.journalled("collector.stop").len(), 1);
    host.write(&[json!({"action": "meanwhile"})]);
    site.start();
    assert!(host.forward(&site, held)["size"].as_u64().unwrap() > held);
    assert_eq!(site.find("action=before&action=meanwhile", 2).len(), 2);
}

#[test]
fn an_index_made_anew_gives_the_same_answers_and_takes_the_same_cursors() {
    let mut site = Site::new();
    let (db1, db2) = (site.host("db1"), site.host("db2"));
    let (mut one, mut two) = (0, 0);
    for round in 0..4 {
        db1.write(&[json!({"action": "round", "detail": {"number": round}})]);
        one = db1.forward(&site, one)["size"].as_u64().unwrap();
        db2.write(&[json!({"action": "round", "detail": {"number": round}})]);
        two = db2.forward(&site, two)["size"].as_u64().unwrap();
    }
    site.find("action=round", 8);
    // What the collector says itself is among it: nothing more of that may come now.
    site.stop();
    let layout = site.layout();
    let checkpoints = SqliteCheckpoints::open(&layout.checkpoints()).unwrap();
    let segments = DirectorySegments::open(&layout.segments()).unwrap();
    let stores = Stores {
        checkpoints: &checkpoints,
        segments: &segments,
    };
    let old = SqliteIndex::open(&layout.index()).unwrap();
    let new = SqliteIndex::open(&layout.root().join("other.db")).unwrap();
    indexer::catch_up(stores, &old).unwrap();
    assert!(indexer::catch_up(stores, &new).unwrap() >= 8);
    for order in [Order::Oldest, Order::Newest, Order::Arrival] {
        let mut query = Query {
            limit: 5,
            ..Query::all(order)
        };
        loop {
            let (ours, theirs) = (old.search(&query).unwrap(), new.search(&query).unwrap());
            assert_eq!(ours, theirs);
            if ours.entries.is_empty() || ours.next.is_none() {
                break;
            }
            query.after = ours.next;
        }
    }
}
