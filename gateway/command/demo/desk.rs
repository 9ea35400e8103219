//! The trading desk: traders who keep an order book alive. Some quote both sides, the others take; now and then the house
//! holds a call auction. The mind is pure and seeded; the rest carries it.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use vendue_client::{Client, Error, Key, Options};
use vendue_domain::id::{AccountId, BookId};

use super::play::TOKEN_TTL;
use super::seed::{self, Seeded};
use crate::data_dir::DataDir;

/// Of the traders the first so many quote; the others take.
const MAKERS: usize = 3;
/// Levels of each side that are quoted.
const DEPTH: u64 = 10;
/// Live orders of one who quotes, at most: the oldest go first.
const QUOTES_MAX: usize = 24;
/// Units of one quote, at most.
const QUOTE_UNITS: u64 = 40;
/// Units that somebody takes at once, at most.
const TAKE_UNITS: u64 = 15;
/// The middle strays from where it began by at most so many ticks.
const STRAY_TICKS: i64 = 30;
/// One step in so many takes.
const TAKES_ONE_IN: u32 = 3;
/// One step in so many moves the middle.
const MOVES_ONE_IN: u32 = 5;
/// A market order may cost so much more than the middle says, fees included, in per cent.
const TAKE_ROOM: u64 = 20;
/// How often somebody does something, about.
const STEP_EVERY: Duration = Duration::from_millis(450);
/// While an auction gathers, people hurry.
const GATHER_EVERY: Duration = Duration::from_millis(150);
/// How often the house looks at the traders' purses and goods.
const REFILL_EVERY: Duration = Duration::from_secs(20);
/// How often there is an auction; the first is right at the beginning.
const AUCTION_EVERY: Duration = Duration::from_secs(360);
/// How long one gathers, and within how much after that it ends, in milliseconds.
const AUCTION_MS: (u64, u64) = (25_000, 5_000);
/// How long the desk waits before it tries again what was refused because something is away.
const COME_BACK_AFTER: Duration = Duration::from_secs(5);

/// A book of the demo.
#[derive(Debug, Clone)]
pub(super) struct Desk {
    pub(super) book: BookId,
    /// Those who trade in it.
    pub(super) traders: Vec<AccountId>,
    /// Where its price begins, and its step; minor units for one unit.
    pub(super) price: u64,
    pub(super) tick: u64,
    /// What a trader begins with, in units and minor units.
    pub(super) goods: u64,
    pub(super) purse: u64,
}

/// What a trader does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    /// Waits at a price.
    Quote { trader: usize, buys: bool, price: u64, quantity: u64 },
    /// Takes what there is.
    Take { trader: usize, buys: bool, quantity: u64, most: u64 },
}

/// What the traders think.
#[derive(Debug)]
struct Mind {
    dice: StdRng,
    tick: u64,
    begins_at: u64,
    /// How far the middle has strayed, in ticks.
    strayed: i64,
    traders: usize,
}

impl Mind {
    fn new(desk: &Desk, seed: u64) -> Self {
        let (tick, begins_at, traders) = (desk.tick, desk.price, desk.traders.len());
        Self { dice: StdRng::seed_from_u64(seed), tick, begins_at, strayed: 0, traders }
    }

    fn middle(&self) -> u64 {
        let ticks = i64::try_from(self.begins_at / self.tick).unwrap_or(i64::MAX / 2) + self.strayed;
        // At least one level has to fit below it.
        ticks.max(2).unsigned_abs() * self.tick
    }

