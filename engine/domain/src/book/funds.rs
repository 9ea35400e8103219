//! Money and goods behind orders (docs/processes.md, "A funded order"): what is held, what a trade moves, and what comes of
//! a hold that was asked for.
//!
//! The fee of an order is that of everything it has traded for so far less that of what it had before, so that an order
//! filled in parts pays the same as one filled at once, and never more than is held: a fee never falls as the price rises.

use super::decide::Decided;
use super::place::Taker;
use super::state::Ask;
use super::{
    Book, BookEvent, Dropped, HoldAsked, Moved, OrderType, OrderView, Purpose, Refused, Side, Terms,
    TimeInForce, Waiting, Wish,
};
use crate::actor::{Decision, Events};
use crate::context::Context;
use crate::facts::Standing;
use crate::id::EntryId;
use crate::limits;
use crate::money::Settled;
use crate::rejection::Rejection;

impl Book {
    /// What a buyer pays on top of an order that has traded for so much in all.
    pub(super) fn premium(&self, value: u64) -> u64 {
        let table = self.listing.fees.as_deref().and_then(|fees| fees.buyers_premium.as_ref());
        table.filter(|_| value > 0 && self.is_funded()).map_or(0, |table| table.on(value))
    }

    /// What is kept of a seller's proceeds of so much in all; never more than them.
    fn commission(&self, value: u64) -> u64 {
        let table = self.listing.fees.as_deref().and_then(|fees| fees.sellers_commission.as_ref());
        table.filter(|_| value > 0).map_or(0, |table| table.on(value)).min(value)
    }

    fn fee(&self, side: Side, value: u64) -> u64 {
        match side {
            Side::Buy => self.premium(value),
            Side::Sell => self.commission(value),
        }
    }

    /// What a limit order, or one that sells, needs for the units that are open, having traded for `value` so far.
    pub(super) fn keep(&self, side: Side, price: Option<u64>, remaining: u64, value: u64) -> u64 {
        match side {
            Side::Sell => remaining,
            Side::Buy => {
                let more = price.unwrap_or(0).saturating_mul(remaining);
                let fee = self.premium(value.saturating_add(more)) - self.premium(value);
                more.saturating_add(fee)
            }
        }
    }

    /// What trades of `quantity` units for `value` move for an order. `view` is the order after them; it keeps a hold where
    /// it `rests`; before, its hold was `held`, and it had traded for `before`.
    pub(super) fn moved(
        &self,
        view: &OrderView,
        rests: bool,
        (held, before): (u64, u64),
        (quantity, value): (u64, u64),
    ) -> Moved {
        let after = before.saturating_add(value);
        let fee = self.fee(view.side, after) - self.fee(view.side, before);
        let (given, got) = match view.side {
            Side::Buy => (value + fee, quantity),
            Side::Sell => (quantity, value - fee),
        };
        let kept = match (rests, view.r#type, view.side) {
            (false, ..) => 0,
            // What a market order may cost at most, less what it has cost.
            (true, OrderType::Market, Side::Buy) => held - given,
            (true, ..) => self.keep(view.side, view.price, view.remaining, after),
        };
        Moved { given, got, fee, free: held - given - kept, held: kept }
    }

    /// What is the same for all that an event moves.
    pub(super) fn terms(&self, context: &Context<'_>) -> Terms {
        let market = self.listing.market;
        let owner = context.facts.market(market).map_or(self.owner, |facts| facts.owner);
        let mut cause = [0; 24];
        cause[..16].copy_from_slice(&self.id.0.0);
        cause[16..].copy_from_slice(&self.transfers.to_be_bytes());
        let entry = EntryId::from_u128(xxhash_rust::xxh3::xxh3_128(&cause));
        Terms { market, currency: self.listing.currency, owner, entry }
    }

    /// Asks the account to hold `total`, `more` than before.
    pub(super) fn ask_for(
        &self,
        view: &OrderView,
        purpose: Purpose,
        (total, more): (u64, u64),
        context: &Context<'_>,
    ) -> Decided {
        if self.asks.len() >= limits::BOOK_WAITING_MAX {
            let (allowed, asked) = (limits::BOOK_WAITING_MAX as u64, self.asks.len() as u64 + 1);
            return Err(limits::exceeded("book_waiting", allowed, asked));
        }
        let (asked, terms) = (context.asked(), Box::new(self.terms(context)));
        let event = HoldAsked { view: *view, purpose, total, more, asked, terms };
        Ok(Decision::event(BookEvent::HoldAsked(Box::new(event))))
    }

