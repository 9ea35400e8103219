//! Channels: snapshots, resuming, slow watchers, lost links; what everybody hears is the same story.
#![allow(clippy::unwrap_used)] // A test that cannot go on says so by panicking.

mod support;

use serde_json::{Value, json};
use support::*;
use vendue_protocol::channel::Channel;
use vendue_protocol::domain::id::{AccountId, BookId, MarketId};
use vendue_protocol::link::{NotExecuted, Reply};
use vendue_protocol::wire::Encoding;

fn name(number: u128) -> String {
    format!("lot:{}", lot(number))
}

fn resume(id: u64, number: u128, epoch: &str, seq: u64) -> Value {
    json!({"id": id, "method": "subscribe", "params": {"channel": name(number), "resume": {"epoch": epoch, "seq": seq}}})
}

/// A world in which one guest watches lot 5, whose channel stands at 10.
fn watched(encoding: Encoding) -> (World, usize) {
    let mut world = World::linked(|_| {});
    let client = world.guest(encoding);
    world.send(client, subscribe(1, &name(5)));
    let follow = world.followed(10, Some(json!({"lot": lot(5), "title": "Chair", "price": 100, "bids": 10})));
    assert_eq!((follow.channel, follow.after, follow.follow), (lot_channel(5), 0, true));
    let heard = world.heard(client);
    assert_eq!(
        heard[0]["result"],
        json!({"epoch": "9f2c", "seq": 10, "resumed": false, "snapshot": {"lot": lot(5), "title": "Chair", "price": 100, "bids": 10}})
    );
    (world, client)
}

fn seqs(heard: &[Value]) -> Vec<u64> {
    heard.iter().map(|event| event["seq"].as_u64().unwrap_or_default()).collect()
}

#[test]
fn watchers_hear_the_same_from_where_they_came_in() {
    for encoding in Encoding::ALL {
        let (mut world, one) = watched(encoding);
        world.price(lot_channel(5), 11, 200);
        // The second is answered from what is here: the snapshot with the event laid over it (I43).
        let two = world.guest(encoding);
        let reply = world.ask(two, subscribe(1, &name(5)));
        assert_eq!(
            reply["result"]["snapshot"],
            json!({"lot": lot(5), "title": "Chair", "price": 200, "bids": 11})
        );
        assert_eq!(reply["result"]["seq"], 11);
        assert!(world.follows.is_empty());
        world.price(lot_channel(5), 12, 300);
        let (first, second) = (world.heard(one), world.heard(two));
        assert_eq!(seqs(&first), [11, 12]);
        assert_eq!(first[1..], second[..]);
        let expected = json!({"channel": name(5), "epoch": "9f2c", "seq": 12, "ts": world.now.0, "type": "price_changed",
            "data": {"price": 300, "bids": 12}});
        assert_eq!(second[0], expected);
    }
}

#[test]
fn a_resume_gives_exactly_what_was_missed_or_a_snapshot() {
    let (mut world, one) = watched(Encoding::Json);
    for seq in 11..=14 {
        world.price(lot_channel(5), seq, seq * 100);
    }
    assert_eq!(world.heard(one).len(), 4);
    let result = |world: &mut World, request: Value| world.ask(one, request)["result"].clone();
    let resumed = result(&mut world, resume(2, 5, "9f2c", 12));
    assert_eq!(
        (&resumed["resumed"], &resumed["seq"], &resumed["snapshot"]),
        (&json!(true), &json!(14), &Value::Null)
    );
    assert_eq!(seqs(resumed["events"].as_array().unwrap()), [13, 14]);
    let nothing = result(&mut world, resume(3, 5, "9f2c", 14));
    assert_eq!((&nothing["resumed"], &nothing["events"]), (&json!(true), &json!([])));
    for (epoch, seq) in [("other", 12), ("9f2c", 3)] {
        let snapshot = result(&mut world, resume(4, 5, epoch, seq));
        assert_eq!(
            (&snapshot["resumed"], &snapshot["snapshot"]["price"]),
            (&json!(false), &json!(1_400)),
            "{epoch} {seq}"
        );
        assert_eq!(snapshot["events"], Value::Null);
    }
    // Subscribing again does not double the events.
    world.price(lot_channel(5), 15, 1);
    assert_eq!(seqs(&world.heard(one)), [15]);
}

