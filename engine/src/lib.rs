//! The engine of one cell: shards that decide, one journal that makes decisions durable, views that tell them.
//!
//! Synchronous cores (`shard`, `commit`, `views`, `clock`, `recovery`) take messages, time and bytes in and give units and
//! bytes out; the `shell` carries them on actix Arbiters, threads and sockets. Simulation and tests drive the same cores
//! without the shell.

#[cfg(test)]
extern crate self as vendue_engine;

pub mod archive;
mod base;
pub mod clock;
pub mod commit;
pub mod connector;
pub mod directory;
#[cfg(test)]
mod effect_tests;
pub mod effects;
pub mod entry;
mod error;
mod hook;
pub mod inspector;
pub mod keys;
pub mod local;
pub mod notary;
pub mod offline;
mod options;
pub mod recovery;
mod retention;
pub mod shard;
mod shell;
#[cfg(test)]
#[path = "../tests/support/mod.rs"]
mod support;
pub mod unit;
pub mod views;

pub use connector::{ManualConnector, PaymentConnector};
pub use error::EngineError;
pub use options::{DirectIo, EngineOptions, SHARDS_MAX};
pub use shell::{Engine, Starting, starting_path};
