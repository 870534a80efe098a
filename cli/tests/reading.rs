//! `daypass log` over a real journal, with hostile command lines in it.

use std::path::Path;
use std::process::Command;

use daypass_journal::identity::Identity;
use daypass_journal::writer::{Options, Writer};
use serde_json::{Value, json};

const HOSTILE: &str = "printf '\u{1b}]0;x\u{7}'\nroot: ALL\u{9b}31m \u{202e}txt.exe";

/// A journal of db1's below this directory, with nothing in it yet.
fn begun(directory: &Path) -> Writer {
    let keys = directory.join("keys");
    Identity::create(&keys, "daypass/0123456789abcdef/host/db1/0123456789abcdef")
        .expect("an identity");
    let (writer, _) =
        Writer::open(&directory.join("journal"), &keys, Options::default()).expect("a journal");
    writer
}

fn journal(directory: &Path) {
    let writer = begun(directory);
    let event = |action: &str, person: &str, line: Value| {
        json!({
            "action": action,
            "outcome": "allowed",
            "identity": {"person": person, "account": "deploy", "window": "w-1"},
            "resource": {"host": "db1"},
            "command": line,
        })
    };
    writer
        .append(&event("sudo.request", "carol", json!({ "line": HOSTILE })))
        .expect("written");
    writer
        .append(&event(
            "sudo.start",
            "carol",
            json!({ "line": {"base64": "aWT/"} }),
        ))
        .expect("written");
    writer
        .append(&event("session.open", "dave", json!({ "line": "=1+1" })))
        .expect("written");
    writer.close().expect("closed");
}

