//! RULES.md, "Stock": tables of scripts as for lots.
//!
//! A line: `[@TIME] WHO VERB ARGUMENTS = EXPECTED`, expected `on_hand/allocated/reserved/available` or a rejection's code;
//! reservations are named by the bidder and the count of its own (`A1`).

use std::collections::HashMap;

use vendue_domain::actor::Answer;
use vendue_domain::id::{ReservationId, StockId};
use vendue_domain::rejection::Rejection;
use vendue_domain::stock::{
    AdjustStock, CommitReservation, CreateStock, ExtendReservation, ReceiveStock, ReleaseStock, ReserveStock,
    StockCommand,
};
use vendue_domain::time::Timestamp;

use crate::lot_script::micros;
use crate::world::{Command, MARKET, OPERATOR, Outcome, SELLER, START, World, account, amount};

pub const STOCK: StockId = StockId::from_u128(66);

struct Case {
    rule: &'static str,
    /// `on_hand=10 threshold=-2 limit=3`.
    stock: &'static str,
    steps: &'static [&'static str],
}

pub fn create_stock(text: &str) -> CreateStock {
    let mut stock = CreateStock {
        stock: Some(STOCK),
        market: MARKET,
        title: "Copper nails, a pound".to_owned(),
        price: amount(250),
        on_hand: 10,
        r#ref: None,
        threshold: None,
        limit_per_account: None,
        description: None,
        category: None,
        images: None,
        seller: None,
    };
    for word in text.split_whitespace() {
        let (name, value) = word.split_once('=').expect("NAME=VALUE");
        match name {
            "on_hand" => stock.on_hand = value.parse().expect("units"),
            "threshold" => stock.threshold = value.parse().ok(),
            "limit" => stock.limit_per_account = value.parse().ok(),
            name => panic!("no setting of a stock item: {name}"),
        }
    }
    stock
}

/// Makes `quantity` units of a new stock item an order's.
pub fn allocate(world: &mut World, stock: StockId, quantity: u64) {
    let reserve = StockCommand::Reserve(ReserveStock { stock, quantity, ttl_ms: None });
    world.command(account('A'), &Command::Stock(reserve)).expect("reserved");
    let reservation = ReservationId::from_u128(world.commands);
    let commit = StockCommand::Commit(CommitReservation { stock: Some(stock), reservation });
    world.command(OPERATOR, &Command::Stock(commit)).expect("committed");
}

fn check(cases: &[Case]) {
    for case in cases {
        let mut world = World::new();
        let create = Command::Stock(StockCommand::Create(Box::new(create_stock(case.stock))));
        world.command(SELLER, &create).unwrap_or_else(|rejection| panic!("{}: {rejection:?}", case.rule));
        let mut reservations = HashMap::new();
        for (line, step) in (1..).zip(case.steps) {
            run(&mut world, &mut reservations, step, &format!("{} (step {line}: {step})", case.rule));
        }
    }
}

