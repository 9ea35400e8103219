//! The money behind bids, from a lot's events alone (I16, I17, I21, I32, I34).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::account::AccountCommand;
use crate::actor::{ActorKind, Command};
use crate::context::Stamp;
use crate::effect::Effects;
use crate::fees;
use crate::id::{AccountId, HoldId, LotId, OrderId};
use crate::lot::{Funding, HoldChange, Listing, LotEvent, LotResult, Win};
use crate::order::OrderCommand;
use crate::time::Timestamp;

/// An invariant that events break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Its number.
    pub invariant: u8,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "I{}: {}", self.invariant, self.what)
    }
}

fn broken(invariant: u8, what: impl Into<String>) -> Result<(), Broken> {
    Err(Broken { invariant, what: what.into() })
}

/// One lot as its events tell it.
#[derive(Debug, Default)]
struct Followed {
    listing: Option<Box<Listing>>,
    names: BTreeMap<u32, AccountId>,
    leader: Option<AccountId>,
    price: u64,
    ends_at: Option<Timestamp>,
    closed: bool,
    sold: bool,
    /// The account's present hold and what is known to be in it: what was confirmed, less what was given back.
    holds: BTreeMap<AccountId, (HoldId, u64)>,
    ended: BTreeSet<HoldId>,
    orders: BTreeSet<OrderId>,
    waiting: BTreeSet<(AccountId, u128)>,
}

/// Follows lots and checks that nobody leads with money that is not there, that holds are not brought back, that waiting
/// bids end once, and that each winner has exactly one order.
#[derive(Debug, Default)]
pub struct FundedLots(BTreeMap<LotId, Followed>);

impl FundedLots {
    /// Takes a lot's next event.
    ///
    /// # Errors
    /// The invariant that it breaks.
    pub fn take(&mut self, lot: LotId, event: &LotEvent, stamp: &Stamp) -> Result<(), Broken> {
        let followed = self.0.entry(lot).or_default();
        followed.take_waiting(event, stamp)?;
        followed.take_holds(lot, event, stamp)?;
        followed.take_standing(event, stamp)?;
        followed.check_leader()
    }

    /// The holds that are not given back, captured or handed to an order: of which lot and account, how much, and whether
    /// the lot has been closed.
    pub fn holds(&self) -> impl Iterator<Item = (LotId, AccountId, HoldId, u64, bool)> + '_ {
        self.0.iter().flat_map(|(&lot, followed)| {
            let held = followed.holds.iter().filter(|(_, (_, held))| *held > 0);
            held.map(move |(&account, &(hold, held))| (lot, account, hold, held, followed.closed))
        })
    }

    /// How many bids wait in all lots: 0 when nothing is under way.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.values().map(|followed| followed.waiting.len()).sum()
    }
}

impl Followed {
    fn is_full(&self) -> bool {
        self.listing.as_ref().is_some_and(|listing| listing.funding == Funding::Full)
    }

    /// Each command that waits is answered once (I36).
    fn take_waiting(&mut self, event: &LotEvent, stamp: &Stamp) -> Result<(), Broken> {
        match event {
            LotEvent::BidWaits(_) if !self.waiting.insert((stamp.by, stamp.command_id)) => {
                return broken(36, "a bid waits twice");
            }
            LotEvent::Restating(change) => {
                let asked = match &**change {
                    crate::lot::Change::Removal(removal) => removal.asked,
                    crate::lot::Change::Reopening(reopening) => Some(reopening.asked),
                };
                self.waiting.extend(asked.map(|asked| (asked.by, asked.command_id)));
            }
            _ => {}
        }
        match event.asked() {
            Some(asked) if !self.waiting.remove(&(asked.by, asked.command_id)) => {
                broken(36, "an answer to what does not wait")
            }
            _ => Ok(()),
        }
    }

    fn take_holds(&mut self, lot: LotId, event: &LotEvent, stamp: &Stamp) -> Result<(), Broken> {
        match event {
            LotEvent::Backed(backed) => {
                // Its account has been asked beforehand: the hold is placed by this very event.
                if let Some(placed) = &backed.placed {
                    self.ask(stamp.by, placed.hold)?;
                }
                if let Some(held) = backed.held {
                    self.confirm(stamp.by, held);
                }
            }
            LotEvent::Refused(refused) => {
                if let Some(asked) = refused.asked.filter(|_| refused.step != crate::lot::Step::Change) {
                    self.confirm(asked.by, refused.held);
                }
            }
            LotEvent::HoldSettled(settled) => self.confirm(settled.account, settled.held),
            LotEvent::HoldAsked(asked) => {
                self.ask(asked.account, asked.wanted.hold)?;
                self.confirm(asked.account, asked.held);
            }
            LotEvent::BidWaits(waits) => {
                if let Some(wanted) = &waits.hold {
                    self.ask(stamp.by, wanted.hold)?;
                }
            }
            _ => {}
        }
        for change in event.hold_changes() {
            match change {
                HoldChange::Released(released) => self.end(released.account, released.hold)?,
                HoldChange::Lowered(lowered) => self.confirm(lowered.account, lowered.wanted.total.0.get()),
            }
        }
        let mut effects = Effects::new();
        event.effects(lot.0, stamp, &mut effects);
        effects.iter().try_for_each(|effect| match (&effect.command, effect.target.kind) {
            (Command::Order(OrderCommand::OpenWon(won)), ActorKind::Order) => self.order(won),
            (
                Command::Account(AccountCommand::PlaceHold(_) | AccountCommand::ReleaseHold(_)),
                ActorKind::Account,
            )
            | (Command::Account(AccountCommand::CountRetraction(_)), ActorKind::Account) => Ok(()),
            (other, _) => broken(34, format!("a lot asks for nothing like {other:?}")),
        })
    }