    /// An account's answer.
    pub(super) fn settled(&self, settled: &Settled, context: &Context<'_>) -> Decided {
        if !context.standing.any(Standing::ENGINE) {
            return Err(Rejection::Forbidden);
        }
        let Some(ask) = self.asks.get(&settled.tag) else {
            // A smaller hold, or the fees' entry: nobody waits for it.
            return Ok(Decision { events: Events::new(), answer: None });
        };
        let event = match (&settled.refused, ask.purpose) {
            _ if ask.dropped => {
                let Ask { view, asked, .. } = *ask;
                BookEvent::Dropped(Box::new(Dropped { view, asked }))
            }
            (Some(rejection), Purpose::Place(_)) => self.refuse(ask, rejection.clone(), None, context),
            (Some(rejection), Purpose::Modify(_)) => {
                // It may have been the second question of a raise: what the first one got is given back.
                let held = self.live(ask.view.order).map(|(_, _, live)| live.held);
                self.refuse(ask, rejection.clone(), held, context)
            }
            (None, Purpose::Place(waiting)) => self.backed(ask, &waiting, context),
            (None, Purpose::Modify(wish)) => self.raised(ask, &wish, context),
        };
        Ok(Decision::event(event))
    }

    fn refuse(&self, ask: &Ask, rejection: Rejection, held: Option<u64>, context: &Context<'_>) -> BookEvent {
        let is_new = ask.new_order().is_some();
        // What has happened to a live order since it asked is not undone: it is told as it is.
        let view = self.live(ask.view.order).map_or(ask.view, |(_, view, _)| view);
        let terms = held.map(|_| Box::new(self.terms(context)));
        BookEvent::Refused(Box::new(Refused { view, asked: ask.asked, rejection, held, is_new, terms }))
    }

    /// The hold of a new order is there: its rank in time is that of this moment.
    fn backed(&self, ask: &Ask, waiting: &Waiting, context: &Context<'_>) -> BookEvent {
        let Waiting { max_amount, time_in_force, post_only, expires_at, .. } = *waiting;
        let taker = Taker {
            view: ask.view,
            time_in_force,
            post_only,
            expires_at,
            max_amount,
            held: ask.total,
            asked: Some(ask.asked),
            ..Taker::default()
        };
        let entered = self.check_open(ask.view.account, context).and_then(|()| self.enter(&taker, context));
        match entered {
            Ok(entered) => BookEvent::Entered(Box::new(entered)),
            Err(rejection) => self.refuse(ask, rejection, Some(0), context),
        }
    }

    /// More is held for a live order: it becomes what was wished, unless it has ended meanwhile (then its hold has, too).
    fn raised(&self, ask: &Ask, wish: &Wish, context: &Context<'_>) -> BookEvent {
        let Some((_, view, live)) = self.live(ask.view.order) else {
            return self.refuse(ask, Rejection::OrderNotFound, None, context);
        };
        let changed = self.check_open(view.account, context).and_then(|()| self.changed(&view, live, wish));
        let entered = changed.and_then(|taker| {
            let (asked, held) = (Some(ask.asked), live.held + ask.more);
            let need = self.need(&taker)?;
            if need > held {
                // It has traded meanwhile, at a price that took more out of its hold than the new one would: more is
                // asked for, and nothing is matched that is not held.
                return Ok(Err((need, need - live.held)));
            }
            self.enter(&Taker { asked, held, ..taker }, context).map(Ok)
        });
        match entered {
            Ok(Ok(entered)) => BookEvent::Entered(Box::new(entered)),
            Ok(Err((total, more))) => {
                let (purpose, asked, terms) = (ask.purpose, ask.asked, Box::new(self.terms(context)));
                BookEvent::HoldAsked(Box::new(HoldAsked { view, purpose, total, more, asked, terms }))
            }
            Err(rejection) => self.refuse(ask, rejection, Some(live.held), context),
        }
    }

    /// A live order as it shall be, about to come into the book again.
    pub(super) fn changed(
        &self,
        view: &OrderView,
        live: &super::state::Live,
        wish: &Wish,
    ) -> Result<Taker, Rejection> {
        let remaining = wish.quantity.checked_sub(view.filled).filter(|&remaining| remaining > 0);
        let remaining = remaining.ok_or_else(|| {
            Rejection::invalid("quantity", "more than what has been filled; cancel the order instead")
        })?;
        super::decide::product(wish.price, remaining)?;
        let time_in_force = if live.expires_at.is_some() { TimeInForce::Gtd } else { TimeInForce::Gtc };
        Ok(Taker {
            view: OrderView { price: Some(wish.price), remaining, ..*view },
            time_in_force,
            expires_at: live.expires_at,
            value: live.value,
            held: live.held,
            was: Some(*view),
            ..Taker::default()
        })
    }
}
