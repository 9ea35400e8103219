//! `vendue book ...`: order books: orders, trades, a live ladder.

mod ladder;
mod place;
mod watch;

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use vendue_domain::amount::Currency;

use crate::connection::{As, Connection, KeyArgument, Target, currency_of, text};
use crate::failure::Failure;
use crate::output::{self, Align, Mark, Style, Table};
use crate::{money, names, when};

#[derive(Debug, Subcommand)]
pub(crate) enum BookCommand {
    /// Lists the market's order books with the best of each side.
    List(ListArguments),
    /// Shows one book: its terms and its best levels.
    Show(ShowArguments),
    /// Follows one book live: a ladder in the terminal, lines elsewhere.
    Watch(watch::Arguments),
    /// Buys: with a price as a limit order, without one at the market.
    Buy(place::SidedArguments),
    /// Sells: with a price as a limit order, without one at the market.
    Sell(place::SidedArguments),
    /// Places an order: `place BOOK buy|sell QUANTITY [PRICE]`.
    Place(place::Arguments),
    /// Takes an order out of its book.
    Cancel(place::CancelArguments),
    /// Changes an order's quantity or price.
    Modify(place::ModifyArguments),
    /// Your orders: those that live, then those that ended lately.
    Orders(OrdersArguments),
    /// A book's trades, the newest first.
    Trades(TradesArguments),
    /// Opens a new book.
    Create(CreateArguments),
    /// Begins a call auction in a book, or ends it (operators).
    Auction(AuctionArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// Words in the title or reference.
    #[arg(long)]
    query: Option<String>,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    /// The book: its id, the beginning of it, or its reference.
    book: String,
    /// Levels of each side.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    depth: u16,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct OrdersArguments {
    /// Only those in this book.
    book: Option<String>,
    /// Only those that live.
    #[arg(long)]
    open: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct TradesArguments {
    /// The book: its id, the beginning of it, or its reference.
    book: String,
    /// How many.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=500))]
    limit: u16,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  vendue book create \"Coffee, green, 1 kg\" 0.05 --reference COFFEE --funding full\n  \
    vendue book create \"Copper, 1 t\" 1 --lot-size 25 --self-trade cancel_oldest"
)]
pub(crate) struct CreateArguments {
    /// What is traded: the title says what one unit is.
    title: String,
    /// The step of prices for one unit, 0.05 say.
    tick: String,
    /// Units are traded in multiples of this.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    lot_size: Option<u64>,
    /// The price to which a first auction holds where nothing else decides.
    #[arg(long, value_name = "PRICE")]
    reference_price: Option<String>,
    /// How many significant figures a price may have.
    #[arg(long, value_name = "FIGURES")]
    significant_figures: Option<u8>,
    /// What happens where an account's orders would trade with each other: cancel_newest, cancel_oldest, cancel_both or
    /// allow [default: cancel_newest].
    #[arg(long, value_name = "RULE")]
    self_trade: Option<String>,
    /// What stands behind an order: none, or full: money and goods are held [default: none].
    #[arg(long)]
    funding: Option<String>,
    /// Your own key of it.
    #[arg(long, value_name = "REF")]
    reference: Option<String>,
    #[arg(long)]
    description: Option<String>,
    #[command(flatten)]
    key: KeyArgument,
    #[command(flatten)]
    target: Target,
}

/// What is done about a call auction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Action {
    /// Orders gather from now on.
    Start,
    /// They are matched at one price now.
    Uncross,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vendue book auction COFFEE start --lasts 60s --random-end 10s\n  \
    vendue book auction COFFEE uncross")]
pub(crate) struct AuctionArguments {
    /// The book: its id, the beginning of it, or its reference.
    book: String,
    #[arg(value_enum)]
    action: Action,
    /// It ends by itself after so long, 60s say [default: when an operator ends it].
    #[arg(long, value_name = "DURATION", value_parser = when::parse_duration)]
    lasts: Option<Duration>,
    /// ... and up to so much later, at an instant nobody knows.
    #[arg(long, value_name = "DURATION", value_parser = when::parse_duration)]
    random_end: Option<Duration>,
    #[command(flatten)]
    key: KeyArgument,
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(command: BookCommand) -> Result<(), Failure> {
    match command {
        BookCommand::List(arguments) => list(arguments).await,
        BookCommand::Show(arguments) => show(arguments).await,
        BookCommand::Watch(arguments) => watch::run(arguments).await,
        BookCommand::Buy(arguments) => place::sided(place::Side::Buy, arguments).await,
        BookCommand::Sell(arguments) => place::sided(place::Side::Sell, arguments).await,
        BookCommand::Place(arguments) => place::run(arguments).await,
        BookCommand::Cancel(arguments) => place::cancel(arguments).await,
        BookCommand::Modify(arguments) => place::modify(arguments).await,
        BookCommand::Orders(arguments) => orders(arguments).await,
        BookCommand::Trades(arguments) => trades(arguments).await,
        BookCommand::Create(arguments) => create(arguments).await,
        BookCommand::Auction(arguments) => auction(arguments).await,
    }
}

/// The book that is meant, as it is now.
async fn found(connection: &Connection, typed: &str) -> Result<(Value, Currency), Failure> {
    let id = names::resolve(connection, names::BOOK, typed).await?;
    let book = connection.read("book.get", json!({"book": id})).await?;
    let currency = currency_of(&book)?;
    Ok((book, currency))
}

/// A price, or nothing.
fn price_of(value: &Value, currency: Currency) -> String {
    value.as_u64().map(|minor| money::format(minor, currency)).unwrap_or_default()
}

async fn list(arguments: ListArguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, As::Bidder).await?;
    let filter = arguments.query.map_or_else(|| json!({}), |query| json!({"query": query}));
    let books = names::all(&connection, names::BOOK, filter).await?;
    if arguments.target.json {
        books.iter().all(output::json);
        return Ok(());
    }
    let headings = [
        ("REF", Align::Left),
        ("BOOK", Align::Left),
        ("TITLE", Align::Left),
        ("STATE", Align::Left),
        ("BID", Align::Right),
        ("ASK", Align::Right),
        ("LAST", Align::Right),
        ("", Align::Left),
    ];
    let mut table = Table::new(&headings, 2);
    for book in &books {
        let currency = currency_of(book)?;
        let best = |side: &str| price_of(&book[side][0][0], currency);
        let state = text(book, "state");
        let mark = (state != "continuous").then_some(Mark::Warning);
        table.row(vec![
            (text(book, "ref"), None),
            (names::short(&text(book, "book")), Some(Mark::Faint)),
            (text(book, "title"), None),
            (state, mark),
            (best("bids"), Some(Mark::Good)),
            (best("asks"), Some(Mark::Warning)),
            (price_of(&book["last_trade"]["price"], currency), Some(Mark::Strong)),
            (currency.code().to_owned(), Some(Mark::Faint)),
        ]);
    }
    table.print();
    Ok(())
}

async fn show(arguments: ShowArguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, As::Bidder).await?;
    let (book, currency) = found(&connection, &arguments.book).await?;
    if arguments.target.json {
        output::json(&book);
        return Ok(());
    }
    let style = Style::of_stdout();
    for line in ladder::lines(&book, currency, usize::from(arguments.depth), output::width(), style) {
        output::line(&line);
    }
    output::line("");
    let say = |name: &str, value: String| output::line(&format!("  {name:<14}{value}"));
    say("book", text(&book, "book"));
    say("tick", format!("{} {}", price_of(&book["tick"], currency), currency.code()));
    if let Some(size) = book["lot_size"].as_u64().filter(|&size| size > 1) {
        say("lot size", format!("{size} units"));
    }
    if book["funding"] == "full" {
        say("funding", "money and goods are held while an order lives".to_owned());
    }
    Ok(())
}

