//! Reading a book in priority order: what a rule looks at before it decides, what is published, what is kept.

use super::ladder::Place;
use super::{Core, Fill, Handle, NONE, Order, Side};

/// What is published of one price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LevelView {
    /// The price, in ticks.
    pub price: u64,
    /// Lots of all its orders.
    pub quantity: u64,
    /// How many orders there are.
    pub orders: u32,
}

/// The levels of one side, best first.
#[derive(Debug, Clone)]
pub struct Levels<'a> {
    core: &'a Core,
    side: Side,
    place: Option<Place>,
}

impl Iterator for Levels<'_> {
    type Item = LevelView;

    fn next(&mut self) -> Option<LevelView> {
        let (place, ladder) = (self.place?, self.core.ladder(self.side));
        self.place = ladder.next(place);
        let level = ladder.level(place);
        Some(LevelView { price: ladder.price(place), quantity: level.total, orders: level.orders })
    }
}

/// Orders of one side in price-time priority, up to a limit price.
#[derive(Debug, Clone)]
pub struct Orders<'a> {
    core: &'a Core,
    side: Side,
    /// Levels with a lower key are not walked.
    key_min: u64,
    place: Option<Place>,
    at: u32,
}

impl Orders<'_> {
    /// Goes on to a level, unless it is past the limit.
    fn enter(&mut self, place: Option<Place>) {
        let ladder = self.core.ladder(self.side);
        self.place = place.filter(|&place| ladder.key_at(place) >= self.key_min);
        self.at = self.place.map_or(NONE, |place| ladder.level(place).head);
    }
}

impl Iterator for Orders<'_> {
    type Item = (Handle, Order);

    #[inline]
    fn next(&mut self) -> Option<(Handle, Order)> {
        let place = self.place?;
        let at = self.at;
        let node = self.core.slab.node(at);
        self.at = node.next;
        if self.at == NONE {
            self.enter(self.core.ladder(self.side).next(place));
        }
        Some((Handle(at), node.order()))
    }
}

/// The trades a taker would make, in order.
#[derive(Debug, Clone)]
pub struct Fills<'a> {
    makers: Orders<'a>,
    left: u64,
}

impl Fills<'_> {
    /// What of the taker's quantity has found nothing so far.
    #[must_use]
    pub const fn left(&self) -> u64 {
        self.left
    }
}

impl Iterator for Fills<'_> {
    type Item = Fill;

    fn next(&mut self) -> Option<Fill> {
        if self.left == 0 {
            return None;
        }
        let (maker, order) = self.makers.next()?;
        let quantity = order.quantity.min(self.left);
        self.left -= quantity;
        let Order { id, account, price, .. } = order;
        Some(Fill { maker, id, account, price, quantity, remaining: order.quantity - quantity })
    }
}

impl Core {
    /// The levels of `side`, best first; the first n are the published depth.
    #[must_use]
    pub fn levels(&self, side: Side) -> Levels<'_> {
        Levels { core: self, side, place: self.ladder(side).best() }
    }

    /// The best `count` levels of `side`, best first.
    pub fn depth(&self, side: Side, count: usize) -> impl Iterator<Item = LevelView> {
        self.levels(side).take(count)
    }

    /// All orders of `side` in priority: best price first, then the earlier.
    #[must_use]
    pub fn orders(&self, side: Side) -> Orders<'_> {
        self.walk(side, 0)
    }

    /// The resting orders that a `taker` with this limit (`None`: at any price) may trade with, in priority.
    ///
    /// The walk for self-trade prevention: stop at an order of the taker's own account to cancel the newest, pass over it
    /// (and cancel it) to cancel the oldest; else take what is wanted from each order.
    #[must_use]
    pub fn makers(&self, taker: Side, limit: Option<u64>) -> Orders<'_> {
        let side = taker.opposite();
        self.walk(side, limit.map_or(0, |price| self.ladder(side).key(price)))
    }

    /// The trades that `quantity` lots of a `taker` would make now, in order; nothing is changed.
    #[must_use]
    pub fn fills(&self, taker: Side, limit: Option<u64>, quantity: u64) -> Fills<'_> {
        Fills { makers: self.makers(taker, limit), left: quantity }
    }

    /// Lots that a `taker` with this limit finds, counted until they reach `enough`: more is not looked for.
    ///
    /// Walks levels, not orders: for all-or-nothing orders.
    #[must_use]
    pub fn available(&self, taker: Side, limit: Option<u64>, enough: u64) -> u64 {
        let ladder = self.ladder(taker.opposite());
        let key_min = limit.map_or(0, |price| ladder.key(price));
        let (mut place, mut found) = (ladder.best(), 0_u64);
        while let Some(level) = place.filter(|&level| found < enough && ladder.key_at(level) >= key_min) {
            // The sum of a side fits 64 bits.
            found += ladder.level(level).total;
            place = ladder.next(level);
        }
        found.min(enough)
    }

    fn walk(&self, side: Side, key_min: u64) -> Orders<'_> {
        let mut orders = Orders { core: self, side, key_min, place: None, at: NONE };
        orders.enter(self.ladder(side).best());
        orders
    }
}
