//! `multi_unit`: several equal units, bids of (quantity, unit price) (RULES, "Formats").
//!
//! Each bidder has one bid; a new one replaces it and may lower neither its price nor its units (eBay's multiple-item
//! auctions asked the same: a bid can only be raised). Bids are served from the highest, of equal ones the earlier; the last
//! winner may be served in part unless it said `all_or_none`: such a bid that cannot be served whole is passed over. What
//! winners pay stands in [`outcome`]. The price of a unit as it stands is public; what each bids is not.

mod outcome;

use std::cmp::Reverse;

use self::outcome::{Served, price, served};
use super::format::{Award, Awards, Rules, Standing, Terms};
use super::offers::{Offer, Offers, Withdrawal};
use super::{Listing, LotEvent, PlaceBid, Pricing, Restated, RetractBid, UnitsBid};
use crate::amount::{Amount, Hidden, HiddenSum};
use crate::context::{Context, Stamp};
use crate::id::{AccountId, BidId};
use crate::increments::Increments;
use crate::limits::WINNERS_MAX;
use crate::record::{Field, Reader, RecordError};
use crate::rejection::{BidTooLow, Rejection};
use crate::time::Moment;

/// The bids of a multi-unit lot.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct MultiUnit {
    offers: Offers,
    /// How many were ever accepted: their order.
    placed: u64,
    /// Places of the bidders whose bids stand, best first. Follows from the bids.
    ranking: Vec<u32>,
}

impl Field for MultiUnit {
    fn encode(&self, out: &mut Vec<u8>) {
        crate::record::write_array(out, 2);
        self.offers.encode(out);
        self.placed.encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
        let (offers, placed) = <(Offers, u64)>::decode(input)?;
        let mut ranked: Vec<(u32, Offer)> =
            (0..).zip(&offers.list).filter_map(|(place, party)| Some((place, party.offer?))).collect();
        ranked.sort_unstable_by_key(|(_, offer)| rank(offer));
        let ranking = ranked.into_iter().map(|(place, _)| place).collect();
        Ok(Self { offers, placed, ranking })
    }
}

/// The better the smaller: the higher amount, then the earlier.
fn rank(offer: &Offer) -> (Reverse<Amount>, u64) {
    (Reverse(offer.amount.0), offer.seq)
}

/// How the bids come out, with what the public sees of it.
struct Outcome {
    served: Vec<Served>,
    price: Option<Amount>,
    remaining: u64,
    min_next_amount: Option<Amount>,
}

