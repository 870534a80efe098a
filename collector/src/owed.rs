//! What is to be taken out of segments that were lost when it was said. Nobody reads it once they are back, and then it goes.

use std::collections::BTreeSet;

use daypass_journal::erasure::{self as of_journal, MOST_RUNS};
use daypass_journal::remains;

use crate::checkpoints::StoredSegment;
use crate::checkpoints::losses::{Debt, Losses};
use crate::collector::Collector;
use crate::erasure::{self, EraseError, Why};
use crate::evidence;
use crate::rewrite::{self, RewriteError};
use crate::stored::{self, Now};

/// More than are lost at any time.
pub(crate) const ALL: usize = 1 << 31;

/// A segment's lines, as if what is owed were paid.
pub(crate) fn without(lines: Vec<u8>, debts: &[Debt]) -> Vec<u8> {
    if debts.is_empty() {
        return lines;
    }
    let mut runs = entries(debts);
    for debt in debts {
        if let Debt::Person { name, .. } = debt {
            runs.extend(of_journal::runs(&evidence::naming(&lines, name)));
        }
    }
    let left = remains::erase(&lines, &runs);
    match debts.contains(&Debt::Age) {
        true => remains::retire(&left).unwrap_or(left),
        false => left,
    }
}

/// Has whatever names a person taken out of all segments that are lost, once they are back: an index that was made anew since says
/// nothing of them.
///
/// # Errors
/// When the store cannot remember it.
pub(crate) fn by_person(losses: &dyn Losses, person: &str, why: &Why) -> Result<(), RewriteError> {
    let debt = Debt::Person {
        name: person.to_owned(),
        by: why.by.clone(),
        why: why.reason.clone(),
    };
    for loss in losses.after(0, ALL)? {
        losses.owe(loss.number, std::slice::from_ref(&debt))?;
    }
    Ok(())
}

/// Takes out of a segment that is back what is owed.
///
/// # Errors
/// What was done stays done; the same may be asked again.
pub(crate) fn pay(collector: &Collector, segment: &StoredSegment) -> Result<(), EraseError> {
    let stores = collector.stores();
    let losses = stores.checkpoints.lost();
    let owed = |number| losses.owed(number).map_err(RewriteError::from);
    let debts = owed(segment.number)?;
    if debts.is_empty() {
        return Ok(());
    }
    let Now::Whole(_, lines) = stored::now::<RewriteError>(stores, segment)? else {
        return Ok(());
    };
    for debt in &debts {
        if let Debt::Person { name, by, why } = debt {
            let mut named = evidence::naming(&lines, name);
            named.retain(|seq| !is_among(*seq, &entries(&debts)));
            let why = Why {
                by: by.clone(),
                reason: why.clone(),
            };
            say(collector, segment, &named, &why)?;
            let paid = losses.paid(segment.number, std::slice::from_ref(debt));
            paid.map_err(RewriteError::from)?;
        }
    }
    let debts = owed(segment.number)?;
    let log = &segment.log;
    for runs in entries(&debts).chunks(MOST_RUNS) {
        erasure::take_out(collector, log, runs)?;
    }
    if debts.contains(&Debt::Age) {
        collector.with_log(log, || retire(collector, segment))?;
    }
    // It may have been lost again meanwhile.
    if let Now::Whole(_, lines) = stored::now::<RewriteError>(stores, segment)?
        && without(lines.clone(), &debts) == lines
    {
        let paid = losses.paid(segment.number, &debts);
        paid.map_err(RewriteError::from)?;
    }
    Ok(())
}

/// Says that these entries go, and remembers that they do, so that it is said once.
fn say(
    collector: &Collector,
    segment: &StoredSegment,
    entries: &BTreeSet<u64>,
    why: &Why,
) -> Result<(), EraseError> {
    let runs = of_journal::runs(entries);
    for runs in runs.chunks(MOST_RUNS) {
        erasure::say(collector, &segment.log, runs, why)?;
    }
    let debts: Vec<Debt> = runs
        .iter()
        .map(|(first, last)| Debt::Entries {
            first: *first,
            last: *last,
        })
        .collect();
    let losses = collector.stores().checkpoints.lost();
    let owed = losses.owe(segment.number, &debts);
    Ok(owed.map_err(RewriteError::from)?)
}

/// Retires what a segment is now.
fn retire(collector: &Collector, segment: &StoredSegment) -> Result<(), RewriteError> {
    let stores = collector.stores();
    let listed = stores.checkpoints.segments_after(segment.number - 1, 1)?;
    let now = listed.iter().find(|now| now.number == segment.number);
    match now {
        Some(now) => {
            let index = collector.index();
            rewrite::retire(stores, index, now, &mut collector.tells_of_lost()).map(drop)
        }
        None => Ok(()),
    }
}

fn entries(debts: &[Debt]) -> Vec<(u64, u64)> {
    let runs = debts.iter().filter_map(|debt| match debt {
        Debt::Entries { first, last } => Some((*first, *last)),
        Debt::Person { .. } | Debt::Age => None,
    });
    runs.collect()
}

fn is_among(seq: u64, runs: &[(u64, u64)]) -> bool {
    runs.iter()
        .any(|(first, last)| (*first..=*last).contains(&seq))
}
