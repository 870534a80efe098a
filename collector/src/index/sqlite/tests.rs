//! The index in SQLite against its contract, against the plain list, and against a database of the version before.

mod migrations;

use proptest::prelude::*;

use super::*;
use crate::index::memory::MemoryIndex;
use crate::origin::Origin;

#[test]
fn an_index_in_sqlite_keeps_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    super::super::contract::holds_for(|| SqliteIndex::open(&dir.path().join("index.db")).unwrap());
}

fn log(owner: &str) -> Origin {
    format!("daypass/0123456789abcdef/{owner}/00000000000000ff")
        .parse()
        .unwrap()
}

/// Few values, so that filters meet entries.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("carol"),
        Just("root"),
        Just(""),
        Just("sudo"),
        Just("sudo.request"),
        Just("sudo."),
        Just("db1"),
        Just("s-1"),
    ]
    .prop_map(str::to_owned)
}

/// Bytes in which parts of the searches below are likely, and what FTS5 and SQL give a meaning to.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        Just(b"rm -r".to_vec()),
        Just("DROP TABLE é".as_bytes().to_vec()),
        Just(b"\" OR \"NEAR(*".to_vec()),
        Just(b"100%_'".to_vec()),
        Just(b"\0\xff\xc3".to_vec()),
        Just(vec![b'a']),
        any::<Vec<u8>>().prop_map(|bytes| bytes.into_iter().take(4).collect()),
    ];
    prop::collection::vec(part, 0..4).prop_map(|parts| parts.concat())
}

/// Texts that FTS5 cannot look for.
fn short() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("rm"),
        Just("é"),
        Just(" é"),
        Just("\"O"),
        Just("a"),
        Just("aa"),
        Just("%_"),
        Just("_'"),
        Just("\0r"),
        Just("a\0b"),
        Just("\u{fffd}"),
    ]
    .prop_map(str::to_owned)
}

prop_compose! {
    fn record()(
        time in prop_oneof![Just(0i64), 1i64..20],
        [person, account, target, session, action, outcome] in prop::array::uniform6(word()),
        command in bytes(),
        reason in bytes(),
        owner in prop_oneof![Just("ca"), Just("host/db1"), Just("host/db2")],
    ) -> Record {
        let mut record = Record::of(&log(owner), 0, "{}");
        record.time = time;
        (record.person, record.account, record.target) = (person, account, target);
        (record.session, record.action, record.outcome) = (session, action, outcome);
        record.command = command;
        record.reason = String::from_utf8_lossy(&reason).into_owned();
        record
    }
}

prop_compose! {
    fn query()(
        since in prop::option::of(0i64..20),
        until in prop::option::of(0i64..20),
        mut filters in prop::array::uniform7(prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(word(), 1..3)]),
        text in prop::option::of(prop_oneof![
            bytes().prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
            Just("rm -r".to_owned()),
            Just("TABLE é\" OR".to_owned()),
            Just("\0".to_owned()),
            short(),
        ]),
        members in prop::option::weighted(0.1, Just(["db1".to_owned()].into())),
        order in prop_oneof![Just(Order::Oldest), Just(Order::Newest), Just(Order::Arrival)],
        limit in 1usize..6,
    ) -> Query {
        let mut take = || filters.iter_mut().find(|one| !one.is_empty()).map(std::mem::take).unwrap_or_default();
        let mut query = Query { since, until, text, order, limit, members, ..Query::default() };
        // At most one or two of seven kinds, so that something is found.
        let kinds: [&mut Vec<String>; 7] = [
            &mut query.users, &mut query.persons, &mut query.accounts, &mut query.hosts,
            &mut query.sessions, &mut query.actions, &mut query.outcomes,
        ];
        let place = limit % 7;
        for (number, kind) in kinds.into_iter().enumerate() {
            if number == place || number == (place + 3) % 7 {
                *kind = take();
            }
        }
        query
    }
}

