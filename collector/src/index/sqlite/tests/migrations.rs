//! Databases of the versions before.

use super::super::*;
use super::log;

#[test]
fn the_migrations_are_valid() {
    Migrations::from_slice(MIGRATIONS).validate().unwrap();
}

#[test]
fn an_index_of_the_first_version_is_migrated_with_its_entries() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("index.db");
    let line = |seq: u64| {
        format!(
            r#"{{"seq":{seq},"time":"2026-11-23T10:00:00.000001Z","action":"sudo.request","outcome":"denied",
            "origin":{{"session":"s-1"}},"command":{{"line":"psql -c 'DROP TABLE t{seq}'"}}}}"#
        )
    };
    {
        let old = Connection::open(&path).unwrap();
        old.execute_batch(include_str!("../../../../migrations/index-1.sql"))
            .unwrap();
        old.pragma_update(None, "user_version", 1).unwrap();
        let insert = "INSERT INTO entries VALUES (?1, ?2, ?3, 1, 'db1', 'sudo.request', '', '', '', '', X'', X'', ?4)";
        old.execute_batch("BEGIN").unwrap();
        for number in 0..10_000u64 {
            let (segment, seq) = (number / 100 + 1, number % 100 + 7);
            let origin = log("host/db1").to_string();
            old.execute(insert, rusqlite::params![segment, seq, origin, line(seq)])
                .unwrap();
        }
        old.execute_batch("UPDATE taken SET number = 100; COMMIT")
            .unwrap();
    }
    let index = SqliteIndex::open(&path).unwrap();
    assert_eq!(index.taken().unwrap(), 100);
    for (text, count) in [
        ("text=2'&limit=1000", 1000),
        ("text=DROP+TABLE+t42'&limit=1000", 100),
        ("session=s-1&outcome=denied&limit=7", 7),
        ("text=DROP+TABLE+t777", 0),
    ] {
        let found = index.search(&Query::parse(text).unwrap()).unwrap();
        assert_eq!(found.entries.len(), count, "{text}");
    }
    let all = Query::parse("order=arrival&cursor=a.100.105").unwrap();
    let last = index.search(&all).unwrap().entries;
    assert_eq!(last[0].entry, line(106));
    drop(index);
    // Nothing is left to carry over, and nothing is twice.
    let index = SqliteIndex::open(&path).unwrap();
    let again = index.search(&Query::parse("text=t42'&limit=1000").unwrap());
    assert_eq!(again.unwrap().entries.len(), 100);
}

#[test]
fn an_index_of_the_second_version_learns_short_texts_and_goes_on_where_it_was_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("index.db");
    {
        let old = Connection::open(&path).unwrap();
        for migration in [
            include_str!("../../../../migrations/index-1.sql"),
            include_str!("../../../../migrations/index-2.sql"),
        ] {
            old.execute_batch(migration).unwrap();
        }
        old.execute_batch("DROP TABLE carried; BEGIN").unwrap();
        old.pragma_update(None, "user_version", 2).unwrap();
        let origin = log("host/db1").to_string();
        for id in 1..20_000i64 {
            let command = format!("c{}", id % 10);
            old.execute(
                "INSERT INTO entries VALUES (?1, 1, ?1, ?1, ?2, 'db1', 'x', '', '', '', '', '', '', '', X'', ?3, '{}')",
                rusqlite::params![id, origin, command.as_bytes()],
            )
            .unwrap();
            old.execute(
                "INSERT INTO blocks VALUES (?1, 1, 30000) ON CONFLICT DO NOTHING",
                [id >> rows::BLOCK_SHIFT],
            )
            .unwrap();
        }
        old.execute_batch("UPDATE taken SET number = 1; COMMIT")
            .unwrap();
    }
    // As a stop after the first commit leaves it.
    let mut connection = Connection::open(&path).unwrap();
    Migrations::from_slice(MIGRATIONS)
        .to_latest(&mut connection)
        .unwrap();
    let next: i64 = connection
        .query_row("SELECT next FROM unpaired", [], |row| row.get(0))
        .unwrap();
    assert_eq!(next, 1);
    drop(connection);
    for _ in 0..2 {
        let index = SqliteIndex::open(&path).unwrap();
        let mut query = Query::parse("text=c7&limit=1000").unwrap();
        let first = index.search(&query).unwrap();
        query.after = first.next;
        let second = index.search(&query).unwrap();
        assert_eq!(first.entries.len() + second.entries.len(), 2000);
        assert_eq!(
            index
                .search(&Query::parse("text=7c").unwrap())
                .unwrap()
                .entries,
            []
        );
    }
}
