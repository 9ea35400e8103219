//! The load, and what can be asked of the market afterwards.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use vendue_client::{Client, Error, Key, Outcome};
use vendue_domain::invariants::linear::{self, Broken, Seen};

use crate::common::Demo;
use crate::record::{Answer, Entry, Record};

const LOTS: usize = 5;
const BIDDERS: usize = 6;
/// Units on hand: more than a soak can reserve.
const ON_HAND: u64 = 1_000_000_000;
/// Items on one page.
const PAGE: u64 = 500;
/// One command in so many is a reservation.
const RESERVE_ONE_IN: u32 = 5;
/// A minute ahead of any test: the lots do not end under it. Microseconds.
const FAR_US: i64 = 90 * 24 * 3_600 * 1_000_000;

/// A market of plain auctions (every accepted bid's amount is public) in which no amount is bid twice, so that a bid that is
/// missing, appears twice, or was made by nobody is seen by its amount.
pub struct Market {
    pub lots: Vec<String>,
    pub stock: String,
    accounts: Vec<String>,
    bidders: Vec<Client>,
    pub operator: Client,
    next_amount: Vec<Arc<AtomicU64>>,
}

impl Market {
    pub async fn build(demo: &Demo) -> Self {
        let operator = demo.operator().await;
        let command = |method: &'static str, params: Value| {
            let operator = operator.clone();
            async move { operator.command(method, params, Key::random()).await.unwrap() }
        };
        let text = |value: &Value, field: &str| value[field].as_str().unwrap().to_owned();
        let made = command("market.create", json!({"name": "Kill loop", "currency": "EUR"})).await;
        let market = text(&made, "market");
        let mut accounts = Vec::new();
        for number in 0..BIDDERS {
            let made = command("account.create", json!({"name": format!("Bidder {number}")})).await;
            let account = text(&made, "account");
            command("account.grant", json!({"account": account, "market": market, "role": "bidder"})).await;
            accounts.push(account);
        }
        let now = operator.server_time().unwrap().micros;
        let mut lots = Vec::new();
        for number in 0..LOTS {
            let lot = json!({"market": market, "title": format!("Lot {number}"), "format": "english", "proxy": false,
                "start_amount": 1, "increments": {"bands": [[0, 1]]}, "opens_at": now, "closes_at": now + FAR_US});
            lots.push(text(&command("lot.create", lot).await, "lot"));
        }
        let stock = json!({"market": market, "title": "Stock", "price": 100, "on_hand": ON_HAND});
        let stock = text(&command("stock.create", stock).await, "stock");
        for lot in &lots {
            while operator.request("lot.get", json!({"lot": lot})).await.unwrap()["state"] != "open" {
                tokio::task::yield_now().await;
            }
        }
        let next_amount = lots.iter().map(|_| Arc::new(AtomicU64::new(1))).collect();
        let bidders = clients(demo, &accounts).await;
        Self { lots, stock, accounts, bidders, operator, next_amount }
    }

    /// The same market behind another gateway.
    pub async fn again(demo: &Demo, before: &Self) -> Self {
        Self {
            lots: before.lots.clone(),
            stock: before.stock.clone(),
            accounts: before.accounts.clone(),
            bidders: clients(demo, &before.accounts).await,
            operator: demo.operator().await,
            next_amount: before.next_amount.clone(),
        }
    }

    /// I1, I36, I37: what was acknowledged is found again, the same, by its key; asking for it again does nothing.
    pub async fn check_still_there(&self, entry: &Entry, when: &str) {
        let client = &self.bidders[entry.bidder];
        let found = client.command_result(&entry.target, &Key::from(entry.key.as_str())).await;
        let found = answer(found).unwrap_or_else(|error| panic!("{when}: {entry:?} is lost: {error}"));
        assert_eq!(found.comparable(), entry.answer.comparable(), "{when}: another outcome for {entry:?}");
        let again = client.command(&entry.method, entry.params.clone(), entry.key.as_str()).await;
        if let Ok(result) = &again {
            assert_eq!(result["replayed"], true, "{when}: done twice: {entry:?}");
        }
        let again = answer(again).unwrap_or_else(|error| panic!("{when}: {entry:?} again: {error}"));
        assert_eq!(again.comparable(), entry.answer.comparable(), "{when}: another outcome for {entry:?}");
    }

    /// I13: no price is below one that was acknowledged.
    pub async fn check_prices(&self, acknowledged: &[Entry], when: &str) {
        for lot in &self.lots {
            let price =
                self.operator.request("lot.get", json!({"lot": lot})).await.unwrap()["price"].as_u64();
            let highest =
                acknowledged.iter().filter(|entry| entry.target == *lot).filter_map(accepted_amount).max();
            assert!(price >= highest, "{when}: {lot} stands at {price:?}, {highest:?} was acknowledged");
        }
    }

    /// I1 to I3 on the public histories: every acknowledged bid once, nothing that nobody asked for, nothing rejected; and
    /// for reservations by their counter.
    pub async fn check_histories(&self, acknowledged: &[Entry], attempts: &[Attempt]) {
        for lot in &self.lots {
            let history = self.history(lot).await;
            let amounts: HashSet<u64> = history.iter().copied().collect();
            assert_eq!(amounts.len(), history.len(), "{lot}: an amount appears twice");
            assert!(
                history.windows(2).all(|pair| pair[0] > pair[1]),
                "{lot}: newest first, each above the one before"
            );
            for entry in acknowledged.iter().filter(|entry| entry.target == *lot) {
                let amount = entry.params["amount"].as_u64().unwrap();
                let is_accepted = matches!(entry.answer, Answer::Accepted(_));
                assert_eq!(amounts.contains(&amount), is_accepted, "{lot}: {entry:?}");
            }
            let asked: HashSet<u64> =
                attempts.iter().filter(|a| a.target == *lot).map(|a| a.amount).collect();
            assert!(amounts.is_subset(&asked), "{lot}: a bid that nobody made");
        }
        let stock = self.operator.request("stock.get", json!({"stock": self.stock})).await.unwrap();
        let of_stock = |entry: &&Entry| entry.target == self.stock;
        let certain: u64 = acknowledged
            .iter()
            .filter(of_stock)
            .map(|entry| entry.params["quantity"].as_u64().unwrap())
            .sum();
        let asked: u64 = attempts.iter().filter(|a| a.target == self.stock).map(|a| a.amount).sum();
        let reserved = stock["reserved"].as_u64().unwrap();
        assert!(
            (certain..=asked).contains(&reserved),
            "{reserved} reserved; {certain} acknowledged, {asked} asked for"
        );
        assert_eq!(stock["available"].as_u64().unwrap() + reserved, ON_HAND);
        let distinct: HashSet<&Value> = acknowledged
            .iter()
            .filter(of_stock)
            .filter_map(|entry| match &entry.answer {
                Answer::Accepted(result) => Some(&result["reservation"]),
                Answer::Rejected { .. } => None,
            })
            .collect();
        assert_eq!(
            distinct.len(),
            acknowledged.iter().filter(of_stock).count(),
            "one reservation for two commands"
        );
    }

    /// One order explains what all bidders were told: each lot's accepted bids, by the numbers in their answers, agree with the times at which
    /// they were sent and answered, and each is above the one before it (linearizability).
    pub fn check_order(&self, acknowledged: &[Entry]) {
        for lot in &self.lots {
            let accepted = acknowledged.iter().filter(|entry| entry.target == *lot);
            let history: Vec<Seen<(u64, u64)>> = accepted
                .filter_map(|entry| {
                    let Answer::Accepted(result) = &entry.answer else { return None };
                    let amounts = (entry.params["amount"].as_u64()?, result["price"].as_u64()?);
                    let seq = result["seq"].as_u64()?;
                    Some(Seen {
                        invoked: entry.sent_us,
                        returned: entry.told_us,
                        seq,
                        changes: true,
                        what: amounts,
                    })
                })
                .collect();
            let mut price = 0;
            let explained = linear::check(&history, |&(amount, told)| {
                let is_right = told == amount && amount > price;
                price = told;
                let what = format!("a bid of {amount} was told the price {told}");
                if is_right { Ok(()) } else { Err(Broken { invariant: "I12", what }) }
            });
            explained.unwrap_or_else(|broken| panic!("{lot}: {} broken: {}", broken.invariant, broken.what));
            assert!(!history.is_empty(), "{lot}: nobody bid");
        }
    }

    /// All amounts of a lot's public history, newest first.
    async fn history(&self, lot: &str) -> Vec<u64> {
        let mut amounts = Vec::new();
        let mut params = json!({"lot": lot, "limit": PAGE});
        loop {
            let mut page = self.operator.request("lot.bids", params.clone()).await.unwrap();
            amounts
                .extend(page["bids"].as_array().unwrap().iter().map(|bid| bid["amount"].as_u64().unwrap()));
            match page["cursor"].take() {
                Value::Null => return amounts,
                cursor => params["cursor"] = cursor,
            }
        }
    }
}

