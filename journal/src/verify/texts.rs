//! Long texts beside the journal: whether those are there that entries say are kept, and whether what is there is what
//! entries name.
//!
//! Memory is as much as the directory of texts has names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::report::{Lack, Remark, Report};
use crate::blob;
use crate::chain::{Broken, Cause, Chain};
use crate::entry::Head;
use crate::error::Error;
use crate::runs::Runs;

/// The texts of a journal.
pub(super) struct Texts {
    journal: PathBuf,
    /// Those that are there, and the first entry that names each.
    here: BTreeMap<String, Option<u64>>,
    /// Entries that say that their text is kept, and it is not there.
    without: Runs,
}

impl Texts {
    /// Those that are there before the journal is read.
    pub(super) fn of(journal: &Path) -> Result<Self, Error> {
        let names = blob::list(journal)?;
        Ok(Self {
            journal: journal.to_owned(),
            here: names.into_iter().map(|name| (name, None)).collect(),
            without: Runs::default(),
        })
    }

    /// An entry goes by.
    pub(super) fn entry(&mut self, head: &Head<'_>) {
        let event = head.event.as_bytes();
        let is_kept = blob::says_kept(event);
        if self.here.is_empty() && !is_kept {
            return;
        }
        for name in blob::named(event) {
            if let Some(first) = self.here.get_mut(name) {
                first.get_or_insert(head.seq);
            } else if is_kept {
                // It may have come since: the journal is being written.
                match blob::path(&self.journal, name) {
                    Some(_) => {
                        self.here.insert(name.to_owned(), Some(head.seq));
                    }
                    None => self.without.insert(head.seq),
                }
            }
        }
    }

    /// Once all entries have gone by, compares each text with its name.
    pub(super) fn check(mut self, chain: &Chain, report: &mut Report) -> Result<(), Error> {
        self.tell_missing(chain, report);
        let mut first_bad: Option<Broken> = None;
        for (name, named) in self.here {
            let is_itself = match blob::is_itself(&self.journal, &name) {
                Ok(is_itself) => is_itself,
                // Erased or retired meanwhile.
                Err(_) if blob::path(&self.journal, &name).is_none() => continue,
                Err(error) => return Err(error.into()),
            };
            // What no seal covers proves nothing, and what nobody names is nobody's.
            let named = named.filter(|seq| *seq < chain.sealed());
            match (is_itself, named) {
                (true, Some(_)) => report.texts += 1,
                (false, Some(seq)) if first_bad.as_ref().is_none_or(|bad| seq < bad.seq) => {
                    first_bad = Some(Broken {
                        seq,
                        to: seq,
                        cause: Cause::Text { sha256: name },
                    });
                }
                (true, None) | (false, Some(_)) => {}
                (false, None) => report.remark(Remark::StrayText { sha256: name }),
            }
        }
        match first_bad {
            Some(bad) => Err(bad.into()),
            None => Ok(()),
        }
    }

    /// Of entries that are declared erased or retired the text may be gone before the line.
    fn tell_missing(&mut self, chain: &Chain, report: &mut Report) {
        for (first, last) in chain.unerased().iter().chain(chain.unretired()) {
            self.without.remove(*first, *last);
        }
        let Some(first) = self.without.first() else {
            return;
        };
        let count = self.without.iter().map(|(first, last)| last - first + 1);
        report.lacks(Lack::Texts {
            first,
            count: count.sum(),
        });
    }
}
