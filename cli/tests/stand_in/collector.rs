//! The whole program and what a collector tells it.

use std::path::Path;

use daypass_journal::identity::Identity;
use daypass_journal::trust::{Trust, TrustedLog};
use daypass_journal::writer::{Options, Writer};
use daypass_protocol::forwarding::{Entries, Found};

use crate::ca::StandIn;
use crate::scene::{Carol, json, refusal, rolls};

/// A journal in `directory`, its trust file, and a copy of it from before its last entries.
fn journal(directory: &Path) -> (String, String, String, String) {
    let (keys, live) = (directory.join("keys"), directory.join("live"));
    let identity = Identity::create(&keys, "daypass/0123456789abcdef/host/db1/0123456789abcdef");
    let identity = identity.expect("an identity");
    let (writer, _) = Writer::open(&live, &keys, Options::default()).expect("a journal");
    let old = directory.join("old");
    std::fs::create_dir(&old).expect("a directory");
    for file in std::fs::read_dir(&live).expect("files") {
        let path = file.expect("a file").path();
        std::fs::copy(&path, old.join(path.file_name().expect("a name"))).expect("a copy");
    }
    writer
        .append(&serde_json::json!({"action": "sudo.request"}))
        .expect("written");
    let log = TrustedLog::new(&identity.log_vkey(), &identity.epoch_vkey()).expect("keys");
    let trust = Trust {
        logs: vec![log],
        ..Trust::default()
    };
    let file = directory.join("trust.toml");
    std::fs::write(&file, trust.to_string()).expect("written");
    let text = |path: &Path| path.to_str().expect("text").to_owned();
    (text(&live), text(&old), text(&file), writer.latest_seal().1)
}

#[test]
fn a_copy_from_before_is_caught_by_what_the_collector_remembers() {
    let carol = Carol::new();
    let rolls = rolls(&carol);
    let (live, old, trust, checkpoint) = journal(carol.home.path());
    let collector = StandIn::start(Box::new(move |request| {
        match request.path.ends_with("%2F0123456789abcdef/checkpoint") {
            true => (200, checkpoint.clone()),
            false => refusal("unknown-log", "no such journal".to_owned()),
        }
    }));
    carol.set_up(collector.port, collector.root.certificate(), &rolls);
    let there = format!("--collector=https://localhost:{}", collector.port);
    let verify = |directory: &str, with: &str| {
        carol.daypass(&["verify", directory, "--trust", &trust, with])
    };
    assert_eq!(verify(&live, &there).0, 0);
    // By itself the copy is whole.
    assert_eq!(carol.daypass(&["verify", &old, "--trust", &trust]).0, 0);
    let (code, said) = verify(&old, &there);
    assert_eq!(code, 1, "{said}");
    // Whoever cannot be asked proves nothing.
    let (code, said) = verify(&live, "--collector=https://localhost:1");
    assert_eq!(code, 2, "{said}");
}

