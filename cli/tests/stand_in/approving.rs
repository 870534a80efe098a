//! What an approver is shown before they sign, and what it is that they sign.

use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use daypass_protocol::api::{Rosters, WindowState, WindowView, Windows};
use daypass_protocol::digest::Pin;
use daypass_protocol::statement::{SignedStatement, Verb};
use daypass_protocol::time::Time;
use daypass_protocol::window::{FrozenWindow, WindowId};
use serde_json::json;

use crate::ca::{Answers, StandIn};
use crate::hosts;
use crate::scene::{Carol, json, rolls};

/// Dave's window from now on, as the CA froze it `age` seconds ago.
pub(crate) fn window(ca: Pin, age: u64, sudo: &[&str]) -> FrozenWindow {
    let now = Time::from(SystemTime::now());
    let mut document = json!({
        "v": 1,
        "id": WindowId::new(now.minus(age), [1; 10]),
        "ca": ca,
        "contractor": "dave",
        "keys": ["SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"],
        "hosts": ["db1"],
        "accounts": ["deploy"],
        "sudo": sudo,
        "starts": now,
        "ends": now.plus(3600),
        "permit": ["pty"],
        "max_certificate_ttl": 600,
        "reason": "a test",
    });
    if sudo.is_empty() {
        let document = document.as_object_mut().expect("an object");
        document.remove("sudo");
    }
    FrozenWindow::parse(&document.to_string()).expect("a window")
}

pub(crate) fn view(
    window: &FrozenWindow,
    state: WindowState,
    statements: &[SignedStatement],
) -> WindowView {
    WindowView {
        window: window.text().to_owned(),
        state,
        statements: statements.to_vec(),
        narrowings: Vec::new(),
    }
}

#[test]
fn an_approver_sees_the_whole_document_and_what_differs_from_what_was_approved_before() {
    let carol = Carol::new();
    let rolls = rolls(&carol);
    let pin = rolls.verified().newest().pin();
    let approved = window(pin, 300, &["/usr/bin/id"]);
    // The same as the one to come, taken back: nobody approved it, whatever became of it.
    let withdrawn = window(pin, 200, &["ALL"]);
    let asked = window(pin, 100, &["ALL"]);
    let listed = Windows {
        windows: vec![
            view(&asked, WindowState::Requested, &[]),
            view(&withdrawn, WindowState::Ended, &[]),
            view(
                &approved,
                WindowState::Closed,
                &[carol.says(Verb::Approve, &approved)],
            ),
        ],
    };
    let signed = Arc::new(Mutex::new(None));
    let heard = Arc::clone(&signed);
    let (chain, document) = (rolls.chain.clone(), asked.clone());
    let answers: Answers = Box::new(move |request| {
        if request.method == "POST" {
            let statement: SignedStatement =
                serde_json::from_slice(&request.body).expect("a statement");
            *heard.lock().expect("whole") = Some(statement.clone());
            return json(&view(&document, WindowState::Open, &[statement]));
        }
        match request.path.as_str() {
            "/v1/roster" => json(&Rosters {
                chain: chain.clone(),
            }),
            "/v1/hosts" => json(&hosts()),
            "/v1/windows" => json(&listed),
            _ => json(&view(&document, WindowState::Requested, &[])),
        }
    });
    let ca = StandIn::start(answers);
    carol.set_up(ca.port, ca.root.certificate(), &rolls);
    let id = asked.document().id.to_string();

    let (code, said) = carol.daypass(&["policy", "explain", &id]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("needs        one approval"), "{said}");

    let (code, said) = carol.daypass(&["approve", "--yes", &id]);
    assert_eq!(code, 0, "{said}");
    let shown = [
        id.as_str(),
        "dave",
        "db1",
        "deploy",
        "ALL: any command, as anybody  ** as good as root on the host **",
        "UTC",
        "a test",
        &asked.hash().to_string(),
        "needs        one approval",
        &format!("What differs from {}", approved.document().id),
        "- sudo /usr/bin/id",
        "+ sudo ALL",
    ];
    for words in shown {
        assert!(said.contains(words), "{words} is missing in: {said}");
    }
    let withdrawn = withdrawn.document().id.to_string();
    assert!(!said.contains(&withdrawn), "{said}");

    let signed = signed.lock().expect("whole").take().expect("a statement");
    let signed = signed.check(rolls.verified().newest()).expect("Carol's");
    assert_eq!(signed.verb(), Verb::Approve);
    assert_eq!(signed.statement().window, asked.hash());
}

