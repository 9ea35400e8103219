//! What can go wrong, and what the caller may conclude from it.

use serde::Deserialize;
use serde_json::Value;

/// What is known of a command that was not answered with success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The rules said no; durable. Trying the same again gives the same answer.
    Rejected,
    /// It never reached the rules: nothing happened.
    NotExecuted,
    /// Nobody can say (yet): ask `command.result`, or send the same command with the same key again.
    #[default]
    #[serde(other)]
    Unknown,
}

/// An error as the server tells it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ServerError {
    /// What went wrong, `bid_too_low` say: for programs.
    pub code: String,
    /// The same for a person.
    #[serde(default)]
    pub message: String,
    /// Whether the same may succeed later.
    #[serde(default)]
    pub temporary: bool,
    /// What happened to the command.
    #[serde(default)]
    pub outcome: Outcome,
    /// When to try again.
    #[serde(default)]
    pub retry_after_ms: Option<u64>,
    /// Figures that belong to the code: `min_next_amount`, `late_by_us`, ...
    #[serde(default)]
    pub details: Value,
}

/// Why a request has no result.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address cannot be used.
    #[error(
        "{url} is not an address this client can use: {why}; it wants ws://HOST:PORT/ws, or wss:// where the server speaks TLS"
    )]
    Url {
        /// As given.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Nobody answered, or not as a Vendue gateway does.
    #[error("cannot connect to {url}: {why}")]
    Connect {
        /// Where.
        url: String,
        /// What the system or the handshake said.
        why: String,
    },
    /// The server said no.
    #[error("{}: {}", .0.code, .0.message)]
    Server(Box<ServerError>),
    /// The server closed the connection and does not want this client back, or the client was closed.
    #[error("the connection is closed for good{}: {reason}", .code.map(|code| format!(" (code {code})")).unwrap_or_default())]
    Closed {
        /// The WebSocket close code, where the server gave one.
        code: Option<u16>,
        /// What it said.
        reason: String,
    },
    /// The connection broke before the reply came, and sending the request again was not known to be safe.
    #[error("the connection broke before {method} was answered; its outcome is unknown")]
    Disconnected {
        /// The request's method.
        method: String,
    },
    /// No reply in time.
    #[error("{method} was not answered within {waited_ms} ms; its outcome is unknown")]
    TimedOut {
        /// The request's method.
        method: String,
        /// How long the caller waited.
        waited_ms: u64,
    },
    /// The result is not of the type that the caller asked for.
    #[error("the result of {method} is not what was expected: {why}")]
    Decode {
        /// The request's method.
        method: String,
        /// What does not fit.
        why: String,
    },
    /// The channel is already followed through this client: one subscription for each channel.
    #[error("{channel} is already followed by this client")]
    AlreadySubscribed {
        /// Which one.
        channel: String,
    },
}

impl Error {
    /// The server's code, `bid_too_low` say, where the server answered.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.server().map(|error| error.code.as_str())
    }

    /// The server's error, where the server answered.
    #[must_use]
    pub fn server(&self) -> Option<&ServerError> {
        match self {
            Self::Server(error) => Some(error),
            _ => None,
        }
    }

    /// What the caller may conclude about its command.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Server(error) => error.outcome,
            Self::Url { .. } | Self::Connect { .. } | Self::AlreadySubscribed { .. } => Outcome::NotExecuted,
            Self::Closed { .. } | Self::Disconnected { .. } | Self::TimedOut { .. } | Self::Decode { .. } => {
                Outcome::Unknown
            }
        }
    }
}
