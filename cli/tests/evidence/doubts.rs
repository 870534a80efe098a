//! Bundles whose every proof holds, from journals that say what they should not: whoever writes a journal can write
//! anything into it.

use daypass_protocol::event::{Action, Event, Outcome, Resource};
use daypass_protocol::statement::Verb;
use serde_json::json;

use crate::scene::{self, Change, Scene};
use crate::{Said, daypass, text, verify};

fn judged(change: &Change) -> Said {
    let scene = Scene::with(change);
    verify(&scene, &scene.exported(&["--window", &scene.window()]))
}

pub(crate) fn assert_said(said: &Said, code: i32, words: &str) {
    assert_eq!(said.code, code, "{}{}", said.out, said.err);
    assert!(
        said.out.contains(words),
        "{words} is missing in:\n{}",
        said.out
    );
}

#[test]
fn a_visit_is_judged_by_the_roster_that_its_entry_names_and_by_no_other() {
    let said = judged(&Change {
        opening: Some(|event| event.detail("roster", 9)),
        ..Change::default()
    });
    assert_said(
        &said,
        2,
        "was judged by roster 9, which is not in the bundle",
    );
    assert!(!said.out.contains("approved by"), "{}", said.out);
    let said = judged(&Change {
        opening: Some(|event| event.detail("roster", json!(null))),
        ..Change::default()
    });
    assert_said(&said, 2, "a roster that its entry does not name");
}

#[test]
fn rosters_count_only_where_the_journal_has_all_of_them() {
    let scene = Scene::with(&Change {
        without_roster: Some(1),
        ..Change::default()
    });
    let out = scene.path("none.tar");
    let window = scene.window();
    let words = [
        "evidence",
        "export",
        text(&scene.ca),
        "--window",
        &window,
        "-o",
        text(&out),
    ];
    let said = daypass(scene.home(), &words);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.err.contains("rosters are nowhere"), "{}", said.err);
    let chain = ["--window", &window, "--chain", text(&scene.chain)];
    let said = verify(&scene, &scene.exported(&chain));
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
}

#[test]
fn decisions_that_cannot_be_judged_are_named() {
    let said = judged(&Change {
        at_ca: Some(|stage| vec![stage.about(Action::WindowRevoked, "bob")]),
        ..Change::default()
    });
    assert_said(
        &said,
        2,
        "the decision \"window.revoked\", which cannot be judged: its statement",
    );
    let scene = Scene::with(&Change {
        at_ca: Some(|_| vec![Event::new(Action::AccessRevoked).outcome(Outcome::Done)]),
        ..Change::default()
    });
    let said = verify(&scene, &scene.exported(&["--since", "1h"]));
    assert_said(
        &said,
        2,
        "the decision \"access.revoked\", which cannot be judged: the signed",
    );
}

#[test]
fn a_decision_is_what_its_statement_says() {
    let said = judged(&Change {
        at_ca: Some(|stage| vec![stage.said(Action::WindowApproved, Verb::Deny, "bob", 0)]),
        ..Change::default()
    });
    assert_said(&said, 1, "it carries the statement \"deny\"");
}

#[test]
fn only_the_cas_own_journal_speaks_for_the_ca() {
    for on_host in [
        (|_| vec![Event::new(Action::CaStart).detail("user_ca", json!(["ssh-ed25519 AAAA"]))])
            as fn(&scene::Stage) -> Vec<Event>,
        |stage| vec![stage.in_session(Action::CertificateIssued)],
        |stage| vec![stage.said(Action::WindowRevoked, Verb::Revoke, "bob", 0)],
    ] {
        let scene = Scene::with(&Change {
            on_host: Some(on_host),
            ..Change::default()
        });
        let said = verify(&scene, &scene.exported(&["--since", "1h"]));
        assert_said(&said, 1, "only the CA's own journal can say this");
    }
    let said = judged(&Change {
        at_ca: Some(|stage| vec![stage.in_session(Action::SessionOpen)]),
        ..Change::default()
    });
    assert_said(&said, 1, "only a host's own journal can say this");
}

#[test]
fn a_hosts_journal_speaks_of_that_host_alone() {
    let said = judged(&Change {
        on_host: Some(|stage| {
            let there = Resource {
                host: "db2".parse().ok(),
                ..Resource::default()
            };
            vec![stage.in_session(Action::SudoRequest).on(there)]
        }),
        ..Change::default()
    });
    assert_said(
        &said,
        1,
        "it is about the host \"db2\", in the journal of db1",
    );
}

