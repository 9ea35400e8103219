//! Sessions: connecting, tokens, requests and their replies, and everything a client may do wrong.
#![allow(clippy::unwrap_used)] // A test that cannot go on says so by panicking.

mod support;

use serde_json::{Value, json};
use support::*;
use tokio_tungstenite::tungstenite::Message;
use vendue_protocol::domain::actor::Command;
use vendue_protocol::domain::id::{AccountId, BookId};
use vendue_protocol::domain::lot::LotCommand;
use vendue_protocol::domain::rejection::Rejection;
use vendue_protocol::link::{NotExecuted, Reply};
use vendue_protocol::query::Query;
use vendue_protocol::wire::Encoding;

#[test]
fn a_guest_connects_and_reads() {
    for encoding in Encoding::ALL {
        let mut world = World::linked(|_| {});
        let client = world.open(encoding);
        let reply = world.ask(
            client,
            json!({"id": 1, "method": "connect", "params": {"client": {"name": "x", "version": "1"}}}),
        );
        let result = &reply["result"];
        assert_eq!((&reply["id"], &reply["ok"]), (&json!(1), &json!(true)));
        assert_eq!((&result["account"], &result["roles"]), (&Value::Null, &json!([])));
        assert!(result["connection"].as_str().unwrap().starts_with("con_"));
        assert_eq!((&result["server"]["epoch"], &result["time"]), (&json!("9f2c"), &json!(BEGIN.0)));
        assert_eq!(
            (&result["heartbeat_ms"], &result["limits"]["in_flight"]),
            (&json!(15_000), &json!(8_192))
        );
        assert_eq!(result["limits"]["deadline_max_ms"], 60_000);
        assert!(reply["t_in"].as_i64() <= reply["t_out"].as_i64());

        world.send(client, json!({"id": 2, "method": "lot.get", "params": {"lot": lot(5)}}));
        let query = world.queries.pop().unwrap();
        assert!(matches!(query.query, Query::LotGet(_)) && query.by == AccountId::default());
        let data = json!({"lot": lot(5), "price": 100, "ends_at": null});
        world.reply(query.request, Reply::Data(&pack(&data)));
        assert_eq!(world.heard(client)[0]["result"], data);
        assert_eq!(code(&world.ask(client, bid(3, 5, 100, "k"))), "unauthenticated");
        assert_eq!(code(&world.ask(client, subscribe(4, "account"))), "unauthenticated");
        assert_eq!(
            world.ask(client, json!({"id": 5, "method": "ping", "params": {"t0": 17}}))["result"]["t0"],
            17
        );
    }
}

#[test]
fn the_first_message_is_connect_and_comes_in_time() {
    let mut world = World::linked(|_| {});
    let client = world.open(Encoding::Json);
    assert_eq!(code(&world.ask(client, json!({"id": 1, "method": "ping"}))), "unauthenticated");
    world.advance(4_999);
    assert_eq!(world.closed(client), None);
    world.advance(1);
    assert_eq!(world.closed(client), Some(4008));
    assert!(world.core.is_finished(world.clients[client].key), "the client has answered the close");
}

