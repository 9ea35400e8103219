//! What can be read. Queries are answered by the engine's views, from what is durable.
// The fields bear the wire's names; docs/protocol.md says what each means.
#![allow(missing_docs)]

use serde::{Deserialize, Serialize};
use vendue_domain::amount::Currency;
use vendue_domain::command;
use vendue_domain::facts::Role;
use vendue_domain::id::{AccountId, BookId, LotId, MarketId, OrderId, SaleId, StockId};
use vendue_domain::lot::Format;
use vendue_domain::time::Timestamp;

/// How many items a page holds where the caller names no `limit`.
pub const PAGE_DEFAULT: u32 = 50;
/// The most items of one page.
pub const PAGE_MAX: u32 = 500;

vendue_domain::variants! {
    /// The order of a list of lots.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum LotSort {
        /// By catalogue number and creation.
        1 => Catalogue,
        /// The next to end first; lots without an end last.
        #[default]
        2 => Ending,
        /// The newest first.
        3 => Newest,
        /// The highest price first.
        4 => Price,
        /// The most bids first.
        5 => Bids,
    }
}

vendue_domain::variants! {
    /// How an account stands in a market, for `account.list`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum AccountState {
        /// Its identity has been checked, and it is not suspended.
        1 => Verified,
        /// Its identity has not been checked, and it is not suspended.
        2 => Unverified,
        /// It may not bid.
        3 => Suspended,
        /// An operator has linked it with another account.
        4 => Linked,
    }
}

