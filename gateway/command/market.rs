//! `vendue market list|show|create|halt|resume|fees`.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use vendue_domain::amount::Currency;

use crate::connection::{As, Connection, KeyArgument, Target, currency_of, text};
use crate::failure::Failure;
use crate::money;
use crate::output::{self, Align, Mark, Style, Table};

#[derive(Debug, Subcommand)]
pub(crate) enum MarketCommand {
    /// Lists the markets.
    List(ReadArguments),
    /// Shows the market: state, fees, increments.
    Show(ReadArguments),
    /// Creates a market; you become its owner.
    Create(CreateArguments),
    /// Halts the market: nothing is sold until it resumes, and no time runs.
    Halt(StateArguments),
    /// Lets a halted market go on.
    Resume(StateArguments),
    /// Sets the buyer's premium and the seller's commission of what is offered from now on.
    Fees(FeesArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ReadArguments {
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vendue market create \"Harbour Rooms\" EUR --open-registration\n  \
    vendue market create \"Harbour Rooms\" EUR --premium 0:25%,50000:20% --commission 0:10%")]
pub(crate) struct CreateArguments {
    /// What it is called.
    name: String,
    /// Its currency, EUR say.
    #[arg(value_parser = currency)]
    currency: Currency,
    /// Every account may bid and buy here without a grant.
    #[arg(long)]
    open_registration: bool,
    /// Your own key of this market.
    #[arg(long, value_name = "REF")]
    reference: Option<String>,
    #[command(flatten)]
    fees: FeeArguments,
    #[command(flatten)]
    key: KeyArgument,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct StateArguments {
    /// Why; everybody reads it.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    key: KeyArgument,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  vendue market fees --premium 0:25%,50000:20%,1000000:12% --commission 0:10% --reason \"Terms of 2027\"\n  \
    vendue market fees --none --reason \"A charity sale\"\n\n\
    A table is bands BEGINS_AT:RATE in whole units of the currency, each rate for the part of the hammer price that lies in\n\
    its band. Lots and stock that exist keep the fees they were created with."
)]
pub(crate) struct FeesArguments {
    #[command(flatten)]
    fees: FeeArguments,
    /// No fees from now on.
    #[arg(long, conflicts_with_all = ["premium", "commission"])]
    none: bool,
    /// Why; it stands in the audit log.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    key: KeyArgument,
    #[command(flatten)]
    target: Target,
}

/// What happens to fractions of the smallest unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Rounding {
    HalfUp,
    HalfEven,
    Up,
    Down,
}

