//! I11, I15, I16, I30, I32, I34, I36 and I43 over the events of one book's life: priority, prices, depth and money are
//! worked out again from a plain list of orders, slowly and with none of the book's own code.
//!
//! * **Priority (I11).** Nobody trades while a better, or as good and earlier, order of the other side is passed over; a
//!   trade is at the resting order's price, in a call auction at the auction's. Whoever could trade does not rest.
//! * **An order (I16)** comes once and ends once, and what it has traded is what it says is filled.
//! * **Money (I30, I32, I34)** of a funded book: see [`holds`].
//! * **Depth (I43).** The levels that were told are those of the orders that rest.
//! * **Waiting (I36).** What waits for a hold is answered once.

mod auction;
mod holds;
mod matching;

use std::collections::{BTreeMap, BTreeSet};

use self::holds::Holds;
use super::auction::{Broken, Checked, holds};
use crate::book::{
    AuctionPrice, BookEvent, BookFunding, BookListing, BookState, Cause, Ended, Entered, Gone, HoldAsked,
    Moved, OrderType, OrderView, Part, Purpose, Reduced, Refused, Side, TimeInForce,
};
use crate::context::Stamp;
use crate::effect::Asked;
use crate::id::{AccountId, BookOrderId, HoldId};
use crate::time::Timestamp;

/// An order that rests.
#[derive(Debug, Clone, Copy)]
struct Rest {
    view: OrderView,
    /// Of a market order in an auction: the price up to which it is paid for.
    pays_to: Option<u64>,
    expires_at: Option<Timestamp>,
    /// What it has traded for.
    value: u64,
    /// What its hold holds, by its last event.
    held: u64,
}

impl Rest {
    /// The price at which it stands; `None`: any.
    fn at(&self) -> Option<u64> {
        self.view.price.or(self.pays_to)
    }

    /// Less is better.
    fn rank(&self) -> u64 {
        match (self.at(), self.view.side) {
            (None, _) => 0,
            (Some(price), Side::Sell) => price,
            (Some(price), Side::Buy) => u64::MAX - price,
        }
    }

    /// Whether it trades at a price.
    fn takes(&self, price: u64) -> bool {
        self.at().is_none_or(|at| if self.view.side == Side::Buy { at >= price } else { at <= price })
    }
}

/// What waits for a hold.
#[derive(Debug, Clone)]
struct Ask {
    view: OrderView,
    purpose: Purpose,
    asked: Asked,
    /// Cancelled meanwhile.
    dropped: bool,
}

/// A book as its events tell it.
#[derive(Debug, Clone)]
pub struct Book {
    listing: BookListing,
    state: BookState,
    /// An auction has started and has not ended: it goes on after a halt.
    in_auction: bool,
    /// In the order of arrival.
    resting: Vec<Rest>,
    asks: BTreeMap<u128, Ask>,
    ended: BTreeSet<BookOrderId>,
    /// What was told of each level: whether it is of sellers, its price, its quantity.
    depth: BTreeMap<(bool, u64), u64>,
    /// The price that an auction's trades are at, and how many units of them are still to be told.
    price: Option<AuctionPrice>,
    left: u64,
    holds: Holds,
}

impl Book {
    /// A book that has just been created; `None` where the event is another.
    #[must_use]
    pub fn new(event: &BookEvent) -> Option<Self> {
        let BookEvent::Created(created) = event else { return None };
        Some(Self {
            listing: created.listing.clone(),
            state: if created.halted { BookState::Halted } else { BookState::Continuous },
            in_auction: false,
            resting: Vec::new(),
            asks: BTreeMap::new(),
            ended: BTreeSet::new(),
            depth: BTreeMap::new(),
            price: None,
            left: 0,
            holds: Holds::new(created.book),
        })
    }

