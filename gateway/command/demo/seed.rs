//! Builds the demo market through the protocol, like any client. Every id is the demo's own and the same at each start, so
//! that a second start finds its market and goes on.

use serde_json::{Value, json};
use vendue_client::{Client, Error};
use vendue_domain::amount::Currency;
use vendue_domain::id::{AccountId, BookId, LotId, MarketId, StockId};

use super::catalogue::{self, Catalogue, Format};
use super::desk::Desk;
use super::house::Offer;
use crate::connection::failed;
use crate::failure::Failure;
use crate::money;

/// Bids within this long of the end move it, in milliseconds, and by how much.
const SOFT_CLOSE_MS: u64 = 30_000;
/// ... where a lot is open for at least so long, in microseconds.
const SOFT_CLOSE_FROM_US: i64 = 90_000_000;
/// How long after its announced end a lot can be kept open by bids, in microseconds: ten minutes.
const HARD_CLOSE_AFTER_US: i64 = 600_000_000;
/// The visitor has as much as so many bots: enough for any bid that the screen proposes.
const VISITORS_PURSES: u64 = 4;
/// A dutch clock reaches its floor after this share of the lot's time, in per cent.
const CLOCK_SHARE: i64 = 85;
/// In how many steps.
const CLOCK_STEPS: u64 = 30;
/// In how many steps a rising clock comes to the high estimate, and how many there are until the lot's announced end.
const RISING_STEPS: u64 = 8;
const RISING_INTERVALS: i64 = 14;
/// The last part of a candle lot in which it may end, in hundredths of its time.
const CANDLE_SHARE: i64 = 25;
/// A clock's shortest interval, in milliseconds: slower than people press.
const CLOCK_INTERVAL_MIN_MS: i64 = 2_000;
/// The visitor has this share of a trader's goods, in per cent: enough to sell for a while.
const VISITORS_GOODS: u64 = 10;
/// How many units of a stock item one account may hold.
const LIMIT_PER_ACCOUNT: u64 = 12;

/// The demo's market and its parties.
#[derive(Debug, Clone)]
pub(super) struct Seeded {
    pub(super) market: MarketId,
    pub(super) currency: Currency,
    pub(super) sellers: Vec<AccountId>,
    /// The bots, in the catalogue's order.
    pub(super) bots: Vec<AccountId>,
    /// Whoever sits before the demo.
    pub(super) visitor: AccountId,
    pub(super) stock: Vec<StockId>,
    /// The order book and its traders.
    pub(super) desk: Option<Desk>,
}

/// Runs the commands of one account; `already_exists` is what a later start expects.
struct Builder<'a> {
    client: &'a Client,
}

impl Builder<'_> {
    async fn command(&self, method: &str, params: Value, key: String) -> Result<(), Failure> {
        match self.client.command(method, params, key).await {
            Ok(_) => Ok(()),
            Err(Error::Server(error)) if error.code == "already_exists" => Ok(()),
            Err(error) => Err(failed(&format!("building the demo market: {method}"), &error, None)),
        }
    }

    async fn account(
        &self,
        market: MarketId,
        kind: &str,
        number: u64,
        name: &str,
        role: &str,
    ) -> Result<AccountId, Failure> {
        let account = AccountId::from_u128(catalogue::id(kind, number));
        let created =
            json!({"account": account.to_string(), "name": name, "ref": format!("demo-{kind}-{number}")});
        self.command("account.create", created, format!("demo-{kind}-{number}")).await?;
        let granted = json!({"account": account.to_string(), "market": market.to_string(), "role": role});
        self.command("account.grant", granted, format!("demo-grant-{kind}-{number}")).await?;
        Ok(account)
    }

    /// Sees to it that an account has money to bid with: filled up where less than half is left.
    async fn purse(&self, account: AccountId, currency: Currency, purse: u64) -> Result<(), Failure> {
        fill_purse(self.client, account, currency, purse)
            .await
            .map_err(|error| failed("building the demo market: account.deposit", &error, None))
    }
}

