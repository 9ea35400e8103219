//! Call auctions: orders gather, an indicative price is told, and all trade at one price.
//!
//! The price is found by one event; the trades at it follow in steps of bounded size, before anything else is decided
//! where they are few (nearly always), else as the next things that are due. In between no order comes in or goes.

use super::decide::{Decided, wrong_state};
use super::matching::Order;
use super::uncross::{CallOrder, indicative};
use super::{
    AuctionAction, AuctionPrice, Book, BookAuction, BookEvent, BookState, Cause, Crossed, Indicated, Level,
    OrderType, Part, Side, StateChanged, Uncrossed,
};
use crate::actor::{Decision, Events};
use crate::amount::AMOUNT_MAX;
use crate::context::{Context, Stamp};
use crate::facts::Standing;
use crate::limits::{AUCTION_MAX_MS, BOOK_FILLS_MAX};
use crate::rejection::Rejection;
use crate::time::Timestamp;

/// How an event of this decision is stamped.
pub(super) const fn stamp_of(context: &Context<'_>) -> Stamp {
    Stamp { time: context.now, by: context.by, command_id: context.command_id }
}

/// When an auction really ends: at a moment within its window that follows from its start command's id, a hash under a
/// secret of the cell, so that nobody outside can work it out.
pub(super) fn end_of(change: &StateChanged, stamp: &Stamp) -> Option<Timestamp> {
    let ends_at = change.ends_at?;
    let window_us = change.random_end_ms.unwrap_or(0) * 1_000;
    let drawn = xxhash_rust::xxh3::xxh3_64_with_seed(&stamp.command_id.to_be_bytes(), 0x0063_616C_6C65_6E64);
    Some(ends_at.plus_micros(drawn % (window_us + 1)))
}

impl Book {
    pub(super) fn call_auction(&self, command: &BookAuction, context: &Context<'_>) -> Decided {
        if !context.standing.any(Standing::OPERATOR) {
            return Err(Rejection::Forbidden);
        }
        if self.state == BookState::Halted || context.facts.is_halted(self.listing.market) {
            return Err(Rejection::MarketHalted);
        }
        match (command.action, self.state) {
            (AuctionAction::Start, BookState::Continuous) => self.start(command, context),
            (AuctionAction::Uncross, BookState::Auction) => Ok(Decision::events(self.uncross(context))),
            _ => Err(wrong_state(self.state.name())),
        }
    }

    fn start(&self, command: &BookAuction, context: &Context<'_>) -> Decided {
        let now = context.now;
        let ends_at = match (command.ends_at, command.duration_ms) {
            (Some(_), Some(_)) => {
                return Err(Rejection::invalid("ends_at", "either ends_at or duration_ms"));
            }
            (Some(at), None) if at <= now || at > now.plus_ms(AUCTION_MAX_MS) => {
                return Err(Rejection::invalid("ends_at", "a time to come, at most a week from now"));
            }
            (None, Some(ms)) if !(1..=AUCTION_MAX_MS).contains(&ms) => {
                return Err(Rejection::invalid("duration_ms", format!("1 to {AUCTION_MAX_MS}")));
            }
            (at, ms) => at.or(ms.map(|ms| now.plus_ms(ms))),
        };
        let random_end_ms = command.random_end_ms;
        if random_end_ms.is_some_and(|ms| ms > AUCTION_MAX_MS || ends_at.is_none()) {
            let expected = format!("0 to {AUCTION_MAX_MS}, with ends_at or duration_ms");
            return Err(Rejection::invalid("random_end_ms", expected));
        }
        let state = BookState::Auction;
        let change = StateChanged { state, ends_at, random_end_ms, later_us: 0, started: true };
        Ok(Decision::event(BookEvent::StateChanged(change)))
    }

    /// What is due of an auction.
    pub(super) fn auction_due(&self, context: &Context<'_>) -> Events<BookEvent> {
        let Some(auction) = self.auction.as_deref().filter(|_| self.state == BookState::Auction) else {
            return Events::new();
        };
        let is_due = |at: Option<Timestamp>| at.is_some_and(|at| at <= context.now);
        if is_due(auction.end) {
            return self.uncross(context);
        }
        if is_due(auction.indicate_at) {
            let indicative = self.clearing();
            let is_news = indicative != auction.indicative;
            return Events::from_buf([BookEvent::Indicated(Indicated { indicative, is_news })]);
        }
        Events::new()
    }