    /// Takes the next event over.
    ///
    /// # Errors
    /// The invariant that it breaks.
    pub fn take(&mut self, event: &BookEvent, stamp: &Stamp) -> Checked {
        match event {
            BookEvent::Created(_) => return holds("I16", false, || "a book is created once".to_owned()),
            BookEvent::Entered(entered) => self.entered(entered, stamp)?,
            BookEvent::Ended(ended) => self.ended(ended, stamp)?,
            BookEvent::AuctionEnded(ended) => self.auction_ended(ended, stamp)?,
            BookEvent::Reduced(reduced) => self.reduced(reduced)?,
            BookEvent::HoldAsked(asked) => self.asked(asked)?,
            BookEvent::Refused(refused) => self.refused(refused)?,
            BookEvent::Dropped(dropped) => {
                let ask = self.answered(dropped.asked)?;
                holds("I36", ask.dropped, || format!("{} was not cancelled", dropped.view.order))?;
            }
            BookEvent::StateChanged(change) => self.changed(change)?,
            BookEvent::Indicated(indicated) => {
                holds("I15", self.state == BookState::Auction, || "a price outside an auction".to_owned())?;
                self.clears(indicated.indicative)?;
            }
            BookEvent::Uncrossed(uncrossed) => self.uncrossed(uncrossed.result)?,
            BookEvent::Crossed(crossed) => self.crossed(crossed)?,
        }
        self.told(event)?;
        self.holds.take(event, stamp)?;
        self.owed()?;
        self.is_apart()
    }

