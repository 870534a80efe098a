//! What is taken out of the store, and what stays.

mod copied;

use std::fs::File;
use std::path::Path;
use std::time::{Duration, SystemTime};

use daypass_collector::audit::{self, Declared};
use daypass_collector::clock::Now;
use daypass_collector::config::FollowErasures;
use daypass_collector::erasure::{self, Why};
use daypass_collector::housekeeping::Housekeeping;
use daypass_collector::index::Index as _;
use daypass_collector::index::query::{Order, Query};
use daypass_collector::index::sqlite::SqliteIndex;
use daypass_collector::indexer::{self, Lost};
use daypass_collector::retention::{self, Policy, Progress};
use daypass_collector::rewrite;
use daypass_collector::segments::SegmentError;
use daypass_protocol::enrolment::Record;
use serde_json::{Value, json};

use crate::site::Site;

fn typed(person: &str, line: &str) -> Value {
    json!({
        "action": "sudo.request",
        "identity": {"person": person, "account": "deploy"},
        "origin": {"session": "s-0011223344556677"},
        "command": {"line": line},
    })
}

pub(crate) fn why() -> Why {
    Why {
        by: "root".to_owned(),
        reason: "asked on 3 May".to_owned(),
    }
}

/// What no test here tolerates.
fn nothing_is_lost() -> Lost<'static> {
    Box::leak(Box::new(|_: &_, error: SegmentError| Err(error.into())))
}

/// Whether these bytes stand in any file below `dir`.
pub(crate) fn is_anywhere(dir: &Path, text: &str) -> bool {
    std::fs::read_dir(dir).unwrap().any(|file| {
        let path = file.unwrap().path();
        match path.is_dir() {
            true => is_anywhere(&path, text),
            false => is_in(&path, text),
        }
    })
}

