//! The tool's own record of each lot: what to bid next, and what was acknowledged.

use vendue_domain::id::LotId;

use super::choice::{Choice, Chooser};
use super::message::{LOT_TEXT, START_AMOUNT};

/// Nobody has bid yet.
const NOBODY: u32 = u32::MAX;

/// One lot. Increments are one minor unit, so that any rising amount is taken.
#[derive(Debug, Clone)]
pub struct Lot {
    /// Its id in text.
    pub text: [u8; LOT_TEXT],
    next_amount: u64,
    /// Whose bid was the last that was sent.
    last_bidder: u32,
    in_flight: u32,
    /// The highest acknowledged maximum, and whose.
    highest: (u64, u32),
    /// The highest of all others.
    second: u64,
    accepted: u64,
    raises: u64,
    /// Bids of different bidders were never in flight together, and none was refused: what happened is known exactly.
    ordered: bool,
}

/// A bid that was sent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sent {
    /// The lot's index.
    pub lot: u32,
    /// The amount.
    pub amount: u64,
    /// The bidder follows itself: it raises its own maximum.
    pub raise: bool,
    /// Below the start amount: must be rejected.
    pub low: bool,
}

/// What the market must say of a lot at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// The public price.
    pub price: Option<u64>,
    /// Bids that count, at least and at most; equal where the order of decisions is known.
    pub bids: (u64, u64),
}

/// All lots of a run.
#[derive(Debug)]
pub struct Ledger {
    lots: Vec<Lot>,
    chooser: Chooser,
    /// Percent of bids that must be rejected, spread evenly.
    low_share: u32,
    low_due: u32,
}

impl Ledger {
    /// For these lots.
    #[must_use]
    pub fn new(lots: &[LotId], low_share: u8, choice: Choice, seed: u64) -> Self {
        let lots: Vec<_> = lots.iter().map(|lot| Lot::new(*lot)).collect();
        let chooser = Chooser::new(choice, lots.len(), seed);
        Self { lots, chooser, low_share: u32::from(low_share), low_due: 0 }
    }

    /// A lot.
    #[must_use]
    pub fn lot(&self, at: u32) -> &Lot {
        &self.lots[at as usize]
    }

    /// All of them.
    #[must_use]
    pub fn lots(&self) -> &[Lot] {
        &self.lots
    }

    /// The next bid of this bidder: the lot that is chosen, or the one chosen after it where the bidder bid there last.
    #[inline]
    pub fn next(&mut self, bidder: u32) -> Sent {
        let mut at = self.chooser.choose();
        if self.lots[at].last_bidder == bidder && self.lots.len() > 1 {
            at = self.chooser.choose();
        }
        self.low_due += self.low_share;
        let low = self.low_due >= 100;
        let lot = &mut self.lots[at];
        if low {
            self.low_due -= 100;
            return Sent { lot: at as u32, amount: super::message::LOW_AMOUNT, raise: false, low };
        }
        let raise = lot.last_bidder == bidder;
        lot.ordered &= raise || lot.in_flight == 0;
        lot.last_bidder = bidder;
        lot.in_flight += 1;
        let amount = lot.next_amount;
        lot.next_amount += 1;
        Sent { lot: at as u32, amount, raise, low }
    }

    /// A bid was acknowledged: taken or not.
    #[inline]
    pub fn acknowledge(&mut self, sent: &Sent, bidder: u32, accepted: bool) {
        let lot = &mut self.lots[sent.lot as usize];
        if sent.low {
            return;
        }
        lot.in_flight -= 1;
        if !accepted {
            lot.ordered = false;
            return;
        }
        lot.accepted += 1;
        lot.raises += u64::from(sent.raise);
        if bidder == lot.highest.1 {
            lot.highest.0 = lot.highest.0.max(sent.amount);
        } else if sent.amount > lot.highest.0 {
            lot.second = lot.highest.0;
            lot.highest = (sent.amount, bidder);
        } else {
            lot.second = lot.second.max(sent.amount);
        }
    }
}

