//! Segments that are damaged or gone: told of once, and passed over by everything that reads what is stored.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use daypass_collector::archive::read_list;
use daypass_collector::clock::Now;
use daypass_collector::erasure::{self, Why};
use daypass_collector::feed::{Feed, Place};
use daypass_collector::housekeeping::Housekeeping;
use daypass_collector::retention::{self, Policy, Progress};
use serde_json::json;

use crate::host::Host;
use crate::site::{Site, refused};

/// The files of a host's segments, in their order.
pub(crate) fn segments(site: &Site, host: &Host) -> Vec<PathBuf> {
    let of_host = |path: &PathBuf| path.to_string_lossy().contains(&host.origin);
    site.stored().into_iter().filter(of_host).collect()
}

pub(crate) fn remove_index(site: &Site) {
    for suffix in ["", "-wal", "-shm"] {
        let mut path = site.layout().index().into_os_string();
        path.push(suffix);
        let _ = std::fs::remove_file(path);
    }
}

#[test]
fn what_is_damaged_or_gone_is_told_of_once_and_everything_behind_it_is_read() {
    let mut site = Site::new();
    let (db1, db2) = (site.host("db1"), site.host("db2"));
    let mut held = 0;
    for round in 0..3 {
        db1.write(&[json!({"action": "round", "detail": {"number": round}})]);
        held = db1.forward(&site, held)["size"].as_u64().unwrap();
    }
    db2.write(&[json!({"action": "behind"})]);
    db2.forward(&site, 0);
    site.stop();

    // One in the middle is gone, the newest, which is looked at first at every start, is no longer what it was.
    let files = segments(&site, &db1);
    assert_eq!(files.len(), 3, "{files:?}");
    std::fs::remove_file(&files[1]).unwrap();
    std::fs::write(&files[2], "something else\n").unwrap();
    remove_index(&site);
    site.start();

    assert_eq!(site.find("action=behind", 1).len(), 1);
    assert_eq!(site.find("action=round", 1).len(), 1);
    let mut feed = Feed::open(Place::default());
    let read = feed.next(site.server().collector(), 1000).unwrap();
    let said = |text: &str| {
        let is_it = |line: &[u8]| line.windows(text.len()).any(|part| part == text.as_bytes());
        read.iter().filter(|item| is_it(&item.line)).count()
    };
    assert_eq!((said("\"behind\""), said("\"round\"")), (1, 1));

    let alarms = site.journalled("alarm.store");
    let mut codes: Vec<_> = alarms.iter().map(|alarm| alarm["code"].as_str()).collect();
    codes.sort_unstable();
    assert_eq!(codes, [Some("segment-damaged"), Some("segment-missing")]);
    assert!(alarms.iter().all(|alarm| {
        let segment = alarm["detail"]["segment"].as_str().unwrap();
        alarm["resource"]["host"] == "db1" && files.iter().any(|file| file.ends_with(segment))
    }));
    assert!(crate::checker::check_journal(&site.layout().journal()) > 0);

    // And what comes later is taken in as ever.
    db1.write(&[json!({"action": "later"})]);
    db1.forward(&site, held);
    site.find("action=later", 1);
}

