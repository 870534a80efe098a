//! A real file system that fills up, and one with the append-only attribute. Both take root.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use daypass_journal::Error;
use daypass_journal::writer::{Options, Protection, Retention, Writer};
use serde_json::json;

use crate::place::Place;

const MIB: u64 = 1024 * 1024;

pub(crate) fn does(program: &str, arguments: &[&str]) -> bool {
    let output = Command::new(program).args(arguments).output();
    output.is_ok_and(|output| output.status.success())
}

/// A small file system, unmounted when dropped.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    fn mount(at: &'a Path, size: &str) -> Option<Self> {
        std::fs::create_dir(at).unwrap();
        let options = format!("size={size},mode=0755");
        let arguments = ["-t", "tmpfs", "-o", &options, "tmpfs", at.to_str().unwrap()];
        does("mount", &arguments).then_some(Self(at))
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        does("umount", &["--lazy", self.0.to_str().unwrap()]);
    }
}

fn is_reserved(journal: &Path, bytes: u64) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let reserve = journal.join("reserve").metadata();
    reserve.is_ok_and(|file| file.blocks() * 512 >= bytes)
}

/// Takes all that is left; returns the file, whose removal gives it back.
fn fill(disk: &Path) -> std::path::PathBuf {
    let path = disk.join("filler");
    let mut file = File::create(&path).unwrap();
    for block in [64 * 1024, 4096, 512] {
        while file.write_all(&vec![1; block]).is_ok() {}
    }
    path
}

fn append_until_full(writer: &Writer) -> (u64, Error) {
    let text = "x".repeat(2_000);
    let mut last = 0;
    loop {
        match writer.append(&json!({"action": "test", "text": text})) {
            Ok(receipt) => last = receipt.seq,
            Err(error) => return (last, error),
        }
    }
}

#[test]
fn a_full_disk_leaves_room_for_those_who_come_to_clear_it() {
    let place = Place::new();
    let mounted = place.path().join("disk");
    let Some(_disk) = Disk::mount(&mounted, "4m") else {
        eprintln!("skipped: mounting a small file system takes root");
        return;
    };
    let journal = mounted.join("journal");
    let open = || {
        let options = Options {
            segment_bytes: MIB,
            ..Options::default()
        };
        Writer::open(&journal, &place.keys(), options).unwrap()
    };
    let (writer, _) = open();
    writer.append(&json!({"action": "test"})).unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_reserved(&journal, MIB) {
        assert!(Instant::now() < deadline, "no room was reserved");
        std::thread::yield_now();
    }
    let filler = fill(&mounted);
    // The rest of this segment and the whole of the next one: 2 MiB in entries of some 2.5 kB.
    let (last, error) = append_until_full(&writer);
    assert!(last > 600, "only {last} entries fitted");
    let Error::Disk(failure) = &error else {
        panic!("{error}");
    };
    assert_eq!(failure.source.kind(), ErrorKind::StorageFull, "{error}");
    drop(writer);
    std::fs::remove_file(filler).unwrap();
    let (writer, recovery) = open();
    assert!(recovery.sealed > last, "{recovery:?}");
    writer.append(&json!({"action": "test"})).unwrap();
    writer.close().unwrap();
    let report = daypass_journal::verify::verify(
        &journal,
        &place.trust(),
        daypass_journal::verify::Options::default(),
    );
    assert_eq!(report.exit_code(), 0, "{report}");
}

/// Takes the attribute off again, so that the directory can be removed.
struct Unprotected<'a>(&'a Path);

impl Drop for Unprotected<'_> {
    fn drop(&mut self) {
        does("chattr", &["-R", "-a", self.0.to_str().unwrap()]);
    }
}

fn has_the_attribute(dir: &Path) -> bool {
    let probe = dir.join("probe");
    File::create(&probe).unwrap();
    let _unprotected = Unprotected(dir);
    does("chattr", &["+a", probe.to_str().unwrap()])
}

#[test]
fn segments_can_only_grow_where_the_file_system_has_the_attribute() {
    let place = Place::new();
    if !has_the_attribute(place.path()) {
        eprintln!("skipped: the append-only attribute takes root and a file system that has it");
        return;
    }
    let journal = place.journal();
    let _unprotected = Unprotected(&journal);
    let options = || Options {
        segment_bytes: 12_000,
        protection: Protection::AppendOnly,
        ..Options::default()
    };
    let (writer, _) = place.open_with(options());
    place.write(&writer, 50);
    assert!(place.segments().len() > 2);
    for segment in place.segments() {
        let opened = OpenOptions::new().write(true).open(&segment);
        assert_eq!(opened.unwrap_err().kind(), ErrorKind::PermissionDenied);
        let removed = std::fs::remove_file(&segment);
        assert_eq!(removed.unwrap_err().kind(), ErrorKind::PermissionDenied);
    }
    // The journal's own changes take it off and set it again.
    writer.erase(&[5], "dpo", "asked").unwrap();
    let oldest = Retention {
        beyond_bytes: Some(30_000),
        ..Retention::default()
    };
    writer.retire(&oldest, "root", "r").unwrap().unwrap();
    // A start after a kill needs to change nothing that is there.
    drop(writer);
    let (writer, recovery) = place.open_with(options());
    assert!(!recovery.clean);
    writer.close().unwrap();
    for segment in place.segments() {
        let removed = std::fs::remove_file(&segment);
        assert_eq!(removed.unwrap_err().kind(), ErrorKind::PermissionDenied);
    }
    let report = place.verify();
    assert_eq!(report.exit_code(), 0, "{report}");
    assert!(report.retired > 0);
}
