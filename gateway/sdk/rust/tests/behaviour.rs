//! The client against a server whose lines the test speaks: what it sends, what it makes of what comes.

#![allow(clippy::unwrap_used)]

mod fake;

use std::time::Duration;

use fake::Fake;
use serde_json::{Value, json};
use vendue_client::{Client, Encoding, Error, Key, Options, Outcome, Subscription, Update};

fn options() -> Options {
    Options { token: Some("t".into()), backoff_base: Duration::from_millis(1), ..Options::default() }
}

async fn connected(fake: &Fake, options: Options) -> (Client, fake::Peer) {
    let url = fake.url();
    let (client, peer) = tokio::join!(Client::connect(&url, options), fake.accept());
    (client.unwrap(), peer)
}

/// Starts a bid of 105.00 in the background.
fn bid(client: &Client) -> tokio::task::JoinHandle<Result<Value, Error>> {
    let client = client.clone();
    tokio::spawn(
        async move { client.command("lot.bid", json!({"lot": "lot_1", "amount": 10_500}), "k1").await },
    )
}

#[tokio::test]
async fn requests_are_answered_in_both_encodings() {
    for encoding in [Encoding::Json, Encoding::MessagePack] {
        let fake = Fake::start().await;
        let (client, mut peer) = connected(&fake, Options { encoding, ..options() }).await;
        assert_eq!(client.session().account.as_deref(), Some("acc_1"));
        let request = client.request("lot.get", json!({"lot": "lot_1"}));
        let serve = async {
            let get = peer.expect("lot.get").await;
            assert_eq!(get["params"], json!({"lot": "lot_1"}));
            peer.answer(&get, json!({"price": 10_500})).await;
        };
        let (result, ()) = tokio::join!(request, serve);
        assert_eq!(result.unwrap()["price"], 10_500);
        assert!(client.server_time().is_some());
        assert_eq!(client.stats().replies, 1);
    }
}

#[tokio::test]
async fn a_rejection_is_final() {
    let fake = Fake::start().await;
    let (client, mut peer) = connected(&fake, options()).await;
    let bid = bid(&client);
    let request = peer.expect("lot.bid").await;
    assert_eq!(request["params"], json!({"lot": "lot_1", "amount": 10_500, "key": "k1"}));
    peer.refuse(&request, "bid_too_low", "rejected", false).await;
    let error = bid.await.unwrap().unwrap_err();
    assert_eq!((error.code(), error.outcome()), (Some("bid_too_low"), Outcome::Rejected));
    assert_eq!(error.server().unwrap().details["min_next_amount"], 10_500);
}

#[tokio::test]
async fn what_did_not_reach_the_rules_is_tried_again_under_the_same_key() {
    let fake = Fake::start().await;
    let (client, mut peer) = connected(&fake, options()).await;
    let bid = bid(&client);
    for _ in 0..2 {
        let request = peer.expect("lot.bid").await;
        assert_eq!(request["params"]["key"], "k1");
        peer.refuse(&request, "overloaded", "not_executed", true).await;
    }
    let request = peer.expect("lot.bid").await;
    assert_eq!(request["params"]["key"], "k1");
    peer.answer(&request, json!({"status": "leading"})).await;
    assert_eq!(bid.await.unwrap().unwrap()["status"], "leading");
    assert_eq!(client.stats().retried, 2);
}

#[tokio::test]
async fn an_unknown_outcome_is_asked_for() {
    let fake = Fake::start().await;
    let (client, mut peer) = connected(&fake, options()).await;
    let first = bid(&client);
    let request = peer.expect("lot.bid").await;
    peer.refuse(&request, "deadline_exceeded", "unknown", true).await;
    let ask = peer.expect("command.result").await;
    assert_eq!(ask["params"], json!({"target": "lot_1", "key": "k1"}));
    peer.answer(&ask, json!({"status": "outbid", "replayed": true})).await;
    assert_eq!(first.await.unwrap().unwrap()["status"], "outbid");

    // Nobody knows the key: it did not happen, and is tried again.
    let second = bid(&client);
    let request = peer.expect("lot.bid").await;
    peer.refuse(&request, "deadline_exceeded", "unknown", true).await;
    let ask = peer.expect("command.result").await;
    peer.refuse(&ask, "not_found", "not_executed", false).await;
    let request = peer.expect("lot.bid").await;
    assert_eq!(request["params"]["key"], "k1");
    peer.refuse(&request, "bid_too_low", "rejected", false).await;
    assert_eq!(second.await.unwrap().unwrap_err().code(), Some("bid_too_low"));
}

