//! C2SP tlog-witness, as any client of it speaks.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use daypass_collector::strangers::Stranger;
use daypass_forward::outside::{AskError, Outside, ask};
use daypass_journal::follow::{SignedCheckpoint, leaf, note_of_seal};
use daypass_journal::identity::Identity;
use daypass_journal::tree::path::{Gatherer, consistency};
use daypass_journal::trust::{Trust, TrustedLog};
use daypass_journal::verify::{Options as VerifyOptions, verify};
use daypass_journal::writer::{Options, Writer};
use daypass_transport::client::{Error, Request};
use serde_json::json;

use crate::host::Host;
use crate::site::{Site, refused};

/// Every seal's note, in order.
pub(crate) fn seals(host: &Host) -> Vec<String> {
    host.lines(0)
        .split(|byte| *byte == b'\n')
        .filter_map(note_of_seal)
        .collect()
}

pub(crate) fn size(note: &str) -> u64 {
    note.lines().nth(1).unwrap().parse().unwrap()
}

pub(crate) fn proof(host: &Host, old: u64, new: u64) -> String {
    let mut gatherer = Gatherer::new(consistency(old, new).unwrap());
    for (seq, hash) in host.lines(0).split(|byte| *byte == b'\n').filter_map(leaf) {
        gatherer.leaf(seq, hash);
    }
    let hashes = gatherer.proof().unwrap();
    hashes
        .iter()
        .map(|hash| STANDARD.encode(hash) + "\n")
        .collect()
}

pub(crate) fn add(site: &Site, body: &str) -> Result<String, Error> {
    let answer = site
        .client(None)
        .fetch(&Request::post("/add-checkpoint", body.as_bytes()))?;
    Ok(String::from_utf8(answer).unwrap())
}

#[test]
fn checkpoints_are_answered_as_the_specification_says() {
    let site = Site::new();
    let host = site.host("db1");
    host.write(&[json!({"action": "x"}), json!({"action": "y"})]);
    let seals = seals(&host);
    let (first, last) = (&seals[0], seals.last().unwrap());
    let (held, end) = (size(first), size(last));

    assert_eq!(
        refused(add(&site, &format!("old 0\n\n{last}"))).0,
        503,
        "what is not stored is not cosigned"
    );
    let beginning = host.lines(0);
    let cut = beginning
        .windows(7)
        .position(|window| window == b"{\"seal\"")
        .unwrap();
    let cut = cut
        + beginning[cut..]
            .iter()
            .position(|byte| *byte == b'\n')
            .unwrap()
        + 1;
    host.send(&site, 0, &beginning[..cut]).unwrap();

    let line = add(&site, &format!("old {held}\n\n{first}")).unwrap();
    assert!(
        line.starts_with("\u{2014} collector.test ") && line.ends_with('\n'),
        "{line}"
    );
    assert_eq!(line.lines().count(), 1);

    let good = proof(&host, held, end);
    assert_eq!(
        refused(add(&site, &format!("old {held}\n{good}\n{last}"))),
        (503, "entries-missing".to_owned())
    );
    assert!(site.journalled("alarm.fork").is_empty());
    assert_eq!(
        refused(add(&site, &format!("old 0\n\n{last}"))).0,
        409,
        "another old size"
    );
    assert_eq!(
        refused(add(&site, &format!("old {}\n\n{first}", held + 1))).0,
        400
    );

    host.forward(&site, held);
    add(&site, &format!("old {end}\n\n{last}")).unwrap();
}

#[test]
fn a_proof_that_does_not_lead_there_is_refused_and_another_root_of_one_size_is_an_alarm() {
    let site = Site::new();
    let host = site.host("db1");
    host.write(&[json!({"action": "x"})]);
    let held = host.forward(&site, 0)["size"].as_u64().unwrap();
    let clone = host.clone_machine();
    host.write(&[json!({"action": "here"})]);
    let now = host.forward(&site, held)["size"].as_u64().unwrap();
    clone.write(&[json!({"action": "there"}), json!({"action": "there"})]);
    let forged = seals(&clone).pop().unwrap();
    let path = proof(&clone, now, size(&forged));
    assert_eq!(
        refused(add(&site, &format!("old {now}\n{path}\n{forged}"))).0,
        422
    );
    // Nothing is proven by what proves nothing; that somebody tried is journalled.
    assert!(site.journalled("alarm.fork").is_empty());
    assert_eq!(
        site.await_journalled("request.refused")["code"],
        "inconsistent"
    );

    let other = seals(&clone).into_iter().find(|note| size(note) == now);
    let other = other.expect("both wrote the same number of entries up to one seal");
    assert_eq!(refused(add(&site, &format!("old {now}\n\n{other}"))).0, 409);
    let alarm = site.journalled("alarm.fork").pop().unwrap();
    assert_eq!(alarm["resource"]["host"], "db1");
    assert_eq!(alarm["detail"]["seq"], now);
}

