//! The rules as tables, against slow models that recompute everything, against published examples, and byte for byte.

#![allow(unreachable_pub)]

mod bytes;
mod data;
mod funding_model;
mod funding_tables;
mod lot_model;
mod lot_script;
mod lot_tables;
mod others;
mod random;
mod stock_model;
mod stock_tables;
mod town;
mod world;
