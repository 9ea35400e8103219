//! The rules of stock (RULES, "Stock").

use super::levels::{Kind, Levels, available};
use super::state::Reservation;
use super::{
    AdjustStock, Counters, CreateStock, ExtendReservation, Location, LocationRequest, Place, ReceiveStock,
    ReleaseStock, ReservationClosed, ReservationEnd, ReservationExtended, ReserveStock, Reserved, Stock,
    StockAdjusted, StockCommand, StockCreated, StockEvent, StockListing, Strategy,
};
use crate::actor::{Answer, Decision, Events, StockAnswer};
use crate::command::content_hash;
use crate::context::Context;
use crate::facts::Standing;
use crate::id::{AccountId, ReservationId};
use crate::limits;
use crate::rejection::{NotQualified, OutOfStock, Rejection, TooLate, WrongState};
use crate::time::Timestamp;

/// The furthest places: latitude and longitude in millionths of a degree.
const LATITUDE_MAX: i64 = 90_000_000;
const LONGITUDE_MAX: i64 = 180_000_000;

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
    let requested = command.locations.as_deref().unwrap_or_default();
    check_locations(requested, command.on_hand)?;
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
        fees: market.fees.clone(),
        locations: requested.iter().map(|one| Location { name: one.name.clone(), at: one.at }).collect(),
        strategy: command.strategy.unwrap_or_default(),
    };
    let content = content_hash(&**command);
    let at_locations = requested.iter().map(|one| one.on_hand).collect();
    let created = StockCreated { stock, listing, on_hand: command.on_hand, content, at_locations };
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

fn check_locations(locations: &[LocationRequest], on_hand: u64) -> Result<(), Rejection> {
    if locations.is_empty() {
        return Ok(());
    }
    if locations.len() > limits::LOCATIONS_MAX {
        let (max, asked) = (limits::LOCATIONS_MAX as u64, locations.len() as u64);
        return Err(limits::exceeded("locations", max, asked));
    }
    for (nth, location) in locations.iter().enumerate() {
        limits::text("locations", &location.name, limits::LOCATION_CHARS_MAX)?;
        if locations[..nth].iter().any(|other| other.name == location.name) {
            return Err(Rejection::invalid("locations", "a name for each, unlike the others"));
        }
        check_quantity("locations", location.on_hand, 0)?;
        check_place("locations", location.at)?;
    }
    let sum = locations.iter().map(|location| u128::from(location.on_hand)).sum::<u128>();
    if sum == u128::from(on_hand) {
        return Ok(());
    }
    Err(Rejection::invalid("on_hand", "the sum of the locations'"))
}

/// A place that is on the earth, or none.
pub(crate) fn check_place(field: &str, place: Option<Place>) -> Result<(), Rejection> {
    let valid = |(latitude, longitude): Place| {
        latitude.unsigned_abs() <= LATITUDE_MAX.unsigned_abs()
            && longitude.unsigned_abs() <= LONGITUDE_MAX.unsigned_abs()
    };
    if place.is_none_or(valid) {
        return Ok(());
    }
    let expected =
        format!("latitude within {LATITUDE_MAX}, longitude within {LONGITUDE_MAX} (millionths of a degree)");
    Err(Rejection::invalid(field, expected))
}

