//! What orders have of a stock item: set aside, allocated, given back, shipped, returned (RULES, "Stock").

use super::decide::check_quantity;
use super::levels::{Kind, Levels};
use super::state::Allocation;
use super::{
    AllocateForOrder, Allocated, LineMoved, LineName, OfOrder, Offer, OrderRefused, OrderReserved, Part,
    ReserveForOrder, ReturnStock, ShipStock, Stock, StockCommand, StockEvent, TakeReservation,
};
use crate::actor::{Decision, Events};
use crate::context::Context;
use crate::facts::Standing;
use crate::id::{OrderId, ReservationId};
use crate::limits;
use crate::rejection::{OutOfStock, Rejection, WrongState};

impl Stock {
    /// What orders ask. A refusal is an event, which tells the order.
    pub(super) fn for_order(
        &self,
        command: &StockCommand,
        context: &Context<'_>,
    ) -> Result<Decision<StockEvent>, Rejection> {
        if !context.standing.any(Standing::ENGINE) {
            return Err(Rejection::Forbidden);
        }
        let (order, line, events) = match command {
            StockCommand::ReserveForOrder(asked) => {
                (asked.order, asked.line, self.reserve_for_order(asked, context))
            }
            StockCommand::TakeReservation(asked) => {
                (asked.order, asked.line, self.take_reservation(asked, context))
            }
            StockCommand::AllocateForOrder(asked) => return Ok(self.allocate_for_order(asked, context)),
            StockCommand::ReleaseForOrder(asked) => return Ok(self.release_for_order(asked, context)),
            StockCommand::FinishForOrder(asked) => return Ok(self.finish_for_order(asked)),
            _ => return Err(Rejection::Forbidden),
        };
        Ok(Decision::events(events.unwrap_or_else(|rejection| {
            let refused = OrderRefused { order, line, rejection };
            Events::from_iter([StockEvent::OrderRefused(Box::new(refused))])
        })))
    }

    fn reserve_for_order(
        &self,
        asked: &ReserveForOrder,
        context: &Context<'_>,
    ) -> Result<Events<StockEvent>, Rejection> {
        self.check_buyer(context.facts.standing(asked.buyer, self.listing.market), context)?;
        check_quantity("quantity", asked.quantity, 1)?;
        let strategy = self.listing.strategy;
        self.check_near(strategy, asked.near)?;
        let (mut events, mut after) = self.expiries(context.now, usize::MAX);
        self.check_room(asked.buyer, asked.quantity, &events, &after)?;
        let parts = after.choose(asked.quantity, strategy, &self.listing.locations, asked.near);
        after.put(Kind::Reserved, asked.quantity, &parts);
        events.push(StockEvent::OrderReserved(Box::new(OrderReserved {
            order: asked.order,
            line: asked.line,
            reservation: reservation_of(asked.order, asked.line),
            account: asked.buyer,
            quantity: asked.quantity,
            expires_at: context.now.plus_ms(asked.ttl_ms),
            taken: false,
            counters: after.counters(),
            split: after.split(&parts),
            offer: self.offer(),
        })));
        Ok(events)
    }

    fn take_reservation(
        &self,
        asked: &TakeReservation,
        context: &Context<'_>,
    ) -> Result<Events<StockEvent>, Rejection> {
        self.check_buyer(context.facts.standing(asked.buyer, self.listing.market), context)?;
        let reservation = self.live(asked.reservation, context.now)?;
        if reservation.account != asked.buyer {
            return Err(Rejection::Forbidden);
        }
        if reservation.line.is_some() {
            return Err(Rejection::ReservationNotActive(WrongState { state: "ordered".to_owned() }));
        }
        let expires_at = context.now.plus_ms(asked.ttl_ms).max(reservation.expires_at);
        Ok(Events::from_iter([StockEvent::OrderReserved(Box::new(OrderReserved {
            order: asked.order,
            line: asked.line,
            reservation: reservation.id,
            account: reservation.account,
            quantity: reservation.quantity,
            expires_at,
            taken: true,
            counters: self.counters(),
            split: self.levels.split(&reservation.parts),
            offer: self.offer(),
        }))]))
    }

    fn offer(&self) -> Offer {
        let listing = &self.listing;
        Offer {
            unit_price: listing.price,
            seller: listing.seller,
            currency: listing.currency,
            market: listing.market,
            title: listing.title.clone(),
            fees: listing.fees.clone(),
        }
    }

