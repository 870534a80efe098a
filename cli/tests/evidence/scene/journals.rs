//! The two journals, written by the real writer.

use std::path::Path;

use daypass_journal::identity::Identity as LogIdentity;
use daypass_journal::trust::TrustedLog;
use daypass_journal::witness::Witness;
use daypass_journal::writer::{Options, Writer};
use daypass_protocol::event::{Action, Command, Event, Identity, Outcome};
use daypass_protocol::roster::SignedRoster;
use daypass_protocol::statement::SignedStatement;
use serde_json::json;

use super::{Change, SERIAL, SESSION, Stage, now, opening, public};

fn writer(directory: &Path, name: &str, origin: &str, witness: &Witness) -> (Writer, TrustedLog) {
    let keys = directory.join(format!("{name}-keys"));
    let identity = LogIdentity::create(&keys, origin).expect("an identity");
    let options = Options {
        segment_bytes: 256 * 1024,
        witnesses: vec![witness.vkey().to_string()],
        ..Options::default()
    };
    let (writer, _) = Writer::open(&directory.join(name), &keys, options).expect("a journal");
    let log = TrustedLog::new(&identity.log_vkey(), &identity.epoch_vkey()).expect("keys");
    (writer, log)
}

fn close(writer: Writer, witness: &Witness) {
    let note = writer.latest_seal().1;
    let seconds = now().unix_unsigned();
    writer
        .append_witness(&witness.cosign(&note, seconds).expect("cosigned"))
        .expect("taken");
    writer.close().expect("closed");
}

pub(super) fn ca_journal(
    directory: &Path,
    rosters: &[SignedRoster],
    stage: &Stage,
    said: &[SignedStatement; 2],
    witness: &Witness,
    change: &Change,
) -> TrustedLog {
    let (window, pin) = (&stage.window, stage.window.document().ca);
    let origin = format!("daypass/{}/ca/0123456789abcdef", pin.short());
    let (writer, log) = writer(directory, "ca", &origin, witness);
    let append = |event: Event| {
        writer.append(&event).expect("appended");
    };
    append(Event::new(Action::CaStart).detail("user_ca", vec![public("user-ca").to_string()]));
    let rosters = (1..).zip(rosters);
    for (number, roster) in rosters.filter(|(number, _)| change.without_roster != Some(*number)) {
        let text = serde_json::to_vec(roster).expect("JSON");
        let sha256 = writer.keep_blob(&text).expect("kept");
        append(
            Event::new(Action::RosterSigned)
                .detail("number", number)
                .detail("document", json!({"length": text.len(), "sha256": sha256})),
        );
    }
    append(
        stage
            .about(Action::WindowRequested, "carol")
            .detail("window", window.text())
            .detail("hash", window.hash().to_string())
            .detail("statement", json!(said[0])),
    );
    append(
        stage
            .about(Action::WindowApproved, "bob")
            .detail("state", "open")
            .detail("statement", said[1].statement.clone())
            .detail("signature", said[1].signature.to_string()),
    );
    append(
        Event::new(Action::CertificateIssued)
            .outcome(Outcome::Allowed)
            .by(Identity {
                person: "carol".parse().ok(),
                window: Some(window.document().id),
                serial: Some(SERIAL),
                key: Some(public("carol").fingerprint()),
                ..Identity::default()
            }),
    );
    change
        .at_ca
        .iter()
        .flat_map(|more| more(stage))
        .for_each(append);
    if change.is_handed_over {
        writer.rotate_log_key("root").expect("handed over");
        append(Event::new(Action::CaStop));
    }
    close(writer, witness);
    log
}

pub(super) fn host_journal(
    directory: &Path,
    stage: &Stage,
    certificate: &[u8],
    witness: &Witness,
    change: &Change,
) -> TrustedLog {
    let pin = stage.window.document().ca;
    let origin = format!("daypass/{}/host/db1/0123456789abcdef", pin.short());
    let (writer, log) = writer(directory, "host", &origin, witness);
    let append = |event: Event| {
        writer.append(&event).expect("appended");
    };
    append(Event::new(Action::AgentStart));
    for text in &change.texts {
        writer.keep_blob(text).expect("kept");
    }
    let hand_over = || {
        if change.is_handed_over {
            writer.rotate_log_key("root").expect("handed over");
        }
    };
    hand_over();
    let opening = opening(&stage.window, certificate, SERIAL, SESSION);
    append(match change.opening {
        Some(change) => change(opening),
        None => opening,
    });
    let command = || Command::from_arguments(["sudo", "systemctl", "restart", "nginx"]);
    for action in [Action::SudoRequest, Action::SudoStart] {
        append(
            stage
                .in_session(action)
                .outcome(Outcome::Allowed)
                .command(command()),
        );
    }
    append(
        stage
            .in_session(Action::SudoEnd)
            .outcome(Outcome::Done)
            .detail("lived_seconds", 1),
    );
    change
        .on_host
        .iter()
        .flat_map(|more| more(stage))
        .for_each(append);
    append(
        stage
            .in_session(Action::SessionClose)
            .outcome(Outcome::Done),
    );
    hand_over();
    append(Event::new(Action::AgentStop));
    close(writer, witness);
    log
}
