//! A channel as its reader sees it: updates in order, and the state they add up to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::{Notify, mpsc};

use crate::driver::Order;
use crate::error::Error;
use crate::fold::fold;

/// Where a channel stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Position {
    /// Changes only when the server's history was restored from a backup.
    pub epoch: String,
    /// Dense: one more with each event.
    pub seq: u64,
}

/// One event of a channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The epoch of `seq`.
    pub epoch: String,
    /// Its place in the channel.
    pub seq: u64,
    /// With `Mode::Latest`: the first sequence number that this event stands for, where steps were skipped.
    pub from: Option<u64>,
    /// The server's time in microseconds since the Unix epoch.
    pub ts: i64,
    /// Its type, `price_changed` say. Types that a client does not know are to be ignored.
    pub kind: String,
    /// Its fields; each overwrites the snapshot's field of the same name (a book's levels add up instead: what is told
    /// replaces the level of that price, and quantity 0 takes it away).
    pub data: Value,
}

/// What a subscription yields.
#[derive(Debug, Clone, PartialEq)]
pub enum Update {
    /// The whole state at one position: the first update, and whenever the missed events could not be had.
    Snapshot {
        /// The position it belongs to.
        position: Position,
        /// The state.
        state: Map<String, Value>,
    },
    /// The next event.
    Event(Event),
    /// The connection broke; the client is coming back by itself.
    Reconnecting {
        /// Which attempt comes next, from 1.
        attempt: u32,
        /// How long until then.
        after: Duration,
        /// Why the connection is gone.
        cause: String,
    },
    /// Back, and nothing was missed that does not follow now. (Otherwise a [`Update::Snapshot`] comes instead.)
    Resumed {
        /// How many events were missed and follow now.
        missed: usize,
    },
}

/// Updates between the connection and their reader. Bounded: what does not fit is replaced by a snapshot.
#[derive(Debug)]
pub(crate) struct Queue {
    inner: Mutex<Inner>,
    filled: Notify,
    capacity: usize,
}

#[derive(Debug, Default)]
struct Inner {
    updates: VecDeque<Update>,
    /// Why nothing more will come.
    ended: Option<Error>,
}

impl Queue {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { inner: Mutex::default(), filled: Notify::new(), capacity: capacity.max(2) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an update; `false` where the reader is too far behind: everything that waited is gone, and a snapshot is needed.
    pub(crate) fn push(&self, update: Update) -> bool {
        let mut inner = self.lock();
        let fits = inner.updates.len() < self.capacity;
        if fits {
            inner.updates.push_back(update);
        } else {
            inner.updates.clear();
        }
        drop(inner);
        self.filled.notify_one();
        fits
    }

    /// Adds news that may be left out: it never displaces what waits.
    pub(crate) fn mention(&self, update: Update) {
        let mut inner = self.lock();
        if inner.updates.len() < self.capacity {
            inner.updates.push_back(update);
        }
        drop(inner);
        self.filled.notify_one();
    }

    pub(crate) fn end(&self, error: Error) {
        self.lock().ended = Some(error);
        self.filled.notify_one();
    }

    async fn pop(&self) -> Result<Update, Error> {
        loop {
            {
                let mut inner = self.lock();
                if let Some(update) = inner.updates.pop_front() {
                    return Ok(update);
                }
                if let Some(error) = &inner.ended {
                    return Err(error.clone());
                }
            }
            self.filled.notified().await;
        }
    }
}

/// A followed channel. Dropping it stops following.
///
/// It keeps the client's connection alive.
#[derive(Debug)]
pub struct Subscription {
    channel: String,
    queue: Arc<Queue>,
    orders: mpsc::Sender<Order>,
    state: Map<String, Value>,
    position: Position,
    end: Option<Error>,
}

impl Subscription {
    pub(crate) fn new(channel: String, queue: Arc<Queue>, orders: mpsc::Sender<Order>) -> Self {
        Self { channel, queue, orders, state: Map::new(), position: Position::default(), end: None }
    }

    /// The next update; `None` when no more will come (the client was closed, or the server refuses: [`Subscription::end`]).
    /// Cancel safe.
    pub async fn next(&mut self) -> Option<Update> {
        match self.queue.pop().await {
            Ok(update) => {
                self.fold(&update);
                Some(update)
            }
            Err(error) => {
                self.end = Some(error);
                None
            }
        }
    }

    /// The channel's name.
    #[must_use]
    pub fn channel(&self) -> &str {
        &self.channel
    }

    /// The state after the last update that was yielded: the snapshot with the fields of every event since.
    #[must_use]
    pub fn state(&self) -> &Map<String, Value> {
        &self.state
    }

    /// The position of [`Subscription::state`].
    #[must_use]
    pub fn position(&self) -> &Position {
        &self.position
    }

    /// Why `next` yields no more.
    #[must_use]
    pub fn end(&self) -> Option<&Error> {
        self.end.as_ref()
    }

    fn fold(&mut self, update: &Update) {
        match update {
            Update::Snapshot { position, state } => {
                self.state.clone_from(state);
                self.position.clone_from(position);
            }
            Update::Event(event) => {
                fold(&self.channel, &mut self.state, &event.kind, &event.data);
                self.position = Position { epoch: event.epoch.clone(), seq: event.seq };
            }
            Update::Reconnecting { .. } | Update::Resumed { .. } => {}
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        // Where there is no room for the order now, the connection notices that the queue has lost its reader.
        let order =
            Order::Unsubscribe { channel: std::mem::take(&mut self.channel), queue: Arc::clone(&self.queue) };
        let _ = self.orders.try_send(order);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(seq: u64, data: Value) -> Update {
        Update::Event(Event { epoch: "e".into(), seq, from: None, ts: 0, kind: "price_changed".into(), data })
    }

    #[tokio::test]
    async fn events_overwrite_the_fields_of_the_snapshot() {
        let (orders, _receiver) = mpsc::channel(1);
        let queue = Arc::new(Queue::new(8));
        let mut subscription = Subscription::new("lot:lot_1".into(), Arc::clone(&queue), orders);
        let Value::Object(state) = json!({"price": 100, "title": "A clock"}) else { panic!() };
        queue.push(Update::Snapshot { position: Position { epoch: "e".into(), seq: 4 }, state });
        queue.push(event(5, json!({"price": 150, "leader": "B"})));
        queue.end(Error::Closed { code: None, reason: "done".into() });
        assert!(matches!(subscription.next().await, Some(Update::Snapshot { .. })));
        assert_eq!(subscription.state()["price"], 100);
        assert!(subscription.next().await.is_some());
        assert_eq!(
            Value::Object(subscription.state().clone()),
            json!({"price": 150, "title": "A clock", "leader": "B"})
        );
        assert_eq!(subscription.position().seq, 5);
        assert!(subscription.next().await.is_none());
        assert!(subscription.end().is_some());
    }

    #[test]
    fn a_reader_that_is_too_far_behind_loses_the_steps() {
        let queue = Queue::new(2);
        assert!(queue.push(event(1, Value::Null)));
        assert!(queue.push(event(2, Value::Null)));
        assert!(!queue.push(event(3, Value::Null)));
        assert!(queue.push(event(9, Value::Null)));
        assert_eq!(queue.lock().updates.len(), 1);
    }
}
