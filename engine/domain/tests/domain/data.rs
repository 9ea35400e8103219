//! Other people's auctions: the published examples and 150 real eBay histories, where the data are at hand.

use std::path::PathBuf;

use serde_json::Value;
use vendue_domain::facts::{AccountFacts, FactChange, Role};
use vendue_domain::id::AccountId;
use vendue_domain::increments::{IncrementTable, increment_at};
use vendue_domain::lot::{LotCommand, PlaceBid};
use vendue_domain::stock::{CreateStock, StockCommand};
use vendue_domain::time::Timestamp;

use crate::lot_script::{LOT, create_lot};
use crate::world::{Command, MARKET, SELLER, START, World, amount};

/// A file of the shared data; `None`, said on the output, where they are absent.
pub fn shared(path: &str) -> Option<String> {
    let beside_the_workspace = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data"));
    let root = std::env::var_os("VENDUE_SHARED_DATA").map_or(beside_the_workspace, PathBuf::from);
    let text = std::fs::read_to_string(root.join(path)).ok();
    if text.is_none() {
        println!("skipped: no ../shared/data");
    }
    text
}

/// A decimal number of major units, in cents.
fn cents(text: &str) -> u64 {
    let (units, decimals) = text.split_once('.').unwrap_or((text, ""));
    let decimals = format!("{decimals:0<2}");
    assert!(decimals.len() == 2 || decimals[2..].bytes().all(|digit| digit == b'0'), "no cents: {text}");
    units.parse::<u64>().expect("units") * 100 + decimals[..2].parse::<u64>().expect("cents")
}

/// An English auction among bidders by name.
struct Auction {
    world: World,
    names: Vec<String>,
}

impl Auction {
    fn new(start: u64, increments: Option<IncrementTable>) -> Self {
        let mut world = World::new();
        let mut lot = create_lot("ends=never");
        (lot.start_amount, lot.increments) = (amount(start), increments);
        world.command(SELLER, &Command::Lot(LotCommand::Create(Box::new(lot)))).expect("created");
        world.due();
        world.thorough_every = 16;
        Self { world, names: Vec::new() }
    }

    fn account(&mut self, name: &str) -> AccountId {
        let place = self.names.iter().position(|known| known == name).unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        let account = AccountId::from_u128(5_000 + place as u128);
        let grants = vec![(MARKET, Role::Bidder)];
        let facts = AccountFacts { version: 1, grants, ..AccountFacts::default() };
        self.world.facts.learn(&FactChange::Account((account, facts)));
        account
    }

    /// Bids; a refusal is part of the history.
    fn bid(&mut self, name: &str, maximum: u64) {
        let by = self.account(name);
        let amount = amount(maximum);
        let bid = PlaceBid {
            lot: LOT,
            amount,
            quantity: None,
            all_or_none: None,
            if_seq: None,
            validate_only: None,
        };
        let _ = self.world.command(by, &Command::Lot(LotCommand::Bid(bid)));
    }

    /// The leader's name and the price. Bidders are numbered by their first accepted bid.
    fn close(mut self) -> (Option<AccountId>, Option<u64>) {
        let close = vendue_domain::lot::CloseLot { lot: LOT, reason: Some("the history ends".to_owned()) };
        let outcome = self
            .world
            .command(crate::world::OPERATOR, &Command::Lot(LotCommand::Close(close)))
            .expect("closed");
        let winner = outcome.private.first().map(|(winner, _)| *winner);
        (winner, self.world.folded["price"].as_u64())
    }
}

#[test]
fn ebay_histories() {
    let Some(histories) = shared("ebay/histories.jsonl") else { return };
    let (mut right, mut all) = (0, 0);
    for line in histories.lines() {
        let history: Value = serde_json::from_str(line).expect("a history is JSON");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let mut auction = Auction::new(cents(&text(&history["openbid"])), None);
        for event in history["events"].as_array().expect("events") {
            auction.world.now = Timestamp(auction.world.now.0 + 1_000_000);
            let maximum = match text(&event["max"]).as_str() {
                "UNBOUNDED" => vendue_domain::amount::AMOUNT_MAX,
                maximum => cents(maximum),
            };
            auction.bid(&text(&event["bidder"]), maximum);
        }
        let expected =
            (Some(auction.account(&text(&history["winner"]))), Some(cents(&text(&history["final_price"]))));
        let found = auction.close();
        all += 1;
        if found == expected {
            right += 1;
        } else {
            println!("auction {}: found {found:?}, expected {expected:?}", history["auctionid"]);
        }
    }
    assert_eq!((right, all), (150, 150), "winner and final price, to the cent");
}