async fn clients(demo: &Demo, accounts: &[String]) -> Vec<Client> {
    let mut clients = Vec::new();
    for account in accounts {
        clients.push(demo.client(&demo.token(account)).await);
    }
    clients
}

fn accepted_amount(entry: &Entry) -> Option<u64> {
    matches!(entry.answer, Answer::Accepted(_)).then(|| entry.params["amount"].as_u64()).flatten()
}

/// A definite answer, or the error that is none.
fn answer(outcome: Result<Value, Error>) -> Result<Answer, Error> {
    match outcome {
        Ok(result) => Ok(Answer::Accepted(result)),
        Err(Error::Server(error)) if error.outcome == Outcome::Rejected => {
            Ok(Answer::Rejected { code: error.code.clone(), details: error.details.clone() })
        }
        Err(error) => Err(error),
    }
}

/// Something that was asked for, whatever became of it.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub target: String,
    /// The bid's amount, or the units.
    pub amount: u64,
}

/// Bidders at work.
pub struct Load {
    stop: Arc<AtomicBool>,
    tasks: JoinSet<Vec<Attempt>>,
}

impl Load {
    /// Every bidder bids on a connection of its own until the load is stopped.
    pub async fn start(demo: &Demo, market: &Market, record: &Record, seed: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        let began = Instant::now();
        for (bidder, client) in clients(demo, &market.accounts).await.into_iter().enumerate() {
            let worker = Worker {
                bidder,
                client,
                lots: market.lots.iter().cloned().zip(market.next_amount.iter().cloned()).collect(),
                stock: market.stock.clone(),
                record: record.clone(),
                stop: Arc::clone(&stop),
                dice: StdRng::seed_from_u64(seed ^ (bidder as u64 + 1)),
                began,
            };
            tasks.spawn(worker.run());
        }
        Self { stop, tasks }
    }

