//! What happens to a stock item, and who hears of it.

use smallvec::smallvec;

use super::StockCommand;
use crate::actor::{ActorAddress, Answer, PrivateEvents, PublicEvents, Publication, StockAnswer};
use crate::amount::{Amount, Currency};
use crate::command::Targeted;
use crate::context::Stamp;
use crate::effect::{Asked, Effects};
use crate::facts::FactChange;
use crate::id::{AccountId, Id, MarketId, ReservationId, StockId};
use crate::publication::{ReservationEnded, ReservationOpen, StockChanged};
use crate::rejection::Rejection;
use crate::time::Timestamp;

crate::record! {
    /// What a stock item is, apart from its counters.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct StockListing {
        1 => pub market: MarketId,
        2 => pub currency: Currency,
        3 => pub seller: AccountId,
        4 => pub title: String,
        /// For one unit.
        5 => pub price: Amount,
        6 => pub reference: Option<String>,
        /// Kept back from sale; negative allows back-orders to that depth.
        7 => pub threshold: i64,
        /// The most units that one account may hold reserved and bought.
        8 => pub limit_per_account: Option<u64>,
        9 => pub description: Option<String>,
        10 => pub category: Option<String>,
        11 => pub images: Vec<String>,
    }
}

crate::record! {
    /// A stock item came into being.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct StockCreated {
        1 => pub stock: StockId,
        2 => pub listing: StockListing,
        3 => pub on_hand: u64,
        /// The hash of the command, by which creating twice is told from creating another.
        4 => pub content: u64,
    }
}

crate::record! {
    /// The counters after an event, in units. `available = on_hand - allocated - reserved - threshold` (I23).
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Counters {
        1 => pub on_hand: u64,
        2 => pub allocated: u64,
        3 => pub reserved: u64,
        4 => pub available: u64,
    }
}

crate::record! {
    /// Units came or went: received, or counted again.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct StockAdjusted {
        1 => pub quantity: i64,
        2 => pub reason: Option<String>,
        3 => pub counters: Counters,
    }
}

crate::record! {
    /// Units were set aside for the account of the stamp. The reservation's id is the stamp's command id.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Reserved {
        1 => pub quantity: u64,
        2 => pub expires_at: Timestamp,
        3 => pub counters: Counters,
    }
}

crate::record! {
    /// A reservation ends later.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ReservationExtended {
        1 => pub reservation: ReservationId,
        2 => pub account: AccountId,
        3 => pub quantity: u64,
        4 => pub expires_at: Timestamp,
        5 => pub counters: Counters,
    }
}

crate::variants! {
    /// How a reservation ended: exactly once (I25).
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum ReservationEnd {
        /// It became an allocation.
        1 => Committed,
        /// Given back by its owner or an operator.
        2 => Released,
        /// Its time was over.
        3 => Expired,
    }
}

impl ReservationEnd {
    /// The state's name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Released => "released",
            Self::Expired => "expired",
        }
    }
}

crate::record! {
    /// A reservation ended.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ReservationClosed {
        1 => pub reservation: ReservationId,
        2 => pub account: AccountId,
        3 => pub quantity: u64,
        4 => pub end: ReservationEnd,
        5 => pub counters: Counters,
    }
}

crate::variants! {
    /// What happened to a stock item.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum StockEvent {
        1 => Created(Box<StockCreated>),
        2 => Received(Box<StockAdjusted>),
        3 => Adjusted(Box<StockAdjusted>),
        4 => Reserved(Reserved),
        5 => Extended(ReservationExtended),
        6 => Closed(ReservationClosed),
    }
}

impl Targeted for StockCommand {
    fn target(&self) -> Option<ActorAddress> {
        let stock = match self {
            Self::Create(command) => command.stock,
            Self::Receive(command) => Some(command.stock),
            Self::Adjust(command) => Some(command.stock),
            Self::Reserve(command) => Some(command.stock),
            Self::Release(command) => command.stock,
            Self::Extend(command) => command.stock,
            Self::Commit(command) => command.stock,
        };
        stock.map(Into::into)
    }
}

impl StockEvent {
    /// The counters after the event; `None` for the creating one.
    #[must_use]
    pub const fn counters(&self) -> Option<Counters> {
        Some(match self {
            Self::Created(_) => return None,
            Self::Received(event) | Self::Adjusted(event) => event.counters,
            Self::Reserved(event) => event.counters,
            Self::Extended(event) => event.counters,
            Self::Closed(event) => event.counters,
        })
    }

    /// See [`crate::actor::Event::public`]. A longer reservation changes nothing for the public.
    #[must_use]
    pub fn public(&self) -> PublicEvents {
        let (Some(Counters { available, reserved, on_hand, .. }), 1) = (self.counters(), self.public_count())
        else {
            return PublicEvents::new();
        };
        let data = StockChanged { available, reserved, on_hand }.into();
        smallvec![Publication { name: "stock_changed", data }]
    }

    /// See [`crate::actor::Event::public_count`].
    #[must_use]
    #[inline]
    pub const fn public_count(&self) -> u64 {
        match self {
            Self::Created(_) | Self::Extended(_) => 0,
            Self::Received(_) | Self::Adjusted(_) | Self::Reserved(_) | Self::Closed(_) => 1,
        }
    }

    /// See [`crate::actor::Event::private`].
    #[must_use]
    pub fn private(&self, id: Id, stamp: &Stamp) -> PrivateEvents {
        let stock = StockId(id);
        let (account, name, data) = match self {
            Self::Reserved(event) => {
                let reservation = ReservationId::from_u128(stamp.command_id);
                let Reserved { quantity, expires_at, .. } = *event;
                (
                    stamp.by,
                    "reservation_created",
                    ReservationOpen { reservation, stock, quantity, expires_at }.into(),
                )
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
                let ReservationClosed { reservation, quantity, .. } = *event;
                (event.account, name, ReservationEnded { reservation, stock, quantity }.into())
            }
            Self::Created(_) | Self::Received(_) | Self::Adjusted(_) => return PrivateEvents::new(),
        };
        smallvec![(account, Publication { name, data })]
    }

    /// See [`crate::actor::Event::answer`]. An expiry answers nobody.
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
        })
    }

    /// See [`crate::actor::Event::effects`].
    #[inline]
    pub fn effects(&self, _id: Id, _stamp: &Stamp, _out: &mut Effects) {}

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