impl MultiUnit {
    /// The bids that stand, best first: without `gone`'s, and with `new` in its place.
    fn ranked<'a>(
        &'a self,
        gone: Option<AccountId>,
        new: Option<(AccountId, Offer)>,
    ) -> impl Iterator<Item = (AccountId, Offer)> + 'a {
        let mut new = new;
        let mut standing = self
            .ranking
            .iter()
            .filter_map(|&place| {
                let party = self.offers.list.get(place as usize)?;
                party.offer.map(|offer| (party.account, offer))
            })
            .filter(move |(account, _)| Some(*account) != gone)
            .peekable();
        std::iter::from_fn(move || match (&new, standing.peek()) {
            (Some((_, mine)), Some((_, next))) if rank(mine) > rank(next) => standing.next(),
            (Some(_), _) => new.take(),
            (None, _) => standing.next(),
        })
    }

    fn outcome(
        &self,
        listing: &Listing,
        increments: &Increments,
        gone: Option<AccountId>,
        new: Option<(AccountId, Offer)>,
    ) -> Outcome {
        let served = served(self.ranked(gone, new), listing.quantity);
        let remaining = listing.quantity - served.iter().map(|served| served.units).sum::<u64>();
        let price = price(listing, &served, || self.ranked(gone, new));
        // Once every unit is served a bid has to displace the lowest winner.
        let lowest = served.last().filter(|_| remaining == 0).map(|served| served.amount);
        let min_next_amount =
            lowest.map_or(Some(listing.start_amount), |lowest| lowest.checked_add(increments.at(lowest)));
        Outcome { served, price, remaining, min_next_amount }
    }

    fn now(&self, listing: &Listing) -> Outcome {
        let increments = Increments::new(listing.increments.clone(), listing.currency);
        self.outcome(listing, &increments, None, None)
    }

    /// What a bid asks for, once it is checked.
    fn offer(
        &self,
        terms: &Terms<'_>,
        command: &PlaceBid,
        context: &Context<'_>,
    ) -> Result<Offer, Rejection> {
        let listing = terms.listing;
        let units = command.quantity.unwrap_or(1);
        if !(1..=listing.quantity).contains(&units) {
            return Err(Rejection::invalid("quantity", format!("1 to {}", listing.quantity)));
        }
        // What it may cost has to be an amount, whatever the price comes to be (I33).
        command.amount.checked_mul(units).ok_or(Rejection::AmountOutOfRange)?;
        Ok(Offer {
            bid: context.bid_id(),
            amount: Hidden(command.amount),
            units,
            all_or_none: command.all_or_none == Some(true),
            seq: self.placed + 1,
            placed_at: context.now,
        })
    }

    /// A bid has to be worth something as the others stand, and may not lower the bidder's own.
    fn check_next(&self, now: &Outcome, offer: &Offer, own: Option<&Offer>) -> Result<(), Rejection> {
        let min_next_amount = now.min_next_amount.ok_or(Rejection::AmountOutOfRange)?;
        let min_next_amount = own.map_or(min_next_amount, |own| own.amount.0.max(min_next_amount));
        if offer.amount.0 < min_next_amount {
            return Err(Rejection::BidTooLow(BidTooLow { min_next_amount }));
        }
        let Some(own) = own else { return Ok(()) };
        if offer.units < own.units {
            return Err(Rejection::invalid("quantity", "at least the units of the bid that it replaces"));
        }
        // Who counts on the units below it may have been given its money back for that bid ([`MultiUnit::may_be_served`]).
        if offer.all_or_none && !own.all_or_none {
            return Err(Rejection::invalid("all_or_none", "as the bid that it replaces"));
        }
        if offer.amount == own.amount && offer.units == own.units {
            return Err(Rejection::SelfOutbid);
        }
        Ok(())
    }

    fn removed(&self, terms: &Terms<'_>, withdrawal: Withdrawal) -> LotEvent {
        let Withdrawal { cause, account, bid, reason } = withdrawal;
        let before = self.now(terms.listing);
        let after = self.outcome(terms.listing, terms.increments, Some(account), None);
        let (risen, fallen) = moved(&before.served, &after.served, account);
        let min_next_amount = after.min_next_amount.unwrap_or(Amount::MAX);
        LotEvent::Restated(Box::new(Restated {
            bid: Some(bid),
            price: after.price,
            bids: self.ranking.len() as u32 - 1,
            ends_at: terms.ends_at.map(Moment),
            remaining: Some(after.remaining),
            risen_too: risen,
            fallen,
            reason,
            ..Restated::new(cause, account, 1, min_next_amount)
        }))
    }

    /// Whether a bid is served, or can come to be without a restatement: where a bid above it that is for all or none is
    /// passed over, its units go to those below. Bids above that take what is left of them never give any up: a new bid may
    /// lower nothing. Once those ask for every unit, the bid below is out until one of them is taken back.
    fn may_be_served(&self, listing: &Listing, account: AccountId) -> bool {
        let above = self.ranked(None, None).take_while(|(other, _)| *other != account);
        let sure = above.filter(|(_, offer)| !offer.all_or_none).map(|(_, offer)| offer.units);
        sure.fold(0, u64::saturating_add) < listing.quantity
    }

    /// Takes a bidder out of the ranking, or puts it where its bid belongs.
    fn rank_anew(&mut self, place: u32) {
        self.ranking.retain(|&other| other != place);
        let offer_of =
            |place: u32| self.offers.list.get(place as usize).and_then(|party| party.offer.as_ref());
        let Some(mine) = offer_of(place).map(rank) else { return };
        let at = self.ranking.partition_point(|&other| offer_of(other).map(rank) < Some(mine));
        self.ranking.insert(at, place);
    }
}

/// Who is served now and was not, and who is not any more; but for `by`.
fn moved(before: &[Served], after: &[Served], by: AccountId) -> (Vec<AccountId>, Vec<AccountId>) {
    let accounts = |served: &[Served]| {
        let mut accounts: Vec<_> = served.iter().map(|served| served.account).collect();
        accounts.sort_unstable();
        accounts
    };
    let (sorted_before, sorted_after) = (accounts(before), accounts(after));
    // In the order in which they are, or were, served.
    let only_in = |these: &[Served], others: &[AccountId]| {
        let new = these.iter().map(|served| served.account);
        new.filter(|account| *account != by && others.binary_search(account).is_err()).collect()
    };
    (only_in(after, &sorted_before), only_in(before, &sorted_after))
}

/// How many units an account gets.
fn units_of(served: &[Served], account: AccountId) -> u64 {
    served.iter().find(|served| served.account == account).map_or(0, |served| served.units)
}