    /// What trades now, at which price.
    fn clearing(&self) -> Option<AuctionPrice> {
        let of = |side| self.core.orders(side).map(|(_, order)| order);
        let call = |Order { side, price, quantity, .. }: Order| CallOrder {
            side,
            limit: self.shown(price).map(|_| price),
            quantity,
        };
        let orders: Vec<_> = of(Side::Buy).chain(of(Side::Sell)).map(call).collect();
        let known = self.listing.reference_price.or(self.last_trade.map(|trade| trade.price));
        // All units of a side fit an amount: the rules see to it.
        let found = indicative(&orders, known.map(|price| price / self.listing.tick)).ok().flatten()?;
        let surplus = self.units(found.surplus) as i64;
        Some(AuctionPrice {
            price: found.price * self.listing.tick,
            volume: self.units(found.volume),
            surplus: if found.surplus_side == Some(Side::Sell) { -surplus } else { surplus },
        })
    }

    /// The auction ends: its price, and as many of its trades as are told at once.
    fn uncross(&self, context: &Context<'_>) -> Events<BookEvent> {
        let price = BookEvent::Uncrossed(Uncrossed { result: self.clearing() });
        let mut after = self.clone();
        after.take_over(&price, &stamp_of(context));
        let mut events = Events::from_buf([price]);
        events.extend(after.uncross_on(context));
        events
    }

    /// The next trades at the auction's price, and its end where these were the last.
    pub(super) fn uncross_on(&self, context: &Context<'_>) -> Events<BookEvent> {
        let mut events = Events::new();
        let mut after = self.clone();
        if let Some(crossed) = self.cross(context) {
            let event = BookEvent::Crossed(Box::new(crossed));
            after.take_over(&event, &stamp_of(context));
            events.push(event);
        }
        if after.auction.as_deref().is_some_and(|auction| auction.left > 0) && !events.is_empty() {
            return events;
        }
        let market = |side| after.core.orders(side).filter(|(_, order)| after.is_market(order.id));
        let lapsed = market(Side::Buy).chain(market(Side::Sell)).map(|(_, order)| order.id);
        let lapsed: Vec<u128> = lapsed.take(BOOK_FILLS_MAX).collect();
        let is_last = lapsed.len() < BOOK_FILLS_MAX;
        let ended = Box::new(after.end(after.gone(&lapsed, Cause::AuctionEnded), None));
        let event = if is_last { BookEvent::AuctionEnded(ended) } else { BookEvent::Ended(ended) };
        after.take_over(&event, &stamp_of(context));
        events.push(event);
        // Facts that came while the trades were told.
        events.extend(after.take_facts(context));
        events
    }

    fn is_market(&self, id: u128) -> bool {
        self.orders.get(&id).is_some_and(|live| live.r#type == OrderType::Market)
    }

    /// A step of the trades: both sides in priority, at most [`BOOK_FILLS_MAX`] orders.
    fn cross(&self, context: &Context<'_>) -> Option<Crossed> {
        let auction = self.auction.as_deref()?;
        let price = auction.price.filter(|_| auction.left > 0)?.price;
        // Each side serves at most half of a step's orders: the smaller of what both can serve is the step's volume.
        let served = |side| {
            let orders = self.core.orders(side).take(BOOK_FILLS_MAX / 2);
            orders.map(|(_, order)| order.quantity).fold(0, u64::saturating_add)
        };
        // What an order trades for in a step is an amount (I33).
        let most = self.lots(AMOUNT_MAX / price);
        let lots = auction.left.min(most).min(served(Side::Buy)).min(served(Side::Sell));
        if lots == 0 {
            return None;
        }
        let mut parts: Vec<Part> = Vec::new();
        let mut levels: Vec<Level> = Vec::new();
        for side in [Side::Buy, Side::Sell] {
            for fill in self.core.fills(side.opposite(), None, lots) {
                let Some(order) = self.core.get(fill.maker) else { continue };
                let Some(live) = self.orders.get(&order.id) else { continue };
                let units = self.units(fill.quantity);
                parts.push(self.part(&order, live, units, price));
                let Some(at) = self.shown(order.price) else { continue };
                match levels.last_mut().filter(|level| level.side == side && level.price == at) {
                    Some(level) => level.quantity -= units,
                    None => {
                        let level = self.core.level(side, order.price);
                        let before = level.map_or(0, |level| self.units(level.quantity));
                        levels.push(Level { side, price: at, quantity: before - units });
                    }
                }
            }
        }
        let terms = self.is_funded().then(|| Box::new(self.terms(context)));
        Some(Crossed { price, volume: self.units(lots), parts, levels, terms })
    }
}