    /// What happens next. In an auction everybody names a price, also across the middle: otherwise nothing would cross.
    fn next(&mut self, gathers: bool) -> Option<Act> {
        if self.traders == 0 {
            return None;
        }
        if self.dice.random_ratio(1, MOVES_ONE_IN) {
            let step = if self.dice.random_bool(0.5) { 1 } else { -1 };
            self.strayed = (self.strayed + step).clamp(-STRAY_TICKS, STRAY_TICKS);
        }
        let buys = self.dice.random_bool(0.5);
        let makers = MAKERS.min(self.traders);
        let takes = !gathers && self.traders > makers && self.dice.random_ratio(1, TAKES_ONE_IN);
        let middle = self.middle();
        if takes {
            let trader = self.dice.random_range(makers..self.traders);
            let quantity = self.dice.random_range(1..=TAKE_UNITS);
            let most = middle * quantity / 100 * (100 + TAKE_ROOM) + middle;
            return Some(Act::Take { trader, buys, quantity, most });
        }
        let trader = self.dice.random_range(0..if gathers { self.traders } else { makers });
        let away = self.dice.random_range(1..=DEPTH) * self.tick;
        let across = gathers && self.dice.random_ratio(1, 3);
        let price = if buys != across { middle.saturating_sub(away).max(self.tick) } else { middle + away };
        Some(Act::Quote { trader, buys, price, quantity: self.dice.random_range(1..=QUOTE_UNITS) })
    }
}

/// The traders' connections and what they have in the book.
struct Room<'a> {
    desk: &'a Desk,
    clients: Vec<Client>,
    /// Live orders of each, the oldest first.
    orders: Vec<std::collections::VecDeque<String>>,
}

/// Trades until it is dropped. What goes wrong for a while (an engine that is being restarted) is tried again.
pub(super) async fn run(operator: Client, seeded: Seeded, url: String, data: DataDir, seed: u64) {
    let Some(desk) = seeded.desk.clone() else { return };
    let mut mind = Mind::new(&desk, seed);
    loop {
        let ended = trade(&operator, &seeded, &desk, &mut mind, &url, &data).await;
        tracing::debug!(?ended, "the desk comes back");
        tokio::time::sleep(COME_BACK_AFTER).await;
    }
}

async fn trade(
    operator: &Client,
    seeded: &Seeded,
    desk: &Desk,
    mind: &mut Mind,
    url: &str,
    data: &DataDir,
) -> Result<(), String> {
    let mut room = Room::open(desk, url, data).await?;
    let mut book = operator.subscribe(&format!("book:{}", desk.book)).await.map_err(|e| e.to_string())?;
    let mut refill = tokio::time::interval(REFILL_EVERY);
    let mut auctions = tokio::time::interval(AUCTION_EVERY);
    for timer in [&mut refill, &mut auctions] {
        timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    }
    let mut step = tokio::time::Instant::now();
    loop {
        let gathers = book.state().get("state").is_some_and(|state| state == "auction");
        tokio::select! {
            update = book.next() => {
                if update.is_none() {
                    return Err(book.end().map(ToString::to_string).unwrap_or_default());
                }
            }
            _ = refill.tick() => {
                for &trader in &desk.traders {
                    if let Err(error) = seed::stock_trader(operator, trader, seeded.currency, desk).await {
                        tracing::debug!(%error, "a trader waits for money or goods");
                    }
                }
            }
            _ = auctions.tick() => {
                let (lasts, random) = AUCTION_MS;
                let params = json!({"book": desk.book.to_string(), "action": "start", "duration_ms": lasts,
                    "random_end_ms": random});
                let started = operator.command("book.auction", params, Key::random()).await;
                tracing::debug!(?started, "an auction");
            }
            () = tokio::time::sleep_until(step) => {
                step = tokio::time::Instant::now() + if gathers { GATHER_EVERY } else { STEP_EVERY };
                if let Some(act) = mind.next(gathers) {
                    room.carry_out(act).await;
                }
            }
        }
    }
}

