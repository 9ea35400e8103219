//! The handle: requests, commands, subscriptions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::backoff::Backoff;
use crate::clock::{Clock, ServerTime};
use crate::driver::{Driver, Order, Shared};
use crate::endpoint::{Endpoint, Session};
use crate::error::{Error, Outcome};
use crate::key::Key;
use crate::options::{Mode, Options};
use crate::stats::{Counters, Stats, add};
use crate::subscription::{Position, Queue, Subscription};

/// Orders that may wait for the connection's task: a short burst; who comes later waits for room.
const ORDERS: usize = 256;

/// A connection that stays: it comes back by itself. Cheap to clone; the last clone (and subscription) ends it.
#[derive(Debug, Clone)]
pub struct Client {
    orders: mpsc::Sender<Order>,
    shared: Arc<Shared>,
    options: Arc<Options>,
}

impl Client {
    /// Connects to `ws://HOST:PORT/ws` and says `connect`.
    ///
    /// # Errors
    /// Where the first attempt fails ([`Error::Url`], [`Error::Connect`], [`Error::Closed`]) or the server refuses the token
    /// ([`Error::Server`]). Later breaks are mended by the client itself.
    pub async fn connect(url: &str, options: Options) -> Result<Self, Error> {
        let endpoint = Endpoint::parse(url)?;
        let (socket, session) = endpoint.connect(&options).await?;
        let shared = Arc::new(Shared {
            clock: Clock::new(),
            counters: Counters::default(),
            session: std::sync::Mutex::default(),
            connected: AtomicBool::new(true),
        });
        shared.set_session(session);
        add(&shared.counters.connections, 1);
        let (orders, receiver) = mpsc::channel(ORDERS);
        let driver = Driver::new(endpoint, options.clone(), Arc::clone(&shared), receiver);
        tokio::spawn(driver.run(socket));
        Ok(Self { orders, shared, options: Arc::new(options) })
    }

    /// Sends one request and returns its `result`. What only reads (`*.get`, `*.list`, `*.bids`, `ping`, ...) or carries a `key` is
    /// sent again after a reconnection; anything else fails with [`Error::Disconnected`].
    ///
    /// # Errors
    /// The server's ([`Error::Server`]), or why there was no answer.
    pub async fn request(&self, method: &str, params: Value) -> Result<Value, Error> {
        self.exchange(method, params, self.options.request_timeout).await
    }

    /// [`Client::request`] with the result as a type of the caller's.
    ///
    /// # Errors
    /// As [`Client::request`]; [`Error::Decode`] where the result is of another type.
    pub async fn call<T: DeserializeOwned>(&self, method: &str, params: Value) -> Result<T, Error> {
        let result = self.request(method, params).await?;
        serde_json::from_value(result)
            .map_err(|error| Error::Decode { method: method.to_owned(), why: error.to_string() })
    }

    /// Sends a command under its key until its outcome is known or [`Options::patience`] has passed: not executed and
    /// temporary: again; unknown: `command.result` is asked, then again. The same key throughout, so that it happens at most
    /// once.
    ///
    /// # Errors
    /// The rule that said no ([`Outcome::Rejected`]), or the last reason why the outcome could not be had.
    pub async fn command(
        &self,
        method: &str,
        mut params: Value,
        key: impl Into<Key>,
    ) -> Result<Value, Error> {
        let key = key.into();
        if params.is_null() {
            params = Value::Object(serde_json::Map::new());
        }
        params["key"] = Value::from(key.as_str());
        let give_up = Instant::now() + self.options.patience;
        let mut backoff = Backoff::new(&self.options);
        loop {
            let left = give_up.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            let error =
                match self.exchange(method, params.clone(), self.options.request_timeout.min(left)).await {
                    Ok(result) => return Ok(result),
                    Err(error) => error,
                };
            let again = match (error.outcome(), &error) {
                (_, Error::Closed { .. } | Error::Decode { .. }) | (Outcome::Rejected, _) => false,
                (Outcome::Unknown, _) => {
                    if let Some(known) = self.resolve(method, &params, &key).await {
                        return known;
                    }
                    true
                }
                (Outcome::NotExecuted, Error::Server(error)) => error.temporary,
                (Outcome::NotExecuted, _) => false,
            };
            let advised = error.server().and_then(|error| error.retry_after_ms).map(Duration::from_millis);
            let wait = backoff.next(rand::random()).max(advised.unwrap_or_default());
            if !again || Instant::now() + wait >= give_up {
                return Err(error);
            }
            add(&self.shared.counters.retried, 1);
            tokio::time::sleep(wait).await;
        }
    }

    /// Asks for the outcome of an earlier command of this account: its result, or the rejection it got.
    ///
    /// # Errors
    /// The earlier rejection; `not_found` (outcome `not_executed`) where the target knows no such key.
    pub async fn command_result(&self, target: &str, key: &Key) -> Result<Value, Error> {
        self.request("command.result", serde_json::json!({"target": target, "key": key.as_str()})).await
    }

    /// Asks for the receipt of an earlier command of this account: what it was told, and the proof, signed by the market,
    /// that it stands in the market's history. `vendue verify receipt` checks it offline.
    ///
    /// # Errors
    /// `unavailable` with `retry_after_ms` until the command is notarized, some seconds after it; `not_found` where the
    /// target knows no such key, or its records are no longer kept.
    pub async fn command_receipt(&self, target: &str, key: &Key) -> Result<Value, Error> {
        self.request("command.receipt", serde_json::json!({"target": target, "key": key.as_str()})).await
    }

