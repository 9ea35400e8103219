//! `reverse`: a buyers' tender (RULES, "Formats"). The lot's seller is who buys; bidders offer to deliver, the lowest offer
//! wins, and its amount is what the lot's seller pays the winner.
//!
//! Open: the price is the lowest offer; a new one must be lower by the increment at the price, the first at most the start
//! amount. The reserve is the most that is paid, and secret. Like open outcry in `english`, downwards. A sealed tender
//! is one of the [`sealed`](super::sealed) formats; [`sealed_price`] is its outcome.

use super::bidders::{Bidders, KeptBid};
use super::format::{Award, Awards, Rules, Standing, Terms};
use super::retraction::{self, Removal};
use super::sealed::Best;
use super::{BidPlaced, Listing, LotEvent, PlaceBid, Restated, RestatementCause, RetractBid};
use crate::amount::{Amount, Hidden};
use crate::context::{Context, Stamp};
use crate::id::{AccountId, BidId};
use crate::limits::BIDDERS_MAX;
use crate::publication::Alias;
use crate::rejection::{BidTooHigh, Rejection};
use crate::time::Moment;

/// What the lowest bidder of a sealed tender is paid; `None` where it asks for more than the reserve.
pub(super) fn sealed_price(listing: &Listing, bids: Best) -> Option<Amount> {
    is_met(listing, bids.best).then_some(bids.best)
}

/// Whether an offer is at most the reserve.
fn is_met(listing: &Listing, offer: Amount) -> bool {
    listing.reserve.is_none_or(|Hidden(reserve)| offer <= reserve)
}

crate::record! {
    /// The offers of an open tender.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub(super) struct Reverse {
        /// The leader's place among the bidders.
        1 => leader: Option<u32>,
        2 => price: Option<Amount>,
        /// The increment at the price.
        3 => step: Option<Amount>,
        /// How many offers count.
        4 => bids: u32,
        /// How many were ever accepted: their order.
        5 => placed: u64,
        6 => bidders: Bidders,
    }
}

/// The highest next offer as the public sees it.
pub(super) fn next_amount(price: Amount, step: u64) -> Amount {
    Amount::new(price.get().saturating_sub(step)).unwrap_or(Amount::ONE)
}

impl Reverse {
    fn leader(&self) -> Option<&super::bidders::Bidder> {
        self.bidders.list.get(self.leader? as usize)
    }

    /// The highest offer that is accepted now.
    fn check_next(&self, listing: &Listing, amount: Amount) -> Result<(), Rejection> {
        let max_next_amount = match (self.price, self.step) {
            (Some(price), Some(step)) => price.checked_sub(step).ok_or(Rejection::AmountOutOfRange)?,
            _ => listing.start_amount,
        };
        if amount > max_next_amount {
            return Err(Rejection::BidTooHigh(BidTooHigh { max_next_amount }));
        }
        Ok(())
    }

    fn restated(&self, terms: &Terms<'_>, removal: Removal<'_>) -> LotEvent {
        let Removal { cause, bidder, bid, reason } = removal;
        let (removed, uncounted) = bidder.removed(bid);
        let remaining = self.bidders.tops_without(bidder, bid);
        let best = remaining.min_by_key(|(_, top)| (top.maximum.0, top.seq));
        let price = best.map(|(_, top)| top.maximum.0);
        let (before, after) = (self.leader(), best.map(|(leader, _)| leader));
        let (before, account_after) =
            (before.map(|leader| leader.account), after.map(|leader| leader.account));
        let step = price.map_or(0, |price| terms.increments.at(price).get());
        let min_next_amount = price.map_or(terms.listing.start_amount, |price| next_amount(price, step));
        LotEvent::Restated(Box::new(Restated {
            bid: bid.map(|bid| bid.bid),
            price,
            leader: after.map(|leader| leader.alias),
            bids: self.bids.saturating_sub(uncounted),
            reserve_met: terms
                .listing
                .reserve
                .map(|_| price.is_some_and(|price| is_met(terms.listing, price))),
            ends_at: terms.ends_at.map(Moment),
            risen: account_after.filter(|_| account_after != before),
            still_leading: account_after == Some(bidder.account),
            reason,
            step,
            ..Restated::new(cause, bidder.account, removed, min_next_amount)
        }))
    }
}

