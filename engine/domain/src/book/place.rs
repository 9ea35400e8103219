//! An order comes into the book: what it trades with, what rests, what lapses. Read-only; the event has it all.

use super::decide::{product, wrong_state};
use super::matching::Order;
use super::state::number;
use super::{
    Book, BookState, Cause, Entered, Few, Gone, Level, Moved, OrderType, OrderView, Part, SelfTrade, Side,
    TimeInForce,
};
use crate::amount::AMOUNT_MAX;
use crate::context::Context;
use crate::effect::Asked;
use crate::id::{AccountId, BookOrderId};
use crate::limits::{self, BOOK_FILLS_MAX, BOOK_LEVELS_MAX, QUANTITY_MAX};
use crate::rejection::{InsufficientFunds, NoLiquidity, Rejection, WouldCross};
use crate::time::Timestamp;

/// An order that comes: a new one, or one that was changed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taker {
    /// As it is before it trades.
    pub(super) view: OrderView,
    pub(super) time_in_force: TimeInForce,
    pub(super) post_only: bool,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) max_amount: Option<u64>,
    /// What it has traded for so far.
    pub(super) value: u64,
    /// What its hold holds, in a funded book.
    pub(super) held: u64,
    pub(super) asked: Option<Asked>,
    /// What it was in the book until now.
    pub(super) was: Option<OrderView>,
}

impl Default for Taker {
    fn default() -> Self {
        Self {
            view: OrderView {
                order: BookOrderId::default(),
                account: AccountId::default(),
                side: Side::Buy,
                r#type: OrderType::Limit,
                price: None,
                filled: 0,
                remaining: 0,
            },
            time_in_force: TimeInForce::Gtc,
            post_only: false,
            expires_at: None,
            max_amount: None,
            value: 0,
            held: 0,
            asked: None,
            was: None,
        }
    }
}

/// What an order meets.
#[derive(Debug, Default)]
struct Met {
    makers: Vec<Part>,
    gone: Vec<Gone>,
    levels: Few<Level>,
    /// Units that found nothing.
    left: u64,
    /// What was traded for.
    value: u64,
    /// Why it stopped before the book did.
    stopped: Option<Cause>,
}

impl Met {
    /// So many units leave a level of which `before` are there.
    fn leave(&mut self, side: Side, price: u64, before: impl FnOnce() -> u64, units: u64) {
        match self.levels.last_mut().filter(|level| level.price == price) {
            Some(level) => level.quantity -= units,
            None => self.levels.push(Level { side, price, quantity: before() - units }),
        }
    }
}

impl Book {
    /// What becomes of an order that comes now.
    ///
    /// # Errors
    /// `no_liquidity`, `would_cross`, `not_allowed_in_state` (auctions), `insufficient_funds` (a `max_amount` that pays for
    /// nothing), `limit_exceeded`, `amount_out_of_range`.
    pub(super) fn enter(&self, taker: &Taker, context: &Context<'_>) -> Result<Entered, Rejection> {
        self.check_auction(taker)?;
        let met = match self.state {
            BookState::Auction => Met { left: taker.view.remaining, ..Met::default() },
            _ => self.meet(taker)?,
        };
        let ended = self.ended(taker, &met)?;
        let pays_to = self.pays_to(taker)?;
        let mut view = taker.view;
        view.filled += view.remaining - met.left;
        view.remaining = met.left;
        let rests = ended.is_none() && met.left > 0;
        let mut levels = met.levels;
        self.own_levels(taker, &view, (rests, pays_to), &mut levels)?;
        let (makers, gone, value) = (met.makers, met.gone, met.value);
        let moved = self.is_funded().then(|| {
            let quantity = view.filled - taker.view.filled;
            Box::new(self.moved(&view, rests, (taker.held, taker.value), (quantity, value)))
        });
        let terms = moved.as_ref().map(|_| Box::new(self.terms(context)));
        let asked = taker.asked;
        let modified = taker.was.is_some();
        let expires_at = taker.expires_at;
        Ok(Entered { view, ended, pays_to, expires_at, makers, gone, levels, asked, modified, moved, terms })
    }

    /// Orders that cannot wait have no place in an auction.
    pub(super) fn check_auction(&self, taker: &Taker) -> Result<(), Rejection> {
        let waits = matches!(taker.time_in_force, TimeInForce::Gtc | TimeInForce::Gtd) && !taker.post_only;
        if self.state == BookState::Auction && !waits {
            return Err(wrong_state(self.state.name()));
        }
        Ok(())
    }

