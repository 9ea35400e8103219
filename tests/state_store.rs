//! A real engine whose state store is lost or damaged: it is set aside, built anew from the journal, and nothing is missing.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::{Demo, PATIENCE};
use serde_json::json;
use vendue_client::Key;

/// Checkpoints often, so that there is something in the store.
const OFTEN: &[&str] = &["--bare", "--set", "engine.checkpoint_interval_ms=100"];

/// Stock items of the test.
const ITEMS: u64 = 60;

/// How often the store's files have to change: several checkpoints' worth.
const VERSIONS: u32 = 12;

fn changed_at(path: &Path) -> Option<std::time::SystemTime> {
    path.metadata().ok()?.modified().ok()
}

/// How many files lie under `dir`, and their bytes.
fn files(dir: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.clone(), path.metadata().map_or(0, |data| data.len())));
        }
    }
    found
}

/// A market with stock, of which some is in a checkpoint; what there should be of each item.
async fn with_stock(data: &Path) -> BTreeMap<String, u64> {
    let demo = Demo::start(data, OFTEN);
    let operator = demo.operator().await;
    let market = json!({"name": "Store", "currency": "EUR"});
    let market = operator.command("market.create", market, Key::random()).await.unwrap();
    let mut expected = BTreeMap::new();
    for number in 0..ITEMS {
        let on_hand = number + 1;
        let stock = json!({"market": market["market"], "title": "Item", "price": 100, "on_hand": on_hand, "currency": "EUR"});
        let made = operator.command("stock.create", stock, Key::random()).await.unwrap();
        expected.insert(made["stock"].as_str().unwrap().to_owned(), on_hand);
    }
    // Something changes all the while, and the store's files with it: after so many versions of them there have been
    // checkpoints.
    let written = || files(&data.join("state")).iter().filter_map(|(path, _)| changed_at(path)).max();
    let (mut last, mut versions, began) = (written(), 0, Instant::now());
    let first = expected.keys().next().unwrap().clone();
    while versions < VERSIONS && began.elapsed() < PATIENCE {
        let receive = json!({"stock": first, "quantity": 1, "reason": "more"});
        operator.command("stock.receive", receive, Key::random()).await.unwrap();
        *expected.get_mut(&first).unwrap() += 1;
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = written();
        versions += u32::from(now != last);
        last = now;
    }
    drop(operator);
    assert!(demo.end().success());
    expected
}

/// Everything is there, can be listed and changed.
async fn check_stock(data: &Path, expected: &mut BTreeMap<String, u64>) {
    let demo = Demo::start(data, OFTEN);
    let operator = demo.operator().await;
    for (stock, on_hand) in expected.iter_mut() {
        let found = operator.request("stock.get", json!({"stock": stock})).await.unwrap();
        assert_eq!(found["on_hand"].as_u64(), Some(*on_hand), "{stock}");
        let receive = json!({"stock": stock, "quantity": 2, "reason": "more"});
        operator.command("stock.receive", receive, Key::random()).await.unwrap();
        *on_hand += 2;
    }
    drop(operator);
    assert!(demo.end().success());
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 0x40;
    fs::write(path, bytes).unwrap();
}

fn set_aside(data: &Path) -> usize {
    let names = fs::read_dir(data).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().starts_with("state.bad-")).count()
}

#[tokio::test]
async fn a_lost_state_store_is_built_anew() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut expected = with_stock(&data).await;
    fs::remove_dir_all(data.join("state")).unwrap();
    check_stock(&data, &mut expected).await;
    assert_eq!(set_aside(&data), 0, "nothing was there to set aside");
    assert!(!files(&data.join("state")).is_empty(), "there is a store again");
    check_stock(&data, &mut expected).await;
}

#[tokio::test]
async fn a_damaged_state_store_is_set_aside_and_built_anew() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut expected = with_stock(&data).await;
    // The store is a log: behind a flipped byte it may hold an older checkpoint, or none. Nothing is missing in any case.
    for quarter in 1..4 {
        let all = files(&data.join("state"));
        let (largest, length) = all.iter().max_by_key(|(_, bytes)| *bytes).unwrap();
        flip(largest, *length as usize * quarter / 4);
        check_stock(&data, &mut expected).await;
    }
    let before = set_aside(&data);
    flip(&data.join("state/sled/conf"), 10);
    check_stock(&data, &mut expected).await;
    assert_eq!(set_aside(&data), before + 1, "a store that does not open is set aside");
    check_stock(&data, &mut expected).await;
    assert_eq!(set_aside(&data), before + 1, "the new one is good");
}
