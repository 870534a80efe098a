//! That nothing of the version before is lost or changed, whatever table it stands in.

use rusqlite::types::Value;

use super::*;

/// What came after the first version, whose data stand in a file: a row for each table that is empty there.
const SINCE: &str = "
INSERT INTO pending_entries (event) VALUES ('{}');
INSERT INTO collectors (url, names, witness, certificate, renewed, added, expires)
VALUES ('https://logs:7444', '[\"logs\"]', 'logs+first', zeroblob(32), NULL, 1, 2000000000);
INSERT INTO own_record (only, record, signature) VALUES (1, '{}', 'signed');
INSERT INTO revocations (revocation, signature, verb, subject, signer, expires, received)
VALUES ('{}', 'signed', 'revoke-person', 'mallory', 'ada', 2000000000, 3);
INSERT INTO narrowings (\"window\", signer, narrowing, signature, received)
SELECT min(id), 'carl', '{}', 'signed', 4 FROM windows;
INSERT INTO former_hosts (name, host_keys, replaced) VALUES ('db0', '[]', 5);
INSERT INTO former_witnesses (witness, url, heir) VALUES ('logs+zeroth', 'https://logs:7444', NULL);
INSERT INTO journalled (only, up_to) VALUES (1, 6);
";

/// Every table with the names of its columns.
fn tables(connection: &Connection) -> Vec<(String, Vec<String>)> {
    let names = |sql: &str, of: &[&str]| -> Vec<String> {
        let mut statement = connection.prepare(sql).unwrap();
        let parameters = rusqlite::params_from_iter(of);
        let rows = statement.query_map(parameters, |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";
    let columns = "SELECT name FROM pragma_table_info(?1) ORDER BY cid";
    let tables = names(tables, &[]).into_iter();
    tables
        .map(|table| {
            let columns = names(columns, &[&table]);
            (table, columns)
        })
        .collect()
}

fn rows(connection: &Connection, table: &str, columns: &[String]) -> Vec<Vec<Value>> {
    let listed = format!("\"{}\"", columns.join("\", \""));
    let sql = format!("SELECT {listed} FROM \"{table}\" ORDER BY {listed}");
    let mut statement = connection.prepare(&sql).unwrap();
    let rows = statement.query_map([], |row| (0..columns.len()).map(|at| row.get(at)).collect());
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn every_row_of_the_version_before_is_there_after_its_migration() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.db");
    let mut before = Connection::open(&path).unwrap();
    before.execute_batch(VERSION_1).unwrap();
    let (_, older) = MIGRATIONS.split_last().unwrap();
    Migrations::from_slice(older)
        .to_latest(&mut before)
        .unwrap();
    before.execute_batch(SINCE).unwrap();
    let held: Vec<_> = tables(&before)
        .into_iter()
        .map(|(table, columns)| {
            let rows = rows(&before, &table, &columns);
            assert!(!rows.is_empty(), "nothing shows what becomes of {table}");
            (table, columns, rows)
        })
        .collect();
    drop(before);

    let store = Store::open(&path).unwrap();
    let after = Connection::open(&path).unwrap();
    for (table, columns, held) in held {
        assert_eq!(rows(&after, &table, &columns), held, "{table}");
    }
    // And what is new can be used with what was there.
    let invited = StoredInvitation {
        person: "carol".to_owned(),
        secret: [1; 32],
        roles: vec!["contractor".to_owned()],
        maker: "ada".to_owned(),
        made: 1,
        until: 2_000_000_000,
        accepted: None,
    };
    let kept = store
        .write::<_, StoreError>({
            let invited = invited.clone();
            move |tx| {
                assert_eq!(tx.invitations(0)?, []);
                tx.add_invitation(&invited)?;
                assert!(tx.accept_invitation(&[1; 32], ("said", "signed"))?);
                assert!(!tx.accept_invitation(&[1; 32], ("another", "signed"))?);
                tx.invitation(&[1; 32], 2)
            }
        })
        .unwrap();
    let accepted = Some(("said".to_owned(), "signed".to_owned()));
    assert_eq!(
        kept,
        Some(StoredInvitation {
            accepted,
            ..invited
        })
    );
}