#[test]
fn unknown_logs_and_foreign_signatures_are_refused() {
    let site = Site::new();
    let (host, stranger) = (site.host("db1"), site.stranger("db2"));
    host.write(&[json!({"action": "x"})]);
    stranger.write(&[json!({"action": "x"})]);
    let unknown = seals(&stranger).pop().unwrap();
    assert_eq!(refused(add(&site, &format!("old 0\n\n{unknown}"))).0, 404);
    let foreign = "someone.else/log\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\u{2014} x AAAAAAAA\n";
    assert_eq!(refused(add(&site, &format!("old 0\n\n{foreign}"))).0, 404);
    // The same name, another key.
    let impostor = site.stranger("db1");
    impostor.write(&[json!({"action": "x"})]);
    let forged = seals(&impostor).pop().unwrap();
    assert_eq!(
        refused(add(&site, &format!("old 0\n\n{forged}"))),
        (403, "not-signed".to_owned())
    );
    assert_eq!(refused(add(&site, "old x\n\nnothing")).0, 400);
}

#[test]
fn people_get_the_newest_cosigned_checkpoint() {
    let site = Site::new();
    let host = site.host("db1");
    let path = format!("{}/checkpoint", host.path());
    assert_eq!(
        refused(site.ask("carol", &path)),
        (404, "no-checkpoint".to_owned())
    );
    host.write(&[json!({"action": "x"})]);
    host.forward(&site, 0);
    let header = site.signature("carol", &path);
    let note = site
        .client(None)
        .fetch(&Request::get(&path).authorized(&header))
        .unwrap();
    let note = String::from_utf8(note).unwrap();
    assert!(note.starts_with(&seals(&host).pop().unwrap()));
    assert!(
        note.lines()
            .last()
            .unwrap()
            .starts_with("\u{2014} collector.test ")
    );
}

/// A log of somebody else's, known to the site from now on.
fn stranger(site: &mut Site) -> Host {
    let log = site.foreign("example.org/log");
    let key = Identity::open(&log.dir.path().join("keys"))
        .unwrap()
        .log_vkey();
    site.strangers.push(Stranger {
        origin: log.origin.clone(),
        key,
        later_keys: Vec::new(),
    });
    site.stop();
    site.start();
    log
}

fn is_cosigned(site: &Site, note: &str, line: &str) -> bool {
    let key = site.server().collector().witness_key().parse().unwrap();
    let cosigned = SignedCheckpoint::parse(&format!("{note}{line}")).unwrap();
    cosigned.cosigned_by(&key).is_some()
}

#[test]
fn others_logs_are_witnessed_as_the_specification_says() {
    let mut site = Site::new();
    let log = stranger(&mut site);
    log.write(&[json!({"action": "x"}), json!({"action": "y"})]);
    let notes = seals(&log);
    let (first, last) = (&notes[0], notes.last().unwrap());
    let (held, end) = (size(first), size(last));

    // From nothing, without a proof.
    assert_eq!(
        refused(add(
            &site,
            &format!("old 0\n{}\n\n{first}", STANDARD.encode([0; 32]))
        ))
        .0,
        422
    );
    let line = add(&site, &format!("old 0\n\n{first}")).unwrap();
    assert!(is_cosigned(&site, first, &line), "{line}");
    // The same again, and from where it is not.
    add(&site, &format!("old {held}\n\n{first}")).unwrap();
    assert_eq!(refused(add(&site, &format!("old 0\n\n{first}"))).0, 409);
    assert_eq!(
        refused(add(&site, &format!("old {}\n\n{first}", held + 1))).0,
        400
    );
    // Further, by a proof alone: no entry was ever sent.
    let proof = proof(&log, held, end);
    assert_eq!(refused(add(&site, &format!("old {held}\n\n{last}"))).0, 422);
    let line = add(&site, &format!("old {held}\n{proof}\n{last}")).unwrap();
    assert!(is_cosigned(&site, last, &line), "{line}");
    // It is remembered.
    site.stop();
    site.start();
    assert_eq!(
        refused(add(&site, &format!("old {held}\n{proof}\n{last}"))).0,
        409
    );
    add(&site, &format!("old {end}\n\n{last}")).unwrap();
    assert!(site.journalled("alarm.fork").is_empty());
}