impl Rules for Reverse {
    fn place(
        &self,
        terms: &Terms<'_>,
        command: &PlaceBid,
        context: &Context<'_>,
    ) -> Result<LotEvent, Rejection> {
        let listing = terms.listing;
        if command.quantity.is_some_and(|quantity| quantity != listing.quantity)
            || command.all_or_none == Some(true)
        {
            return Err(Rejection::NotAllowedInFormat);
        }
        let leader = self.leader().map(|leader| leader.account);
        let own = leader == Some(context.by);
        if own && self.price.is_some_and(|price| command.amount >= price) {
            return Err(Rejection::SelfOutbid);
        }
        self.check_next(listing, command.amount)?;
        let alias = self.bidders.alias_of(terms, context, BIDDERS_MAX)?;
        // As in open outcry: the leader's own better offer does not move the end.
        let later = if own { None } else { terms.extended(context.now) };
        let ends_at = terms.ends_at.map(Moment);
        Ok(LotEvent::BidPlaced(BidPlaced {
            maximum: Hidden(command.amount),
            price: command.amount,
            alias,
            leader: None,
            displaced: leader.filter(|_| !own),
            bids: self.bids.saturating_add(1),
            step: terms.increments.at(command.amount).get(),
            reserve_met: listing.reserve.map(|_| is_met(listing, command.amount)),
            buy_now: None,
            ends_at: later.map(Moment).or(ends_at),
            old_ends_at: later.and(ends_at),
            falling: true,
            // Who is paid pays no premium.
            premium: None,
            commission: terms.commission(command.amount),
        }))
    }

    fn retract(
        &self,
        terms: &Terms<'_>,
        command: &RetractBid,
        context: &Context<'_>,
    ) -> Result<LotEvent, Rejection> {
        let removal = retraction::of_bidder(terms, self.bidders.find(context.by), command, context)?;
        Ok(self.restated(terms, removal))
    }

    fn void(&self, terms: &Terms<'_>, bid: BidId, reason: &str) -> Result<LotEvent, Rejection> {
        let (bidder, kept) = self.bidders.of_bid(bid).ok_or(Rejection::NotFound)?;
        let (cause, reason) = (RestatementCause::Voided, Some(reason.to_owned()));
        Ok(self.restated(terms, Removal { cause, bidder, bid: Some(kept), reason }))
    }

    fn last_bid_of(&self, alias: u32) -> Option<BidId> {
        self.bidders.last_bid_of(alias)
    }

    fn expel(&self, terms: &Terms<'_>, account: AccountId) -> Option<LotEvent> {
        let bidder = self.bidders.find(account).filter(|bidder| bidder.top().is_some())?;
        let cause = RestatementCause::Suspended;
        Some(self.restated(terms, Removal { cause, bidder, bid: None, reason: None }))
    }

    fn bidders(&self) -> Box<dyn ExactSizeIterator<Item = AccountId> + '_> {
        Box::new(self.bidders.accounts())
    }

    fn has_begun(&self) -> bool {
        self.placed > 0
    }

    fn standing(&self, listing: &Listing) -> Standing {
        let next = self.price.zip(self.step).map(|(price, step)| next_amount(price, step.get()));
        let met = |price: Option<Amount>| price.is_some_and(|price| is_met(listing, price));
        Standing {
            price: self.price,
            leader: self.leader().map(|leader| Alias(leader.alias)),
            reserve_met: listing.reserve.map(|_| met(self.price)),
            ..Standing::new(self.bids, next.unwrap_or(listing.start_amount))
        }
    }

    fn awards(&self, listing: &Listing) -> Awards {
        let winner = self.leader().zip(self.price).filter(|&(_, price)| is_met(listing, price));
        let award = winner.map(|(leader, amount)| Award {
            account: leader.account,
            alias: leader.alias,
            quantity: listing.quantity,
            amount,
            items: None,
        });
        Awards { price: self.price, awards: award.into_iter().collect() }
    }

    fn exposure(
        &self,
        _terms: &Terms<'_>,
        command: &PlaceBid,
        _context: &Context<'_>,
    ) -> Result<Amount, Rejection> {
        Ok(command.amount)
    }

    /// Who offers is paid.
    fn owes(&self, _listing: &Listing, _account: AccountId) -> Option<Amount> {
        None
    }

    fn apply(&mut self, event: &LotEvent, stamp: &Stamp) {
        match event {
            LotEvent::BidPlaced(event) => {
                self.placed += 1;
                let place = self.bidders.find_or_add(stamp.by, event.alias);
                let bid = BidId::from_u128(stamp.command_id);
                let (maximum, seq, placed_at) = (event.maximum, self.placed, stamp.time);
                let kept = KeptBid { bid, maximum, seq, placed_at, counts: true };
                self.bidders.list[place as usize].keep(kept);
                (self.leader, self.price) = (Some(place), Some(event.price));
                (self.step, self.bids) = (Amount::new(event.step), event.bids);
            }
            LotEvent::Restated(event) => {
                self.bidders.remove(event.account, event.bid);
                self.leader = event.leader.and_then(|alias| self.bidders.place_of_alias(alias));
                (self.price, self.step, self.bids) = (event.price, Amount::new(event.step), event.bids);
            }
            _ => {}
        }
    }
}
