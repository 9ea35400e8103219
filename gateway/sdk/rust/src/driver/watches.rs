//! The channels that are followed: where each stands, and what to ask for when a step is missing.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::codec::Incoming;
use crate::endpoint::unexplained;
use crate::error::{Error, Outcome, ServerError};
use crate::options::Mode;
use crate::stats::{Counters, add};
use crate::subscription::{Event, Position, Queue, Update};

/// One channel.
#[derive(Debug)]
struct Watch {
    queue: Arc<Queue>,
    mode: Mode,
    /// The last thing that was given to the reader; `None`: a snapshot is needed.
    position: Option<Position>,
    /// A `subscribe` is under way: events until its reply belong to the past.
    waiting: bool,
}

impl Watch {
    /// The parameters that bring this watch up to date.
    fn params(&self, channel: &str) -> Value {
        let mut params = json!({"channel": channel, "snapshot": true, "mode": self.mode.name()});
        if let Some(position) = &self.position {
            params["resume"] = json!({"epoch": position.epoch, "seq": position.seq});
        }
        params
    }

    /// Asks for what is missing, from where the reader stands.
    fn again(&mut self, channel: &str) -> (String, Value) {
        self.waiting = true;
        (channel.to_owned(), self.params(channel))
    }

    /// Gives an update to the reader; where it is too far behind, the next one has to be a snapshot.
    fn give(&mut self, update: Update, counters: &Counters) -> bool {
        let fits = self.queue.push(update);
        if !fits {
            add(&counters.overruns, 1);
            self.position = None;
        }
        fits
    }

    /// The reader is gone: only this watch still holds the queue.
    fn is_deserted(&self) -> bool {
        Arc::strong_count(&self.queue) == 1
    }
}

/// What to subscribe to again: the channel, and its parameters; `Null` where it is only to be left.
pub(super) type Again = Option<(String, Value)>;

/// All followed channels of one client.
#[derive(Debug, Default)]
pub(super) struct Watches {
    by_channel: HashMap<String, Watch>,
}

impl Watches {
    /// A new reader; the parameters of its `subscribe`. `None` where the channel is followed already.
    /// `from`: what it has already.
    pub(super) fn add(
        &mut self,
        channel: &str,
        mode: Mode,
        from: Option<Position>,
        queue: Arc<Queue>,
    ) -> Option<Value> {
        if self.by_channel.get(channel).is_some_and(|watch| !watch.is_deserted()) {
            return None;
        }
        let watch = Watch { queue, mode, position: from, waiting: true };
        let params = watch.params(channel);
        self.by_channel.insert(channel.to_owned(), watch);
        Some(params)
    }

    /// A reader is gone; `true` where the channel was followed for it.
    pub(super) fn remove(&mut self, channel: &str, queue: &Arc<Queue>) -> bool {
        // A new reader may have come already: the order of the old one is late.
        let same = self.by_channel.get(channel).is_some_and(|watch| Arc::ptr_eq(&watch.queue, queue));
        same && self.by_channel.remove(channel).is_some()
    }

    /// The reply to this channel's `subscribe` will never come.
    pub(super) fn lost(&mut self, channel: &str) {
        if let Some(watch) = self.by_channel.get_mut(channel) {
            watch.waiting = false;
        }
    }

    /// On a new connection: what to subscribe to.
    pub(super) fn resume_all(&mut self) -> Vec<(String, Value)> {
        self.by_channel.retain(|_, watch| !watch.is_deserted());
        // A first subscription whose caller still waits is among the requests that are sent again.
        let resumed =
            self.by_channel.iter_mut().filter(|(_, watch)| watch.position.is_some() || !watch.waiting);
        resumed.map(|(channel, watch)| watch.again(channel)).collect()
    }

    /// Tells every reader.
    pub(super) fn tell(&self, update: &Update) {
        self.by_channel.values().for_each(|watch| watch.queue.mention(update.clone()));
    }

    /// Nothing more will come.
    pub(super) fn end_all(&self, error: &Error) {
        self.by_channel.values().for_each(|watch| watch.queue.end(error.clone()));
    }

