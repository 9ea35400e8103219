//! The core of a book: resting orders in price-time priority, and matching against them.
//!
//! Prices are whole ticks, quantities whole lots; any 64-bit price works. Orders lie in a slab, 64 bytes each, linked into
//! their level in the order of their arrival; so cancelling costs the same deep inside a level as at its ends. Once its
//! tables have grown to the size of the book, nothing here allocates, except where a side's prices are scattered over
//! more than a thousand ticks and levels come and go at the far end.
//!
//! A rule reads with [`Core::makers`], [`Core::fills`] and [`Core::available`]; an event is applied with [`Core::add`],
//! [`Core::consume`], [`Core::reduce`] and [`Core::cancel`]. [`Core::execute`] does both at once, for who needs no event.

mod directory;
mod ladder;
mod slab;
mod snapshot;
mod walk;

use ladder::Ladder;
use slab::{Node, Slab};
pub use walk::{Fills, LevelView, Levels, Orders};

use crate::id::AccountId;
use crate::variants;

/// The end of a list of orders.
const NONE: u32 = u32::MAX;

/// Live orders of one book at most, so that every place and level fits its 32 bits: 64 GB of orders, more than one book
/// is given. Who wants fewer refuses earlier.
pub const ORDERS_MAX: usize = 1 << 28;

variants! {
    /// Which way an order trades.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    #[repr(u8)]
    pub enum Side {
        1 => Buy,
        2 => Sell,
    }
}

impl Side {
    /// The side it trades with.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}

/// An order: one that comes, or one that rests, then with what remains of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// Its identity; not that of another live order.
    pub id: u128,
    /// Whose it is.
    pub account: AccountId,
    /// Which way it trades.
    pub side: Side,
    /// The worst price it takes, in ticks. A market order buys at [`u64::MAX`] and sells at 0.
    pub price: u64,
    /// Lots, at least 1.
    pub quantity: u64,
}

/// A resting order's place. It names that order until the order is gone; then it may name another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle(u32);

/// One trade with a resting order, at the resting order's price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fill {
    /// The resting order's place, valid after the trade only where something remains.
    pub maker: Handle,
    /// The resting order's id.
    pub id: u128,
    /// The resting order's account.
    pub account: AccountId,
    /// In ticks.
    pub price: u64,
    /// Lots traded, at least 1.
    pub quantity: u64,
    /// Lots of the resting order after this trade; 0: it is gone.
    pub remaining: u64,
}

/// What becomes of the quantity that finds nothing to trade with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remainder {
    /// It rests in the book (`gtc`, `gtd`).
    Rests,
    /// It lapses (`ioc`, market orders).
    Lapses,
    /// There must be none, else nothing trades (`fok`).
    Forbidden,
}

/// What came of an executed order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Executed {
    /// Lots traded.
    pub filled: u64,
    /// Lots that were not traded: they rest where there is a handle, else they lapsed.
    pub remaining: u64,
    /// Where the remainder rests.
    pub resting: Option<Handle>,
}

/// Why an order cannot be taken in or changed so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// An order has at least one lot; a reduced one too.
    NoQuantity,
    /// A live order has this id.
    IdInUse,
    /// All lots of one side must fit 64 bits.
    TooMuch,
    /// The book has [`ORDERS_MAX`] orders.
    Full,
    /// No live order is there.
    Dead,
    /// The order has only so many lots.
    OnlyRemain(u64),
}

/// The resting orders of one book. It may be crossed (while a call auction gathers orders): `add` does not match.
#[derive(Debug, Clone)]
pub struct Core {
    slab: Slab,
    bids: Ladder,
    asks: Ladder,
}

impl Default for Core {
    fn default() -> Self {
        Self { slab: Slab::default(), bids: Ladder::new(Side::Buy), asks: Ladder::new(Side::Sell) }
    }
}

impl Core {
    #[inline]
    const fn ladder(&self, side: Side) -> &Ladder {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    #[inline]
    const fn split(&mut self, side: Side) -> (&mut Slab, &mut Ladder) {
        match side {
            Side::Buy => (&mut self.slab, &mut self.bids),
            Side::Sell => (&mut self.slab, &mut self.asks),
        }
    }

    /// How many orders rest.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slab.len()
    }

