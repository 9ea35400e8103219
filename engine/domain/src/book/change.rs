//! Live orders end or change: cancelled, modified, expired, their account suspended, their market halted.

use super::decide::{Decided, wrong_state};
use super::state::number;
use super::{
    Book, BookEvent, BookState, CancelOrder, Cause, Ended, Few, Gone, Level, ModifyOrder, OrderType,
    OrderView, Purpose, Reduced, StateChanged, Wish,
};
use crate::actor::{Decision, Events};
use crate::amount::Amount;
use crate::context::Context;
use crate::facts::Standing;
use crate::id::AccountId;
use crate::limits::{self, EXPIRIES_PER_STEP};
use crate::rejection::Rejection;
use crate::time::Timestamp;

impl Book {
    pub(super) fn cancel(&self, command: &CancelOrder, context: &Context<'_>) -> Decided {
        limits::optional_text("reason", command.reason.as_deref(), limits::REASON_CHARS_MAX)?;
        let waiting = || {
            let ask = self.asks.get(&number(command.book_order))?;
            (!ask.dropped && ask.new_order().is_some()).then_some(ask.view)
        };
        let live = self.live(command.book_order).map(|(_, view, _)| view);
        let view = live.or_else(waiting).ok_or(Rejection::OrderNotFound)?;
        let cause = if view.account == context.by {
            Cause::Cancelled
        } else if context.standing.any(Standing::OPERATOR) {
            limits::reason(command.reason.as_deref())?;
            Cause::CancelledByOperator
        } else {
            return Err(Rejection::OrderNotFound);
        };
        let held = self.is_funded();
        let ended = self.end([Gone { view, cause, held }].into_iter().collect(), command.reason.clone());
        Ok(Decision::event(BookEvent::Ended(Box::new(ended))))
    }

    /// The end of orders, with the levels that change by it.
    pub(super) fn end(&self, gone: Few<Gone>, reason: Option<String>) -> Ended {
        let mut levels: Few<Level> = Few::new();
        for Gone { view, .. } in &gone {
            let id = number(view.order);
            let Some(order) = self.core.find(id).and_then(|handle| self.core.get(handle)) else { continue };
            let Some(price) = self.shown(order.price) else { continue };
            let known = levels.iter_mut().find(|level| level.side == order.side && level.price == price);
            match known {
                Some(level) => level.quantity -= view.remaining,
                None => {
                    let level = self.core.level(order.side, order.price);
                    let before = level.map_or(0, |level| self.units(level.quantity));
                    levels.push(Level { side: order.side, price, quantity: before - view.remaining });
                }
            }
        }
        Ended { gone, levels, reason }
    }

    pub(super) fn modify(&self, command: &ModifyOrder, context: &Context<'_>) -> Decided {
        if self.asks.get(&number(command.book_order)).is_some_and(|ask| ask.view.account == context.by) {
            return Err(wrong_state("pending"));
        }
        let live = self.live(command.book_order).filter(|(_, view, _)| view.account == context.by);
        let (_, view, live) = live.ok_or(Rejection::OrderNotFound)?;
        self.check_open(context.by, context)?;
        if command.quantity.is_none() && command.price.is_none() {
            return Err(Rejection::invalid("quantity", "quantity, price or both"));
        }
        if live.raising {
            return Err(wrong_state("pending"));
        }
        let (OrderType::Limit, Some(price)) = (live.r#type, live.price) else {
            return Err(wrong_state("market_order"));
        };
        let wish = Wish {
            quantity: command.quantity.unwrap_or(view.filled + view.remaining),
            price: command.price.map_or(price, Amount::get),
        };
        self.listing.check_quantity(wish.quantity)?;
        self.listing.check_price(wish.price)?;
        let taker = self.changed(&view, live, &wish)?;
        let remaining = taker.view.remaining;
        if wish.price == price && remaining == view.remaining {
            return Ok(Decision::unchanged(view.answer_open()));
        }
        if wish.price == price && remaining < view.remaining && self.listing.modify_keeps_place {
            let reduced = self.reduced(&view, live, price, remaining, context);
            return Ok(Decision::event(BookEvent::Reduced(Box::new(reduced))));
        }
        if self.is_funded() {
            let need = self.need(&taker)?;
            if need > live.held {
                // As it is it stays in the book until more is held.
                return self.ask_for(&view, Purpose::Modify(wish), (need, need - live.held), context);
            }
        }
        self.enter(&taker, context).map(|entered| Decision::event(BookEvent::Entered(Box::new(entered))))
    }

