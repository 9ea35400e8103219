//! `vendue order list|show|place|pay|cancel|mark-paid|refund|delivered|complete`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use vendue_domain::amount::Currency;

use crate::connection::{As, Connection, KeyArgument, Target, currency_of, text};
use crate::failure::Failure;
use crate::output::{self, Align, Mark, Style, Table};
use crate::{money, names, when};

#[derive(Debug, Subcommand)]
pub(crate) enum OrderCommand {
    /// Lists your orders, newest first; an operator sees the whole market's with --all.
    List(ListArguments),
    /// Shows one order: lines, fees, what has happened to it.
    Show(ShowArguments),
    /// Orders reserved stock, stock, or lots that you have won: all or nothing.
    Place(PlaceArguments),
    /// Pays an order from your balance.
    Pay(ActArguments),
    /// Cancels an order that is not paid (an operator: not shipped).
    Cancel(ActArguments),
    /// Says that the money has come: an operator's word for the bank's.
    MarkPaid(MarkPaidArguments),
    /// Gives back what was paid, or a part of it.
    Refund(RefundArguments),
    /// Says that the goods have arrived.
    Delivered(ActArguments),
    /// Ends an order: nothing can be returned any more.
    Complete(ActArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// Only orders in this state: placed, awaiting_payment, paid, fulfilling, delivered, completed, cancelled, ...
    #[arg(long)]
    state: Option<String>,
    /// The whole market's, as its operator.
    #[arg(long)]
    all: bool,
    /// How many at most.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    /// The order: its id, or the beginning of it.
    order: String,
    /// As the market's operator: anybody's order.
    #[arg(long)]
    operator: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vendue order place --stock SHOP-1:2 --stock SHOP-4\n  \
    vendue order place --reservation rsv_01J9... --lot 17\n\n\
    Every line is reserved, or nothing is. A won lot has an order of its own already; naming it here brings it in, so that\n\
    all is paid and sent together.")]
pub(crate) struct PlaceArguments {
    /// A stock item and how many of it: SHOP-1:2.
    #[arg(long, value_name = "STOCK[:QUANTITY]")]
    stock: Vec<String>,
    /// A reservation's id.
    #[arg(long, value_name = "RESERVATION")]
    reservation: Vec<String>,
    /// A lot that you have won.
    #[arg(long, value_name = "LOT")]
    lot: Vec<String>,
    #[command(flatten)]
    key: KeyArgument,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct ActArguments {
    /// The order: its id, or the beginning of it.
    order: String,
    /// Why.
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    key: KeyArgument,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct MarkPaidArguments {
    #[command(flatten)]
    common: ActArguments,
    /// The bank's own reference.
    #[arg(long)]
    reference: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RefundArguments {
    /// The order: its id, or the beginning of it.
    order: String,
    /// How much [default: all that has not been given back].
    #[arg(long)]
    amount: Option<String>,
    /// Why.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    key: KeyArgument,
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(command: OrderCommand) -> Result<(), Failure> {
    match command {
        OrderCommand::List(arguments) => list(arguments).await,
        OrderCommand::Show(arguments) => show(arguments).await,
        OrderCommand::Place(arguments) => place(arguments).await,
        OrderCommand::Pay(arguments) => act("order.pay", As::Bidder, arguments, json!({})).await,
        OrderCommand::Cancel(arguments) => act("order.cancel", As::Bidder, arguments, json!({})).await,
        OrderCommand::MarkPaid(arguments) => {
            let more =
                arguments.reference.map_or_else(|| json!({}), |reference| json!({"reference": reference}));
            act("order.mark_paid", As::Operator, arguments.common, more).await
        }
        OrderCommand::Refund(arguments) => refund(arguments).await,
        OrderCommand::Delivered(arguments) => {
            act("order.mark_delivered", As::Operator, arguments, json!({})).await
        }
        OrderCommand::Complete(arguments) => act("order.complete", As::Bidder, arguments, json!({})).await,
    }
}

async fn list(arguments: ListArguments) -> Result<(), Failure> {
    let acting = if arguments.all { As::Operator } else { As::Bidder };
    let connection = Connection::open(&arguments.target, acting).await?;
    let mut params = json!({"limit": arguments.limit});
    if arguments.all {
        params["market"] = json!(connection.market().await?);
    }
    if let Some(state) = &arguments.state {
        params["state"] = json!(state);
    }
    let page = connection.read("order.list", params).await?;
    let orders = page["orders"].as_array().cloned().unwrap_or_default();
    if arguments.target.json {
        orders.iter().all(output::json);
        return Ok(());
    }
    let now = connection.now_us();
    table(&orders, now)?.print();
    if !page["cursor"].is_null() {
        output::line(&format!("the newest {}; --limit shows more", orders.len()));
    }
    Ok(())
}

fn table(orders: &[Value], now: i64) -> Result<Table, Failure> {
    let mut table = Table::new(
        &[
            ("ORDER", Align::Left),
            ("WHAT", Align::Left),
            ("TOTAL", Align::Right),
            ("STATE", Align::Left),
            ("PLACED", Align::Right),
        ],
        1,
    );
    for order in orders {
        let currency = currency_of(order)?;
        let total = order["total"].as_u64().unwrap_or_default();
        let age = order["placed_at"].as_i64().map(|at| format!("{} ago", when::countdown((now - at).max(1))));
        table.row(vec![
            (names::short(&text(order, "order")), Some(Mark::Faint)),
            (what(order), None),
            (money::with_currency(total, currency), Some(Mark::Strong)),
            (
                text(order, "state").replace('_', " "),
                (order["state"] == "awaiting_payment").then_some(Mark::Warning),
            ),
            (age.unwrap_or_default(), Some(Mark::Faint)),
        ]);
    }
    Ok(table)
}

/// What is in an order, in few words.
fn what(order: &Value) -> String {
    let lines = order["lines"].as_array().cloned().unwrap_or_default();
    let first = lines.first().map(line_words).unwrap_or_default();
    if lines.len() > 1 { format!("{first} and {} more", lines.len() - 1) } else { first }
}

fn line_words(line: &Value) -> String {
    let title = text(line, "title");
    let quantity = line["quantity"].as_u64().unwrap_or(1);
    if quantity > 1 { format!("{quantity} x {title}") } else { title }
}

async fn show(arguments: ShowArguments) -> Result<(), Failure> {
    let acting = if arguments.operator { As::Operator } else { As::Bidder };
    let connection = Connection::open(&arguments.target, acting).await?;
    let id = names::resolve(&connection, names::ORDER, &arguments.order).await?;
    let order = connection.read("order.get", json!({"order": id})).await?;
    if arguments.target.json {
        output::json(&order);
        return Ok(());
    }
    for line in description(&order, Style::of_stdout())? {
        output::line(&line);
    }
    Ok(())
}

/// An order as an invoice shows it.
fn description(order: &Value, style: Style) -> Result<Vec<String>, Failure> {
    let currency = currency_of(order)?;
    let state = text(order, "state").replace('_', " ");
    let mut lines = vec![format!("{}  {state}", style.mark(Mark::Strong, &text(order, "order")))];
    let amount = |value: &Value| value.as_u64().map(|minor| money::with_currency(minor, currency));
    for line in order["lines"].as_array().into_iter().flatten() {
        lines.push(format!(
            "  {:<48}{:>16}",
            output::cut(&line_words(line), 46),
            amount(&line["amount"]).unwrap_or_default()
        ));
        if let Some(fees) = amount(&line["premium"]).filter(|_| line["premium"] != 0) {
            lines.push(format!("  {:<48}{fees:>16}", "  premium"));
        }
    }
    let mut say = |name: &str, value: Option<String>| {
        lines.extend(value.map(|value| format!("  {name:<48}{value:>16}")));
    };
    say("total", amount(&order["total"]));
    say("deposits towards it", amount(&order["deposits"]).filter(|_| order["deposits"] != 0));
    say("given back", amount(&order["refunded"]).filter(|_| order["refunded"] != 0));
    for step in order["history"].as_array().into_iter().flatten() {
        let at = step["at"].as_i64().map(when::time_of_day).unwrap_or_default();
        let cause = step["cause"].as_str().or(step["reason"].as_str()).map(|cause| format!(": {cause}"));
        let words = text(step, "state").replace('_', " ");
        lines.push(style.mark(Mark::Faint, &format!("  {at}  {words}{}", cause.unwrap_or_default())));
    }
    Ok(lines)
}

async fn place(arguments: PlaceArguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, As::Bidder).await?;
    let mut lines: Vec<Value> =
        arguments.reservation.iter().map(|reservation| json!({"reservation": reservation})).collect();
    for typed in &arguments.stock {
        let (name, quantity) = parse_stock(typed)?;
        let stock = names::resolve(&connection, names::STOCK, name).await?;
        lines.push(json!({"stock": stock, "quantity": quantity}));
    }
    for typed in &arguments.lot {
        lines.push(json!({"lot": names::resolve(&connection, names::LOT, typed).await?}));
    }
    if lines.is_empty() {
        return Err(Failure::usage(
            "an order of nothing",
            "no line is named",
            "add --stock, --reservation or --lot",
        ));
    }
    let result = connection.command("order.place", json!({"lines": lines}), arguments.key).await?;
    arguments.target.say(&result, &outcome(&result)?);
    Ok(())
}

/// `SHOP-1:2`; one where no quantity is named.
fn parse_stock(typed: &str) -> Result<(&str, u64), Failure> {
    let Some((name, quantity)) = typed.rsplit_once(':') else { return Ok((typed, 1)) };
    let quantity = quantity.parse().ok().filter(|&quantity| quantity > 0);
    quantity.map(|quantity| (name, quantity)).ok_or_else(|| {
        Failure::usage(
            format!("`{typed}` names no quantity"),
            "after the `:` stands a number",
            "write SHOP-1:2 say",
        )
    })
}

/// What became of an order, in a line.
fn outcome(result: &Value) -> Result<String, Failure> {
    let currency = currency_of(result)?;
    let total = money::with_currency(result["total"].as_u64().unwrap_or_default(), currency);
    let state = text(result, "state").replace('_', " ");
    Ok(format!("{}: {state}, {total} in all", text(result, "order")))
}

async fn act(method: &str, acting: As, arguments: ActArguments, mut params: Value) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, acting).await?;
    params["order"] = json!(names::resolve(&connection, names::ORDER, &arguments.order).await?);
    if let Some(reason) = arguments.reason {
        params["reason"] = json!(reason);
    }
    let result = connection.command(method, params, arguments.key).await?;
    arguments.target.say(&result, &outcome(&result)?);
    Ok(())
}

async fn refund(arguments: RefundArguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, As::Operator).await?;
    let id = names::resolve(&connection, names::ORDER, &arguments.order).await?;
    let mut params = json!({"order": id, "reason": arguments.reason});
    if let Some(amount) = &arguments.amount {
        let order = connection.read("order.get", json!({"order": id})).await?;
        let currency: Currency = currency_of(&order)?;
        params["amount"] = json!(money::read(amount, currency)?);
        params["currency"] = json!(currency.code());
    }
    let result = connection.command("order.refund", params, arguments.key).await?;
    arguments.target.say(&result, &outcome(&result)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stock_and_quantity() {
        for (typed, expected) in [
            ("SHOP-1:2", Some(("SHOP-1", 2))),
            ("SHOP-1", Some(("SHOP-1", 1))),
            ("a:b:3", Some(("a:b", 3))),
            ("SHOP-1:0", None),
            ("SHOP-1:x", None),
            ("SHOP-1:", None),
        ] {
            assert_eq!(parse_stock(typed).ok(), expected, "{typed}");
        }
    }

    #[test]
    fn an_order_reads_like_an_invoice() {
        let order = json!({"order": "ord_0123456789ABCDEFGHJKMNPQRS", "state": "awaiting_payment", "currency": "EUR", "total": 14_400,
            "deposits": 0, "placed_at": 0, "lines": [{"title": "Oak chair", "quantity": 1, "amount": 12_000, "premium": 2_400}],
            "history": [{"at": 0, "state": "placed", "cause": "won"}]});
        let row = table(std::slice::from_ref(&order), 60_000_000).unwrap().lines(Style::PLAIN, 200);
        assert_eq!(row[1], "ord_012345  Oak chair  144.00 EUR  awaiting payment  1 min 00 s ago");
        let lines = description(&order, Style::PLAIN).unwrap();
        assert_eq!(lines[0], "ord_0123456789ABCDEFGHJKMNPQRS  awaiting payment");
        assert!(lines[1].ends_with("120.00 EUR") && lines[2].ends_with("24.00 EUR"), "{lines:#?}");
        assert!(lines[3].starts_with("  total") && lines[3].ends_with("144.00 EUR"), "{lines:#?}");
        assert_eq!(lines[4], "  00:00:00  placed: won");
    }
}
