//! Orders and money: what buyers and operators do with them.

use serde_json::{Value, json};
use vendue_domain::id::AccountId;
use vendue_domain::lot::won_order;

use super::{any_lot, any_stock};
use crate::chance::Chance;
use crate::market::{
    self, Intent, Knowledge, Known, MARKET, bidder, placed_order, to_account, to_order, to_stock,
};
use crate::world::Shared;

/// An order of one to three lines: from the shelf, by a reservation, or a lot that was won.
pub(super) fn places(account: AccountId, shared: &mut Shared) -> Intent {
    let order = placed_order(shared.history.issues.len() as u64);
    let (knowledge, chance) = (&shared.knowledge, &mut shared.chance);
    let lines: Vec<Value> = (0..chance.between(1, 3)).map(|_| line(account, knowledge, chance)).collect();
    let mut params = json!({"order": order.to_string(), "lines": lines});
    if chance.per_mille(500) {
        params["near"] = json!([50_000_000, 10_000_000]);
    }
    (to_order(order), "order.place", params)
}

fn line(account: AccountId, knowledge: &Knowledge, chance: &mut Chance) -> Value {
    match chance.below(10) {
        0 => json!({"lot": any_lot(knowledge, chance).to_string()}),
        1..=3 => {
            let own: Vec<_> = knowledge.reservations.iter().filter(|(owner, ..)| *owner == account).collect();
            match chance.pick(&own) {
                Some((_, _, id)) => json!({"reservation": id}),
                None => json!({"stock": any_stock(chance).to_string(), "quantity": 1}),
            }
        }
        _ => json!({"stock": any_stock(chance).to_string(), "quantity": chance.between(1, 5)}),
    }
}

/// One of the orders that are known: mostly this buyer's.
fn any_order(account: Option<AccountId>, knowledge: &Knowledge, chance: &mut Chance) -> Known {
    let is_own = |known: &&Known| account.is_none_or(|account| known.buyer == account);
    let own: Vec<_> = knowledge.orders.iter().filter(is_own).collect();
    let known = if chance.per_mille(950) { chance.pick(&own).map(|known| (*known).clone()) } else { None };
    known.unwrap_or_else(|| {
        // What may have been won.
        let buyer = account.unwrap_or_else(|| bidder(chance.below(4)));
        Known { order: won_order(any_lot(knowledge, chance), buyer), buyer, stock: None }
    })
}

/// A buyer pays, thinks better of it, or is content.
pub(super) fn of_buyer(account: AccountId, knowledge: &Knowledge, chance: &mut Chance) -> Intent {
    let known = any_order(Some(account), knowledge, chance);
    let params = json!({"order": known.order.to_string(), "reason": "so it is"});
    let method = match chance.below(10) {
        0..=6 => "order.pay",
        7 | 8 => "order.cancel",
        _ => "order.complete",
    };
    (to_order(known.order), method, params)
}

/// An operator books what came and went, and looks after orders.
pub(super) fn of_operator(bidders: u64, shared: &mut Shared) -> Intent {
    let chance = &mut shared.chance;
    match chance.below(100) {
        0..=14 => market::deposit(bidder(chance.below(bidders)), chance.between(1, 90) * 77),
        15..=19 => withdrawal(bidder(chance.below(bidders)), chance),
        20..=29 => goods(bidders, chance),
        30 | 31 => {
            shared.knowledge.fees += 1;
            let fees = market::fees(shared.knowledge.fees + 1);
            let params = json!({"market": MARKET.to_string(), "fees": fees, "reason": "a new year"});
            (market::to_market(), "market.set_fees", params)
        }
        32..=64 => of_order(&shared.knowledge, chance),
        _ => ships(&shared.knowledge, chance),
    }
}

fn withdrawal(account: AccountId, chance: &mut Chance) -> Intent {
    let amount = chance.between(1, 9_000);
    let params =
        json!({"account": account.to_string(), "amount": amount, "currency": "EUR", "reason": "paid out"});
    (to_account(account), "account.withdraw", params)
}

fn goods(bidders: u64, chance: &mut Chance) -> Intent {
    let account = bidder(chance.below(bidders));
    let (goods, quantity) = (any_stock(chance).to_string(), chance.between(1, 9));
    let params = json!({
        "account": account.to_string(), "goods": goods, "quantity": quantity, "reason": "through the gate",
    });
    let method = if chance.per_mille(700) { "account.deposit" } else { "account.withdraw" };
    (to_account(account), method, params)
}

fn of_order(knowledge: &Knowledge, chance: &mut Chance) -> Intent {
    let known = any_order(None, knowledge, chance);
    let mut params = json!({"order": known.order.to_string(), "reason": "so it is"});
    let method = match chance.below(10) {
        0..=2 => "order.mark_paid",
        3 => "order.cancel",
        4 | 5 => {
            params["amount"] = chance.between(1, 700).into();
            "order.refund"
        }
        6 => "order.refund",
        7 | 8 => "order.mark_delivered",
        _ => "order.complete",
    };
    (to_order(known.order), method, params)
}

/// Goods leave, or come back.
fn ships(knowledge: &Knowledge, chance: &mut Chance) -> Intent {
    let of_stock: Vec<_> = knowledge.orders.iter().filter(|known| known.stock.is_some()).collect();
    let known = chance.pick(&of_stock).map(|known| (*known).clone());
    let known = known.unwrap_or_else(|| any_order(None, knowledge, chance));
    let stock = known.stock.unwrap_or_else(|| any_stock(chance));
    let mut params = json!({"stock": stock.to_string(), "order": known.order.to_string()});
    if chance.per_mille(300) {
        params["quantity"] = chance.between(1, 3).into();
    }
    let method = if chance.per_mille(700) { "stock.ship" } else { "stock.return" };
    (to_stock(stock), method, params)
}
