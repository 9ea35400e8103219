//! Through cuts, stalls, torn frames, lost answers and forgotten history nothing is missing and nothing happens twice. The
//! scenario is `gateway/sdk/torture.json`, the same for all clients.

#![allow(clippy::unwrap_used)]
#![allow(
    clippy::disallowed_methods,
    reason = "a bound on what waits would be one more fault, and not one of the file's"
)]

mod proxy;
mod scenario;
mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proxy::Proxy;
use scenario::{Random, Scenario};
use serde_json::{Map, Value, json};
use server::Server;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use vendue_client::{Client, Key, Options, Update};

/// How long anything may take before the test gives up: far above what it takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn options(scenario: &Scenario) -> Options {
    let ms = Duration::from_millis;
    let times = &scenario.client;
    Options {
        backoff_base: ms(times.backoff_base_ms),
        backoff_cap: ms(times.backoff_cap_ms),
        request_timeout: ms(times.deadline_ms + times.grace_ms),
        patience: ms(times.resolve_ms),
        connect_timeout: ms(1_000),
        queue_updates: 1_000_000,
        ..Options::default()
    }
}

/// A channel as its reader saw it.
#[derive(Default)]
struct Seen {
    /// The number of an event, or of a snapshot, which may be any.
    steps: Vec<(bool, u64)>,
    state: Map<String, Value>,
}

struct Watcher {
    channel: String,
    seen: Arc<Mutex<Seen>>,
    reader: JoinHandle<()>,
}

impl Watcher {
    async fn start(client: &Client, channel: &str) -> Self {
        let mut subscription = client.subscribe(channel).await.unwrap();
        let seen = Arc::<Mutex<Seen>>::default();
        let told = Arc::clone(&seen);
        let reader = tokio::spawn(async move {
            while let Some(update) = subscription.next().await {
                let mut seen = told.lock().unwrap();
                match update {
                    Update::Snapshot { position, .. } => seen.steps.push((true, position.seq)),
                    Update::Event(event) => seen.steps.push((false, event.seq)),
                    Update::Reconnecting { .. } | Update::Resumed { .. } => continue,
                }
                seen.state.clone_from(subscription.state());
            }
        });
        Self { channel: channel.to_owned(), seen, reader }
    }

    fn stands_at(&self) -> u64 {
        self.seen.lock().unwrap().steps.last().map_or(0, |(_, seq)| *seq)
    }

    /// Each step follows the one before, or is a snapshot that is not older than it.
    fn check(&self, seed: u64) {
        let mut last = 0;
        for &(snapshot, seq) in &self.seen.lock().unwrap().steps {
            let follows = if snapshot { seq >= last } else { seq == last + 1 };
            assert!(follows, "{}: {seq} (snapshot: {snapshot}) after {last}, seed {seed}", self.channel);
            last = seq;
        }
    }
}

async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < end, "never came true: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

/// Everything that happens; what each key was told.
async fn rounds(
    scenario: &Scenario,
    server: &Server,
    client: &Client,
    random: &Random,
) -> BTreeMap<String, Vec<String>> {
    let round = &scenario.round;
    let mut bids: Vec<JoinHandle<(String, String)>> = Vec::new();
    for number in 1..=scenario.rounds {
        let name = &scenario.channels[random.below(scenario.channels.len())];
        let kind = if name.starts_with("market:") { "market_state" } else { "price_changed" };
        server.publish(name, kind, json!({"price": number, "state": "open"}));
        if random.chance(round.bid) {
            let key = format!("{:032x}", random.bits());
            for _ in 0..if random.chance(round.same_key_twice) { 2 } else { 1 } {
                let (client, key) = (client.clone(), key.clone());
                bids.push(tokio::spawn(async move {
                    let params = json!({"lot": "lot_1", "amount": number});
                    let told = match client.command("lot.bid", params, Key::from(key.as_str())).await {
                        Ok(_) => "ok".to_owned(),
                        Err(error) => format!("{error} ({:?})", error.outcome()),
                    };
                    (key, told)
                }));
            }
        }
        if random.chance(round.close) {
            server.drop_all(Some(round.close_code));
        }
        if random.chance(round.drop) {
            server.drop_all(None);
        }
        if random.chance(round.pause) {
            sleep(random.between_ms(round.pause_ms)).await;
        }
    }
    let mut told = BTreeMap::<String, Vec<String>>::new();
    for bid in bids {
        let (key, outcome) = bid.await.unwrap();
        told.entry(key).or_default().push(outcome);
    }
    told
}