async fn orders(arguments: OrdersArguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, As::Bidder).await?;
    let mut params = json!({"limit": 500});
    if let Some(book) = &arguments.book {
        params["book"] = json!(names::resolve(&connection, names::BOOK, book).await?);
    }
    let mut page = connection.read("book.orders", params).await?;
    let mut orders = page["orders"].as_array_mut().map(std::mem::take).unwrap_or_default();
    orders.retain(|order| !arguments.open || is_live(order));
    if arguments.target.json {
        orders.iter().all(output::json);
        return Ok(());
    }
    let headings = [
        ("ORDER", Align::Left),
        ("BOOK", Align::Left),
        ("SIDE", Align::Left),
        ("PRICE", Align::Right),
        ("FILLED", Align::Right),
        ("LEFT", Align::Right),
        ("STATUS", Align::Left),
        ("CHANGED", Align::Left),
    ];
    let mut table = Table::new(&headings, 1);
    for order in &orders {
        let currency = currency_of(order)?;
        let price = price_of(&order["price"], currency);
        let status = text(order, "status");
        let mark = match status.as_str() {
            "filled" => Some(Mark::Good),
            _ if is_live(order) => Some(Mark::Strong),
            _ => Some(Mark::Faint),
        };
        let cause = text(order, "cause");
        // Of what was filled, or expired, the status says it all.
        let why = if status == "cancelled" && cause != status {
            format!(" ({})", cause.replace('_', " "))
        } else {
            String::new()
        };
        let side = text(order, "side");
        let side_mark = if side == "buy" { Mark::Good } else { Mark::Warning };
        table.row(vec![
            (names::short(&text(order, "book_order")), Some(Mark::Faint)),
            (text(order, "title"), None),
            (side, Some(side_mark)),
            (if price.is_empty() { "market".to_owned() } else { price }, None),
            (order["filled"].as_u64().unwrap_or_default().to_string(), None),
            (order["remaining"].as_u64().unwrap_or_default().to_string(), None),
            (format!("{}{why}", status.replace('_', " ")), mark),
            (order["at"].as_i64().map(when::time_of_day).unwrap_or_default(), Some(Mark::Faint)),
        ]);
    }
    table.print();
    Ok(())
}

