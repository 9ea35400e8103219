//! `vendue lot ...`: reads here, the rest beside it.

mod control;
mod create;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use vendue_domain::amount::Currency;

use crate::connection::{As, Connection, Target, currency_of, text};
use crate::failure::Failure;
use crate::output::{self, Align, Mark, Style, Table};
use crate::{money, names, when};

/// Closer to its end than this a countdown is marked: the last five minutes.
const ENDING_SOON_US: i64 = 300_000_000;

#[derive(Debug, Subcommand)]
pub(crate) enum LotCommand {
    /// Lists lots, the next to end first.
    List(ListArguments),
    /// Shows one lot.
    Show(ShowArguments),
    /// Shows a lot's public bid history, newest first.
    Bids(BidsArguments),
    /// Creates a lot, of any format.
    Create(Box<create::Arguments>),
    /// Opens a lot now.
    Open(control::Arguments),
    /// Pauses a lot: no bids; its remaining time is kept.
    Pause(control::Arguments),
    /// Lets a paused lot go on.
    Resume(control::Arguments),
    /// Moves a lot's end.
    Extend(control::EndArguments),
    /// Ends a lot now, as if its time had come.
    Close(control::Arguments),
    /// Withdraws a lot: nobody wins.
    Cancel(control::Arguments),
    /// Takes bids again on a closed lot whose outcome has caused no order.
    Reopen(control::EndArguments),
    /// Takes your bids back, where the rules allow it.
    Retract(control::Arguments),
}

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// Words in title, category or reference.
    #[arg(long)]
    query: Option<String>,
    /// Only lots in this state: scheduled, open, paused, closed [default: what is not closed].
    #[arg(long)]
    state: Option<String>,
    /// Closed lots too.
    #[arg(long)]
    all: bool,
    /// catalogue, ending, newest, price or bids.
    #[arg(long, default_value = "ending")]
    sort: String,
    /// How many at most.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    limit: u64,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    /// The lot: its id, the beginning of it, or its number.
    lot: String,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct BidsArguments {
    /// The lot: its id, the beginning of it, or its number.
    lot: String,
    /// How many at most.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(command: LotCommand) -> Result<(), Failure> {
    match command {
        LotCommand::List(arguments) => list(arguments).await,
        LotCommand::Show(arguments) => show(arguments).await,
        LotCommand::Bids(arguments) => bids(arguments).await,
        LotCommand::Create(arguments) => create::run(*arguments).await,
        LotCommand::Open(arguments) => control::act("lot.open", arguments).await,
        LotCommand::Pause(arguments) => control::act("lot.pause", arguments).await,
        LotCommand::Resume(arguments) => control::act("lot.resume", arguments).await,
        LotCommand::Extend(arguments) => control::end("lot.extend", arguments).await,
        LotCommand::Close(arguments) => control::act("lot.close", arguments).await,
        LotCommand::Cancel(arguments) => control::act("lot.cancel", arguments).await,
        LotCommand::Reopen(arguments) => control::end("lot.reopen", arguments).await,
        LotCommand::Retract(arguments) => control::retract(arguments).await,
    }
}

async fn list(arguments: ListArguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, As::Bidder).await?;
    let mut filter = json!({"sort": arguments.sort});
    for (field, value) in [("query", &arguments.query), ("state", &arguments.state)] {
        if let Some(value) = value {
            filter[field] = json!(value);
        }
    }
    let mut lots = names::all(&connection, names::LOT, filter).await?;
    if arguments.state.is_none() && !arguments.all {
        lots.retain(|lot| lot["state"] != "closed");
    }
    let found = lots.len();
    lots.truncate(usize::try_from(arguments.limit).unwrap_or(usize::MAX));
    if arguments.target.json {
        lots.iter().all(output::json);
        return Ok(());
    }
    let now = connection.now_us();
    for line in table(&lots, now)?.lines(Style::of_stdout(), output::width()) {
        output::line(&line);
    }
    if lots.len() < found {
        output::line(&format!("{} of {found}; --limit shows more", lots.len()));
    }
    Ok(())
}

