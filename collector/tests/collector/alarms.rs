//! Two pasts of one journal, and one that went back.

use daypass_transport::client::Request;
use serde_json::{Value, json};

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
