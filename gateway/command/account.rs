//! `vendue account ...`: who there is, what they may do, what they have.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use vendue_client::Key;
use vendue_domain::amount::Currency;
use vendue_domain::id::{AccountId, EntryId};

use crate::connection::{As, Connection, KeyArgument, Target, currency_of, failed, text};
use crate::failure::Failure;
use crate::output::{self, Align, Mark, Style, Table};
use crate::when::{self, Moment};
use crate::{money, names};

#[derive(Debug, Subcommand)]
pub(crate) enum AccountCommand {
    /// Creates an account, and grants it a role where one is named.
    Create(CreateArguments),
    /// Grants an account a role in the market, or takes it.
    Grant(GrantArguments),
    /// Signs an account out everywhere: every token of it that was issued until now is void.
    SignOut(SignOutArguments),
    /// Shows an account: balances, what is held, where its bids stand.
    Show(ShowArguments),
    /// Takes money (or goods) in, for an account.
    Deposit(MoveArguments),
    /// Pays money (or goods) out: never what is held.
    Withdraw(MoveArguments),
    /// Puts an entry right by another one that names it.
    Correct(CorrectArguments),
    /// Turns fees that the account has earned into balance, to be withdrawn.
    CollectFees(CollectArguments),
    /// Shows what was booked, newest first.
    Statement(StatementArguments),
}

/// What a grant allows in its market.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Role {
    /// Buys for itself.
    Bidder,
    /// Sells.
    Seller,
    /// Everything in its markets.
    Operator,
    /// Reads what operators read.
    Auditor,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Bidder => "bidder",
            Self::Seller => "seller",
            Self::Operator => "operator",
            Self::Auditor => "auditor",
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct CreateArguments {
    /// The party's name; kept encrypted, and erasable.
    name: String,
    /// A role in the market, granted at once.
    #[arg(long)]
    grant: Option<Role>,
    #[command(flatten)]
    key: KeyArgument,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct GrantArguments {
    /// The account's id.
    account: AccountId,
    role: Role,
    /// Takes the role instead.
    #[arg(long)]
    revoke: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    /// The account's id [default: your own].
    account: Option<AccountId>,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  vendue account deposit acc_01J9... 5000.00 --reason \"bank transfer 4711\"\n  \
    vendue account withdraw acc_01J9... 120.00 --reason \"paid out\"\n  \
    vendue account deposit acc_01J9... 12 --goods SHOP-1 --reason \"brought in\""
)]
pub(crate) struct MoveArguments {
    /// The account's id.
    account: AccountId,
    /// How much; with --goods how many units.
    amount: String,
    /// The currency [default: the market's].
    #[arg(long, conflicts_with = "goods")]
    currency: Option<String>,
    /// A stock item or book whose units are moved instead of money.
    #[arg(long, value_name = "STOCK")]
    goods: Option<String>,
    /// Why; it stands in the statement.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    key: KeyArgument,
    #[command(flatten)]
    target: Target,
}

