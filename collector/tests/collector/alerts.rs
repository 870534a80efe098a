//! Alerts reach people: signed, once or again, whatever is killed in between.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::{Duration, Instant};

use daypass_collector::alerts::config::AlertsConfig;
use daypass_collector::erasure::{Why, erase_person};
use daypass_transport::client::Request;
use serde_json::{Value, json};

use crate::killed::{Process, random_pause, settle_in};
use crate::machine::{Machine, collector};
use crate::proxy::{Proxy, Way};
use crate::receiver::{Came, Receiver};
use crate::site::{Ca, PEOPLE, Site, refused};

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
fn over_tls_alerts_go_to_whom_the_root_names_and_nobody_else() {
    let (dir, plain) = (tempfile::tempdir().unwrap(), Receiver::http());
    let mut site = Site::new();
    let receiver = Receiver::https(&site.ca);
    let root = |name: &str, ca: &Ca| {
        let path = dir.path().join(name);
        std::fs::write(&path, ca.root.certificate()).unwrap();
        path
    };
    let (ours, other) = (root("ours.pem", &site.ca), root("other.pem", &Ca::new()));
    let with = |root: &Path| {
        let text = toml(dir.path(), &plain, OFTEN, "");
        let url = format!("https://localhost:{}/hook", receiver.port());
        let text = text.replace(&format!("http://127.0.0.1:{}/hook", plain.port()), &url);
        toml::from_str(&format!("{text}ca_file = {root:?}\n")).unwrap()
    };
    site.stop();
    site.alerts = with(&other);
    site.start();
    let host = site.host("db1");
    host.write(&[sudo("carol", "sudo id")]);
    host.forward(&site, 0);
    let begun = Instant::now();
    let error = loop {
        let seen = site.ask("dora", "/v1/alerts/destinations").unwrap();
        if let Some(error) = seen["destinations"][0]["error"].as_str() {
            break error.to_owned();
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{seen}");
        std::thread::sleep(Duration::from_millis(10));
    };
    assert!(error.contains("certificate"), "{error}");
    site.stop();
    site.alerts = with(&ours);
    site.start();
    let came = receiver.wait(|came| of_rule(came, "often").count() == 1);
    assert!(came.iter().all(|one| one.is_signed_with(SECRET)));
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

#[test]
fn syslog_and_mail_carry_the_same_words() {
    let (dir, receiver, mailbox) = (
        tempfile::tempdir().unwrap(),
        Receiver::http(),
        Receiver::mail(),
    );
    let socket = dir.path().join("log");
    let syslog = UnixDatagram::bind(&socket).unwrap();
    syslog
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let text = toml(dir.path(), &receiver, "", "");
    let text = format!(
        "{text}[[syslog]]\nname = \"local\"\nsocket = {socket:?}\nseverity = \"high\"\n\
         [[mail]]\nname = \"ops\"\nfrom = \"daypass@example.org\"\nto = [\"Ops <ops@example.org>\"]\nport = {}\n",
        mailbox.port()
    );
    let mut site = Site::new();
    site.stop();
    site.alerts = toml::from_str(&text).unwrap();
    site.start();
    let host = site.host("db1");
    host.write(&[sudo("carol", "sudo rm -r '/etc\n/x'")]);
    host.forward(&site, 0);
    let mut datagram = vec![0; 65536];
    let length = syslog.recv(&mut datagram).unwrap();
    let line = String::from_utf8_lossy(&datagram[..length]).into_owned();
    // authpriv.err
    assert!(line.starts_with("<83>"), "{line}");
    assert!(
        line.contains("files-destroyed severity=high") && line.contains("carol as deploy"),
        "{line}"
    );
    assert!(!line.trim_end().contains('\n'), "one line: {line:?}");
    let mails = mailbox.wait(|came| !came.is_empty());
    let mail = String::from_utf8(mails[0].body.clone()).unwrap();
    assert!(
        mail.contains("Subject: [daypass] high: ") && mail.contains("To: "),
        "{mail}"
    );
    assert!(
        mail.contains("Message-ID: <a-") && mail.contains("carol as deploy"),
        "{mail}"
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
