//! Answers to queries: MessagePack maps with the protocol's names.

use std::borrow::Cow;

use serde::Serialize;
use vendue_domain::actor::{ActorAddress, BidStatus, Snapshot};
use vendue_domain::amount::{Amount, Currency};
use vendue_domain::facts::{Role, Standing};
use vendue_domain::id::{AccountId, LotId, MarketId, ReservationId, StockId};
use vendue_domain::time::Timestamp;
use vendue_protocol::link::{NotExecuted, QueryItem, Reply, ReplyItem};
use vendue_protocol::query::{ListLots, LotSort, PAGE_DEFAULT, PAGE_MAX, Query};

use super::audit::AuditRecord;
use super::cold::LotLine;
use super::feed::{Feed, OWN_BIDS_KEPT, OwnBid, OwnReservation};
use super::history::HistoryBid;
use super::{Shown, Views, Waiting};
use crate::unit::LinkId;

/// An actor with where its channel stands.
#[derive(Serialize)]
struct One<'a> {
    #[serde(flatten)]
    snapshot: Cow<'a, Snapshot>,
    seq: u64,
}

#[derive(Serialize)]
struct LotPage<'a> {
    lots: Vec<One<'a>>,
    cursor: Option<String>,
}

#[derive(Serialize)]
struct StockPage<'a> {
    stock: Vec<One<'a>>,
    cursor: Option<String>,
}

#[derive(Serialize)]
struct SalePage<'a> {
    sales: Vec<One<'a>>,
    cursor: Option<String>,
}

#[derive(Serialize)]
struct MarketPage<'a> {
    markets: Vec<One<'a>>,
    cursor: Option<String>,
}

#[derive(Serialize)]
struct BidPage {
    bids: Vec<HistoryBid>,
    cursor: Option<String>,
}

#[derive(Serialize)]
struct AuditPage<'a> {
    records: Vec<&'a AuditRecord>,
    cursor: Option<String>,
}

#[derive(Serialize)]
struct WhoAmIAnswer {
    account: AccountId,
    known: bool,
    roles: Vec<Role>,
}

/// Where an account's bids on a lot stand.
#[derive(Serialize)]
struct StandingBid {
    lot: LotId,
    title: String,
    status: BidStatus,
    price: Option<Amount>,
    currency: Currency,
    ends_at: Option<Timestamp>,
}

/// What is set aside for an account.
#[derive(Serialize)]
struct LiveReservation {
    reservation: ReservationId,
    stock: StockId,
    title: String,
    quantity: u64,
    expires_at: Timestamp,
}

#[derive(Serialize)]
struct AccountAnswer<'a> {
    #[serde(flatten)]
    snapshot: &'a Snapshot,
    /// The name where the vault still holds its key; null after an erasure.
    name: Option<String>,
    /// On lots that are not over, the newest first.
    bids: Vec<StandingBid>,
    reservations: Vec<LiveReservation>,
    seq: u64,
}

/// An actor in a list.
pub(super) type Found<'a> = (ActorAddress, &'a Shown);

/// Why a query has no answer.
pub(super) enum Refusal {
    /// This is told.
    No(NotExecuted, &'static str),
    /// The state store is ahead of what the views have told: it has one when they have come as far.
    Later,
}

pub(super) const NOT_FOUND: Refusal = Refusal::No(NotExecuted::NotFound, "");
pub(super) const NO_ORDER: Refusal = Refusal::No(NotExecuted::OrderNotFound, "");
pub(super) const FORBIDDEN: Refusal = Refusal::No(NotExecuted::Forbidden, "");
pub(super) const BAD_CURSOR: Refusal =
    Refusal::No(NotExecuted::InvalidRequest, "the cursor is not one that this list gave");

impl Views {
    /// Answers a question from the present state.
    pub(super) fn answer(&mut self, link: LinkId, item: &QueryItem) {
        match self.answer_bytes(item) {
            Ok(bytes) => self.reply(link, &ReplyItem { request: item.request, reply: Reply::Data(&bytes) }),
            Err(Refusal::No(why, message)) => self.refuse(link, item.request, why, message),
            Err(Refusal::Later) => self.ask_later(Waiting::Query(link, item.clone())),
        }
    }

    /// Whether this account reads what operators read.
    pub(super) fn may_read_as_operator(&self, account: AccountId, market: MarketId) -> bool {
        self.facts.standing(account, market).any(Standing::OPERATOR.with(Standing::AUDITOR))
    }

