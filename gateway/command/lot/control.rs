//! `vendue lot open|pause|resume|extend|cancel|close|reopen|retract`: what an operator or seller does with a lot, and a
//! bidder's way back.

use clap::Args;
use serde_json::json;

use crate::connection::{As, Connection, KeyArgument, Target, currency_of, text};
use crate::failure::Failure;
use crate::when::{self, Moment};
use crate::{money, names};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The lot: its id, the beginning of it, or its number.
    lot: String,
    /// Why; everybody reads it.
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    key: KeyArgument,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct EndArguments {
    #[command(flatten)]
    common: Arguments,
    /// The new end: from now (30m) or an instant (2026-12-24T18:00:00Z).
    #[arg(long, value_name = "WHEN", value_parser = when::parse_moment)]
    ends: Moment,
}

/// `lot.open` and its like.
pub(super) async fn act(method: &str, arguments: Arguments) -> Result<(), Failure> {
    change(method, arguments, None).await
}

/// `lot.extend`, `lot.reopen`.
pub(super) async fn end(method: &str, arguments: EndArguments) -> Result<(), Failure> {
    change(method, arguments.common, Some(arguments.ends)).await
}

async fn change(method: &str, arguments: Arguments, ends: Option<Moment>) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, As::Operator).await?;
    let lot = names::resolve(&connection, names::LOT, &arguments.lot).await?;
    let mut params = json!({"lot": lot});
    if let Some(reason) = arguments.reason {
        params["reason"] = json!(reason);
    }
    if let Some(ends) = ends {
        params["ends_at"] = json!(ends.at_us(connection.now_us()));
    }
    let result = connection.command(method, params, arguments.key).await?;
    let left = result["ends_at"].as_i64().map(|at| when::countdown(at - connection.now_us()));
    let left = left.map(|left| format!(", ends in {left}")).unwrap_or_default();
    arguments.target.say(&result, &format!("{} is {}{left}", names::short(&lot), text(&result, "state")));
    Ok(())
}

/// `lot.retract`.
pub(super) async fn retract(arguments: Arguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, As::Bidder).await?;
    let lot = names::resolve(&connection, names::LOT, &arguments.lot).await?;
    let currency = currency_of(&connection.read("lot.get", json!({"lot": lot})).await?)?;
    let mut params = json!({"lot": lot});
    if let Some(reason) = arguments.reason {
        params["reason"] = json!(reason);
    }
    let result = connection.command("lot.retract", params, arguments.key).await?;
    let price = result["price"].as_u64().map_or_else(
        || "no bid stands".to_owned(),
        |price| format!("the price is {}", money::with_currency(price, currency)),
    );
    let removed = result["removed"].as_u64().unwrap_or_default();
    let bids = if removed == 1 { "1 bid is".to_owned() } else { format!("{removed} bids are") };
    arguments.target.say(&result, &format!("{bids} taken back; {price} now"));
    Ok(())
}
