//! What a client can be told.

use std::path::PathBuf;
use std::time::Duration;

/// How messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// Text frames, `vendue.v1.json`.
    #[default]
    Json,
    /// Binary frames, `vendue.v1.msgpack`: the same fields, smaller and faster.
    MessagePack,
}

impl Encoding {
    /// The WebSocket subprotocol that asks for it.
    #[must_use]
    pub const fn subprotocol(self) -> &'static str {
        match self {
            Self::Json => "vendue.v1.json",
            Self::MessagePack => "vendue.v1.msgpack",
        }
    }
}

/// Which events of a channel are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Every one.
    #[default]
    All,
    /// The newest state matters: steps may be skipped.
    Latest,
}

impl Mode {
    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Latest => "latest",
        }
    }
}

/// What a client can be told. `Options::default()` is a guest that speaks JSON.
#[derive(Debug, Clone)]
pub struct Options {
    /// A JWT; without one the connection is a guest that may watch, not command.
    pub token: Option<String>,
    /// A PEM file of certificates that may vouch for the server (`wss://`), beside those that the system trusts: for a server
    /// whose certificate is its own maker's.
    pub ca_file: Option<PathBuf>,
    /// How messages are written.
    pub encoding: Encoding,
    /// What the server's operator sees as the client's name.
    pub name: String,
    /// Whether several messages may share a frame, both ways. Requests made at the same time then travel together.
    pub batch: bool,
    /// How long to try to connect once: name, TCP, upgrade, `connect` and its reply. Longer than the server's own 5 s, so
    /// that its answer is seen.
    pub connect_timeout: Duration,
    /// How long one request waits for its reply before its outcome counts as unknown. Longer than the protocol's default
    /// deadline (5 s), after which the server itself answers.
    pub request_timeout: Duration,
    /// How long a command is tried again, with the same key, before its error is given to the caller.
    pub patience: Duration,
    /// How long to wait at most between two attempts to connect; the first ones wait less (`backoff_base`).
    pub backoff_cap: Duration,
    /// The longest wait before the second attempt; it doubles with each.
    pub backoff_base: Duration,
    /// How many updates may wait in a subscription. A reader that is further behind gets the newest snapshot instead.
    pub queue_updates: usize,
    /// How many requests may be under way; more wait for their turn. The server's `limits` bound it too.
    pub in_flight: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            token: None,
            ca_file: None,
            encoding: Encoding::default(),
            name: concat!("vendue-client/", env!("CARGO_PKG_VERSION")).to_owned(),
            batch: true,
            connect_timeout: Duration::from_secs(8),
            request_timeout: Duration::from_secs(8),
            patience: Duration::from_secs(30),
            backoff_cap: Duration::from_secs(15),
            backoff_base: Duration::from_millis(200),
            queue_updates: 4_096,
            in_flight: 1_024,
        }
    }
}

impl Options {
    /// The default with a token: an authenticated client.
    #[must_use]
    pub fn with_token(token: impl Into<String>) -> Self {
        Self { token: Some(token.into()), ..Self::default() }
    }
}