/// Where a correction comes from and goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Against {
    /// The world outside: a deposit or withdrawal of the wrong amount.
    Outside,
    /// The fees that the account has earned.
    Fees,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  vendue account correct acc_01J9... ent_01J9... -90.00 --reason \"typed 100 for 10\"\n  \
    vendue account correct acc_01J9... ent_01J9... 12.50 --against fees --reason \"charged twice\""
)]
pub(crate) struct CorrectArguments {
    /// The account's id.
    account: AccountId,
    /// The entry that was wrong, as the statement with --json names it; it stays as it is.
    entry: EntryId,
    /// What the balance changes by, signed; with --goods units.
    #[arg(allow_hyphen_values = true)]
    amount: String,
    /// The currency [default: the market's].
    #[arg(long, conflicts_with = "goods")]
    currency: Option<String>,
    /// A stock item whose units were booked instead of money.
    #[arg(long, value_name = "STOCK")]
    goods: Option<String>,
    /// Where it comes from and goes to.
    #[arg(long, default_value = "outside")]
    against: Against,
    /// Why; it stands in the statement.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    key: KeyArgument,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  vendue account collect-fees acc_01J9... 250.00 --reason \"fees of November\""
)]
pub(crate) struct CollectArguments {
    /// The account's id: a market's owner.
    account: AccountId,
    /// How much; at most what it has earned.
    amount: String,
    /// The currency [default: the market's].
    #[arg(long)]
    currency: Option<String>,
    /// Why; it stands in the statement.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    key: KeyArgument,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  vendue account statement\n  \
    vendue account statement acc_01J9... --from 2026-11-01T00:00:00Z --to 2026-12-01T00:00:00Z --json")]
pub(crate) struct StatementArguments {
    /// The account's id [default: your own].
    account: Option<AccountId>,
    /// Only this currency.
    #[arg(long)]
    currency: Option<String>,
    /// From this instant on (2026-11-01T00:00:00Z).
    #[arg(long, value_name = "WHEN", value_parser = when::parse_moment)]
    from: Option<Moment>,
    /// Before this instant.
    #[arg(long, value_name = "WHEN", value_parser = when::parse_moment)]
    to: Option<Moment>,
    /// How many lines at most.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(command: AccountCommand) -> Result<(), Failure> {
    match command {
        AccountCommand::Create(arguments) => create(arguments).await,
        AccountCommand::Grant(arguments) => {
            let connection = Connection::open(&arguments.target, As::Operator).await?;
            let account = arguments.account.to_string();
            let line = grant(&connection, &account, arguments.role, arguments.revoke).await?;
            say(arguments.target.json, &account, Some(arguments.role).filter(|_| !arguments.revoke), &line);
            Ok(())
        }
        AccountCommand::SignOut(arguments) => sign_out(arguments).await,
        AccountCommand::Show(arguments) => show(arguments).await,
        AccountCommand::Deposit(arguments) => shift("account.deposit", arguments).await,
        AccountCommand::Withdraw(arguments) => shift("account.withdraw", arguments).await,
        AccountCommand::Correct(arguments) => correct(arguments).await,
        AccountCommand::CollectFees(arguments) => {
            let CollectArguments { account, amount, currency, reason, key, target } = arguments;
            let goods = None;
            shift(
                "account.collect_fees",
                MoveArguments { account, amount, currency, goods, reason, key, target },
            )
            .await
        }
        AccountCommand::Statement(arguments) => statement(arguments).await,
    }
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  vendue account sign-out acc_01J9... --reason \"stolen phone\"\n  vendue account sign-out --token TOKEN\n\n\
    Within a second no connection with such a token hears anything private; what is public goes on. A token made afterwards \
    (from the next second on) is good."
)]
pub(crate) struct SignOutArguments {
    /// Whose tokens; without it, those of the token that is used.
    account: Option<AccountId>,
    /// Why; needed for another's account.
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    key: KeyArgument,
    #[command(flatten)]
    target: Target,
}

async fn sign_out(arguments: SignOutArguments) -> Result<(), Failure> {
    let SignOutArguments { account, reason, key, target } = arguments;
    let connection = Connection::open(&target, As::Operator).await?;
    let account = account.map(|account| account.to_string());
    let params = json!({"account": account, "reason": reason});
    let done = connection.command("account.sign_out", params, key).await?;
    if target.json {
        output::json(&done);
    } else {
        let whose = account.as_deref().unwrap_or("this account");
        output::line(&format!("every token of {whose} that was issued until now is void"));
    }
    Ok(())
}

async fn create(arguments: CreateArguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, As::Operator).await?;
    let made = connection.command("account.create", json!({"name": arguments.name}), arguments.key).await?;
    let account = text(&made, "account");
    let mut line = format!("{account} created; `vendue token {account}` mints its token");
    if let Some(role) = arguments.grant {
        line = format!("{line}\n{}", grant(&connection, &account, role, false).await?);
    }
    say(arguments.target.json, &account, arguments.grant, &line);
    Ok(())
}

async fn grant(connection: &Connection, account: &str, role: Role, revoke: bool) -> Result<String, Failure> {
    let market = connection.market().await?;
    let mut params = json!({"account": account, "market": market, "role": role.name()});
    if revoke {
        params["revoke"] = json!(true);
    }
    let granted = connection.client.command("account.grant", params, Key::random()).await;
    granted.map_err(|error| failed("the grant", &error, None))?;
    let verb = if revoke { "no longer" } else { "now" };
    Ok(format!("{account} is {verb} {} in {market}", role.name()))
}

fn say(as_json: bool, account: &str, role: Option<Role>, line: &str) {
    if as_json {
        output::json(&json!({"account": account, "role": role.map(Role::name)}));
    } else {
        output::line(line);
    }
}

/// Reads come as the operator where another's account is named.
fn reader(account: Option<AccountId>) -> As {
    if account.is_some() { As::Operator } else { As::Bidder }
}

async fn show(arguments: ShowArguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, reader(arguments.account)).await?;
    let params =
        arguments.account.map_or_else(|| json!({}), |account| json!({"account": account.to_string()}));
    let account = connection.read("account.get", params).await?;
    if arguments.target.json {
        output::json(&account);
        return Ok(());
    }
    for line in description(&account, Style::of_stdout(), connection.now_us())? {
        output::line(&line);
    }
    Ok(())
}

