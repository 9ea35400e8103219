//! Watchers that stay through every kill: their sequences are dense, and what they add up to is what the house says.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::{Value, json};
use tokio::task::JoinSet;
use vendue_client::{Client, Subscription, Update};

use crate::common::Demo;
use crate::load::Market;

/// One follower for each lot and the stock item.
pub struct Watch {
    client: Client,
    tasks: JoinSet<Seen>,
    finish: Arc<AtomicBool>,
    events: Arc<AtomicU64>,
}

/// What a follower has seen in the end.
struct Seen {
    channel: String,
    state: Value,
    seq: u64,
}

impl Watch {
    pub async fn start(demo: &Demo, market: &Market) -> Self {
        let client = demo.operator().await;
        let finish = Arc::new(AtomicBool::new(false));
        let events = Arc::new(AtomicU64::new(0));
        let mut tasks = JoinSet::new();
        let lots = market.lots.iter().map(|lot| format!("lot:{lot}"));
        for channel in lots.chain([format!("stock:{}", market.stock)]) {
            let subscription = client.subscribe(&channel).await.unwrap();
            tasks.spawn(follow(channel, subscription, Arc::clone(&finish), Arc::clone(&events)));
        }
        Self { client, tasks, finish, events }
    }

    /// I39, I43: dense to the end, and the fold of snapshot and events is the state that the house gives.
    pub async fn check(mut self, market: &Market) {
        self.finish.store(true, Ordering::Relaxed);
        while let Some(seen) = self.tasks.join_next().await {
            let seen = seen.unwrap();
            let (kind, id) = seen.channel.split_once(':').unwrap();
            let now = market.operator.request(&format!("{kind}.get"), json!({kind: id})).await.unwrap();
            // An event may say more than the state keeps (who bid); whatever the state has is told by events.
            for (field, value) in now.as_object().unwrap() {
                let own = json!(seen.seq);
                let told = if field == "seq" { Some(&own) } else { seen.state.get(field) };
                assert_eq!(told, Some(value), "{} at {}: {field}", seen.channel, seen.seq);
            }
        }
        let events = self.events.load(Ordering::Relaxed);
        assert!(events > 0, "the watchers have seen nothing");
        eprintln!("watchers saw {events} events in order; {:?}", self.client.stats());
    }
}

async fn follow(
    channel: String,
    mut subscription: Subscription,
    finish: Arc<AtomicBool>,
    events: Arc<AtomicU64>,
) -> Seen {
    let mut last: Option<(String, u64)> = None;
    loop {
        // When the load has stopped, silence is the end; before, it is only a slow machine.
        let quiet = std::time::Duration::from_millis(500);
        let update = match tokio::time::timeout(quiet, subscription.next()).await {
            Ok(update) => update.unwrap_or_else(|| panic!("{channel} has ended: {:?}", subscription.end())),
            Err(_) if finish.load(Ordering::Relaxed) => break,
            Err(_) => continue,
        };
        match update {
            Update::Snapshot { position, .. } => {
                let earlier = last.as_ref().map(|(_, seq)| *seq).unwrap_or_default();
                assert!(position.seq >= earlier, "{channel}: went back from {earlier} to {}", position.seq);
                last = Some((position.epoch, position.seq));
            }
            Update::Event(event) => {
                let (epoch, seq) = last.expect("a snapshot comes first");
                assert_eq!(
                    (&event.epoch, event.seq),
                    (&epoch, seq + 1),
                    "{channel}: a gap, or an event twice"
                );
                last = Some((epoch, event.seq));
                events.fetch_add(1, Ordering::Relaxed);
            }
            _ => {}
        }
    }
    let (_, seq) = last.unwrap_or_default();
    Seen { channel, state: Value::Object(subscription.state().clone()), seq }
}
