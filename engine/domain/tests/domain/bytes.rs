//! The bytes of every record: pinned by golden files, and safe to decode whatever they are.
//!
//! `tests/golden/*.txt` hold one record a line: its name and its bytes in hexadecimal. What stands there was written once
//! and must be readable for ever. `VENDUE_BLESS=1 cargo test -p vendue-domain bytes` writes the files anew: only where a
//! record is new, never because an old one reads differently.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};
use std::path::PathBuf;

use vendue_domain::account::{
    AccountCommand, AccountEvent, CreateAccount, Grant, Link, Role, SignOut, Suspend, UpdateAccount, Verify,
};
use vendue_domain::actor::{ActorKind, Answer, Command, Entity, Event, Snapshot};
use vendue_domain::amount::Currency;
use vendue_domain::facts::{FactChange, Registration, Standing};
use vendue_domain::fees::{FeeSchedule, FeeTable, Rounding};
use vendue_domain::id::HoldId;
use vendue_domain::id::{AccountId, MarketId, SaleId};
use vendue_domain::increments::IncrementTable;
use vendue_domain::lot::{
    CreateLot, Format, Funding, LotCommand, LotEvent, LotSettled, Qualification, ReviseLot, SoftClose,
    TakeLot,
};
use vendue_domain::market::{
    CreateMarket, HaltMarket, MarkMarket, MarketCommand, MarketEvent, Policy, ResumeMarket, SetFees,
};
use vendue_domain::money::Settled;
use vendue_domain::order::{OrderCommand, OrderEvent};
use vendue_domain::record::{Bytes, Field, Reader};
use vendue_domain::rejection::Rejection;
use vendue_domain::sale::{CreateSale, RegisterForSale, ReviseSale, SaleCommand, SaleEvent};
use vendue_domain::stock::{
    AdjustStock, CreateStock, ExtendReservation, ReceiveStock, ReleaseStock, ReserveStock, StockCommand,
    StockEvent,
};

use crate::lot_script::{LOT, SALE, Script, create_lot};
use crate::random::Random;
use crate::stock_tables::{STOCK, create_stock};
use crate::town::Town;
use crate::world::{MARKET, OPERATOR, SELLER, START, World, account, amount, bytes_of};

/// The most samples of one variant.
const SAMPLES_MAX: usize = 4;

/// Records by kind, variant and number.
#[derive(Default)]
struct Samples(BTreeMap<&'static str, BTreeMap<String, Vec<Vec<u8>>>>);

impl Samples {
    fn add(&mut self, file: &'static str, value: &impl Debug, bytes: Vec<u8>) {
        let name = variant(value);
        let samples = self.0.entry(file).or_default().entry(name).or_default();
        if samples.len() < SAMPLES_MAX && !samples.contains(&bytes) {
            samples.push(bytes);
        }
    }

    fn text(&self, file: &str) -> String {
        let mut text = String::new();
        for (name, samples) in &self.0[file] {
            for (nth, bytes) in samples.iter().enumerate() {
                let _ = writeln!(text, "{name}.{nth} {}", hexadecimal(bytes));
            }
        }
        text
    }
}

/// `Lot(BidPlaced(...` is `Lot.BidPlaced`.
fn variant(value: &impl Debug) -> String {
    let text = format!("{value:?}");
    let words: Vec<&str> = text.split(['(', ' ', '{']).filter(|word| !word.is_empty()).take(2).collect();
    words.join(".").trim_end_matches([')', ',', ':']).to_owned()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hexadecimal(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("ASCII"));
    digits.map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal")).collect()
}

/// Does something to an actor and keeps every record that it leads to.
fn run(samples: &mut Samples, world: &mut World, by: AccountId, command: &Command) {
    samples.add("commands", command, command.to_bytes());
    let result = match by {
        _ if by == AccountId::default() => world.command_as(by, Standing::ENGINE, command),
        _ => world.command(by, command),
    };
    match result {
        Ok(outcome) => {
            for event in &outcome.events {
                samples.add("events", event, event.to_bytes());
                if let Some(fact) = event.fact(world.id) {
                    samples.add("facts", &fact, fact.to_bytes());
                }
            }
            if let Some(answer) = &outcome.answer {
                samples.add("answers", answer, answer.to_bytes());
            }
        }
        Err(rejection) => samples.add("rejections", &rejection, rejection.to_bytes()),
    }
    keep_state(samples, world);
}

fn keep_state(samples: &mut Samples, world: &World) {
    if let Some(entity) = &world.entity {
        samples.add("states", &format_args!("{}", kind_name(entity)), bytes_of(entity));
    }
}

/// Lots have a state for each format.
fn kind_name(entity: &Entity) -> &'static str {
    let Snapshot::Lot(lot) = entity.snapshot() else { return kind_of(entity) };
    match lot.format {
        Format::English => "Lot",
        Format::Dutch => "Lot.Dutch",
        Format::SealedFirstPrice | Format::Vickrey => "Lot.Sealed",
        Format::Reverse if lot.sealed => "Lot.SealedReverse",
        Format::Reverse => "Lot.Reverse",
        Format::MultiUnit => "Lot.MultiUnit",
        Format::Japanese => "Lot.Japanese",
        Format::Candle => "Lot.Candle",
        Format::Combinatorial => "Lot.Combinatorial",
    }
}