    /// The holds that the book's orders have, or wait for: whose, which, and how much is known to be in them.
    pub fn holds(&self) -> impl Iterator<Item = (AccountId, HoldId, u64)> + '_ {
        self.holds.all()
    }

    /// How many commands wait for a hold: 0 when nothing is under way.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.asks.len()
    }

    fn is_funded(&self) -> bool {
        self.listing.funding == BookFunding::Full
    }

    fn place(&self, order: BookOrderId) -> Option<usize> {
        self.resting.iter().position(|rest| rest.view.order == order)
    }

    /// The orders of a side, the best first, of as good ones the earlier.
    fn priority(&self, side: Side) -> Vec<&Rest> {
        let mut all: Vec<_> = self.resting.iter().filter(|rest| rest.view.side == side).collect();
        all.sort_by_key(|rest| rest.rank());
        all
    }

    /// What waited does not wait any more.
    fn answered(&mut self, asked: Asked) -> Result<Ask, Broken> {
        let ask = self.asks.remove(&asked.command_id).filter(|ask| ask.asked == asked);
        ask.ok_or_else(|| Broken { invariant: "I36", what: "an answer to what does not wait".to_owned() })
    }

    fn asked(&mut self, event: &HoldAsked) -> Checked {
        let &HoldAsked { view, purpose, asked, .. } = event;
        holds("I34", self.is_funded(), || "a hold for an order that needs none".to_owned())?;
        let before = self.asks.get(&asked.command_id);
        // A raise may be asked for a second time, where the order has traded meanwhile.
        let again = before.is_some_and(|ask| ask.purpose == purpose && matches!(purpose, Purpose::Modify(_)));
        holds("I36", before.is_none() || again, || format!("{} waits twice", view.order))?;
        match purpose {
            Purpose::Place(_) => {
                let is_new = self.place(view.order).is_none() && !self.ended.contains(&view.order);
                holds("I16", is_new, || format!("{} was there before", view.order))?;
            }
            Purpose::Modify(_) => {
                let same = self.place(view.order).is_some_and(|place| self.resting[place].view == view);
                holds("I16", same, || format!("{view:?} does not rest"))?;
            }
        }
        self.asks.insert(asked.command_id, Ask { view, purpose, asked, dropped: false });
        Ok(())
    }

    fn refused(&mut self, refused: &Refused) -> Checked {
        let ask = self.answered(refused.asked)?;
        let is_new = matches!(ask.purpose, Purpose::Place(_));
        holds("I16", is_new == refused.is_new && !ask.dropped, || format!("{refused:?} of {ask:?}"))?;
        if is_new {
            self.ended.insert(ask.view.order);
        }
        Ok(())
    }

    fn entered(&mut self, entered: &Entered, stamp: &Stamp) -> Checked {
        let Entered { view, ended, pays_to, expires_at, makers, gone, .. } = entered;
        let trades = matches!(self.state, BookState::Continuous | BookState::Auction);
        holds("I15", trades, || format!("an order comes in {:?}", self.state))?;
        let ask = entered.asked.map(|asked| self.answered(asked)).transpose()?;
        let was = self.leaves(entered, ask.as_ref(), stamp)?;
        let (quantity, value) = sums(makers);
        let (filled, before) = was.map_or((0, 0), |was| (was.view.filled, was.value));
        holds("I11", view.filled == filled + quantity, || format!("{view:?} after {filled} and {quantity}"))?;
        let wanted = view.remaining + quantity;
        if let Some(ask) = &ask {
            keeps_wish(ask, entered, (wanted, filled), self.state)?;
        }
        self.matched(entered, wanted)?;
        makers.iter().try_for_each(|part| self.traded(part))?;
        gone.iter().try_for_each(|gone| self.gone(gone, stamp))?;
        let rests = ended.is_none() && view.remaining > 0;
        let may_rest = self.state == BookState::Auction || (view.price.is_some() && pays_to.is_none());
        holds("I11", !rests || may_rest, || format!("{} rests at no price", view.order))?;
        let held = match entered.moved.as_deref() {
            None => 0,
            Some(moved) => {
                self.moves(view, moved, (quantity, value), before)?;
                if let Some(Purpose::Place(waiting)) = ask.map(|ask| ask.purpose)
                    && let Some(max) = waiting.max_amount
                {
                    holds("I34", moved.given <= max, || format!("{moved:?} for at most {max}"))?;
                }
                moved.held
            }
        };
        holds("I34", entered.moved.is_some() == self.is_funded(), || "what moves".to_owned())?;
        if rests {
            let (pays_to, expires_at, value) = (*pays_to, *expires_at, before + value);
            self.resting.push(Rest { view: *view, pays_to, expires_at, value, held });
        } else {
            holds("I32", held == 0, || format!("{} has ended and holds {held}", view.order))?;
            self.ended.insert(view.order);
        }
        Ok(())
    }

    /// A changed order leaves its place; a new one was never there.
    fn leaves(
        &mut self,
        entered: &Entered,
        ask: Option<&Ask>,
        stamp: &Stamp,
    ) -> Result<Option<Rest>, Broken> {
        let view = &entered.view;
        let place = self.place(view.order);
        if entered.modified {
            let was = place.map(|place| self.resting.remove(place)).filter(|was| {
                let was = &was.view;
                (was.account, was.side, was.r#type) == (view.account, view.side, view.r#type)
            });
            holds("I16", was.is_some(), || format!("{} does not rest", view.order))?;
            return Ok(was);
        }
        let is_new = place.is_none() && !self.ended.contains(&view.order);
        holds("I16", is_new, || format!("{} comes again", view.order))?;
        let is_own = view.order == BookOrderId::from_u128(stamp.command_id) && view.account == stamp.by;
        holds("I36", is_own, || format!("{view:?} is of another command than {stamp:?}"))?;
        holds("I34", ask.is_some() == self.is_funded(), || format!("{} has no hold", view.order))?;
        Ok(None)
    }

    /// A resting order's part in trades.
    fn traded(&mut self, part: &Part) -> Checked {
        let Part { view, quantity, value, moved } = part;
        let Some(place) = self.place(view.order) else {
            return holds("I16", false, || format!("{} trades and does not rest", view.order));
        };
        let was = self.resting[place];
        let whole = OrderView { filled: was.view.filled + quantity, ..was.view };
        let whole = OrderView { remaining: was.view.remaining.saturating_sub(*quantity), ..whole };
        let fits = *view == whole && (1..=was.view.remaining).contains(quantity);
        holds("I11", fits, || format!("{view:?} after {quantity} of {:?}", was.view))?;
        holds("I34", moved.is_some() == self.is_funded(), || format!("what moves: {part:?}"))?;
        if let Some(moved) = moved {
            self.moves(view, moved, (*quantity, *value), was.value)?;
        }
        if view.remaining == 0 {
            self.resting.remove(place);
            self.ended.insert(view.order);
        } else {
            let rest = &mut self.resting[place];
            (rest.view, rest.value) = (*view, was.value + value);
            rest.held = moved.map_or(0, |moved| moved.held);
        }
        Ok(())
    }

    fn ended(&mut self, ended: &Ended, stamp: &Stamp) -> Checked {
        let in_steps = self.state == BookState::Uncrossing;
        let lapse = ended.gone.iter().all(|gone| gone.cause == Cause::AuctionEnded);
        holds("I15", !in_steps || lapse, || format!("{:?} end in between an auction's trades", ended.gone))?;
        ended.gone.iter().try_for_each(|gone| self.gone(gone, stamp))
    }

    /// An order ends: one that rests, or one that waits for its hold.
    fn gone(&mut self, gone: &Gone, stamp: &Stamp) -> Checked {
        let Gone { view, cause, held } = gone;
        holds("I32", *held == self.is_funded(), || format!("the hold of {gone:?}"))?;
        let is_owner = *cause != Cause::Cancelled || stamp.by == view.account;
        holds("I19", is_owner, || format!("{:?} cancels {gone:?}", stamp.by))?;
        let Some(place) = self.place(view.order) else {
            let ask = self.asks.values_mut().find(|ask| ask.view.order == view.order);
            let ask = ask.filter(|ask| !ask.dropped && ask.view == *view);
            let Some(ask) = ask.filter(|ask| matches!(ask.purpose, Purpose::Place(_))) else {
                return holds("I16", false, || format!("{gone:?}, which is not there"));
            };
            ask.dropped = true;
            self.ended.insert(view.order);
            return Ok(());
        };
        let rest = self.resting.remove(place);
        self.ended.insert(view.order);
        holds("I16", rest.view == *view, || format!("{gone:?} was {:?}", rest.view))?;
        match cause {
            Cause::Expired => {
                let due = rest.expires_at.is_some_and(|at| at <= stamp.time);
                holds("I15", due, || format!("{} expires before its time", view.order))
            }
            Cause::AuctionEnded => {
                let lapses = view.r#type == OrderType::Market && self.state == BookState::Uncrossing;
                holds("I16", lapses, || format!("{} ends with the auction", view.order))
            }
            _ => Ok(()),
        }
    }

    fn reduced(&mut self, reduced: &Reduced) -> Checked {
        let view = &reduced.view;
        let place = self.place(view.order);
        let Some(rest) = place.map(|place| &mut self.resting[place]) else {
            return holds("I16", false, || format!("{} does not rest", view.order));
        };
        let smaller = (1..rest.view.remaining).contains(&view.remaining);
        let same = OrderView { remaining: view.remaining, ..rest.view } == *view;
        holds("I11", smaller && same, || format!("{view:?} of {:?}", rest.view))?;
        holds("I11", self.listing.modify_keeps_place, || "a place is lost by changing".to_owned())?;
        (rest.view, rest.held) = (*view, reduced.held.unwrap_or(0));
        Ok(())
    }

    /// I43: the levels that were told are those of the orders that rest.
    fn told(&mut self, event: &BookEvent) -> Checked {
        let mut once = BTreeSet::new();
        for level in event.levels() {
            let place = (level.side == Side::Sell, level.price);
            holds("I43", once.insert(place), || format!("{level:?} is told twice"))?;
            match level.quantity {
                0 => self.depth.remove(&place),
                quantity => self.depth.insert(place, quantity),
            };
        }
        let mut depth = BTreeMap::new();
        for rest in &self.resting {
            if let Some(price) = rest.at() {
                *depth.entry((rest.view.side == Side::Sell, price)).or_insert(0) += rest.view.remaining;
            }
        }
        holds("I43", depth == self.depth, || format!("{:?} was told, there is {depth:?}", self.depth))
    }

    /// Each order that rests has its hold, with what its last event says and at least what it may have to pay.
    fn owed(&self) -> Checked {
        if !self.is_funded() {
            return Ok(());
        }
        for rest in &self.resting {
            let held = self.holds.of(rest.view.order).unwrap_or(0);
            let is_told = held == rest.held && held > 0;
            holds("I32", is_told, || format!("{held} are held for {rest:?}"))?;
            let need = self.need(rest);
            holds("I34", held >= need, || format!("{held} are held, {need} are needed for {rest:?}"))?;
        }
        let asked = self.asks.values().filter(|ask| !ask.dropped);
        let waits: BTreeSet<_> = asked.map(|ask| ask.view.order).collect();
        let idle = self.holds.all().find(|(_, hold, _)| {
            let order = BookOrderId(hold.0);
            self.place(order).is_none() && !waits.contains(&order)
        });
        holds("I32", idle.is_none(), || format!("{idle:?} is for no order"))
    }

    /// Outside auctions nobody rests who could trade.
    fn is_apart(&self) -> Checked {
        if self.state != BookState::Continuous {
            return Ok(());
        }
        let best = |side: Side| {
            let of_side = self.resting.iter().filter(|rest| rest.view.side == side);
            of_side.min_by_key(|rest| rest.rank())
        };
        let (bid, ask) = (best(Side::Buy), best(Side::Sell));
        let crossed = bid.zip(ask).filter(|(bid, ask)| ask.at().is_none_or(|price| bid.takes(price)));
        holds("I11", crossed.is_none(), || format!("they could trade: {crossed:?}"))
    }
}

