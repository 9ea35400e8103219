//! How long a stock item takes, decide and apply, to set units aside and to allocate them to a paid order, and how many
//! allocations of memory that makes.
//!
//! `cargo run --release -p vendue-domain --example stock_speed [rounds]` prints the median of the rounds and their spread in
//! nanoseconds, for an item with one location and for one with three.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use vendue_domain::actor::{Command, Entity};
use vendue_domain::amount::{Amount, Currency};
use vendue_domain::context::{Context, Stamp};
use vendue_domain::facts::{AccountFacts, FactChange, Facts, MarketFacts, Role, Standing};
use vendue_domain::id::{AccountId, MarketId, OrderId, ReservationId, StockId};
use vendue_domain::stock::{
    AllocateForOrder, CreateStock, LocationRequest, OfOrder, ReserveStock, ShipStock, StockCommand,
    TakeReservation,
};
use vendue_domain::time::Timestamp;

/// Counts allocations; otherwise the system's.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

#[allow(unsafe_code)] // A counting allocator cannot be written without; it only forwards.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const MARKET: MarketId = MarketId::from_u128(7);
const STOCK: StockId = StockId::from_u128(99);
const BUYER: AccountId = AccountId::from_u128(1_000);
const SELLER: AccountId = AccountId::from_u128(30);
const NOW: Timestamp = Timestamp(1_800_000_000_000_000);
/// Reservations that live at once.
const BATCH: u128 = 1_000;
const BATCHES: u128 = 100;

fn main() {
    let rounds: usize = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(31);
    println!(
        "{:<24} {:>10} {:>10} {:>10} {:>15} {:>12}",
        "case", "reserve", "allocate", "both", "min..max", "allocations"
    );
    for (name, locations) in [("one location", 1), ("three locations", 3)] {
        let mut times: Vec<_> = (0..rounds).map(|_| measure(locations)).collect();
        times.sort_unstable_by_key(|(reserve, allocate, _)| reserve + allocate);
        let count = BATCH as f64;
        let each = |ns: u64| ns as f64 / count;
        let both = |(reserve, allocate, _): (u64, u64, u64)| each(reserve + allocate);
        let median = times[rounds / 2];
        println!(
            "{name:<24} {:>10.1} {:>10.1} {:>10.1} {:>15} {:>12.2}",
            each(median.0),
            each(median.1),
            both(median),
            format!("{:.0}..{:.0}", both(times[0]), both(times[rounds - 1])),
            median.2 as f64 / count,
        );
    }
}

struct Bench {
    stock: Entity,
    facts: Facts,
    commands: u128,
}

impl Bench {
    fn step(&mut self, by: AccountId, standing: Standing, command: &Command) {
        self.commands += 1;
        let command_id = self.commands;
        let context =
            Context { now: NOW, by, standing, facts: &self.facts, command_id, content: 0, accounts: None };
        let decision = self.stock.decide(command, &context).expect("accepted");
        let stamp = Stamp { time: NOW, by, command_id };
        for event in &decision.events {
            self.stock.apply(black_box(event), &stamp);
        }
    }

    /// Nanoseconds and allocations of one command each.
    fn timed(&mut self, by: AccountId, standing: Standing, commands: &[Command]) -> (u64, u64) {
        let (began, before) = (Instant::now(), ALLOCATIONS.load(Ordering::Relaxed));
        for command in commands {
            self.step(by, standing, command);
        }
        (began.elapsed().as_nanos() as u64, ALLOCATIONS.load(Ordering::Relaxed) - before)
    }
}

