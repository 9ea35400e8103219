//! How long an account takes to decide and apply what a funded bid asks of it, with its answer's effect, and the bytes of
//! the event.
//!
//! `cargo run --release -p vendue-domain --example hold_speed [rounds]` prints, for each case, the median of the rounds and
//! their spread in nanoseconds a command. The command, its event and its effect are boxes: each is an allocation.

use std::hint::black_box;
use std::time::Instant;

use vendue_domain::account::{Account, AccountCommand, CreateAccount, Deposit};
use vendue_domain::actor::{Command, Entity};
use vendue_domain::amount::{Amount, Currency};
use vendue_domain::context::{Context, Stamp};
use vendue_domain::facts::{Facts, Standing};
use vendue_domain::id::{AccountId, EntryId, HoldId, LotId, MarketId, OrderId};
use vendue_domain::money::{Asker, Asset, CaptureHold, EntryKind, PlaceHold, ReleaseHold};
use vendue_domain::record::{Bytes, Field};
use vendue_domain::time::Timestamp;

const ACCOUNT: AccountId = AccountId::from_u128(71);
const MARKET: MarketId = MarketId::from_u128(7);
const COMMANDS: u64 = 100_000;
const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

/// What is asked, again and again.
#[derive(Clone, Copy)]
enum Habit {
    /// One hold grows.
    Raise,
    /// A hold is placed and released: two commands.
    PlaceAndRelease,
    /// A hold is placed and captured: two commands.
    PlaceAndCapture,
    /// More is asked than is there.
    Refused,
}

fn main() {
    let rounds: usize = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(31);
    println!("{:<44} {:>8} {:>12} {:>7}", "case", "ns", "min..max", "bytes");
    for (name, habit, holds) in [
        ("raise, 1 hold", Habit::Raise, 0),
        ("raise, 10,000 holds", Habit::Raise, 10_000),
        ("place and release, 1 hold", Habit::PlaceAndRelease, 0),
        ("place and release, 10,000 holds", Habit::PlaceAndRelease, 10_000),
        ("place and capture, 1 hold", Habit::PlaceAndCapture, 0),
        ("refused", Habit::Refused, 0),
    ] {
        let mut times: Vec<(u64, usize)> = (0..rounds).map(|_| measure(habit, holds)).collect();
        times.sort_unstable();
        let spread = format!("{}..{}", times[0].0, times[rounds - 1].0);
        println!("{name:<44} {:>8} {spread:>12} {:>7}", times[rounds / 2].0, times[rounds / 2].1);
    }
    println!("sizes in bytes: Account {}", size_of::<Account>());
}

/// Nanoseconds a command or pair of commands; bytes of the last event.
fn measure(habit: Habit, holds: u64) -> (u64, usize) {
    let facts = Facts::default();
    let mut account = account(&facts);
    let mut bytes = 0;
    for number in 0..holds {
        decide(&mut account, &facts, &place(1_000_000 + number, 1));
    }
    let start = Instant::now();
    for number in 0..COMMANDS {
        match habit {
            Habit::Raise => bytes = decide(&mut account, &facts, &place(1, 1 + number)),
            Habit::Refused => bytes = decide(&mut account, &facts, &place(1, 1 << 52)),
            Habit::PlaceAndRelease => {
                bytes = decide(&mut account, &facts, &place(number, 100));
                decide(&mut account, &facts, &release(number));
            }
            Habit::PlaceAndCapture => {
                bytes = decide(&mut account, &facts, &place(number, 100));
                decide(&mut account, &facts, &capture(number));
            }
        }
    }
    (start.elapsed().as_nanos() as u64 / COMMANDS, bytes)
}

fn eur() -> Currency {
    Currency::new("EUR").unwrap_or_else(|| unreachable!())
}

fn account(facts: &Facts) -> Entity {
    let create = CreateAccount {
        account: Some(ACCOUNT),
        name: "Ada".to_owned(),
        r#ref: None,
        name_sealed: Bytes::default(),
        name_hash: None,
    };
    let create = Command::Account(AccountCommand::Create(create));
    let created = Entity::create(&create, &context(facts));
    let Some(mut account) = created.ok().and_then(|created| Entity::born(created.events.first()?, &stamp()))
    else {
        panic!("an operator may create accounts")
    };
    let deposit = Deposit {
        account: ACCOUNT,
        amount: Amount::new(1 << 40),
        currency: Some(eur()),
        goods: None,
        quantity: None,
        reason: "by bank".to_owned(),
    };
    decide(&mut account, facts, &Command::Account(AccountCommand::Deposit(deposit)));
    account
}

fn place(number: u64, amount: u64) -> Command {
    Command::Account(AccountCommand::PlaceHold(PlaceHold {
        account: ACCOUNT,
        hold: HoldId::from_u128(u128::from(number)),
        asset: Asset::Money(eur()),
        amount,
        asker: Asker::Lot(LotId::from_u128(9)),
        tag: 5,
        market: MARKET,
    }))
}

fn release(number: u64) -> Command {
    let hold = HoldId::from_u128(u128::from(number));
    Command::Account(AccountCommand::ReleaseHold(ReleaseHold { account: ACCOUNT, hold }))
}

fn capture(number: u64) -> Command {
    Command::Account(AccountCommand::CaptureHold(CaptureHold {
        account: ACCOUNT,
        hold: HoldId::from_u128(u128::from(number)),
        amount: 90,
        entry: EntryId::from_u128(u128::from(number)),
        asker: Asker::Order(OrderId::from_u128(9)),
        tag: 5,
        kind: EntryKind::Payment,
        market: MARKET,
    }))
}

fn context(facts: &Facts) -> Context<'_> {
    let standing = Standing::ENGINE.with(Standing::OPERATOR);
    Context { now: NOW, by: AccountId::default(), standing, facts, command_id: 1, content: 0, accounts: None }
}

const fn stamp() -> Stamp {
    Stamp { time: NOW, by: AccountId::HOUSE, command_id: 1 }
}

/// Decides, applies, and makes the effects; the bytes of the event.
#[inline(never)]
fn decide(account: &mut Entity, facts: &Facts, command: &Command) -> usize {
    let Ok(decision) = account.decide(black_box(command), &context(facts)) else { return 0 };
    // As much as the engine's own buffers have: nothing grows.
    let (stamp, mut effects, mut bytes) = (stamp(), Vec::with_capacity(1), Vec::with_capacity(256));
    for event in &decision.events {
        account.apply(event, &stamp);
        event.effects(ACCOUNT.0, &stamp, &mut effects);
        event.encode(&mut bytes);
    }
    black_box(effects);
    bytes.len()
}
