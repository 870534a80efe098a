//! `daypass-agent erase`: takes a person's entries out of this host's journal.
//!
//! The journal has one writer, the daemon: the command leaves it an order and waits for its answer.

use std::collections::BTreeSet;

use daypass_journal::erasure::{MOST_RUNS, runs};

use crate::invoker;
use crate::layout::Layout;
use crate::orders::ask::{self, ask};
use crate::orders::{Erase, Order};

/// The longest reason, bytes.
const LONGEST_REASON: usize = 500;

/// Which entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// All that name this person.
    Person(String),
    /// These.
    Numbers(Vec<u64>),
}

/// What was erased, or would be.
#[derive(Debug, PartialEq, Eq)]
pub struct Erased {
    /// How many entries.
    pub entries: usize,
    /// The entries that say so, in the order in which they were written; none when nothing was done yet.
    pub said_by: Vec<u64>,
}

/// Why nothing was erased, or not all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody would know why.
    #[error("a reason has 1 to {LONGEST_REASON} bytes")]
    Reason,
    /// There is nothing.
    #[error("no entry of this host's journal names {person}")]
    Nobody {
        /// Who was looked for.
        person: String,
    },
    /// The journal cannot be read.
    #[error("the journal cannot be read: {0}")]
    Journal(#[from] daypass_journal::Error),
    /// The daemon.
    #[error(transparent)]
    Ask(#[from] ask::Error),
}

/// Has the daemon erase entries; `confirmed` or not, tells how many there are.
///
/// # Errors
/// See [`enum@Error`].
pub fn erase(
    layout: &Layout,
    which: &Which,
    reason: &str,
    confirmation: Confirmation,
) -> Result<Erased, Error> {
    if reason.trim().is_empty() || reason.len() > LONGEST_REASON {
        return Err(Error::Reason);
    }
    let entries = match which {
        Which::Person(person) => of_person(layout, person)?,
        Which::Numbers(numbers) => numbers.iter().copied().collect(),
    };
    let mut erased = Erased {
        entries: entries.len(),
        said_by: Vec::new(),
    };
    if confirmation == Confirmation::Missing {
        return Ok(erased);
    }
    let by = invoker::invoker().in_a_word();
    for entries in runs(&entries).chunks(MOST_RUNS) {
        let order = Order::Erase(Erase {
            entries: entries.to_vec(),
            by: by.clone(),
            reason: reason.to_owned(),
        });
        erased.said_by.push(ask(layout, &order)?.seq);
    }
    Ok(erased)
}

/// Whether the person has said that this is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation {
    /// `--yes`.
    Given,
    /// Not yet: nothing is done.
    Missing,
}

fn of_person(layout: &Layout, person: &str) -> Result<BTreeSet<u64>, Error> {
    let found = daypass_journal::erasure::of_person(&layout.journal(), person)?;
    if found.is_empty() {
        let person = person.to_owned();
        return Err(Error::Nobody { person });
    }
    Ok(found)
}
