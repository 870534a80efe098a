//! Searches a journal without reading what it need not: segments outside the time asked for are
//! skipped, and lines that cannot match are passed over before anybody parses them.
//!
//! Reading is not verifying: see [`crate::verify`]. What the search goes by, the times at both ends
//! of a segment and the bytes of a line, comes from the journal's own lines, so there is nothing
//! beside them that could tell otherwise.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use chrono::{DateTime, SecondsFormat, Utc};

use crate::error::Error;
use crate::reader::Mark;
use crate::segment;

mod block;
mod needles;
mod span;

use block::{Block, Blocks};
use needles::Needles;
use span::Span;

/// How many blocks each worker may be ahead of whoever takes the results.
const AHEAD: usize = 1;

/// What is looked for. Whatever is left empty asks for nothing.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Not before.
    pub since: Option<DateTime<Utc>>,
    /// Before.
    pub until: Option<DateTime<Utc>>,
    /// For each of these, the line must hold one of the texts, which are printable ASCII without
    /// backslash; the one that is rarest should stand first. A line that writes such a character as
    /// an escape, as no writer of ours does, is never passed over.
    pub holding: Vec<Vec<String>>,
    /// Only what stands before this place, where somebody else goes on.
    pub up_to: Option<Mark>,
}

/// In which order lines come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As they were written.
    Oldest,
    /// The other way round.
    Newest,
}

/// A line that may be what is looked for: an entry, or bytes that are no line of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// The exact bytes, without the newline; of a line that is too long for a journal, its beginning.
    pub bytes: &'a [u8],
    /// Whether a newline ended it; the last line of a journal that is being written may have none yet.
    pub is_whole: bool,
}

/// The results of a search, in order, while it goes on in threads of its own.
#[derive(Debug)]
pub struct Scan<T> {
    workers: Vec<Receiver<Result<Vec<T>, Error>>>,
    next: usize,
    ready: std::vec::IntoIter<T>,
}

impl Wanted {
    fn span(&self) -> Span {
        let text = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Micros, true);
        Span {
            since: self.since.map(text),
            until: self.until.map(text),
        }
    }
}

/// Searches the journal in `dir` with so many `workers`, at least one. Each candidate is shown to
/// `take`, and what that makes of it comes out of the iterator. Memory is bounded by what a few blocks hold.
///
/// # Errors
///
/// [`Error::NoJournal`] when there is no segment, else what the disk refused.
pub fn scan<T: Send + 'static>(
    dir: &Path,
    wanted: &Wanted,
    order: Order,
    workers: usize,
    take: impl Fn(Candidate<'_>) -> Option<T> + Send + Sync + 'static,
) -> Result<Scan<T>, Error> {
    let segments = segment::list(dir)?;
    if segments.is_empty() {
        return Err(Error::NoJournal {
            dir: dir.to_owned(),
        });
    }
    let span = wanted.span();
    let mut blocks: Vec<Block> = Vec::new();
    for (name, path) in segments {
        let end = match wanted.up_to {
            Some(Mark(Some((last, end)))) if last == name => end,
            Some(Mark(Some((last, _)))) if last > name => u64::MAX,
            Some(_) => continue,
            None => u64::MAX,
        };
        // A segment that retention removed meanwhile is gone, as its entries are.
        if let Some(length) = span.length_of_interest(&path)? {
            blocks.extend(Block::of_segment(&Arc::new(path), length.min(end)));
        }
    }
    if order == Order::Newest {
        blocks.reverse();
    }
    let search = Arc::new(Search {
        blocks,
        span,
        needles: Needles::new(&wanted.holding),
        order,
        take,
    });
    let count = workers.clamp(1, search.blocks.len().max(1));
    let workers = (0..count).map(|worker| start(&search, worker, count));
    Ok(Scan {
        workers: workers.collect(),
        next: 0,
        ready: Vec::new().into_iter(),
    })
}

/// What the workers share.
struct Search<F> {
    blocks: Vec<Block>,
    span: Span,
    needles: Needles,
    order: Order,
    take: F,
}

/// Starts the worker that searches every `count`th block.
fn start<T, F>(
    search: &Arc<Search<F>>,
    worker: usize,
    count: usize,
) -> Receiver<Result<Vec<T>, Error>>
where
    T: Send + 'static,
    F: Fn(Candidate<'_>) -> Option<T> + Send + Sync + 'static,
{
    let (sender, receiver) = sync_channel(AHEAD);
    let search = Arc::clone(search);
    thread::spawn(move || {
        let mut reader = Blocks::default();
        for block in search.blocks.iter().skip(worker).step_by(count) {
            let found = search.look(block, &mut reader);
            let is_over = found.is_err();
            // Nobody listens any more: they have what they wanted.
            if sender.send(found).is_err() || is_over {
                return;
            }
        }
    });
    receiver
}

impl<F> Search<F> {
    fn look<T>(&self, block: &Block, reader: &mut Blocks) -> Result<Vec<T>, Error>
    where
        F: Fn(Candidate<'_>) -> Option<T>,
    {
        let (text, is_whole) = reader.read(block)?;
        let mut found = Vec::new();
        self.needles.each(text, |line, is_last| {
            let is_whole = is_whole || !is_last;
            if (is_whole && block::is_proof(line)) || !self.span.admits(line) {
                return;
            }
            let bytes = &line[..line.len().min(block::LONGEST)];
            found.extend((self.take)(Candidate { bytes, is_whole }));
        });
        if self.order == Order::Newest {
            found.reverse();
        }
        Ok(found)
    }
}

impl<T> Iterator for Scan<T> {
    type Item = Result<T, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(found) = self.ready.next() {
                return Some(Ok(found));
            }
            // The blocks were dealt out in turn, so in turn they come in.
            match self.workers.get(self.next)?.recv() {
                Ok(Ok(found)) => self.ready = found.into_iter(),
                Ok(Err(error)) => {
                    self.workers.clear();
                    return Some(Err(error));
                }
                // The worker whose turn it is has no more blocks: nobody has.
                Err(_) => return None,
            }
            self.next = (self.next + 1) % self.workers.len();
        }
    }
}
