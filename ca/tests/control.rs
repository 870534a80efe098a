//! The control socket: what root may have the running service do, and that nobody else may.

mod house;

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use daypass_ca::control::client::{ControlError, ask};
use daypass_ca::control::{
    Erased, Erasure, Nothing, Question, RenewedLogKey, Service, Status, server,
};
use daypass_ca::forwarding::Forwarding;
use daypass_journal::trust::Trust;
use daypass_journal::verify::{self, verify};
use daypass_protocol::api::{CertificateWish, Issued, TokenWish};
use daypass_protocol::collector::Admission;
use daypass_protocol::roster::Role;
use daypass_protocol::statement::Verb;
use daypass_protocol::token::JoinToken;
use house::{House, Someone};
use serde_json::{Value, json};

/// The socket of a house, served until it is dropped.
struct Socket {
    directory: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
}

impl Socket {
    fn of(house: &House) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run/control.sock");
        let listener = server::bind(&path).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let authority = Arc::clone(house.authority());
        let forwarding = Arc::new(Forwarding::start(&authority).unwrap());
        runtime.spawn(server::serve(
            Service {
                authority,
                forwarding,
            },
            listener,
        ));
        Self {
            directory,
            _runtime: runtime,
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("run/control.sock")
    }

    /// What is answered to these very bytes.
    fn raw(&self, text: &[u8]) -> Value {
        let mut stream = UnixStream::connect(self.path()).unwrap();
        // What is too much is not read to its end, and the answer comes all the same.
        let _ = stream.write_all(text);
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        serde_json::from_slice(&answer).unwrap()
    }
}

fn code<T: std::fmt::Debug>(result: Result<T, ControlError>) -> String {
    match result {
        Err(ControlError::Refused { code, .. }) => code,
        other => panic!("{other:?}"),
    }
}

fn wish(host: Option<&str>, groups: &[&str]) -> Question {
    Question::HostToken(TokenWish {
        host: host.map(|host| host.parse().unwrap()),
        aliases: Vec::new(),
        groups: groups.iter().map(|group| group.parse().unwrap()).collect(),
        uses: 1,
        replace: false,
        ttl: 600,
    })
}

#[test]
fn root_learns_how_the_ca_fares_before_and_after_its_roster_is_signed() {
    let house = House::unsigned();
    let socket = Socket::of(&house);
    let status: Status = ask(&socket.path(), &Question::Status(Nothing {})).unwrap();
    assert_eq!(status.ca, house.newborn.pin.to_string());
    assert_eq!(status.setup, house.newborn.setup.to_string());
    assert!(!status.active);
    assert_eq!(status.admins, [house.admin.name.to_string()]);
    let active = House::with(&[]);
    let socket = Socket::of(&active);
    let status: Status = ask(&socket.path(), &Question::Status(Nothing {})).unwrap();
    assert!(status.active && status.roster == 2, "{status:?}");
}

#[test]
fn root_admits_lists_and_removes_a_collector() {
    let house = House::with(&[]);
    let socket = Socket::of(&house);
    let (request, _) = house.collector_request("log");
    let text = serde_json::to_string(&request).unwrap();
    let admission: Admission = ask(&socket.path(), &Question::CollectorAdd(text)).unwrap();
    assert_eq!(admission.root, house.root());
    let status = forwarding(&socket, |standing| standing.contains("not connected"));
    assert_eq!(status.collectors[0].witness, request.witness);
    let remove = Question::CollectorRemove("https://log:7444".to_owned());
    let Nothing {} = ask(&socket.path(), &remove).unwrap();
    forwarding(&socket, |standing| standing == "no collector is named");
    assert_eq!(
        code(ask::<Value>(&socket.path(), &remove)),
        "unknown-collector"
    );
    let garbled = Question::CollectorAdd("{}".to_owned());
    assert_eq!(
        code(ask::<Value>(&socket.path(), &garbled)),
        "request-malformed"
    );
}

#[test]
fn root_makes_a_join_token_and_the_journal_says_who() {
    let house = House::with(&[]);
    let socket = Socket::of(&house);
    let token: String = ask(&socket.path(), &wish(Some("db1"), &[])).unwrap();
    let token: JoinToken = token.parse().unwrap();
    house.enroll(&token).unwrap();
    assert_eq!(
        code(ask::<Value>(&socket.path(), &wish(Some("db1"), &[]))),
        "name-taken"
    );
    assert_eq!(
        code(ask::<Value>(&socket.path(), &wish(None, &[]))),
        "token-unlimited"
    );
    let told = house.told("host.token");
    let uid = nix::unistd::geteuid().as_raw();
    assert_eq!(told[0]["identity"]["uid"], uid);
    assert_eq!(told[0]["origin"]["via"], "control");
    assert_eq!(told.len(), 1);
}

