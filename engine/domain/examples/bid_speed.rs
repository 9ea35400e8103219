//! How long deciding and applying an English bid takes, and how many allocations it makes.
//!
//! `cargo run --release -p vendue-domain --example bid_speed [rounds] [case]` prints, for each case, the median of the rounds
//! and their spread in nanoseconds a bid, the allocations a bid, and the bytes of the bid's event. Instructions, where the
//! machine is busy: `valgrind --tool=callgrind --toggle-collect='bid_speed::place*' target/release/examples/bid_speed 1 CASE`,
//! divided by 100,000.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use vendue_domain::actor::{Answer, Command, Decision, Entity, Event};
use vendue_domain::amount::{Amount, Currency};
use vendue_domain::context::{Context, Stamp};
use vendue_domain::facts::{AccountFacts, FactChange, Facts, MarketFacts, Role, Standing};
use vendue_domain::id::{AccountId, LotId, MarketId};
use vendue_domain::lot::{CreateLot, Format, LotCommand, PlaceBid};
use vendue_domain::record::Field;
use vendue_domain::rejection::Rejection;
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
const LOT: LotId = LotId::from_u128(99);
const BIDS: u64 = 100_000;
const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

/// What the bidders do.
#[derive(Clone, Copy)]
enum Habit {
    /// Each bid takes the lead.
    Lead,
    /// One bidder leads with a huge maximum; the others are outbid at once.
    Chase,
    /// Every bid is too low.
    TooLow,
    /// The leader raises its own maximum.
    Raise,
}

fn main() {
    let rounds: usize = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(31);
    let only = std::env::args().nth(2).unwrap_or_default();
    println!("{:<44} {:>8} {:>15} {:>10} {:>7}", "case", "ns/bid", "min..max", "allocs/bid", "bytes");
    for (name, habit, bidders) in [
        ("takes the lead, 2 bidders", Habit::Lead, 2),
        ("takes the lead, 10 bidders", Habit::Lead, 10),
        ("takes the lead, 10,000 bidders", Habit::Lead, 10_000),
        ("outbid at once, 10,000 bidders", Habit::Chase, 10_000),
        ("the leader's own raise", Habit::Raise, 2),
        ("too low", Habit::TooLow, 2),
    ] {
        if !name.contains(&only) {
            continue;
        }
        let mut times: Vec<(u64, u64, usize)> = (0..rounds).map(|_| measure(habit, bidders)).collect();
        times.sort_unstable();
        let (first, last, median) = (times[0].0, times[rounds - 1].0, times[rounds / 2]);
        let allocations = median.1 as f64 / BIDS as f64;
        println!(
            "{name:<44} {:>8} {:>15} {allocations:>10.4} {:>7}",
            median.0,
            format!("{first}..{last}"),
            median.2
        );
    }
    let (event, decision) = (size_of::<Event>(), size_of::<Decision<Event>>());
    println!(
        "sizes in bytes: Event {event}, Decision {decision}, Answer {}, Rejection {}",
        size_of::<Answer>(),
        size_of::<Rejection>()
    );
}

