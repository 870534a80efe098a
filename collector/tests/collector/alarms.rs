//! Two pasts of one journal, one that went back, one that falls silent, one by a wrong clock.

use daypass_collector::checkpoints::sqlite::SqliteCheckpoints;
use daypass_collector::clock::Now;
use daypass_collector::segments::directory::DirectorySegments;
use daypass_collector::watch;
use daypass_journal::entry::LINE_LIMIT;
use daypass_journal::follow::leaf;
use daypass_transport::client::Request;
use serde_json::{Value, json};

use crate::host::Host;
use crate::machine;
use crate::site::{Site, refused};

#[test]
fn two_machines_with_one_identity_raise_the_alarm_that_names_both_leaves() {
    let site = Site::new();
    let host = site.host("db1");
    host.write(&[json!({"action": "x"})]);
    let held = host.forward(&site, 0)["size"].as_u64().unwrap();
    let clone = host.clone_machine();
    host.write(&[json!({"action": "here"})]);
    host.forward(&site, held);
    clone.write(&[json!({"action": "there"})]);
    assert_eq!(
        refused(clone.send(&site, held, &clone.lines(held))),
        (422, "fork".to_owned())
    );

    let alarms = site.journalled("alarm.fork");
    assert_eq!(alarms.len(), 1);
    assert!(crate::checker::check_journal(&site.layout().journal()) > 0);
    let alarm = &alarms[0];
    assert_eq!(alarm["resource"]["host"], "db1");
    assert_eq!(alarm["detail"]["seq"], held);
    assert_eq!(alarm["detail"]["log"], host.origin.as_str());
    assert_ne!(alarm["detail"]["held"], alarm["detail"]["offered"]);
    let evidence = alarm["detail"]["evidence"].as_str().unwrap();
    let kept = site
        .stored()
        .into_iter()
        .find(|path| path.ends_with(evidence))
        .unwrap();
    assert_eq!(
        std::fs::read(kept).unwrap(),
        clone.lines(held),
        "the other side is kept"
    );

    refused(clone.send(&site, held, &clone.lines(held)));
    assert_eq!(
        site.journalled("alarm.fork").len(),
        1,
        "one alarm for one fork"
    );
    let now = host.send(&site, 0, &host.lines(0)).unwrap();
    assert!(
        now["size"].as_u64().unwrap() > held,
        "the journal that is held goes on"
    );
}

#[test]
fn a_fork_that_goes_on_beyond_what_is_held_is_noticed_by_its_root() {
    let site = Site::new();
    let host = site.host("db1");
    host.write(&[json!({"action": "x"})]);
    let held = host.forward(&site, 0)["size"].as_u64().unwrap();
    let clone = host.clone_machine();
    host.write(&[json!({"action": "here"})]);
    let size = host.forward(&site, held)["size"].as_u64().unwrap();
    let events: Vec<_> = (0..size).map(|_| json!({"action": "there"})).collect();
    clone.write(&events);
    let result = clone.send(&site, size, &clone.lines(size));
    assert_eq!(refused(result), (422, "not-proven".to_owned()));
    let alarm = site.journalled("alarm.tampered").pop().unwrap();
    assert_eq!(alarm["resource"]["host"], "db1");
}

#[test]
fn a_journal_that_ends_before_what_is_held_raises_the_alarm() {
    let site = Site::new();
    let host = site.host("db1");
    host.write(&[json!({"action": "x"})]);
    let held = host.forward(&site, 0)["size"].as_u64().unwrap();
    let ask = |size: u64| -> Result<Value, _> {
        let path = format!("{}?size={size}", host.path());
        site.client(Some(&host.identity)).call(&Request::get(&path))
    };
    assert_eq!(ask(held).unwrap()["size"], held);
    assert_eq!(
        ask(held + 1).unwrap()["size"],
        held,
        "what is not here yet is no alarm"
    );
    assert!(site.journalled("alarm.rollback").is_empty());
    for _ in 0..2 {
        assert_eq!(refused(ask(held - 1)), (409, "rolled-back".to_owned()));
    }
    let alarms = site.journalled("alarm.rollback");
    assert_eq!(alarms.len(), 1);
    assert_eq!(alarms[0]["resource"]["host"], "db1");
    assert_eq!(
        (&alarms[0]["detail"]["size"], &alarms[0]["detail"]["held"]),
        (&json!(held - 1), &json!(held))
    );
}

