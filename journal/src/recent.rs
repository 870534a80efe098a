//! The checkpoints sealed last: cosignatures come some seals late.

use std::collections::VecDeque;

use crate::tree::Hash;

/// How many are remembered: minutes of a busy journal, 160 KiB.
const LIMIT: usize = 4096;

/// Sizes and roots of the last seals, oldest first.
#[derive(Debug, Default)]
pub(crate) struct RecentSeals(VecDeque<(u64, Hash)>);

impl RecentSeals {
    pub(crate) fn push(&mut self, size: u64, root: Hash) {
        if self.0.len() == LIMIT {
            self.0.pop_front();
        }
        self.0.push_back((size, root));
    }

    /// The root sealed at `size`; `None` when no seal stands there or it is too long ago.
    pub(crate) fn root(&self, size: u64) -> Option<&Hash> {
        let place = self.0.binary_search_by_key(&size, |seal| seal.0).ok()?;
        self.0.get(place).map(|seal| &seal.1)
    }

    /// The largest size sealed.
    pub(crate) fn last(&self) -> u64 {
        self.0.back().map_or(0, |seal| seal.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten() {
        let mut recent = RecentSeals::default();
        for number in 0..=LIMIT as u64 {
            recent.push(number * 3, [1; 32]);
        }
        assert_eq!(recent.root(0), None);
        assert_eq!(recent.root(3), Some(&[1; 32]));
        assert_eq!(recent.root(4), None);
        assert_eq!(recent.last(), LIMIT as u64 * 3);
    }
}