/// Units and what they were traded for.
fn sums(parts: &[Part]) -> (u64, u64) {
    parts.iter().fold((0, 0), |(quantity, value), part| (quantity + part.quantity, value + part.value))
}

/// What was asked for is what has come: no more units, no other price, and at once what could not wait.
fn keeps_wish(ask: &Ask, entered: &Entered, (wanted, filled): (u64, u64), state: BookState) -> Checked {
    let Entered { view, ended, makers, expires_at, .. } = entered;
    let rests = ended.is_none() && view.remaining > 0;
    let kept = match &ask.purpose {
        _ if ask.dropped || ask.view.order != view.order => false,
        Purpose::Modify(wish) => {
            entered.modified && wanted + filled == wish.quantity && view.price == Some(wish.price)
        }
        Purpose::Place(waiting) => {
            let in_time = match waiting.time_in_force {
                TimeInForce::Fok => view.remaining == 0,
                TimeInForce::Ioc => !rests,
                TimeInForce::Gtc | TimeInForce::Gtd => true,
            };
            let is_passive = !waiting.post_only || (makers.is_empty() && state == BookState::Continuous);
            let same = waiting.quantity == wanted && waiting.expires_at == *expires_at;
            in_time && is_passive && same && !entered.modified && view.price == ask.view.price
        }
    };
    holds("I11", kept, || format!("{entered:?} of {ask:?}"))
}

