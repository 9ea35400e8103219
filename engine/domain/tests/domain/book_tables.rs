//! The matching core's own edge cases: a script, the trades and refusals it gives, and the book that it leaves.
//!
//! `buy 1 10@100` (and `ioc`, `fok`; `@any` is a market order), `cancel 1`, `modify 1 4@100` (less at the same price keeps
//! its place), `reduce 1 4`. A trade reads maker x lots @ price. A book reads price: id x lots, each side best first.

use vendue_domain::book::matching::{Core, LevelView, Order, Refused, Remainder, Side};
use vendue_domain::id::AccountId;
use vendue_domain::record::Field;

const MAX: &str = "18446744073709551615";

/// A number; `max` is the highest there is, `max-1` the one below.
fn number(text: &str) -> u64 {
    match text {
        "max" => u64::MAX,
        "max-1" => u64::MAX - 1,
        _ => text.parse().expect("a number"),
    }
}

fn order(side: Side, id: &str, terms: &str) -> Order {
    let (quantity, price) = terms.split_once('@').expect("lots@price");
    let price = match (price, side) {
        ("any", Side::Buy) => u64::MAX,
        ("any", Side::Sell) => 0,
        _ => number(price),
    };
    let id = id.parse().expect("an id");
    Order { id, account: AccountId::from_u128(id), side, price, quantity: number(quantity) }
}

fn enter(core: &mut Core, order: &Order, remainder: Remainder, out: &mut Vec<String>) {
    // What a rule reads before is what then happens.
    let foreseen: Vec<_> = core.fills(order.side, Some(order.price), order.quantity).collect();
    let mut fills = Vec::new();
    match core.execute(order, remainder, |fill| fills.push(*fill)) {
        Err(refused) => out.push(format!("{refused:?}")),
        Ok(executed) if executed.remaining > 0 && executed.resting.is_none() => {
            out.extend(fills.iter().map(|fill| format!("{}x{}@{}", fill.id, fill.quantity, fill.price)));
            out.push(format!("lapsed {}", executed.remaining));
        }
        Ok(_) => {
            assert_eq!(fills, foreseen);
            out.extend(fills.iter().map(|fill| format!("{}x{}@{}", fill.id, fill.quantity, fill.price)));
        }
    }
}

fn step(core: &mut Core, line: &str, out: &mut Vec<String>) {
    let words: Vec<_> = line.split_whitespace().collect();
    let handle = core.find(words[1].parse().expect("an id"));
    let side = if words[0] == "buy" { Side::Buy } else { Side::Sell };
    match (words[0], handle) {
        ("buy" | "sell", _) => {
            let remainder = match words.get(3) {
                Some(&"fok") => Remainder::Forbidden,
                Some(_) => Remainder::Lapses,
                None => Remainder::Rests,
            };
            enter(core, &order(side, words[1], words[2]), remainder, out);
        }
        (_, None) => out.push(format!("{:?}", Refused::Dead)),
        ("cancel", Some(handle)) => drop(core.cancel(handle)),
        ("reduce", Some(handle)) => {
            if let Err(refused) = core.reduce(handle, number(words[2])) {
                out.push(format!("{refused:?}"));
            }
        }
        ("modify", Some(handle)) => {
            let old = core.get(handle).expect("found");
            let new = order(old.side, words[1], words[2]);
            if new.price == old.price && core.reduce(handle, new.quantity).is_ok() {
                return;
            }
            core.cancel(handle);
            enter(core, &new, Remainder::Rests, out);
        }
        (other, _) => panic!("unknown step {other}"),
    }
}

fn book(core: &Core) -> String {
    let side = |side| {
        let mut text = String::new();
        for LevelView { price, quantity, orders } in core.levels(side) {
            text += &format!(" {price}:");
            let of_level: Vec<_> =
                core.orders(side).map(|(_, order)| order).filter(|order| order.price == price).collect();
            assert_eq!(of_level.iter().map(|order| order.quantity).sum::<u64>(), quantity);
            assert_eq!(of_level.len(), orders as usize);
            let each: Vec<_> =
                of_level.iter().map(|order| format!("{}x{}", order.id, order.quantity)).collect();
            text += &each.join(",");
        }
        text
    };
    format!("bids{} asks{}", side(Side::Buy), side(Side::Sell))
}

