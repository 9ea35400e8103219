//! Answers to queries: MessagePack maps with the protocol's names.

use serde::Serialize;
use vendue_domain::actor::{ActorAddress, BidStatus, Snapshot};
use vendue_domain::amount::{Amount, Currency};
use vendue_domain::facts::{Role, Standing};
use vendue_domain::id::{AccountId, LotId, MarketId, ReservationId, StockId};
use vendue_domain::lot::LotSnapshot;
use vendue_domain::time::Timestamp;
use vendue_protocol::link::{NotExecuted, QueryItem, Reply, ReplyItem};
use vendue_protocol::query::{ListLots, LotSort, PAGE_DEFAULT, PAGE_MAX, Query};

use super::audit::AuditRecord;
use super::feed::{Feed, OWN_BIDS_KEPT, OwnBid, OwnReservation};
use super::history::HistoryBid;
use super::{Shown, Views};
use crate::unit::LinkId;

/// An actor with where its channel stands.
#[derive(Serialize)]
struct One<'a> {
    #[serde(flatten)]
    snapshot: &'a Snapshot,
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
struct StandingBid<'a> {
    lot: LotId,
    title: &'a str,
    status: BidStatus,
    price: Option<Amount>,
    currency: Currency,
    ends_at: Option<Timestamp>,
}

/// What is set aside for an account.
#[derive(Serialize)]
struct LiveReservation<'a> {
    reservation: ReservationId,
    stock: StockId,
    title: &'a str,
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
    bids: Vec<StandingBid<'a>>,
    reservations: Vec<LiveReservation<'a>>,
    seq: u64,
}

