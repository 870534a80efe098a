//! That what is unknown, doubled, null or too long is refused in every document, at every depth.

use crate::company::{Company, first_roster, now};
use daypass_protocol::api::{HostOrGroup, Wish};
use daypass_protocol::grant::Grant;
use daypass_protocol::name::{Account, HostName, Name};
use daypass_protocol::roster::{Policy, Roster};
use daypass_protocol::statement::{SignedStatement, Verb};
use daypass_protocol::strict_json;
use daypass_protocol::time::Time;
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

fn any_signature() -> daypass_protocol::sshsig::Signature {
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
fn lists_have_their_bounds() {
    let company = Company::new();
    let refused = |window: Window| FrozenWindow::freeze(&window).unwrap_err();
    let hosts = |count: usize| {
        (0..count)
            .map(|number| format!("h{number:04}").parse().unwrap())
            .collect::<Vec<HostName>>()
    };
    assert!(
        FrozenWindow::freeze(&Window {
            hosts: hosts(256),
            ..company.draft()
        })
        .is_ok()
    );
    assert!(matches!(
        refused(Window {
            hosts: hosts(257),
            ..company.draft()
        }),
        Error::Count { found: 257, .. }
    ));
    assert!(matches!(
        refused(Window {
            hosts: vec![],
            ..company.draft()
        }),
        Error::Count { list: "hosts", .. }
    ));
    assert!(matches!(
        refused(Window {
            keys: vec![],
            ..company.draft()
        }),
        Error::Count { list: "keys", .. }
    ));
    assert!(matches!(
        refused(Window {
            accounts: vec![],
            ..company.draft()
        }),
        Error::Count {
            list: "accounts",
            ..
        }
    ));
    assert!(matches!(
        refused(Window {
            sources: Some(vec![]),
            ..company.draft()
        }),
        Error::Count {
            list: "sources",
            ..
        }
    ));
    let unsorted = vec!["db2".parse().unwrap(), "db1".parse().unwrap()];
    assert!(matches!(
        refused(Window {
            hosts: unsorted,
            ..company.draft()
        }),
        Error::Unsorted
    ));
    let doubled = vec!["db1".parse().unwrap(), "db1".parse().unwrap()];
    assert!(matches!(
        refused(Window {
            hosts: doubled,
            ..company.draft()
        }),
        Error::Twice("hosts")
    ));
    assert!(matches!(
        refused(Window {
            ends: now(),
            ..company.draft()
        }),
        Error::Backwards
    ));
    for ttl in [0, 59, 31_536_001, u64::MAX] {
        assert!(matches!(
            refused(Window {
                max_certificate_ttl: ttl,
                ..company.draft()
            }),
            Error::Ttl(_)
        ));
    }
    let itself = company.draft().id;
    assert!(matches!(
        refused(Window {
            extends: Some(itself),
            ..company.draft()
        }),
        Error::ExtendsItself
    ));
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

#[test]
fn a_window_is_at_most_16_kib() {
    let company = Company::new();
    let word = "x".repeat(80);
    let sudo = |count| {
        (0..count)
            .map(|number| format!("/bin/{number} {word}").parse().unwrap())
            .collect()
    };
    assert!(
        FrozenWindow::freeze(&Window {
            sudo: sudo(150),
            ..company.draft()
        })
        .is_ok()
    );
    let refused = FrozenWindow::freeze(&Window {
        sudo: sudo(200),
        ..company.draft()
    })
    .unwrap_err();
    assert!(matches!(
        refused,
        Error::Json(strict_json::Error::TooLong { .. })
    ));
}

#[test]
fn names_follow_their_rules() {
    let name = |text: &str| text.parse::<Name>().is_ok();
    assert!(name("a") && name("carl.o-brien_2") && name(&"a".repeat(32)));
    assert!(
        !name("")
            && !name("A")
            && !name("1a")
            && !name("-a")
            && !name("a b")
            && !name("é")
            && !name(&"a".repeat(33))
    );
    let host = |text: &str| text.parse::<HostName>().is_ok();
    assert!(host("1") && host("db1.example.org") && host(&"a".repeat(253)));
    assert!(
        !host("")
            && !host("-a")
            && !host("a-")
            && !host("a.")
            && !host("A")
            && !host("a_b")
            && !host(&"a".repeat(254))
    );
    let account = |text: &str| text.parse::<Account>().is_ok();
    assert!(
        account("_apt")
            && account("www-data")
            && !account("1a")
            && !account("a,b")
            && !account("a\n")
            && !account("*")
    );
}

#[test]
fn text_for_people_is_one_readable_line() {
    let line = |text: &str| text.parse::<daypass_protocol::line::Line<64>>().is_ok();
    assert!(line("Größe ändern – dringend"));
    for text in [
        "",
        "  ",
        "a\nb",
        "a\u{1b}[2J",
        "a\u{202e}b",
        "a\u{2028}b",
        "a\u{200b}b",
        "\0",
        &"x".repeat(65),
    ] {
        assert!(!line(text), "{text:?}");
    }
}

#[test]
fn times_have_one_form() {
    assert_eq!(
        "2026-11-23T10:00:00Z".parse::<Time>().unwrap().unix(),
        1_795_428_000
    );
    for text in [
        "2026-11-23T10:00:00",
        "2026-11-23T10:00:00z",
        "2026-11-23t10:00:00Z",
        "2026-11-23 10:00:00Z",
        "2026-11-23T10:00:00.0Z",
        "2026-11-23T10:00:00+00:00",
        "2026-11-23T10:00:60Z",
        "2026-11-23T24:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-11-3T10:00:00Z",
        "+2026-11-23T10:00:00Z",
        "1969-12-31T23:59:59Z",
        "10000-01-01T00:00:00Z",
        "",
    ] {
        assert!(text.parse::<Time>().is_err(), "{text}");
    }
}

#[test]
fn a_wish_may_name_groups_and_leave_the_contractor_out() {
    let wish = r#"{"hosts":["@db-prod","web1"],"accounts":["deploy"],"starts":"2026-11-23T10:00:00Z","ends":"2026-11-23T11:00:00Z","permit":["pty"],"reason":"Disk full"}"#;
    let wish: Wish = strict_json::parse(wish, 64 * 1024).unwrap();
    assert_eq!(
        wish.hosts,
        [
            HostOrGroup::Group("db-prod".parse().unwrap()),
            HostOrGroup::Host("web1".parse().unwrap())
        ]
    );
    assert_eq!(wish.contractor, None);
}
