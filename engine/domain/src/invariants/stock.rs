//! Invariants of stock: I23 to I27, I29.

use std::collections::HashMap;

use crate::context::Stamp;
use crate::id::{OrderId, ReservationId, StockId};
use crate::order::{Order, Thing};
use crate::stock::{ReservationEnd, Stock, StockEvent};

/// I23, I24, I26: the counters of a stock item after any event, in all and at its locations.
///
/// # Errors
/// Names the invariant that is broken, with the numbers.
pub fn counters(stock: &Stock) -> Result<(), String> {
    let counters = stock.counters();
    let threshold = i128::from(stock.threshold());
    let available = i128::from(counters.on_hand)
        - i128::from(counters.allocated)
        - i128::from(counters.reserved)
        - threshold;
    if available < 0 || i128::from(counters.available) != available {
        return Err(format!("I23: {counters:?} with threshold {threshold}"));
    }
    let tally = stock.tally();
    if tally.on_hand() != counters.on_hand {
        return Err(format!("I24: {} on hand, {tally:?}", counters.on_hand));
    }
    let reserved: u64 = stock.reserved_quantities().sum();
    let allocated: u64 = stock.allocations().map(|(_, _, quantity, shipped)| quantity - shipped).sum();
    if (reserved, allocated) != (counters.reserved, counters.allocated) {
        return Err(format!("I26: {reserved} reserved and {allocated} allocated by lines, {counters:?}"));
    }
    let locations = stock.locations();
    let sum = |of: fn(&crate::stock::LocationCounters) -> u64| locations.iter().map(of).sum::<u64>();
    let sums = (sum(|one| one.on_hand), sum(|one| one.allocated), sum(|one| one.reserved));
    if !locations.is_empty() && sums != (counters.on_hand, counters.allocated, counters.reserved) {
        return Err(format!("I23: locations sum to {sums:?}, {counters:?}"));
    }
    Ok(())
}

/// I25, I29: every reservation ends at most once, and none ends that never was.
#[derive(Debug, Clone, Default)]
pub struct ReservationLives {
    lives: HashMap<ReservationId, Option<ReservationEnd>>,
}

impl ReservationLives {
    /// Takes an event of a stock item in, in its order.
    ///
    /// # Errors
    /// Names the invariant that is broken.
    pub fn see(&mut self, event: &StockEvent, stamp: &Stamp) -> Result<(), String> {
        let (reservation, end) = match event {
            StockEvent::Reserved(_) => return self.begin(ReservationId::from_u128(stamp.command_id)),
            StockEvent::OrderReserved(event) if event.taken => return Ok(()),
            StockEvent::OrderReserved(event) => return self.begin(event.reservation),
            StockEvent::Closed(event) => (event.reservation, event.end),
            StockEvent::Allocated(event) => match event.reservation {
                Some(reservation) => (reservation, ReservationEnd::Committed),
                None => return Ok(()),
            },
            StockEvent::LineReleased(event) => match event.reservation {
                Some(reservation) => (reservation, ReservationEnd::Released),
                None => return Ok(()),
            },
            _ => return Ok(()),
        };
        match self.lives.get_mut(&reservation) {
            Some(life @ None) => {
                *life = Some(end);
                Ok(())
            }
            Some(Some(first)) => {
                Err(format!("I25, I29: {reservation} was {} and is now {}", first.name(), end.name()))
            }
            None => Err(format!("I25: {reservation} never was and is {}", end.name())),
        }
    }

    fn begin(&mut self, reservation: ReservationId) -> Result<(), String> {
        match self.lives.insert(reservation, None) {
            None => Ok(()),
            Some(_) => Err(format!("I25: {reservation} began twice")),
        }
    }
}

/// I27: what paid orders have of each item is at most what ever was there, with the depth of back-orders.
///
/// # Errors
/// Names the item that is oversold.
pub fn no_oversell<'a>(
    stock: &HashMap<StockId, &Stock>,
    orders: impl Iterator<Item = (OrderId, &'a Order)>,
) -> Result<(), String> {
    let mut sold: HashMap<StockId, u128> = HashMap::new();
    for (_, order) in orders.filter(|(_, order)| order.state().is_paid()) {
        for line in order.lines().iter().map(|line| line.now) {
            if let Thing::Stock(stock) = line.thing {
                // A refunded order's units are only those that left.
                let kept = if order.state() == crate::order::OrderState::Refunded {
                    line.shipped
                } else {
                    line.quantity
                };
                *sold.entry(stock).or_default() += u128::from(kept.saturating_sub(line.returned));
            }
        }
    }
    for (id, sold) in sold {
        let Some(stock) = stock.get(&id) else { return Err(format!("I27: {id} is sold and is not there")) };
        let tally = stock.tally();
        let depth = u128::from(stock.threshold().min(0).unsigned_abs());
        let ever = u128::from(tally.initial) + u128::from(tally.received) + depth;
        if sold + u128::from(tally.written_off) > ever {
            return Err(format!("I27: {id} has {sold} sold of {ever}, {tally:?}"));
        }
    }
    Ok(())
}
