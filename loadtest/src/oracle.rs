//! What an English lot with proxy bidding must do, computed a second time from RULES alone: one bidder's maximum after the
//! other, nothing shared with the engine's code. The tool judges the market by it.

/// eBay's increments (<http://pages.ebay.com/help/buy/bid-increments.html>), the default of a market: (from this price on, in cents,
/// this increment).
pub const EBAY: &[(u64, u64)] = &[
    (0, 5),
    (100, 25),
    (500, 50),
    (2_500, 100),
    (10_000, 250),
    (25_000, 500),
    (50_000, 1_000),
    (100_000, 2_500),
    (250_000, 5_000),
    (500_000, 10_000),
];

/// What a bid must lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It leads.
    Leading,
    /// It counts, but another maximum is higher or as high and earlier.
    Outbid,
    /// The leader raised its own maximum: the price stays.
    Raised,
    /// Below the minimum of its moment.
    TooLow {
        /// The least that would have been taken.
        min_next_amount: u64,
    },
    /// The leader named no more than before.
    NotAboveOwn,
}

impl Verdict {
    /// Whether the market takes the bid.
    #[must_use]
    pub const fn is_accepted(self) -> bool {
        matches!(self, Self::Leading | Self::Outbid | Self::Raised)
    }
}

/// One lot.
#[derive(Debug, Clone)]
pub struct Oracle<B> {
    increments: &'static [(u64, u64)],
    start: u64,
    price: u64,
    /// The leader and its maximum.
    leader: Option<(B, u64)>,
    bids: u64,
    raises: u64,
}

impl<B: Clone + PartialEq> Oracle<B> {
    /// A lot that starts at `start` minor units.
    #[must_use]
    pub const fn new(start: u64, increments: &'static [(u64, u64)]) -> Self {
        Self { increments, start, price: 0, leader: None, bids: 0, raises: 0 }
    }

    fn increment(&self, price: u64) -> u64 {
        self.increments.iter().rev().find(|&&(from, _)| from <= price).map_or(1, |&(_, increment)| increment)
    }

    /// The least that the next bid of another than the leader must name.
    #[must_use]
    pub fn min_next_amount(&self) -> u64 {
        if self.leader.is_none() { self.start } else { self.price + self.increment(self.price) }
    }

    /// A bid of `maximum` minor units.
    pub fn bid(&mut self, bidder: B, maximum: u64) -> Verdict {
        let Some((leader, highest)) = self.leader.clone() else {
            if maximum < self.start {
                return Verdict::TooLow { min_next_amount: self.start };
            }
            self.price = self.start;
            return self.lead(bidder, maximum);
        };
        if leader == bidder {
            if maximum <= highest {
                return Verdict::NotAboveOwn;
            }
            self.leader = Some((bidder, maximum));
            self.raises += 1;
            return Verdict::Raised;
        }
        let min_next_amount = self.min_next_amount();
        if maximum < min_next_amount {
            return Verdict::TooLow { min_next_amount };
        }
        // min(the leader's maximum, the runner-up's + its increment), never below what everybody has seen.
        let (first, second) = (highest.max(maximum), highest.min(maximum));
        self.price = self.price.max(first.min(second + self.increment(second)));
        if maximum > highest {
            return self.lead(bidder, maximum);
        }
        self.bids += 1;
        Verdict::Outbid
    }

    fn lead(&mut self, bidder: B, maximum: u64) -> Verdict {
        self.leader = Some((bidder, maximum));
        self.bids += 1;
        Verdict::Leading
    }

    /// The public price; `None` before the first bid.
    #[must_use]
    pub fn price(&self) -> Option<u64> {
        self.leader.as_ref().map(|_| self.price)
    }

    /// Who leads.
    #[must_use]
    pub fn leader(&self) -> Option<&B> {
        self.leader.as_ref().map(|(bidder, _)| bidder)
    }

    /// Bids that were taken, own raises left out.
    #[must_use]
    pub const fn bids(&self) -> u64 {
        self.bids
    }

    /// Own raises that were taken.
    #[must_use]
    pub const fn raises(&self) -> u64 {
        self.raises
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bids (bidder, maximum, verdict) on a lot that starts at `start`; then price and leader.
    fn check(start: u64, bids: &[(char, u64, Verdict)], price: u64, leader: char) {
        let mut lot = Oracle::new(start, EBAY);
        for (step, &(bidder, maximum, verdict)) in bids.iter().enumerate() {
            assert_eq!(lot.bid(bidder, maximum), verdict, "step {step} of {bids:?}");
        }
        assert_eq!((lot.price(), lot.leader()), (Some(price), Some(&leader)), "{bids:?}");
    }

    #[test]
    fn the_rules_of_an_english_lot() {
        use Verdict::{Leading, NotAboveOwn, Outbid, Raised, TooLow};
        check(100, &[('a', 100, Leading)], 100, 'a');
        check(100, &[('a', 99, TooLow { min_next_amount: 100 }), ('a', 500, Leading)], 100, 'a');
        check(100, &[('a', 500, Leading), ('b', 300, Outbid)], 325, 'a');
        check(
            100,
            &[('a', 500, Leading), ('b', 124, TooLow { min_next_amount: 125 }), ('b', 125, Outbid)],
            150,
            'a',
        );
        // Beaten by less than an increment.
        check(100, &[('a', 500, Leading), ('b', 510, Leading)], 510, 'b');
        // A tie: the earlier leads, at that amount.
        check(100, &[('a', 500, Leading), ('b', 500, Outbid)], 500, 'a');
        // Own raises do not move the price, and count only above the own maximum.
        check(
            100,
            &[('a', 500, Leading), ('a', 500, NotAboveOwn), ('a', 501, Raised), ('b', 501, Outbid)],
            501,
            'a',
        );
    }
}