    /// A paid line gets its reservation's units, or after that has lapsed what is there (never silence: the order hears
    /// how many). A halted market does not stop what is paid.
    fn allocate_for_order(&self, asked: &AllocateForOrder, context: &Context<'_>) -> Decision<StockEvent> {
        let AllocateForOrder { order, line, buyer, .. } = *asked;
        let allocated = |quantity, reservation, parts: &[Part], after: &Levels| {
            StockEvent::Allocated(Allocated {
                order,
                line,
                reservation,
                account: buyer,
                quantity,
                counters: after.counters(),
                split: after.split(parts),
            })
        };
        if let Ok(live) = self.live(asked.reservation, context.now)
            && live.line == Some((order, line))
        {
            let mut after = self.levels.clone();
            after.take(Kind::Reserved, live.quantity, &live.parts);
            after.put(Kind::Allocated, live.quantity, &live.parts);
            if crate::mutant("expiry_after_commit") {
                after.move_on_hand(0, live.quantity as i64);
            }
            return Decision::event(allocated(live.quantity, Some(live.id), &live.parts, &after));
        }
        let (mut events, mut after) = self.expiries(context.now, usize::MAX);
        let quantity = if crate::mutant("allocated_from_nothing") {
            asked.quantity
        } else {
            asked.quantity.min(u64::try_from(after.available()).unwrap_or(0))
        };
        let parts = if quantity == 0 {
            Vec::new()
        } else {
            after.choose(quantity, self.listing.strategy, &self.listing.locations, asked.near)
        };
        after.put(Kind::Allocated, quantity, &parts);
        events.push(allocated(quantity, None, &parts, &after));
        Decision::events(events)
    }

    /// Gives back where it came from what an order has and has not been shipped. The order always hears of it.
    fn release_for_order(&self, asked: &OfOrder, context: &Context<'_>) -> Decision<StockEvent> {
        let OfOrder { order, line, .. } = *asked;
        // What is due expires, and nothing else (I29).
        let (mut events, mut after) = self.expiries(context.now, usize::MAX);
        let mut moved = LineMoved {
            order,
            line,
            account: crate::id::AccountId::default(),
            quantity: 0,
            total: 0,
            reservation: None,
            reason: None,
            counters: after.counters(),
            split: None,
        };
        let id = asked.reservation.unwrap_or_else(|| reservation_of(order, line));
        let live = self.live(id, context.now).ok().filter(|live| live.line == Some((order, line)));
        if let Some(live) = live {
            after.take(Kind::Reserved, live.quantity, &live.parts);
            (moved.account, moved.quantity, moved.reservation) = (live.account, live.quantity, Some(live.id));
        } else if let Some(allocation) = self.allocations.get(&(order, line)) {
            let quantity = allocation.unshipped();
            after.take(Kind::Allocated, quantity, &allocation.parts);
            (moved.account, moved.quantity, moved.total) = (allocation.account, quantity, allocation.shipped);
        }
        moved.counters = after.counters();
        moved.split = after.split(&[]);
        events.push(StockEvent::LineReleased(Box::new(moved)));
        Decision::events(events)
    }

    fn finish_for_order(&self, asked: &OfOrder) -> Decision<StockEvent> {
        let OfOrder { order, line, .. } = *asked;
        match self.allocations.get(&(order, line)) {
            Some(allocation) if allocation.unshipped() == 0 => {
                Decision::event(StockEvent::Finished(LineName { order, line }))
            }
            _ => Decision::events(Events::new()),
        }
    }

    /// The allocation that a command means: of its line, or the only one of the order.
    fn allocation(&self, order: OrderId, line: Option<u32>) -> Result<&Allocation, Rejection> {
        let found = |line: u32| self.allocations.get(&(order, line));
        if let Some(line) = line {
            return found(line).ok_or(Rejection::OrderNotFound);
        }
        let mut of_order = (0..limits::ORDER_LINES_MAX as u32).filter_map(found);
        let first = of_order.next().ok_or(Rejection::OrderNotFound)?;
        if of_order.next().is_some() {
            return Err(Rejection::invalid("line", "which of the order's lines: several are of this item"));
        }
        Ok(first)
    }

    pub(super) fn ship(
        &self,
        command: &ShipStock,
        context: &Context<'_>,
    ) -> Result<Decision<StockEvent>, Rejection> {
        self.authorize_seller(context)?;
        limits::optional_text("reason", command.reason.as_deref(), limits::REASON_CHARS_MAX)?;
        let allocation = self.allocation(command.order, command.line)?;
        let unshipped = allocation.unshipped();
        let quantity = quantity_of(command.quantity, unshipped, "shipped")?;
        // What expired gives its units back first: a location may have to lend them.
        let (mut events, mut after) = self.expiries(context.now, usize::MAX);
        let from = command.location.as_deref().map(|name| self.location(Some(name))).transpose()?;
        let parts = ship_parts(&mut after, allocation, quantity, from)?;
        events.push(StockEvent::Shipped(Box::new(LineMoved {
            quantity,
            total: allocation.shipped + quantity,
            reason: command.reason.clone(),
            counters: after.counters(),
            split: after.split(&parts),
            ..moved(allocation)
        })));
        Ok(Decision::events(events))
    }

