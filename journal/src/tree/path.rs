//! Which subtrees a proof is made of, and how it is checked (RFC 6962 sections 2.1.1 and 2.1.2,
//! RFC 9162 sections 2.1.3.2 and 2.1.4.2).

use std::ops::Range;

use super::{Frontier, Hash, node_hash};

/// The leaves below one node of a proof.
pub type Leaves = Range<u64>;

/// The subtrees whose roots prove that leaf `index` is in a tree of `size` leaves, lowest first.
/// `None` when it is not.
#[must_use]
pub fn inclusion(index: u64, size: u64) -> Option<Vec<Leaves>> {
    if index >= size {
        return None;
    }
    let mut path = Vec::new();
    let mut tree = 0..size;
    while tree.end - tree.start > 1 {
        let split = tree.start + split(tree.end - tree.start);
        if index < split {
            path.push(split..tree.end);
            tree.end = split;
        } else {
            path.push(tree.start..split);
            tree.start = split;
        }
    }
    path.reverse();
    Some(path)
}

/// The subtrees whose roots prove that a tree of `old` leaves is the beginning of one of `new`,
/// in the order of RFC 6962. `None` unless `0 < old <= new`.
#[must_use]
pub fn consistency(old: u64, new: u64) -> Option<Vec<Leaves>> {
    if old == 0 || old > new {
        return None;
    }
    let mut path = Vec::new();
    let mut tree = 0..new;
    // While true, the old tree is the one that the verifier knows the root of.
    let mut known = true;
    while old != tree.end {
        let split = tree.start + split(tree.end - tree.start);
        if old <= split {
            path.push(split..tree.end);
            tree.end = split;
        } else {
            path.push(tree.start..split);
            tree.start = split;
            known = false;
        }
    }
    if !known {
        path.push(tree);
    }
    path.reverse();
    Some(path)
}

/// The largest power of two below `size`, which is at least 2.
fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

/// Gathers the roots of a proof's subtrees while the leaves pass by in order.
#[derive(Debug)]
pub struct Gatherer {
    subtrees: Vec<(Leaves, Frontier)>,
}

impl Gatherer {
    /// For the subtrees that [`inclusion`] or [`consistency`] names.
    #[must_use]
    pub fn new(path: Vec<Leaves>) -> Self {
        let subtrees = path.into_iter().map(|range| (range, Frontier::default()));
        Self {
            subtrees: subtrees.collect(),
        }
    }

    /// Leaf number `index` has this hash.
    pub fn leaf(&mut self, index: u64, hash: Hash) {
        let mut subtrees = self.subtrees.iter_mut();
        if let Some((_, frontier)) = subtrees.find(|(range, _)| range.contains(&index)) {
            frontier.push(hash);
        }
    }

    /// The proof; `None` while leaves are missing.
    #[must_use]
    pub fn proof(&self) -> Option<Vec<Hash>> {
        let root = |(range, frontier): &(Leaves, Frontier)| {
            (frontier.size() == range.end - range.start).then(|| frontier.root())
        };
        self.subtrees.iter().map(root).collect()
    }
}

/// The root that an inclusion proof leads to; `None` when it has another shape than such a proof.
#[must_use]
pub fn root_of_inclusion(index: u64, size: u64, leaf: Hash, proof: &[Hash]) -> Option<Hash> {
    let path = inclusion(index, size)?;
    if path.len() != proof.len() {
        return None;
    }
    let climb = |node: Hash, (range, sibling): (&Leaves, &Hash)| match range.start > index {
        true => node_hash(&node, sibling),
        false => node_hash(sibling, &node),
    };
    Some(path.iter().zip(proof).fold(leaf, climb))
}