fn measure(locations: u64) -> (u64, u64, u64) {
    let mut bench = bench(locations);
    let engine = AccountId::default();
    let buyer = bench.facts.standing(BUYER, MARKET);
    let seller = bench.facts.standing(SELLER, MARKET);
    let (mut reserve, mut allocate, mut allocations) = (Vec::new(), Vec::new(), 0);
    for batch in 0..BATCHES {
        let first = bench.commands + 1;
        let all = |make: &dyn Fn(u128) -> StockCommand| -> Vec<Command> {
            (0..BATCH).map(|nth| Command::Stock(make(nth))).collect()
        };
        let order = |nth| OrderId::from_u128(batch * BATCH + nth);
        let id = |nth| ReservationId::from_u128(first + nth);
        let (strategy, near) = (None, None);
        let reserves = all(&|_| {
            StockCommand::Reserve(ReserveStock { stock: STOCK, quantity: 1, ttl_ms: None, strategy, near })
        });
        let takes = all(&|nth| {
            let (order, reservation) = (order(nth), id(nth));
            let take =
                TakeReservation { stock: STOCK, order, line: 0, buyer: BUYER, reservation, ttl_ms: 1_000 };
            StockCommand::TakeReservation(Box::new(take))
        });
        let allocates = all(&|nth| {
            let (order, reservation, quantity) = (order(nth), id(nth), 1);
            let asked =
                AllocateForOrder { stock: STOCK, order, line: 0, buyer: BUYER, reservation, quantity, near };
            StockCommand::AllocateForOrder(Box::new(asked))
        });
        let ships = all(&|nth| {
            let (line, quantity, location, reason) = (Some(0), None, None, None);
            let order = order(nth);
            StockCommand::Ship(Box::new(ShipStock { stock: STOCK, order, line, quantity, location, reason }))
        });
        let finishes = all(&|nth| {
            StockCommand::FinishForOrder(OfOrder {
                stock: STOCK,
                order: order(nth),
                line: 0,
                reservation: None,
            })
        });
        let reserved = bench.timed(BUYER, buyer, &reserves);
        bench.timed(engine, Standing::ENGINE, &takes);
        let allocated = bench.timed(engine, Standing::ENGINE, &allocates);
        bench.timed(SELLER, seller, &ships);
        bench.timed(engine, Standing::ENGINE, &finishes);
        // The tables' first growth is not the common path.
        if batch > 0 {
            reserve.push(reserved.0);
            allocate.push(allocated.0);
            allocations += reserved.1 + allocated.1;
        }
    }
    // The median batch of each: a round is long enough to be interrupted.
    let median = |mut batches: Vec<u64>| {
        batches.sort_unstable();
        batches[batches.len() / 2]
    };
    (median(reserve), median(allocate), allocations / (BATCHES as u64 - 1))
}

fn bench(locations: u64) -> Bench {
    let mut facts = Facts::default();
    let currency = Currency::new("EUR").expect("a currency");
    let market = MarketFacts {
        version: 1,
        owner: AccountId::HOUSE,
        currency,
        halted_since: None,
        halted_us: 0,
        increments: None,
        open_registration: false,
        fees: None,
    };
    facts.learn(&FactChange::Market((MARKET, market)));
    for (account, role) in [(BUYER, Role::Bidder), (SELLER, Role::Seller)] {
        let grants = vec![(MARKET, role)];
        let account_facts = AccountFacts { version: 1, grants, ..AccountFacts::default() };
        facts.learn(&FactChange::Account((account, account_facts)));
    }
    let on_hand = (BATCH * BATCHES) as u64 * locations;
    let each = |nth| LocationRequest { name: format!("shelf {nth}"), on_hand: on_hand / locations, at: None };
    let create = StockCommand::Create(Box::new(CreateStock {
        stock: Some(STOCK),
        market: MARKET,
        title: "Copper nails".to_owned(),
        price: Amount::new(250).expect("an amount"),
        on_hand,
        r#ref: None,
        threshold: None,
        limit_per_account: None,
        description: None,
        category: None,
        images: None,
        seller: None,
        locations: (locations > 1).then(|| (0..locations).map(each).collect()),
        strategy: None,
    }));
    let standing = facts.standing(SELLER, MARKET);
    let context =
        Context { now: NOW, by: SELLER, standing, facts: &facts, command_id: 1, content: 0, accounts: None };
    let decision = Entity::create(&Command::Stock(create), &context).expect("created");
    let stamp = Stamp { time: NOW, by: SELLER, command_id: 1 };
    let stock = Entity::born(&decision.events[0], &stamp).expect("a stock item");
    Bench { stock, facts, commands: 1 }
}
