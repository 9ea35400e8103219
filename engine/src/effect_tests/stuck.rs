//! Effects that cannot be decided: their lane waits and is tried again, others go on, operators see it.

use std::sync::atomic::Ordering;

use vendue_domain::id::AccountId;
use vendue_domain::record::Field;
use vendue_domain::time::Timestamp;
use vendue_protocol::link::{FrameBuilder, FrameKind, NotExecuted, QueryItem};
use vendue_protocol::query::{ListEffects, Query};
use vendue_storage::StateStore;

use super::{ask, check_lanes, command, expected, on_hand, options, world};
use crate::EngineOptions;
use crate::hook::toy;
use crate::recovery::Marker;
use crate::shard::tests::{all_rules_panic, rule_panics_after};
use crate::support::{Told, World, bidder};

const HOUSE: AccountId = AccountId::HOUSE;

fn effect_list(world: &mut World, by: AccountId) -> Told {
    world.next += 1;
    let request = world.next;
    let item =
        QueryItem { request, by, min_position: 0, query: Query::EffectList(ListEffects { limit: None }) };
    let mut frame = FrameBuilder::new(Vec::new(), FrameKind::Queries);
    frame.item(|out| item.encode(out));
    world.frame(&frame.finish());
    world.commit().remove(&request).expect("an answer")
}

fn shown(world: &mut World) -> serde_json::Value {
    match effect_list(world, HOUSE) {
        Told::Data(bytes) => rmp_serde::from_slice(&bytes).expect("readable"),
        other => panic!("{other:?}"),
    }
}

fn send_without_waiting(world: &mut World, n: u64, asked: &super::Ask) {
    let expires_at = world.now.plus_ms(5_000);
    world.deliver(HOUSE, &format!("ask-{n}"), &command(asked), expires_at);
    world.commit();
}

#[test]
fn a_target_that_cannot_be_read_holds_its_own_lane_only() {
    for shards in [1, 3] {
        let mut world = world(EngineOptions { resident_max: 1, ..options(shards) });
        world.cell.checkpoint().expect("it is stored");
        world.ok(HOUSE, toy::receive(0, 1, ""));
        world.ok(HOUSE, toy::receive(2, 1, ""));
        world.unreadable.store(true, Ordering::Release);
        let asks = [ask(0, 1, "1+1{2+1{}} 2+1{}"), ask(0, 1, "1+5{} 2+1{}")];
        for (n, ask) in asks.iter().enumerate() {
            send_without_waiting(&mut world, n as u64, ask);
        }
        let so_far = on_hand(&world);
        assert_eq!((so_far[&0], so_far[&1], so_far[&2]), (3, 0, 3), "{shards} shards");

        let list = shown(&mut world);
        assert_eq!(list["waiting"], 2);
        let stuck = &list["stuck"][0];
        assert_eq!(stuck["target"], toy::stock(1).to_string());
        assert_eq!(stuck["cause"], toy::stock(0).to_string());
        assert_eq!(stuck["command"], "stock.receive");
        assert_eq!(stuck["why"], "target_unreadable");
        assert_eq!(stuck["behind"], 1);
        assert_eq!(list["stuck"].as_array().map(Vec::len), Some(1));
        assert_eq!(list["oldest_at"], stuck["since_at"]);
        assert!(!list["oldest_at"].is_null());

        // The journal must be read from the cause: the checkpoint says so.
        world.cell.checkpoint().expect("it is stored");
        let marker = world.store.marker().expect("readable").expect("there is one");
        let marker = Marker::from_bytes(&marker).expect("readable");
        assert_eq!(Some(marker.replay_from), stuck["position"].as_u64());
        let tries = |world: &World| {
            let stuck = world.cell.shards().iter().filter_map(crate::shard::Shard::next_deadline).min();
            stuck.map(|at| at.micros_since(world.now))
        };
        let mut pauses = Vec::new();
        for _ in 0..14 {
            let pause = tries(&world).expect("it is tried again");
            pauses.push(pause / 1_000);
            world.wait_ms(pause.div_ceil(1_000));
        }
        assert!(
            pauses.windows(2).all(|pair| pair[0] <= pair[1]) && pauses.last() == Some(&60_000),
            "{pauses:?}"
        );

        world.restart();
        assert_eq!(shown(&mut world)["waiting"], 2, "it is still to be done");
        world.unreadable.store(false, Ordering::Release);
        world.wait_ms(60_000);
        world.wait_ms(60_000);
        let list = shown(&mut world);
        assert_eq!((&list["waiting"], &list["oldest_at"]), (&0.into(), &serde_json::Value::Null));
        assert_eq!(list["stuck"].as_array().map(Vec::len), Some(0));
        let mut wanted = expected(&asks);
        *wanted.entry(0).or_default() += 1;
        *wanted.entry(2).or_default() += 1;
        assert_eq!(on_hand(&world), wanted);
        check_lanes(&world);
    }
}

