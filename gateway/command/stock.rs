//! `vendue stock ...`: what is for sale at a fixed price.

mod location;

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use vendue_domain::id::AccountId;

use crate::connection::{As, Connection, KeyArgument, Target, currency_of, text};
use crate::failure::Failure;
use crate::output::{self, Align, Mark, Style, Table};
use crate::{money, names, when};
use location::Location;

#[derive(Debug, Subcommand)]
pub(crate) enum StockCommand {
    /// Lists what is for sale at a fixed price.
    List(ListArguments),
    /// Shows one stock item with its counters.
    Show(ShowArguments),
    /// Sets units aside for you.
    Reserve(ReserveArguments),
    /// Gives a reservation back.
    Release(ReservationArguments),
    /// Keeps a reservation longer.
    Extend(ReservationArguments),
    /// Puts an item up for sale.
    Create(CreateArguments),
    /// Books units in that have arrived.
    Receive(ReceiveArguments),
    /// Corrects a count, up or down.
    Adjust(AdjustArguments),
    /// Sends units of a paid order.
    Ship(ParcelArguments),
    /// Takes back units that were sent.
    Return(ParcelArguments),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vendue stock ship SHOP-1 ord_4ZK9Q2 --reason \"parcel 00340\"\n  \
    vendue stock return SHOP-1 ord_4ZK9Q2 --quantity 1 --location Cellar")]
pub(crate) struct ParcelArguments {
    /// The stock item: its id, the beginning of it, or its reference.
    stock: String,
    /// The order: its id, or the beginning of it.
    order: String,
    /// The order's line, from 0, where several are of this item.
    #[arg(long)]
    line: Option<u32>,
    /// How many units [default: all that are due].
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    quantity: Option<u64>,
    /// From where, or to where.
    #[arg(long)]
    location: Option<String>,
    /// A parcel's number, say.
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    key: KeyArgument,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    /// The stock item: its id, the beginning of it, or its reference.
    stock: String,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct ReservationArguments {
    /// The reservation's id.
    reservation: String,
    /// For how long from now (extend) [default: 10 minutes].
    #[arg(long, value_parser = when::parse_duration)]
    ttl: Option<Duration>,
    #[command(flatten)]
    key: KeyArgument,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vendue stock create \"Vase, blue\" 24.50 12 --reference VASE-B\n  \
    vendue stock create \"Reprint\" 8 0 --threshold -50 --limit 3     sold before it is there, 50 at most, 3 to an account")]