fn pages(index: &dyn Index, query: &Query) -> Vec<Page> {
    let mut query = query.clone();
    let mut pages = Vec::new();
    loop {
        let page = index.search(&query).unwrap();
        query.after.clone_from(&page.next);
        let is_last = page.next.is_none() || page.entries.is_empty();
        pages.push(page);
        if is_last {
            return pages;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn sqlite_and_a_plain_list_give_the_same_pages(
        segments in prop::collection::vec(prop::collection::vec(record(), 1..8), 1..6),
        queries in prop::collection::vec(query(), 12),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (sqlite, list) = (SqliteIndex::open(&dir.path().join("index.db")).unwrap(), MemoryIndex::default());
        let mut seq = 0;
        let segments: Vec<Vec<Record>> = segments
            .into_iter()
            .map(|mut segment| {
                // A segment is of one journal.
                let log = segment[0].log.clone();
                for record in &mut segment {
                    seq += 1;
                    record.log = log.clone();
                    record.seq = seq;
                    record.line = format!("{{\"seq\":{seq}}}");
                }
                segment
            })
            .collect();
        sqlite.take(1, &segments).unwrap();
        list.take(1, &segments).unwrap();
        for query in &queries {
            prop_assert_eq!(pages(&sqlite, query), pages(&list, query), "{:?}", query);
        }
    }
}

/// So many entries with a text that they are not looked at one by one.
#[test]
fn a_text_that_many_entries_have_is_found_in_every_order_and_from_every_page() {
    let dir = tempfile::tempdir().unwrap();
    let sqlite = SqliteIndex::open(&dir.path().join("index.db")).unwrap();
    let list = MemoryIndex::default();
    // Hosts take turns in coming late: ids and times disagree within blocks and across them.
    let segments: Vec<Vec<Record>> = (0..40i64)
        .map(|number| {
            let log = log(&format!("host/db{}", number % 3));
            (0..1000i64)
                .map(|place| {
                    let mut record = Record::of(&log, (number * 1000 + place).unsigned_abs(), "{}");
                    record.time = (number * 7919 % 40) * 1000 + place + 1;
                    record.person = if place % 500 == 0 { "carol" } else { "bob" }.to_owned();
                    record.command = format!("systemctl restart nginx {place}").into_bytes();
                    record
                })
                .collect()
        })
        .collect();
    sqlite.take(1, &segments).unwrap();
    list.take(1, &segments).unwrap();
    for text in [
        "text=restart+nginx&limit=3",
        "text=restart+nginx&order=newest&limit=3",
        "text=restart+nginx&order=arrival&limit=3",
        "person=bob&order=arrival&limit=3",
        "person=carol&order=arrival&limit=30",
        "text=restart+nginx&person=carol&limit=90",
        "text=nginx+99&limit=50&since=1970-01-01T00:00:00.02Z",
        "text=nginx+777&order=newest&limit=1000",
        "text=99&limit=50",
        "text=99&limit=50&order=newest",
        "text=99&limit=50&order=arrival",
        "text=50&person=carol&limit=50&order=arrival&since=1970-01-01T00:00:00.02Z",
        "text=7&limit=900",
        "text=x+&limit=3&order=newest",
    ] {
        let mut query = Query::parse(text).unwrap();
        for page in 0..3 {
            let found = sqlite.search(&query).unwrap();
            assert_eq!(found, list.search(&query).unwrap(), "{text}, page {page}");
            assert!(page > 0 || !found.entries.is_empty(), "{text}");
            query.after = found.next;
            if query.after.is_none() {
                break;
            }
        }
    }
}

#[test]
fn what_is_forgotten_leaves_no_pair_behind() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("index.db");
    let index = SqliteIndex::open(&path).unwrap();
    let of = |seq: u64, command: &str| {
        let mut record = Record::of(&log("host/db1"), seq, "{}");
        record.command = command.as_bytes().to_vec();
        record
    };
    index
        .take(1, &[vec![of(0, "ab"), of(1, "\u{416}z"), of(2, "bc")]])
        .unwrap();
    index.forget(1, &[(1, 1)]).unwrap();
    let pairs: Vec<String> = {
        let reader = database::open_to_read(&path).unwrap();
        let mut pairs = reader
            .prepare("SELECT pair FROM pairs ORDER BY pair")
            .unwrap();
        let found = pairs.query_map([], |row| row.get(0)).unwrap();
        found.collect::<rusqlite::Result<_>>().unwrap()
    };
    let filler = text::FILLER;
    let expected = [
        "ab".to_owned(),
        "bc".to_owned(),
        format!("b{filler}"),
        format!("c{filler}"),
        format!("{filler}{filler}"),
    ];
    assert_eq!(pairs, expected);
}
