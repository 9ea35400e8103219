//! The rules of a book (RULES, "Books"): who may do what, and what a command must say.

use super::place::Taker;
use super::state::number;
use super::{
    Book, BookCommand, BookCreated, BookEvent, BookListing, BookSettled, BookState, CreateBook, OrderType,
    OrderView, PlaceOrder, Purpose, Side, TimeInForce, Waiting,
};
use crate::actor::{Answer, Decision};
use crate::amount::AMOUNT_MAX;
use crate::command::content_hash;
use crate::context::Context;
use crate::facts::Standing;
use crate::id::{AccountId, BookOrderId};
use crate::limits;
use crate::rejection::{NotQualified, PriceOffTick, QuantityOffLot, Rejection, WrongState};

pub(super) type Decided = Result<Decision<BookEvent>, Rejection>;

pub(super) fn create(command: &BookCommand, context: &Context<'_>) -> Decided {
    let BookCommand::Create(command) = command else { return Err(Rejection::NotFound) };
    if !context.standing.any(Standing::SELLER.with(Standing::OPERATOR)) {
        return Err(Rejection::Forbidden);
    }
    let market = context.facts.market(command.market).ok_or(Rejection::NotFound)?;
    let book = command.book.ok_or_else(|| Rejection::invalid("book", "the id of the new book"))?;
    check_content(command)?;
    let lot_size = command.lot_size.unwrap_or(1);
    let listing = BookListing {
        market: command.market,
        currency: market.currency,
        title: command.title.clone(),
        tick: command.tick.get(),
        lot_size,
        reference_price: command.reference.map(crate::amount::Amount::get),
        tick_significant_figures: command.tick_significant_figures,
        self_trade: command.self_trade.unwrap_or_default(),
        modify_keeps_place: command.modify_keeps_place.unwrap_or(true),
        funding: command.funding.unwrap_or_default(),
        fees: market.fees.clone(),
        reference: command.r#ref.clone(),
        description: command.description.clone(),
    };
    if let Some(reference) = listing.reference_price {
        listing.check_price(reference)?;
    }
    let halted = context.facts.is_halted(command.market);
    let created = BookCreated { book, listing, content: content_hash(&**command), halted };
    Ok(Decision::event(BookEvent::Created(Box::new(created))))
}

