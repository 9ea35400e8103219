//! The Merkle tree of an interval: leaves, root, paths (RFC 6962, section 2.1, on hashes of leaves).

use sha2::{Digest as _, Sha256};
use vendue_domain::lot::Digest;

use super::secret::Salts;
use super::statement::Statement;
use crate::entry::Entry;

/// What a leaf is made of: enough to make it again, nothing that tells of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf {
    /// The record's place in the journal.
    pub position: u64,
    /// The leaf's own salt.
    pub salt: u128,
    /// The record's bytes under a salt that stays secret.
    pub record: Digest,
    /// What the asker was told.
    pub told: Digest,
}

impl Leaf {
    /// The leaf's hash.
    #[must_use]
    pub fn hash(&self) -> Digest {
        let mut hash = Sha256::new();
        hash.update([0x00]);
        hash.update(self.salt.to_be_bytes());
        hash.update(self.position.to_be_bytes());
        hash.update(self.record.0);
        hash.update(self.told.0);
        Digest(hash.finalize().into())
    }
}

/// The leaf of a record; `entry` is the record decoded.
#[must_use]
pub fn leaf_of_record(salts: &Salts, position: u64, record: &[u8], entry: &Entry) -> Leaf {
    let mut hash = Sha256::new();
    hash.update([0x02]);
    hash.update(salts.record.to_be_bytes());
    hash.update(record);
    let record = Digest(hash.finalize().into());
    let told = Statement::of(position, entry).map_or_else(|| Statement::hash(&[]), |told| told.digest());
    Leaf { position, salt: salts.leaf, record, told }
}

fn node(left: &Digest, right: &Digest) -> Digest {
    let mut hash = Sha256::new();
    hash.update([0x01]);
    hash.update(left.0);
    hash.update(right.0);
    Digest(hash.finalize().into())
}

/// Where the left part of a tree of `count` leaves ends: the largest power of two below `count`, which is at least 2.
const fn split(count: usize) -> usize {
    1 << (usize::BITS - 1 - (count - 1).leading_zeros())
}

/// The root over these leaves; of none at all the hash of nothing.
#[must_use]
pub fn root(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => Digest(Sha256::digest([]).into()),
        [only] => *only,
        many => {
            let (left, right) = many.split_at(split(many.len()));
            node(&root(left), &root(right))
        }
    }
}

/// The hashes beside the way from leaf `index` to the root, from the leaf up; empty where there is no such leaf.
#[must_use]
pub fn path(leaves: &[Digest], index: usize) -> Vec<Digest> {
    if index >= leaves.len() || leaves.len() < 2 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut up, beside) = if index < left.len() {
        (path(left, index), root(right))
    } else {
        (path(right, index - left.len()), root(left))
    };
    up.push(beside);
    up
}

/// The root that this leaf and path lead to in a tree of `count` leaves; `None` where no such tree has such a path.
#[must_use]
pub fn root_of_path(leaf: Digest, index: u64, count: u64, path: &[Digest]) -> Option<Digest> {
    if index >= count {
        return None;
    }
    // Which sides the path's hashes stand on, from the root down.
    let (mut index, mut count) = (usize::try_from(index).ok()?, usize::try_from(count).ok()?);
    let mut is_left = Vec::new();
    while count > 1 {
        let left = split(count);
        is_left.push(index >= left);
        (index, count) = if index < left { (index, left) } else { (index - left, count - left) };
    }
    if is_left.len() != path.len() {
        return None;
    }
    let up = is_left.into_iter().rev().zip(path);
    Some(up.fold(
        leaf,
        |hash, (beside_is_left, beside)| {
            if beside_is_left { node(beside, &hash) } else { node(&hash, beside) }
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(count: usize, seed: u8) -> Vec<Digest> {
        (0..count)
            .map(|number| Digest(Sha256::digest([number as u8, (number >> 8) as u8, seed]).into()))
            .collect()
    }

    #[test]
    fn every_leaf_of_every_size_proves_itself_and_nothing_else() {
        for count in 1..130 {
            let leaves = leaves(count, 0);
            let root = root(&leaves);
            for index in 0..count {
                let path = path(&leaves, index);
                let led = |leaf, index, count, path: &[Digest]| {
                    root_of_path(leaf, index as u64, count as u64, path)
                };
                assert_eq!(led(leaves[index], index, count, &path), Some(root), "{index} of {count}");
                assert_ne!(led(leaves[index], index + 1, count, &path), Some(root), "{index} of {count}");
                assert_ne!(led(Digest([7; 32]), index, count, &path), Some(root), "{index} of {count}");
                if let Some((_, shorter)) = path.split_last() {
                    assert_eq!(led(leaves[index], index, count, shorter), None, "{index} of {count}");
                }
                for forged in 0..path.len() {
                    let mut path = path.clone();
                    path[forged].0[31] ^= 1;
                    assert_ne!(led(leaves[index], index, count, &path), Some(root), "{index} of {count}");
                }
            }
        }
    }

    #[test]
    fn the_tree_is_that_of_rfc_6962() {
        let leaves = leaves(7, 0);
        let [a, b, c, d, e, f, g] = leaves[..] else { panic!() };
        let left = node(&node(&a, &b), &node(&c, &d));
        assert_eq!(root(&leaves), node(&left, &node(&node(&e, &f), &g)));
    }

    #[test]
    fn no_two_histories_have_one_root() {
        let mut seen = std::collections::BTreeSet::new();
        for count in 0..200 {
            assert!(seen.insert(root(&leaves(count, 0)).0), "a prefix of {count}");
        }
        for seed in 1..100 {
            for changed in [0, 1, 62, 63, 64, 98, 99] {
                let mut other = leaves(100, 0);
                other[changed] = leaves(100, seed)[changed];
                assert!(seen.insert(root(&other).0), "leaf {changed} changed with seed {seed}");
            }
        }
        let mut swapped = leaves(100, 0);
        swapped.swap(3, 4);
        assert!(seen.insert(root(&swapped).0), "two leaves swapped");
    }
}
