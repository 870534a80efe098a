//! What is no longer there, erased or retired, and whether sealed entries say so.

use super::{Broken, Cause, Chain};
use crate::erased::Erased;
use crate::retired::Retired;
use crate::runs::Runs;

/// Entries of which the leaf hashes are left.
#[derive(Debug, Default)]
pub(crate) struct Gone {
    /// Erased lines that no entry has declared yet.
    erased: Runs,
    /// Declared erased, and still there.
    unerased: Vec<(u64, u64)>,
    /// Retired lines that no entry has declared yet.
    retired: Runs,
    retired_count: u64,
    /// The first numbers of segments that hold whole entries.
    whole: Vec<u64>,
    /// The current segment's, while it holds none.
    current: Option<u64>,
    /// Declared retired, and still there: first and last of each segment.
    unretired: Vec<(u64, u64)>,
}

impl Gone {
    /// A segment begins.
    pub(super) fn segment(&mut self, first: u64) {
        self.current = Some(first);
    }

    /// An entry of a program's is there.
    pub(super) fn entry(&mut self) {
        self.whole.extend(self.current.take());
    }

    /// Entries say, sealed, that others were erased and retired.
    pub(super) fn declare(&mut self, erasures: Vec<(u64, u64)>, retirements: Vec<(u64, u64)>) {
        for (first, last) in erasures {
            if !self.is_gone(first, last) {
                self.unerased.push((first, last));
            }
            self.erased.remove(first, last);
        }
        for (first, last) in retirements {
            // A segment is replaced as a whole.
            if self.whole.binary_search(&first).is_ok() {
                self.unretired.push((first, last));
            }
            self.retired.remove(first, last);
        }
    }

    fn is_gone(&self, first: u64, last: u64) -> bool {
        let mut at = first;
        while at <= last {
            match self.erased.end_of(at).or(self.retired.end_of(at)) {
                Some(end) => at = end + 1,
                None => return false,
            }
        }
        true
    }
}

impl Chain {
    /// What is left of an erased entry; an entry after it must say that it was erased.
    pub(crate) fn erased(&mut self, erased: &Erased) -> Result<(), Broken> {
        self.at(erased.seq)?;
        self.gone.erased.insert(erased.seq);
        self.push(erased.leaf)
    }

    /// What is left of retired entries; an entry after them must say that they were retired.
    pub(crate) fn retired(&mut self, retired: &Retired) -> Result<(), Broken> {
        self.at(retired.first)?;
        for leaf in &retired.leaves {
            self.push(*leaf)?;
        }
        let count = retired.leaves.len() as u64;
        self.batch.is_merged = true;
        self.gone.retired_count += count;
        let last = retired.first + count - 1;
        self.gone.retired.insert_run(retired.first, last);
        Ok(())
    }

    fn at(&self, found: u64) -> Result<(), Broken> {
        let expected = self.tree.size();
        if found == expected {
            return Ok(());
        }
        Err(self.broken_here(Cause::Sequence { expected, found }))
    }

    /// All lines were fed: whatever is gone must have been declared.
    pub(crate) fn finish(&self) -> Result<(), Broken> {
        let erased = self.gone.erased.first().map(|seq| (seq, Cause::Erased));
        let retired = self.gone.retired.first().map(|seq| (seq, Cause::Retired));
        let first = erased.into_iter().chain(retired).min_by_key(|gone| gone.0);
        match first {
            Some((seq, cause)) => Err(Broken {
                seq,
                to: seq,
                cause,
            }),
            None => Ok(()),
        }
    }

    /// Entries that are declared erased and still there.
    pub(crate) fn unerased(&self) -> &[(u64, u64)] {
        &self.gone.unerased
    }

    /// Segments, first and last entry, that are declared retired and still there.
    pub(crate) fn unretired(&self) -> &[(u64, u64)] {
        &self.gone.unretired
    }

    /// Of how many entries only the leaf hashes are left, because they were retired.
    pub(crate) fn retired_count(&self) -> u64 {
        self.gone.retired_count
    }
}