#[test]
fn an_epoch_key_that_was_never_announced_proves_nothing() {
    let site = Site::new();
    let host = site.host("db1");
    host.write(&[json!({"action": "x"})]);
    // Another journal of the same name, sealed by keys that the record does not name.
    let other = site.stranger("db1");
    other.write(&[json!({"action": "y"})]);
    assert_eq!(
        refused(host.send(&site, 0, &other.lines(0))),
        (422, "not-proven".to_owned())
    );
    assert!(
        site.journalled("alarm.fork").is_empty(),
        "a stranger's lines are no fork"
    );
    assert!(site.stored().is_empty());

    let db2 = site.host("db2");
    db2.write(&[json!({"action": "y"})]);
    assert_eq!(
        refused(host.send(&site, 0, &db2.lines(0))),
        (422, "not-proven".to_owned())
    );
    assert!(site.stored().is_empty());
}

#[test]
fn lines_that_were_changed_before_they_were_forwarded_raise_the_alarm_and_are_kept() {
    let site = Site::new();
    let host = site.host("db1");
    host.write(&[json!({"action": "x", "reason": "as it was"})]);
    let lines = String::from_utf8(host.lines(0))
        .unwrap()
        .replace("as it was", "as it is!");
    assert_eq!(
        refused(host.send(&site, 0, lines.as_bytes())),
        (422, "not-proven".to_owned())
    );
    let alarm = site.journalled("alarm.tampered").pop().unwrap();
    assert_eq!(alarm["resource"]["host"], "db1");
    let evidence = alarm["detail"]["evidence"].as_str().unwrap();
    assert_eq!(site.stored().len(), 1);
    assert!(site.stored()[0].ends_with(evidence));
    assert!(
        host.forward(&site, 0)["size"].as_u64().unwrap() > 0,
        "the journal as it was is still taken"
    );
}

#[test]
fn an_alarm_about_lines_that_quote_without_end_fits_into_an_entry() {
    let site = Site::new();
    let host = site.host("db1");
    host.write(&[json!({"action": "x"})]);
    let lines = String::from_utf8(host.lines(0)).unwrap();
    let (first, rest) = lines.split_once('\n').unwrap();
    // What a message about it quotes fills a line of a journal by itself.
    let room = LINE_LIMIT - first.len() - ",\"\":1".len();
    let long = format!("{},\"{}\":1}}", &first[..first.len() - 1], "k".repeat(room));
    let changed = format!("{long}\n{rest}");
    assert_eq!(
        refused(host.send(&site, 0, changed.as_bytes())),
        (422, "not-proven".to_owned())
    );
    let alarm = site.journalled("alarm.tampered").pop().unwrap();
    let found = alarm["detail"]["found"].as_str().unwrap();
    assert!(found.contains("kkk") && found.len() <= 300, "{found}");
    let refusal = site.journalled("upload.refused").pop().unwrap();
    let reason = refusal["reason"].as_str().unwrap();
    assert!(reason.len() <= 1000, "{reason}");
}

#[test]
fn whoever_signs_two_pasts_without_end_fills_no_journal() {
    let site = Site::new();
    let host = site.host("db1");
    let events: Vec<Value> = (0..60)
        .map(|number| json!({"action": "x", "detail": number}))
        .collect();
    host.write(&events);
    let held = host.forward(&site, 0)["size"].as_u64().unwrap();
    assert!(held > 60);
    let client = site.client(Some(&host.identity));
    let ends_at = |size: u64| {
        let path = format!("{}?size={size}", host.path());
        refused(client.call::<Value>(&Request::get(&path)))
    };
    for size in 0..60 {
        assert_eq!(ends_at(size), (409, "rolled-back".to_owned()));
    }
    assert_eq!(site.journalled("alarm.rollback").len(), 20);
}

/// A host of whose journal everything has come in, after these events.
fn forwarded(site: &Site, name: &str, events: &[Value]) -> Host {
    let host = site.host(name);
    host.write(events);
    host.forward(site, 0);
    host
}

fn in_seconds(seconds: i64) -> Now {
    Now::of_micros(Now::read().micros() + seconds * 1_000_000)
}

#[test]
fn the_collectors_own_alarms_are_found_beside_everything_else() {
    let site = Site::new();
    let host = forwarded(&site, "db1", &[json!({"action": "x"})]);
    let log = host.origin.parse().unwrap();
    site.server()
        .collector()
        .standing(&log, Some(1), Now::read())
        .unwrap_err();
    let found = site.find("action=alarm.rollback&host=db1", 1);
    assert!(
        found[0]["origin"].as_str().unwrap().contains("/collector/"),
        "{found:?}"
    );
    let entry: Value = serde_json::from_str(found[0]["entry"].as_str().unwrap()).unwrap();
    assert_eq!(entry["detail"]["log"], host.origin);
    assert_eq!(entry["detail"]["seq"], 1);
    // Who reads is an entry as well, and can be found.
    assert!(!site.find("action=log.read", 1).is_empty());
}

