//! Which market a terminal command talks to, as whom, and how an error of the protocol becomes a line for a person.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use vendue_client::{Client, Error, Key, Options, Outcome};
use vendue_domain::amount::Currency;

use crate::data_dir::DataDir;
use crate::demo::DemoFile;
use crate::failure::{Exit, Failure};
use crate::{money, output};

/// Where a gateway listens if nobody says otherwise.
const URL_DEFAULT: &str = "ws://127.0.0.1:7400/ws";
/// Where `vendue demo` keeps its data if nobody says otherwise.
pub(crate) const DEMO_DIR: &str = "data/demo";

/// What every command that talks to a market takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Target {
    /// The gateway's address [default: the demo's, else ws://127.0.0.1:7400/ws].
    #[arg(long, env = "VENDUE_URL", value_name = "WS_URL", help_heading = "Connection")]
    pub(crate) url: Option<String>,
    /// The token to act with [default: the demo's]. The environment keeps it off the process list.
    #[arg(
        long,
        env = "VENDUE_TOKEN",
        hide_env_values = true,
        value_name = "JWT",
        help_heading = "Connection"
    )]
    pub(crate) token: Option<String>,
    /// A PEM file of certificates that may vouch for a wss:// gateway, beside those that the system trusts.
    #[arg(long, env = "VENDUE_CA_FILE", value_name = "FILE", help_heading = "Connection")]
    pub(crate) ca_file: Option<PathBuf>,
    /// The demo's data directory, whose demo.json names address and tokens.
    #[arg(long, value_name = "DIR", default_value = DEMO_DIR, help_heading = "Connection")]
    pub(crate) data_dir: PathBuf,
    /// The market meant, where the gateway has several [default: the demo's].
    #[arg(long, env = "VENDUE_MARKET", value_name = "MKT_ID", help_heading = "Connection")]
    pub(crate) market: Option<String>,
    /// Prints JSON, one object a line.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Target {
    /// Prints a command's result: the object for a program, the line for a person.
    pub(crate) fn say(&self, result: &Value, line: &str) {
        if self.json {
            output::json(result);
        } else {
            let again =
                if result["replayed"] == true { " (as answered before: nothing was done twice)" } else { "" };
            output::line(&format!("{line}{again}"));
        }
    }
}

/// Length of a key in characters, as the protocol says.
const KEY_MAX: usize = 64;

/// What every command that changes something takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct KeyArgument {
    /// The command's key: the same key never does it twice [default: a new one].
    #[arg(long, value_parser = key)]
    key: Option<String>,
}

impl KeyArgument {
    /// The key, chosen now where none was given.
    pub(crate) fn chosen(self) -> (String, Self) {
        let key = self.key.unwrap_or_else(|| Key::random().to_string());
        (key.clone(), Self { key: Some(key) })
    }
}

fn key(text: &str) -> Result<String, String> {
    let characters = text.chars().count();
    if (1..=KEY_MAX).contains(&characters) {
        return Ok(text.to_owned());
    }
    Err(format!("a key has 1 to {KEY_MAX} characters, this one has {characters}"))
}

/// Whose token is taken from the demo where none is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum As {
    Bidder,
    Operator,
}

/// A connected client, and the market that is meant.
pub(crate) struct Connection {
    pub(crate) client: Client,
    market: Option<String>,
}

/// Runs a terminal command's future on a runtime of its own.
pub(crate) fn block_on(future: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Failure::broken("cannot start", error, "see the system's limits"))?;
    runtime.block_on(future)
}

/// Address, token and market, from what was given and what a demo left.
pub(crate) fn resolve(
    target: &Target,
    acting: As,
) -> Result<(String, Option<String>, Option<String>), Failure> {
    let demo = DemoFile::read(&DataDir(target.data_dir.clone()).demo_file())?;
    let url = target.url.clone().or_else(|| demo.as_ref().map(|demo| demo.url.clone()));
    let url = url.unwrap_or_else(|| URL_DEFAULT.to_owned());
    // The demo's tokens are for the demo's gateway and nobody else's.
    let demo = demo.filter(|demo| demo.url == url);
    let token = target.token.clone().or_else(|| {
        let demo = demo.as_ref()?;
        match acting {
            As::Operator => Some(demo.operator_token.clone()),
            As::Bidder => demo.bidder_token.clone(),
        }
    });
    let market = target.market.clone().or_else(|| demo.and_then(|demo| demo.market));
    Ok((url, token, market))
}

