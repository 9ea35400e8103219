//! Answers that wait for another actor's: one outcome for each key, whoever asks and when (I36).

use vendue_domain::actor::{Command, Event};
use vendue_domain::effect::Asked;
use vendue_domain::facts::Role;
use vendue_domain::id::AccountId;
use vendue_domain::record::Field;
use vendue_domain::rejection::Rejection;
use vendue_domain::stock::{ReserveStock, StockCommand, StockEvent};
use vendue_protocol::link::NotExecuted;

use super::{Ask, ask, check_lanes, command, entries, options, units_told, world};
use crate::EngineOptions;
use crate::hook::toy;
use crate::keys::{content_hash, key_hash};
use crate::support::{Told, World, bidder};

const HOUSE: AccountId = AccountId::HOUSE;

fn send(world: &mut World, key: &str, ask: &Ask) -> u64 {
    let expires_at = world.now.plus_ms(5_000);
    world.deliver(HOUSE, key, &command(ask), expires_at)
}

/// A world whose item 1 sleeps in the state store, so that what waits for it waits for a commit.
fn with_cold_items(shards: u16) -> World {
    let mut world = world(EngineOptions { resident_max: 1, ..options(shards) });
    world.cell.checkpoint().expect("it is stored");
    // Item 0 is wanted warm.
    world.ok(HOUSE, toy::receive(0, 1, ""));
    world
}

fn asking() -> Ask {
    ask(0, 1, "ask1+1{0+1{$}}")
}

#[test]
fn duplicates_of_a_waiting_command_are_told_the_same_outcome() {
    let mut world = with_cold_items(1);
    let first = send(&mut world, "k", &asking());
    let second = send(&mut world, "k", &asking());
    let other = send(&mut world, "k", &ask(0, 7, "ask1+1{0+1{$}}"));
    let told = world.commit();
    assert_eq!(told[&other], Told::NotExecuted(NotExecuted::IdempotencyKeyReused));
    let (Told::Accepted { replayed: false, answer, .. }, Told::Accepted { replayed: true, answer: same, .. }) =
        (&told[&first], &told[&second])
    else {
        panic!("{told:?}");
    };
    assert_eq!(answer, same);
    assert_eq!(toy::on_hand(answer), Some(3), "the outcome, not the beginning");
    let third = send(&mut world, "k", &asking());
    let Told::Accepted { replayed: true, answer: later, .. } = &world.commit()[&third] else { panic!() };
    assert_eq!(answer, later);
    check_lanes(&world);
}

#[test]
fn a_refusal_that_comes_later_is_the_outcome() {
    for shards in [1, 3] {
        let mut world = with_cold_items(shards);
        let refused = ask(0, 1, "ask1+1{0+1{!}}");
        for (key, replayed) in [("k", false), ("k", true)] {
            let request = send(&mut world, key, &refused);
            let told = world.commit();
            assert_eq!(
                told.get(&request),
                Some(&Told::Rejected { replayed, rejection: Rejection::MarketHalted })
            );
        }
        world.restart();
        let request = send(&mut world, "k", &refused);
        let told = world.commit();
        assert_eq!(told[&request], Told::Rejected { replayed: true, rejection: Rejection::MarketHalted });
    }
}

#[test]
fn after_a_restart_a_repeat_is_in_progress_until_the_outcome_is_there() {
    for shards in [1, 3] {
        let mut world = with_cold_items(shards);
        world.unreadable.store(true, std::sync::atomic::Ordering::Release);
        send(&mut world, "k", &asking());
        assert!(world.commit().is_empty(), "it waits");
        assert_eq!(world.cell.shards().iter().map(|shard| shard.answers_waiting()).sum::<u32>(), 1);
        world.begin_again();
        let request = send(&mut world, "k", &asking());
        assert_eq!(world.commit()[&request], Told::NotExecuted(NotExecuted::RequestInProgress));
        world.unreadable.store(false, std::sync::atomic::Ordering::Release);
        world.wait_ms(1_000);
        world.wait_ms(1_000);
        let request = send(&mut world, "k", &asking());
        let told = world.commit();
        assert_eq!(units_told(&told[&request]), Some(3), "{shards} shards: {told:?}");
        check_lanes(&world);
    }
}