command! { /// `lot.get`
pub struct GetLot / GetLotParams { 1 => lot: LotId } }
command! { /// `lot.list`: `query` looks for words in title, category and reference.
pub struct ListLots / ListLotsParams {
    1 => market: MarketId, 2 => query: Option<String>, 3 => format: Option<Format>, 4 => state: Option<String>,
    5 => sort: Option<LotSort>, 6 => cursor: Option<String>, 7 => limit: Option<u32>, 8 => sale: Option<SaleId>,
    9 => category: Option<String>,
} }
command! { /// `lot.bids`: the public history, newest first.
pub struct ListBids / ListBidsParams { 1 => lot: LotId, 2 => cursor: Option<String>, 3 => limit: Option<u32> } }
command! { /// `lot.events`: what the end of a candle lot is drawn from, oldest first.
pub struct ListLotEvents / ListLotEventsParams { 1 => lot: LotId, 2 => cursor: Option<String>, 3 => limit: Option<u32> } }
command! { /// `sale.get`
pub struct GetSale / GetSaleParams { 1 => sale: SaleId } }
command! { /// `sale.list`
pub struct ListSales / ListSalesParams { 1 => market: MarketId, 2 => cursor: Option<String>, 3 => limit: Option<u32> } }
command! { /// `stock.get`
pub struct GetStock / GetStockParams { 1 => stock: StockId } }
command! { /// `stock.list`
pub struct ListStock / ListStockParams {
    1 => market: MarketId, 2 => query: Option<String>, 3 => cursor: Option<String>, 4 => limit: Option<u32>,
} }
command! { /// `book.get`: with every level of both sides.
pub struct GetBook / GetBookParams { 1 => book: BookId } }
command! { /// `book.list`: without the levels, save the best of each side.
pub struct ListBooks / ListBooksParams {
    1 => market: MarketId, 2 => query: Option<String>, 3 => cursor: Option<String>, 4 => limit: Option<u32>,
} }
command! { /// `book.orders`: the caller's own, those that live first, then those that ended lately; the newest first. `book` narrows it
/// to one book.
pub struct ListBookOrders / ListBookOrdersParams { 1 => book: Option<BookId>, 2 => cursor: Option<String>, 3 => limit: Option<u32> } }
command! { /// `book.trades`: the public trades, newest first.
pub struct ListTrades / ListTradesParams { 1 => book: BookId, 2 => cursor: Option<String>, 3 => limit: Option<u32> } }
command! { /// `market.get`
pub struct GetMarket / GetMarketParams { 1 => market: MarketId } }
command! { /// `market.list`
pub struct ListMarkets / ListMarketsParams { 1 => cursor: Option<String>, 2 => limit: Option<u32> } }
command! { /// `account.get`: the caller's own where `account` is absent; another's by operators and auditors.
pub struct GetAccount / GetAccountParams { 1 => account: Option<AccountId> } }
command! { /// `account.list`: the accounts that have to do with the market: a role, a verification or a suspension in it; without a
/// `market` every account there is. `query` looks for words in name and id. For operators and auditors of the market (without one:
/// of the platform).
pub struct ListAccounts / ListAccountsParams {
    1 => market: Option<MarketId>, 2 => query: Option<String>, 3 => role: Option<Role>, 4 => state: Option<AccountState>,
    5 => cursor: Option<String>, 6 => limit: Option<u32>,
} }
impl ListAccounts {
    /// The first page of everybody who has to do with a market; without one, of every account.
    #[must_use]
    pub const fn of(market: Option<MarketId>) -> Self {
        Self { market, query: None, role: None, state: None, cursor: None, limit: None }
    }
}
command! { /// `account.statement`: what was booked, newest first: the caller's own where `account` is absent; another's by operators and
/// auditors of the platform. `from` and `to` bound the period: from inclusive, to exclusive.
pub struct GetStatement / GetStatementParams {
    1 => account: Option<AccountId>, 2 => currency: Option<Currency>, 3 => from: Option<Timestamp>, 4 => to: Option<Timestamp>,
    5 => cursor: Option<String>, 6 => limit: Option<u32>,
} }
command! { /// `order.get`: for its buyer, its sellers, operators and auditors of its market.
pub struct GetOrder / GetOrderParams { 1 => order: OrderId } }
command! { /// `order.list`, newest first: the caller's own, bought or sold. With `market` an operator or auditor of it sees all of it
/// (everybody else its own there); `account` narrows it to one party.
pub struct ListOrders / ListOrdersParams {
    1 => market: Option<MarketId>, 2 => account: Option<AccountId>, 3 => state: Option<String>, 4 => cursor: Option<String>,
    5 => limit: Option<u32>,
} }
command! { /// `command.result`: the earlier reply to the caller's command with `key` to `target` (an actor's id in text).
/// The `key` of the common parameters is the earlier command's.
pub struct CommandResult / CommandResultParams { 1 => target: String } }
command! { /// `command.receipt`: the proof of that outcome. The `key` of the common parameters is the earlier command's.
pub struct CommandReceipt / CommandReceiptParams { 1 => target: String } }
command! { /// `notary.keys`: the public keys that sign the history.
pub struct GetNotaryKeys / GetNotaryKeysParams { } }
command! { /// `audit.list`: who did what, why and when; newest first. For operators and auditors of the market.
pub struct ListAudit / ListAuditParams { 1 => market: MarketId, 2 => cursor: Option<String>, 3 => limit: Option<u32> } }
command! { /// `effect.list`: commands between actors that are under way: how many, the oldest, the stuck ones and why, and those
/// that were refused. For operators and auditors of the platform.
pub struct ListEffects / ListEffectsParams { 1 => limit: Option<u32> } }

vendue_domain::record! {
    /// Asked by the gateway when somebody connects: is the account known, and what are its roles anywhere?
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct WhoAmI { 1 => pub account: AccountId }
}

vendue_domain::variants! {
    /// A question to the engine. The result is a MessagePack map with the protocol's names.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Query {
        1 => LotGet(GetLot),
        2 => LotList(ListLots),
        3 => LotBids(ListBids),
        4 => SaleGet(GetSale),
        5 => SaleList(ListSales),
        6 => StockGet(GetStock),
        7 => StockList(ListStock),
        8 => MarketGet(GetMarket),
        9 => MarketList(ListMarkets),
        10 => AccountGet(GetAccount),
        /// With the key beside it.
        11 => CommandResult((CommandResult, String)),
        12 => AuditList(ListAudit),
        13 => WhoAmI(WhoAmI),
        20 => Statement(GetStatement),
        21 => OrderGet(GetOrder),
        22 => OrderList(ListOrders),
        30 => BookGet(GetBook),
        31 => BookList(ListBooks),
        32 => BookOrders(ListBookOrders),
        33 => BookTrades(ListTrades),
        34 => LotEvents(ListLotEvents),
        40 => EffectList(ListEffects),
        /// With the key beside it.
        41 => CommandReceipt((CommandReceipt, String)),
        42 => NotaryKeys(GetNotaryKeys),
        43 => AccountList(ListAccounts),
    }
}
