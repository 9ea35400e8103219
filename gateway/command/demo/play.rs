//! The living market: bots on connections of their own, and the house that puts up new lots. The minds are in `floor`, the
//! house's plan in `house`; this carries them.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use rand::RngExt;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;
use vendue_client::{Client, Error, Key, Options, Update};
use vendue_domain::id::{AccountId, MarketId};

use super::catalogue::{Catalogue, Format};
use super::counter;
use super::desk;
use super::floor::{Bid, Floor, LotView};
use super::house::House;
use super::seed::{self, Seeded};
use crate::config::DemoOptions;
use crate::connection::{failed, text};
use crate::data_dir::DataDir;
use crate::failure::Failure;

/// How often the house looks over its lots.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How often somebody sets stock aside, about.
const RESERVE_EVERY: Duration = Duration::from_secs(12);
/// Of those who set stock aside, one in so many orders it.
const ORDER_ONE_IN: u32 = 2;
/// How often the house sees to payments and parcels.
const COUNTER_EVERY: Duration = Duration::from_secs(5);
/// How long somebody thinks before paying, at most: a visitor should see orders that wait.
const PAY_WITHIN: Duration = Duration::from_secs(20);
/// For how long, in milliseconds.
const RESERVE_FOR_MS: u64 = 90_000;
/// Bids that may wait for one bot: it is one person.
const BIDS_WAITING: usize = 2;
/// News that may wait for the floor.
const NEWS_WAITING: usize = 1_024;
/// How long a bot waits before it comes back after its connection was refused.
const COME_BACK_AFTER: Duration = Duration::from_secs(5);
/// How long a demo token is good for.
pub(super) const TOKEN_TTL: Duration = Duration::from_secs(30 * 24 * 3_600);
/// How often, and how many times, the house looks whether its first lots are open: five seconds in all.
const OPENING_LOOK_EVERY: Duration = Duration::from_millis(20);
const OPENING_LOOKS: usize = 250;
/// Lots on one page.
const PAGE: u32 = 500;
/// Pages looked through for the last number of the catalogue: 100,000 lots are a demo of two months.
const PAGES_MAX: usize = 200;

/// What a bot hears about a lot.
struct Heard {
    bot: usize,
    lot: String,
    how: How,
}

/// How it stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Leads,
    Behind,
    /// It has not the money.
    CannotPay,
}

impl How {
    fn of(leads: bool) -> Self {
        if leads { Self::Leads } else { Self::Behind }
    }
}

/// The market at play.
pub(super) struct Play {
    pub(super) operator: Client,
    pub(super) seeded: Seeded,
    pub(super) catalogue: Catalogue,
    pub(super) house: House,
    pub(super) options: DemoOptions,
}

impl Play {
    /// Builds what is missing of the market and puts the first lots up.
    pub(super) async fn prepare(
        operator: Client,
        catalogue: Catalogue,
        options: DemoOptions,
    ) -> Result<Self, Failure> {
        let seeded = seed::market(&operator, &catalogue, options.bidders).await?;
        let next_number = last_number(&operator, seeded.market).await? + 1;
        let house = House::new(&options, next_number);
        let mut play = Self { operator, seeded, catalogue, house, options };
        play.replenish().await?;
        Ok(play)
    }

    /// Puts up what is missing, and gives what is open.
    async fn replenish(&mut self) -> Result<Vec<LotView>, Failure> {
        let mut on_offer = 0;
        let mut open = Vec::new();
        for state in ["scheduled", "paused", "closing", "open"] {
            let lots = list(&self.operator, self.seeded.market, state).await?;
            on_offer += lots.len();
            if state == "open" {
                open = lots.iter().filter_map(view).collect();
            }
        }
        for offer in self.house.missing(on_offer, now_us(&self.operator)) {
            seed::offer(&self.operator, &self.seeded, &self.catalogue, offer).await?;
            self.house.next_number = offer.number + 1;
        }
        Ok(open)
    }