fn check_content(command: &CreateBook) -> Result<(), Rejection> {
    limits::text("title", &command.title, limits::TITLE_CHARS_MAX)?;
    limits::optional_text("ref", command.r#ref.as_deref(), limits::REF_CHARS_MAX)?;
    limits::optional_text("description", command.description.as_deref(), limits::DESCRIPTION_CHARS_MAX)?;
    let lot_size = command.lot_size.unwrap_or(1);
    if !(1..=limits::QUANTITY_MAX).contains(&lot_size) {
        return Err(Rejection::invalid("lot_size", format!("1 to {}", limits::QUANTITY_MAX)));
    }
    // One lot at one tick is the least that can be traded.
    if command.tick.checked_mul(lot_size).is_none() {
        return Err(Rejection::AmountOutOfRange);
    }
    let figures = command.tick_significant_figures.unwrap_or(1);
    if !(1..=limits::SIGNIFICANT_FIGURES_MAX).contains(&figures) {
        let expected = format!("1 to {}", limits::SIGNIFICANT_FIGURES_MAX);
        return Err(Rejection::invalid("tick_significant_figures", expected));
    }
    Ok(())
}

impl BookListing {
    /// The step of prices around this one: the tick, or the last significant figure where that is larger. Prices of that
    /// many figures are multiples of a power of ten; both steps must be kept.
    fn keeps(&self, price: u64) -> bool {
        price.is_multiple_of(self.tick) && price.is_multiple_of(self.figures_step(price))
    }

    /// The place of the last significant figure that a price of this size may have, as a power of ten.
    fn figures_step(&self, price: u64) -> u64 {
        let figures = self.tick_significant_figures.unwrap_or(limits::SIGNIFICANT_FIGURES_MAX);
        let digits = price.checked_ilog10().map_or(1, |log| log + 1);
        10_u64.pow(digits.saturating_sub(figures))
    }

    /// A price of the book.
    ///
    /// # Errors
    /// `price_off_tick` with the nearest prices that would do.
    pub(super) fn check_price(&self, price: u64) -> Result<(), Rejection> {
        if self.keeps(price) {
            return Ok(());
        }
        let (below, above) = (self.nearest(price, false), self.nearest(price, true));
        Err(Rejection::PriceOffTick(PriceOffTick { below, above }))
    }

    /// The nearest price of the book below or above one that is none.
    fn nearest(&self, price: u64, above: bool) -> Option<u64> {
        // The step is the least common multiple of tick and figure; past a power of ten it changes, at most 16 times.
        let mut at = price;
        for _ in 0..=limits::SIGNIFICANT_FIGURES_MAX {
            let step = least_common_multiple(self.tick, self.figures_step(at))?;
            let floor = at / step * step;
            at = match (above, floor == at) {
                (true, false) => floor.checked_add(step)?,
                _ => floor,
            };
            if at == 0 || at > AMOUNT_MAX {
                return None;
            }
            if self.keeps(at) {
                return Some(at);
            }
        }
        None
    }

    /// Units of the book.
    pub(super) fn check_quantity(&self, quantity: u64) -> Result<(), Rejection> {
        if !(1..=limits::QUANTITY_MAX).contains(&quantity) {
            return Err(Rejection::invalid("quantity", format!("1 to {}", limits::QUANTITY_MAX)));
        }
        if !quantity.is_multiple_of(self.lot_size) {
            return Err(Rejection::QuantityOffLot(QuantityOffLot { lot_size: self.lot_size }));
        }
        Ok(())
    }
}

fn least_common_multiple(one: u64, other: u64) -> Option<u64> {
    let (mut a, mut b) = (one, other);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    (one / a).checked_mul(other)
}

/// What a quantity costs at a price.
pub(super) fn product(price: u64, quantity: u64) -> Result<u64, Rejection> {
    let product = price.checked_mul(quantity).filter(|&product| product <= AMOUNT_MAX);
    product.ok_or(Rejection::AmountOutOfRange)
}

pub(super) fn wrong_state(state: &str) -> Rejection {
    Rejection::NotAllowedInState(WrongState { state: state.to_owned() })
}

pub(super) fn decide(book: &Book, command: &BookCommand, context: &Context<'_>) -> Decided {
    match command {
        BookCommand::Create(command) => {
            if book.owner == context.by && book.content == content_hash(&**command) {
                return Ok(Decision::unchanged(Answer::Book(book.id)));
            }
            Err(Rejection::AlreadyExists)
        }
        BookCommand::Place(command) => book.place(command, context),
        BookCommand::Cancel(command) => book.cancel(command, context),
        BookCommand::Modify(command) => book.modify(command, context),
        BookCommand::Auction(command) => book.call_auction(command, context),
        BookCommand::Settled(command) => {
            let BookSettled { settled, .. } = &**command;
            book.settled(settled, context)
        }
    }
}

impl Book {
    /// Whether orders may come in now.
    pub(super) fn check_open(&self, by: AccountId, context: &Context<'_>) -> Result<(), Rejection> {
        let market = self.listing.market;
        if context.facts.is_suspended(by, market) {
            return Err(Rejection::NotQualified(NotQualified { needs: "suspended".to_owned() }));
        }
        match self.state {
            _ if context.facts.is_halted(market) => Err(Rejection::MarketHalted),
            BookState::Halted => Err(Rejection::MarketHalted),
            BookState::Uncrossing => Err(wrong_state(self.state.name())),
            BookState::Continuous | BookState::Auction => Ok(()),
        }
    }

    fn place(&self, command: &PlaceOrder, context: &Context<'_>) -> Decided {
        if !context.standing.any(Standing::BIDDER) {
            return Err(Rejection::Forbidden);
        }
        self.check_open(context.by, context)?;
        self.check_order(command, context)?;
        self.check_room(context.by)?;
        if self.core.find(context.command_id).is_some() {
            return Err(Rejection::AlreadyExists);
        }
        let taker = Taker {
            view: OrderView {
                order: BookOrderId::from_u128(context.command_id),
                account: context.by,
                side: command.side,
                r#type: command.r#type,
                price: command.price.map(crate::amount::Amount::get),
                filled: 0,
                remaining: command.quantity,
            },
            time_in_force: command.time_in_force.unwrap_or_default(),
            post_only: command.post_only == Some(true),
            expires_at: command.expires_at,
            max_amount: command.max_amount.map(crate::amount::Amount::get),
            ..Taker::default()
        };
        if self.is_funded() {
            return self.wait_for_hold(&taker, context);
        }
        self.enter(&taker, context).map(|entered| Decision::event(BookEvent::Entered(Box::new(entered))))
    }

    /// What a new order says, by itself and for the state that the book is in.
    fn check_order(&self, command: &PlaceOrder, context: &Context<'_>) -> Result<(), Rejection> {
        self.listing.check_quantity(command.quantity)?;
        let time_in_force = command.time_in_force.unwrap_or_default();
        match (command.r#type, command.price) {
            (OrderType::Limit, None) => return Err(Rejection::invalid("price", "a limit order's price")),
            (OrderType::Limit, Some(price)) => {
                self.listing.check_price(price.get())?;
                product(price.get(), command.quantity)?;
            }
            (OrderType::Market, Some(_)) => {
                return Err(Rejection::invalid("price", "none: a market order takes any price"));
            }
            (OrderType::Market, None) if command.post_only == Some(true) => {
                return Err(Rejection::invalid("post_only", "limit orders only"));
            }
            (OrderType::Market, None) => {}
        }
        let buys_at_any_price = command.r#type == OrderType::Market && command.side == Side::Buy;
        match command.max_amount {
            Some(_) if !buys_at_any_price => {
                return Err(Rejection::invalid("max_amount", "only of a market order that buys"));
            }
            None if buys_at_any_price && self.is_funded() => {
                return Err(Rejection::invalid(
                    "max_amount",
                    "what the order may cost in all, fees included",
                ));
            }
            _ => {}
        }
        match (time_in_force, command.expires_at) {
            (TimeInForce::Gtd, Some(at)) if at > context.now => {}
            (TimeInForce::Gtd, _) => return Err(Rejection::invalid("expires_at", "a time to come")),
            (_, Some(_)) => return Err(Rejection::invalid("expires_at", "only of a gtd order")),
            _ => {}
        }
        let at_once = matches!(time_in_force, TimeInForce::Ioc | TimeInForce::Fok);
        if at_once && command.post_only == Some(true) {
            return Err(Rejection::invalid("post_only", "only of an order that may rest"));
        }
        Ok(())
    }

    /// Whether there is room for one more order of the account.
    fn check_room(&self, account: AccountId) -> Result<(), Rejection> {
        let all = self.orders.len() + self.asks.len();
        if all >= limits::BOOK_ORDERS_MAX {
            return Err(limits::exceeded("book_orders", limits::BOOK_ORDERS_MAX as u64, all as u64 + 1));
        }
        let own = self.live_of(account);
        if own >= limits::BOOK_ORDERS_OF_ACCOUNT_MAX {
            let allowed = limits::BOOK_ORDERS_OF_ACCOUNT_MAX as u64;
            return Err(limits::exceeded("book_orders_of_account", allowed, own as u64 + 1));
        }
        Ok(())
    }

    /// A new order waits until its account holds what it needs.
    fn wait_for_hold(&self, taker: &Taker, context: &Context<'_>) -> Decided {
        self.check_auction(taker)?;
        let total = self.need(taker)?;
        let purpose = Purpose::Place(Waiting {
            quantity: taker.view.remaining,
            max_amount: taker.max_amount,
            time_in_force: taker.time_in_force,
            post_only: taker.post_only,
            expires_at: taker.expires_at,
        });
        self.ask_for(&taker.view, purpose, (total, total), context)
    }

    /// The handle of a live order and what is known of it.
    pub(super) fn live(
        &self,
        order: BookOrderId,
    ) -> Option<(super::matching::Handle, OrderView, &super::state::Live)> {
        let id = number(order);
        let live = self.orders.get(&id)?;
        let handle = self.core.find(id)?;
        Some((handle, self.view(&self.core.get(handle)?, live), live))
    }
}
