//! Second copies that somebody meddled with, or that a disk damaged: what holds comes back, and nothing else.

use std::path::{Path, PathBuf};

use daypass_collector::archive::{Archive, ArchiveError, ArchivedLog, read_list, read_logs};
use daypass_collector::authority::Authority;
use daypass_collector::checkpoints::CheckpointStore as _;
use daypass_collector::checkpoints::sqlite::SqliteCheckpoints;
use daypass_collector::clock::Now;
use daypass_collector::housekeeping::Housekeeping;
use daypass_collector::keep::Stores;
use daypass_collector::restore::{self, RestoreError, Restored, Unsigned};
use daypass_collector::segments::directory::DirectorySegments;
use serde_json::json;

use crate::host::Host;
use crate::site::Site;

struct Copy {
    site: Site,
    hosts: [Host; 2],
    archive: tempfile::TempDir,
}

impl Copy {
    /// Of two hosts of which each sent twice.
    fn new() -> Self {
        let site = Site::new();
        let archive = tempfile::tempdir().unwrap();
        let hosts = ["db1", "db2"].map(|name| {
            let host = site.host(name);
            host.write(&[json!({"action": "x", "reason": format!("of-{name}")})]);
            let held = host.forward(&site, 0)["size"].as_u64().unwrap();
            host.write(&[json!({"action": "x", "reason": format!("later-{name}")})]);
            host.forward(&site, held);
            host
        });
        let mut config = site.config();
        config.archive = Some(archive.path().to_owned());
        let mut housekeeping = Housekeeping::new(config, site.layout());
        housekeeping.once(site.server().collector(), Now::read());
        Self {
            site,
            hosts,
            archive,
        }
    }

    /// Restored into an empty place: what is said, and how many entries of each host there are.
    fn restore(&self, unsigned: Unsigned) -> Result<(Restored, [Option<u64>; 2]), RestoreError> {
        self.restore_and(unsigned, |_| ())
    }

    /// The same, and something is done there.
    fn restore_and(
        &self,
        unsigned: Unsigned,
        then: impl FnOnce(Stores<'_>),
    ) -> Result<(Restored, [Option<u64>; 2]), RestoreError> {
        let dir = tempfile::tempdir().unwrap();
        let checkpoints = SqliteCheckpoints::open(&dir.path().join("checkpoints.db")).unwrap();
        let segments = DirectorySegments::open(dir.path()).unwrap();
        let stores = Stores {
            checkpoints: &checkpoints,
            segments: &segments,
        };
        let authority = Authority::open(&self.site.layout().authority(), self.site.ca.pin).unwrap();
        let restored = restore::restore(self.archive.path(), stores, &authority, unsigned)?;
        let sizes = [0, 1].map(|host| {
            let held = checkpoints.latest(&self.hosts[host].origin.parse().unwrap());
            held.unwrap().map(|held| held.mark.size)
        });
        then(stores);
        Ok((restored, sizes))
    }

    fn segments(&self, host: usize) -> Vec<PathBuf> {
        let dir = self
            .archive
            .path()
            .join("segments")
            .join(&self.hosts[host].origin);
        let files = std::fs::read_dir(dir).unwrap();
        let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        files.sort();
        files
    }

    fn change_logs(&self, change: impl FnOnce(&mut Vec<ArchivedLog>)) {
        let mut logs = read_logs(self.archive.path()).unwrap();
        change(&mut logs);
        let logs = serde_json::to_vec(&logs).unwrap();
        std::fs::write(self.archive.path().join("logs.json"), logs).unwrap();
    }

    fn log<'a>(&self, logs: &'a mut [ArchivedLog], host: usize) -> &'a mut ArchivedLog {
        let origin = &self.hosts[host].origin;
        logs.iter_mut().find(|log| log.origin == *origin).unwrap()
    }

    fn size(&self, host: usize) -> u64 {
        let mut logs = read_logs(self.archive.path()).unwrap();
        self.log(&mut logs, host).size
    }
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{}", path.display());
    std::fs::write(path, text.replacen(from, to, 1)).unwrap();
}

/// Why the one journal that is not whole is not.
fn why(restored: &Restored, host: &Host) -> String {
    let [failure] = &restored.failed[..] else {
        panic!("{:?}", restored.failed);
    };
    assert_eq!(failure.log, host.origin);
    failure.why.clone()
}