#[test]
fn a_session_shows_what_its_window_permits_and_no_more() {
    for (opening, words) in [
        (
            (|event| event.detail("sudo", json!(["ALL"]))) as fn(Event) -> Event,
            "its sudo is not that of windows/",
        ),
        (
            |event| event.detail("root_equivalent", true),
            "its root_equivalent is not",
        ),
        (
            |event| event.detail("outside_hours", true),
            "its outside_hours is not",
        ),
        (
            |event| event.detail("closes", "2126-01-01T00:00:00Z"),
            "may last until 2126-01-01T00:00:00Z, but its window allows",
        ),
        (
            |event| event.detail("closes", json!(null)),
            "but its window allows",
        ),
    ] {
        let said = judged(&Change {
            opening: Some(opening),
            ..Change::default()
        });
        assert_said(&said, 1, words);
    }
}

#[test]
fn an_extension_is_judged_by_the_login_that_brought_it() {
    let said = judged(&Change {
        on_host: Some(scene::Stage::prolonged),
        ..Change::default()
    });
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.contains("session.extended"), "{}", said.out);
    let said = judged(&Change {
        on_host: Some(|stage| stage.prolonged().split_off(1)),
        ..Change::default()
    });
    assert_said(&said, 2, "the login that did it is not in the bundle");
}

#[test]
fn a_stop_counts_if_its_signer_had_the_role_when_it_was_said() {
    // Two days before, dave was no approver yet; an hour ago he was; now he is none any more.
    for (ago, counts) in [(2400, true), (0, false)] {
        let at_ca: fn(&scene::Stage) -> Vec<Event> = match ago {
            0 => |stage| vec![stage.said(Action::WindowRevoked, Verb::Revoke, "dave", 0)],
            _ => |stage| vec![stage.said(Action::WindowRevoked, Verb::Revoke, "dave", 2400)],
        };
        let said = judged(&Change {
            at_ca: Some(at_ca),
            ..Change::default()
        });
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        let (stopped, powerless) = (
            said.out.contains("dave had said \"revoke\""),
            said.out.contains("not theirs to say: it does not count"),
        );
        assert_eq!((stopped, powerless), (counts, !counts), "{}", said.out);
    }
}

#[test]
fn programs_are_shown_nothing_of_what_does_not_hold() {
    let scene = Scene::with(&Change {
        opening: Some(|event| event.detail("root_equivalent", true)),
        on_host: Some(scene::Stage::prolonged),
        ..Change::default()
    });
    let path = scene.path("bundle.tar");
    std::fs::write(&path, scene.exported(&["--window", &scene.window()])).expect("written");
    let words = [
        "evidence",
        "verify",
        text(&path),
        "--trust",
        text(&scene.trust),
        "-o",
        "json",
    ];
    let said = daypass(scene.home(), &words);
    assert_eq!(said.code, 1, "{}", said.err);
    let json: serde_json::Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!(json["verdict"], "tampered");
    assert_eq!(
        (&json["visits"], &json["journals"]),
        (&json!([]), &json!([]))
    );
}

#[test]
fn a_trust_file_whose_keys_cannot_be_read_is_an_error() {
    let scene = Scene::new();
    let bundle = scene.path("bundle.tar");
    std::fs::write(&bundle, scene.exported(&["--window", &scene.window()])).expect("written");
    let trust = std::fs::read_to_string(&scene.trust).expect("a trust file");
    for (from, to, key) in [
        (&scene.pin[..8], "SHA256:x", "pin"),
        (&scene.user_ca[..11], "ssh-ed25518", "user_ca"),
    ] {
        let path = scene.path("other.toml");
        std::fs::write(
            &path,
            trust.replace(&format!("\"{from}"), &format!("\"{to}")),
        )
        .expect("written");
        let words = ["evidence", "verify", text(&bundle), "--trust", text(&path)];
        let said = daypass(scene.home(), &words);
        assert_eq!(said.code, 2, "{}{}", said.out, said.err);
        let expected = format!("[ca] {key} cannot be read");
        assert!(said.err.contains(&expected), "{}", said.err);
    }
}
