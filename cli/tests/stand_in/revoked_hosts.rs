//! The list of hosts that `ssh` is to refuse: kept new by whoever logs in, at nobody's cost.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use daypass_cli::paths::Places;
use daypass_protocol::api::{Failure, Problem};
use daypass_protocol::digest::{Digest, Pin};
use daypass_protocol::krl::Krl;
use daypass_protocol::token::SetupLine;

use crate::ca::{Answers, StandIn};
use crate::hosts;
use crate::scene::{Carol, json, rolls};

const LOGIN: [&str; 6] = ["login", "--quiet", "--host", "db1", "--user", "deploy"];
const ROUTE: &str = "GET /v1/krl/hosts";

/// Of bytes below 128 alone: the stand-in speaks text.
fn list(number: u64) -> Krl {
    Krl {
        number,
        keys: [[7; 32]].into(),
        ..Krl::default()
    }
}

fn text(list: &Krl) -> String {
    String::from_utf8(list.to_bytes()).expect("text")
}

/// Carol with a certificate at hand, who needs the CA for nothing else, and a CA that answers so.
fn scene(answers: Answers) -> (Carol, StandIn) {
    let carol = Carol::new();
    let ca = StandIn::start(answers);
    carol.set_up(ca.port, ca.root.certificate(), &rolls(&carol));
    carol.certify("id", "+1h");
    (carol, ca)
}

fn path(carol: &Carol) -> PathBuf {
    Places::below(carol.home.path()).revoked_hosts()
}

fn at_hand(carol: &Carol) -> Krl {
    Krl::parse(&std::fs::read(path(carol)).expect("a file")).expect("a list")
}

/// Puts a list there that is so old.
fn put(carol: &Carol, bytes: &[u8], age: Duration) {
    std::fs::write(path(carol), bytes).expect("written");
    std::fs::File::options()
        .write(true)
        .open(path(carol))
        .and_then(|file| file.set_modified(SystemTime::now() - age))
        .expect("dated");
}

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_login_by_the_certificate_at_hand_asks_for_the_list_when_it_is_old_and_nobody_signs_for_it() {
    let (carol, ca) = scene(Box::new(|request| {
        assert_eq!(request.authorization, "");
        (200, text(&list(9)))
    }));
    assert_eq!(carol.daypass(&LOGIN), (0, String::new()));
    assert_eq!(at_hand(&carol), list(9));
    assert_eq!(ca.seen(), [ROUTE]);
    // It is new now.
    assert_eq!(carol.daypass(&LOGIN), (0, String::new()));
    assert!(ca.seen().is_empty());
    put(&carol, &list(8).to_bytes(), 4 * MINUTE);
    assert_eq!(carol.daypass(&LOGIN).0, 0);
    assert!(ca.seen().is_empty());
    put(&carol, &list(8).to_bytes(), 6 * MINUTE);
    assert_eq!(carol.daypass(&LOGIN).0, 0);
    assert_eq!(ca.seen(), [ROUTE]);
    assert_eq!(at_hand(&carol), list(9));
}

#[test]
fn a_login_that_speaks_with_the_ca_anyway_wants_a_newer_one() {
    let no_window = Failure {
        error: Problem {
            code: "no-window".to_owned(),
            message: String::new(),
        },
    };
    let refusal = serde_json::to_string(&no_window).expect("JSON");
    let (carol, ca) = scene(Box::new(move |request| match request.path.as_str() {
        "/v1/krl/hosts" => (200, text(&list(9))),
        _ => (404, refusal.clone()),
    }));
    let login = ["login", "--quiet", "--host", "db1", "--user", "root"];
    put(&carol, &list(8).to_bytes(), 2 * MINUTE);
    // Whoever is not let in by daypass may be by other means, and `ssh` judges the host then, too.
    assert_eq!(carol.daypass(&login), (1, String::new()));
    assert_eq!(ca.seen(), ["POST /v1/certificates", ROUTE]);
    assert_eq!(at_hand(&carol), list(9));
}

