//! sshd's words, and processes that stand for its monitors.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::*;
use crate::accounts::Names;
use crate::gate::fixture::Host;
use crate::sshd::Line;

const SOON: Duration = Duration::from_secs(60);
const CERTIFICATE: &str = "ED25519-CERT SHA256:5R20 ID x (serial 9) CA ED25519 SHA256:Pd8W";

fn from() -> Endpoint {
    Endpoint {
        address: "192.0.2.7".parse().unwrap(),
        port: 4711,
    }
}

fn failed(shown: &str) -> String {
    format!("Failed publickey for deploy from 192.0.2.7 port 4711 ssh2: {shown}")
}

fn left(account: &str) -> String {
    format!("Connection closed by authenticating user {account} 192.0.2.7 port 4711 [preauth]")
}

/// What is told of connection 7 after these lines.
fn told(judged: Option<Judged>, lines: &[&str]) -> Option<Refused> {
    let turned_away = TurnedAway::default();
    for line in lines {
        turned_away.note(7, &Said::parse(line).unwrap(), || None);
    }
    if let Some(judged) = judged {
        turned_away.judged(judged);
    }
    turned_away.take(7)
}

fn judged(is_told: bool) -> Judged {
    Judged {
        monitor: 7,
        from: Some(from()),
        is_told,
    }
}

fn why(judged: Option<Judged>, lines: &[&str]) -> Option<Why> {
    told(judged, lines).map(|refused| refused.why)
}

#[test]
fn who_is_turned_away_is_told_of_with_what_was_shown_first() {
    let lines = [
        &failed(CERTIFICATE)[..],
        &failed("ED25519 SHA256:5R20"),
        &left("deploy"),
    ];
    let expected = Refused {
        account: "deploy".to_owned(),
        from: origin(Some(from())),
        shown: Some(CERTIFICATE.to_owned()),
        why: Why::NotTaken,
    };
    assert_eq!(told(None, &lines), Some(expected));
    assert_eq!(why(None, &[&left("deploy")]), Some(Why::NotTaken));
}

#[test]
fn who_comes_in_after_other_keys_were_tried_is_not_told_of() {
    let accepted = "Accepted publickey for deploy from 192.0.2.7 port 4711 ssh2: ED25519-CERT";
    assert_eq!(told(None, &[&failed(CERTIFICATE), accepted]), None);
}

#[test]
fn what_a_gate_has_refused_is_not_told_again() {
    let lines = [&failed(CERTIFICATE)[..], &left("deploy")];
    assert_eq!(told(Some(judged(true)), &lines), None);
    // The number of an earlier process is another connection's.
    let other = Judged {
        from: Some(Endpoint { port: 1, ..from() }),
        ..judged(true)
    };
    assert_eq!(why(Some(other), &lines), Some(Why::NotTaken));
    let other = Judged {
        monitor: 8,
        ..judged(true)
    };
    assert_eq!(why(Some(other), &lines), Some(Why::NotTaken));
}

#[test]
fn a_certificate_that_a_gate_allowed_was_shown_without_its_key_or_is_not_sshds_taste() {
    assert_eq!(
        why(Some(judged(false)), &[&left("deploy")]),
        Some(Why::NotProven)
    );
    // Whoever has no private half goes on to the public one, by itself.
    let lines = [&failed("ED25519 SHA256:5R20")[..], &left("deploy")];
    assert_eq!(why(Some(judged(false)), &lines), Some(Why::NotProven));
    assert_eq!(
        why(Some(judged(false)), &[&failed(CERTIFICATE)]),
        Some(Why::NotTaken)
    );
}

