//! What every client has heard on every channel, laid side by side.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::Broken;
use crate::canonical;

/// Fields of events that snapshots do not have: they tell of a step, not of a state.
const STEPS_ONLY: [&str; 3] = ["bidder", "old_ends_at", "units"];

/// What has been heard anywhere.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// The hash of each event by (channel, seq).
    pub(crate) events: BTreeMap<(String, u64), u64>,
    /// The state that a client held at (channel, seq), with its hash.
    states: BTreeMap<(String, u64), (u64, Map<String, Value>)>,
    pub(crate) heard: u64,
    pub(crate) resumed: u64,
    pub(crate) snapshots: u64,
}

impl Ledger {
    /// A client has heard an event.
    ///
    /// # Errors
    /// I40: another has heard something else under this number. I14: it names an account.
    pub(crate) fn event(&mut self, channel: &str, seq: u64, event: &Value) -> Result<(), Broken> {
        self.heard += 1;
        let told = event_hash(&event["type"], &event["ts"], &event["data"]);
        let known = *self.events.entry((channel.to_owned(), seq)).or_insert(told);
        if known != told {
            return Err(Broken::new("I40", format!("two payloads for {channel} {seq}; the second: {event}")));
        }
        secrets(channel, &event["data"])
    }

    /// A client holds this state: a snapshot, or one with events laid over it.
    ///
    /// # Errors
    /// I43: another client's is different at this number.
    pub(crate) fn state(
        &mut self,
        channel: &str,
        seq: u64,
        state: &Map<String, Value>,
        how: &str,
    ) -> Result<(), Broken> {
        if !is_folded(channel) {
            return Ok(());
        }
        let held = canonical::hash(&Value::Object(state.clone()));
        let place = (channel.to_owned(), seq);
        let (known, before) = self.states.entry(place).or_insert_with(|| (held, state.clone()));
        if *known == held {
            return Ok(());
        }
        let names: BTreeSet<_> = before.keys().chain(state.keys()).collect();
        let others = names.into_iter().filter(|&name| before.get(name) != state.get(name));
        let others: Vec<_> = others.map(|name| (name, before.get(name), state.get(name))).collect();
        Err(Broken::new("I43", format!("{how} gives another state of {channel} at {seq}: {others:?}")))
    }
}

/// The hash of what an event says.
pub(crate) fn event_hash(name: &Value, time: &Value, data: &Value) -> u64 {
    canonical::hash(&json!([name, time, data]))
}

/// Whether events lay their fields over the snapshot's, and that is all there is to the channel.
pub(crate) fn is_folded(channel: &str) -> bool {
    channel.starts_with("lot:") || channel.starts_with("stock:")
}

/// Lays an event over a state.
pub(crate) fn fold(state: &mut Map<String, Value>, data: &Value) {
    for (name, value) in data.as_object().into_iter().flatten() {
        if !STEPS_ONLY.contains(&name.as_str()) {
            state.insert(name.clone(), value.clone());
        }
    }
}

/// A snapshot as a state. One that the gateway has folded holds fields of steps too.
pub(crate) fn state_of(snapshot: &Value) -> Map<String, Value> {
    let mut state = Map::new();
    fold(&mut state, snapshot);
    state
}

/// Nothing public names an account, a maximum or a reserve's amount (I14).
///
/// # Errors
/// I14.
pub(crate) fn secrets(channel: &str, data: &Value) -> Result<(), Broken> {
    if channel.starts_with("account") || channel.starts_with("ops:") {
        return Ok(());
    }
    let leaks = match data {
        Value::Object(fields) => {
            for value in fields.values() {
                secrets(channel, value)?;
            }
            fields.contains_key("maximum") || fields.contains_key("reserve")
        }
        Value::Array(values) => {
            for value in values {
                secrets(channel, value)?;
            }
            false
        }
        Value::String(text) => text.starts_with("acc_"),
        _ => false,
    };
    if leaks { Err(Broken::new("I14", format!("{channel} tells {data}"))) } else { Ok(()) }
}
