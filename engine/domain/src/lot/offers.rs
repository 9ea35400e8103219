//! Bidders of whom each has at most one bid: a new one replaces it and takes its own place in time.

use super::format::Terms;
use super::retraction;
use super::roll::{Member, Roll};
use super::{RestatementCause, RetractBid};
use crate::amount::Hidden;
use crate::context::{Context, Stamp};
use crate::id::{AccountId, BidId};
use crate::rejection::Rejection;
use crate::time::Timestamp;

crate::record! {
    /// A bid that stands.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(super) struct Offer {
        1 => pub(super) bid: BidId,
        /// Of the lot, or of a unit where there are several.
        2 => pub(super) amount: Hidden,
        3 => pub(super) units: u64,
        4 => pub(super) all_or_none: bool,
        /// Its place in the order of all accepted bids of the lot: of equal amounts the earlier wins.
        5 => pub(super) seq: u64,
        6 => pub(super) placed_at: Timestamp,
    }
}

crate::record! {
    /// A bidder and its bid.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(super) struct Party {
        1 => pub(super) account: AccountId,
        2 => pub(super) alias: u32,
        3 => pub(super) offer: Option<Offer>,
    }
}

impl Member for Party {
    fn new(account: AccountId, alias: u32) -> Self {
        Self { account, alias, offer: None }
    }

    fn account(&self) -> AccountId {
        self.account
    }

    fn alias(&self) -> u32 {
        self.alias
    }

    fn set_alias(&mut self, alias: u32) {
        self.alias = alias;
    }

    fn stands(&self) -> bool {
        self.offer.is_some()
    }

    fn last_bid(&self) -> Option<BidId> {
        self.offer.map(|offer| offer.bid)
    }
}

/// All bidders of a lot, each with its one bid.
pub(super) type Offers = Roll<Party>;

/// A bid that is to be removed, and why.
pub(super) struct Withdrawal {
    pub(super) cause: RestatementCause,
    pub(super) account: AccountId,
    pub(super) bid: BidId,
    pub(super) reason: Option<String>,
}

impl Offers {
    /// The account's bid.
    pub(super) fn of(&self, account: AccountId) -> Option<&Offer> {
        self.find(account)?.offer.as_ref()
    }

    /// The bids that stand, in the order of their bidders' first ones.
    pub(super) fn standing(&self) -> impl Iterator<Item = (&Party, &Offer)> {
        self.list.iter().filter_map(|party| party.offer.as_ref().map(|offer| (party, offer)))
    }

    /// Takes a bid over; gives the bidder's place.
    pub(super) fn put(&mut self, alias: u32, offer: Offer, stamp: &Stamp) -> u32 {
        let place = self.find_or_add(stamp.by, alias);
        self.list[place as usize].offer = Some(offer);
        place
    }

    /// Removes an account's bid; gives its place.
    pub(super) fn take_away(&mut self, account: AccountId) -> Option<u32> {
        let place = self.place(account)?;
        self.list[place as usize].offer.take().map(|_| place)
    }

    /// A bidder takes its bid back, under the rule for retractions.
    pub(super) fn retracted(
        &self,
        terms: &Terms<'_>,
        command: &RetractBid,
        context: &Context<'_>,
    ) -> Result<Withdrawal, Rejection> {
        let offer = self.of(context.by).ok_or(Rejection::NotFound)?;
        if command.bid.is_some_and(|bid| bid != offer.bid) {
            return Err(Rejection::NotFound);
        }
        retraction::scope(terms, context.now, offer.placed_at, true)?;
        let (account, bid, reason) = (context.by, offer.bid, command.reason.clone());
        Ok(Withdrawal { cause: RestatementCause::Retracted, account, bid, reason })
    }

    /// An operator removes a bid.
    pub(super) fn voided(&self, bid: BidId, reason: &str) -> Result<Withdrawal, Rejection> {
        let found = self.standing().find(|(_, offer)| offer.bid == bid);
        let (party, _) = found.ok_or(Rejection::NotFound)?;
        let (account, reason) = (party.account, Some(reason.to_owned()));
        Ok(Withdrawal { cause: RestatementCause::Voided, account, bid, reason })
    }

    /// The bid of an account that may not bid any more goes.
    pub(super) fn expelled(&self, account: AccountId) -> Option<Withdrawal> {
        let bid = self.of(account)?.bid;
        Some(Withdrawal { cause: RestatementCause::Suspended, account, bid, reason: None })
    }
}
