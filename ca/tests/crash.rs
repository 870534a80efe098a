//! What a crash leaves: nothing answered without its record, nothing recorded without its entry.

mod house;

use daypass_protocol::api::{CertificateWish, Issued};
use daypass_protocol::certificate;
use daypass_protocol::roster::Role;
use daypass_protocol::statement::Verb;
use house::{House, Someone};
use rusqlite::Connection;

fn wish(who: &Someone) -> CertificateWish {
    CertificateWish {
        host: "db1".parse().unwrap(),
        account: "deploy".parse().unwrap(),
        key: who.public(),
        window: None,
    }
}

fn house_with_an_open_window(cody: &Someone) -> House {
    let bob = Someone::new("bob");
    let house = House::with(&[(cody, &[Role::Contractor]), (&bob, &[Role::Approver])]);
    house.host("db1");
    let window = house.request(cody, &house.wish("db1"));
    house.say(&bob, Verb::Approve, &window).unwrap();
    house
}

#[test]
fn a_certificate_that_left_is_in_the_database_and_in_the_journal_after_a_crash() {
    let cody = Someone::new("cody");
    let mut house = house_with_an_open_window(&cody);
    let issued: Issued = house.post(&cody, "/v1/certificates", &wish(&cody)).unwrap();
    let serial = certificate::parse(&issued.certificate).unwrap().serial();
    house.crash();
    let database = Connection::open(house.layout().database()).unwrap();
    let known: i64 = database
        .query_row(
            "SELECT count(*) FROM certificates WHERE serial = ?1",
            [i64::try_from(serial).unwrap()],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(known, 1);
    house.start();
    let told = house.told("certificate.issued");
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["identity"]["serial"], serial.to_string());
}

/// Everything that the table says of a certificate.
fn rows(house: &House) -> Vec<String> {
    let database = Connection::open(house.layout().database()).unwrap();
    let mut rows = database
        .prepare(
            "SELECT serial || \"window\" || person || key || host || account || valid_after || valid_before
             FROM certificates ORDER BY serial",
        )
        .unwrap();
    let rows = rows.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn what_a_loss_of_power_keeps_from_the_database_is_there_again_from_the_journal() {
    let cody = Someone::new("cody");
    let mut house = house_with_an_open_window(&cody);
    for _ in 0..3 {
        let _: Issued = house.post(&cody, "/v1/certificates", &wish(&cody)).unwrap();
    }
    house.crash();
    let before = rows(&house);
    assert_eq!(before.len(), 3);
    // The end of what was written without waiting for the disk.
    let database = Connection::open(house.layout().database()).unwrap();
    database
        .execute(
            "DELETE FROM certificates WHERE rowid IN (SELECT rowid FROM certificates LIMIT 2)",
            [],
        )
        .unwrap();
    drop(database);
    house.start();
    assert_eq!(rows(&house), before);
    assert_eq!(house.told("certificate.issued").len(), 3);
}

#[test]
fn the_journal_is_held_against_the_database_from_the_mark_on_and_no_further_back() {
    let cody = Someone::new("cody");
    let mut house = house_with_an_open_window(&cody);
    let _: Issued = house.post(&cody, "/v1/certificates", &wish(&cody)).unwrap();
    house.crash();
    // With the start the mark has passed it: what is before the mark is durable, and is not read again.
    house.start();
    house.crash();
    let database = Connection::open(house.layout().database()).unwrap();
    database.execute("DELETE FROM certificates", []).unwrap();
    drop(database);
    house.start();
    assert!(rows(&house).is_empty());
}

#[test]
fn without_the_journal_no_certificate_leaves() {
    let cody = Someone::new("cody");
    let house = house_with_an_open_window(&cody);
    house.authority().ledger().close().unwrap();
    let answer = house.post::<Issued>(&cody, "/v1/certificates", &wish(&cody));
    assert_eq!(answer.map(|_| ()), house::no(503, "ca-failure"));
}

#[test]
fn a_decision_that_a_crash_cut_off_from_its_entry_is_journalled_at_the_next_start() {
    let cody = Someone::new("cody");
    let mut house = house_with_an_open_window(&cody);
    house.crash();
    let database = Connection::open(house.layout().database()).unwrap();
    database
        .execute(
            "INSERT INTO pending_entries (event) VALUES ('{\"action\":\"window.approved\",\"outcome\":\"done\"}')",
            [],
        )
        .unwrap();
    house.start();
    let told = house.told("window.approved");
    assert_eq!(told.len(), 2);
    assert_eq!(told[1]["detail"]["recovered"], true);
    house.crash();
    house.start();
    assert_eq!(house.told("window.approved").len(), 2);
}

#[test]
fn everything_is_as_before_after_a_restart() {
    let cody = Someone::new("cody");
    let mut house = house_with_an_open_window(&cody);
    let number = house.authority().announced().unwrap().number;
    house.crash();
    house.start();
    assert_eq!(house.authority().announced().unwrap().number, number);
    let issued: Issued = house.post(&cody, "/v1/certificates", &wish(&cody)).unwrap();
    assert_eq!(issued.host.as_str(), "db1");
}

#[test]
fn a_chain_that_somebody_changed_in_the_database_stops_the_start() {
    let mut house = House::with(&[]);
    house.crash();
    let database = Connection::open(house.layout().database()).unwrap();
    database
        .execute(
            "UPDATE rosters SET roster = replace(roster, 'ada', 'eve') WHERE number = 2",
            [],
        )
        .unwrap();
    let opened = daypass_ca::authority::Authority::open(
        house.places(&house.layout(), &house::passphrase()),
        "https://localhost:7443".parse().unwrap(),
        daypass_ca::authority::Authority::system_clock(),
    );
    assert!(matches!(
        opened,
        Err(daypass_ca::authority::OpenError::Chain(_))
    ));
}