/// What an account has, holds and hopes for.
fn description(account: &Value, style: Style, now: i64) -> Result<Vec<String>, Failure> {
    let name = account["name"].as_str().unwrap_or("(no name)");
    let mut lines = vec![format!("{}  {}", style.mark(Mark::Strong, name), text(account, "account"))];
    for balance in account["balances"].as_array().into_iter().flatten() {
        let currency = currency_of(balance)?;
        let amount = |field: &str| money::signed(balance[field].as_i64().unwrap_or_default(), currency);
        lines.push(format!(
            "  {} available: {} of which {} held",
            style.mark(Mark::Good, &amount("available")),
            amount("balance"),
            amount("held")
        ));
    }
    for goods in account["holdings"].as_array().into_iter().flatten() {
        lines.push(format!("  {} units of {}", goods["balance"], text(goods, "goods")));
    }
    for bid in account["bids"].as_array().into_iter().flatten() {
        let currency = currency_of(bid)?;
        let price =
            bid["price"].as_u64().map(|price| format!(" at {}", money::with_currency(price, currency)));
        let left = bid["ends_at"].as_i64().map(|at| format!(", ends in {}", when::countdown(at - now)));
        let (price, left) = (price.unwrap_or_default(), left.unwrap_or_default());
        lines.push(format!("  {:<8} {}{price}{left}", text(bid, "status"), text(bid, "title")));
    }
    for kept in account["reservations"].as_array().into_iter().flatten() {
        let left = kept["expires_at"].as_i64().map(|at| when::countdown(at - now)).unwrap_or_default();
        lines.push(format!("  reserved {} x {}, for {left}", kept["quantity"], text(kept, "title")));
    }
    Ok(lines)
}

/// A currency that was typed, or the market's.
async fn currency(connection: &Connection, typed: Option<&str>) -> Result<Currency, Failure> {
    match typed {
        None => currency_of(&connection.market_now().await?),
        Some(code) => Currency::new(&code.to_ascii_uppercase()).ok_or_else(|| {
            Failure::usage(
                format!("`{code}` is no currency that is known"),
                "a code has three letters",
                "type EUR say",
            )
        }),
    }
}

/// `account.deposit` and `account.withdraw`.
async fn shift(method: &str, arguments: MoveArguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, As::Operator).await?;
    let account = arguments.account.to_string();
    let mut params = json!({"account": account, "reason": arguments.reason});
    let mut paid_in = None;
    if let Some(goods) = &arguments.goods {
        let quantity = quantity(&arguments.amount)?;
        params["goods"] = json!(names::resolve_goods(&connection, goods).await?);
        params["quantity"] = json!(quantity);
    } else {
        let currency = currency(&connection, arguments.currency.as_deref()).await?;
        params["amount"] = json!(money::read(&arguments.amount, currency)?);
        params["currency"] = json!(currency.code());
        paid_in = Some(currency);
    }
    let result = match paid_in {
        Some(currency) => connection.command_in(method, params, arguments.key, currency).await?,
        None => connection.command(method, params, arguments.key).await?,
    };
    arguments.target.say(&result, &balance_line(&account, &result, paid_in));
    Ok(())
}

fn quantity(typed: &str) -> Result<u64, Failure> {
    typed
        .parse()
        .map_err(|_| Failure::usage(format!("`{typed}` is no quantity"), "goods are counted", "type 12 say"))
}

/// What an account has after something was booked.
fn balance_line(account: &str, result: &Value, paid_in: Option<Currency>) -> String {
    let amount = |field: &str| {
        let value = result[field].as_i64().unwrap_or_default();
        paid_in.map_or_else(|| format!("{value} units"), |currency| money::signed(value, currency))
    };
    format!("{account} has {}, {} of it available", amount("balance"), amount("available"))
}

/// `account.correct`.
async fn correct(arguments: CorrectArguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, As::Operator).await?;
    let account = arguments.account.to_string();
    let against = match arguments.against {
        Against::Outside => "outside",
        Against::Fees => "fees",
    };
    let mut params = json!({"account": account, "entry": arguments.entry.to_string(), "against": against, "reason": arguments.reason});
    let (sign, size) = match arguments.amount.strip_prefix('-') {
        Some(size) => (-1, size),
        None => (1, arguments.amount.as_str()),
    };
    let (size, paid_in) = if let Some(goods) = &arguments.goods {
        params["goods"] = json!(names::resolve_goods(&connection, goods).await?);
        (quantity(size)?, None)
    } else {
        let currency = currency(&connection, arguments.currency.as_deref()).await?;
        params["currency"] = json!(currency.code());
        (money::read(size, currency)?, Some(currency))
    };
    params["amount"] = json!(sign * i64::try_from(size).unwrap_or(i64::MAX));
    let result = match paid_in {
        Some(currency) => connection.command_in("account.correct", params, arguments.key, currency).await?,
        None => connection.command("account.correct", params, arguments.key).await?,
    };
    arguments.target.say(&result, &balance_line(&account, &result, paid_in));
    Ok(())
}

