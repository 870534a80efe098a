//! The other side of a fork: in the second copy too, and without the text of who is forgotten.

use std::path::{Path, PathBuf};

use daypass_collector::clock::Now;
use daypass_collector::erasure::{self, EraseError, Why};
use daypass_collector::evidence;
use daypass_collector::housekeeping::Housekeeping;
use daypass_collector::orders::{self, Order};
use daypass_collector::segments::SegmentName;
use serde_json::{Value, json};

use crate::site::{Site, refused};

fn typed(person: &str, line: &str) -> Value {
    json!({"action": "sudo.request", "identity": {"person": person}, "command": {"line": line}})
}

fn files(dir: &Path, with: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(dir).unwrap() {
        let path = file.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path, with)),
            false => {
                let bytes = std::fs::read(&path).unwrap();
                let has = bytes
                    .windows(with.len())
                    .any(|part| part == with.as_bytes());
                found.extend(has.then_some(path));
            }
        }
    }
    found
}

#[test]
fn the_other_side_of_a_fork_is_copied_and_forgets_who_is_forgotten() {
    let site = Site::new();
    let archive = tempfile::tempdir().unwrap();
    let host = site.host("db1");
    host.write(&[typed("bob", "id first")]);
    let held = host.forward(&site, 0)["size"].as_u64().unwrap();
    let clone = host.clone_machine();
    host.write(&[typed("bob", "id here")]);
    host.forward(&site, held);

    let mut config = site.config();
    config.archive = Some(archive.path().to_owned());
    let mut housekeeping = Housekeeping::new(config.clone(), site.layout());
    let collector = site.server().collector();
    housekeeping.once(collector, Now::read());
    clone.write(&[
        typed("carol", "id secret-of-carol"),
        typed("bob", "id of-bob"),
    ]);
    refused(clone.send(&site, held, &clone.lines(held)));
    housekeeping.once(collector, Now::read());
    let (store, copy) = (site.layout().segments(), archive.path().join("segments"));
    let [kept] = &files(&store, "of-bob")[..] else {
        panic!("the other side is kept");
    };
    let copied = copy.join(kept.strip_prefix(&store).unwrap());
    assert_eq!(
        std::fs::read(&copied).unwrap(),
        std::fs::read(kept).unwrap()
    );

    // What cannot be remembered to go from the copy does not go here: else nobody would know that it is to go there.
    let why = Why {
        by: "root".to_owned(),
        reason: "asked on 3 May".to_owned(),
    };
    let mut goes = |_: &_, name: &SegmentName| {
        assert!(kept.ends_with(name.to_string()) && kept.exists());
        Err(std::io::Error::other("the disk is full"))
    };
    let error = evidence::erase_person(collector, "carol", &why, &mut goes).unwrap_err();
    assert!(matches!(error, EraseError::Copy(_)), "{error}");
    assert!(kept.exists());

    let order = Order::Erase {
        person: "carol".to_owned(),
        by: "root".to_owned(),
        reason: "asked on 3 May".to_owned(),
    };
    orders::leave(&site.layout().orders(), &order).unwrap();
    housekeeping.once(collector, Now::read());
    for dir in [&store, &copy] {
        assert!(files(dir, "secret-of-carol").is_empty());
        assert_eq!(files(dir, "of-bob").len(), 1, "what others did stays");
    }
    assert!(!kept.exists() && !copied.exists());
    let erased = site.journalled("log.erased");
    let told = erased.iter().find(|entry| entry["detail"]["count"] == 1);
    let names = told.unwrap()["detail"]["evidence"].as_array().unwrap();
    assert!(kept.ends_with(names[0].as_str().unwrap()));
    assert!(files(&store, "of-bob")[0].ends_with(names[1].as_str().unwrap()));
    assert!(crate::checker::check_journal(&site.layout().journal()) > 0);
}

#[test]
fn whoever_sends_the_same_fork_again_makes_no_work_for_the_second_copy() {
    let site = Site::new();
    let archive = tempfile::tempdir().unwrap();
    let host = site.host("db1");
    host.write(&[typed("bob", "id first")]);
    let held = host.forward(&site, 0)["size"].as_u64().unwrap();
    let clone = host.clone_machine();
    host.write(&[typed("bob", "id here")]);
    host.forward(&site, held);
    let mut config = site.config();
    config.archive = Some(archive.path().to_owned());
    let mut housekeeping = Housekeeping::new(config, site.layout());
    let collector = site.server().collector();
    clone.write(&[typed("bob", "id elsewhere")]);
    let copied = |housekeeping: &mut Housekeeping| {
        refused(clone.send(&site, held, &clone.lines(held)));
        housekeeping.once(collector, Now::read());
        files(&archive.path().join("segments"), "id elsewhere")
    };
    let [copy] = &copied(&mut housekeeping)[..] else {
        panic!("the other side is copied once");
    };
    // Whoever copies all evidence again brings it back.
    std::fs::remove_file(copy).unwrap();
    assert!(copied(&mut housekeeping).is_empty());
}

#[test]
fn a_segment_that_is_lost_keeps_no_evidence_waiting_and_loses_its_text_once_it_is_back() {
    let mut site = Site::new();
    let host = site.host("db1");
    host.write(&[typed("carol", "id first-secret")]);
    let held = host.forward(&site, 0)["size"].as_u64().unwrap();
    site.find("person=carol", 1);
    let clone = host.clone_machine();
    host.write(&[typed("bob", "id here")]);
    host.forward(&site, held);
    clone.write(&[typed("carol", "id other-secret")]);
    refused(clone.send(&site, held, &clone.lines(held)));
    let store = site.layout().segments();
    let [lost] = &files(&store, "first-secret")[..] else {
        panic!("it is stored");
    };
    let aside = site.layout().root().join("aside");
    std::fs::rename(lost, &aside).unwrap();
    let why = Why {
        by: "root".to_owned(),
        reason: "asked on 3 May".to_owned(),
    };
    let erase = |site: &Site| {
        let collector = site.server().collector();
        erasure::forget(collector, "carol", &why, &mut |_, _| Ok(()))
    };
    assert_eq!(erase(&site).unwrap().waiting, 1);
    let left = files(&store, "other-secret");
    assert!(left.is_empty(), "evidence does not wait");

    site.stop();
    std::fs::rename(&aside, lost).unwrap();
    crate::lost::remove_index(&site);
    site.start();
    let collector = site.server().collector();
    Housekeeping::new(site.config(), site.layout()).once(collector, Now::read());
    assert!(files(&store, "-secret").is_empty());
    site.find("person=bob", 1);
    let found = site.ask("dora", "/v1/entries?person=carol").unwrap();
    assert_eq!(found["entries"], serde_json::json!([]));
}
