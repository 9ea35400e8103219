//! `vendue bid LOT AMOUNT`.

use clap::Args;
use serde_json::{Value, json};
use vendue_domain::amount::Currency;

use crate::connection::{As, Connection, KeyArgument, Target, currency_of, text};
use crate::failure::Failure;
use crate::output::{self, Mark, Style};
use crate::{money, names, when};

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vendue bid 17 105.00\n  vendue bid lot_4ZK9Q2 105.00 --json\n\n\
    LOT is an id, the beginning of one, or a number of the catalogue. In proxy bidding AMOUNT is your maximum: nobody\n\
    sees it, and you pay no more than it takes to lead. In a tender (reverse) the lowest offer wins; of a lot with several\n\
    units AMOUNT is the price of one (--quantity).")]
pub(crate) struct Arguments {
    /// The lot: its id, the beginning of it, or its number.
    lot: String,
    /// The amount in the market's currency, 105.00 say.
    amount: String,
    /// How many units, where the lot has several; AMOUNT is for one.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    quantity: Option<u64>,
    /// The items it is for, by their numbers, 1,3 say, where the lot has several (combinatorial).
    #[arg(long, value_delimiter = ',', value_name = "ITEMS")]
    package: Vec<u32>,
    /// All these units or none.
    #[arg(long, requires = "quantity")]
    all_or_none: bool,
    #[command(flatten)]
    key: KeyArgument,
    /// Saves the signed proof of the answer here, a few seconds later; `vendue verify receipt FILE` checks it.
    #[arg(long, value_name = "FILE", conflicts_with = "validate_only")]
    receipt: Option<std::path::PathBuf>,
    /// Asks whether the bid would be accepted, without making it.
    #[arg(long)]
    validate_only: bool,
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, As::Bidder).await?;
    let id = names::resolve(&connection, names::LOT, &arguments.lot).await?;
    let lot = connection.read("lot.get", json!({"lot": id})).await?;
    let currency = currency_of(&lot)?;
    let amount = money::parse(&arguments.amount, currency).map_err(|error| {
        let example = lot["min_next_amount"]
            .as_u64()
            .map_or_else(|| "105.00".to_owned(), |a| money::typed(a, currency));
        Failure::usage(
            format!("`{}` is not an amount in {}", arguments.amount, currency.code()),
            error,
            format!("type {example} say"),
        )
    })?;
    let mut params = json!({"lot": id, "amount": amount, "currency": currency.code()});
    if let Some(quantity) = arguments.quantity {
        params["quantity"] = json!(quantity);
    }
    if !arguments.package.is_empty() {
        params["package"] = json!(arguments.package);
    }
    if arguments.all_or_none {
        params["all_or_none"] = json!(true);
    }
    if arguments.validate_only {
        params["validate_only"] = json!(true);
    }
    let (key, argument) = arguments.key.chosen();
    let result = connection.command_in("lot.bid", params, argument, currency).await?;
    if arguments.target.json {
        output::json(&result);
    } else {
        for line in lines(&lot, &result, amount, currency, connection.now_us(), arguments.validate_only) {
            output::line(&line);
        }
    }
    if let Some(path) = &arguments.receipt {
        crate::receipt::save(&connection, &id, &key, path).await?;
    }
    Ok(())
}

/// What a bidder wants to know: where it stands, at what price, what comes next, how long is left.
fn lines(
    lot: &Value,
    result: &Value,
    amount: u64,
    currency: Currency,
    now_us: i64,
    validate_only: bool,
) -> Vec<String> {
    let style = Style::of_stdout();
    let headline = match (result["status"].as_str().unwrap_or_default(), validate_only) {
        (_, true) => style.mark(Mark::Good, "It would be accepted"),
        ("leading", _) => style.mark(Mark::Good, "You lead"),
        ("won", _) => style.mark(Mark::Good, "Yours"),
        ("placed", _) => style.mark(Mark::Good, "Your bid is placed"),
        ("outbid", _) => style.mark(Mark::Warning, "Accepted, but another maximum is higher: you are outbid"),
        (other, _) => other.to_owned(),
    };
    let replayed =
        if result["replayed"] == true { " (as answered before: nothing was done twice)" } else { "" };
    let number = lot["number"].as_u64().map(|number| format!("lot {number}, ")).unwrap_or_default();
    let mut lines =
        vec![format!("{headline}: {number}{}{replayed}", style.mark(Mark::Strong, &text(lot, "title")))];
    let mut say =
        |name: &str, value: Option<String>| lines.extend(value.map(|value| format!("  {name:<16}{value}")));
    let amount_of = |field: &str| result[field].as_u64().map(|minor| money::with_currency(minor, currency));
    let own = if (lot["format"] == "english" || lot["format"] == "candle") && lot["proxy"] != false {
        "your maximum"
    } else {
        "your bid"
    };
    say(own, Some(money::with_currency(amount, currency)));
    say("price", amount_of("price"));
    say("next minimum", amount_of("min_next_amount"));
    let left = result["ends_at"].as_i64().map(|ends_at| when::countdown(ends_at - now_us));
    say("ends in", left);
    lines.extend(costs(result, currency));
    lines
}

/// Fees, total and what is held, where the answer says them.
pub(crate) fn costs(result: &Value, currency: Currency) -> Vec<String> {
    let amount = |field: &str| result[field].as_u64().map(|minor| money::with_currency(minor, currency));
    let costs = [("premium", "fees"), ("in all", "total"), ("held", "held")];
    let lines = costs.map(|(name, field)| amount(field).map(|words| format!("  {name:<16}{words}")));
    lines.into_iter().flatten().collect()
}
