//! `init`, the CA's answer, `accept`: the commands themselves.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::SystemTime;

use daypass_protocol::collector::{Admission, Request};
use daypass_protocol::digest::Digest;
use daypass_protocol::token::SetupLine;
use daypass_protocol::version::Version;

use crate::site::Ca;

fn run(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_daypass-collector"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may end without having read anything.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn init(ca: &Ca, dir: &Path) -> Output {
    init_with(ca, dir, &[])
}

fn init_with(ca: &Ca, dir: &Path, more: &[&str]) -> Output {
    let setup = SetupLine {
        url: "https://ca.test:7443".parse().unwrap(),
        root: Digest::from_bytes(ca.root.hash()),
        ca: ca.pin,
    };
    let (data, config) = (dir.join("data"), dir.join("collector.toml"));
    let setup = setup.to_string();
    let mut arguments = vec![
        "init",
        "--ca-setup",
        &setup,
        "--name",
        "collector.test",
        "--data",
        data.to_str().unwrap(),
        "--config",
        config.to_str().unwrap(),
        "--user",
        "root",
    ];
    arguments.extend(more);
    run(&arguments, "")
}

fn accept(dir: &Path, admission: &Admission) -> Output {
    let config = dir.join("collector.toml");
    let arguments = [
        "accept",
        "--config",
        config.to_str().unwrap(),
        "--user",
        "root",
    ];
    run(&arguments, &serde_json::to_string(admission).unwrap())
}

fn admit(ca: &Ca, request: &Request) -> Admission {
    Admission {
        v: Version,
        certificate: ca
            .root
            .issue_collector(&request.csr, &request.names, SystemTime::now())
            .unwrap(),
        root: ca.root.certificate().to_owned(),
    }
}

#[test]
fn a_collector_is_made_admitted_and_made_only_once() {
    let (ca, dir) = (Ca::new(), tempfile::tempdir().unwrap());
    let made = init(&ca, dir.path());
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let request = Request::parse(std::str::from_utf8(&made.stdout).unwrap()).unwrap();
    assert_eq!(request.url.as_str(), "https://collector.test:7444");
    assert_eq!(request.ca, ca.pin);
    assert!(
        request
            .witness
            .starts_with("collector.test/daypass-collector+")
    );

    let again = init(&ca, dir.path());
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("holds a collector already"));

    let taken = accept(dir.path(), &admit(&ca, &request));
    assert!(
        taken.status.success(),
        "{}",
        String::from_utf8_lossy(&taken.stderr)
    );
    for file in ["tls.pem", "root.pem"] {
        assert!(dir.path().join("data").join(file).exists(), "{file}");
    }
}

#[test]
fn an_answer_of_another_ca_or_for_another_key_is_refused() {
    let (ca, other, dir) = (Ca::new(), Ca::new(), tempfile::tempdir().unwrap());
    let made = init(&ca, dir.path());
    let request = Request::parse(std::str::from_utf8(&made.stdout).unwrap()).unwrap();
    let message = |output: Output| {
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let foreign = message(accept(dir.path(), &admit(&other, &request)));
    assert!(foreign.contains("another CA's"), "{foreign}");

    let elsewhere = tempfile::tempdir().unwrap();
    let made = init(&ca, elsewhere.path());
    let others = Request::parse(std::str::from_utf8(&made.stdout).unwrap()).unwrap();
    let swapped = message(accept(dir.path(), &admit(&ca, &others)));
    assert!(
        swapped.contains("not for this collector's key"),
        "{swapped}"
    );

    assert!(
        !dir.path().join("data/tls.pem").exists(),
        "nothing was put in place"
    );

    let config = dir.path().join("collector.toml");
    let early = message(run(&["serve", "--config", config.to_str().unwrap()], ""));
    assert!(early.contains("has not been taken in"), "{early}");
}

#[test]
fn the_request_is_printed_again_and_an_init_that_was_cut_off_begins_anew() {
    let (ca, dir) = (Ca::new(), tempfile::tempdir().unwrap());
    let request = |output: Output| {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        Request::parse(std::str::from_utf8(&output.stdout).unwrap()).unwrap()
    };
    let first = request(init(&ca, dir.path()));
    let again = request(init_with(&ca, dir.path(), &["--unless-made"]));
    assert_eq!(again.witness, first.witness);
    assert_eq!(again.names, first.names);
    // Made anew for the same key: the CA's answer to either is taken in.
    let taken = accept(dir.path(), &admit(&ca, &again));
    assert!(taken.status.success());

    std::fs::remove_file(dir.path().join("data/request.json")).unwrap();
    let anew = request(init(&ca, dir.path()));
    assert_ne!(anew.witness, first.witness);
}

#[test]
fn wrong_usage_is_64() {
    assert_eq!(run(&["init"], "").status.code(), Some(64));
    assert_eq!(run(&["--help"], "").status.code(), Some(0));
}