pub(super) fn check_quantity(field: &str, quantity: u64, min: u64) -> Result<(), Rejection> {
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
        StockCommand::Extend(command) => stock.extend(command, context),
        StockCommand::Receive(command) => stock.receive(command, context),
        StockCommand::Adjust(command) => stock.adjust(command, context),
        StockCommand::Create(command) => stock.create_again(command, context),
        StockCommand::Ship(command) => stock.ship(command, context),
        StockCommand::Return(command) => stock.take_back(command, context),
        StockCommand::ReserveForOrder(_)
        | StockCommand::TakeReservation(_)
        | StockCommand::AllocateForOrder(_)
        | StockCommand::ReleaseForOrder(_)
        | StockCommand::FinishForOrder(_) => stock.for_order(command, context),
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
        self.check_buyer(context.standing, context)?;
        check_quantity("quantity", command.quantity, 1)?;
        let expires_at = expiry(command.ttl_ms, context.now)?;
        let strategy = command.strategy.unwrap_or(self.listing.strategy);
        self.check_near(strategy, command.near)?;
        let reservation = context.reservation_id();
        if self.reservations.contains_key(&reservation) {
            return Err(Rejection::AlreadyExists);
        }
        // What has expired does not count, even if its event is late.
        let (mut events, mut after) = self.expiries(context.now, usize::MAX);
        self.check_room(context.by, command.quantity, &events, &after)?;
        let parts = after.choose(command.quantity, strategy, &self.listing.locations, command.near);
        after.put(Kind::Reserved, command.quantity, &parts);
        events.push(StockEvent::Reserved(Reserved {
            quantity: command.quantity,
            expires_at,
            counters: after.counters(),
            split: after.split(&parts),
        }));
        Ok(Decision::events(events))
    }

    /// Whoever may take something here.
    #[inline]
    pub(super) fn check_buyer(&self, standing: Standing, context: &Context<'_>) -> Result<(), Rejection> {
        if !standing.any(Standing::BIDDER) {
            return Err(Rejection::Forbidden);
        }
        if standing.any(Standing::SUSPENDED) {
            return Err(Rejection::NotQualified(NotQualified { needs: "suspended".to_owned() }));
        }
        if context.facts.market(self.listing.market).is_some_and(|market| market.halted_since.is_some()) {
            return Err(Rejection::MarketHalted);
        }
        Ok(())
    }

    /// `nearest` must know to what, where there is a choice.
    pub(super) fn check_near(&self, strategy: Strategy, near: Option<Place>) -> Result<(), Rejection> {
        check_place("near", near)?;
        if strategy == Strategy::Nearest && near.is_none() && self.listing.locations.len() > 1 {
            let expected = "where it goes, [latitude, longitude] in millionths of a degree: the item is served from the nearest location";
            return Err(Rejection::invalid("near", expected));
        }
        Ok(())
    }

    /// Whether the account may set aside so many units more, and whether they are there.
    pub(super) fn check_room(
        &self,
        account: AccountId,
        quantity: u64,
        expired: &Events<StockEvent>,
        after: &Levels,
    ) -> Result<(), Rejection> {
        let held = self.reservations.len() - expired.len() + self.allocations.len();
        if held >= limits::RESERVATIONS_MAX {
            return Err(limits::exceeded("reservations", limits::RESERVATIONS_MAX as u64, held as u64 + 1));
        }
        self.check_limit_per_account(account, quantity, expired)?;
        let available = after.available() + i128::from(crate::mutant("oversold"));
        if i128::from(quantity) > available {
            let available = u64::try_from(available).unwrap_or(0);
            return Err(Rejection::OutOfStock(OutOfStock { available, asked: quantity }));
        }
        Ok(())
    }

    fn check_limit_per_account(
        &self,
        account: AccountId,
        quantity: u64,
        expired: &[StockEvent],
    ) -> Result<(), Rejection> {
        let Some(limit) = self.listing.limit_per_account else { return Ok(()) };
        let given_back = expired.iter().map(|event| match event {
            StockEvent::Closed(closed) if closed.account == account => closed.quantity,
            _ => 0,
        });
        let taken = self.taken.get(&account).copied().unwrap_or(0).saturating_sub(given_back.sum::<u64>());
        let asked = taken.saturating_add(quantity);
        if asked > limit { Err(limits::exceeded("limit_per_account", limit, asked)) } else { Ok(()) }
    }

    /// The live reservation that is meant, or why it is none (I25, I29).
    pub(super) fn live(&self, id: ReservationId, now: Timestamp) -> Result<&Reservation, Rejection> {
        if let Some(reservation) = self.reservations.get(&id) {
            return if reservation.expires_at > now || crate::mutant("expired_is_live") {
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
        let mut after = self.levels.clone();
        if !crate::mutant("release_forgets") {
            after.take(Kind::Reserved, reservation.quantity, &reservation.parts);
        }
        Ok(Decision::event(closed(reservation, ReservationEnd::Released, &after)))
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
        let location = self.location(command.location.as_deref())?;
        check_quantity("quantity", self.levels.on_hand.saturating_add(command.quantity), 0)?;
        let mut after = self.levels.clone();
        after.move_on_hand(location, command.quantity as i64);
        Ok(Decision::event(StockEvent::Received(Box::new(StockAdjusted {
            quantity: command.quantity as i64,
            reason: command.reason.clone(),
            counters: after.counters(),
            split: after.split(&[]),
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
        let location = self.location(command.location.as_deref())?;
        // An adjustment below what is committed is refused; nor can fewer than no units be at hand.
        let (mut events, mut after) = self.expiries(context.now, usize::MAX);
        let asked = command.quantity.unsigned_abs();
        let available = after.removable_at(location);
        if command.quantity < 0 && asked > available {
            return Err(Rejection::OutOfStock(OutOfStock { available, asked }));
        }
        after.move_on_hand(location, command.quantity);
        check_quantity("quantity", after.on_hand, 0)?;
        events.push(StockEvent::Adjusted(Box::new(StockAdjusted {
            quantity: command.quantity,
            reason: Some(command.reason.clone()),
            counters: after.counters(),
            split: after.split(&[]),
        })));
        Ok(Decision::events(events))
    }

    /// The place of a location in the item's list; the first one where none is named.
    pub(super) fn location(&self, name: Option<&str>) -> Result<u32, Rejection> {
        let Some(name) = name else { return Ok(0) };
        let found = self.listing.locations.iter().position(|location| location.name == name);
        found.map(|place| place as u32).ok_or_else(|| {
            Rejection::invalid("location", "the name of one of the item's locations; see stock.get")
        })
    }

    pub(super) fn authorize_seller(&self, context: &Context<'_>) -> Result<(), Rejection> {
        let allowed = context.by == self.listing.seller || context.standing.any(Standing::OPERATOR);
        if allowed { Ok(()) } else { Err(Rejection::Forbidden) }
    }
}

fn authorize_owner(reservation: &Reservation, context: &Context<'_>) -> Result<(), Rejection> {
    let allowed = context.by == reservation.account || context.standing.any(Standing::OPERATOR);
    if !allowed {
        return Err(Rejection::Forbidden);
    }
    if reservation.line.is_some() {
        // It ends with its order, by payment, cancellation or its time.
        return Err(Rejection::ReservationNotActive(WrongState { state: "ordered".to_owned() }));
    }
    Ok(())
}

fn closed(reservation: &Reservation, end: ReservationEnd, after: &Levels) -> StockEvent {
    StockEvent::Closed(ReservationClosed {
        reservation: reservation.id,
        account: reservation.account,
        quantity: reservation.quantity,
        end,
        counters: after.counters(),
        split: after.split(&[]),
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
