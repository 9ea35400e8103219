//! The bytes of a book's resting orders: each side in priority, which is all that time priority needs.

use super::{Core, Order, Side};
use crate::id::AccountId;
use crate::record;
use crate::record::{Field, Reader, RecordError};

record! {
    /// One resting order; its side is that of its list.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    struct Resting {
        1 => id: u128,
        2 => account: AccountId,
        /// In ticks.
        3 => price: u64,
        /// In lots, what remains.
        4 => quantity: u64,
    }
}

record! {
    /// Both sides, each from its first order in priority to its last.
    #[derive(Debug, Clone, PartialEq, Eq)]
    struct Image {
        1 => bids: Vec<Resting>,
        2 => asks: Vec<Resting>,
    }
}

impl Core {
    fn image(&self, side: Side) -> Vec<Resting> {
        let resting = |Order { id, account, price, quantity, .. }| Resting { id, account, price, quantity };
        self.orders(side).map(|(_, order)| resting(order)).collect()
    }

    fn restore(&mut self, side: Side, orders: Vec<Resting>) -> Result<(), RecordError> {
        for Resting { id, account, price, quantity } in orders {
            self.add(&Order { id, account, side, price, quantity })
                .map_err(|_| RecordError::Invalid("resting orders have quantities and different ids"))?;
        }
        Ok(())
    }
}

impl Field for Core {
    fn encode(&self, out: &mut Vec<u8>) {
        Image { bids: self.image(Side::Buy), asks: self.image(Side::Sell) }.encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
        let Image { bids, asks } = Image::decode(input)?;
        let mut core = Self::default();
        core.reserve(bids.len() + asks.len());
        core.restore(Side::Buy, bids)?;
        core.restore(Side::Sell, asks)?;
        Ok(core)
    }

    fn is_absent(&self) -> bool {
        self.is_empty()
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }
}

/// Two books are equal where the same orders stand in the same priority; where they lie in memory does not matter.
impl PartialEq for Core {
    fn eq(&self, other: &Self) -> bool {
        let same =
            |side| self.orders(side).map(|(_, order)| order).eq(other.orders(side).map(|(_, order)| order));
        same(Side::Buy) && same(Side::Sell)
    }
}

impl Eq for Core {}