/// Fills an account's purse where less than half of it is left. Under a key that names what was there, so that it is never
/// filled twice for one emptiness.
pub(super) async fn fill_purse(
    client: &Client,
    account: AccountId,
    currency: Currency,
    purse: u64,
) -> Result<(), Error> {
    let known = client.request("account.get", json!({"account": account.to_string()})).await?;
    let balances = known["balances"].as_array().cloned().unwrap_or_default();
    let own = balances.into_iter().find(|balance| balance["currency"] == currency.code());
    let of = |field: &str| own.as_ref().and_then(|balance| balance[field].as_i64()).unwrap_or_default();
    let (available, balance) = (u64::try_from(of("available")).unwrap_or_default(), of("balance"));
    if available >= purse / 2 {
        return Ok(());
    }
    let params = json!({
        "account": account.to_string(), "amount": purse - available, "currency": currency.code(), "reason": "paid in for the demo",
    });
    client.command("account.deposit", params, format!("demo-purse-{balance}-{available}")).await?;
    Ok(())
}

/// Market, parties and stock; does nothing twice.
pub(super) async fn market(client: &Client, catalogue: &Catalogue, bidders: u32) -> Result<Seeded, Failure> {
    let builder = Builder { client };
    let market = MarketId::from_u128(catalogue::id("market", 1));
    let currency = Currency::new(&catalogue.market.currency).ok_or_else(|| {
        Failure::broken("the demo market", "its currency is not known", "mend config/demo-market.toml")
    })?;
    let created = json!({
        "market": market.to_string(), "name": catalogue.market.name, "currency": currency.code(), "ref": "demo",
        // A book keeps the fees that its market has when it is opened: a trade in kilograms pays less than a sale by lots.
        "fees": catalogue.book.fees(minor(1, currency)),
    });
    builder.command("market.create", created, "demo-market".to_owned()).await?;
    let desk = open_book(&builder, market, catalogue, currency).await?;
    settle_fees(&builder, market, catalogue.market.fees(minor(1, currency))).await?;
    let mut sellers = Vec::new();
    for (number, seller) in (1..).zip(&catalogue.sellers) {
        sellers.push(builder.account(market, "seller", number, &seller.name, "seller").await?);
    }
    let mut bots = Vec::new();
    for (number, bidder) in (1..=u64::from(bidders)).zip(catalogue.bidders.iter().cycle()) {
        bots.push(builder.account(market, "bidder", number, &bidder.name, "bidder").await?);
    }
    let visitor = builder.account(market, "visitor", 1, "The demo's visitor", "bidder").await?;
    let purse = minor(catalogue.market.purse, currency);
    for &account in &bots {
        builder.purse(account, currency, purse).await?;
    }
    builder.purse(visitor, currency, VISITORS_PURSES * purse).await?;
    let mut stock = Vec::new();
    for (number, item) in (1..).zip(&catalogue.stock) {
        let id = StockId::from_u128(catalogue::id("stock", number));
        let seller = sellers[number as usize % sellers.len()];
        let params = json!({
            "stock": id.to_string(), "market": market.to_string(), "title": item.title, "description": item.description,
            "category": item.category, "price": minor(item.price, currency), "on_hand": item.on_hand,
            "ref": format!("SHOP-{number}"), "limit_per_account": LIMIT_PER_ACCOUNT, "seller": seller.to_string(),
        });
        builder.command("stock.create", params, format!("demo-stock-{number}")).await?;
        stock.push(id);
    }
    fill_goods(client, visitor, desk.book, desk.goods * VISITORS_GOODS / 100)
        .await
        .map_err(|error| failed("building the demo market: account.deposit", &error, None))?;
    Ok(Seeded { market, currency, sellers, bots, visitor, stock, desk: Some(desk) })
}

