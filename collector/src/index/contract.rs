//! What every [`Index`] must do. Call [`holds_for`] with a way to open the same index again.

use super::query::{Order, Query};
use super::record::Record;
use super::{Index, IndexError, Page};
use crate::origin::Origin;

fn log(owner: &str) -> Origin {
    format!("daypass/0123456789abcdef/{owner}/00000000000000ff")
        .parse()
        .unwrap()
}

fn record(owner: &str, seq: u64, second: u64, event: &str) -> Record {
    let line =
        format!("{{\"seq\":{seq},\"time\":\"2026-11-23T10:00:{second:02}.000000Z\",{event}}}");
    Record::of(&log(owner), seq, &line)
}

const LOGIN: &str =
    r#""action":"login.allowed","identity":{"person":"carol","account":"deploy","window":"w-1"}"#;
const SUDO: &str = r#""action":"sudo.request","identity":{"person":"carol","account":"deploy"},"resource":{"account":"root"},"origin":{"session":"s-1"},"command":{"line":"rm -r /srv/%_x"}"#;
const DENIED: &str = r#""action":"login.denied","outcome":"denied","reason":"no window's open","identity":{"account":"mallory"}"#;
const ISSUED: &str =
    r#""action":"certificate.issued","resource":{"host":"db1"},"identity":{"person":"carol"}"#;

/// Three journals in four segments; db2's clock runs behind, so that it arrives late.
fn segments() -> [Vec<Record>; 4] {
    [
        vec![
            record("host/db1", 0, 1, LOGIN),
            record("host/db1", 1, 3, SUDO),
        ],
        vec![record("ca", 0, 3, ISSUED)],
        vec![
            record("host/db2", 0, 2, DENIED),
            record(
                "host/db2",
                1,
                2,
                r#""action":"sudoku","outcome":"failed","command":{"base64":"cm3/RFJPUCBUQUJMRQ=="}"#,
            ),
        ],
        vec![record(
            "host/db1",
            2,
            9,
            r#""action":"session.close","command":{"line":"sed -i s/\" OR \"// /etc/x.conf --force"}"#,
        )],
    ]
}

fn lines(page: &Page) -> Vec<(&str, u64)> {
    let seq = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["seq"].as_u64();
    page.entries
        .iter()
        .map(|found| {
            (
                found.origin.split('/').rev().nth(1).unwrap(),
                seq(&found.entry).unwrap(),
            )
        })
        .collect()
}

/// Runs the whole contract on an empty index. `open` opens it anew, as after a restart.
pub(crate) fn holds_for<I: Index>(open: impl Fn() -> I) {
    let index = open();
    assert_eq!(index.taken().unwrap(), 0);
    assert_eq!(
        index.search(&Query::all(Order::Oldest)).unwrap().entries,
        []
    );
    let early = index.take(2, &segments()[1..2]);
    assert!(matches!(
        early,
        Err(IndexError::OutOfTurn { taken: 0, given: 2 })
    ));

    index.take(1, &segments()[..1]).unwrap();
    // Some of them taken before.
    index.take(1, &segments()[..3]).unwrap();
    index.take(2, &segments()[1..2]).unwrap();
    assert_eq!(index.taken().unwrap(), 3);
    drop(index);
    let index = open();
    assert_eq!(
        index.taken().unwrap(),
        3,
        "what was taken is there after a restart"
    );
    index.take(4, &segments()[3..]).unwrap();

    every_order_is_total(&index);
    every_filter_agrees_with_its_definition(&index);
    pages_join_without_hole_or_double(&index);
    what_arrives_is_behind_the_cursor(&index);
}

fn every_order_is_total(index: &impl Index) {
    let by = |order| index.search(&Query::all(order)).unwrap();
    let oldest = [
        ("db1", 0),
        ("db2", 0),
        ("db2", 1),
        ("ca", 0),
        ("db1", 1),
        ("db1", 2),
    ];
    assert_eq!(lines(&by(Order::Oldest)), oldest);
    let mut newest = oldest;
    newest.reverse();
    assert_eq!(lines(&by(Order::Newest)), newest);
    let arrival = [
        ("db1", 0),
        ("db1", 1),
        ("ca", 0),
        ("db2", 0),
        ("db2", 1),
        ("db1", 2),
    ];
    assert_eq!(lines(&by(Order::Arrival)), arrival);
    assert_eq!(
        by(Order::Oldest).entries[0].entry,
        segments()[0][0].line,
        "lines come back exactly"
    );
}

fn every_filter_agrees_with_its_definition(index: &impl Index) {
    for text in [
        "user=carol",
        "user=root",
        "user=deploy&user=mallory",
        "user=car",
        "person=carol",
        "person=deploy",
        "account=root&account=mallory",
        "account=carol",
        "host=db1",
        "host=db2&host=db1",
        "session=s-1",
        "session=",
        "outcome=denied&outcome=failed",
        "outcome=",
        "window=w-1",
        "action=sudo",
        "action=login&action=session.close",
        "action=login.",
        "text=rm+-r",
        "text=DROP+TABLE",
        "text=drop+table",
        "text=/etc/x.conf",
        "text=--force",
        "text=%25_x",
        "text=%22+OR+%22",
        "text=open&since=2026-11-23T10:00:02Z&user=mallory",
        "text=RM",
        "text=window's",
        "text=",
        "since=2026-11-23T10:00:02Z&until=2026-11-23T10:00:03Z",
        "since=2026-11-23T10:00:03Z&user=carol&host=db1",
        "until=1970-01-01T00:00:00Z",
    ] {
        let query = Query::parse(text).unwrap();
        let mut expected: Vec<Record> = segments().concat();
        expected.retain(|record| query.admits(record));
        expected.sort_by_key(|record| (record.time, record.log.to_string(), record.seq));
        let found = index.search(&query).unwrap();
        let found: Vec<_> = found.entries.iter().map(|found| &found.entry).collect();
        let expected: Vec<_> = expected.iter().map(|record| &record.line).collect();
        assert_eq!(found, expected, "{text}");
    }
}

fn pages_join_without_hole_or_double(index: &impl Index) {
    for order in [Order::Oldest, Order::Newest, Order::Arrival] {
        let whole = index.search(&Query::all(order)).unwrap();
        let mut query = Query {
            limit: 2,
            ..Query::all(order)
        };
        let mut joined = Vec::new();
        loop {
            let page = index.search(&query).unwrap();
            joined.extend(page.entries.clone());
            if page.entries.is_empty() || page.next.is_none() {
                break;
            }
            query.after = page.next;
        }
        assert_eq!(joined, whole.entries, "{order:?}");
    }
}

fn what_arrives_is_behind_the_cursor(index: &impl Index) {
    let mut query = Query {
        hosts: vec!["db2".to_owned()],
        ..Query::all(Order::Arrival)
    };
    query.after = index.search(&query).unwrap().next;
    let none = index.search(&query).unwrap();
    assert_eq!(none.entries, []);
    assert!(none.next.is_some(), "there is always a place to wait at");
    let late = [record("host/db2", 2, 0, DENIED)];
    index.take(5, &[late.to_vec()]).unwrap();
    query.after = none.next;
    assert_eq!(lines(&index.search(&query).unwrap()), [("db2", 2)]);
}