#[test]
fn as_many_commands_wait_as_may_be_under_way() {
    let mut world = with_cold_items(1);
    world.options.in_flight_max = 16;
    world.restart();
    world.unreadable.store(true, std::sync::atomic::Ordering::Release);
    let mut overloaded = 0;
    for n in 0..20 {
        send(&mut world, &format!("k{n}"), &asking());
        overloaded += world
            .commit()
            .values()
            .filter(|told| **told == Told::NotExecuted(NotExecuted::Overloaded))
            .count();
    }
    assert_eq!(overloaded, 4);
    world.unreadable.store(false, std::sync::atomic::Ordering::Release);
    for _ in 0..20 {
        world.wait_ms(1_000);
    }
    assert_eq!(world.cell.shards()[0].answers_waiting(), 0, "all are answered");
}

/// One decision ends two commands of two askers: two records, and each key leads to its own.
#[test]
fn a_decision_that_ends_several_commands_is_split_by_asker() {
    for shards in [1, 3] {
        let mut world = world(options(shards));
        let reserve = |quantity| {
            let stock = toy::stock(0);
            Command::Stock(StockCommand::Reserve(ReserveStock {
                stock,
                quantity,
                ttl_ms: Some(10_000),
                near: None,
                strategy: None,
            }))
        };
        world.ok(HOUSE, toy::receive(0, 10, ""));
        let mut asked = Vec::new();
        for n in 0..2 {
            let create = crate::support::create_account(bidder(n), "Ada");
            let create = Command::Account(vendue_domain::account::AccountCommand::Create(create));
            world.ok(HOUSE, create);
            let grant = crate::support::grant(bidder(n), Role::Bidder);
            world.ok(HOUSE, Command::Account(vendue_domain::account::AccountCommand::Grant(grant)));
            world.ok(bidder(n), reserve(n + 1));
            // Two commands that nothing completes but the end of the reservations.
            let waits = ask(0, 1, "ask");
            let key = format!("wait-{n}");
            let request = send(&mut world, &key, &waits);
            let target = toy::stock(0).into();
            let command_id = key_hash(99, HOUSE, target, key.as_bytes());
            let content = content_hash(&command(&waits).to_bytes());
            asked.push((n + 1, Asked { by: HOUSE, command_id, content }, request, key, waits));
        }
        assert!(world.commit().is_empty(), "they wait");
        let by_quantity: Vec<_> = asked.iter().map(|(quantity, asked, ..)| (*quantity, *asked)).collect();
        toy::completes(move |event| match event {
            Event::Stock(StockEvent::Closed(closed)) => {
                by_quantity.iter().find(|(quantity, _)| *quantity == closed.quantity).map(|(_, asked)| *asked)
            }
            _ => None,
        });
        world.now = world.now.plus_ms(11_000);
        world.cell.tick(world.now);
        let told = world.commit();
        let refused = |replayed| Told::Rejected { replayed, rejection: Rejection::MarketHalted };
        for (_, _, request, ..) in &asked {
            assert_eq!(told.get(request), Some(&refused(false)), "{shards} shards");
        }
        world.restart();
        for (_, asked, _, key, waits) in &asked {
            let request = send(&mut world, key, waits);
            assert_eq!(world.commit()[&request], refused(true));
            let ends: Vec<_> = entries(&world)
                .into_iter()
                .filter(|(_, entry)| entry.keyed().is_some_and(|keyed| keyed.hash == asked.command_id))
                .collect();
            assert_eq!(ends.len(), 2, "the command and its end");
        }
        super::check_replay(&world);
    }
}
