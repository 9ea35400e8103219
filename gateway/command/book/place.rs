//! `vendue book buy|sell|place|cancel|modify`: orders.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use vendue_domain::amount::Currency;

use super::found;
use crate::connection::{As, Connection, KeyArgument, Target, currency_of, text};
use crate::failure::Failure;
use crate::output::{self, Mark, Style};
use crate::when::{self, Moment};
use crate::{money, names};

/// Trades that an answer lists; more are summed up.
const TRADES_SHOWN: usize = 8;

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Side {
    Buy,
    Sell,
}

/// How long an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Lasting {
    /// Until it is filled or cancelled.
    Gtc,
    /// What cannot be had at once is cancelled.
    Ioc,
    /// All of it at once, or nothing.
    Fok,
}

/// How an order is meant, beside its quantity and price.
#[derive(Debug, Args)]
struct Terms {
    /// How long it stands.
    #[arg(long, value_enum, value_name = "HOW")]
    time_in_force: Option<Lasting>,
    /// It ends then: from now (30m) or at an instant (2026-12-24T18:00:00Z).
    #[arg(long, value_name = "WHEN", value_parser = when::parse_moment, conflicts_with = "time_in_force")]
    expires: Option<Moment>,
    /// Refused where it would trade at once: it only ever waits to be taken.
    #[arg(long)]
    post_only: bool,
    /// The most that a market order spends, fees included (funded books ask for it).
    #[arg(long, value_name = "AMOUNT")]
    at_most: Option<String>,
    #[command(flatten)]
    key: KeyArgument,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  vendue book buy COFFEE 10 8.45\n  vendue book sell COFFEE 5 8.60 --post-only\n  \
    vendue book buy COFFEE 3 --at-most 30\n  vendue book buy COFFEE 20 8.50 --time-in-force ioc"
)]
pub(crate) struct SidedArguments {
    /// The book: its id, the beginning of it, or its reference.
    book: String,
    /// How many units.
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    quantity: u64,
    /// The worst price for one unit; without it the order takes what the market gives.
    price: Option<String>,
    #[command(flatten)]
    terms: Terms,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  vendue book place COFFEE buy 10 8.45 --expires 30m")]
pub(crate) struct Arguments {
    /// The book: its id, the beginning of it, or its reference.
    book: String,
    #[arg(value_enum)]
    side: Side,
    /// How many units.
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    quantity: u64,
    /// The worst price for one unit; without it the order takes what the market gives.
    price: Option<String>,
    #[command(flatten)]
    terms: Terms,
}

#[derive(Debug, Args)]
pub(crate) struct CancelArguments {
    /// The order: its id, or the beginning of it.
    order: String,
    /// Its book, where the order is not yours (operators).
    #[arg(long)]
    book: Option<String>,
    /// Why (operators).
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    key: KeyArgument,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  vendue book modify bko_4ZK9Q2 --quantity 5\n  vendue book modify bko_4ZK9Q2 --price 8.55"
)]
pub(crate) struct ModifyArguments {
    /// The order: its id, or the beginning of it.
    order: String,
    /// How many units in all, with what has been filled already.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    quantity: Option<u64>,
    /// The new price for one unit.
    #[arg(long)]
    price: Option<String>,
    #[command(flatten)]
    key: KeyArgument,
    #[command(flatten)]
    target: Target,
}

/// `vendue book buy`, `vendue book sell`.
pub(super) async fn sided(side: Side, arguments: SidedArguments) -> Result<(), Failure> {
    let SidedArguments { book, quantity, price, terms } = arguments;
    run(Arguments { book, side, quantity, price, terms }).await
}

