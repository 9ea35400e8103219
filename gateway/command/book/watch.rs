//! `vendue book watch`: a ladder that redraws in place on a terminal; plain lines, or JSON, for anything else.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value, json};
use tokio::time::Instant;
use vendue_client::{Mode, Subscription, Update};
use vendue_domain::amount::Currency;

use super::{found, ladder, price_of, taker};
use crate::connection::{As, Connection, Target, failed, text};
use crate::failure::Failure;
use crate::output::{self, Mark, Style};
use crate::{money, when};

/// How often the ladder is drawn at most: faster than a person reads, slower than a book moves.
const DRAW_EVERY: Duration = Duration::from_millis(100);
/// Levels of each side that fit where the terminal does not say how high it is.
const DEPTH_DEFAULT: usize = 10;
/// Trades that the ladder shows below itself.
const TRADES_SHOWN: usize = 5;
/// Lines of the ladder beside its levels: headline, auction, headings, spread, hints and trades.
const LINES_BESIDE: usize = 7 + TRADES_SHOWN;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  vendue book watch COFFEE\n  vendue book watch bok_4ZK9Q2 --depth 20\n  \
    vendue book watch COFFEE --json\n\n\
    Ctrl-C ends it. With --json each line is a snapshot, an event, or news of the connection; every event comes then, on\n\
    a terminal only what fits."
)]
pub(crate) struct Arguments {
    /// The book: its id, the beginning of it, or its reference.
    book: String,
    /// Levels of each side [default: what fits].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    depth: Option<u16>,
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, As::Bidder).await?;
    let (book, currency) = found(&connection, &arguments.book).await?;
    let id = text(&book, "book");
    let draws = !arguments.target.json && std::io::stdout().is_terminal();
    let channel = format!("book:{id}");
    let mode = if draws { Mode::Latest } else { Mode::All };
    let subscription = connection.client.subscribe_in(&channel, mode).await;
    let subscription = subscription.map_err(|error| failed(&format!("watching {channel}"), &error, None))?;
    if draws {
        Screen::new(currency, arguments.depth).run(subscription).await
    } else {
        print(id, currency, arguments.target.json, subscription).await
    }
}

fn ended(subscription: &Subscription, what: &str) -> Result<(), Failure> {
    match subscription.end() {
        Some(error) => Err(failed(what, error, None)),
        None => Ok(()),
    }
}

/// A line for each thing that happens.
async fn print(
    id: String,
    currency: Currency,
    as_json: bool,
    mut subscription: Subscription,
) -> Result<(), Failure> {
    let style = Style::of_stdout();
    let mut best = String::new();
    while let Some(update) = subscription.next().await {
        let line = if as_json {
            Some(json_line(&id, &update))
        } else {
            line(&update, subscription.state(), currency, style, &mut best)
        };
        if let Some(line) = line
            && !output::line(&line)
        {
            return Ok(());
        }
    }
    ended(&subscription, &format!("watching {id}"))
}

fn json_line(id: &str, update: &Update) -> String {
    let value = match update {
        Update::Snapshot { position, state } => {
            json!({"update": "snapshot", "book": id, "epoch": position.epoch, "seq": position.seq, "state": state})
        }
        Update::Event(event) => {
            let mut value = json!({"update": "event", "book": id, "epoch": event.epoch, "seq": event.seq, "ts": event.ts,
                "type": event.kind, "data": event.data});
            if let Some(from) = event.from {
                value["from"] = json!(from);
            }
            value
        }
        Update::Reconnecting { attempt, after, cause } => json!({"update": "reconnecting", "book": id,
            "attempt": attempt, "after_ms": after.as_millis() as u64, "cause": cause}),
        Update::Resumed { missed } => json!({"update": "resumed", "book": id, "missed": missed}),
    };
    value.to_string()
}

