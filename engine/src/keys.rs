//! Keys of commands: the same command sent twice has one outcome (I36, I37).
//!
//! A key is scoped to (account, target) and kept as a 128-bit keyed hash (SipHash-1-3 under the cell's secret, so that
//! nobody can search for collisions) with the hash of its content and the journal position of its outcome: 32 bytes.
//! Recent keys are in memory; those of sealed segments are in sorted lists on disk, written when the segment is sealed
//! and looked up where memory has let go of them.

use std::collections::VecDeque;
use std::hash::Hasher;
use std::sync::Arc;
use vendue_domain::mutant;

use hashbrown::HashMap;
use siphasher::sip128::{Hasher128, SipHasher13};
use vendue_domain::actor::ActorAddress;
use vendue_domain::id::AccountId;

/// Finds keys that memory has let go of.
pub trait OlderKeys: Send + Sync {
    /// What is kept for `hash`.
    ///
    /// # Errors
    /// The lists cannot be read: never to be taken for "unknown", which would do a command twice.
    fn lookup(&self, hash: u128) -> Result<Option<Known>, String>;
}

/// No older keys: for tests and fresh cells.
#[derive(Debug, Default, Clone, Copy)]
pub struct NoOlderKeys;

impl OlderKeys for NoOlderKeys {
    fn lookup(&self, _hash: u128) -> Result<Option<Known>, String> {
        Ok(None)
    }
}

/// The keyed hash of (account, target, key). It also is the id of what the command makes (a bid, a reservation).
#[must_use]
#[inline]
pub fn key_hash(secret: u128, by: AccountId, target: ActorAddress, key: &[u8]) -> u128 {
    let mut hasher = SipHasher13::new_with_key(&secret.to_le_bytes());
    // One write: 33 fixed bytes and at most 255 of the key.
    let mut bytes = [0_u8; 33 + 255];
    let key = &key[..key.len().min(255)];
    bytes[..16].copy_from_slice(&by.0.0);
    bytes[16] = target.kind as u8;
    bytes[17..33].copy_from_slice(&target.id.0);
    bytes[33..33 + key.len()].copy_from_slice(key);
    hasher.write(&bytes[..33 + key.len()]);
    hasher.finish128().as_u128()
}

/// The hash of a command's bytes: "same content" compares it.
#[must_use]
#[inline]
pub fn content_hash(command: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(command)
}

/// The same for a command with personal data, keyed: the hash goes into the journal, and a name must not be found there
/// by trying names.
#[must_use]
pub fn personal_content_hash(secret: u128, command: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new_with_key(&secret.to_le_bytes());
    hasher.write(b"content");
    hasher.write(command);
    hasher.finish128().h1
}

/// What is known of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The hash of the command's bytes.
    pub content: u64,
    /// Where its outcome stands in the journal.
    pub position: u64,
}

/// The keys of one shard.
pub struct KeyTable {
    recent: HashMap<u128, Known>,
    /// The recent keys, oldest first: what memory lets go of.
    order: VecDeque<u128>,
    in_memory_max: usize,
    /// Positions up to here are in the sealed lists and may be let go of.
    sealed: u64,
    /// Whether the lists hold keys that memory does not: until then no command pays for looking there.
    forgot: bool,
    older: Arc<dyn OlderKeys>,
}

impl KeyTable {
    /// An empty table that keeps up to `in_memory_max` keys and asks `older` for the rest.
    #[must_use]
    pub fn new(in_memory_max: u32, older: Arc<dyn OlderKeys>) -> Self {
        Self {
            recent: HashMap::new(),
            order: VecDeque::new(),
            in_memory_max: in_memory_max as usize,
            sealed: 0,
            forgot: false,
            older,
        }
    }

    /// What is known of this key.
    ///
    /// # Errors
    /// The sealed lists cannot be read.
    #[inline]
    pub fn get(&self, hash: u128) -> Result<Option<Known>, String> {
        if let Some(known) = self.recent.get(&hash) {
            return Ok(Some(*known));
        }
        if self.forgot { self.older.lookup(hash) } else { Ok(None) }
    }

