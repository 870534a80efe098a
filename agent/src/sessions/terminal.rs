//! Speaking to the people in a session: on its terminals, and on no other.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};

use crate::facts::Process;

/// The major number of `/dev/pts`.
const PTS: u64 = 136;

/// Writes a line to every terminal of these processes that belongs to this uid; to how many.
pub(super) fn tell(pids: &[i32], uid: u32, line: &str) -> usize {
    let devices: BTreeSet<u64> = pids
        .iter()
        .filter_map(|&pid| Process::with_pid(pid).ok()?.terminal().ok())
        .filter(|device| *device != 0)
        .collect();
    devices
        .into_iter()
        .filter(|&device| write(device, uid, line).is_some())
        .count()
}

fn write(device: u64, uid: u32, line: &str) -> Option<()> {
    // The kernel packs a device as 8 bits of minor, 12 of major, and the rest of the minor above.
    let (major, minor) = (device >> 8 & 0xfff, device & 0xff | device >> 12 & 0xfff00);
    if major != PTS {
        return None;
    }
    let flags = libc::O_NOCTTY | libc::O_NONBLOCK | libc::O_NOFOLLOW;
    let mut terminal = OpenOptions::new()
        .write(true)
        .custom_flags(flags)
        .open(format!("/dev/pts/{minor}"))
        .ok()?;
    let about = terminal.metadata().ok()?;
    let is_theirs = about.file_type().is_char_device()
        && about.uid() == uid
        && about.rdev() == rustix::fs::makedev(major as u32, minor as u32);
    if !is_theirs {
        return None;
    }
    // In one write, and never waiting: a terminal that nobody reads must not hold anybody up.
    terminal
        .write(format!("\r\n*** {line} ***\r\n").as_bytes())
        .ok()
        .map(drop)
}
