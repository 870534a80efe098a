//! Segments that are lost while somebody is forgotten in them, or while they grow too old, and that come back.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use daypass_collector::authority::Authority;
use daypass_collector::checkpoints::CheckpointStore as _;
use daypass_collector::checkpoints::sqlite::SqliteCheckpoints;
use daypass_collector::clock::Now;
use daypass_collector::erasure;
use daypass_collector::feed::{Feed, Place};
use daypass_collector::housekeeping::Housekeeping;
use daypass_collector::index::Index as _;
use daypass_collector::index::query::{Order, Query};
use daypass_collector::index::sqlite::SqliteIndex;
use daypass_collector::indexer;
use daypass_collector::keep::Stores;
use daypass_collector::restore::{self, Unsigned};
use daypass_collector::retention::{self, Policy, Progress};
use daypass_collector::segments::directory::DirectorySegments;
use serde_json::json;

use crate::host::Host;
use crate::lost::{remove_index, segments, two};
use crate::site::Site;
use crate::store::{audited, is_anywhere, why};

/// What carol typed stands in the first segment of each host.
const TEXT: &str = "first-of-db1";

/// The first segment of the first host, taken away; and a second copy that has it.
struct Lost {
    site: Site,
    hosts: [Host; 2],
    archive: tempfile::TempDir,
    path: PathBuf,
    aside: tempfile::TempDir,
}

impl Lost {
    fn new() -> Self {
        let (site, hosts) = two();
        let lost = Self {
            path: segments(&site, &hosts[0]).remove(0),
            site,
            hosts,
            archive: tempfile::tempdir().unwrap(),
            aside: tempfile::tempdir().unwrap(),
        };
        lost.keep_house();
        assert!(is_anywhere(lost.archive.path(), TEXT));
        std::fs::copy(&lost.path, lost.copy()).unwrap();
        std::fs::remove_file(&lost.path).unwrap();
        lost
    }

    fn copy(&self) -> PathBuf {
        self.aside.path().join("segment")
    }

    /// As after a restart.
    fn keep_house(&self) {
        let mut config = self.site.config();
        config.archive = Some(self.archive.path().to_owned());
        let mut housekeeping = Housekeeping::new(config, self.site.layout());
        housekeeping.once(self.site.server().collector(), Now::read());
    }

    fn forget_carol(&self) -> u64 {
        let collector = self.site.server().collector();
        let forgotten = erasure::erase_person(collector, "carol", &why()).unwrap();
        forgotten.waiting
    }

    fn put_back(&self) {
        std::fs::copy(self.copy(), &self.path).unwrap();
    }

    /// Whether somebody who reads what is stored meets the text.
    fn is_read(&self) -> bool {
        let collector = self.site.server().collector();
        let mut feed = Feed::open(Place::default());
        let read = feed.next(collector, 1000).unwrap();
        assert!(!read.is_empty());
        let is_it = |line: &[u8]| line.windows(TEXT.len()).any(|part| part == TEXT.as_bytes());
        let is_fed = read.iter().any(|item| is_it(&item.line));
        let path = self.aside.path().join("index.db");
        let fresh = SqliteIndex::open(&path).unwrap();
        indexer::catch_up(collector.stores(), &fresh).unwrap();
        let all = Query {
            limit: 1000,
            ..Query::all(Order::Arrival)
        };
        let found = fresh.search(&all).unwrap().entries;
        drop(fresh);
        std::fs::remove_file(path).unwrap();
        is_fed || found.iter().any(|found| found.entry.contains(TEXT))
    }

    fn is_stored(&self) -> bool {
        let is_in = |dir: &Path| is_anywhere(dir, TEXT);
        is_in(self.site.layout().root()) || is_in(&self.archive.path().join("segments"))
    }

    fn owed(&self) -> usize {
        let stores = self.site.server().collector().stores();
        stores.checkpoints.lost().debts().unwrap().len()
    }
}