#[test]
fn unknown_words_and_too_much_are_refused() {
    let house = House::with(&[]);
    let socket = Socket::of(&house);
    let large = json!({"do": "collector-add", "with": "x".repeat(70_000)}).to_string();
    for text in [
        r#"{"do":"sign","with":{}}"#,
        r#"{"do":"status","with":{"why":1}}"#,
        r#"{"do":"status","with":{},"as":"root"}"#,
        r#"{"do":"status"}"#,
        r#"{"do":"host-token","with":{"ttl":600,"ttl":601,"groups":["a"]}}"#,
        "",
        &large,
    ] {
        assert_eq!(
            socket.raw(text.as_bytes())["refused"]["code"],
            "not-understood",
            "{text:.60}"
        );
    }
    assert!(house.told("host.token").is_empty());
}

#[test]
fn the_socket_is_for_its_owner_alone_and_is_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run/control.sock");
    drop(server::bind(&path).unwrap());
    let _second = server::bind(&path).unwrap();
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
}

#[test]
fn nobody_but_root_and_the_owner_is_answered_even_where_the_socket_lets_them_in() {
    if !nix::unistd::geteuid().is_root() {
        // Only root can become somebody else; the checks as root cover it.
        return;
    }
    let house = House::with(&[]);
    let socket = Socket::of(&house);
    // The doors wide open, as nobody would have them: the kernel's word about the caller must do alone.
    for (path, mode) in [
        (socket.directory.path().to_owned(), 0o755),
        (socket.directory.path().join("run"), 0o755),
        (socket.path(), 0o666),
    ] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        chown(&path, Some(0), Some(0)).unwrap();
    }
    let config = socket.directory.path().join("ca.toml");
    let text = format!("names = [\"ca\"]\ncontrol = {:?}\n", socket.path());
    std::fs::write(&config, text).unwrap();
    let program = socket.directory.path().join("daypass-ca");
    std::fs::copy(env!("CARGO_BIN_EXE_daypass-ca"), &program).unwrap();
    let status = |uid| {
        Command::new(&program)
            .args(["status", "--config"])
            .arg(&config)
            .uid(uid)
            .gid(uid)
            .output()
            .unwrap()
    };
    let stranger = status(65_534);
    assert_eq!(stranger.status.code(), Some(1));
    let said = String::from_utf8_lossy(&stranger.stderr).into_owned();
    assert!(said.contains("only root"), "{said}");
    assert!(stranger.stdout.is_empty());
    let root = status(0);
    assert!(
        root.status.success(),
        "{}",
        String::from_utf8_lossy(&root.stderr)
    );
}

#[test]
fn root_erases_a_person_from_the_cas_journal_and_it_still_verifies() {
    let cody = Someone::new("cody");
    let house = House::with(&[(&cody, &[Role::Contractor])]);
    house.host("db1");
    house.request(&cody, &house.wish("db1"));
    let socket = Socket::of(&house);
    let theirs = || {
        let told = house.told("window.requested");
        told.iter()
            .filter(|entry| entry["identity"]["person"] == "cody")
            .count()
    };
    assert_eq!(theirs(), 1);
    let mut wish = Erasure {
        person: Some("cody".to_owned()),
        entries: Vec::new(),
        reason: String::new(),
        confirmed: false,
    };
    let erase = |wish: &Erasure| ask::<Erased>(&socket.path(), &Question::Erase(wish.clone()));
    assert_eq!(code(erase(&wish)), "reason-malformed");
    wish.reason = "they asked".to_owned();
    let would = erase(&wish).unwrap();
    assert!(would.entries >= 1 && would.said_by.is_empty(), "{would:?}");
    assert_eq!(theirs(), 1);
    wish.confirmed = true;
    let erased = erase(&wish).unwrap();
    assert_eq!(erased.entries, would.entries);
    assert_eq!(erased.said_by.len(), 1);
    assert_eq!(theirs(), 0);
    assert_eq!(code(erase(&wish)), "nothing-to-erase");
    let declared = house.told("journal.erased");
    assert_eq!(
        declared[0]["detail"]["reason"], "they asked",
        "{declared:?}"
    );
    wish.person = None;
    wish.entries = vec![u64::MAX];
    assert_eq!(code(erase(&wish)), "not-erasable");
}

