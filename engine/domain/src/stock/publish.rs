//! Who hears what of a stock item's events.

use smallvec::smallvec;

use super::{Counters, LocationCounters, ReservationEnd, ReservationExtended, Split, StockEvent};
use crate::actor::{Answer, Command, PrivateEvents, PublicEvents, Publication, StockAnswer};
use crate::context::Stamp;
use crate::effect::{Asked, Effect, Effects};
use crate::facts::FactChange;
use crate::id::{Id, OrderId, ReservationId, StockId};
use crate::order::{LineOutcome, LineReserved, OrderCommand, OrderLine};
use crate::publication::{LocationCount, ReservationEnded, ReservationOpen, StockChanged};
use crate::rejection::Rejection;

/// What the public sees of the locations' quantities.
pub(super) fn location_counts(locations: &[LocationCounters]) -> Vec<LocationCount> {
    locations
        .iter()
        .map(|location| LocationCount { on_hand: location.on_hand, available: location.free() })
        .collect()
}

impl StockEvent {
    /// The counters after the event; `None` where it changes none.
    #[must_use]
    pub const fn counters(&self) -> Option<Counters> {
        Some(match self {
            Self::Created(_) | Self::OrderRefused(_) | Self::Finished(_) => return None,
            Self::Received(event) | Self::Adjusted(event) => event.counters,
            Self::Reserved(event) => event.counters,
            Self::Extended(event) => event.counters,
            Self::Closed(event) => event.counters,
            Self::OrderReserved(event) => event.counters,
            Self::Allocated(event) => event.counters,
            Self::LineReleased(event) | Self::Shipped(event) | Self::Returned(event) => event.counters,
        })
    }

    /// Where the units are after the event, where the item has several locations.
    #[must_use]
    pub fn split(&self) -> Option<&Split> {
        match self {
            Self::Created(_) | Self::Extended(_) | Self::OrderRefused(_) | Self::Finished(_) => None,
            Self::Received(event) | Self::Adjusted(event) => event.split.as_deref(),
            Self::Reserved(event) => event.split.as_deref(),
            Self::Closed(event) => event.split.as_deref(),
            Self::OrderReserved(event) => event.split.as_deref(),
            Self::Allocated(event) => event.split.as_deref(),
            Self::LineReleased(event) | Self::Shipped(event) | Self::Returned(event) => {
                event.split.as_deref()
            }
        }
    }

    /// See [`crate::actor::Event::public`]. A longer reservation changes nothing for the public.
    #[must_use]
    pub fn public(&self) -> PublicEvents {
        let (Some(Counters { available, reserved, on_hand, .. }), 1) = (self.counters(), self.public_count())
        else {
            return PublicEvents::new();
        };
        let location_counts = self.split().map(|split| location_counts(&split.locations)).unwrap_or_default();
        let data = StockChanged { available, reserved, on_hand, location_counts }.into();
        smallvec![Publication { name: "stock_changed", data }]
    }

    /// See [`crate::actor::Event::public_count`].
    #[must_use]
    #[inline]
    pub fn public_count(&self) -> u64 {
        match self {
            Self::Created(_) | Self::Extended(_) | Self::OrderRefused(_) | Self::Finished(_) => 0,
            Self::Received(_)
            | Self::Adjusted(_)
            | Self::Reserved(_)
            | Self::Closed(_)
            | Self::Allocated(_)
            | Self::LineReleased(_)
            | Self::Shipped(_)
            | Self::Returned(_) => 1,
            Self::OrderReserved(event) => u64::from(!event.taken),
        }
    }

    /// See [`crate::actor::Event::private`].
    #[must_use]
    pub fn private(&self, id: Id, stamp: &Stamp) -> PrivateEvents {
        let stock = StockId(id);
        let ended = |reservation, quantity| ReservationEnded { reservation, stock, quantity }.into();
        let (account, name, data) = match self {
            Self::Reserved(event) => {
                let reservation = ReservationId::from_u128(stamp.command_id);
                let (quantity, expires_at) = (event.quantity, event.expires_at);
                let data = ReservationOpen { reservation, stock, quantity, expires_at };
                (stamp.by, "reservation_created", data.into())
            }
            Self::OrderReserved(event) => {
                let name = if event.taken { "reservation_extended" } else { "reservation_created" };
                let (reservation, quantity, expires_at) =
                    (event.reservation, event.quantity, event.expires_at);
                let data = ReservationOpen { reservation, stock, quantity, expires_at };
                (event.account, name, data.into())
            }
            Self::Extended(event) => {
                let ReservationExtended { reservation, quantity, expires_at, .. } = *event;
                let data = ReservationOpen { reservation, stock, quantity, expires_at };
                (event.account, "reservation_extended", data.into())
            }
            Self::Closed(event) => {
                let name = match event.end {
                    ReservationEnd::Committed => "reservation_committed",
                    ReservationEnd::Released => "reservation_released",
                    ReservationEnd::Expired => "reservation_expired",
                };
                (event.account, name, ended(event.reservation, event.quantity))
            }
            Self::Allocated(event) => {
                let Some(reservation) = event.reservation else { return PrivateEvents::new() };
                (event.account, "reservation_committed", ended(reservation, event.quantity))
            }
            Self::LineReleased(event) => {
                let Some(reservation) = event.reservation else { return PrivateEvents::new() };
                (event.account, "reservation_released", ended(reservation, event.quantity))
            }
            // What becomes of an order's goods its parties hear from the order.
            Self::Created(_)
            | Self::Received(_)
            | Self::Adjusted(_)
            | Self::OrderRefused(_)
            | Self::Shipped(_)
            | Self::Returned(_)
            | Self::Finished(_) => return PrivateEvents::new(),
        };
        smallvec![(account, Publication { name, data })]
    }

