//! Wire messages, link frames, versions, limits, error codes.
//!
//! `wire` is what clients speak (PROTOCOL); `link` is what a gateway and an engine say to each other.

pub mod channel;
pub mod link;
pub mod query;
pub mod schema;
pub mod signs;
pub mod wire;

/// The vocabulary of the rules, for rooms that may use this crate but not the domain itself.
pub use vendue_domain as domain;
