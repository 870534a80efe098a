//! Exports are what other people's published schemas say, whatever an entry holds.

use daypass_protocol::event::Action;
use daypass_protocol::export::syslog::{Body, Head, framed};
use daypass_protocol::export::{Source, ecs, ocsf};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::schema::checker::faults;

const HOST: &str = "daypass/0123456789abcdef/host/db1/00000000000000ff";

fn vector(name: &str) -> Value {
    let path = format!(
        "{}/../tests/vectors/export/{name}",
        env!("CARGO_MANIFEST_DIR")
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// An entry that says everything that one can say.
fn full(action: &str) -> Value {
    json!({
        "seq": 7, "time": "2026-11-23T10:00:00.000001Z", "boot": "0".repeat(32), "mono": 1, "salt": "f".repeat(32),
        "action": action, "outcome": "denied", "code": "no-window", "reason": "There is no window.",
        "identity": {"person": "carl", "account": "deploy", "uid": 1000, "window": "w-1", "serial": "9", "key": "SHA256:x"},
        "resource": {"host": "db1", "service": "sshd", "account": "root"},
        "origin": {"address": "2001:db8::1", "port": 50_000, "tty": "pts/0", "session": "s-0011223344556677", "via": "bastion"},
        "command": {"line": "sudo rm -r '/srv\u{1b}[2J'"},
        "detail": {"killed": 3, "log": HOST, "url": "https://c.example", "hash": "x", "token": "x", "subject": "carl"},
    })
}

fn ocsf_faults(event: &Value) -> Vec<String> {
    let schema = vector("ocsf-1.5.0.json");
    let class = event["class_uid"].to_string();
    let mut found = faults(&schema["classes"][&class], event);
    let kind = event["class_uid"].as_u64().unwrap() * 100 + event["activity_id"].as_u64().unwrap();
    if event["type_uid"] != kind {
        found.push(format!("the type is not {kind}"));
    }
    found
}

fn ecs_faults(document: &Value) -> Vec<String> {
    let schema = vector("ecs-9.4.0.json");
    let mut found = Vec::new();
    for (field, value) in flat(document) {
        let Some(rule) = schema["fields"].get(&field) else {
            if !field.starts_with("daypass.") {
                found.push(format!("{field} is no field of ECS"));
            }
            continue;
        };
        if value.is_array() != (rule["array"] == true) {
            found.push(format!("{field}: a list, or none"));
        }
        let values = value
            .as_array()
            .cloned()
            .unwrap_or_else(|| vec![value.clone()]);
        for value in &values {
            let fits = match rule["type"].as_str().unwrap() {
                "long" => value.is_u64(),
                "ip" => value
                    .as_str()
                    .is_some_and(|text| text.parse::<std::net::IpAddr>().is_ok()),
                _ => value.is_string(),
            };
            let allowed = rule["allowed"]
                .as_object()
                .is_none_or(|allowed| allowed.contains_key(value.as_str().unwrap_or_default()));
            if !fits || !allowed {
                found.push(format!("{field}: {value}"));
            }
        }
    }
    let categories = &schema["fields"]["event.category"]["allowed"];
    for category in document["event"]["category"]
        .as_array()
        .into_iter()
        .flatten()
    {
        for kind in document["event"]["type"].as_array().unwrap() {
            let expected = categories[category.as_str().unwrap()].as_array().unwrap();
            if !expected.contains(kind) {
                found.push(format!("the type {kind} in the category {category}"));
            }
        }
    }
    found
}

/// Leaves by their dotted names; lists are leaves.
fn flat(value: &Value) -> Vec<(String, Value)> {
    let mut leaves = Vec::new();
    for (key, inner) in value.as_object().into_iter().flatten() {
        if key == "daypass" {
            leaves.push(("daypass.".to_owned(), inner.clone()));
        } else if inner.is_object() {
            leaves.extend(
                flat(inner)
                    .into_iter()
                    .map(|(name, leaf)| (format!("{key}.{name}"), leaf)),
            );
        } else {
            leaves.push((key.clone(), inner.clone()));
        }
    }
    leaves
}

#[test]
fn every_action_is_a_valid_event_of_a_class_of_its_own_or_the_base() {
    for action in Action::ALL {
        for origin in [Some(HOST), None] {
            let line = full(action.as_str()).to_string();
            let event = ocsf::event(&Source::new(origin, line.as_bytes()));
            assert_eq!(
                ocsf_faults(&event),
                Vec::<String>::new(),
                "{action}: {event}"
            );
            assert_eq!(event["raw_data"], line, "nothing is lost");
            // What an entry does not say makes it a base event, and never an invalid one.
            let bare = json!({"seq": 1, "action": action}).to_string();
            let event = ocsf::event(&Source::new(origin, bare.as_bytes()));
            assert_eq!(
                ocsf_faults(&event),
                Vec::<String>::new(),
                "{action}: {event}"
            );
        }
    }
}

#[test]
fn every_action_is_a_document_of_ecs() {
    for action in Action::ALL {
        let line = full(action.as_str()).to_string();
        let document = ecs::document(&Source::new(Some(HOST), line.as_bytes()));
        assert_eq!(ecs_faults(&document), Vec::<String>::new(), "{action}");
        assert_eq!(document["event"]["original"], line);
    }
}

#[test]
fn logins_grants_and_commands_have_the_classes_that_are_looked_for() {
    for (action, class, activity) in [
        ("session.open", 3002, 1),
        ("login.denied", 3002, 1),
        ("session.end", 3002, 2),
        ("sudo.request", 3003, 1),
        ("sudo.denied", 3003, 1),
        ("sudo.start", 1007, 1),
        ("sudo.end", 1007, 2),
        ("account.managed", 3001, 7),
        ("agent.start", 6002, 3),
        ("alarm.fork", 2004, 1),
        ("log.read", 0, 99),
    ] {
        let line = full(action).to_string();
        let event = ocsf::event(&Source::new(Some(HOST), line.as_bytes()));
        assert_eq!(
            (&event["class_uid"], &event["activity_id"]),
            (&json!(class), &json!(activity)),
            "{action}"
        );
    }
    let line = full("sudo.start").to_string();
    let event = ocsf::event(&Source::new(Some(HOST), line.as_bytes()));
    assert_eq!(event["process"]["cmd_line"], "sudo rm -r '/srv\u{1b}[2J'");
    assert_eq!(event["process"]["user"]["name"], "root");
    assert_eq!(event["actor"]["user"]["full_name"], "carl");
    assert_eq!(event["metadata"]["uid"], format!("{HOST}#7"));
}

#[test]
fn a_host_speaks_for_itself_only() {
    let line = full("session.open")
        .to_string()
        .replace("\"host\":\"db1\"", "\"host\":\"db2\"");
    let source = Source::new(Some(HOST), line.as_bytes());
    assert_eq!(ocsf::event(&source)["device"]["hostname"], "db1");
    assert_eq!(ecs::document(&source)["host"]["name"], "db1");
}

/// Entries of which any part is of any type.
fn odd() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(json!({})),
        Just(json!(["x", 1])),
        Just(json!({"line": {"base64": "!"}})),
    ];
    let action = prop::sample::select(Action::ALL.to_vec());
    let places = [
        "/outcome",
        "/identity",
        "/identity/person",
        "/identity/account",
        "/identity/uid",
        "/resource",
        "/resource/host",
        "/origin/session",
        "/origin/address",
        "/origin/port",
        "/command",
        "/command/line",
        "/detail",
        "/time",
        "/seq",
    ];
    let changes = prop::collection::vec((prop::sample::select(places.to_vec()), leaf), 0..6);
    (action, changes).prop_map(|(action, changes)| {
        let mut entry = full(action.as_str());
        for (place, value) in changes {
            if let Some(at) = entry.pointer_mut(place) {
                *at = value;
            }
        }
        entry
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_a_hostile_host_writes_is_exported_validly(entry in odd()) {
        let line = entry.to_string();
        let source = Source::new(Some(HOST), line.as_bytes());
        let event = ocsf::event(&source);
        prop_assert_eq!(ocsf_faults(&event), Vec::<String>::new(), "{}", event);
        prop_assert_eq!(ecs_faults(&ecs::document(&source)), Vec::<String>::new());
    }

    #[test]
    fn bytes_that_are_no_entry_are_exported_whole(bytes in any::<Vec<u8>>()) {
        let source = Source::new(None, &bytes);
        prop_assert_eq!(ocsf_faults(&ocsf::event(&source)), Vec::<String>::new());
        ecs::document(&source);
    }
}

const HEAD: Head = Head {
    facility: 10,
    enterprise: 32473,
};

/// A message read by RFC 5424's grammar: priority, the six parts of its head, parameters, body.
fn read(message: &str) -> (u32, Vec<String>, Vec<(String, String)>, String) {
    let (priority, rest) = message.strip_prefix('<').unwrap().split_once('>').unwrap();
    let parts: Vec<_> = rest.splitn(7, ' ').map(str::to_owned).collect();
    let (head, rest) = (parts[..6].to_vec(), parts[6].clone());
    assert!(head.iter().all(|part| !part.is_empty() && part.is_ascii()));
    let mut characters = rest.strip_prefix("[daypass@32473").unwrap().chars();
    let mut parameters = Vec::new();
    loop {
        match characters.next().unwrap() {
            ']' => break,
            ' ' => {}
            other => panic!("{other:?} between parameters"),
        }
        let name: String = characters.by_ref().take_while(|c| *c != '=').collect();
        assert_eq!(characters.next(), Some('"'));
        let mut value = String::new();
        loop {
            match characters.next().unwrap() {
                '"' => break,
                '\\' => value.push(characters.next().unwrap()),
                other => {
                    assert_ne!(other, ']', "an end that is not escaped");
                    value.push(other);
                }
            }
        }
        parameters.push((name, value));
    }
    assert_eq!(characters.next(), Some(' '));
    (
        priority.parse().unwrap(),
        head,
        parameters,
        characters.collect(),
    )
}

#[test]
fn a_message_has_the_grammar_of_rfc_5424_and_hides_nothing() {
    let mut entry = full("sudo.denied");
    entry["identity"]["person"] = "x\"] \\ \n<0>1 forged".into();
    let line = entry.to_string();
    let message = HEAD.message(&Source::new(Some(HOST), line.as_bytes()), Body::Entry);
    let (priority, head, parameters, body) = read(&message);
    assert_eq!(priority, 84, "authpriv.warning");
    assert_eq!(
        head,
        [
            "1",
            "2026-11-23T10:00:00.000001Z",
            "db1",
            "daypass",
            "-",
            "sudo.denied"
        ]
    );
    let person = parameters
        .iter()
        .find(|(name, _)| name == "person")
        .unwrap();
    assert_eq!(person.1, "x\"] \\\\ \\n<0>1 forged", "inert, then escaped");
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), entry);
    assert!(!message.contains(daypass_protocol::inert::is_active));
    assert_eq!(
        framed("ä"),
        [b"2 ".to_vec(), "ä".as_bytes().to_vec()].concat(),
        "octets are counted, not characters"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_an_entry_holds_is_one_message(entry in odd(), bytes in any::<Vec<u8>>()) {
        let line = entry.to_string();
        for line in [line.as_bytes(), &bytes] {
            for body in [Body::Entry, Body::Ocsf, Body::Ecs] {
                let message = HEAD.message(&Source::new(Some(HOST), line), body);
                prop_assert!(!message.contains(daypass_protocol::inert::is_active), "{:?}", message);
                read(&message);
            }
        }
    }
}