/// Whether `proof` shows that the tree of `old` leaves and `old_root` is the beginning of that of
/// `new` leaves and `new_root`.
#[must_use]
pub fn is_consistent(old: u64, old_root: &Hash, new: u64, new_root: &Hash, proof: &[Hash]) -> bool {
    if old == new {
        return old_root == new_root && proof.is_empty();
    }
    if old == 0 || old > new {
        return false;
    }
    let (first, rest) = match (old.is_power_of_two(), proof.split_first()) {
        // The old tree is a subtree of the new one, and its root is known.
        (true, _) => (old_root, proof),
        (false, Some((first, rest))) => (first, rest),
        (false, None) => return false,
    };
    let trailing = (old - 1).trailing_ones();
    let (mut node, mut last) = ((old - 1) >> trailing, (new - 1) >> trailing);
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in rest {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            if node & 1 == 0 {
                let zeros = node.trailing_zeros().min(63);
                node >>= zeros;
                last >>= zeros;
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && old_hash == *old_root && new_hash == *new_root
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::leaf_hash;
    use super::*;

    fn leaves(size: u64) -> Vec<Hash> {
        (0..size).map(|n| leaf_hash(&n.to_be_bytes())).collect()
    }

    fn root(leaves: &[Hash]) -> Hash {
        let mut frontier = Frontier::default();
        leaves.iter().for_each(|leaf| frontier.push(*leaf));
        frontier.root()
    }

    fn gather(path: Vec<Leaves>, leaves: &[Hash]) -> Vec<Hash> {
        let mut gatherer = Gatherer::new(path);
        for (index, leaf) in (0..).zip(leaves) {
            gatherer.leaf(index, *leaf);
        }
        gatherer.proof().unwrap()
    }

    #[test]
    fn the_paths_of_the_example_in_the_rfc_are_met() {
        // RFC 6962, section 2.1.3: a tree of seven leaves.
        assert_eq!(inclusion(0, 7).unwrap(), [1..2, 2..4, 4..7]);
        assert_eq!(inclusion(3, 7).unwrap(), [2..3, 0..2, 4..7]);
        assert_eq!(inclusion(4, 7).unwrap(), [5..6, 6..7, 0..4]);
        assert_eq!(inclusion(6, 7).unwrap(), [4..6, 0..4]);
        assert_eq!(consistency(3, 7).unwrap(), [2..3, 3..4, 0..2, 4..7]);
        assert_eq!(consistency(4, 7).unwrap(), vec![4..7]);
        assert_eq!(consistency(6, 7).unwrap(), [4..6, 6..7, 0..4]);
    }

    #[test]
    fn nothing_is_proven_of_what_is_not_there() {
        assert_eq!(inclusion(7, 7), None);
        assert_eq!(consistency(0, 7), None);
        assert_eq!(consistency(8, 7), None);
    }

    proptest! {
        #[test]
        fn an_inclusion_proof_leads_to_the_root(size in 1_u64..200, pick in any::<u64>()) {
            let (leaves, index) = (leaves(size), pick % size);
            let proof = gather(inclusion(index, size).unwrap(), &leaves);
            let leaf = leaves[usize::try_from(index).unwrap()];
            prop_assert_eq!(root_of_inclusion(index, size, leaf, &proof), Some(root(&leaves)));
            prop_assert_ne!(root_of_inclusion(index, size, [0; 32], &proof), Some(root(&leaves)));
            prop_assert_eq!(root_of_inclusion(index, size, leaf, &[&proof[..], &[leaf]].concat()), None);
        }

        #[test]
        fn a_consistency_proof_binds_both_roots(new in 1_u64..200, pick in any::<u64>()) {
            let (leaves, old) = (leaves(new), pick % new + 1);
            let proof = gather(consistency(old, new).unwrap(), &leaves);
            let old_root = root(&leaves[..usize::try_from(old).unwrap()]);
            let new_root = root(&leaves);
            prop_assert!(is_consistent(old, &old_root, new, &new_root, &proof));
            prop_assert!(!is_consistent(old, &[0; 32], new, &new_root, &proof));
            prop_assert!(!is_consistent(old, &old_root, new, &[0; 32], &proof));
            let longer = [&proof[..], &[old_root]].concat();
            prop_assert!(!is_consistent(old, &old_root, new, &new_root, &longer));
        }
    }
}
