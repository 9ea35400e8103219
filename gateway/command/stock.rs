//! `vendue stock list|reserve`.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::json;
use vendue_client::Key;

use crate::connection::{As, Connection, Target, currency_of, failed, text};
use crate::failure::Failure;
use crate::output::{self, Align, Mark, Style, Table};
use crate::{money, names, when};

#[derive(Debug, Subcommand)]
pub(crate) enum StockCommand {
    /// Lists what is for sale at a fixed price.
    List(ListArguments),
    /// Sets units aside for you.
    Reserve(ReserveArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// Words in title, category or reference.
    #[arg(long)]
    query: Option<String>,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct ReserveArguments {
    /// The stock item: its id, the beginning of it, or its reference.
    stock: String,
    /// How many units.
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    quantity: u64,
    /// For how long, 10m say [default: the market's, 10 minutes].
    #[arg(long, value_parser = when::parse_duration)]
    ttl: Option<Duration>,
    /// The command's key: the same key never reserves twice [default: a new one].
    #[arg(long)]
    key: Option<String>,
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(command: StockCommand) -> Result<(), Failure> {
    match command {
        StockCommand::List(arguments) => list(arguments).await,
        StockCommand::Reserve(arguments) => reserve(arguments).await,
    }
}

async fn list(arguments: ListArguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, As::Bidder).await?;
    let filter = arguments.query.map_or_else(|| json!({}), |query| json!({"query": query}));
    let items = names::all(&connection, names::STOCK, filter).await?;
    if arguments.target.json {
        items.iter().all(output::json);
        return Ok(());
    }
    let headings = [
        ("REF", Align::Left),
        ("STOCK", Align::Left),
        ("TITLE", Align::Left),
        ("PRICE", Align::Right),
        ("AVAILABLE", Align::Right),
        ("RESERVED", Align::Right),
    ];
    let mut table = Table::new(&headings, 2);
    for item in &items {
        let currency = currency_of(item)?;
        let available = item["available"].as_u64().unwrap_or_default();
        table.row(vec![
            (text(item, "ref"), None),
            (names::short(&text(item, "stock")), Some(Mark::Faint)),
            (text(item, "title"), None),
            (
                item["price"].as_u64().map(|minor| money::with_currency(minor, currency)).unwrap_or_default(),
                Some(Mark::Strong),
            ),
            (available.to_string(), (available == 0).then_some(Mark::Warning)),
            (item["reserved"].as_u64().unwrap_or_default().to_string(), Some(Mark::Faint)),
        ]);
    }
    for line in table.lines(Style::of_stdout(), output::width()) {
        output::line(&line);
    }
    Ok(())
}

async fn reserve(arguments: ReserveArguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, As::Bidder).await?;
    let id = names::resolve(&connection, names::STOCK, &arguments.stock).await?;
    let mut params = json!({"stock": id, "quantity": arguments.quantity});
    if let Some(ttl) = arguments.ttl {
        params["ttl_ms"] = json!(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
    }
    let key = arguments.key.map_or_else(Key::random, Key::from);
    let outcome = connection.client.command("stock.reserve", params, key).await;
    let result = outcome.map_err(|error| failed("the reservation", &error, None))?;
    if arguments.target.json {
        output::json(&result);
        return Ok(());
    }
    let left = result["expires_at"].as_i64().map(|at| when::countdown(at - connection.now_us()));
    let style = Style::of_stdout();
    output::line(&format!(
        "{}: {} set aside as {}, for {}; {} left",
        style.mark(Mark::Good, "Reserved"),
        arguments.quantity,
        text(&result, "reservation"),
        left.unwrap_or_else(|| "as long as it takes".to_owned()),
        result["available"],
    ));
    Ok(())
}