/// Picoseconds would be false precision: nanoseconds a bid, allocations in all, bytes of the last event.
fn measure(habit: Habit, bidders: u64) -> (u64, u64, usize) {
    let facts = facts(bidders);
    let mut lot = open_lot(&facts);
    let mut amount = 1_000_000_u64;
    let mut last = None;
    if !matches!(habit, Habit::Lead) {
        place(&mut lot, &facts, account(0), if matches!(habit, Habit::Raise) { amount } else { 1 << 52 }, 1);
    }
    // Everybody is known to the lot before the clock starts.
    for bidder in 1..bidders {
        if matches!(habit, Habit::Lead | Habit::Chase) {
            amount += 20_000;
            place(&mut lot, &facts, account(bidder), amount, 2 + bidder);
        }
    }
    // As from a decoded frame: in memory for a while, not just made.
    let accounts: Vec<AccountId> = (0..bidders).map(account).collect();
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    let start = Instant::now();
    for nth in 0..BIDS {
        let by = match habit {
            Habit::Lead => accounts[(nth % bidders) as usize],
            Habit::Chase => accounts[(1 + nth % (bidders - 1)) as usize],
            Habit::Raise => accounts[0],
            Habit::TooLow => accounts[1],
        };
        amount += if matches!(habit, Habit::TooLow) { 0 } else { 20_000 };
        let amount = if matches!(habit, Habit::TooLow) { 100 } else { amount };
        last = place(&mut lot, &facts, black_box(by), black_box(amount), 100_000 + nth).or(last);
    }
    let elapsed = start.elapsed().as_nanos() as u64 / BIDS;
    let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
    (elapsed, allocations, last.map_or(0, |event| event.to_bytes().len()))
}

fn account(nth: u64) -> AccountId {
    AccountId::from_u128(0x1234_5678_9abc_def0_0000_0000_0000_0000 + u128::from(nth))
}

fn facts(bidders: u64) -> Facts {
    let mut facts = Facts::default();
    let market = MarketFacts {
        version: 1,
        owner: account(1 << 40),
        currency: Currency::new("EUR").unwrap_or_else(|| unreachable!()),
        halted_since: None,
        halted_us: 0,
        increments: None,
        open_registration: false,
        fees: None,
    };
    facts.learn(&FactChange::Market((MARKET, market)));
    for bidder in 0..bidders {
        let grants = vec![(MARKET, Role::Bidder)];
        let account_facts = AccountFacts { version: 1, grants, ..AccountFacts::default() };
        facts.learn(&FactChange::Account((account(bidder), account_facts)));
    }
    facts
}

fn open_lot(facts: &Facts) -> Entity {
    let create = CreateLot {
        lot: Some(LOT),
        market: MARKET,
        title: "A brass sextant".to_owned(),
        format: Format::English,
        quantity: None,
        opens_at: Some(NOW),
        closes_at: Some(NOW.plus_ms(3_600_000)),
        start_amount: Amount::ONE,
        reserve: None,
        buy_now: None,
        increments: None,
        soft_close: None,
        funding: None,
        proxy: None,
        qualification: None,
        sale: None,
        number: None,
        description: None,
        category: None,
        estimate: None,
        images: None,
        r#ref: None,
        seller: None,
        clock: None,
        pricing: None,
        deposit: None,
        sealed: None,
        candle_ms: None,
        items: None,
        seed: None,
    };
    let (by, standing) = (account(1 << 41), Standing::SELLER);
    let context = Context { now: NOW, by, standing, facts, command_id: 1, content: 0, accounts: None };
    let stamp = Stamp { time: NOW, by, command_id: 1 };
    let created = Entity::create(&Command::Lot(LotCommand::Create(Box::new(create))), &context);
    let Ok(created) = created else { panic!("{created:?}") };
    let Some(mut lot) = Entity::born(&created.events[0], &stamp) else { panic!("not a creating event") };
    for event in lot.due(&context) {
        lot.apply(&event, &stamp);
    }
    lot
}

#[inline(never)]
fn place(lot: &mut Entity, facts: &Facts, by: AccountId, amount: u64, command_id: u64) -> Option<Event> {
    let amount = Amount::new(amount)?;
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
    let command = Command::Lot(LotCommand::Bid(bid));
    let command_id = u128::from(command_id);
    let context = Context {
        now: NOW,
        by,
        standing: Standing::KNOWN.with(Standing::BIDDER),
        facts,
        command_id,
        content: 0,
        accounts: None,
    };
    let stamp = Stamp { time: NOW, by, command_id };
    let event = lot.decide(&command, &context).ok()?.events.pop()?;
    lot.apply(&event, &stamp);
    black_box(lot.next_deadline());
    Some(event)
}