/// Whether an order can still trade.
fn is_live(order: &Value) -> bool {
    matches!(order["status"].as_str(), Some("open" | "partly_filled" | "pending"))
}

async fn trades(arguments: TradesArguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, As::Bidder).await?;
    let (book, currency) = found(&connection, &arguments.book).await?;
    let params = json!({"book": book["book"], "limit": arguments.limit});
    let page = connection.read("book.trades", params).await?;
    let trades = page["trades"].as_array().map(Vec::as_slice).unwrap_or_default();
    if arguments.target.json {
        trades.iter().all(output::json);
        return Ok(());
    }
    let headings =
        [("TIME", Align::Left), ("PRICE", Align::Right), ("QUANTITY", Align::Right), ("TAKER", Align::Left)];
    let mut table = Table::new(&headings, 3);
    for trade in trades {
        table.row(vec![
            (trade["ts"].as_i64().map(when::time_of_day).unwrap_or_default(), Some(Mark::Faint)),
            (price_of(&trade["price"], currency), Some(Mark::Strong)),
            (trade["quantity"].as_u64().unwrap_or_default().to_string(), None),
            (taker(trade), Some(if trade["taker_side"] == "buy" { Mark::Good } else { Mark::Warning })),
        ]);
    }
    table.print();
    Ok(())
}

/// Who took; nobody in an auction.
fn taker(trade: &Value) -> String {
    match trade["taker_side"].as_str() {
        Some("buy") => "bought".to_owned(),
        Some("sell") => "sold".to_owned(),
        _ => "auction".to_owned(),
    }
}

async fn create(arguments: CreateArguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, As::Operator).await?;
    let market = connection.market_now().await?;
    let currency = currency_of(&market)?;
    let reference =
        arguments.reference_price.as_deref().map(|price| money::read(price, currency)).transpose()?;
    let mut params = json!({
        "market": market["market"], "title": arguments.title, "tick": money::read(&arguments.tick, currency)?,
        "currency": currency.code(),
    });
    for (name, value) in [
        ("lot_size", arguments.lot_size.map(Value::from)),
        ("reference", reference.map(Value::from)),
        ("tick_significant_figures", arguments.significant_figures.map(Value::from)),
        ("self_trade", arguments.self_trade.map(Value::from)),
        ("funding", arguments.funding.map(Value::from)),
        ("ref", arguments.reference.map(Value::from)),
        ("description", arguments.description.map(Value::from)),
    ] {
        if let Some(value) = value {
            params[name] = value;
        }
    }
    let result = connection.command_in("book.create", params, arguments.key, currency).await?;
    arguments.target.say(&result, &format!("{} created", text(&result, "book")));
    Ok(())
}

async fn auction(arguments: AuctionArguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, As::Operator).await?;
    let (book, currency) = found(&connection, &arguments.book).await?;
    let action = if arguments.action == Action::Start { "start" } else { "uncross" };
    let mut params = json!({"book": book["book"], "action": action});
    for (name, duration) in [("duration_ms", arguments.lasts), ("random_end_ms", arguments.random_end)] {
        if let Some(duration) = duration {
            params[name] = json!(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
        }
    }
    let result = connection.command_in("book.auction", params, arguments.key, currency).await?;
    let volume = result["volume"].as_u64().unwrap_or_default();
    let line = match (arguments.action, result["price"].as_u64()) {
        (Action::Start, _) => format!("{}: orders gather", text(&book, "title")),
        (Action::Uncross, Some(price)) => {
            format!("{volume} at {} each", money::with_currency(price, currency))
        }
        (Action::Uncross, None) => "nothing crossed: no price".to_owned(),
    };
    arguments.target.say(&result, &line);
    Ok(())
}
