//! Alerts reach people: signed, once or again, whatever is killed in between.

mod kept;
mod ways;

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use daypass_collector::alerts::config::AlertsConfig;
use daypass_collector::erasure::{Why, erase_person};
use serde_json::{Value, json};

use crate::receiver::{Came, Receiver};
use crate::site::{Site, refused};

const SECRET: &str = "a secret of more than sixteen bytes";
const WINDOW: &str = "w-01hzzzzzzzzzzzzzzzzzzzzzzz";

fn sudo(person: &str, line: &str) -> Value {
    json!({
        "action": "sudo.request",
        "outcome": "allowed",
        "identity": {"person": person, "account": "deploy", "window": WINDOW},
        "resource": {"host": "db1", "service": "daypass-sudo", "account": "root"},
        "origin": {"address": "192.0.2.7", "session": "s-0123456789abcdef"},
        "command": {"line": line},
    })
}

/// The configuration's end: alerts go to the receiver, by rules that the site adds.
fn toml(dir: &Path, receiver: &Receiver, rules: &str, more: &str) -> String {
    let (secret, file) = (dir.join("secret"), dir.join("alerts.toml"));
    std::fs::write(&secret, format!("{SECRET}\n")).unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&file, rules).unwrap();
    format!(
        "rules = {file:?}\n{more}\n[[webhook]]\nname = \"pager\"\nurl = \"http://127.0.0.1:{}/hook\"\nsecret_file = {secret:?}\n",
        receiver.port()
    )
}

fn config(dir: &Path, receiver: &Receiver, rules: &str, more: &str) -> AlertsConfig {
    toml::from_str(&toml(dir, receiver, rules, more)).unwrap()
}

/// A site whose alerts go to the receiver.
fn site(dir: &Path, receiver: &Receiver, rules: &str, more: &str) -> Site {
    let mut site = Site::new();
    site.stop();
    site.alerts = config(dir, receiver, rules, more);
    site.start();
    site
}

fn of_rule<'a>(came: &'a [Came], rule: &'a str) -> impl Iterator<Item = Value> + 'a {
    came.iter()
        .map(Came::json)
        .filter(move |alert| alert["rule"] == rule)
}