/// The best of both sides.
fn top(state: &Map<String, Value>, currency: Currency) -> String {
    let side = |name: &str| {
        let level = state.get(name).and_then(|levels| levels.get(0));
        level.map_or_else(
            || "nobody".to_owned(),
            |level| format!("{} x {}", level[1].as_u64().unwrap_or_default(), price_of(&level[0], currency)),
        )
    };
    format!("{} | {}", side("bids"), side("asks"))
}

/// The line of an update; a move deeper in the book says nothing to a person.
fn line(
    update: &Update,
    state: &Map<String, Value>,
    currency: Currency,
    style: Style,
    best: &mut String,
) -> Option<String> {
    let event = match update {
        Update::Event(event) => event,
        Update::Snapshot { .. } => {
            *best = top(state, currency);
            let title = state.get("title").and_then(Value::as_str).unwrap_or_default();
            let phase = state.get("state").and_then(Value::as_str).unwrap_or_default();
            return Some(format!("{}; {phase}, {best}", style.mark(Mark::Strong, title)));
        }
        Update::Reconnecting { attempt: 1, cause, .. } => {
            return Some(
                style.mark(Mark::Warning, &format!("--:--:--  connection lost ({cause}); coming back")),
            );
        }
        Update::Resumed { missed } => {
            return Some(
                style.mark(Mark::Good, &format!("--:--:--  back; {missed} events were missed and follow")),
            );
        }
        Update::Reconnecting { .. } => return None,
    };
    let clock = style.mark(Mark::Faint, &when::time_of_day(event.ts));
    let what = match event.kind.as_str() {
        "trade" => trade_words(&event.data, currency),
        "book_changed" => {
            let now = top(state, currency);
            if now == *best {
                return None;
            }
            best.clone_from(&now);
            now
        }
        "auction_uncrossed" => match event.data["price"].as_u64() {
            Some(price) => format!(
                "the auction gave {} at {}",
                event.data["volume"].as_u64().unwrap_or_default(),
                money::with_currency(price, currency)
            ),
            None => "the auction gave no price".to_owned(),
        },
        "auction_indicative" => match event.data["price"].as_u64() {
            Some(price) => format!(
                "{} would trade at {}",
                event.data["volume"].as_u64().unwrap_or_default(),
                money::with_currency(price, currency)
            ),
            None => "nothing crosses yet".to_owned(),
        },
        other => {
            let phase = event.data["state"].as_str().unwrap_or(other).replace('_', " ");
            style.mark(Mark::Warning, &phase)
        }
    };
    Some(format!("{clock}  {what}"))
}

fn trade_words(trade: &Value, currency: Currency) -> String {
    let quantity = trade["quantity"].as_u64().unwrap_or_default();
    format!("{quantity} {} at {} {}", taker(trade), price_of(&trade["price"], currency), currency.code())
}

/// The ladder, drawn over itself.
struct Screen {
    currency: Currency,
    depth: Option<u16>,
    style: Style,
    /// Lines of the last drawing, which the next one replaces.
    drawn: usize,
    /// The newest last.
    trades: Vec<String>,
    /// What is wrong with the connection, while something is.
    trouble: Option<String>,
}

impl Screen {
    fn new(currency: Currency, depth: Option<u16>) -> Self {
        let style = Style::of_stdout();
        Self { currency, depth, style, drawn: 0, trades: Vec::new(), trouble: None }
    }

    async fn run(mut self, mut subscription: Subscription) -> Result<(), Failure> {
        let mut due: Option<Instant> = None;
        loop {
            let update = match due {
                Some(at) => tokio::select! {
                    update = subscription.next() => Some(update),
                    () = tokio::time::sleep_until(at) => None,
                },
                None => Some(subscription.next().await),
            };
            match update {
                Some(Some(update)) => {
                    self.hear(&update);
                    due = due.or(Some(Instant::now() + DRAW_EVERY));
                    // The first drawing should not wait.
                    if self.drawn > 0 {
                        continue;
                    }
                }
                Some(None) => return ended(&subscription, "watching the book"),
                None => {}
            }
            due = None;
            if !self.draw(&Value::Object(subscription.state().clone())) {
                return Ok(());
            }
        }
    }

