//! Other people's auctions: the published examples and 150 real eBay histories, where the data are at hand.

use std::path::PathBuf;

use serde_json::Value;
use vendue_domain::facts::{AccountFacts, FactChange, Role};
use vendue_domain::id::AccountId;
use vendue_domain::increments::{IncrementTable, increment_at};
use vendue_domain::lot::{LotCommand, PlaceBid};
use vendue_domain::stock::{CreateStock, StockCommand};
use vendue_domain::time::Timestamp;

use crate::lot_script::{LOT, Script, create_lot};
use crate::town::Town;
use crate::world::{Command, MARKET, SELLER, START, World, amount};

/// A file of the shared data as bytes; `None`, said on the output, where they are absent.
pub fn shared_bytes(path: &str) -> Option<Vec<u8>> {
    let beside_the_workspace = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data"));
    let root = std::env::var_os("VENDUE_SHARED_DATA").map_or(beside_the_workspace, PathBuf::from);
    let bytes = std::fs::read(root.join(path)).ok();
    if bytes.is_none() {
        eprintln!("skipped: no ../shared/data");
    }
    bytes
}

/// A text of the shared data; as [`shared_bytes`].
pub fn shared(path: &str) -> Option<String> {
    shared_bytes(path).map(|bytes| String::from_utf8(bytes).expect("a text"))
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
    /// Where bids are funded: the bidders' money.
    town: Option<Town>,
}

impl Auction {
    fn new(start: u64, increments: Option<IncrementTable>, funded: bool) -> Self {
        let mut world = World { records: funded, ..World::new() };
        let mut lot = create_lot(if funded { "ends=never full" } else { "ends=never" });
        (lot.start_amount, lot.increments) = (amount(start), increments);
        world.command(SELLER, &Command::Lot(LotCommand::Create(Box::new(lot)))).expect("created");
        world.due();
        world.thorough_every = 16;
        Self { world, names: Vec::new(), town: funded.then(Town::default) }
    }

    fn account(&mut self, name: &str) -> AccountId {
        let place = self.names.iter().position(|known| known == name).unwrap_or_else(|| {
            self.names.push(name.to_owned());
            let account = AccountId::from_u128(5_000 + self.names.len() as u128 - 1);
            if let Some(town) = &mut self.town {
                town.bank.deposit(account, vendue_domain::amount::AMOUNT_MAX);
            }
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
            stay_until: None,
            package: None,
        };
        let _ = self.world.command(by, &Command::Lot(LotCommand::Bid(bid)));
        self.settle();
    }

    fn settle(&mut self) {
        if let Some(town) = &mut self.town {
            town.take(&mut self.world);
            town.settle(&mut [&mut self.world]);
            assert!(town.is_answered());
            town.bank.check();
        }
    }

    /// The leader's name and the price. Bidders are numbered by their first accepted bid.
    fn close(mut self) -> (Option<AccountId>, Option<u64>) {
        let close = vendue_domain::lot::CloseLot { lot: LOT, reason: Some("the history ends".to_owned()) };
        let outcome = self
            .world
            .command(crate::world::OPERATOR, &Command::Lot(LotCommand::Close(close)))
            .expect("closed");
        let winner = outcome.private.first().map(|(winner, _)| *winner);
        self.settle();
        if let Some(town) = &self.town {
            let orders: Vec<_> = town.bank.orders.values().map(|order| order.buyer).collect();
            assert_eq!(orders, winner.into_iter().collect::<Vec<_>>(), "one order, of the winner");
            assert_eq!(town.bank.live_holds(), 0, "every hold has ended");
            assert_eq!(Some(town.bank.captured), self.world.folded["price"].as_u64(), "at the winning price");
        }
        (winner, self.world.folded["price"].as_u64())
    }
}

#[test]
fn ebay_histories() {
    check_histories(false);
}

/// The same with every maximum held: nothing of it stays held, and exactly the winner pays exactly the winning price.
#[test]
fn ebay_histories_with_full_funding() {
    check_histories(true);
}

fn check_histories(funded: bool) {
    let Some(histories) = shared("ebay/histories.jsonl") else { return };
    let (mut right, mut all) = (0, 0);
    for line in histories.lines() {
        let history: Value = serde_json::from_str(line).expect("a history is JSON");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let mut auction = Auction::new(cents(&text(&history["openbid"])), None, funded);
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
            Some("vcg") if !example["units"].is_null() => check_units(example),
            // Packages of different lots, positions of advertisements, another market's fees: no rule of ours.
            _ => continue,
        }
        checked += 1;
    }
    assert_eq!(checked, 7, "increment tables, proxy bids, equal units, stock");
}

