//! A sorted map in blocks on one tree of sled. This file and `sled_store.rs` are the only ones that know sled.
//!
//! A block's key is the lower bound of what it holds: zeros for the first block, and for another the first item's key when it was
//! split off. So the block of any key is the last one that is not greater.
//!
//! # A deadlock of sled 0.34.7, and how it is kept away
//! sled writes each of its buffers (512 KiB) as a task of a pool of seven threads, and each such task needs the lock of its segment
//! accountant. When the end of its file becomes free, it queues a truncation on the same pool, and whoever needs the next segment
//! waits for that *holding the lock*. When all threads of the pool are busy with buffers by then, they wait for the lock, the lock for the
//! truncation, and the truncation for a thread: for ever. (Seen in half of our test runs.) So few buffers may ever be under
//! way: little is written between two flushes, which wait for them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use sled::IVec;

use crate::error::StorageError;
use crate::state::CheckpointStats;
use crate::state::block::{Block, Item, decode, encode, pack};

/// Bytes of blocks after which sled is flushed: with what it writes again by itself, two or three buffers for seven threads.
const FLUSH_BYTES: u64 = 256 * 1024;
/// Bytes of new values put into one block's place at once: what is split off is written in one batch, with no flush between.
const GROUP_BYTES: usize = 128 * 1024;

/// What the digests of a tree add up to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    /// At the marker of the last complete checkpoint.
    pub(crate) at_marker: u64,
    /// As the blocks are now.
    pub(crate) now: u64,
}

pub(crate) struct BlockTree {
    tree: sled::Tree,
    name: &'static str,
    key_bytes: usize,
    digest: Mutex<u64>,
    /// Bytes written since the last flush.
    unflushed: AtomicU64,
    /// Keys of blocks that became empty: they can go in the next checkpoint, when no marker counts them.
    empty: Mutex<Vec<IVec>>,
}

impl BlockTree {
    pub(crate) fn open(
        db: &sled::Db,
        name: &'static str,
        key_bytes: usize,
    ) -> Result<BlockTree, sled::Error> {
        let tree = db.open_tree(name)?;
        Ok(BlockTree {
            tree,
            name,
            key_bytes,
            digest: Mutex::new(0),
            unflushed: AtomicU64::new(0),
            empty: Mutex::default(),
        })
    }

    /// The digest of all blocks as they are.
    pub(crate) fn digest(&self) -> u64 {
        *self.digest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads and checks every block and adds up what they are worth; `generation` is the marker's. Counts in `progress`.
    pub(crate) fn add_up(&self, generation: u64, progress: &AtomicU64) -> Result<Sums, StorageError> {
        let mut sums = Sums::default();
        let mut before: Option<Vec<u8>> = None;
        for entry in self.tree.iter() {
            let (key, bytes) = entry.map_err(|error| self.error(&error))?;
            progress.fetch_add(1, Ordering::Relaxed);
            let block = self.decode(&key, &bytes)?;
            let ordered = block.items.iter().map(|(key, _)| *key);
            for item in ordered {
                if item < &key[..] || before.as_deref().is_some_and(|before| before >= item) {
                    return Err(self.damaged("blocks in order", "an item out of order"));
                }
                before = Some(item.to_vec());
            }
            sums.at_marker = sums.at_marker.wrapping_add(block.worth_at(generation));
            sums.now = sums.now.wrapping_add(block.worth());
            if block.items.is_empty() {
                self.empty.lock().unwrap_or_else(PoisonError::into_inner).push(key);
            }
        }
        *self.digest.lock().unwrap_or_else(PoisonError::into_inner) = sums.now;
        Ok(sums)
    }

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        let Some((block_key, bytes)) = self.block_of(key)? else { return Ok(None) };
        let block = self.decode(&block_key, &bytes)?;
        let found = block.items.binary_search_by_key(&key, |(key, _)| key);
        Ok(found.ok().map(|at| block.items[at].1.to_vec()))
    }

