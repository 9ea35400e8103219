//! A filter that says "certainly not here" with one look at one cache line.

/// Bytes of a block: a cache line. All bits of a key lie in one.
const BLOCK_BYTES: usize = 64;
/// Bits of filter for each key: about 1 wrong "perhaps" in 150.
const BITS_PER_KEY: u64 = 12;
/// Bits set for each key, each found by 9 bits of the hash: seven use up 63.
const BITS_SET: u32 = 7;

/// A blocked bloom filter over hashes that are uniform already.
#[derive(Debug)]
pub(crate) struct Bloom {
    bytes: Vec<u8>,
}

impl Bloom {
    /// For `keys` keys.
    pub(crate) fn new(keys: u64) -> Bloom {
        Bloom { bytes: vec![0; Bloom::bytes_for(keys) as usize] }
    }

    /// Bytes of a filter for `keys` keys.
    pub(crate) fn bytes_for(keys: u64) -> u64 {
        (keys * BITS_PER_KEY).div_ceil(BLOCK_BYTES as u64 * 8) * BLOCK_BYTES as u64
    }

    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Bloom {
        Bloom { bytes }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn add(&mut self, hash: u128) {
        let Some(start) = self.block_of(hash) else { return };
        let block = &mut self.bytes[start..start + BLOCK_BYTES];
        bits(hash).for_each(|bit| block[bit / 8] |= 1 << (bit % 8));
    }

    /// `false`: the key was not added.
    pub(crate) fn may_hold(&self, hash: u128) -> bool {
        let Some(start) = self.block_of(hash) else { return false };
        let block = &self.bytes[start..start + BLOCK_BYTES];
        bits(hash).all(|bit| block[bit / 8] & (1 << (bit % 8)) != 0)
    }

    /// Where the key's block begins, by the hash's lower half; `None` in an empty filter.
    fn block_of(&self, hash: u128) -> Option<usize> {
        let blocks = (self.bytes.len() / BLOCK_BYTES) as u128;
        let block = (u128::from(hash as u64) * blocks) >> 64;
        (blocks > 0).then_some(block as usize * BLOCK_BYTES)
    }
}

/// The key's bits in its block, by the hash's upper half.
fn bits(hash: u128) -> impl Iterator<Item = usize> {
    let upper = (hash >> 64) as u64;
    (0..BITS_SET).map(move |n| (upper >> (n * 9)) as usize % (BLOCK_BYTES * 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_denies_a_key_and_seldom_admits_another() {
        let hash = |n: u128| xxhash_rust::xxh3::xxh3_128(&n.to_le_bytes());
        let mut bloom = Bloom::new(10_000);
        (0..10_000).for_each(|n| bloom.add(hash(n)));
        assert!((0..10_000).all(|n| bloom.may_hold(hash(n))));
        let wrong = (10_000..110_000).filter(|n| bloom.may_hold(hash(*n))).count();
        assert!(wrong < 1_000, "{wrong} of 100,000");
        assert!(!Bloom::new(0).may_hold(1));
    }
}