impl Rules for MultiUnit {
    fn place(
        &self,
        terms: &Terms<'_>,
        command: &PlaceBid,
        context: &Context<'_>,
    ) -> Result<LotEvent, Rejection> {
        let offer = self.offer(terms, command, context)?;
        let before = self.now(terms.listing);
        let own = self.offers.of(context.by);
        self.check_next(&before, &offer, own)?;
        let alias = self.offers.alias_of(terms, context, WINNERS_MAX)?;
        let new = Some((context.by, offer));
        let after = self.outcome(terms.listing, terms.increments, Some(context.by), new);
        let (risen, fallen) = moved(&before.served, &after.served, context.by);
        let units = |outcome: &Outcome| units_of(&outcome.served, context.by);
        // Own raises of who is served move no end, unless they take units from others.
        let moves = units(&before) != units(&after) || (units(&before) == 0 && before.price != after.price);
        let later = if moves { terms.extended(context.now) } else { None };
        let ends_at = terms.ends_at.map(Moment);
        Ok(LotEvent::UnitsBid(Box::new(UnitsBid {
            amount: offer.amount,
            units: offer.units,
            all_or_none: offer.all_or_none,
            alias,
            served: units(&after),
            price: after.price,
            bids: self.ranking.len() as u32 + u32::from(own.is_none()),
            min_next_amount: after.min_next_amount.unwrap_or(Amount::MAX),
            remaining: after.remaining,
            fallen,
            risen,
            ends_at: later.map(Moment).or(ends_at),
            old_ends_at: later.and(ends_at),
            premium: offer
                .amount
                .0
                .checked_mul(offer.units)
                .and_then(|all| terms.premium(all))
                .map(HiddenSum),
        })))
    }

    fn retract(
        &self,
        terms: &Terms<'_>,
        command: &RetractBid,
        context: &Context<'_>,
    ) -> Result<LotEvent, Rejection> {
        self.offers.retracted(terms, command, context).map(|withdrawal| self.removed(terms, withdrawal))
    }

    fn void(&self, terms: &Terms<'_>, bid: BidId, reason: &str) -> Result<LotEvent, Rejection> {
        self.offers.voided(bid, reason).map(|withdrawal| self.removed(terms, withdrawal))
    }

    fn last_bid_of(&self, alias: u32) -> Option<BidId> {
        self.offers.last_bid_of(alias)
    }

    fn expel(&self, terms: &Terms<'_>, account: AccountId) -> Option<LotEvent> {
        self.offers.expelled(account).map(|withdrawal| self.removed(terms, withdrawal))
    }

    fn bidders(&self) -> Box<dyn ExactSizeIterator<Item = AccountId> + '_> {
        Box::new(self.offers.accounts())
    }

    fn has_begun(&self) -> bool {
        self.placed > 0
    }

    fn standing(&self, listing: &Listing) -> Standing {
        let Outcome { price, remaining, min_next_amount, .. } = self.now(listing);
        Standing {
            price,
            remaining: Some(remaining),
            ..Standing::new(self.ranking.len() as u32, min_next_amount.unwrap_or(Amount::MAX))
        }
    }

    fn awards(&self, listing: &Listing) -> Awards {
        let Outcome { served, price, .. } = self.now(listing);
        let Some(uniform) = price else { return Awards::default() };
        let award = |served: &Served| {
            let unit = if listing.pricing == Pricing::PayAsBid { served.amount } else { uniform };
            let alias = self.offers.find(served.account)?.alias;
            // At most its bid, whose product was in range.
            let amount = unit.checked_mul(served.units)?;
            Some(Award { account: served.account, alias, quantity: served.units, amount, items: None })
        };
        Awards { price, awards: served.iter().filter_map(award).collect() }
    }

    fn exposure(
        &self,
        _terms: &Terms<'_>,
        command: &PlaceBid,
        _context: &Context<'_>,
    ) -> Result<Amount, Rejection> {
        command.amount.checked_mul(command.quantity.unwrap_or(1)).ok_or(Rejection::AmountOutOfRange)
    }

    /// Whoever is served, also in part, may come to be served whole; and who is not only because of a bid for all or none
    /// may come to be served when that is passed over.
    fn owes(&self, listing: &Listing, account: AccountId) -> Option<Amount> {
        let offer = self.offers.of(account)?;
        self.may_be_served(listing, account).then(|| offer.amount.0.checked_mul(offer.units)).flatten()
    }

    fn apply(&mut self, event: &LotEvent, stamp: &Stamp) {
        match event {
            LotEvent::UnitsBid(event) => {
                self.placed += 1;
                let offer = Offer {
                    bid: BidId::from_u128(stamp.command_id),
                    amount: event.amount,
                    units: event.units,
                    all_or_none: event.all_or_none,
                    seq: self.placed,
                    placed_at: stamp.time,
                };
                let place = self.offers.put(event.alias, offer, stamp);
                self.rank_anew(place);
            }
            LotEvent::Restated(event) => {
                if let Some(place) = self.offers.take_away(event.account) {
                    self.rank_anew(place);
                }
            }
            _ => {}
        }
    }
}
