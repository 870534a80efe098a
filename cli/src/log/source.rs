//! Where entries come from: a journal's directory, or the CA by its API.

use std::path::{Path, PathBuf};

use daypass_journal::reader::{Line, Reader};

use super::entry::Entry;
use crate::ca::Ca;
use crate::diagnostic::Failure;

/// The entries of the journal in `directory`, in the order in which they were written. Bytes that are no line of a
/// journal come as an entry of their own, so that a reader sees them.
pub(super) fn in_directory(directory: &Path) -> Result<Lines, Failure> {
    let directory = directory.to_owned();
    match Reader::open(&directory) {
        Ok(reader) => Ok(Lines { directory, reader }),
        Err(source) => Err(Failure::Journal {
            directory,
            source: Box::new(source),
        }),
    }
}

/// The entries of the CA's journal, fetched page by page.
pub(super) fn of_ca(ca: &Ca) -> Pages<'_> {
    Pages {
        ca,
        since: 0,
        page: Vec::new().into_iter(),
        over: false,
    }
}

/// Reads a directory.
pub(super) struct Lines {
    directory: PathBuf,
    reader: Reader,
}

impl Iterator for Lines {
    type Item = Result<Entry, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.reader.next()? {
                Ok(Line::Entry { bytes, .. } | Line::Unreadable { bytes, .. }) => {
                    return Some(Ok(Entry::new(bytes)));
                }
                // Seals and cosignatures prove; they tell nothing that happened.
                Ok(_) => {}
                Err(source) => {
                    let directory = self.directory.clone();
                    return Some(Err(Failure::Journal {
                        directory,
                        source: Box::new(source),
                    }));
                }
            }
        }
    }
}

/// Reads by the API.
pub(super) struct Pages<'a> {
    ca: &'a Ca,
    since: u64,
    page: std::vec::IntoIter<String>,
    over: bool,
}

impl Iterator for Pages<'_> {
    type Item = Result<Entry, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(line) = self.page.next() {
            let entry = Entry::new(line.into_bytes());
            // The next page begins after the newest entry of this one; a page that does not move on is the last.
            match entry.seq().filter(|seq| *seq >= self.since) {
                Some(seq) => self.since = seq.saturating_add(1),
                None => self.over = true,
            }
            return Some(Ok(entry));
        }
        if self.over {
            return None;
        }
        match self.ca.journal(self.since) {
            Ok(page) if page.is_empty() => None,
            Ok(page) => {
                self.page = page.into_iter();
                self.next()
            }
            Err(failure) => {
                self.over = true;
                Some(Err(failure))
            }
        }
    }
}