/// Why a query has no answer.
pub(super) struct Refusal(NotExecuted, &'static str);

pub(super) const NOT_FOUND: Refusal = Refusal(NotExecuted::NotFound, "");
pub(super) const NO_ORDER: Refusal = Refusal(NotExecuted::OrderNotFound, "");
pub(super) const FORBIDDEN: Refusal = Refusal(NotExecuted::Forbidden, "");
pub(super) const BAD_CURSOR: Refusal =
    Refusal(NotExecuted::InvalidRequest, "the cursor is not one that this list gave");

impl Views {
    /// Answers a question from the present state.
    pub(super) fn answer(&mut self, link: LinkId, item: &QueryItem) {
        match self.answer_bytes(item) {
            Ok(bytes) => self.reply(link, &ReplyItem { request: item.request, reply: Reply::Data(&bytes) }),
            Err(Refusal(why, message)) => self.refuse(link, item.request, why, message),
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
                let wanted = |shown: &&Shown| match &shown.snapshot {
                    Snapshot::Stock(stock) => {
                        contains_all(&words, &[Some(&stock.title), stock.category.as_ref()])
                    }
                    _ => false,
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
            Query::Statement(get) => self.statement(item.by, get),
            Query::EffectList(list) => self.effects(item.by, page_limit(list.limit)),
            Query::NotaryKeys(_) => Ok(self.notary_keys.clone()),
            Query::CommandResult(_) | Query::CommandReceipt(_) => {
                Err(Refusal(NotExecuted::InvalidRequest, "outcomes of commands are a shard's to answer"))
            }
        }
    }

    fn one(&self, address: ActorAddress) -> Result<Vec<u8>, Refusal> {
        let shown = self.shown.get(&address).ok_or(NOT_FOUND)?;
        bytes(&One { snapshot: &shown.snapshot, seq: shown.channel_seq })
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
        let bids = bids.iter().filter_map(|bid| self.standing_bid(bid)).take(OWN_BIDS_KEPT).collect();
        let reservations = feed.map(Feed::reservations).unwrap_or_default();
        let reservations = reservations.iter().filter_map(|kept| self.live_reservation(kept)).collect();
        let hidden = match &shown.snapshot {
            Snapshot::Account(own) if !may_see_money => {
                Some(Snapshot::Account(Box::new(own.without_money())))
            }
            _ => None,
        };
        let snapshot = hidden.as_ref().unwrap_or(&shown.snapshot);
        bytes(&AccountAnswer { snapshot, name, bids, reservations, seq })
    }

    /// An account's bids on a lot, where that is not over.
    fn standing_bid(&self, bid: &OwnBid) -> Option<StandingBid<'_>> {
        let Snapshot::Lot(lot) = &self.of(bid.lot)?.snapshot else { return None };
        let standing = StandingBid {
            lot: bid.lot,
            title: &lot.title,
            status: bid.status,
            price: lot.price,
            currency: lot.currency,
            ends_at: lot.ends_at,
        };
        lot.result.is_none().then_some(standing)
    }

    fn live_reservation(&self, kept: &OwnReservation) -> Option<LiveReservation<'_>> {
        let Snapshot::Stock(stock) = &self.of(kept.stock)?.snapshot else { return None };
        let OwnReservation { reservation, stock: id, quantity, expires_at } = *kept;
        let live = LiveReservation { reservation, stock: id, title: &stock.title, quantity, expires_at };
        (expires_at > self.time).then_some(live)
    }

    fn page<'a>(
        &'a self,
        ids: impl Iterator<Item = ActorAddress>,
        wanted: impl Fn(&&Shown) -> bool,
        cursor: Option<&str>,
        limit: Option<u32>,
    ) -> Result<(Vec<One<'a>>, Option<String>), Refusal> {
        let (page, cursor) = self.page_of(ids, wanted, cursor, limit)?;
        let one = |shown: &'a Shown| One { snapshot: &shown.snapshot, seq: shown.channel_seq };
        Ok((page.into_iter().map(one).collect(), cursor))
    }

    /// A page in the order of coming; the cursor is the last member's order.
    pub(super) fn page_of<'a>(
        &'a self,
        ids: impl Iterator<Item = ActorAddress>,
        wanted: impl Fn(&&Shown) -> bool,
        cursor: Option<&str>,
        limit: Option<u32>,
    ) -> Result<(Vec<&'a Shown>, Option<String>), Refusal> {
        let after: Option<u64> = cursor.map(str::parse).transpose().map_err(|_| BAD_CURSOR)?;
        let limit = page_limit(limit);
        let mut page = Vec::new();
        let mut last = None;
        for shown in ids.filter_map(|id| self.shown.get(&id)) {
            if after.is_some_and(|after| shown.order <= after) || !wanted(&shown) {
                continue;
            }
            if page.len() == limit {
                return Ok((page, last));
            }
            last = Some(shown.order.to_string());
            page.push(shown);
        }
        Ok((page, None))
    }

    fn lots(&self, list: &ListLots) -> Result<Vec<u8>, Refusal> {
        let words = words_of(list.query.as_deref());
        let members = self.lists.of(list.market).map_or(&[][..], |members| &members.lots);
        let sort = list.sort.unwrap_or_default();
        let after = list.cursor.as_deref().map(parse_cursor).transpose()?;
        let mut found: Vec<((i64, u64), &Shown)> = Vec::new();
        for lot in members {
            let Some(shown) = self.of(*lot) else { continue };
            let Snapshot::Lot(snapshot) = &shown.snapshot else { continue };
            let rank = rank(sort, snapshot, shown.order);
            if after.is_none_or(|after| rank > after) && is_wanted(list, &words, snapshot) {
                found.push((rank, shown));
            }
        }
        let limit = page_limit(list.limit);
        let more = found.len() > limit;
        if more {
            found.select_nth_unstable_by_key(limit - 1, |(rank, _)| *rank);
            found.truncate(limit);
        }
        found.sort_unstable_by_key(|(rank, _)| *rank);
        let cursor = found.last().filter(|_| more).map(|((key, order), _)| format!("{key}.{order}"));
        let lots = found
            .iter()
            .map(|(_, shown)| One { snapshot: &shown.snapshot, seq: shown.channel_seq })
            .collect();
        bytes(&LotPage { lots, cursor })
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
        Refusal(NotExecuted::Internal, "")
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
pub(super) fn contains_all(words: &[String], texts: &[Option<&String>]) -> bool {
    if words.is_empty() {
        return true;
    }
    let texts: Vec<String> = texts.iter().flatten().map(|text| text.to_lowercase()).collect();
    words.iter().all(|word| texts.iter().any(|text| text.contains(word)))
}

fn is_wanted(list: &ListLots, words: &[String], lot: &LotSnapshot) -> bool {
    list.format.is_none_or(|format| lot.format == format)
        && list.state.as_deref().is_none_or(|state| lot.state == state)
        && list.sale.is_none_or(|sale| lot.sale == Some(sale))
        && list.category.as_deref().is_none_or(|category| lot.category.as_deref() == Some(category))
        && contains_all(words, &[Some(&lot.title), lot.category.as_ref(), lot.r#ref.as_ref()])
}

/// Where a lot stands in a list: a key that sorts upwards, and the order of coming, which makes it unique.
fn rank(sort: LotSort, lot: &LotSnapshot, order: u64) -> (i64, u64) {
    match sort {
        LotSort::Catalogue => (lot.number.map_or(i64::MAX, i64::from), order),
        LotSort::Ending => (lot.ends_at.map_or(i64::MAX, |at| at.0), order),
        LotSort::Newest => (-(order as i64), order),
        LotSort::Price => (-lot.price.map_or(0, |price| price.get() as i64), order),
        LotSort::Bids => (-i64::from(lot.bids), order),
    }
}

fn parse_cursor(cursor: &str) -> Result<(i64, u64), Refusal> {
    let (key, order) = cursor.split_once('.').ok_or(BAD_CURSOR)?;
    Ok((key.parse().map_err(|_| BAD_CURSOR)?, order.parse().map_err(|_| BAD_CURSOR)?))
}
