//! A checkpoint that somebody kept elsewhere: the journal must go through it.

use super::{Broken, Cause, Chain};
use crate::tree::Hash;

/// What the tree of the first `size` entries must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// Who says so.
    pub(crate) by: String,
    pub(crate) size: u64,
    pub(crate) root: Hash,
}

impl Chain {
    /// Demands that the journal contains this checkpoint.
    pub(crate) fn expecting(mut self, kept: Option<Kept>) -> Self {
        self.kept = kept;
        self
    }

    /// Takes a leaf, whatever is left of its entry. The kept checkpoint is compared after each one: it may have been
    /// made in the middle of what one seal, or the rest of a retired segment, covers today.
    pub(super) fn push(&mut self, leaf: Hash) -> Result<(), Broken> {
        self.tree.push(leaf);
        self.batch.entries += 1;
        let Some(kept) = &self.kept else {
            return Ok(());
        };
        if self.tree.size() != kept.size || self.tree.root() == kept.root {
            return Ok(());
        }
        Err(Broken {
            // The kept root tells that something before it differs, not where.
            seq: 0,
            to: kept.size.saturating_sub(1),
            cause: Cause::Fork {
                witness: kept.by.clone(),
                size: kept.size,
            },
        })
    }

    /// All lines were fed: the kept checkpoint must have been passed.
    pub(crate) fn reached_kept(&self) -> Result<(), Broken> {
        match &self.kept {
            Some(kept) if kept.size > self.sealed => Err(Broken {
                seq: self.sealed,
                to: kept.size - 1,
                cause: Cause::Rollback {
                    witness: kept.by.clone(),
                    size: kept.size,
                },
            }),
            _ => Ok(()),
        }
    }
}
