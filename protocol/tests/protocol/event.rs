//! Journal entries as they are written.

use crate::company::{fingerprint, name, now};
use daypass_protocol::digest::Digest;
use daypass_protocol::event::{
    Action, Command, Event, Identity, MAX_LINE, Origin, Outcome, Resource, Typed, spell,
};
use daypass_protocol::window::WindowId;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::os::unix::ffi::OsStringExt as _;

fn written(event: &Event) -> Value {
    serde_json::to_value(event).unwrap()
}

#[test]
fn what_is_not_known_is_not_written() {
    assert_eq!(
        serde_json::to_string(&Event::new(Action::AgentStart)).unwrap(),
        r#"{"action":"agent.start"}"#
    );
}

#[test]
fn an_event_is_written_as_the_vocabulary_says() {
    let window = WindowId::new(now(), [1; 10]);
    let event = Event::new(Action::SudoRequest)
        .outcome(Outcome::Allowed)
        .because("window-open", "The window grants this command.")
        .by(Identity {
            person: Some(name("carl")),
            account: Some("deploy".to_owned()),
            uid: Some(1001),
            window: Some(window),
            serial: Some(u64::MAX >> 1),
            key: Some(fingerprint("carl")),
        })
        .on(Resource {
            service: Some("sudo".to_owned()),
            account: Some("root".to_owned()),
            ..Resource::default()
        })
        .from(Origin {
            address: "192.0.2.1".parse().ok(),
            port: Some(50_000),
            ..Origin::default()
        })
        .command(Command::from_arguments(["sudo", "ls", "-l", "a b"]))
        .detail("killed", 3);
    assert_eq!(
        written(&event),
        json!({
            "action": "sudo.request",
            "outcome": "allowed",
            "code": "window-open",
            "reason": "The window grants this command.",
            "identity": {
                "person": "carl", "account": "deploy", "uid": 1001, "window": window.to_string(),
                "serial": "9223372036854775807", "key": fingerprint("carl").to_string(),
            },
            "resource": { "service": "sudo", "account": "root" },
            "origin": { "address": "192.0.2.1", "port": 50_000 },
            "command": { "line": "sudo ls -l 'a b'", "length": 16, "sha256": Digest::of("sudo ls -l 'a b'").to_string() },
            "detail": { "killed": 3 },
        })
    );
}

#[test]
fn the_words_are_those_of_the_specification() {
    let specification = include_str!("../../../docs/formats/events.md");
    for action in Action::ALL {
        assert!(specification.contains(&format!("`{action}`")), "{action}");
        assert_eq!(action.as_str().parse::<Action>().unwrap(), *action);
    }
    assert!("sudo.maybe".parse::<Action>().is_err());
}

#[test]
fn bytes_that_are_not_text_are_kept_exactly() {
    let command =
        written(&Event::new(Action::SudoRequest).command(Command::from_line(b"rm \xff\x1b[2J")));
    assert_eq!(
        command["command"],
        json!({"base64": "cm0g/xtbMko=", "length": 8, "sha256": Digest::of(b"rm \xff\x1b[2J").to_string()})
    );
}

#[test]
fn a_long_line_keeps_its_beginning_its_length_and_its_hash() {
    let line = "é".repeat(MAX_LINE);
    let command = Command::from_line(format!("x{line}").as_bytes());
    let json = serde_json::to_value(&command).unwrap();
    assert_eq!(json["line"].as_str().unwrap().len(), MAX_LINE - 1);
    assert_eq!(json["length"], json!(2 * MAX_LINE + 1));
    assert_eq!(
        json["sha256"],
        json!(Digest::of(format!("x{line}")).to_string())
    );
}

#[test]
fn a_line_that_is_cut_is_known_and_its_entry_says_that_it_is_kept() {
    let short = Command::from_arguments(["ls", "a b"]);
    assert_eq!(
        (short.beginning(), short.length()),
        (b"ls 'a b'".as_slice(), 8)
    );
    let full = Command::from_arguments(["x".repeat(MAX_LINE)]);
    assert!(
        !short.is_cut() && !full.is_cut(),
        "all of it is in the entry"
    );
    let arguments = ["x".repeat(MAX_LINE), "y".to_owned()];
    let long = Command::from_arguments(&arguments);
    let mut whole = Vec::new();
    spell(arguments, &mut whole);
    assert_eq!(whole, [&[b'x'; MAX_LINE][..], b" y"].concat());
    assert!(long.is_cut());
    assert_eq!(
        (long.length(), long.sha256()),
        (whole.len(), Digest::of(&whole))
    );
    let event = Event::new(Action::SudoRequest).command(long);
    assert_eq!(written(&event)["command"].get("blob"), None);
    assert_eq!(written(&event.with_command_kept())["command"]["blob"], true);
}

/// Short ones and long ones, that a shell needs in quotes and not, with characters of several bytes.
fn word() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof!["[a-z]{0,9}", "[a-z ']{0,9}", "[é€𝄞]{0,9}"];
    let bytes = prop_oneof![
        piece.prop_map(String::into_bytes),
        proptest::collection::vec(1u8..=255, 0..9),
    ];
    (
        bytes,
        prop_oneof![Just(1_usize), Just(1), Just(900), Just(9000)],
    )
        .prop_map(|(bytes, times)| bytes.repeat(times))
}

#[test]
fn nothing_typed_is_one_empty_word() {
    let none = Typed::default().finish();
    assert_eq!(none, Command::from_arguments([""]));
    assert_eq!(none.beginning(), b"''");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_line_that_comes_in_pieces_is_the_same_line(
        words in proptest::collection::vec(word(), 1..8),
        mut cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..6),
        ended in any::<bool>(),
    ) {
        let mut bytes = words.join(&0);
        // The kernel ends each word; who has written over their own may have left the last one open.
        if ended || bytes.last().is_none_or(|last| *last == 0) {
            bytes.push(0);
        }
        let mut places: Vec<_> = cuts.drain(..).map(|cut| cut.index(bytes.len() + 1)).collect();
        places.extend([0, bytes.len()]);
        places.sort_unstable();
        let mut typed = Typed::default();
        for piece in places.windows(2) {
            typed.push(&bytes[piece[0]..piece[1]]);
        }
        prop_assert_eq!(typed.finish(), Command::from_arguments(&words));
    }

    #[test]
    fn a_shell_reads_the_line_back_as_the_arguments(
        arguments in proptest::collection::vec(proptest::collection::vec(1u8..=255, 0..12), 1..5),
    ) {
        let line = Command::from_arguments(&arguments);
        let script = [b"printf '%s\\0' ", line.beginning()].concat();
        let shell = std::process::Command::new("/bin/sh")
            .arg("-c")
            .arg(std::ffi::OsString::from_vec(script))
            .env("LC_ALL", "C")
            .output()
            .unwrap();
        let read: Vec<_> = shell.stdout.split(|&byte| byte == 0).map(<[u8]>::to_vec).collect();
        prop_assert_eq!(&read[..read.len() - 1], arguments.as_slice());
    }
}