#[test]
fn tokens_name_accounts_and_end() {
    let mut world = World::linked(|_| {});
    let client = world.open(Encoding::Json);
    let connect = |token: &str| json!({"id": 1, "method": "connect", "params": {"token": token}});
    assert_eq!(code(&world.ask(client, connect("nonsense"))), "unauthenticated");
    assert_eq!(code(&world.ask(client, connect(&token(7, -1)))), "token_expired");
    world.send(client, connect(&token(7, 10)));
    // What comes right behind `connect` need not wait for its reply.
    world.send(client, bid(2, 5, 100, "k"));
    world.answer_who_am_i();
    let reply = world.heard(client).remove(0);
    assert_eq!(reply["result"]["account"], AccountId::from_u128(7).to_string());
    assert_eq!(reply["result"]["roles"], json!(["bidder"]));
    assert_eq!(world.commands[0].by, AccountId::from_u128(7));
    let request = world.commands[0].request;
    world.reply(request, accepted(1, 1, 100));
    world.heard(client);
    world.pulse(1);
    assert_eq!(code(&world.ask(client, json!({"id": 3, "method": "connect"}))), "invalid_request");

    world.send(client, subscribe(4, "account"));
    world.followed(3, Some(json!({"account": "x"})));
    assert_eq!(world.heard(client)[0]["result"]["seq"], 3);
    world.advance(10_000);
    let ended = world.heard(client);
    assert_eq!(
        ended[0],
        json!({"type": "subscription_ended", "channel": "account", "code": "token_expired"})
    );
    // Nothing private after that (I46).
    let account = vendue_protocol::channel::Channel::Account(AccountId::from_u128(7));
    world.events(account, &[(4, "outbid", json!({"lot": lot(5)}))]);
    assert!(world.heard(client).is_empty());
    assert_eq!(code(&world.ask(client, bid(5, 5, 200, "l"))), "token_expired");
    world.send(client, json!({"id": 6, "method": "authenticate", "params": {"token": token(7, 100)}}));
    world.answer_who_am_i();
    assert_eq!(world.heard(client)[0]["result"]["roles"], json!(["bidder"]));
    world.send(client, bid(7, 5, 200, "l"));
    assert_eq!(world.commands.len(), 2);
}

#[test]
fn who_signed_out_everywhere_hears_nothing_private_with_an_older_token() {
    let mut world = World::linked(|_| {});
    let (client, other) = (world.bidder(7, Encoding::Json), world.bidder(8, Encoding::Json));
    let waiting = world.core.accept(world.now, Encoding::Json, Some(&token(7, 100))).unwrap();
    let waiting = world.client(waiting, Encoding::Json);
    for client in [client, other] {
        world.send(client, subscribe(4, "account"));
        world.followed(3, Some(json!({"account": "x"})));
        world.send(client, subscribe(5, &format!("lot:{}", lot(5))));
        if client == other {
            continue;
        }
        world.followed(1, Some(json!({"price": 1})));
    }
    world.heard(client);
    world.heard(other);
    world.advance(1_500);
    let until = world.now;
    world.signed_out(7, until);
    let ended = json!({"type": "subscription_ended", "channel": "account", "code": "token_expired"});
    assert_eq!(world.heard(client), [ended]);
    for account in [7, 8] {
        let channel = vendue_protocol::channel::Channel::Account(AccountId::from_u128(account));
        world.events(channel, &[(4, "outbid", json!({"lot": lot(5)}))]);
    }
    world.price(lot_channel(5), 2, 300);
    assert_eq!(world.heard(client).len(), 1, "what is public goes on");
    assert_eq!(world.heard(other).len(), 2, "others hear everything");
    assert_eq!(code(&world.ask(client, bid(6, 5, 200, "l"))), "token_expired");

    // No older token comes in again, by no way; one of the same second counts as older.
    let authenticate = |token: &str| json!({"id": 7, "method": "authenticate", "params": {"token": token}});
    for older in [token(7, 3_600), token_issued(7, 0), token_issued(7, 1)] {
        assert_eq!(code(&world.ask(client, authenticate(&older))), "token_expired");
        let refused = world.core.accept(world.now, Encoding::Json, Some(&older)).unwrap_err();
        assert_eq!(refused.code, vendue_protocol::wire::Code::TokenExpired);
    }
    assert_eq!(world.ask(waiting, json!({"id": 1, "method": "connect"}))["result"]["account"], Value::Null);
    world.advance(1_000);
    world.send(client, authenticate(&token_issued(7, 2)));
    world.answer_who_am_i();
    assert_eq!(world.heard(client)[0]["ok"], true);
    world.send(client, bid(8, 5, 200, "l"));
    assert_eq!(world.commands.len(), 1);

    // An earlier moment, told late, takes nothing back.
    world.signed_out(7, BEGIN);
    world.send(client, bid(9, 5, 300, "m"));
    assert_eq!(world.commands.len(), 2);
}