    /// In an auction a market order with a `max_amount` is a limit order at the highest price at which that pays for all
    /// of it: nobody knows the price yet.
    fn pays_to(&self, taker: &Taker) -> Result<Option<u64>, Rejection> {
        let Some(max) = taker.max_amount.filter(|_| self.state == BookState::Auction) else {
            return Ok(None);
        };
        let tick = self.listing.tick;
        let quantity = taker.view.remaining;
        let pays = |ticks: u64| {
            let value = (ticks * tick).checked_mul(quantity).filter(|&value| value <= max);
            value.is_some_and(|value| value.saturating_add(self.premium(value)) <= max)
        };
        let ticks = greatest(max / tick, pays);
        if ticks == 0 {
            let needed = tick.saturating_mul(quantity);
            let needed = needed.saturating_add(self.premium(needed.min(AMOUNT_MAX)));
            return Err(Rejection::InsufficientFunds(InsufficientFunds { needed, available: max }));
        }
        Ok(Some(ticks * tick))
    }

    /// Why the rest ends; `None` where it rests, or where nothing is left.
    fn ended(&self, taker: &Taker, met: &Met) -> Result<Option<Cause>, Rejection> {
        let available = taker.view.remaining - met.left;
        if met.left == 0 || self.state == BookState::Auction {
            return Ok(None);
        }
        if taker.time_in_force == TimeInForce::Fok {
            if met.stopped == Some(Cause::FillsLimit) {
                let allowed = BOOK_FILLS_MAX as u64;
                return Err(limits::exceeded("book_fills", allowed, allowed + 1));
            }
            return Err(Rejection::NoLiquidity(NoLiquidity { available }));
        }
        if met.stopped.is_some() {
            return Ok(met.stopped);
        }
        if taker.view.r#type == OrderType::Market {
            if available == 0 && met.gone.is_empty() {
                return Err(Rejection::NoLiquidity(NoLiquidity { available }));
            }
            return Ok(Some(Cause::TimeInForce));
        }
        Ok((taker.time_in_force == TimeInForce::Ioc).then_some(Cause::TimeInForce))
    }

    /// Walks the other side in priority.
    fn meet(&self, taker: &Taker) -> Result<Met, Rejection> {
        let OrderView { side, account, price, .. } = taker.view;
        let limit = self.ticks(side, price);
        let other = side.opposite();
        if taker.post_only && self.core.crosses(side, limit) {
            let best = self.core.best(other).and_then(|ticks| self.shown(ticks)).unwrap_or(0);
            return Err(Rejection::WouldCross(WouldCross { best }));
        }
        let mut met = Met { left: taker.view.remaining, ..Met::default() };
        for (_, maker) in self.core.makers(side, Some(limit)) {
            if met.left == 0 {
                break;
            }
            if met.makers.len() + met.gone.len() >= BOOK_FILLS_MAX {
                met.stopped = Some(Cause::FillsLimit);
                break;
            }
            // Nothing stands at no price outside auctions.
            let price = self.shown(maker.price).unwrap_or(maker.price);
            let Some(live) = self.orders.get(&maker.id) else { continue };
            let level = || self.core.level(other, maker.price).map_or(0, |level| self.units(level.quantity));
            let mode = self.listing.self_trade;
            if maker.account == account && mode != SelfTrade::Allow {
                if mode != SelfTrade::CancelNewest {
                    let view = self.view(&maker, live);
                    met.leave(other, price, level, view.remaining);
                    met.gone.push(Gone { view, cause: Cause::SelfTrade, held: self.is_funded() });
                }
                if mode != SelfTrade::CancelOldest {
                    met.stopped = Some(Cause::SelfTrade);
                    break;
                }
                continue;
            }
            let wanted = met.left.min(self.units(maker.quantity));
            let units = self.payable(taker, met.value, price, wanted);
            if units > 0 {
                met.leave(other, price, level, units);
                met.makers.push(self.part(&maker, live, units, price));
                met.left -= units;
                met.value += units * price;
            }
            if units < wanted {
                if met.makers.is_empty() && taker.max_amount.is_some() {
                    return Err(self.pays_for_nothing(taker, price));
                }
                let budget = taker.max_amount.is_some();
                met.stopped = Some(if budget { Cause::MaxAmount } else { Cause::AmountLimit });
                break;
            }
        }
        Ok(met)
    }

    /// So many of `wanted` units can be paid for: with the order's `max_amount`, and within the range of amounts.
    fn payable(&self, taker: &Taker, value: u64, price: u64, wanted: u64) -> u64 {
        let max = taker.max_amount.unwrap_or(AMOUNT_MAX);
        let has_budget = taker.max_amount.is_some();
        let pays = |lots: u64| {
            let value = self.units(lots).checked_mul(price).and_then(|more| more.checked_add(value));
            let value = value.filter(|&value| value <= max);
            value.is_some_and(|value| !has_budget || value.saturating_add(self.premium(value)) <= max)
        };
        let lots = self.lots(wanted);
        if pays(lots) { wanted } else { self.units(greatest(lots, pays)) }
    }

    fn pays_for_nothing(&self, taker: &Taker, price: u64) -> Rejection {
        let lot = self.units(1).saturating_mul(price).min(AMOUNT_MAX);
        let needed = lot.saturating_add(self.premium(lot));
        Rejection::InsufficientFunds(InsufficientFunds { needed, available: taker.max_amount.unwrap_or(0) })
    }

    /// A resting order's part in a trade of so many units.
    pub(super) fn part(&self, order: &Order, live: &super::state::Live, units: u64, price: u64) -> Part {
        let mut view = self.view(order, live);
        view.filled += units;
        view.remaining -= units;
        let value = units * price;
        let moved: Option<Moved> = self
            .is_funded()
            .then(|| self.moved(&view, view.remaining > 0, (live.held, live.value), (units, value)));
        Part { view, quantity: units, value, moved }
    }

    /// The levels of the order's own side: where it was, and where it rests.
    fn own_levels(
        &self,
        taker: &Taker,
        view: &OrderView,
        (rests, pays_to): (bool, Option<u64>),
        levels: &mut Few<Level>,
    ) -> Result<(), Rejection> {
        let side = view.side;
        let at = |price: u64| {
            self.core.level(side, price / self.listing.tick).map_or(0, |level| self.units(level.quantity))
        };
        let was = taker.was.and_then(|was| Some((was.price?, was.remaining)));
        let rests_at = if rests { view.price.or(pays_to) } else { None };
        if let Some((price, units)) = was.filter(|was| Some(was.0) != rests_at) {
            levels.push(Level { side, price, quantity: at(price) - units });
        }
        if rests {
            let before = was.map_or(0, |(_, units)| units);
            let total = self.units(self.core.total(side)) - before;
            if total.saturating_add(view.remaining) > QUANTITY_MAX {
                return Err(Rejection::AmountOutOfRange);
            }
            // It is live already where it was in the book before, and then admitted under its own id.
            let order = Order { id: number(view.order), account: view.account, side, price: 1, quantity: 1 };
            if taker.was.is_none() && self.core.admits(&order).is_err() {
                return Err(Rejection::AlreadyExists);
            }
        }
        let Some(price) = rests_at else { return Ok(()) };
        let there = at(price);
        if there == 0 && self.levels[usize::from(side == Side::Sell)] as usize >= BOOK_LEVELS_MAX {
            let allowed = BOOK_LEVELS_MAX as u64;
            return Err(limits::exceeded("book_levels", allowed, allowed + 1));
        }
        let own = was.filter(|was| was.0 == price).map_or(0, |was| was.1);
        levels.push(Level { side, price, quantity: there - own + view.remaining });
        Ok(())
    }

    /// What a new or changed order needs to have held, in all.
    ///
    /// # Errors
    /// `amount_out_of_range` where that passes 2^53 - 1.
    pub(super) fn need(&self, taker: &Taker) -> Result<u64, Rejection> {
        let OrderView { side, price, remaining, .. } = taker.view;
        let need = match (side, price) {
            (Side::Sell, _) => remaining,
            (Side::Buy, Some(price)) => {
                product(price, remaining)?;
                self.keep(side, Some(price), remaining, taker.value)
            }
            (Side::Buy, None) => taker.max_amount.unwrap_or(0),
        };
        if (1..=AMOUNT_MAX).contains(&need) { Ok(need) } else { Err(Rejection::AmountOutOfRange) }
    }
}

/// The greatest number from 0 to `most` of which something holds that holds of all numbers below it; of 0 it holds.
pub(super) fn greatest(most: u64, holds: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (0, most);
    while low < high {
        let middle = high - (high - low) / 2;
        if holds(middle) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}
