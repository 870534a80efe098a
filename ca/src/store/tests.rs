mod migrations;

use super::*;

#[test]
fn the_migrations_are_valid() {
    Migrations::from_slice(MIGRATIONS).validate().unwrap();
}

#[test]
fn a_job_that_fails_leaves_nothing_behind_and_its_neighbours_stay() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("ca.db")).unwrap();
    store.write(|tx| tx.add_pending("{\"kept\":1}")).unwrap();
    let refused: Result<(), StoreError> = store.write(|tx| {
        tx.add_pending("{\"undone\":1}")?;
        Err(StoreError::Closed)
    });
    assert!(matches!(refused, Err(StoreError::Closed)));
    let pending = store.read(|tx| tx.pending()).unwrap();
    assert_eq!(pending.len(), 1);
    assert_eq!(pending[0].1, "{\"kept\":1}");
}

#[test]
fn what_was_written_is_there_after_opening_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.db");
    let store = Store::open(&path).unwrap();
    store.write(|tx| tx.add_pending("{}")).unwrap();
    drop(store);
    assert_eq!(
        Store::open(&path)
            .unwrap()
            .read(|tx| tx.pending())
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn what_nobody_waits_for_is_there_before_what_is_written_after_it() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("ca.db")).unwrap();
    for round in 0..20 {
        let (settle, settled) = std::sync::mpsc::channel();
        for _ in 0..=round % 3 {
            let settle = settle.clone();
            store.write_behind(
                |tx| tx.add_pending("{\"aside\":1}").map(drop),
                move |settled| settle.send(settled).unwrap(),
            );
        }
        let found = store.write(|tx| tx.pending()).unwrap();
        assert_eq!(found.len(), round % 3 + 1, "round {round}");
        let before: Vec<_> = (0..=round % 3).map(|_| settled.recv().unwrap()).collect();
        assert!(before.iter().all(|settled| *settled == Settled::Committed));
        store
            .write::<_, StoreError>(|tx| {
                let pending = tx.pending()?;
                pending
                    .iter()
                    .try_for_each(|(id, _)| tx.forget_pending(*id))
            })
            .unwrap();
    }
}

#[test]
fn what_nobody_waits_for_is_written_by_itself_and_at_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.db");
    let store = Store::open(&path).unwrap();
    let (settle, settled) = std::sync::mpsc::channel();
    let aside = |settle: std::sync::mpsc::Sender<Settled>| {
        store.write_behind(
            |tx| tx.add_pending("{}").map(drop),
            move |settled| settle.send(settled).unwrap(),
        );
    };
    aside(settle.clone());
    let patience = Duration::from_secs(60);
    assert_eq!(settled.recv_timeout(patience), Ok(Settled::Committed));
    aside(settle);
    drop(store);
    assert_eq!(settled.recv_timeout(patience), Ok(Settled::Committed));
    let store = Store::open(&path).unwrap();
    assert_eq!(store.read(|tx| tx.pending()).unwrap().len(), 2);
}

/// A database as the program of schema 1 left it: people, a host, windows in several states, a certificate, tokens.
const VERSION_1: &str = include_str!("../../tests/databases/1.sql");

