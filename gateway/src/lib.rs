//! Listener, sessions, authorization, channels, HTTP API, pages.
//!
//! `core` is what decides: synchronous and deterministic, bytes and instants in, bytes out, so that a simulation can
//! drive it. `shell` carries: sockets, threads, the clock, signals of readiness. [`Gateway::start`] puts them together.

pub mod auth;
pub mod core;
mod error;
mod metrics;
mod oidc;
mod options;
mod origin;
mod shell;

pub use error::GatewayError;
pub use metrics::Metrics;
pub use options::GatewayOptions;
pub use shell::{Gateway, GatewayHandle};
