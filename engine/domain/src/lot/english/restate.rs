//! Bids that are taken back, voided or fall with their bidder: price and leader are what the remaining maxima give.

use super::bidders::{Bidder, KeptBid};
use super::{English, lifted, met, next_amount, price_between};
use crate::amount::Amount;
use crate::context::Context;
use crate::id::{AccountId, BidId};
use crate::lot::format::Terms;
use crate::lot::{LotEvent, Restated, RestatementCause, RetractBid};
use crate::rejection::{Rejection, RetractionNotAllowed};
use crate::time::Moment;

/// Longer than this before the end a retraction removes all bids of its bidder, in microseconds (eBay: 12 hours).
const RETRACT_ALL_BEFORE_END_US: u64 = 12 * 60 * 60 * 1_000_000;
/// Later, only the last bid, and only this long after it was placed, in microseconds (eBay: one hour).
const RETRACT_LAST_WITHIN_US: u64 = 60 * 60 * 1_000_000;

/// What is to be removed.
struct Removal<'a> {
    cause: RestatementCause,
    bidder: &'a Bidder,
    /// One bid; absent: all.
    bid: Option<&'a KeptBid>,
    reason: Option<String>,
}

impl English {
    /// RULES, "Retraction": more than 12 h before the end it removes all bids of that bidder; less: only the last bid, and
    /// only within one hour of placing it.
    pub(super) fn decide_retraction(
        &self,
        terms: &Terms<'_>,
        command: &RetractBid,
        context: &Context<'_>,
    ) -> Result<LotEvent, Rejection> {
        let bidder = self.bidders.find(context.by).ok_or(Rejection::NotFound)?;
        let last = bidder.top().ok_or(Rejection::NotFound)?;
        let named = command.bid.unwrap_or(last.bid);
        let meant = bidder.bids.iter().find(|kept| kept.bid == named).ok_or(Rejection::NotFound)?;
        let refused =
            |rule: &str| Err(Rejection::RetractionNotAllowed(RetractionNotAllowed { rule: rule.to_owned() }));
        let early = terms.before_end_us.is_none_or(|before_end_us| before_end_us > RETRACT_ALL_BEFORE_END_US);
        if !early && meant.bid != last.bid {
            return refused("within 12 hours of the end only the last bid may be retracted");
        }
        if !early && context.now.micros_since(last.placed_at) > RETRACT_LAST_WITHIN_US {
            return refused(
                "within 12 hours of the end a bid may be retracted only within one hour of placing it",
            );
        }
        let bid = if early { None } else { Some(last) };
        let reason = command.reason.clone();
        Ok(self.restated(terms, Removal { cause: RestatementCause::Retracted, bidder, bid, reason }))
    }

    pub(super) fn decide_void(
        &self,
        terms: &Terms<'_>,
        bid: BidId,
        reason: &str,
    ) -> Result<LotEvent, Rejection> {
        let mut all =
            self.bidders.list.iter().flat_map(|bidder| bidder.bids.iter().map(move |kept| (bidder, kept)));
        let (bidder, kept) = all.find(|(_, kept)| kept.bid == bid).ok_or(Rejection::NotFound)?;
        let (cause, reason) = (RestatementCause::Voided, Some(reason.to_owned()));
        Ok(self.restated(terms, Removal { cause, bidder, bid: Some(kept), reason }))
    }

    pub(super) fn decide_expulsion(&self, terms: &Terms<'_>, account: AccountId) -> Option<LotEvent> {
        let bidder = self.bidders.find(account).filter(|bidder| bidder.top().is_some())?;
        Some(
            self.restated(
                terms,
                Removal { cause: RestatementCause::Suspended, bidder, bid: None, reason: None },
            ),
        )
    }

    fn restated(&self, terms: &Terms<'_>, removal: Removal<'_>) -> LotEvent {
        let Removal { cause, bidder, bid, reason } = removal;
        let (removed, uncounted) = match bid {
            Some(bid) => (1, u32::from(bid.counts)),
            None => (bidder.standing, bidder.counted),
        };
        let (leader, second) = self.best_without(bidder, bid);
        let top = leader.map(|(_, top)| top.maximum.0);
        let price = top.map(|top| restated_price(terms, top, second));
        let reserve_met = terms.listing.reserve.map(|_| top.is_some_and(|top| met(terms, top) == Some(true)));
        let before = self.leader().map(|(_, leader, _)| leader.account);
        let after = leader.map(|(leader, _)| leader.account);
        let step = price.map_or(0, |price| terms.increments.at(price).get());
        LotEvent::Restated(Box::new(Restated {
            cause,
            account: bidder.account,
            bid: bid.map(|bid| bid.bid),
            removed,
            price,
            leader: leader.map(|(leader, _)| leader.alias),
            bids: self.figures.bids.saturating_sub(uncounted),
            min_next_amount: price.map_or(terms.listing.start_amount, |price| next_amount(price, step)),
            step,
            reserve_met,
            buy_now: terms.listing.buy_now.filter(|_| !self.figures.buy_now_gone),
            ends_at: terms.ends_at.map(Moment),
            risen: after.filter(|_| after != before),
            still_leading: after == Some(bidder.account),
            reason,
        }))
    }

    /// The best bid and the second bidder's maximum, without what is removed.
    fn best_without(
        &self,
        from: &Bidder,
        bid: Option<&KeptBid>,
    ) -> (Option<(&Bidder, &KeptBid)>, Option<Amount>) {
        let mut best: Option<(&Bidder, &KeptBid)> = None;
        let mut second = None;
        for bidder in &self.bidders.list {
            let remaining = if bidder.account != from.account {
                bidder.top()
            } else {
                bid.and_then(|removed| bidder.bids.iter().rev().find(|kept| kept.bid != removed.bid))
            };
            let Some(top) = remaining else { continue };
            match best {
                Some((_, leading)) if is_better(leading, top) => second = second.max(Some(top.maximum.0)),
                _ => {
                    second = second.max(best.map(|(_, beaten)| beaten.maximum.0));
                    best = Some((bidder, top));
                }
            }
        }
        (best, second)
    }
}

/// The higher maximum leads; of equal ones the earlier.
fn is_better(one: &KeptBid, other: &KeptBid) -> bool {
    (one.maximum, std::cmp::Reverse(one.seq)) > (other.maximum, std::cmp::Reverse(other.seq))
}

fn restated_price(terms: &Terms<'_>, top: Amount, second: Option<Amount>) -> Amount {
    if terms.listing.plain {
        return top;
    }
    let usual = second.map_or(terms.listing.start_amount, |second| price_between(terms, top, second));
    lifted(terms, usual, top)
}
