//! The newest of a long list, and the chunks in which the state store keeps it.
//!
//! A checkpoint writes the chunks that have grown, not all that a busy lot or account ever heard.

use std::collections::VecDeque;

/// What stands in a log.
pub(super) trait Numbered: Clone {
    /// How many stand in one value of the state store: a value stays well below a block.
    const CHUNK: u64;

    /// Its number: it grows from one to the next, and one that is known is passed over.
    fn seq(&self) -> u64;
}

/// The number of a chunk's first item, and its items.
pub(super) type Chunk<T> = (u64, Vec<T>);

/// The newest items of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Log<T> {
    /// The number that it has reached.
    seq: u64,
    /// How many items came before the first one kept.
    dropped: u64,
    items: VecDeque<T>,
    /// Items with a place (from 0) below this one are in the state store.
    stored: u64,
    /// Chunks below this one have been removed from the state store.
    removed: u64,
}

impl<T> Default for Log<T> {
    fn default() -> Self {
        Self { seq: 0, dropped: 0, items: VecDeque::new(), stored: 0, removed: 0 }
    }
}

impl<T: Numbered> Log<T> {
    /// What is kept, the oldest first.
    pub(super) fn items(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.items.iter()
    }

    /// Whether earlier items have been let go of.
    pub(super) const fn is_cut(&self) -> bool {
        self.dropped > 0
    }

    /// Takes back a stored chunk by the place of its first item; chunks come in any order.
    pub(super) fn absorb(&mut self, first: u64, items: Vec<T>) {
        self.dropped = if self.items.is_empty() { first } else { self.dropped.min(first) };
        self.items.extend(items);
        self.items.make_contiguous().sort_unstable_by_key(Numbered::seq);
        self.seq = self.items.back().map_or(0, Numbered::seq);
        self.stored = self.dropped + self.items.len() as u64;
        self.removed = self.dropped / T::CHUNK;
    }

    /// What has to be written: the chunks that have grown since the last call (with the place of their first item), and
    /// (`None`) those no item of which is kept.
    pub(super) fn take_changes(&mut self) -> Vec<(u32, Option<Chunk<T>>)> {
        let end = self.dropped + self.items.len() as u64;
        let first_kept = self.dropped / T::CHUNK;
        let gone = (self.removed..first_kept).map(|chunk| (chunk as u32, None));
        let mut changes: Vec<_> = gone.collect();
        let from = (self.stored / T::CHUNK).max(first_kept);
        for chunk in from..end.div_ceil(T::CHUNK) {
            let begin = (chunk * T::CHUNK).max(self.dropped) - self.dropped;
            let until = ((chunk + 1) * T::CHUNK).min(end) - self.dropped;
            let items = self.items.range(begin as usize..until as usize).cloned().collect();
            changes.push((chunk as u32, Some((self.dropped + begin, items))));
        }
        (self.stored, self.removed) = (end, first_kept);
        changes
    }

    /// The state store did not take the changes: everything is written again.
    pub(super) fn not_stored(&mut self) {
        (self.stored, self.removed) = (0, 0);
    }

    /// Adds an item and keeps the newest `most`; one that is known is passed over. Whether it was added.
    pub(super) fn push(&mut self, item: T, most: usize) -> bool {
        if item.seq() <= self.seq {
            return false;
        }
        self.seq = item.seq();
        if self.items.len() >= most {
            self.items.pop_front();
            self.dropped += 1;
        }
        self.items.push_back(item);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[derive(Debug, Clone, PartialEq, Eq)]
    struct Item(u64);

    impl Numbered for Item {
        const CHUNK: u64 = 128;

        fn seq(&self) -> u64 {
            self.0
        }
    }

    /// What is stored after every capture gives the same history back, whatever was let go of in between.
    #[test]
    fn chunks_give_the_history_back() {
        for (most, step) in [(10, 3), (300, 50), (300, 128), (500, 131), (1_000, 7)] {
            let mut history = Log::default();
            let mut store: BTreeMap<u32, (u64, Vec<Item>)> = BTreeMap::new();
            for seq in 1..=2_000_u64 {
                history.push(Item(seq), most);
                if seq % step != 0 {
                    continue;
                }
                for (chunk, bids) in history.take_changes() {
                    match bids {
                        Some(bids) => drop(store.insert(chunk, bids)),
                        None => drop(store.remove(&chunk)),
                    }
                }
                let mut restored = Log::default();
                for (first, bids) in store.values().rev() {
                    restored.absorb(*first, bids.clone());
                }
                // A stored chunk may still hold bids that memory has let go of; none is missing.
                let newest: Vec<_> = restored.items().rev().take(history.items.len()).cloned().collect();
                let live: Vec<_> = history.items().rev().cloned().collect();
                assert_eq!(newest, live, "{most} kept, captured each {step}, at {seq}");
                if seq % (step * 5) == 0 {
                    history = restored;
                }
            }
        }
    }
}
