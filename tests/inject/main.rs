//! Errors of the operating system under the real engine (`strace --inject`): EIO and ENOSPC at the n-th write, sync, rename, opening
//! of a file. After an error nothing is acknowledged that is not durable (I8); the engine stops or goes on as it is documented, says what is
//! wrong, never panics, and the next start finds everything that was acknowledged.
//!
//! `VENDUE_INJECTIONS` sets their number (200), `VENDUE_SEED` the seed. Where `strace` cannot be used it says why and passes.

#![allow(clippy::unwrap_used, unreachable_pub, dead_code, reason = "a test in several files")]

#[path = "../common/mod.rs"]
mod common;
mod house;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use house::{Engine, Gateway};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use vendue_client::{Client, Key, Options};

/// Injections unless `VENDUE_INJECTIONS` says otherwise.
const INJECTIONS: usize = 200;
/// What fails, and how far into its calls at most: counted for each thread of the engine.
const FAILING: [(&str, u64); 9] = [
    ("pwrite64", 40),
    ("fdatasync", 6),
    ("fsync", 10),
    ("sync_file_range", 4),
    ("rename", 4),
    ("ftruncate", 4),
    ("openat", 50),
    ("unlink", 4),
    ("mkdir", 6),
];
/// Commands of one life of the engine, at most.
const COMMANDS: usize = 12;
/// How long a client waits for an engine that may have stopped.
const PATIENCE: Duration = Duration::from_millis(400);
/// After so many lives everything that was ever acknowledged is looked up, on an engine without errors.
const LIVES_BETWEEN_CHECKS: usize = 20;

/// What was acknowledged: by its key, the account it made.
type Acknowledged = BTreeMap<String, String>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_of_the_system_lose_nothing() {
    if let Err(why) = house::can_trace() {
        common::tally(&format!("injections: skipped: {why}"));
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let injections = common::number("VENDUE_INJECTIONS", INJECTIONS);
    let mut dice = StdRng::seed_from_u64(common::seed());
    // The first start makes the directory, without errors.
    let engine = Engine::start(dir.path(), None).unwrap();
    let gateway = Gateway::start(dir.path());
    engine.end();
    let mut acknowledged = Acknowledged::new();
    let (mut refused_to_start, mut stopped, mut went_on) = (0, 0, 0);
    for nth in 0..injections {
        let (call, most) = FAILING[nth % FAILING.len()];
        let error = if dice.random_ratio(1, 2) { "EIO" } else { "ENOSPC" };
        let when = dice.random_range(1..=most);
        let what = format!("inject={call}:error={error}:when={when}");
        let mut engine = match Engine::start(dir.path(), Some(&what)) {
            Ok(engine) => engine,
            Err(complaint) => {
                assert!(complaint.contains("vendue: "), "{what}: it does not say what is wrong: {complaint}");
                refused_to_start += 1;
                continue;
            }
        };
        // An engine that stops before anybody is connected answers nobody.
        if let Ok(client) = gateway.client(PATIENCE).await {
            work(&client, nth, &mut acknowledged).await;
        }
        if engine.has_ended() {
            stopped += 1
        } else {
            went_on += 1
        }
        let log = engine.kill();
        assert!(!log.contains("panicked"), "{what}: {log}");
        if nth % LIVES_BETWEEN_CHECKS == LIVES_BETWEEN_CHECKS - 1 {
            check(dir.path(), &gateway, &acknowledged, &what).await;
        }
    }
    check(dir.path(), &gateway, &acknowledged, "the end").await;
    gateway.end();
    assert!(acknowledged.len() > injections, "only {} acknowledgements: no load", acknowledged.len());
    assert!(stopped + refused_to_start > 0, "no error ever reached the engine");
    common::tally(&format!(
        "injections: {injections} tried, 0 lost anything acknowledged ({} acknowledgements): the engine refused to start after \
         {refused_to_start}, stopped after {stopped}, went on after {went_on}",
        acknowledged.len()
    ));
}

/// A disk that takes its time: who looks at the market sees it while it lasts, and every command is answered when it is over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_stalls_is_seen() {
    if let Err(why) = house::can_trace() {
        common::tally(&format!("a stalling disk: skipped: {why}"));
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    // The first start makes the directory at full speed.
    Engine::start(dir.path(), None).unwrap().end();
    let gateway = Gateway::start(dir.path());
    let engine = Engine::start(dir.path(), Some("inject=pwrite64:delay_enter=1500000:when=12+")).unwrap();
    let client = gateway.client(common::PATIENCE).await.unwrap();
    let load = tokio::spawn(async move {
        for nth in 0..COMMANDS {
            let key = format!("slow-{nth}");
            client.command("account.create", json!({"name": key}), key.as_str()).await.unwrap();
        }
        client
    });
    let give_up = Instant::now() + common::PATIENCE;
    loop {
        let stalled = gateway.metric("vendue_engine_journal_stalled_seconds");
        if stalled.is_some_and(|seconds| seconds > 0.5) {
            break;
        }
        assert!(Instant::now() < give_up, "nobody sees that the disk stalls: {stalled:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let _answered = load.await.unwrap();
    engine.kill();
    gateway.end();
}

/// Makes accounts until the engine does not answer any more.
async fn work(client: &Client, life: usize, acknowledged: &mut Acknowledged) {
    for nth in 0..COMMANDS {
        let key = format!("life-{life}-{nth}");
        let params = json!({"name": format!("Party {life}.{nth}")});
        match client.command("account.create", params, key.as_str()).await {
            Ok(made) => {
                let account = made["account"].as_str().unwrap().to_owned();
                acknowledged.insert(key, account);
            }
            // It may have happened or not; only what was told counts.
            Err(_) => return,
        }
    }
}

/// I1: everything acknowledged is there, the same, on an engine without errors.
async fn check(dir: &std::path::Path, gateway: &Gateway, acknowledged: &Acknowledged, when: &str) {
    let engine = Engine::start(dir, None).unwrap_or_else(|complaint| panic!("{when}: {complaint}"));
    let client = gateway.client(common::PATIENCE).await.unwrap();
    for (key, account) in acknowledged {
        let found = client.command_result(account, &Key::from(key.as_str())).await;
        let found: Value = found.unwrap_or_else(|error| panic!("{when}: {key} is lost: {error}"));
        assert_eq!(found["account"], json!(account), "{when}: {key}");
    }
    engine.end();
}

/// A client that does not wait long.
fn options(token: &str, patience: Duration) -> Options {
    Options {
        patience,
        request_timeout: patience,
        connect_timeout: patience * 4,
        ..Options::with_token(token)
    }
}
