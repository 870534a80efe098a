//! Where rows come from: a journal's directory, or the CA by its API.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use daypass_journal::reader::Mark;
use daypass_journal::scan::{Candidate, Order, Scan, Wanted, scan};
use jiff::Timestamp;

use super::entry::Entry;
use super::filter::Filter;
use super::render::{Row, Rows};
use crate::ca::Ca;
use crate::diagnostic::Failure;

/// Threads that search one journal, at most: more wait for memory, not for one another.
const WORKERS: usize = 4;

/// How often the CA is asked for more.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Rows in the order in which they were written.
pub(super) type Source = Box<dyn Iterator<Item = Result<Row, Failure>>>;

/// What is looked for, and how it is shown.
pub(super) struct Search {
    pub(super) filter: Filter,
    pub(super) rows: Rows,
    pub(super) length: Length,
}

/// How much of a long command line is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// What its entry keeps.
    AsKept,
    /// All of it, if it is beside the journal.
    Whole,
}

impl Search {
    /// The entry as it is shown, if it is asked for.
    pub(super) fn row(&self, entry: &Entry) -> Option<Row> {
        self.filter.admits(entry).then(|| self.rows.of(entry))
    }

    /// The same of an entry of the journal in `directory`.
    pub(super) fn row_in(&self, directory: &Path, entry: Entry) -> Option<Row> {
        match self.length {
            Length::AsKept => self.row(&entry),
            Length::Whole => {
                let is_asked = self.filter.admits(&entry);
                is_asked.then(|| self.rows.of(&entry.beside(directory)))
            }
        }
    }
}

/// What the search of a journal goes by.
pub(crate) fn wanted(filter: &Filter, up_to: Option<Mark>) -> Wanted {
    let instant = |time: Option<Timestamp>| {
        time.and_then(|time| DateTime::<Utc>::from_timestamp_micros(time.as_microsecond()))
    };
    Wanted {
        // Wider by what is rounded, so that nothing is missed; the filter is exact.
        since: instant(filter.since),
        until: instant(filter.until).map(|until| until + TimeDelta::microseconds(1)),
        holding: filter.holding(),
        up_to,
    }
}

/// Names the journal that cannot be read.
pub(crate) fn unreadable(directory: &Path) -> impl Fn(daypass_journal::Error) -> Failure {
    move |source| Failure::Journal {
        directory: directory.to_owned(),
        source: Box::new(source),
    }
}

/// The rows of the journal in `directory`. Bytes that are no line of a journal come as a row of their own, so that a
/// reader sees them.
pub(super) fn in_directory(
    directory: &Path,
    search: &Arc<Search>,
    up_to: Option<Mark>,
) -> Result<Source, Failure> {
    let rows = found(directory, search, up_to, Order::Oldest)?;
    let directory = directory.to_owned();
    Ok(Box::new(
        rows.map(move |row| row.map_err(unreadable(&directory))),
    ))
}

/// The last rows of the journal in `directory`, read from its end.
pub(super) fn last_in_directory(
    directory: &Path,
    search: &Arc<Search>,
    up_to: Option<Mark>,
    last: u32,
) -> Result<Source, Failure> {
    let newest = found(directory, search, up_to, Order::Newest)?.take(last as usize);
    let mut rows: Vec<Row> = newest
        .collect::<Result<_, _>>()
        .map_err(unreadable(directory))?;
    rows.reverse();
    Ok(Box::new(rows.into_iter().map(Ok)))
}

fn found(
    directory: &Path,
    search: &Arc<Search>,
    up_to: Option<Mark>,
    order: Order,
) -> Result<Scan<Row>, Failure> {
    let workers = thread::available_parallelism()
        .map_or(1, NonZeroUsize::get)
        .min(WORKERS);
    let take = {
        let (search, directory) = (Arc::clone(search), directory.to_owned());
        move |candidate: Candidate<'_>| {
            // Whoever follows gets the line once it is whole.
            let is_torn = !candidate.is_whole && up_to.is_some();
            let entry = (!is_torn).then(|| Entry::new(candidate.bytes.to_vec()))?;
            search.row_in(&directory, entry)
        }
    };
    scan(
        directory,
        &wanted(&search.filter, up_to),
        order,
        workers,
        take,
    )
    .map_err(unreadable(directory))
}

/// The rows of the CA's journal, fetched page by page.
pub(super) fn of_ca(ca: &Ca, search: Arc<Search>) -> Pages<'_> {
    Pages {
        ca,
        search,
        since: 0,
        page: Vec::new().into_iter(),
    }
}

/// The last of these.
pub(super) fn last_of(
    rows: impl Iterator<Item = Result<Row, Failure>>,
    last: u32,
) -> Result<VecDeque<Row>, Failure> {
    let mut kept = VecDeque::new();
    for row in rows {
        kept.push_back(row?);
        if kept.len() > last as usize {
            kept.pop_front();
        }
    }
    Ok(kept)
}

/// Lets some time pass before the CA is asked for more.
pub(super) fn wait_for_more() {
    thread::sleep(ASK_AGAIN);
}

/// Reads by the API. After its end it can be asked again: what has come since is then there.
pub(super) struct Pages<'a> {
    ca: &'a Ca,
    search: Arc<Search>,
    since: u64,
    page: std::vec::IntoIter<String>,
}

impl Iterator for Pages<'_> {
    type Item = Result<Row, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            for line in self.page.by_ref() {
                let entry = Entry::new(line.into_bytes());
                // The next page begins after the newest entry of this one.
                let seq = entry.seq().filter(|seq| *seq >= self.since);
                if let Some(seq) = seq {
                    self.since = seq.saturating_add(1);
                }
                if let Some(row) = self.search.row(&entry) {
                    return Some(Ok(row));
                }
            }
            let before = self.since;
            match self.ca.journal(self.since) {
                Ok(page) if page.is_empty() => return None,
                Ok(page) => {
                    // A page that does not move on would come for ever.
                    let moves = page.iter().any(|line| {
                        let entry = Entry::new(line.clone().into_bytes());
                        entry.seq().is_some_and(|seq| seq >= before)
                    });
                    if !moves {
                        return None;
                    }
                    self.page = page.into_iter();
                }
                Err(failure) => return Some(Err(failure)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::render::Shown;
    use super::*;

    #[test]
    fn only_the_last_are_kept() {
        let rows = ["0", "1", "2"].map(|name| {
            Ok(Row {
                time: None,
                shown: Shown::Line(name.into()),
            })
        });
        let kept = last_of(rows.into_iter(), 2).expect("rows");
        let expected = ["1", "2"].map(|name| Shown::Line(name.into()));
        assert!(kept.iter().map(|row| &row.shown).eq(&expected));
    }
}