    /// Whether no order rests.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lots of all orders of `side`.
    #[must_use]
    pub const fn total(&self, side: Side) -> u64 {
        self.ladder(side).total
    }

    /// Makes room for so many orders more at once.
    pub fn reserve(&mut self, additional: usize) {
        self.slab.reserve(additional);
    }

    /// The best price of `side`, in ticks: the highest bid, the lowest offer.
    #[must_use]
    pub fn best(&self, side: Side) -> Option<u64> {
        let ladder = self.ladder(side);
        ladder.best().map(|place| ladder.price(place))
    }

    /// Whether an order on `side` at `price` would trade at once.
    #[must_use]
    pub fn crosses(&self, side: Side, price: u64) -> bool {
        let ladder = self.ladder(side.opposite());
        ladder.best().is_some_and(|place| ladder.key_at(place) >= ladder.key(price))
    }

    /// What rests at one price of `side`.
    #[must_use]
    pub fn level(&self, side: Side, price: u64) -> Option<LevelView> {
        let ladder = self.ladder(side);
        let level = ladder.level(ladder.find(price)?);
        Some(LevelView { price, quantity: level.total, orders: level.orders })
    }

    /// Where the live order with this id is.
    #[must_use]
    pub fn find(&self, id: u128) -> Option<Handle> {
        self.slab.find(id).map(Handle)
    }

    /// The order at a place, with what remains of it; `None` where none is live.
    #[must_use]
    pub fn get(&self, handle: Handle) -> Option<Order> {
        self.slab.live(handle).map(Node::order)
    }

    /// Whether [`Core::add`] would take this order: for rules, which must not change anything.
    ///
    /// # Errors
    /// `NoQuantity`, `IdInUse`, `TooMuch`, `Full`.
    pub fn admits(&self, order: &Order) -> Result<(), Refused> {
        if order.quantity == 0 {
            return Err(Refused::NoQuantity);
        }
        if self.len() >= ORDERS_MAX {
            return Err(Refused::Full);
        }
        if self.total(order.side).checked_add(order.quantity).is_none() {
            return Err(Refused::TooMuch);
        }
        if self.slab.find(order.id).is_some() {
            return Err(Refused::IdInUse);
        }
        Ok(())
    }

    /// Rests an order behind all others of its price, without matching.
    ///
    /// # Errors
    /// As [`Core::admits`]; then nothing has changed.
    pub fn add(&mut self, order: &Order) -> Result<Handle, Refused> {
        self.admits(order)?;
        Ok(self.rest(order))
    }

    /// As `add`, of an order that is admitted.
    #[inline]
    fn rest(&mut self, order: &Order) -> Handle {
        let &Order { id, account, side, price, quantity } = order;
        let (slab, ladder) = self.split(side);
        let place = ladder.open(price);
        let previous = ladder.level(place).tail;
        let level = place.number();
        let at =
            slab.insert(Node { id, account, price, remaining: quantity, level, previous, next: NONE, side });
        ladder.total += quantity;
        let level = ladder.level_mut(place);
        level.tail = at;
        level.total += quantity;
        level.orders += 1;
        if previous == NONE {
            level.head = at;
        } else {
            slab.node_mut(previous).next = at;
        }
        Handle(at)
    }

    /// Takes the order at a place out, in constant time wherever it stands in its level; `None` where none is live.
    pub fn cancel(&mut self, handle: Handle) -> Option<Order> {
        let node = self.slab.live(handle)?;
        let (order, place) = (node.order(), node.place());
        let (previous, next) = (node.previous, node.next);
        let (slab, ladder) = self.split(order.side);
        slab.remove(handle.0);
        ladder.total -= order.quantity;
        let level = ladder.level_mut(place);
        level.orders -= 1;
        level.total -= order.quantity;
        if level.orders == 0 {
            ladder.close(place);
            return Some(order);
        }
        if previous == NONE {
            level.head = next;
        } else {
            slab.node_mut(previous).next = next;
        }
        if next == NONE {
            level.tail = previous;
        } else {
            slab.node_mut(next).previous = previous;
        }
        Some(order)
    }