/// The order book and those who trade in it, with money and goods.
async fn open_book(
    builder: &Builder<'_>,
    market: MarketId,
    catalogue: &Catalogue,
    currency: Currency,
) -> Result<Desk, Failure> {
    let listed = &catalogue.book;
    let book = BookId::from_u128(catalogue::id("book", 1));
    let (price, tick) = (money::read(&listed.price, currency)?, money::read(&listed.tick, currency)?);
    let params = json!({
        "book": book.to_string(), "market": market.to_string(), "title": listed.title, "tick": tick, "reference": price,
        "currency": currency.code(), "funding": "full", "ref": listed.r#ref, "description": listed.description,
    });
    builder.command("book.create", params, "demo-book-1".to_owned()).await?;
    let mut desk = Desk {
        book,
        traders: Vec::new(),
        price,
        tick,
        goods: listed.goods,
        purse: minor(catalogue.market.purse, currency),
    };
    for (number, trader) in (1..).zip(&listed.traders) {
        let account = builder.account(market, "trader", number, &trader.name, "bidder").await?;
        stock_trader(builder.client, account, currency, &desk)
            .await
            .map_err(|error| failed("building the demo market: account.deposit", &error, None))?;
        desk.traders.push(account);
    }
    Ok(desk)
}

/// The market's fees for what is sold by lots, where they are not those yet.
async fn settle_fees(builder: &Builder<'_>, market: MarketId, fees: Value) -> Result<(), Failure> {
    let known = builder.client.request("market.get", json!({"market": market.to_string()})).await;
    let known = known.map_err(|error| failed("building the demo market: market.get", &error, None))?;
    let is_settled = ["buyers_premium", "sellers_commission"]
        .iter()
        .all(|table| known["fees"][table]["bands"] == fees[table]["bands"]);
    if is_settled {
        return Ok(());
    }
    let params = json!({"market": market.to_string(), "fees": fees, "reason": "sales by lots"});
    builder.command("market.set_fees", params, "demo-fees".to_owned()).await
}

/// Sees to it that a trader has money to buy with and goods to sell.
pub(super) async fn stock_trader(
    client: &Client,
    trader: AccountId,
    currency: Currency,
    desk: &Desk,
) -> Result<(), Error> {
    fill_purse(client, trader, currency, desk.purse).await?;
    fill_goods(client, trader, desk.book, desk.goods).await
}

/// Fills up an account's goods of a book where less than half of them is left, as [`fill_purse`] does with money.
async fn fill_goods(client: &Client, account: AccountId, book: BookId, wanted: u64) -> Result<(), Error> {
    let known = client.request("account.get", json!({"account": account.to_string()})).await?;
    let goods = book.to_string();
    let own = known["holdings"].as_array().into_iter().flatten().find(|holding| holding["goods"] == goods);
    let of = |field: &str| own.and_then(|holding| holding[field].as_i64()).unwrap_or_default();
    let (available, balance) = (u64::try_from(of("available")).unwrap_or_default(), of("balance"));
    if available >= wanted / 2 {
        return Ok(());
    }
    let params = json!({
        "account": account.to_string(), "goods": goods, "quantity": wanted - available, "reason": "brought in for the demo",
    });
    client.command("account.deposit", params, format!("demo-goods-{balance}-{available}")).await?;
    Ok(())
}

/// Puts one lot up.
pub(super) async fn offer(
    client: &Client,
    seeded: &Seeded,
    catalogue: &Catalogue,
    offer: Offer,
) -> Result<LotId, Failure> {
    let id = LotId::from_u128(catalogue::id("lot", offer.number));
    let params = lot_params(seeded, catalogue, offer, id);
    Builder { client }.command("lot.create", params, format!("demo-lot-{}", offer.number)).await?;
    Ok(id)
}