#[test]
fn a_resume_beyond_the_ring_is_a_snapshot() {
    let (mut world, one) = watched(Encoding::MessagePack);
    for seq in 11..=3_000 {
        world.price(lot_channel(5), seq, seq);
    }
    assert_eq!(world.heard(one).len(), 2_990);
    let reply = world.ask(one, resume(2, 5, "9f2c", 1_000));
    assert_eq!(
        (&reply["result"]["resumed"], &reply["result"]["snapshot"]["price"]),
        (&json!(false), &json!(3_000))
    );
    let reply = world.ask(one, resume(3, 5, "9f2c", 3_000 - 1_024));
    assert_eq!(reply["result"]["events"].as_array().unwrap().len(), 1_024);
    let reply = world.ask(one, resume(4, 5, "9f2c", 3_000 - 1_025));
    assert_eq!(reply["result"]["resumed"], false);
}

#[test]
fn a_subscribe_that_a_later_request_overtakes_is_answered_too() {
    let mut world = World::linked(|_| {});
    let client = world.guest(Encoding::Json);
    world.send(client, subscribe(1, &name(5)));
    world.send(client, subscribe(2, &name(5)));
    let heard = world.heard(client);
    assert_eq!((code(&heard[0]), &heard[0]["id"]), ("not_allowed_in_state", &json!(1)));
    assert_eq!(heard[0]["error"]["outcome"], "not_executed");
    world.send(client, json!({"id": 3, "method": "unsubscribe", "params": {"channel": name(5)}}));
    let ids: Vec<_> = world.heard(client).iter().map(|reply| reply["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, [2, 3]);
    world.followed(9, Some(json!({"price": 1})));
    world.price(lot_channel(5), 10, 2);
    assert!(world.heard(client).is_empty());
}

#[test]
fn a_resume_on_a_new_gateway_asks_the_engine_for_what_was_missed() {
    let mut world = World::linked(|_| {});
    let client = world.guest(Encoding::Json);
    world.send(client, resume(1, 5, "9f2c", 7));
    let follow = world.followed(9, None);
    assert_eq!(follow.after, 7);
    assert!(world.heard(client).is_empty(), "not before all of it is here");
    world.price(lot_channel(5), 8, 80);
    assert!(world.heard(client).is_empty());
    world.price(lot_channel(5), 9, 90);
    let heard = world.heard(client);
    assert_eq!(seqs(heard[0]["result"]["events"].as_array().unwrap()), [8, 9]);
    // Somebody without a past needs a snapshot, which is not here yet.
    let other = world.guest(Encoding::Json);
    world.send(other, subscribe(1, &name(5)));
    world.price(lot_channel(5), 10, 100);
    assert_eq!(world.followed(9, Some(json!({"price": 90}))).after, 0);
    let heard = world.heard(other);
    assert_eq!(
        (&heard[0]["result"]["seq"], &heard[0]["result"]["snapshot"]["price"]),
        (&json!(10), &json!(100))
    );
}

#[test]
fn a_position_from_the_future_is_said_to_be_one() {
    let (mut world, one) = watched(Encoding::Json);
    world.send(one, resume(2, 5, "9f2c", 12));
    assert!(world.heard(one).is_empty(), "the gateway may be behind: wait");
    world.price(lot_channel(5), 11, 1);
    world.price(lot_channel(5), 12, 2);
    assert_eq!(world.heard(one)[0]["result"]["resumed"], true);
    world.send(one, resume(3, 5, "9f2c", 99));
    world.advance(5_000);
    assert_eq!(code(&world.heard(one)[0]), "unrecoverable_position");
}

#[test]
fn a_subscription_is_not_older_than_what_was_told() {
    let mut world = World::linked(|_| {});
    let (watcher, bidder) = (world.guest(Encoding::Json), world.bidder(7, Encoding::Json));
    world.send(watcher, subscribe(1, &name(5)));
    world.followed(10, Some(json!({"price": 100})));
    world.send(bidder, bid(1, 5, 900, "k"));
    let request = world.commands[0].request;
    world.reply(request, accepted(11, 500, 900));
    world.heard(bidder);
    world.send(bidder, subscribe(2, &name(5)));
    assert!(world.heard(bidder).is_empty(), "the event of its own bid has not come yet (I38)");
    world.price(lot_channel(5), 11, 900);
    world.pulse(499);
    assert!(world.heard(bidder).is_empty());
    world.pulse(500);
    assert_eq!(world.heard(bidder)[0]["result"]["snapshot"]["price"], 900);
}

#[test]
fn a_new_link_continues_every_channel() {
    let (mut world, one) = watched(Encoding::Json);
    world.price(lot_channel(5), 11, 1);
    world.core.link_closed();
    world.link_up(EPOCH);
    let follow = world.followed(12, None);
    assert_eq!(follow.after, 11);
    world.price(lot_channel(5), 12, 2);
    world.price(lot_channel(5), 13, 3);
    assert_eq!(seqs(&world.heard(one)), [11, 12, 13]);
    // Nothing missed, and the engine says so with a snapshot of the same number.
    world.core.link_closed();
    world.link_up(EPOCH);
    world.followed(13, Some(json!({"price": 3})));
    world.price(lot_channel(5), 14, 4);
    assert_eq!(seqs(&world.heard(one)), [14]);
    // Something missed that the engine has not got any more.
    world.core.link_closed();
    world.link_up(EPOCH);
    world.followed(20, Some(json!({"price": 9})));
    assert_eq!(world.closed(one), Some(4203));
    let next = world.guest(Encoding::Json);
    assert_eq!(world.ask(next, resume(1, 5, "9f2c", 14))["result"]["snapshot"]["price"], 9);
}

#[test]
fn a_gap_in_the_events_is_never_told() {
    let (mut world, one) = watched(Encoding::Json);
    world.price(lot_channel(5), 12, 2);
    assert_eq!(world.closed(one), Some(4203));
    let next = world.guest(Encoding::Json);
    world.send(next, subscribe(1, &name(5)));
    world.followed(12, Some(json!({"price": 2})));
    assert_eq!(world.heard(next)[0]["result"]["seq"], 12);
    // What comes twice is heard once.
    world.price(lot_channel(5), 12, 2);
    assert!(world.heard(next).is_empty());
}

#[test]
fn a_restored_history_begins_everything_anew() {
    let (mut world, one) = watched(Encoding::Json);
    let idle = world.guest(Encoding::Json);
    world.core.link_closed();
    world.link_up(0xabc);
    assert_eq!((world.closed(one), world.closed(idle)), (Some(4203), None));
    let next = world.guest(Encoding::Json);
    world.send(next, resume(1, 5, "9f2c", 10));
    assert_eq!(world.followed(4, Some(json!({"price": 7}))).after, 0);
    let heard = world.heard(next);
    assert_eq!(
        (&heard[0]["result"]["epoch"], &heard[0]["result"]["resumed"]),
        (&json!("abc"), &json!(false))
    );
}

#[test]
fn a_slow_watcher_of_every_step_is_closed() {
    let (mut world, slow) = watched(Encoding::Json);
    let quick = world.guest(Encoding::Json);
    world.ask(quick, subscribe(1, &name(5)));
    world.clients[slow].reads = false;
    let key = world.clients[slow].key;
    let filler = "x".repeat(2_000);
    for seq in 11..=300 {
        world.events(lot_channel(5), &[(seq, "price_changed", json!({"price": seq, "note": filler}))]);
        assert!(world.core.output(key).len() < 270 * 1024, "bounded (I45)");
    }
    assert_eq!(world.heard(quick).len(), 290, "nobody else is delayed");
    world.clients[slow].reads = true;
    world.pump();
    let heard = world.heard(slow);
    assert_eq!(seqs(&heard), (11..11 + heard.len() as u64).collect::<Vec<_>>(), "dense up to the close");
    assert_eq!(world.closed(slow), Some(4102));
}

#[test]
fn a_slow_watcher_of_the_latest_is_spared_steps_and_told_so() {
    let (mut world, slow) = watched(Encoding::Json);
    let latest = json!({"id": 2, "method": "subscribe", "params": {"channel": name(5), "mode": "latest"}});
    world.ask(slow, latest);
    world.clients[slow].reads = false;
    let filler = "x".repeat(2_000);
    for seq in 11..=200 {
        let event = if seq == 150 { "time_extended" } else { "price_changed" };
        world.events(lot_channel(5), &[(seq, event, json!({"price": seq, "note": filler}))]);
    }
    world.clients[slow].reads = true;
    world.pump();
    world.pump();
    let heard = world.heard(slow);
    assert!(heard.len() < 40, "{}", heard.len());
    assert_eq!(world.closed(slow), None);
    // Declared ranges leave no gap (I39), the extension is there (I44), the end is the newest.
    let mut next = 11;
    for event in &heard {
        let from = event["from"].as_u64().unwrap_or_else(|| event["seq"].as_u64().unwrap());
        assert_eq!(from, next, "{:?}", seqs(&heard));
        next = event["seq"].as_u64().unwrap() + 1;
    }
    assert_eq!(next, 201);
    assert!(heard.iter().any(|event| event["type"] == "time_extended"));
    // Within one frame of the engine's, too, only the newest is given.
    let burst: Vec<_> = (201..=230).map(|seq| (seq, "price_changed", json!({"price": seq}))).collect();
    world.events(lot_channel(5), &burst);
    let heard = world.heard(slow);
    assert_eq!((heard.len(), &heard[0]["from"], &heard[0]["seq"]), (1, &json!(201), &json!(230)));
    // An event stands for those of its own name only: the newest of each run is given (I39).
    let burst: Vec<_> = (231..=240)
        .map(|seq| (seq, if seq <= 235 { "clock_ticked" } else { "price_changed" }, json!({"price": seq})))
        .collect();
    world.events(lot_channel(5), &burst);
    let heard = world.heard(slow);
    let told: Vec<_> = heard.iter().map(|event| (&event["type"], &event["from"], &event["seq"])).collect();
    assert_eq!(
        told,
        [
            (&json!("clock_ticked"), &json!(231), &json!(235)),
            (&json!("price_changed"), &json!(236), &json!(240))
        ]
    );
}

/// A watcher of a book in `latest` mode is told what its events add up to, with the range they stand for; everybody who is
/// as far is told the same, and a snapshot taken afterwards says the same.
#[test]
fn a_book_is_told_as_fast_as_one_can_take_it() {
    let mut world = World::linked(|_| {});
    let id = BookId::from_u128(5);
    let (channel, name) = (Channel::Book(id), format!("book:{id}"));
    let every = world.guest(Encoding::Json);
    world.send(every, subscribe(1, &name));
    let snapshot = json!({"book": id.to_string(), "state": "continuous", "bids": [[100, 5]], "asks": [[110, 9]], "last_trade": null});
    world.followed(10, Some(snapshot));
    assert_eq!(world.heard(every)[0]["result"]["seq"], 10);
    let (quick, slow) = (world.guest(Encoding::Json), world.guest(Encoding::MessagePack));
    for client in [quick, slow] {
        world.ask(
            client,
            json!({"id": 1, "method": "subscribe", "params": {"channel": name, "mode": "latest"}}),
        );
    }
    let trade = |price: u64| json!({"price": price, "quantity": 1, "taker_side": "buy"});
    // One frame of the engine's.
    world.events(
        channel,
        &[
            (11, "trade", trade(110)),
            (12, "book_changed", json!({"bids": [], "asks": [[110, 8]]})),
            (13, "trade", trade(110)),
            (14, "book_changed", json!({"bids": [[100, 0], [95, 2]], "asks": [[110, 7]]})),
        ],
    );
    assert_eq!(seqs(&world.heard(every)), [11, 12, 13, 14]);
    let merged = json!({"bids": [[100, 0], [95, 2]], "asks": [[110, 7]], "trades": [trade(110), trade(110)]});
    for client in [quick, slow] {
        let heard = world.heard(client);
        assert_eq!((heard.len(), &heard[0]["from"], &heard[0]["seq"]), (1, &json!(11), &json!(14)));
        assert_eq!((&heard[0]["type"], &heard[0]["data"]), (&json!("book_changed"), &merged));
    }
    // Who does not read is spared steps, however many, and misses no level; what changes the book's state is never merged.
    world.clients[slow].reads = false;
    for seq in 15..=4_000_u64 {
        let event = if seq == 2_000 {
            (seq, "book_state", json!({"state": "halted", "ends_at": null, "indicative": null}))
        } else {
            (seq, "book_changed", json!({"bids": [[seq % 90, seq]], "asks": []}))
        };
        world.events(channel, &[event]);
        world.heard(quick);
        world.heard(every);
    }
    world.clients[slow].reads = true;
    world.pump();
    let heard = world.heard(slow);
    assert!(heard.len() < 3_500, "{} events", heard.len());
    let mut next = 15;
    let mut bids = std::collections::BTreeMap::from([(95, 2)]);
    for event in &heard {
        assert_eq!(event["from"].as_u64().unwrap_or_else(|| event["seq"].as_u64().unwrap()), next, "no gap");
        next = event["seq"].as_u64().unwrap() + 1;
        for level in event["data"]["bids"].as_array().into_iter().flatten() {
            bids.insert(level[0].as_u64().unwrap(), level[1].as_u64().unwrap());
        }
    }
    assert_eq!(next, 4_001);
    assert!(heard.iter().any(|event| event["type"] == "book_state" && event["seq"] == 2_000));
    let late = world.guest(Encoding::Json);
    let snapshot = world.ask(late, subscribe(1, &name))["result"]["snapshot"].clone();
    let told: Vec<(u64, u64)> = bids.into_iter().rev().filter(|&(_, quantity)| quantity > 0).collect();
    assert_eq!(snapshot["bids"], json!(told), "the best first");
    assert_eq!((&snapshot["state"], &snapshot["last_trade"]), (&json!("halted"), &trade(110)));
}

#[test]
fn an_account_hears_its_own() {
    let mut world = World::linked(|_| {});
    let client = world.bidder(7, Encoding::Json);
    world.send(client, subscribe(1, "account"));
    let channel = Channel::Account(AccountId::from_u128(7));
    let follow = world.followed(3, Some(json!({"account": "acc", "reservations": []})));
    assert_eq!((follow.channel, follow.by), (channel, AccountId::from_u128(7)));
    assert_eq!(world.heard(client)[0]["result"]["seq"], 3);
    world.events(channel, &[(4, "outbid", json!({"lot": lot(5), "price": 5}))]);
    assert_eq!(world.heard(client)[0]["channel"], "account");
    // News are no state: a second window gets a snapshot of the engine's, not the news laid over the old one.
    let second = world.bidder(7, Encoding::Json);
    world.send(second, subscribe(1, "account"));
    assert!(world.heard(second).is_empty());
    world.followed(4, Some(json!({"account": "acc", "reservations": []})));
    let heard = world.heard(second);
    assert_eq!(
        (&heard[0]["result"]["seq"], &heard[0]["result"]["snapshot"]["lot"]),
        (&json!(4), &Value::Null)
    );
}

#[test]
fn operators_channels_are_asked_for_each_watcher() {
    let mut world = World::linked(|_| {});
    let channel = Channel::Ops(MarketId::from_u128(1));
    let (operator, other) = (world.bidder(1, Encoding::Json), world.bidder(2, Encoding::Json));
    let guest = world.guest(Encoding::Json);
    assert_eq!(code(&world.ask(guest, subscribe(1, &channel.to_string()))), "unauthenticated");
    world.send(operator, subscribe(1, &channel.to_string()));
    assert_eq!(world.followed(5, Some(json!({"market": "m"}))).by, AccountId::from_u128(1));
    assert_eq!(world.heard(operator)[0]["ok"], true);
    world.send(other, subscribe(1, &channel.to_string()));
    let follow = world.follows.remove(0);
    assert_eq!(follow.by, AccountId::from_u128(2));
    world.reply(
        follow.request,
        Reply::NotExecuted { why: NotExecuted::Forbidden, retry_after_ms: 0, message: "" },
    );
    assert_eq!(code(&world.heard(other)[0]), "forbidden");
    world.events(channel, &[(6, "lot_paused", json!({}))]);
    assert_eq!((world.heard(operator).len(), world.heard(other).len()), (1, 0));
    world.core.link_closed();
    world.link_up(EPOCH);
    let follow = world.follows.remove(0);
    assert_eq!(follow.by, AccountId::from_u128(1));
    world.reply(
        follow.request,
        Reply::NotExecuted { why: NotExecuted::Forbidden, retry_after_ms: 0, message: "" },
    );
    assert_eq!(
        world.heard(operator)[0]["code"],
        "forbidden",
        "a right that was taken away ends the subscription"
    );
}

#[test]
fn channels_without_watchers_are_let_go() {
    let (mut world, one) = watched(Encoding::Json);
    let listed = world.ask(one, json!({"id": 2, "method": "subscriptions"}));
    assert_eq!(listed["result"]["subscriptions"], json!([{"channel": name(5), "seq": 10}]));
    let left = world.ask(one, json!({"id": 3, "method": "unsubscribe", "params": {"channel": name(5)}}));
    assert_eq!(left["result"]["was_subscribed"], true);
    world.price(lot_channel(5), 11, 1);
    assert!(world.heard(one).is_empty());
    world.advance(29_000);
    assert!(world.follows.is_empty());
    world.advance(1_000);
    world.pump();
    assert_eq!((world.follows.len(), world.follows[0].follow), (1, false));
    world.follows.clear();
    world.heard(one);
    world.send(one, subscribe(4, &name(5)));
    assert_eq!(world.followed(11, Some(json!({"price": 1}))).after, 0);
}

#[test]
fn a_channel_that_does_not_exist_is_refused() {
    let mut world = World::linked(|options| options.subscriptions_max = 1);
    let client = world.guest(Encoding::Json);
    world.send(client, subscribe(1, &name(9)));
    let follow = world.follows.remove(0);
    world.reply(
        follow.request,
        Reply::NotExecuted { why: NotExecuted::NotFound, retry_after_ms: 0, message: "" },
    );
    assert_eq!(code(&world.heard(client)[0]), "not_found");
    world.send(client, subscribe(2, &name(5)));
    world.followed(1, Some(json!({})));
    world.heard(client);
    assert_eq!(code(&world.ask(client, subscribe(3, &name(6)))), "limit_exceeded");
}

#[test]
fn subscribing_waits_for_the_link() {
    let mut world = World::new(|_| {});
    let client = world.guest(Encoding::Json);
    world.send(client, subscribe(1, &name(5)));
    world.advance(1_000);
    world.link_up(EPOCH);
    world.followed(2, Some(json!({"price": 5})));
    assert_eq!(world.heard(client)[0]["result"]["seq"], 2);
    world.core.link_closed();
    let late = world.guest(Encoding::Json);
    world.send(late, subscribe(1, &name(6)));
    world.advance(5_000);
    assert_eq!(code(&world.heard(late)[0]), "deadline_exceeded");
}

/// The same input twice gives the same bytes: the simulation rests on it.
#[test]
fn same_input_same_bytes() {
    let run = || {
        let mut world = World::linked(|_| {});
        for account in 1..=5 {
            world.bidder(account, if account % 2 == 0 { Encoding::Json } else { Encoding::MessagePack });
        }
        let mut state = 99_u64;
        let mut latest = [0_u64; 20];
        for step in 0..2_000_u64 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (client, number) = ((state >> 40) as usize % 5, u128::from(state >> 50) % 20);
            match (state >> 33) % 5 {
                0 => world.send(client, subscribe(step, &name(number))),
                1 => world.send(client, bid(step, number, 1 + step, &step.to_string())),
                2 => {
                    latest[number as usize] += 1;
                    world.price(lot_channel(number), latest[number as usize], step);
                }
                3 => world.advance(7),
                _ => {
                    for follow in std::mem::take(&mut world.follows) {
                        let Channel::Lot(id) = follow.channel else { panic!() };
                        let seq = latest[id.0.as_u128() as usize];
                        world.reply(
                            follow.request,
                            Reply::Followed { seq, snapshot: &pack(&json!({"price": seq})) },
                        );
                    }
                    for seen in std::mem::take(&mut world.commands) {
                        world.reply(seen.request, accepted(step, step, step + 1));
                    }
                    world.pulse(step);
                }
            }
        }
        world.clients.iter().map(|client| client.heard.clone()).collect::<Vec<_>>()
    };
    let (one, two) = (run(), run());
    assert!(one == two && one.iter().all(|heard| heard.len() > 1_000));
}