    fn answer_bytes(&self, item: &QueryItem) -> Result<Vec<u8>, Refusal> {
        match &item.query {
            Query::LotGet(get) => self.one(get.lot.into()),
            Query::SaleGet(get) => self.one(get.sale.into()),
            Query::StockGet(get) => self.one(get.stock.into()),
            Query::MarketGet(get) => self.one(get.market.into()),
            Query::BookGet(get) => self.one(get.book.into()),
            Query::BookList(list) => self.books(list),
            Query::BookOrders(list) => self.own_orders(item.by, list),
            Query::BookTrades(list) => self.trade_page(list),
            Query::LotEvents(list) => self.draw_page(list),
            Query::LotList(list) => self.lots(list),
            Query::LotBids(list) => self.bids(list.lot, list.cursor.as_deref(), list.limit),
            Query::StockList(list) => {
                let members = self.lists.of(list.market).map_or(&[][..], |members| &members.stock);
                let words = words_of(list.query.as_deref());
                let wanted = |shown: &Shown| {
                    shown
                        .body
                        .stock()
                        .is_some_and(|(title, category)| contains_all(&words, &[Some(title), category]))
                };
                let ids = members.iter().map(|id| (*id).into());
                let (stock, cursor) = self.page(ids, wanted, list.cursor.as_deref(), list.limit)?;
                bytes(&StockPage { stock, cursor })
            }
            Query::SaleList(list) => {
                let members = self.lists.of(list.market).map_or(&[][..], |members| &members.sales);
                let ids = members.iter().map(|id| (*id).into());
                let (sales, cursor) = self.page(ids, |_| true, list.cursor.as_deref(), list.limit)?;
                bytes(&SalePage { sales, cursor })
            }
            Query::MarketList(list) => {
                let ids = self.lists.markets.iter().map(|id| (*id).into());
                let (markets, cursor) = self.page(ids, |_| true, list.cursor.as_deref(), list.limit)?;
                bytes(&MarketPage { markets, cursor })
            }
            Query::AccountGet(get) => self.account(item.by, get.account.unwrap_or(item.by)),
            Query::OrderGet(get) => self.order(item.by, get.order),
            Query::OrderList(list) => self.orders(item.by, list),
            Query::AuditList(list) => {
                if !self.may_read_as_operator(item.by, list.market) {
                    return Err(FORBIDDEN);
                }
                self.audit_page(list.market, list.cursor.as_deref(), list.limit)
            }
            Query::WhoAmI(who) => {
                let standing = self.facts.roles_anywhere(who.account);
                let known = standing.any(Standing::KNOWN);
                bytes(&WhoAmIAnswer { account: who.account, known, roles: standing.roles().collect() })
            }
            Query::AccountList(list) => self.accounts(item.by, list),
            Query::Statement(get) => self.statement(item.by, get),
            Query::EffectList(list) => self.effects(item.by, page_limit(list.limit)),
            Query::NotaryKeys(_) => Ok(self.notary_keys.clone()),
            Query::CommandResult(_) | Query::CommandReceipt(_) => {
                Err(Refusal::No(NotExecuted::InvalidRequest, "outcomes of commands are a shard's to answer"))
            }
        }
    }

    fn one(&self, address: ActorAddress) -> Result<Vec<u8>, Refusal> {
        let shown = self.shown.get(&address).ok_or(NOT_FOUND)?;
        bytes(&One { snapshot: self.snapshot_of(&address, shown)?, seq: shown.channel_seq })
    }

    fn account(&self, by: AccountId, account: AccountId) -> Result<Vec<u8>, Refusal> {
        let own = by == account;
        if !own && !self.facts.roles_anywhere(by).any(Standing::OPERATOR.with(Standing::AUDITOR)) {
            return Err(FORBIDDEN);
        }
        let shown = self.of(account).ok_or(NOT_FOUND)?;
        let name = self.names.get(&account).and_then(|sealed| self.vault.open(account, sealed));
        let seq = self.feeds.get(&account).map_or(0, |feed| feed.cursor.seq);
        let may_see_money = self.may_see_money(by, account);
        let feed = self.feeds.get(&account).filter(|_| may_see_money);
        let bids = feed.map(Feed::bids).unwrap_or_default();
        let bids = bids.iter().filter_map(|bid| self.standing_bid(bid).transpose()).take(OWN_BIDS_KEPT);
        let bids = bids.collect::<Result<_, _>>()?;
        let reservations = feed.map(Feed::reservations).unwrap_or_default();
        let reservations = reservations.iter().filter_map(|kept| self.live_reservation(kept).transpose());
        let reservations = reservations.collect::<Result<_, _>>()?;
        let snapshot = self.snapshot_of(&account.into(), shown)?;
        let hidden = match &*snapshot {
            Snapshot::Account(own) if !may_see_money => {
                Some(Snapshot::Account(Box::new(own.without_money())))
            }
            _ => None,
        };
        let snapshot = hidden.as_ref().unwrap_or(&snapshot);
        bytes(&AccountAnswer { snapshot, name, bids, reservations, seq })
    }

