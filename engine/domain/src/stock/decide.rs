//! The rules of stock (RULES, "Stock").

use super::state::{Reservation, available};
use super::{
    AdjustStock, CommitReservation, Counters, CreateStock, ExtendReservation, ReceiveStock, ReleaseStock,
    ReservationClosed, ReservationEnd, ReservationExtended, ReserveStock, Reserved, Stock, StockAdjusted,
    StockCommand, StockCreated, StockEvent, StockListing,
};
use crate::actor::{Answer, Decision, StockAnswer};
use crate::command::content_hash;
use crate::context::Context;
use crate::facts::Standing;
use crate::id::ReservationId;
use crate::limits;
use crate::rejection::{NotQualified, OutOfStock, Rejection, TooLate, WrongState};
use crate::time::Timestamp;

pub(super) fn create(
    command: &StockCommand,
    context: &Context<'_>,
) -> Result<Decision<StockEvent>, Rejection> {
    let StockCommand::Create(command) = command else { return Err(Rejection::NotFound) };
    if !context.standing.any(Standing::SELLER.with(Standing::OPERATOR)) {
        return Err(Rejection::Forbidden);
    }
    let market = context.facts.market(command.market).ok_or(Rejection::NotFound)?;
    let stock = command.stock.ok_or_else(|| Rejection::invalid("stock", "the id of the new stock item"))?;
    let seller = command.seller.unwrap_or(context.by);
    if seller != context.by && !context.standing.any(Standing::OPERATOR) {
        return Err(Rejection::Forbidden);
    }
    check_content(command)?;
    let listing = StockListing {
        market: command.market,
        currency: market.currency,
        seller,
        title: command.title.clone(),
        price: command.price,
        reference: command.r#ref.clone(),
        threshold: command.threshold.unwrap_or(0),
        limit_per_account: command.limit_per_account,
        description: command.description.clone(),
        category: command.category.clone(),
        images: command.images.clone().unwrap_or_default(),
    };
    let content = content_hash(&**command);
    let created = StockCreated { stock, listing, on_hand: command.on_hand, content };
    Ok(Decision::event(StockEvent::Created(Box::new(created))))
}

