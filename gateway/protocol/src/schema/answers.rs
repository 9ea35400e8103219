//! What each method answers. Answers of commands and snapshots derive their own shapes; pages are put together here as the
//! engine's views put them together, and a test holds real answers against them.
#![allow(dead_code)] // Shapes only: nothing makes them.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use vendue_domain::account::{AccountSnapshot, StatementLine};
use vendue_domain::actor::*;
use vendue_domain::amount::{Amount, Currency};
use vendue_domain::book::{
    AuctionPrice, BookFunding, BookSnapshot, BookState, Cause, LastTrade, OrderStatus, OrderType, Side,
};
use vendue_domain::facts::Role;
use vendue_domain::id::*;
use vendue_domain::lot::LotSnapshot;
use vendue_domain::market::MarketSnapshot;
use vendue_domain::order::OrderView;
use vendue_domain::publication::Alias;
use vendue_domain::sale::SaleSnapshot;
use vendue_domain::stock::StockSnapshot;
use vendue_domain::time::Timestamp;

use crate::wire::session::Echo;

/// A command's answer, and what stands beside each.
#[derive(JsonSchema)]
#[schemars(rename = "{T}Result")]
struct Done<T> {
    #[serde(flatten)]
    answer: T,
    /// The number in the actor's channel that this led to.
    seq: u64,
    /// Whether the command had been executed before, under the same key: nothing was done twice.
    replayed: bool,
}

/// An actor as its channel shows it, and where that stands.
#[derive(JsonSchema)]
#[schemars(rename = "{T}AtSeq")]
struct At<T> {
    #[serde(flatten)]
    snapshot: T,
    /// The last number of its channel that is in it.
    seq: u64,
}

macro_rules! made {
    ($($name:ident $field:ident $id:ident;)+) => {$(
        #[derive(JsonSchema)]
        struct $name { $field: $id }
    )+};
}

made! {
    MarketMade market MarketId;
    AccountMade account AccountId;
    SaleMade sale SaleId;
    LotMade lot LotId;
    BookMade book BookId;
}

#[derive(JsonSchema)]
struct StockMade {
    stock: StockId,
    #[serde(flatten)]
    counters: StockAnswer,
}

/// Either what was made or the state it has.
#[derive(JsonSchema)]
#[serde(untagged)]
enum AccountOrState {
    Account(AccountMade),
    State(StateAnswer),
}

#[derive(JsonSchema)]
#[serde(untagged)]
enum SaleOrState {
    Sale(SaleMade),
    State(StateAnswer),
}