#[test]
fn a_sensitive_command_reaches_the_receiver_with_a_valid_signature() {
    let (dir, receiver) = (tempfile::tempdir().unwrap(), Receiver::http());
    let site = site(
        dir.path(),
        &receiver,
        "",
        "link = \"https://siem.example/{host}?seq={seq}\"",
    );
    let host = site.host("db1");
    host.write(&[json!({
        "action": "session.open", "outcome": "allowed",
        "identity": {"person": "carol", "account": "deploy", "window": WINDOW},
        "detail": {"approved_by": ["mallory"]},
    })]);
    // Who approved the CA says, whatever a host says of it, and however often.
    let said = |person: &str| json!({"action": "window.approved", "identity": {"person": person, "window": WINDOW}});
    host.write(&vec![said("mallory"); 30]);
    let held = host.forward(&site, 0)["size"].as_u64().unwrap();
    let ca = site.host("ca");
    ca.write(&[said("bob")]);
    ca.forward(&site, 0);
    site.find("action=session.open&action=window.approved", 32);
    let mut typed = sudo("carol", "sudo rm -rf '/srv/\u{1b}[2J\u{202e}'");
    typed["detail"]["approved_by"] = json!(["mallory"]);
    host.write(&[typed]);
    let begun = Instant::now();
    host.forward(&site, held);

    let came = receiver.wait(|came| of_rule(came, "files-destroyed").count() == 1);
    let request = came
        .iter()
        .find(|one| one.json()["rule"] == "files-destroyed")
        .unwrap();
    // Far from what it takes, which the bench measures; nobody waits for a look every so often.
    assert!(request.at.duration_since(begun) < Duration::from_secs(30));
    assert!(request.is_signed_with(SECRET));
    assert!(!request.is_signed_with("another secret of some length"));
    let alert = request.json();
    assert_eq!(request.header("daypass-alert"), alert["id"]);
    assert_eq!(alert["severity"], "high");
    assert_eq!(alert["who"]["person"], "carol");
    assert_eq!(alert["where"]["host"], "db1");
    assert_eq!(alert["window"], WINDOW);
    assert_eq!(alert["approved_by"], json!(["bob"]));
    assert_eq!(alert["entry"]["origin"], host.origin.as_str());
    assert_eq!(
        alert["what"]["command"], "sudo rm -rf '/srv/\\x1b[2J\\u{202e}'",
        "inert"
    );
    assert_eq!(
        alert["link"],
        format!("https://siem.example/db1?seq={}", alert["entry"]["seq"])
    );
    let text = alert["text"].as_str().unwrap();
    for part in [
        "carol as deploy",
        "db1, from 192.0.2.7",
        WINDOW,
        "Approved by: bob",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert!(
        alert["see"]
            .as_str()
            .unwrap()
            .contains("--session s-0123456789abcdef")
    );
    let told = site.await_journalled("alert.raised");
    assert_eq!(told["code"], "files-destroyed");
    assert!(crate::checker::check_journal(&site.layout().journal()) > 0);
}

#[test]
fn what_the_collector_notices_itself_is_an_alert() {
    let (dir, receiver) = (tempfile::tempdir().unwrap(), Receiver::http());
    let site = site(dir.path(), &receiver, "", "");
    let host = site.host("db1");
    host.write(&[json!({"action": "x"})]);
    let held = host.forward(&site, 0)["size"].as_u64().unwrap();
    let clone = host.clone_machine();
    host.write(&[json!({"action": "here"})]);
    host.forward(&site, held);
    clone.write(&[json!({"action": "there"})]);
    refused(clone.send(&site, held, &clone.lines(held)));
    let came = receiver.wait(|came| of_rule(came, "journal-contradicted").count() == 1);
    let alert = of_rule(&came, "journal-contradicted").next().unwrap();
    assert_eq!(
        (&alert["severity"], &alert["where"]["host"]),
        (&json!("critical"), &json!("db1"))
    );
}

const OFTEN: &str = r#"
[[rule]]
name = "often"
title = "Something happens"
severity = "low"
period = "2s"
subject = ["person"]
when.actions = ["sudo.request"]
fires = [{ command = "sudo id" }]
passes = [{ entry = { action = "sudo.end" } }]
"#;

#[test]
fn the_same_is_told_once_and_then_with_its_count() {
    let (dir, receiver) = (tempfile::tempdir().unwrap(), Receiver::http());
    let site = site(dir.path(), &receiver, OFTEN, "");
    let host = site.host("db1");
    host.write(&[
        sudo("carol", "sudo id"),
        sudo("carol", "sudo id"),
        sudo("dave", "sudo id"),
        sudo("carol", "sudo id"),
    ]);
    host.forward(&site, 0);
    let came = receiver.wait(|came| of_rule(came, "often").any(|alert| alert["count"] != 1));
    let told: Vec<_> = of_rule(&came, "often")
        .map(|alert| {
            (
                alert["who"]["person"].as_str().unwrap().to_owned(),
                alert["count"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("carol".to_owned(), 1),
            ("dave".to_owned(), 1),
            ("carol".to_owned(), 3)
        ]
    );
}

#[test]
fn rules_are_tried_on_the_past() {
    let (dir, receiver) = (tempfile::tempdir().unwrap(), Receiver::http());
    let site = site(dir.path(), &receiver, "", "");
    let host = site.host("db1");
    host.write(&[
        sudo("carol", "sudo rm -r /etc"),
        sudo("carol", "sudo rm -r /usr"),
        sudo("dave", "sudo id"),
    ]);
    host.forward(&site, 0);
    site.find("action=sudo.request", 3);
    let found = site
        .post(
            "dora",
            "/v1/alerts/test",
            &json!({"since": "2020-01-01T00:00:00Z"}),
        )
        .unwrap();
    assert_eq!(found["complete"], true);
    // One at a time: it takes a processor, and hosts wait for theirs.
    let turn = site.server().collector().alerts().turn();
    let busy = site.post(
        "dora",
        "/v1/alerts/test",
        &json!({"since": "2020-01-01T00:00:00Z"}),
    );
    assert_eq!(refused(busy), (503, "rules-busy".to_owned()));
    drop(turn);
    let told: Vec<_> = found["alerts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|alert| {
            (
                alert["rule"].as_str().unwrap(),
                alert["count"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(told, [("files-destroyed", 2)]);
    let own = site
        .post(
            "dora",
            "/v1/alerts/test",
            &json!({"since": "2020-01-01T00:00:00Z", "rules": OFTEN}),
        )
        .unwrap();
    let rules: BTreeSet<_> = own["alerts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|alert| alert["rule"].as_str().unwrap())
        .collect();
    assert!(rules.contains("often"));
    let wrong = site.post(
        "dora",
        "/v1/alerts/test",
        &json!({"since": "2020-01-01T00:00:00Z", "rules": "[[rule]]\nnam = 1"}),
    );
    assert_eq!(refused(wrong), (422, "rules-refused".to_owned()));
    let never = site.post("dora", "/v1/alerts/test", &json!({"since": "tomorrow"}));
    assert_eq!(refused(never), (400, "malformed-body".to_owned()));
}

#[test]
fn whoever_is_forgotten_is_in_no_alert_either() {
    let (dir, receiver) = (tempfile::tempdir().unwrap(), Receiver::http());
    let site = site(dir.path(), &receiver, OFTEN, "");
    let host = site.host("db1");
    host.write(&[sudo("carol", "sudo id"), sudo("dave", "sudo id")]);
    host.forward(&site, 0);
    receiver.wait(|came| of_rule(came, "often").count() == 2);
    let why = Why {
        by: "alice".to_owned(),
        reason: "asked on 3 May".to_owned(),
    };
    erase_person(site.server().collector(), "carol", &why).unwrap();
    let left = site.ask("dora", "/v1/alerts").unwrap();
    let people: Vec<_> = left["alerts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|listed| &listed["alert"]["who"]["person"])
        .collect();
    assert_eq!(people, ["dave"]);
}
