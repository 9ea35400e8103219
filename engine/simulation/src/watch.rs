//! One channel as one client knows it: where it stands, what state it has folded, and what may come next.

use serde_json::{Map, Value, json};

use crate::Broken;
use crate::ledger::{self, Ledger};

/// A client's copy of a channel.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// As the ledger knows the channel: an account's own with its account.
    pub(crate) name: String,
    /// `latest`: steps may be skipped.
    pub(crate) is_latest: bool,
    epoch: String,
    /// The last number heard; `None` before anything was.
    pub(crate) seq: Option<u64>,
    pub(crate) state: Option<Map<String, Value>>,
    /// Whether events come on the present connection.
    pub(crate) is_live: bool,
    /// How many replies to `subscribe` are awaited.
    pub(crate) asked: u32,
    /// Whether the client wants it at all.
    pub(crate) is_wanted: bool,
}

impl Watch {
    pub(crate) fn new(name: String, is_latest: bool) -> Self {
        Self { name, is_latest, is_wanted: true, ..Self::default() }
    }

    /// The parameters of `subscribe`; with `resume` from where it stands.
    pub(crate) fn ask(&mut self, channel: &str, resume: bool) -> Value {
        self.asked += 1;
        let mode = if self.is_latest { "latest" } else { "all" };
        match self.seq.filter(|_| resume) {
            Some(seq) => {
                json!({"channel": channel, "mode": mode, "resume": {"epoch": self.epoch, "seq": seq}})
            }
            None => json!({"channel": channel, "mode": mode}),
        }
    }

    /// The connection is gone.
    pub(crate) const fn lost(&mut self) {
        self.is_live = false;
        self.asked = 0;
    }

    /// The reply to `subscribe`: every missed event or a snapshot, never a part.
    ///
    /// # Errors
    /// I42 where it is a part, I38 where it goes back, and what the ledger finds.
    pub(crate) fn subscribed(
        &mut self,
        reply: &Value,
        resumed_from: Option<u64>,
        ledger: &mut Ledger,
    ) -> Result<(), Broken> {
        self.asked = self.asked.saturating_sub(1);
        if reply["ok"] != true {
            self.is_live = false;
            return match reply["error"]["code"].as_str() {
                Some("unrecoverable_position") => {
                    Err(Broken::new("I42", format!("{} cannot go on from {:?}", self.name, self.seq)))
                }
                Some("unknown_channel") => {
                    // There is no such thing; what was refused is not asked for again.
                    self.is_wanted = false;
                    Ok(())
                }
                _ => Ok(()),
            };
        }
        self.is_live = true;
        let result = &reply["result"];
        self.epoch = result["epoch"].as_str().unwrap_or_default().to_owned();
        let seq = result["seq"].as_u64().unwrap_or_default();
        if self.seq.is_some_and(|before| seq < before) {
            return Err(Broken::new("I38", format!("{} goes back from {:?} to {seq}", self.name, self.seq)));
        }
        match (result["resumed"] == true, resumed_from) {
            (true, Some(from)) => self.catch_up(&result["events"], from, seq, ledger)?,
            (true, None) => return Err(Broken::new("I42", format!("{} resumed unasked", self.name))),
            (false, _) => {
                if !result["snapshot"].is_object() {
                    return Err(Broken::new("I42", format!("{}: neither events nor a snapshot", self.name)));
                }
                ledger.snapshots += 1;
                ledger::secrets(&self.name, &result["snapshot"])?;
                let state = ledger::state_of(&result["snapshot"]);
                ledger.state(&self.name, seq, &state, "a snapshot")?;
                self.state = Some(state);
            }
        }
        self.seq = Some(seq);
        Ok(())
    }

    fn catch_up(&mut self, events: &Value, from: u64, to: u64, ledger: &mut Ledger) -> Result<(), Broken> {
        ledger.resumed += 1;
        let mut expected = from + 1;
        for event in events.as_array().into_iter().flatten() {
            if event["seq"].as_u64() != Some(expected) {
                let why = format!("{}: event {expected} is missing after a resume: {event}", self.name);
                return Err(Broken::new("I42", why));
            }
            // What came on the old subscription while this one was asked for is here again.
            if self.seq.is_none_or(|known| expected > known) {
                self.take(event, expected, ledger)?;
            } else {
                ledger.event(&self.name, expected, event)?;
            }
            expected += 1;
        }
        if expected != to + 1 {
            let why = format!("{}: resumed from {from} to {to}, told up to {}", self.name, expected - 1);
            return Err(Broken::new("I42", why));
        }
        Ok(())
    }

