//! Erasures that journals declare: how they wait, and what becomes of those that cannot be followed.

use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, Instant, SystemTime};

use daypass_collector::clock::Now;
use daypass_collector::config::{Config, FollowErasures};
use daypass_collector::housekeeping::Housekeeping;
use serde_json::{Value, json};

use crate::host::Host;
use crate::site::Site;

fn in_days(days: u64) -> Now {
    Now::from(SystemTime::now() + Duration::from_secs(days * 86_400))
}

fn once(site: &Site, config: &Config, now: Now) {
    let collector = site.server().collector();
    Housekeeping::new(config.clone(), site.layout()).once(collector, now);
}

/// A host of whose journal one entry is declared to be erased; everything has come in.
fn declaring(site: &Site, name: &str) -> Host {
    let host = site.host(name);
    let writer = host.writer();
    let typed = json!({"action": "sudo.request", "command": {"line": format!("id of-{name}")}});
    let seq = writer.append(&typed).unwrap().seq;
    writer.close().unwrap();
    let held = host.forward(site, 0)["size"].as_u64().unwrap();
    let writer = host.writer();
    writer.erase(&[seq], "root", "asked on 3 May").unwrap();
    writer.close().unwrap();
    host.forward(site, held);
    site.find(&format!("host={name}&action=journal.erased"), 1);
    host
}

fn found(site: &Site, text: &str) -> usize {
    let path = format!("/v1/entries?text={text}&action=sudo");
    let answer: Value = site.ask("dora", &path).unwrap();
    answer["entries"].as_array().unwrap().len()
}

#[test]
fn what_is_never_followed_is_told_once_and_leaves_a_place_behind_and_nothing_else() {
    let site = Site::new();
    declaring(&site, "db1");
    let mut config = site.config();
    config.follow_erasures = FollowErasures::Never;
    once(&site, &config, Now::read());
    let told = site.journalled("log.erasure-declared");
    assert_eq!(told.len(), 1);
    assert!(told[0]["detail"].get("follows").is_none());
    let file = site.layout().housekeeping();
    let memory: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(memory["declared"]["waiting"], json!({}));
    assert!(memory["declared"]["cursor"].is_string());

    config.follow_erasures = FollowErasures::AfterDays(1);
    once(&site, &config, in_days(60));
    assert_eq!(site.journalled("log.erasure-declared").len(), 1);
    assert_eq!(
        found(&site, "of-db1"),
        1,
        "it was told that it is not followed"
    );
}

#[test]
fn what_has_not_changed_is_not_written_again() {
    let site = Site::new();
    declaring(&site, "db1");
    let config = site.config();
    let mut housekeeping = Housekeeping::new(config, site.layout());
    let inode = || {
        std::fs::metadata(site.layout().housekeeping())
            .unwrap()
            .ino()
    };
    housekeeping.once(site.server().collector(), Now::read());
    let memory = std::fs::read_to_string(site.layout().housekeeping()).unwrap();
    assert!(memory.contains("\"seen\""), "one waits: {memory}");
    // What the collector journals comes in for a moment, and moves the place.
    let begun = Instant::now();
    loop {
        let before = inode();
        housekeeping.once(site.server().collector(), in_days(1));
        if inode() == before {
            break;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "it is written each time"
        );
    }
}

#[test]
fn one_that_cannot_be_followed_keeps_no_other_waiting_and_is_said_once() {
    let site = Site::new();
    let hosts = ["db1", "db2"].map(|name| declaring(&site, name));
    let config = site.config();
    let mut housekeeping = Housekeeping::new(config, site.layout());
    let collector = site.server().collector();
    housekeeping.once(collector, Now::read());
    let is_first = |path: &&std::path::PathBuf| path.to_string_lossy().contains(&hosts[0].origin);
    let lost = site.stored().iter().find(is_first).unwrap().clone();
    let aside = site.layout().root().join("aside");
    std::fs::rename(&lost, &aside).unwrap();

    for days in [8, 9, 10] {
        housekeeping.once(collector, in_days(days));
    }
    let erased = |host: &Host| {
        let entries = site.journalled("log.erased");
        let of_host = |entry: &&Value| entry["detail"]["log"] == host.origin.as_str();
        entries.iter().filter(of_host).count()
    };
    assert_eq!((erased(&hosts[0]), erased(&hosts[1])), (1, 1));
    // What can be is done at once.
    assert_eq!((found(&site, "of-db1"), found(&site, "of-db2")), (0, 0));

    // The segment is back; a restart lies in between.
    std::fs::rename(&aside, &lost).unwrap();
    let stands = || {
        let files = site.stored();
        let mut texts = files.iter().map(|file| std::fs::read(file).unwrap());
        texts.any(|text| text.windows(6).any(|part| part == b"of-db1"))
    };
    assert!(stands());
    once(&site, &site.config(), in_days(11));
    assert!(!stands());
    assert_eq!(erased(&hosts[0]), 1);
}

#[test]
fn of_one_journal_only_so_many_declarations_wait() {
    let site = Site::new();
    let host = site.host("db1");
    let writer = host.writer();
    let mut seqs = Vec::new();
    for number in 0..258 {
        let typed = json!({"action": "x", "reason": format!("number {number}")});
        seqs.push(writer.append(&typed).unwrap().seq);
    }
    for seq in seqs {
        writer.erase(&[seq], "root", "again and again").unwrap();
    }
    writer.close().unwrap();
    host.forward(&site, 0);
    site.find("action=journal.erased&limit=1000", 258);
    once(&site, &site.config(), Now::read());
    let told = site.journalled("log.erasure-declared");
    let follows = |entry: &&Value| entry["detail"]["follows"].is_string();
    assert_eq!(
        (told.len(), told.iter().filter(follows).count()),
        (258, 256)
    );
}