#[test]
fn what_the_collector_finds_is_shown_page_by_page() {
    let carol = Carol::new();
    let rolls = rolls(&carol);
    let collector = StandIn::start(Box::new(|request| {
        let entry = |seq: u64| {
            format!(
                r#"{{"seq":{seq},"time":"2026-11-23T10:00:00.000000Z","action":"sudo.request"}}"#
            )
        };
        let page = |seq, next: Option<&str>| Entries {
            entries: vec![Found {
                origin: "o".to_owned(),
                entry: entry(seq),
            }],
            next: next.map(ToOwned::to_owned),
        };
        match request.path.as_str() {
            "/v1/entries?order=oldest&limit=500&user=carol" => json(&page(4, Some("t.1.4.o"))),
            "/v1/entries?order=oldest&limit=500&user=carol&cursor=t.1.4.o" => json(&page(9, None)),
            path => refusal("unknown-query", path.to_owned()),
        }
    }));
    carol.set_up(collector.port, collector.root.certificate(), &rolls);
    let there = format!("--collector=https://localhost:{}", collector.port);
    let (code, said) = carol.daypass(&["log", &there, "--user", "carol", "-o", "json"]);
    assert_eq!(code, 0, "{said}");
    let lines: Vec<_> = said.lines().collect();
    assert!(
        lines[0].starts_with(r#"{"seq":4,"#) && lines[1].starts_with(r#"{"seq":9,"#),
        "{said}"
    );
    assert!(said.contains("As the collector tells it"), "{said}");
}

fn visit(state: &str) -> serde_json::Value {
    serde_json::json!({
        "session": "s-0011223344556677", "origin": "daypass/0123456789abcdef/host/db1/00000000000000ff", "host": "db1",
        "seq": 7, "service": "sshd", "person": "carol", "account": "deploy", "address": "192.0.2.7",
        "window": "w-01hzzzzzzzzzzzzzzzzzzzzzzz", "approved_by": ["bob"], "since": "2026-11-23T10:00:00Z",
        "until": "2026-11-23T12:00:00Z", "state": state, "heard": "2026-11-23T10:30:00Z",
    })
}

#[test]
fn who_is_where_is_shown_and_a_host_that_fell_silent_as_unknown() {
    let carol = Carol::new();
    let rolls = rolls(&carol);
    let collector = StandIn::start(Box::new(|request| match request.path.as_str() {
        "/v1/sessions?user=carol&group=db" => {
            json(&serde_json::json!({"sessions": [visit("live")], "next": "s.1"}))
        }
        "/v1/sessions?user=carol&group=db&cursor=s.1" => {
            json(&serde_json::json!({"sessions": [visit("silent")]}))
        }
        path => refusal("unknown-query", path.to_owned()),
    }));
    carol.set_up(collector.port, collector.root.certificate(), &rolls);
    let there = format!("https://localhost:{}", collector.port);
    let asked = [
        "sessions",
        "--collector",
        &there,
        "--user",
        "carol",
        "--group",
        "db",
    ];
    let (code, said) = carol.daypass(&asked);
    assert_eq!(code, 0, "{said}");
    for part in [
        "db1",
        "deploy",
        "carol",
        "192.0.2.7",
        "bob (w-01hzzzzzzzzzzzzzzzzzzzzzzz)",
        "live",
        "unknown: nothing is heard of the host since 2026-11-23",
        "s-0011223344556677",
    ] {
        assert!(said.contains(part), "{part} is missing from {said}");
    }
    let (code, said) = carol.daypass(&[&asked[..], &["-o", "json"]].concat());
    assert_eq!(code, 0, "{said}");
    assert!(said.contains(r#""state": "silent""#), "{said}");
}

#[test]
fn a_session_is_told_in_order_each_line_with_its_journal_and_number() {
    let carol = Carol::new();
    let rolls = rolls(&carol);
    let collector = StandIn::start(Box::new(|request| {
        let entry = |log: &str, seq: u64, action: &str| {
            serde_json::json!({
                "origin": format!("daypass/0123456789abcdef/{log}/00000000000000ff"),
                "entry": format!(r#"{{"seq":{seq},"time":"2026-11-23T10:00:00.000000Z","action":"{action}","command":{{"line":"id \\u001b[2J"}}}}"#),
            })
        };
        let page = |entries: Vec<serde_json::Value>, next: Option<&str>| {
            let mut page = serde_json::json!({"session": visit("live"), "entries": entries});
            if let Some(next) = next {
                page["next"] = next.into();
            }
            json(&page)
        };
        match request.path.as_str() {
            "/v1/sessions/s-0011223344556677?host=db1" => {
                page(vec![entry("ca", 3, "window.requested")], Some("t.1.3.x"))
            }
            "/v1/sessions/s-0011223344556677?host=db1&cursor=t.1.3.x" => {
                page(vec![entry("host/db1", 7, "sudo.request")], None)
            }
            path => refusal("no-such-session", path.to_owned()),
        }
    }));
    carol.set_up(collector.port, collector.root.certificate(), &rolls);
    let there = format!("https://localhost:{}", collector.port);
    let asked = [
        "session",
        "s-0011223344556677",
        "--host",
        "db1",
        "--collector",
        &there,
    ];
    let (code, said) = carol.daypass_in("UTC", &asked);
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("carol is deploy@db1 from 192.0.2.7 since"),
        "{said}"
    );
    let rows: Vec<Vec<&str>> = said
        .lines()
        .filter(|line| line.contains("window.requested") || line.contains("sudo.request"))
        .map(|line| line.split_whitespace().skip(3).take(3).collect())
        .collect();
    assert_eq!(
        rows,
        [
            ["ca", "3", "window.requested"],
            ["db1", "7", "sudo.request"]
        ],
        "{said}"
    );
    assert!(
        !said.contains('\u{1b}'),
        "what was typed acts on no terminal"
    );
    let (code, said) = carol.daypass(&[&asked[..], &["-o", "json"]].concat());
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains(r#"{"seq":7,"time""#),
        "the exact entry: {said}"
    );
    let (code, said) = carol.daypass(&["session", "s-1", "--collector", &there]);
    assert_eq!(code, 1, "{said}");
}
