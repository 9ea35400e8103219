//! The bytes of a base. `docs/storage.md` has them as a table.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::BaseFacts;
use crate::state::{KEY_BYTES, Key, StoredValue};

/// What a base begins with.
pub(super) const MAGIC: &[u8; 8] = b"VNDUBASE";
/// Version of the format. A change of a meaning is a new one; an unknown one is refused.
pub(super) const VERSION: u32 = 1;
/// Magic, version, cell, two positions, two lengths.
pub(super) const FIXED_BYTES: usize = 8 + 4 + 16 + 8 + 8 + 4 + 4;
/// Bytes of a check.
pub(super) const CHECK_BYTES: usize = 8;
/// Number of items and bytes of a block, before its payload.
pub(super) const BLOCK_HEAD_BYTES: usize = 4 + 4;
/// Of payload, after which a block is written: large enough that its check costs nothing, small enough to keep in memory.
pub(super) const BLOCK_BYTES: usize = 256 * 1024;
/// The most bytes a block may say it has: a block of usual size and one value as large as a record may be.
pub(super) const BLOCK_BYTES_MAX: usize = BLOCK_BYTES + 16 * 1024 * 1024;
/// Of marker and genesis together, at most: both are small records.
pub(super) const RECORDS_BYTES_MAX: usize = 1024 * 1024;
/// Totals in the end block: items and payload bytes.
pub(super) const TOTAL_BYTES: usize = 8 + 8;
/// Key, deadline and length of an item, before its value.
const ITEM_HEAD_BYTES: usize = KEY_BYTES + 8 + 4;
/// "No deadline".
const NEVER: i64 = i64::MAX;

/// The header with its check.
pub(super) fn header(facts: &BaseFacts) -> (Vec<u8>, u64) {
    let mut bytes = Vec::with_capacity(FIXED_BYTES + facts.marker.len() + facts.genesis.len() + CHECK_BYTES);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&facts.cell);
    bytes.extend_from_slice(&facts.replay_from.to_le_bytes());
    bytes.extend_from_slice(&facts.highest.to_le_bytes());
    bytes.extend_from_slice(&(facts.marker.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&(facts.genesis.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&facts.marker);
    bytes.extend_from_slice(&facts.genesis);
    let check = xxh3_64(&bytes);
    bytes.extend_from_slice(&check.to_le_bytes());
    (bytes, check)
}

/// Lengths of marker and genesis that the fixed part names.
pub(super) fn record_lengths(fixed: &[u8; FIXED_BYTES]) -> (usize, usize) {
    (u32_at(fixed, 44) as usize, u32_at(fixed, 48) as usize)
}

/// The facts of a header whose check is right.
pub(super) fn facts(fixed: &[u8; FIXED_BYTES], marker: Vec<u8>, genesis: Vec<u8>) -> BaseFacts {
    BaseFacts {
        cell: std::array::from_fn(|index| fixed[12 + index]),
        replay_from: u64_at(fixed, 28),
        highest: u64_at(fixed, 36),
        marker,
        genesis,
    }
}

/// The check of a block: of its bytes, and of every block before it.
pub(super) fn chained(head: &[u8], payload: &[u8], before: u64) -> u64 {
    xxh3_64_with_seed(payload, xxh3_64_with_seed(head, before))
}

/// Appends an item to a payload.
pub(super) fn put_item(payload: &mut Vec<u8>, item: StoredValue<'_>) {
    let StoredValue { key, value, deadline } = item;
    payload.extend_from_slice(&key.encode());
    payload.extend_from_slice(&deadline.unwrap_or(NEVER).to_le_bytes());
    payload.extend_from_slice(&(value.len() as u32).to_le_bytes());
    payload.extend_from_slice(value);
}

/// The next item of a payload and what follows it; `None` when the bytes are no item.
pub(super) fn take_item(payload: &[u8]) -> Option<(StoredValue<'_>, &[u8])> {
    let (head, rest) = payload.split_first_chunk::<ITEM_HEAD_BYTES>()?;
    let key = Key::decode(head)?;
    let deadline = u64_at(head, KEY_BYTES).cast_signed();
    let length = u32_at(head, KEY_BYTES + 8) as usize;
    let (value, rest) = rest.split_at_checked(length)?;
    Some((StoredValue { key, value, deadline: (deadline != NEVER).then_some(deadline) }, rest))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(std::array::from_fn(|index| bytes[at + index]))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|index| bytes[at + index]))
}
