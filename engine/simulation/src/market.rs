//! The market of every world: its ids, what the operator sets up, and what is commonly known of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use vendue_domain::actor::ActorAddress;
use vendue_domain::id::{AccountId, BookId, Id, LotId, MarketId, OrderId, StockId};
use vendue_domain::time::Timestamp;

use crate::chance::Chance;
use crate::goods;
use crate::history::Issue;

/// Where every world's clock begins: a moment in November 2023.
pub(crate) const BEGIN: Timestamp = Timestamp(1_700_000_000_000_000);
/// The only market.
pub(crate) const MARKET: MarketId = MarketId::from_u128(0xA1);
/// How many lots there are at first.
pub(crate) const LOTS: u64 = 11;
/// How many stock items there are.
pub(crate) const STOCKS: u64 = 3;
/// How many order books there are: the first is funded, the others are not.
pub(crate) const BOOKS: u64 = 2;
/// How many reservations, bids and orders of books are remembered for later commands.
const REMEMBERED: usize = 64;

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

/// The order book with this number.
pub(crate) const fn book(number: u64) -> BookId {
    BookId::from_u128(spread(0xB00C_0000 + number))
}

/// An order book as the target of a command.
pub(crate) fn to_book(book: BookId) -> (ActorAddress, String) {
    (book.into(), book.to_string())
}

/// A lot as the target of a command.
pub(crate) fn to_lot(lot: LotId) -> (ActorAddress, String) {
    (lot.into(), lot.to_string())
}

/// The order with this number, of those that clients place.
pub(crate) const fn placed_order(number: u64) -> OrderId {
    OrderId::from_u128(spread(0x0D00_0000 + number))
}

/// An order as the target of a command.
pub(crate) fn to_order(order: OrderId) -> (ActorAddress, String) {
    (order.into(), order.to_string())
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
pub(crate) const STAGES: usize = 6;

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
            let params = json!({"market": MARKET.to_string(), "name": "Simulated market", "currency": "EUR", "fees": fees(1)});
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
            let money = |number| deposit(bidder(number), chance.between(0, 400) * 100);
            let mut all: Vec<Intent> = (0..bidders).map(money).collect();
            all.extend(
                (0..bidders)
                    .map(|number| goods_deposit(bidder(number), &book(0).to_string(), chance.between(1, 60))),
            );
            all
        }
        4 => {
            let mut all: Vec<Intent> =
                (0..LOTS).map(|number| goods::new_lot(number, now, seller, chance)).collect();
            all.extend((0..STOCKS).map(|number| goods::new_stock(number, chance)));
            all.extend((0..BOOKS).map(|number| goods::new_book(number, chance)));
            all
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

/// A table of fees.
pub(crate) fn fees(version: u64) -> Value {
    json!({
        "version": version,
        "buyers_premium": {"bands": [[0, 100_000 + version], [10_000, 50_000]], "rounding": "half_even"},
        "sellers_commission": {"bands": [[0, 33_333]], "fixed": 7},
    })
}

/// Money comes in from outside; of nothing, one cent.
pub(crate) fn deposit(account: AccountId, amount: u64) -> Intent {
    let params = json!({
        "account": account.to_string(), "amount": amount.max(1), "currency": "EUR", "reason": "a transfer",
    });
    (to_account(account), "account.deposit", params)
}

/// Goods come in through the gate.
pub(crate) fn goods_deposit(account: AccountId, goods: &str, quantity: u64) -> Intent {
    let params = json!({
        "account": account.to_string(), "goods": goods, "quantity": quantity, "reason": "through the gate",
    });
    (to_account(account), "account.deposit", params)
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
    /// Orders of books: whose, in which, and their ids.
    pub(crate) book_orders: Vec<(AccountId, BookId, String)>,
    /// How many lots have been made.
    pub(crate) lots: u64,
    /// The formats of lots, and whether money is held behind their bids.
    pub(crate) terms: BTreeMap<LotId, Terms>,
    /// Orders that somebody has heard of.
    pub(crate) orders: Vec<Known>,
    /// The last version of the fees.
    pub(crate) fees: u64,
}

/// A lot's terms, as far as they matter for how one bids.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub(crate) format: String,
    pub(crate) is_backed: bool,
}

/// An order that somebody has heard of.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) order: OrderId,
    pub(crate) buyer: AccountId,
    /// What it has of stock, where its buyer asked for it by name.
    pub(crate) stock: Option<StockId>,
}

impl Knowledge {
    /// Somebody has heard this on a channel.
    pub(crate) fn heard(&mut self, by: Option<AccountId>, channel: &str, data: &Value) {
        if let Some(amount) = data["min_next_amount"].as_u64() {
            self.next_amounts.insert(channel.to_owned(), amount);
        }
        let order = data["order"].as_str().and_then(|text| text.parse().ok());
        if let (Some(order), Some(buyer)) = (order, by)
            && !self.orders.iter().any(|known| known.order == order)
        {
            remember(&mut self.orders, Known { order, buyer, stock: None });
        }
    }

    /// A command is made.
    pub(crate) fn asked(&mut self, method: &str, target: Id, params: &Value) {
        if method == "lot.create" {
            let format = params["format"].as_str().unwrap_or_default().to_owned();
            let is_backed = params.get("funding").is_some() || params.get("qualification").is_some();
            self.terms.entry(LotId(target)).or_insert(Terms { format, is_backed });
        }
    }

    /// A command has been answered.
    pub(crate) fn learn(&mut self, issue: &Issue, result: &Value) {
        let id = issue.target.id;
        if let Some(reservation) = result["reservation"].as_str() {
            remember(&mut self.reservations, (issue.by, StockId(id), reservation.to_owned()));
        }
        if let Some(order) = result["book_order"].as_str().filter(|_| issue.method == "book.place") {
            remember(&mut self.book_orders, (issue.by, BookId(id), order.to_owned()));
        }
        if let Some(bid) = result["bid"].as_str() {
            remember(&mut self.bids, (LotId(id), bid.to_owned()));
        }
        if issue.method == "order.place" && result["order"].is_string() {
            let stock = issue.params["lines"][0]["stock"].as_str().and_then(|text| text.parse().ok());
            let known = Known { order: OrderId(id), buyer: issue.by, stock };
            match self.orders.iter_mut().find(|known| known.order == OrderId(id)) {
                Some(before) => *before = known,
                None => remember(&mut self.orders, known),
            }
        }
    }

    /// The format of a lot; English until it is known.
    pub(crate) fn format(&self, lot: LotId) -> &str {
        self.terms.get(&lot).map_or("english", |terms| &terms.format)
    }

    /// Whether a command's answer may wait for another actor, so that later ones can overtake it.
    pub(crate) fn may_wait(&self, issue: &Issue) -> bool {
        let lot = self.terms.get(&LotId(issue.target.id));
        issue.method.starts_with("order.") || lot.is_some_and(|terms| terms.is_backed)
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