#[tokio::test]
async fn a_broken_connection_is_replaced_and_what_is_safe_sent_again() {
    let fake = Fake::start().await;
    let (client, mut peer) = connected(&fake, options()).await;
    let bid = bid(&client);
    let unsafe_one = {
        let client = client.clone();
        tokio::spawn(async move { client.request("lot.close", json!({"lot": "lot_1"})).await })
    };
    let mut seen = [peer.receive().await, peer.receive().await];
    seen.sort_by_key(|request| request["method"].to_string());
    drop(peer);
    let error = unsafe_one.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Disconnected { .. }), "{error}");
    let mut peer = fake.accept().await;
    let again = peer.expect("lot.bid").await;
    assert_eq!(again, seen[0]);
    peer.answer(&again, json!({"status": "leading", "replayed": true})).await;
    assert_eq!(bid.await.unwrap().unwrap()["replayed"], true);
    assert_eq!((client.stats().connections, client.stats().resent), (2, 1));
}

#[tokio::test]
async fn close_codes_that_say_stay_away_are_obeyed() {
    let fake = Fake::start().await;
    let (client, mut peer) = connected(&fake, options()).await;
    let mut lot = follow(&client, &mut peer, 4).await;
    peer.close(4_003).await;
    while lot.next().await.is_some() {}
    assert!(matches!(lot.end(), Some(Error::Closed { code: Some(4_003), .. })), "{:?}", lot.end());
    let error = client.request("ping", json!({})).await.unwrap_err();
    assert!(matches!(error, Error::Closed { .. }), "{error}");
}

#[tokio::test]
async fn a_refused_token_is_told_by_connect() {
    let fake = Fake::start().await;
    let refuse = async {
        let (mut peer, connect) = fake.accept_raw().await;
        assert_eq!(connect["params"]["token"], "t");
        peer.refuse(&connect, "token_expired", "not_executed", false).await;
    };
    let url = fake.url();
    let (client, ()) = tokio::join!(Client::connect(&url, options()), refuse);
    assert_eq!(client.unwrap_err().code(), Some("token_expired"));
}

/// Follows lot 1, whose snapshot stands at `seq`.
async fn follow(client: &Client, peer: &mut fake::Peer, seq: u64) -> Subscription {
    let serve = async {
        let request = peer.expect("subscribe").await;
        assert_eq!(request["params"], json!({"channel": "lot:lot_1", "snapshot": true, "mode": "all"}));
        let result = json!({"epoch": "9f2c", "seq": seq, "resumed": false, "snapshot": {"price": 100, "title": "A clock"}});
        peer.answer(&request, result).await;
    };
    let (subscription, ()) = tokio::join!(client.subscribe("lot:lot_1"), serve);
    let mut subscription = subscription.unwrap();
    let first = subscription.next().await.unwrap();
    assert!(matches!(first, Update::Snapshot { position, .. } if position.seq == seq));
    subscription
}

/// The server's answer to a resubscription from `from`, with the events that were missed.
async fn resume(peer: &mut fake::Peer, from: u64, events: &[(u64, Value)]) {
    let request = peer.expect("subscribe").await;
    assert_eq!(request["params"]["resume"], json!({"epoch": "9f2c", "seq": from}));
    let events: Vec<_> = events
        .iter()
        .map(|(seq, data)| json!({"channel": "lot:lot_1", "epoch": "9f2c", "seq": seq, "ts": 7, "type": "price_changed", "data": data}))
        .collect();
    let seq = from + events.len() as u64;
    peer.answer(&request, json!({"epoch": "9f2c", "seq": seq, "resumed": true, "events": events})).await;
}

#[tokio::test]
async fn events_are_folded_and_repeated_ones_dropped() {
    let fake = Fake::start().await;
    let (client, mut peer) = connected(&fake, options()).await;
    let mut lot = follow(&client, &mut peer, 4).await;
    peer.event(5, json!({"price": 150})).await;
    peer.event(5, json!({"price": 150})).await;
    peer.event(6, json!({"price": 200, "leader": "B"})).await;
    assert!(matches!(lot.next().await, Some(Update::Event(event)) if event.seq == 5));
    assert!(matches!(lot.next().await, Some(Update::Event(event)) if event.seq == 6));
    assert_eq!(Value::Object(lot.state().clone()), json!({"price": 200, "leader": "B", "title": "A clock"}));
    assert_eq!(client.stats().duplicates, 1);
    let error = client.subscribe("lot:lot_1").await.unwrap_err();
    assert!(matches!(error, Error::AlreadySubscribed { .. }), "{error}");
    drop(lot);
    peer.expect("unsubscribe").await;
}

