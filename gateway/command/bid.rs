//! `vendue bid LOT AMOUNT`.

use clap::Args;
use serde_json::{Value, json};
use vendue_client::Key;
use vendue_domain::amount::Currency;

use crate::connection::{As, Connection, Target, currency_of, failed, text};
use crate::failure::Failure;
use crate::output::{self, Mark, Style};
use crate::{money, names, when};

/// Length of a key in characters, as the protocol says.
const KEY_MAX: usize = 64;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vendue bid 17 105.00\n  vendue bid lot_4ZK9Q2 105.00 --json\n\n\
    LOT is an id, the beginning of one, or a number of the catalogue. In proxy bidding AMOUNT is your maximum: nobody\n\
    sees it, and you pay no more than it takes to lead.")]
pub(crate) struct Arguments {
    /// The lot: its id, the beginning of it, or its number.
    lot: String,
    /// The amount in the market's currency, 105.00 say.
    amount: String,
    /// The command's key: the same key never bids twice [default: a new one].
    #[arg(long, value_parser = key)]
    key: Option<String>,
    /// Asks whether the bid would be accepted, without making it.
    #[arg(long)]
    validate_only: bool,
    #[command(flatten)]
    target: Target,
}

fn key(text: &str) -> Result<String, String> {
    let characters = text.chars().count();
    if (1..=KEY_MAX).contains(&characters) {
        return Ok(text.to_owned());
    }
    Err(format!("a key has 1 to {KEY_MAX} characters, this one has {characters}"))
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
    let mut params = json!({"lot": id, "amount": amount});
    if arguments.validate_only {
        params["validate_only"] = json!(true);
    }
    let key = arguments.key.map_or_else(Key::random, Key::from);
    let outcome = connection.client.command("lot.bid", params, key.clone()).await;
    let result = outcome.map_err(|error| {
        let mut failure = failed("the bid", &error, Some(currency));
        if failure.exit == crate::failure::Exit::Unknown {
            failure.remedy = format!("run it again with --key {key}: it happens at most once");
        }
        failure
    })?;
    if arguments.target.json {
        output::json(&result);
    } else {
        for line in lines(&lot, &result, amount, currency, connection.now_us(), arguments.validate_only) {
            output::line(&line);
        }
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
    say("your maximum", Some(money::with_currency(amount, currency)));
    say("price", amount_of("price"));
    say("next minimum", amount_of("min_next_amount"));
    let left = result["ends_at"].as_i64().map(|ends_at| when::countdown(ends_at - now_us));
    say("ends in", left);
    lines
}
