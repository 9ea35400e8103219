//! Who stays in memory: actors leave it when there are more than `resident_max`, or when they take more than the shard's part
//! of `memory_budget`. Only those leave that the state store holds as they are and that have nothing to decide soon.
//!
//! A hand goes round over the actors' places, a few at a time, so that no command waits for it. Whoever has been used since
//! the hand came by last is passed over once: about those leave that have not been used for longest.

use vendue_domain::time::Timestamp;

use super::capture::DEADLINE_HORIZON_US;
use super::{Cell, Shard};

/// How many places the hand looks at in one round while memory is over its budget: about 10 us.
const SWEEP_STEPS: usize = 512;

/// About what an actor takes in memory beside what its stored bytes say: its struct, its place, its entry in the index.
const WEIGHT_BASE: u32 = 640;

/// About how many bytes in memory one stored byte becomes (measured by `benches -- memory`: 1.3 to 1.5 KB for a lot whose
/// state is stored in 175 bytes, 5 for each byte of a bidder).
const WEIGHT_FACTOR: u32 = 4;

/// What is stored of an actor whose bytes are not known yet: a fresh lot's.
const BYTES_EXPECTED: usize = 175;

/// About how many bytes an actor takes in memory, from how many its state takes in the store.
pub(super) fn weight_of(stored_bytes: usize) -> u32 {
    let stored = u32::try_from(stored_bytes).unwrap_or(u32::MAX / WEIGHT_FACTOR);
    stored.saturating_mul(WEIGHT_FACTOR).saturating_add(WEIGHT_BASE)
}

/// The weight of an actor that has never been stored.
pub(super) fn weight_expected() -> u32 {
    weight_of(BYTES_EXPECTED)
}

/// Where the hand is, and what is in memory.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    /// About how many bytes the actors in memory take.
    pub(super) bytes: u64,
    /// The place that it looks at next.
    hand: usize,
    /// The rounds in which this turn and the one before it began.
    began: u32,
    before: u32,
    /// Places looked at since the last one that left: after two turns for nothing it rests until more is stored.
    for_nothing: usize,
}

impl Sweep {
    /// There may be more that can leave.
    pub(super) fn wake(&mut self) {
        self.for_nothing = 0;
    }
}

impl Shard {
    /// About how many bytes the actors in memory take.
    #[must_use]
    pub const fn resident_bytes(&self) -> u64 {
        self.sweep.bytes
    }

    /// Whether more is in memory than should be.
    #[must_use]
    #[inline]
    pub fn is_over_budget(&self) -> bool {
        self.sweep.bytes > self.budget || self.index.len() > self.options.resident_max as usize
    }

    /// Whether more is in memory than should be and nothing of it can leave: all has changed since the last checkpoint, or is
    /// about to decide something.
    #[must_use]
    #[inline]
    pub fn needs_checkpoint(&self) -> bool {
        self.is_over_budget() && self.sweep.for_nothing > 2 * self.cells.len()
    }

    /// Recovery: whether another actor may be kept in memory beforehand.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.sweep.bytes < self.budget && self.index.len() < self.options.resident_max as usize
    }

    /// Corrects an actor's weight: what the budget counts.
    pub(super) fn weigh(&mut self, index: u32, weight: u32) {
        if let Some(cell) = self.cells[index as usize].as_mut() {
            self.sweep.bytes = self.sweep.bytes - u64::from(cell.weight) + u64::from(weight);
            cell.weight = weight;
        }
    }

    /// Empties an actor's place.
    pub(super) fn vacate(&mut self, index: u32) -> Option<Cell> {
        let cell = self.cells[index as usize].take()?;
        self.sweep.bytes = self.sweep.bytes.saturating_sub(u64::from(cell.weight));
        self.index.remove(&cell.address);
        self.free.push(index);
        Some(cell)
    }

    /// A round's part of what has to leave memory.
    #[inline]
    pub(super) fn sweep_a_little(&mut self) {
        if self.is_over_budget() && self.sweep.for_nothing <= 2 * self.cells.len() {
            self.sweep(SWEEP_STEPS);
        }
    }

    /// Lets go of actors until the budget is met or nobody else can leave; how many left.
    pub fn passivate(&mut self) -> usize {
        self.sweep.wake();
        let mut left = 0;
        while self.is_over_budget() && self.sweep.for_nothing <= 2 * self.cells.len() {
            left += self.sweep(SWEEP_STEPS);
        }
        left
    }

    fn sweep(&mut self, steps: usize) -> usize {
        let soon = Timestamp(self.now.0 + DEADLINE_HORIZON_US);
        let mut left = 0;
        for _ in 0..steps.min(self.cells.len()) {
            if !self.is_over_budget() {
                break;
            }
            if self.sweep.hand >= self.cells.len() {
                (self.sweep.before, self.sweep.began, self.sweep.hand) = (self.sweep.began, self.round, 0);
            }
            let index = self.sweep.hand;
            self.sweep.hand += 1;
            self.sweep.for_nothing += 1;
            let Some(cell) = &self.cells[index] else { continue };
            let is_at_rest =
                !cell.dirty && cell.stored_seq == cell.seq && cell.deadline.is_none_or(|at| at > soon);
            let unused = self.round.wrapping_sub(cell.used) > self.round.wrapping_sub(self.sweep.before);
            let is_old = unused || self.sweep.for_nothing > self.cells.len();
            // Who was used in this very round may be asked for something again before it ends.
            if is_at_rest && is_old && cell.used != self.round {
                self.vacate(index as u32);
                self.sweep.for_nothing = 0;
                left += 1;
            }
        }
        self.stats.passivated += left as u64;
        left
    }
}