fn is_in(path: &Path, text: &str) -> bool {
    let bytes = std::fs::read(path).unwrap();
    bytes
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

/// Checks everything that is stored, with what our own journal declares; says of how many entries the text is gone.
pub(crate) fn audited(site: &Site) -> Result<u64, String> {
    let collector = site.server().collector();
    let mut declared = Declared::new();
    for action in ["log.erased", "log.retired"] {
        for entry in site.journalled(action) {
            let log = entry["detail"]["log"].as_str().unwrap().to_owned();
            let runs: Vec<(u64, u64)> =
                serde_json::from_value(entry["detail"]["entries"].clone()).unwrap();
            declared.entry(log).or_default().extend(runs);
        }
    }
    let mut gone = 0;
    for (registration, held) in collector.stores().checkpoints.logs().unwrap() {
        let Some(held) = held else { continue };
        let record: Record = serde_json::from_str(&registration.record).unwrap();
        let found = audit::audit(
            collector.stores(),
            &registration.log,
            &record,
            &held,
            &declared,
        );
        gone += found.map_err(|error| error.to_string())?.gone;
    }
    Ok(gone)
}

fn all(site: &Site) -> Vec<(String, String)> {
    let query = Query {
        limit: 1000,
        ..Query::all(Order::Arrival)
    };
    let index = site.server().collector().index();
    indexer::catch_up(site.server().collector().stores(), index).unwrap();
    let found = index.search(&query).unwrap().entries;
    found
        .into_iter()
        .map(|found| (found.origin, found.entry))
        .collect()
}

#[test]
fn who_is_forgotten_stands_nowhere_and_everything_still_holds() {
    let site = Site::new();
    let (db1, db2) = (site.host("db1"), site.host("db2"));
    for host in [&db1, &db2] {
        host.write(&[
            typed("carol", "cat /home/carol/secret-of-carol"),
            typed("bob", "id of-bob"),
            typed("carol", "rm secret-of-carol"),
        ]);
        host.forward(&site, 0);
    }
    site.find("action=sudo.request", 6);
    let held = db1.lines(0);

    let collector = site.server().collector();
    let forgotten = erasure::erase_person(collector, "carol", &why()).unwrap();
    assert_eq!((forgotten.entries, forgotten.waiting), (4, 0));
    rewrite::settle(collector.stores(), None, nothing_is_lost()).unwrap();
    // What is looked for stands in our own journal afterwards: so it is cut short.
    for query in ["person=carol", "text=secret-of-c", "text=home/carol"] {
        let found = site.ask("dora", &format!("/v1/entries?{query}")).unwrap();
        assert_eq!(found["entries"], json!([]), "{query}");
    }
    assert_eq!(site.find("text=of-bob&action=sudo", 2).len(), 2);
    let is_stored = || {
        let index = std::fs::read_dir(site.layout().root()).unwrap();
        let mut files = index
            .map(|file| file.unwrap().path())
            .filter(|path| path.is_file());
        let found = files.find(|path| is_in(path, "secret-of-carol"));
        assert_eq!(found, None);
        is_anywhere(&site.layout().segments(), "secret-of-carol")
    };
    assert!(!is_stored());
    assert_eq!(audited(&site), Ok(4));
    let erased = site.journalled("log.erased");
    assert_eq!(erased.len(), 2);
    assert_eq!(erased[0]["detail"]["why"], "asked on 3 May");

    // The host sends the same again, and goes on.
    db1.send(&site, 0, &held).unwrap();
    let size = held
        .split(|byte| *byte == b'\n')
        .filter(|line| line.starts_with(b"{\"seq\":"))
        .count();
    db1.write(&[typed("bob", "id later")]);
    db1.forward(&site, size as u64);
    site.find("text=later", 1);
    assert!(!is_stored());
    assert_eq!(audited(&site), Ok(4));
    assert!(site.journalled("alarm.fork").is_empty());

    // An index that is made anew finds the same.
    let fresh = SqliteIndex::open(&site.layout().root().join("fresh.db")).unwrap();
    indexer::catch_up(collector.stores(), &fresh).unwrap();
    let query = Query {
        limit: 1000,
        ..Query::all(Order::Arrival)
    };
    assert_eq!(
        fresh.search(&query).unwrap(),
        collector.index().search(&query).unwrap()
    );
}

#[test]
fn a_reader_of_journals_is_forgotten_in_the_collectors_own_too() {
    let site = Site::new();
    let _ = site.ask("dora", "/v1/entries?user=x").unwrap();
    assert_eq!(site.journalled("log.read").len(), 1);
    let collector = site.server().collector();
    let forgotten = erasure::erase_person(collector, "dora", &why()).unwrap();
    assert_eq!(forgotten.entries, 1);
    assert!(site.journalled("log.read").is_empty());
    assert!(!is_anywhere(&site.layout().journal(), "\"dora\""));
}

#[test]
fn text_that_is_gone_without_a_word_is_found_out() {
    let site = Site::new();
    let host = site.host("db1");
    host.write(&[typed("carol", "id one"), typed("carol", "id two")]);
    host.forward(&site, 0);
    assert_eq!(audited(&site), Ok(0));
    let collector = site.server().collector();
    let log = host.origin.parse().unwrap();
    let (stores, index) = (collector.stores(), collector.index());
    rewrite::erase(stores, index, &log, &[(2, 2)], nothing_is_lost()).unwrap();
    let found = audited(&site).unwrap_err();
    assert!(
        found.contains("entry 2") && found.contains("is gone"),
        "{found}"
    );
}

#[test]
fn old_text_goes_and_what_proves_stays() {
    let site = Site::new();
    let (db1, web1) = (site.host("db1"), site.host("web1"));
    for host in [&db1, &web1] {
        host.write(&[typed("carol", "id old-text"), typed("bob", "id old-text")]);
        host.forward(&site, 0);
    }
    site.find("text=old-text", 4);
    let collector = site.server().collector();
    let policy: Policy = toml::from_str("keep_days = 400\n[hosts]\ndb1 = 30").unwrap();
    let mut progress = Progress::default();
    let in_days = |days: u64| Now::from(SystemTime::now() + Duration::from_secs(days * 86_400));
    let mut retire =
        |days| retention::retire(collector, &policy, &mut progress, in_days(days)).unwrap();
    assert_eq!(retire(29), 0);
    assert!(site.journalled("log.retired").is_empty());
    assert_eq!(retire(31), 1);
    assert_eq!(retire(31), 0, "once");
    rewrite::settle(collector.stores(), None, nothing_is_lost()).unwrap();
    let left = site.find("text=old-text", 2);
    assert!(
        left.iter()
            .all(|found| found["origin"] == web1.origin.as_str())
    );
    assert!(!is_anywhere(
        &site.layout().segments().join(&db1.origin),
        "old-text"
    ));
    let retired = site.journalled("log.retired");
    assert_eq!(retired.len(), 1);
    assert_eq!(retired[0]["detail"]["log"], db1.origin.as_str());
    assert_eq!(retired[0]["detail"]["keep_days"], 30);
    assert!(audited(&site).unwrap() >= 2);
    // The journal's own entries stay, and it goes on from what is held.
    let opening = site.find("host=db1&action=journal.open", 1);
    assert!(opening[0]["entry"].as_str().unwrap().contains("log_key"));
    let size = site.ask("dora", "/v1/logs").unwrap()["logs"][0]["size"]
        .as_u64()
        .unwrap();
    db1.write(&[typed("bob", "id new-text")]);
    db1.forward(&site, size);
    site.find("text=new-text", 1);
    assert!(audited(&site).unwrap() >= 2);
}

#[test]
fn an_erasure_that_a_journal_declares_is_told_at_once_and_followed_later() {
    let site = Site::new();
    let host = site.host("db1");
    let writer = host.writer();
    let seq = writer
        .append(&typed("carol", "id to-be-erased"))
        .unwrap()
        .seq;
    writer.append(&typed("bob", "id stays")).unwrap();
    writer.close().unwrap();
    let held = host.forward(&site, 0)["size"].as_u64().unwrap();
    site.find("action=sudo.request", 2);
    let writer = host.writer();
    writer.erase(&[seq], "root", "asked on 3 May").unwrap();
    writer.close().unwrap();
    host.forward(&site, held);
    site.find("action=journal.erased", 1);

    let collector = site.server().collector();
    let in_days = |days: u64| Now::from(SystemTime::now() + Duration::from_secs(days * 86_400));
    let mut config = site.config();
    assert_eq!(config.follow_erasures, FollowErasures::AfterDays(7));
    Housekeeping::new(config.clone(), site.layout()).once(collector, Now::read());
    let told = site.journalled("log.erasure-declared");
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["detail"]["entries"], json!([[seq, seq]]));
    assert_eq!(told[0]["detail"]["why"], "asked on 3 May");
    assert!(told[0]["detail"]["follows"].is_string());
    // Told once, also after a restart, and not followed before its time or against the configuration.
    Housekeeping::new(config.clone(), site.layout()).once(collector, in_days(6));
    config.follow_erasures = FollowErasures::Never;
    Housekeeping::new(config.clone(), site.layout()).once(collector, in_days(60));
    assert_eq!(site.journalled("log.erasure-declared").len(), 1);
    assert_eq!(site.find("text=to-be-era&action=sudo", 1).len(), 1);

    config.follow_erasures = FollowErasures::AfterDays(7);
    Housekeeping::new(config, site.layout()).once(collector, in_days(8));
    let found = site
        .ask("dora", "/v1/entries?text=to-be-era&action=sudo")
        .unwrap();
    assert_eq!(found["entries"], json!([]));
    assert!(!is_anywhere(&site.layout().segments(), "to-be-erased"));
    assert_eq!(site.find("text=stays", 1).len(), 1);
    assert_eq!(audited(&site), Ok(1));
}