#[test]
fn the_own_journal_goes_on_over_a_restart() {
    let mut site = Site::new();
    site.find("action=collector.start", 1);
    site.stop();
    site.start();
    site.find("action=collector.start", 2);
    assert_eq!(site.find("action=collector.stop", 1).len(), 1);
}

#[test]
fn a_host_that_falls_silent_while_contractors_are_in_is_an_alarm_within_a_minute() {
    let site = Site::new();
    let opened = json!({"action": "session.open", "identity": {"window": "w-1"}});
    let busy = forwarded(&site, "db1", &[opened]);
    forwarded(&site, "db2", &[json!({"action": "x"})]);
    let collector = site.server().collector();
    collector.look(in_seconds(50)).unwrap();
    assert!(site.journalled("alarm.silence").is_empty());
    collector.look(in_seconds(70)).unwrap();
    let alarms = site.journalled("alarm.silence");
    assert_eq!(alarms.len(), 1, "{alarms:?}");
    assert_eq!(alarms[0]["resource"]["host"], "db1");
    assert_eq!(alarms[0]["code"], "silent-in-use");
    assert_eq!(alarms[0]["detail"]["sessions"], 1);
    // The entry that should come next.
    let held = busy
        .lines(0)
        .split(|byte| *byte == b'\n')
        .filter_map(leaf)
        .count();
    assert_eq!(alarms[0]["detail"]["seq"], held);
}

#[test]
fn a_silence_is_remembered_over_a_restart_and_nobody_is_blamed_for_ours() {
    let mut site = Site::new();
    forwarded(
        &site,
        "db1",
        &[json!({"action": "agent.heartbeat", "detail": {"sessions": 2}})],
    );
    site.stop();
    site.start();
    let collector = site.server().collector();
    collector.look(in_seconds(50)).unwrap();
    assert!(site.journalled("alarm.silence").is_empty());
    collector.look(in_seconds(70)).unwrap();
    assert_eq!(
        site.await_journalled("alarm.silence")["detail"]["sessions"],
        2
    );
}

#[test]
fn an_ephemeral_host_that_goes_for_good_is_not_missed_and_no_other_goes_by_its_own_word() {
    let mut site = Site::new();
    let farewell = json!({"action": "agent.stop", "detail": {"retires": true}});
    let in_use = json!({"action": "session.open", "identity": {"window": "w-1"}});
    for (host, gone) in [
        (site.ephemeral_host("web1"), true),
        (site.host("db1"), true),
    ]
    .into_iter()
    .chain([(site.ephemeral_host("web2"), false)])
    {
        host.write(std::slice::from_ref(&in_use));
        let held = host.forward(&site, 0)["size"].as_u64().unwrap();
        if gone {
            host.write(std::slice::from_ref(&farewell));
            host.forward(&site, held);
        }
    }
    for _ in 0..2 {
        site.server()
            .collector()
            .look(in_seconds(2 * 3600))
            .unwrap();
        let alarms = site.journalled("alarm.silence");
        let mut silent: Vec<_> = alarms
            .iter()
            .map(|alarm| alarm["resource"]["host"].as_str().unwrap())
            .collect();
        silent.sort_unstable();
        silent.dedup();
        assert_eq!(silent, ["db1", "web2"]);
        let logs = site.ask("dora", "/v1/logs").unwrap();
        let state = |host: &str| {
            let logs = logs["logs"].as_array().unwrap();
            let log = logs.iter().find(|log| log["host"] == host);
            log.unwrap()["state"].clone()
        };
        assert_eq!([state("web1"), state("db1")], ["retired", "live"]);
        let layout = site.layout();
        let checkpoints = SqliteCheckpoints::open_to_read(&layout.checkpoints()).unwrap();
        let segments = DirectorySegments::open_to_read(&layout.segments());
        let count = watch::silent(&checkpoints, &segments, in_seconds(2 * 3600), 2700).unwrap();
        // With the collector's own journal, which nobody writes for so long.
        assert_eq!(count, 3);
        // It is remembered.
        site.stop();
        site.start();
    }
}

#[test]
fn a_certificate_for_a_host_that_is_not_heard_is_an_alarm() {
    let site = Site::new();
    forwarded(&site, "db1", &[json!({"action": "x"})]);
    let issued = |host: &str| json!({"action": "certificate.issued", "identity": {"serial": "77"}, "resource": {"host": host}});
    forwarded(&site, "ca", &[issued("db1"), issued("db9")]);
    let collector = site.server().collector();
    collector.look(in_seconds(15 * 60)).unwrap();
    assert!(site.journalled("alarm.silence").is_empty());
    collector.look(in_seconds(17 * 60)).unwrap();
    let alarms = site.journalled("alarm.silence");
    let mut hosts: Vec<_> = alarms
        .iter()
        .map(|alarm| &alarm["resource"]["host"])
        .collect();
    hosts.sort_by_key(ToString::to_string);
    assert_eq!(hosts, ["db1", "db9"], "{alarms:?}");
    assert!(
        alarms.iter().all(|alarm| alarm["detail"]["serial"] == "77"),
        "{alarms:?}"
    );
}

