//! The order of lanes, where a round ends in the middle, an actor is cold, or recovery is not over.

use std::collections::BTreeMap;
use std::sync::Arc;

use vendue_domain::actor::Event;
use vendue_domain::effect::{Asked, Effect};
use vendue_domain::id::{AccountId, MarketId};
use vendue_domain::market::MarketEvent;
use vendue_domain::record::Field;
use vendue_domain::time::Timestamp;
use vendue_protocol::link::CommandItem;

use super::{Ask, ask, check_lanes, command, expected, on_hand, options, world};
use crate::EngineOptions;
use crate::effects::{Arrival, Lane};
use crate::entry::Entry;
use crate::hook::toy;
use crate::keys::{NoOlderKeys, content_hash, key_hash};
use crate::shard::{Request, Shard};
use crate::support::Reversed;
use crate::unit::Unit;

const HOUSE: AccountId = AccountId::HOUSE;

/// More effects at once than a unit holds, to one warm item and one that has to be loaded: what is held and what is still
/// in line stay in order.
#[test]
fn a_full_round_keeps_the_order_of_what_is_held_and_what_is_in_line() {
    let mut world = world(EngineOptions { resident_max: 1, ..options(2) });
    let owner = |n: u64| Shard::owner(&toy::stock(n).into(), 2);
    let mut same = (1..super::ITEMS).filter(|n| owner(*n) == owner(1));
    let (cold, warm) = (same.next().expect("an item"), same.next().expect("two of one shard"));
    world.cell.checkpoint().expect("it is stored");
    world.ok(HOUSE, toy::receive(warm, 1, ""));
    world.ok(HOUSE, toy::receive(0, 1, ""));
    let reason = format!("{cold}+1{{}} {warm}+1{{}} ").repeat(35);
    let asks: Vec<Ask> = (0..600).map(|_| ask(0, 1, &reason)).collect();
    for (number, ask) in asks.iter().enumerate() {
        let expires_at = world.now.plus_ms(5_000);
        world.deliver(HOUSE, &format!("ask-{number}"), &command(ask), expires_at);
    }
    world.commit();
    let mut wanted = expected(&asks);
    *wanted.entry(warm).or_default() += 1;
    *wanted.entry(0).or_default() += 1;
    assert_eq!(on_hand(&world), wanted);
    check_lanes(&world);
}

fn shard(shards: u16) -> Shard {
    let options = Arc::new(EngineOptions::default());
    Shard::new(0, shards, options, 99, Arc::new(NoOlderKeys), Arc::new(Reversed), Arc::default())
}

fn arrival(position: u64) -> Arrival {
    Arrival {
        lane: Lane { position, index: 0 },
        cause: MarketId::from_u128(1).into(),
        since: Timestamp(1),
        attempts: 0,
        effect: Effect::new(toy::stock(0), toy::receive(0, 1, "")),
    }
}

fn lanes_of(unit: Option<Box<Unit>>) -> Vec<u64> {
    let unit = unit.unwrap_or_default();
    let entries = unit.batch.iter().map(|record| Entry::from_bytes(record).expect("readable"));
    entries.filter_map(|entry| entry.lane().map(|(_, lane)| lane.position)).collect()
}

/// Another shard may be through with its recovery earlier: what it sends waits behind what was under way before.
#[test]
fn what_arrives_before_recovery_is_over_waits_behind_what_was_under_way() {
    let mut shard = shard(2);
    shard.redeliver(vec![arrival(5), arrival(6)]);
    shard.begin(Timestamp(1_000), 10, 9);
    shard.arrive([arrival(9)]);
    assert!(lanes_of(shard.finish(Box::default())).is_empty());
    assert_eq!(shard.oldest_effect(), Some(5));
    shard.begin(Timestamp(1_000), 10, 9);
    shard.recovered(Timestamp(0));
    assert_eq!(lanes_of(shard.finish(Box::default())), [5, 6, 9]);
    // What comes again has been done.
    shard.begin(Timestamp(1_000), 13, 12);
    shard.arrive([arrival(6), arrival(10), arrival(9)]);
    assert_eq!(lanes_of(shard.finish(Box::default())), [10]);
    assert_eq!(shard.effects_waiting(), 0);
}

/// A command that is taken and completed in one round, whose unit another shard's displaced: its key moves once.
#[test]
fn a_key_of_a_displaced_round_moves_once() {
    let mut shard = shard(2);
    let currency = vendue_domain::amount::Currency::new("EUR").expect("listed");
    let market = MarketId::from_u128(5);
    let create = vendue_domain::market::CreateMarket {
        market: Some(market),
        name: "M".into(),
        currency,
        increments: None,
        policy: None,
        r#ref: None,
        fees: None,
    };
    let create =
        vendue_domain::actor::Command::Market(vendue_domain::market::MarketCommand::Create(Box::new(create)));
    let halt = |reason: &str| {
        let halt = vendue_domain::market::HaltMarket { market, reason: reason.into() };
        vendue_domain::actor::Command::Market(vendue_domain::market::MarketCommand::Halt(halt))
    };
    let send = |shard: &mut Shard, key: &str, command: &vendue_domain::actor::Command| {
        let (bytes, mut item) = (command.to_bytes(), Vec::new());
        let expires_at = Timestamp(i64::MAX);
        CommandItem {
            request: 1,
            by: HOUSE,
            expires_at,
            key: key.as_bytes(),
            currency: None,
            command: &bytes,
        }
        .encode(&mut item);
        shard.command(1, &item);
    };
    let hash = key_hash(99, HOUSE, market.into(), b"create");
    let content = content_hash(&create.to_bytes());
    let asked = Asked { by: HOUSE, command_id: hash, content };
    toy::completes(move |event| matches!(event, Event::Market(MarketEvent::Halted(_))).then_some(asked));
    shard.begin(Timestamp(1_000), 10, 9);
    send(&mut shard, "create", &create);
    send(&mut shard, "halt", &halt("it completes the creation, of all things"));
    assert!(shard.finish(Box::default()).is_some());
    shard.displaced(100);
    shard.begin(Timestamp(1_000), 200, 199);
    send(&mut shard, "create", &create);
    let requests = shard.take_requests();
    assert_eq!(
        requests,
        [Request::Replay { link: 1, request: 1, position: 111 }],
        "the later of both records"
    );
}

/// Identities of different effects differ, also those of one record.
#[test]
fn every_effect_of_a_record_has_its_own_identity() {
    let mut seen = BTreeMap::new();
    for position in 1..200 {
        for index in 0..50 {
            let lane = Lane { position, index };
            assert_eq!(seen.insert(lane.identity(), lane), None);
        }
    }
}