/// `vendue book place`.
pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { book: typed, side, quantity, price, terms } = arguments;
    let connection = Connection::open(&terms.target, As::Bidder).await?;
    let (book, currency) = found(&connection, &typed).await?;
    let side = if side == Side::Buy { "buy" } else { "sell" };
    let mut params = json!({
        "book": book["book"], "side": side, "quantity": quantity, "currency": currency.code(),
        "type": if price.is_some() { "limit" } else { "market" },
    });
    if let Some(price) = &price {
        params["price"] = json!(money::read(price, currency)?);
    }
    if let Some(most) = &terms.at_most {
        params["max_amount"] = json!(money::read(most, currency)?);
    }
    if let Some(lasting) = terms.time_in_force {
        params["time_in_force"] = json!(match lasting {
            Lasting::Gtc => "gtc",
            Lasting::Ioc => "ioc",
            Lasting::Fok => "fok",
        });
    }
    if let Some(expires) = terms.expires {
        params["time_in_force"] = json!("gtd");
        params["expires_at"] = json!(expires.at_us(connection.now_us()));
    }
    if terms.post_only {
        params["post_only"] = json!(true);
    }
    let result = connection.command_in("book.place", params, terms.key, currency).await?;
    if terms.target.json {
        output::json(&result);
        return Ok(());
    }
    for line in lines(&book, side, &result, currency, Style::of_stdout()) {
        output::line(&line);
    }
    Ok(())
}

/// What became of an order: how much is filled, at which prices, what is left in the book.
fn lines(book: &Value, side: &str, result: &Value, currency: Currency, style: Style) -> Vec<String> {
    let count = |field: &str| result[field].as_u64().unwrap_or_default();
    let done = if side == "buy" { "bought" } else { "sold" };
    let headline = match text(result, "status").as_str() {
        "filled" => style.mark(Mark::Good, &format!("Filled: {} {done}", count("filled"))),
        "partly_filled" => style.mark(
            Mark::Good,
            &format!("{} {done}, {} wait in the book", count("filled"), count("remaining")),
        ),
        "open" => style.mark(Mark::Good, &format!("In the book: {} to {side}", count("remaining"))),
        "cancelled" if count("filled") > 0 => {
            style.mark(Mark::Warning, &format!("{} {done}, the rest is cancelled", count("filled")))
        }
        "cancelled" => style.mark(Mark::Warning, "Cancelled, nothing was traded"),
        other => other.replace('_', " "),
    };
    let replayed =
        if result["replayed"] == true { " (as answered before: nothing was done twice)" } else { "" };
    let mut lines = vec![format!("{headline}: {}{replayed}", style.mark(Mark::Strong, &text(book, "title")))];
    let trades = result["trades"].as_array().map(Vec::as_slice).unwrap_or_default();
    for trade in trades.iter().take(TRADES_SHOWN) {
        let price = money::with_currency(trade["price"].as_u64().unwrap_or_default(), currency);
        lines.push(format!("  {:>8} at {price}", trade["quantity"].as_u64().unwrap_or_default()));
    }
    if trades.len() > TRADES_SHOWN {
        lines.push(format!("  and {} trades more", trades.len() - TRADES_SHOWN));
    }
    let cost: u64 = trades
        .iter()
        .filter_map(|trade| trade["price"].as_u64()?.checked_mul(trade["quantity"].as_u64()?))
        .fold(0, u64::saturating_add);
    if trades.len() > 1 {
        lines.push(format!("  {:>8} {}", "in all", money::with_currency(cost, currency)));
    }
    lines.push(format!("  {:>8} {}", "order", text(result, "book_order")));
    lines
}

