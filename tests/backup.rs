//! Backups of a market under bids, taken from outside and by the engine's own archive, restored to a record and to a time:
//! every acknowledgement up to there is there again, none after it, and clients are told that it is another history.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test in several files")]

mod common;

use std::path::Path;
use std::time::{Duration, Instant};

use common::{Demo, PATIENCE, complaint, run};
use serde_json::{Value, json};
use vendue_client::{Client, Key, Position, Update};

/// Bids of one phase.
const BIDS: u64 = 150;
/// Ends long after any test, in microseconds.
const FAR_US: i64 = 24 * 3_600 * 1_000_000;

/// A lot, and who bids on it: the amounts are the bids' numbers.
struct Sale {
    lot: String,
    account: String,
}

impl Sale {
    async fn open(demo: &Demo) -> Self {
        let operator = demo.operator().await;
        let command = |method: &'static str, params: Value| {
            let operator = operator.clone();
            async move { operator.command(method, params, Key::random()).await.unwrap() }
        };
        let text = |value: &Value, field: &str| value[field].as_str().unwrap().to_owned();
        let market = text(&command("market.create", json!({"name": "M", "currency": "EUR"})).await, "market");
        let account = text(&command("account.create", json!({"name": "Bidder"})).await, "account");
        command("account.grant", json!({"account": account, "market": market, "role": "bidder"})).await;
        let now = operator.server_time().unwrap().micros;
        let lot = json!({"market": market, "title": "Lot", "format": "english", "proxy": false, "start_amount": 1,
            "increments": {"bands": [[0, 1]]}, "opens_at": now, "closes_at": now + FAR_US});
        let lot = text(&command("lot.create", lot).await, "lot");
        while operator.request("lot.get", json!({"lot": lot})).await.unwrap()["state"] != "open" {
            tokio::task::yield_now().await;
        }
        Self { lot, account }
    }

    async fn bidder(&self, demo: &Demo) -> Client {
        demo.client(&demo.token(&self.account)).await
    }

    /// Bids the amounts of one phase; each is acknowledged.
    async fn bid(&self, bidder: &Client, phase: u64) {
        for amount in phase * BIDS + 1..=(phase + 1) * BIDS {
            let params = json!({"lot": self.lot, "amount": amount});
            bidder.command("lot.bid", params, format!("bid-{amount}").as_str()).await.unwrap();
        }
    }

    /// Whether the keys of a phase's bids lead to their outcomes.
    async fn check_phase(&self, bidder: &Client, phase: u64, is_there: bool) {
        for amount in phase * BIDS + 1..=(phase + 1) * BIDS {
            let key = format!("bid-{amount}");
            let found = bidder.command_result(&self.lot, &Key::from(key.as_str())).await;
            assert_eq!(found.is_ok(), is_there, "bid {amount}: {found:?}");
        }
    }
}

/// Where a channel's snapshot stands, which is the first thing that a watcher gets.
async fn snapshot(client: &Client, channel: &str, from: Option<Position>) -> Position {
    let subscribed = match from {
        Some(from) => client.subscribe_from(channel, from).await,
        None => client.subscribe(channel).await,
    };
    match subscribed.unwrap().next().await {
        Some(Update::Snapshot { position, .. }) => position,
        other => panic!("no snapshot: {other:?}"),
    }
}