/// Equal units with bids for some or all of them. Our `multi_unit` lot gives them to the same winners; what they pay is one
/// price for all, not each winner's own as under VCG.
fn check_units(example: &Value) {
    let mut script =
        Script::new("format=multi_unit start=1 quantity=2 step=1 pricing=uniform_highest_losing");
    let mut names = Vec::new();
    for (name, bids) in example["bids"].as_object().expect("bids") {
        for (units, value) in bids.as_object().expect("a bid for units") {
            let units: u64 = units.parse().expect("units");
            let unit_price = value.as_u64().expect("an amount") / units;
            script
                .act_on(&format!("{name} bid {unit_price} quantity {units} all_or_none"))
                .expect("accepted");
            names.push((name.clone(), format!("bidder-{}", names.len() + 1)));
        }
    }
    script.world.now = START.plus_ms(3_600_000);
    script.world.due();
    let won = script.world.folded["winners"].as_array().expect("winners");
    let name_of = |winner: &Value| {
        names.iter().find(|(_, alias)| *alias == winner["alias"]).map(|(name, _)| name.clone())
    };
    let winners: Vec<_> = won.iter().filter_map(name_of).collect();
    let expected: Vec<_> = example["expected"]["winners"]
        .as_array()
        .expect("winners")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(winners, expected, "{example}");
    assert_eq!(script.world.folded["price"], 2, "no winner pays more than it bid");
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
    let mut auction = Auction::new(start, Some(table), false);
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

/// Published Vickrey-Clarke-Groves examples. Equal units are items of which any will do: bids for all sets of that size.
#[test]
fn packages() {
    let Some(examples) = shared("worked/examples.json") else { return };
    let examples: Vec<Value> = serde_json::from_str(&examples).expect("JSON");
    let mut checked = 0;
    for example in examples.iter().filter(|example| example["kind"] == "vcg") {
        let units = example["units"].as_u64().unwrap_or(2);
        let by_count = example["units"].is_u64();
        let mut script =
            crate::lot_script::Script::new(&format!("format=combinatorial items={units} start=1"));
        let bidders: Vec<(&String, &Value)> = example["bids"].as_object().expect("bids").iter().collect();
        for (&(_, bids), letter) in bidders.iter().zip('A'..) {
            for (package, value) in bids.as_object().expect("packages") {
                let value = value.as_u64().expect("a value");
                let wanted = |set: &u32| match package.parse::<u32>() {
                    Ok(count) if by_count => set.count_ones() == count,
                    _ => *set == package.bytes().fold(0, |set, name| set | 1 << (name - b'A')),
                };
                for set in (1..1_u32 << units).filter(wanted).filter(|_| value > 0) {
                    let items: Vec<String> =
                        (0..units).filter(|at| set >> at & 1 == 1).map(|at| (at + 1).to_string()).collect();
                    let line = format!("{letter} bid {value} for {}", items.join("+"));
                    script.act_on(&line).unwrap_or_else(|rejection| panic!("{line}: {rejection:?}"));
                }
            }
        }
        script.go_to(START.plus_ms(3_600_000));
        let winners = script.world.folded["winners"].as_array().expect("winners").clone();
        for (&(name, _), nth) in bidders.iter().zip(1..) {
            let alias = format!("bidder-{nth}");
            let paid = winners.iter().find(|win| win["alias"] == alias).map(|win| &win["amount"]);
            let paid = paid.and_then(Value::as_u64).unwrap_or(0);
            let expected = example["expected"]["pay"][name].as_u64().unwrap_or(0);
            assert_eq!(paid, expected, "{}: {name}", example["id"]);
        }
        checked += 1;
    }
    assert_eq!(checked, 2, "kellogg_2 and apples");
}