impl<'a> Room<'a> {
    /// Everybody comes in, and takes back the orders of an earlier day.
    async fn open(desk: &'a Desk, url: &str, data: &DataDir) -> Result<Self, String> {
        let mut room = Self { desk, clients: Vec::new(), orders: Vec::new() };
        for (at, &account) in desk.traders.iter().enumerate() {
            let token =
                crate::token::mint(data, account, TOKEN_TTL).map_err(|failure| failure.to_string())?;
            let name = format!("vendue-demo-trader/{at}");
            let options = Options { token: Some(token), name, ..Options::default() };
            let client = Client::connect(url, options).await.map_err(|error| error.to_string())?;
            let page = client.request("book.orders", json!({"book": desk.book.to_string(), "limit": 500}));
            let page = page.await.map_err(|error| error.to_string())?;
            let live = page["orders"].as_array().into_iter().flatten().filter(|order| is_live(order));
            let orders = live.filter_map(|order| order["book_order"].as_str().map(ToOwned::to_owned));
            // The list has the newest first.
            room.orders.push(orders.collect::<Vec<_>>().into_iter().rev().collect());
            room.clients.push(client);
        }
        Ok(room)
    }

    /// Does it. A refusal (nothing to take, money that has run out) is how it goes in a market.
    async fn carry_out(&mut self, act: Act) {
        let book = self.desk.book.to_string();
        let side = |buys: bool| if buys { "buy" } else { "sell" };
        match act {
            Act::Quote { trader, buys, price, quantity } => {
                while self.orders[trader].len() >= QUOTES_MAX {
                    self.cancel_oldest(trader).await;
                }
                let params = json!({"book": book, "side": side(buys), "type": "limit", "quantity": quantity, "price": price});
                if let Ok(placed) = self.clients[trader].command("book.place", params, Key::random()).await
                    && is_live(&placed)
                    && let Some(order) = placed["book_order"].as_str()
                {
                    self.orders[trader].push_back(order.to_owned());
                }
            }
            Act::Take { trader, buys, quantity, most } => {
                let mut params =
                    json!({"book": book, "side": side(buys), "type": "market", "quantity": quantity});
                if buys {
                    params["max_amount"] = json!(most);
                }
                let _ = self.clients[trader].command("book.place", params, Key::random()).await;
            }
        }
    }

    async fn cancel_oldest(&mut self, trader: usize) {
        let Some(order) = self.orders[trader].pop_front() else { return };
        let params = json!({"book": self.desk.book.to_string(), "book_order": order});
        // It may have been filled meanwhile.
        let _: Result<Value, Error> =
            self.clients[trader].command("book.cancel", params, Key::random()).await;
    }
}

fn is_live(order: &Value) -> bool {
    matches!(order["status"].as_str(), Some("open" | "partly_filled" | "pending"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn desk(traders: u128) -> Desk {
        Desk {
            book: BookId::from_u128(1),
            traders: (1..=traders).map(AccountId::from_u128).collect(),
            price: 845,
            tick: 5,
            goods: 1_000,
            purse: 1_000_000,
        }
    }

    /// Whatever the dice say: prices are the book's, those who quote do not cross in continuous trading, and in an auction
    /// something does.
    #[test]
    fn the_desk_keeps_to_the_books_rules() {
        for seed in 0..50 {
            let mut mind = Mind::new(&desk(6), seed);
            for _ in 0..500 {
                let act = mind.next(false).unwrap();
                match act {
                    Act::Quote { trader, buys, price, quantity } => {
                        assert!(trader < MAKERS && quantity >= 1, "seed {seed}: {act:?}");
                        assert!(price > 0 && price % 5 == 0, "seed {seed}: {act:?}");
                        assert!((price < mind.middle()) == buys, "seed {seed}: {act:?}");
                    }
                    Act::Take { trader, quantity, most, .. } => {
                        assert!((MAKERS..6).contains(&trader), "seed {seed}: {act:?}");
                        assert!(most >= quantity * mind.middle(), "seed {seed}: {act:?}");
                    }
                }
            }
            let across = (0..100).filter(|_| {
                matches!(mind.next(true), Some(Act::Quote { buys, price, .. }) if (price > mind.middle()) == buys)
            });
            assert!(across.count() > 10, "seed {seed}");
            assert!(mind.strayed.abs() <= STRAY_TICKS);
        }
        assert_eq!(Mind::new(&desk(0), 1).next(false), None);
    }
}