macro_rules! pages {
    ($($(#[$meta:meta])* $name:ident { $field:ident : $line:ty $(, $(#[$more_meta:meta])* $more:ident : $more_type:ty)* })+) => {$(
        $(#[$meta])*
        #[derive(JsonSchema)]
        struct $name {
            $field: Vec<$line>,
            $( $(#[$more_meta])* $more: $more_type, )*
            /// For the next page; null on the last.
            cursor: Option<String>,
        }
    )+};
}

pages! {
    MarketPage { markets: At<MarketSnapshot> }
    SalePage { sales: At<SaleSnapshot> }
    LotPage { lots: At<LotSnapshot> }
    StockPage { stock: At<StockSnapshot> }
    BookPage { books: BookLine }
    /// Newest first.
    BidPage { bids: HistoryBid }
    /// Oldest first.
    DrawPage { events: DrawLine,
        /// Whether the first events are not kept any more.
        cut: bool }
    /// Those that live, then the newest that ended.
    BookOrderPage { orders: BookOrderLine }
    /// Newest first.
    TradePage { trades: TradeLine }
    /// Newest first.
    OrderPage { orders: OrderView<'static> }
    /// Newest first.
    AuditPage { records: AuditRecord }
    /// Newest first.
    StatementPage { lines: Booked, account: AccountId,
        /// False where older lines of the period have been let go of.
        complete: bool }
}

/// The price that a bid led to, never what it bid.
#[derive(JsonSchema)]
struct HistoryBid {
    seq: u64,
    alias: Option<Alias>,
    amount: Option<Amount>,
    ts: Timestamp,
    /// Units, where the lot has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<u64>,
}

#[derive(JsonSchema)]
struct DrawLine {
    seq: u64,
    r#type: String,
    ts: Timestamp,
    price: Option<u64>,
    leader: Option<String>,
    bidder: Option<String>,
    bids: Option<u64>,
    ends_at: Option<Timestamp>,
}

#[derive(JsonSchema)]
struct BookLine {
    book: BookId,
    currency: Currency,
    title: String,
    r#ref: Option<String>,
    tick: u64,
    lot_size: u64,
    funding: BookFunding,
    state: BookState,
    ends_at: Option<Timestamp>,
    /// The best level: price and quantity.
    bids: Vec<(u64, u64)>,
    asks: Vec<(u64, u64)>,
    last_trade: Option<LastTrade>,
    indicative: Option<AuctionPrice>,
    seq: u64,
}

#[derive(JsonSchema)]
struct BookOrderLine {
    book_order: BookOrderId,
    book: BookId,
    title: String,
    currency: Currency,
    side: Side,
    r#type: OrderType,
    price: Option<u64>,
    status: OrderStatus,
    quantity: u64,
    filled: u64,
    remaining: u64,
    cause: Cause,
    placed_at: Timestamp,
    at: Timestamp,
}

#[derive(JsonSchema)]
struct TradeLine {
    seq: u64,
    price: u64,
    quantity: u64,
    /// Null in a call auction.
    taker_side: Option<Side>,
    ts: Timestamp,
}

#[derive(JsonSchema)]
struct AuditRecord {
    seq: u64,
    ts: Timestamp,
    /// Null for the engine's own.
    by: Option<AccountId>,
    action: String,
    target: String,
    reason: Option<String>,
    position: u64,
}

#[derive(JsonSchema)]
struct Booked {
    seq: u64,
    #[serde(flatten)]
    line: StatementLine,
}

#[derive(JsonSchema)]
struct StandingBid {
    lot: LotId,
    title: String,
    status: BidStatus,
    price: Option<Amount>,
    currency: Currency,
    ends_at: Option<Timestamp>,
}

#[derive(JsonSchema)]
struct LiveReservation {
    reservation: ReservationId,
    stock: StockId,
    title: String,
    quantity: u64,
    expires_at: Timestamp,
}

/// Money, bids and reservations only to the account itself and to operators and auditors of the platform.
#[derive(JsonSchema)]
struct AccountView {
    #[serde(flatten)]
    snapshot: AccountSnapshot,
    /// Null when the person was erased.
    name: Option<String>,
    bids: Vec<StandingBid>,
    reservations: Vec<LiveReservation>,
    seq: u64,
}

#[derive(JsonSchema)]
struct StuckEffect {
    position: u64,
    index: u32,
    cause: String,
    target: String,
    command: String,
    since_at: Timestamp,
    why: String,
    attempts: u8,
    retry_at: Timestamp,
    behind: u64,
}

#[derive(JsonSchema)]
struct DeclinedEffect {
    position: u64,
    index: u32,
    target: String,
    time: Timestamp,
    code: String,
}

/// An account as the operators of a market see it.
#[derive(JsonSchema)]
struct AccountLine {
    account: AccountId,
    /// Null after an erasure.
    name: Option<String>,
    /// In the market; without a market, anywhere.
    roles: Vec<Role>,
    verified: bool,
    suspended: bool,
    /// The accounts that an operator has linked with it.
    linked: Vec<AccountId>,
}

#[derive(JsonSchema)]
struct AccountPage {
    accounts: Vec<AccountLine>,
    cursor: Option<String>,
}

#[derive(JsonSchema)]
struct Effects {
    /// Caused and not yet decided.
    waiting: u64,
    oldest_at: Option<Timestamp>,
    stuck: Vec<StuckEffect>,
    /// Since the engine's process began.
    declined_count: u64,
    declined: Vec<DeclinedEffect>,
}

/// The server's version and the epoch of its history: it changes only when history was restored from a backup.
#[derive(JsonSchema)]
struct ServerInfo {
    version: String,
    epoch: Option<String>,
}

#[derive(JsonSchema)]
struct Connected {
    connection: String,
    /// Null for a guest.
    account: Option<AccountId>,
    roles: Vec<Role>,
    server: ServerInfo,
    time: Timestamp,
    heartbeat_ms: u64,
    /// The limits in force, by name.
    limits: std::collections::BTreeMap<String, u64>,
}

#[derive(JsonSchema)]
struct Authenticated {
    account: AccountId,
    roles: Vec<Role>,
    expires_at: Timestamp,
}

#[derive(JsonSchema)]
struct Pong {
    #[serde(skip_serializing_if = "Option::is_none")]
    t0: Option<Echo>,
    /// Over HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<Timestamp>,
}

/// Either every missed event, or a snapshot, never a part.
#[derive(JsonSchema)]
struct Subscribed {
    epoch: String,
    seq: u64,
    resumed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot: Option<serde_json::Map<String, serde_json::Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<Vec<serde_json::Map<String, serde_json::Value>>>,
}

#[derive(JsonSchema)]
struct Unsubscribed {
    channel: String,
    was_subscribed: bool,
}

#[derive(JsonSchema)]
struct Subscription {
    channel: String,
    seq: u64,
}

#[derive(JsonSchema)]
struct Subscriptions {
    epoch: String,
    subscriptions: Vec<Subscription>,
}

macro_rules! answers {
    ($($($name:literal)|+ => $type:ty;)+) => {
        /// The schema of a method's result.
        pub(super) fn of(method: &str, generator: &mut SchemaGenerator) -> Option<Schema> {
            match method {
                $( $($name)|+ => Some(generator.subschema_for::<$type>()), )+
                _ => None,
            }
        }
    };
}

answers! {
    "connect" => Connected;
    "authenticate" => Authenticated;
    "ping" => Pong;
    "subscribe" => Subscribed;
    "unsubscribe" => Unsubscribed;
    "subscriptions" => Subscriptions;
    "command.result" => serde_json::Map<String, serde_json::Value>;
    "command.receipt" => serde_json::Map<String, serde_json::Value>;
    "notary.keys" => serde_json::Map<String, serde_json::Value>;
    "market.create" => Done<MarketMade>;
    "market.halt" | "market.resume" | "market.set_fees" => Done<StateAnswer>;
    "market.get" => At<MarketSnapshot>;
    "market.list" => MarketPage;
    "sale.create" => Done<SaleMade>;
    "sale.register" => Done<RegistrationAnswer>;
    "sale.revise" => Done<SaleOrState>;
    "sale.get" => At<SaleSnapshot>;
    "sale.list" => SalePage;
    "account.create" | "account.update" => Done<AccountMade>;
    "account.grant" => Done<AccountOrState>;
    "account.suspend" | "account.verify" | "account.link" | "account.sign_out" => Done<StateAnswer>;
    "account.deposit" | "account.withdraw" | "account.correct" | "account.collect_fees" => Done<BalanceAnswer>;
    "account.get" => AccountView;
    "account.statement" => StatementPage;
    "lot.create" => Done<LotMade>;
    "lot.revise" | "lot.open" | "lot.pause" | "lot.resume" | "lot.extend" | "lot.cancel" | "lot.close" | "lot.reopen" => Done<StateAnswer>;
    "lot.bid" | "lot.buy_now" | "lot.take" | "lot.stay" => Done<BidAnswer>;
    "lot.void_bid" | "lot.retract" => Done<RestatedAnswer>;
    "lot.get" => At<LotSnapshot>;
    "lot.list" => LotPage;
    "lot.bids" => BidPage;
    "lot.events" => DrawPage;
    "stock.create" => Done<StockMade>;
    "stock.receive" | "stock.adjust" | "stock.reserve" | "stock.release" | "stock.extend" | "stock.ship" | "stock.return" => Done<StockAnswer>;
    "stock.get" => At<StockSnapshot>;
    "stock.list" => StockPage;
    "book.create" => Done<BookMade>;
    "book.place" | "book.cancel" | "book.modify" => Done<BookAnswer>;
    "book.auction" => Done<AuctionAnswer>;
    "book.get" => At<BookSnapshot>;
    "book.list" => BookPage;
    "book.orders" => BookOrderPage;
    "book.trades" => TradePage;
    "order.place" | "order.cancel" | "order.pay" | "order.mark_paid" | "order.refund" | "order.mark_delivered" | "order.complete" => Done<OrderAnswer>;
    "order.get" => OrderView<'static>;
    "order.list" => OrderPage;
    "account.list" => AccountPage;
    "effect.list" => Effects;
    "audit.list" => AuditPage;
}
