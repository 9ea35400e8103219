//! The state store: what actors looked like at the last checkpoint. The journal is the truth; this saves replaying it.
//!
//! Three things make a checkpoint trustworthy although its store is not:
//!
//! * The **marker** is written after everything it speaks for was synced. A marker that is newer than its values would be
//!   believed and wrong; values newer than the marker are harmless, because an actor skips what it already holds.
//! * The marker carries a **digest** of all blocks. The store reuses its file's space, so a power cut can bring an old
//!   block back, or lose one, with every check in it right; opening adds all blocks up and notices.
//!   A block names the generation that wrote it and what it was worth at the marker before, so that a half-written
//!   checkpoint still adds up to the old marker.
//! * A store that does not open, or does not add up, is **set aside** and a new one begun: replay does the rest.

mod block;
mod memory;
mod opening;
mod sled_store;
mod tree;

use std::ops::ControlFlow;

use crate::error::StorageError;

pub use memory::MemoryStore;
pub use sled_store::{SledStore, StateReport};

/// Bytes of an encoded key.
pub(crate) const KEY_BYTES: usize = 19;

/// What a value is kept under. Keys are ordered by slot, then space, then id, so that the actors of a slot are
/// neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The slot, 0 to 4,095.
    pub slot: u16,
    /// The kind of thing.
    pub space: u8,
    /// Its id.
    pub id: [u8; 16],
}

impl Key {
    /// Big-endian slot, space, id: byte order is key order.
    pub(crate) fn encode(&self) -> [u8; KEY_BYTES] {
        let mut bytes = [0; KEY_BYTES];
        bytes[..2].copy_from_slice(&self.slot.to_be_bytes());
        bytes[2] = self.space;
        bytes[3..].copy_from_slice(&self.id);
        bytes
    }

    /// `None` when there are too few bytes.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Key> {
        let bytes = bytes.first_chunk::<KEY_BYTES>()?;
        let mut id = [0; 16];
        id.copy_from_slice(&bytes[3..]);
        Some(Key { slot: u16::from_be_bytes([bytes[0], bytes[1]]), space: bytes[2], id })
    }
}

/// A change to one key, for a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: Key,
    /// Its new value; `None` removes it, and its deadline.
    pub value: Option<Vec<u8>>,
    /// When somebody must look at it again, in microseconds; replaces the key's earlier deadline. `None`: never.
    pub deadline: Option<i64>,
}

/// A value as a store holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredValue<'a> {
    /// The key.
    pub key: Key,
    /// Its value.
    pub value: &'a [u8],
    /// When somebody must look at it again, in microseconds. `None`: never.
    pub deadline: Option<i64>,
}

/// What a checkpoint cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CheckpointStats {
    /// Changes taken.
    pub changes: u64,
    /// Blocks read.
    pub blocks_read: u64,
    /// Blocks written: those that really changed.
    pub blocks_written: u64,
    /// Bytes of the blocks written.
    pub bytes_written: u64,
}

/// Values and deadlines by key, changed by checkpoints only.
pub trait StateStore: Send + Sync {
    /// The value of a key.
    ///
    /// # Errors
    /// A damaged block, or the store failing: start again, and it is set aside.
    fn load(&self, key: &Key) -> Result<Option<Vec<u8>>, StorageError>;

    /// Writes changed values and deadlines, makes them durable, then the marker, and makes that durable too. Of several changes to one
    /// key the last counts. Changes in key order cost least. One checkpoint at a time; another waits.
    ///
    /// # Errors
    /// The marker of the last complete checkpoint stays valid; the same changes may be given again.
    fn checkpoint(
        &self,
        changes: &mut dyn Iterator<Item = Change>,
        marker: &[u8],
    ) -> Result<CheckpointStats, StorageError>;

    /// What was given as the marker of the last complete checkpoint; `None`: start from nothing.
    ///
    /// # Errors
    /// The store failing.
    fn marker(&self) -> Result<Option<Vec<u8>>, StorageError>;

    /// Calls `visit` for all keys of a space in key order, until it says `Break`. What a checkpoint changes meanwhile
    /// may be seen as it was before or after.
    ///
    /// # Errors
    /// As for [`StateStore::load`].
    fn scan(
        &self,
        space: u8,
        visit: &mut dyn FnMut(&Key, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StorageError>;

    /// Calls `visit` for every key with its value and deadline, in key order, until it says `Break`. Nothing may checkpoint
    /// meanwhile: what is shown is what the last complete checkpoint left.
    ///
    /// # Errors
    /// As for [`StateStore::load`].
    fn export(&self, visit: &mut dyn FnMut(StoredValue<'_>) -> ControlFlow<()>) -> Result<(), StorageError>;

    /// The deadlines at or before `until_micros`, soonest first, at most `limit`.
    ///
    /// # Errors
    /// As for [`StateStore::load`].
    fn due(&self, until_micros: i64, limit: usize) -> Result<Vec<(i64, Key)>, StorageError>;
}