    /// An account's bids on a lot, where that is not over.
    fn standing_bid(&self, bid: &OwnBid) -> Result<Option<StandingBid>, Refusal> {
        let Some(shown) = self.of(bid.lot) else { return Ok(None) };
        let snapshot = self.snapshot_of(&bid.lot.into(), shown)?;
        let Snapshot::Lot(lot) = &*snapshot else { return Ok(None) };
        let standing = StandingBid {
            lot: bid.lot,
            title: lot.title.clone(),
            status: bid.status,
            price: lot.price,
            currency: lot.currency,
            ends_at: lot.ends_at,
        };
        Ok(lot.result.is_none().then_some(standing))
    }

    fn live_reservation(&self, kept: &OwnReservation) -> Result<Option<LiveReservation>, Refusal> {
        let Some(shown) = self.of(kept.stock) else { return Ok(None) };
        let snapshot = self.snapshot_of(&kept.stock.into(), shown)?;
        let Snapshot::Stock(stock) = &*snapshot else { return Ok(None) };
        let OwnReservation { reservation, stock: id, quantity, expires_at } = *kept;
        let live =
            LiveReservation { reservation, stock: id, title: stock.title.clone(), quantity, expires_at };
        Ok((expires_at > self.time).then_some(live))
    }

    fn page<'a>(
        &'a self,
        ids: impl Iterator<Item = ActorAddress>,
        wanted: impl Fn(&Shown) -> bool,
        cursor: Option<&str>,
        limit: Option<u32>,
    ) -> Result<(Vec<One<'a>>, Option<String>), Refusal> {
        let (page, cursor) = self.page_of(ids, wanted, cursor, limit)?;
        let page: Result<_, _> =
            page.into_iter().map(|(address, shown)| self.one_of(address, shown)).collect();
        Ok((page?, cursor))
    }

    /// A page in the order of coming; the cursor is the last member's order.
    pub(super) fn page_of<'a>(
        &'a self,
        ids: impl Iterator<Item = ActorAddress>,
        wanted: impl Fn(&Shown) -> bool,
        cursor: Option<&str>,
        limit: Option<u32>,
    ) -> Result<(Vec<Found<'a>>, Option<String>), Refusal> {
        let after: Option<u64> = cursor.map(str::parse).transpose().map_err(|_| BAD_CURSOR)?;
        let limit = page_limit(limit);
        let mut page = Vec::new();
        let mut last = None;
        for (id, shown) in ids.filter_map(|id| Some((id, self.shown.get(&id)?))) {
            if after.is_some_and(|after| shown.order <= after) || !wanted(shown) {
                continue;
            }
            if page.len() == limit {
                return Ok((page, last));
            }
            last = Some(shown.order.to_string());
            page.push((id, shown));
        }
        Ok((page, None))
    }

    fn one_of<'a>(&self, address: ActorAddress, shown: &'a Shown) -> Result<One<'a>, Refusal> {
        Ok(One { snapshot: self.snapshot_of(&address, shown)?, seq: shown.channel_seq })
    }

    fn lots(&self, list: &ListLots) -> Result<Vec<u8>, Refusal> {
        let words = words_of(list.query.as_deref());
        let members = self.lists.of(list.market).map_or(&[][..], |members| &members.lots);
        let sort = list.sort.unwrap_or_default();
        let after = list.cursor.as_deref().map(parse_cursor).transpose()?;
        let mut found: Vec<((i64, u64), LotId, &Shown)> = Vec::new();
        for lot in members {
            let Some(shown) = self.of(*lot) else { continue };
            let Some(line) = shown.body.lot() else { continue };
            let rank = rank(sort, &line, shown.order);
            if after.is_none_or(|after| rank > after) && is_wanted(list, &words, &line) {
                found.push((rank, *lot, shown));
            }
        }
        let limit = page_limit(list.limit);
        let more = found.len() > limit;
        if more {
            found.select_nth_unstable_by_key(limit - 1, |(rank, ..)| *rank);
            found.truncate(limit);
        }
        found.sort_unstable_by_key(|(rank, ..)| *rank);
        let cursor = found.last().filter(|_| more).map(|((key, order), ..)| format!("{key}.{order}"));
        let lots: Result<_, _> =
            found.iter().map(|(_, lot, shown)| self.one_of((*lot).into(), shown)).collect();
        bytes(&LotPage { lots: lots?, cursor })
    }

    fn bids(&self, lot: LotId, cursor: Option<&str>, limit: Option<u32>) -> Result<Vec<u8>, Refusal> {
        let shown = self.of(lot).ok_or(NOT_FOUND)?;
        let before: u64 = cursor.map(str::parse).transpose().map_err(|_| BAD_CURSOR)?.unwrap_or(u64::MAX);
        let limit = page_limit(limit);
        let newest = shown.history.items().rev().filter(|bid| bid.seq < before);
        let mut bids: Vec<HistoryBid> = newest.take(limit + 1).copied().collect();
        let more = bids.len() > limit;
        bids.truncate(limit);
        let cursor = bids.last().filter(|_| more).map(|bid| bid.seq.to_string());
        bytes(&BidPage { bids, cursor })
    }

    fn audit_page(
        &self,
        market: MarketId,
        cursor: Option<&str>,
        limit: Option<u32>,
    ) -> Result<Vec<u8>, Refusal> {
        let before: u64 = cursor.map(str::parse).transpose().map_err(|_| BAD_CURSOR)?.unwrap_or(u64::MAX);
        let limit = page_limit(limit);
        let mut records: Vec<&AuditRecord> = match self.audits.get(&market) {
            Some(audit) => {
                audit.records.iter().rev().filter(|record| record.seq < before).take(limit + 1).collect()
            }
            None => Vec::new(),
        };
        let more = records.len() > limit;
        records.truncate(limit);
        let cursor = records.last().filter(|_| more).map(|record| record.seq.to_string());
        bytes(&AuditPage { records, cursor })
    }
}

