//! One side's price levels.
//!
//! Prices are kept as keys: the price itself for bids, its complement for asks, so that the best level of either side has
//! the highest key and all code is written once. Sixteen neighbouring keys share a chunk with a bitmap of its occupied
//! levels: the next level is a bit operation, and a level never moves while it is occupied, so that an order can hold its
//! place. Memory follows the occupied levels, not the range of prices: at worst one chunk for each.

use super::directory::Directory;
use super::{NONE, Side};

/// Prices in one chunk, as a power of two.
const CHUNK_BITS: u32 = 4;
/// Prices in one chunk: 16 levels of 24 bytes. Wider chunks cost more where prices are scattered, narrower ones more steps.
const CHUNK: usize = 1 << CHUNK_BITS;

/// Orders of one price, earliest first, as the two ends of a list through the orders.
#[derive(Debug, Clone, Copy)]
pub(super) struct Level {
    /// Lots of all its orders; the side's total, and so this, fits 64 bits.
    pub(super) total: u64,
    pub(super) head: u32,
    pub(super) tail: u32,
    pub(super) orders: u32,
}

const EMPTY: Level = Level { total: 0, head: NONE, tail: NONE, orders: 0 };

#[derive(Debug, Clone)]
struct Chunk {
    /// The upper bits of its keys; the link of the free list where it is not in use.
    key: u64,
    /// Bit n: level n has orders.
    occupied: u16,
    levels: [Level; CHUNK],
}

/// Where a level is: its chunk and its number in there. Valid while the level has orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(u32);

impl Place {
    const fn new(chunk: u32, slot: u32) -> Self {
        Self(chunk << CHUNK_BITS | slot)
    }

    const fn chunk(self) -> usize {
        (self.0 >> CHUNK_BITS) as usize
    }

    const fn slot(self) -> usize {
        self.0 as usize & (CHUNK - 1)
    }

    /// As a number, for an order to keep.
    pub(super) const fn number(self) -> u32 {
        self.0
    }

    /// From what [`Place::number`] gave.
    pub(super) const fn from_number(number: u32) -> Self {
        Self(number)
    }
}

/// The levels of one side.
#[derive(Debug, Clone)]
pub(super) struct Ladder {
    /// What turns a price into its key.
    flip: u64,
    /// Lots of all orders of this side.
    pub(super) total: u64,
    directory: Directory,
    chunks: Vec<Chunk>,
    /// Chunks that are not in use.
    free: Vec<u32>,
}

impl Ladder {
    pub(super) const fn flip(side: Side) -> u64 {
        match side {
            Side::Buy => 0,
            Side::Sell => u64::MAX,
        }
    }

    pub(super) fn new(side: Side) -> Self {
        let flip = Self::flip(side);
        Self { flip, total: 0, directory: Directory::default(), chunks: Vec::new(), free: Vec::new() }
    }

    /// The key of a price: the higher, the better.
    #[inline]
    pub(super) const fn key(&self, price: u64) -> u64 {
        price ^ self.flip
    }

    /// The price of an occupied level.
    #[inline]
    pub(super) fn price(&self, place: Place) -> u64 {
        self.key_at(place) ^ self.flip
    }

    /// The key of an occupied level.
    #[inline]
    pub(super) fn key_at(&self, place: Place) -> u64 {
        self.chunks[place.chunk()].key << CHUNK_BITS | place.slot() as u64
    }

    #[inline]
    pub(super) fn level(&self, place: Place) -> &Level {
        &self.chunks[place.chunk()].levels[place.slot()]
    }

    #[inline]
    pub(super) fn level_mut(&mut self, place: Place) -> &mut Level {
        &mut self.chunks[place.chunk()].levels[place.slot()]
    }

    /// The best level.
    #[inline]
    pub(super) fn best(&self) -> Option<Place> {
        self.directory.last().map(|(_, chunk)| self.best_of(chunk, u16::MAX))
    }

    /// The best level of a chunk among those of `mask`, of which one is occupied.
    #[inline]
    fn best_of(&self, chunk: u32, mask: u16) -> Place {
        let occupied = self.chunks[chunk as usize].occupied & mask;
        debug_assert!(occupied != 0, "a chunk in the directory has orders");
        Place::new(chunk, 15 - (occupied.leading_zeros() & 15))
    }

    /// The level after this occupied one, from the best to the worst.
    pub(super) fn next(&self, place: Place) -> Option<Place> {
        let chunk = &self.chunks[place.chunk()];
        let below = (1_u16 << place.slot()) - 1;
        if chunk.occupied & below != 0 {
            return Some(self.best_of(place.chunk() as u32, below));
        }
        self.directory.below(chunk.key).map(|(_, chunk)| self.best_of(chunk, u16::MAX))
    }

    /// The level of this price, if it has orders.
    pub(super) fn find(&self, price: u64) -> Option<Place> {
        let key = self.key(price);
        let chunk = self.directory.get(key >> CHUNK_BITS)?;
        let slot = key as u32 & (CHUNK as u32 - 1);
        (self.chunks[chunk as usize].occupied >> slot & 1 == 1).then(|| Place::new(chunk, slot))
    }

    /// The level of this price, occupied from now on: the caller puts an order there.
    #[inline]
    pub(super) fn open(&mut self, price: u64) -> Place {
        let key = self.key(price);
        let chunk = match self.directory.get(key >> CHUNK_BITS) {
            Some(chunk) => chunk,
            None => self.open_chunk(key >> CHUNK_BITS),
        };
        let slot = key as u32 & (CHUNK as u32 - 1);
        self.chunks[chunk as usize].occupied |= 1 << slot;
        Place::new(chunk, slot)
    }

    #[cold]
    fn open_chunk(&mut self, key: u64) -> u32 {
        let chunk = self.free.pop().unwrap_or_else(|| {
            self.chunks.push(Chunk { key, occupied: 0, levels: [EMPTY; CHUNK] });
            self.chunks.len() as u32 - 1
        });
        self.chunks[chunk as usize].key = key;
        self.directory.insert(key, chunk);
        chunk
    }

    /// Gives a level up that has no orders any more.
    #[inline]
    pub(super) fn close(&mut self, place: Place) {
        let chunk = &mut self.chunks[place.chunk()];
        chunk.levels[place.slot()] = EMPTY;
        chunk.occupied &= !(1 << place.slot());
        if chunk.occupied == 0 {
            let key = chunk.key;
            self.directory.remove(key);
            self.free.push(place.chunk() as u32);
        }
    }
}
