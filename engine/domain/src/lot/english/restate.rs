//! Bids that are taken back, voided or fall with their bidder: price and leader are what the remaining maxima give.

use super::{English, lifted, met, next_amount, price_between};
use crate::amount::Amount;
use crate::context::Context;
use crate::id::{AccountId, BidId};
use crate::lot::bidders::{Bidder, KeptBid};
use crate::lot::format::Terms;
use crate::lot::retraction::{self, Removal};
use crate::lot::{LotEvent, Restated, RestatementCause, RetractBid};
use crate::rejection::Rejection;
use crate::time::Moment;

impl English {
    pub(super) fn decide_retraction(
        &self,
        terms: &Terms<'_>,
        command: &RetractBid,
        context: &Context<'_>,
    ) -> Result<LotEvent, Rejection> {
        let removal = retraction::of_bidder(terms, self.bidders.find(context.by), command, context)?;
        Ok(self.restated(terms, removal))
    }

    pub(super) fn decide_void(
        &self,
        terms: &Terms<'_>,
        bid: BidId,
        reason: &str,
    ) -> Result<LotEvent, Rejection> {
        let (bidder, kept) = self.bidders.of_bid(bid).ok_or(Rejection::NotFound)?;
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
        let (removed, uncounted) = bidder.removed(bid);
        let (leader, second) = self.best_without(bidder, bid);
        let top = leader.map(|(_, top)| top.maximum.0);
        let price = top.map(|top| restated_price(terms, top, second));
        let reserve_met = terms.listing.reserve.map(|_| top.is_some_and(|top| met(terms, top) == Some(true)));
        let before = self.leader().map(|(_, leader, _)| leader.account);
        let after = leader.map(|(leader, _)| leader.account);
        let step = price.map_or(0, |price| terms.increments.at(price).get());
        let min_next_amount = price.map_or(terms.listing.start_amount, |price| next_amount(price, step));
        LotEvent::Restated(Box::new(Restated {
            bid: bid.map(|bid| bid.bid),
            price,
            leader: leader.map(|(leader, _)| leader.alias),
            bids: self.figures.bids.saturating_sub(uncounted),
            step,
            reserve_met,
            buy_now: terms.listing.buy_now.filter(|_| !self.figures.buy_now_gone),
            ends_at: terms.ends_at.map(Moment),
            risen: after.filter(|_| after != before),
            still_leading: after == Some(bidder.account),
            reason,
            ..Restated::new(cause, bidder.account, removed, min_next_amount)
        }))
    }

    /// The best bid and the second bidder's maximum, without what is removed.
    fn best_without<'a>(
        &'a self,
        from: &'a Bidder,
        bid: Option<&'a KeptBid>,
    ) -> (Option<(&'a Bidder, &'a KeptBid)>, Option<Amount>) {
        let mut best: Option<(&Bidder, &KeptBid)> = None;
        let mut second = None;
        for (bidder, top) in self.bidders.tops_without(from, bid) {
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