    /// The reply to a `subscribe`.
    pub(super) fn subscribed(
        &mut self,
        channel: &str,
        result: Result<Value, Error>,
        counters: &Counters,
    ) -> Again {
        let watch = self.by_channel.get_mut(channel)?;
        watch.waiting = false;
        let result = match result {
            Ok(Value::Object(result)) => result,
            Ok(_) => Map::new(),
            // In the way of a resume (an epoch that is gone, say): begin anew.
            Err(error) if error.code() == Some("unrecoverable_position") && watch.position.is_some() => {
                watch.position = None;
                return Some(watch.again(channel));
            }
            Err(error) => {
                watch.queue.end(error);
                self.by_channel.remove(channel);
                return None;
            }
        };
        let epoch = text(&result, "epoch");
        let seq = result.get("seq").and_then(Value::as_u64).unwrap_or_default();
        if result.get("resumed").and_then(Value::as_bool) == Some(true) && watch.position.is_some() {
            add(&counters.resumes, 1);
            return self.resumed(channel, result, counters);
        }
        add(&counters.snapshots, 1);
        let state = match result.get("snapshot") {
            Some(Value::Object(state)) => state.clone(),
            _ => Map::new(),
        };
        watch.position = Some(Position { epoch, seq });
        let update = Update::Snapshot { position: watch.position.clone().unwrap_or_default(), state };
        (!watch.give(update, counters)).then(|| watch.again(channel))
    }

    /// Every missed event stands in the reply.
    fn resumed(&mut self, channel: &str, mut result: Map<String, Value>, counters: &Counters) -> Again {
        let events = match result.remove("events") {
            Some(Value::Array(events)) => events,
            _ => Vec::new(),
        };
        let watch = self.by_channel.get_mut(channel)?;
        if !watch.give(Update::Resumed { missed: events.len() }, counters) {
            return Some(watch.again(channel));
        }
        let epoch = text(&result, "epoch");
        for event in events {
            let mut event: Incoming = serde_json::from_value(event).unwrap_or_default();
            event.channel = Some(channel.to_owned());
            event.epoch.get_or_insert_with(|| epoch.clone());
            if let Some(again) = self.event(event, counters) {
                return Some(again);
            }
        }
        None
    }

    /// An event came: given on where it is the next one.
    pub(super) fn event(&mut self, incoming: Incoming, counters: &Counters) -> Again {
        add(&counters.events, 1);
        let channel = incoming.channel.as_deref()?;
        let watch = self.by_channel.get_mut(channel)?;
        if watch.is_deserted() {
            self.by_channel.remove(channel);
            return Some((channel.to_owned(), Value::Null));
        }
        let (Some(at), Some(seq)) = (&watch.position, incoming.seq) else { return None };
        if watch.waiting {
            return None;
        }
        let epoch = incoming.epoch.clone().unwrap_or_else(|| at.epoch.clone());
        if epoch == at.epoch && seq <= at.seq {
            add(&counters.duplicates, 1);
            return None;
        }
        // A skipped range that is said is no gap.
        if epoch != at.epoch || incoming.from.unwrap_or(seq) > at.seq + 1 {
            add(&counters.gaps, 1);
            return Some(watch.again(channel));
        }
        watch.position = Some(Position { epoch: epoch.clone(), seq });
        let event = Event {
            epoch,
            seq,
            from: incoming.from,
            ts: incoming.ts.unwrap_or_default(),
            kind: incoming.kind.unwrap_or_default(),
            data: incoming.data,
        };
        (!watch.give(Update::Event(event), counters)).then(|| watch.again(channel))
    }

    /// The server delivers a channel no more (`subscription_ended`): the right to it is gone.
    pub(super) fn ended(&mut self, incoming: &Incoming) {
        let named = |field: &Option<String>, name: &str| {
            field.clone().or_else(|| incoming.data[name].as_str().map(Into::into))
        };
        let channel = named(&incoming.channel, "channel").unwrap_or_default();
        if let Some(watch) = self.by_channel.remove(&channel) {
            let code = named(&incoming.code, "code").unwrap_or_else(|| "forbidden".into());
            let message = format!("{channel} is not delivered any more");
            let error = ServerError { code, message, outcome: Outcome::NotExecuted, ..unexplained() };
            watch.queue.end(Error::Server(Box::new(error)));
        }
    }

    /// A heartbeat says where every channel stands: one that is behind has lost something silently.
    pub(super) fn heartbeat(&mut self, seqs: &Value, counters: &Counters) -> Again {
        for (channel, seq) in seqs.as_object()? {
            let seq = seq.as_u64().or_else(|| seq["seq"].as_u64()).or_else(|| seq[1].as_u64());
            let Some(watch) = self.by_channel.get_mut(channel) else { continue };
            let at = watch.position.as_ref().map(|position| position.seq);
            if !watch.waiting && at.is_some_and(|at| seq.is_some_and(|seq| seq > at)) {
                add(&counters.gaps, 1);
                // One at a time: what else is behind shows with the next heartbeat.
                return Some(watch.again(channel));
            }
        }
        None
    }
}

fn text(map: &Map<String, Value>, name: &str) -> String {
    map.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}