/// One account floods, on two connections; others hear nothing of it.
#[test]
fn a_flood_of_one_account_is_its_own() {
    let mut world = World::linked(|options| (options.account_rate, options.account_burst) = (10, 3));
    let (first, second) = (world.bidder(7, Encoding::Json), world.bidder(7, Encoding::Json));
    let other = world.bidder(8, Encoding::Json);
    let before = world.commands.len();
    for id in 0..10 {
        let client = if id % 2 == 0 { first } else { second };
        world.send(client, bid(100 + id, 5, 100, &format!("k{id}")));
    }
    // `connect` itself was counted as the address's, not as the account's.
    assert_eq!(world.commands.len() - before, 4);
    let refused: Vec<Value> = [first, second].iter().flat_map(|client| world.heard(*client)).collect();
    assert_eq!(refused.len(), 6);
    for reply in &refused {
        assert_eq!((code(reply), &reply["error"]["outcome"]), ("rate_limited", &json!("not_executed")));
        assert_eq!(reply["error"]["retry_after_ms"], 100, "{reply}");
    }
    world.send(other, bid(1, 5, 100, "o"));
    assert_eq!(world.commands.len() - before, 5, "others are not concerned");
    world.advance(100);
    world.send(second, bid(200, 5, 100, "later"));
    assert_eq!(world.commands.len() - before, 6, "when it was told to come back it is let in");
}

#[test]
fn guests_are_counted_by_their_address() {
    let mut world = World::linked(|options| (options.address_rate, options.address_burst) = (10, 2));
    let address = |last: u8| Some(std::net::IpAddr::from([192, 0, 2, last]));
    for expected in [true, true, true, false] {
        assert_eq!(world.core.admit(world.now, address(1)).is_ok(), expected);
    }
    assert!(world.core.admit(world.now, address(2)).is_ok());
    assert!(world.core.admit(world.now, None).is_ok());
    let key = world.core.accept_from(world.now, Encoding::Json, None, address(1)).unwrap();
    let client = world.client(key, Encoding::Json);
    assert_eq!(code(&world.ask(client, json!({"id": 1, "method": "connect"}))), "rate_limited");
    world.advance(400);
    assert_eq!(world.ask(client, json!({"id": 2, "method": "connect"}))["ok"], true);
}

#[test]
fn a_token_may_come_with_the_upgrade() {
    let mut world = World::linked(|_| {});
    assert!(world.core.accept(world.now, Encoding::Json, Some("nonsense")).is_err());
    let key = world.core.accept(world.now, Encoding::Json, Some(&token(9, 10))).unwrap();
    let client = world.client(key, Encoding::Json);
    world.send(client, json!({"id": 1, "method": "connect"}));
    world.answer_who_am_i();
    assert_eq!(world.heard(client)[0]["result"]["account"], AccountId::from_u128(9).to_string());
}

#[test]
fn a_bid_goes_to_the_engine_and_back() {
    for encoding in Encoding::ALL {
        let mut world = World::linked(|_| {});
        let client = world.bidder(7, encoding);
        world.send(client, bid(1, 5, 10_500, "first"));
        world.send(client, json!({"id": 2, "method": "lot.bid", "deadline_ms": 250, "params": {"lot": lot(5), "amount": 9, "key": "second"}}));
        let (first, second) = (world.commands[0].clone(), world.commands[1].clone());
        let Command::Lot(LotCommand::Bid(placed)) = &first.command else { panic!() };
        assert_eq!(
            (placed.amount.get(), first.key.as_str(), first.by),
            (10_500, "first", AccountId::from_u128(7))
        );
        assert_eq!(first.expires_at, world.now.plus_ms(5_000));
        assert_eq!(second.expires_at, world.now.plus_ms(250));
        world.now = world.now.plus_ms(3);
        world.reply(first.request, accepted(12, 100, 10_500));
        world.reply(
            second.request,
            Reply::Rejected { position: 101, replayed: true, rejection: Rejection::LotPaused },
        );
        let heard = world.heard(client);
        assert_eq!(heard[0]["id"], 1);
        assert_eq!(
            heard[0]["result"],
            json!({"bid": "bid_0000000000000000000000002D", "status": "leading", "price": 10_500, "min_next_amount": 10_600,
                "ends_at": BEGIN.plus_ms(60_000).0, "seq": 12, "replayed": false})
        );
        assert_eq!(heard[0]["t_out"].as_i64().unwrap() - heard[0]["t_in"].as_i64().unwrap(), 3_000);
        let error = &heard[1]["error"];
        assert_eq!(
            (code(&heard[1]), &error["outcome"], &error["replayed"]),
            ("lot_paused", &json!("rejected"), &json!(true))
        );
        assert_eq!(
            (&error["temporary"], &error["details"], &error["retry_after_ms"]),
            (&json!(true), &Value::Null, &Value::Null)
        );
        // An answer that comes twice is told once.
        world.reply(first.request, accepted(12, 100, 10_500));
        assert!(world.heard(client).is_empty());
        // The next question is answered from a state that includes both outcomes (I38).
        world.send(client, json!({"id": 3, "method": "lot.get", "params": {"lot": lot(5)}}));
        assert_eq!(world.queries.pop().unwrap().min_position, 101);
    }
}