fn lot_params(seeded: &Seeded, catalogue: &Catalogue, offer: Offer, id: LotId) -> Value {
    let (lot, title) = catalogue.lot(offer.number);
    let minor = |whole| minor(whole, seeded.currency);
    let seller = seeded.sellers[offer.number as usize % seeded.sellers.len()];
    let mut params = json!({
        "lot": id.to_string(), "market": seeded.market.to_string(), "title": title, "description": lot.description,
        "category": lot.category, "format": lot.format.name(), "number": offer.number, "ref": format!("DEMO-{:04}", offer.number),
        "opens_at": offer.opens_at, "closes_at": offer.closes_at, "start_amount": minor(lot.start()),
        "estimate": [minor(lot.estimate.0), minor(lot.estimate.1)], "seller": seller.to_string(),
    });
    // The very first ends when it says: somebody waits to see one end.
    let is_short = offer.closes_at - offer.opens_at < SOFT_CLOSE_FROM_US;
    let is_open = match lot.format {
        Format::English | Format::MultiUnit => true,
        Format::Reverse => !lot.sealed,
        Format::Dutch
        | Format::SealedFirstPrice
        | Format::Vickrey
        | Format::Japanese
        | Format::Candle
        | Format::Combinatorial => false,
    };
    if is_open && !is_short {
        let hard_close_at = offer.closes_at + HARD_CLOSE_AFTER_US;
        params["soft_close"] =
            json!({"window_ms": SOFT_CLOSE_MS, "extend_ms": SOFT_CLOSE_MS, "hard_close_at": hard_close_at});
    }
    if let Some(floor) = lot.floor {
        params["clock"] = clock(minor(lot.start()), minor(floor), minor(1), offer);
    }
    if lot.format == Format::Japanese {
        params["clock"] = rising(minor(lot.start()), minor(lot.estimate.1), minor(1), offer);
    }
    if lot.format == Format::Candle {
        let length_ms = (offer.closes_at - offer.opens_at) / 1_000;
        params["candle_ms"] = json!((length_ms * CANDLE_SHARE / 100).max(CLOCK_INTERVAL_MIN_MS));
    }
    if !lot.items.is_empty() {
        params["items"] = json!(lot.items);
    }
    for (field, value) in [
        ("quantity", lot.quantity.map(Value::from)),
        ("pricing", lot.pricing.clone().map(Value::from)),
        ("funding", lot.funding.clone().map(Value::from)),
        ("sealed", lot.sealed.then_some(Value::from(true))),
    ] {
        if let Some(value) = value {
            params[field] = value;
        }
    }
    for (field, amount) in [("reserve", lot.reserve), ("buy_now", lot.buy_now), ("deposit", lot.deposit)] {
        if let Some(amount) = amount {
            params[field] = json!(minor(amount));
        }
    }
    params
}

/// A clock that comes down to its floor a while before the lot ends.
fn clock(start: u64, floor: u64, whole: u64, offer: Offer) -> Value {
    // In whole units of the currency, as a room would call it.
    let step = ((start - floor) / CLOCK_STEPS / whole * whole).max(whole);
    let length_ms = (offer.closes_at - offer.opens_at) / 1_000;
    let steps = i64::try_from((start - floor).div_ceil(step)).unwrap_or(i64::MAX);
    let interval_ms = (length_ms * CLOCK_SHARE / 100 / steps).max(CLOCK_INTERVAL_MIN_MS);
    json!({"start": start, "step": step, "interval_ms": interval_ms, "floor": floor})
}

/// A clock that would pass the high estimate a while before the lot ends; whoever wants it comes in its first part.
fn rising(start: u64, high: u64, whole: u64, offer: Offer) -> Value {
    let step = (high.saturating_sub(start) / RISING_STEPS / whole * whole).max(whole);
    let length_ms = (offer.closes_at - offer.opens_at) / 1_000;
    let interval_ms = (length_ms / RISING_INTERVALS).max(CLOCK_INTERVAL_MIN_MS);
    json!({"start": start, "step": step, "interval_ms": interval_ms})
}

/// Whole units as minor units. The catalogue's amounts are small: no overflow.
pub(super) fn minor(whole: u64, currency: Currency) -> u64 {
    whole * 10_u64.pow(u32::from(currency.exponent()))
}