/// What the CA's journal comes to, by a trust file that was written earlier.
fn verified(house: &House, trust: &str) -> verify::Report {
    let trust = Trust::parse(trust).unwrap();
    verify(&house.journal(), &trust, verify::Options::default())
}

#[test]
fn root_hands_the_cas_journal_over_to_a_new_log_key() {
    let house = House::with(&[]);
    let trust = daypass_ca::trust::trust(&house.layout()).unwrap();
    let socket = Socket::of(&house);
    let renew = || ask::<RenewedLogKey>(&socket.path(), &Question::RenewLogKey(Nothing {}));
    let renewed = renew().unwrap();
    let told = house.told("journal.log_key");
    assert_eq!(told[0]["seq"], renewed.entry);
    assert_eq!(told[0]["detail"]["log_key"], renewed.key);
    assert_eq!(told[0]["detail"]["reason"], "request");
    assert!(told[0]["detail"]["by"].is_string(), "{told:?}");
    house.host("db1");
    let report = verified(&house, &trust);
    assert_eq!(report.exit_code(), 0, "{report}");
    assert_eq!(report.log_keys[0].key, renewed.key);
    // As often as can be, and no more.
    let refused = loop {
        if let Err(error) = renew() {
            break code::<()>(Err(error));
        }
    };
    assert_eq!(refused, "no-more-log-keys");
    house.host("db2");
    assert_eq!(verified(&house, &trust).exit_code(), 0);
}

#[test]
fn collectors_know_the_ca_by_the_same_record_after_its_log_was_handed_over() {
    let mut house = House::with(&[]);
    let trust = daypass_ca::trust::trust(&house.layout()).unwrap();
    let record = house.authority().own_record().record.clone();
    house.authority().ledger().rotate_log_key("root").unwrap();
    house.crash();
    house.start();
    house.host("db1");
    assert_eq!(house.authority().own_record().record, record);
    assert_eq!(daypass_ca::trust::trust(&house.layout()).unwrap(), trust);
    let report = verified(&house, &trust);
    assert_eq!(report.exit_code(), 0, "{report}");
    assert_eq!(report.log_keys.len(), 1);
}

#[test]
fn no_entry_is_erased_that_alone_tells_of_a_certificate() {
    let (cody, bob) = (Someone::new("cody"), Someone::new("bob"));
    let house = House::with(&[(&cody, &[Role::Contractor]), (&bob, &[Role::Approver])]);
    house.host("db1");
    let window = house.request(&cody, &house.wish("db1"));
    house.say(&bob, Verb::Approve, &window).unwrap();
    let socket = Socket::of(&house);
    let wish = Erasure {
        person: Some("cody".to_owned()),
        entries: Vec::new(),
        reason: "they asked".to_owned(),
        confirmed: true,
    };
    let erase = || ask::<Erased>(&socket.path(), &Question::Erase(wish.clone()));
    let refusing = house.database_that_refuses("certificates");
    let asked = CertificateWish {
        host: "db1".parse().unwrap(),
        account: "deploy".parse().unwrap(),
        key: cody.public(),
        window: None,
    };
    let _: Issued = house.post(&cody, "/v1/certificates", &asked).unwrap();
    assert_eq!(code(erase()), "records-behind");
    assert_eq!(house.told("certificate.issued").len(), 1);
    refusing.end();
    erase().unwrap();
    assert_eq!(house.told("certificate.issued").len(), 0);
}

#[test]
fn a_service_that_does_not_run_is_said_to_be_so() {
    let directory = tempfile::tempdir().unwrap();
    let gone = ask::<Value>(
        &directory.path().join("none"),
        &Question::Status(Nothing {}),
    );
    assert!(matches!(gone, Err(ControlError::NotRunning { .. })));
}

/// The status once forwarding stands as it is to: it follows by itself.
fn forwarding(socket: &Socket, stands: impl Fn(&str) -> bool) -> Status {
    let begun = Instant::now();
    loop {
        let status: Status = ask(&socket.path(), &Question::Status(Nothing {})).unwrap();
        if stands(&status.forwarding.standing) {
            return status;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{status:?}");
        std::thread::yield_now();
    }
}
