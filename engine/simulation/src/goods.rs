//! What is for sale in every world: lots of every format, with and without money behind their bids, and stock with and
//! without places.

use serde_json::{Value, json};
use vendue_domain::id::AccountId;
use vendue_domain::time::Timestamp;

use crate::chance::Chance;
use crate::market::{Intent, MARKET, book, lot, stock, to_book, to_lot, to_stock};

/// Longer than this before its end a lot gives all of a bidder's bids back (RULES, "Retraction"), in milliseconds.
const TWELVE_HOURS_MS: u64 = 12 * 3_600 * 1_000;
/// The format of a lot follows from its number, so that each world has all of them.
const FORMATS: [&str; 11] = [
    "english",
    "english",
    "english",
    "dutch",
    "sealed_first_price",
    "vickrey",
    "reverse",
    "multi_unit",
    "japanese",
    "candle",
    "combinatorial",
];
/// How orders of one account that meet are told apart.
const SELF_TRADES: [&str; 4] = ["cancel_newest", "cancel_oldest", "cancel_both", "allow"];
/// How prices of several units are found.
const PRICINGS: [&str; 3] = ["uniform_lowest_winning", "uniform_highest_losing", "pay_as_bid"];

/// A lot of any make.
pub(crate) fn new_lot(number: u64, now: Timestamp, seller: AccountId, chance: &mut Chance) -> Intent {
    let format = FORMATS[(number % FORMATS.len() as u64) as usize];
    let mut params = json!({
        "lot": lot(number).to_string(), "market": MARKET.to_string(), "title": format!("Lot {number}"),
        "format": format, "start_amount": chance.between(1, 20) * 50,
    });
    let closes_at = match chance.below(4) {
        0 => now.plus_ms(TWELVE_HOURS_MS + chance.between(60_000, 3_600_000)),
        _ => now.plus_ms(chance.between(1_500, 14_000)),
    };
    if format == "candle" || !chance.per_mille(100) {
        params["closes_at"] = closes_at.0.into();
    }
    match format {
        "english" => english(&mut params, chance),
        "dutch" => dutch(&mut params, chance),
        "reverse" => tender(&mut params, chance),
        "multi_unit" => several(&mut params, chance),
        "japanese" => rising(&mut params, chance),
        "candle" => params["candle_ms"] = chance.between(1_000, 6_000).into(),
        "combinatorial" => {
            let items = ["table", "chairs", "lamp", "rug", "clock"];
            params["items"] = json!(items[..chance.between(2, 5) as usize]);
        }
        _ if chance.per_mille(400) => params["reserve"] = (chance.between(20, 60) * 100).into(),
        _ => {}
    }
    let may_extend = matches!(format, "english" | "multi_unit");
    if may_extend && chance.per_mille(600) && params.get("closes_at").is_some() {
        soft_close(&mut params, closes_at, chance);
    }
    match format {
        "reverse" => {}
        // Who led at the moment that is drawn may have its money back by then.
        "candle" => deposits(&mut params, chance),
        _ => backing(&mut params, chance),
    }
    if chance.per_mille(300) {
        params["seller"] = seller.to_string().into();
    }
    (to_lot(lot(number)), "lot.create", params)
}

/// Proxy or plain, with or without reserve and buy-now.
fn english(params: &mut Value, chance: &mut Chance) {
    if chance.per_mille(400) {
        params["reserve"] = (chance.between(20, 60) * 100).into();
    }
    if chance.per_mille(300) {
        params["buy_now"] = (chance.between(70, 200) * 100).into();
    }
    if chance.per_mille(250) {
        params["proxy"] = false.into();
    }
}

/// A clock that reaches its floor within a world's time, or not.
fn dutch(params: &mut Value, chance: &mut Chance) {
    let start = chance.between(20, 80) * 100;
    params["start_amount"] = start.into();
    params["quantity"] = chance.between(1, 12).into();
    let interval_ms = chance.between(100, 2_000);
    params["clock"] =
        json!({"start": start, "step": chance.between(1, 400), "interval_ms": interval_ms, "floor": 500});
}

