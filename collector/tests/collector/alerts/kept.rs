//! Letters that wait: for a receiver that is away, over restarts and kills, until they are given up.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use daypass_transport::client::Request;
use serde_json::{Value, json};

use super::{OFTEN, SECRET, of_rule, site, sudo, toml};
use crate::killed::{Process, random_pause, settle_in};
use crate::machine::{Machine, collector};
use crate::proxy::{Proxy, Way};
use crate::receiver::{Came, Receiver};
use crate::site::{PEOPLE, Site, refused};

#[test]
fn a_receiver_that_was_away_gets_everything_also_after_a_restart() {
    let (dir, receiver) = (tempfile::tempdir().unwrap(), Receiver::http());
    let mut site = site(dir.path(), &receiver, OFTEN, "");
    receiver.answer(Some(503));
    let host = site.host("db1");
    host.write(&[sudo("carol", "sudo id"), sudo("dave", "sudo id")]);
    host.forward(&site, 0);
    receiver.wait_refused(1);
    // What became of a letter is kept a moment after the receiver has spoken.
    let begun = Instant::now();
    loop {
        let seen = site.ask("dora", "/v1/alerts/destinations").unwrap();
        let pager = &seen["destinations"][0];
        assert_eq!(pager["waiting"], 2);
        if pager["error"]
            .as_str()
            .is_some_and(|error| error.contains("503"))
        {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{pager}");
        std::thread::sleep(Duration::from_millis(10));
    }
    site.stop();
    receiver.answer(None);
    site.start();
    let came = receiver.wait(|came| of_rule(came, "often").count() >= 2);
    let people: BTreeSet<_> = of_rule(&came, "often")
        .map(|alert| alert["who"]["person"].to_string())
        .collect();
    assert_eq!(people.len(), 2);
    assert!(came.iter().all(|one| one.is_signed_with(SECRET)));
}

#[test]
fn what_is_given_up_is_shown_and_an_admin_alone_tries_it_again() {
    let (dir, receiver) = (tempfile::tempdir().unwrap(), Receiver::http());
    let site = site(dir.path(), &receiver, OFTEN, "give_up_after = \"1s\"");
    receiver.answer(Some(400));
    let host = site.host("db1");
    host.write(&[sudo("carol", "sudo id")]);
    host.forward(&site, 0);
    let dead = site.await_journalled("alert.dead");
    assert_eq!(dead["detail"]["destination"], "pager");
    for (person, role) in PEOPLE {
        let seen = site.ask(person, "/v1/alerts/dead");
        let listed = site.ask(person, "/v1/alerts");
        let tested = site.post(
            person,
            "/v1/alerts/test",
            &json!({"since": "2026-01-01T00:00:00Z"}),
        );
        if person == "carol" {
            for answer in [seen, listed, tested] {
                assert_eq!(refused(answer), (403, "role".to_owned()), "{role:?}");
            }
        } else {
            let seen = seen.unwrap();
            assert_eq!(seen["letters"][0]["alert"]["rule"], "often");
            assert!(
                seen["letters"][0]["error"]
                    .as_str()
                    .unwrap()
                    .contains("400")
            );
            assert_eq!(listed.unwrap()["alerts"][0]["letters"][0]["state"], "dead");
            assert!(tested.is_ok());
        }
        if person != "alice" {
            let retried = site.post(person, "/v1/alerts/dead/retry", &json!({}));
            assert_eq!(refused(retried), (403, "role".to_owned()), "{role:?}");
        }
    }
    let unsigned: Result<Value, _> = site.client(None).call(&Request::get("/v1/alerts"));
    assert_eq!(refused(unsigned).0, 401);
    receiver.answer(None);
    let retried = site
        .post("alice", "/v1/alerts/dead/retry", &json!({}))
        .unwrap();
    assert_eq!(retried["retried"], 1);
    receiver.wait(|came| of_rule(came, "often").count() == 1);
    assert_eq!(
        site.await_journalled("alert.retried")["identity"]["person"],
        "alice"
    );
    let read: BTreeSet<_> = site
        .journalled("alert.read")
        .iter()
        .map(|entry| entry["detail"]["query"].as_str().unwrap().to_owned())
        .collect();
    assert!(
        read.contains("dead?") && read.contains("alerts?"),
        "{read:?}"
    );
}

#[test]
fn a_collector_killed_at_random_tells_of_everything() {
    let (dir, receiver) = (tempfile::tempdir().unwrap(), Receiver::http());
    let mut site = Site::new();
    let witness = site.server().collector().witness_key();
    site.stop();
    let text = toml(dir.path(), &receiver, OFTEN, "");
    settle_in(
        &site,
        &format!(
            "[alerts]\n{}",
            text.replace("[[webhook]]", "[[alerts.webhook]]")
        ),
    );
    let proxy = Proxy::new(Way::Cut);
    let machine = Machine::boot(
        &site,
        site.stranger("db1"),
        &[collector(proxy.port(), &witness)],
    );
    let mut people = BTreeSet::new();
    for round in 0..8 {
        let process = Process::start(&site);
        proxy.lead(Way::To(process.address));
        machine.forwarder().again();
        for number in 0..5 {
            let person = format!("p{round}-{number}");
            machine.writer.append(&sudo(&person, "sudo id")).unwrap();
            people.insert(person);
        }
        // Not an event to wait for: the kill is to come at any moment.
        std::thread::sleep(random_pause());
        drop(process);
    }
    let process = Process::start(&site);
    proxy.lead(Way::To(process.address));
    machine.forwarder().again();
    let told = |came: &[Came]| -> BTreeSet<String> {
        of_rule(came, "often")
            .map(|alert| alert["who"]["person"].as_str().unwrap().to_owned())
            .collect()
    };
    let came = receiver.wait(|came| told(came) == people);
    assert!(
        came.iter()
            .all(|one| one.header("daypass-alert") == one.json()["id"])
    );
    drop(process);
    machine.shut_down();
}