    /// A hold's id is that of the account's present hold, or one that never was.
    fn ask(&mut self, account: AccountId, hold: HoldId) -> Result<(), Broken> {
        if self.ended.contains(&hold) {
            return broken(32, format!("hold {hold} has ended and is asked for again"));
        }
        let present = self.holds.entry(account).or_insert((hold, 0));
        if present.0 != hold && present.1 > 0 {
            return broken(32, format!("{account} has two holds in one lot"));
        }
        present.0 = hold;
        Ok(())
    }

    fn confirm(&mut self, account: AccountId, held: u64) {
        if let Some(present) = self.holds.get_mut(&account) {
            present.1 = held;
        }
    }

    fn end(&mut self, account: AccountId, hold: HoldId) -> Result<(), Broken> {
        if self.holds.remove(&account).is_none_or(|(present, _)| present != hold) {
            return broken(32, format!("a hold of {account} that is not there is given back"));
        }
        if !self.ended.insert(hold) {
            return broken(32, format!("hold {hold} ends twice"));
        }
        Ok(())
    }

    fn order(&mut self, won: &crate::order::OpenWonOrder) -> Result<(), Broken> {
        if !self.orders.insert(won.order) {
            return broken(21, format!("a second order {}", won.order));
        }
        let Some(hold) = won.hold.or(won.deposit) else {
            return if self.is_full() { broken(34, "a winner without a hold") } else { Ok(()) };
        };
        let needed = won.hammer.get() + won.premium;
        let held = self.holds.get(&won.buyer).map_or(0, |&(_, held)| held);
        if won.hold.is_some() && held < needed {
            return broken(34, format!("the order takes {needed} of {held}"));
        }
        self.end(won.buyer, hold)
    }

    fn take_standing(&mut self, event: &LotEvent, stamp: &Stamp) -> Result<(), Broken> {
        match event.inner() {
            LotEvent::Created(created) => {
                self.listing = Some(Box::new(created.listing.clone()));
                self.ends_at = created.closes_at;
            }
            LotEvent::BidPlaced(placed) => {
                if self.closed {
                    return broken(15, "a bid after the end");
                }
                self.names.insert(placed.alias, stamp.by);
                self.leader = self.names.get(&placed.leader.unwrap_or(placed.alias)).copied();
                self.price = placed.price.get();
                if let (Some(old), Some(new)) = (placed.old_ends_at, placed.ends_at) {
                    return self.extended(old.0, new.0);
                }
            }
            LotEvent::MaximumRaised(raised) => self.price = raised.price.get(),
            LotEvent::Restated(restated) => {
                self.leader = restated.leader.and_then(|alias| self.names.get(&alias).copied());
                self.price = restated.price.map_or(0, crate::amount::Amount::get);
            }
            LotEvent::Closed(closed) => {
                self.ends_at = closed.ends_at;
                return self.close(closed.result, &closed.winners, closed.ends_at, stamp);
            }
            LotEvent::Bought(bought) => {
                return self.close(LotResult::Sold, &[bought.win], Some(bought.ends_at), stamp);
            }
            LotEvent::Reopened(_) if self.sold => return broken(16, "a sold lot opens again"),
            LotEvent::Reopened(reopened) => (self.closed, self.ends_at) = (false, Some(reopened.ends_at)),
            LotEvent::Resumed(resumed) => self.ends_at = resumed.ends_at,
            LotEvent::Closing(closing) => self.ends_at = Some(closing.ends_at),
            LotEvent::Extended(extended) => self.ends_at = Some(extended.ends_at),
            LotEvent::Paused(paused) => self.ends_at = paused.ends_at,
            _ => {}
        }
        Ok(())
    }

    fn extended(&mut self, old: Timestamp, new: Timestamp) -> Result<(), Broken> {
        if self.ends_at != Some(old) || new <= old {
            return broken(17, format!("the end moves from {old:?} to {new:?}, but was {:?}", self.ends_at));
        }
        self.ends_at = Some(new);
        Ok(())
    }

    fn close(
        &mut self,
        result: LotResult,
        winners: &[Win],
        ends_at: Option<Timestamp>,
        stamp: &Stamp,
    ) -> Result<(), Broken> {
        if std::mem::replace(&mut self.closed, true) {
            return broken(16, "closed twice");
        }
        if ends_at.is_some_and(|ends_at| ends_at > stamp.time) {
            return broken(16, "closed before its end");
        }
        if (result == LotResult::Sold) != (winners.len() == self.orders.len() && !winners.is_empty()) {
            return broken(21, "as many orders as winners, and only of a lot that is sold");
        }
        self.sold = result == LotResult::Sold;
        self.leader = None;
        Ok(())
    }

    /// Nobody leads with money that is not there: at least the price and the fees on it are held for who leads.
    fn check_leader(&self) -> Result<(), Broken> {
        let (Some(leader), Some(listing)) =
            (self.leader.filter(|_| !self.closed && self.is_full()), &self.listing)
        else {
            return Ok(());
        };
        let premium =
            crate::amount::Amount::new(self.price).map_or(0, |price| fees::premium(&listing.fees, price));
        let held = self.holds.get(&leader).map_or(0, |&(_, held)| held);
        if held < self.price + premium {
            return broken(34, format!("{leader} leads at {} with {held}", self.price));
        }
        Ok(())
    }
}
