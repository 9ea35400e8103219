//! `vendue lot create`: a lot of any format.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use vendue_domain::amount::Currency;
use vendue_domain::id::AccountId;

use crate::connection::{As, Connection, KeyArgument, Target, currency_of, text};
use crate::failure::Failure;
use crate::when::{self, Moment};
use crate::{money, names};

const EXAMPLES: &str = "Examples:
  vendue lot create \"Oak chair\" --start 50 --ends 2h --reserve 120 --soft-close 60s
  vendue lot create \"Tulip bulbs\" --format dutch --clock 40.00:0.50:15s:10.00 --quantity 200 --ends 1h
  vendue lot create \"A quarry\" --format sealed-first-price --start 100000 --ends 7d --funding deposit --deposit 5000
  vendue lot create \"A painting\" --format vickrey --start 500 --ends 1d --funding full
  vendue lot create \"Wine, per case\" --format multi-unit --quantity 24 --start 90 --pricing uniform-lowest-winning --ends 3h
  vendue lot create \"Roof repair\" --format reverse --start 8000 --sealed --ends 2d
  vendue lot create \"A violin\" --format japanese --clock 500.00:25.00:20s
  vendue lot create \"A hogshead of port\" --format candle --start 80 --ends 1h --candle 10m
  vendue lot create \"Fields\" --format combinatorial --item North --item East --start 900 --ends 2d

Times are from now (90s, 10m, 2h, 7d) or instants (2026-12-24T18:00:00Z). Without --opens the lot opens at once;
with --draft it waits for `vendue lot open`.";

/// How a lot is sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Rising, in the open; a bid is a secret maximum (proxy bidding).
    English,
    /// The price falls by the clock; who takes first has it.
    Dutch,
    /// One sealed bid each; the highest wins and pays it.
    SealedFirstPrice,
    /// One sealed bid each; the highest wins and pays the second.
    Vickrey,
    /// Several equal units; bids name a quantity and a unit price.
    MultiUnit,
    /// A tender: the lowest offer wins.
    Reverse,
    /// The price rises by the clock; who does not stay is out for good.
    Japanese,
    /// As english, but the end is drawn afterwards, from the last minutes.
    Candle,
    /// Sealed bids on packages of several items.
    Combinatorial,
}

/// What winners of several units pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Pricing {
    /// All pay the lowest winning bid.
    UniformLowestWinning,
    /// All pay the highest losing bid.
    UniformHighestLosing,
    /// Each pays its own bid.
    PayAsBid,
}

/// How bids are backed by money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Funding {
    None,
    /// A fixed hold before the first bid.
    Deposit,
    /// All that a bid may cost, fees included, is held.
    Full,
}

/// Who may bid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Qualification {
    None,
    /// Registered for the lot's sale.
    Registered,
    /// Has the lot's deposit held.
    Deposit,
    /// Verified by an operator.
    Verified,
}

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// What it is called.
    title: String,
    #[arg(long, value_enum, default_value = "english")]
    format: Format,
    /// Where the bidding begins (reverse: the most that is paid) [dutch: the clock's start].
    #[arg(long, value_name = "AMOUNT")]
    start: Option<String>,
    /// When it opens [default: at once].
    #[arg(long, value_name = "WHEN", value_parser = when::parse_moment)]
    opens: Option<Moment>,
    /// When it ends.
    #[arg(long, value_name = "WHEN", value_parser = when::parse_moment)]
    ends: Option<Moment>,
    /// Stays a draft until `vendue lot open`.
    #[arg(long, conflicts_with = "opens")]
    draft: bool,
    /// Below this it is not sold (reverse: above it nothing is bought). Secret.
    #[arg(long, value_name = "AMOUNT")]
    reserve: Option<String>,
    /// Ends the lot at once at this amount, while nobody has bid.
    #[arg(long, value_name = "AMOUNT")]
    buy_now: Option<String>,
    /// Units [default: 1].
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    quantity: Option<u64>,
    /// The dutch clock: START:STEP:INTERVAL:FLOOR, 40.00:0.50:15s:10.00 say; the japanese one START:STEP:INTERVAL, or with
    /// :CEILING behind.
    #[arg(long, value_name = "CLOCK", required_if_eq_any([("format", "dutch"), ("format", "japanese")]))]
    clock: Option<String>,
    /// How long before the announced end the candle may go out, 10m say.
    #[arg(long, value_name = "DURATION", value_parser = when::parse_duration, required_if_eq("format", "candle"))]
    candle: Option<std::time::Duration>,
    /// An item that packages are made of; several times, numbered in this order.
    #[arg(long = "item", value_name = "NAME", required_if_eq("format", "combinatorial"))]
    items: Vec<String>,
    /// What winners of several units pay.
    #[arg(long, value_enum)]
    pricing: Option<Pricing>,
    /// Open outcry: a bid is the price, not a maximum (english).
    #[arg(long)]
    no_proxy: bool,
    /// Nobody sees offers before the end (reverse).
    #[arg(long)]
    sealed: bool,
    #[arg(long, value_enum)]
    funding: Option<Funding>,
    /// What is held before the first bid, where funding or qualification is `deposit`.
    #[arg(long, value_name = "AMOUNT")]
    deposit: Option<String>,
    #[arg(long, value_enum)]
    qualification: Option<Qualification>,
    /// A bid this close to the end moves it as far again, 60s say.
    #[arg(long, value_name = "DURATION", value_parser = when::parse_duration)]
    soft_close: Option<std::time::Duration>,
    #[arg(long)]
    description: Option<String>,
    #[arg(long)]
    category: Option<String>,
    /// Low and high, 100-150 say.
    #[arg(long, value_name = "LOW-HIGH")]
    estimate: Option<String>,
    /// Its number in the catalogue.
    #[arg(long)]
    number: Option<u32>,
    /// Your own key of it.
    #[arg(long, value_name = "REF")]
    reference: Option<String>,
    /// Who sells it [default: you].
    #[arg(long, value_name = "ACCOUNT")]
    seller: Option<AccountId>,
    #[command(flatten)]
    key: KeyArgument,
    #[command(flatten)]
    target: Target,
}

