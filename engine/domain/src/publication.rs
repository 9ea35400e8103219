//! The data of events as watchers hear them, by the names that the protocol gives the fields.

use serde::Serialize;

use crate::amount::Amount;
use crate::id::{LotId, MarketId, ReservationId, StockId};
use crate::time::Timestamp;

/// A bidder as the public of one lot knows it: `bidder-7`, or its paddle number in a sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Alias(pub u32);

impl std::fmt::Display for Alias {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "bidder-{}", self.0)
    }
}

impl Serialize for Alias {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl crate::record::Field for Alias {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }

    fn decode(input: &mut crate::record::Reader<'_>) -> Result<Self, crate::record::RecordError> {
        u32::decode(input).map(Self)
    }
}

/// Defines the data of each event once: the structure and its place in [`Data`].
macro_rules! data {
    ($($(#[$meta:meta])* $name:ident { $( $(#[$field_meta:meta])* $field:ident : $type:ty ),* $(,)? })+) => {
        $(
            $(#[$meta])*
            #[derive(Debug, Clone, PartialEq, Serialize)]
            #[allow(missing_docs)]
            pub struct $name { $( $(#[$field_meta])* pub $field: $type, )* }
        )+

        /// The data of any event; serializes as its fields.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(untagged)]
        #[allow(missing_docs)]
        pub enum Data { $( $name($name), )+ }

        $( impl From<$name> for Data { fn from(data: $name) -> Self { Self::$name(data) } } )+
    };
}

/// A winner of a lot.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct Winner {
    pub alias: Alias,
    pub quantity: u64,
    pub amount: Amount,
}

data! {
    /// `price_changed`, and `bid_retracted`: what a bid, or its removal, changed for the public.
    PriceChanged {
        price: Option<Amount>,
        leader: Option<Alias>,
        bids: u32,
        min_next_amount: Amount,
        reserve_met: Option<bool>,
        /// What the lot can still be bought for at once.
        buy_now: Option<Amount>,
        ends_at: Option<Timestamp>,
    }
    /// `time_extended`.
    TimeExtended { old_ends_at: Timestamp, ends_at: Timestamp }
    /// `lot_scheduled`, `lot_opened`, `lot_paused`, `lot_resumed`: a new state, and the times that go with it.
    LotState { state: &'static str, opens_at: Option<Timestamp>, ends_at: Option<Timestamp>, remaining_ms: Option<u64>, reason: Option<String> }
    /// `lot_closed`.
    LotClosed { state: &'static str, result: &'static str, price: Option<Amount>, winners: Vec<Winner>, ends_at: Option<Timestamp>, reason: Option<String> }
    /// `lot_reopened`: as a state, with the outcome taken back.
    LotReopened { state: &'static str, result: Option<&'static str>, winners: Vec<Winner>, price: Option<Amount>, ends_at: Option<Timestamp>, reason: Option<String> }
    /// `lot_revised`: the content after the change.
    LotRevised {
        title: String, description: Option<String>, category: Option<String>, estimate: Option<(Amount, Amount)>, images: Vec<String>,
        opens_at: Option<Timestamp>, ends_at: Option<Timestamp>, start_amount: Amount, buy_now: Option<Amount>, reserve_met: Option<bool>, min_next_amount: Amount,
    }
    /// `stock_changed`.
    StockChanged { available: u64, reserved: u64, on_hand: u64 }
    /// `market_state`.
    MarketState { state: &'static str, reason: Option<String> }
    /// `bid_status` (account).
    BidStatusChanged { lot: LotId, status: crate::actor::BidStatus, price: Option<Amount> }
    /// `outbid` (account).
    Outbid { lot: LotId, price: Option<Amount>, min_next_amount: Amount }
    /// `won` (account). `order` comes with orders.
    Won { lot: LotId, quantity: u64, amount: Amount, market: MarketId }
    /// `reservation_created`, `reservation_extended` (account).
    ReservationOpen { reservation: ReservationId, stock: StockId, quantity: u64, expires_at: Timestamp }
    /// `reservation_expired`, `reservation_released`, `reservation_committed` (account).
    ReservationEnded { reservation: ReservationId, stock: StockId, quantity: u64 }
}
