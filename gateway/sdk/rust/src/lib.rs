//! Rust client of the Vendue protocol (version 1): what the terminal client and the load tool use.
//!
//! ```no_run
//! # async fn example() -> Result<(), vendue_client::Error> {
//! use serde_json::json;
//! use vendue_client::{Client, Key, Options, Update};
//!
//! let options = Options { token: Some("eyJ...".into()), ..Options::default() };
//! let client = Client::connect("ws://127.0.0.1:7400/ws", options).await?;
//! let reply = client.command("lot.bid", json!({"lot": "lot_...", "amount": 10_500}), Key::random()).await?;
//! println!("{} at {}", reply["status"], reply["price"]);
//!
//! let mut lot = client.subscribe("lot:lot_...").await?;
//! while let Some(update) = lot.next().await {
//!     if let Update::Event(event) = update {
//!         println!("{} -> {}", event.kind, lot.state()["price"]);
//!     }
//! }
//! # Ok(()) }
//! ```
//!
//! What it takes off its user's shoulders:
//! * **Keys.** A command carries a key that stays the same through every retry, so that trying again is always safe. An
//!   outcome that nobody told us is asked for (`command.result`).
//! * **Reconnection** with full jitter, as the close code asks for. What can be sent again safely is sent again.
//! * **Subscriptions** that resume where they stood. A gap in a channel's sequence is noticed (by the next event or by a
//!   heartbeat) and closed by the server's own events or a new snapshot; the folded state is always at hand.
//! * **Time**: the server's clock, with its uncertainty.
//!
//! Everything is bounded: requests under way, updates that wait for a slow reader, the size of a message.

mod backoff;
mod client;
mod clock;
mod codec;
mod driver;
mod endpoint;
mod error;
mod fold;
mod key;
mod options;
mod stats;
mod subscription;
mod tls;

pub use backoff::{Backoff, Return};
pub use client::Client;
pub use clock::ServerTime;
pub use endpoint::Session;
pub use error::{Error, Outcome, ServerError};
pub use key::Key;
pub use options::{Encoding, Mode, Options};
pub use stats::Stats;
pub use subscription::{Event, Position, Subscription, Update};