#[test]
fn what_the_engine_did_not_execute_is_told() {
    let mut world = World::linked(|_| {});
    let client = world.bidder(7, Encoding::Json);
    world.send(client, bid(1, 5, 10, "k"));
    let request = world.commands[0].request;
    world
        .reply(request, Reply::NotExecuted { why: NotExecuted::Overloaded, retry_after_ms: 40, message: "" });
    let heard = world.heard(client);
    let error = &heard[0]["error"];
    assert_eq!(
        (code(&heard[0]), &error["outcome"], &error["retry_after_ms"]),
        ("overloaded", &json!("not_executed"), &json!(40))
    );
}

#[test]
fn ids_of_creations_follow_from_the_key() {
    let mut world = World::linked(|_| {});
    let client = world.bidder(7, Encoding::Json);
    let create = |id, key: &str| {
        json!({"id": id, "method": "stock.create", "params": {"market": "mkt_00000000000000000000000001", "title": "Cup",
            "price": 100, "on_hand": 3, "key": key}})
    };
    for (id, key) in [(1, "a"), (2, "a"), (3, "b")] {
        world.send(client, create(id, key));
    }
    let targets: Vec<_> = world.commands.iter().map(|seen| format!("{:?}", seen.command)).collect();
    assert_eq!(targets[0], targets[1]);
    assert_ne!(targets[0], targets[2]);
    assert!(targets[0].contains("stk_"), "{}", targets[0]);
}

#[test]
fn bad_requests_are_refused() {
    let mut world = World::linked(|_| {});
    let client = world.bidder(7, Encoding::Json);
    for (value, expected) in [
        (json!({"id": 1, "method": "lot.bidd"}), "unknown_method"),
        (
            json!({"id": 1, "method": "lot.bid", "params": {"lot": lot(1), "amount": 0, "key": "k"}}),
            "amount_out_of_range",
        ),
        (
            json!({"id": 1, "method": "lot.bid", "params": {"lot": lot(1), "amount": "1", "key": "k"}}),
            "invalid_request",
        ),
        (json!({"id": 1, "method": "lot.bid", "params": {"lot": lot(1), "amount": 1}}), "invalid_request"),
        (
            json!({"id": 1, "method": "lot.bid", "params": {"lot": lot(1), "amount": 1, "key": "k", "deadline_ms": 60_001}}),
            "invalid_request",
        ),
        (
            json!({"id": 1, "method": "lot.bid", "params": {"lot": lot(1), "amount": 1, "key": "k", "deadline_ms": 0}}),
            "invalid_request",
        ),
        (json!({"id": 1, "method": "lot.stay", "params": {}}), "invalid_request"),
        (json!({"id": 1, "method": "order.place", "params": {"key": "k"}}), "invalid_request"),
        (
            json!({"id": 1, "method": "account.deposit", "params": {"key": "k", "amount": 5}}),
            "invalid_request",
        ),
        (
            json!({"id": 1, "method": "lot.bid", "params": {"lot": lot(1), "amount": 1, "key": "k", "currency": "euro"}}),
            "invalid_request",
        ),
        (
            json!({"id": 1, "method": "lot.open", "params": {"lot": lot(1), "key": "k", "currency": "EUR"}}),
            "invalid_request",
        ),
        (subscribe(1, "lot:nonsense"), "unknown_channel"),
        (subscribe(1, "book:bok_1"), "unknown_channel"),
        (json!({"id": 1, "method": "authenticate", "params": {}}), "invalid_request"),
    ] {
        let reply = world.ask(client, value.clone());
        assert_eq!((code(&reply), &reply["id"]), (expected, &json!(1)), "{value}\n{reply}");
        assert_eq!(reply["error"]["outcome"], "not_executed");
    }
    assert!(world.commands.is_empty(), "nothing of this reaches the engine");
}