#[test]
fn an_ephemeral_host_that_went_for_good_and_gets_certificates_is_missed() {
    let site = Site::new();
    let farewell = json!({"action": "agent.stop", "detail": {"retires": true}});
    for name in ["web1", "web2"] {
        let host = site.ephemeral_host(name);
        host.write(std::slice::from_ref(&farewell));
        host.forward(&site, 0);
    }
    let issued = json!({"action": "certificate.issued", "identity": {"serial": "77"}, "resource": {"host": "web1"}});
    forwarded(&site, "ca", &[issued]);
    for seconds in [15 * 60, 17 * 60, 24 * 3600] {
        let collector = site.server().collector();
        collector.look(in_seconds(seconds)).unwrap();
        let mut alarms = site.journalled("alarm.silence");
        // The CA itself is missed after a day.
        alarms.retain(|alarm| alarm["resource"]["host"].is_string());
        let hosts: Vec<_> = alarms
            .iter()
            .filter_map(|alarm| alarm["resource"]["host"].as_str())
            .collect();
        let missed: &[&str] = if seconds > 16 * 60 { &["web1"] } else { &[] };
        assert_eq!(hosts, missed, "{alarms:?}");
        assert!(
            alarms.iter().all(|alarm| alarm["detail"]["serial"] == "77"),
            "{alarms:?}"
        );
    }
}

#[test]
fn a_clock_that_is_ahead_is_an_alarm_that_names_the_entry() {
    let site = Site::new();
    let host = site.host("db1");
    host.write(&[json!({"action": "x"})]);
    let log = host.origin.parse().unwrap();
    let collector = site.server().collector();
    collector
        .append(&log, 0, &host.lines(0), in_seconds(-3600))
        .unwrap();
    let alarm = site.await_journalled("alarm.clock");
    assert_eq!(
        (&alarm["code"], &alarm["resource"]["host"]),
        (&json!("clock-ahead"), &json!("db1"))
    );
    let last = host
        .lines(0)
        .split(|byte| *byte == b'\n')
        .filter_map(leaf)
        .next_back()
        .unwrap()
        .0;
    assert_eq!(alarm["detail"]["seq"], last);
    assert!(alarm["detail"]["seconds"].as_i64().unwrap() > 3500);
}

#[test]
fn who_goes_back_to_the_first_collector_is_not_missed_by_the_second() {
    let site = Site::new();
    let beat = json!({"action": "agent.heartbeat", "detail": {"sessions": 1}});
    let hosts = ["db1", "db2"].map(|name| forwarded(&site, name, std::slice::from_ref(&beat)));
    let collector = site.server().collector();
    let leave = |host: &Host| {
        let path = format!("{}?leaving=1000", host.path());
        let standing: Value = site
            .client(Some(&host.identity))
            .call(&Request::get(&path))
            .unwrap();
        standing["size"].as_u64().unwrap()
    };
    // Whoever is first, or alone, is not left.
    leave(&hosts[0]);
    collector.look(in_seconds(70)).unwrap();
    assert_eq!(site.journalled("alarm.silence").len(), 2);

    let before = machine::collector(1, "first.test+00000000+AA");
    let this = machine::collector(2, &collector.witness_key());
    let word = site.ca.word_naming(vec![before, this]);
    collector.authority().follow(&word).unwrap();
    for host in &hosts {
        host.forward(&site, 0);
    }
    collector.look(in_seconds(0)).unwrap();
    assert_eq!(site.journalled("alarm.over").len(), 2);
    let held = leave(&hosts[0]);
    collector.look(in_seconds(70)).unwrap();
    let silent = site.journalled("alarm.silence");
    assert_eq!(silent.len(), 3, "{silent:?}");
    assert_eq!(silent[2]["resource"]["host"], "db2");
    // It comes back, and is missed again.
    hosts[0].write(std::slice::from_ref(&beat));
    hosts[0].forward(&site, held);
    collector.look(in_seconds(70)).unwrap();
    let missed = site.journalled("alarm.silence").split_off(3);
    let is_db1 = |alarm: &Value| alarm["resource"]["host"] == "db1";
    assert!(missed.iter().any(is_db1), "{missed:?}");
}