#[test]
fn what_is_on_the_list_is_told_as_that_and_only_that() {
    let revoked = |key| format!("error: Authentication key {key} revoked by file /etc/x");
    let mine = revoked("ED25519-CERT SHA256:5R20");
    assert_eq!(
        why(None, &[&mine, &failed(CERTIFICATE)]),
        Some(Why::Revoked)
    );
    // Another key that the client had with it, and one whose fingerprint only begins like it.
    for other in [
        revoked("ED25519 SHA256:5R20"),
        revoked("ED25519-CERT SHA256:5R2"),
    ] {
        assert_eq!(
            why(None, &[&other, &failed(CERTIFICATE)]),
            Some(Why::NotTaken)
        );
    }
    // Of whom it is said is not known: nobody of ours, perhaps.
    assert_eq!(told(None, &[&mine]), None);
}

#[test]
fn what_bars_the_account_itself_is_told_with_the_kernels_word_of_where_they_came_from() {
    let barred = "User deploy from 192.0.2.7 not allowed because account is locked";
    let turned_away = TurnedAway::default();
    assert!(turned_away.note(7, &Said::parse(barred).unwrap(), || Some(from())));
    // What is shown then makes no difference.
    turned_away.note(7, &Said::parse(&failed(CERTIFICATE)).unwrap(), || None);
    let refused = turned_away.take(7).unwrap();
    assert_eq!(refused.why, Why::Barred("account is locked".to_owned()));
    assert_eq!(refused.from, origin(Some(from())));
    // Of a connection that was over when the kernel was asked there is sshd's word.
    let refused = told(None, &[barred]).unwrap();
    assert_eq!(refused.from.address, Some(from().address));
    assert_eq!(refused.from.port, None);
}

#[test]
fn what_another_module_of_pams_denies_is_told_and_what_a_gate_denies_is_told_once() {
    let denied = "fatal: Access denied for user deploy by PAM account configuration [preauth]";
    // Gate 1 had said yes, and knows from where they came.
    let refused = told(Some(judged(false)), &[denied]).unwrap();
    assert_eq!(refused.why, Why::DeniedByPam);
    assert_eq!(refused.from, origin(Some(from())));
    assert_eq!(told(Some(judged(true)), &[denied]), None);
    // Another key had failed before, and sshd said from where it came.
    let refused = told(None, &[&failed("ED25519 SHA256:5R20"), denied]).unwrap();
    assert_eq!(refused.why, Why::DeniedByPam);
    assert_eq!(refused.from, origin(Some(from())));
}

#[test]
fn connections_cannot_fill_the_memory() {
    let turned_away = TurnedAway::default();
    let line = left("deploy");
    for monitor in 0..2 * i32::try_from(MOST).unwrap() {
        turned_away.note(monitor, &Said::parse(&line).unwrap(), || None);
        turned_away.judged(judged(true));
    }
    let book = turned_away.lock();
    assert_eq!((book.knocking.len(), book.judged.len()), (MOST, MOST));
}

fn monitor() -> Child {
    Command::new("cat")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn who_is_turned_away_stands_in_the_journal_when_the_connection_is_over_and_nobody_unmanaged_does()
{
    let host = Host::managing(Names::of_the_system);
    let mut monitors = [monitor(), monitor()];
    let [managed, other] = [0, 1].map(|place| monitors[place].id() as i32);
    let hear = |pid, message: String| host.gates.hear_sshd(&Line { pid, message });
    hear(other, left("somebody"));
    hear(managed, failed(CERTIFICATE));
    hear(managed, left("deploy"));
    for monitor in &mut monitors {
        monitor.kill().unwrap();
        monitor.wait().unwrap();
    }
    let entry = host.await_entry(SOON);
    assert_eq!(entry["action"], "login.denied");
    assert_eq!(entry["code"], "refused-by-sshd");
    assert_eq!(entry["identity"]["account"], "deploy");
    assert_eq!(entry["identity"]["uid"], 1001);
    assert_eq!(entry["origin"]["address"], "192.0.2.7");
    assert_eq!(entry["origin"]["port"], 4711);
    assert_eq!(entry["detail"]["shown"], CERTIFICATE);
    // One that is over when it is read of.
    hear(managed, left("deploy"));
    assert_eq!(host.await_entry(SOON)["code"], "refused-by-sshd");
    assert_eq!(host.journalled(), []);
}
