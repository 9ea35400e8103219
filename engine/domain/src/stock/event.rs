//! What happens to a stock item.

use super::{Place, StockCommand, Strategy};
use crate::actor::ActorAddress;
use crate::amount::{Amount, Currency};
use crate::command::Targeted;
use crate::fees::Fees;
use crate::id::{AccountId, MarketId, OrderId, ReservationId, StockId};
use crate::rejection::Rejection;
use crate::time::Timestamp;

crate::record! {
    /// Where units lie.
    #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
    pub struct Location {
        1 => pub name: String,
        /// (latitude, longitude) in millionths of a degree.
        2 => pub at: Option<Place>,
    }
}

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
        /// The market's fees when the item was created: those of its orders.
        12 => pub fees: Fees,
        /// None where it has one location.
        13 => pub locations: Vec<Location>,
        14 => pub strategy: Strategy,
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
        /// Units at each of the listing's locations.
        5 => pub at_locations: Vec<u64>,
    }
}

crate::record! {
    /// The counters after an event, in units. `available = on_hand - allocated - reserved - threshold` (I23).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub struct Counters {
        1 => pub on_hand: u64,
        2 => pub allocated: u64,
        3 => pub reserved: u64,
        4 => pub available: u64,
    }
}

crate::record! {
    /// Units at one location.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub struct LocationCounters {
        1 => pub on_hand: u64,
        2 => pub allocated: u64,
        3 => pub reserved: u64,
    }
}

crate::record! {
    /// The part of a line that lies at one location (its place in the item's list).
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Part { 1 => pub location: u32, 2 => pub quantity: u64 }
}

crate::record! {
    /// Where an item has several locations: their quantities after the event, and where the units are that it is about.
    #[derive(Debug, Clone, PartialEq, Eq, Default)]
    pub struct Split {
        /// The reservation's or allocation's after the event; none where it has ended.
        1 => pub parts: Vec<Part>,
        2 => pub locations: Vec<LocationCounters>,
    }
}

crate::record! {
    /// Units came or went: received, or counted again.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct StockAdjusted {
        1 => pub quantity: i64,
        2 => pub reason: Option<String>,
        3 => pub counters: Counters,
        4 => pub split: Option<Box<Split>>,
    }
}

crate::record! {
    /// Units were set aside for the account of the stamp. The reservation's id is the stamp's command id.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Reserved {
        1 => pub quantity: u64,
        2 => pub expires_at: Timestamp,
        3 => pub counters: Counters,
        4 => pub split: Option<Box<Split>>,
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
        6 => pub split: Option<Box<Split>>,
    }
}

crate::record! {
    /// What an order is told of the units that are set aside for it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Offer {
        1 => pub unit_price: Amount,
        2 => pub seller: AccountId,
        3 => pub currency: Currency,
        4 => pub market: MarketId,
        5 => pub title: String,
        6 => pub fees: Fees,
    }
}

crate::record! {
    /// Units were set aside for an order's line, or a buyer's reservation became the order's (`taken`).
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct OrderReserved {
        1 => pub order: OrderId,
        2 => pub line: u32,
        3 => pub reservation: ReservationId,
        4 => pub account: AccountId,
        5 => pub quantity: u64,
        6 => pub expires_at: Timestamp,
        7 => pub taken: bool,
        8 => pub counters: Counters,
        9 => pub split: Option<Box<Split>>,
        10 => pub offer: Offer,
    }
}

crate::record! {
    /// An order's line was refused: nothing has changed.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct OrderRefused { 1 => pub order: OrderId, 2 => pub line: u32, 3 => pub rejection: Rejection }
}

crate::record! {
    /// A paid line has its units: those of its reservation, or what was there after it had lapsed.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Allocated {
        1 => pub order: OrderId,
        2 => pub line: u32,
        /// The reservation that is committed by it; absent where that had lapsed.
        3 => pub reservation: Option<ReservationId>,
        4 => pub account: AccountId,
        5 => pub quantity: u64,
        6 => pub counters: Counters,
        7 => pub split: Option<Box<Split>>,
    }
}

crate::record! {
    /// Units of an order's line went: given back, shipped, returned.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct LineMoved {
        1 => pub order: OrderId,
        2 => pub line: u32,
        3 => pub account: AccountId,
        /// Units by this event.
        4 => pub quantity: u64,
        /// Units shipped, or returned, by now in all; units that stay with the order where some were given back.
        5 => pub total: u64,
        /// The reservation that ended by it, where the line was not paid.
        6 => pub reservation: Option<ReservationId>,
        7 => pub reason: Option<String>,
        8 => pub counters: Counters,
        9 => pub split: Option<Box<Split>>,
    }
}

crate::record! {
    /// A line of an order.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct LineName { 1 => pub order: OrderId, 2 => pub line: u32 }
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
        7 => OrderReserved(Box<OrderReserved>),
        8 => OrderRefused(Box<OrderRefused>),
        9 => Allocated(Allocated),
        /// Given back: reserved, or allocated and not shipped.
        10 => LineReleased(Box<LineMoved>),
        11 => Shipped(Box<LineMoved>),
        12 => Returned(Box<LineMoved>),
        /// Nothing of the line can come back any more.
        13 => Finished(LineName),
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
            Self::Ship(command) => Some(command.stock),
            Self::Return(command) => Some(command.stock),
            Self::ReserveForOrder(command) => Some(command.stock),
            Self::TakeReservation(command) => Some(command.stock),
            Self::AllocateForOrder(command) => Some(command.stock),
            Self::ReleaseForOrder(command) | Self::FinishForOrder(command) => Some(command.stock),
        };
        stock.map(Into::into)
    }
}