#[test]
fn unreadable_frames_are_answered_and_then_closed() {
    let mut world = World::linked(|_| {});
    let client = world.guest(Encoding::Json);
    for round in 0..16 {
        world.send_message(client, Message::text("{\"id\":9,\"method\":"));
        let heard = world.heard(client);
        assert_eq!((code(&heard[0]), &heard[0]["id"]), ("invalid_request", &json!(9)), "{round}");
        if round == 7 {
            // One good message, and the count begins anew.
            world.ask(client, json!({"id": 1, "method": "ping"}));
        }
    }
    assert_eq!(world.closed(client), None);
    let other = world.guest(Encoding::Json);
    for _ in 0..16 {
        world.send_message(other, Message::binary(vec![1, 2, 3]));
    }
    assert_eq!(world.heard(other).len(), 16);
    assert_eq!(world.closed(other), Some(4001));
}

#[test]
fn frames_that_are_too_large_end_the_connection() {
    let mut world = World::linked(|_| {});
    let client = world.guest(Encoding::Json);
    world.send_message(client, Message::text("x".repeat(256 * 1024 + 1)));
    let heard = world.heard(client);
    assert_eq!((code(&heard[0]), &heard[0]["id"]), ("payload_too_large", &Value::Null));
    assert_eq!(world.closed(client), Some(4001));

    let many = world.guest(Encoding::MessagePack);
    let messages: Vec<_> = (0..1_025).map(|id| json!({"id": id, "method": "ping"})).collect();
    world.send(many, json!(messages));
    let heard = world.heard(many);
    assert_eq!(heard.len(), 2, "an array for an array, closed at its limit");
    assert_eq!(heard[0].as_array().unwrap().len(), 1_024);
    assert_eq!(code(&heard[1]), "payload_too_large");
    assert_eq!(world.closed(many), Some(4001));
}

#[test]
fn random_bytes_never_panic() {
    let mut state = 0x1234_5678_9abc_def0_u64;
    for round in 0..500 {
        let mut world = World::linked(|_| {});
        let client = world.guest(if round % 2 == 0 { Encoding::Json } else { Encoding::MessagePack });
        let bytes: Vec<u8> = (0..200)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 56) as u8
            })
            .collect();
        world.raw(client, &bytes);
        world.raw(client, &bytes);
        world.advance(20_000);
    }
}

