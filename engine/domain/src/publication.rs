//! The data of events as watchers hear them, by the names that the protocol gives the fields.

use serde::Serialize;

use crate::amount::{Amount, Currency};
use crate::book::{BookState, Cause, OrderStatus, OrderType, Side};
use crate::facts::Role;
use crate::id::{
    AccountId, BookId, BookOrderId, EntryId, HoldId, LotId, MarketId, OrderId, ReservationId, StockId,
};
use crate::lot::SoftClose;
use crate::money::EntryKind;
use crate::time::Timestamp;

/// A bidder as the public of one lot knows it: `bidder-7`, or its paddle number in a sale.
///
/// In a lot without a sale bidders are numbered by their first bid, from 1.
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

impl<'de> serde::Deserialize<'de> for Alias {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
        let number = text.strip_prefix("bidder-").and_then(|number| number.parse().ok());
        number.map(Self).ok_or_else(|| {
            serde::de::Error::invalid_value(serde::de::Unexpected::Str(&text), &"an alias, `bidder-7`")
        })
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
            #[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
            #[allow(missing_docs)]
            pub struct $name { $( $(#[$field_meta])* pub $field: $type, )* }
        )+

        /// The data of any event; serializes as its fields.
        #[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
        #[serde(untagged)]
        #[allow(missing_docs)]
        pub enum Data { $( $name($name), )+ }

        $( impl From<$name> for Data { fn from(data: $name) -> Self { Self::$name(data) } } )+
    };
}

/// A winner of a lot.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs)]
pub struct Winner {
    pub alias: Alias,
    pub quantity: u64,
    pub amount: Amount,
    /// The numbers of the items, where the lot has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<crate::lot::Package>,
}

/// A role in a market, as an account's owner sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs)]
pub struct GrantView {
    pub market: MarketId,
    pub role: Role,
}

/// What an account has of a currency (`currency`) or of goods (`goods`), in minor units or units.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs)]
pub struct BalanceView {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goods: Option<String>,
    pub balance: i64,
    pub held: u64,
    /// `balance - held`.
    pub available: i64,
    /// What is on its way from or to other accounts, since ever; over all accounts it comes to 0.
    pub clearing: i64,
    /// Fees earned.
    pub fees: i64,
    /// What has gone out less what has come in. `balance + clearing + fees + outside = 0`.
    pub outside: i64,
}

/// Money or goods of an account set aside, and for which lot or order.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs)]
pub struct HoldView {
    pub hold: HoldId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goods: Option<String>,
    pub amount: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lot: Option<LotId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub book: Option<BookId>,
    pub market: MarketId,
}

/// A lot in its market's `lots_changed`.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs)]
pub struct LotSummary {
    pub lot: LotId,
    pub state: &'static str,
    pub price: Option<Amount>,
    pub leader: Option<Alias>,
    pub bids: u32,
    pub min_next_amount: Amount,
    pub reserve_met: Option<bool>,
    pub ends_at: Option<Timestamp>,
    /// Only where bids are sealed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bidders: Option<u32>,
    /// Only where units are sold one by one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remaining: Option<u64>,
    /// Only where a clock runs: what it shows next, `null` at the floor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_price: Option<Option<Amount>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Option<Timestamp>>,
}

/// A stock item in its market's `lots_changed`.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs)]
pub struct StockSummary {
    pub stock: StockId,
    pub available: u64,
}

/// Units at one location of a stock item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs)]
pub struct LocationCount {
    pub on_hand: u64,
    /// Not promised to anybody.
    pub available: u64,
}

/// A line of an order, as `order_changed` tells it. Amounts are for all its present units.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs)]
pub struct OrderLineChanged {
    pub line: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stock: Option<StockId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lot: Option<LotId>,
    pub quantity: u64,
    pub amount: u64,
    pub shipped: u64,
    pub returned: u64,
    /// Units that were placed and are given up.
    pub short: u64,
}

data! {
    /// `price_changed`, and `bid_retracted`: what a bid, or its removal, changed for the public.
    PriceChanged {
        price: Option<Amount>,
        leader: Option<Alias>,
        /// Whose bid it was; `null` where the price moved otherwise.
        bidder: Option<Alias>,
        /// Bids that count: a leader's own raises do not.
        bids: u32,
        min_next_amount: Amount,
        /// `null`: the lot has no reserve.
        reserve_met: Option<bool>,
        /// What the lot can still be bought for at once.
        buy_now: Option<Amount>,
        ends_at: Option<Timestamp>,
        /// Several units: those that nobody has (as it stands).
        #[serde(skip_serializing_if = "Option::is_none")]
        remaining: Option<u64>,
        /// Units that were taken by this (dutch).
        #[serde(skip_serializing_if = "Option::is_none")]
        units: Option<u64>,
        /// How many have a bid, in formats that show nothing else.
        #[serde(skip_serializing_if = "Option::is_none")]
        bidders: Option<u32>,
    }
    /// `bidders_changed`: somebody has made a sealed bid. That is all there is to see.
    BiddersChanged { bidders: u32, bids: u32, ends_at: Option<Timestamp> }
    /// `clock_ticked`: the price of a unit now, and what comes next (`null` at the floor).
    ClockTicked {
        price: Amount,
        min_next_amount: Amount,
        next_price: Option<Amount>,
        next_at: Option<Timestamp>,
        /// Units that nobody has taken (dutch).
        #[serde(skip_serializing_if = "Option::is_none")]
        remaining: Option<u64>,
        /// How many are in (japanese).
        #[serde(skip_serializing_if = "Option::is_none")]
        bidders: Option<u32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        bids: Option<u32>,
    }
    /// `time_extended`.
    TimeExtended {
        /// `null` where the lot had no end.
        old_ends_at: Option<Timestamp>,
        ends_at: Timestamp,
    }
    /// `lot_opened`, `lot_paused`, `lot_resumed`: a new state, and the times that go with it.
    LotState {
        state: &'static str,
        opens_at: Option<Timestamp>,
        ends_at: Option<Timestamp>,
        remaining_ms: Option<u64>,
        soft_close: Option<SoftClose>,
        reason: Option<String>,
        /// `null` where a clock stands; not there where there is none, or where it runs.
        #[serde(skip_serializing_if = "Option::is_none")]
        next_price: Option<()>,
        #[serde(skip_serializing_if = "Option::is_none")]
        next_at: Option<()>,
        /// The SHA-256 of the seed that a candle's end will be drawn from.
        #[serde(skip_serializing_if = "Option::is_none")]
        seed_hash: Option<crate::lot::Digest>,
    }
    /// `lot_closed`.
    LotClosed {
        state: &'static str,
        result: &'static str,
        price: Option<Amount>,
        winners: Vec<Winner>,
        buy_now: Option<Amount>,
        ends_at: Option<Timestamp>,
        remaining_ms: Option<u64>,
        reason: Option<String>,
        /// `null` where a clock has stopped; not there where there is none.
        #[serde(skip_serializing_if = "Option::is_none")]
        next_price: Option<()>,
        #[serde(skip_serializing_if = "Option::is_none")]
        next_at: Option<()>,
        /// The seed of a candle, of which `seed_hash` is the SHA-256.
        #[serde(skip_serializing_if = "Option::is_none")]
        seed: Option<String>,
        /// The hash of the lot's public events before this one (docs/protocol.md).
        #[serde(skip_serializing_if = "Option::is_none")]
        events_hash: Option<crate::lot::Digest>,
        /// When the candle went out.
        #[serde(skip_serializing_if = "Option::is_none")]
        ended_at: Option<Timestamp>,
    }
    /// `lot_reopened`: as a state, with the outcome taken back.
    LotReopened {
        state: &'static str,
        result: Option<&'static str>,
        winners: Vec<Winner>,
        price: Option<Amount>,
        buy_now: Option<Amount>,
        ends_at: Option<Timestamp>,
        soft_close: Option<SoftClose>,
        reason: Option<String>,
    }
    /// `lot_revised`: the content after the change.
    LotRevised {
        title: String,
        description: Option<String>,
        category: Option<String>,
        estimate: Option<(Amount, Amount)>,
        images: Vec<String>,
        state: &'static str,
        opens_at: Option<Timestamp>,
        ends_at: Option<Timestamp>,
        start_amount: Amount,
        buy_now: Option<Amount>,
        reserve_met: Option<bool>,
        min_next_amount: Amount,
    }
    /// `stock_changed`.
    StockChanged {
        available: u64,
        reserved: u64,
        on_hand: u64,
        /// In the order of the item's locations; absent where it has one.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        location_counts: Vec<LocationCount>,
    }
    /// `market_state`.
    MarketState { state: &'static str, reason: Option<String> }
    /// `market_fees`: for what is created from now on.
    MarketFees { fees: crate::fees::FeeSchedule }
    /// `lots_changed` (market): filled in by the shell's view, see [`crate::market::MarketEvent::Marked`].
    LotsChanged { lots: Vec<LotSummary>, stock: Vec<StockSummary> }
    /// `lot_listed` (market).
    LotListed { lot: LotId, title: String }
    /// `lot_closed` (market).
    MarketLotClosed { lot: LotId, result: &'static str, price: Option<Amount>, winners: Vec<Winner> }
    /// `audited` (ops): an action as the audit log has it.
    Audited { by: Option<AccountId>, action: &'static str, target: String, reason: Option<String> }
    /// `sale_registered`.
    SaleRegistered { registered: u32 }
    /// `sale_revised`.
    SaleRevised { title: String, terms: Option<String>, terms_version: u32 }
    /// `account_changed` (account).
    AccountChanged { grants: Vec<GrantView>, suspended_in: Vec<MarketId>, verified_in: Vec<MarketId> }
    /// `balance_changed` (account): an entry was made. Its fields overwrite the entry of `balances` with its `currency`, or of
    /// `holdings` with its `goods`, as those of the events of holds do.
    BalanceChanged {
        #[serde(skip_serializing_if = "Option::is_none")]
        currency: Option<Currency>,
        #[serde(skip_serializing_if = "Option::is_none")]
        goods: Option<String>,
        balance: i64,
        held: u64,
        available: i64,
        clearing: i64,
        fees: i64,
        outside: i64,
        /// How many kinds of goods the account has; where it is about goods.
        #[serde(skip_serializing_if = "Option::is_none")]
        holdings_count: Option<u32>,
        /// By how much the balance changed.
        amount: i64,
        kind: EntryKind,
        entry: EntryId,
        #[serde(skip_serializing_if = "Option::is_none")]
        reverses: Option<EntryId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        order: Option<OrderId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        book: Option<BookId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    }
    /// `hold_placed` (account): a new hold, or another amount of one there is.
    HoldPlaced {
        hold: HoldId,
        #[serde(skip_serializing_if = "Option::is_none")]
        currency: Option<Currency>,
        #[serde(skip_serializing_if = "Option::is_none")]
        goods: Option<String>,
        /// In all.
        amount: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        lot: Option<LotId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        order: Option<OrderId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        book: Option<BookId>,
        market: MarketId,
        balance: i64,
        held: u64,
        available: i64,
        holds_count: u32,
    }
    /// `hold_released` (account).
    HoldReleased {
        hold: HoldId,
        #[serde(skip_serializing_if = "Option::is_none")]
        currency: Option<Currency>,
        #[serde(skip_serializing_if = "Option::is_none")]
        goods: Option<String>,
        /// What is free again.
        amount: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        lot: Option<LotId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        order: Option<OrderId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        book: Option<BookId>,
        balance: i64,
        held: u64,
        available: i64,
        holds_count: u32,
        /// The hold that takes its place at the end of the list, where there are more than the snapshot lists.
        #[serde(skip_serializing_if = "Option::is_none")]
        also_listed: Option<HoldView>,
    }
    /// `hold_captured` (account): the hold has ended; `amount` was paid out of it, `released` is free again.
    HoldCaptured {
        hold: HoldId,
        #[serde(skip_serializing_if = "Option::is_none")]
        currency: Option<Currency>,
        #[serde(skip_serializing_if = "Option::is_none")]
        goods: Option<String>,
        amount: u64,
        released: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        lot: Option<LotId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        order: Option<OrderId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        book: Option<BookId>,
        kind: EntryKind,
        entry: EntryId,
        balance: i64,
        held: u64,
        available: i64,
        clearing: i64,
        holds_count: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        also_listed: Option<HoldView>,
    }
    /// `retraction_counted` (account): bids on a lot were taken back; `retractions` counts them all.
    RetractionCounted { lot: LotId, bids: u32, retractions: u32 }
    /// `bid_status` (account).
    BidStatusChanged { lot: LotId, status: crate::actor::BidStatus, price: Option<Amount> }
    /// `outbid` (account).
    Outbid { lot: LotId, price: Option<Amount>, min_next_amount: Amount }
    /// `won` (account): the hammer price for all units, and the order that follows.
    Won { lot: LotId, quantity: u64, amount: Amount, market: MarketId, order: OrderId }
    /// `order_changed` (account): to the buyer the whole order, to a seller its own lines and what they come to.
    OrderChanged {
        order: OrderId,
        market: MarketId,
        state: &'static str,
        cause: &'static str,
        total: u64,
        currency: Option<Currency>,
        /// What was given back so far; to the buyer.
        #[serde(skip_serializing_if = "Option::is_none")]
        refunded: Option<u64>,
        lines: Vec<OrderLineChanged>,
    }
    /// `stock_shortfall` (account): paid, and not all of it is there; the missing part has been given back.
    Shortfall { order: OrderId, line: u32, missing: u64, quantity: u64 }
    /// `trade` (book): minor units for one unit, units; `taker_side` is that of the order that came to one that rested,
    /// `null` in a call auction.
    Trade { price: u64, quantity: u64, taker_side: Option<Side> }
    /// `book_changed`: the levels that changed, (price, quantity); quantity 0: gone.
    BookChanged { bids: Vec<(u64, u64)>, asks: Vec<(u64, u64)> }
    /// `book_state`: how the book trades from now on. There is no indicative price (yet).
    BookStateChanged { state: BookState, ends_at: Option<Timestamp>, indicative: Option<()> }
    /// `auction_indicative`, and `auction_uncrossed` for the price that the auction gave; `null`: nothing would trade.
    AuctionIndicative { price: Option<u64>, volume: u64, surplus: i64 }
    /// `book_order_changed` (account): an order of the account's.
    BookOrderChanged {
        book: BookId,
        book_order: BookOrderId,
        status: OrderStatus,
        side: Side,
        r#type: OrderType,
        /// Of a limit order.
        price: Option<u64>,
        filled: u64,
        remaining: u64,
        cause: Cause,
        /// Units that it traded by this.
        #[serde(skip_serializing_if = "Option::is_none")]
        traded: Option<u64>,
        /// What it traded them for, in minor units, without fees.
        #[serde(skip_serializing_if = "Option::is_none")]
        value: Option<u64>,
        /// The fee on it, in a funded book.
        #[serde(skip_serializing_if = "Option::is_none")]
        fee: Option<u64>,
    }
    /// `reservation_created`, `reservation_extended` (account).
    ReservationOpen { reservation: ReservationId, stock: StockId, quantity: u64, expires_at: Timestamp }
    /// `reservation_expired`, `reservation_released`, `reservation_committed` (account).
    ReservationEnded { reservation: ReservationId, stock: StockId, quantity: u64 }
}
