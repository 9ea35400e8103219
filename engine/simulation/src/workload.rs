//! What clients do next, drawn by chance: mostly what is allowed, often at the edge, sometimes beyond it.

mod books;
mod orders;

use serde_json::{Value, json};
use vendue_domain::id::{AccountId, LotId, StockId};
use vendue_domain::time::Timestamp;

use crate::chance::Chance;
use crate::client::Client;
use crate::goods;
use crate::market::{
    self, Intent, Knowledge, MARKET, STOCKS, bidder, lot, stock, to_lot, to_market, to_stock,
};
use crate::world::Shared;

/// One of the lots there are.
fn any_lot(knowledge: &Knowledge, chance: &mut Chance) -> LotId {
    lot(chance.below(knowledge.lots.max(1)))
}

pub(crate) fn any_stock(chance: &mut Chance) -> StockId {
    stock(chance.below(STOCKS))
}

/// A bidder does something.
pub(crate) fn bidder_acts(client: &mut Client, shared: &mut Shared) {
    let Some(account) = client.account else { return };
    match shared.chance.below(100) {
        0..=59 => {
            let intent = buys(account, shared);
            let issue = shared.issue(account, intent);
            client.send(issue, shared);
            if shared.chance.per_mille(40) {
                // The same key twice at once.
                client.send(issue, shared);
            }
        }
        60..=67 => {
            let id = any_lot(&shared.knowledge, &mut shared.chance);
            client.get("lot", &id.to_string());
        }
        68..=70 => {
            let id = any_stock(&mut shared.chance);
            client.get("stock", &id.to_string());
        }
        71 => {
            let id = books::any_book(&mut shared.chance);
            client.get("book", &id.to_string());
        }
        72..=82 => asks_again(client, account, shared),
        _ => watches(client, shared),
    }
    client.flush(shared);
}

/// A guest watches.
pub(crate) fn guest_acts(client: &mut Client, shared: &mut Shared) {
    if shared.chance.per_mille(300) {
        let id = any_lot(&shared.knowledge, &mut shared.chance);
        client.get("lot", &id.to_string());
    } else {
        watches(client, shared);
    }
    client.flush(shared);
}

/// The operator does something.
pub(crate) fn operator_acts(client: &mut Client, bidders: u64, shared: &mut Shared) {
    let Some(account) = client.account else { return };
    if shared.chance.per_mille(250) {
        watches(client, shared);
    } else {
        let intent = match shared.chance.below(10) {
            0..=2 => runs_a_lot(shared),
            3..=5 => runs_the_market(bidders, shared),
            6 | 7 => books::of_operator(bidders, shared),
            _ => orders::of_operator(bidders, shared),
        };
        let issue = shared.issue(account, intent);
        client.send(issue, shared);
    }
    client.flush(shared);
}

fn buys(account: AccountId, shared: &mut Shared) -> Intent {
    match shared.chance.below(100) {
        0..=42 => bids(&shared.knowledge, &mut shared.chance),
        43..=62 => books::trades(account, shared),
        63..=69 => {
            let stock = any_stock(&mut shared.chance);
            let (quantity, ttl_ms) = (shared.chance.between(1, 6), shared.chance.between(200, 4_000));
            let params = json!({"stock": stock.to_string(), "quantity": quantity, "ttl_ms": ttl_ms});
            (to_stock(stock), "stock.reserve", params)
        }
        70..=75 => of_reservation(account, &shared.knowledge, &mut shared.chance),
        76..=86 => orders::places(account, shared),
        _ => orders::of_buyer(account, &shared.knowledge, &mut shared.chance),
    }
}