    /// Lessens an order to `quantity` lots; it keeps its place.
    ///
    /// # Errors
    /// `Dead`; `NoQuantity` for 0; `OnlyRemain` where it has fewer lots (an order that grows loses its place: cancel it
    /// and let it come anew).
    pub fn reduce(&mut self, handle: Handle, quantity: u64) -> Result<(), Refused> {
        let remaining = self.slab.live(handle).ok_or(Refused::Dead)?.remaining;
        match remaining.checked_sub(quantity) {
            None => Err(Refused::OnlyRemain(remaining)),
            Some(_) if quantity == 0 => Err(Refused::NoQuantity),
            Some(less) => self.consume(handle, less).map(|_| ()),
        }
    }

    /// Takes `quantity` lots from an order, which keeps its place and is gone when nothing remains: applies one fill.
    /// What remains comes back.
    ///
    /// # Errors
    /// `Dead`; `OnlyRemain` where it has fewer lots. Nothing has changed then.
    pub fn consume(&mut self, handle: Handle, quantity: u64) -> Result<u64, Refused> {
        let node = self.slab.live(handle).ok_or(Refused::Dead)?;
        let (side, place, before) = (node.side, node.place(), node.remaining);
        let remaining = before.checked_sub(quantity).ok_or(Refused::OnlyRemain(before))?;
        if remaining == 0 {
            self.cancel(handle);
            return Ok(0);
        }
        let (slab, ladder) = self.split(side);
        slab.node_mut(handle.0).remaining = remaining;
        ladder.total -= quantity;
        ladder.level_mut(place).total -= quantity;
        Ok(remaining)
    }

    /// Matches an order with the other side, telling each trade in order, and rests what remains where it may.
    ///
    /// # Errors
    /// As [`Core::admits`], asked of the whole order; then nothing has changed and nothing was told.
    #[inline]
    pub fn execute(
        &mut self,
        order: &Order,
        remainder: Remainder,
        mut told: impl FnMut(&Fill),
    ) -> Result<Executed, Refused> {
        self.admits(order)?;
        let &Order { side, price, quantity, .. } = order;
        if remainder == Remainder::Forbidden && self.available(side, Some(price), quantity) < quantity {
            return Ok(Executed { filled: 0, remaining: quantity, resting: None });
        }
        let remaining = self.take(side, price, quantity, &mut told);
        let resting = (remaining > 0 && remainder == Remainder::Rests)
            .then(|| self.rest(&Order { quantity: remaining, ..*order }));
        Ok(Executed { filled: quantity - remaining, remaining, resting })
    }

    /// Trades with the best levels until `quantity` is used up or the limit is reached; what is left comes back.
    #[inline]
    fn take(&mut self, taker: Side, limit: u64, quantity: u64, told: &mut impl FnMut(&Fill)) -> u64 {
        let (slab, ladder) = self.split(taker.opposite());
        let key_min = ladder.key(limit);
        let mut left = quantity;
        while let Some(place) = ladder.best().filter(|&place| left > 0 && ladder.key_at(place) >= key_min) {
            let level = ladder.level_mut(place);
            let before = left;
            let mut at = level.head;
            while at != NONE && left > 0 {
                let node = slab.node_mut(at);
                let quantity = node.remaining.min(left);
                left -= quantity;
                node.remaining -= quantity;
                let Node { id, account, price, remaining, next, .. } = *node;
                told(&Fill { maker: Handle(at), id, account, price, quantity, remaining });
                if remaining == 0 {
                    slab.remove(at);
                    level.orders -= 1;
                    at = next;
                }
            }
            level.head = at;
            level.total -= before - left;
            if at == NONE {
                ladder.close(place);
            } else {
                slab.node_mut(at).previous = NONE;
            }
            ladder.total -= before - left;
        }
        left
    }
}