impl Book {
    /// What an order's trades move is what they were traded for, and the fee on all of it so far less that of before.
    fn moves(&self, view: &OrderView, moved: &Moved, (quantity, value): (u64, u64), before: u64) -> Checked {
        let fee = self.fee(view.side, before + value) - self.fee(view.side, before);
        let (given, got) = match view.side {
            Side::Buy => (value + fee, quantity),
            Side::Sell => (quantity, value - fee),
        };
        let right = (moved.given, moved.got, moved.fee) == (given, got, fee);
        holds("I34", right, || format!("{moved:?} for {quantity} at {value} in all, after {before}"))
    }

    fn fee(&self, side: Side, value: u64) -> u64 {
        let fees = self.listing.fees.as_deref();
        let table = fees.and_then(|fees| match side {
            Side::Buy => fees.buyers_premium.as_ref(),
            Side::Sell => fees.sellers_commission.as_ref(),
        });
        let fee = table.filter(|_| value > 0).map_or(0, |table| table.on(value));
        if side == Side::Sell { fee.min(value) } else { fee }
    }

    /// The least that must be held for what an order may still trade.
    fn need(&self, rest: &Rest) -> u64 {
        match (rest.view.side, rest.at()) {
            (Side::Sell, _) => rest.view.remaining,
            (Side::Buy, None) => 1,
            (Side::Buy, Some(price)) => {
                let more = price * rest.view.remaining;
                more + self.fee(Side::Buy, rest.value + more) - self.fee(Side::Buy, rest.value)
            }
        }
    }
}

/// The hold of an order.
const fn hold_of(order: BookOrderId) -> HoldId {
    HoldId(order.0)
}
