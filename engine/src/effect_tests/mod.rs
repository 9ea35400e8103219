//! Chains of effects through crashes, cold targets, stuck lanes and several shards: each effect exactly once, each command
//! one outcome (I2, I3, I6, I36, I47). The processes are toys (`hook::toy`): stock items that cause each other to receive.

mod chains;
mod order;
mod shell;
mod stuck;
mod waiting;

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use vendue_domain::actor::{Answer, Command, Event};
use vendue_domain::amount::Amount;
use vendue_domain::id::AccountId;
use vendue_domain::record::Field;
use vendue_domain::stock::{CreateStock, StockCommand, StockEvent};
use vendue_engine::EngineOptions;
use vendue_storage::JournalReader;

use crate::effects::LaneAudit;
use crate::entry::Entry;
use crate::hook::toy;
use crate::support::{MARKET, Told, World};

/// How many stock items a world has.
const ITEMS: u64 = 9;

/// A command: item, units, reason.
type Ask = (u64, u64, String);

fn ask(item: u64, units: u64, reason: &str) -> Ask {
    (item, units, reason.to_owned())
}

fn command((item, units, reason): &Ask) -> Command {
    toy::receive(*item, *units, reason)
}

fn options(shards: u16) -> EngineOptions {
    EngineOptions { shards, ..EngineOptions::default() }
}

/// A cell with empty stock items in its market.
fn world(options: EngineOptions) -> World {
    let mut world = World::with_market(options, 0, 0);
    for n in 0..ITEMS {
        world.ok(AccountId::HOUSE, create_item(n));
    }
    world
}

fn create_item(n: u64) -> Command {
    Command::Stock(StockCommand::Create(Box::new(CreateStock {
        stock: Some(toy::stock(n)),
        market: MARKET,
        title: format!("Item {n}"),
        price: Amount::new(100).expect("in range"),
        on_hand: 0,
        r#ref: None,
        threshold: None,
        limit_per_account: None,
        description: None,
        category: None,
        images: None,
        seller: None,
        locations: None,
        strategy: None,
    })))
}

/// What every item has at hand after these commands, if each was done once.
fn expected(asks: &[Ask]) -> BTreeMap<u64, u64> {
    let mut units: BTreeMap<u64, u64> = (0..ITEMS).map(|n| (n, 0)).collect();
    for (item, given, reason) in asks {
        *units.entry(*item).or_default() += given;
        toy::units(reason, &mut units);
    }
    units
}

/// What every item has at hand, from the journal's last record of each.
fn on_hand(world: &World) -> BTreeMap<u64, u64> {
    let mut units: BTreeMap<u64, u64> = (0..ITEMS).map(|n| (n, 0)).collect();
    for (_, entry) in entries(world) {
        note_on_hand(&entry, &mut units);
    }
    units
}

fn note_on_hand(entry: &Entry, units: &mut BTreeMap<u64, u64>) {
    let Entry::Decided(decided) = entry else { return };
    for event in &decided.events.0 {
        if let Event::Stock(StockEvent::Received(received)) = event {
            let item = (0..ITEMS).find(|n| toy::stock(*n).0 == decided.id).expect("an item");
            units.insert(item, received.counters.on_hand);
        }
    }
}

fn entries(world: &World) -> Vec<(u64, Entry)> {
    let mut entries = Vec::new();
    world
        .log
        .read(1, &mut |position, record| {
            entries.push((position, Entry::from_bytes(record).expect("readable")));
            ControlFlow::Continue(())
        })
        .expect("readable");
    entries
}

/// Every effect that a record of the journal causes has exactly one outcome, behind it, in the order of its lane; no
/// outcome is without a cause; none was refused.
fn check_lanes(world: &World) {
    let mut audit = LaneAudit::default();
    for (position, entry) in entries(world) {
        assert!(!matches!(entry, Entry::Declined(_)), "record {position} declines an effect");
        audit.take(position, &entry).expect("effects in order");
    }
    assert_eq!(audit.undone(), None, "an effect has no outcome");
}

/// The process is replaced; its memory is what the journal says.
fn check_replay(world: &World) {
    let again = world.replayed_from_nothing();
    assert_eq!(crate::support::hashes(&again), world.state_hashes(), "I6");
}

/// Sends every command with its own key until each has a definite outcome; those are returned by number.
fn until_answered(world: &mut World, asks: &[Ask]) -> BTreeMap<usize, Told> {
    let mut outcomes = BTreeMap::new();
    for _ in 0..50 {
        let mut sent = BTreeMap::new();
        for (number, ask) in asks.iter().enumerate().filter(|(number, _)| !outcomes.contains_key(number)) {
            let expires_at = world.now.plus_ms(5_000);
            let request =
                world.deliver(AccountId::HOUSE, &format!("ask-{number}"), &command(ask), expires_at);
            sent.insert(request, number);
        }
        if sent.is_empty() {
            return outcomes;
        }
        for (request, told) in world.commit() {
            // Replies to what was sent before this may come too.
            if let Some(number) = sent.get(&request).filter(|_| !matches!(told, Told::NotExecuted(_))) {
                outcomes.insert(*number, told);
            }
        }
        world.wait_ms(200);
    }
    let waiting: Vec<_> = world.cell.shards().iter().map(|shard| shard.answers_waiting()).collect();
    panic!("commands stay without an answer: {outcomes:?}, waiting {waiting:?}, {:?}", shown_effects(world));
}

fn shown_effects(world: &World) -> Vec<(usize, crate::shard::ShardStats)> {
    world.cell.shards().iter().map(|shard| (shard.effects_waiting(), shard.stats())).collect()
}

fn units_told(told: &Told) -> Option<u64> {
    match told {
        Told::Accepted { answer, .. } => on_hand_of(answer),
        _ => None,
    }
}

fn on_hand_of(answer: &Answer) -> Option<u64> {
    toy::on_hand(answer)
}