#[test]
fn worked_examples() {
    let Some(examples) = shared("worked/examples.json") else { return };
    let examples: Vec<Value> = serde_json::from_str(&examples).expect("examples are JSON");
    let mut checked = 0;
    for example in &examples {
        match example["kind"].as_str() {
            Some("increment_table") => check_table(example),
            Some("proxy") => check_proxy(example),
            Some("stock") => check_stock(example),
            // Formats and fees of later versions.
            _ => continue,
        }
        checked += 1;
    }
    assert_eq!(checked, 6, "increment tables, proxy bids, stock");
}

/// A published table, `0.01-0.99:0.05;...` or `<=20:0.50;...;>25000:100`, is a valid one, and eBay's is the default.
fn check_table(example: &Value) {
    let id = example["id"].as_str().expect("an id");
    let bands = example["table"].as_str().expect("a table").split(';').map(|band| {
        let (prices, increment) = band.split_once(':').expect("PRICES:INCREMENT");
        let begins_at = if prices.starts_with("<=") {
            0
        } else {
            let begins_at =
                prices.trim_start_matches('>').trim_end_matches('+').split('-').next().expect("a price");
            cents(begins_at)
        };
        let begins_at = if begins_at == 1 { 0 } else { begins_at };
        (begins_at, amount(cents(increment)))
    });
    let table = IncrementTable { bands: bands.collect() };
    assert!(table.validate().is_ok(), "{id}");
    if id == "ebay" {
        let eur = vendue_domain::amount::Currency::new("EUR").expect("a currency");
        assert_eq!(table.bands, vendue_domain::increments::default_bands(eur));
    }
    for pair in table.bands.windows(2) {
        let (last_of_band, first_of_next) = (amount(pair[1].0 - 1), amount(pair[1].0));
        assert_eq!(increment_at(&table.bands, last_of_band), pair[0].1, "{id}");
        assert_eq!(increment_at(&table.bands, first_of_next), pair[1].1, "{id}");
    }
}

fn check_proxy(example: &Value) {
    let minor = |value: &Value| (value.as_f64().expect("a number") * 100.0).round() as u64;
    let events = example["events"].as_array().expect("events");
    let start = if example["start"].is_null() { minor(&events[0]["max"]) } else { minor(&example["start"]) };
    let table = IncrementTable { bands: vec![(0, amount(minor(&example["increment"])))] };
    let mut auction = Auction::new(start, Some(table));
    for event in events {
        auction.bid(event["bidder"].as_str().expect("a name"), minor(&event["max"]));
    }
    let leader = auction.account(example["expected"]["leader"].as_str().expect("a name"));
    assert_eq!(auction.close(), (Some(leader), Some(minor(&example["expected"]["current"]))), "{example}");
}

fn check_stock(example: &Value) {
    for case in example["cases"].as_array().expect("cases") {
        let number = |place: usize| case[place].as_u64().expect("a number");
        let mut world = World::new();
        let stock = vendue_domain::id::StockId::from_u128(66);
        let create = CreateStock {
            stock: Some(stock),
            market: MARKET,
            title: "Nails".to_owned(),
            price: amount(5),
            on_hand: number(0),
            r#ref: None,
            threshold: Some(number(2) as i64),
            limit_per_account: None,
            description: None,
            category: None,
            images: None,
            seller: None,
            locations: None,
            strategy: None,
        };
        world.now = START;
        world.command(SELLER, &Command::Stock(StockCommand::Create(Box::new(create)))).expect("created");
        // What is allocated was reserved once; more than is available cannot be.
        if number(1) > 0 {
            crate::stock_tables::allocate(&mut world, stock, number(1));
        }
        assert_eq!(world.folded["available"], number(3), "{case}");
    }
}
