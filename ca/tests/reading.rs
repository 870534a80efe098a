//! Who read the CA's journal is itself journalled.

mod house;

use daypass_protocol::api::Journal;
use daypass_protocol::roster::Role;
use house::{House, Someone, no};
use serde_json::Value;

#[test]
fn who_reads_the_journal_is_an_entry_of_it_before_the_answer() {
    let [otto, cody] = ["otto", "cody"].map(Someone::new);
    let house = House::with(&[(&otto, &[Role::Auditor]), (&cody, &[Role::Contractor])]);
    let read =
        |who: &Someone, query: &str| house.get::<Journal>(who, &format!("/v1/journal?{query}"));
    let answer = read(&otto, "since=0&limit=1000").unwrap();
    let told = house.told("log.read");
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["identity"]["person"], "otto");
    assert_eq!(told[0]["detail"]["query"], "since=0");
    assert_eq!(told[0]["outcome"], "allowed");
    assert_eq!(told[0]["origin"]["address"], "127.0.0.1");
    let last: Value = serde_json::from_str(answer.entries.last().unwrap()).unwrap();
    assert_eq!(last, told[0]);

    // Whoever may not, or asks for nothing, reads nothing.
    assert_eq!(read(&cody, "since=0").map(drop), no(403, "role"));
    assert_eq!(read(&otto, "since=x").map(drop), no(400, "not-a-number"));
    assert_eq!(read(&otto, "user=cody").map(drop), no(400, "unknown-query"));
    assert_eq!(house.told("log.read").len(), 1);
}

#[test]
fn whoever_follows_the_journal_is_told_of_once_while_they_do() {
    let otto = Someone::new("otto");
    let house = House::with(&[(&otto, &[Role::Auditor])]);
    let read = |who: &Someone, since: u64| {
        let path = format!("/v1/journal?since={since}&limit=1");
        house.get::<Journal>(who, &path).unwrap();
        house.told("log.read").len()
    };
    assert_eq!(read(&otto, 2), 1);
    for since in [2, 3, 3, 4, 4] {
        assert_eq!(read(&otto, since), 1);
    }
    assert_eq!(read(&otto, 1), 2);
    assert_eq!(read(&house.admin, 4), 3);
    house.pass(601);
    assert_eq!(read(&otto, 5), 4);
    let last = house.told("log.read").pop().unwrap();
    assert_eq!(last["detail"]["query"], "since=5");
}
