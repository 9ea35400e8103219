//! The matching core against a list of orders that is searched from end to end each time.

use vendue_domain::book::matching::{Core, LevelView, Order, Refused, Remainder, Side};
use vendue_domain::id::AccountId;
use vendue_domain::record::Field;

use crate::random::{Random, rounds};

/// Rounds, each with a book of its own; together with `MESSAGES` a million. `VENDUE_ROUNDS` asks for more.
const ROUNDS: u64 = 1_000;
const MESSAGES: u64 = 1_000;

/// All live orders, in the order of their arrival.
#[derive(Default)]
struct Naive(Vec<Order>);

impl Naive {
    /// The order that a taker of this side and limit meets first, other than those passed over.
    fn maker(&self, taker: Side, limit: u64) -> Option<usize> {
        let meets = |order: &Order| match taker {
            Side::Buy => order.side == Side::Sell && order.price <= limit,
            Side::Sell => order.side == Side::Buy && order.price >= limit,
        };
        let better = |a: &Order, b: &Order| match taker {
            Side::Buy => a.price < b.price,
            Side::Sell => a.price > b.price,
        };
        let mut best: Option<usize> = None;
        for (place, order) in self.0.iter().enumerate().filter(|(_, order)| meets(order)) {
            if best.is_none_or(|known| better(order, &self.0[known])) {
                best = Some(place);
            }
        }
        best
    }

    fn available(&self, taker: Side, limit: u64) -> u64 {
        let meets = |order: &&Order| match taker {
            Side::Buy => order.side == Side::Sell && order.price <= limit,
            Side::Sell => order.side == Side::Buy && order.price >= limit,
        };
        self.0.iter().filter(meets).map(|order| order.quantity).sum()
    }

    /// Trades as (maker, price, lots, what remains of the maker), and what remains of the order.
    fn execute(&mut self, order: &Order, remainder: Remainder) -> (Vec<(u128, u64, u64, u64)>, u64) {
        let (mut left, mut trades) = (order.quantity, Vec::new());
        if remainder == Remainder::Forbidden && self.available(order.side, order.price) < left {
            return (trades, left);
        }
        while left > 0 {
            let Some(place) = self.maker(order.side, order.price) else { break };
            let maker = &mut self.0[place];
            let quantity = maker.quantity.min(left);
            left -= quantity;
            maker.quantity -= quantity;
            trades.push((maker.id, maker.price, quantity, maker.quantity));
            if maker.quantity == 0 {
                self.0.remove(place);
            }
        }
        if left > 0 && remainder == Remainder::Rests {
            self.0.push(Order { quantity: left, ..*order });
        }
        (trades, left)
    }

    /// One side in priority.
    fn side(&self, side: Side) -> Vec<Order> {
        let mut orders: Vec<_> = self.0.iter().filter(|order| order.side == side).copied().collect();
        orders.sort_by_key(|order| if side == Side::Buy { !order.price } else { order.price });
        orders
    }

    fn levels(&self, side: Side) -> Vec<LevelView> {
        let mut levels: Vec<LevelView> = Vec::new();
        for Order { price, quantity, .. } in self.side(side) {
            match levels.last_mut().filter(|level| level.price == price) {
                Some(level) => (level.quantity, level.orders) = (level.quantity + quantity, level.orders + 1),
                None => levels.push(LevelView { price, quantity, orders: 1 }),
            }
        }
        levels
    }
}

/// Both books, and where their prices lie.
struct Pair {
    core: Core,
    naive: Naive,
    random: Random,
    /// Prices are this wide around the middle, but for the odd one out.
    spread: u64,
    ids: u64,
}

impl Pair {
    fn price(&mut self) -> u64 {
        match self.random.below(64) {
            0 => self.random.pick(&[0, 1, u64::MAX, u64::MAX - 1]),
            1 => self.random.next(),
            _ => 1_000 + self.random.below(self.spread),
        }
    }

    fn enter(&mut self, id: u128, side: Side, price: u64) {
        let quantity = if self.random.once_in(50) { 0 } else { 1 + self.random.below(20) };
        let order = Order { id, account: AccountId::from_u128(id % 7), side, price, quantity };
        let remainder = match self.random.below(8) {
            0 => Remainder::Lapses,
            1 => Remainder::Forbidden,
            _ => Remainder::Rests,
        };
        self.execute(&order, remainder);
    }

    fn execute(&mut self, order: &Order, remainder: Remainder) {
        let expected = if order.quantity == 0 {
            Err(Refused::NoQuantity)
        } else if self.naive.0.iter().any(|known| known.id == order.id) {
            Err(Refused::IdInUse)
        } else {
            Ok(())
        };
        let enough = self.core.available(order.side, Some(order.price), order.quantity);
        assert_eq!(enough, self.naive.available(order.side, order.price).min(order.quantity));
        let foreseen: Vec<_> = self.core.fills(order.side, Some(order.price), order.quantity).collect();
        let mut fills = Vec::new();
        let done = self.core.execute(order, remainder, |fill| fills.push(*fill));
        assert_eq!(done.map(|_| ()), expected);
        let Ok(done) = done else { return };
        let (trades, remaining) = self.naive.execute(order, remainder);
        let told: Vec<_> =
            fills.iter().map(|fill| (fill.id, fill.price, fill.quantity, fill.remaining)).collect();
        assert_eq!(told, trades);
        assert_eq!((done.filled, done.remaining), (order.quantity - remaining, remaining));
        assert_eq!(done.resting.is_some(), remaining > 0 && remainder == Remainder::Rests);
        if remainder != Remainder::Forbidden || remaining == 0 {
            assert_eq!(fills, foreseen);
        }
    }