    /// Recovery: the sealed lists hold keys that memory does not.
    pub fn older_may_know(&mut self) {
        self.forgot = true;
    }

    /// Whether another key can be remembered: memory has room or can make some.
    #[must_use]
    #[inline]
    pub fn has_room(&self) -> bool {
        self.recent.len() < self.in_memory_max
            || self.order.front().is_some_and(|oldest| {
                self.recent.get(oldest).is_none_or(|known| known.position <= self.sealed)
            })
    }

    /// Remembers the outcome of a command.
    #[inline]
    pub fn insert(&mut self, hash: u128, known: Known) {
        if mutant("key_forgotten") && hash.is_multiple_of(8) {
            return;
        }
        self.recent.insert(hash, known);
        self.order.push_back(hash);
        if self.recent.len() > self.in_memory_max {
            self.forget_sealed();
        }
    }

    /// Corrects the position of an outcome by `delta`: another shard's batch got in between.
    pub fn shift(&mut self, hash: u128, delta: u64) {
        if let Some(known) = self.recent.get_mut(&hash) {
            known.position += delta;
        }
    }

    /// Takes back a key whose outcome was not written after all.
    pub fn remove_last(&mut self, hash: u128) {
        self.recent.remove(&hash);
        if self.order.back() == Some(&hash) {
            self.order.pop_back();
        }
    }

    /// Positions up to `position` are in the sealed lists.
    pub fn sealed(&mut self, position: u64) {
        self.sealed = self.sealed.max(position);
        self.forget_sealed();
    }

    /// How many keys are in memory.
    #[must_use]
    pub fn len(&self) -> usize {
        self.recent.len()
    }

    /// Whether no key is in memory.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.recent.is_empty()
    }

    fn forget_sealed(&mut self) {
        while self.recent.len() > self.in_memory_max {
            let Some(oldest) = self.order.front() else { return };
            if self.recent.get(oldest).is_some_and(|known| known.position > self.sealed) {
                return;
            }
            self.recent.remove(oldest);
            self.order.pop_front();
            self.forgot = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vendue_domain::id::LotId;

    struct One(u128, Known);

    impl OlderKeys for One {
        fn lookup(&self, hash: u128) -> Result<Option<Known>, String> {
            Ok((hash == self.0).then_some(self.1))
        }
    }

    #[test]
    fn a_key_belongs_to_its_account_and_target() {
        let target = ActorAddress::from(LotId::from_u128(7));
        let hash = key_hash(1, AccountId::from_u128(2), target, b"k");
        assert_eq!(hash, key_hash(1, AccountId::from_u128(2), target, b"k"));
        assert_ne!(hash, key_hash(2, AccountId::from_u128(2), target, b"k"), "another cell's secret");
        assert_ne!(hash, key_hash(1, AccountId::from_u128(3), target, b"k"), "another account");
        assert_ne!(
            hash,
            key_hash(1, AccountId::from_u128(2), LotId::from_u128(8).into(), b"k"),
            "another target"
        );
        assert_ne!(hash, key_hash(1, AccountId::from_u128(2), target, b"K"), "another key");
    }

    #[test]
    fn memory_lets_go_only_of_what_is_sealed() {
        let old = Known { content: 10, position: 1 };
        let mut keys = KeyTable::new(2, Arc::new(One(100, old)));
        keys.insert(100, old);
        keys.insert(101, Known { content: 11, position: 2 });
        assert!(!keys.has_room(), "nothing is sealed: no room (answered with overloaded)");
        keys.sealed(1);
        assert!(keys.has_room());
        keys.insert(102, Known { content: 12, position: 3 });
        assert_eq!(keys.len(), 2);
        assert_eq!(keys.get(100), Ok(Some(old)), "from the sealed list");
        assert_eq!(keys.get(102).map(|known| known.map(|known| known.position)), Ok(Some(3)));
        assert_eq!(keys.get(999), Ok(None));
    }
}
