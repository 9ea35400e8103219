//! `kill -9` of the engine at random moments under load, again and again, against the killer's own record of what was
//! acknowledged (INVARIANTS, "How the crash suites must be built"): I1 to I4, I13, I36, I37, I39 and I43 as clients can see them.
//!
//! `VENDUE_KILL_ROUNDS` sets the number of rounds (100), `VENDUE_SEED` the seed.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test in several files")]

#[path = "../common/mod.rs"]
mod common;
mod load;
mod record;
mod watch;

use std::time::Duration;

use common::Demo;
use load::{Load, Market};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use record::Record;
use watch::Watch;

/// Rounds unless `VENDUE_KILL_ROUNDS` says otherwise.
const ROUNDS: usize = 100;
/// The load runs between these times before a kill, in milliseconds.
const LOAD_MS: std::ops::Range<u64> = 3..160;
/// Acknowledgements of a round that are checked at once; all are checked at the end.
const CHECKED_AT_ONCE: usize = 40;

fn rounds() -> usize {
    common::number("VENDUE_KILL_ROUNDS", ROUNDS)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_and_nothing_happens_twice() {
    let dir = tempfile::tempdir().unwrap();
    let seed = common::seed();
    let mut dice = StdRng::seed_from_u64(seed);
    // Long histories, so that every bid can be counted; checkpoints as often as they may be, so that they meet kills too.
    let options =
        ["--bare", "--set", "engine.history_per_lot=1048576", "--set", "engine.checkpoint_interval_ms=250"];
    let mut demo = Demo::start(&dir.path().join("data"), &options);
    let market = Market::build(&demo).await;
    let watch = Watch::start(&demo, &market).await;
    let record = Record::create(&dir.path().join("acknowledged.jsonl"));
    let load = Load::start(&demo, &market, &record, seed).await;
    let mut checked = 0;
    for round in 0..rounds() {
        tokio::time::sleep(Duration::from_millis(dice.random_range(LOAD_MS))).await;
        demo.kill_engine();
        tokio::task::block_in_place(|| demo.wait_for_engine());
        let acknowledged = record.since(checked);
        checked += acknowledged.len();
        for entry in acknowledged.iter().rev().take(CHECKED_AT_ONCE) {
            market.check_still_there(entry, &format!("round {round}")).await;
        }
        market.check_prices(&acknowledged, &format!("round {round}")).await;
    }
    let attempts = load.stop().await;
    // What the file says counts, not what this process remembers.
    let acknowledged = record.read_back();
    assert!(acknowledged.len() > rounds() * 10, "only {} acknowledgements: no load", acknowledged.len());
    for entry in &acknowledged {
        market.check_still_there(entry, "at the end").await;
    }
    market.check_histories(&acknowledged, &attempts).await;
    market.check_order(&acknowledged);
    watch.check(&market).await;
    let data = demo.text("data_dir");
    assert!(tokio::task::block_in_place(|| demo.end()).success());
    // Once more from the disk alone, by a new gateway.
    let demo = tokio::task::block_in_place(|| Demo::start(data.as_ref(), &options));
    let market = Market::again(&demo, &market).await;
    for entry in &acknowledged {
        market.check_still_there(entry, "after everything was started again").await;
    }
    market.check_histories(&acknowledged, &attempts).await;
    common::tally(&format!(
        "kill -9: {} kills, 0 lost or repeated anything acknowledged ({} acknowledgements of {} commands, in one order that explains them)",
        rounds(),
        acknowledged.len(),
        attempts.len()
    ));
}