    pub(super) fn take_back(
        &self,
        command: &ReturnStock,
        context: &Context<'_>,
    ) -> Result<Decision<StockEvent>, Rejection> {
        self.authorize_seller(context)?;
        limits::optional_text("reason", command.reason.as_deref(), limits::REASON_CHARS_MAX)?;
        let allocation = self.allocation(command.order, command.line)?;
        let out = allocation.shipped - allocation.returned;
        let quantity = quantity_of(command.quantity, out, "returned")?;
        let location = self.location(command.location.as_deref())?;
        check_quantity("quantity", self.levels.on_hand.saturating_add(quantity), 0)?;
        let mut after = self.levels.clone();
        after.move_on_hand(location, quantity as i64);
        Ok(Decision::event(StockEvent::Returned(Box::new(LineMoved {
            quantity,
            total: allocation.returned + quantity,
            reason: command.reason.clone(),
            counters: after.counters(),
            split: after.split(&allocation.parts),
            ..moved(allocation)
        }))))
    }
}

/// The reservation of a line that named none: each line is reserved once.
fn reservation_of(order: OrderId, line: u32) -> ReservationId {
    let mut name = [0; 20];
    name[..16].copy_from_slice(&order.0.0);
    name[16..].copy_from_slice(&line.to_be_bytes());
    ReservationId::from_u128(xxhash_rust::xxh3::xxh3_128(&name))
}

fn moved(allocation: &Allocation) -> LineMoved {
    LineMoved {
        order: allocation.line.0,
        line: allocation.line.1,
        account: allocation.account,
        quantity: 0,
        total: 0,
        reservation: None,
        reason: None,
        counters: super::Counters::default(),
        split: None,
    }
}

/// How many units a command moves of those that it may: all of them where it does not say.
fn quantity_of(asked: Option<u64>, may_be: u64, what: &str) -> Result<u64, Rejection> {
    if may_be == 0 {
        return Err(Rejection::NotAllowedInState(WrongState { state: what.to_owned() }));
    }
    let quantity = asked.unwrap_or(may_be);
    if (1..=may_be).contains(&quantity) {
        return Ok(quantity);
    }
    Err(Rejection::invalid("quantity", format!("1 to {may_be}")))
}

/// Takes shipped units out of the quantities and returns the allocation's parts that remain. Units leave from where they are
/// allocated; a location that is named may also lend what nobody there has been promised.
fn ship_parts(
    after: &mut Levels,
    allocation: &Allocation,
    quantity: u64,
    from: Option<u32>,
) -> Result<Vec<Part>, Rejection> {
    let refused = |available| Err(Rejection::OutOfStock(OutOfStock { available, asked: quantity }));
    if after.locations.is_empty() {
        if after.on_hand < quantity {
            return refused(after.on_hand);
        }
        after.take(Kind::Allocated, quantity, &[]);
        after.move_on_hand(0, -(quantity as i64));
        return Ok(Vec::new());
    }
    let mut parts = allocation.parts.clone();
    let own = |parts: &[Part], location| {
        parts.iter().filter(|part| part.location == location).map(|part| part.quantity).sum::<u64>()
    };
    if let Some(from) = from {
        let there = own(&parts, from);
        let can = after.on_hand_at(from).min(there.saturating_add(after.free_at(from)));
        if quantity > can {
            return refused(can);
        }
        // Its own part there first, then what other locations had been asked for.
        parts.sort_by_key(|part| (part.location != from, part.location));
    } else {
        let can = parts.iter().map(|part| part.quantity.min(after.on_hand_at(part.location))).sum::<u64>();
        if quantity > can {
            return refused(can);
        }
    }
    let mut left = quantity;
    for part in &mut parts {
        let mut taken = part.quantity.min(left);
        if from.is_none() {
            taken = taken.min(after.on_hand_at(part.location));
        }
        part.quantity -= taken;
        left -= taken;
        after.take(Kind::Allocated, taken, &[Part { location: part.location, quantity: taken }]);
        after.move_on_hand(from.unwrap_or(part.location), -(taken as i64));
    }
    parts.retain(|part| part.quantity > 0);
    parts.sort_by_key(|part| part.location);
    Ok(parts)
}
