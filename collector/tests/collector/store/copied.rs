//! What comes back from the second copy, and what goes from it.

use std::os::unix::net::UnixDatagram;
use std::path::Path;

use daypass_collector::archive::{read_exports, read_list};
use daypass_collector::authority::Authority;
use daypass_collector::checkpoints::CheckpointStore as _;
use daypass_collector::checkpoints::sqlite::SqliteCheckpoints;
use daypass_collector::clock::Now;
use daypass_collector::erasure;
use daypass_collector::export::Exports;
use daypass_collector::housekeeping::Housekeeping;
use daypass_collector::keep::Stores;
use daypass_collector::layout::Layout;
use daypass_collector::origin::Origin;
use daypass_collector::restore::{self, Unsigned};
use daypass_collector::segments::SegmentName;
use daypass_collector::segments::directory::DirectorySegments;

use super::{all, audited, is_anywhere, typed, why};
use crate::host::Host;
use crate::site::{Site, until};

/// A site with a second copy, and hosts of which something was erased.
fn copied(site: &Site, archive: &Path) -> (Host, Housekeeping) {
    let host = site.host("db1");
    host.write(&[
        typed("carol", "id secret-of-carol"),
        typed("bob", "id of-bob"),
    ]);
    host.forward(site, 0);
    site.find("text=of-bob", 1);
    let mut config = site.config();
    config.archive = Some(archive.to_owned());
    let mut housekeeping = Housekeeping::new(config, site.layout());
    let collector = site.server().collector();
    housekeeping.once(collector, Now::read());
    assert!(is_anywhere(archive, "secret-of-carol"));
    erasure::erase_person(collector, "carol", &why()).unwrap();
    housekeeping.once(collector, Now::read());
    assert!(
        !is_anywhere(&archive.join("segments"), "secret-of-carol"),
        "the copy follows"
    );
    (host, housekeeping)
}

#[test]
fn one_lost_disk_loses_nothing() {
    let mut site = Site::new();
    let archive = tempfile::tempdir().unwrap();
    let (db1, mut housekeeping) = copied(&site, archive.path());
    let web1 = site.host("web1");
    web1.write(&[typed("bob", "id on-web1")]);
    let size = web1.forward(&site, 0)["size"].as_u64().unwrap();
    site.find("text=on-web1", 1);
    housekeeping.once(site.server().collector(), Now::read());
    let of_hosts = |site: &Site| {
        let mut all = all(site);
        all.retain(|(origin, _)| origin.contains("/host/"));
        all
    };
    let before = of_hosts(&site);
    let listed = |site: &Site, count: usize| {
        let checkpoints = site.server().collector().stores().checkpoints;
        checkpoints.segments_after(0, count).unwrap()
    };
    let copied = read_list(archive.path()).unwrap().len();
    let stored = listed(&site, copied);
    site.stop();

    // The disk is lost; what `init` and `accept` make is there anew.
    let layout = site.layout();
    std::fs::remove_dir_all(layout.segments()).unwrap();
    std::fs::create_dir(layout.segments()).unwrap();
    for file in ["checkpoints.db", "index.db"] {
        std::fs::remove_file(layout.root().join(file)).unwrap();
    }
    {
        let checkpoints = SqliteCheckpoints::open(&layout.checkpoints()).unwrap();
        let segments = DirectorySegments::open(&layout.segments()).unwrap();
        let stores = Stores {
            checkpoints: &checkpoints,
            segments: &segments,
        };
        let authority = Authority::open(&layout.authority(), site.ca.pin).unwrap();
        let again = || restore::restore(archive.path(), stores, &authority, Unsigned::Refused);
        let restored = again().unwrap();
        // Two hosts' journals, and our own.
        assert_eq!((restored.logs, restored.short), (3, vec![]));
        assert_eq!((restored.unsigned, restored.failed), (vec![], vec![]));
        assert!(
            again()
                .unwrap_err()
                .to_string()
                .contains("3 journals here already")
        );
        assert_eq!(checkpoints.logs().unwrap().len(), 3);
    }
    site.start();
    assert_eq!(
        listed(&site, copied),
        stored,
        "numbers and times, too: cursors go on"
    );
    assert_eq!(of_hosts(&site), before);
    assert_eq!(audited(&site), Ok(1));
    web1.write(&[typed("bob", "id after-the-loss")]);
    web1.forward(&site, size);
    site.find("text=after-the-loss", 1);
    drop(db1);
}

