//! A new state reaches who waits for it at once.

mod house;

use std::sync::mpsc::channel;
use std::time::Duration;

use daypass_protocol::api::STATE_WAIT;
use daypass_protocol::roster::Role;
use daypass_protocol::state::SignedState;
use daypass_protocol::statement::Verb;
use daypass_transport::client::Request;
use house::{House, Someone};

#[test]
fn a_host_that_waits_hears_of_a_revocation_when_it_is_made_and_not_when_it_would_ask_again() {
    let (cody, bob) = (Someone::new("cody"), Someone::new("bob"));
    let house = House::with(&[(&cody, &[Role::Contractor]), (&bob, &[Role::Approver])]);
    let machine = house.host("db1");
    let window = house.request(&cody, &house.wish("db1"));
    house.say(&bob, Verb::Approve, &window).unwrap();
    let known = house.authority().announced().unwrap().number;
    let client = house.client_of(&machine);
    let (tell, heard) = channel();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let path = format!("/v1/state?after={known}");
            let signed: SignedState = client.call(&Request::get(&path)).unwrap();
            tell.send(signed.read_unverified().unwrap()).unwrap();
        });
        // Whoever asks first, the answer has the revocation: it is waited for, or there already.
        house.say(&bob, Verb::Revoke, &window).unwrap();
        // Half of what the CA holds an answer back for: were it not woken, this would pass first.
        let state = heard.recv_timeout(STATE_WAIT / 2).unwrap();
        assert!(state.number > known);
        assert_eq!(state.revocations.len(), 1);
    });
}

#[test]
fn whoever_is_behind_or_of_another_life_of_the_ca_is_answered_without_waiting() {
    let house = House::with(&[]);
    let number = house.authority().announced().unwrap().number;
    let (tell, heard) = channel();
    std::thread::scope(|scope| {
        let house = &house;
        scope.spawn(move || {
            for after in [0, number + 5] {
                let state: SignedState = house
                    .get(&house.admin, &format!("/v1/state?after={after}"))
                    .unwrap();
                tell.send(state).unwrap();
            }
        });
        for _ in 0..2 {
            heard.recv_timeout(STATE_WAIT / 2).unwrap();
        }
    });
}

#[test]
fn a_ca_that_stops_lets_everybody_go_who_waits() {
    let house = House::with(&[]);
    let number = house.authority().announced().unwrap().number;
    let (tell, heard) = channel();
    std::thread::scope(|scope| {
        let house = &house;
        scope.spawn(move || {
            let path = format!("/v1/state?after={number}");
            tell.send(house.get::<SignedState>(&house.admin, &path))
                .unwrap();
        });
        house.authority().let_go();
        let answer = heard.recv_timeout(STATE_WAIT / 2).unwrap();
        assert!(answer.is_ok());
    });
}

#[test]
fn what_is_no_number_is_refused() {
    let house = House::with(&[]);
    for query in [
        "after=x",
        "after=-1",
        "before=3",
        "after=1&after=2",
        "after=1&wait=x",
    ] {
        let answer = house.get::<SignedState>(&house.admin, &format!("/v1/state?{query}"));
        assert_eq!(answer, house::no(400, "unknown-query"), "{query}");
    }
}

#[test]
fn whoever_has_to_be_gone_soon_waits_no_longer_than_they_say() {
    let house = House::with(&[]);
    let number = house.authority().announced().unwrap().number;
    let asked = std::time::Instant::now();
    let path = format!("/v1/state?after={number}&wait=1");
    house.get::<SignedState>(&house.admin, &path).unwrap();
    let waited = asked.elapsed();
    assert!(waited >= Duration::from_secs(1) && waited < STATE_WAIT / 2);
}

#[test]
fn a_wait_is_shorter_than_what_clients_wait_for() {
    assert!(STATE_WAIT < Duration::from_secs(30));
}