fn check(table: &[(&str, &str, &str, &str)]) {
    for (name, script, told, left) in table {
        let (mut core, mut out) = (Core::default(), Vec::new());
        for line in script.split(';') {
            step(&mut core, line, &mut out);
        }
        assert_eq!(out.join(" "), told.replace("max", MAX), "{name}");
        assert_eq!(book(&core), left.replace("max", MAX), "{name}");
        let again = Core::from_bytes(&core.to_bytes()).expect("its own bytes");
        assert_eq!(again, core, "{name}: from its bytes");
    }
}

#[test]
fn priority() {
    check(&[
        (
            "better price first, whatever came first",
            "sell 1 5@102; sell 2 5@101; sell 3 5@100; buy 4 12@102",
            "3x5@100 2x5@101 1x2@102",
            "bids asks 102:1x3",
        ),
        (
            "earlier first at one price",
            "buy 1 5@100; buy 2 5@100; sell 3 7@100",
            "1x5@100 2x2@100",
            "bids 100:2x3 asks",
        ),
        ("trades print at the resting price", "sell 1 5@90; buy 2 5@100", "1x5@90", "bids asks"),
        ("one tick short does not trade", "sell 1 5@101; buy 2 5@100", "", "bids 100:2x5 asks 101:1x5"),
        (
            "the rest of a taker rests at its own limit",
            "sell 1 5@100; buy 2 9@103",
            "1x5@100",
            "bids 103:2x4 asks",
        ),
        (
            "a partly filled maker keeps its place",
            "buy 1 5@100; sell 2 2@100; buy 3 5@100; sell 4 4@100",
            "1x2@100 1x3@100 3x1@100",
            "bids 100:3x4 asks",
        ),
    ]);
}

#[test]
fn levels_come_and_go() {
    check(&[
        (
            "emptied by trades and refilled",
            "sell 1 5@100; buy 2 5@100; sell 3 4@100; buy 4 4@100",
            "1x5@100 3x4@100",
            "bids asks",
        ),
        (
            "emptied by cancels and refilled behind nothing",
            "buy 1 5@100; cancel 1; buy 2 3@100; sell 3 3@100",
            "2x3@100",
            "bids asks",
        ),
        (
            "an emptied best uncovers the next",
            "sell 1 5@100; sell 2 5@5000; cancel 1; buy 3 9@6000",
            "2x5@5000",
            "bids 6000:3x4 asks",
        ),
        (
            "neighbours in one chunk and past its edge",
            "buy 1 1@15; buy 2 1@16; buy 3 1@31; buy 4 1@32; sell 5 4@15",
            "4x1@32 3x1@31 2x1@16 1x1@15",
            "bids asks",
        ),
        (
            "a market order through many levels",
            "sell 1 1@10; sell 2 1@100; sell 3 1@1000; sell 4 1@100000; buy 5 9@any ioc",
            "1x1@10 2x1@100 3x1@1000 4x1@100000 lapsed 5",
            "bids asks",
        ),
        (
            "a market order to sell",
            "buy 1 3@7; buy 2 3@0; sell 3 5@any ioc",
            "1x3@7 2x2@0",
            "bids 0:2x1 asks",
        ),
    ]);
}