#[test]
fn a_collector_that_is_brought_back_exports_on_from_where_the_lost_one_was() {
    let mut site = Site::new();
    let (archive, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let socket = other.path().join("log");
    let daemon = UnixDatagram::bind(&socket).unwrap();
    site.stop();
    let text = format!("[[syslog]]\nname = \"local\"\nsocket = {socket:?}\nfrom = \"beginning\"\n");
    site.export = toml::from_str(&text).unwrap();
    site.start();
    let host = site.host("db1");
    host.write(&[typed("bob", "id of-bob")]);
    host.forward(&site, 0);
    let mut bytes = [0; 4096];
    while !String::from_utf8_lossy(&bytes).contains("of-bob") {
        daemon.recv(&mut bytes).unwrap();
    }
    let collector = site.server().collector();
    let kept = || collector.exports().kept().unwrap();
    until("it is confirmed", || {
        kept().iter().any(|one| one.entries > 2)
    });
    let mut config = site.config();
    config.archive = Some(archive.path().to_owned());
    Housekeeping::new(config, site.layout()).once(collector, Now::read());
    let copied = read_exports(archive.path()).unwrap();
    assert!(copied.len() == 1 && copied[0].segment > 0, "{copied:?}");

    let layout = Layout::new(other.path().join("data"));
    std::fs::create_dir_all(layout.segments()).unwrap();
    let (old, new) = (site.layout(), layout.root().to_str().unwrap());
    let text = site
        .config_text()
        .replace(old.root().to_str().unwrap(), new);
    let file = other.path().join("collector.toml");
    std::fs::write(&file, text).unwrap();
    let (from, file) = (archive.path().to_str().unwrap(), file.to_str().unwrap());
    let arguments = [
        "daypass-collector",
        "restore",
        "--from",
        from,
        "--config",
        file,
    ];
    let code = daypass_collector::cli::run(arguments.map(Into::into));
    let success = format!("{:?}", std::process::ExitCode::SUCCESS);
    assert_eq!(format!("{code:?}"), success);
    let exports = Exports::open(&site.export, &layout).unwrap();
    let [back] = &exports.kept().unwrap()[..] else {
        panic!("the place is back");
    };
    assert_eq!(
        (&back.name, back.entries),
        (&copied[0].name, copied[0].entries)
    );
    assert!((1..=copied[0].segment).contains(&back.segment), "{back:?}");
}

#[test]
fn a_second_disk_that_is_away_is_told_once_and_caught_up_with() {
    let site = Site::new();
    let host = site.host("db1");
    host.write(&[typed("bob", "id of-bob")]);
    host.forward(&site, 0);
    let dir = tempfile::tempdir().unwrap();
    let mut config = site.config();
    config.archive = Some(dir.path().join("not-mounted"));
    let mut housekeeping = Housekeeping::new(config, site.layout());
    let collector = site.server().collector();
    housekeeping.once(collector, Now::read());
    housekeeping.once(collector, Now::read());
    let told = site.journalled("archive.behind");
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["outcome"], "failed");
    std::fs::create_dir(dir.path().join("not-mounted")).unwrap();
    until("the copy is made", || {
        housekeeping.once(collector, Now::read());
        site.journalled("archive.behind").len() == 2
    });
    assert!(is_anywhere(dir.path(), "of-bob"));
}

/// As far as a collector comes that is killed after the write to the list: the first segment of a log gave way to another.
fn replaced(stores: Stores<'_>, log: &Origin) -> (SegmentName, Vec<u8>) {
    let segment = stores.checkpoints.segments_of(log, 0, 1).unwrap().remove(0);
    let bytes = stores.segments.bytes(log, &segment.name).unwrap();
    let left = daypass_journal::remains::erase(&bytes, &[(0, 99)]);
    let name = SegmentName::of(segment.name.first, segment.name.size, &left);
    stores.segments.put(log, &name, &left).unwrap();
    stores.checkpoints.replace(&segment, &name).unwrap();
    (name, left)
}

#[test]
fn a_lost_segment_that_took_anothers_place_keeps_no_other_from_going() {
    let site = Site::new();
    let archive = tempfile::tempdir().unwrap();
    let hosts = ["db1", "db2"].map(|name| {
        let host = site.host(name);
        host.write(&[typed("carol", &format!("id secret-of-{name}"))]);
        host.forward(&site, 0);
        host.origin.parse().unwrap()
    });
    let mut config = site.config();
    config.archive = Some(archive.path().to_owned());
    let mut housekeeping = Housekeeping::new(config, site.layout());
    let collector = site.server().collector();
    housekeeping.once(collector, Now::read());
    let stores = collector.stores();
    let [(lost, bytes), _] = [&hosts[0], &hosts[1]].map(|log| replaced(stores, log));
    stores.segments.remove(&hosts[0], &lost).unwrap();
    for _ in 0..2 {
        housekeeping.once(collector, Now::read());
        assert_eq!(stores.checkpoints.replaced(9).unwrap().len(), 1);
        assert!(!is_anywhere(archive.path(), "secret-of-db2"));
    }
    let told = site.journalled("archive.behind");
    assert_eq!(told.len(), 1);
    assert!(
        told[0]["reason"]
            .as_str()
            .unwrap()
            .contains("put them back")
    );
    let alarm = &site.journalled("alarm.store")[0];
    assert_eq!(alarm["detail"]["segment"], lost.to_string());
    // The directory is not opened anew for that: then it would get another list.
    let (list, aside) = (archive.path().join("list"), archive.path().join("aside"));
    std::fs::rename(&list, &aside).unwrap();
    housekeeping.once(collector, Now::read());
    assert!(!list.exists());
    std::fs::rename(&aside, &list).unwrap();
    stores.segments.put(&hosts[0], &lost, &bytes).unwrap();
    until("what was replaced is gone", || {
        housekeeping.once(collector, Now::read());
        stores.checkpoints.replaced(9).unwrap().is_empty()
    });
    assert!(!is_anywhere(archive.path(), "secret-of-db"));
    assert_eq!(site.journalled("archive.behind").len(), 2);
}

#[test]
fn what_a_crash_left_replaced_is_removed_later() {
    let site = Site::new();
    let host = site.host("db1");
    host.write(&[typed("carol", "id secret-of-carol")]);
    host.forward(&site, 0);
    site.find("action=sudo.request", 1);
    let collector = site.server().collector();
    let stores = collector.stores();
    let log = host.origin.parse().unwrap();
    replaced(stores, &log);
    assert!(is_anywhere(&site.layout().segments(), "secret-of-carol"));
    Housekeeping::new(site.config(), site.layout()).once(collector, Now::read());
    assert!(!is_anywhere(&site.layout().segments(), "secret-of-carol"));
    assert_eq!(stores.checkpoints.replaced(9).unwrap(), []);
}