/// One of the caller's own orders, by its id or the beginning of it: (book, order, currency).
async fn own(connection: &Connection, typed: &str) -> Result<(String, String, Currency), Failure> {
    let page = connection.read("book.orders", json!({"limit": 500})).await?;
    let orders = page["orders"].as_array().map(Vec::as_slice).unwrap_or_default();
    let wanted = typed.to_ascii_lowercase();
    let fits = |order: &&Value| text(order, "book_order").to_ascii_lowercase().starts_with(&wanted);
    let found: Vec<&Value> = orders.iter().filter(fits).collect();
    let live: Vec<&&Value> = found.iter().filter(|order| super::is_live(order)).collect();
    match (live.as_slice(), found.as_slice()) {
        ([order], _) => Ok((text(order, "book"), text(order, "book_order"), currency_of(order)?)),
        ([], [order]) => Ok((text(order, "book"), text(order, "book_order"), currency_of(order)?)),
        ([], []) => Err(Failure::usage(
            format!("no order `{typed}` of yours"),
            "none has this id, or an id that begins like this",
            "`vendue book orders` shows them",
        )),
        _ => Err(Failure::usage(
            format!("`{typed}` is not unique"),
            "several of your orders begin like this",
            "type more of the id",
        )),
    }
}

pub(super) async fn cancel(arguments: CancelArguments) -> Result<(), Failure> {
    let acting = if arguments.book.is_some() { As::Operator } else { As::Bidder };
    let connection = Connection::open(&arguments.target, acting).await?;
    let (book, order) = match &arguments.book {
        Some(book) => (names::resolve(&connection, names::BOOK, book).await?, arguments.order),
        None => {
            let (book, order, _) = own(&connection, &arguments.order).await?;
            (book, order)
        }
    };
    let mut params = json!({"book": book, "book_order": order});
    if let Some(reason) = arguments.reason {
        params["reason"] = json!(reason);
    }
    let result = connection.command("book.cancel", params, arguments.key).await?;
    let filled = result["filled"].as_u64().unwrap_or_default();
    let line = format!("{} is cancelled; {filled} had been traded", names::short(&order));
    arguments.target.say(&result, &line);
    Ok(())
}

pub(super) async fn modify(arguments: ModifyArguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, As::Bidder).await?;
    let (book, order, currency) = own(&connection, &arguments.order).await?;
    if arguments.quantity.is_none() && arguments.price.is_none() {
        return Err(Failure::usage("nothing to change", "neither is given", "give --quantity or --price"));
    }
    let mut params = json!({"book": book, "book_order": order});
    if let Some(quantity) = arguments.quantity {
        params["quantity"] = json!(quantity);
    }
    if let Some(price) = &arguments.price {
        params["price"] = json!(money::read(price, currency)?);
        params["currency"] = json!(currency.code());
    }
    let result = connection.command_in("book.modify", params, arguments.key, currency).await?;
    let line = format!(
        "{} is {}: {} filled, {} left",
        names::short(&order),
        text(&result, "status").replace('_', " "),
        result["filled"].as_u64().unwrap_or_default(),
        result["remaining"].as_u64().unwrap_or_default(),
    );
    arguments.target.say(&result, &line);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(result: Value, expected: &[&str]) {
        let book = json!({"title": "Coffee"});
        let currency = Currency::new("EUR").unwrap();
        assert_eq!(lines(&book, "buy", &result, currency, Style::PLAIN), expected);
    }

    #[test]
    fn answers_say_what_became_of_it() {
        check(
            json!({"book_order": "bko_1", "status": "open", "filled": 0, "remaining": 10, "trades": []}),
            &["In the book: 10 to buy: Coffee", "     order bko_1"],
        );
        check(
            json!({"book_order": "bko_1", "status": "partly_filled", "filled": 5, "remaining": 2,
                "trades": [{"price": 845, "quantity": 2}, {"price": 850, "quantity": 3}]}),
            &[
                "5 bought, 2 wait in the book: Coffee",
                "         2 at 8.45 EUR",
                "         3 at 8.50 EUR",
                "    in all 42.40 EUR",
                "     order bko_1",
            ],
        );
        check(
            json!({"book_order": "bko_1", "status": "cancelled", "filled": 0, "remaining": 3, "replayed": true}),
            &[
                "Cancelled, nothing was traded: Coffee (as answered before: nothing was done twice)",
                "     order bko_1",
            ],
        );
    }
}
