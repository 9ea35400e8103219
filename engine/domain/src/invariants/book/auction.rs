//! Call auctions: one price for everybody, and nobody trades at a worse one than it asked for.

use super::super::auction::{Checked, holds};
use super::Book;
use crate::book::{AuctionPrice, BookState, Crossed, Ended, OrderType, Side, StateChanged};
use crate::context::Stamp;

impl Book {
    pub(super) fn changed(&mut self, change: &StateChanged) -> Checked {
        let right = match (self.state, change.state) {
            (BookState::Continuous, BookState::Auction) => change.started,
            (BookState::Continuous | BookState::Auction, BookState::Halted) => true,
            (BookState::Halted, BookState::Continuous) => !self.in_auction,
            (BookState::Halted, BookState::Auction) => self.in_auction && !change.started,
            _ => false,
        };
        holds("I15", right, || format!("{change:?} after {:?}", self.state))?;
        self.in_auction |= change.started;
        self.state = change.state;
        Ok(())
    }

    /// The price is found.
    pub(super) fn uncrossed(&mut self, result: Option<AuctionPrice>) -> Checked {
        holds("I15", self.state == BookState::Auction, || "no auction can end".to_owned())?;
        self.clears(result)?;
        self.state = BookState::Uncrossing;
        (self.price, self.left) = (result, result.map_or(0, |result| result.volume));
        Ok(())
    }

    /// The most units that can trade do at this price, and of all such prices it leaves the fewest over.
    pub(super) fn clears(&self, result: Option<AuctionPrice>) -> Checked {
        let limits: Vec<u64> = self.resting.iter().filter_map(super::Rest::at).collect();
        let units = |side: Side, price: u64| -> u64 {
            let takes = self.resting.iter().filter(|rest| rest.view.side == side && rest.takes(price));
            takes.map(|rest| rest.view.remaining).sum()
        };
        let at = |price: u64| {
            let (demand, supply) = (units(Side::Buy, price), units(Side::Sell, price));
            (demand.min(supply), i128::from(demand) - i128::from(supply))
        };
        let best = result.map_or((0, 0), |result| (result.volume, i128::from(result.surplus)));
        if let Some(result) = result {
            let right = at(result.price) == best && best.0 > 0;
            holds("I11", right, || format!("{result:?}, but there is {:?}", at(result.price)))?;
        }
        let (lowest, highest) = (limits.iter().min().copied(), limits.iter().max().copied());
        let range = lowest.unwrap_or(0)..=highest.unwrap_or(0);
        let tick = self.listing.tick;
        // Demand and supply change at limits only.
        let around = limits.iter().flat_map(|&limit| [limit.saturating_sub(tick), limit, limit + tick]);
        for price in around.filter(|price| range.contains(price)) {
            let (volume, surplus) = at(price);
            let better = volume > best.0 || (volume == best.0 && surplus.abs() < best.1.abs());
            holds("I11", !better || (best.0 == 0 && volume == 0), || {
                format!("{volume} with {surplus} at {price}, but {result:?}")
            })?;
        }
        Ok(())
    }

    /// Trades at the auction's price: both sides in priority, each order whole but the last.
    pub(super) fn crossed(&mut self, crossed: &Crossed) -> Checked {
        let Crossed { price, volume, parts, .. } = crossed;
        let is_price = self.price.is_some_and(|found| found.price == *price);
        let right = self.state == BookState::Uncrossing && is_price && (1..=self.left).contains(volume);
        holds("I11", right, || format!("{volume} at {price}, of {} at {:?}", self.left, self.price))?;
        let mut nexts = parts.iter();
        for side in [Side::Buy, Side::Sell] {
            let mut left = *volume;
            for rest in self.priority(side) {
                if left == 0 {
                    break;
                }
                let quantity = left.min(rest.view.remaining);
                let part = nexts.next().filter(|part| part.view.order == rest.view.order);
                let takes = rest.takes(*price)
                    && part.is_some_and(|part| {
                        part.quantity == quantity && quantity.checked_mul(*price) == Some(part.value)
                    });
                holds("I11", takes, || format!("{rest:?} is to trade {quantity} at {price}: {part:?}"))?;
                left -= quantity;
            }
            holds("I11", left == 0, || format!("{left} units of nobody, {side:?}"))?;
        }
        holds("I11", nexts.next().is_none(), || format!("more trade than may: {parts:?}"))?;
        parts.iter().try_for_each(|part| self.traded(part))?;
        self.left -= volume;
        Ok(())
    }

    pub(super) fn auction_ended(&mut self, ended: &Ended, stamp: &Stamp) -> Checked {
        holds("I16", self.state == BookState::Uncrossing, || "no auction has a price".to_owned())?;
        self.ended(ended, stamp)?;
        holds("I11", self.left == 0, || format!("{} units were to trade", self.left))?;
        let market = self.resting.iter().find(|rest| rest.view.r#type == OrderType::Market);
        holds("I16", market.is_none(), || format!("{market:?} outlives its auction"))?;
        (self.state, self.in_auction, self.price) = (BookState::Continuous, false, None);
        Ok(())
    }
}