#[tokio::test]
async fn a_gap_is_closed_by_the_missed_events() {
    let fake = Fake::start().await;
    let (client, mut peer) = connected(&fake, options()).await;
    let mut lot = follow(&client, &mut peer, 4).await;
    peer.event(6, json!({"price": 200})).await;
    peer.expect("unsubscribe").await;
    resume(&mut peer, 4, &[(5, json!({"price": 150})), (6, json!({"price": 200}))]).await;
    peer.event(7, json!({"price": 250})).await;
    assert_eq!(lot.next().await, Some(Update::Resumed { missed: 2 }));
    for seq in 5..=7 {
        assert!(matches!(lot.next().await, Some(Update::Event(event)) if event.seq == seq));
    }
    // Silence that hides a lost event is noticed by the heartbeat.
    peer.send(json!({"type": "heartbeat", "time": 9, "seqs": {"lot:lot_1": 8, "lot:lot_2": 3}})).await;
    peer.expect("unsubscribe").await;
    resume(&mut peer, 7, &[(8, json!({"price": 300}))]).await;
    assert_eq!(lot.next().await, Some(Update::Resumed { missed: 1 }));
    assert!(lot.next().await.is_some());
    assert_eq!(lot.state()["price"], 300);
    assert_eq!((client.stats().gaps, client.stats().resumes), (2, 2));
}

#[tokio::test]
async fn a_subscription_goes_on_after_a_reconnection() {
    let fake = Fake::start().await;
    let (client, mut peer) = connected(&fake, options()).await;
    let mut lot = follow(&client, &mut peer, 4).await;
    peer.send(json!({"type": "server_shutdown", "data": {"reconnect_after_ms": 1}})).await;
    peer.close(4_201).await;
    assert!(matches!(lot.next().await, Some(Update::Reconnecting { .. })));
    let mut peer = fake.accept().await;
    resume(&mut peer, 4, &[(5, json!({"price": 150}))]).await;
    assert_eq!(lot.next().await, Some(Update::Resumed { missed: 1 }));
    assert!(matches!(lot.next().await, Some(Update::Event(event)) if event.seq == 5));

    // The next time the server has forgotten the position: a snapshot, and nothing of before it counts.
    drop(peer);
    assert!(matches!(lot.next().await, Some(Update::Reconnecting { .. })));
    let mut peer = fake.accept().await;
    let request = peer.expect("subscribe").await;
    let result = json!({"epoch": "aaaa", "seq": 2, "resumed": false, "snapshot": {"price": 90}});
    peer.answer(&request, result).await;
    assert!(matches!(lot.next().await, Some(Update::Snapshot { position, .. }) if position.epoch == "aaaa"));
    assert_eq!(Value::Object(lot.state().clone()), json!({"price": 90}));
}

#[tokio::test]
async fn a_reader_that_is_too_slow_gets_the_newest_state() {
    let fake = Fake::start().await;
    let (client, mut peer) = connected(&fake, Options { queue_updates: 3, ..options() }).await;
    let mut lot = follow(&client, &mut peer, 4).await;
    for seq in 5..=8 {
        peer.event(seq, json!({"price": seq})).await;
    }
    peer.expect("unsubscribe").await;
    let request = peer.expect("subscribe").await;
    assert!(request["params"].get("resume").is_none());
    peer.answer(&request, json!({"epoch": "9f2c", "seq": 8, "resumed": false, "snapshot": {"price": 8}}))
        .await;
    assert!(matches!(lot.next().await, Some(Update::Snapshot { position, .. }) if position.seq == 8));
    assert_eq!(client.stats().overruns, 1);
}

#[tokio::test]
async fn a_channel_that_is_withdrawn_ends() {
    let fake = Fake::start().await;
    let (client, mut peer) = connected(&fake, options()).await;
    let mut lot = follow(&client, &mut peer, 4).await;
    peer.send(json!({"type": "subscription_ended", "channel": "lot:lot_1", "code": "forbidden"})).await;
    assert_eq!(lot.next().await, None);
    assert_eq!(lot.end().and_then(Error::code), Some("forbidden"));
}

#[tokio::test]
async fn a_closed_client_says_so() {
    let fake = Fake::start().await;
    let (client, _peer) = connected(&fake, options()).await;
    client.close().await;
    let error = client.command("lot.bid", json!({"lot": "lot_1"}), Key::random()).await.unwrap_err();
    assert!(matches!(error, Error::Closed { .. }), "{error}");
}
