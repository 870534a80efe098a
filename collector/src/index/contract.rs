//! What every [`Index`] must do. Call [`holds_for`] with a way to open the same index again.

use daypass_protocol::forwarding::Ending;

use super::query::{Order, Query};
use super::record::Record;
use super::session::{Place, Wanted};
use super::story::Story;
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

/// Owner and number of each entry.
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
    sessions_begin_go_on_and_end(&index);
    a_story_is_told_by_the_host_and_by_the_ca(&index);
    what_is_forgotten_is_found_by_nothing(&index);
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

/// An entry of db3 about a session.
fn of_session(seq: u64, id: &str, event: &str) -> Record {
    let event = format!(
        r#""action":{event},"boot":"b1","identity":{{"person":"carol","account":"deploy","window":"w-9","serial":"7"}},
        "origin":{{"session":"{id}","address":"192.0.2.7"}}"#
    );
    record("host/db3", seq, seq, &event)
}

const OPEN: &str = r#""session.open","resource":{"service":"sshd","account":"deploy"},
    "detail":{"closes":"2026-11-23T12:00:00Z","approved_by":["bob","dan"]}"#;

fn sessions_begin_go_on_and_end(index: &impl Index) {
    let open = |wanted: Wanted| {
        let wanted = Wanted { limit: 9, ..wanted };
        let found = index.sessions(&wanted).unwrap();
        let ids = found.into_iter().map(|session| session.id);
        ids.collect::<Vec<_>>()
    };
    let taken = index.taken().unwrap();
    let ordinary = r#""action":"session.open","boot":"b1","identity":{"account":"root"},"origin":{"session":"s-3"},
        "resource":{"service":"login","account":"root"}"#;
    let nobody = r#""action":"session.open","identity":{"account":"root"},"origin":{"session":"s-4"},
        "resource":{"service":"cron","account":"root"}"#;
    index
        .take(
            taken + 1,
            &[
                vec![
                    of_session(0, "s-1", OPEN),
                    of_session(1, "s-2", OPEN),
                    record("host/db3", 2, 2, ordinary),
                    record("host/db3", 3, 3, nobody),
                    of_session(
                        4,
                        "s-1",
                        r#""session.extended","detail":{"closes":"2026-11-23T13:00:00Z"}"#,
                    ),
                    // su within it: its own service, and not its end.
                    of_session(
                        5,
                        "s-1",
                        r#""session.open","resource":{"service":"su","account":"postgres"}"#,
                    ),
                    of_session(
                        6,
                        "s-1",
                        r#""session.close","resource":{"service":"su","account":"postgres"}"#,
                    ),
                ],
                // A session of the same id elsewhere is another one, and the CA has none.
                vec![record(
                    "host/db4",
                    0,
                    0,
                    &format!(r#""action":{OPEN},"origin":{{"session":"s-1"}}"#),
                )],
                vec![record(
                    "ca",
                    1,
                    1,
                    &format!(r#""action":{OPEN},"origin":{{"session":"s-1"}}"#),
                )],
            ],
        )
        .unwrap();
    assert_eq!(open(Wanted::default()), ["s-1", "s-1", "s-2", "s-3"]);
    let of = |hosts: &[&str], users: &[&str]| Wanted {
        hosts: hosts.iter().copied().map(str::to_owned).collect(),
        users: users.iter().copied().map(str::to_owned).collect(),
        ..Wanted::default()
    };
    assert_eq!(open(of(&["db3"], &[])), ["s-1", "s-2", "s-3"]);
    assert_eq!(open(of(&["db3"], &["carol"])), ["s-1", "s-2"]);
    assert_eq!(open(of(&[], &["root"])), ["s-3"]);
    assert_eq!(open(of(&[], &["postgres"])), [""; 0]);
    let in_group = Wanted {
        members: Some(["db4".to_owned()].into()),
        ..Wanted::default()
    };
    assert_eq!(open(in_group), ["s-1"]);

    let first = index
        .sessions(&Wanted {
            limit: 1,
            ..of(&["db3"], &[])
        })
        .unwrap();
    let session = &first[0];
    assert_eq!(
        (&*session.account, &*session.service, &*session.address),
        ("deploy", "sshd", "192.0.2.7")
    );
    assert_eq!(session.approvers, ["bob", "dan"]);
    assert_eq!(session.closes, Some(1_795_438_800_000_000), "extended");
    let rest = Wanted {
        after: Some(Place::of(session)),
        ..of(&["db3"], &[])
    };
    assert_eq!(open(rest), ["s-2", "s-3"]);

    let begun = |seq, boot: &str| {
        record(
            "host/db3",
            seq,
            seq,
            &format!(r#""action":"agent.start","boot":"{boot}""#),
        )
    };
    index
        .take(
            taken + 4,
            &[vec![
                of_session(7, "s-1", r#""session.end","resource":{"service":"other"}"#),
                begun(8, "b1"),
            ]],
        )
        .unwrap();
    assert_eq!(
        open(of(&["db3"], &[])),
        ["s-2"],
        "the agent follows contractors alone"
    );
    index.take(taken + 5, &[vec![begun(9, "b2")]]).unwrap();
    assert_eq!(open(of(&["db3"], &[])), [""; 0]);
    let all = |id: &str| {
        let wanted = Wanted {
            id: Some(id.to_owned()),
            limit: 9,
            ..Wanted::default()
        };
        let found = index.sessions(&wanted).unwrap();
        found
            .into_iter()
            .map(|session| session.end.map(|end| (end.how, end.seq)))
            .collect::<Vec<_>>()
    };
    assert_eq!(all("s-1"), [Some((Ending::Ended, 7)), None]);
    assert_eq!(all("s-2"), [Some((Ending::Restarted, 9))]);
    assert_eq!(all("s-3"), [Some((Ending::Untracked, 8))]);
    assert_eq!(all("s-4"), []);
}

fn a_story_is_told_by_the_host_and_by_the_ca(index: &impl Index) {
    let of_ca = |seq, second, event: &str| {
        let event = format!(
            r#""action":{event},"identity":{{"person":"carol","window":"w-9","serial":"7"}}"#
        );
        record("ca", seq, second, &event)
    };
    let taken = index.taken().unwrap();
    let other = r#""action":"certificate.issued","identity":{"window":"w-9","serial":"8"}"#;
    let elsewhere = r#""action":"window.approved","identity":{"window":"w-8"}"#;
    let pretender = r#""action":"window.approved","identity":{"window":"w-9"}"#;
    index
        .take(
            taken + 1,
            &[
                vec![
                    of_ca(2, 0, r#""window.requested""#),
                    of_ca(3, 1, r#""certificate.issued""#),
                    record("ca", 4, 4, other),
                    record("ca", 5, 5, elsewhere),
                    of_ca(6, 6, r#""window.revoked""#),
                ],
                vec![record("host/db5", 0, 1, pretender)],
            ],
        )
        .unwrap();
    let mut story = Story {
        log: log("host/db3"),
        session: "s-1".to_owned(),
        windows: vec!["w-9".to_owned()],
        serial: "7".to_owned(),
        ca: vec![log("ca")],
        after: None,
        limit: 3,
    };
    let mut told = Vec::new();
    loop {
        let page = index.story(&story).unwrap();
        told.extend(
            lines(&page)
                .into_iter()
                .map(|(log, seq)| (log.to_owned(), seq)),
        );
        story.after = page.next;
        if story.after.is_none() {
            break;
        }
    }
    let told: Vec<_> = told.iter().map(|(log, seq)| (log.as_str(), *seq)).collect();
    let expected = [
        ("ca", 2),
        ("db3", 0),
        ("ca", 3),
        ("db3", 4),
        ("db3", 5),
        ("ca", 6),
        ("db3", 6),
        ("db3", 7),
    ];
    assert_eq!(told, expected);
}

fn what_is_forgotten_is_found_by_nothing(index: &impl Index) {
    let taken = index.taken().unwrap();
    let typed = r#""action":"sudo.request","identity":{"person":"carol"},"command":{"line":"cat secret-of-carol"}"#;
    let records = vec![
        of_session(20, "s-20", OPEN),
        record("host/db3", 21, 21, typed),
        record("host/db3", 22, 22, typed),
    ];
    index.take(taken + 1, &[records]).unwrap();
    let found = |text: &str| {
        let query = Query::parse(text).unwrap();
        index.search(&query).unwrap().entries.len()
    };
    let opened = || {
        let wanted = Wanted {
            id: Some("s-20".to_owned()),
            limit: 9,
            ..Wanted::default()
        };
        index.sessions(&wanted).unwrap().len()
    };
    assert_eq!((found("text=secret-of-carol"), opened()), (2, 1));
    // Another segment's entries of these numbers are others.
    index.forget(taken, &[(0, 99)]).unwrap();
    index.forget(taken + 1, &[(20, 21)]).unwrap();
    index.forget(taken + 1, &[(20, 21)]).unwrap();
    assert_eq!((found("text=secret-of-carol"), opened()), (1, 0));
    assert_eq!(found("host=db3&since=2026-11-23T10:00:20Z"), 1);
}

#[test]
fn an_index_in_memory_keeps_the_contract() {
    let index = super::memory::MemoryIndex::default();
    holds_for(|| index.clone());
}
