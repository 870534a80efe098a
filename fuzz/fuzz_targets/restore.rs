//! Backups of a CA: whatever the archive says, nothing is written beside the directory that the CA is to have, and what is not
//! restored whole leaves nothing behind.
#![no_main]

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use daypass_ca::layout::Layout;
use daypass_ca::restore;
use daypass_protocol::time::Time;
use libfuzzer_sys::fuzz_target;

const BLOCK: usize = 512;
/// Where a header's sum stands.
const SUM: std::ops::Range<usize> = 148..156;
/// In memory: a disk would be waited for most of the time.
const MEMORY: &str = "/dev/shm";

/// Gives every header the sum that fits: what is wrong besides would not be looked at otherwise.
fn mend(archive: &mut [u8]) {
    let mut at = 0;
    while let Some(header) = archive.get_mut(at..at + BLOCK) {
        // Two of these are the end.
        if header.iter().all(|&byte| byte == 0) {
            return;
        }
        header[SUM].fill(b' ');
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        header[SUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let size = tar::Header::from_byte_slice(header).entry_size();
        let blocks = size.unwrap_or_default().div_ceil(BLOCK as u64);
        let Ok(blocks) = usize::try_from(blocks.min(archive.len() as u64)) else {
            return;
        };
        at += BLOCK * (1 + blocks);
    }
}

fn within(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).expect("a directory");
    entries
        .map(|entry| entry.expect("an entry").path())
        .collect()
}

fuzz_target!(|bytes: &[u8]| {
    let mut archive = bytes.to_vec();
    mend(&mut archive);
    let memory = Path::new(MEMORY);
    let directory = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    };
    let directory = directory.expect("a directory");
    let (path, root) = (
        directory.path().join("backup.tar"),
        directory.path().join("ca"),
    );
    let mut file = File::create_new(&path).expect("a file");
    file.write_all(&archive).expect("room");
    std::fs::create_dir(&root).expect("a directory");
    let file = File::open(&path).expect("the file");
    let layout = Layout::new(&root);
    let restored = restore::unpack(&file, &path, &layout, Time::from_unix(1_795_428_000));
    assert_eq!(within(directory.path()).len(), 2);
    match restored {
        Ok(_) => assert!(layout.database().is_file() && layout.journal().is_dir()),
        Err(_) => assert_eq!(within(&root), [""; 0].map(PathBuf::from)),
    }
});
