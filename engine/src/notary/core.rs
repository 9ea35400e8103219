//! The notary's core: records in, checkpoints out. It knows no clock, no file and no thread.

use vendue_domain::lot::Digest;
use vendue_domain::record::{Field, RecordError};
use vendue_domain::time::Timestamp;

use super::checkpoint::Notarized;
use super::secret::NotaryKey;
use super::tree::{leaf_of_record, root};
use crate::entry::Entry;

/// How large and how old an interval grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// At most so many records.
    pub records: u32,
    /// ... and, where it holds anything but checkpoints, at most this time, in microseconds.
    pub micros: u64,
}

/// Follows the journal, in order, and signs its intervals.
pub struct Notary {
    key: NotaryKey,
    cell: u128,
    due: Due,
    /// Of the next checkpoint.
    number: u64,
    first: u64,
    previous: Digest,
    leaves: Vec<Digest>,
    /// When a record that is no checkpoint came into the interval.
    since: Option<Timestamp>,
}

impl Notary {
    /// A notary that goes on after `last`, or begins with the record at `first`.
    #[must_use]
    pub fn new(key: NotaryKey, cell: u128, due: Due, last: Option<&Notarized>, first: u64) -> Self {
        let (number, first, previous) = match last {
            Some(last) => (last.number + 1, last.last + 1, last.head()),
            None => (1, first, Digest::default()),
        };
        Self { key, cell, due, number, first, previous, leaves: Vec::new(), since: None }
    }

    /// The next record that it needs.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.first + self.leaves.len() as u64
    }

    /// The last record that a checkpoint covers; 0 where there is none.
    #[must_use]
    pub const fn covered(&self) -> u64 {
        self.first - 1
    }

    /// The key.
    #[must_use]
    pub const fn key(&self) -> &NotaryKey {
        &self.key
    }

    /// Takes the next record, at `now`; one that comes a second time changes nothing.
    ///
    /// # Errors
    /// The record cannot be read, or one is missing before it.
    pub fn take(&mut self, position: u64, record: &[u8], now: Timestamp) -> Result<(), RecordError> {
        if position < self.next() {
            return Ok(());
        }
        if position > self.next() {
            return Err(RecordError::Invalid("the notary has not been given the record before it"));
        }
        let entry = Entry::from_bytes(record)?;
        self.leaves.push(leaf_of_record(&self.key.salts(position), position, record, &entry).hash());
        if !matches!(entry, Entry::Notarized(_)) {
            self.since.get_or_insert(now);
        }
        Ok(())
    }

    /// Whether the interval is to be signed now. One of checkpoints only waits: an idle cell writes nothing.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        let Some(since) = self.since else { return false };
        self.is_full() || now.micros_since(since) >= self.due.micros
    }

    /// Whether it takes no more records before it is signed. Checkpoints alone never fill it: each would call for the next.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.since.is_some() && self.leaves.len() >= self.due.records as usize
    }

    /// Signs what it was given and begins the next interval; `None` where it was given nothing.
    pub fn sign(&mut self, now: Timestamp) -> Option<Notarized> {
        let last = self.next() - 1;
        if last < self.first {
            return None;
        }
        let place = (self.number, self.first, last);
        let signed = Notarized::signed(&self.key, self.cell, place, now, root(&self.leaves), self.previous);
        self.number += 1;
        self.first = last + 1;
        self.previous = signed.head();
        self.leaves.clear();
        self.since = None;
        Some(signed)
    }
}