fn run(world: &mut World, reservations: &mut HashMap<String, ReservationId>, step: &str, name: &str) {
    let (action, expected) = step.split_once(" = ").unwrap_or((step, ""));
    let mut words: Vec<&str> = action.split_whitespace().collect();
    if let Some(time) = words.first().and_then(|word| word.strip_prefix('@')) {
        words.remove(0);
        world.now = Timestamp(START.0 + micros(time));
    }
    let now = world.now;
    match *words.as_slice() {
        [] | ["due"] => {
            let outcome = world.due();
            let told: Vec<_> = outcome.private.iter().map(|(_, event)| event.name).collect();
            return assert_eq!(told.join(" "), expected, "{name}");
        }
        ["halt"] => return world.change_market(|market| market.halted_since = Some(now)),
        ["suspend", who] => {
            return world.change_account(account(letter(who)), |facts| facts.suspended_in.push(MARKET));
        }
        ["counters"] => return assert_eq!(counters(world), expected, "{name}"),
        _ => {}
    }
    let stock = Some(STOCK);
    let id = |text: &str| reservations.get(text).copied().unwrap_or_default();
    let number = |text: &str| text.parse::<u64>().unwrap_or_else(|_| panic!("no number: {text}"));
    let ttl = |text: &str| Some((micros(text) / 1_000) as u64);
    let reason = || "counted".to_owned();
    let command = match words[1..] {
        ["reserve", quantity] => {
            StockCommand::Reserve(ReserveStock { stock: STOCK, quantity: number(quantity), ttl_ms: None })
        }
        ["reserve", quantity, "for", time] => StockCommand::Reserve(ReserveStock {
            stock: STOCK,
            quantity: number(quantity),
            ttl_ms: ttl(time),
        }),
        ["release", text] => StockCommand::Release(ReleaseStock { stock, reservation: id(text) }),
        ["commit", text] => StockCommand::Commit(CommitReservation { stock, reservation: id(text) }),
        ["extend", text] => {
            StockCommand::Extend(ExtendReservation { stock, reservation: id(text), ttl_ms: None })
        }
        ["extend", text, "for", time] => {
            StockCommand::Extend(ExtendReservation { stock, reservation: id(text), ttl_ms: ttl(time) })
        }
        ["receive", quantity] => {
            StockCommand::Receive(ReceiveStock { stock: STOCK, quantity: number(quantity), reason: None })
        }
        ["adjust", quantity] => {
            let quantity = quantity.parse().expect("units");
            StockCommand::Adjust(AdjustStock { stock: STOCK, quantity, reason: reason() })
        }
        _ => panic!("nothing a stock item understands: {words:?}"),
    };
    let result = world.command(account(letter(words[0])), &Command::Stock(command));
    if let Ok(Outcome { answer: Some(Answer::Counters(answer)), .. }) = &result
        && words[1] == "reserve"
    {
        let name =
            (1..).map(|nth| format!("{}{nth}", words[0])).find(|name| !reservations.contains_key(name));
        reservations.insert(name.expect("a free name"), answer.reservation.expect("a reservation"));
    }
    let said = match &result {
        Ok(_) => counters(world),
        Err(Rejection::OutOfStock(details)) => format!("out_of_stock {}", details.available),
        Err(Rejection::ReservationExpired(details)) => {
            format!("reservation_expired {}us", details.late_by_us)
        }
        Err(Rejection::ReservationNotActive(details)) => format!("reservation_not_active {}", details.state),
        Err(Rejection::InvalidRequest(details)) => format!("invalid_request {}", details.field),
        Err(rejection) => rejection.code().to_owned(),
    };
    assert_eq!(said, expected, "{name}");
}

fn letter(word: &str) -> char {
    word.chars().next().unwrap_or('?')
}

/// `on_hand/reserved/available`: what everybody sees.
fn counters(world: &World) -> String {
    let shown = &world.folded;
    format!("{}/{}/{}", shown["on_hand"], shown["reserved"], shown["available"])
}

