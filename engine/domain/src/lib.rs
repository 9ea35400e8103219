//! The rules of every market: what each actor decides, and how it changes.
//!
//! Nothing here knows a clock, randomness, threads, files or sockets: time and everything else a rule may rest on comes
//! in its [`Context`](context::Context). `decide` holds all rules and returns events or the rule that said no; `apply`
//! holds all assignments and cannot fail. One folder for each kind of actor.

pub mod account;
pub mod actor;
pub mod amount;
pub mod book;
pub mod command;
pub mod context;
pub mod effect;
pub mod facts;
pub mod fees;
pub mod id;
pub mod increments;
pub mod invariants;
pub mod limits;
pub mod lot;
pub mod market;
pub mod money;
pub mod order;
pub mod publication;
pub mod record;
pub mod rejection;
pub mod sale;
mod schema;
pub mod shell;
pub mod stock;
pub mod time;

/// Whether a seeded bug is switched on: only in builds that are there to be caught by the suites (`vendue-mutants`).
#[cfg(feature = "mutants")]
#[must_use]
pub fn mutant(name: &str) -> bool {
    vendue_mutants::is_on(name)
}

/// Whether a seeded bug is switched on: never, in any build but those of `vendue-mutants`.
#[cfg(not(feature = "mutants"))]
#[inline(always)]
#[must_use]
pub const fn mutant(_name: &str) -> bool {
    false
}