fn kind_of(entity: &Entity) -> &'static str {
    match entity {
        Entity::Market(_) => "Market",
        Entity::Account(_) => "Account",
        Entity::Sale(_) => "Sale",
        Entity::Lot(_) => "Lot",
        Entity::Stock(_) => "Stock",
        Entity::Order(_) => "Order",
        Entity::Book(_) => "Book",
    }
}

/// Every command, event, rejection and state there is, at least once.
fn tour() -> Samples {
    let mut samples = Samples::default();
    tour_of_markets(&mut samples);
    tour_of_accounts(&mut samples);
    tour_of_sales(&mut samples);
    tour_of_stock(&mut samples);
    tour_of_orders(&mut samples);
    tour_of_books(&mut samples);
    tour_of_a_full_lot(&mut samples);
    tour_of_lots(&mut samples);
    tour_of_funded_lots(&mut samples);
    tour_of_rare_lots(&mut samples);
    for (rejection, ..) in crate::rejections::every() {
        samples.add("rejections", &rejection, rejection.to_bytes());
    }
    samples
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn tour_of_markets(samples: &mut Samples) {
    let (market, house) = (MarketId::from_u128(70), AccountId::HOUSE);
    let reason = || "a fire drill".to_owned();
    let mut world = World::new();
    for (by, command) in [
        (SELLER, MarketCommand::Halt(HaltMarket { market, reason: reason() })),
        (
            house,
            MarketCommand::Create(Box::new(CreateMarket {
                market: Some(market),
                name: "Harbour sales".to_owned(),
                currency: Currency::new("GBP").expect("a currency"),
                increments: Some(IncrementTable { bands: vec![(0, amount(5)), (100, amount(25))] }),
                policy: Some(Policy { open_registration: true }),
                r#ref: text("harbour"),
                fees: None,
            })),
        ),
        (SELLER, MarketCommand::Halt(HaltMarket { market, reason: reason() })),
        (house, MarketCommand::Halt(HaltMarket { market, reason: reason() })),
        (house, MarketCommand::Resume(ResumeMarket { market, reason: reason() })),
        (AccountId::default(), MarketCommand::Mark(MarkMarket { market })),
        (
            house,
            MarketCommand::SetFees(Box::new(SetFees {
                market,
                fees: FeeSchedule {
                    buyers_premium: Some(FeeTable {
                        bands: vec![(0, 250_000), (5_000_000, 200_000)],
                        fixed: 300,
                        rounding: Rounding::HalfEven,
                    }),
                    ..FeeSchedule::default()
                },
                reason: "a new season".to_owned(),
            })),
        ),
    ] {
        run(samples, &mut world, by, &Command::Market(command));
    }
    samples.add("states", &format_args!("Market.Fees"), bytes_of(world.entity()));
}

fn tour_of_accounts(samples: &mut Samples) {
    let party = AccountId::from_u128(71);
    let reason = || "papers seen".to_owned();
    let mut world = World::new();
    for command in [
        AccountCommand::Create(CreateAccount {
            account: Some(party),
            name: String::new(),
            r#ref: text("customer 5"),
            name_sealed: Bytes(vec![1, 2, 3]),
            name_hash: Some(99),
        }),
        AccountCommand::Update(UpdateAccount {
            account: party,
            name: String::new(),
            name_sealed: Bytes(vec![4, 5]),
        }),
        AccountCommand::Grant(Grant { account: party, market: MARKET, role: Role::Seller, revoke: None }),
        AccountCommand::Verify(Verify { account: party, market: MARKET, reason: reason(), revoke: None }),
        AccountCommand::Suspend(Suspend { account: party, market: MARKET, reason: reason(), lift: None }),
        AccountCommand::Suspend(Suspend {
            account: party,
            market: MARKET,
            reason: reason(),
            lift: Some(true),
        }),
        AccountCommand::Link(Link {
            account: party,
            market: MARKET,
            other: SELLER,
            reason: reason(),
            unlink: None,
        }),
    ] {
        run(samples, &mut world, OPERATOR, &Command::Account(command));
    }
    let sign_out = AccountCommand::SignOut(SignOut { account: Some(party), reason: Some(reason()) });
    run(samples, &mut world, AccountId::HOUSE, &Command::Account(sign_out));
    tour_of_money(samples);
}

fn tour_of_money(samples: &mut Samples) {
    let mut script = crate::account_script::Script::new();
    for line in [
        "withdraw EUR 5",
        "deposit EUR 1000000",
        "deposit nails 5",
        "withdraw EUR 5",
        "hold 1 L9 EUR 60000",
        "hold 1 L9 EUR 70000",
        "hold 2 O9 nails 2",
        "hold 3 L9 EUR 6000000",
        "capture 1 O9 65000 1",
        "capture 1 O9 65000 1",
        "release 2",
        "hold 2 O9 nails 1",
        "post 1 EUR fees:500 clearing:-500",
        "post 2 EUR cash:65000 clearing:-65000 reverses 1",
        "post 3 EUR cash:-2000000 clearing:2000000 overdraw",
        "count 2",
        "correct 3 EUR 250 fees",
        "collect EUR 100",
    ] {
        let command = script.command_of(line);
        let by = if crate::account_script::is_operators(&command) { OPERATOR } else { AccountId::default() };
        run(samples, &mut script.world, by, &Command::Account(command));
    }
    samples.add("states", &format_args!("Account.Money"), bytes_of(script.world.entity()));
    tour_of_many_holds(samples);
}

/// An event that names the hold that takes another's place in the list.
fn tour_of_many_holds(samples: &mut Samples) {
    let mut script = crate::account_script::Script::new();
    script.act("deposit EUR 1000000");
    for number in 0..=vendue_domain::limits::HOLDS_LISTED {
        script.act(&format!("hold {number} L9 EUR 10"));
    }
    let release = Command::Account(script.command_of("release 0"));
    let outcome = script.world.command_as(AccountId::default(), Standing::ENGINE, &release);
    for event in outcome.expect("released").events {
        samples.add("events", &event, event.to_bytes());
    }
}

fn tour_of_sales(samples: &mut Samples) {
    let sale = SaleId::from_u128(72);
    let mut world = World::new();
    for (by, command) in [
        (
            OPERATOR,
            SaleCommand::Create(Box::new(CreateSale {
                sale: Some(sale),
                market: MARKET,
                title: "Spring sale".to_owned(),
                terms: text("Pay within a week."),
                opens_at: START,
                closes_at: Some(START.plus_ms(3_600_000)),
                stagger_ms: Some(30_000),
                r#ref: text("spring"),
            })),
        ),
        (account('A'), SaleCommand::Register(RegisterForSale { sale, terms_version: Some(1) })),
        (
            OPERATOR,
            SaleCommand::Revise(ReviseSale {
                sale,
                title: text("Summer sale"),
                terms: text("Pay within a day."),
            }),
        ),
    ] {
        run(samples, &mut world, by, &Command::Sale(command));
    }
}

fn tour_of_stock(samples: &mut Samples) {
    let mut world = World::new();
    let full = CreateStock {
        r#ref: text("nails-1"),
        description: text("Copper."),
        category: text("hardware/nails"),
        images: Some(vec!["/images/nails.jpg".to_owned()]),
        seller: Some(SELLER),
        ..create_stock("threshold=-2 limit=4")
    };
    run(samples, &mut world, SELLER, &Command::Stock(StockCommand::Create(Box::new(full))));
    let reserve = |ttl_ms| {
        StockCommand::Reserve(ReserveStock { stock: STOCK, quantity: 2, ttl_ms, strategy: None, near: None })
    };
    run(samples, &mut world, account('A'), &Command::Stock(reserve(Some(60_000))));
    let first = vendue_domain::id::ReservationId::from_u128(world.commands);
    run(samples, &mut world, account('A'), &Command::Stock(reserve(None)));
    let second = vendue_domain::id::ReservationId::from_u128(world.commands);
    run(samples, &mut world, account('A'), &Command::Stock(reserve(None)));
    let stock = Some(STOCK);
    for (by, command) in [
        (
            account('A'),
            StockCommand::Extend(ExtendReservation { stock, reservation: first, ttl_ms: Some(90_000) }),
        ),
        (account('A'), StockCommand::Release(ReleaseStock { stock, reservation: second })),
        (
            SELLER,
            StockCommand::Receive(ReceiveStock {
                stock: STOCK,
                quantity: 5,
                reason: text("delivery"),
                location: None,
            }),
        ),
        (
            SELLER,
            StockCommand::Adjust(AdjustStock {
                stock: STOCK,
                quantity: -3,
                reason: "counted".to_owned(),
                location: None,
            }),
        ),
        (
            SELLER,
            StockCommand::Adjust(AdjustStock {
                stock: STOCK,
                quantity: -300,
                reason: "counted".to_owned(),
                location: None,
            }),
        ),
        (account('B'), reserve(Some(1))),
    ] {
        run(samples, &mut world, by, &Command::Stock(command));
    }
    world.now = world.now.plus_ms(60_000);
    let late = vendue_domain::id::ReservationId::from_u128(world.commands);
    let release = StockCommand::Release(ReleaseStock { stock, reservation: late });
    run(samples, &mut world, account('B'), &Command::Stock(release));
    for event in world.due().events {
        samples.add("events", &event, event.to_bytes());
    }
}

/// Orders, and what they ask of stock.
fn tour_of_orders(samples: &mut Samples) {
    let town = crate::order_tables::tour();
    for (command, events) in town.recorded.iter().flatten() {
        if matches!(command, Some(Command::Stock(_) | Command::Order(_))) {
            command.iter().for_each(|command| samples.add("commands", command, command.to_bytes()));
        }
        for event in events.iter().filter(|event| matches!(event, Event::Stock(_) | Event::Order(_))) {
            samples.add("events", event, event.to_bytes());
        }
    }
    let mut actors: Vec<_> = town.actors.iter().collect();
    actors.sort_unstable_by_key(|(address, _)| **address);
    for (_, actor) in actors.into_iter().filter(|(address, _)| address.kind == ActorKind::Order) {
        samples.add("states", &format_args!("{}", kind_name(actor)), bytes_of(actor));
    }
}

/// Books, and what funded ones ask of accounts: enough random trading to meet every kind of event. One sample of each.
fn tour_of_books(samples: &mut Samples) {
    let mut known = std::collections::BTreeSet::new();
    for (command, events, (kind, state)) in crate::trading_model::tour() {
        if known.insert(format!("command {}", variant(&command))) {
            samples.add("commands", &command, command.to_bytes());
        }
        for event in events {
            if known.insert(format!("event {}", variant(&event))) {
                samples.add("events", &event, event.to_bytes());
            }
        }
        if known.insert(kind.to_owned()) {
            samples.add("states", &format_args!("{kind}"), state);
        }
    }
    let mut world = World::new();
    let create = crate::trading_tables::create_book();
    let create = Command::Book(vendue_domain::book::BookCommand::Create(Box::new(create)));
    samples.add("commands", &create, create.to_bytes());
    let outcome = world.command(crate::world::OPERATOR, &create).expect("a book");
    outcome.events.iter().for_each(|event| samples.add("events", event, event.to_bytes()));
    outcome.answer.iter().for_each(|answer| samples.add("answers", answer, answer.to_bytes()));
    for (answer, rejection) in crate::trading_tables::said_and_refused(world) {
        answer.iter().for_each(|answer| samples.add("answers", answer, answer.to_bytes()));
        rejection.iter().for_each(|rejection| samples.add("rejections", rejection, rejection.to_bytes()));
    }
}

/// A lot with everything that a lot can have.
fn tour_of_a_full_lot(samples: &mut Samples) {
    let mut script = Script::new("");
    let registration = Registration { sale: SALE, account: account('A'), alias: 17, terms_version: 1 };
    let fact = FactChange::Registration(registration);
    script.world.facts.learn(&fact);
    let mut world = World::new();
    world.facts = script.world.facts.clone();
    world.now = START;
    let full = CreateLot {
        quantity: Some(2),
        reserve: Some(amount(500)),
        buy_now: Some(amount(2_000)),
        increments: Some(IncrementTable { bands: vec![(0, amount(10)), (1_000, amount(50))] }),
        soft_close: Some(SoftClose {
            window_ms: 60_000,
            extend_ms: 120_000,
            hard_close_at: Some(START.plus_ms(7_200_000)),
        }),
        funding: Some(Funding::None),
        proxy: Some(true),
        qualification: Some(Qualification::Registered),
        sale: Some(SALE),
        number: Some(3),
        description: text("By a maker in Delft."),
        category: text("instruments/navigation"),
        estimate: Some((amount(800), amount(1_200))),
        images: Some(vec!["/images/sextant.jpg".to_owned()]),
        r#ref: text("S-17"),
        seller: Some(SELLER),
        ..create_lot("")
    };
    run(samples, &mut world, SELLER, &Command::Lot(LotCommand::Create(Box::new(full))));
    let revise = ReviseLot {
        lot: LOT,
        title: text("A fine brass sextant"),
        description: text("By a known maker in Delft."),
        category: text("instruments"),
        estimate: Some((amount(900), amount(1_300))),
        images: Some(vec!["/images/sextant-2.jpg".to_owned()]),
        reserve: Some(amount(400)),
        opens_at: Some(START),
        closes_at: Some(START.plus_ms(3_000_000)),
        start_amount: Some(amount(120)),
        buy_now: Some(amount(2_100)),
    };
    run(samples, &mut world, SELLER, &Command::Lot(LotCommand::Revise(Box::new(revise))));
    for event in world.due().events {
        samples.add("events", &event, event.to_bytes());
    }
    world.now = START.plus_ms(2_999_000);
    for maximum in [150, 200, 900] {
        let bid = vendue_domain::lot::PlaceBid {
            lot: LOT,
            amount: amount(maximum),
            quantity: Some(2),
            all_or_none: Some(false),
            if_seq: None,
            validate_only: None,
            stay_until: None,
            package: None,
        };
        run(samples, &mut world, account('A'), &Command::Lot(LotCommand::Bid(bid)));
    }
}

/// The rarer formats, each through its life.
fn tour_of_rare_lots(samples: &mut Samples) {
    for (lot, steps) in [
        (
            "format=japanese clock=100/50/10s/up/400",
            &["A stay 380", "B bid 100 until 320", "C stay", "@10s", "C stay 9", "A stay", "@20s", "@60s"][..],
        ),
        ("format=candle candle=600s", &["A bid 500", "B bid 900", "O void B1 because", "B bid 901", "@1h"]),
        (
            "format=combinatorial items=3",
            &[
                "A bid 500 for 1+2",
                "B bid 400 for 3",
                "B bid 450 for 1",
                "C bid 99 for 1",
                "O void B1 because",
                "@1h",
            ],
        ),
        ("format=combinatorial items=3 full", &["A bid 500 for 1+2"]),
        ("format=japanese clock=100/50/10s full", &["A bid 500 until 600"]),
    ] {
        let mut script = Script::new(lot);
        let create = Command::Lot(LotCommand::Create(Box::new(create_lot(lot))));
        samples.add("commands", &create, create.to_bytes());
        for step in steps {
            if step.starts_with('@') {
                for event in script.act_by_clock(step).expect("a moment").events {
                    samples.add("events", &event, event.to_bytes());
                }
                keep_state(samples, &script.world);
                continue;
            }
            let command = Command::Lot(script.command_of(step));
            samples.add("commands", &command, command.to_bytes());
            match script.act_on(step) {
                Ok(outcome) => {
                    for event in &outcome.events {
                        samples.add("events", event, event.to_bytes());
                    }
                }
                Err(rejection) => samples.add("rejections", &rejection, rejection.to_bytes()),
            }
            keep_state(samples, &script.world);
        }
    }
}

fn tour_of_lots(samples: &mut Samples) {
    for (lot, steps) in [
        (
            "ends=48h reserve=5000 buy_now=9000 soft=60s/120s hard=60h",
            &[
                "A bid 99",
                "A bid 20000",
                "A bid 25000",
                "B bid 15000",
                "B bid 16000",
                "B bid 30000",
                "A buy",
                "A buy 8000",
                "A validate 40000",
                "A bid 50000 if_seq 9",
                "B bid 30000",
                "B bid 30001",
                "C bid 100 quantity 2",
                "N bid 100",
                "O void B1 because",
                "B retract because",
                "O pause because",
                "A bid 100000",
                "O resume because",
                "O extend 50h because",
                "S revise reserve:4000",
                "S revise title:T",
                "S cancel",
                "O cancel because",
                "A bid 1",
                "O reopen 60h because",
                "O close because",
            ][..],
        ),
        ("opens=never", &["A bid 100", "S open because", "S open", "A retract", "O extend 1h because"]),
        ("buy_now=900", &["A buy 900", "O reopen 2h because"]),
        ("verified", &["A bid 100", "A bid 9007199254740991"]),
        ("plain", &["A bid 300", "A bid 500"]),
        (
            "format=dutch clock=1000/100/10s/500 quantity=4",
            &[
                "A take 2 at 900",
                "A take 2 at 1000",
                "B take",
                "O void B1 because",
                "O pause because",
                "O resume",
            ],
        ),
        ("format=dutch clock=1000/100/10s/500", &["A take 1"]),
        (
            "format=vickrey reserve=500 ends=48h",
            &["A bid 600", "B bid 700", "A bid 650", "B retract because", "O close because"],
        ),
        ("format=reverse sealed start=1000", &["A bid 1001", "A bid 600"]),
        ("format=reverse start=1000 soft=1h/2h", &["A bid 600", "B bid 500", "O void B1 because"]),
        (
            "format=multi_unit quantity=3 pricing=pay_as_bid soft=1h/2h",
            &[
                "A bid 200 quantity 2",
                "B bid 150 quantity 1 all_or_none",
                "C bid 300 quantity 2",
                "C retract because",
                "O close because",
            ],
        ),
    ] {
        let mut script = Script::new(lot);
        for step in steps {
            let command = Command::Lot(script.command_of(step));
            samples.add("commands", &command, command.to_bytes());
            match script.act_on(step) {
                Ok(outcome) => {
                    for event in &outcome.events {
                        samples.add("events", event, event.to_bytes());
                    }
                    if let Some(answer) = &outcome.answer {
                        samples.add("answers", answer, answer.to_bytes());
                    }
                }
                Err(rejection) => samples.add("rejections", &rejection, rejection.to_bytes()),
            }
            // A clock tells its price.
            for event in script.world.due().events {
                samples.add("events", &event, event.to_bytes());
            }
            keep_state(samples, &script.world);
        }
        script.world.change_market(|market| market.halted_since = Some(START));
        for event in script.world.facts_changed().events {
            samples.add("events", &event, event.to_bytes());
        }
    }
}

/// What happens to the money behind bids.
fn tour_of_funded_lots(samples: &mut Samples) {
    for (lot, steps) in [
        (
            "full ends=24h premium=50000 soft=60s/60s",
            &[
                "A bid 3000",
                "A bid 2000",
                "settle",
                "B bid 5000",
                "settle",
                "A bid 6000",
                "B retract because",
                "settle",
                "B bid 5500",
                "settle",
                "B bid 9000",
                "settle",
                "D bid 9100",
                "A bid 9200",
                "settle",
                "O void B2 because",
                "O void A3 because",
                "settle",
                "A bid 20000",
                "@23h",
                "C bid 25000",
                "O close because",
                "settle",
            ][..],
        ),
        ("full reserve=90000", &["A bid 500", "settle", "@1h due", "O reopen 2h because", "settle"]),
        ("deposit=50", &["A bid 500", "B bid 600", "settle", "@1h due", "settle"]),
        ("qualify=50", &["D bid 500", "settle"]),
    ] {
        let mut script = Script::recording(lot);
        let mut town = Town::default();
        town.keeps = true;
        for (letter, money) in [('A', 9_000), ('B', 9_000), ('C', 50_000), ('D', 10)] {
            town.bank.deposit(account(letter), money);
        }
        for &step in steps {
            match step {
                "settle" => town.settle(&mut [&mut script.world]),
                step if step.starts_with('@') => script.step(step, step),
                step => {
                    if let Err(rejection) = script.act_on(step) {
                        samples.add("rejections", &rejection, rejection.to_bytes());
                    }
                }
            }
            keep_recorded(samples, &mut script.world, &mut town);
        }
    }
    for refused in [None, Some(Rejection::TimedOut)] {
        let (account, hold) = (account('A'), Some(HoldId::from_u128(5)));
        let settled = Settled { account, tag: 9, hold, amount: 300, refused };
        let command = Command::Lot(LotCommand::Settled(Box::new(LotSettled { lot: LOT, settled })));
        samples.add("commands", &command, command.to_bytes());
    }
    let take = TakeLot { lot: LOT, quantity: Some(2), amount: Some(amount(400)) };
    let command = Command::Lot(LotCommand::Take(take));
    samples.add("commands", &command, command.to_bytes());
}

fn keep_recorded(samples: &mut Samples, world: &mut World, town: &mut Town) {
    town.take(world);
    town.wake(world);
    for (event, stamp) in town.recorded.drain(..) {
        samples.add("events", &event, event.to_bytes());
        if let Some(answer) = event.answer(world.id, &stamp) {
            samples.add("answers", &answer, answer.to_bytes());
        }
    }
    samples.add("states", &format_args!("FundedLot"), bytes_of(world.entity()));
}

fn golden(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{file}.txt"))
}

/// What was written once reads as what it was, and is written the same way today.
#[test]
fn records_keep_their_bytes() {
    let samples = tour();
    for file in ["commands", "events", "answers", "rejections", "facts", "states"] {
        let written = samples.text(file);
        if std::env::var_os("VENDUE_BLESS").is_some() {
            std::fs::write(golden(file), &written).expect("the golden file can be written");
        }
        let kept = std::fs::read_to_string(golden(file)).expect("the golden file is there");
        for (line, (found, expected)) in (1..).zip(written.lines().zip(kept.lines())) {
            assert_eq!(found, expected, "{file}.txt, line {line}: a record's bytes have changed");
        }
        assert_eq!(written.lines().count(), kept.lines().count(), "{file}.txt has other records");
    }
}

/// The numbers of a command's or event's actor and of its variant, as they stand in its bytes.
fn numbers(bytes: &[u8]) -> (u64, u64) {
    let mut reader = Reader::new(bytes);
    assert_eq!(reader.map(), Ok(1), "a command and an event say which actor's they are");
    let kind = reader.uint().expect("the actor's number");
    if matches!(reader.rest().first(), Some(0x80..=0x8F)) {
        assert_eq!(reader.map(), Ok(1));
    }
    (kind, reader.uint().expect("the variant's number"))
}

/// Every variant of commands, events and rejections is in the golden files, by its name and under its number.
#[test]
fn golden_files_are_whole() {
    let samples = tour();
    let whole = |file: &str, kind: (u64, &str), variants: &[(u64, &str)]| {
        for &(number, name) in variants {
            let name = format!("{}.{name}", kind.1);
            let Some(found) = samples.0[file].get(&name) else { panic!("{file}: the tour has no {name}") };
            for bytes in found {
                assert_eq!(numbers(bytes), (kind.0, number), "{file}: {name}");
            }
        }
        let prefix = format!("{}.", kind.1);
        let written = samples.0[file].keys().filter(|name| name.starts_with(&prefix)).count();
        assert_eq!(written, variants.len(), "{file}: {:?}", samples.0[file].keys());
    };
    for kind in Event::VARIANTS {
        let (commands, events): (&[_], &[_]) = match kind.1 {
            "Market" => (MarketCommand::VARIANTS, MarketEvent::VARIANTS),
            "Account" => (AccountCommand::VARIANTS, AccountEvent::VARIANTS),
            "Sale" => (SaleCommand::VARIANTS, SaleEvent::VARIANTS),
            "Lot" => (LotCommand::VARIANTS, LotEvent::VARIANTS),
            "Stock" => (StockCommand::VARIANTS, StockEvent::VARIANTS),
            "Order" => (OrderCommand::VARIANTS, OrderEvent::VARIANTS),
            "Book" => (vendue_domain::book::BookCommand::VARIANTS, vendue_domain::book::BookEvent::VARIANTS),
            other => panic!("the tour does not know {other}"),
        };
        whole("commands", *kind, commands);
        whole("events", *kind, events);
    }
    for (number, name) in Rejection::VARIANTS {
        let found = samples.0["rejections"].iter().filter(|(key, _)| key.split('.').next() == Some(name));
        let bytes: Vec<_> = found.flat_map(|(_, bytes)| bytes).collect();
        assert!(!bytes.is_empty(), "the tour has no {name}");
        for bytes in bytes {
            let mut reader = Reader::new(bytes);
            let _ = matches!(reader.rest().first(), Some(0x80..=0x8F)).then(|| reader.map());
            assert_eq!(reader.uint(), Ok(*number), "{name}");
        }
    }
    assert_eq!(samples.0["states"].len(), 20);
}

/// A common bid's event is short: its journal entry is what the disk sees of it.
#[test]
fn a_bid_is_short() {
    let samples = tour();
    let common = |displaced: bool| {
        let mut script = Script::new("ends=48h");
        for line in ["A bid 20000", "B bid 15000"] {
            script.act_on(line).expect("accepted");
        }
        let line = if displaced { "C bid 30000" } else { "C bid 18000" };
        let outcome = script.act_on(line).expect("accepted");
        assert!(matches!(outcome.events[0], Event::Lot(LotEvent::BidPlaced(_))));
        outcome.events[0].to_bytes().len()
    };
    assert_eq!(
        (common(false), common(true)),
        (28, 45),
        "bytes of a bid that is outbid at once, and of one that leads"
    );
    assert!(samples.0["rejections"].values().flatten().all(|bytes| bytes.len() <= 120));
}

/// Whatever the bytes, decoding gives a value or an error.
#[test]
fn no_bytes_make_decoding_panic() {
    let samples = tour();
    let known: Vec<&Vec<u8>> = samples.0.values().flat_map(|file| file.values().flatten()).collect();
    crate::random::rounds(30_000, |seed| {
        let mut random = Random::new(seed);
        let mut bytes = if random.once_in(4) {
            (0..random.below(200)).map(|_| random.next() as u8).collect()
        } else {
            known[random.below(known.len() as u64) as usize].clone()
        };
        for _ in 0..random.below(5) {
            let Some(last) = bytes.len().checked_sub(1) else { break };
            let place = random.below(last as u64 + 1) as usize;
            match random.below(3) {
                0 => bytes[place] = random.next() as u8,
                1 => bytes.truncate(place),
                _ => bytes.insert(place, random.next() as u8),
            }
        }
        decode_all(&bytes);
    });
}

fn decode_all(bytes: &[u8]) {
    let _ = Command::from_bytes(bytes);
    let _ = Answer::from_bytes(bytes);
    let _ = Rejection::from_bytes(bytes);
    let _ = FactChange::from_bytes(bytes);
    if let Ok(event) = Event::from_bytes(bytes) {
        assert_eq!(event.public().len() as u64, event.public_count(), "{event:?}");
    }
    for kind in [
        ActorKind::Market,
        ActorKind::Account,
        ActorKind::Sale,
        ActorKind::Lot,
        ActorKind::Stock,
        ActorKind::Order,
        ActorKind::Book,
    ] {
        if let Ok(entity) = Entity::decode(kind, &mut Reader::new(bytes)) {
            let _ = (entity.snapshot(), entity.next_deadline(), bytes_of(&entity));
        }
    }
}

/// Every golden record can be read, whichever build wrote it.
#[test]
fn golden_files_can_be_read() {
    for (file, read) in [
        ("commands", (|bytes| Command::from_bytes(bytes).is_ok()) as fn(&[u8]) -> bool),
        ("events", |bytes| Event::from_bytes(bytes).is_ok()),
        ("answers", |bytes| Answer::from_bytes(bytes).is_ok()),
        ("rejections", |bytes| Rejection::from_bytes(bytes).is_ok()),
        ("facts", |bytes| FactChange::from_bytes(bytes).is_ok()),
    ] {
        let kept = std::fs::read_to_string(golden(file)).expect("the golden file is there");
        for line in kept.lines() {
            let (name, bytes) = line.split_once(' ').expect("NAME BYTES");
            assert!(read(&from_hexadecimal(bytes)), "{file}: {name}");
        }
    }
}
