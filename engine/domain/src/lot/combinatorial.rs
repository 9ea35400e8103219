//! `combinatorial`: secret bids on packages of a lot's items (RULES, "Formats").
//!
//! Each bidder may bid for several packages and gets at most one of them (XOR bids: Nisan, "Bidding and allocation in
//! combinatorial auctions", 2000; they can say any valuation). Who wins what and pays what stands in [`solve`].

mod solve;

pub(super) use self::solve::{PackageOffer, Solution, solve};
use super::format::{Award, Awards, Rules, Standing, Terms};
use super::retraction::{self, Scope};
use super::roll::{Member, Roll};
use super::{Listing, LotEvent, Package, PlaceBid, Restated, RestatementCause, RetractBid, SealedBid};
use crate::amount::{Amount, Hidden, HiddenSum};
use crate::context::{Context, Stamp};
use crate::id::{AccountId, BidId};
use crate::limits::{self, BIDDERS_MAX, PACKAGE_BIDS_MAX, PACKAGE_BIDS_OF_ACCOUNT_MAX};
use crate::rejection::{BidTooLow, Rejection};
use crate::time::{Moment, Timestamp};

crate::record! {
    /// A bid for a package.
    #[derive(Debug, Clone, Copy, PartialEq)]
    struct PackageBid {
        1 => bid: BidId,
        2 => package: Package,
        3 => amount: Hidden,
        /// Its place in the order of all accepted bids of the lot.
        4 => seq: u64,
        5 => placed_at: Timestamp,
    }
}

crate::record! {
    /// A bidder and its bids, newest last; one for each package.
    #[derive(Debug, Clone, PartialEq)]
    struct Packer {
        1 => account: AccountId,
        2 => alias: u32,
        3 => bids: Vec<PackageBid>,
    }
}

impl Member for Packer {
    fn new(account: AccountId, alias: u32) -> Self {
        Self { account, alias, bids: Vec::new() }
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
        !self.bids.is_empty()
    }

    fn last_bid(&self) -> Option<BidId> {
        self.bids.last().map(|kept| kept.bid)
    }
}

crate::record! {
    /// The bids of a combinatorial lot.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub(super) struct Combinatorial {
        1 => packers: Roll<Packer>,
        /// How many have a bid.
        2 => standing: u32,
        /// How many bids were ever accepted: their order.
        3 => placed: u64,
    }
}

/// The least that is accepted for a package: the start amount for each of its items.
fn least(listing: &Listing, package: Package) -> Option<Amount> {
    listing.start_amount.checked_mul(package.count())
}

impl Combinatorial {
    fn check_room(&self, by: AccountId, package: Package) -> Result<(), Rejection> {
        let others = |packer: &Packer| packer.bids.iter().filter(|bid| bid.package != package).count();
        let own = self.packers.find(by);
        let asked = own.map_or(0, others) + 1;
        if asked > PACKAGE_BIDS_OF_ACCOUNT_MAX {
            let max = PACKAGE_BIDS_OF_ACCOUNT_MAX as u64;
            return Err(limits::exceeded("package_bids_of_account", max, asked as u64));
        }
        let all: usize = self.packers.list.iter().map(|packer| packer.bids.len()).sum();
        let asked = all - own.map_or(0, |own| own.bids.len()) + asked;
        if asked > PACKAGE_BIDS_MAX {
            return Err(limits::exceeded("package_bids", PACKAGE_BIDS_MAX as u64, asked as u64));
        }
        Ok(())
    }

    fn removed(
        terms: &Terms<'_>,
        cause: RestatementCause,
        (packer, bid): (&Packer, Option<BidId>),
        standing: u32,
        reason: Option<String>,
    ) -> LotEvent {
        let removed = if bid.is_some() { 1 } else { packer.bids.len() as u32 };
        let goes = removed as usize == packer.bids.len();
        let left = standing.saturating_sub(u32::from(goes));
        LotEvent::Restated(Box::new(Restated {
            bid,
            bids: left,
            bidders: Some(left),
            ends_at: terms.ends_at.map(Moment),
            reason,
            ..Restated::new(cause, packer.account, removed, terms.listing.start_amount)
        }))
    }

    fn take_bid(&mut self, event: &SealedBid, stamp: &Stamp) {
        let Some(package) = event.package else { return };
        self.placed += 1;
        self.standing = event.bidders;
        let place = self.packers.find_or_add(stamp.by, event.alias);
        let bids = &mut self.packers.list[place as usize].bids;
        bids.retain(|bid| bid.package != package);
        bids.push(PackageBid {
            bid: BidId::from_u128(stamp.command_id),
            package,
            amount: event.amount,
            seq: self.placed,
            placed_at: stamp.time,
        });
    }

    fn take_away(&mut self, event: &Restated) {
        let Some(place) = self.packers.place(event.account) else { return };
        let bids = &mut self.packers.list[place as usize].bids;
        match event.bid {
            Some(bid) => bids.retain(|kept| kept.bid != bid),
            None => bids.clear(),
        }
        self.standing = event.bids;
    }
}