/// Who asks least is paid: open or sealed.
fn tender(params: &mut Value, chance: &mut Chance) {
    params["start_amount"] = (chance.between(50, 200) * 100).into();
    if chance.per_mille(400) {
        params["reserve"] = (chance.between(20, 50) * 100).into();
    }
    if chance.per_mille(400) {
        params["sealed"] = true.into();
    }
}

fn several(params: &mut Value, chance: &mut Chance) {
    params["quantity"] = chance.between(2, 10).into();
    if let Some(pricing) = chance.pick(&PRICINGS) {
        params["pricing"] = (*pricing).into();
    }
}

fn soft_close(params: &mut Value, closes_at: Timestamp, chance: &mut Chance) {
    let (window_ms, extend_ms) = (chance.between(100, 3_000), chance.between(100, 3_000));
    params["soft_close"] = json!({"window_ms": window_ms, "extend_ms": extend_ms});
    if chance.per_mille(500) {
        params["soft_close"]["hard_close_at"] = closes_at.plus_ms(chance.between(500, 8_000)).0.into();
    }
}

/// A clock that rises while at least as many stay in as there are units.
fn rising(params: &mut Value, chance: &mut Chance) {
    let start = chance.between(1, 20) * 50;
    params["start_amount"] = start.into();
    params["quantity"] = chance.between(1, 3).into();
    let (step, interval_ms) = (chance.between(1, 8) * 50, chance.between(100, 2_000));
    params["clock"] = json!({"start": start, "step": step, "interval_ms": interval_ms});
    if chance.per_mille(300) {
        params["clock"]["ceiling"] = (start + 5 * step).into();
    }
}

/// A deposit, or none.
fn deposits(params: &mut Value, chance: &mut Chance) {
    if chance.per_mille(300) {
        params["funding"] = "deposit".into();
        params["deposit"] = chance.between(200, 3_000).into();
    }
}

/// What is held behind bids: nothing, all of it, or a deposit.
fn backing(params: &mut Value, chance: &mut Chance) {
    match chance.below(10) {
        0..=3 => {}
        4..=7 => params["funding"] = "full".into(),
        8 => {
            params["funding"] = "deposit".into();
            params["deposit"] = chance.between(200, 3_000).into();
        }
        _ => {
            params["qualification"] = "deposit".into();
            params["deposit"] = chance.between(200, 3_000).into();
        }
    }
}

/// A stock item: some with a threshold, below 0 for back-orders, some with a limit, one with places.
pub(crate) fn new_stock(number: u64, chance: &mut Chance) -> Intent {
    let on_hand = chance.between(5, 60);
    let mut params = json!({
        "stock": stock(number).to_string(), "market": MARKET.to_string(), "title": format!("Stock {number}"),
        "price": chance.between(1, 900), "on_hand": on_hand,
    });
    match chance.below(3) {
        0 => params["threshold"] = 3.into(),
        1 => params["threshold"] = (-5).into(),
        _ => {}
    }
    if chance.per_mille(400) {
        params["limit_per_account"] = chance.between(3, 15).into();
    }
    if number == 0 {
        let north = chance.below(on_hand);
        params["locations"] = json!([
            {"name": "north", "on_hand": north, "at": [60_000_000, 10_000_000]},
            {"name": "south", "on_hand": on_hand - north, "at": [40_000_000, 10_000_000]},
        ]);
        params["threshold"] = 0.into();
        let strategies = ["most_stock", "nearest", "fewest_parcels"];
        if let Some(strategy) = chance.pick(&strategies) {
            params["strategy"] = (*strategy).into();
        }
    }
    (to_stock(stock(number)), "stock.create", params)
}

/// An order book: the first with money and goods behind its orders, and the market's fees.
pub(crate) fn new_book(number: u64, chance: &mut Chance) -> Intent {
    let mut params = json!({
        "book": book(number).to_string(), "market": MARKET.to_string(), "title": format!("Book {number}"),
        "tick": 5, "lot_size": chance.between(1, 3), "modify_keeps_place": chance.per_mille(800),
    });
    if let Some(mode) = chance.pick(&SELF_TRADES) {
        params["self_trade"] = (*mode).into();
    }
    if number == 0 {
        params["funding"] = "full".into();
    }
    if chance.per_mille(500) {
        params["reference"] = 100.into();
    }
    (to_book(book(number)), "book.create", params)
}