#[test]
fn who_is_forgotten_while_a_segment_is_lost_is_not_back_with_it() {
    let lost = Lost::new();
    assert_eq!(lost.forget_carol(), 1);
    assert!(lost.owed() > 0);
    lost.put_back();
    assert!(!lost.is_read(), "not for a moment");
    lost.keep_house();
    assert!(!lost.is_read());
    assert!(!lost.is_stored());
    assert_eq!(lost.owed(), 0);
    let stores = lost.site.server().collector().stores();
    assert_eq!(stores.checkpoints.lost().after(0, 9).unwrap(), []);
    // Four of carol's, and one word for each run of them.
    assert_eq!(audited(&lost.site), Ok(4));
    let bobs = lost.site.find("person=bob", 4);
    assert_eq!(bobs.len(), 4);
}

#[test]
fn who_is_forgotten_in_what_no_index_knows_is_not_back_with_it() {
    let mut lost = Lost::new();
    lost.site.stop();
    remove_index(&lost.site);
    lost.site.start();
    lost.site.find("person=bob", 3);
    assert_eq!(lost.forget_carol(), 1);
    let said = |lost: &Lost| lost.site.journalled("log.erased").len();
    let before = said(&lost);
    lost.put_back();
    assert!(!lost.is_read());
    lost.keep_house();
    assert!(!lost.is_stored());
    assert_eq!((lost.owed(), said(&lost)), (0, before + 1));
    assert_eq!(audited(&lost.site), Ok(4), "all of it was said");
    lost.keep_house();
    assert_eq!(said(&lost), before + 1);
}

#[test]
fn what_grew_too_old_while_it_was_lost_goes_when_it_is_back() {
    let lost = Lost::new();
    let policy: Policy = toml::from_str("keep_days = 30").unwrap();
    let later = Now::from(SystemTime::now() + Duration::from_secs(31 * 86_400));
    let collector = lost.site.server().collector();
    retention::retire(collector, &policy, &mut Progress::default(), later).unwrap();
    let found = lost.site.ask("dora", "/v1/entries?text=-of-db1").unwrap();
    assert_eq!(found["entries"], json!([]), "nor is it found meanwhile");
    lost.put_back();
    assert!(!lost.is_read());
    lost.keep_house();
    assert!(!lost.is_stored());
    assert_eq!(lost.owed(), 0);
    assert!(audited(&lost.site).unwrap() >= 8);
}

#[test]
fn what_is_owed_is_owed_by_what_is_brought_back_from_the_second_copy() {
    let lost = Lost::new();
    lost.forget_carol();
    lost.keep_house();
    let archive = lost.archive.path();
    assert!(is_anywhere(&archive.join("segments"), TEXT));
    let dir = tempfile::tempdir().unwrap();
    let checkpoints = SqliteCheckpoints::open(&dir.path().join("checkpoints.db")).unwrap();
    let segments = DirectorySegments::open(dir.path()).unwrap();
    let stores = Stores {
        checkpoints: &checkpoints,
        segments: &segments,
    };
    let authority = Authority::open(&lost.site.layout().authority(), lost.site.ca.pin).unwrap();
    let restored = restore::restore(archive, stores, &authority, Unsigned::Refused).unwrap();
    assert_eq!((restored.failed, restored.short), (vec![], vec![]));
    let log = lost.hosts[0].origin.parse().unwrap();
    let number = checkpoints.segments_of(&log, 0, 1).unwrap()[0].number;
    let owing = checkpoints.lost().after(0, 9).unwrap();
    assert_eq!(owing.len(), 1);
    assert_eq!(owing[0].number, number);
    let index = SqliteIndex::open(&dir.path().join("index.db")).unwrap();
    indexer::catch_up(stores, &index).unwrap();
    drop(index);
    let files = std::fs::read_dir(dir.path()).unwrap();
    for file in files.map(|file| file.unwrap().path()) {
        assert!(
            !file.is_file()
                || !std::fs::read(&file)
                    .unwrap()
                    .windows(TEXT.len())
                    .any(|part| part == TEXT.as_bytes())
        );
    }
}
