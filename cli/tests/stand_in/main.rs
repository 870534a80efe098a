//! The whole program against a CA that lies, is somebody else, is set back, or is not there.

mod approving;
mod ca;
mod collector;
mod invitations;
mod revoked_hosts;
mod rosters;
mod scene;
mod times;

use std::time::SystemTime;

use ca::{Answers, Request, StandIn};
use daypass_protocol::api::{Draft, Host, Hosts, Rosters, Wish};
use daypass_protocol::http_auth::{Credential, Target};
use daypass_protocol::key::Key;
use daypass_protocol::name::Account;
use daypass_protocol::time::Time;
use daypass_protocol::version::Version;
use daypass_protocol::window::{Window, WindowId};
use scene::{Carol, Rolls, json, keygen, refusal, rolls};

fn hosts() -> Hosts {
    let host = Host {
        name: "db1".parse().expect("a host"),
        aliases: Vec::new(),
        groups: Vec::new(),
        enrolled: Time::from_unix(0),
        expires: Time::from_unix(9),
    };
    Hosts {
        hosts: vec![host],
        host_ca: Vec::new(),
        x509: Vec::new(),
    }
}

fn draft(request: &Request, rolls: &Rolls, lie: impl FnOnce(&mut Window)) -> (u16, String) {
    let wish: Wish = serde_json::from_slice(&request.body).expect("a wish");
    let roster = rolls.verified();
    let contractor = wish.contractor.expect("named");
    let keys = roster
        .newest()
        .person(&contractor)
        .expect("known")
        .keys
        .iter()
        .map(Key::fingerprint)
        .collect();
    let mut window = Window {
        v: Version,
        id: WindowId::new(Time::from(SystemTime::now()), [1; 10]),
        ca: roster.newest().pin(),
        contractor,
        keys,
        hosts: vec!["db1".parse().expect("a host")],
        accounts: wish.accounts,
        sudo: wish.sudo,
        starts: wish.starts,
        ends: wish.ends,
        hours: wish.hours,
        sources: wish.sources,
        permit: wish.permit,
        force_command: wish.force_command,
        max_certificate_ttl: 3600,
        reason: wish.reason,
        ticket: wish.ticket,
        extends: wish.extends,
    };
    lie(&mut window);
    json(&Draft {
        window: serde_json::to_string(&window).expect("JSON"),
    })
}

const REQUEST: [&str; 10] = [
    "request",
    "--yes",
    "--host",
    "db1",
    "--account",
    "deploy",
    "--for",
    "1h",
    "--reason",
    "a test",
];

#[test]
fn a_ca_that_writes_more_than_was_wished_gets_no_signature() {
    let carol = Carol::new();
    let rolls = rolls(&carol);
    let known = Rolls {
        chain: rolls.chain.clone(),
    };
    let answers: Answers = Box::new(move |request| match request.path.as_str() {
        "/v1/roster" => json(&Rosters {
            chain: known.chain.clone(),
        }),
        "/v1/hosts" => json(&hosts()),
        _ => draft(request, &known, |window| {
            window
                .accounts
                .push("root".parse::<Account>().expect("an account"));
        }),
    });
    let ca = StandIn::start(answers);
    carol.set_up(ca.port, ca.root.certificate(), &rolls);
    let (code, said) = carol.daypass(&REQUEST);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("accounts") && said.contains("nothing was signed"),
        "{said}"
    );
    assert_eq!(
        ca.seen(),
        ["GET /v1/roster", "GET /v1/hosts", "POST /v1/windows/draft"]
    );
}

#[test]
fn clocks_that_differ_are_told_by_how_much() {
    let carol = Carol::new();
    let rolls = rolls(&carol);
    let (chain, pin) = (rolls.verified(), rolls.verified().newest().pin());
    let answers: Answers = Box::new(move |request| {
        if request.path == "/v1/krl/hosts" {
            return (503, String::new());
        }
        let target = Target {
            ca: pin,
            method: &request.method,
            path: &request.path,
            body: &request.body,
        };
        let credential = Credential::from_header(&request.authorization).expect("a credential");
        let now = Time::from(SystemTime::now()).plus(3600);
        match credential.check(&target, chain.newest(), now) {
            Ok(_) => (200, "{}".to_owned()),
            Err(error) => refusal(error.code(), error.to_string()),
        }
    });
    let ca = StandIn::start(answers);
    carol.set_up(ca.port, ca.root.certificate(), &rolls);
    for words in [
        &["windows"][..],
        &["login", "--quiet", "--host", "db1", "--user", "deploy"],
    ] {
        let (code, said) = carol.daypass(words);
        assert_eq!(code, 1, "{said}");
        assert!(said.contains("clock-skew"), "{said}");
        assert!(
            // A machine that does much else takes its seconds.
            said.contains("-3599 seconds") || said.contains("is -36"),
            "{said}"
        );
    }
}

#[test]
fn a_ca_under_another_root_is_not_spoken_to() {
    let carol = Carol::new();
    let rolls = rolls(&carol);
    let ca = StandIn::start(Box::new(|_| (200, "{}".to_owned())));
    let other = StandIn::start(Box::new(|_| (200, "{}".to_owned())));
    carol.set_up(ca.port, other.root.certificate(), &rolls);
    let (code, said) = carol.daypass(&["windows"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("somebody is in between"), "{said}");
    assert!(ca.seen().is_empty());
}

#[test]
fn a_roster_that_was_set_back_is_noticed() {
    let carol = Carol::new();
    let rolls = rolls(&carol);
    let mut chain = rolls.chain.clone();
    let answers: Answers = Box::new(move |_| {
        let answer = json(&Rosters {
            chain: chain.clone(),
        });
        chain.truncate(1);
        answer
    });
    let ca = StandIn::start(answers);
    carol.set_up(ca.port, ca.root.certificate(), &rolls);
    assert_eq!(carol.daypass(&["person", "list"]).0, 0);
    let (code, said) = carol.daypass(&["person", "list"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("roster 2 was seen here before"), "{said}");
}

#[test]
fn an_answer_that_is_not_json_is_told_as_such() {
    let carol = Carol::new();
    let rolls = rolls(&carol);
    let ca = StandIn::start(Box::new(|_| (200, "<html>\u{1b}[2J</html>".to_owned())));
    carol.set_up(ca.port, ca.root.certificate(), &rolls);
    let (code, said) = carol.daypass(&["windows"]);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("cannot be understood") && !said.contains('\u{1b}'),
        "{said}"
    );
}

#[test]
fn while_nobody_answers_the_certificate_at_hand_serves() {
    let carol = Carol::new();
    let rolls = rolls(&carol);
    let ca = StandIn::start(Box::new(|_| (200, "{}".to_owned())));
    // Nobody listens there, and no other test is given it.
    let port = 1;
    carol.set_up(port, ca.root.certificate(), &rolls);
    let login = ["login", "--quiet", "--host", "db1", "--user", "deploy"];
    let (code, said) = carol.daypass(&login);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains(&format!("https://localhost:{port}")),
        "{said}"
    );

    carol.certify("id", "+20s");
    // Twenty seconds are less than is wanted of a certificate, and better than none.
    assert_eq!(carol.daypass(&login), (0, String::new()));
    // It is for one account only, and for this key only.
    assert_eq!(
        carol
            .daypass(&["login", "--quiet", "--host", "db1", "--user", "root"])
            .0,
        1
    );
    let other = carol.home.path().join("other");
    keygen(&["-q", "-N", "", "-t", "ed25519", "-f"], &other);
    carol.certify("other", "+20s");
    assert_eq!(carol.daypass(&login).0, 1);
}