    fn reduced(
        &self,
        view: &OrderView,
        live: &super::state::Live,
        price: u64,
        remaining: u64,
        context: &Context<'_>,
    ) -> Reduced {
        let before = self.core.level(view.side, price / self.listing.tick);
        let before = before.map_or(0, |level| self.units(level.quantity));
        let quantity = before - (view.remaining - remaining);
        let held = self.is_funded().then(|| self.keep(view.side, live.price, remaining, live.value));
        Reduced {
            view: OrderView { remaining, ..*view },
            level: Some(Level { side: view.side, price, quantity }),
            held,
            terms: held.map(|_| Box::new(self.terms(context))),
        }
    }

    /// When something next happens by itself.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        let expiry = self.expiries.first().map(|(at, _)| *at);
        let auction = self.auction.as_deref().and_then(|auction| match self.state {
            BookState::Uncrossing => auction.uncrossed_at,
            BookState::Auction => [auction.end, auction.indicate_at].into_iter().flatten().min(),
            BookState::Continuous | BookState::Halted => None,
        });
        [expiry, auction].into_iter().flatten().min()
    }

    /// What is due: the trades of an auction first, then expiries, then an auction's end, then its indicative price.
    pub(super) fn due_now(&self, context: &Context<'_>) -> Events<BookEvent> {
        if self.state == BookState::Uncrossing {
            return self.uncross_on(context);
        }
        let due = self.expiries.iter().take_while(|(at, _)| *at <= context.now);
        let ended: Vec<u128> = due.take(EXPIRIES_PER_STEP).map(|(_, id)| *id).collect();
        if !ended.is_empty() {
            let event = BookEvent::Ended(Box::new(self.end(self.gone(&ended, Cause::Expired), None)));
            return Events::from_buf([event]);
        }
        self.auction_due(context)
    }

    /// These live orders, as they end.
    pub(super) fn gone(&self, ids: &[u128], cause: Cause) -> Few<Gone> {
        let held = self.is_funded();
        let gone = |&id: &u128| {
            let order = self.core.get(self.core.find(id)?)?;
            Some(Gone { view: self.view(&order, self.orders.get(&id)?), cause, held })
        };
        ids.iter().filter_map(gone).collect()
    }

    /// Halts and suspensions. While an auction's trades are told nothing changes; afterwards this is asked again.
    pub(super) fn take_facts(&self, context: &Context<'_>) -> Events<BookEvent> {
        let mut events = Events::new();
        if self.state == BookState::Uncrossing {
            return events;
        }
        let market = self.listing.market;
        let is_halted = context.facts.is_halted(market);
        if is_halted != (self.state == BookState::Halted) {
            events.push(BookEvent::StateChanged(self.halted_or_not(is_halted, context.now)));
        }
        let mut suspended: Vec<AccountId> = context
            .facts
            .suspended()
            .filter(|account| self.counts.contains_key(account))
            .filter(|&account| context.facts.is_suspended(account, market))
            .collect();
        suspended.sort_unstable();
        // Each event's levels are those after the ones before it.
        let mut after: Option<Self> = None;
        for account in suspended {
            let book = after.as_ref().unwrap_or(self);
            let mut own: Vec<u128> = book.orders_of(account);
            own.sort_unstable();
            if own.is_empty() {
                continue;
            }
            let ended = book.end(book.gone(&own, Cause::Suspended), None);
            let event = BookEvent::Ended(Box::new(ended));
            let next = after.get_or_insert_with(|| self.clone());
            next.take_over(&event, &super::auction::stamp_of(context));
            events.push(event);
        }
        events
    }

    fn orders_of(&self, account: AccountId) -> Vec<u128> {
        let sides = [super::Side::Buy, super::Side::Sell].into_iter();
        let orders = sides.flat_map(|side| self.core.orders(side));
        orders.filter(|(_, order)| order.account == account).map(|(_, order)| order.id).collect()
    }

    /// Halted; or as it was before, and an auction ends later by the time that the halt took.
    fn halted_or_not(&self, is_halted: bool, now: Timestamp) -> StateChanged {
        let (state, ends_at, later_us) = match self.auction.as_deref() {
            _ if is_halted => (BookState::Halted, None, 0),
            None => (BookState::Continuous, None, 0),
            Some(auction) => {
                let later_us = auction.halted_at.map_or(0, |since| now.micros_since(since));
                (BookState::Auction, auction.ends_at.map(|at| at.plus_micros(later_us)), later_us)
            }
        };
        StateChanged { state, ends_at, random_end_ms: None, later_us, started: false }
    }
}
