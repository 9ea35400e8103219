//! `vendue take LOT [QUANTITY]`: buys at a dutch clock's price.

use clap::Args;
use serde_json::json;

use crate::connection::{As, Connection, KeyArgument, Target, currency_of, text};
use crate::failure::Failure;
use crate::output::{self, Mark, Style};
use crate::{money, names};

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vendue take 17\n  vendue take 17 5 --at-most 32.50\n\n\
    You pay what the clock shows when the server decides, which is never more than it showed when you pressed: the price\n\
    only falls. --at-most refuses where the clock still asks for more.")]
pub(crate) struct Arguments {
    /// The lot: its id, the beginning of it, or its number.
    lot: String,
    /// How many units.
    #[arg(default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    quantity: u64,
    /// The most you pay for a unit.
    #[arg(long, value_name = "AMOUNT")]
    at_most: Option<String>,
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
    let mut params = json!({"lot": id, "quantity": arguments.quantity, "currency": currency.code()});
    if let Some(amount) = &arguments.at_most {
        params["amount"] = json!(money::read(amount, currency)?);
    }
    let result = connection.command_in("lot.take", params, arguments.key, currency).await?;
    if arguments.target.json {
        output::json(&result);
        return Ok(());
    }
    let style = Style::of_stdout();
    let price = result["price"].as_u64().map(|price| money::with_currency(price, currency));
    let units =
        if arguments.quantity == 1 { String::new() } else { format!("{} units, ", arguments.quantity) };
    output::line(&format!(
        "{}: {units}{} at {}",
        style.mark(Mark::Good, "Yours"),
        style.mark(Mark::Strong, &text(&lot, "title")),
        price.unwrap_or_default()
    ));
    for line in crate::bid::costs(&result, currency) {
        output::line(&line);
    }
    Ok(())
}
