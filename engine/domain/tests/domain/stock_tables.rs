//! RULES.md, "Stock": tables of scripts as for lots.
//!
//! A line: `[@TIME] WHO VERB ARGUMENTS = EXPECTED`, expected `on_hand/allocated/reserved/available` or a rejection's code;
//! reservations are named by the bidder and the count of its own (`A1`), orders `o1` and so on. `E` is the engine: what
//! orders ask. With several locations `EXPECTED` goes on with `| on_hand:available` of each.

use std::collections::HashMap;

use vendue_domain::actor::{Answer, Entity, Event};
use vendue_domain::facts::Standing;
use vendue_domain::id::{AccountId, OrderId, ReservationId, StockId};
use vendue_domain::invariants;
use vendue_domain::rejection::Rejection;
use vendue_domain::stock::{
    AdjustStock, AllocateForOrder, CreateStock, ExtendReservation, LocationRequest, OfOrder, ReceiveStock,
    ReleaseStock, ReserveForOrder, ReserveStock, ReturnStock, ShipStock, StockCommand, StockEvent, Strategy,
    TakeReservation,
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
        locations: None,
        strategy: None,
    };
    for word in text.split_whitespace() {
        let (name, value) = word.split_once('=').expect("NAME=VALUE");
        match name {
            "on_hand" => stock.on_hand = value.parse().expect("units"),
            "threshold" => stock.threshold = value.parse().ok(),
            "limit" => stock.limit_per_account = value.parse().ok(),
            "at" => {
                let locations = stock.locations.get_or_insert_default();
                locations.push(location(value));
                stock.on_hand = locations.iter().map(|location| location.on_hand).sum();
            }
            "strategy" => stock.strategy = Some(strategy(value)),
            name => panic!("no setting of a stock item: {name}"),
        }
    }
    stock
}

/// `north:5` or `north:5:48,2`: units, and degrees of latitude and longitude.
fn location(text: &str) -> LocationRequest {
    let mut words = text.split(':');
    let name = words.next().expect("a name").to_owned();
    let on_hand = words.next().and_then(|units| units.parse().ok()).expect("units");
    LocationRequest { name, on_hand, at: words.next().map(place) }
}

fn place(text: &str) -> (i64, i64) {
    let (latitude, longitude) = text.split_once(',').expect("LATITUDE,LONGITUDE");
    let degrees = |text: &str| text.parse::<i64>().expect("degrees") * 1_000_000;
    (degrees(latitude), degrees(longitude))
}

fn strategy(text: &str) -> Strategy {
    serde_json::from_value(text.into()).expect("a strategy")
}

/// The order `o1` is 801.
fn order(text: &str) -> OrderId {
    OrderId::from_u128(800 + text[1..].parse::<u128>().expect("a number"))
}

fn take_reservation(order: OrderId, reservation: ReservationId, buyer: AccountId) -> StockCommand {
    let ttl_ms = 3_600_000;
    let take = TakeReservation { stock: STOCK, order, line: 0, buyer, reservation, ttl_ms };
    StockCommand::TakeReservation(Box::new(take))
}

fn allocate_for(order: OrderId, reservation: ReservationId, buyer: AccountId, quantity: u64) -> StockCommand {
    let near = None;
    let asked = AllocateForOrder { stock: STOCK, order, line: 0, buyer, reservation, quantity, near };
    StockCommand::AllocateForOrder(Box::new(asked))
}

/// Makes `quantity` units of a new stock item an order's.
pub fn allocate(world: &mut World, stock: StockId, quantity: u64) {
    let reserve =
        StockCommand::Reserve(ReserveStock { stock, quantity, ttl_ms: None, strategy: None, near: None });
    world.command(account('A'), &Command::Stock(reserve)).expect("reserved");
    let (reservation, buyer) = (ReservationId::from_u128(world.commands), account('A'));
    let take = take_reservation(order("o1"), reservation, buyer);
    as_engine(world, take).expect("taken");
    as_engine(world, allocate_for(order("o1"), reservation, buyer, quantity)).expect("allocated");
}