    /// A live order, or one that may be dead or unknown.
    fn some_id(&mut self) -> u128 {
        match self.naive.0.len() as u64 {
            live if live > 0 && !self.random.once_in(10) => self.naive.0[self.random.below(live) as usize].id,
            _ => u128::from(self.random.below(self.ids + 2)),
        }
    }

    fn change(&mut self) {
        let id = self.some_id();
        let place = self.naive.0.iter().position(|order| order.id == id);
        let handle = self.core.find(id);
        assert_eq!(handle.and_then(|handle| self.core.get(handle)), place.map(|place| self.naive.0[place]));
        let (Some(place), Some(handle)) = (place, handle) else { return };
        let known = self.naive.0[place];
        match self.random.below(8) {
            // A call auction's orders may be crossed; here it is a modify: cancel and re-enter.
            0 => {
                self.core.cancel(handle);
                self.naive.0.remove(place);
                let price = self.price();
                self.enter(id, known.side, price);
            }
            1 | 2 => {
                let quantity = self.random.below(known.quantity + 2);
                let reduced = self.core.reduce(handle, quantity);
                assert_eq!(reduced.is_ok(), quantity > 0 && quantity <= known.quantity);
                if reduced.is_ok() {
                    self.naive.0[place].quantity = quantity;
                }
            }
            3 => {
                let quantity = self.random.below(known.quantity + 2);
                let left = known.quantity.checked_sub(quantity);
                assert_eq!(
                    self.core.consume(handle, quantity),
                    left.ok_or(Refused::OnlyRemain(known.quantity))
                );
                match left {
                    Some(0) => drop(self.naive.0.remove(place)),
                    Some(left) => self.naive.0[place].quantity = left,
                    None => {}
                }
            }
            _ => {
                assert_eq!(self.core.cancel(handle), Some(known));
                self.naive.0.remove(place);
            }
        }
    }

    fn compare(&self) {
        assert_eq!(self.core.len(), self.naive.0.len());
        for side in [Side::Buy, Side::Sell] {
            let orders = self.naive.side(side);
            assert_eq!(self.core.orders(side).map(|(_, order)| order).collect::<Vec<_>>(), orders);
            let levels = self.naive.levels(side);
            assert_eq!(self.core.levels(side).collect::<Vec<_>>(), levels);
            assert_eq!(self.core.total(side), orders.iter().map(|order| order.quantity).sum::<u64>());
            for level in levels {
                assert_eq!(self.core.level(side, level.price), Some(level));
            }
        }
    }

    fn message(&mut self) {
        // Around 40 live orders: enough for deep levels, few enough to search.
        let full = self.naive.0.len() > 40;
        if self.random.below(100) < if full { 35 } else { 65 } {
            let side = self.random.pick(&[Side::Buy, Side::Sell]);
            // Now and then an id of before, dead or live.
            let id = if self.random.once_in(20) { self.some_id() } else { u128::from(self.ids) };
            self.ids += 1;
            let market = if side == Side::Buy { u64::MAX } else { 0 };
            let price = if self.random.once_in(30) { market } else { self.price() };
            self.enter(id, side, price);
        } else {
            self.change();
        }
        for side in [Side::Buy, Side::Sell] {
            assert_eq!(
                self.core.best(side),
                self.naive
                    .maker(side.opposite(), if side == Side::Buy { 0 } else { u64::MAX })
                    .map(|place| self.naive.0[place].price)
            );
        }
    }
}

#[test]
fn core_is_the_naive_book() {
    rounds(ROUNDS, |seed| {
        let mut random = Random::new(seed);
        let spread = random.pick(&[4, 20, 200, 100_000]);
        let mut pair = Pair { core: Core::default(), naive: Naive::default(), random, spread, ids: 1 };
        for step in 0..MESSAGES {
            pair.message();
            if step % 16 == 0 {
                pair.compare();
            }
            if step % 250 == 0 {
                // As after a restart: it goes on from its bytes.
                pair.core = Core::from_bytes(&pair.core.to_bytes()).expect("its own bytes");
            }
        }
        pair.compare();
    });
}

/// Thousands of scattered levels: the far part of the directory.
#[test]
fn core_is_the_naive_book_where_it_is_wide() {
    rounds(4, |seed| {
        let mut random = Random::new(seed);
        let mut pair = Pair {
            core: Core::default(),
            naive: Naive::default(),
            random: Random::new(seed),
            spread: 1,
            ids: 1,
        };
        for step in 0..6_000_u64 {
            if random.below(100) < if step < 3_000 { 90 } else { 30 } {
                let side = random.pick(&[Side::Buy, Side::Sell]);
                // Apart, so that the book grows wide.
                let away = random.below(1 << 20);
                let price = if side == Side::Buy { (1 << 20) - away } else { (1 << 20) + 1 + away };
                pair.ids += 1;
                let order = Order {
                    id: u128::from(pair.ids),
                    account: AccountId::default(),
                    side,
                    price,
                    quantity: 3,
                };
                pair.execute(&order, Remainder::Rests);
            } else if random.once_in(3) {
                let side = random.pick(&[Side::Buy, Side::Sell]);
                let price = if side == Side::Buy { u64::MAX } else { 0 };
                pair.ids += 1;
                let order = Order {
                    id: u128::from(pair.ids),
                    account: AccountId::default(),
                    side,
                    price,
                    quantity: 40,
                };
                pair.execute(&order, Remainder::Lapses);
            } else {
                pair.change();
            }
            if step % 500 == 0 {
                pair.compare();
            }
        }
        pair.compare();
    });
}