#[test]
fn two_pasts_of_others_logs_are_refused_and_an_alarm() {
    let mut site = Site::new();
    let log = stranger(&mut site);
    let clone = log.clone_machine();
    log.write(&[json!({"action": "here"})]);
    clone.write(&[json!({"action": "there"})]);
    let (ours, theirs) = (seals(&log).pop().unwrap(), seals(&clone).pop().unwrap());
    let end = size(&ours);
    assert_eq!(size(&theirs), end);
    add(&site, &format!("old 0\n\n{ours}")).unwrap();
    assert_eq!(
        refused(add(&site, &format!("old {end}\n\n{theirs}"))).0,
        409
    );
    let alarm = site.await_journalled("alarm.fork");
    assert_eq!(alarm["detail"]["log"], log.origin);
    assert_eq!(alarm["detail"]["size"], end);

    let impostor = site.foreign("example.org/log");
    impostor.write(&[json!({"action": "x"})]);
    let forged = seals(&impostor).pop().unwrap();
    assert_eq!(
        refused(add(&site, &format!("old {end}\n\n{forged}"))),
        (403, "not-signed".to_owned())
    );
}

/// A collector of somebody else's CA, to which our host's journal is a stranger's.
#[test]
fn a_host_asks_others_witnesses_and_their_word_stands_in_its_journal() {
    let ours = Site::new();
    let (log, host) = (ours.stranger("db1"), ours.stranger("db2"));
    let mut theirs = Site::new();
    let keys = Identity::open(&log.dir.path().join("keys")).unwrap();
    theirs.strangers.push(Stranger {
        origin: log.origin.clone(),
        key: keys.log_vkey(),
        later_keys: Vec::new(),
    });
    theirs.stop();
    theirs.start();
    let key = theirs.server().collector().witness_key();
    let outside = Outside {
        keys: vec![key.parse().unwrap()],
        client: theirs.client(None),
    };

    let options = Options {
        witnesses: vec![key.clone()],
        outside: vec![key.clone()],
        ..Options::default()
    };
    let journal = log.dir.path().join("journal");
    let (writer, _) = Writer::open(&journal, &log.dir.path().join("keys"), options).unwrap();
    let write = || writer.append(&json!({"action": "x"})).unwrap().seq + 1;
    let (mut held, first) = (0, write());
    let note = ask(&journal, first, &outside, &mut held).unwrap();
    writer.append_witness(&note).unwrap();
    assert_eq!(held, first);
    // From where it was, by a proof; also for one who has forgotten where that is.
    let second = write();
    writer
        .append_witness(&ask(&journal, second, &outside, &mut held).unwrap())
        .unwrap();
    let (third, mut forgotten) = (write(), 0);
    writer
        .append_witness(&ask(&journal, third, &outside, &mut forgotten).unwrap())
        .unwrap();
    assert_eq!(forgotten, third);

    let trust = Trust {
        logs: vec![TrustedLog::new(&keys.log_vkey(), &keys.epoch_vkey()).unwrap()],
        witnesses: vec![key.parse().unwrap()],
        ..Trust::default()
    };
    let report = verify(&journal, &trust, VerifyOptions::default());
    assert_eq!(report.exit_code(), 0, "{report}");
    assert_eq!(report.witnessed.unwrap().size, third);

    // One that does not know the journal says so, and one that saw more than there is is told of.
    host.write(&[json!({"action": "x"})]);
    let unknown = ask(&host.dir.path().join("journal"), 3, &outside, &mut 0).unwrap_err();
    assert!(
        matches!(
            unknown,
            AskError::Refused { status: 404, .. } | AskError::NoSeal { .. }
        ),
        "{unknown}"
    );
    let ahead = ask(&journal, first, &outside, &mut 0).unwrap_err();
    assert!(matches!(ahead, AskError::Ahead { .. }), "{ahead}");
    // Another key than the one that is configured does not count.
    let wrong = ours.server().collector().witness_key().parse().unwrap();
    let wrong = Outside {
        keys: vec![wrong],
        client: theirs.client(None),
    };
    let fourth = write();
    let refused = ask(&journal, fourth, &wrong, &mut 0).unwrap_err();
    assert!(matches!(refused, AskError::NotCosigned), "{refused}");
}