pub(super) fn bytes(answer: &impl Serialize) -> Result<Vec<u8>, Refusal> {
    rmp_serde::to_vec_named(answer).map_err(|error| {
        tracing::error!(%error, "an answer cannot be written");
        Refusal::No(NotExecuted::Internal, "")
    })
}

pub(super) fn page_limit(limit: Option<u32>) -> usize {
    limit.unwrap_or(PAGE_DEFAULT).clamp(1, PAGE_MAX) as usize
}

/// The words of a search, in lower case.
pub(super) fn words_of(query: Option<&str>) -> Vec<String> {
    query.unwrap_or_default().split_whitespace().map(str::to_lowercase).collect()
}

/// Whether every word stands in one of the texts.
pub(super) fn contains_all(words: &[String], texts: &[Option<&str>]) -> bool {
    if words.is_empty() {
        return true;
    }
    let texts: Vec<String> = texts.iter().flatten().map(|text| text.to_lowercase()).collect();
    words.iter().all(|word| texts.iter().any(|text| text.contains(word)))
}

fn is_wanted(list: &ListLots, words: &[String], lot: &LotLine<'_>) -> bool {
    list.format.is_none_or(|format| lot.numbers.format == format)
        && list.state.as_deref().is_none_or(|state| lot.numbers.state == state)
        && list.sale.is_none_or(|sale| lot.numbers.sale == Some(sale))
        && list.category.as_deref().is_none_or(|category| lot.category == Some(category))
        && contains_all(words, &[Some(lot.title), lot.category, lot.reference])
}

/// Where a lot stands in a list: a key that sorts upwards, and the order of coming, which makes it unique.
fn rank(sort: LotSort, line: &LotLine<'_>, order: u64) -> (i64, u64) {
    let lot = &line.numbers;
    match sort {
        LotSort::Catalogue => (lot.number.map_or(i64::MAX, i64::from), order),
        LotSort::Ending => (lot.ends_at.map_or(i64::MAX, |at| at.0), order),
        LotSort::Newest => (-(order as i64), order),
        LotSort::Price => (-(lot.price as i64), order),
        LotSort::Bids => (-i64::from(lot.bids), order),
    }
}

fn parse_cursor(cursor: &str) -> Result<(i64, u64), Refusal> {
    let (key, order) = cursor.split_once('.').ok_or(BAD_CURSOR)?;
    Ok((key.parse().map_err(|_| BAD_CURSOR)?, order.parse().map_err(|_| BAD_CURSOR)?))
}
