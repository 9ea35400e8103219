//! Which chunks of prices one side has, best last: a short sorted list near the best price, a tree for what lies far.
//!
//! Nearly all traffic is near the best price, where a short array beats a tree and allocates nothing. A side scattered
//! over many prices spills its far end into the tree, so that no order ever costs a walk over all levels.

use std::collections::BTreeMap;

/// Chunks in the near list: 64 entries are 1 KB, two pages of cache lines to search and to shift.
const NEAR_MAX: usize = 64;
/// Chunks that move between list and tree at once, so that a boundary crossed back and forth does not move each time.
const SPILL: usize = NEAR_MAX / 2;

/// Chunk keys in ascending order (the highest is the best) with the place of each chunk.
///
/// Every key in `far` is below every key in `near`; `near` is empty only where `far` is.
#[derive(Debug, Clone, Default)]
pub(super) struct Directory {
    near: Vec<(u64, u32)>,
    far: BTreeMap<u64, u32>,
}

impl Directory {
    /// The best chunk.
    #[inline]
    pub(super) fn last(&self) -> Option<(u64, u32)> {
        self.near.last().copied()
    }

    /// The place of the chunk with this key.
    #[inline]
    pub(super) fn get(&self, key: u64) -> Option<u32> {
        match self.near.last() {
            Some(&(best, chunk)) if best == key => return Some(chunk),
            None => return None,
            Some(_) => {}
        }
        let at = self.near.partition_point(|&(near, _)| near < key);
        match self.near.get(at) {
            Some(&(near, chunk)) if near == key => Some(chunk),
            _ if at == 0 => self.far.get(&key).copied(),
            _ => None,
        }
    }

    /// The best chunk that is worse than `key`.
    pub(super) fn below(&self, key: u64) -> Option<(u64, u32)> {
        let at = self.near.partition_point(|&(near, _)| near < key);
        match at.checked_sub(1) {
            Some(before) => self.near.get(before).copied(),
            None => self.far.range(..key).next_back().map(|(&key, &chunk)| (key, chunk)),
        }
    }

    /// Adds a chunk whose key is not there.
    pub(super) fn insert(&mut self, key: u64, chunk: u32) {
        let at = self.near.partition_point(|&(near, _)| near < key);
        if at == 0 && !self.far.is_empty() {
            self.far.insert(key, chunk);
            return;
        }
        self.near.insert(at, (key, chunk));
        if self.near.len() > NEAR_MAX {
            self.far.extend(self.near.drain(..SPILL));
        }
    }

    /// Removes the chunk with this key, if it is there.
    pub(super) fn remove(&mut self, key: u64) {
        let at = self.near.partition_point(|&(near, _)| near < key);
        if self.near.get(at).is_none_or(|&(near, _)| near != key) {
            self.far.remove(&key);
            return;
        }
        self.near.remove(at);
        if self.near.is_empty() {
            while let Some(entry) = self.far.pop_last() {
                self.near.push(entry);
                if self.near.len() == SPILL {
                    break;
                }
            }
            self.near.reverse();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against a plain tree, with enough keys to spill and to refill many times.
    #[test]
    fn is_an_ordered_map() {
        let (mut directory, mut model) = (Directory::default(), BTreeMap::new());
        let mut state = 7_u64;
        for step in 0..60_000_u32 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let key = (state >> 33) % 400;
            // It grows for a while, then shrinks for a while, mostly from the best end.
            let shrinking = (step / 3_000) % 2 == 1;
            let key = if shrinking {
                model.last_key_value().map_or(key, |(&best, _)| best - key.min(best) / 16)
            } else {
                key
            };
            if model.remove(&key).is_some() {
                directory.remove(key);
            } else if !shrinking {
                model.insert(key, step);
                directory.insert(key, step);
            }
            let expected = model.last_key_value().map(|(&key, &chunk)| (key, chunk));
            assert_eq!(directory.last(), expected, "best at step {step}");
            assert_eq!(directory.get(key), model.get(&key).copied(), "key {key} at step {step}");
            let below = model.range(..key).next_back().map(|(&key, &chunk)| (key, chunk));
            assert_eq!(directory.below(key), below, "below {key} at step {step}");
            assert!(directory.near.len() <= NEAR_MAX);
        }
    }
}