#[test]
fn a_rule_that_panics_is_tried_again_later() {
    for shards in [1, 3] {
        // The command's rules run twice, to decide and to apply; then the effect's decide panics, or its apply.
        for rules in [2, 3] {
            let mut world = world(options(shards));
            let asks = [ask(0, 1, "1+1{2+1{}}")];
            rule_panics_after(rules);
            send_without_waiting(&mut world, 0, &asks[0]);
            assert_eq!(on_hand(&world)[&1], 0);
            let list = shown(&mut world);
            assert_eq!(list["stuck"][0]["why"], "rules_panicked", "{shards} shards, rule {rules}: {list}");
            world.wait_ms(200);
            world.wait_ms(1_000);
            assert_eq!(on_hand(&world), expected(&asks), "{shards} shards, rule {rules}");
            assert_eq!(shown(&mut world)["stuck"].as_array().map(Vec::len), Some(0));
            check_lanes(&world);
        }
    }
}

#[test]
fn a_rule_that_always_panics_is_tried_ever_more_seldom() {
    let mut world = world(options(1));
    send_without_waiting(&mut world, 0, &ask(0, 1, ""));
    rule_panics_after(2);
    send_without_waiting(&mut world, 1, &ask(0, 1, "1+1{}"));
    all_rules_panic(true);
    for _ in 0..120 {
        world.wait_ms(1_000);
    }
    all_rules_panic(false);
    let attempts = shown(&mut world)["stuck"][0]["attempts"].as_u64().expect("a number");
    assert!((8..=12).contains(&attempts), "{attempts} in two minutes");
    world.wait_ms(60_000);
    assert_eq!(on_hand(&world)[&1], 1);
    check_lanes(&world);
}

/// An effect that its receiver refuses is done, and shown.
#[test]
fn a_refused_effect_is_recorded_and_shown() {
    for shards in [1, 3] {
        let mut world = world(options(shards));
        // No such item: nothing creates one by receiving.
        send_without_waiting(&mut world, 0, &ask(0, 1, "77+1{} 1+1{}"));
        assert_eq!(on_hand(&world)[&1], 1, "what comes behind it goes on");
        for restarted in [false, true] {
            let list = shown(&mut world);
            assert_eq!(list["waiting"], 0);
            assert_eq!(list["declined_count"], u64::from(!restarted));
            assert_eq!(list["declined"][0]["target"], toy::stock(77).to_string());
            assert_eq!(list["declined"][0]["code"], "not_found");
            world.restart();
        }
        super::check_replay(&world);
    }
}

#[test]
fn only_the_platforms_operators_see_effects() {
    let mut world = World::with_market(options(1), 0, 1);
    for by in [bidder(0), AccountId::default()] {
        assert_eq!(effect_list(&mut world, by), Told::NotExecuted(NotExecuted::Forbidden));
    }
    assert!(matches!(effect_list(&mut world, HOUSE), Told::Data(_)));
}

#[test]
fn an_effect_is_dated_after_its_cause() {
    let mut world = world(options(3));
    send_without_waiting(&mut world, 0, &ask(0, 1, "1+1{2+1{3+1{}}}"));
    let times: Vec<Timestamp> = super::entries(&world).iter().map(|(_, entry)| entry.time()).collect();
    assert!(times.windows(2).all(|pair| pair[0] <= pair[1]));
}