fn check_content(command: &CreateStock) -> Result<(), Rejection> {
    limits::text("title", &command.title, limits::TITLE_CHARS_MAX)?;
    limits::optional_text("description", command.description.as_deref(), limits::DESCRIPTION_CHARS_MAX)?;
    limits::optional_text("category", command.category.as_deref(), limits::CATEGORY_CHARS_MAX)?;
    limits::optional_text("ref", command.r#ref.as_deref(), limits::REF_CHARS_MAX)?;
    limits::images(command.images.as_deref().unwrap_or_default())?;
    check_quantity("on_hand", command.on_hand, 0)?;
    if let Some(limit) = command.limit_per_account {
        check_quantity("limit_per_account", limit, 1)?;
    }
    let threshold = command.threshold.unwrap_or(0);
    if threshold.unsigned_abs() > limits::QUANTITY_MAX {
        return Err(Rejection::invalid("threshold", format!("-{0} to {0}", limits::QUANTITY_MAX)));
    }
    if available(command.on_hand, 0, 0, threshold) < 0 {
        return Err(Rejection::invalid("threshold", "at most on_hand"));
    }
    Ok(())
}

fn check_quantity(field: &str, quantity: u64, min: u64) -> Result<(), Rejection> {
    if (min..=limits::QUANTITY_MAX).contains(&quantity) {
        return Ok(());
    }
    Err(Rejection::invalid(field, format!("{min} to {}", limits::QUANTITY_MAX)))
}

pub(super) fn decide(
    stock: &Stock,
    command: &StockCommand,
    context: &Context<'_>,
) -> Result<Decision<StockEvent>, Rejection> {
    match command {
        StockCommand::Reserve(command) => stock.reserve(command, context),
        StockCommand::Release(command) => stock.release(command, context),
        StockCommand::Commit(command) => stock.commit(command, context),
        StockCommand::Extend(command) => stock.extend(command, context),
        StockCommand::Receive(command) => stock.receive(command, context),
        StockCommand::Adjust(command) => stock.adjust(command, context),
        StockCommand::Create(command) => stock.create_again(command, context),
    }
}

impl Stock {
    fn create_again(
        &self,
        command: &CreateStock,
        context: &Context<'_>,
    ) -> Result<Decision<StockEvent>, Rejection> {
        if self.owner != context.by || self.content != content_hash(command) {
            return Err(Rejection::AlreadyExists);
        }
        let Counters { available, reserved, on_hand, allocated } = self.counters();
        let answer = StockAnswer {
            reservation: None,
            expires_at: None,
            available,
            reserved,
            on_hand,
            allocated,
            state: None,
        };
        Ok(Decision::unchanged(Answer::Stock((self.id, answer))))
    }

    fn reserve(
        &self,
        command: &ReserveStock,
        context: &Context<'_>,
    ) -> Result<Decision<StockEvent>, Rejection> {
        if !context.standing.any(Standing::BIDDER) {
            return Err(Rejection::Forbidden);
        }
        if context.standing.any(Standing::SUSPENDED) {
            return Err(Rejection::NotQualified(NotQualified { needs: "suspended".to_owned() }));
        }
        if context.facts.market(self.listing.market).is_some_and(|market| market.halted_since.is_some()) {
            return Err(Rejection::MarketHalted);
        }
        check_quantity("quantity", command.quantity, 1)?;
        let expires_at = expiry(command.ttl_ms, context.now)?;
        let reservation = context.reservation_id();
        if self.reservations.contains_key(&reservation) {
            return Err(Rejection::AlreadyExists);
        }
        // What has expired does not count, even if its event is late.
        let (mut events, given_back) = self.expiries(context.now, usize::MAX);
        let live = self.reservations.len() - events.len();
        if live >= limits::RESERVATIONS_MAX {
            return Err(limits::exceeded("reservations", limits::RESERVATIONS_MAX as u64, live as u64 + 1));
        }
        self.check_limit_per_account(command.quantity, context, &events)?;
        let reserved = self.reserved - given_back;
        let available = available(self.on_hand, self.allocated, reserved, self.listing.threshold);
        if i128::from(command.quantity) > available {
            let available = u64::try_from(available).unwrap_or(0);
            return Err(Rejection::OutOfStock(OutOfStock { available, asked: command.quantity }));
        }
        let counters = self.counters_with(self.on_hand, self.allocated, reserved + command.quantity);
        events.push(StockEvent::Reserved(Reserved { quantity: command.quantity, expires_at, counters }));
        Ok(Decision::events(events))
    }

    fn check_limit_per_account(
        &self,
        quantity: u64,
        context: &Context<'_>,
        expired: &[StockEvent],
    ) -> Result<(), Rejection> {
        let Some(limit) = self.listing.limit_per_account else { return Ok(()) };
        let given_back = expired.iter().map(|event| match event {
            StockEvent::Closed(closed) if closed.account == context.by => closed.quantity,
            _ => 0,
        });
        let taken = self.taken.get(&context.by).copied().unwrap_or(0) - given_back.sum::<u64>();
        let asked = taken.saturating_add(quantity);
        if asked > limit { Err(limits::exceeded("limit_per_account", limit, asked)) } else { Ok(()) }
    }

    /// The live reservation that is meant, or why it is none (I25, I29).
    fn live(&self, id: ReservationId, now: Timestamp) -> Result<&Reservation, Rejection> {
        if let Some(reservation) = self.reservations.get(&id) {
            return if reservation.expires_at > now {
                Ok(reservation)
            } else {
                Err(expired(reservation.expires_at, now))
            };
        }
        match self.ended.iter().rev().find(|ended| ended.id == id) {
            Some(ended) if ended.end == ReservationEnd::Expired => Err(expired(ended.at, now)),
            Some(ended) => {
                Err(Rejection::ReservationNotActive(WrongState { state: ended.end.name().to_owned() }))
            }
            None => Err(Rejection::NotFound),
        }
    }

    fn release(
        &self,
        command: &ReleaseStock,
        context: &Context<'_>,
    ) -> Result<Decision<StockEvent>, Rejection> {
        let reservation = self.live(command.reservation, context.now)?;
        authorize_owner(reservation, context)?;
        let counters = self.counters_with(self.on_hand, self.allocated, self.reserved - reservation.quantity);
        Ok(Decision::event(closed(reservation, ReservationEnd::Released, counters)))
    }

    fn commit(
        &self,
        command: &CommitReservation,
        context: &Context<'_>,
    ) -> Result<Decision<StockEvent>, Rejection> {
        if !context.standing.any(Standing::OPERATOR.with(Standing::ENGINE)) {
            return Err(Rejection::Forbidden);
        }
        let reservation = self.live(command.reservation, context.now)?;
        let allocated = self.allocated + reservation.quantity;
        let counters = self.counters_with(self.on_hand, allocated, self.reserved - reservation.quantity);
        Ok(Decision::event(closed(reservation, ReservationEnd::Committed, counters)))
    }

    fn extend(
        &self,
        command: &ExtendReservation,
        context: &Context<'_>,
    ) -> Result<Decision<StockEvent>, Rejection> {
        let reservation = self.live(command.reservation, context.now)?;
        authorize_owner(reservation, context)?;
        let expires_at = expiry(command.ttl_ms, context.now)?.max(reservation.expires_at);
        Ok(Decision::event(StockEvent::Extended(ReservationExtended {
            reservation: reservation.id,
            account: reservation.account,
            quantity: reservation.quantity,
            expires_at,
            counters: self.counters(),
        })))
    }

    fn receive(
        &self,
        command: &ReceiveStock,
        context: &Context<'_>,
    ) -> Result<Decision<StockEvent>, Rejection> {
        self.authorize_seller(context)?;
        limits::optional_text("reason", command.reason.as_deref(), limits::REASON_CHARS_MAX)?;
        check_quantity("quantity", command.quantity, 1)?;
        let on_hand = self.on_hand.saturating_add(command.quantity);
        check_quantity("quantity", on_hand, 0)?;
        Ok(Decision::event(StockEvent::Received(Box::new(StockAdjusted {
            quantity: command.quantity as i64,
            reason: command.reason.clone(),
            counters: self.counters_with(on_hand, self.allocated, self.reserved),
        }))))
    }

    fn adjust(
        &self,
        command: &AdjustStock,
        context: &Context<'_>,
    ) -> Result<Decision<StockEvent>, Rejection> {
        self.authorize_seller(context)?;
        limits::reason(Some(&command.reason))?;
        if command.quantity == 0 || command.quantity.unsigned_abs() > limits::QUANTITY_MAX {
            return Err(Rejection::invalid("quantity", format!("-{0} to {0}, not 0", limits::QUANTITY_MAX)));
        }
        // An adjustment below what is committed is refused; nor can fewer than no units be at hand.
        let (expired, given_back) = self.expiries(context.now, usize::MAX);
        let reserved = self.reserved - given_back;
        let free = available(self.on_hand, self.allocated, reserved, self.listing.threshold);
        let free = u64::try_from(free).unwrap_or(0).min(self.on_hand);
        if command.quantity < 0 && command.quantity.unsigned_abs() > free {
            let asked = command.quantity.unsigned_abs();
            return Err(Rejection::OutOfStock(OutOfStock { available: free, asked }));
        }
        let on_hand = self.on_hand.saturating_add_signed(command.quantity);
        check_quantity("quantity", on_hand, 0)?;
        let mut events = expired;
        events.push(StockEvent::Adjusted(Box::new(StockAdjusted {
            quantity: command.quantity,
            reason: Some(command.reason.clone()),
            counters: self.counters_with(on_hand, self.allocated, reserved),
        })));
        Ok(Decision::events(events))
    }

    fn authorize_seller(&self, context: &Context<'_>) -> Result<(), Rejection> {
        let allowed = context.by == self.listing.seller || context.standing.any(Standing::OPERATOR);
        if allowed { Ok(()) } else { Err(Rejection::Forbidden) }
    }

    fn counters_with(&self, on_hand: u64, allocated: u64, reserved: u64) -> Counters {
        Counters::new(on_hand, allocated, reserved, self.listing.threshold)
    }
}

fn authorize_owner(reservation: &Reservation, context: &Context<'_>) -> Result<(), Rejection> {
    let allowed =
        context.by == reservation.account || context.standing.any(Standing::OPERATOR.with(Standing::ENGINE));
    if allowed { Ok(()) } else { Err(Rejection::Forbidden) }
}

fn closed(reservation: &Reservation, end: ReservationEnd, counters: Counters) -> StockEvent {
    StockEvent::Closed(ReservationClosed {
        reservation: reservation.id,
        account: reservation.account,
        quantity: reservation.quantity,
        end,
        counters,
    })
}

fn expired(ended_at: Timestamp, now: Timestamp) -> Rejection {
    Rejection::ReservationExpired(TooLate { ended_at, late_by_us: now.micros_since(ended_at) })
}

fn expiry(ttl_ms: Option<u64>, now: Timestamp) -> Result<Timestamp, Rejection> {
    let ttl_ms = ttl_ms.unwrap_or(limits::RESERVATION_TTL_MS);
    if !(1..=limits::RESERVATION_TTL_MAX_MS).contains(&ttl_ms) {
        return Err(Rejection::invalid("ttl_ms", format!("1 to {}", limits::RESERVATION_TTL_MAX_MS)));
    }
    Ok(now.plus_ms(ttl_ms))
}