/// A value's name on the wire: clap's, with underscores.
fn wire_name(value: impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().replace('-', "_")).unwrap_or_default()
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, As::Operator).await?;
    let market = connection.market_now().await?;
    let currency = currency_of(&market)?;
    let mut params = params(&arguments, currency, connection.now_us())?;
    params["market"] = market["market"].clone();
    let result = connection.command("lot.create", params, arguments.key).await?;
    let lot = text(&result, "lot");
    let line = format!("{lot} created; `vendue lot show {}` shows it", names::short(&lot));
    arguments.target.say(&result, &line);
    Ok(())
}

/// What the protocol is told, without the market.
fn params(arguments: &Arguments, currency: Currency, now_us: i64) -> Result<Value, Failure> {
    let amount = |text: &str| money::read(text, currency);
    let clock =
        arguments.clock.as_deref().map(|clock| parse_clock(clock, arguments.format, currency)).transpose()?;
    let start = match (&arguments.start, &clock) {
        (Some(start), _) => amount(start)?,
        (None, Some(clock)) => clock["start"].as_u64().unwrap_or_default(),
        (None, None) => {
            let why = "every format without a clock needs an amount to begin with";
            return Err(Failure::usage("where does the bidding begin?", why, "add --start 50.00 say"));
        }
    };
    let mut params = json!({
        "title": arguments.title, "format": wire_name(arguments.format), "start_amount": start, "currency": currency.code(),
    });
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            params[name] = value;
        }
    };
    let opens = if arguments.draft { None } else { Some(arguments.opens.unwrap_or(Moment::NOW)) };
    set("opens_at", opens.map(|opens| json!(opens.at_us(now_us))));
    set("closes_at", arguments.ends.map(|ends| json!(ends.at_us(now_us))));
    for (name, text) in
        [("reserve", &arguments.reserve), ("buy_now", &arguments.buy_now), ("deposit", &arguments.deposit)]
    {
        set(name, text.as_deref().map(amount).transpose()?.map(Value::from));
    }
    set("clock", clock);
    set("candle_ms", arguments.candle.map(|time| json!(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))));
    set("items", (!arguments.items.is_empty()).then(|| json!(arguments.items)));
    set("quantity", arguments.quantity.map(Value::from));
    set("pricing", arguments.pricing.map(|value| json!(wire_name(value))));
    set("funding", arguments.funding.map(|value| json!(wire_name(value))));
    set("qualification", arguments.qualification.map(|value| json!(wire_name(value))));
    set("proxy", arguments.no_proxy.then_some(json!(false)));
    set("sealed", arguments.sealed.then_some(json!(true)));
    set(
        "soft_close",
        arguments.soft_close.map(|time| {
            let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
            json!({"window_ms": ms, "extend_ms": ms})
        }),
    );
    set("estimate", arguments.estimate.as_deref().map(|text| parse_estimate(text, currency)).transpose()?);
    set("number", arguments.number.map(Value::from));
    set("seller", arguments.seller.map(|seller| json!(seller.to_string())));
    for (name, text) in [
        ("description", &arguments.description),
        ("category", &arguments.category),
        ("ref", &arguments.reference),
    ] {
        set(name, text.as_ref().map(|text| json!(text)));
    }
    Ok(params)
}