impl Rounding {
    const fn name(self) -> &'static str {
        match self {
            Self::HalfUp => "half_up",
            Self::HalfEven => "half_even",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

#[derive(Debug, Args)]
struct FeeArguments {
    /// What a buyer pays on top of the hammer price: bands, 0:25%,50000:20% say.
    #[arg(long, value_name = "BANDS")]
    premium: Option<String>,
    /// What is kept from a seller's proceeds: bands.
    #[arg(long, value_name = "BANDS")]
    commission: Option<String>,
    /// What happens to fractions of the smallest unit.
    #[arg(long, value_enum, default_value = "half-up")]
    rounding: Rounding,
}

impl FeeArguments {
    /// The schedule as the protocol has it; `None` where neither table is named.
    fn schedule(&self, currency: Currency) -> Result<Option<Value>, Failure> {
        let table = |bands: &Option<String>| -> Result<Value, Failure> {
            let Some(text) = bands else { return Ok(Value::Null) };
            let bands = parse_bands(text, currency).map_err(|why| {
                Failure::usage(format!("`{text}` is no table of fees"), why, "write 0:25%,50000:20% say")
            })?;
            Ok(json!({"bands": bands, "rounding": self.rounding.name()}))
        };
        if self.premium.is_none() && self.commission.is_none() {
            return Ok(None);
        }
        Ok(Some(
            json!({"buyers_premium": table(&self.premium)?, "sellers_commission": table(&self.commission)?}),
        ))
    }
}

/// `0:25%,50000:20%` as [begins at in minor units, parts per million].
fn parse_bands(text: &str, currency: Currency) -> Result<Vec<(u64, u64)>, String> {
    let band = |band: &str| {
        let (begins, rate) = band.trim().split_once(':').ok_or_else(|| format!("`{band}` has no `:`"))?;
        let begins = match begins.trim() {
            "0" => 0,
            amount => money::parse(amount, currency).map_err(|error| error.to_string())?,
        };
        let rate = rate.trim().strip_suffix('%').ok_or_else(|| format!("the rate of `{band}` has no `%`"))?;
        Ok((begins, parts_per_million(rate).ok_or_else(|| format!("`{rate}` is no rate"))?))
    };
    text.split(',').map(band).collect()
}

/// `12.5` per cent as 125,000 parts per million; at most four decimals.
fn parts_per_million(per_cent: &str) -> Option<u64> {
    let (whole, fraction) = per_cent.split_once('.').unwrap_or((per_cent, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 3 || fraction.len() > 4 || !digits(whole) || !digits(fraction) {
        return None;
    }
    format!("{whole}{fraction:0<4}").parse().ok().filter(|&ppm: &u64| ppm <= 1_000_000)
}

fn currency(text: &str) -> Result<Currency, String> {
    Currency::new(&text.to_ascii_uppercase())
        .ok_or_else(|| format!("`{text}` is no currency that is known; EUR say"))
}

pub(crate) async fn run(command: MarketCommand) -> Result<(), Failure> {
    match command {
        MarketCommand::List(arguments) => list(arguments).await,
        MarketCommand::Show(arguments) => show(arguments).await,
        MarketCommand::Create(arguments) => create(arguments).await,
        MarketCommand::Halt(arguments) => state("market.halt", arguments).await,
        MarketCommand::Resume(arguments) => state("market.resume", arguments).await,
        MarketCommand::Fees(arguments) => fees(arguments).await,
    }
}

async fn list(arguments: ReadArguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, As::Bidder).await?;
    let page = connection.read("market.list", json!({"limit": 500})).await?;
    let markets = page["markets"].as_array().cloned().unwrap_or_default();
    if arguments.target.json {
        markets.iter().all(output::json);
        return Ok(());
    }
    let headings =
        [("MARKET", Align::Left), ("NAME", Align::Left), ("CURRENCY", Align::Left), ("STATE", Align::Left)];
    let mut table = Table::new(&headings, 1);
    for market in &markets {
        table.row(vec![
            (text(market, "market"), Some(Mark::Faint)),
            (text(market, "name"), Some(Mark::Strong)),
            (text(market, "currency"), None),
            (text(market, "state"), (market["state"] != "open").then_some(Mark::Warning)),
        ]);
    }
    table.print();
    Ok(())
}

async fn show(arguments: ReadArguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, As::Bidder).await?;
    let market = connection.market_now().await?;
    if arguments.target.json {
        output::json(&market);
        return Ok(());
    }
    output::line(&Style::of_stdout().mark(Mark::Strong, &text(&market, "name")));
    let reason = market["reason"].as_str().map(|reason| format!(" ({reason})")).unwrap_or_default();
    output::line(&format!("  {:<20}{}", "market", text(&market, "market")));
    output::line(&format!("  {:<20}{}", "currency", text(&market, "currency")));
    output::line(&format!("  {:<20}{}{reason}", "state", text(&market, "state")));
    let currency = currency_of(&market)?;
    for (name, field) in
        [("buyer's premium", "buyers_premium"), ("seller's commission", "sellers_commission")]
    {
        output::line(&format!("  {name:<20}{}", describe(&market["fees"][field], currency)));
    }
    Ok(())
}

/// A table of fees in words: `25% from 0.00, 20% from 50,000.00`.
pub(crate) fn describe(table: &Value, currency: Currency) -> String {
    let Some(bands) = table["bands"].as_array() else { return "none".to_owned() };
    let fixed = table["fixed"].as_u64().filter(|&fixed| fixed > 0);
    let fixed = fixed.map(|fixed| format!("{} and ", money::format(fixed, currency))).unwrap_or_default();
    let words = bands.iter().map(|band| {
        let rate = format!("{:.4}", band[1].as_u64().unwrap_or_default() as f64 / 10_000.0);
        let rate = rate.trim_end_matches('0').trim_end_matches('.').to_owned();
        format!("{rate}% from {}", money::format(band[0].as_u64().unwrap_or_default(), currency))
    });
    format!("{fixed}{}", words.collect::<Vec<_>>().join(", "))
}

async fn create(arguments: CreateArguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, As::Operator).await?;
    let mut params = json!({"name": arguments.name, "currency": arguments.currency.code()});
    if arguments.open_registration {
        params["policy"] = json!({"open_registration": true});
    }
    if let Some(reference) = arguments.reference {
        params["ref"] = json!(reference);
    }
    if let Some(fees) = arguments.fees.schedule(arguments.currency)? {
        params["fees"] = fees;
    }
    let result = connection.command("market.create", params, arguments.key).await?;
    let market = text(&result, "market");
    arguments.target.say(&result, &format!("{market} created; name it with --market or VENDUE_MARKET"));
    Ok(())
}

async fn state(method: &str, arguments: StateArguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, As::Operator).await?;
    let market = connection.market().await?;
    let params = json!({"market": market, "reason": arguments.reason});
    let result = connection.command(method, params, arguments.key).await?;
    arguments.target.say(&result, &format!("{market} is {}", text(&result, "state")));
    Ok(())
}

async fn fees(arguments: FeesArguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, As::Operator).await?;
    let market = connection.market_now().await?;
    let currency = currency_of(&market)?;
    let schedule = match arguments.fees.schedule(currency)? {
        Some(schedule) => schedule,
        None if arguments.none => json!({}),
        None => {
            return Err(Failure::usage(
                "which fees?",
                "neither --premium nor --commission is given",
                "name them, or --none",
            ));
        }
    };
    let params = json!({"market": market["market"], "fees": schedule, "reason": arguments.reason});
    let result = connection.command("market.set_fees", params, arguments.key).await?;
    let words = ["buyers_premium", "sellers_commission"].map(|field| describe(&schedule[field], currency));
    let line = format!("From now on: buyer's premium {}; seller's commission {}", words[0], words[1]);
    arguments.target.say(&result, &line);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_fees_are_read_exactly() {
        let eur = Currency::new("EUR").unwrap();
        let cases = [
            ("0:25%", Some(vec![(0, 250_000)])),
            (
                "0:25%, 50000:20%,1000000.50:12.5%",
                Some(vec![(0, 250_000), (5_000_000, 200_000), (100_000_050, 125_000)]),
            ),
            ("0:0.0001%", Some(vec![(0, 1)])),
            ("0:100%", Some(vec![(0, 1_000_000)])),
            ("0:100.0001%", None),
            ("0:25", None),
            ("25%", None),
            ("0:-5%", None),
            ("0:0.00001%", None),
            ("x:5%", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_bands(text, eur).ok(), expected, "{text}");
        }
        let table = json!({"bands": [[0, 250_000], [5_000_000, 125_000]], "fixed": 100});
        assert_eq!(describe(&table, eur), "1.00 and 25% from 0.00, 12.5% from 50,000.00");
        assert_eq!(describe(&Value::Null, eur), "none");
    }
}