    /// Plays until it is dropped. What goes wrong for a while (an engine that is being restarted) is tried again.
    pub(super) async fn run(mut self, url: String, data: DataDir) {
        let (news, mut heard) = mpsc::channel(NEWS_WAITING);
        let mut bots = Vec::new();
        let mut tasks = tokio::task::JoinSet::new();
        for (at, &account) in self.seeded.bots.iter().enumerate() {
            let (bids, waiting) = mpsc::channel(BIDS_WAITING);
            bots.push(bids);
            tasks.spawn(bot(at, account, url.clone(), data.clone(), waiting, news.clone()));
        }
        let desk = (self.operator.clone(), self.seeded.clone(), url.clone(), data.clone());
        tasks.spawn(desk::run(desk.0, desk.1, desk.2, desk.3, self.options.seed));
        let temperaments =
            self.catalogue.bidders.iter().map(|bidder| bidder.temperament).cycle().take(bots.len());
        let mut floor = Floor::new(temperaments, self.options.seed, self.options.bids_per_minute);
        let mut lots = Vec::new();
        let mut look = tokio::time::interval(LOOK_EVERY);
        let mut shop = tokio::time::interval(RESERVE_EVERY);
        let mut counter = tokio::time::interval(COUNTER_EVERY);
        counter.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        shop.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // A moment, not a length: what happens meanwhile must not put it off.
        let mut next_bid_at = floor.pause().map(|pause| Instant::now() + pause);
        loop {
            let next = async {
                match next_bid_at {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Some(Heard { bot, lot, how }) = heard.recv() => {
                    match how {
                        How::CannotPay => floor.cannot_pay(bot, &lot),
                        how => floor.told(bot, &lot, how == How::Leads),
                    }
                    continue;
                }
                _ = counter.tick() => {
                    if let Err(error) = counter::attend(&self.operator, &self.seeded, self.purse(), now_us(&self.operator)).await {
                        tracing::debug!(%error, "the counter waits");
                    }
                    continue;
                }
                _ = look.tick() => {
                    match self.replenish().await {
                        Ok(open) => lots = open,
                        Err(failure) => tracing::debug!(%failure, "the house waits"),
                    }
                    floor.keep_only(&lots.iter().map(|lot| lot.id.as_str()).collect::<HashSet<_>>());
                    continue;
                }
                _ = shop.tick() => {
                    self.shop(&bots).await;
                    continue;
                }
                () = next => {}
            }
            next_bid_at = floor.pause().map(|pause| Instant::now() + pause);
            if let Some(bid) = floor.next_bid(&lots, now_us(&self.operator)) {
                if let Some(lot) = lots.iter_mut().find(|lot| lot.id == bid.lot) {
                    // What is seen is up to two seconds old; the next one at least steps above this one.
                    if lot.format == Format::English {
                        lot.min_next = lot.min_next.max(bid.amount.min(lot.min_next + lot.min_next / 20));
                    }
                }
                // A bot that still waits for an answer (the engine is away) leaves its turn out.
                let _ = bots[bid.bot].try_send(Errand::Bid(bid));
            }
        }
    }

    /// Somebody sets a few units aside; they come back when the time is over.
    async fn shop(&self, bots: &[mpsc::Sender<Errand>]) {
        let mut dice = rand::rng();
        if bots.is_empty() || self.seeded.stock.is_empty() {
            return;
        }
        let stock = self.seeded.stock[dice.random_range(0..self.seeded.stock.len())].to_string();
        let quantity = dice.random_range(1..=3);
        let buys = dice.random_ratio(1, ORDER_ONE_IN);
        let _ = bots[dice.random_range(0..bots.len())].try_send(Errand::Reserve { stock, quantity, buys });
    }

    /// What a bot begins with, in minor units.
    fn purse(&self) -> u64 {
        seed::minor(self.catalogue.market.purse, self.seeded.currency)
    }
}

/// What a bot is sent to do.
enum Errand {
    Bid(Bid),
    /// Sets stock aside, and orders it where it `buys`.
    Reserve {
        stock: String,
        quantity: u64,
        buys: bool,
    },
}

/// One bot: its own account, connection and channel.
async fn bot(
    at: usize,
    account: AccountId,
    url: String,
    data: DataDir,
    mut errands: mpsc::Receiver<Errand>,
    news: mpsc::Sender<Heard>,
) {
    loop {
        match attend(at, account, &url, &data, &mut errands, &news).await {
            Ok(()) => return,
            Err(why) => tracing::debug!(bot = at, why, "a bot was sent away; it comes back"),
        }
        tokio::time::sleep(COME_BACK_AFTER).await;
    }
}

async fn attend(
    at: usize,
    account: AccountId,
    url: &str,
    data: &DataDir,
    errands: &mut mpsc::Receiver<Errand>,
    news: &mpsc::Sender<Heard>,
) -> Result<(), String> {
    let token = crate::token::mint(data, account, TOKEN_TTL).map_err(|failure| failure.to_string())?;
    let options = Options { token: Some(token), name: format!("vendue-demo-bot/{at}"), ..Options::default() };
    let client = Client::connect(url, options).await.map_err(|error| error.to_string())?;
    let mut own = client.subscribe("account").await.map_err(|error| error.to_string())?;
    let mut unpaid: VecDeque<(Instant, String)> = VecDeque::new();
    loop {
        let due = unpaid.front().map(|(at, _)| *at);
        let pay = async {
            match due {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            update = own.next() => match update {
                Some(Update::Event(event)) => {
                    let lot = text(&event.data, "lot");
                    let leads = match event.kind.as_str() {
                        "outbid" => false,
                        "bid_status" => event.data["status"] != "outbid",
                        "order_changed" => {
                            if event.data["state"] == "awaiting_payment" {
                                let wait = rand::rng().random_range(Duration::ZERO..PAY_WITHIN);
                                unpaid.push_back((Instant::now() + wait, text(&event.data, "order")));
                            }
                            continue;
                        }
                        _ => continue,
                    };
                    let _ = news.send(Heard { bot: at, lot, how: How::of(leads) }).await;
                }
                Some(_) => {}
                None => return Err(own.end().map(ToString::to_string).unwrap_or_default()),
            },
            () = pay => {
                if let Some((_, order)) = unpaid.pop_front() {
                    // Paid by a hold, sold by itself, or short of money: the house sees to the rest.
                    let _ = client.command("order.pay", json!({"order": order}), Key::random()).await;
                }
            }
            errand = errands.recv() => match errand {
                Some(Errand::Bid(bid)) => {
                    let how = place(&client, &bid).await;
                    let _ = news.send(Heard { bot: at, lot: bid.lot, how }).await;
                }
                Some(Errand::Reserve { stock, quantity, buys }) => shop(&client, &stock, quantity, buys).await,
                None => return Ok(()),
            },
        }
    }
}

/// Makes a bid, in the way of the lot's format.
async fn place(client: &Client, bid: &Bid) -> How {
    let Bid { lot, amount, quantity, .. } = bid;
    let (method, params) = match bid.format {
        Format::Dutch => ("lot.take", json!({"lot": lot, "quantity": quantity, "amount": amount})),
        Format::Combinatorial => {
            let (first, items) = bid.package.unwrap_or((0, 1));
            let package: Vec<u64> = (0..*quantity).map(|nth| (first + nth) % items + 1).collect();
            ("lot.bid", json!({"lot": lot, "amount": amount, "package": package}))
        }
        Format::Japanese => ("lot.stay", json!({"lot": lot, "stay_until": amount})),
        Format::MultiUnit => ("lot.bid", json!({"lot": lot, "amount": amount, "quantity": quantity})),
        _ => ("lot.bid", json!({"lot": lot, "amount": amount})),
    };
    match client.command(method, params, Key::random()).await {
        Ok(result) => How::of(result["status"] != "outbid"),
        // It leads already: the floor had not heard yet.
        Err(Error::Server(error)) if error.code == "self_outbid" => How::Leads,
        Err(Error::Server(error)) if error.code == "insufficient_funds" => How::CannotPay,
        Err(_) => How::Behind,
    }
}

/// Sets stock aside and perhaps orders it. Out of stock or over the limit: nothing that a bot needs to do about.
async fn shop(client: &Client, stock: &str, quantity: u64, buys: bool) {
    let params = json!({"stock": stock, "quantity": quantity, "ttl_ms": RESERVE_FOR_MS});
    let reserved = client.command("stock.reserve", params, Key::random()).await;
    if let Ok(reserved) = reserved
        && buys
    {
        let lines = json!({"lines": [{"reservation": reserved["reservation"]}]});
        let _ = client.command("order.place", lines, Key::random()).await;
    }
}

/// The market's clock, in microseconds since the Unix epoch.
fn now_us(client: &Client) -> i64 {
    client.server_time().map_or_else(crate::when::now_us, |time| time.micros)
}

/// The first page of a market's lots in one state.
async fn list(client: &Client, market: MarketId, state: &str) -> Result<Vec<Value>, Failure> {
    let params = json!({"market": market.to_string(), "state": state, "limit": PAGE});
    let mut page =
        client.request("lot.list", params).await.map_err(|error| failed("lot.list", &error, None))?;
    match page["lots"].take() {
        Value::Array(lots) => Ok(lots),
        _ => Ok(Vec::new()),
    }
}

/// The highest number of the catalogue so far; 0 where there is none.
async fn last_number(client: &Client, market: MarketId) -> Result<u64, Failure> {
    let mut last = 0;
    let mut cursor = Value::Null;
    for _ in 0..PAGES_MAX {
        let mut params = json!({"market": market.to_string(), "sort": "newest", "limit": PAGE});
        if !cursor.is_null() {
            params["cursor"] = cursor;
        }
        let mut page =
            client.request("lot.list", params).await.map_err(|error| failed("lot.list", &error, None))?;
        let numbers = page["lots"].as_array().into_iter().flatten().filter_map(|lot| lot["number"].as_u64());
        last = numbers.fold(last, u64::max);
        cursor = page["cursor"].take();
        if cursor.is_null() {
            break;
        }
    }
    Ok(last)
}

/// An open lot as a bidder sees it; `None` where it has no end or nothing can be bid.
fn view(lot: &Value) -> Option<LotView> {
    let number = |field: &str| lot[field].as_u64();
    let start = number("start_amount")?;
    Some(LotView {
        id: text(lot, "lot"),
        category: text(lot, "category"),
        format: Format::named(&text(lot, "format"))?,
        sealed: lot["sealed"] == true,
        units: match lot["items"].as_array().map_or(0, Vec::len) {
            0 => number("remaining").or(number("quantity")).unwrap_or(1),
            items => items as u64,
        },
        estimate: (
            lot["estimate"][0].as_u64().unwrap_or(start),
            lot["estimate"][1].as_u64().unwrap_or(start),
        ),
        min_next: number("min_next_amount")?,
        opens_at: lot["opens_at"].as_i64()?,
        ends_at: lot["ends_at"].as_i64()?,
    })
}

/// A lot that a visitor can bid on for a good while, for the screen: the open english one that ends last. The first ones open within
/// moments of being put up, and what is printed must work when it is pasted.
pub(super) async fn showpiece(client: &Client, market: MarketId) -> Result<Option<Value>, Failure> {
    for _ in 0..OPENING_LOOKS {
        let lots = list(client, market, "open").await?;
        if let Some(lot) = lots.into_iter().filter(is_english).max_by_key(|lot| lot["ends_at"].as_i64()) {
            return Ok(Some(lot));
        }
        tokio::time::sleep(OPENING_LOOK_EVERY).await;
    }
    let announced = list(client, market, "scheduled").await?;
    Ok(announced.into_iter().filter(is_english).max_by_key(|lot| lot["ends_at"].as_i64()))
}

fn is_english(lot: &Value) -> bool {
    lot["format"] == Format::English.name()
}