/// `START:STEP:INTERVAL:FLOOR`; of a price that rises `START:STEP:INTERVAL[:CEILING]`.
fn parse_clock(text: &str, format: Format, currency: Currency) -> Result<Value, Failure> {
    let rises = format == Format::Japanese;
    let example = if rises {
        "write START:STEP:INTERVAL, 500.00:25.00:20s say"
    } else {
        "write START:STEP:INTERVAL:FLOOR, 40.00:0.50:15s:10.00 say"
    };
    let wrong = |why: String| Failure::usage(format!("`{text}` is no clock"), why, example);
    let (start, step, interval, bound) = match text.split(':').collect::<Vec<_>>()[..] {
        [start, step, interval] if rises => (start, step, interval, None),
        [start, step, interval, bound] => (start, step, interval, Some(bound)),
        _ => return Err(wrong("it has not all parts".to_owned())),
    };
    let amount = |text: &str| money::parse(text, currency).map_err(|error| wrong(error.to_string()));
    let interval = when::parse_duration(interval).map_err(wrong)?;
    let interval_ms = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
    let mut clock = json!({"start": amount(start)?, "step": amount(step)?, "interval_ms": interval_ms});
    if let Some(bound) = bound {
        clock[if rises { "ceiling" } else { "floor" }] = json!(amount(bound)?);
    }
    Ok(clock)
}

fn parse_estimate(text: &str, currency: Currency) -> Result<Value, Failure> {
    let (low, high) = text.split_once('-').ok_or_else(|| {
        Failure::usage(format!("`{text}` is no estimate"), "it has no `-`", "write 100-150 say")
    })?;
    Ok(json!([money::read(low.trim(), currency)?, money::read(high.trim(), currency)?]))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn check(line: &str, expected: &Value) {
        let words = line.split_whitespace().map(|word| word.replace('_', " "));
        let parsed = Line::try_parse_from(std::iter::once("create".to_owned()).chain(words)).unwrap();
        let made = params(&parsed.arguments, Currency::new("EUR").unwrap(), 1_000_000).unwrap();
        assert_eq!(&made, expected, "{line}");
    }

    #[test]
    fn every_format_can_be_typed() {
        check(
            "Oak_chair --start 50 --ends 1m --reserve 120.50 --soft-close 10s --estimate 100-150",
            &json!({"title": "Oak chair", "format": "english", "currency": "EUR", "start_amount": 5_000, "opens_at": 1_000_000,
                "closes_at": 61_000_000, "reserve": 12_050, "soft_close": {"window_ms": 10_000, "extend_ms": 10_000},
                "estimate": [10_000, 15_000]}),
        );
        check(
            "Bulbs --format dutch --clock 40.00:0.50:15s:10.00 --quantity 200 --ends 1h --opens 1970-01-01T00:01:00Z",
            &json!({"title": "Bulbs", "format": "dutch", "currency": "EUR", "start_amount": 4_000, "opens_at": 60_000_000,
                "closes_at": 3_601_000_000_i64, "quantity": 200,
                "clock": {"start": 4_000, "step": 50, "interval_ms": 15_000, "floor": 1_000}}),
        );
        check(
            "Quarry --format sealed-first-price --start 100000 --draft --funding deposit --deposit 5000",
            &json!({"title": "Quarry", "format": "sealed_first_price", "currency": "EUR", "start_amount": 10_000_000,
                "funding": "deposit", "deposit": 500_000}),
        );
        check(
            "Wine --format multi-unit --quantity 24 --start 90 --pricing pay-as-bid --draft --qualification verified",
            &json!({"title": "Wine", "format": "multi_unit", "currency": "EUR", "start_amount": 9_000, "quantity": 24,
                "pricing": "pay_as_bid", "qualification": "verified"}),
        );
        check(
            "Roof --format reverse --start 8000 --sealed --draft",
            &json!({"title": "Roof", "format": "reverse", "currency": "EUR", "start_amount": 800_000, "sealed": true}),
        );
        check(
            "Painting --format vickrey --start 500 --draft --funding full --no-proxy --number 7",
            &json!({"title": "Painting", "format": "vickrey", "currency": "EUR", "start_amount": 50_000, "funding": "full",
                "proxy": false, "number": 7}),
        );
        check(
            "Violin --format japanese --clock 500:25:20s --draft",
            &json!({"title": "Violin", "format": "japanese", "currency": "EUR", "start_amount": 50_000,
                "clock": {"start": 50_000, "step": 2_500, "interval_ms": 20_000}}),
        );
        check(
            "Port --format candle --start 80 --draft --ends 1h --candle 10m",
            &json!({"title": "Port", "format": "candle", "currency": "EUR", "start_amount": 8_000, "candle_ms": 600_000,
                "closes_at": 3_601_000_000_i64}),
        );
        check(
            "Fields --format combinatorial --start 900 --draft --item North --item East",
            &json!({"title": "Fields", "format": "combinatorial", "currency": "EUR", "start_amount": 90_000,
                "items": ["North", "East"]}),
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        let parse = |words: &[&str]| Line::try_parse_from([&["create"], words].concat());
        assert!(parse(&["Bulbs", "--format", "dutch"]).is_err(), "a dutch lot needs a clock");
        let eur = Currency::new("EUR").unwrap();
        let chair = parse(&["Chair"]).unwrap().arguments;
        assert_eq!(params(&chair, eur, 0).unwrap_err().what, "where does the bidding begin?");
        for clock in ["40:1:15s", "40:1:15:10", "x:1:15s:10", "40:1:15s:10:1", "40:0:15s:10"] {
            assert!(parse_clock(clock, Format::Dutch, eur).is_err(), "{clock}");
        }
    }
}