/// A bid, a take, a retraction.
fn bids(knowledge: &Knowledge, chance: &mut Chance) -> Intent {
    let lot = any_lot(knowledge, chance);
    let name = lot.to_string();
    let mut params = json!({"lot": name});
    match chance.below(100) {
        0..=84 => {}
        85..=96 => {
            params["reason"] = "a slip of the pen".into();
            return (to_lot(lot), "lot.retract", params);
        }
        _ => return (to_lot(lot), "lot.buy_now", params),
    }
    let next = knowledge.next_amount(lot);
    // A coarse grid makes ties; a little below the lowest next bid is refused.
    let mut amount = match chance.below(10) {
        0 => next.saturating_sub(chance.between(1, 100)).max(1),
        1..=5 => next + chance.below(400),
        _ => (next / 500 + chance.between(1, 4)) * 500,
    };
    match knowledge.format(lot) {
        "dutch" => {
            params["quantity"] = chance.between(1, 4).into();
            return (to_lot(lot), "lot.take", params);
        }
        "sealed_first_price" | "vickrey" => amount = next + chance.below(40) * 250,
        "reverse" => amount = next.saturating_sub(chance.below(900)).max(1),
        "multi_unit" => {
            params["quantity"] = chance.between(1, 4).into();
            params["all_or_none"] = chance.per_mille(300).into();
        }
        "japanese" => {
            let until = next + chance.below(12) * 50;
            if chance.per_mille(600) {
                if chance.per_mille(700) {
                    params["stay_until"] = until.into();
                }
                return (to_lot(lot), "lot.stay", params);
            }
            amount = next;
            params["stay_until"] = until.into();
        }
        "combinatorial" => {
            let first = chance.between(1, 4);
            let package: Vec<u64> = (first..=first + chance.below(3)).collect();
            amount = next.max(1_000) * package.len() as u64 + chance.below(40) * 100;
            params["package"] = package.into();
        }
        _ => {}
    }
    params["amount"] = amount.into();
    if chance.per_mille(30) {
        params["validate_only"] = true.into();
    }
    (to_lot(lot), "lot.bid", params)
}

fn of_reservation(account: AccountId, knowledge: &Knowledge, chance: &mut Chance) -> Intent {
    let own: Vec<_> = knowledge.reservations.iter().filter(|(owner, ..)| *owner == account).collect();
    let anybodys: Vec<_> = knowledge.reservations.iter().collect();
    let from = if chance.per_mille(900) { own } else { anybodys };
    let Some((_, stock, id)) = chance.pick(&from) else {
        let stock = any_stock(chance);
        let params = json!({"stock": stock.to_string(), "quantity": 1});
        return (to_stock(stock), "stock.reserve", params);
    };
    let params = json!({"stock": stock.to_string(), "reservation": id});
    let method = if chance.per_mille(600) { "stock.release" } else { "stock.extend" };
    (to_stock(*stock), method, params)
}

/// Asks about, or again for, what is settled.
fn asks_again(client: &mut Client, account: AccountId, shared: &mut Shared) {
    let total = shared.history.issues.len() as u64;
    let number = shared.chance.below(total.max(1)) as usize;
    let mine = shared.history.issues.get(number);
    if mine.is_none_or(|issue| issue.by != account || !issue.is_settled() || issue.is_trial) {
        return;
    }
    match shared.chance.below(3) {
        0 => client.send(number, shared),
        1 => client.recall(number, shared),
        _ => {
            let target = shared.history.issues[number].target_name.clone();
            let (method, params) = if target.starts_with("lot_") {
                ("lot.bid", json!({"lot": target, "amount": 9_007_199}))
            } else if target.starts_with("bok_") {
                (
                    "book.place",
                    json!({"book": target, "side": "sell", "type": "market", "quantity": 1_000_002}),
                )
            } else if target.starts_with("ord_") {
                ("order.cancel", json!({"order": target, "reason": "other content"}))
            } else {
                ("stock.reserve", json!({"stock": target, "quantity": 1_000_003}))
            };
            client.reuse(number, method, params, shared);
        }
    }
}

