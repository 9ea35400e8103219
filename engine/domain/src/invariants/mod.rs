//! Checkers of docs/invariants.md, as functions over states and events: shared by the tests of the rules, the simulation
//! and whoever reads a journal. Each says `Err` with the invariant's number and what broke it.

pub mod auction;
pub mod book;
pub mod funding;
pub mod linear;
pub mod money;
pub mod orders;
pub mod stock;