    fn hear(&mut self, update: &Update) {
        match update {
            Update::Event(event) => {
                let single = (event.kind == "trade").then_some(&event.data);
                let several = event.data["trades"].as_array().into_iter().flatten();
                let clock = when::time_of_day(event.ts);
                let words = several
                    .chain(single)
                    .map(|trade| format!("{clock}  {}", trade_words(trade, self.currency)));
                self.trades.extend(words);
                let excess = self.trades.len().saturating_sub(TRADES_SHOWN);
                self.trades.drain(..excess);
            }
            Update::Reconnecting { cause, .. } => {
                self.trouble = Some(format!("connection lost ({cause}); coming back"));
            }
            Update::Snapshot { .. } | Update::Resumed { .. } => self.trouble = None,
        }
    }

    /// Draws over what was drawn; `false` where nobody looks any more.
    fn draw(&mut self, book: &Value) -> bool {
        let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok();
        let rows = size.map(|size| usize::from(size.ws_row)).filter(|&rows| rows > 0);
        let fits = rows.map_or(DEPTH_DEFAULT, |rows| (rows.saturating_sub(LINES_BESIDE) / 2).clamp(1, 30));
        let depth = self.depth.map_or(fits, |depth| usize::from(depth).min(fits));
        let mut lines = ladder::lines(book, self.currency, depth, output::width(), self.style);
        lines.push(String::new());
        lines.extend(self.trades.iter().rev().map(|trade| format!("  {trade}")));
        if let Some(trouble) = &self.trouble {
            lines.push(format!("  {}", self.style.mark(Mark::Warning, trouble)));
        }
        let mut out = std::io::stdout().lock();
        let up = if self.drawn > 0 { format!("\u{1b}[{}A", self.drawn) } else { String::new() };
        let text: String = lines.iter().map(|line| format!("{line}\u{1b}[K\n")).collect();
        self.drawn = lines.len();
        // What an earlier, longer drawing left below is wiped.
        write!(out, "{up}\r{text}\u{1b}[J").and_then(|()| out.flush()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vendue_client::{Event, Position};

    #[test]
    fn lines_tell_what_a_person_wants_to_know() {
        let currency = Currency::new("EUR").unwrap();
        let Value::Object(state) = json!({
            "title": "Coffee", "state": "continuous", "bids": [[840, 10]], "asks": [],
        }) else {
            panic!()
        };
        let event = |kind: &str, data: Value| {
            Update::Event(Event {
                epoch: "e".into(),
                seq: 1,
                from: None,
                ts: 1_000_000,
                kind: kind.into(),
                data,
            })
        };
        let snapshot = Update::Snapshot { position: Position::default(), state: state.clone() };
        let mut best = String::new();
        let cases = [
            (snapshot, Some("Coffee; continuous, 10 x 8.40 | nobody")),
            (event("book_changed", json!({"bids": [[800, 4]], "asks": []})), None),
            (
                event("trade", json!({"price": 845, "quantity": 3, "taker_side": "buy"})),
                Some("00:00:01  3 bought at 8.45 EUR"),
            ),
            (
                event("auction_indicative", json!({"price": 850, "volume": 7, "surplus": 0})),
                Some("00:00:01  7 would trade at 8.50 EUR"),
            ),
            (event("book_state", json!({"state": "halted"})), Some("00:00:01  halted")),
        ];
        for (update, expected) in cases {
            let got = line(&update, &state, currency, Style::PLAIN, &mut best);
            assert_eq!(got.as_deref(), expected, "{update:?}");
        }
        best.clear();
        let moved = event("book_changed", json!({"bids": [[840, 10]], "asks": []}));
        assert!(line(&moved, &state, currency, Style::PLAIN, &mut best).is_some());
    }
}