#[test]
fn the_index_is_made_anew_while_it_serves() {
    let site = Site::new();
    let host = site.host("db1");
    host.write(&[typed("bob", "id of-bob")]);
    let held = host.forward(&site, 0)["size"].as_u64().unwrap();
    let before = site.find("text=of-bob", 1);
    // What only the old one has shows which one answers.
    let file = site.layout().root().join("collector.toml");
    std::fs::write(&file, site.config_text()).unwrap();
    let busy = File::create(site.layout().lock()).unwrap();
    busy.lock().unwrap();
    let inode = || std::os::unix::fs::MetadataExt::ino(&site.layout().index().metadata().unwrap());
    let old = inode();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let code = std::thread::scope(|scope| {
        let housekeeping = Housekeeping::new(site.config(), site.layout());
        let collector = site.server().collector();
        scope.spawn(move || housekeeping.run(collector, &stopped));
        let arguments = [
            "daypass-collector",
            "reindex",
            "--config",
            file.to_str().unwrap(),
        ];
        let code = daypass_collector::cli::run(arguments.map(Into::into));
        drop(stop);
        code
    });
    assert_eq!(
        format!("{code:?}"),
        format!("{:?}", std::process::ExitCode::SUCCESS)
    );
    assert_ne!(inode(), old, "another file");
    assert_eq!(site.find("text=of-bob", 1), before);
    host.write(&[typed("bob", "id later")]);
    host.forward(&site, held);
    site.find("text=later", 1);
}