    /// Stops the bidders after what they are at, and gives all that they have asked for.
    pub async fn stop(self) -> Vec<Attempt> {
        self.stop.store(true, Ordering::Relaxed);
        self.tasks.join_all().await.concat()
    }
}

struct Worker {
    bidder: usize,
    client: Client,
    lots: Vec<(String, Arc<AtomicU64>)>,
    stock: String,
    record: Record,
    stop: Arc<AtomicBool>,
    dice: StdRng,
    /// When all of the load began: the clock that the bidders share.
    began: Instant,
}

impl Worker {
    async fn run(mut self) -> Vec<Attempt> {
        let mut attempts = Vec::new();
        let mut unknown: HashMap<String, u32> = HashMap::new();
        while !self.stop.load(Ordering::Relaxed) {
            let (method, target, params, amount) = self.next();
            attempts.push(Attempt { target: target.clone(), amount });
            let key = format!("{}-{}", self.bidder, attempts.len());
            let sent_us = self.began.elapsed().as_micros() as u64;
            let outcome = self.client.command(method, params.clone(), key.as_str()).await;
            let told_us = self.began.elapsed().as_micros() as u64;
            match answer(outcome) {
                Ok(answer) => {
                    let (bidder, method) = (self.bidder, method.to_owned());
                    self.record.add(Entry { bidder, method, params, target, key, sent_us, told_us, answer });
                }
                // No definite answer within the client's patience: it may have happened or not, and counts as asked only.
                Err(error) => *unknown.entry(error.code().unwrap_or("none").to_owned()).or_default() += 1,
            }
        }
        if !unknown.is_empty() {
            eprintln!("bidder {}: without a definite answer: {unknown:?}", self.bidder);
        }
        attempts
    }

    fn next(&mut self) -> (&'static str, String, Value, u64) {
        if self.dice.random_ratio(1, RESERVE_ONE_IN) {
            let quantity = self.dice.random_range(1..=3);
            let params = json!({"stock": self.stock, "quantity": quantity, "ttl_ms": 86_400_000});
            return ("stock.reserve", self.stock.clone(), params, quantity);
        }
        let (lot, next_amount) = &self.lots[self.dice.random_range(0..self.lots.len())];
        // Taken here, bid a moment later: of two bidders the slower one is now and then too low, which is an answer as well.
        let amount = next_amount.fetch_add(1, Ordering::Relaxed);
        ("lot.bid", lot.clone(), json!({"lot": lot, "amount": amount}), amount)
    }
}
