//! How much is held for whom, and what of it nobody needs any more.

use super::bids::Behind;
use super::event::{HoldChange, HoldChanges, HoldWanted, HoldsFreed, Lowered, Released, Wish};
use super::state::{Backing, Funds};
use crate::amount::{Amount, Hidden};
use crate::context::{Context, Stamp};
use crate::fees;
use crate::id::{AccountId, HoldId};
use crate::lot::format::Bidding;
use crate::lot::{Funding, Lot, LotEvent, PlaceBid, Qualification};
use crate::rejection::{InsufficientFunds, NotQualified, Rejection};

impl Lot {
    /// Whether what is held follows the bids, rather than being a fixed deposit.
    pub(super) fn holds_all(&self) -> bool {
        self.listing.funding == Funding::Full
    }

    /// An amount with the buyer's premium on it: what is held for it.
    ///
    /// # Errors
    /// `AmountOutOfRange` where that is above the largest amount.
    pub(super) fn with_premium(&self, amount: Amount) -> Result<Amount, Rejection> {
        let premium = fees::premium(&self.listing.fees, amount);
        amount.get().checked_add(premium).and_then(Amount::new).ok_or(Rejection::AmountOutOfRange)
    }

    /// The deposit, where one is asked for.
    fn deposit(&self) -> Option<Amount> {
        let listing = &self.listing;
        let asked = listing.funding == Funding::Deposit || listing.qualification == Qualification::Deposit;
        listing.deposit.filter(|_| asked)
    }

    /// What must be held before `event` may happen: the deposit, or what the bidder may have to pay at most after it.
    ///
    /// # Errors
    /// `AmountOutOfRange`, and whatever the format says.
    pub(super) fn needed(
        &self,
        wish: &Wish,
        event: &LotEvent,
        context: &Context<'_>,
    ) -> Result<Amount, Rejection> {
        if !self.holds_all() {
            return self.deposit().ok_or(Rejection::AmountOutOfRange);
        }
        match (wish, event) {
            (_, LotEvent::Bought(bought)) => self.with_premium(bought.win.amount),
            (Wish::Bid(_), _) => self.exposure(&self.bid_of(wish), context),
            (Wish::Take(_) | Wish::Purchase(_), _) => {
                let rules = self.bidding.rules();
                let take = self.take_of(wish);
                self.with_premium(rules.take_exposure(&self.terms(context.now), &take, context)?)
            }
        }
    }

    /// What a bid has held, fees included.
    ///
    /// # Errors
    /// `AmountOutOfRange`, and whatever the format says.
    pub(in crate::lot) fn exposure(
        &self,
        command: &PlaceBid,
        context: &Context<'_>,
    ) -> Result<Amount, Rejection> {
        if !self.holds_all() {
            return self.deposit().ok_or(Rejection::AmountOutOfRange);
        }
        let exposure = self.bidding.rules().exposure(&self.terms(context.now), command, context)?;
        self.with_premium(exposure)
    }

    /// The bids as they are after an event.
    pub(super) fn bidding_after(&self, event: &LotEvent, context: &Context<'_>) -> Bidding {
        let stamp = Stamp { time: context.now, by: context.by, command_id: context.command_id };
        let mut bidding = self.bidding.clone();
        bidding.apply(event, &stamp);
        bidding
    }

    /// The hold of an account, of this amount in all: its present one, if something is `held`. A hold that begins has an
    /// id of its own: an id that has ended never comes back (I32).
    pub(super) fn wanted(
        &self,
        funds: &Funds,
        held: Option<&Backing>,
        account: AccountId,
        total: Amount,
    ) -> HoldWanted {
        let hold = held.map_or_else(|| self.new_hold(funds, account), |backing| backing.hold);
        self.hold_of(hold, total)
    }

    fn hold_of(&self, hold: HoldId, total: Amount) -> HoldWanted {
        let (currency, market) = (self.listing.currency, self.listing.market);
        HoldWanted { hold, total: Hidden(total), currency, market }
    }

    fn new_hold(&self, funds: &Funds, account: AccountId) -> HoldId {
        let mut whose = [0; 40];
        whose[..16].copy_from_slice(&self.id.0.0);
        whose[16..32].copy_from_slice(&account.0.0);
        whose[32..].copy_from_slice(&funds.holds.to_be_bytes());
        HoldId::from_u128(xxhash_rust::xxh3::xxh3_128(&whose))
    }

    /// What an account's hold becomes where it owes so much (`None`: nothing any more).
    fn excess(
        &self,
        account: AccountId,
        backing: &Backing,
        held: u64,
        owes: Option<Amount>,
    ) -> Option<HoldChange> {
        let hold = backing.hold;
        match owes.map(|owed| self.with_premium(owed).unwrap_or(Amount::MAX)) {
            None if held > 0 => Some(HoldChange::Released(Released { account, hold })),
            Some(needed) if held > needed.get() => {
                Some(HoldChange::Lowered(Lowered { account, wanted: self.hold_of(hold, needed) }))
            }
            _ => None,
        }
    }