async fn statement(arguments: StatementArguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, reader(arguments.account)).await?;
    let now = connection.now_us();
    let mut params = json!({"limit": arguments.limit});
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            params[name] = value;
        }
    };
    set("account", arguments.account.map(|account| json!(account.to_string())));
    set("currency", arguments.currency.map(|code| json!(code.to_ascii_uppercase())));
    set("from", arguments.from.map(|from| json!(from.at_us(now))));
    set("to", arguments.to.map(|to| json!(to.at_us(now))));
    let page = connection.read("account.statement", params).await?;
    let lines = page["lines"].as_array().cloned().unwrap_or_default();
    if arguments.target.json {
        lines.iter().all(output::json);
        return Ok(());
    }
    statement_table(&lines)?.print();
    if !page["cursor"].is_null() {
        output::line(&format!("the newest {}; --limit and --to show more", lines.len()));
    }
    Ok(())
}

fn statement_table(lines: &[Value]) -> Result<Table, Failure> {
    let mut table = Table::new(
        &[
            ("TIME (UTC)", Align::Left),
            ("KIND", Align::Left),
            ("AMOUNT", Align::Right),
            ("BALANCE", Align::Right),
            ("HELD", Align::Right),
            ("ABOUT", Align::Left),
        ],
        5,
    );
    for line in lines {
        let currency = if line["currency"].is_string() { Some(currency_of(line)?) } else { None };
        let amount = |field: &str| {
            let value = line[field].as_i64().unwrap_or_default();
            currency.map_or_else(|| value.to_string(), |currency| money::signed(value, currency))
        };
        let ids = ["order", "lot", "goods"].map(|field| names::short(&text(line, field)));
        let about = ids.into_iter().chain([text(line, "reason")]).filter(|words| !words.is_empty());
        let about: Vec<String> = about.collect();
        let out = line["amount"].as_i64().is_some_and(|amount| amount < 0);
        table.row(vec![
            (when::date_and_time(line["at"].as_i64().unwrap_or_default()), Some(Mark::Faint)),
            (text(line, "kind").replace('_', " "), None),
            (amount("amount"), out.then_some(Mark::Warning)),
            (amount("balance"), Some(Mark::Strong)),
            (amount("held"), Some(Mark::Faint)),
            (about.join("  "), None),
        ]);
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_described() {
        let account = json!({"account": "acc_1", "name": "Jane", "balances": [{"currency": "EUR", "balance": 50_000, "held": 14_400, "available": 35_600}],
            "bids": [{"title": "Oak chair", "status": "leading", "price": 12_000, "currency": "EUR", "ends_at": 42_000_000}],
            "reservations": [{"title": "Vase", "quantity": 2, "expires_at": 90_000_000}], "holdings": []});
        assert_eq!(
            description(&account, Style::PLAIN, 0).unwrap(),
            [
                "Jane  acc_1",
                "  356.00 EUR available: 500.00 EUR of which 144.00 EUR held",
                "  leading  Oak chair at 120.00 EUR, ends in 42 s",
                "  reserved 2 x Vase, for 1 min 30 s",
            ]
        );
    }

    #[test]
    fn a_statement_is_a_table() {
        let lines = [
            json!({"at": 1_700_000_000_000_000_i64, "kind": "payment", "currency": "EUR", "amount": -14_400, "balance": 35_600, "held": 0,
                "order": "ord_0123456789ABCDEFGHJKMNPQRS"}),
            json!({"at": 1_600_000_000_000_000_i64, "kind": "deposit", "currency": "EUR", "amount": 50_000, "balance": 50_000, "held": 0,
                "reason": "bank transfer"}),
        ];
        assert_eq!(
            statement_table(&lines).unwrap().lines(Style::PLAIN, 200)[1..],
            [
                "2023-11-14 22:13  payment  -144.00 EUR  356.00 EUR  0.00 EUR  ord_012345",
                "2020-09-13 12:26  deposit   500.00 EUR  500.00 EUR  0.00 EUR  bank transfer",
            ]
        );
    }
}
