//! What a test needs in its market: a market of its own, accounts, lots.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use vendue_client::{Client, Key, Options};
use vendue_domain::id::{AccountId, BookId, LotId, MarketId, StockId};

use super::Market;
use crate::failure::Failure;

/// The currency of the tool's market.
pub const CURRENCY: &str = "USD";
/// How many requests of the preparation are under way at once.
const AT_ONCE: usize = 64;
/// How long a lot stays open if nobody closes it: longer than any run.
const OPEN_FOR: Duration = Duration::from_secs(30 * 24 * 3_600);
/// How long a command is tried again: longer than an engine takes to come back on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// An account that bids, and the token that proves it.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Its token.
    pub token: String,
}

/// How lots are backed by money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Funding {
    /// Bids need no money behind them.
    None,
    /// What a bid may cost at most, fees included, is held.
    Full,
}

/// How a lot is to be made.
#[derive(Debug, Clone)]
pub struct LotOptions {
    /// Its title.
    pub title: String,
    /// In minor units.
    pub start_amount: u64,
    /// The seller of a lot whose bids are fully funded; the operator sells where absent, and nothing is held.
    pub funded_for: Option<AccountId>,
}

/// The tool's own market on the server, and its operator's connection.
#[derive(Debug)]
pub struct Venue {
    /// The operator.
    pub operator: Client,
    /// The market.
    pub market: MarketId,
    url: String,
}

/// Does something for each item, many at once; results in order.
///
/// # Errors
/// The first failure.
pub async fn together<T, R, F>(
    items: impl IntoIterator<Item = T>,
    at_once: usize,
    work: impl Fn(T) -> F,
) -> Result<Vec<R>, Failure>
where
    F: Future<Output = Result<R, Failure>>,
{
    stream::iter(items).map(work).buffered(at_once.max(1)).try_collect().await
}

impl Venue {
    /// Connects as the operator and creates a market; `increments` as (from this price on, increment), the default table where
    /// `None`.
    ///
    /// # Errors
    /// What the server says.
    pub async fn create(
        market: &Market,
        name: &str,
        increments: Option<&[(u64, u64)]>,
    ) -> Result<Self, Failure> {
        let operator = connect(&market.url, &market.operator_token).await?;
        let id = MarketId::from_u128(rand::random());
        let mut params = json!({"market": id.to_string(), "name": name, "currency": CURRENCY});
        if let Some(bands) = increments {
            params["increments"] = json!({ "bands": bands });
        }
        operator
            .command("market.create", params, Key::random())
            .await
            .map_err(Failure::client("market.create"))?;
        Ok(Self { operator, market: id, url: market.url.clone() })
    }

    /// Creates accounts that may bid, one for each name.
    ///
    /// # Errors
    /// What the server says.
    pub async fn bidders(&self, market: &Market, names: &[String]) -> Result<Vec<Account>, Failure> {
        together(names, AT_ONCE, |name| self.account(market, name, "bidder")).await
    }

    /// Creates an account with a role in the market.
    ///
    /// # Errors
    /// What the server says.
    pub async fn account(&self, market: &Market, name: &str, role: &str) -> Result<Account, Failure> {
        let id = AccountId::from_u128(rand::random());
        let create = json!({"account": id.to_string(), "name": name});
        self.command("account.create", create).await?;
        let grant = json!({"account": id.to_string(), "market": self.market.to_string(), "role": role});
        self.command("account.grant", grant).await?;
        Ok(Account { id, token: market.tokens.mint(id)? })
    }

    /// Gives an account money.
    ///
    /// # Errors
    /// What the server says.
    pub async fn deposit(&self, account: AccountId, amount: u64) -> Result<Value, Failure> {
        let account = account.to_string();
        let params =
            json!({"account": account, "amount": amount, "currency": CURRENCY, "reason": "load test"});
        self.command("account.deposit", params).await
    }

    /// Gives an account units of a book's goods.
    ///
    /// # Errors
    /// What the server says.
    pub async fn supply(&self, account: AccountId, book: BookId, quantity: u64) -> Result<Value, Failure> {
        let (account, goods) = (account.to_string(), book.to_string());
        let params = json!({"account": account, "goods": goods, "quantity": quantity, "reason": "load test"});
        self.command("account.deposit", params).await
    }

    /// Creates an order book with a tick of one minor unit; `funded`: every order is held in full. Who meets itself trades.
    ///
    /// # Errors
    /// What the server says.
    pub async fn book(&self, title: &str, funded: bool) -> Result<BookId, Failure> {
        let id = BookId::from_u128(rand::random());
        let create = json!({
            "book": id.to_string(), "market": self.market.to_string(), "title": title, "tick": 1, "self_trade": "allow",
            "funding": if funded { "full" } else { "none" },
        });
        self.command("book.create", create).await?;
        Ok(id)
    }

    /// Creates a stock item with so many units.
    ///
    /// # Errors
    /// What the server says.
    pub async fn stock(&self, title: &str, on_hand: u64) -> Result<StockId, Failure> {
        let id = StockId::from_u128(rand::random());
        let create = json!({
            "stock": id.to_string(), "market": self.market.to_string(), "title": title, "price": 1_000, "on_hand": on_hand,
        });
        self.command("stock.create", create).await?;
        Ok(id)
    }

    /// Creates a lot and opens it.
    ///
    /// # Errors
    /// What the server says.
    pub async fn lot(&self, options: &LotOptions) -> Result<LotId, Failure> {
        let id = LotId::from_u128(rand::random());
        let now = self.operator.server_time().map_or(0, |time| time.micros);
        let mut create = json!({
            "lot": id.to_string(), "market": self.market.to_string(), "title": options.title, "format": "english",
            "start_amount": options.start_amount, "closes_at": now + OPEN_FOR.as_micros() as i64,
        });
        if let Some(seller) = options.funded_for {
            create["funding"] = json!("full");
            create["seller"] = json!(seller.to_string());
        }
        self.command("lot.create", create).await?;
        self.command("lot.open", json!({"lot": id.to_string(), "reason": "load test"})).await?;
        Ok(id)
    }

    /// Creates and opens several lots.
    ///
    /// # Errors
    /// What the server says.
    pub async fn lots(&self, options: &[LotOptions]) -> Result<Vec<LotId>, Failure> {
        together(options, AT_ONCE, |options| self.lot(options)).await
    }

    /// A command of the operator.
    ///
    /// # Errors
    /// What the server says.
    pub async fn command(&self, method: &'static str, params: Value) -> Result<Value, Failure> {
        self.operator.command(method, params, Key::random()).await.map_err(Failure::client(method))
    }

    /// A read of the operator.
    ///
    /// # Errors
    /// What the server says.
    pub async fn read(&self, method: &'static str, params: Value) -> Result<Value, Failure> {
        self.operator.request(method, params).await.map_err(Failure::client(method))
    }

    /// A connection of a bidder.
    ///
    /// # Errors
    /// What the server says.
    pub async fn connect(&self, account: &Account) -> Result<Client, Failure> {
        connect(&self.url, &account.token).await
    }
}

async fn connect(url: &str, token: &str) -> Result<Client, Failure> {
    let options = Options {
        name: concat!("vendue-loadtest/", env!("CARGO_PKG_VERSION")).into(),
        patience: PATIENCE,
        backoff_cap: Duration::from_secs(1),
        ..Options::with_token(token)
    };
    Client::connect(url, options).await.map_err(Failure::client("connect"))
}