/// This client repeats a command until its outcome is known: none may have failed.
fn check_commands(server: &Server, told: &BTreeMap<String, Vec<String>>, seed: u64) -> [&'static str; 3] {
    let executions = server.executions();
    for (key, times) in &executions {
        assert_eq!(*times, 1, "key {key}, seed {seed}");
    }
    let executed: BTreeSet<_> = executions.keys().collect();
    let succeeded: BTreeSet<_> =
        told.iter().filter(|(_, told)| told.iter().any(|one| one == "ok")).map(|(key, _)| key).collect();
    assert_eq!(succeeded, executed, "seed {seed}");
    let failed: Vec<_> = told.values().flatten().filter(|told| *told != "ok").collect();
    assert!(failed.is_empty(), "{failed:?}, seed {seed}");
    ["each_command_once", "known_successes_are_the_executions", "failures_were_not_executed"]
}

async fn check_streams(
    scenario: &Scenario,
    server: &Server,
    watchers: &[Watcher],
    seed: u64,
) -> [&'static str; 2] {
    let fresh = Client::connect(&server.url(), options(scenario)).await.unwrap();
    for watcher in watchers {
        let end = server.seq(&watcher.channel);
        // The last events may have been lost on their way: a heartbeat tells.
        server.heartbeat();
        until(&format!("{} caught up, seed {seed}", watcher.channel), || watcher.stands_at() == end).await;
        let mut newest = fresh.subscribe(&watcher.channel).await.unwrap();
        newest.next().await.unwrap();
        assert_eq!(&watcher.seen.lock().unwrap().state, newest.state(), "{}, seed {seed}", watcher.channel);
        watcher.check(seed);
    }
    fresh.close().await;
    ["streams_are_dense", "state_is_a_fresh_snapshot"]
}

async fn torture(seed: u64) {
    eprintln!("VENDUE_SEED={seed}");
    let scenario = Arc::new(Scenario::read());
    let random = Random::new(seed);
    let server = Server::start(Arc::clone(&scenario), random.clone()).await;
    let proxy = Proxy::start(server.port, scenario.proxy.clone(), random.clone()).await;
    // The first connection is its caller's matter; only what has been connected once comes back by itself.
    let client = loop {
        if let Ok(client) = Client::connect(&proxy.url, options(&scenario)).await {
            break client;
        }
    };
    let mut watchers = Vec::new();
    for channel in &scenario.channels {
        watchers.push(Watcher::start(&client, channel).await);
    }
    let told = rounds(&scenario, &server, &client, &random).await;
    let counts = proxy.calm();
    let mut held = check_streams(&scenario, &server, &watchers, seed).await.to_vec();
    held.extend(check_commands(&server, &told, seed));
    let stats = client.stats();
    eprintln!("{stats:?} {counts:?}");
    assert!(stats.connections > 1, "nothing was survived");
    client.close().await;
    for watcher in watchers {
        tokio::time::timeout(PATIENCE, watcher.reader).await.unwrap().unwrap();
    }
    held.push("nothing_is_left_open");
    // A name in the file that nothing here has asserted is a promise that nobody keeps.
    let promised: BTreeSet<_> = scenario.hold.iter().map(String::as_str).collect();
    assert_eq!(held.into_iter().collect::<BTreeSet<_>>(), promised);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_missing_and_nothing_happens_twice() {
    let fresh = std::env::var("VENDUE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = Scenario::read().seeds;
    for seed in seeds.into_iter().chain([fresh.unwrap_or_else(rand::random)]) {
        torture(seed).await;
    }
}
