//! Sealed bids, whatever the format makes of them: one bid for each account, replaceable until the end, and nothing shown
//! but the number of bidders (RULES, "Formats": `sealed_first_price`, `vickrey`, `reverse` where it is sealed; I14).
//!
//! What the winner pays stands in the format's own file: [`sealed_first_price`], [`vickrey`], [`reverse`].

use super::format::{Award, Awards, Format, Rules, Standing, Terms};
use super::offers::{Offer, Offers, Party, Withdrawal};
use super::{Listing, LotEvent, PlaceBid, Restated, RetractBid, SealedBid};
use super::{reverse, sealed_first_price, vickrey};
use crate::amount::{Amount, Hidden, HiddenSum};
use crate::context::{Context, Stamp};
use crate::id::{AccountId, BidId};
use crate::limits::BIDDERS_MAX;
use crate::rejection::{BidTooHigh, BidTooLow, Rejection};
use crate::time::Moment;

crate::record! {
    /// The bids of a sealed lot.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub(super) struct Sealed {
        1 => offers: Offers,
        /// How many stand.
        2 => standing: u32,
        /// How many were ever accepted: their order.
        3 => placed: u64,
    }
}

/// The two bids that a sealed lot's outcome rests on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Best {
    /// The best bid, the earlier of equal ones.
    pub(super) best: Amount,
    /// The best of the others.
    pub(super) second: Option<Amount>,
}

impl Sealed {
    fn removed(&self, terms: &Terms<'_>, withdrawal: Withdrawal) -> LotEvent {
        let Withdrawal { cause, account, bid, reason } = withdrawal;
        let left = self.standing.saturating_sub(1);
        LotEvent::Restated(Box::new(Restated {
            bid: Some(bid),
            bids: left,
            bidders: Some(left),
            ends_at: terms.ends_at.map(Moment),
            reason,
            ..Restated::new(cause, account, 1, terms.listing.start_amount)
        }))
    }

    /// The winner as the bids stand, whatever the reserve says, and what the outcome rests on.
    fn best(&self, tender: bool) -> Option<(&Party, Best)> {
        let mut best: Option<(&Party, &Offer)> = None;
        let mut second: Option<Amount> = None;
        for (party, offer) in self.offers.standing() {
            let beaten = match best {
                Some((_, leading)) if !is_better(offer, leading, tender) => Some(offer),
                leading => {
                    best = Some((party, offer));
                    leading.map(|(_, leading)| leading)
                }
            };
            let better = |amount: Amount| match second {
                Some(known) if tender => known.min(amount),
                Some(known) => known.max(amount),
                None => amount,
            };
            second = beaten.map(|beaten| better(beaten.amount.0)).or(second);
        }
        best.map(|(party, offer)| (party, Best { best: offer.amount.0, second }))
    }
}

/// The higher bid wins, in a tender the lower; of equal ones the earlier.
fn is_better(one: &Offer, other: &Offer, tender: bool) -> bool {
    let (one_amount, other_amount) = (one.amount.0, other.amount.0);
    match one_amount.cmp(&other_amount) {
        std::cmp::Ordering::Equal => one.seq < other.seq,
        order => (order == std::cmp::Ordering::Greater) != tender,
    }
}

impl Rules for Sealed {
    fn place(
        &self,
        terms: &Terms<'_>,
        command: &PlaceBid,
        context: &Context<'_>,
    ) -> Result<LotEvent, Rejection> {
        if command.quantity.is_some_and(|quantity| quantity != terms.listing.quantity)
            || command.all_or_none == Some(true)
        {
            return Err(Rejection::NotAllowedInFormat);
        }
        let limit = terms.listing.start_amount;
        let tender = terms.listing.format.is_tender();
        if tender {
            if command.amount > limit {
                return Err(Rejection::BidTooHigh(BidTooHigh { max_next_amount: limit }));
            }
        } else if command.amount < limit {
            return Err(Rejection::BidTooLow(BidTooLow { min_next_amount: limit }));
        }
        let alias = self.offers.alias_of(terms, context, BIDDERS_MAX)?;
        let replaces = self.offers.of(context.by).is_some();
        Ok(LotEvent::SealedBid(Box::new(SealedBid {
            amount: Hidden(command.amount),
            alias,
            bidders: self.standing + u32::from(!replaces),
            replaces,
            limit,
            ends_at: terms.ends_at.map(Moment),
            package: None,
            premium: if tender { None } else { terms.premium(command.amount).map(HiddenSum) },
            commission: if tender { terms.commission(command.amount).map(HiddenSum) } else { None },
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

    /// Not even whether the reserve is met: that would tell a bid.
    fn standing(&self, listing: &Listing) -> Standing {
        Standing { bidders: Some(self.standing), ..Standing::new(self.standing, listing.start_amount) }
    }

    fn awards(&self, listing: &Listing) -> Awards {
        let price = |best: Best| match listing.format {
            Format::Vickrey => vickrey::price(listing, best),
            Format::Reverse => reverse::sealed_price(listing, best),
            _ => sealed_first_price::price(listing, best),
        };
        let winner =
            self.best(listing.format.is_tender()).and_then(|(party, best)| Some((party, price(best)?)));
        let Some((party, amount)) = winner else { return Awards::default() };
        let Party { account, alias, .. } = *party;
        Awards {
            price: Some(amount),
            awards: vec![Award { account, alias, quantity: listing.quantity, amount, items: None }],
        }
    }

    fn exposure(
        &self,
        _terms: &Terms<'_>,
        command: &PlaceBid,
        _context: &Context<'_>,
    ) -> Result<Amount, Rejection> {
        Ok(command.amount)
    }

    fn owes(&self, listing: &Listing, account: AccountId) -> Option<Amount> {
        let offer = self.offers.of(account)?;
        listing.format.knows(true).full.then_some(offer.amount.0)
    }

    /// RULES, "reserve": a hidden bid does not win by a changed reserve; it counts as one minor unit short of it until its
    /// bidder bids again.
    fn lower_reserve(&mut self, listing: &Listing, reserve: Amount) {
        let Some(Hidden(old)) = listing.reserve else { return };
        let tender = listing.format.is_tender();
        for offer in self.offers.list.iter_mut().filter_map(|party| party.offer.as_mut()) {
            let amount = &mut offer.amount.0;
            if tender && *amount > old {
                *amount = (*amount).max(reserve.saturating_add(Amount::ONE));
            } else if !tender && *amount < old {
                *amount = (*amount).min(reserve.checked_sub(Amount::ONE).unwrap_or(Amount::ONE));
            }
        }
    }

    fn apply(&mut self, event: &LotEvent, stamp: &Stamp) {
        match event {
            LotEvent::SealedBid(event) => {
                self.placed += 1;
                self.standing = event.bidders;
                let offer = Offer {
                    bid: BidId::from_u128(stamp.command_id),
                    amount: event.amount,
                    units: 1,
                    all_or_none: false,
                    seq: self.placed,
                    placed_at: stamp.time,
                };
                self.offers.put(event.alias, offer, stamp);
            }
            LotEvent::Restated(event) => {
                let gone = self.offers.take_away(event.account).is_some();
                self.standing = self.standing.saturating_sub(u32::from(gone));
            }
            _ => {}
        }
    }
}