    /// What an account has held too much when the first bid in its line has ended, with `held` there and nothing under way.
    pub(super) fn excess_of(
        &self,
        account: AccountId,
        backing: &Backing,
        held: u64,
        rules: &Bidding,
    ) -> Option<HoldChange> {
        if !self.holds_all() {
            let hold = backing.hold;
            return (held > 0 && !backing.used).then_some(HoldChange::Released(Released { account, hold }));
        }
        self.excess(account, backing, held, rules.rules().owes(&self.listing, account))
    }

    /// Everything that is held too much under these bids. Who has something under way is passed over: that is settled
    /// first.
    pub(super) fn sweep(&self, funds: &Funds, after: &Bidding) -> HoldChanges {
        let idle = |(account, backing): &(AccountId, Backing)| {
            let idle = backing.in_flight.is_none() && backing.waiting.is_empty();
            if idle { self.excess_of(*account, backing, backing.held, after) } else { None }
        };
        funds.backings.iter().filter_map(idle).collect()
    }

    /// Holds that are too large under these bids, given back; `None` where there are none.
    pub(in crate::lot) fn freed_by(&self, after: &Bidding) -> Option<LotEvent> {
        let funds = self.funds.as_deref().filter(|_| self.holds_all())?;
        let changes = self.sweep(funds, after);
        (!changes.is_empty()).then(|| LotEvent::HoldsFreed(Box::new(HoldsFreed { changes })))
    }

    /// What a bid's event makes superfluous: usually its bidder's own hold where it was outbid at once, or that of who led
    /// before.
    pub(super) fn changes_of_bid(
        &self,
        funds: &Funds,
        event: &LotEvent,
        behind: &Behind<'_>,
        bidder: &Context<'_>,
    ) -> HoldChanges {
        if !self.holds_all() || matches!(event, LotEvent::Bought(_)) {
            return HoldChanges::new();
        }
        let by = bidder.by;
        // Another bid of the same bidder waits: what its hold becomes is known when that is decided.
        let alone = behind.backing.waiting.len() <= usize::from(behind.waiting.is_some());
        let change = |account: AccountId, owes: Option<Amount>| {
            if account == by {
                return if alone { self.excess(by, behind.backing, behind.held, owes) } else { None };
            }
            let backing = funds.backings.get(&account)?;
            let idle = backing.in_flight.is_none() && backing.waiting.is_empty();
            if idle { self.excess(account, backing, backing.held, owes) } else { None }
        };
        let rules = self.bidding.rules();
        if let Some(debts) = rules.debts_after(event, by) {
            return debts.into_iter().filter_map(|(account, owes)| change(account, owes)).collect();
        }
        let after = self.bidding_after(event, bidder);
        let owes = |account: AccountId| change(account, after.rules().owes(&self.listing, account));
        // The bidder's first hold is not among the others yet.
        let new = (behind.placed.is_some() && funds.backings.get(&by).is_none()).then_some(by);
        funds.backings.accounts().chain(new).filter_map(owes).collect()
    }

    /// Who would have to pay what is not held, under these bids: the highest first, of equal ones the earlier bidder.
    pub(super) fn uncovered(&self, funds: &Funds, after: &Bidding) -> Option<(AccountId, Amount)> {
        if !self.holds_all() {
            return None;
        }
        let rules = after.rules();
        let mut highest: Option<(AccountId, Amount)> = None;
        for account in rules.bidders() {
            let Some(owed) = rules.owes(&self.listing, account) else { continue };
            let needed = self.with_premium(owed).unwrap_or(Amount::MAX);
            if needed.get() > funds.held(account) && highest.is_none_or(|(_, highest)| needed > highest) {
                highest = Some((account, needed));
            }
        }
        highest
    }

    /// The refusal as the bidder hears it: a deposit that an account has not is a lack of its qualification where the
    /// lot says so.
    pub(super) fn refusal_of_money(&self, rejection: &Rejection) -> Rejection {
        match rejection {
            Rejection::InsufficientFunds(InsufficientFunds { .. })
                if self.listing.qualification == Qualification::Deposit =>
            {
                Rejection::NotQualified(NotQualified { needs: "deposit".to_owned() })
            }
            other => other.clone(),
        }
    }
}

/// What is held for the bidder after these changes.
pub(super) fn held_after(account: AccountId, held: u64, changes: &[HoldChange]) -> u64 {
    let own = changes.iter().find_map(|change| match change {
        HoldChange::Released(released) if released.account == account => Some(0),
        HoldChange::Lowered(lowered) if lowered.account == account => Some(lowered.wanted.total.0.get()),
        _ => None,
    });
    own.unwrap_or(held)
}
