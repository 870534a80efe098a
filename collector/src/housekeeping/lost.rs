//! Segments that are lost: looked for again, later and later. What is owed to one that is back is paid before anything else.

use super::{Housekeeping, complain};
use crate::backoff::Pause;
use crate::checkpoints::losses::Loss;
use crate::collector::Collector;
use crate::erasure::EraseError;
use crate::owed;
use crate::rewrite::RewriteError;
use crate::stored::{self, Now};

/// Segments that are looked for at once: each is read, if it is there.
const AT_ONCE: usize = 64;

/// Where the next look begins, and when.
#[derive(Default)]
pub(super) struct Search {
    after: u64,
    pause: Pause,
}

impl Housekeeping {
    /// Looks whether something that was lost is back.
    pub(super) fn look_for_lost(&mut self, collector: &Collector) {
        if !self.search.pause.is_over() {
            return;
        }
        let losses = collector.stores().checkpoints.lost();
        let lost = match losses.after(self.search.after, AT_ONCE) {
            Ok(lost) => lost,
            Err(error) => return complain(&error, "lost segments are not looked for now"),
        };
        let is_last = lost.len() < AT_ONCE;
        let last = lost.last().filter(|_| !is_last);
        self.search.after = last.map_or(0, |loss| loss.number);
        let (mut back, mut is_lost) = (0, false);
        for loss in &lost {
            match is_back(collector, loss) {
                Ok(true) => back += 1,
                Ok(false) => is_lost = true,
                Err(error) => {
                    is_lost = true;
                    complain(&error, "a lost segment is not taken back now");
                }
            }
        }
        if back > 0 {
            tracing::info!(back, "segments that were lost are back");
            self.search.pause.end();
            self.takes_up();
        }
        if is_lost {
            self.search.pause.failed();
        }
    }
}

/// Whether a segment is back, and rid of what it should not say any more.
fn is_back(collector: &Collector, loss: &Loss) -> Result<bool, EraseError> {
    let stores = collector.stores();
    let listed = stores
        .checkpoints
        .segments_after(loss.number.saturating_sub(1), 1);
    let listed = listed.map_err(RewriteError::from)?;
    let Some(segment) = listed.iter().find(|listed| listed.number == loss.number) else {
        return Ok(false);
    };
    match stored::now::<RewriteError>(stores, segment)? {
        Now::Lost(error) => {
            collector.lost(segment, &error)?;
            Ok(false)
        }
        Now::Whole(..) => {
            owed::pay(collector, segment)?;
            let found = stores.checkpoints.lost().found(loss.number);
            found.map_err(RewriteError::from)?;
            Ok(true)
        }
    }
}
