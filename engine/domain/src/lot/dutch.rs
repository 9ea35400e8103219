//! `dutch`: a clock steps the price of a unit down, and who takes units buys them at the price it shows (RULES, "Formats").
//!
//! The price is a pure function of how long the clock has run: since the opening, without pauses and halts. Each step is
//! announced by a `clock_ticked` event, a deadline of the lot: the clock rests at the floor until the end. When no unit is
//! left the lot ends at once. Takes of one account add up to one win at the end, at the sum of what each cost.

pub(super) mod clock;

use self::clock::Running;
use super::format::{Award, Awards, Rules, Standing, Terms};
use super::retraction::Scope;
use super::roll::{Member, Roll};
use super::{
    Clock, Listing, LotEvent, PlaceBid, Restated, RestatementCause, RetractBid, TakeLot, Taken, Ticked,
};
use crate::amount::Amount;
use crate::context::{Context, Stamp};
use crate::fees;
use crate::id::{AccountId, BidId};
use crate::limits::{self, TAKES_MAX, WINNERS_MAX};
use crate::rejection::{BidTooLow, OutOfStock, Rejection};
use crate::time::{Moment, Timestamp};

crate::record! {
    /// Units bought at one price.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    struct Take {
        1 => bid: BidId,
        2 => units: u64,
        /// Of a unit.
        3 => price: Amount,
    }
}

crate::record! {
    /// A buyer and what it has taken.
    #[derive(Debug, Clone, PartialEq, Eq)]
    struct Taker {
        1 => account: AccountId,
        2 => alias: u32,
        3 => takes: Vec<Take>,
    }
}

impl Taker {
    fn units(&self) -> u64 {
        self.takes.iter().map(|take| take.units).sum()
    }

    /// What its takes cost in all; it was in range when the last of them was accepted.
    fn amount(&self) -> Option<Amount> {
        Amount::new(self.takes.iter().map(|take| take.units.saturating_mul(take.price.get())).sum())
    }
}

impl Member for Taker {
    fn new(account: AccountId, alias: u32) -> Self {
        Self { account, alias, takes: Vec::new() }
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
        !self.takes.is_empty()
    }

    fn last_bid(&self) -> Option<BidId> {
        self.takes.last().map(|take| take.bid)
    }
}

crate::record! {
    /// The clock of a dutch lot and what was taken.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub(super) struct Dutch {
        1 => takers: Roll<Taker>,
        /// Units that are taken.
        2 => taken: u64,
        /// How many takes stand.
        3 => takes: u32,
        /// Whether anything was ever taken.
        4 => begun: bool,
        5 => running: Running,
        /// What the clock showed last.
        6 => price: Option<Amount>,
        7 => next_price: Option<Amount>,
        8 => next_at: Option<Timestamp>,
        /// The clock runs and has not been announced yet since it began to.
        9 => to_tell: Option<Timestamp>,
    }
}

/// What is asked for at the clock's price.
struct Asked {
    alias: u32,
    units: u64,
    price: Amount,
    /// Of these units.
    amount: Amount,
    /// Of these and all that the account has taken before.
    before: Option<Amount>,
    in_all: Amount,
}

impl Dutch {
    fn remaining(&self, listing: &Listing) -> u64 {
        listing.quantity.saturating_sub(self.taken)
    }

    /// What the clock shows at `now` and what comes next. A lot of this format always has a clock.
    fn shown(&self, listing: &Listing, now: Timestamp) -> Option<Ticked> {
        let Clock { start, step, interval_ms, floor, .. } = listing.clock?;
        let floor = floor?;
        let interval_us = interval_ms.saturating_mul(1_000).max(1);
        let steps = self.running.elapsed_us(now)? / interval_us;
        let at = |steps: u64| {
            let fallen = step.get().saturating_mul(steps);
            Amount::new(start.get().saturating_sub(fallen)).map_or(floor, |price| price.max(floor))
        };
        let price = at(steps);
        let goes_on = price > floor;
        let next_at = self.running.reaches_us(interval_us.saturating_mul(steps.saturating_add(1)));
        Some(Ticked {
            price,
            next_price: goes_on.then(|| at(steps.saturating_add(1))),
            next_at: next_at.filter(|_| goes_on),
            remaining: self.remaining(listing),
            stood_us: None,
        })
    }

