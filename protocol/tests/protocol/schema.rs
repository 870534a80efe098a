//! Entries are as `docs/formats/events.schema.json` says, and the schema knows every word of the vocabulary.

pub(crate) mod checker;

use std::collections::BTreeSet;
use std::path::Path;

use daypass_protocol::event::{Action, Command, Event, Identity, Origin, Outcome, Resource};
use daypass_protocol::window::WindowId;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::company::{fingerprint, name, now};
use checker::{faults, schema};

/// The line that a journal would make of an event.
fn line(event: &Event) -> Value {
    let mut line = json!({
        "seq": 7, "time": "2026-11-23T10:00:00.000001Z", "boot": "0".repeat(32), "mono": 1, "salt": "f".repeat(32),
    });
    let event = serde_json::to_value(event).unwrap();
    let members = event.as_object().unwrap().clone();
    line.as_object_mut().unwrap().extend(members);
    line
}

fn full(action: Action, command: Command) -> Event {
    Event::new(action)
        .outcome(Outcome::Denied)
        .because("no-window", "There is no window.")
        .by(Identity {
            person: Some(name("carl")),
            account: Some("deploy".to_owned()),
            uid: Some(u32::MAX),
            window: Some(WindowId::new(now(), [1; 10])),
            serial: Some(u64::MAX >> 1),
            key: Some(fingerprint("carl")),
        })
        .on(Resource {
            host: "db1.example".parse().ok(),
            service: Some("sudo".to_owned()),
            account: Some("root".to_owned()),
        })
        .from(Origin {
            address: "2001:db8::1".parse().ok(),
            port: Some(50_000),
            tty: Some("pts/0".to_owned()),
            session: Some("s-0011223344556677".to_owned()),
            via: Some("bastion".to_owned()),
        })
        .command(command)
        .detail("killed", 3)
}

#[test]
fn the_schema_has_exactly_the_words_of_the_vocabulary() {
    let schema = schema();
    let listed = schema["properties"]["action"]["anyOf"][0]["enum"]
        .as_array()
        .unwrap();
    let listed: BTreeSet<&str> = listed.iter().map(|word| word.as_str().unwrap()).collect();
    let known: BTreeSet<&str> = Action::ALL.iter().map(|action| action.as_str()).collect();
    assert_eq!(listed, known);
}

#[test]
fn every_event_is_as_the_schema_says() {
    let schema = schema();
    for action in Action::ALL {
        let event = full(*action, Command::from_arguments(["ls", "-l"]));
        let kept = event.clone().with_command_kept();
        for event in [Event::new(*action), event, kept] {
            assert_eq!(faults(&schema, &line(&event)), [""; 0]);
        }
    }
}

#[test]
fn what_is_not_an_entry_is_found_out() {
    let schema = schema();
    let good = line(&full(Action::SudoRequest, Command::from_line(b"id")));
    for (pointer, value) in [
        ("/seq", json!(-1)),
        ("/time", json!("2026-11-23T10:00:00Z")),
        ("/boot", json!("F".repeat(32))),
        ("/action", json!("sudo.maybe")),
        ("/outcome", json!("perhaps")),
        ("/code", json!("No Window")),
        ("/identity/window", json!("w-1")),
        ("/identity/uid", json!("0")),
        ("/identity/serial", json!(7)),
        ("/origin/session", json!("s-1")),
        ("/origin/port", json!(70_000)),
        ("/command/sha256", json!("00")),
        ("/command/length", json!(-1)),
        ("/detail", json!([])),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = value;
        assert_eq!(faults(&schema, &bad).len(), 1, "{pointer}");
    }
    let mut bad = good.clone();
    bad["colour"] = json!("red");
    assert_eq!(faults(&schema, &bad), ["/colour is not known"]);
    let mut bad = good;
    bad.as_object_mut().unwrap().remove("action");
    assert_eq!(faults(&schema, &bad).len(), 1);
}

#[test]
fn the_entries_of_the_vectors_are_as_the_schema_says() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/journal/good");
    let schema = schema();
    let mut checked = 0;
    for file in std::fs::read_dir(directory).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        for line in text.lines().filter(|line| line.starts_with("{\"seq\":")) {
            // What a crash tore is a beginning only.
            let Ok(entry) = serde_json::from_str::<Value>(line) else {
                continue;
            };
            assert_eq!(faults(&schema, &entry), [""; 0], "{line}");
            checked += 1;
        }
    }
    assert!(checked > 4, "{checked}");
}

proptest! {
    #[test]
    fn any_command_line_is_as_the_schema_says(bytes in any::<Vec<u8>>()) {
        let event = full(Action::SudoRequest, Command::from_line(&bytes));
        prop_assert_eq!(faults(&schema(), &line(&event)), [""; 0]);
    }
}
