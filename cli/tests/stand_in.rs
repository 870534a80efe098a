//! The whole program against a CA that lies, is somebody else, is set back, or is not there.

#[path = "stand_in/ca.rs"]
mod ca;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use ca::{Answers, Request, StandIn};
use daypass_cli::config::Config;
use daypass_cli::paths::Places;
use daypass_journal::identity::Identity;
use daypass_journal::trust::{Trust, TrustedLog};
use daypass_journal::writer::{Options, Writer};
use daypass_protocol::api::{Draft, Failure, Host, Hosts, Problem, Rosters, Wish};
use daypass_protocol::digest::Digest;
use daypass_protocol::forwarding::{Entries, Found};
use daypass_protocol::http_auth::{Credential, Target};
use daypass_protocol::key::Key;
use daypass_protocol::name::Account;
use daypass_protocol::roster::{Chain, Person, Policy, Role, Roster, SignedRoster};
use daypass_protocol::time::Time;
use daypass_protocol::version::Version;
use daypass_protocol::window::{Window, WindowId};
use serde::Serialize;
use ssh_key::{HashAlg, PrivateKey};
use tempfile::TempDir;

/// Alice's rosters: herself, Carol, and in the second one Dave.
struct Rolls {
    chain: Vec<SignedRoster>,
}

impl Rolls {
    fn verified(&self) -> Chain {
        let pin = Digest::of(&self.chain[0].roster).into();
        Chain::verify(pin, &self.chain).expect("a chain")
    }
}

/// Carol's home, with a key in it.
struct Carol {
    home: TempDir,
}

impl Carol {
    fn new() -> Self {
        let home = tempfile::tempdir().expect("a directory");
        keygen(
            &["-q", "-N", "", "-t", "ed25519", "-f"],
            &home.path().join("id"),
        );
        Self { home }
    }

    fn key(&self) -> Key {
        let text = std::fs::read_to_string(self.home.path().join("id.pub")).expect("a key");
        Key::from_openssh_line(text.trim()).expect("a key")
    }

    fn set_up(&self, port: u16, root: &str, rolls: &Rolls) {
        let places = Places::below(self.home.path());
        let config = Config {
            url: format!("https://localhost:{port}")
                .parse()
                .expect("an address"),
            ca: Digest::of(&rolls.chain[0].roster).into(),
            root: Digest::of("not looked at after set-up"),
            person: "carol".parse().expect("a name"),
            key: self.key().fingerprint(),
            key_file: Some(self.home.path().join("id")),
            agent: None,
        };
        config.save(&places).expect("saved");
        daypass_cli::durable::write(&places.root_file(), root.as_bytes(), 0o600).expect("written");
    }

    /// The exit code and everything that was said.
    fn daypass(&self, words: &[&str]) -> (i32, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_daypass"))
            .args(words)
            .env("HOME", self.home.path())
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("XDG_DATA_HOME")
            .env_remove("XDG_STATE_HOME")
            .env_remove("SSH_AUTH_SOCK")
            .output()
            .expect("daypass runs");
        let said = [output.stdout, output.stderr].concat();
        (
            output.status.code().expect("a code"),
            String::from_utf8(said).expect("text"),
        )
    }
}

fn keygen(words: &[&str], file: &Path) {
    assert!(
        Command::new("ssh-keygen")
            .args(words)
            .arg(file)
            .status()
            .expect("ssh-keygen runs")
            .success()
    );
}

fn rolls(carol: &Carol) -> Rolls {
    let private = |name: &str| -> PrivateKey {
        let path: PathBuf = carol.home.path().join(name);
        keygen(&["-q", "-N", "", "-t", "ed25519", "-f"], &path);
        PrivateKey::from_openssh(std::fs::read(path).expect("a key")).expect("a key")
    };
    let public =
        |key: &PrivateKey| Key::try_from(key.public_key().key_data().clone()).expect("a key");
    let person = |name: &str, role, key| Person {
        name: name.parse().expect("a name"),
        roles: vec![role],
        keys: vec![key],
    };
    let alice = private("alice");
    let mut roster = Roster {
        v: Version,
        number: 1,
        previous: None,
        time: Time::from_unix(0),
        people: vec![
            person("alice", Role::Admin, public(&alice)),
            person("carol", Role::Contractor, carol.key()),
        ],
        recovery: public(&private("recovery")),
        policy: Policy::default(),
    };
    let sign = |roster: &Roster| {
        let mut signed = SignedRoster::unsigned(roster.freeze().expect("a roster"));
        signed
            .sign(|namespace, bytes| alice.sign(namespace, HashAlg::Sha512, bytes))
            .expect("signed");
        signed
    };
    let first = sign(&roster);
    roster.number = 2;
    roster.previous = Some(Digest::of(&first.roster));
    roster
        .people
        .push(person("dave", Role::Auditor, public(&private("dave"))));
    Rolls {
        chain: vec![first, sign(&roster)],
    }
}

fn json(value: &impl Serialize) -> (u16, String) {
    (200, serde_json::to_string(value).expect("JSON"))
}

fn refusal(code: &str, message: String) -> (u16, String) {
    let failure = Failure {
        error: Problem {
            code: code.to_owned(),
            message,
        },
    };
    (401, serde_json::to_string(&failure).expect("JSON"))
}

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

    let home = carol.home.path();
    let authority = home.join("alice");
    let window = WindowId::new(Time::from_unix(1), [1; 10]).to_string();
    let signing = [
        "-q",
        "-I",
        "test",
        "-V",
        "+20s",
        "-n",
        &window,
        "-s",
        authority.to_str().expect("text"),
    ];
    keygen(&signing, &home.join("id.pub"));
    let certificates = Places::below(home).certificates();
    std::fs::copy(
        home.join("id-cert.pub"),
        certificates.join("deploy@db1-cert.pub"),
    )
    .expect("copied");
    // Twenty seconds are less than is wanted of a certificate, and better than none.
    assert_eq!(carol.daypass(&login), (0, String::new()));
    // It is for one account only, and for this key only.
    assert_eq!(
        carol
            .daypass(&["login", "--quiet", "--host", "db1", "--user", "root"])
            .0,
        1
    );
    keygen(
        &["-q", "-N", "", "-t", "ed25519", "-f"],
        &home.join("other"),
    );
    keygen(&signing, &home.join("other.pub"));
    std::fs::copy(
        home.join("other-cert.pub"),
        certificates.join("deploy@db1-cert.pub"),
    )
    .expect("copied");
    assert_eq!(carol.daypass(&login).0, 1);
}

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
    let (code, said) = carol.daypass(&asked);
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("carol is deploy@db1 from 192.0.2.7 since"),
        "{said}"
    );
    let rows: Vec<Vec<&str>> = said
        .lines()
        .filter(|line| line.contains("window.requested") || line.contains("sudo.request"))
        .map(|line| line.split_whitespace().skip(2).take(3).collect())
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
