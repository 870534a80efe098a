//! The CA is killed at each system call that issuing makes: no certificate leaves without its record, and no serial
//! leaves twice.

mod house;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use daypass_protocol::api::{CertificateWish, Issued};
use daypass_protocol::certificate;
use daypass_protocol::roster::Role;
use daypass_protocol::statement::Verb;
use house::program::Program;
use house::{House, Someone};
use rusqlite::Connection;

/// The calls by which anything gets onto the disk (the journal waits by one, SQLite by the other) or out to a client. Each
/// thread's are counted from its start.
const STEPS: [&str; 5] = ["pwrite64", "fdatasync", "fsync", "write", "sendto,writev"];

/// More of one kind than any thread makes until a certificate is out.
const MOST: u32 = 200;

fn wish(who: &Someone) -> CertificateWish {
    CertificateWish {
        host: "db1".parse().unwrap(),
        account: "deploy".parse().unwrap(),
        key: who.public(),
        window: None,
    }
}

/// So many are asked for in one life: threads count apart, so each comes to its turn in another of them.
const LIFE: usize = 5;

/// Longer than a busy machine needs for a row.
const PATIENCE: Duration = Duration::from_secs(60);

/// What became of one life.
struct Life {
    /// Of the certificates that came.
    serials: Vec<u64>,
    /// Whether it came to its end without being killed: all were given out, and stand in the table.
    is_whole: bool,
}

/// The serials in the table.
fn recorded(house: &House) -> BTreeSet<u64> {
    let database = Connection::open(house.layout().database()).unwrap();
    let mut rows = database.prepare("SELECT serial FROM certificates").unwrap();
    let rows = rows.query_map([], |row| row.get::<_, i64>(0)).unwrap();
    rows.map(|serial| u64::try_from(serial.unwrap()).unwrap())
        .collect()
}

/// Waits for what nobody else waits for: the rows, which are written a moment after the answers. `false` where the program
/// does not live to write them.
fn are_written(house: &House, program: &mut Program, serials: &[u64]) -> bool {
    let begun = Instant::now();
    loop {
        // In this order: what it wrote last counts.
        let is_over = program.is_over();
        let rows = recorded(house);
        if serials.iter().all(|serial| rows.contains(serial)) {
            return true;
        }
        if is_over {
            return false;
        }
        assert!(begun.elapsed() < PATIENCE, "rows that are never written");
        std::thread::yield_now();
    }
}

/// Asks the program for certificates while it is to be killed at the `number`th call of a kind.
fn killed_at(house: &mut House, who: &Someone, calls: &str, number: u32) -> Life {
    let trace = format!("trace={calls}");
    let inject = format!("inject={calls}:signal=KILL:when={number}");
    let strace = [
        "strace",
        "-f",
        "-qqq",
        "-o",
        "/dev/null",
        "-e",
        &trace,
        "-e",
        &inject,
    ];
    let mut program = house.program(&strace, None);
    let serials: Vec<u64> = (0..LIFE)
        .map_while(|_| {
            house
                .post_to::<Issued>(&program, who, "/v1/certificates", &wish(who))
                .ok()
        })
        .map(|issued| certificate::parse(&issued.certificate).unwrap().serial())
        .collect();
    let is_whole = serials.len() == LIFE && are_written(house, &mut program, &serials);
    program.end();
    Life { serials, is_whole }
}

#[test]
fn killed_at_any_step_the_ca_has_recorded_what_it_let_out_and_repeats_no_serial() {
    let (cody, bob) = (Someone::new("cody"), Someone::new("bob"));
    let mut house = House::with(&[(&cody, &[Role::Contractor]), (&bob, &[Role::Approver])]);
    house.host("db1");
    let window = house.request(&cody, &house.wish("db1"));
    house.say(&bob, Verb::Approve, &window).unwrap();
    let mut out = BTreeSet::new();
    let mut kills = 0;
    let mut behind = 0;
    for calls in STEPS {
        for number in 1..=MOST {
            let Life { serials, is_whole } = killed_at(&mut house, &cody, calls, number);
            let rows = recorded(&house);
            // The next life has them from the journal.
            behind += usize::from(!serials.iter().all(|serial| rows.contains(serial)));
            for serial in serials {
                assert!(out.insert(serial), "the serial {serial} left twice");
            }
            if is_whole {
                // No thread got as far as this call, nor will any to a later one.
                break;
            }
            kills += 1;
            assert!(number < MOST, "{calls} has no end");
        }
    }
    assert!(kills > STEPS.len(), "nothing was interrupted");
    assert!(
        behind > 0,
        "it was never killed between a certificate and its row"
    );

    // What is on the disk now is what was said, and more at most.
    house.start();
    let told: Vec<u64> = house
        .told("certificate.issued")
        .iter()
        .map(|entry| {
            entry["identity"]["serial"]
                .as_str()
                .unwrap()
                .parse()
                .unwrap()
        })
        .collect();
    let once: BTreeSet<u64> = told.iter().copied().collect();
    let recorded = recorded(&house);
    assert!(out.is_subset(&recorded), "{out:?} of {recorded:?}");
    assert!(
        recorded.len() > out.len(),
        "it was never killed between the record and the certificate"
    );
    assert_eq!(once, recorded, "journal and database differ");
    let database = Connection::open(house.layout().database()).unwrap();
    let left: i64 = database
        .query_row("SELECT count(*) FROM pending_entries", [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 0);
}
