//! A tree of which only some leaves are kept: enough to prove those, in memory that hardly grows.

use std::collections::{BTreeMap, BTreeSet};

use super::path::{Leaves, inclusion};
use super::{Frontier, Hash};

/// Leaves in one block: of a block that is not kept, its root remains.
const BLOCK: u64 = 256;

/// The leaves of some blocks of a tree, and of every other block one hash: 32 bytes for 256 leaves.
#[derive(Debug)]
pub struct Sparse {
    wanted: BTreeSet<u64>,
    kept: BTreeMap<u64, Vec<Hash>>,
    roots: Vec<Hash>,
    block: Vec<Hash>,
    size: u64,
}

impl Sparse {
    /// A tree that is empty yet, and will keep what is needed to prove these leaves.
    #[must_use]
    pub fn keeping(leaves: impl IntoIterator<Item = u64>) -> Self {
        Self {
            wanted: leaves.into_iter().map(|leaf| leaf / BLOCK).collect(),
            kept: BTreeMap::new(),
            roots: Vec::new(),
            block: Vec::new(),
            size: 0,
        }
    }

    /// How many leaves there are.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends one leaf.
    pub fn push(&mut self, leaf: Hash) {
        self.block.push(leaf);
        self.size += 1;
        if self.size.is_multiple_of(BLOCK) {
            let number = self.size / BLOCK - 1;
            let block = std::mem::take(&mut self.block);
            self.roots.push(root(&block));
            if self.wanted.contains(&number) {
                self.kept.insert(number, block);
            }
        }
    }

    /// The inclusion proof of leaf `index` in the tree of the first `size` leaves, lowest first;
    /// `None` when the leaf, or the last of these, is not among those kept.
    #[must_use]
    pub fn prove(&self, index: u64, size: u64) -> Option<Vec<Hash>> {
        let path = inclusion(index, size)?;
        path.into_iter().map(|range| self.root_of(range)).collect()
    }

    /// The root over a run of leaves, as it stands in a proof.
    #[must_use]
    pub fn root_of(&self, leaves: Leaves) -> Option<Hash> {
        let Leaves { start, end } = leaves;
        if start >= end || end > self.size {
            return None;
        }
        let block = start / BLOCK;
        if end <= (block + 1) * BLOCK {
            return self.root_in_block(block, start, end);
        }
        let split = start + (1 << (end - start - 1).ilog2());
        let (left, right) = (self.root_of(start..split)?, self.root_of(split..end)?);
        Some(super::node_hash(&left, &right))
    }

    fn root_in_block(&self, block: u64, start: u64, end: u64) -> Option<Hash> {
        if end - start == BLOCK {
            return self.roots.get(usize::try_from(block).ok()?).copied();
        }
        let leaves = match self.kept.get(&block) {
            Some(leaves) => leaves,
            None if block == self.size / BLOCK => &self.block,
            None => return None,
        };
        let place = |leaf: u64| usize::try_from(leaf - block * BLOCK).ok();
        Some(root(leaves.get(place(start)?..place(end)?)?))
    }
}

fn root(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::default();
    leaves.iter().for_each(|leaf| frontier.push(*leaf));
    frontier.root()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::leaf_hash;
    use super::super::path::root_of_inclusion;
    use super::*;

    proptest! {
        #[test]
        fn what_is_kept_is_proven_in_any_tree_that_ends_where_leaves_are_kept(
            all in 1_u64..2000, pick in any::<u64>(), other in any::<u64>(),
        ) {
            let size = pick % all + 1;
            let index = other % size;
            let mut sparse = Sparse::keeping([index, size - 1]);
            let mut frontier = Frontier::default();
            for leaf in 0..all {
                let leaf_hash = leaf_hash(&leaf.to_be_bytes());
                sparse.push(leaf_hash);
                if leaf < size {
                    frontier.push(leaf_hash);
                }
            }
            let proof = sparse.prove(index, size).unwrap();
            let leaf = leaf_hash(&index.to_be_bytes());
            prop_assert_eq!(root_of_inclusion(index, size, leaf, &proof), Some(frontier.root()));
        }
    }

    #[test]
    fn what_is_not_kept_is_not_proven() {
        let mut sparse = Sparse::keeping([300]);
        for leaf in 0_u64..1000 {
            sparse.push(leaf_hash(&leaf.to_be_bytes()));
        }
        assert!(sparse.prove(300, 1000).is_some());
        assert!(sparse.prove(300, 700).is_none());
        assert!(sparse.prove(10, 1000).is_none());
        assert!(sparse.prove(300, 1001).is_none());
    }
}