#[test]
fn reservations() {
    check(&[
        Case {
            rule: "available = on_hand - allocated - reserved - threshold; a reservation never changes on_hand",
            stock: "on_hand=10 threshold=2",
            steps: &[
                "counters = 10/0/8",
                "A reserve 3 = 10/3/5",
                "B reserve 6 = out_of_stock 5",
                "B reserve 5 = 10/8/0",
                "C reserve 1 = out_of_stock 0",
                "O commit A1 = 10/5/0",
                "B release B1 = 10/0/5",
            ],
        },
        Case {
            rule: "a negative threshold allows back-orders to that depth",
            stock: "on_hand=0 threshold=-2",
            steps: &[
                "counters = 0/0/2",
                "A reserve 2 = 0/2/0",
                "A reserve 1 = out_of_stock 0",
                "S receive 5 = 5/2/5",
            ],
        },
        Case {
            rule: "a reservation ends exactly once: committed, released or expired",
            stock: "",
            steps: &[
                "A reserve 1 = 10/1/9",
                "A reserve 1 = 10/2/8",
                "A reserve 1 = 10/3/7",
                "O commit A1 = 10/2/7",
                "O commit A1 = reservation_not_active committed",
                "A release A1 = reservation_not_active committed",
                "A release A2 = 10/1/8",
                "A release A2 = reservation_not_active released",
                "A extend A2 = reservation_not_active released",
                "@600s due = reservation_expired",
                "A release A3 = reservation_expired 0us",
                "O commit A3 = reservation_expired 0us",
                "A release A9 = not_found",
                "counters = 10/0/9",
            ],
        },
        Case {
            rule: "an expired one does not count even if its event is late",
            stock: "on_hand=2",
            steps: &[
                "A reserve 2 for 5s = 2/2/0",
                "@4999999us B reserve 1 = out_of_stock 0",
                "@5s B reserve 2 = 2/2/0",
                "A extend A1 = reservation_expired 0us",
                "@6s O commit A1 = reservation_expired 1000000us",
            ],
        },
        Case {
            rule: "default 10 min; extending it counts from now and never shortens",
            stock: "",
            steps: &[
                "A reserve 1 = 10/1/9",
                "@300s A extend A1 = 10/1/9",
                "A extend A1 for 1s = 10/1/9",
                "@899s due = ",
                "@900s due = reservation_expired",
            ],
        },
        Case {
            rule: "a reservation's time has limits",
            stock: "",
            steps: &[
                "A reserve 1 for 0s = invalid_request ttl_ms",
                "A reserve 1 for 25h = invalid_request ttl_ms",
                "A reserve 0 = invalid_request quantity",
                "A reserve 9007199254740992 = invalid_request quantity",
            ],
        },
        Case {
            rule: "per-account limits are checked before anything is taken; what is bought counts, what is given back does not",
            stock: "limit=3",
            steps: &[
                "A reserve 4 = limit_exceeded",
                "A reserve 2 = 10/2/8",
                "O commit A1 = 10/0/8",
                "A reserve 2 = limit_exceeded",
                "A reserve 1 for 5s = 10/1/7",
                "A reserve 1 = limit_exceeded",
                "B reserve 3 = 10/4/4",
                "@5s A reserve 1 = 10/4/4",
                "A release A3 = 10/3/5",
                "A reserve 1 = 10/4/4",
            ],
        },
        Case {
            rule: "who may: buyers for themselves, operators commit, nobody else",
            stock: "",
            steps: &[
                "N reserve 1 = forbidden",
                "S reserve 1 = forbidden",
                "A reserve 1 = 10/1/9",
                "B release A1 = forbidden",
                "B extend A1 = forbidden",
                "A commit A1 = forbidden",
                "O release A1 = 10/0/10",
                "suspend A",
                "A reserve 1 = not_qualified",
                "halt",
                "B reserve 1 = market_halted",
            ],
        },
    ]);
}

#[test]
fn counting() {
    check(&[
        Case {
            rule: "an adjustment below what is committed is refused",
            stock: "",
            steps: &[
                "A reserve 4 = 10/4/6",
                "S adjust -7 = out_of_stock 6",
                "S adjust -6 = 4/4/0",
                "S adjust 3 = 7/4/3",
                "S adjust 0 = invalid_request quantity",
                "A adjust 1 = forbidden",
                "@600s S adjust -7 = 0/0/0",
            ],
        },
        Case {
            rule: "no fewer than no units are at hand",
            stock: "on_hand=1 threshold=-5",
            steps: &["S adjust -2 = out_of_stock 1", "S adjust -1 = 0/0/5"],
        },
        Case {
            rule: "units are at most 2^53 - 1",
            stock: "on_hand=9007199254740991",
            steps: &[
                "S receive 1 = invalid_request quantity",
                "S adjust 1 = invalid_request quantity",
                "S receive 0 = invalid_request quantity",
                "B receive 1 = forbidden",
                "S adjust -1 = 9007199254740990/0/9007199254740990",
                "O receive 1 = 9007199254740991/0/9007199254740991",
            ],
        },
    ]);
}

#[test]
fn creation() {
    let create = |text: &str, change: &dyn Fn(&mut CreateStock)| {
        let mut stock = create_stock(text);
        change(&mut stock);
        let result = World::new().command(SELLER, &Command::Stock(StockCommand::Create(Box::new(stock))));
        result.map_or_else(|rejection| crate::lot_script::said(&Err(rejection)), |_| "created".to_owned())
    };
    for (what, text, expected) in [
        ("as it is", "", "created"),
        ("more kept back than there is", "on_hand=1 threshold=2", "invalid_request threshold"),
        ("all kept back", "on_hand=2 threshold=2", "created"),
        ("too many", "on_hand=9007199254740992", "invalid_request on_hand"),
        ("no units for anybody", "limit=0", "invalid_request limit_per_account"),
        ("endless back-orders", "threshold=-9223372036854775808", "invalid_request threshold"),
    ] {
        assert_eq!(create(text, &|_| {}), expected, "{what}");
    }
    assert_eq!(create("", &|stock| stock.title = String::new()), "invalid_request title");
    assert_eq!(create("", &|stock| stock.stock = None), "invalid_request stock");
    assert_eq!(create("", &|stock| stock.seller = Some(OPERATOR)), "forbidden");
}