pub(crate) struct CreateArguments {
    /// What it is called.
    title: String,
    /// The price of one unit.
    price: String,
    /// Units at hand.
    on_hand: u64,
    /// Kept back from sale; negative: sold before it is there, to that depth.
    #[arg(long, allow_negative_numbers = true)]
    threshold: Option<i64>,
    /// The most units for one account.
    #[arg(long)]
    limit: Option<u64>,
    /// Where units lie: NAME:COUNT or NAME:COUNT:LATITUDE,LONGITUDE; several times. ON_HAND is then their sum.
    #[arg(long, value_name = "LOCATION", value_parser = location::parse)]
    location: Vec<Location>,
    /// Which location is taken from first: most_stock, nearest or fewest_parcels.
    #[arg(long)]
    strategy: Option<String>,
    /// Your own key of it (SKU).
    #[arg(long, value_name = "REF")]
    reference: Option<String>,
    #[arg(long)]
    description: Option<String>,
    #[arg(long)]
    category: Option<String>,
    /// Who sells it [default: you].
    #[arg(long, value_name = "ACCOUNT")]
    seller: Option<AccountId>,
    #[command(flatten)]
    key: KeyArgument,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct ReceiveArguments {
    /// The stock item: its id, the beginning of it, or its reference.
    stock: String,
    /// How many units.
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    quantity: u64,
    /// Where they lie now [default: the first location].
    #[arg(long)]
    location: Option<String>,
    /// Why.
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    key: KeyArgument,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct AdjustArguments {
    /// The stock item: its id, the beginning of it, or its reference.
    stock: String,
    /// How many units more, or fewer (-2).
    #[arg(allow_negative_numbers = true)]
    quantity: i64,
    /// Where [default: the first location].
    #[arg(long)]
    location: Option<String>,
    /// Why: a count, a loss.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    key: KeyArgument,
    #[command(flatten)]
    target: Target,
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
    #[command(flatten)]
    key: KeyArgument,
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(command: StockCommand) -> Result<(), Failure> {
    match command {
        StockCommand::List(arguments) => list(arguments).await,
        StockCommand::Show(arguments) => show(arguments).await,
        StockCommand::Reserve(arguments) => reserve(arguments).await,
        StockCommand::Release(arguments) => of_reservation("stock.release", arguments).await,
        StockCommand::Extend(arguments) => of_reservation("stock.extend", arguments).await,
        StockCommand::Create(arguments) => create(arguments).await,
        StockCommand::Receive(ReceiveArguments { stock, quantity, location, reason, key, target }) => {
            let params = json!({"quantity": quantity, "location": location, "reason": reason});
            count("stock.receive", &stock, None, params, key, &target).await
        }
        StockCommand::Adjust(AdjustArguments { stock, quantity, location, reason, key, target }) => {
            let params = json!({"quantity": quantity, "location": location, "reason": reason});
            count("stock.adjust", &stock, None, params, key, &target).await
        }
        StockCommand::Ship(arguments) => parcel("stock.ship", arguments).await,
        StockCommand::Return(arguments) => parcel("stock.return", arguments).await,
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
    table.print();
    Ok(())
}

async fn show(arguments: ShowArguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, As::Bidder).await?;
    let id = names::resolve(&connection, names::STOCK, &arguments.stock).await?;
    let stock = connection.read("stock.get", json!({"stock": id})).await?;
    if arguments.target.json {
        output::json(&stock);
        return Ok(());
    }
    let currency = currency_of(&stock)?;
    output::line(&Style::of_stdout().mark(Mark::Strong, &text(&stock, "title")));
    let price = stock["price"].as_u64().map(|minor| money::with_currency(minor, currency));
    output::line(&format!("  {:<14}{}", "stock", id));
    output::line(&format!("  {:<14}{}", "price", price.unwrap_or_default()));
    output::line(&format!("  {}", counters(&stock)));
    Ok(())
}

/// The counters of an item, in a line.
fn counters(item: &Value) -> String {
    let count = |field: &str| item[field].as_i64().unwrap_or_default();
    format!(
        "{} available: {} on hand, {} reserved, {} allocated",
        count("available"),
        count("on_hand"),
        count("reserved"),
        count("allocated")
    )
}

async fn create(arguments: CreateArguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, As::Operator).await?;
    let market = connection.market_now().await?;
    let currency = currency_of(&market)?;
    let mut params = json!({
        "market": market["market"], "title": arguments.title, "price": money::read(&arguments.price, currency)?,
        "currency": currency.code(), "on_hand": arguments.on_hand,
    });
    for (name, value) in [
        ("threshold", arguments.threshold.map(Value::from)),
        ("limit_per_account", arguments.limit.map(Value::from)),
        ("ref", arguments.reference.map(Value::from)),
        ("description", arguments.description.map(Value::from)),
        ("category", arguments.category.map(Value::from)),
        ("seller", arguments.seller.map(|seller| json!(seller.to_string()))),
        ("strategy", arguments.strategy.map(Value::from)),
        (
            "locations",
            (!arguments.location.is_empty())
                .then(|| arguments.location.iter().map(Location::params).collect()),
        ),
    ] {
        if let Some(value) = value {
            params[name] = value;
        }
    }
    let result = connection.command_in("stock.create", params, arguments.key, currency).await?;
    let stock = text(&result, "stock");
    arguments.target.say(&result, &format!("{stock} created; {}", counters(&result)));
    Ok(())
}

/// `stock.ship` and `stock.return`.
async fn parcel(method: &str, arguments: ParcelArguments) -> Result<(), Failure> {
    let ParcelArguments { stock, order, line, quantity, location, reason, key, target } = arguments;
    let params = json!({"line": line, "quantity": quantity, "location": location, "reason": reason});
    count(method, &stock, Some(&order), params, key, &target).await
}

/// A command that changes an item's counters, by the seller or an operator.
async fn count(
    method: &str,
    stock: &str,
    order: Option<&str>,
    mut params: Value,
    key: KeyArgument,
    target: &Target,
) -> Result<(), Failure> {
    let connection = Connection::open(target, As::Operator).await?;
    params["stock"] = json!(names::resolve(&connection, names::STOCK, stock).await?);
    if let Some(order) = order {
        params["order"] = json!(names::resolve(&connection, names::ORDER, order).await?);
    }
    let result = connection.command(method, params, key).await?;
    target.say(&result, &counters(&result));
    Ok(())
}

/// `stock.release` and `stock.extend`.
async fn of_reservation(method: &str, arguments: ReservationArguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, As::Bidder).await?;
    let mut params = json!({"reservation": arguments.reservation});
    if let Some(ttl) = arguments.ttl {
        params["ttl_ms"] = json!(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
    }
    let result = connection.command(method, params, arguments.key).await?;
    let left = result["expires_at"].as_i64().map(|at| when::countdown(at - connection.now_us()));
    let kept = left.map(|left| format!("kept for {left}; ")).unwrap_or_default();
    arguments.target.say(&result, &format!("{kept}{}", counters(&result)));
    Ok(())
}

async fn reserve(arguments: ReserveArguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, As::Bidder).await?;
    let id = names::resolve(&connection, names::STOCK, &arguments.stock).await?;
    let mut params = json!({"stock": id, "quantity": arguments.quantity});
    if let Some(ttl) = arguments.ttl {
        params["ttl_ms"] = json!(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
    }
    let result = connection.command("stock.reserve", params, arguments.key).await?;
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
