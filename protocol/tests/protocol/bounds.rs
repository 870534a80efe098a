//! The small parts of documents, and how many of them there may be.

use crate::company::{Company, now};
use daypass_protocol::api::{HostOrGroup, Wish};
use daypass_protocol::line::Line;
use daypass_protocol::name::{Account, HostName, Name};
use daypass_protocol::strict_json;
use daypass_protocol::time::Time;
use daypass_protocol::window::{Error, FrozenWindow, Window};

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
    let line = |text: &str| text.parse::<Line<64>>().is_ok();
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
