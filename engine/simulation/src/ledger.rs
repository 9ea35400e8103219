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
        // A book's changes add up for who may skip steps: what they come to is compared, not what they say.
        if event.get("from").is_some() && channel.starts_with("book:") {
            return secrets(channel, &event["data"]);
        }
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
    channel.starts_with("lot:") || channel.starts_with("stock:") || channel.starts_with("book:")
}

/// Lays an event over a state: its fields overwrite, but for what adds up of a book.
pub(crate) fn fold(state: &mut Map<String, Value>, event: &Value) {
    let data = &event["data"];
    match event["type"].as_str() {
        Some("book_changed") => {
            for (side, best_is_highest) in [("bids", true), ("asks", false)] {
                fold_levels(state, side, &data[side], best_is_highest);
            }
            // Of a client that may skip steps.
            if let Some(last) = data["trades"].as_array().and_then(|trades| trades.last()) {
                state.insert("last_trade".to_owned(), last.clone());
            }
        }
        Some("trade") => drop(state.insert("last_trade".to_owned(), data.clone())),
        Some("auction_indicative" | "auction_uncrossed") => {
            let shown = if data["price"].is_null() { Value::Null } else { data.clone() };
            state.insert("indicative".to_owned(), shown);
        }
        _ => overwrite(state, data),
    }
}

/// The levels that a book's event names, best first; of quantity 0: gone.
fn fold_levels(state: &mut Map<String, Value>, side: &str, changed: &Value, best_is_highest: bool) {
    let read = |rows: &Value| -> Vec<(u64, u64)> {
        let rows = rows.as_array().into_iter().flatten();
        rows.map(|row| (row[0].as_u64().unwrap_or(0), row[1].as_u64().unwrap_or(0))).collect()
    };
    let mut levels: BTreeMap<u64, u64> = state.get(side).map(read).unwrap_or_default().into_iter().collect();
    levels.extend(read(changed));
    levels.retain(|_, quantity| *quantity > 0);
    let rows = levels.into_iter().map(|(price, quantity)| json!([price, quantity]));
    let rows: Vec<Value> = if best_is_highest { rows.rev().collect() } else { rows.collect() };
    state.insert(side.to_owned(), rows.into());
}

fn overwrite(state: &mut Map<String, Value>, data: &Value) {
    for (name, value) in data.as_object().into_iter().flatten() {
        if !STEPS_ONLY.contains(&name.as_str()) {
            state.insert(name.clone(), value.clone());
        }
    }
}

/// A snapshot as a state. One that the gateway has folded holds fields of steps too.
pub(crate) fn state_of(snapshot: &Value) -> Map<String, Value> {
    let mut state = Map::new();
    overwrite(&mut state, snapshot);
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