impl Connection {
    /// Connects, as a guest where there is no token.
    pub(crate) async fn open(target: &Target, acting: As) -> Result<Self, Failure> {
        let (url, token, market) = resolve(target, acting)?;
        let name = format!("vendue/{}", env!("CARGO_PKG_VERSION"));
        let options = Options { token, name, ca_file: target.ca_file.clone(), ..Options::default() };
        let client = Client::connect(&url, options).await.map_err(|error| failed("connect", &error, None))?;
        Ok(Self { client, market })
    }

    /// The server's time in microseconds since the Unix epoch; this machine's before the first reply.
    pub(crate) fn now_us(&self) -> i64 {
        self.client.server_time().map_or_else(crate::when::now_us, |time| time.micros)
    }

    /// A read; its result.
    pub(crate) async fn read(&self, method: &str, params: Value) -> Result<Value, Failure> {
        self.client.request(method, params).await.map_err(|error| failed(method, &error, None))
    }

    /// Sends a command under its key; its result. Where the outcome stays unknown the failure says how to ask again.
    pub(crate) async fn command(
        &self,
        method: &str,
        params: Value,
        key: KeyArgument,
    ) -> Result<Value, Failure> {
        self.send(method, params, key, None).await
    }

    /// The same, with the currency in which a refusal's amounts are shown.
    pub(crate) async fn command_in(
        &self,
        method: &str,
        params: Value,
        key: KeyArgument,
        currency: Currency,
    ) -> Result<Value, Failure> {
        self.send(method, params, key, Some(currency)).await
    }

    async fn send(
        &self,
        method: &str,
        params: Value,
        key: KeyArgument,
        currency: Option<Currency>,
    ) -> Result<Value, Failure> {
        let key = key.key.map_or_else(Key::random, Key::from);
        self.client.command(method, params, key.clone()).await.map_err(|error| {
            let mut failure = failed(method, &error, currency);
            if failure.exit == Exit::Unknown {
                failure.remedy = format!("run it again with --key {key}: it happens at most once");
            }
            failure
        })
    }

    /// The market that is meant, as it is now.
    pub(crate) async fn market_now(&self) -> Result<Value, Failure> {
        let market = self.market().await?;
        self.read("market.get", json!({"market": market})).await
    }

    /// The market that is meant: named, the demo's, or the only one there is.
    pub(crate) async fn market(&self) -> Result<String, Failure> {
        if let Some(market) = &self.market {
            return Ok(market.clone());
        }
        let list = self.read("market.list", json!({"limit": 20})).await?;
        let markets = list["markets"].as_array().cloned().unwrap_or_default();
        match markets.as_slice() {
            [only] => Ok(text(only, "market")),
            [] => Err(Failure::broken(
                "no market",
                "the gateway has none yet",
                "create one: `vendue market create`",
            )),
            several => {
                let names: Vec<String> = several
                    .iter()
                    .map(|market| format!("{} ({})", text(market, "market"), text(market, "name")))
                    .collect();
                Err(Failure::usage(
                    "which market?",
                    names.join(", "),
                    "name it with --market or VENDUE_MARKET",
                ))
            }
        }
    }
}

/// A field as text; empty where it is none.
pub(crate) fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

/// The currency of an object that carries one. Without its number of decimals no amount can be shown: an unknown code is
/// an error.
pub(crate) fn currency_of(value: &Value) -> Result<Currency, Failure> {
    let code = text(value, "currency");
    Currency::new(&code).ok_or_else(|| {
        Failure::broken(
            "unknown currency",
            format!("the market trades in `{code}`"),
            "use a newer vendue command",
        )
    })
}

