//! A journal that may not grow for ever, on real processes: its oldest segments go, and everything that rests on them goes on:
//! a lost state store is filled from a base, `verify` and `replay` begin with one, a backup is restored without the first records.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test in several files")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use common::{Demo, PATIENCE, complaint, run};
use serde_json::{Value, json};
use vendue_client::{Client, Key};

/// Small segments that soon may go: keys are remembered for a second, the notary signs at once.
const SHORT: &[&str] = &[
    "--bare",
    "--set",
    "engine.segment_bytes=2097152",
    "--set",
    "engine.base_bytes=2097152",
    "--set",
    "engine.retention_bytes=4194304",
    "--set",
    "engine.key_window_ms=1000",
    "--set",
    "engine.notary_interval_ms=100",
    "--set",
    "engine.checkpoint_interval_ms=100",
];

/// Stock items of the test, and how many commands are under way at a time.
const ITEMS: usize = 24;

/// What there should be of each item.
type Stock = BTreeMap<String, u64>;

/// The names of the files in a folder with this ending, sorted.
fn files(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let paths = fs::read_dir(dir).into_iter().flatten().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths.filter(|path| path.to_string_lossy().ends_with(ending)).collect();
    files.sort();
    files
}

/// The first record of the oldest segment.
fn first(journal: &Path) -> u64 {
    let oldest = files(journal, ".segment").into_iter().next().unwrap();
    oldest.file_stem().unwrap().to_str().unwrap().parse().unwrap()
}

async fn receive(operator: &Client, stock: &mut Stock) {
    let commands = stock.keys().map(|id| {
        let params = json!({"stock": id, "quantity": 1, "reason": "more"});
        operator.command("stock.receive", params, Key::random())
    });
    for outcome in futures_util::future::join_all(commands).await {
        outcome.unwrap();
    }
    stock.values_mut().for_each(|on_hand| *on_hand += 1);
}

/// A market with stock, changed until the first segments are gone.
async fn market(data: &Path) -> Stock {
    let demo = Demo::start(data, SHORT);
    let operator = demo.operator().await;
    let market = json!({"name": "Store", "currency": "EUR"});
    let market = operator.command("market.create", market, Key::random()).await.unwrap();
    let mut stock = Stock::new();
    for number in 0..ITEMS {
        let item = json!({"market": market["market"], "title": format!("Item {number}"), "price": 100, "on_hand": 1, "currency": "EUR"});
        let made = operator.command("stock.create", item, Key::random()).await.unwrap();
        stock.insert(made["stock"].as_str().unwrap().to_owned(), 1);
    }
    let began = Instant::now();
    while first(&data.join("journal")) == 1 {
        assert!(began.elapsed() < PATIENCE, "nothing was removed\n{}", demo.log("engine"));
        receive(&operator, &mut stock).await;
    }
    drop(operator);
    assert!(demo.end().success());
    stock
}

/// Everything is there and can be changed.
async fn check(data: &Path, stock: &mut Stock) {
    let demo = Demo::start(data, SHORT);
    let operator = demo.operator().await;
    for (id, on_hand) in &*stock {
        let found = operator.request("stock.get", json!({"stock": id})).await.unwrap();
        assert_eq!(found["on_hand"].as_u64(), Some(*on_hand), "{id}");
    }
    receive(&operator, stock).await;
    drop(operator);
    assert!(demo.end().success());
}

fn answer(arguments: &[&str]) -> Value {
    let output = run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", complaint(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The verification's line of a check.
fn line(report: &Value, name: &str) -> Value {
    let checks = report["checks"].as_array().unwrap();
    checks.iter().find(|line| line["check"] == name).unwrap_or(&Value::Null).clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_needs_goes_and_everything_else_stays() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let (data, journal, bases) =
        (dir.path().join("data"), dir.path().join("data/journal"), dir.path().join("data/bases"));
    let mut stock = market(&data).await;
    let begins = first(&journal);
    let kept: u64 = files(&journal, ".segment").iter().map(|path| path.metadata().unwrap().len()).sum();
    assert!(kept <= 4 * 4_194_304, "{kept} bytes are left");
    assert_eq!(files(&bases, ".base").len(), 2);

    let report = answer(&["verify", &path("data"), "--json"]);
    assert_eq!(report["sound"], true, "{report:#}");
    for name in ["journal", "actors", "effects", "state", "bases", "keys", "notary"] {
        assert_eq!(line(&report, name)["result"], "sound", "{report:#}");
    }
    let (id, on_hand) = stock.iter().next().map(|(id, on_hand)| (id.clone(), *on_hand)).unwrap();
    let replayed = answer(&["replay", &path("data"), "--stock", &id, "--json"]);
    assert_eq!(replayed["state"]["on_hand"], on_hand, "{replayed:#}");
    let early = run(&["replay", &path("data"), "--to", "5"]);
    assert!(!early.status.success() && complaint(&early).contains("restore"), "{}", complaint(&early));

    // The state store is lost: it is filled from a base, and from the older one where the newer is damaged.
    fs::remove_dir_all(data.join("state")).unwrap();
    check(&data, &mut stock).await;
    fs::remove_dir_all(data.join("state")).unwrap();
    let newest = files(&bases, ".base").pop().unwrap();
    let mut bytes = fs::read(&newest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&newest, bytes).unwrap();
    let found = run(&["verify", &path("data")]);
    assert_eq!(found.status.code(), Some(3), "{}", complaint(&found));
    check(&data, &mut stock).await;
    assert_eq!(files(&bases, ".base.bad").len(), 1, "the damaged one is set aside");

    // A backup that began late gives back what is left, and says from where on.
    answer(&["backup", "--data", &path("data"), &path("backup"), "--json"]);
    let moments = answer(&["backup", "--list", &path("backup"), "--json"]);
    let earliest = moments["earliest"].as_u64().unwrap();
    assert!(earliest >= begins, "{moments:#}");
    let refused = run(&["restore", &path("backup"), "--data", &path("early"), "--at", "3"]);
    assert!(complaint(&refused).contains("not among the records"), "{}", complaint(&refused));
    answer(&["restore", &path("backup"), "--data", &path("restored"), "--json"]);
    let report = answer(&["verify", &path("restored"), "--json"]);
    assert_eq!(report["sound"], true, "{report:#}");
    check(dir.path().join("restored").as_ref(), &mut stock.clone()).await;
    let at = earliest.to_string();
    answer(&["restore", &path("backup"), "--data", &path("oldest"), "--at", &at, "--json"]);
    assert_eq!(answer(&["verify", &path("oldest"), "--json"])["sound"], true);

    // Without any base, and without the state, there is nothing to begin with: it says so, and leaves everything as it is.
    fs::remove_dir_all(data.join("state")).unwrap();
    fs::remove_dir_all(&bases).unwrap();
    let refused = run(&["engine", "--data-dir", &path("data")]);
    assert!(!refused.status.success());
    assert!(complaint(&refused).contains("neither a state store nor a base"), "{}", complaint(&refused));
}
