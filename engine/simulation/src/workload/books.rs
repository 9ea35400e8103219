//! Orders in books: what traders and operators do with them.

use serde_json::{Value, json};
use vendue_domain::id::{AccountId, BookId};
use vendue_domain::time::Timestamp;

use crate::chance::Chance;
use crate::market::{BOOKS, Intent, Knowledge, bidder, book, goods_deposit, to_book};
use crate::world::Shared;

/// Mostly the funded one: it has the more to go wrong.
pub(super) fn any_book(chance: &mut Chance) -> BookId {
    if chance.per_mille(650) { book(0) } else { book(chance.below(BOOKS)) }
}

/// A few ticks around a hundred, so that orders meet; now and then one that is none.
fn price(chance: &mut Chance) -> u64 {
    let price = 5 * (15 + chance.below(6) + chance.below(6));
    if chance.per_mille(15) { price + 1 } else { price }
}

/// A trader places, cancels or changes an order.
pub(super) fn trades(account: AccountId, shared: &mut Shared) -> Intent {
    let (now, knowledge, chance) = (shared.now, &shared.knowledge, &mut shared.chance);
    match chance.below(100) {
        0..=64 => places(now, chance),
        65..=79 => cancels(account, knowledge, chance),
        _ => changes(account, knowledge, chance),
    }
}

fn places(now: Timestamp, chance: &mut Chance) -> Intent {
    let id = any_book(chance);
    let side = if chance.per_mille(500) { "buy" } else { "sell" };
    let mut params = json!({"book": id.to_string(), "side": side, "type": "limit"});
    // A multiple of every lot size that there is.
    params["quantity"] = (6 * chance.between(1, 4)).into();
    if chance.per_mille(10) {
        params["quantity"] = 7.into();
    }
    if chance.per_mille(200) {
        params["type"] = "market".into();
        if side == "buy" && (id == book(0) || chance.per_mille(300)) {
            params["max_amount"] = chance.between(100, 4_000).into();
        }
    } else {
        params["price"] = price(chance).into();
        params["post_only"] = chance.per_mille(100).into();
    }
    match chance.below(10) {
        0 => params["time_in_force"] = "ioc".into(),
        1 => params["time_in_force"] = "fok".into(),
        2 | 3 => {
            params["time_in_force"] = "gtd".into();
            params["expires_at"] = now.plus_ms(chance.between(50, 6_000)).0.into();
        }
        _ => {}
    }
    (to_book(id), "book.place", params)
}

/// One of the orders that are known: mostly this trader's.
fn any_order(
    account: Option<AccountId>,
    knowledge: &Knowledge,
    chance: &mut Chance,
) -> Option<(BookId, Value)> {
    let is_own = |owner: AccountId| account.is_none_or(|account| owner == account);
    let all = knowledge.book_orders.iter();
    let foreign = chance.per_mille(40);
    let known: Vec<_> = all.filter(|(owner, ..)| foreign || is_own(*owner)).collect();
    // The newest are those that may still live.
    let newest = &known[known.len().saturating_sub(6)..];
    let (_, book, order) = chance.pick(newest)?;
    Some((*book, json!({"book": book.to_string(), "book_order": order})))
}

fn cancels(account: AccountId, knowledge: &Knowledge, chance: &mut Chance) -> Intent {
    match any_order(Some(account), knowledge, chance) {
        Some((book, params)) => (to_book(book), "book.cancel", params),
        None => places(Timestamp(0), chance),
    }
}

fn changes(account: AccountId, knowledge: &Knowledge, chance: &mut Chance) -> Intent {
    let Some((book, mut params)) = any_order(Some(account), knowledge, chance) else {
        return places(Timestamp(0), chance);
    };
    let by_price = chance.per_mille(500);
    if by_price {
        params["price"] = price(chance).into();
    }
    if !by_price || chance.per_mille(300) {
        // Often fewer, which keeps its place.
        let lots = if chance.per_mille(600) { 1 } else { chance.between(1, 5) };
        params["quantity"] = (6 * lots).into();
    }
    (to_book(book), "book.modify", params)
}

/// An operator calls auctions, takes orders out, and lets goods in and out.
pub(super) fn of_operator(bidders: u64, shared: &mut Shared) -> Intent {
    let (knowledge, chance) = (&shared.knowledge, &mut shared.chance);
    let id = any_book(chance);
    let mut params = json!({"book": id.to_string()});
    match chance.below(100) {
        0..=29 => {
            params["action"] = "start".into();
            if chance.per_mille(600) {
                params["duration_ms"] = chance.between(50, 4_000).into();
                params["random_end_ms"] = chance.below(800).into();
            }
        }
        30..=64 => params["action"] = "uncross".into(),
        65..=74 => {
            if let Some((book, mut params)) = any_order(None, knowledge, chance) {
                params["reason"] = "an error".into();
                return (to_book(book), "book.cancel", params);
            }
            params["action"] = "uncross".into();
        }
        _ => {
            let account = bidder(chance.below(bidders));
            let goods = book(0).to_string();
            let mut intent = goods_deposit(account, &goods, chance.between(1, 40));
            if chance.per_mille(250) {
                intent.1 = "account.withdraw";
            }
            return intent;
        }
    }
    (to_book(id), "book.auction", params)
}