/// A failure from an error of the protocol: what was tried, why not, what to do.
pub(crate) fn failed(method: &str, error: &Error, currency: Option<Currency>) -> Failure {
    let what = format!("{method} failed");
    let Some(server) = error.server() else {
        let exit = if error.outcome() == Outcome::Unknown { Exit::Unknown } else { Exit::Broken };
        return Failure::new(exit, what, error, remedy_of_connection(error));
    };
    let exit = match server.outcome {
        Outcome::Rejected => Exit::Refused,
        Outcome::NotExecuted => Exit::Broken,
        Outcome::Unknown => Exit::Unknown,
    };
    let mut why = if server.message.is_empty() {
        server.code.clone()
    } else {
        format!("{} ({})", server.message, server.code)
    };
    let shortage = server.details["needed"].as_u64().zip(server.details["available"].as_u64());
    if let (Some((needed, available)), Some(currency)) = (shortage, currency) {
        let amounts = [needed, available].map(|minor| money::with_currency(minor, currency));
        why = format!("{} is needed, {} is available ({})", amounts[0], amounts[1], server.code);
    }
    if let (Some(field), Some(expected)) =
        (server.details["field"].as_str(), server.details["expected"].as_str())
        && !why.contains(expected)
    {
        why = format!("`{field}` must be {expected} ({})", server.code);
    }
    let near = ["below", "above"].map(|field| server.details[field].as_u64());
    if let (true, Some(currency)) = (server.code == "price_off_tick", currency) {
        let near = near.map(|price| price.map(|price| money::typed(price, currency)));
        let near = near.into_iter().flatten().collect::<Vec<_>>().join(" or ");
        let remedy = format!("try {near}");
        return Failure::new(
            exit,
            what,
            "the price is not a multiple of the book's tick (price_off_tick)",
            remedy,
        );
    }
    let minimum = server.details["min_next_amount"].as_u64().zip(currency);
    if let Some((minimum, currency)) = minimum {
        why = format!("at least {} is needed ({})", money::with_currency(minimum, currency), server.code);
    }
    let remedy = minimum.map_or_else(
        || remedy_of_code(&server.code, server.temporary),
        |(minimum, currency)| format!("bid {} or more", money::typed(minimum, currency)),
    );
    Failure::new(exit, what, why, remedy)
}

fn remedy_of_connection(error: &Error) -> &'static str {
    match error {
        Error::Connect { .. } => "is it running? `vendue demo` starts one; --url or VENDUE_URL names another",
        Error::Url { .. } => "an address looks like ws://127.0.0.1:7400/ws",
        Error::Disconnected { .. } | Error::TimedOut { .. } => {
            "run it again with the same --key: it happens at most once"
        }
        _ => "",
    }
}

fn remedy_of_code(code: &str, temporary: bool) -> String {
    match code {
        "unauthenticated" => "give a token with --token or VENDUE_TOKEN (`vendue token` mints one)",
        "token_expired" => "mint a new one with `vendue token`; a restarted demo writes new ones",
        "forbidden" => "the account needs a grant in this market: `vendue account grant`",
        "insufficient_funds" => {
            "`vendue account show` says what is held; an operator takes deposits: `vendue account deposit`"
        }
        "order_not_found" => "`vendue order list` shows yours; `vendue book orders` those in books",
        "no_liquidity" => "nobody offers that much at this price; `vendue book show` says what there is",
        "would_cross" => "it would trade at once; leave --post-only away, or name another price",
        "currency_mismatch" => "`vendue market show` says which currency the market has",
        "not_found" => "`vendue lot list` and `vendue stock list` show what there is",
        "self_outbid" => "you lead; a raise must be above your own maximum",
        "lot_closed" => "it is over; `vendue lot list` shows what is open",
        "lot_not_open" => "wait until it opens; `vendue lot show` says when",
        "lot_paused" | "market_halted" => "wait until it goes on; `vendue watch` says when",
        "idempotency_key_reused" => "use a new --key for another command",
        "unknown_method" => "the gateway is of another version than this command",
        _ if temporary => "try again",
        _ => "",
    }
    .to_owned()
}
