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
    let text = json!({
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
    FrozenWindow::parse(&text.to_string()).expect("a window")
}

pub(crate) fn view(window: &FrozenWindow, state: WindowState, statements: &[SignedStatement]) -> WindowView {
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