#[test]
fn cancels_and_changes() {
    let three = "buy 1 5@100; buy 2 5@100; buy 3 5@100; ";
    let check_three =
        |name, script: &str, told, left| check(&[(name, &format!("{three}{script}"), told, left)]);
    check_three("cancel the head", "cancel 1; sell 9 6@100", "2x5@100 3x1@100", "bids 100:3x4 asks");
    check_three("cancel the middle", "cancel 2; sell 9 6@100", "1x5@100 3x1@100", "bids 100:3x4 asks");
    check_three("cancel the tail, then append", "cancel 3; buy 4 5@100", "", "bids 100:1x5,2x5,4x5 asks");
    check_three(
        "cancel after the head was partly filled",
        "sell 9 2@100; cancel 1",
        "1x2@100",
        "bids 100:2x5,3x5 asks",
    );
    check_three("cancel twice", "cancel 2; cancel 2", "Dead", "bids 100:1x5,3x5 asks");
    check_three("cancel a filled one", "sell 9 5@100; cancel 1", "1x5@100 Dead", "bids 100:2x5,3x5 asks");
    check_three("less at the same price keeps its place", "modify 1 2@100", "", "bids 100:1x2,2x5,3x5 asks");
    check_three("more loses its place", "modify 1 6@100", "", "bids 100:2x5,3x5,1x6 asks");
    check_three(
        "another price loses its place",
        "modify 1 5@99; modify 1 5@100",
        "",
        "bids 100:2x5,3x5,1x5 asks",
    );
    check_three(
        "modified into the other side it trades",
        "sell 9 3@105; modify 2 5@105",
        "9x3@105",
        "bids 105:2x2 100:1x5,3x5 asks",
    );
    check_three("reduced to nothing is refused", "reduce 1 0", "NoQuantity", "bids 100:1x5,2x5,3x5 asks");
    check_three("reduced upwards is refused", "reduce 1 6", "OnlyRemain(5)", "bids 100:1x5,2x5,3x5 asks");
    check_three("reduced to what it has", "reduce 1 5", "", "bids 100:1x5,2x5,3x5 asks");
    check_three("a live id is refused", "buy 2 1@99", "IdInUse", "bids 100:1x5,2x5,3x5 asks");
    check_three("an id is free after death", "cancel 2; sell 2 1@101", "", "bids 100:1x5,3x5 asks 101:2x1");
}

#[test]
fn immediate_orders() {
    let asks = "sell 1 5@100; sell 2 5@101; ";
    let check_asks =
        |name, script: &str, told, left| check(&[(name, &format!("{asks}{script}"), told, left)]);
    check_asks("ioc takes what there is", "buy 3 9@100 ioc", "1x5@100 lapsed 4", "bids asks 101:2x5");
    check_asks("ioc that finds nothing", "buy 3 9@99 ioc", "lapsed 9", "bids asks 100:1x5 101:2x5");
    check_asks("fok, exactly available", "buy 3 10@101 fok", "1x5@100 2x5@101", "bids asks");
    check_asks("fok, one lot short", "buy 3 11@101 fok", "lapsed 11", "bids asks 100:1x5 101:2x5");
    check_asks(
        "fok counts only within its limit",
        "buy 3 6@100 fok",
        "lapsed 6",
        "bids asks 100:1x5 101:2x5",
    );
    check_asks(
        "an immediate order's id must be free too",
        "buy 1 1@100 ioc",
        "IdInUse",
        "bids asks 100:1x5 101:2x5",
    );
    check_asks("nothing is not an order", "buy 3 0@100", "NoQuantity", "bids asks 100:1x5 101:2x5");
}

#[test]
fn ends_of_the_range() {
    check(&[
        (
            "lowest and highest price on one side",
            "buy 1 1@0; buy 2 1@max; buy 3 1@max-1; sell 4 3@0",
            "2x1@max 3x1@18446744073709551614 1x1@0",
            "bids asks",
        ),
        ("offers at both ends", "sell 1 1@max; sell 2 1@0; buy 3 2@max", "2x1@0 1x1@max", "bids asks"),
        ("the highest quantity", "buy 1 max@5; sell 2 max@5", "1xmax@5", "bids asks"),
        ("a side's lots must fit 64 bits", "buy 1 max@5; buy 2 1@6", "TooMuch", "bids 5:1xmax asks"),
        ("the other side's lots are its own", "buy 1 max@5; sell 2 max@6", "", "bids 5:1xmax asks 6:2xmax"),
        ("room again after a cancel", "buy 1 max@5; cancel 1; buy 2 1@6", "", "bids 6:2x1 asks"),
    ]);
}

#[test]
fn damaged_bytes_are_refused() {
    let mut core = Core::default();
    step(&mut core, "buy 1 5@100", &mut Vec::new());
    let bytes = core.to_bytes();
    // Its last byte is the order's quantity: an order of nothing.
    let mut nothing = bytes.clone();
    *nothing.last_mut().expect("bytes") = 0;
    assert!(Core::from_bytes(&nothing).is_err());
    assert!(Core::from_bytes(&bytes[..bytes.len() - 1]).is_err());
    assert_eq!(Core::from_bytes(&Core::default().to_bytes()), Ok(Core::default()));
}
