//! Orders: who sees which, newest first.

use std::collections::BTreeSet;

use hashbrown::HashMap;
use serde::Serialize;
use vendue_domain::actor::Snapshot;
use vendue_domain::id::{AccountId, MarketId, OrderId};
use vendue_domain::order::{OrderSnapshot, OrderView};
use vendue_domain::time::Timestamp;
use vendue_protocol::query::ListOrders;

use super::answer::{BAD_CURSOR, FORBIDDEN, Refusal, bytes, page_limit};
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
        for party in order.parties() {
            self.of.entry(party).or_default().insert(order.order);
        }
    }
}

#[derive(Serialize)]
struct OrderPage<'a> {
    orders: Vec<OrderView<'a>>,
    cursor: Option<String>,
}

/// Where an order stands in a list: newest first; the id makes it unique.
type Rank = (std::cmp::Reverse<Timestamp>, OrderId);

impl Views {
    /// One order, as far as the asker may see it. Whoever may see nothing learns no more than that there is none.
    pub(super) fn order(&self, by: AccountId, order: OrderId) -> Result<Vec<u8>, Refusal> {
        let shown = self.of(order).ok_or(super::answer::NO_ORDER)?;
        let snapshot = self.snapshot_of(&order.into(), shown)?;
        bytes(&self.seen(by, &snapshot).ok_or(super::answer::NO_ORDER)?)
    }

    /// An order as an account sees it; `None` where it sees nothing of it.
    fn seen<'a>(&self, by: AccountId, snapshot: &'a Snapshot) -> Option<OrderView<'a>> {
        let Snapshot::Order(order) = snapshot else { return None };
        order.seen_by(by, self.may_read_as_operator(by, order.market))
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
        for (id, shown) in members.into_iter().flatten().filter_map(|order| Some((*order, self.of(*order)?)))
        {
            let Some(card) = shown.body.order() else { continue };
            let rank = (std::cmp::Reverse(card.placed_at), id);
            let wanted = list.market.is_none_or(|market| shown.market == market)
                && list.state.as_deref().is_none_or(|state| card.state.name() == state);
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
        let snapshots = found.iter().map(|((_, id), shown)| self.snapshot_of(&(*id).into(), shown));
        let snapshots = snapshots.collect::<Result<Vec<_>, _>>()?;
        let orders = snapshots.iter().filter_map(|snapshot| self.seen(by, snapshot));
        bytes(&OrderPage { orders: orders.collect(), cursor })
    }
}

fn parse_cursor(cursor: &str) -> Result<Rank, Refusal> {
    let (at, order) = cursor.split_once('.').ok_or(BAD_CURSOR)?;
    let at = Timestamp(at.parse().map_err(|_| BAD_CURSOR)?);
    Ok((std::cmp::Reverse(at), order.parse().map_err(|_| BAD_CURSOR)?))
}