fn as_engine(world: &mut World, command: StockCommand) -> Result<Outcome, Rejection> {
    world.command_as(AccountId::default(), Standing::ENGINE, &Command::Stock(command))
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
        ["E", ..] => {
            return assert_eq!(engine(world, reservations, &words[1..]), expected, "{name}");
        }
        _ => {}
    }
    let stock = Some(STOCK);
    let id = |text: &str| reservations.get(text).copied().unwrap_or_default();
    let number = |text: &str| text.parse::<u64>().unwrap_or_else(|_| panic!("no number: {text}"));
    let ttl = |text: &str| Some((micros(text) / 1_000) as u64);
    let reason = || "counted".to_owned();
    let command = match words[1..] {
        ["reserve", quantity] => StockCommand::Reserve(ReserveStock {
            stock: STOCK,
            quantity: number(quantity),
            ttl_ms: None,
            strategy: None,
            near: None,
        }),
        ["reserve", quantity, "for", time] => StockCommand::Reserve(ReserveStock {
            stock: STOCK,
            quantity: number(quantity),
            ttl_ms: ttl(time),
            strategy: None,
            near: None,
        }),
        ["reserve", quantity, by, near] => StockCommand::Reserve(ReserveStock {
            stock: STOCK,
            quantity: number(quantity),
            ttl_ms: None,
            strategy: Some(strategy(by)),
            near: (near != "-").then(|| place(near)),
        }),
        ["release", text] => StockCommand::Release(ReleaseStock { stock, reservation: id(text) }),
        ["extend", text] => {
            StockCommand::Extend(ExtendReservation { stock, reservation: id(text), ttl_ms: None })
        }
        ["extend", text, "for", time] => {
            StockCommand::Extend(ExtendReservation { stock, reservation: id(text), ttl_ms: ttl(time) })
        }
        ["receive", quantity] => StockCommand::Receive(ReceiveStock {
            stock: STOCK,
            quantity: number(quantity),
            reason: None,
            location: None,
        }),
        ["receive", quantity, "at", location] => StockCommand::Receive(ReceiveStock {
            stock: STOCK,
            quantity: number(quantity),
            reason: None,
            location: Some(location.to_owned()),
        }),
        ["adjust", quantity, "at", location] => StockCommand::Adjust(AdjustStock {
            stock: STOCK,
            quantity: quantity.parse().expect("units"),
            reason: reason(),
            location: Some(location.to_owned()),
        }),
        ["ship", name, ref more @ ..] => {
            let (quantity, location) = moved(more);
            StockCommand::Ship(Box::new(ShipStock {
                stock: STOCK,
                order: order(name),
                line: None,
                quantity,
                location,
                reason: None,
            }))
        }
        ["return", name, ref more @ ..] => {
            let (quantity, location) = moved(more);
            StockCommand::Return(Box::new(ReturnStock {
                stock: STOCK,
                order: order(name),
                line: Some(0),
                quantity,
                location,
                reason: None,
            }))
        }
        ["adjust", quantity] => {
            let quantity = quantity.parse().expect("units");
            StockCommand::Adjust(AdjustStock { stock: STOCK, quantity, reason: reason(), location: None })
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
    assert_eq!(said(world, &result), expected, "{name}");
}

/// `QUANTITY`, `at NAME`, or both.
fn moved(words: &[&str]) -> (Option<u64>, Option<String>) {
    match *words {
        [] => (None, None),
        [quantity] => (quantity.parse().ok(), None),
        ["at", location] => (None, Some(location.to_owned())),
        [quantity, "at", location] => (quantity.parse().ok(), Some(location.to_owned())),
        _ => panic!("[QUANTITY] [at LOCATION]: {words:?}"),
    }
}

/// What orders ask: `commit A1` takes a reservation and allocates it.
fn engine(world: &mut World, reservations: &HashMap<String, ReservationId>, words: &[&str]) -> String {
    let id = |text: &str| reservations.get(text).copied().unwrap_or_default();
    let buyer = |text: &str| account(letter(text));
    let ttl_ms = 3_600_000;
    let of = |name: &str| OfOrder { stock: STOCK, order: order(name), line: 0, reservation: None };
    let command = match *words {
        ["commit", reservation] => {
            let number = reservation[1..].parse::<u128>().expect("a number");
            let name = OrderId::from_u128(900 + number);
            let take = take_reservation(name, id(reservation), buyer(reservation));
            match as_engine(world, take) {
                Ok(outcome) if refusal(&outcome).is_none() => {}
                result => return said(world, &result),
            }
            allocate_for(name, id(reservation), buyer(reservation), 1)
        }
        ["take", reservation, "for", name] => {
            take_reservation(order(name), id(reservation), buyer(reservation))
        }
        ["take", reservation, "for", name, "of", who] => {
            take_reservation(order(name), id(reservation), buyer(who))
        }
        ["reserve", who, quantity, "for", name] => {
            let quantity = quantity.parse().expect("units");
            let (order, buyer) = (order(name), buyer(who));
            let near = None;
            StockCommand::ReserveForOrder(Box::new(ReserveForOrder {
                stock: STOCK,
                order,
                line: 0,
                buyer,
                quantity,
                near,
                ttl_ms,
            }))
        }
        ["allocate", who, quantity, "for", name] => {
            let Entity::Stock(stock) = world.entity() else { panic!("a stock item") };
            let reservation = stock.live_reservations().last().unwrap_or_default();
            allocate_for(order(name), reservation, buyer(who), quantity.parse().expect("units"))
        }
        ["release", name] => StockCommand::ReleaseForOrder(of(name)),
        ["release", name, reservation] => {
            let reservation = Some(id(reservation));
            StockCommand::ReleaseForOrder(OfOrder { reservation, ..of(name) })
        }
        ["finish", name] => StockCommand::FinishForOrder(of(name)),
        _ => panic!("nothing an order asks: {words:?}"),
    };
    let result = as_engine(world, command);
    said(world, &result)
}

fn refusal(outcome: &Outcome) -> Option<Rejection> {
    outcome.events.iter().find_map(|event| match event {
        Event::Stock(StockEvent::OrderRefused(refused)) => Some(refused.rejection.clone()),
        _ => None,
    })
}

fn said(world: &World, result: &Result<Outcome, Rejection>) -> String {
    let Entity::Stock(stock) = world.entity() else { panic!("a stock item") };
    invariants::stock::counters(stock).expect("the counters");
    let refused = result.as_ref().ok().and_then(refusal).map(Err);
    match refused.as_ref().unwrap_or(&result.as_ref().map(|_| ()).map_err(Clone::clone)) {
        Ok(()) => counters(world),
        Err(Rejection::OutOfStock(details)) => format!("out_of_stock {}", details.available),
        Err(Rejection::ReservationExpired(details)) => {
            format!("reservation_expired {}us", details.late_by_us)
        }
        Err(Rejection::ReservationNotActive(details)) => format!("reservation_not_active {}", details.state),
        Err(Rejection::InvalidRequest(details)) => format!("invalid_request {}", details.field),
        Err(Rejection::NotAllowedInState(details)) => format!("not_allowed_in_state {}", details.state),
        Err(rejection) => rejection.code().to_owned(),
    }
}

fn letter(word: &str) -> char {
    word.chars().next().unwrap_or('?')
}

/// `on_hand/reserved/available`: what everybody sees.
fn counters(world: &World) -> String {
    let shown = &world.folded;
    let mut text = format!("{}/{}/{}", shown["on_hand"], shown["reserved"], shown["available"]);
    if let Some(locations) = shown["location_counts"].as_array() {
        text.push_str(" |");
        for location in locations {
            text.push_str(&format!(" {}:{}", location["on_hand"], location["available"]));
        }
    }
    text
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
                "E commit A1 = 10/5/0",
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
                "E commit A1 = 10/2/7",
                "E commit A1 = reservation_not_active committed",
                "A release A1 = reservation_not_active committed",
                "A release A2 = 10/1/8",
                "A release A2 = reservation_not_active released",
                "A extend A2 = reservation_not_active released",
                "@600s due = reservation_expired",
                "A release A3 = reservation_expired 0us",
                "E commit A3 = reservation_expired 0us",
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
                "@6s E commit A1 = reservation_expired 1000000us",
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
                "E commit A1 = 10/0/8",
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
            rule: "who may: buyers for themselves, sellers ship, operators both, nobody else",
            stock: "",
            steps: &[
                "N reserve 1 = forbidden",
                "S reserve 1 = forbidden",
                "A reserve 1 = 10/1/9",
                "B release A1 = forbidden",
                "B extend A1 = forbidden",
                "S ship o1 = order_not_found",
                "A ship o1 = forbidden",
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
    for (what, text, expected) in [
        ("two locations of one name", "at=north:1 at=north:2", "invalid_request locations"),
        ("a location off the earth", "at=north:1:91,0", "invalid_request locations"),
        ("two locations", "at=north:1:90,180 at=south:0", "created"),
    ] {
        assert_eq!(create(text, &|_| {}), expected, "{what}");
    }
    assert_eq!(create("at=north:1", &|stock| stock.on_hand = 2), "invalid_request on_hand");
    let many = "at=".to_owned();
    let many: Vec<String> = (0..65).map(|nth| format!("{many}{nth}:1")).collect();
    assert_eq!(create(&many.join(" "), &|_| {}), "limit_exceeded locations");
    assert_eq!(create("", &|stock| stock.title = String::new()), "invalid_request title");
    assert_eq!(create("", &|stock| stock.stock = None), "invalid_request stock");
    assert_eq!(create("", &|stock| stock.seller = Some(OPERATOR)), "forbidden");
}

#[test]
fn orders_take_ship_and_return() {
    check(&[
        Case {
            rule: "an order's reservation is not its account's to end; committing turns it into an allocation, shipping takes it from on_hand",
            stock: "",
            steps: &[
                "E reserve A 4 for o1 = 10/4/6",
                "E allocate A 4 for o1 = 10/0/6",
                "S ship o1 3 = 7/0/6",
                "S ship o1 2 = invalid_request quantity",
                "S ship o1 = 6/0/6",
                "S ship o1 = not_allowed_in_state shipped",
                "B return o1 = forbidden",
                "S return o1 5 = invalid_request quantity",
                "O return o1 1 = 7/0/7",
                "S return o1 = 10/0/10",
                "S return o1 = not_allowed_in_state returned",
                "E finish o1 = 10/0/10",
                "S return o1 = order_not_found",
            ],
        },
        Case {
            rule: "a buyer's reservation becomes the order's, once, and only the buyer's own",
            stock: "",
            steps: &[
                "A reserve 2 = 10/2/8",
                "E take A1 for o1 of B = forbidden",
                "E take A1 for o1 = 10/2/8",
                "E take A1 for o2 = reservation_not_active ordered",
                "A release A1 = reservation_not_active ordered",
                "A extend A1 = reservation_not_active ordered",
                "@700s due = ",
                "E release o2 A1 = 10/2/8",
                "E release o1 A1 = 10/0/10",
                "E take A1 for o2 = reservation_not_active released",
                "E take A9 for o2 = not_found",
            ],
        },
        Case {
            rule: "paid after its reservation lapsed: allocate what is there",
            stock: "on_hand=5",
            steps: &[
                "E reserve A 4 for o1 = 5/4/1",
                "@3600s due = reservation_expired",
                "B reserve 3 = 5/3/2",
                "E allocate A 4 for o1 = 5/3/0",
                "S ship o1 3 = invalid_request quantity",
                "S ship o1 2 = 3/3/0",
                "E allocate C 1 for o2 = 3/3/0",
                "S ship o2 = order_not_found",
            ],
        },
        Case {
            rule: "paid after its reservation lapsed, its event being late",
            stock: "on_hand=5",
            steps: &[
                "E reserve A 4 for o1 = 5/4/1",
                "@3601s E allocate A 4 for o1 = 5/0/1",
                "S ship o1 = 1/0/1",
            ],
        },
        Case {
            rule: "releasing an order's line gives back what has not been shipped, reserved or allocated; nothing twice",
            stock: "limit=4",
            steps: &[
                "E reserve A 4 for o1 = 10/4/6",
                "E reserve A 1 for o2 = limit_exceeded",
                "E release o1 = 10/0/10",
                "E release o1 = 10/0/10",
                "E reserve A 4 for o2 = 10/4/6",
                "E allocate A 4 for o2 = 10/0/6",
                "S ship o2 1 = 9/0/6",
                "E release o2 = 9/0/9",
                "E release o2 = 9/0/9",
                "S return o2 = 10/0/10",
                "E reserve A 4 for o3 = 10/4/6",
            ],
        },
        Case {
            rule: "what is due expires and is not released, even if its event is late",
            stock: "",
            steps: &["E reserve A 4 for o1 = 10/4/6", "@3601s E release o1 = 10/0/10", "due = "],
        },
        Case {
            rule: "orders are refused like buyers: rights, suspension, halts, limits, stock",
            stock: "",
            steps: &[
                "E reserve N 1 for o1 = forbidden",
                "E reserve A 11 for o1 = out_of_stock 10",
                "E reserve A 0 for o1 = invalid_request quantity",
                "E reserve A 1 for o2 = 10/1/9",
                "suspend A",
                "E reserve A 1 for o1 = not_qualified",
                "halt",
                "E reserve B 1 for o1 = market_halted",
                "E allocate A 1 for o2 = 10/0/9",
            ],
        },
        Case {
            rule: "a back-order is allocated before it is there, and ships when it is",
            stock: "on_hand=1 threshold=-4",
            steps: &[
                "E reserve A 3 for o1 = 1/3/2",
                "E allocate A 3 for o1 = 1/0/2",
                "S ship o1 = out_of_stock 1",
                "S ship o1 1 = 0/0/2",
                "S receive 2 = 2/0/4",
                "S ship o1 = 0/0/4",
            ],
        },
    ]);
}

#[test]
fn locations() {
    check(&[
        Case {
            rule: "most_stock: from the location with the most free units, then the next; release goes back where it came from",
            stock: "at=north:5 at=south:8",
            steps: &[
                "counters = 13/0/13 | 5:5 8:8",
                "A reserve 6 = 13/6/7 | 5:5 8:2",
                "B reserve 6 = 13/12/1 | 5:0 8:1",
                "A release A1 = 13/6/7 | 5:0 8:7",
                "B release B1 = 13/0/13 | 5:5 8:8",
            ],
        },
        Case {
            rule: "nearest: from the location nearest to where it goes; those without a place come last",
            stock: "at=paris:5:48,2 at=berlin:5:52,13 at=nowhere:5 strategy=nearest",
            steps: &[
                "A reserve 1 = invalid_request near",
                "A reserve 1 nearest 91,0 = invalid_request near",
                "A reserve 6 nearest 52,12 = 15/6/9 | 5:4 5:0 5:5",
                "A reserve 6 nearest 48,2 = 15/12/3 | 5:0 5:0 5:3",
                "A reserve 1 most_stock - = 15/13/2 | 5:0 5:0 5:2",
            ],
        },
        Case {
            rule: "fewest_parcels: one location if one has all of it, the one with the least to spare; else from the fullest",
            stock: "at=a:3 at=b:4 at=c:9 strategy=fewest_parcels",
            steps: &[
                "A reserve 4 = 16/4/12 | 3:3 4:0 9:9",
                "A release A1 = 16/0/16 | 3:3 4:4 9:9",
                "A reserve 10 = 16/10/6 | 3:2 4:4 9:0",
                "A reserve 5 = 16/15/1 | 3:1 4:0 9:0",
            ],
        },
        Case {
            rule: "fewest_parcels prefers the nearest of those that have it all",
            stock: "at=paris:5:48,2 at=berlin:9:52,13",
            steps: &["A reserve 5 fewest_parcels 52,12 = 14/5/9 | 5:5 9:4"],
        },
        Case {
            rule: "units leave from where they are allocated; a named location may lend what is free there",
            stock: "at=north:5 at=south:8",
            steps: &[
                "E reserve A 10 for o1 = 13/10/3 | 5:3 8:0",
                "E allocate A 10 for o1 = 13/0/3 | 5:3 8:0",
                "S ship o1 1 at east = invalid_request location",
                "S ship o1 6 at north = out_of_stock 5",
                "S ship o1 4 at north = 9/0/3 | 1:1 8:2",
                "S ship o1 = 3/0/3 | 1:1 2:2",
                "S return o1 2 at north = 5/0/5 | 3:3 2:2",
                "S return o1 1 = 6/0/6 | 4:4 2:2",
            ],
        },
        Case {
            rule: "receiving and counting name a location; a count never goes below what is promised there",
            stock: "at=north:5 at=south:8",
            steps: &[
                "S receive 1 at south = 14/0/14 | 5:5 9:9",
                "S receive 1 = 15/0/15 | 6:6 9:9",
                "S receive 1 at east = invalid_request location",
                "A reserve 8 = 15/8/7 | 6:6 9:1",
                "S adjust -2 at south = out_of_stock 1",
                "S adjust -1 at south = 14/8/6 | 6:6 8:0",
                "S adjust -6 at north = 8/8/0 | 0:0 8:0",
            ],
        },
        Case {
            rule: "a back-order is promised where the strategy would look first",
            stock: "at=north:1 at=south:2 threshold=-3",
            steps: &[
                "E reserve A 5 for o1 = 3/5/1 | 1:0 2:0",
                "E allocate A 5 for o1 = 3/0/1 | 1:0 2:0",
                "S ship o1 = out_of_stock 3",
                "S ship o1 3 = 0/0/1 | 0:0 0:0",
                "S receive 2 at north = 2/0/3 | 2:2 0:0",
                "S ship o1 = out_of_stock 0",
                "S ship o1 at north = 0/0/3 | 0:0 0:0",
            ],
        },
    ]);
}