    /// An event has come.
    ///
    /// # Errors
    /// I39 where it is not the next one, and what the ledger finds.
    pub(crate) fn event(&mut self, event: &Value, ledger: &mut Ledger) -> Result<(), Broken> {
        let seq = event["seq"].as_u64().unwrap_or_default();
        if !self.is_live {
            return Err(Broken::new(
                "I39",
                format!("{}: an event without a subscription: {event}", self.name),
            ));
        }
        let first = event["from"].as_u64().unwrap_or(seq);
        let is_next = self.seq.is_some_and(|known| first == known + 1 && seq >= first);
        if !is_next || (first != seq && !self.is_latest) {
            return Err(Broken::new("I39", format!("{}: after {:?} comes {event}", self.name, self.seq)));
        }
        self.take(event, seq, ledger)
    }

    fn take(&mut self, event: &Value, seq: u64, ledger: &mut Ledger) -> Result<(), Broken> {
        ledger.event(&self.name, seq, event)?;
        self.seq = Some(seq);
        if let Some(state) = &mut self.state {
            ledger::fold(state, event);
            ledger.state(&self.name, seq, state, "folding events")?;
        }
        Ok(())
    }

    /// A heartbeat says where the channel stands: everything up to there has come.
    ///
    /// # Errors
    /// I39.
    pub(crate) fn heartbeat(&self, seq: u64) -> Result<(), Broken> {
        if self.is_live && self.asked == 0 && !self.is_latest && self.seq != Some(seq) {
            let why = format!("{}: a heartbeat says {seq}, heard up to {:?}", self.name, self.seq);
            return Err(Broken::new("I39", why));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(seq: u64, price: u64) -> Value {
        json!({"channel": "lot:x", "seq": seq, "ts": 1, "type": "price_changed", "data": {"price": price}})
    }

    fn live(ledger: &mut Ledger) -> Watch {
        let mut watch = Watch::new("lot:x".into(), false);
        let reply = json!({"ok": true, "result": {"epoch": "1", "seq": 4, "resumed": false, "snapshot": {"price": 4}}});
        watch.subscribed(&reply, None, ledger).unwrap();
        watch
    }

    #[test]
    fn what_a_watch_refuses() {
        let check = |events: &[Value], invariant: Option<&str>| {
            let mut ledger = Ledger::default();
            let mut watch = live(&mut ledger);
            let outcome = events.iter().try_for_each(|event| watch.event(event, &mut ledger));
            assert_eq!(outcome.err().map(|broken| broken.invariant), invariant);
        };
        check(&[event(5, 5), event(6, 6)], None);
        check(&[event(6, 6)], Some("I39"));
        check(&[event(5, 5), event(5, 5)], Some("I39"));
    }

    #[test]
    fn a_resume_is_whole_or_refused() {
        let check = |events: Value, to: u64, invariant: Option<&str>| {
            let mut ledger = Ledger::default();
            let mut watch = live(&mut ledger);
            let reply =
                json!({"ok": true, "result": {"epoch": "1", "seq": to, "resumed": true, "events": events}});
            let outcome = watch.subscribed(&reply, Some(4), &mut ledger);
            assert_eq!(outcome.err().map(|broken| broken.invariant), invariant);
        };
        check(json!([event(5, 5), event(6, 6)]), 6, None);
        check(json!([]), 4, None);
        check(json!([event(6, 6)]), 6, Some("I42"));
        check(json!([event(5, 5)]), 6, Some("I42"));
        check(json!([]), 3, Some("I38"));
    }

    #[test]
    fn two_clients_hear_the_same() {
        let mut ledger = Ledger::default();
        let (mut one, mut two) = (live(&mut ledger), live(&mut ledger));
        one.event(&event(5, 5), &mut ledger).unwrap();
        assert_eq!(two.event(&event(5, 6), &mut ledger).err().map(|broken| broken.invariant), Some("I40"));
        two.state = Some(Map::new());
        let outcome = two
            .event(&json!({"seq": 5, "ts": 1, "type": "price_changed", "data": {"price": 5}}), &mut ledger);
        assert!(outcome.is_ok());
        two.state.as_mut().unwrap().insert("bids".into(), 9.into());
        one.event(&event(6, 6), &mut ledger).unwrap();
        assert_eq!(two.event(&event(6, 6), &mut ledger).err().map(|broken| broken.invariant), Some("I43"));
    }
}
