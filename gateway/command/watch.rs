//! `vendue watch LOT...`: live lines, through restarts of gateway and engine.

use clap::Args;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use vendue_client::{Event, Subscription, Update};
use vendue_domain::amount::Currency;

use crate::connection::{As, Connection, Target, currency_of, failed, text};
use crate::failure::Failure;
use crate::output::{self, Mark, Style};
use crate::{lot, money, names, when};

/// Lots followed at once: more is what the pages are for.
const LOTS_MAX: usize = 64;
/// Lines that may wait for the terminal.
const LINES: usize = 256;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vendue watch 17\n  vendue watch lot_4ZK9Q2 lot_8M0C --json\n\n\
    Ends when every lot is closed; Ctrl-C ends it before. With --json each line is a snapshot, an event, or news of the\n\
    connection, with `lot` beside it.")]
pub(crate) struct Arguments {
    /// The lots: ids, beginnings of ids, or numbers.
    #[arg(required = true, num_args = 1..=LOTS_MAX)]
    lots: Vec<String>,
    /// Goes on after the lots have closed (they may be reopened).
    #[arg(long)]
    keep_on: bool,
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, As::Bidder).await?;
    let mut followed = Vec::new();
    for typed in &arguments.lots {
        let id = names::resolve(&connection, names::LOT, typed).await?;
        if followed.iter().any(|(known, _)| *known == id) {
            continue;
        }
        let channel = format!("lot:{id}");
        let subscription = connection.client.subscribe(&channel).await;
        followed
            .push((id, subscription.map_err(|error| failed(&format!("watching {channel}"), &error, None))?));
    }
    let (lines, mut printed) = mpsc::channel::<String>(LINES);
    let several = followed.len() > 1;
    let mut watchers = tokio::task::JoinSet::new();
    for (id, subscription) in followed {
        let name = several.then(|| names::short(&id));
        let watcher = Watcher {
            id,
            name,
            as_json: arguments.target.json,
            keep_on: arguments.keep_on,
            style: Style::of_stdout(),
        };
        watchers.spawn(watcher.run(subscription, lines.clone()));
    }
    drop(lines);
    while let Some(line) = printed.recv().await {
        if !output::line(&line) {
            return Ok(());
        }
    }
    while let Some(ended) = watchers.join_next().await {
        ended.map_err(|error| Failure::broken("watching", error, ""))??;
    }
    Ok(())
}

/// One lot's lines.
struct Watcher {
    id: String,
    /// Stands before each line where several lots are followed.
    name: Option<String>,
    as_json: bool,
    keep_on: bool,
    style: Style,
}

impl Watcher {
    async fn run(self, mut subscription: Subscription, lines: mpsc::Sender<String>) -> Result<(), Failure> {
        while let Some(update) = subscription.next().await {
            let line = if self.as_json {
                Some(self.json(&update))
            } else {
                self.line(&update, subscription.state())?
            };
            if let Some(line) = line
                && lines.send(line).await.is_err()
            {
                return Ok(());
            }
            if !self.keep_on && subscription.state().get("state").is_some_and(|state| state == "closed") {
                return Ok(());
            }
        }
        match subscription.end() {
            Some(error) => Err(failed(&format!("watching {}", self.id), error, None)),
            None => Ok(()),
        }
    }

    fn json(&self, update: &Update) -> String {
        let value = match update {
            Update::Snapshot { position, state } => {
                json!({"update": "snapshot", "lot": self.id, "epoch": position.epoch, "seq": position.seq, "state": state})
            }
            Update::Event(event) => {
                json!({"update": "event", "lot": self.id, "epoch": event.epoch, "seq": event.seq,
                "ts": event.ts, "type": event.kind, "data": event.data})
            }
            Update::Reconnecting { attempt, after, cause } => {
                json!({"update": "reconnecting", "lot": self.id,
                "attempt": attempt, "after_ms": after.as_millis() as u64, "cause": cause})
            }
            Update::Resumed { missed } => json!({"update": "resumed", "lot": self.id, "missed": missed}),
        };
        value.to_string()
    }

    /// The line of an update; some say nothing to a person.
    fn line(&self, update: &Update, state: &Map<String, Value>) -> Result<Option<String>, Failure> {
        let state = &Value::Object(state.clone());
        let line = match update {
            Update::Snapshot { .. } => Some(self.headline(state)?),
            Update::Event(event) => Some(self.event(event, state)?),
            Update::Reconnecting { attempt: 1, cause, .. } => Some(
                self.style.mark(Mark::Warning, &format!("--:--:--  connection lost ({cause}); coming back")),
            ),
            Update::Resumed { missed: 0 } => {
                Some(self.style.mark(Mark::Good, "--:--:--  back; nothing happened meanwhile"))
            }
            Update::Resumed { missed } => {
                Some(self.style.mark(
                    Mark::Good,
                    &format!("--:--:--  back; the {missed} events that were missed follow"),
                ))
            }
            _ => None,
        };
        let name = self.name.as_ref().map(|name| format!("{name}  ")).unwrap_or_default();
        Ok(line.map(|line| format!("{name}{line}")))
    }

    fn headline(&self, state: &Value) -> Result<String, Failure> {
        let currency = currency_of(state)?;
        let number = state["number"].as_u64().map(|number| format!("lot {number}: ")).unwrap_or_default();
        let title = self.style.mark(Mark::Strong, &text(state, "title"));
        let standing = standing(state, currency, self.style);
        Ok(format!("{number}{title}; {}, {standing}", text(state, "state")))
    }

