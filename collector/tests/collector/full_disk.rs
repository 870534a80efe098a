//! A collector whose disk fills up: a small file system of its own, which takes root.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use daypass_collector::checkpoints::CheckpointStore as _;
use daypass_collector::checkpoints::sqlite::SqliteCheckpoints;
use daypass_forward::Contact;

use crate::machine::{Machine, collector, holds_all_once};
use crate::site::Site;

/// A small file system, unmounted when dropped.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: &Path) -> Option<Self> {
        std::fs::create_dir(at).unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64m,mode=0755", "tmpfs"])
            .arg(at)
            .output();
        mount
            .is_ok_and(|output| output.status.success())
            .then(|| Self(at.to_owned()))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).output();
    }
}

/// Takes all that is left; returns the file, whose removal gives it back.
fn fill(disk: &Path) -> PathBuf {
    let path = disk.join("filler");
    let mut file = File::create(&path).unwrap();
    for block in [1024 * 1024, 64 * 1024, 4096, 512] {
        while file.write_all(&vec![1; block]).is_ok() {}
    }
    path
}

#[test]
fn what_a_full_disk_did_not_take_is_not_cosigned_and_everything_arrives_once_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().join("disk");
    let Some(disk) = Disk::mount(&at) else {
        eprintln!("skipped: mounting a small file system takes root");
        return;
    };
    let site = Site::on(&at);
    let address = site.server().address();
    let named = collector(address.port(), &site.server().collector().witness_key());
    let machine = Machine::boot(&site, site.stranger("db1"), &[named]);
    machine.write(5);
    machine.settle();
    let filler = fill(&at);
    // Until nothing more fits; the host keeps what was not taken, and goes on.
    machine.await_contact(|contact| {
        machine.write(50);
        matches!(contact, Contact::Away { trouble: Some(_) })
    });
    machine.write(50);
    let log = machine.host.origin.parse().unwrap();
    let checkpoints = SqliteCheckpoints::open(&site.layout().checkpoints()).unwrap();
    let held = checkpoints.latest(&log).unwrap().unwrap().mark.size;
    let status = machine.status();
    assert!(
        status.cosigned <= held && held < status.sealed,
        "{held}: {status:?}"
    );
    std::fs::remove_file(filler).unwrap();
    // By itself: nobody restarts anything.
    machine.settle();
    holds_all_once(&site, &machine);
    machine.shut_down();
    drop(site);
    drop(disk);
}