    fn asked(&self, terms: &Terms<'_>, command: &TakeLot, context: &Context<'_>) -> Result<Asked, Rejection> {
        let units = command.quantity.unwrap_or(1);
        if units == 0 {
            return Err(Rejection::invalid("quantity", "from 1"));
        }
        let available = self.remaining(terms.listing);
        if units > available {
            return Err(Rejection::OutOfStock(OutOfStock { available, asked: units }));
        }
        let shown = self.shown(terms.listing, context.now).ok_or(Rejection::LotPaused)?;
        let price = shown.price;
        if command.amount.is_some_and(|most| most < price) {
            return Err(Rejection::BidTooLow(BidTooLow { min_next_amount: price }));
        }
        let amount = price.checked_mul(units).ok_or(Rejection::AmountOutOfRange)?;
        let taker = self.takers.find(context.by);
        let before = taker.and_then(Taker::amount);
        let in_all = before.map_or(Some(amount), |before| before.checked_add(amount));
        let in_all = in_all.ok_or(Rejection::AmountOutOfRange)?;
        let takes = taker.map_or(0, |taker| taker.takes.len());
        if takes >= TAKES_MAX {
            return Err(limits::exceeded("takes", TAKES_MAX as u64, takes as u64 + 1));
        }
        let alias = self.takers.alias_of(terms, context, WINNERS_MAX)?;
        Ok(Asked { alias, units, price, amount, before, in_all })
    }

    /// Takes that are given back: their units can be taken again.
    fn restated(
        &self,
        terms: &Terms<'_>,
        cause: RestatementCause,
        taker: &Taker,
        scope: (Scope, Option<&Take>),
        reason: Option<String>,
    ) -> LotEvent {
        let (removed, units) = match scope {
            (Scope::Last, Some(take)) => (1, take.units),
            _ => (taker.takes.len() as u32, taker.units()),
        };
        let next = self.price.unwrap_or(terms.listing.start_amount);
        LotEvent::Restated(Box::new(Restated {
            bid: scope.1.map(|take| take.bid),
            price: self.price,
            bids: self.takes.saturating_sub(removed),
            ends_at: terms.ends_at.map(Moment),
            remaining: Some(self.remaining(terms.listing).saturating_add(units)),
            has_bought: (removed as usize) < taker.takes.len(),
            reason,
            ..Restated::new(cause, taker.account, removed, next)
        }))
    }

    fn take_ticked(&mut self, ticked: &Ticked) {
        if let Some(stood_us) = ticked.stood_us {
            self.running.stand(stood_us);
        }
        self.price = Some(ticked.price);
        (self.next_price, self.next_at) = (ticked.next_price, ticked.next_at);
        self.to_tell = None;
    }

    fn take_units(&mut self, event: &Taken, stamp: &Stamp) {
        let place = self.takers.find_or_add(stamp.by, event.alias);
        let (bid, units, price) = (BidId::from_u128(stamp.command_id), event.units, event.price);
        self.takers.list[place as usize].takes.push(Take { bid, units, price });
        self.taken = self.taken.saturating_add(units);
        self.takes = event.takes;
        self.begun = true;
        self.price = Some(event.price);
    }

    fn give_back(&mut self, event: &Restated) {
        let Some(place) = self.takers.place(event.account) else { return };
        let takes = &mut self.takers.list[place as usize].takes;
        let before: u64 = takes.iter().map(|take| take.units).sum();
        match event.bid {
            Some(bid) => takes.retain(|take| take.bid != bid),
            None => takes.clear(),
        }
        let after: u64 = takes.iter().map(|take| take.units).sum();
        self.taken = self.taken.saturating_sub(before.saturating_sub(after));
        self.takes = event.bids;
    }

    fn stop(&mut self) {
        (self.next_price, self.next_at, self.to_tell) = (None, None, None);
    }
}

impl Rules for Dutch {
    fn place(&self, _: &Terms<'_>, _: &PlaceBid, _: &Context<'_>) -> Result<LotEvent, Rejection> {
        Err(Rejection::NotAllowedInFormat)
    }

    fn take(
        &self,
        terms: &Terms<'_>,
        command: &TakeLot,
        context: &Context<'_>,
    ) -> Result<LotEvent, Rejection> {
        let asked = self.asked(terms, command, context)?;
        let fees = &terms.listing.fees;
        let before = asked.before.map_or(0, |before| fees::premium(fees, before));
        let premium = fees.is_some().then(|| fees::premium(fees, asked.in_all).saturating_sub(before));
        Ok(LotEvent::Taken(Box::new(Taken {
            alias: asked.alias,
            units: asked.units,
            price: asked.price,
            amount: asked.amount,
            premium,
            remaining: self.remaining(terms.listing) - asked.units,
            takes: self.takes.saturating_add(1),
            ends_at: terms.ends_at.map(Moment),
        })))
    }

    fn take_exposure(
        &self,
        terms: &Terms<'_>,
        command: &TakeLot,
        context: &Context<'_>,
    ) -> Result<Amount, Rejection> {
        self.asked(terms, command, context).map(|asked| asked.in_all)
    }

