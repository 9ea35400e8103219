//! Other people's order books and call auctions, where the data are at hand.

use std::io::Read as _;

use serde_json::Value;
use sha2::{Digest, Sha256};
use vendue_domain::book::matching::{Core, Side};
use vendue_domain::book::uncross::{CallOrder, allocate, indicative};

use crate::book_messages::{Kind, Message, take};
use crate::data::{shared, shared_bytes};

/// Of all reports of the whole workload, joined by newlines with none at the end.
const NORMAL_SHA256: &str = "e9b2e3926854410b01a035aeb25dd05f1e597c233be8263de9eb49b6713d367e";

#[test]
fn hand_made_cases() {
    let Some(text) = shared("book/edge_cases.jsonl") else { return };
    for case in text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a case")) {
        let (mut core, mut reports) = (Core::default(), String::new());
        for message in case["messages"].as_array().expect("messages") {
            let number = |name: &str| message[name].as_u64().expect("a number");
            let kind = match message["type"].as_str() {
                Some("new") => Kind::New,
                Some("cancel") => Kind::Cancel,
                _ => Kind::Modify,
            };
            let side = if message["side"] == "buy" { Side::Buy } else { Side::Sell };
            let (seq, quantity, price, id) =
                (number("seq"), number("qty"), number("price"), u128::from(number("order_id")));
            let ioc = message["ioc"] == true;
            take(&mut core, &Message { seq, kind, side, ioc, quantity, id, price }, &mut reports);
        }
        let expected: Vec<_> =
            case["expected_reports"].as_array().expect("reports").iter().filter_map(Value::as_str).collect();
        assert_eq!(reports.lines().collect::<Vec<_>>(), expected, "{}", case["case"]);
    }
}

#[test]
fn first_messages_of_the_public_workload() {
    let Some(messages) = shared("book/normal_slice20k_messages.csv") else { return };
    let Some(expected) = shared("book/normal_slice20k_expected.csv") else { return };
    let (mut core, mut reports) = (Core::default(), String::new());
    for message in messages.lines().filter_map(Message::parse) {
        take(&mut core, &message, &mut reports);
    }
    for (line, (ours, theirs)) in reports.lines().zip(expected.lines()).enumerate() {
        assert_eq!(ours, theirs, "report {line}");
    }
    assert_eq!(reports.lines().count(), expected.lines().count());
}

#[test]
fn whole_public_workload() {
    let Some(packed) = shared_bytes("book/normal_messages.csv.gz") else { return };
    let mut text = String::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut text).expect("a gzip of text");
    let (mut core, mut reports) = (Core::default(), String::new());
    let mut hash = Sha256::new();
    let mut separator = "";
    for message in text.lines().filter_map(Message::parse) {
        take(&mut core, &message, &mut reports);
        if reports.len() > 1 << 16 {
            // The last newline waits for what follows it.
            hash.update(separator);
            hash.update(reports.trim_end());
            (separator, reports) = ("\n", String::new());
        }
    }
    hash.update(if reports.is_empty() { "" } else { separator });
    hash.update(reports.trim_end());
    let digest = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(digest, NORMAL_SHA256);
}

/// Ticks of a hundredth: the examples' prices have at most two decimals.
fn ticks(price: &Value) -> Option<u64> {
    price.as_f64().map(|price| (price * 100.0).round() as u64)
}

/// One published example. Its prices are in hundredths but where `tick` says otherwise.
fn call_order(order: &Value, tick: u64) -> CallOrder {
    let side = if order["side"] == "buy" { Side::Buy } else { Side::Sell };
    let limit = ticks(&order["price"]).map(|price| price / tick);
    CallOrder { side, limit, quantity: order["qty"].as_f64().expect("a quantity") as u64 }
}

/// Examples of another convention: where no two orders can trade we say no price, and theirs says one.
const NOTHING_TRADES: [&str; 2] = ["cloe_08", "cloe_09"];
/// Examples in whole units: their tick is 1, not a hundredth, and rules 3 and 4 count in ticks.
const WHOLE_TICKS: [&str; 6] = [
    "mmod_auction_xetra_06",
    "mmod_auction_xetra_07",
    "mmod_auction_xetra_08",
    "mmod_auction_xetra_09",
    "tse_itayose_p_a",
    "damonyuan",
];

#[test]
fn published_call_auctions() {
    let Some(text) = shared("call_auction/examples.jsonl") else { return };
    for example in text.lines().map(|line| serde_json::from_str::<Value>(line).expect("an example")) {
        let id = example["id"].as_str().expect("an id");
        let tick = if WHOLE_TICKS.contains(&id) { 100 } else { 1 };
        let orders: Vec<_> = example["orders"]
            .as_array()
            .expect("orders")
            .iter()
            .map(|order| call_order(order, tick))
            .collect();
        let reference = ticks(&example["reference"]).map(|price| price / tick);
        let found = indicative(&orders, reference).expect("in range");
        let expected = &example["expected"];
        if NOTHING_TRADES.contains(&id) {
            assert_eq!(found, None, "{id}: nothing can trade");
            assert_eq!(expected["qty"].as_f64(), Some(0.0), "{id}");
            continue;
        }
        let found = found.unwrap_or_else(|| panic!("{id}: a price"));
        assert_eq!(Some(found.price * tick), ticks(&expected["price"]), "{id}: price of {found:?}");
        if let Some(quantity) = expected["qty"].as_f64() {
            assert_eq!(found.volume, quantity as u64, "{id}: volume");
        }
        if let Some(imbalance) = expected["imbalance_buy_minus_sell"].as_f64() {
            let surplus =
                found.surplus as f64 * if found.surplus_side == Some(Side::Sell) { -1.0 } else { 1.0 };
            assert_eq!(surplus, imbalance, "{id}: surplus");
        }
        let traded: u64 = allocate(&orders, found.price).iter().map(|fill| fill.quantity).sum();
        assert_eq!(traded, found.volume, "{id}: what is allocated");
    }
}
