//! Feeds the lines of a journal's directory to a [`Chain`], and tells what a crash left from what
//! somebody changed.
//!
//! A batch is one `write` after the batch before was on disk. So a crash leaves the beginning of a
//! batch: whole lines and at most one without its newline, or blocks that were never written (NUL
//! bytes). It never leaves a seal behind something unreadable, nor unreadable text with a newline.

use std::path::Path;

use crate::chain::{Broken, Cause, Chain};
use crate::entry::Head;
use crate::error::Error;
use crate::seal::{self, Kind};
use crate::segment::{self, Lines, Name, READ_LIMIT, RawLine, Tail};

/// Watches the lines go by.
pub(crate) trait Observer {
    /// An entry that fits the chain, which has taken it in; not yet sealed.
    fn entry(&mut self, head: &Head<'_>, chain: &Chain) -> Result<(), Broken> {
        let _ = (head, chain);
        Ok(())
    }

    /// A witness line.
    fn witness(&mut self, note: &str, chain: &Chain) -> Result<(), Broken> {
        let _ = (note, chain);
        Ok(())
    }

    /// So many bytes were read since the last call.
    fn progress(&mut self, bytes: u64) {
        let _ = bytes;
    }
}

/// Watches nothing.
impl Observer for () {}

/// Where the walk ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct End {
    /// The last segment and its length in bytes; `None` in an empty directory.
    pub(crate) last: Option<(Name, u64)>,
}

/// Walks all segments. An unsealed end shows in [`Chain::interruptions`].
pub(crate) fn walk(
    dir: &Path,
    chain: &mut Chain,
    observer: &mut impl Observer,
) -> Result<End, Error> {
    let mut last = None;
    for (name, path) in segment::list(dir)? {
        chain.segment(name.first)?;
        let length = walk_segment(&path, name, chain, observer)?;
        last = Some((name, length));
    }
    chain.finish()?;
    Ok(End { last })
}

fn walk_segment(
    path: &Path,
    name: Name,
    chain: &mut Chain,
    observer: &mut impl Observer,
) -> Result<u64, Error> {
    let mut lines = Lines::open(path)?;
    let mut end = 0;
    while let Some(line) = lines.next()? {
        if !feed(&line, chain, observer)? {
            let shaped = could_be_torn(&line, chain);
            if !shaped || seal_follows(&mut lines, chain)? {
                return Err(chain.broken_here(Cause::Line).into());
            }
            break;
        }
        let length = line.bytes.len() as u64 + 1;
        end = line.offset + length;
        observer.progress(length);
    }
    let torn = Tail::of(path, end)?;
    let length = end + torn.length;
    chain.segment_end(&name.to_string(), torn);
    Ok(length)
}

/// Feeds one line; `false` when it cannot be read as one of a journal.
fn feed(
    line: &RawLine<'_>,
    chain: &mut Chain,
    observer: &mut impl Observer,
) -> Result<bool, Broken> {
    if !line.ended {
        return Ok(false);
    }
    match seal::kind(line.bytes) {
        Kind::Entry => {
            let Some(head) = Head::parse(line.bytes) else {
                return Ok(false);
            };
            chain.entry(line.bytes, &head)?;
            observer.entry(&head, chain)?;
        }
        Kind::Seal(note) => chain.seal(&note)?,
        Kind::Witness(note) => observer.witness(&note, chain)?,
        Kind::Erased(erased) => chain.erased(&erased)?,
        Kind::Unknown => return Ok(false),
    }
    Ok(true)
}

/// Whether a crash can leave such a line at the end of what was written.
fn could_be_torn(line: &RawLine<'_>, chain: &Chain) -> bool {
    if line.bytes.contains(&0) {
        return true;
    }
    let is_at_end = !line.ended && (line.bytes.len() as u64) < READ_LIMIT;
    is_at_end && !is_seal_with_altered_newline(line.bytes, chain)
}

fn is_seal_with_altered_newline(bytes: &[u8], chain: &Chain) -> bool {
    let Some((_, line)) = bytes.split_last() else {
        return false;
    };
    matches!(seal::kind(line), Kind::Seal(note) if chain.is_later_seal(&note))
}

fn seal_follows(lines: &mut Lines, chain: &Chain) -> Result<bool, Error> {
    while let Some(line) = lines.next()? {
        if matches!(seal::kind(line.bytes), Kind::Seal(note) if chain.is_later_seal(&note)) {
            return Ok(true);
        }
    }
    Ok(false)
}