impl Lot {
    fn new(id: LotId) -> Self {
        let mut text = [0; LOT_TEXT];
        text.copy_from_slice(id.to_string().as_bytes());
        Self {
            text,
            next_amount: START_AMOUNT,
            last_bidder: NOBODY,
            in_flight: 0,
            highest: (0, NOBODY),
            second: 0,
            accepted: 0,
            raises: 0,
            ordered: true,
        }
    }

    /// Bids that were acknowledged as taken.
    #[must_use]
    pub const fn accepted(&self) -> u64 {
        self.accepted
    }

    /// What the market must say. The price follows from the set of maxima alone, whatever their order.
    #[must_use]
    pub fn expected(&self) -> Expected {
        if self.accepted == 0 {
            return Expected { price: None, bids: (0, 0) };
        }
        let price = if self.second == 0 { START_AMOUNT } else { self.highest.0.min(self.second + 1) };
        let exact = self.accepted - self.raises;
        let bids = if self.ordered { (exact, exact) } else { (1, self.accepted) };
        Expected { price: Some(price), bids }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::Oracle;

    const UNIT: &[(u64, u64)] = &[(0, 1)];

    fn ledger(lots: u128, low_share: u8) -> Ledger {
        let ids: Vec<_> = (0..lots).map(LotId::from_u128).collect();
        Ledger::new(&ids, low_share, Choice::Turn, 1)
    }

    #[test]
    fn the_record_agrees_with_the_rules_whatever_the_order() {
        // Bidders in turn on one lot; decided in the given order, which is not always that of sending.
        let check = |bidders: &[u32], decided: &[usize]| {
            let mut ledger = ledger(1, 0);
            let sent: Vec<_> = bidders.iter().map(|&bidder| (bidder, ledger.next(bidder))).collect();
            let mut oracle = Oracle::new(START_AMOUNT, UNIT);
            for &at in decided {
                let (bidder, bid) = &sent[at];
                let accepted = oracle.bid(*bidder, bid.amount).is_accepted();
                ledger.acknowledge(bid, *bidder, accepted);
            }
            let expected = ledger.lot(0).expected();
            assert_eq!(expected.price, oracle.price(), "{bidders:?} {decided:?}");
            let (least, most) = expected.bids;
            assert!(
                (least..=most).contains(&oracle.bids()),
                "{bidders:?} {decided:?}: {expected:?} {}",
                oracle.bids()
            );
        };
        check(&[1], &[0]);
        check(&[1, 1, 1], &[0, 1, 2]);
        check(&[1, 2, 1, 2], &[0, 1, 2, 3]);
        check(&[1, 2, 3, 4], &[1, 0, 3, 2]);
        check(&[1, 2, 3, 4], &[3, 2, 1, 0]);
        check(&[1, 1, 2, 2, 3], &[0, 1, 4, 2, 3]);
    }

    #[test]
    fn one_at_a_time_the_number_of_bids_is_exact() {
        let mut ledger = ledger(1, 0);
        for bidder in [1, 2, 2, 1, 1] {
            let sent = ledger.next(bidder);
            ledger.acknowledge(&sent, bidder, true);
        }
        assert_eq!(ledger.lot(0).expected(), Expected { price: Some(START_AMOUNT + 3), bids: (3, 3) });
    }

    #[test]
    fn low_bids_are_spread_evenly_and_leave_no_trace() {
        let mut ledger = ledger(3, 95);
        let low = (0..1_000).filter(|_| ledger.next(1).low).count();
        assert_eq!(low, 950);
    }

    #[test]
    fn a_bidder_avoids_the_lot_where_it_bid_last() {
        let mut ledger = ledger(2, 0);
        assert_eq!(ledger.next(1).lot, 0);
        assert_eq!(ledger.next(2).lot, 1);
        assert_eq!(ledger.next(1).lot, 1);
    }
}
