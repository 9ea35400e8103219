//! `vendue verify candle LOT`: draws a candle's end again, from what is published alone.

use clap::Args;
use serde_json::{Value, json};
use vendue_domain::lot::{ChainFields, EventChain, Seed, draw_moment};
use vendue_domain::time::Timestamp;

use crate::connection::{As, Connection, Target, text};
use crate::failure::Failure;
use crate::output::{self, Mark, Style};
use crate::{names, when};

/// Events that one question asks for.
const PAGE: u32 = 1_000;

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

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, As::Bidder).await?;
    let id = names::resolve(&connection, names::LOT, &arguments.lot).await?;
    let lot = connection.read("lot.get", json!({"lot": id})).await?;
    if lot["format"] != "candle" || lot["ended_at"].is_null() {
        let why = format!("its format is {}, its state {}", text(&lot, "format"), text(&lot, "state"));
        return Err(Failure::usage("this lot has no candle that has gone out", why, "wait for its end"));
    }
    let events = history(&connection, &id).await?;
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
                output::line(&format!("  drawn from      {count} public events and the lot's seed"));
                output::line(&format!("  the seed's hash {}", text(&lot, "seed_hash")));
                output::line("                  (compare it with what the lot showed while it was open)");
            }
            Ok(())
        }
        Err(wrong) => Err(Failure::broken("the candle is not what its history says", wrong, "")),
    }
}

/// All events of the lot's channel, from the first on.
async fn history(connection: &Connection, lot: &str) -> Result<Vec<Told>, Failure> {
    let mut events: Vec<Told> = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let mut page =
            connection.read("lot.events", json!({"lot": lot, "cursor": cursor, "limit": PAGE})).await?;
        if page["cut"] == true {
            let why = "the server does not keep its first events any more";
            return Err(Failure::broken("the lot's history is not whole", why, ""));
        }
        let told: Vec<Told> = serde_json::from_value(page["events"].take())
            .map_err(|error| Failure::broken("the lot's history cannot be read", error.to_string(), ""))?;
        events.extend(told);
        cursor = page["cursor"].take();
        if cursor.is_null() {
            return Ok(events);
        }
    }
}

/// An event as it was published.
#[derive(Debug, Clone, serde::Deserialize)]
struct Told {
    seq: u64,
    ts: i64,
    #[serde(rename = "type")]
    kind: String,
    price: Option<u64>,
    leader: Option<String>,
    bidder: Option<String>,
    bids: Option<u64>,
    ends_at: Option<i64>,
}

impl Told {
    fn fields(&self) -> ChainFields {
        let Self { price, bids, ends_at, .. } = *self;
        ChainFields { price, leader: self.leader.clone(), bidder: self.bidder.clone(), bids, ends_at }
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
            "bid_retracted" => removed_at = Some(event.ts),
            _ => {}
        }
        if event.kind != "lot_closing" {
            announced = fields.ends_at.or(announced);
        }
        if matches!(event.kind.as_str(), "price_changed" | "bid_retracted") {
            led.push((event.ts, (json!(event.leader), json!(event.price))));
        }
        chain.add(event.seq, &event.kind, Timestamp(event.ts), &fields);
    }
    let closed = closed.ok_or("its history has no end")?;
    same("events_hash", &lot["events_hash"], chain.0.to_string())?;
    let ends_at = closed.ends_at.ok_or("the end has no time")?;
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

    fn told(seq: u64, ts: i64, kind: &str, mut data: Value) -> Told {
        (data["seq"], data["ts"], data["type"]) = (json!(seq), json!(ts), json!(kind));
        serde_json::from_value(data).unwrap()
    }

    /// A lot with two bids, the second too late or not as the seed says.
    fn story(seed: u128) -> (Value, Vec<Told>) {
        let seed = Seed(seed);
        let ends_at = 3_600_000_000_i64;
        let bid = |leader: &str, price: u64, bids: u64| json!({"price": price, "leader": leader, "bidder": leader, "bids": bids, "ends_at": ends_at});
        let mut events = vec![
            told(1, 0, "lot_opened", json!({"ends_at": ends_at})),
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
                events[1].leader = Some("bidder-7".to_owned());
            }),
        ];
        for (what, forge) in forgeries {
            let (mut lot, mut events) = story(1 << 80);
            forge(&mut lot, &mut events);
            assert!(check(&lot, &events).is_err(), "{what}");
        }
    }
}