#[test]
fn a_database_of_the_first_version_migrates_with_its_data() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.db");
    Connection::open(&path)
        .unwrap()
        .execute_batch(VERSION_1)
        .unwrap();
    let store = Store::open(&path).unwrap();
    let (pin, incarnation) = store.read(|tx| tx.genesis()).unwrap().unwrap();
    assert_eq!(incarnation, "8b1da661f5082c1e");
    let signed = store.read(|tx| tx.chain()).unwrap().into_iter();
    let signed: Vec<_> = signed
        .map(|stored| daypass_protocol::roster::SignedRoster {
            roster: stored.roster,
            signatures: stored
                .signatures
                .iter()
                .map(|text| text.parse().unwrap())
                .collect(),
        })
        .collect();
    let chain = daypass_protocol::roster::Chain::verify(pin.parse().unwrap(), &signed);
    let chain = chain.unwrap();
    let roster = chain.newest();
    assert_eq!((roster.number, roster.people.len()), (3, 3));

    // Every window, with what was said of it, stands where it stood.
    let first = roster.time.plus(600);
    let windows = store
        .read(|tx| {
            tx.windows(&WindowFilter {
                limit: 10,
                ..WindowFilter::default()
            })
        })
        .unwrap();
    let states = windows.iter().map(|stored| {
        let case = store
            .read(|tx| crate::case::Case::open(tx, stored))
            .unwrap();
        case.state(roster, first).to_string()
    });
    assert_eq!(states.collect::<Vec<_>>(), ["revoked", "denied", "open"]);
    let host = store.read(|tx| tx.host_named("db1.example")).unwrap();
    let host = host.unwrap();
    assert_eq!((host.name.as_str(), host.groups.len()), ("db1", 1));
    let again = IssuedCertificate {
        serial: 1_015_380_544_057_519_468,
        window: windows[2].id.clone(),
        person: "carl".to_owned(),
        key: String::new(),
        host: "db1".to_owned(),
        account: "deploy".to_owned(),
        valid_after: 0,
        valid_before: 1,
        issued: 0,
    };
    // Its serial is taken for ever.
    assert!(!store.write(move |tx| tx.add_certificate(&again)).unwrap());
    let content = "another".to_owned();
    let number = store.write(move |tx| tx.state_number(&content)).unwrap();
    assert!(number > 1, "{number}");
}

#[test]
fn a_copy_is_one_moment_of_a_database_in_use() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("ca.db")).unwrap();
    store.write(|tx| tx.add_pending("{}")).unwrap();
    let copy_at = directory.path().join("copy.db");
    std::fs::File::create(&copy_at).unwrap();
    copy(&directory.path().join("ca.db"), &copy_at).unwrap();
    store.write(|tx| tx.add_pending("{}")).unwrap();
    let copied = Store::open(&copy_at).unwrap();
    assert_eq!(copied.read(|tx| tx.pending()).unwrap().len(), 1);
}

#[test]
fn tokens_of_the_first_version_keep_what_they_were_good_for() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.db");
    let mut connection = Connection::open(&path).unwrap();
    Migrations::from_slice(&MIGRATIONS[..1])
        .to_latest(&mut connection)
        .unwrap();
    for (secret, used) in [([1_u8; 32], None), ([2; 32], Some(1234))] {
        connection
            .execute(
                "INSERT INTO tokens (secret, host, aliases, groups, maker, expires, used)
                 VALUES (?1, 'db1', '[\"db\"]', '[\"prod\"]', 'ada', 5000, ?2)",
                rusqlite::params![secret, used],
            )
            .unwrap();
    }
    drop(connection);
    let store = Store::open(&path).unwrap();
    let token = |secret| store.read(|tx| tx.token(&secret)).unwrap().unwrap();
    let unused = token([1; 32]);
    assert_eq!(
        (
            unused.host.as_deref(),
            unused.maker.as_str(),
            unused.expires
        ),
        (Some("db1"), "ada", 5000)
    );
    assert_eq!((unused.uses, unused.used, unused.last_used), (1, 0, None));
    assert_eq!(unused.groups, ["prod"]);
    let used = token([2; 32]);
    assert_eq!((used.uses, used.used, used.last_used), (1, 1, Some(1234)));
    assert!(
        store
            .write::<_, StoreError>(|tx| tx.use_token(&[1; 32], 1))
            .unwrap()
    );
    assert!(
        !store
            .write::<_, StoreError>(|tx| tx.use_token(&[1; 32], 2))
            .unwrap()
    );
}

#[test]
fn a_database_from_a_newer_version_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.db");
    drop(Store::open(&path).unwrap());
    Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    assert!(matches!(
        Store::open(&path),
        Err(StoreError::Migration { .. })
    ));
}

