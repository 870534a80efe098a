//! Who is where right now, and the story of one visit.

use serde_json::{Value, json};

use crate::host::Host;
use crate::site::{PEOPLE, Site, refused};

const WINDOW: &str = "w-01hzzzzzzzzzzzzzzzzzzzzzzz";
const SESSION: &str = "s-0011223344556677";

fn of_carol(action: &str, rest: &Value) -> Value {
    let mut event = json!({
        "action": action,
        "outcome": "allowed",
        "identity": {"person": "carol", "account": "deploy", "window": WINDOW, "serial": "42"},
    });
    event
        .as_object_mut()
        .unwrap()
        .extend(rest.as_object().unwrap().clone());
    event
}

fn in_session(action: &str, rest: &Value) -> Value {
    let mut event = of_carol(action, rest);
    event["origin"] = json!({"session": SESSION, "address": "192.0.2.7", "port": 50_000});
    event
}

fn opened(closes: &str) -> Value {
    in_session(
        "session.open",
        &json!({
            "resource": {"host": "db1", "service": "sshd", "account": "deploy"},
            // A host can write anything; the CA says who it was.
            "detail": {"closes": closes, "approved_by": ["mallory"]},
        }),
    )
}

/// A CA whose window is open, and a host that let carol in by it.
fn visited(site: &Site, closes: &str) -> (Host, Host, u64) {
    let (ca, db1) = (site.host("ca"), site.host("db1"));
    ca.write(&[
        of_carol("window.requested", &json!({})),
        of_carol(
            "window.approved",
            &json!({"identity": {"person": "bob", "window": WINDOW}}),
        ),
        of_carol("certificate.issued", &json!({"resource": {"host": "db1"}})),
    ]);
    ca.forward(site, 0);
    db1.write(&[
        opened(closes),
        in_session(
            "sudo.request",
            &json!({"command": {"line": "systemctl restart nginx"}}),
        ),
    ]);
    let held = db1.forward(site, 0)["size"].as_u64().unwrap();
    site.find("action=sudo.request", 1);
    (ca, db1, held)
}

#[test]
fn who_is_where_until_when_and_allowed_by_whom() {
    let site = Site::new();
    let (_ca, db1, held) = visited(&site, "2126-11-23T12:00:00Z");
    let answer = site.ask("dora", "/v1/sessions").unwrap();
    let session = &answer["sessions"][0];
    assert_eq!(answer["sessions"].as_array().unwrap().len(), 1);
    for (key, value) in [
        ("session", json!(SESSION)),
        ("host", json!("db1")),
        ("person", json!("carol")),
        ("account", json!("deploy")),
        ("address", json!("192.0.2.7")),
        ("window", json!(WINDOW)),
        ("approved_by", json!(["bob"])),
        ("until", json!("2126-11-23T12:00:00Z")),
        ("state", json!("live")),
        ("origin", json!(db1.origin)),
    ] {
        assert_eq!(session[key], value, "{key}");
    }
    for (query, count) in [
        ("user=carol&host=db1", 1),
        ("user=deploy", 1),
        ("user=bob", 0),
        ("host=db2", 0),
    ] {
        let answer = site.ask("bob", &format!("/v1/sessions?{query}")).unwrap();
        assert_eq!(
            answer["sessions"].as_array().unwrap().len(),
            count,
            "{query}"
        );
    }
    assert_eq!(
        refused(site.ask("dora", "/v1/sessions?group=db")),
        (404, "unknown-group".to_owned())
    );

    db1.write(&[in_session(
        "session.close",
        &json!({"resource": {"host": "db1", "service": "sshd", "account": "deploy"}}),
    )]);
    db1.forward(&site, held);
    site.find("action=session.close", 1);
    let answer = site.ask("dora", "/v1/sessions").unwrap();
    assert_eq!(answer["sessions"], json!([]));
}

#[test]
fn a_session_whose_time_is_up_without_an_end_is_shown_as_such() {
    let site = Site::new();
    let _hosts = visited(&site, "2026-01-01T12:00:00Z");
    let answer = site.ask("dora", "/v1/sessions").unwrap();
    assert_eq!(answer["sessions"][0]["state"], "overdue");
}

#[test]
fn the_story_of_a_session_goes_from_the_request_to_the_end() {
    let site = Site::new();
    let (_ca, db1, held) = visited(&site, "2126-11-23T12:00:00Z");
    db1.write(&[in_session(
        "session.end",
        &json!({"resource": {"service": "sshd"}}),
    )]);
    db1.forward(&site, held);
    site.find("action=session.end", 1);
    let (mut told, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/sessions/{SESSION}?host=db1&limit=2{cursor}");
        let page = site.ask("dora", &path).unwrap();
        assert_eq!(page["session"]["state"], "over");
        assert_eq!(page["session"]["ending"], "ended");
        for found in page["entries"].as_array().unwrap() {
            let entry: Value = serde_json::from_str(found["entry"].as_str().unwrap()).unwrap();
            told.push(entry["action"].as_str().unwrap().to_owned());
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let story = [
        "window.requested",
        "window.approved",
        "certificate.issued",
        "session.open",
        "sudo.request",
        "session.end",
    ];
    assert_eq!(told, story);
}

#[test]
fn an_id_that_several_hosts_gave_needs_the_host() {
    let site = Site::new();
    let (_ca, _db1, _) = visited(&site, "2126-11-23T12:00:00Z");
    let db2 = site.host("db2");
    db2.write(&[opened("2126-11-23T12:00:00Z"), json!({"action": "late"})]);
    db2.forward(&site, 0);
    site.find("action=late", 1);
    let path = format!("/v1/sessions/{SESSION}");
    let answer = site.ask("dora", &path);
    assert_eq!(refused(answer), (400, "several-sessions".to_owned()));
    let answer = site.ask("dora", &format!("{path}?host=db2")).unwrap();
    assert_eq!(answer["session"]["host"], "db2");
    for path in ["/v1/sessions/s-1", "/v1/sessions/s-1?host=db1"] {
        let answer = site.ask("dora", path);
        assert_eq!(refused(answer), (404, "no-such-session".to_owned()));
    }
}

#[test]
fn sessions_are_for_those_who_read_journals_and_each_reading_is_journalled() {
    let site = Site::new();
    let (_ca, _db1, _) = visited(&site, "2126-11-23T12:00:00Z");
    let story = format!("/v1/sessions/{SESSION}");
    for path in ["/v1/sessions", &story] {
        for (person, _) in PEOPLE {
            let answer = site.ask(person, path);
            match person {
                "carol" => assert_eq!(refused(answer), (403, "role".to_owned())),
                _ => assert!(answer.is_ok(), "{person} {path}"),
            }
        }
        let host = site.ca.identity("db1");
        let request = daypass_transport::client::Request::get(path);
        let as_host: Result<Value, _> = site.client(Some(&host)).call(&request);
        assert_eq!(refused(as_host).0, 401, "a host reads nothing: {path}");
    }
    let read = site.journalled("log.read");
    let of_dora = read
        .iter()
        .filter(|entry| entry["identity"]["person"] == "dora")
        .map(|entry| entry["detail"]["query"].as_str().unwrap().to_owned());
    let expected = [
        "action=sudo.request".to_owned(),
        "sessions?".to_owned(),
        format!("session {SESSION}?"),
    ];
    assert_eq!(of_dora.collect::<Vec<_>>(), expected);
}