impl Rules for Combinatorial {
    fn place(
        &self,
        terms: &Terms<'_>,
        command: &PlaceBid,
        context: &Context<'_>,
    ) -> Result<LotEvent, Rejection> {
        if command.quantity.is_some() || command.all_or_none.is_some() {
            return Err(Rejection::NotAllowedInFormat);
        }
        let items = terms.listing.items.len();
        let package = command.package.filter(|package| package.is_of(items));
        let package = package
            .ok_or_else(|| Rejection::invalid("package", format!("numbers of items, 1 to {items}")))?;
        let limit = least(terms.listing, package).ok_or(Rejection::AmountOutOfRange)?;
        if command.amount < limit {
            return Err(Rejection::BidTooLow(BidTooLow { min_next_amount: limit }));
        }
        self.check_room(context.by, package)?;
        let alias = self.packers.alias_of(terms, context, BIDDERS_MAX)?;
        let replaces = self.packers.find(context.by).is_some_and(Packer::stands);
        Ok(LotEvent::SealedBid(Box::new(SealedBid {
            amount: Hidden(command.amount),
            alias,
            bidders: self.standing + u32::from(!replaces),
            replaces,
            limit,
            ends_at: terms.ends_at.map(Moment),
            package: Some(package),
            premium: terms.premium(command.amount).map(HiddenSum),
            commission: None,
        })))
    }

    fn retract(
        &self,
        terms: &Terms<'_>,
        command: &RetractBid,
        context: &Context<'_>,
    ) -> Result<LotEvent, Rejection> {
        let packer = self.packers.find(context.by).ok_or(Rejection::NotFound)?;
        let last = packer.bids.last().ok_or(Rejection::NotFound)?;
        let named = command.bid.unwrap_or(last.bid);
        let meant = packer.bids.iter().find(|bid| bid.bid == named).ok_or(Rejection::NotFound)?;
        let scope = retraction::scope(terms, context.now, last.placed_at, meant.bid == last.bid)?;
        let bid = (scope == Scope::Last).then_some(last.bid);
        let reason = command.reason.clone();
        Ok(Self::removed(terms, RestatementCause::Retracted, (packer, bid), self.standing, reason))
    }

    fn void(&self, terms: &Terms<'_>, bid: BidId, reason: &str) -> Result<LotEvent, Rejection> {
        let has = |packer: &&Packer| packer.bids.iter().any(|kept| kept.bid == bid);
        let packer = self.packers.list.iter().find(has).ok_or(Rejection::NotFound)?;
        let (cause, reason) = (RestatementCause::Voided, Some(reason.to_owned()));
        Ok(Self::removed(terms, cause, (packer, Some(bid)), self.standing, reason))
    }

    fn last_bid_of(&self, alias: u32) -> Option<BidId> {
        self.packers.last_bid_of(alias)
    }

    fn expel(&self, terms: &Terms<'_>, account: AccountId) -> Option<LotEvent> {
        let packer = self.packers.find(account).filter(|packer| packer.stands())?;
        Some(Self::removed(terms, RestatementCause::Suspended, (packer, None), self.standing, None))
    }

    fn bidders(&self) -> Box<dyn ExactSizeIterator<Item = AccountId> + '_> {
        Box::new(self.packers.accounts())
    }

    fn has_begun(&self) -> bool {
        self.placed > 0
    }

    fn standing(&self, listing: &Listing) -> Standing {
        Standing { bidders: Some(self.standing), ..Standing::new(self.standing, listing.start_amount) }
    }

    /// In the order of the winning bids. The price is what the winners pay together.
    fn awards(&self, listing: &Listing) -> Awards {
        let offers = (0..).zip(&self.packers.list).flat_map(|(bidder, packer)| {
            let offer = move |bid: &PackageBid| PackageOffer {
                bidder,
                package: bid.package,
                amount: bid.amount.0,
                seq: bid.seq,
            };
            packer.bids.iter().map(offer)
        });
        let Solution { wins, .. } = solve(offers.collect(), listing.items.len(), listing.start_amount);
        let award = |win: &solve::PackageWin| {
            let packer = self.packers.list.get(win.bidder)?;
            let (account, alias) = (packer.account, packer.alias);
            let items = Some(win.package);
            Some(Award { account, alias, quantity: win.package.count(), amount: win.pays, items })
        };
        let awards: Vec<Award> = wins.iter().filter_map(award).collect();
        let price = awards.iter().map(|award| award.amount).reduce(Amount::saturating_add);
        Awards { price, awards }
    }

    /// At most one of a bidder's bids wins.
    fn exposure(
        &self,
        _terms: &Terms<'_>,
        command: &PlaceBid,
        context: &Context<'_>,
    ) -> Result<Amount, Rejection> {
        let others = self.packers.find(context.by).into_iter().flat_map(|packer| &packer.bids);
        let others = others.filter(|bid| Some(bid.package) != command.package).map(|bid| bid.amount.0);
        Ok(others.fold(command.amount, Amount::max))
    }

    fn owes(&self, _listing: &Listing, account: AccountId) -> Option<Amount> {
        self.packers.find(account)?.bids.iter().map(|bid| bid.amount.0).max()
    }

    fn apply(&mut self, event: &LotEvent, stamp: &Stamp) {
        match event {
            LotEvent::SealedBid(event) => self.take_bid(event, stamp),
            LotEvent::Restated(event) => self.take_away(event),
            _ => {}
        }
    }
}