/// Subscribes to something, or ends a subscription.
fn watches(client: &mut Client, shared: &mut Shared) {
    let chance = &mut shared.chance;
    let channel = match chance.below(10) {
        0..=4 => format!("lot:{}", any_lot(&shared.knowledge, chance)),
        6 => format!("stock:{}", any_stock(chance)),
        5 | 7 => format!("book:{}", books::any_book(chance)),
        8 if client.account.is_none() || chance.per_mille(300) => format!("market:{MARKET}"),
        _ if client.account == Some(AccountId::HOUSE) => format!("ops:{MARKET}"),
        _ if client.account.is_some() => "account".to_owned(),
        _ => format!("market:{MARKET}"),
    };
    // Whoever buys hears of its orders on its own channel, and gives that up less often.
    if channel == "account" && client.watches.get("account").is_some_and(|watch| watch.is_wanted) {
        return;
    }
    let is_watched = client.watches.get(&channel).is_some_and(|watch| watch.is_wanted);
    if is_watched && shared.chance.per_mille(500) {
        client.unsubscribe(&channel);
    } else {
        client.subscribe(&channel, shared);
    }
}

fn runs_a_lot(shared: &mut Shared) -> Intent {
    let (now, chance) = (shared.now, &mut shared.chance);
    let id = any_lot(&shared.knowledge, chance);
    let mut params = json!({"lot": id.to_string(), "reason": "the operator's"});
    let method = match chance.below(100) {
        0..=14 => "lot.pause",
        15..=39 => "lot.resume",
        40..=49 => {
            params["ends_at"] = soon(now, chance);
            "lot.extend"
        }
        50..=54 => "lot.close",
        55 | 56 => "lot.cancel",
        57..=69 => {
            params["ends_at"] = soon(now, chance);
            "lot.reopen"
        }
        70..=84 => {
            let Some((lot, bid)) = chance.pick(&shared.knowledge.bids) else {
                return (to_lot(id), "lot.open", params);
            };
            let params = json!({"lot": lot.to_string(), "bid": bid, "reason": "an error"});
            return (to_lot(*lot), "lot.void_bid", params);
        }
        85..=92 => {
            let number = shared.knowledge.lots;
            shared.knowledge.lots += 1;
            let mut intent = goods::new_lot(number, now, AccountId::HOUSE, chance);
            if chance.per_mille(700) {
                intent.2["opens_at"] = now.plus_ms(chance.between(10, 900)).0.into();
            }
            return intent;
        }
        _ => "lot.open",
    };
    (to_lot(id), method, params)
}

fn soon(now: Timestamp, chance: &mut Chance) -> Value {
    now.plus_ms(chance.between(500, 15_000)).0.into()
}

fn runs_the_market(bidders: u64, shared: &mut Shared) -> Intent {
    let chance = &mut shared.chance;
    let stock = any_stock(chance);
    let of_stock = |method, more: Value| {
        let mut params = more;
        params["stock"] = stock.to_string().into();
        (to_stock(stock), method, params)
    };
    match chance.below(100) {
        0..=24 => of_stock("stock.receive", json!({"quantity": chance.between(1, 8)})),
        25..=39 => {
            let quantity = chance.below(12) as i64 - 7;
            of_stock("stock.adjust", json!({"quantity": quantity, "reason": "counted again"}))
        }
        40..=64 => {
            let Some((_, stock, id)) = chance.pick(&shared.knowledge.reservations) else {
                return of_stock("stock.receive", json!({"quantity": 1}));
            };
            let params = json!({"stock": stock.to_string(), "reservation": id});
            (to_stock(*stock), "stock.release", params)
        }
        65..=79 => {
            let account = bidder(chance.below(bidders));
            let params = json!({
                "account": account.to_string(), "market": MARKET.to_string(), "reason": "looked into",
                "lift": chance.per_mille(650),
            });
            (market::to_account(account), "account.suspend", params)
        }
        80..=85 => (to_market(), "market.halt", json!({"market": MARKET.to_string(), "reason": "a pause"})),
        _ => (to_market(), "market.resume", json!({"market": MARKET.to_string(), "reason": "it goes on"})),
    }
}