fn table(lots: &[Value], now: i64) -> Result<Table, Failure> {
    let mut table = Table::new(
        &[
            ("NO", Align::Right),
            ("LOT", Align::Left),
            ("TITLE", Align::Left),
            ("FORMAT", Align::Left),
            ("PRICE", Align::Right),
            ("LEADER", Align::Left),
            ("BIDS", Align::Right),
            ("RESERVE", Align::Left),
            ("ENDS IN", Align::Right),
        ],
        2,
    );
    for lot in lots {
        let currency = currency_of(lot)?;
        let (ends, ends_mark) = ends_in(lot, now);
        table.row(vec![
            (lot["number"].as_u64().map(|number| number.to_string()).unwrap_or_default(), None),
            (names::short(&text(lot, "lot")), Some(Mark::Faint)),
            (text(lot, "title"), None),
            (format_word(lot), (lot["format"] != "english").then_some(Mark::Link)),
            price(lot, currency),
            (leader(lot), None),
            (lot["bids"].as_u64().unwrap_or_default().to_string(), None),
            (reserve(lot).to_owned(), (lot["reserve_met"] == false).then_some(Mark::Warning)),
            (ends, ends_mark),
        ]);
    }
    Ok(table)
}

/// How it is sold, in a word.
fn format_word(lot: &Value) -> String {
    match lot["format"].as_str().unwrap_or_default() {
        "sealed_first_price" => "sealed",
        "multi_unit" => "units",
        "reverse" if lot["sealed"] == true => "sealed tender",
        "reverse" => "tender",
        other => other,
    }
    .to_owned()
}

/// The price, or faintly what the first bid must be.
fn price(lot: &Value, currency: Currency) -> (String, Option<Mark>) {
    match lot["price"].as_u64() {
        Some(price) => (money::with_currency(price, currency), Some(Mark::Strong)),
        None => {
            let start = lot["start_amount"].as_u64().unwrap_or_default();
            let word = if lot["format"] == "reverse" { "at most" } else { "from" };
            (format!("{word} {}", money::with_currency(start, currency)), Some(Mark::Faint))
        }
    }
}

/// `bidder-7` as a person says it.
pub(crate) fn leader(lot: &Value) -> String {
    text(lot, "leader").replace("bidder-", "bidder ")
}

fn reserve(lot: &Value) -> &'static str {
    match lot["reserve_met"].as_bool() {
        Some(true) => "met",
        Some(false) => "not met",
        None => "",
    }
}

fn ends_in(lot: &Value, now: i64) -> (String, Option<Mark>) {
    let left = |field: &str| lot[field].as_i64().map(|at| at - now);
    match lot["state"].as_str().unwrap_or_default() {
        "open" => match left("ends_at") {
            Some(left) if left <= ENDING_SOON_US => (when::countdown(left), Some(Mark::Warning)),
            Some(left) => (when::countdown(left), None),
            None => ("open".to_owned(), None),
        },
        "scheduled" => match left("opens_at") {
            Some(left) => (format!("opens in {}", when::countdown(left)), Some(Mark::Faint)),
            None => ("scheduled".to_owned(), Some(Mark::Faint)),
        },
        "closed" => (lot["result"].as_str().unwrap_or("closed").to_owned(), Some(Mark::Faint)),
        other => (other.to_owned(), Some(Mark::Warning)),
    }
}

async fn show(arguments: ShowArguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, As::Bidder).await?;
    let id = names::resolve(&connection, names::LOT, &arguments.lot).await?;
    let lot = connection.read("lot.get", json!({"lot": id})).await?;
    if arguments.target.json {
        output::json(&lot);
        return Ok(());
    }
    for line in description(&lot, connection.now_us(), Style::of_stdout())? {
        output::line(&line);
    }
    Ok(())
}