    fn event(&self, event: &Event, state: &Value) -> Result<String, Failure> {
        let currency = currency_of(state)?;
        let clock = self.style.mark(Mark::Faint, &when::time_of_day(event.ts));
        let left = state["ends_at"]
            .as_i64()
            .map(|ends_at| format!(", ends in {}", when::countdown(ends_at - event.ts)));
        let reason = event.data["reason"].as_str().map(|reason| format!(": {reason}")).unwrap_or_default();
        let what = match event.kind.as_str() {
            "price_changed" | "clock_ticked" | "bidders_changed" => standing(state, currency, self.style),
            "bid_retracted" => format!("a bid was taken back: {}", standing(state, currency, self.style)),
            "time_extended" => self.style.mark(Mark::Warning, "extended"),
            "lot_closed" => return Ok(format!("{clock}  {}{reason}", closing(state, currency, self.style))),
            other => format!("{}{reason}", other.trim_start_matches("lot_").replace('_', " ")),
        };
        Ok(format!("{clock}  {what}{}", left.unwrap_or_default()))
    }
}

/// Price, leader and number of bids; what there is to see in the lot's format.
fn standing(state: &Value, currency: Currency, style: Style) -> String {
    let left = state["remaining"].as_u64().map(|left| format!(", {left} left")).unwrap_or_default();
    if let Some(bidders) = state["bidders"].as_u64() {
        let plural = if bidders == 1 { "" } else { "s" };
        return format!("{bidders} bidder{plural}, sealed until the end");
    }
    if let Some(price) = state["price"].as_u64().filter(|_| state["format"] == "dutch") {
        return format!(
            "{} by the clock{left}",
            style.mark(Mark::Strong, &money::with_currency(price, currency))
        );
    }
    let Some(price) = state["price"].as_u64() else {
        let start = state["start_amount"].as_u64().unwrap_or_default();
        return format!("no bids, from {}", money::with_currency(start, currency));
    };
    let price = style.mark(Mark::Strong, &money::with_currency(price, currency));
    let bids = state["bids"].as_u64().unwrap_or_default();
    let plural = if bids == 1 { "" } else { "s" };
    let reserve = if state["reserve_met"] == false { ", reserve not met" } else { "" };
    if state["leader"].is_null() {
        return format!("{price} each, {bids} bid{plural}{left}");
    }
    format!("{price}  {} leads, {bids} bid{plural}{reserve}", lot::leader(state))
}

/// How it ended.
fn closing(state: &Value, currency: Currency, style: Style) -> String {
    let result = state["result"].as_str().unwrap_or("closed");
    let winners = state["winners"].as_array().cloned().unwrap_or_default();
    let names: Vec<String> = winners
        .iter()
        .map(|winner| {
            let amount = money::with_currency(winner["amount"].as_u64().unwrap_or_default(), currency);
            format!("{amount} to {}", text(winner, "alias").replace("bidder-", "bidder "))
        })
        .collect();
    let mark = if result == "sold" { Mark::Good } else { Mark::Warning };
    let to = if names.is_empty() { String::new() } else { format!(" for {}", names.join(", ")) };
    style.mark(mark, &format!("{result}{to}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cases: &[(&str, Value, Value, &str)]) {
        let watcher =
            Watcher { id: "lot_X".into(), name: None, as_json: false, keep_on: false, style: Style::PLAIN };
        for (kind, data, state, expected) in cases {
            let event = Event {
                epoch: "e".into(),
                seq: 1,
                from: None,
                ts: 1_000_000,
                kind: (*kind).to_owned(),
                data: data.clone(),
            };
            assert_eq!(watcher.event(&event, state).unwrap(), *expected);
        }
    }

    #[test]
    fn events_read_like_a_sale() {
        let state = json!({"currency": "EUR", "price": 10_500, "leader": "bidder-2", "bids": 1, "reserve_met": false, "ends_at": 61_000_000});
        let sold = json!({"currency": "EUR", "result": "sold", "winners": [{"alias": "bidder-2", "quantity": 1, "amount": 10_500}]});
        let unsold = json!({"currency": "EUR", "result": "unsold", "winners": []});
        check(&[
            (
                "price_changed",
                json!({}),
                state.clone(),
                "00:00:01  105.00 EUR  bidder 2 leads, 1 bid, reserve not met, ends in 1 min 00 s",
            ),
            ("time_extended", json!({}), state, "00:00:01  extended, ends in 1 min 00 s"),
            (
                "lot_paused",
                json!({"reason": "a question"}),
                json!({"currency": "EUR"}),
                "00:00:01  paused: a question",
            ),
            (
                "clock_ticked",
                json!({}),
                json!({"currency": "EUR", "format": "dutch", "price": 4_200, "remaining": 7}),
                "00:00:01  42.00 EUR by the clock, 7 left",
            ),
            (
                "bidders_changed",
                json!({}),
                json!({"currency": "EUR", "format": "vickrey", "price": null, "bidders": 1}),
                "00:00:01  1 bidder, sealed until the end",
            ),
            (
                "price_changed",
                json!({}),
                json!({"currency": "EUR", "format": "multi_unit", "price": 800, "leader": null, "bids": 3, "remaining": 0}),
                "00:00:01  8.00 EUR each, 3 bids, 0 left",
            ),
            ("lot_closed", json!({}), sold, "00:00:01  sold for 105.00 EUR to bidder 2"),
            ("lot_closed", json!({}), unsold, "00:00:01  unsold"),
        ]);
    }
}
