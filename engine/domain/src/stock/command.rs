//! What can be asked of a stock item.

use crate::amount::Amount;
use crate::command;
use crate::id::{AccountId, MarketId, OrderId, ReservationId, StockId};

/// A place on the earth: (latitude, longitude) in millionths of a degree.
pub type Place = (i64, i64);

crate::record! {
    /// Where units of a stock item lie.
    #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub struct LocationRequest {
        /// 1 to 100 characters, unlike the item's other locations.
        1 => pub name: String,
        /// Units there at first.
        2 => pub on_hand: u64,
        /// (latitude, longitude) in millionths of a degree, for the strategy `nearest`.
        #[serde(default)]
        3 => pub at: Option<Place>,
    }
}

crate::variants! {
    /// How units are chosen where there are several locations.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum Strategy {
        /// From the location with the most free units, then the next.
        #[default]
        1 => MostStock,
        /// From the location nearest to `near`, then the next.
        2 => Nearest,
        /// From as few locations as can be.
        3 => FewestParcels,
    }
}

command! {
    /// `stock.create`: by a seller or operator.
    pub struct CreateStock / CreateStockParams in currency {
        1 => stock: Option<StockId>,
        2 => market: MarketId,
        /// 1 to 200 characters.
        3 => title: String,
        /// For one unit.
        4 => price: Amount,
        /// Units at hand, 0 to 2^53 - 1; with `locations` the sum of theirs.
        5 => on_hand: u64,
        6 => r#ref: Option<String>,
        /// Kept back from sale; negative allows back-orders to that depth.
        7 => threshold: Option<i64>,
        /// The most units that one account may hold reserved and bought.
        8 => limit_per_account: Option<u64>,
        9 => description: Option<String>,
        10 => category: Option<String>,
        11 => images: Option<Vec<String>>,
        /// Who sells it: the caller where absent (an operator may name another).
        12 => seller: Option<AccountId>,
        /// At most 64; without them the item has one location, which has no name.
        13 => locations: Option<Vec<LocationRequest>>,
        /// `most_stock` where absent.
        14 => strategy: Option<Strategy>,
    }
}

command! {
    /// `stock.receive`: units arrived.
    pub struct ReceiveStock / ReceiveStockParams {
        1 => stock: StockId,
        2 => quantity: u64,
        3 => reason: Option<String>,
        /// The location's name; the first one where absent.
        4 => location: Option<String>,
    }
}

command! {
    /// `stock.adjust`: a count corrected by `quantity` units, up or down (a write-off); refused below what is committed.
    pub struct AdjustStock / AdjustStockParams {
        1 => stock: StockId,
        2 => quantity: i64,
        3 => reason: String,
        /// The location's name; the first one where absent.
        4 => location: Option<String>,
    }
}

command! {
    /// `stock.reserve`: units set aside for the caller until it buys, releases or the reservation expires.
    pub struct ReserveStock / ReserveStockParams {
        1 => stock: StockId,
        2 => quantity: u64,
        /// Default 10 minutes.
        3 => ttl_ms: Option<u64>,
        /// The item's own where absent.
        4 => strategy: Option<Strategy>,
        /// Where it goes, [latitude, longitude] in millionths of a degree: required by `nearest` where there are several locations.
        5 => near: Option<Place>,
    }
}

command! {
    /// `stock.release`: gives a reservation back.
    pub struct ReleaseStock / ReleaseStockParams {
        1 => stock: Option<StockId>,
        2 => reservation: ReservationId,
    }
}

command! {
    /// `stock.extend`: a reservation ends later: `ttl_ms` from now (default 10 minutes).
    pub struct ExtendReservation / ExtendReservationParams {
        1 => stock: Option<StockId>,
        2 => reservation: ReservationId,
        3 => ttl_ms: Option<u64>,
    }
}

command! {
    /// `stock.ship`: by the seller or an operator: units of a paid order leave.
    pub struct ShipStock / ShipStockParams {
        1 => stock: StockId,
        2 => order: OrderId,
        /// The order's line, from 0; may be absent where only one line of the order is of this item.
        3 => line: Option<u32>,
        /// All that has not been shipped where absent.
        4 => quantity: Option<u64>,
        /// From where; from where the units are allocated where absent.
        5 => location: Option<String>,
        /// A parcel's number, say.
        6 => reason: Option<String>,
    }
}

command! {
    /// `stock.return`: by the seller or an operator: shipped units have come back and can be sold again.
    pub struct ReturnStock / ReturnStockParams {
        1 => stock: StockId,
        2 => order: OrderId,
        /// As in `stock.ship`.
        3 => line: Option<u32>,
        /// All that were shipped and have not come back where absent.
        4 => quantity: Option<u64>,
        /// To where; the first location where absent.
        5 => location: Option<String>,
        6 => reason: Option<String>,
    }
}

crate::record! {
    /// The engine's own: an order wants units. Answered by [`LineOutcome`](crate::order::LineOutcome).
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ReserveForOrder {
        1 => pub stock: StockId,
        2 => pub order: OrderId,
        3 => pub line: u32,
        4 => pub buyer: AccountId,
        5 => pub quantity: u64,
        6 => pub near: Option<Place>,
        7 => pub ttl_ms: u64,
    }
}

crate::record! {
    /// The engine's own: a buyer's reservation becomes an order's, and lives `ttl_ms` from now at least.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct TakeReservation {
        1 => pub stock: StockId,
        2 => pub order: OrderId,
        3 => pub line: u32,
        4 => pub buyer: AccountId,
        5 => pub reservation: ReservationId,
        6 => pub ttl_ms: u64,
    }
}

crate::record! {
    /// The engine's own: an order's line is paid. Its reservation becomes an allocation; where it has lapsed, what is
    /// there is allocated.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct AllocateForOrder {
        1 => pub stock: StockId,
        2 => pub order: OrderId,
        3 => pub line: u32,
        4 => pub buyer: AccountId,
        5 => pub reservation: ReservationId,
        6 => pub quantity: u64,
        7 => pub near: Option<Place>,
    }
}

crate::record! {
    /// The engine's own: what an order's line names.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct OfOrder {
        1 => pub stock: StockId,
        2 => pub order: OrderId,
        3 => pub line: u32,
        /// The reservation that the line has, where the order knows one.
        4 => pub reservation: Option<ReservationId>,
    }
}

crate::variants! {
    /// The commands of a stock item.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum StockCommand {
        1 => Create(Box<CreateStock>),
        2 => Receive(ReceiveStock),
        3 => Adjust(AdjustStock),
        4 => Reserve(ReserveStock),
        5 => Release(ReleaseStock),
        6 => Extend(ExtendReservation),
        // 7 was `stock.commit`, a client's stop-gap before there were orders.
        8 => Ship(Box<ShipStock>),
        9 => Return(Box<ReturnStock>),
        /// Internal, as all that follow: from orders.
        10 => ReserveForOrder(Box<ReserveForOrder>),
        11 => TakeReservation(Box<TakeReservation>),
        12 => AllocateForOrder(Box<AllocateForOrder>),
        /// Gives back what of an order's line is reserved, or allocated and not shipped.
        13 => ReleaseForOrder(OfOrder),
        /// Nothing of an order's line can come back any more: it is forgotten.
        14 => FinishForOrder(OfOrder),
    }
}
