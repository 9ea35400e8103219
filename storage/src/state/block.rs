//! A block: up to 64 neighbouring items under one key of the store.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | version |
//! | 8 | generation: the checkpoint that wrote it |
//! | 8 | what the block was worth in the digest of the marker before that checkpoint |
//! | 2 | number of items |
//! | each: the key, 4, n | key, length of the value, value |
//! | 8 | XXH3-64 of all before, seeded with the hash of the block's key |

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// Most items of a block: enough to spread the store's cost of 7 to 11 us for each key of its own.
pub(crate) const BLOCK_ITEMS: usize = 64;
/// Most bytes of a block that holds more than one item.
pub(crate) const BLOCK_BYTES: usize = 16 * 1024;
/// A block that grew too large is split into such ones, so that they have room to grow.
const SPLIT_ITEMS: usize = 48;
const SPLIT_BYTES: usize = 12 * 1024;

const VERSION: u8 = 1;
const HEADER_BYTES: usize = 1 + 8 + 8 + 2;
const LENGTH_BYTES: usize = 4;
const HASH_BYTES: usize = 8;

/// A key and its value, borrowed from a block or from a change.
pub(crate) type Item<'a> = (&'a [u8], &'a [u8]);

/// A block as it lies in the store, checked.
pub(crate) struct Block<'a> {
    pub(crate) generation: u64,
    pub(crate) previous: u64,
    pub(crate) items: Vec<Item<'a>>,
    hash: u64,
}

impl Block<'_> {
    /// What the block adds to the digest. An empty one adds nothing, so that it can be removed at any time.
    pub(crate) fn worth(&self) -> u64 {
        if self.items.is_empty() { 0 } else { self.hash }
    }

    /// What it added to the digest of the marker of `generation`.
    pub(crate) fn worth_at(&self, generation: u64) -> u64 {
        if self.generation > generation { self.previous } else { self.worth() }
    }

    /// What a block that replaces this one, written by `generation`, says of the marker before.
    pub(crate) fn previous_for(&self, generation: u64) -> u64 {
        self.worth_at(generation - 1)
    }
}

fn hash(block_key: &[u8], bytes: &[u8]) -> u64 {
    xxh3_64_with_seed(bytes, xxh3_64(block_key))
}

/// The block's bytes, and what it is worth.
pub(crate) fn encode(block_key: &[u8], generation: u64, previous: u64, items: &[Item<'_>]) -> (Vec<u8>, u64) {
    let mut bytes =
        Vec::with_capacity(HEADER_BYTES + items.iter().map(item_bytes).sum::<usize>() + HASH_BYTES);
    bytes.push(VERSION);
    bytes.extend_from_slice(&generation.to_le_bytes());
    bytes.extend_from_slice(&previous.to_le_bytes());
    bytes.extend_from_slice(&(items.len() as u16).to_le_bytes());
    for (key, value) in items {
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(&(value.len() as u32).to_le_bytes());
        bytes.extend_from_slice(value);
    }
    let hash = hash(block_key, &bytes);
    bytes.extend_from_slice(&hash.to_le_bytes());
    (bytes, if items.is_empty() { 0 } else { hash })
}

/// Checks and reads a block of items with keys of `key_bytes`.
pub(crate) fn decode<'a>(
    block_key: &[u8],
    bytes: &'a [u8],
    key_bytes: usize,
) -> Result<Block<'a>, &'static str> {
    let (body, stored) = bytes.split_last_chunk::<HASH_BYTES>().ok_or("a block cut short")?;
    let hash = hash(block_key, body);
    if hash != u64::from_le_bytes(*stored) {
        return Err("a block with a wrong check");
    }
    let (header, mut rest) = body.split_first_chunk::<HEADER_BYTES>().ok_or("a block cut short")?;
    if header[0] != VERSION {
        return Err("a block of an unknown version");
    }
    let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| header[at + i]));
    let count = u16::from_le_bytes([header[17], header[18]]);
    let mut items = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        let (key, after) = rest.split_at_checked(key_bytes).ok_or("an item cut short")?;
        let (length, after) = after.split_first_chunk::<LENGTH_BYTES>().ok_or("an item cut short")?;
        let (value, after) =
            after.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or("an item cut short")?;
        items.push((key, value));
        rest = after;
    }
    Ok(Block { generation: word(1), previous: word(9), items, hash })
}

fn item_bytes((key, value): &Item<'_>) -> usize {
    key.len() + LENGTH_BYTES + value.len()
}

/// Cuts sorted items into blocks: one, if they fit; else several with room to grow. A large value gets a block of its own.
pub(crate) fn pack<'i, 'a>(items: &'i [Item<'a>]) -> Vec<&'i [Item<'a>]> {
    let overhead = HEADER_BYTES + HASH_BYTES;
    let fits =
        overhead + items.iter().map(item_bytes).sum::<usize>() <= BLOCK_BYTES && items.len() <= BLOCK_ITEMS;
    if fits || items.len() <= 1 {
        return vec![items];
    }
    let mut blocks = Vec::new();
    let (mut start, mut bytes) = (0, overhead);
    for (at, item) in items.iter().enumerate() {
        if at > start && (at - start >= SPLIT_ITEMS || bytes + item_bytes(item) > SPLIT_BYTES) {
            blocks.push(&items[start..at]);
            (start, bytes) = (at, overhead);
        }
        bytes += item_bytes(item);
    }
    blocks.push(&items[start..]);
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_respects_both_limits() {
        let (small, large, huge) = (vec![1; 100], vec![2; 5_000], vec![3; 40_000]);
        let cases: [(Vec<&Vec<u8>>, Vec<usize>); 6] = [
            (vec![], vec![0]),
            (vec![&small; 64], vec![64]),
            (vec![&small; 65], vec![48, 17]),
            (vec![&large; 3], vec![3]),
            (vec![&large; 5], vec![2, 2, 1]),
            (vec![&small, &huge, &small], vec![1, 1, 1]),
        ];
        for (values, expected) in cases {
            let items: Vec<Item<'_>> = values.iter().map(|value| (&b"key"[..], value.as_slice())).collect();
            let sizes: Vec<usize> = pack(&items).iter().map(|block| block.len()).collect();
            assert_eq!(sizes, expected);
        }
    }

    #[test]
    fn a_block_with_any_bit_flipped_or_under_another_key_is_refused() {
        let items: [Item<'_>; 2] = [(b"aa", b"one"), (b"bb", b"")];
        let (mut bytes, worth) = encode(b"aa", 3, 77, &items);
        let block = decode(b"aa", &bytes, 2).unwrap();
        assert_eq!((block.generation, block.previous, block.worth()), (3, 77, worth));
        assert_eq!(block.items, items);
        assert!(decode(b"ab", &bytes, 2).is_err());
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(b"aa", &bytes, 2).is_err(), "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}