    /// See [`crate::actor::Event::answer`]. An expiry answers nobody, nor does what the engine asked for an order.
    #[must_use]
    pub fn answer(&self, id: Id, stamp: &Stamp) -> Option<Answer> {
        let of = |counters: Counters, reservation, expires_at, state: Option<&str>| StockAnswer {
            reservation,
            expires_at,
            available: counters.available,
            reserved: counters.reserved,
            on_hand: counters.on_hand,
            allocated: counters.allocated,
            state: state.map(str::to_owned),
        };
        Some(match self {
            Self::Created(event) => {
                let counters = Counters::new(event.on_hand, 0, 0, event.listing.threshold);
                Answer::Stock((StockId(id), of(counters, None, None, None)))
            }
            Self::Received(event) | Self::Adjusted(event) => {
                Answer::Counters(of(event.counters, None, None, None))
            }
            Self::Reserved(event) => {
                let reservation = ReservationId::from_u128(stamp.command_id);
                Answer::Counters(of(event.counters, Some(reservation), Some(event.expires_at), None))
            }
            Self::Extended(event) => {
                Answer::Counters(of(event.counters, Some(event.reservation), Some(event.expires_at), None))
            }
            Self::Closed(event) if event.end == ReservationEnd::Expired => return None,
            Self::Closed(event) => {
                Answer::Counters(of(event.counters, Some(event.reservation), None, Some(event.end.name())))
            }
            Self::Shipped(event) => Answer::Counters(of(event.counters, None, None, Some("shipped"))),
            Self::Returned(event) => Answer::Counters(of(event.counters, None, None, Some("returned"))),
            Self::OrderReserved(_)
            | Self::OrderRefused(_)
            | Self::Allocated(_)
            | Self::LineReleased(_)
            | Self::Finished(_) => return None,
        })
    }

    /// See [`crate::actor::Event::effects`]: an order hears what became of its line.
    #[inline]
    pub fn effects(&self, id: Id, _stamp: &Stamp, out: &mut Effects) {
        if let Some((order, line, outcome)) = self.line_outcome() {
            let told = OrderLine { order, line, stock: StockId(id), outcome };
            out.push(Effect::new(order, Command::Order(OrderCommand::Line(Box::new(told)))));
        }
    }

    fn line_outcome(&self) -> Option<(OrderId, u32, LineOutcome)> {
        Some(match self {
            Self::OrderReserved(event) => {
                let offer = &event.offer;
                let reserved = LineReserved {
                    reservation: event.reservation,
                    quantity: event.quantity,
                    unit_price: offer.unit_price,
                    expires_at: event.expires_at,
                    seller: offer.seller,
                    currency: offer.currency,
                    market: offer.market,
                    title: offer.title.clone(),
                    fees: offer.fees.clone(),
                };
                (event.order, event.line, LineOutcome::Reserved(reserved))
            }
            Self::OrderRefused(event) => {
                (event.order, event.line, LineOutcome::Refused(event.rejection.clone()))
            }
            Self::Allocated(event) => (event.order, event.line, LineOutcome::Allocated(event.quantity)),
            Self::LineReleased(event) => (event.order, event.line, LineOutcome::Released),
            Self::Shipped(event) => (event.order, event.line, LineOutcome::Shipped(event.total)),
            Self::Returned(event) => (event.order, event.line, LineOutcome::Returned(event.total)),
            Self::Created(_)
            | Self::Received(_)
            | Self::Adjusted(_)
            | Self::Reserved(_)
            | Self::Extended(_)
            | Self::Closed(_)
            | Self::Finished(_) => return None,
        })
    }

    /// See [`crate::actor::Event::asked`].
    #[must_use]
    #[inline]
    pub const fn asked(&self) -> Option<Asked> {
        None
    }

    /// See [`crate::actor::Event::refusal`].
    #[must_use]
    #[inline]
    pub const fn refusal(&self) -> Option<&Rejection> {
        None
    }

    /// See [`crate::actor::Event::fact`].
    #[must_use]
    pub const fn fact(&self, _id: Id) -> Option<FactChange> {
        None
    }
}