#[test]
fn a_lost_segment_is_told_of_once_until_it_changes_however_often_the_service_starts() {
    let mut site = Site::new();
    let host = site.host("db1");
    host.write(&[json!({"action": "x"})]);
    host.forward(&site, 0);
    site.find("action=x", 1);
    let newest = segments(&site, &host).remove(0);
    let bytes = std::fs::read(&newest).unwrap();
    std::fs::remove_file(&newest).unwrap();
    let told = |site: &mut Site| {
        for _ in 0..2 {
            site.stop();
            site.start();
            // What every start looks at first.
            site.server().collector().recall().unwrap();
        }
        let alarms = site.journalled("alarm.store");
        let codes = alarms.iter().map(|alarm| alarm["code"].as_str().unwrap());
        codes.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(told(&mut site), ["segment-missing"]);
    std::fs::write(&newest, "something else\n").unwrap();
    assert_eq!(told(&mut site), ["segment-missing", "segment-damaged"]);
    // Back, and lost again: that is another loss.
    std::fs::write(&newest, bytes).unwrap();
    Housekeeping::new(site.config(), site.layout()).once(site.server().collector(), Now::read());
    std::fs::write(&newest, "something else\n").unwrap();
    assert_eq!(told(&mut site).len(), 3);
}

/// A site with two hosts of which each sent twice.
pub(crate) fn two() -> (Site, [Host; 2]) {
    let site = Site::new();
    let hosts = ["db1", "db2"].map(|name| {
        let host = site.host(name);
        let mut held = 0;
        for part in ["first", "second"] {
            let typed = |person: &str, line: String| {
                json!({"action": "sudo.request", "identity": {"person": person}, "command": {"line": line}})
            };
            host.write(&[
                typed("carol", format!("id {part}-of-{name}")),
                typed("bob", "id something".to_owned()),
            ]);
            held = host.forward(&site, held)["size"].as_u64().unwrap();
        }
        host
    });
    site.find("person=carol", 4);
    (site, hosts)
}

#[test]
fn the_second_copy_goes_on_and_takes_what_is_put_back() {
    let (site, hosts) = two();
    let archive = tempfile::tempdir().unwrap();
    let mut config = site.config();
    config.archive = Some(archive.path().to_owned());
    let lost = segments(&site, &hosts[0]).remove(0);
    let aside = site.layout().root().join("aside");
    std::fs::rename(&lost, &aside).unwrap();
    let collector = site.server().collector();
    let mut housekeeping = Housekeeping::new(config.clone(), site.layout());
    housekeeping.once(collector, Now::read());
    housekeeping.once(collector, Now::read());
    let copied = || {
        let list = read_list(archive.path()).unwrap();
        let hosts = list.values().filter(|one| one.log.owner().host().is_some());
        hosts.count()
    };
    assert_eq!(copied(), 3);
    assert!(site.journalled("archive.behind").is_empty());
    assert_eq!(site.journalled("alarm.store").len(), 1);

    std::fs::rename(&aside, &lost).unwrap();
    // As after a restart.
    Housekeeping::new(config, site.layout()).once(collector, Now::read());
    assert_eq!(copied(), 4);
}

#[test]
fn a_person_is_forgotten_and_what_is_old_goes_wherever_it_can_be_read() {
    let (site, hosts) = two();
    let collector = site.server().collector();
    std::fs::write(&segments(&site, &hosts[0])[0], "something else\n").unwrap();
    let why = Why {
        by: "root".to_owned(),
        reason: "asked on 3 May".to_owned(),
    };
    let forgotten = erasure::erase_person(collector, "carol", &why).unwrap();
    assert_eq!((forgotten.entries, forgotten.waiting), (4, 1));
    let left = site.ask("dora", "/v1/entries?text=-of-db").unwrap();
    assert_eq!(left["entries"], json!([]), "in no search");
    for host in &hosts {
        for path in segments(&site, host) {
            let text = std::fs::read_to_string(path).unwrap();
            assert!(!text.contains("-of-db"), "{text}");
        }
    }

    let policy: Policy = toml::from_str("keep_days = 30").unwrap();
    let later = Now::from(SystemTime::now() + Duration::from_secs(31 * 86_400));
    let mut progress = Progress::default();
    // One segment waits until it is back.
    for retired in [3, 0] {
        let count = retention::retire(collector, &policy, &mut progress, later).unwrap();
        assert_eq!(count, retired);
    }
    assert_eq!(
        site.journalled("log.retired").len(),
        2,
        "one for each journal"
    );
    assert_eq!(site.journalled("alarm.store").len(), 1);
}

#[test]
fn a_host_that_sends_again_what_is_lost_here_is_not_refused() {
    let (site, hosts) = two();
    let [db1, _] = &hosts;
    std::fs::remove_file(&segments(&site, db1)[0]).unwrap();
    db1.write(&[json!({"action": "later"})]);
    let size = db1.forward(&site, 0)["size"].as_u64().unwrap();
    site.find("action=later", 1);
    // What is there is compared as ever.
    let lines = String::from_utf8(db1.lines(0)).unwrap();
    let forged = lines.replace("second-of-db1", "SECOND-of-db1");
    assert_eq!(
        refused(db1.send(&site, 0, forged.as_bytes())),
        (422, "fork".to_owned())
    );
    assert_eq!(db1.forward(&site, 0)["size"].as_u64(), Some(size));
}
