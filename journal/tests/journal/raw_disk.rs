//! What a disk still knows of keys that are forgotten: its bytes, under the file system. Takes root.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::full_disk::does;
use crate::place::Place;

/// So long others may hold on to what is ours.
const DEADLINE: Duration = Duration::from_secs(30);

/// An ext4 of its own in a file, unmounted when dropped.
struct Disk {
    image: PathBuf,
    mounted: PathBuf,
}

impl Disk {
    fn make(dir: &Path) -> Option<Self> {
        let (image, mounted) = (dir.join("image"), dir.join("disk"));
        File::create(&image).unwrap().set_len(32 << 20).unwrap();
        std::fs::create_dir(&mounted).unwrap();
        let [from, to] = [&image, &mounted].map(|path| path.to_str().unwrap());
        let is_there =
            does("mkfs.ext4", &["-q", "-F", from]) && does("mount", &["-o", "loop", from, to]);
        is_there.then_some(Self { image, mounted })
    }

    /// All its bytes, once everything is on it.
    fn bytes(self) -> Vec<u8> {
        // A child of another test may have its files open until it has come to its exec.
        let begun = Instant::now();
        while !does("umount", &[self.mounted.to_str().unwrap()]) {
            assert!(begun.elapsed() < DEADLINE, "somebody is on the disk");
        }
        std::fs::read(&self.image).unwrap()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        does("umount", &["--lazy", self.mounted.to_str().unwrap()]);
    }
}

/// The secrets in the keys file by the names of their keys, in Base64.
fn secrets(keys: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(keys.join("epoch.keys")).unwrap();
    let key = |line: &str| {
        let mut parts = line.strip_prefix("PRIVATE+KEY+")?.splitn(3, '+');
        Some((parts.next()?.to_owned(), parts.nth(1)?.to_owned()))
    };
    text.lines().filter_map(key).collect()
}

#[test]
fn a_key_that_is_forgotten_is_nowhere_on_the_disk_any_more() {
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::make(dir.path()) else {
        eprintln!("skipped: a file system in a file takes root, mkfs.ext4 and loop devices");
        return;
    };
    let place = Place::within(&disk.mounted);
    let keys = place.keys();
    let mut known = secrets(&keys);
    for start in 0..3 {
        let (writer, _) = place.open();
        for number in 0..5 {
            known.extend(secrets(&keys));
            let event = json!({"action": "test", "start": start, "n": number});
            writer.append_ending_epoch(&event).unwrap();
        }
        writer.close().unwrap();
    }
    let left = secrets(&keys);
    known.extend(left.clone());
    assert!(known.len() >= 16, "{}", known.len());
    // What is removed stays there as well: the last keys tell that this looks where keys are.
    drop(place);
    let bytes = disk.bytes();
    for (name, secret) in known {
        let is_there = memchr::memmem::find(&bytes, secret.as_bytes()).is_some();
        assert_eq!(is_there, left.contains_key(&name), "{name}");
    }
}