#[test]
fn what_was_asked_before_another_machine_took_a_hosts_place_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("ca.db")).unwrap();
    let machine = |certificate| EnrolledHost {
        name: "db1".to_owned(),
        aliases: Vec::new(),
        groups: Vec::new(),
        host_keys: vec!["ssh-ed25519 AAAA".to_owned()],
        record: String::new(),
        signature: String::new(),
        certificate: [certificate; 32],
        enrolled: 1,
        expires: 2,
        unconfirmed: false,
    };
    let (old, new) = (machine(1), machine(2));
    let keys = vec!["ssh-ed25519 BBBB".to_owned()];
    let found = store
        .write::<_, StoreError>(move |tx| {
            tx.add_host(&old)?;
            assert!(tx.renew_host(&old, &old.host_keys, &[3; 32], 8)?);
            tx.remove_host("db1", 3)?;
            tx.add_host(&new)?;
            assert!(!tx.renew_host(&old, &keys, &[4; 32], 9)?);
            assert!(tx.host_with_certificate(&[4; 32])?.is_none());
            tx.host_named("db1")
        })
        .unwrap();
    assert_eq!(found, Some(machine(2)));
}

#[test]
fn each_of_a_hosts_two_certificates_has_its_own_end() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("ca.db")).unwrap();
    let host = EnrolledHost {
        name: "db1".to_owned(),
        aliases: Vec::new(),
        groups: Vec::new(),
        host_keys: Vec::new(),
        record: String::new(),
        signature: String::new(),
        certificate: [1; 32],
        enrolled: 1,
        expires: 20,
        unconfirmed: false,
    };
    let ends = store
        .write::<_, StoreError>(move |tx| {
            tx.add_host(&host)?;
            let end = |tx: &Tx<'_>| {
                let host = tx.host_named("db1")?;
                Ok::<_, StoreError>(host.map(|host| host.expires))
            };
            assert!(tx.renew_host(&host, &[], &[2; 32], 30)?);
            let before = end(tx)?;
            // The answer was lost, and the host asks again.
            assert!(tx.renew_host(&host, &[], &[3; 32], 31)?);
            tx.use_renewed(&[2; 32])?;
            let unused = end(tx)?;
            tx.use_renewed(&[3; 32])?;
            Ok([before, unused, end(tx)?])
        })
        .unwrap();
    assert_eq!(ends, [Some(20), Some(20), Some(31)]);
}

#[test]
fn renewed_certificates_of_the_version_before_have_an_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.db");
    let mut connection = Connection::open(&path).unwrap();
    Migrations::from_slice(&MIGRATIONS[..7])
        .to_latest(&mut connection)
        .unwrap();
    let far = 4_000_000_000_i64;
    for (name, certificate, expires) in [("renewed", 1_u8, far), ("back", 2, 100)] {
        connection
            .execute(
                "INSERT INTO hosts (name, aliases, groups, host_keys, record, signature, certificate, renewed, enrolled, expires)
                 VALUES (?1, '[]', '[]', '[]', '', '', ?2, ?3, 1, ?4)",
                rusqlite::params![name, [certificate; 32], [certificate + 10; 32], expires],
            )
            .unwrap();
        connection
            .execute(
                "INSERT INTO host_names (name, host) VALUES (?1, ?1)",
                [name],
            )
            .unwrap();
    }
    drop(connection);
    let store = Store::open(&path).unwrap();
    let ends = store
        .write::<_, StoreError>(|tx| {
            tx.use_renewed(&[11; 32])?;
            tx.use_renewed(&[12; 32])?;
            tx.hosts()
        })
        .unwrap();
    let ends: Vec<_> = ends.iter().map(|host| host.expires).collect();
    // By name: what had ended counts for a whole life more at most.
    assert!(ends[0] > 1_700_000_000 && ends[0] < far, "{ends:?}");
    assert_eq!(ends[1], far);
}

#[test]
fn a_collector_that_was_admitted_anew_is_not_given_to_the_machine_before() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("ca.db")).unwrap();
    let collector = |certificate| AdmittedCollector {
        url: "https://logs:7444".to_owned(),
        names: vec!["logs".to_owned()],
        witness: "vkey".to_owned(),
        heir: None,
        certificate: [certificate; 32],
        added: 1,
        expires: 2,
    };
    let (before, after) = (collector(1), collector(2));
    let found = store
        .write::<_, StoreError>(move |tx| {
            tx.put_collector(&before)?;
            assert!(tx.renew_collector(&before, &[3; 32], 8)?);
            tx.put_collector(&after)?;
            assert!(!tx.renew_collector(&before, &[4; 32], 9)?);
            tx.collector_with_certificate(&[4; 32])
        })
        .unwrap();
    assert_eq!(found, None);
}
