//! `vendue stay LOT`: stays in a japanese lot.

use clap::Args;
use serde_json::json;

use crate::connection::{As, Connection, KeyArgument, Target, currency_of, text};
use crate::failure::Failure;
use crate::output::{self, Mark, Style};
use crate::{money, names, when};

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vendue stay 17\n  vendue stay 17 --until 850.00\n\n\
    The price of a japanese lot rises by the clock, and whoever does not stay before a step is out for good. The first stay,\n\
    before the first step, takes part. --until lets the server stay for you, up to that price; nobody else learns it.")]
pub(crate) struct Arguments {
    /// The lot: its id, the beginning of it, or its number.
    lot: String,
    /// Up to which price; the price of the coming step where absent.
    #[arg(long, value_name = "AMOUNT")]
    until: Option<String>,
    #[command(flatten)]
    key: KeyArgument,
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, As::Bidder).await?;
    let id = names::resolve(&connection, names::LOT, &arguments.lot).await?;
    let lot = connection.read("lot.get", json!({"lot": id})).await?;
    let currency = currency_of(&lot)?;
    let mut params = json!({"lot": id, "currency": currency.code()});
    if let Some(until) = &arguments.until {
        params["stay_until"] = json!(money::read(until, currency)?);
    }
    let result = connection.command_in("lot.stay", params, arguments.key, currency).await?;
    if arguments.target.json {
        output::json(&result);
        return Ok(());
    }
    let style = Style::of_stdout();
    let title = style.mark(Mark::Strong, &text(&lot, "title"));
    output::line(&format!("{}: {title}", style.mark(Mark::Good, "You are in")));
    let next = lot["next_price"].as_u64().map(|price| money::with_currency(price, currency));
    let step = lot["next_at"].as_i64().map(|next_at| when::countdown(next_at - connection.now_us()));
    if let (Some(next), Some(step)) = (next, step) {
        output::line(&format!("  next step       {next} in {step}"));
    }
    for line in crate::bid::costs(&result, currency) {
        output::line(&line);
    }
    Ok(())
}
