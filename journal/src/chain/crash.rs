//! What crashes leave between two seals, and the entries that record it.

use super::{Chain, Check};
use crate::own::{Recovered, Unproven};
use crate::segment::Tail;

/// A place where a crash interrupted the writing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interruption {
    pub(crate) segment: String,
    pub(crate) torn: Tail,
    pub(crate) unproven: Unproven,
}

impl Interruption {
    /// The entry that records it.
    pub(crate) fn recovered(&self) -> Recovered {
        Recovered {
            segment: self.segment.clone(),
            offset: self.torn.offset,
            length: self.torn.length,
            sha256: self.torn.sha256.clone(),
            unproven: self.unproven.clone(),
        }
    }
}

impl Chain {
    /// Whether the batch records what crashes left behind, no more and no less.
    pub(super) fn is_recovered(&self) -> bool {
        let recorded = &self.batch.recovered;
        if self.check != Check::Forwarded {
            let expected = self.interruptions.iter().map(Interruption::recovered);
            return expected.eq(recorded.iter().cloned());
        }
        let expected = self.interruptions.iter().map(|crash| &crash.unproven);
        let left = recorded.iter().map(|record| &record.unproven);
        // A crash that left no whole entry is known from its record alone.
        expected.eq(left.filter(|left| left.count > 0))
            && (recorded.is_empty() || self.batch.opening.is_some())
    }

    /// An opening entry comes while entries wait for their seal: a crash took it.
    pub(super) fn interrupted(&mut self) {
        let torn = Tail {
            offset: 0,
            length: 0,
            sha256: String::new(),
        };
        self.segment_end("", torn);
    }

    /// A segment ends at `torn`, whose length is 0 when its last line is whole.
    pub(crate) fn segment_end(&mut self, segment: &str, torn: Tail) {
        if self.batch.entries == 0 && torn.length == 0 {
            return;
        }
        let batch = std::mem::take(&mut self.batch);
        self.interruptions.push(Interruption {
            segment: segment.to_owned(),
            torn,
            unproven: Unproven {
                first: self.tree.size() - batch.entries,
                count: batch.entries,
            },
        });
    }
}
