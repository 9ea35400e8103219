//! The market of every world: its ids, what the operator sets up, and what is commonly known of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use vendue_domain::actor::ActorAddress;
use vendue_domain::id::{AccountId, LotId, MarketId, StockId};
use vendue_domain::time::Timestamp;

use crate::chance::Chance;
use crate::history::Issue;

/// Where every world's clock begins: a moment in November 2023.
pub(crate) const BEGIN: Timestamp = Timestamp(1_700_000_000_000_000);
/// The only market.
pub(crate) const MARKET: MarketId = MarketId::from_u128(0xA1);
/// How many lots there are at first.
pub(crate) const LOTS: u64 = 6;
/// How many stock items there are.
pub(crate) const STOCKS: u64 = 3;
/// How many reservations and bids are remembered for later commands.
const REMEMBERED: usize = 64;
/// Longer than this before its end a lot gives all of a bidder's bids back (RULES, "Retraction"), in milliseconds.
const TWELVE_HOURS_MS: u64 = 12 * 3_600 * 1_000;

/// A command that is yet to be sent: target, method, parameters.
pub(crate) type Intent = ((ActorAddress, String), &'static str, Value);

/// Spreads small numbers over the ids, as the real ones are spread over slots and shards.
const fn spread(number: u64) -> u128 {
    (number as u128 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)
}

/// The bidder with this number.
pub(crate) const fn bidder(number: u64) -> AccountId {
    AccountId::from_u128(spread(0xB000 + number))
}

/// The lot with this number.
pub(crate) const fn lot(number: u64) -> LotId {
    LotId::from_u128(spread(number))
}

/// The stock item with this number.
pub(crate) const fn stock(number: u64) -> StockId {
    StockId::from_u128(spread(0x5000 + number))
}

/// A lot as the target of a command.
pub(crate) fn to_lot(lot: LotId) -> (ActorAddress, String) {
    (lot.into(), lot.to_string())
}

/// A stock item as the target of a command.
pub(crate) fn to_stock(stock: StockId) -> (ActorAddress, String) {
    (stock.into(), stock.to_string())
}

/// The market as the target of a command.
pub(crate) fn to_market() -> (ActorAddress, String) {
    (MARKET.into(), MARKET.to_string())
}

/// An account as the target of a command.
pub(crate) fn to_account(account: AccountId) -> (ActorAddress, String) {
    (account.into(), account.to_string())
}

/// How many stages the opening has.
pub(crate) const STAGES: usize = 5;

/// What the operator does first, in stages: each begins when all of the one before is answered.
pub(crate) fn stage(number: usize, bidders: u64, now: Timestamp, chance: &mut Chance) -> Vec<Intent> {
    // The last one sells, and tries to bid on its own lots (I19).
    let seller = bidder(bidders - 1);
    let grant = |account: AccountId, role: &str| {
        let params = json!({"account": account.to_string(), "market": MARKET.to_string(), "role": role});
        (to_account(account), "account.grant", params)
    };
    match number {
        0 => {
            let params = json!({"market": MARKET.to_string(), "name": "Simulated market", "currency": "EUR"});
            vec![(to_market(), "market.create", params)]
        }
        1 => {
            let create = |number| {
                let account = bidder(number);
                let params = json!({"account": account.to_string(), "name": format!("Bidder {number}")});
                (to_account(account), "account.create", params)
            };
            (0..bidders).map(create).collect()
        }
        2 => {
            let all = (0..bidders).map(|number| grant(bidder(number), "bidder"));
            all.chain([grant(seller, "seller")]).collect()
        }
        3 => {
            let mut goods: Vec<Intent> =
                (0..LOTS).map(|number| new_lot(number, now, seller, chance)).collect();
            goods.extend((0..STOCKS).map(|number| new_stock(number, chance)));
            goods
        }
        _ => {
            let open = |number| {
                let params = json!({"lot": lot(number).to_string(), "reason": "the sale begins"});
                (to_lot(lot(number)), "lot.open", params)
            };
            (0..LOTS).map(open).collect()
        }
    }
}

/// A lot of any make: proxy or plain, with or without reserve, buy-now, soft close and end.
pub(crate) fn new_lot(number: u64, now: Timestamp, seller: AccountId, chance: &mut Chance) -> Intent {
    let mut params = json!({
        "lot": lot(number).to_string(), "market": MARKET.to_string(), "title": format!("Lot {number}"),
        "format": "english", "start_amount": chance.between(1, 20) * 50,
    });
    let closes_at = match chance.below(4) {
        0 => now.plus_ms(TWELVE_HOURS_MS + chance.between(60_000, 3_600_000)),
        _ => now.plus_ms(chance.between(3_000, 25_000)),
    };
    if !chance.per_mille(100) {
        params["closes_at"] = closes_at.0.into();
    }
    if chance.per_mille(400) {
        params["reserve"] = chance.between(20, 60).saturating_mul(100).into();
    }
    if chance.per_mille(300) {
        params["buy_now"] = chance.between(70, 200).saturating_mul(100).into();
    }
    if chance.per_mille(250) {
        params["proxy"] = false.into();
    }
    if chance.per_mille(600) && params.get("closes_at").is_some() {
        let (window_ms, extend_ms) = (chance.between(100, 3_000), chance.between(100, 3_000));
        params["soft_close"] = json!({"window_ms": window_ms, "extend_ms": extend_ms});
        if chance.per_mille(500) {
            params["soft_close"]["hard_close_at"] = closes_at.plus_ms(chance.between(500, 8_000)).0.into();
        }
    }
    if chance.per_mille(300) {
        params["seller"] = seller.to_string().into();
    }
    (to_lot(lot(number)), "lot.create", params)
}

fn new_stock(number: u64, chance: &mut Chance) -> Intent {
    let mut params = json!({
        "stock": stock(number).to_string(), "market": MARKET.to_string(), "title": format!("Stock {number}"),
        "price": 1_000, "on_hand": chance.between(5, 60),
    });
    match chance.below(3) {
        0 => params["threshold"] = 3.into(),
        1 => params["threshold"] = (-5).into(),
        _ => {}
    }
    if chance.per_mille(400) {
        params["limit_per_account"] = chance.between(3, 15).into();
    }
    (to_stock(stock(number)), "stock.create", params)
}

/// What has been said in public, and what replies have named: where the next commands aim.
#[derive(Debug, Default)]
pub(crate) struct Knowledge {
    /// The lowest next bid by channel.
    pub(crate) next_amounts: BTreeMap<String, u64>,
    /// Reservations: whose, of what, and their ids.
    pub(crate) reservations: Vec<(AccountId, StockId, String)>,
    /// Bids: on what, and their ids.
    pub(crate) bids: Vec<(LotId, String)>,
    /// How many lots have been made.
    pub(crate) lots: u64,
}

impl Knowledge {
    /// Somebody has heard this on a channel.
    pub(crate) fn heard(&mut self, channel: &str, data: &Value) {
        if let Some(amount) = data["min_next_amount"].as_u64() {
            self.next_amounts.insert(channel.to_owned(), amount);
        }
    }

    /// A command has been answered.
    pub(crate) fn learn(&mut self, issue: &Issue, result: &Value) {
        if let Some(id) = result["reservation"].as_str() {
            remember(&mut self.reservations, (issue.by, StockId(issue.target.id), id.to_owned()));
        }
        if let Some(id) = result["bid"].as_str() {
            remember(&mut self.bids, (LotId(issue.target.id), id.to_owned()));
        }
    }

    /// About what a bid must be.
    pub(crate) fn next_amount(&self, lot: LotId) -> u64 {
        self.next_amounts.get(&format!("lot:{lot}")).copied().unwrap_or(500)
    }
}

fn remember<T>(list: &mut Vec<T>, one: T) {
    if list.len() == REMEMBERED {
        list.remove(0);
    }
    list.push(one);
}