/// Runs the command on a thread of its own and gives its answer.
async fn vendue(arguments: &[&str]) -> Value {
    let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
    let output =
        tokio::task::spawn_blocking(move || run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()));
    let output = output.await.unwrap();
    assert!(output.status.success(), "{}", complaint(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn start(dir: &Path, archive: &Path) -> Demo {
    let archive = format!("engine.archive={:?}", archive.display().to_string());
    let options = ["--bare", "--set", &archive, "--set", "engine.segment_bytes=2097152"];
    tokio::task::block_in_place(|| Demo::start(dir, &options))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_market_is_restored_to_a_record_and_to_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let (data, target, archive) = (path("data"), path("backup"), path("archive"));
    std::fs::create_dir(&archive).unwrap();
    let demo = start(data.as_ref(), archive.as_ref());
    let sale = Sale::open(&demo).await;
    let bidder = sale.bidder(&demo).await;
    let channel = format!("lot:{}", sale.lot);

    // The first copy is taken while bids come in, the second is what came since.
    let under_load = ["backup", "--data", &data, &target, "--json"];
    let (_, first) = tokio::join!(sale.bid(&bidder, 0), vendue(&under_load));
    let second = vendue(&["backup", "--data", &data, &target, "--with-vault", "--json"]).await;
    assert!(second["last"].as_u64() >= first["last"].as_u64(), "{first} {second}");
    let between = vendue(&["backup", "--list", &target, "--json"]).await["stretches"]
        .as_array()
        .and_then(|stretches| stretches.last().cloned())
        .unwrap();
    sale.bid(&bidder, 1).await;
    let third = vendue(&["backup", "--data", &data, &target, "--json"]).await;
    assert!(third["bytes"].as_u64().unwrap() > 0, "{third}");
    let give_up = Instant::now() + PATIENCE;
    while vendue(&["backup", "--list", &archive, "--json"]).await["stretches"]
        .as_array()
        .and_then(|all| all.last()?["last"].as_u64())
        < third["last"].as_u64()
    {
        assert!(Instant::now() < give_up, "the archive does not catch up");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let stood = snapshot(&demo.operator().await, &channel, None).await;
    assert!(tokio::task::block_in_place(|| demo.end()).success());

    let (seq, time) = (between["last"].to_string(), between["until"].as_str().unwrap().to_owned());
    for (name, source, at, is_second_there) in [
        ("by-seq", &target, Some(&seq), false),
        ("by-time", &archive, Some(&time), false),
        ("newest", &archive, None, true),
    ] {
        let restored = path(name);
        let mut arguments = vec!["restore", source, "--data", &restored, "--json"];
        arguments.extend(at.iter().flat_map(|at| ["--at", at.as_str()]));
        let told = vendue(&arguments).await;
        assert_eq!(told["epoch"], 2, "{told}");
        assert_eq!(at.is_some(), told["last"] == between["last"], "{told}");
        let again = tokio::task::block_in_place(|| run(&arguments));
        assert!(complaint(&again).contains("not empty"), "{}", complaint(&again));
        // The notary's key has come along with the vault's keys, or is missing: either way the store is sound.
        let judged = tokio::task::block_in_place(|| run(&["verify", &restored]));
        assert!(judged.status.success(), "{name}: {}", complaint(&judged));
        let demo = start(restored.as_ref(), &dir.path().join(format!("archive-of-{name}")));
        let bidder = sale.bidder(&demo).await;
        sale.check_phase(&bidder, 0, true).await;
        sale.check_phase(&bidder, 1, is_second_there).await;
        // Whoever stood further ahead in the other history is not told "nothing new", but where this one is.
        let now = snapshot(&demo.operator().await, &channel, Some(stood.clone())).await;
        assert_ne!(now.epoch, stood.epoch, "another history has another epoch");
        // It is a market like any other: it goes on.
        let phase = 1 + u64::from(is_second_there);
        sale.bid(&bidder, phase).await;
        sale.check_phase(&bidder, phase, true).await;
        assert!(tokio::task::block_in_place(|| demo.end()).success());
        // And its history does not go into the backup of the one it came from.
        let other = tokio::task::block_in_place(|| run(&["backup", "--data", &restored, source]));
        assert!(complaint(&other).contains("another history"), "{}", complaint(&other));
    }
}

#[test]
fn what_cannot_be_backed_up_or_restored_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let (nowhere, empty, new) = (path("nowhere"), path("empty"), path("new"));
    std::fs::create_dir(&empty).unwrap();
    let cases: [(&[&str], i32, &str); 6] = [
        (&["backup", "--data", &nowhere, &new], 1, "no backup was made"),
        (&["backup", "--data", &empty, &new], 1, "no backup was made"),
        (&["backup", "--list", &empty], 1, "the backup cannot be read"),
        (&["restore", &nowhere, "--data", &new], 1, "nothing was restored"),
        (&["restore", &empty, "--data", &new], 1, "nothing was restored"),
        (&["restore", &empty, "--data", &new, "--at", "soon"], 2, "neither the number of a record"),
    ];
    for (arguments, code, says) in cases {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        assert!(complaint(&output).contains(says), "{arguments:?}: {}", complaint(&output));
    }
    assert!(!Path::new(&new).exists(), "nothing is left behind");
}
