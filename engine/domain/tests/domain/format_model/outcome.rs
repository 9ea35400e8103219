//! What all bids of a lot come to, worked out from scratch: slow, and obviously what RULES says.

use vendue_domain::amount::{AMOUNT_MAX, Currency};
use vendue_domain::increments::{default_bands, increment_at};

use crate::world::amount;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Dutch,
    FirstPrice,
    Vickrey,
    SealedReverse,
    Reverse,
    LowestWinning,
    HighestLosing,
    PayAsBid,
}

impl Kind {
    pub fn is_sealed(self) -> bool {
        matches!(self, Self::FirstPrice | Self::Vickrey | Self::SealedReverse)
    }

    pub fn is_tender(self) -> bool {
        matches!(self, Self::SealedReverse | Self::Reverse)
    }

    pub fn is_multi(self) -> bool {
        matches!(self, Self::LowestWinning | Self::HighestLosing | Self::PayAsBid)
    }

    /// Each bidder has at most one bid.
    pub fn replaces(self) -> bool {
        self.is_sealed() || self.is_multi()
    }
}

/// An accepted bid or take that stands. The order of the list is the order of time.
#[derive(Clone, Debug)]
pub struct Bid {
    pub who: char,
    pub name: String,
    /// Of the lot, or of a unit.
    pub amount: u64,
    pub units: u64,
    pub all_or_none: bool,
    pub at: i64,
    /// The lot remembers only so many bids of each bidder.
    pub forgotten: bool,
}

pub struct Terms {
    pub kind: Kind,
    pub start: u64,
    pub reserve: Option<u64>,
    pub quantity: u64,
}

pub fn increment(price: u64) -> u64 {
    let eur = Currency::new("EUR").expect("a currency");
    increment_at(default_bands(eur), amount(price)).get()
}

impl Terms {
    /// The bids from the best down: each bidder's best one where it has several; of equal ones the earlier first.
    pub fn ranked<'a>(&self, bids: &'a [Bid]) -> Vec<&'a Bid> {
        let mut ranked: Vec<&Bid> = Vec::new();
        for (nth, bid) in bids.iter().enumerate().filter(|(_, bid)| !bid.forgotten) {
            // The last one of each bidder is its best.
            if !bids[nth + 1..].iter().any(|later| later.who == bid.who) {
                ranked.push(bid);
            }
        }
        // Sorting keeps the order of time among equals.
        if self.kind.is_tender() {
            ranked.sort_by_key(|bid| bid.amount);
        } else {
            ranked.sort_by_key(|bid| std::cmp::Reverse(bid.amount));
        }
        ranked
    }

    pub fn leader<'a>(&self, bids: &'a [Bid]) -> Option<&'a Bid> {
        self.ranked(bids).first().copied()
    }

    /// Whether the best bid reaches the reserve.
    pub fn met(&self, bids: &[Bid]) -> Option<bool> {
        let reaches = |bid: &Bid, reserve| {
            if self.kind.is_tender() { bid.amount <= reserve } else { bid.amount >= reserve }
        };
        self.reserve.map(|reserve| self.leader(bids).is_some_and(|best| reaches(best, reserve)))
    }

    /// Several units: who gets how many.
    pub fn served<'a>(&self, bids: &'a [Bid]) -> Vec<(&'a Bid, u64)> {
        let mut left = self.quantity;
        let mut served = Vec::new();
        for bid in self.ranked(bids) {
            let units = bid.units.min(left);
            if units > 0 && (units == bid.units || !bid.all_or_none) {
                served.push((bid, units));
                left -= units;
            }
        }
        served
    }

    pub fn units_of(&self, bids: &[Bid], who: char) -> u64 {
        self.served(bids).iter().find(|(bid, _)| bid.who == who).map_or(0, |&(_, units)| units)
    }

    pub fn remaining(&self, bids: &[Bid]) -> u64 {
        let taken: u64 = match self.kind {
            Kind::Dutch => bids.iter().map(|bid| bid.units).sum(),
            _ => self.served(bids).iter().map(|&(_, units)| units).sum(),
        };
        self.quantity - taken
    }

    /// The public price of an open lot, but for a clock's.
    pub fn price(&self, bids: &[Bid]) -> Option<u64> {
        let served = self.served(bids);
        match self.kind {
            Kind::Reverse => self.leader(bids).map(|bid| bid.amount),
            Kind::LowestWinning | Kind::PayAsBid => served.last().map(|(bid, _)| bid.amount),
            Kind::HighestLosing => {
                let lowest = served.last()?.0.amount;
                let wins = |bid: &Bid| served.iter().any(|(winner, _)| winner.who == bid.who);
                let losing = self.ranked(bids).into_iter().find(|bid| !wins(bid));
                let losing = losing.map_or(self.start, |bid| bid.amount);
                Some(losing.max(self.start).min(lowest))
            }
            _ => None,
        }
    }

    /// What the next bid must reach; past the range where nothing can.
    pub fn next(&self, bids: &[Bid]) -> i128 {
        let lowest = self.served(bids).last().map(|(bid, _)| bid.amount);
        match (self.kind, self.price(bids), lowest) {
            (Kind::Reverse, Some(price), _) => i128::from(price) - i128::from(increment(price)),
            (kind, _, Some(lowest)) if kind.is_multi() && self.remaining(bids) == 0 => {
                i128::from(lowest) + i128::from(increment(lowest))
            }
            _ => i128::from(self.start),
        }
    }

    /// The same as the public sees it.
    pub fn shown_next(&self, bids: &[Bid]) -> u64 {
        self.next(bids).clamp(1, i128::from(AMOUNT_MAX)) as u64
    }

    /// Winners (who, units, amount) in the order in which they are served, and the price.
    pub fn outcome(&self, bids: &[Bid]) -> (Vec<(char, u64, u64)>, Option<u64>) {
        let ranked = self.ranked(bids);
        let best = ranked.first().filter(|_| self.met(bids) != Some(false));
        let one = |price: Option<u64>| {
            let winner = best.zip(price).map(|(best, price)| (best.who, self.quantity, price));
            winner.into_iter().collect::<Vec<_>>()
        };
        match self.kind {
            Kind::FirstPrice | Kind::SealedReverse => {
                let price = best.map(|best| best.amount);
                (one(price), price)
            }
            Kind::Vickrey => {
                let second = ranked.get(1).map_or(self.start, |bid| bid.amount).max(self.start);
                let price = best.map(|_| second.max(self.reserve.unwrap_or(0)));
                (one(price), price)
            }
            Kind::Reverse => {
                let price = self.price(bids);
                (one(price), price)
            }
            Kind::Dutch => self.taken(bids),
            _ => {
                let uniform = self.price(bids);
                let unit = |bid: &Bid| match self.kind {
                    Kind::PayAsBid => bid.amount,
                    _ => uniform.unwrap_or(0),
                };
                let served = self.served(bids).into_iter();
                (served.map(|(bid, units)| (bid.who, units, unit(bid) * units)).collect(), uniform)
            }
        }
    }

    fn taken(&self, takes: &[Bid]) -> (Vec<(char, u64, u64)>, Option<u64>) {
        let mut winners: Vec<(char, u64, u64)> = Vec::new();
        for take in takes {
            let cost = take.units * take.amount;
            match winners.iter_mut().find(|(who, ..)| *who == take.who) {
                Some((_, units, amount)) => {
                    *units += take.units;
                    *amount += cost;
                }
                None => winners.push((take.who, take.units, cost)),
            }
        }
        (winners, takes.iter().map(|take| take.amount).min())
    }
}