fn log(directory: &Path, words: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_daypass"))
        .arg("log")
        .arg(directory.join("journal"))
        .args(words)
        .env("HOME", directory)
        .output()
        .expect("daypass runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (
        output.status.code().expect("a code"),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn hostile_text_is_inert_in_a_table_and_exact_in_json() {
    let directory = tempfile::tempdir().expect("a directory");
    journal(directory.path());

    let (code, table, said) = log(directory.path(), &["--action", "sudo"]);
    assert_eq!(code, 0, "{said}");
    assert!(
        !table
            .replace('\n', "")
            .contains(daypass_cli::output::inert::is_active),
        "{table:?}"
    );
    assert!(
        table.contains("printf '\\x1b]0;x\\x07'\\nroot: ALL\\x9b31m \\u{202e}txt.exe"),
        "{table}"
    );
    assert!(table.contains("id\\xff"), "{table}");
    assert_eq!(table.lines().count(), 3, "{table}");
    assert!(said.contains("not verified"), "{said}");

    let (_, json, _) = log(
        directory.path(),
        &["--action", "sudo.request", "-o", "json"],
    );
    let entry: Value = serde_json::from_str(json.trim()).expect("one entry");
    assert_eq!(entry["command"]["line"], HOSTILE);
    // Not a terminal: the very bytes of the line.
    let segments = std::fs::read_dir(directory.path().join("journal")).expect("a directory");
    let written =
        segments.map(|file| std::fs::read(file.expect("a file").path()).expect("readable"));
    let line = json.trim_end().as_bytes().to_vec();
    assert!(
        written
            .into_iter()
            .any(|file| file.split(|byte| *byte == b'\n').any(|found| found == line))
    );
}

#[test]
fn other_vocabularies_hold_the_exact_entry() {
    let directory = tempfile::tempdir().expect("a directory");
    journal(directory.path());
    let rows = |format: &str| {
        let (code, shown, said) = log(directory.path(), &["-o", format, "--text", "txt.exe"]);
        assert_eq!(code, 0, "{said}");
        assert!(!shown.trim_end().contains(char::is_control), "{shown}");
        serde_json::from_str::<Value>(&shown).expect("one document on one line")
    };
    let line = rows("json").to_string();
    let exact = |raw: &Value| {
        serde_json::from_str::<Value>(raw.as_str().expect("text"))
            .expect("an entry")
            .to_string()
    };
    let ocsf = rows("ocsf");
    assert_eq!(ocsf["class_uid"], 3003);
    assert_eq!(exact(&ocsf["raw_data"]), line);
    let ecs = rows("ecs");
    assert_eq!(ecs["event"]["action"], "sudo.request");
    assert_eq!(exact(&ecs["event"]["original"]), line);
}

#[test]
fn filters_and_the_last_entries() {
    let directory = tempfile::tempdir().expect("a directory");
    journal(directory.path());
    let rows = |words: &[&str]| {
        let (code, csv, said) = log(directory.path(), &[&["-o", "csv"], words].concat());
        assert_eq!(code, 0, "{said}");
        csv.lines()
            .skip(1)
            .map(ToOwned::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(rows(&["--user", "carol"]).len(), 2);
    assert_eq!(rows(&["--user", "carol", "-n", "1"]).len(), 1);
    assert_eq!(rows(&["--window", "w-01hzzzzzzzzzzzzzzzzzzzzzzz"]).len(), 0);
    assert_eq!(rows(&["--text", "txt.exe"]).len(), 1);
    assert_eq!(rows(&["--user", "carol", "--until", "1d"]).len(), 0);
    assert_eq!(rows(&["--user", "carol", "--since", "1d"]).len(), 2);
    assert!(
        rows(&["--user", "dave"])[0].contains(",'=1+1,")
            || rows(&["--user", "dave"])[0].contains("\"'=1+1\"")
    );
}

/// Command lines as an attacker would choose them, and how a table may show them at most.
#[test]
fn no_command_line_acts_on_a_terminal_forges_a_line_or_is_lost() {
    use daypass_protocol::event::{Action, Command as Line, Event};
    let directory = tempfile::tempdir().expect("a directory");
    let writer = begun(directory.path());
    let huge = "A".repeat(2 * 1024 * 1024);
    let lines: [&[u8]; 8] = [
        b"printf 'a\nroot  sudo.request  allowed'",
        b"\x1b]0;title\x07\x1b[2J\x1b[1;31m",
        "\u{9b}31m\u{85}\u{90}".as_bytes(),
        "\u{202e}txt.exe\u{2066}\u{200f}".as_bytes(),
        b"\xff\xfe\x80id",
        b"\x7f\x00\x08",
        b"{\"seal\":\"x\"}\\u0000\",\"action\":\"login\"",
        huge.as_bytes(),
    ];
    for line in lines {
        writer
            .append(&Event::new(Action::SudoRequest).command(Line::from_line(line)))
            .expect("appended");
    }
    writer.close().expect("closed");
    for format in ["table", "csv"] {
        let (code, shown, _) = log(directory.path(), &["--action", "sudo", "-o", format]);
        assert_eq!(code, 0);
        let without_ends = shown.replace("\r\n", "").replace('\n', "");
        assert!(
            !without_ends.contains(daypass_cli::output::inert::is_active),
            "{format}"
        );
        assert_eq!(shown.lines().count(), 1 + lines.len(), "{format}");
    }
    let (_, json, _) = log(directory.path(), &["--action", "sudo", "-o", "json"]);
    for (shown, line) in json.lines().zip(lines) {
        let entry: Value = serde_json::from_str(shown).expect("an entry");
        let command = &entry["command"];
        assert_eq!(command["length"], line.len());
        let kept = match command["line"].as_str() {
            Some(text) => text.as_bytes().to_vec(),
            None => {
                let coded = command["base64"].as_str().expect("bytes");
                base64::Engine::decode(&base64::engine::general_purpose::STANDARD, coded)
                    .expect("base64")
            }
        };
        assert!(line.starts_with(&kept) && !kept.is_empty());
        assert!(kept.len() == line.len() || line.len() > 8192);
    }
    // What is searched for is found whatever stands around it, in base64 too.
    let (_, found, _) = log(directory.path(), &["--text", "id", "-o", "json"]);
    assert_eq!(found.lines().count(), 1, "{found}");
}

#[test]
fn a_long_line_is_shown_whole_and_inert_if_it_is_the_one_that_the_entry_names() {
    use daypass_protocol::event::{Action, Command as Line, Event, spell};
    let directory = tempfile::tempdir().expect("a directory");
    let writer = begun(directory.path());
    let long = format!(
        "sudo x '{}\u{1b}[2J\nroot: ALL\u{202e}",
        "A".repeat(2 * 1024 * 1024)
    );
    let command = Line::from_arguments([&long]);
    let mut line = Vec::new();
    spell([&long], &mut line);
    let hash = writer.keep_blob(&line).expect("kept");
    let event = Event::new(Action::SudoRequest).command(command);
    writer.append(&event.with_command_kept()).expect("appended");
    writer.close().expect("closed");
    let shown = |words: &[&str]| {
        let (code, shown, said) = log(directory.path(), &[&["--action", "sudo"], words].concat());
        assert_eq!(code, 0, "{said}");
        let rows: Vec<_> = shown.lines().skip(1).map(ToOwned::to_owned).collect();
        assert_eq!(rows.len(), 1, "{shown}");
        rows[0].clone()
    };
    let end = "\\x1b[2J\\nroot: ALL\\u{202e}'";
    let cut = format!("… ({} bytes)", line.len());
    assert!(shown(&[]).ends_with(&cut));
    for words in [&["--whole"][..], &["--whole", "-n", "1"]] {
        let row = shown(words);
        assert!(row.ends_with(end), "{}", &row[row.len() - 100..]);
        assert!(row.len() > line.len());
        assert!(!row.contains(daypass_cli::output::inert::is_active));
    }
    assert!(shown(&["--whole", "-o", "csv"]).contains(end));
    let (code, _, said) = log(directory.path(), &["--whole", "-o", "json"]);
    assert_eq!(code, 64, "{said}");
    let path =
        daypass_journal::blob::path(&directory.path().join("journal"), &hash).expect("there");
    std::fs::write(&path, "sudo ls").expect("changed");
    assert!(
        shown(&["--whole"])
            .ends_with("bytes; what is kept as the whole is NOT what the entry names)")
    );
    std::fs::remove_file(&path).expect("removed");
    assert!(shown(&["--whole"]).ends_with("bytes; the whole is not here)"));
}

#[test]
fn each_filter_finds_its_own() {
    let directory = tempfile::tempdir().expect("a directory");
    journal(directory.path());
    let rows = |words: &[&str]| {
        let (code, csv, said) = log(directory.path(), &[&["-o", "csv"], words].concat());
        assert_eq!(code, 0, "{said}");
        csv.lines().count() - 1
    };
    assert_eq!(rows(&["--person", "carol"]), 2);
    assert_eq!(rows(&["--person", "deploy"]), 0);
    assert_eq!(rows(&["--account", "deploy"]), 3);
    assert_eq!(rows(&["--outcome", "allowed"]), 3);
    assert_eq!(rows(&["--outcome", "denied"]), 0);
    assert_eq!(rows(&["--host", "db1", "--action", "session"]), 1);
    assert_eq!(rows(&["--session", "s-1"]), 0);
    let (code, _, said) = log(directory.path(), &["--outcome", "perhaps"]);
    assert_eq!(code, 64, "{said}");
}
