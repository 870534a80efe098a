//! What an erasure is about: the entries that name a person, and how many fit into one declaration.
//!
//! [`Writer::erase`](crate::writer::Writer::erase) does it.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::error::Error;
use crate::scan::{Candidate, Order, Wanted, scan};

/// The most runs at once: the entry that says what was erased holds them.
pub const MOST_RUNS: usize = 500;

/// The entries of the journal in `dir` whose `identity.person` is this one.
///
/// # Errors
/// When the journal cannot be read.
pub fn of_person(dir: &Path, person: &str) -> Result<BTreeSet<u64>, Error> {
    // Names are plain, so a line that names one holds it as it is.
    let wanted = Wanted {
        holding: vec![vec![format!("\"{person}\"")]],
        ..Wanted::default()
    };
    let name = person.to_owned();
    let take = move |candidate: Candidate<'_>| {
        let entry: Value = serde_json::from_slice(candidate.bytes).ok()?;
        let is_theirs = entry.pointer("/identity/person")? == name.as_str();
        is_theirs.then(|| entry.get("seq")?.as_u64()).flatten()
    };
    scan(dir, &wanted, Order::Oldest, 1, take)?.collect()
}

/// The runs of a set: first and last of each.
#[must_use]
pub fn runs(numbers: &BTreeSet<u64>) -> Vec<(u64, u64)> {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*number) => *last = *number,
            _ => runs.push((*number, *number)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_gathered_into_runs() {
        let numbers = BTreeSet::from([3, 4, 5, 9, 11, u64::MAX]);
        let expected = [(3, 5), (9, 9), (11, 11), (u64::MAX, u64::MAX)];
        assert_eq!(runs(&numbers), expected);
        assert_eq!(runs(&BTreeSet::new()), []);
    }
}
