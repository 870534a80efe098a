//! Segments that are damaged or gone: told of once, and passed over by everything that reads what is stored.

use std::path::PathBuf;

use daypass_collector::feed::{Feed, Place};
use serde_json::json;

use crate::host::Host;
use crate::site::Site;

/// The files of a host's segments, in their order.
fn segments(site: &Site, host: &Host) -> Vec<PathBuf> {
    let of_host = |path: &PathBuf| path.to_string_lossy().contains(&host.origin);
    site.stored().into_iter().filter(of_host).collect()
}

fn remove_index(site: &Site) {
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