#[test]
fn an_older_list_and_what_is_none_leave_the_one_at_hand_and_stop_nobody() {
    let wrong: [(u16, String); 4] = [
        (200, text(&list(8))),
        (200, "<html>".to_owned()),
        (404, String::new()),
        (500, String::new()),
    ];
    for (status, answer) in wrong {
        let said = answer.clone();
        let (carol, ca) = scene(Box::new(move |_| (status, said.clone())));
        put(&carol, &list(9).to_bytes(), 10 * MINUTE);
        assert_eq!(carol.daypass(&LOGIN), (0, String::new()), "{answer}");
        assert_eq!(at_hand(&carol), list(9), "{answer}");
        assert_eq!(ca.seen(), [ROUTE]);
        // It is left alone for a minute.
        assert_eq!(carol.daypass(&LOGIN), (0, String::new()), "{answer}");
        assert!(ca.seen().is_empty());
    }
}

#[test]
fn a_list_that_has_not_been_renewed_for_a_day_is_told_behind_ssh_too() {
    let (carol, _ca) = scene(Box::new(|_| (200, text(&list(8)))));
    put(&carol, &list(9).to_bytes(), 25 * 60 * MINUTE);
    let (code, said) = carol.daypass(&LOGIN);
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("revoked hosts number 8") && said.contains("ssh goes on"),
        "{said}"
    );
}

#[test]
fn a_ca_that_takes_connections_and_says_nothing_holds_nobody_for_long() {
    let carol = Carol::new();
    let other = StandIn::start(Box::new(|_| (200, String::new())));
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("an address").port();
    carol.set_up(port, other.root.certificate(), &rolls(&carol));
    carol.certify("id", "+1h");
    put(&carol, &list(9).to_bytes(), 10 * MINUTE);
    let began = Instant::now();
    assert_eq!(carol.daypass(&LOGIN), (0, String::new()));
    assert!(began.elapsed() < Duration::from_secs(15));
    assert_eq!(at_hand(&carol), list(9));
}

#[test]
fn ssh_is_never_without_a_list_that_it_can_read() {
    let (carol, _ca) = scene(Box::new(|_| (500, String::new())));
    for damage in [None, Some("torn")] {
        match damage {
            None => assert!(!path(&carol).exists()),
            Some(text) => put(&carol, text.as_bytes(), MINUTE),
        }
        assert_eq!(carol.daypass(&LOGIN).0, 0);
        assert_eq!(at_hand(&carol), Krl::default());
    }
}

#[test]
fn set_up_again_an_include_of_before_names_the_list_and_the_list_is_there() {
    for (status, answer, expected) in [
        (200, text(&list(9)), list(9)),
        (500, String::new(), Krl::default()),
    ] {
        let (carol, _ca) = scene(Box::new(move |request| match request.path.as_str() {
            "/v1/hosts" => json(&hosts()),
            _ => (status, answer.clone()),
        }));
        let include = Places::below(carol.home.path()).ssh_include();
        std::fs::write(&include, "# Of before.\n").expect("written");
        let (code, said) = carol.daypass(&["setup", "--refresh"]);
        assert_eq!(code, 0, "{said}");
        assert_eq!(said.contains("ssh goes on"), status != 200, "{said}");
        // What `ssh` runs there finds no home that it could change.
        let settings = Command::new("ssh")
            .arg("-GF")
            .arg(&include)
            .arg("db1")
            .env("HOME", "/nonexistent")
            .env_remove("XDG_CONFIG_HOME")
            .output()
            .expect("ssh runs");
        let settings = String::from_utf8(settings.stdout).expect("text");
        let named = format!("revokedhostkeys {}", path(&carol).display());
        assert!(settings.lines().any(|line| line == named), "{settings}");
        assert_eq!(at_hand(&carol), expected);
    }
}

#[test]
fn set_up_with_another_ca_the_list_of_the_one_before_is_in_nobodys_way() {
    let (carol, ca) = scene(Box::new(|request| match request.path.as_str() {
        "/v1/hosts" => json(&hosts()),
        _ => (200, text(&list(3))),
    }));
    let places = Places::below(carol.home.path());
    put(&carol, &list(9).to_bytes(), MINUTE);
    std::fs::remove_file(places.config_file()).expect("removed");
    let line = SetupLine {
        url: format!("https://localhost:{}", ca.port)
            .parse()
            .expect("an address"),
        root: Digest::from_bytes(ca.root.hash()),
        ca: Pin::from_bytes([5; 32]),
    };
    let key = carol.home.path().join("id");
    let words = ["setup", &line.to_string(), "--person", "carol", "--key"];
    let words = words.into_iter().chain([key.to_str().expect("text")]);
    let (code, said) = carol.daypass(&words.collect::<Vec<_>>());
    assert_eq!(code, 0, "{said}");
    assert_eq!(at_hand(&carol), list(3), "{said}");
}