    /// Applies sorted changes without duplicates, block by block; `replaced` is shown what stood under a changed key.
    pub(crate) fn write(
        &self,
        changes: &[(&[u8], Option<&[u8]>)],
        generation: u64,
        stats: &mut CheckpointStats,
        replaced: &mut dyn FnMut(&[u8], &[u8]),
    ) -> Result<(), StorageError> {
        let mut rest = changes;
        while let Some((key, _)) = rest.first() {
            let found = self.block_of(key)?;
            let (block_key, bytes) =
                found.unwrap_or_else(|| (vec![0; self.key_bytes].into(), IVec::default()));
            let next = self.tree.get_gt(&block_key).map_err(|error| self.error(&error))?;
            let count =
                next.map_or(rest.len(), |(next, _)| rest.partition_point(|(key, _)| *key < &next[..]));
            let (these, others) = rest.split_at(count.min(group(rest)));
            let before = stats.bytes_written;
            self.write_block(&block_key, &bytes, these, generation, stats, replaced)?;
            self.flush_if_due(stats.bytes_written - before)?;
            rest = others;
        }
        Ok(())
    }

    /// Keeps the number of sled's buffers under way small.
    fn flush_if_due(&self, written: u64) -> Result<(), StorageError> {
        if self.unflushed.fetch_add(written, Ordering::Relaxed) + written >= FLUSH_BYTES {
            self.unflushed.store(0, Ordering::Relaxed);
            self.tree.flush().map_err(|error| self.error(&error))?;
        }
        Ok(())
    }

    fn write_block(
        &self,
        block_key: &IVec,
        bytes: &IVec,
        changes: &[(&[u8], Option<&[u8]>)],
        generation: u64,
        stats: &mut CheckpointStats,
        replaced: &mut dyn FnMut(&[u8], &[u8]),
    ) -> Result<(), StorageError> {
        stats.blocks_read += 1;
        let old = if bytes.is_empty() { None } else { Some(self.decode(block_key, bytes)?) };
        let old_items = old.as_ref().map_or(&[][..], |block| &block.items);
        let items = merge(old_items, changes, replaced);
        if items == old_items {
            return Ok(());
        }
        let mut batch = sled::Batch::default();
        let mut gained = 0_u64;
        for (index, piece) in pack(&items).into_iter().enumerate() {
            let key: &[u8] = if index == 0 { block_key } else { piece[0].0 };
            let previous =
                if index == 0 { old.as_ref().map_or(0, |block| block.previous_for(generation)) } else { 0 };
            let (bytes, worth) = encode(key, generation, previous, piece);
            gained = gained.wrapping_add(worth);
            stats.blocks_written += 1;
            stats.bytes_written += bytes.len() as u64;
            batch.insert(key, bytes);
        }
        self.tree.apply_batch(batch).map_err(|error| self.error(&error))?;
        let lost = old.as_ref().map_or(0, Block::worth);
        let mut digest = self.digest.lock().unwrap_or_else(PoisonError::into_inner);
        *digest = digest.wrapping_add(gained).wrapping_sub(lost);
        if items.is_empty() {
            self.empty.lock().unwrap_or_else(PoisonError::into_inner).push(block_key.clone());
        }
        Ok(())
    }

    /// Removes blocks that were empty at the last marker. `generation` is that of the checkpoint that begins.
    pub(crate) fn remove_empty(&self, generation: u64) -> Result<(), StorageError> {
        let keys = std::mem::take(&mut *self.empty.lock().unwrap_or_else(PoisonError::into_inner));
        for key in keys {
            let Some(bytes) = self.tree.get(&key).map_err(|error| self.error(&error))? else { continue };
            let block = self.decode(&key, &bytes)?;
            if !block.items.is_empty() {
                continue;
            }
            if block.generation < generation {
                self.tree.remove(&key).map_err(|error| self.error(&error))?;
            } else {
                // Emptied by a checkpoint that was not completed: it still says what the marker counts.
                self.empty.lock().unwrap_or_else(PoisonError::into_inner).push(key);
            }
        }
        Ok(())
    }

