//! Goes on with what is written, from segment to segment.

use std::path::PathBuf;
use std::time::Duration;

use daypass_journal::reader::{Follower, Line};

use super::entry::Entry;
use super::render::Printer;
use super::source::{Search, unreadable};
use crate::diagnostic::Failure;

/// Changes wake us; this is for file systems that tell of none.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Shows what is written from now on, until nobody reads it any more.
pub(super) fn follow(
    mut followers: Vec<Follower>,
    directories: &[PathBuf],
    search: &Search,
    printer: &mut Printer<'_>,
) -> Result<(), Failure> {
    loop {
        for (follower, directory) in followers.iter_mut().zip(directories) {
            while let Some(line) = follower.next_line().map_err(unreadable(directory))? {
                // Seals and cosignatures prove; they tell nothing that happened.
                let (Line::Entry { bytes, .. } | Line::Unreadable { bytes, .. }) = line else {
                    continue;
                };
                if let Some(row) = search.row_in(directory, Entry::new(bytes)) {
                    printer.print(&row)?;
                }
            }
        }
        printer.flush()?;
        let directory = directories.first().cloned().unwrap_or_default();
        Follower::wait_for_any(&followers, LOOK_AGAIN).map_err(unreadable(&directory))?;
    }
}