/// A lot as a catalogue shows it.
fn description(lot: &Value, now: i64, style: Style) -> Result<Vec<String>, Failure> {
    let currency = currency_of(lot)?;
    let number = lot["number"].as_u64().map(|number| format!("{number}  ")).unwrap_or_default();
    let mut lines = vec![format!("{number}{}", style.mark(Mark::Strong, &text(lot, "title")))];
    let described = text(lot, "description");
    lines.extend(wrap(&described, output::width().min(96)).into_iter().map(|line| format!("  {line}")));
    let mut say =
        |name: &str, value: Option<String>| lines.extend(value.map(|value| format!("  {name:<14}{value}")));
    let amount = |value: &Value| value.as_u64().map(|minor| money::with_currency(minor, currency));
    say("lot", Some(text(lot, "lot")));
    say("category", lot["category"].as_str().map(str::to_owned));
    let estimate = lot["estimate"][0].as_u64().zip(lot["estimate"][1].as_u64());
    say(
        "estimate",
        estimate.map(|(low, high)| {
            format!("{} to {}", money::format(low, currency), money::with_currency(high, currency))
        }),
    );
    say("format", Some(format_word(lot)));
    let (quantity, remaining) = (lot["quantity"].as_u64().unwrap_or(1), lot["remaining"].as_u64());
    let left = remaining.map(|left| format!(", {left} left")).unwrap_or_default();
    say("units", (quantity > 1).then(|| format!("{quantity}{left}")));
    say("winners pay", lot["pricing"].as_str().map(|pricing| pricing.replace('_', " ")));
    say("state", Some(text(lot, "state")));
    let leader = if lot["leader"].is_null() { String::new() } else { format!(", {} leads", leader(lot)) };
    say("price", Some(format!("{}{leader}", price(lot, currency).0)));
    let falls = amount(&lot["next_price"]).zip(lot["next_at"].as_i64());
    let word = if lot["format"] == "japanese" { "rises to" } else { "falls to" };
    say(word, falls.map(|(next, at)| format!("{next} in {}", when::countdown(at - now))));
    let about = if lot["format"] == "japanese" { "are in" } else { "sealed until the end" };
    say("bidders", lot["bidders"].as_u64().map(|bidders| format!("{bidders}, {about}")));
    for (number, item) in (1..).zip(lot["items"].as_array().into_iter().flatten()) {
        say(&format!("item {number}"), item.as_str().map(str::to_owned));
    }
    let reach =
        lot["candle_ms"].as_i64().map(|ms| format!("may go out in the last {}", when::countdown(ms * 1_000)));
    say("candle", reach);
    say("went out", lot["ended_at"].as_i64().map(when::date_and_time));
    say("bids", lot["bids"].as_u64().map(|bids| bids.to_string()));
    let next = if lot["format"] == "reverse" { "next at most" } else { "next minimum" };
    say(next, amount(&lot["min_next_amount"]).filter(|_| lot["state"] != "closed"));
    let premium = Some(&lot["buyers_premium"]).filter(|table| !table.is_null());
    say("premium", premium.map(|table| crate::market::describe(table, currency)));
    say("backing", lot["funding"].as_str().filter(|funding| *funding != "none").map(str::to_owned));
    say("deposit", amount(&lot["deposit"]));
    say("reserve", Some(reserve(lot).to_owned()).filter(|reserve| !reserve.is_empty()));
    say("buy now", amount(&lot["buy_now"]));
    say("ends in", Some(ends_in(lot, now).0));
    Ok(lines)
}

/// Breaks a text into lines at spaces.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

async fn bids(arguments: BidsArguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, As::Bidder).await?;
    let id = names::resolve(&connection, names::LOT, &arguments.lot).await?;
    let lot = connection.read("lot.get", json!({"lot": id})).await?;
    let currency = currency_of(&lot)?;
    let page = connection.read("lot.bids", json!({"lot": id, "limit": arguments.limit})).await?;
    let bids = page["bids"].as_array().cloned().unwrap_or_default();
    if arguments.target.json {
        bids.iter().all(output::json);
        return Ok(());
    }
    let mut table = Table::new(
        &[
            ("SEQ", Align::Right),
            ("TIME (UTC)", Align::Left),
            ("BIDDER", Align::Left),
            ("PRICE", Align::Right),
        ],
        2,
    );
    for bid in &bids {
        table.row(vec![
            (bid["seq"].to_string(), Some(Mark::Faint)),
            (when::time_of_day(bid["ts"].as_i64().unwrap_or_default()), None),
            (text(bid, "alias").replace("bidder-", "bidder "), None),
            (
                bid["amount"].as_u64().map(|minor| money::with_currency(minor, currency)).unwrap_or_default(),
                None,
            ),
        ]);
    }
    for line in table.lines(Style::of_stdout(), output::width()) {
        output::line(&line);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_a_table() {
        let lots = [
            json!({"lot": "lot_0123456789ABCDEFGHJKMNPQRS", "number": 7, "title": "Omega Seamaster", "format": "english", "currency": "EUR", "state": "open",
                "price": 123_400, "leader": "bidder-3", "bids": 9, "reserve_met": false, "ends_at": 252_000_000}),
            json!({"lot": "lot_1123456789ABCDEFGHJKMNPQRS", "title": "A map", "format": "sealed_first_price", "currency": "EUR", "state": "scheduled",
                "price": null, "start_amount": 5_000, "leader": null, "bids": 0, "reserve_met": null, "opens_at": 42_000_000}),
        ];
        assert_eq!(
            table(&lots, 0).unwrap().lines(Style::PLAIN, 200),
            [
                "NO  LOT         TITLE            FORMAT            PRICE  LEADER    BIDS  RESERVE        ENDS IN",
                " 7  lot_012345  Omega Seamaster  english    1,234.00 EUR  bidder 3     9  not met     4 min 12 s",
                "    lot_112345  A map            sealed   from 50.00 EUR               0           opens in 42 s",
            ]
        );
    }

    #[test]
    fn text_wraps_at_spaces() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("extraordinary", 4), ["extraordinary"]);
        assert!(wrap("", 4).is_empty());
    }
}
