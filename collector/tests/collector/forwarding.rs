//! Lines come in, are stored, and only then cosigned.

use daypass_journal::trust::Trust;
use daypass_journal::verify::{Options, verify};
use daypass_transport::client::Request;
use serde_json::{Value, json};

use crate::site::{Site, refused};

fn events(count: u64) -> Vec<Value> {
    (0..count)
        .map(|number| json!({"action": "agent.start", "detail": {"number": number}}))
        .collect()
}

#[test]
fn a_forwarded_journal_is_stored_cosigned_and_the_cosignature_proves_it() {
    let site = Site::new();
    let host = site.host("db1");
    let witness = site.server().collector().witness_key();
    host.write(&events(3));
    let answer = host.forward(&site, 0);
    let size = answer["size"].as_u64().unwrap();
    let note = answer["cosignature"].as_str().unwrap();
    assert!(
        note.starts_with(&format!("{}\n{size}\n", host.origin)),
        "{note}"
    );
    assert_eq!(site.stored().len(), 1);
    assert_eq!(
        std::fs::read(&site.stored()[0]).unwrap(),
        host.lines(0),
        "exactly what was sent"
    );

    let record: Value = serde_json::from_str(&host.record.record).unwrap();
    let trust = format!(
        "[[log]]\norigin = {:?}\nlog_key = {}\nepoch_key = {}\n[[witness]]\nkey = {witness:?}\n",
        host.origin, record["log_key"], record["epoch_key"]
    );
    let trust = Trust::parse(&trust).unwrap();
    // As the host keeps it: behind the lines that it is about.
    let journal = tempfile::tempdir().unwrap();
    let mut lines = host.lines(0);
    lines.extend(format!("{{\"witness\":\"{}\"}}\n", note.replace('\n', "\\n")).bytes());
    std::fs::write(journal.path().join(format!("{:020}.jsonl", 0)), &lines).unwrap();
    let report = verify(journal.path(), &trust, Options::default());
    assert_eq!(report.exit_code(), 0, "{report:?}");
}

#[test]
fn a_journal_grows_over_restarts_and_the_same_lines_again_change_nothing() {
    let site = Site::new();
    let host = site.host("db1");
    host.write(&events(2));
    let first = host.forward(&site, 0)["size"].as_u64().unwrap();
    host.write(&events(2));
    let second = host.forward(&site, first)["size"].as_u64().unwrap();
    assert!(second > first);
    let stored = site.stored();
    for from in [0, 1, first, second - 1] {
        assert_eq!(
            host.forward(&site, from)["size"],
            second,
            "again from {from}"
        );
    }
    assert_eq!(site.stored(), stored, "nothing is stored twice");

    host.write(&events(1));
    let third = host.forward(&site, 0)["size"].as_u64().unwrap();
    assert!(third > second, "what is new behind what is held is taken");
    let standing: Value = site
        .client(Some(&host.identity))
        .call(&Request::get(&host.path()))
        .unwrap();
    assert_eq!(standing["size"], third);
}

#[test]
fn every_seal_is_an_end_at_which_forwarding_may_pause() {
    let site = Site::new();
    let host = site.host("db1");
    host.write(&events(3));
    let all = host.lines(0);
    let mut from = 0;
    let mut pending = Vec::new();
    for line in all.split_inclusive(|byte| *byte == b'\n') {
        pending.extend(line);
        if line.starts_with(b"{\"seal\"") {
            from = host.send(&site, from, &pending).unwrap()["size"]
                .as_u64()
                .unwrap();
            pending.clear();
        }
    }
    let stored: Vec<u8> = site
        .stored()
        .iter()
        .flat_map(|path| std::fs::read(path).unwrap())
        .collect();
    assert_eq!(stored, all);
}

#[test]
fn a_crash_on_the_host_is_no_tampering() {
    let site = Site::new();
    let host = site.host("db1");
    drop(host.writer());
    let held = host.forward(&site, 0)["size"].as_u64().unwrap();
    // Dropped without closing: the next start says what the last one left.
    host.write(&events(1));
    assert!(host.forward(&site, held)["size"].as_u64().unwrap() > held);
    assert!(site.journalled("alarm.fork").is_empty());
}

#[test]
fn the_ca_forwards_its_own_journal() {
    let site = Site::new();
    let ca = site.host("ca");
    ca.write(&events(1));
    assert!(ca.forward(&site, 0)["size"].as_u64().unwrap() > 0);
}

#[test]
fn lines_beyond_what_is_held_are_asked_for_from_there() {
    let site = Site::new();
    let host = site.host("db1");
    host.write(&events(3));
    assert_eq!(
        refused(host.send(&site, 2, &host.lines(2))),
        (409, "gap".to_owned())
    );
    assert!(site.stored().is_empty());
}

#[test]
fn cosignatures_among_the_lines_are_taken_with_them() {
    let site = Site::new();
    let host = site.host("db1");
    host.write(&events(1));
    let answer = host.forward(&site, 0);
    let held = answer["size"].as_u64().unwrap();
    host.write(&events(1));
    let note = answer["cosignature"].as_str().unwrap().replace('\n', "\\n");
    let mut lines = format!("{{\"witness\":\"{note}\"}}\n").into_bytes();
    lines.extend(host.lines(held));
    assert!(
        host.send(&site, held, &lines).unwrap()["size"]
            .as_u64()
            .unwrap()
            > held
    );
}