#[test]
fn a_flood_is_bounded() {
    let mut world = World::linked(|options| {
        options.in_flight_max = 3;
        options.pending_max = 5;
    });
    let (one, two) = (world.bidder(7, Encoding::Json), world.bidder(8, Encoding::Json));
    let codes = |world: &mut World, client: usize| {
        for id in 0..5 {
            world.send(client, bid(id, 5, 10, &format!("k{id}")));
        }
        world.heard(client).iter().map(|reply| code(reply).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(codes(&mut world, one), ["rate_limited", "rate_limited"]);
    assert_eq!(codes(&mut world, two), ["overloaded", "overloaded", "overloaded"]);
    assert_eq!(world.commands.len(), 5);
    for request in world.commands.clone() {
        world.reply(request.request, accepted(1, 1, 10));
    }
    world.send(one, bid(9, 5, 10, "k9"));
    assert_eq!(world.commands.len(), 6);
}

#[test]
fn a_client_that_does_not_read_is_not_read() {
    let mut world = World::linked(|_| {});
    let client = world.guest(Encoding::Json);
    let key = world.clients[client].key;
    world.clients[client].reads = false;
    let mut sent = 0;
    while world.core.wants_reading(key) {
        world.send(client, json!({"id": sent, "method": "ping"}));
        sent += 1;
        assert!(sent < 10_000, "reading must end");
    }
    assert!(world.core.output(key).len() < 300 * 1024);
    world.clients[client].reads = true;
    world.pump();
    assert!(world.core.wants_reading(key));
    assert_eq!(world.heard(client).len(), sent, "nothing is lost");
}

#[test]
fn arrays_are_answered_in_arrays_only_where_wanted() {
    for encoding in Encoding::ALL {
        let mut world = World::linked(|_| {});
        let plain = world.guest(encoding);
        for id in 1..4 {
            world.send(plain, json!({"id": id, "method": "ping"}));
        }
        assert!(world.heard(plain).iter().all(Value::is_object));
        world.send(plain, json!([{"id": 4, "method": "ping"}, {"id": 5, "method": "ping"}]));
        let heard = world.heard(plain);
        assert_eq!(heard.len(), 1);
        assert_eq!(
            heard[0]
                .as_array()
                .unwrap()
                .iter()
                .map(|reply| reply["id"].as_u64().unwrap())
                .collect::<Vec<_>>(),
            [4, 5]
        );
        let batching = world.open(encoding);
        let reply = world.ask(batching, json!({"id": 1, "method": "connect", "params": {"batch": true}}));
        assert!(reply.is_object(), "one message needs no array");
    }
}

#[test]
fn heartbeats_say_where_every_channel_stands() {
    let mut world = World::linked(|_| {});
    let client = world.guest(Encoding::Json);
    world.send(client, subscribe(1, &format!("lot:{}", lot(5))));
    world.followed(41, Some(json!({"price": 1})));
    world.price(lot_channel(5), 42, 2);
    world.heard(client);
    world.advance(15_000);
    let heard = world.heard(client);
    let channel = format!("lot:{}", lot(5));
    assert_eq!(heard, [json!({"type": "heartbeat", "time": world.now.0, "seqs": {channel: 42}})]);
    world.advance(14_999);
    assert!(world.heard(client).is_empty());
    world.advance(1);
    assert_eq!(world.heard(client).len(), 1);
}

#[test]
fn deadlines_tell_what_can_be_known() {
    // Never sent: certainly not executed.
    let mut world = World::linked(|_| {});
    let client = world.bidder(7, Encoding::Json);
    world.core.link_closed();
    world.send(client, bid(1, 5, 10, "a"));
    world.advance(4_999);
    assert!(world.heard(client).is_empty());
    world.advance(1);
    let heard = world.heard(client);
    assert_eq!(
        (code(&heard[0]), &heard[0]["error"]["outcome"]),
        ("deadline_exceeded", &json!("not_executed"))
    );
    world.link_up(EPOCH);
    assert!(world.commands.is_empty(), "and never executed later");
    // Sent, and the link lost: nobody here can know.
    world.send(client, bid(2, 5, 10, "b"));
    assert_eq!(world.commands.len(), 1);
    world.core.link_closed();
    world.advance(5_000);
    let heard = world.heard(client);
    assert_eq!((code(&heard[0]), &heard[0]["error"]["outcome"]), ("deadline_exceeded", &json!("unknown")));
    // Sent, and the link up: the engine is given a moment to say what it did.
    world.link_up(EPOCH);
    world.commands.clear();
    world.send(client, bid(3, 5, 10, "c"));
    world.heard(client);
    world.advance(5_500);
    assert!(world.heard(client).iter().all(|message| message["type"] == "heartbeat"));
    let request = world.commands[0].request;
    world.reply(
        request,
        Reply::NotExecuted { why: NotExecuted::DeadlineExceeded, retry_after_ms: 0, message: "" },
    );
    assert_eq!(world.heard(client)[0]["error"]["outcome"], "not_executed");
    assert!(world.core.is_ready());
}

#[test]
fn what_a_lost_link_carried_is_sent_again() {
    let mut world = World::linked(|_| {});
    let client = world.bidder(7, Encoding::Json);
    for id in 1..=3 {
        world.send(client, bid(id, 5, 10 + id, &format!("k{id}")));
    }
    let first = world.commands.clone();
    world.reply(first[1].request, accepted(1, 1, 12));
    world.core.link_closed();
    world.send(client, bid(4, 5, 14, "k4"));
    world.commands.clear();
    world.link_up(EPOCH);
    let again: Vec<_> = world.commands.iter().map(|seen| seen.key.as_str()).collect();
    assert_eq!(again, ["k1", "k3", "k4"], "what was not answered, in its order");
    assert_eq!(world.commands[0], first[0], "the same bytes under the same number");
    for seen in world.commands.clone() {
        world.reply(seen.request, accepted(2, 2, 20));
    }
    let ids: Vec<_> = world.heard(client).iter().map(|reply| reply["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, [2, 1, 3, 4], "exactly one reply each");
}

#[test]
fn a_client_that_leaves_takes_nothing_with_it() {
    let mut world = World::linked(|_| {});
    let client = world.bidder(7, Encoding::Json);
    world.send(client, bid(1, 5, 10, "k"));
    world.core.disconnect(world.now, world.clients[client].key);
    let request = world.commands[0].request;
    world.reply(request, accepted(1, 1, 10));
    let next = world.bidder(8, Encoding::Json);
    assert!(world.heard(next).is_empty(), "a reply never reaches a later tenant of the place");
}

#[test]
fn draining_tells_each_client_its_moment() {
    let mut world = World::linked(|_| {});
    let clients: Vec<_> = (0..4).map(|_| world.guest(Encoding::Json)).collect();
    let bidder = world.bidder(7, Encoding::Json);
    world.send(bidder, bid(1, 5, 10, "k"));
    world.core.drain(world.now);
    world.pump();
    let mut moments: Vec<_> = clients
        .iter()
        .map(|&client| {
            let heard = world.heard(client).remove(0);
            assert_eq!(heard["type"], "server_shutdown");
            heard["reconnect_after_ms"].as_u64().unwrap()
        })
        .collect();
    moments.dedup();
    assert_eq!(moments.len(), 4);
    assert!(!world.core.is_drained() && !world.core.is_ready());
    assert!(world.core.accept(world.now, Encoding::Json, None).is_err());
    let request = world.commands[0].request;
    world.reply(request, accepted(1, 1, 10));
    assert!(world.core.is_drained());
    assert_eq!(code(&world.heard(bidder)[1]), "ok");
    world.core.close_all(world.now);
    world.pump();
    assert_eq!(world.closed(bidder), Some(4201));
}

#[test]
fn echo_answers_bids_without_an_engine() {
    let mut world = World::new(|options| options.echo = true);
    let client = world.open(Encoding::MessagePack);
    world.ask(client, json!({"id": 1, "method": "connect", "params": {"token": token(7, 10)}}));
    let reply = world.ask(client, bid(2, 5, 500, "k"));
    assert_eq!((&reply["result"]["status"], &reply["result"]["price"]), (&json!("leading"), &json!(500)));
}

#[test]
fn echo_answers_orders_without_an_engine() {
    let mut world = World::new(|options| options.echo = true);
    let client = world.open(Encoding::Json);
    world.ask(client, json!({"id": 1, "method": "connect", "params": {"token": token(7, 10)}}));
    let mut check = |id: u64, force: &str, status: &str, filled: u64| {
        let book = BookId::from_u128(5).to_string();
        let order = json!({"book": book, "side": "buy", "type": "limit", "quantity": 3, "price": 500, "time_in_force": force, "key": force});
        let reply = world.ask(client, json!({"id": id, "method": "book.place", "params": order}));
        let result = &reply["result"];
        assert_eq!((&result["status"], &result["filled"]), (&json!(status), &json!(filled)), "{reply}");
    };
    check(2, "gtc", "open", 0);
    check(3, "ioc", "filled", 3);
}