#[test]
fn a_journal_that_does_not_hold_keeps_no_other_away() {
    let copy = Copy::new();
    let whole = [Some(copy.size(0)), Some(copy.size(1))];
    let (restored, sizes) = copy.restore(Unsigned::Refused).unwrap();
    assert_eq!((restored.failed, sizes), (vec![], whole));

    // The second segment of the first host: what is before it is back.
    edit(&copy.segments(0)[1], "later-db1", "LATER-db1");
    let (restored, sizes) = copy.restore(Unsigned::Refused).unwrap();
    assert!(why(&restored, &copy.hosts[0]).contains("is damaged"));
    assert!(sizes[0] > Some(0) && sizes[0] < whole[0], "{sizes:?}");
    assert_eq!(sizes[1], whole[1]);
    assert_eq!(
        restored.short,
        [(copy.hosts[0].origin.clone(), sizes[0].unwrap())]
    );

    std::fs::remove_file(&copy.segments(0)[0]).unwrap();
    let (restored, sizes) = copy.restore(Unsigned::Refused).unwrap();
    assert!(why(&restored, &copy.hosts[0]).contains("is missing"));
    assert_eq!(sizes, [None, whole[1]]);
}

#[test]
fn a_journal_that_nobody_vouches_for_comes_back_on_demand_only() {
    let copy = Copy::new();
    let whole = [Some(copy.size(0)), Some(copy.size(1))];
    copy.change_logs(|logs| {
        let other = copy.log(logs, 1).signature.clone();
        copy.log(logs, 0).signature = other;
    });
    let (restored, sizes) = copy.restore(Unsigned::Refused).unwrap();
    assert!(why(&restored, &copy.hosts[0]).contains("--take-unsigned"));
    assert_eq!(sizes, [None, whole[1]]);
    let (restored, sizes) = copy.restore(Unsigned::Taken).unwrap();
    assert_eq!((restored.failed, sizes), (vec![], whole));
    assert_eq!(restored.unsigned, [copy.hosts[0].origin.clone()]);

    // Whoever says so says nothing about a record of another journal, or about segments without one.
    copy.change_logs(|logs| {
        let other = copy.log(logs, 1).record.clone();
        copy.log(logs, 0).record = other;
    });
    let (restored, sizes) = copy.restore(Unsigned::Taken).unwrap();
    assert!(why(&restored, &copy.hosts[0]).contains("another journal's"));
    assert_eq!(sizes, [None, whole[1]]);
    copy.change_logs(|logs| logs.retain(|log| log.origin != copy.hosts[0].origin));
    let (restored, _) = copy.restore(Unsigned::Taken).unwrap();
    assert!(why(&restored, &copy.hosts[0]).contains("no record"));
}

#[test]
fn a_list_that_cannot_be_read_brings_nothing_back() {
    let copy = Copy::new();
    edit(&copy.archive.path().join("list"), " ", " x");
    let error = copy.restore(Unsigned::Refused).unwrap_err();
    assert!(error.to_string().contains("line 1"), "{error}");
}

#[test]
fn what_did_not_come_back_whole_is_not_copied_over_the_copy() {
    let copy = Copy::new();
    let listed = read_list(copy.archive.path()).unwrap();
    let follow = |stores: Stores<'_>| {
        let mut archive = Archive::open(copy.archive.path()).unwrap();
        archive.follow(stores, &mut |_, error| Err(error.into()))
    };
    let (_, sizes) = copy
        .restore_and(Unsigned::Refused, |stores| {
            assert_eq!(follow(stores).unwrap(), 0);
        })
        .unwrap();
    assert!(sizes.iter().all(Option::is_some));

    // What is behind it has other numbers then.
    std::fs::remove_file(&copy.segments(0)[1]).unwrap();
    copy.restore_and(Unsigned::Refused, |stores| {
        let error = follow(stores).unwrap_err();
        assert!(matches!(&error, ArchiveError::Another { .. }), "{error}");
        assert!(error.to_string().contains("empty directory"), "{error}");
    })
    .unwrap();
    assert_eq!(read_list(copy.archive.path()).unwrap(), listed);
}