    /// Visits items from `from` on. `visit` says where to go on: after this item, at a later key, or nowhere.
    pub(crate) fn walk(
        &self,
        from: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> Step,
    ) -> Result<(), StorageError> {
        let mut cursor = from.to_vec();
        let mut found = match self.block_of(&cursor)? {
            Some(found) => Some(found),
            None => self.tree.get_gt(&cursor).map_err(|error| self.error(&error))?,
        };
        while let Some((block_key, bytes)) = found {
            let block = self.decode(&block_key, &bytes)?;
            for (key, value) in &block.items {
                if *key < cursor.as_slice() {
                    continue;
                }
                match visit(key, value) {
                    Step::Next => cursor = successor(key),
                    Step::Seek(to) => cursor = to,
                    Step::Stop => return Ok(()),
                }
            }
            // The next block, or a later one when the visitor is not interested in what lies between.
            let next = self.tree.get_gt(&block_key).map_err(|error| self.error(&error))?;
            found = match next {
                Some((next_key, _)) if &next_key[..] < cursor.as_slice() => {
                    self.block_of(&cursor)?.filter(|(key, _)| *key > block_key)
                }
                next => next,
            };
        }
        Ok(())
    }

    fn block_of(&self, key: &[u8]) -> Result<Option<(IVec, IVec)>, StorageError> {
        self.tree.range(..=key).next_back().transpose().map_err(|error| self.error(&error))
    }

    fn decode<'a>(&self, block_key: &[u8], bytes: &'a [u8]) -> Result<Block<'a>, StorageError> {
        decode(block_key, bytes, self.key_bytes).map_err(|found| self.damaged("an intact block", found))
    }

    fn damaged(&self, expected: &str, found: &str) -> StorageError {
        let remedy = "Start again: the store is set aside and rebuilt from the journal";
        StorageError::damaged(format!("the state store ({})", self.name), 0, expected, found, remedy)
    }

    fn error(&self, error: &sled::Error) -> StorageError {
        StorageError::Backend { what: "the state store", message: format!("{}: {error}", self.name) }
    }
}

/// Where a walk goes on.
pub(crate) enum Step {
    Next,
    Seek(Vec<u8>),
    Stop,
}

/// The smallest key after this one, for keys of one length: adding one, or a longer key at the very end.
fn successor(key: &[u8]) -> Vec<u8> {
    let mut next = key.to_vec();
    for byte in next.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            return next;
        }
    }
    let mut next = key.to_vec();
    next.push(0);
    next
}

/// How many of the first changes are written at once: at least one, then as long as their values are not too many bytes.
fn group(changes: &[(&[u8], Option<&[u8]>)]) -> usize {
    let mut bytes = 0;
    let fits = |(key, value): &&(&[u8], Option<&[u8]>)| {
        bytes += key.len() + value.map_or(0, <[u8]>::len);
        bytes <= GROUP_BYTES
    };
    changes.iter().take_while(fits).count().max(1)
}

/// The items with the changes applied, both sorted.
fn merge<'a>(
    items: &[Item<'a>],
    changes: &[(&'a [u8], Option<&'a [u8]>)],
    replaced: &mut dyn FnMut(&[u8], &[u8]),
) -> Vec<Item<'a>> {
    let mut merged = Vec::with_capacity(items.len() + changes.len());
    let mut old = items.iter().copied().peekable();
    for (key, value) in changes {
        while let Some(item) = old.next_if(|(old_key, _)| old_key < key) {
            merged.push(item);
        }
        if let Some((_, old_value)) = old.next_if(|(old_key, _)| old_key == key) {
            replaced(key, old_value);
        }
        merged.extend(value.map(|value| (*key, value)));
    }
    merged.extend(old);
    merged
}