#[test]
fn explain_names_every_rule_that_asks_for_something_and_no_other() {
    let carol = Carol::new();
    let mut rolls = rolls(&carol);
    let every_day = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let until = Time::from(SystemTime::now()).plus(86_400);
    let policy = json!({
        "rules": [
            {"name": "prod", "groups": ["db-prod"], "require": {"approvals": 2, "sources": ["192.0.2.0/24"]}},
            {"name": "root", "sudo": "root", "require":
                {"from_people": ["carol"], "max_window": 7200, "max_certificate_ttl": 1800, "approval_keys": "verified"}},
            {"name": "whom", "accounts": ["deploy"], "require": {"contractors": ["dave", "erin"]}},
            {"name": "web", "hosts": ["web1"], "require": {"approvals": 9}},
        ],
        "standing": [{
            "name": "care",
            "contractors": ["dave"],
            "groups": ["db"],
            "accounts": ["deploy"],
            "hours": {"zone": "UTC", "ranges": [{"days": every_day, "from": "00:00", "to": "24:00"}], "outside": "deny"},
            "until": until,
            "permit": ["pty"],
        }],
    });
    let third = rolls.next(&carol, "alice", |roster| {
        roster.policy = serde_json::from_value(policy).expect("a policy");
    });
    rolls.chain.push(third);
    let pin = rolls.verified().newest().pin();
    let (root, plain) = (window(pin, 200, &["ALL"]), window(pin, 100, &[]));
    let (chain, views) = (rolls.chain.clone(), [root.clone(), plain.clone()]);
    let answers: Answers = Box::new(move |request| match request.path.as_str() {
        "/v1/roster" => json(&Rosters {
            chain: chain.clone(),
        }),
        "/v1/hosts" => {
            let mut hosts = hosts();
            let groups = ["db", "db-prod"].map(|group| group.parse().expect("a group"));
            hosts.hosts[0].groups = groups.to_vec();
            json(&hosts)
        }
        path => {
            let asked = views
                .iter()
                .find(|view| path.ends_with(&view.document().id.to_string()));
            json(&view(asked.expect("a window"), WindowState::Requested, &[]))
        }
    });
    let ca = StandIn::start(answers);
    carol.set_up(ca.port, ca.root.certificate(), &rolls);
    let explained = |window: &FrozenWindow| {
        let id = window.document().id.to_string();
        let (code, said) = carol.daypass(&["policy", "explain", &id]);
        assert_eq!(code, 0, "{said}");
        said
    };
    let said = explained(&root);
    for line in [
        "one approval (the policy)",
        "to last 30d at most (the policy)",
        "certificates that live 1h at most (the policy)",
        "2 approvals, each by another person (the policy's rule prod)",
        "to name sources, within: 192.0.2.0/24 (the policy's rule prod)",
        "one approval from: carol (the policy's rule root)",
        "to last 2h at most (the policy's rule root)",
        "certificates that live 30m at most (the policy's rule root)",
        "approvals by security keys that verify their user (the policy's rule root)",
        "to be for one of: dave, erin (the policy's rule whom)",
        "** the window must say where logins may come from",
    ] {
        assert!(said.contains(line), "{line} is missing in: {said}");
    }
    assert!(!said.contains("web"), "{said}");
    assert!(!said.contains("care"), "{said}");
    // What is approved in advance needs no approval, and keeps every other rule.
    let said = explained(&plain);
    for line in [
        "no approval: the policy's standing window care approves it in advance",
        "to name sources, within: 192.0.2.0/24 (the policy's rule prod)",
        "** the window must say where logins may come from",
    ] {
        assert!(said.contains(line), "{line} is missing in: {said}");
    }
    assert!(!said.contains("one approval"), "{said}");
    assert!(!said.contains("rule root"), "{said}");
}
