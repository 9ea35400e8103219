//! `vendue account create|grant`: an operator's work.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use vendue_client::Key;
use vendue_domain::id::AccountId;

use crate::connection::{As, Connection, Target, failed, text};
use crate::failure::Failure;
use crate::output;

#[derive(Debug, Subcommand)]
pub(crate) enum AccountCommand {
    /// Creates an account, and grants it a role where one is named.
    Create(CreateArguments),
    /// Grants an account a role in the market, or takes it.
    Grant(GrantArguments),
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
    /// The command's key: the same key never creates twice [default: a new one].
    #[arg(long)]
    key: Option<String>,
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
    }
}

async fn create(arguments: CreateArguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.target, As::Operator).await?;
    let key = arguments.key.map_or_else(Key::random, Key::from);
    let made = connection.client.command("account.create", json!({"name": arguments.name}), key).await;
    let account = text(&made.map_err(|error| failed("creating the account", &error, None))?, "account");
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
