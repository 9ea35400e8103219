//! Each lot's history as its bidders saw it: one order of the accepted bids, that of the numbers in their answers, must agree with the
//! moments at which they were sent and answered, and with the rules, bid by bid (linearizability).

use vendue_domain::invariants::linear;

use super::ledger::Ledger;
use super::message::START_AMOUNT;
use crate::oracle::{Oracle, Verdict};

/// How many bids are kept: 48 bytes each. Lots with bids beyond are not judged, and counted.
const BIDS_MAX: usize = 8_000_000;

/// The increments of the tool's market.
const UNIT: &[(u64, u64)] = &[(0, 1)];

/// An accepted bid as its bidder saw it. Times are those of the generator's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenBid {
    /// The lot's index.
    pub lot: u32,
    /// The bidder's index.
    pub bidder: u32,
    /// In minor units.
    pub amount: u64,
    /// The number in its answer.
    pub seq: u64,
    /// When it was written.
    pub invoked_ns: u64,
    /// When its answer was read.
    pub returned_ns: u64,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Seen {
    bids: Vec<SeenBid>,
}

/// What the check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Explained {
    /// Lots whose bids are explained.
    pub lots: usize,
    /// Bids in them.
    pub bids: usize,
    /// Lots with more bids than were kept.
    pub skipped: usize,
    /// Lots that no order explains, in words.
    pub problems: Vec<String>,
}

impl Seen {
    /// One more.
    #[inline]
    pub fn push(&mut self, bid: SeenBid) {
        if self.bids.len() < BIDS_MAX {
            self.bids.push(bid);
        }
    }

    /// Judges every lot. The bids of one number are one change and the leader's raises after it, which nobody else hears of.
    #[must_use]
    pub fn explain(&self, ledger: &Ledger) -> Explained {
        let mut bids = self.bids.clone();
        bids.sort_unstable_by_key(|bid| (bid.lot, bid.seq, bid.amount));
        let mut found = Explained::default();
        for bids in bids.chunk_by(|one, other| one.lot == other.lot) {
            let lot = ledger.lot(bids[0].lot);
            if lot.accepted() != bids.len() as u64 {
                found.skipped += 1;
                continue;
            }
            match judge(bids) {
                Ok(()) => {
                    found.lots += 1;
                    found.bids += bids.len();
                }
                Err(what) => found.problems.push(format!("{}: {what}", String::from_utf8_lossy(&lot.text))),
            }
        }
        found
    }
}

/// Judges one lot's bids, in the order of their numbers.
fn judge(bids: &[SeenBid]) -> Result<(), String> {
    let mut last = 0;
    let history: Vec<linear::Seen<SeenBid>> = bids
        .iter()
        .map(|bid| linear::Seen {
            invoked: bid.invoked_ns,
            returned: bid.returned_ns,
            seq: bid.seq,
            changes: std::mem::replace(&mut last, bid.seq) != bid.seq,
            what: *bid,
        })
        .collect();
    linear::check(&history, |_| Ok(()))
        .map_err(|broken| format!("{} broken: {}", broken.invariant, broken.what))?;
    let mut oracle = Oracle::new(START_AMOUNT, UNIT);
    let mut last = 0;
    for bid in bids {
        let is_raise = std::mem::replace(&mut last, bid.seq) == bid.seq;
        let verdict = oracle.bid(bid.bidder, bid.amount);
        let is_right = if is_raise { verdict == Verdict::Raised } else { verdict.is_accepted() };
        if !is_right {
            return Err(format!("I12 broken: {bid:?} was accepted, and by the rules it is {verdict:?}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::choice::Choice;
    use super::super::ledger::Sent;
    use super::*;
    use vendue_domain::id::LotId;

    /// Bids of one lot: bidder, units above the start, number, written, answered.
    fn explained(bids: &[(u32, u64, u64, u64, u64)]) -> Explained {
        let mut ledger = Ledger::new(&[LotId::from_u128(1)], 0, Choice::Turn, 1);
        let mut seen = Seen::default();
        for &(bidder, amount, seq, invoked_ns, returned_ns) in bids {
            let sent: Sent = ledger.next(bidder);
            ledger.acknowledge(&sent, bidder, true);
            let amount = START_AMOUNT + amount;
            seen.push(SeenBid { lot: 0, bidder, amount, seq, invoked_ns, returned_ns });
        }
        seen.explain(&ledger)
    }

    #[test]
    fn what_bidders_saw_is_explained_or_not() {
        let check = |bids: &[(u32, u64, u64, u64, u64)], invariant: Option<&str>| {
            let found = explained(bids);
            match invariant {
                None => assert_eq!((found.lots, found.problems.len()), (1, 0), "{bids:?} {found:?}"),
                Some(invariant) => {
                    assert!(
                        found.problems.iter().any(|problem| problem.contains(invariant)),
                        "{bids:?} {found:?}"
                    );
                }
            }
        };
        check(&[(1, 0, 5, 0, 10), (2, 5, 6, 20, 30)], None);
        // Under way at the same time: either may be first.
        check(&[(1, 5, 6, 0, 30), (2, 0, 5, 10, 20)], None);
        // The leader raises its maximum, which has no number of its own; somebody below it is outbid at once.
        check(&[(1, 0, 5, 0, 10), (1, 9, 5, 20, 30), (2, 5, 6, 40, 50)], None);
        // The order of the numbers is not that of time.
        check(&[(1, 0, 6, 0, 10), (2, 5, 5, 20, 30)], Some("I38"));
        // One number for two bidders' bids.
        check(&[(1, 0, 5, 0, 10), (2, 5, 5, 20, 30)], Some("I12"));
        // What was below the minimum of its moment was taken.
        check(&[(1, 9, 5, 0, 10), (2, 10, 6, 20, 30), (3, 4, 7, 40, 50)], Some("I12"));
        // A bid that was forgotten: the next one gets its number again, and its amount is taken twice.
        check(&[(1, 0, 5, 0, 10), (2, 3, 6, 20, 30), (3, 3, 6, 40, 50)], Some("I12"));
    }
}