    /// A take is a purchase: its buyer cannot take it back.
    fn retract(&self, _: &Terms<'_>, _: &RetractBid, _: &Context<'_>) -> Result<LotEvent, Rejection> {
        Err(Rejection::NotAllowedInFormat)
    }

    fn void(&self, terms: &Terms<'_>, bid: BidId, reason: &str) -> Result<LotEvent, Rejection> {
        let mut all =
            self.takers.list.iter().flat_map(|taker| taker.takes.iter().map(move |take| (taker, take)));
        let (taker, take) = all.find(|(_, take)| take.bid == bid).ok_or(Rejection::NotFound)?;
        let scope = (Scope::Last, Some(take));
        Ok(self.restated(terms, RestatementCause::Voided, taker, scope, Some(reason.to_owned())))
    }

    fn last_bid_of(&self, alias: u32) -> Option<BidId> {
        self.takers.last_bid_of(alias)
    }

    fn expel(&self, terms: &Terms<'_>, account: AccountId) -> Option<LotEvent> {
        let taker = self.takers.find(account).filter(|taker| taker.stands())?;
        Some(self.restated(terms, RestatementCause::Suspended, taker, (Scope::All, None), None))
    }

    fn bidders(&self) -> Box<dyn ExactSizeIterator<Item = AccountId> + '_> {
        Box::new(self.takers.accounts())
    }

    fn has_begun(&self) -> bool {
        self.begun
    }

    fn standing(&self, listing: &Listing) -> Standing {
        Standing {
            price: self.price,
            remaining: Some(self.remaining(listing)),
            next_price: self.next_price,
            next_at: self.next_at,
            ..Standing::new(self.takes, self.price.unwrap_or(listing.start_amount))
        }
    }

    /// Whoever took units, in the order of first takes. The price is the lowest that a unit was taken at; without takes
    /// what the clock showed.
    fn awards(&self, _listing: &Listing) -> Awards {
        let takers = self.takers.list.iter();
        let lowest = takers.clone().flat_map(|taker| taker.takes.iter().map(|take| take.price)).min();
        let award = |taker: &Taker| {
            let Taker { account, alias, .. } = *taker;
            taker.amount().map(|amount| Award {
                account,
                alias,
                quantity: taker.units(),
                amount,
                items: None,
            })
        };
        Awards { price: lowest.or(self.price), awards: takers.filter_map(award).collect() }
    }

    /// There are no bids: see [`Rules::take_exposure`].
    fn exposure(&self, _: &Terms<'_>, _: &PlaceBid, _: &Context<'_>) -> Result<Amount, Rejection> {
        Err(Rejection::NotAllowedInFormat)
    }

    fn owes(&self, _listing: &Listing, account: AccountId) -> Option<Amount> {
        self.takers.find(account).and_then(Taker::amount)
    }

    fn next_tick(&self) -> Option<Timestamp> {
        self.to_tell.or(self.next_at)
    }

    fn tick(&self, listing: &Listing, now: Timestamp) -> Option<LotEvent> {
        self.next_tick().filter(|&tick| tick <= now)?;
        self.shown(listing, now).map(|ticked| LotEvent::Ticked(Box::new(ticked)))
    }

    fn stand_still(&self, listing: &Listing, now: Timestamp, resumes_at: Timestamp) -> Option<LotEvent> {
        let due = self.next_at.filter(|&due| due <= now)?;
        let (price, next_price) = (self.price?, self.next_price);
        let remaining = self.remaining(listing);
        let stood_us = Some(resumes_at.micros_since(due));
        let ticked = Ticked { price, next_price, next_at: Some(resumes_at), remaining, stood_us };
        Some(LotEvent::Ticked(Box::new(ticked)))
    }

    fn is_over(&self, listing: &Listing) -> bool {
        self.taken >= listing.quantity
    }

    fn apply(&mut self, event: &LotEvent, stamp: &Stamp) {
        match event {
            LotEvent::Ticked(event) => self.take_ticked(event),
            LotEvent::Taken(event) => self.take_units(event, stamp),
            LotEvent::Restated(event) => self.give_back(event),
            LotEvent::Opened(_) | LotEvent::Resumed(_) | LotEvent::Reopened(_) => {
                self.running.go_on(event, stamp.time);
                self.to_tell = Some(stamp.time);
            }
            LotEvent::Paused(event) => {
                self.running.pause(event);
                self.stop();
            }
            LotEvent::Closed(event) => {
                self.running.end(event.ends_at.unwrap_or(stamp.time));
                self.stop();
            }
            _ => {}
        }
    }
}
