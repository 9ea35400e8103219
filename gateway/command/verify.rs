//! `vendue verify candle LOT`: draws a candle's end again, from what is published alone.

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use vendue_client::{Position, Subscription, Update};
use vendue_domain::lot::{ChainFields, EventChain, Seed, draw_moment};
use vendue_domain::time::Timestamp;

use crate::connection::{As, Connection, Target, failed, text};
use crate::failure::Failure;
use crate::output::{self, Mark, Style};
use crate::{names, when};

#[derive(Debug, Subcommand)]
pub(crate) enum VerifyCommand {
    /// Draws the end of a candle lot again, and finds who led then.
    Candle(Arguments),
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  vendue verify candle 17\n\n\
    Reads the lot's whole public history, hashes it, and checks seed, moment, winner and price against what the lot says.\n\
    Exit code 1 where anything differs.")]
pub(crate) struct Arguments {
    /// The lot: its id, the beginning of it, or its number.
    lot: String,
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(command: VerifyCommand) -> Result<(), Failure> {
    let VerifyCommand::Candle(arguments) = command;
    let connection = Connection::open(&arguments.target, As::Bidder).await?;
    let id = names::resolve(&connection, names::LOT, &arguments.lot).await?;
    let lot = connection.read("lot.get", json!({"lot": id})).await?;
    if lot["format"] != "candle" || lot["ended_at"].is_null() {
        let why = format!("its format is {}, its state {}", text(&lot, "format"), text(&lot, "state"));
        return Err(Failure::usage("this lot has no candle that has gone out", why, "wait for its end"));
    }
    let events = history(&connection, &id, lot["seq"].as_u64().unwrap_or_default()).await?;
    let found = check(&lot, &events);
    if arguments.target.json {
        let wrong = found.as_ref().err();
        output::json(
            &json!({"lot": id, "ended_at": lot["ended_at"], "right": wrong.is_none(), "wrong": wrong}),
        );
    }
    match found {
        Ok(moment) => {
            if !arguments.target.json {
                let style = Style::of_stdout();
                let title = style.mark(Mark::Strong, &text(&lot, "title"));
                let right = style.mark(Mark::Good, "Right");
                output::line(&format!(
                    "{right}: the candle of {title} went out at {}",
                    when::date_and_time(moment.0)
                ));
                let count = events.len();
                output::line(&format!(
                    "  drawn from      {count} public events and the seed whose hash was published"
                ));
            }
            Ok(())
        }
        Err(wrong) => Err(Failure::broken("the candle is not what its history says", wrong, "")),
    }
}

/// All events of the lot's channel, from the first on.
async fn history(connection: &Connection, lot: &str, last: u64) -> Result<Vec<Told>, Failure> {
    let channel = format!("lot:{lot}");
    let cannot = |error| failed(&format!("reading {channel}"), &error, None);
    let mut now: Subscription = connection.client.subscribe(&channel).await.map_err(cannot)?;
    // The first update is the snapshot: from it on the history's epoch is known.
    let _ = now.next().await;
    let from = Position { epoch: now.position().epoch.clone(), seq: 0 };
    drop(now);
    let mut subscription = connection.client.subscribe_from(&channel, from).await.map_err(cannot)?;
    let mut events: Vec<Told> = Vec::new();
    while events.last().is_none_or(|event| event.seq < last) {
        match subscription.next().await {
            Some(Update::Event(event)) => events.push(Told {
                seq: event.seq,
                ts: event.ts,
                kind: event.kind.clone(),
                data: event.data.as_object().cloned().unwrap_or_default(),
            }),
            Some(Update::Snapshot { .. }) => {
                let why = "the server has not all of its events at hand (it keeps the last 1,024)";
                return Err(Failure::broken("the lot's history is not whole", why, ""));
            }
            Some(_) => {}
            None => return Err(Failure::broken(format!("reading {channel}"), "it has ended", "try again")),
        }
    }
    Ok(events)
}

/// An event as it was published.
#[derive(Debug, Clone)]
struct Told {
    seq: u64,
    ts: i64,
    kind: String,
    data: Map<String, Value>,
}

impl Told {
    fn fields(&self) -> ChainFields {
        let number = |name: &str| self.data.get(name).and_then(Value::as_u64);
        let words = |name: &str| self.data.get(name).and_then(Value::as_str).map(str::to_owned);
        ChainFields {
            price: number("price"),
            leader: words("leader"),
            bidder: words("bidder"),
            bids: number("bids"),
            ends_at: self.data.get("ends_at").and_then(Value::as_i64),
        }
    }
}

/// Who led to which price, as it is shown.
type Standing = (Value, Value);

/// When the candle went out by its history; an error says what differs from what the lot shows.
fn check(lot: &Value, events: &[Told]) -> Result<Timestamp, String> {
    let same = |what: &str, told: &Value, found: String| {
        if told.as_str() == Some(&found) {
            Ok(())
        } else {
            Err(format!("{what} is {told}, but comes to {found}"))
        }
    };
    let number = |name: &str| lot[name].as_i64().ok_or_else(|| format!("the lot does not say {name}"));
    let seed = lot["seed"].as_str().and_then(|digits| u128::from_str_radix(digits, 16).ok());
    let seed = Seed(seed.ok_or("the lot does not say its seed")?);
    same("seed_hash", &lot["seed_hash"], seed.hash().to_string())?;
    let (mut chain, mut announced, mut removed_at, mut closed) = (EventChain::default(), None, None, None);
    let mut led: Vec<(i64, Standing)> = Vec::new();
    for (nth, event) in (1..).zip(events) {
        if event.seq != nth {
            return Err(format!("event {nth} is missing"));
        }
        let fields = event.fields();
        match event.kind.as_str() {
            "lot_closed" => {
                closed = Some(event);
                break;
            }
            "lot_opened" => {
                same("seed_hash at the opening", &event.data["seed_hash"], seed.hash().to_string())?
            }
            "bid_retracted" => removed_at = Some(event.ts),
            _ => {}
        }
        if event.kind != "lot_closing" {
            announced = fields.ends_at.or(announced);
        }
        if matches!(event.kind.as_str(), "price_changed" | "bid_retracted") {
            led.push((event.ts, (event.data["leader"].clone(), event.data["price"].clone())));
        }
        chain.add(event.seq, &event.kind, Timestamp(event.ts), &fields);
    }
    let closed = closed.ok_or("its history has no end")?;
    same("events_hash", &lot["events_hash"], chain.0.to_string())?;
    let ends_at = closed.data.get("ends_at").and_then(Value::as_i64).ok_or("the end has no time")?;
    let reach_us = number("candle_ms")?.saturating_mul(1_000);
    let from = Timestamp(announced.ok_or("no end was announced")?).minus_micros(reach_us.unsigned_abs());
    let from = removed_at.map_or(from, |removed_at| from.max(Timestamp(removed_at)));
    let moment = draw_moment(seed, chain.0, from, Timestamp(ends_at));
    let told = number("ended_at")?;
    if told != moment.0 {
        return Err(format!("ended_at is {told}, but comes to {}", moment.0));
    }
    let leader = led.iter().rev().find(|(since, _)| *since <= moment.0).map(|(_, standing)| standing);
    let expected = match leader {
        Some((leader, price)) if !leader.is_null() => vec![(leader.clone(), price.clone())],
        _ => Vec::new(),
    };
    let winners = lot["winners"].as_array().into_iter().flatten();
    let winners: Vec<Standing> =
        winners.map(|winner| (winner["alias"].clone(), winner["amount"].clone())).collect();
    if winners != expected {
        return Err(format!("{winners:?} has won, but {expected:?} led then"));
    }
    Ok(moment)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(seq: u64, ts: i64, kind: &str, data: Value) -> Told {
        let Value::Object(data) = data else { panic!("an object") };
        Told { seq, ts, kind: kind.to_owned(), data }
    }

    /// A lot with two bids, the second too late or not as the seed says.
    fn story(seed: u128) -> (Value, Vec<Told>) {
        let seed = Seed(seed);
        let ends_at = 3_600_000_000_i64;
        let bid = |leader: &str, price: u64, bids: u64| json!({"price": price, "leader": leader, "bidder": leader, "bids": bids, "ends_at": ends_at});
        let mut events = vec![
            told(1, 0, "lot_opened", json!({"ends_at": ends_at, "seed_hash": seed.hash().to_string()})),
            told(2, 3_100_000_000, "price_changed", bid("bidder-1", 100, 1)),
            told(3, 3_300_000_000, "price_changed", bid("bidder-2", 125, 2)),
        ];
        let mut chain = EventChain::default();
        for event in &events {
            chain.add(event.seq, &event.kind, Timestamp(event.ts), &event.fields());
        }
        let moment = draw_moment(seed, chain.0, Timestamp(3_000_000_000), Timestamp(ends_at));
        events.push(told(4, ends_at, "lot_closed", json!({"ends_at": ends_at})));
        let winners = match moment.0 {
            ..3_100_000_000 => json!([]),
            3_100_000_000..3_300_000_000 => json!([{"alias": "bidder-1", "amount": 100}]),
            _ => json!([{"alias": "bidder-2", "amount": 125}]),
        };
        let lot = json!({"seed": seed.digits(), "seed_hash": seed.hash().to_string(), "events_hash": chain.0.to_string(),
            "candle_ms": 600_000, "ended_at": moment.0, "winners": winners});
        (lot, events)
    }

    #[test]
    fn what_is_right_is_found_right() {
        for seed in 0..50 {
            let (lot, events) = story(seed << 64);
            assert_eq!(check(&lot, &events).map(|moment| moment.0), Ok(lot["ended_at"].as_i64().unwrap()));
        }
    }

    #[test]
    fn a_forged_end_is_found() {
        type Forgery = fn(&mut Value, &mut Vec<Told>);
        let forgeries: [(&str, Forgery); 8] = [
            ("another seed", |lot, _| lot["seed"] = json!(Seed(5).digits())),
            ("another seed and its hash", |lot, _| {
                lot["seed"] = json!(Seed(5).digits());
                lot["seed_hash"] = json!(Seed(5).hash().to_string());
            }),
            ("another moment", |lot, _| lot["ended_at"] = json!(lot["ended_at"].as_i64().unwrap() + 1)),
            ("another winner", |lot, _| lot["winners"] = json!([{"alias": "bidder-3", "amount": 100}])),
            ("another price", |lot, _| lot["winners"] = json!([{"alias": "bidder-2", "amount": 124}])),
            ("an event less", |_, events| drop(events.remove(2))),
            ("a bid at another time", |_, events| events[2].ts += 1),
            ("a bid of another", |_, events| {
                events[1].data.insert("leader".to_owned(), json!("bidder-7"));
            }),
        ];
        for (what, forge) in forgeries {
            let (mut lot, mut events) = story(1 << 80);
            forge(&mut lot, &mut events);
            assert!(check(&lot, &events).is_err(), "{what}");
        }
    }
}