    /// The outcome of a command that was not answered, where it can be had.
    async fn resolve(&self, method: &str, params: &Value, key: &Key) -> Option<Result<Value, Error>> {
        let target = target_of(method, params)?;
        add(&self.shared.counters.resolved, 1);
        match self.command_result(target, key).await {
            Ok(result) => Some(Ok(result)),
            Err(error) if error.outcome() == Outcome::Rejected && error.code() != Some("not_found") => {
                Some(Err(error))
            }
            Err(_) => None,
        }
    }

    async fn exchange(&self, method: &str, params: Value, within: Duration) -> Result<Value, Error> {
        let (answer, reply) = oneshot::channel();
        let resend = is_read(method) || params.get("key").is_some_and(Value::is_string);
        let order = Order::Request { method: method.to_owned(), params, resend, answer };
        let exchange = async {
            self.orders.send(order).await.map_err(|_| closed())?;
            reply.await.map_err(|_| closed())?
        };
        let late =
            |_| Err(Error::TimedOut { method: method.to_owned(), waited_ms: within.as_millis() as u64 });
        tokio::time::timeout(within, exchange).await.unwrap_or_else(late)
    }

    /// Follows a channel: a snapshot first, then every event.
    ///
    /// # Errors
    /// What the server says (`unknown_channel`, `forbidden`); [`Error::AlreadySubscribed`].
    pub async fn subscribe(&self, channel: &str) -> Result<Subscription, Error> {
        self.subscribe_in(channel, Mode::All).await
    }

    /// Follows a channel from a position on: every event after it, or a snapshot where the server does not have them all.
    ///
    /// # Errors
    /// As [`Client::subscribe`].
    pub async fn subscribe_from(&self, channel: &str, from: Position) -> Result<Subscription, Error> {
        self.follow(channel, Mode::All, Some(from)).await
    }

    /// [`Client::subscribe`] where only the newest state matters ([`Mode::Latest`]).
    ///
    /// # Errors
    /// As [`Client::subscribe`].
    pub async fn subscribe_in(&self, channel: &str, mode: Mode) -> Result<Subscription, Error> {
        self.follow(channel, mode, None).await
    }

    async fn follow(&self, channel: &str, mode: Mode, from: Option<Position>) -> Result<Subscription, Error> {
        let queue = Arc::new(Queue::new(self.options.queue_updates));
        let (answer, reply) = oneshot::channel();
        let subscription = Subscription::new(channel.to_owned(), Arc::clone(&queue), self.orders.clone());
        let order = Order::Subscribe { channel: channel.to_owned(), mode, from, queue, answer };
        let within = self.options.request_timeout;
        let exchange = async {
            self.orders.send(order).await.map_err(|_| closed())?;
            reply.await.map_err(|_| closed())?
        };
        let late =
            |_| Err(Error::TimedOut { method: "subscribe".into(), waited_ms: within.as_millis() as u64 });
        tokio::time::timeout(within, exchange).await.unwrap_or_else(late)?;
        Ok(subscription)
    }

    /// Proves the caller's identity anew, on the live connection and every later one.
    ///
    /// # Errors
    /// `unauthenticated`, `token_expired` and what else the server says; the old token stays then.
    pub async fn authenticate(&self, token: &str) -> Result<Value, Error> {
        let result = self.request("authenticate", serde_json::json!({"token": token})).await?;
        self.orders.send(Order::Token(token.to_owned())).await.map_err(|_| closed())?;
        Ok(result)
    }

    /// What the server said to the last `connect`.
    #[must_use]
    pub fn session(&self) -> Session {
        self.shared.session()
    }

    /// Whether there is a connection at this moment.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.shared.connected.load(Ordering::Relaxed)
    }

    /// The server's time now; `None` before anything is known of it.
    #[must_use]
    pub fn server_time(&self) -> Option<ServerTime> {
        self.shared.clock.server()
    }

    /// What this client has done so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared.counters.read()
    }

    /// Ends the connection now; requests under way fail with [`Error::Closed`].
    pub async fn close(&self) {
        if self.orders.send(Order::Close).await.is_ok() {
            self.orders.closed().await;
        }
    }
}

fn closed() -> Error {
    Error::Closed { code: None, reason: "the client was closed".into() }
}

/// Whether a method changes nothing: it may be sent twice.
fn is_read(method: &str) -> bool {
    matches!(
        method,
        "ping" | "command.result" | "command.receipt" | "notary.keys" | "subscriptions" | "authenticate"
    ) || [".get", ".list", ".bids", ".events", ".orders", ".trades", ".statement"]
        .iter()
        .any(|ending| method.ends_with(ending))
}

/// The id of the actor that a command is meant for, where its parameters name it.
fn target_of<'a>(method: &str, params: &'a Value) -> Option<&'a str> {
    let (kind, _) = method.split_once('.')?;
    params.get(kind).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_reads_may_be_sent_twice() {
        let check = |method, expected| assert_eq!(is_read(method), expected, "{method}");
        check("lot.get", true);
        check("lot.list", true);
        check("lot.bids", true);
        check("lot.events", true);
        check("book.orders", true);
        check("book.trades", true);
        check("book.place", false);
        check("ping", true);
        check("command.result", true);
        check("lot.bid", false);
        check("account.grant", false);
        check("subscribe", false);
    }

    #[test]
    fn a_commands_target_stands_in_its_parameters() {
        let check = |method, params, expected| assert_eq!(target_of(method, &params), expected, "{method}");
        check("lot.bid", json!({"lot": "lot_1", "amount": 5}), Some("lot_1"));
        check("account.grant", json!({"account": "acc_1", "market": "mkt_1"}), Some("acc_1"));
        check("lot.create", json!({"market": "mkt_1"}), None);
        check("stock.reserve", json!({"stock": "stk_1"}), Some("stk_1"));
    }
}
