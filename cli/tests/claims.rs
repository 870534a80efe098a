//! `daypass verify` after a window's root: what only the host itself vouches for is shown as claimed.

use std::path::Path;
use std::process::Command;

use daypass_journal::identity::Identity;
use daypass_journal::trust::{Trust, TrustedLog};
use daypass_journal::writer::{Options, Writer};
use serde_json::{Value, json};

const ORIGIN: &str = "daypass/0123456789abcdef/host/db1/0123456789abcdef";

fn opened(session: &str, detail: &Value) -> Value {
    json!({
        "action": "session.open",
        "outcome": "allowed",
        "origin": {"session": session},
        "detail": detail,
    })
}

fn sudo(session: &str, outcome: &str) -> Value {
    json!({
        "action": "sudo.request",
        "outcome": outcome,
        "origin": {"session": session},
        "command": {"line": "sudo /usr/bin/id"},
    })
}

/// A journal of these entries, which nobody cosigned, as `daypass verify` sees it.
struct Verified {
    code: i32,
    table: String,
    json: Value,
    /// The journal's own text.
    text: String,
}

fn verified(entries: &[Value]) -> Verified {
    let directory = tempfile::tempdir().expect("a directory");
    let (keys, journal) = (
        directory.path().join("keys"),
        directory.path().join("journal"),
    );
    let identity = Identity::create(&keys, ORIGIN).expect("an identity");
    let log = TrustedLog::new(&identity.log_vkey(), &identity.epoch_vkey()).expect("keys");
    let trust = Trust {
        logs: vec![log],
        ..Trust::default()
    };
    let file = directory.path().join("trust.toml");
    std::fs::write(&file, trust.to_string()).expect("written");
    let (writer, _) = Writer::open(&journal, &keys, Options::default()).expect("a journal");
    for entry in entries {
        writer.append(entry).expect("written");
    }
    writer.close().expect("closed");
    let verify = |format: &str| {
        let words: [&Path; 6] = [
            "verify".as_ref(),
            &journal,
            "--trust".as_ref(),
            &file,
            "-o".as_ref(),
            format.as_ref(),
        ];
        let output = Command::new(env!("CARGO_BIN_EXE_daypass"))
            .args(words)
            .env("HOME", directory.path())
            .output()
            .expect("daypass runs");
        let text = String::from_utf8(output.stdout).expect("text");
        (output.status.code().expect("a code"), text)
    };
    let ((code, table), (_, json)) = (verify("table"), verify("json"));
    let segments = std::fs::read_dir(&journal).expect("a directory").flatten();
    let segments = segments.map(|file| file.path());
    let text = segments
        .filter(|path| path.extension().is_some_and(|end| end == "jsonl"))
        .map(|path| std::fs::read_to_string(path).expect("text"));
    Verified {
        code,
        table,
        json: serde_json::from_str(&json).expect("JSON"),
        text: text.collect(),
    }
}

#[test]
fn what_comes_after_a_windows_root_is_claimed_until_somebody_outside_has_cosigned_it() {
    let root = json!({"root_equivalent": true});
    let Verified {
        code,
        table,
        json,
        text,
    } = verified(&[
        opened("s-1", &root),
        opened("s-2", &json!({})),
        sudo("s-2", "allowed"),
        sudo("s-1", "denied"),
        sudo("s-1", "allowed"),
        json!({"action": "sudo.end", "outcome": "done"}),
    ]);
    assert_eq!(code, 0, "{table}");
    let claimed = |key: &str| json["claimed"][key].as_u64().expect("a number");
    let (first, last, after) = (claimed("first"), claimed("last"), claimed("after"));
    // The one that was granted, in the session that may be root.
    let number = format!("\"seq\":{after},");
    let used = text.lines().find(|line| line.contains(&number));
    let used = used.expect("the entry");
    let is_it = ["sudo.request", "\"allowed\"", "s-1"].map(|word| used.contains(word));
    assert_eq!(is_it, [true; 3], "{used}");
    assert_eq!(first, after + 1);
    assert_eq!(Some(last + 1), json["proven"].as_u64());
    let line = format!("claimed    entries {first} to {last}");
    assert!(table.contains(&line), "{table}");
}

#[test]
fn where_no_window_made_anybody_root_nothing_is_claimed() {
    let root = json!({"root_equivalent": true});
    for entries in [
        vec![opened("s-2", &json!({})), sudo("s-2", "allowed")],
        vec![opened("s-1", &root), sudo("s-1", "denied")],
        vec![opened("s-1", &root), sudo("s-3", "allowed")],
    ] {
        let Verified {
            code, table, json, ..
        } = verified(&entries);
        assert_eq!(code, 0, "{table}");
        assert_eq!(json.get("claimed"), None);
        assert!(!table.contains("claimed"), "{table}");
    }
}
