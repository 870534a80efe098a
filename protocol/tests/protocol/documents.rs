//! That what is unknown, doubled, null or too long is refused in every document, at every depth.

use crate::company::{Company, first_roster};
use daypass_protocol::grant::Grant;
use daypass_protocol::roster::{Policy, Roster};
use daypass_protocol::sshsig::Signature;
use daypass_protocol::statement::{SignedStatement, Verb};
use daypass_protocol::strict_json;
use daypass_protocol::window::{Error, FrozenWindow, Window};
use serde_json::Value;

/// A document's text, and whether its parser takes a text.
type Case = (&'static str, String, fn(&str) -> bool);

fn cases() -> Vec<Case> {
    let company = Company::new();
    let hours = r#"{"zone":"UTC","ranges":[{"days":["mon"],"from":"09:00","to":"17:00"}],"outside":"deny"}"#;
    let full = Window {
        hours: serde_json::from_str(hours).unwrap(),
        sources: Some(vec!["192.0.2.0/24".parse().unwrap()]),
        ticket: Some("OPS-1".parse().unwrap()),
        ..company.draft()
    };
    let window = FrozenWindow::freeze(&full).unwrap();
    let statement = company.says(Verb::Request, "carl", &window);
    let grant = company.grant(&window, &[(Verb::Request, "carl"), (Verb::Approve, "ann")]);
    vec![
        ("window", window.text().to_owned(), |text| {
            FrozenWindow::parse(text).is_ok()
        }),
        ("statement", statement.statement.clone(), |text| {
            SignedStatement {
                statement: text.to_owned(),
                signature: any_signature(),
            }
            .read_unverified()
            .is_ok()
        }),
        (
            "roster",
            first_roster(Policy::default()).freeze().unwrap(),
            |text| Roster::parse(text).is_ok(),
        ),
        ("grant", grant.to_text().unwrap(), |text| {
            Grant::parse(text).is_ok()
        }),
    ]
}

fn any_signature() -> Signature {
    let company = Company::new();
    company
        .says(Verb::Request, "carl", &company.window())
        .signature
}

/// Every way to reach an object inside a value.
fn objects(value: &Value, here: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            found.push(here.to_owned());
            map.iter()
                .for_each(|(key, value)| objects(value, &format!("{here}/{key}"), found));
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(at, item)| objects(item, &format!("{here}/{at}"), found));
        }
        _ => {}
    }
}

#[test]
fn whatever_is_unknown_missing_or_null_is_refused_at_every_depth() {
    for (kind, text, accepts) in cases() {
        assert!(accepts(&text), "{kind}");
        let value: Value = serde_json::from_str(&text).unwrap();
        let mut places = Vec::new();
        objects(&value, "", &mut places);
        for place in places {
            let mut unknown = value.clone();
            let object = unknown
                .pointer_mut(&place)
                .unwrap()
                .as_object_mut()
                .unwrap();
            object.insert("surprise".to_owned(), Value::from(1));
            assert!(!accepts(&unknown.to_string()), "{kind}{place}: unknown key");

            let mut array = value.clone();
            let object = array.pointer_mut(&place).unwrap();
            *object = Value::Array(object.as_object().unwrap().values().cloned().collect());
            assert!(
                !accepts(&array.to_string()),
                "{kind}{place}: array for object"
            );

            let keys: Vec<_> = value
                .pointer(&place)
                .unwrap()
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect();
            for key in keys {
                let mut null = value.clone();
                null.pointer_mut(&place).unwrap()[&key] = Value::Null;
                assert!(!accepts(&null.to_string()), "{kind}{place}/{key}: null");
                let mut doubled = text.clone();
                let written = format!("\"{key}\":");
                doubled.insert_str(doubled.find(&written).unwrap(), &format!("{written}1,"));
                assert!(!accepts(&doubled), "{kind}{place}/{key}: duplicate");
            }
        }
    }
}

#[test]
fn other_versions_trailing_bytes_and_lengths_are_refused() {
    for (kind, text, accepts) in cases() {
        if kind != "roster" || text.contains("\"v\":1") {
            for version in [
                "0",
                "2",
                "-1",
                "1.0",
                "\"1\"",
                "true",
                "[1]",
                "18446744073709551617",
            ] {
                let other = text.replacen("\"v\":1", &format!("\"v\":{version}"), 1);
                assert!(!accepts(&other), "{kind}: version {version}");
            }
        }
        for wrong in [
            format!("{text}x"),
            format!("{text}{text}"),
            format!("[{text}]"),
            text[1..].to_owned(),
        ] {
            assert!(!accepts(&wrong), "{kind}");
        }
        assert!(
            accepts(&format!(" {text}\n")),
            "{kind}: white space is allowed"
        );
        assert!(
            !accepts(&format!("{text}{}", " ".repeat(300 * 1024))),
            "{kind}: too long"
        );
        assert!(!accepts(&"[".repeat(10_000)), "{kind}: too deep");
    }
}

#[test]
fn the_bytes_are_kept_as_they_came() {
    let company = Company::new();
    let text = format!("  {}\n", company.window().text());
    let window = FrozenWindow::parse(&text).unwrap();
    assert_eq!(window.text(), text);
    assert_ne!(window.hash(), company.window().hash());
}

#[test]
fn an_empty_list_that_should_be_absent_is_refused() {
    let text = Company::new()
        .window()
        .text()
        .replace("[\"/usr/bin/systemctl restart nginx\"]", "[]");
    let refused = FrozenWindow::parse(&text).unwrap_err();
    assert!(
        matches!(refused, Error::Json(strict_json::Error::NotUnderstood)),
        "{refused:?}"
    );
}
