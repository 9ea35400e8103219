//! The deterministic world: the engine's cell, the gateway's sessions, a dozen clients and the network between them, moved
//! by a simulated clock and one source of chance. No thread, socket, runtime or clock of the machine takes part, so one
//! seed is one history: the same bytes each time, and a seed that fails fails again.
//!
//! ```text
//!   clients  <-- streams that delay, split and break -->  gateway core  <-- the same -->  cell  -->  journal in memory
//!      |                                                                                               |
//!      history (what was asked and told), ledger (what was heard)  --- audit: do they agree? ---------+
//! ```
//!
//! | invariant | checked by |
//! |---|---|
//! | I1, I2, I3, I36, I37 | `history` at each reply; `audit/outcomes` against the journal |
//! | I4, I6, I22 | `audit/replay`: checkpoint and tail, genesis, live; other shard counts; a wall clock that jumps |
//! | I11 to I20 | `audit/lots`: a naive recomputation of every English lot; `audit/town`: the shared checkers, every format |
//! | I21, I23 to I35 | `audit/town`: the shared checkers over money, orders, books and stock; `audit/stock`: naively, for stock |
//! | I14, I38 to I43 | `watch` and `ledger` at each event; `audit/channels` against the journal |
//! | I8, I9 | faults of the journal while replies are under way; `audit/outcomes` |
//! | I47 | the quiet end of each world |
//!
//! What is absent on purpose: the shells. Threads, sockets and files have tests of their own.

mod audit;
mod canonical;
mod cell;
mod chance;
mod client;
mod faults;
mod goods;
mod history;
mod ledger;
mod market;
mod network;
mod rest;
mod socket;
mod watch;
mod workload;
mod world;

use std::collections::BTreeMap;
use std::fmt;

use vendue_protocol::wire::Encoding;

use client::Client;
use market::{BOOKS, LOTS, STOCKS, book, lot, stock};
use world::World;

/// How long after the last fault everything must have been answered (I47), in simulated milliseconds: where orders that
/// wait for their lines (5 s) are all that may be under way, others begin after them, and may wait as long; the gateway's
/// second of grace, and a retry, for each.
const LIVENESS_MS: u64 = 20_000;

/// What a world is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Everything random follows from it.
    pub seed: u64,
    /// How many steps clients act and things fail, about 4 simulated milliseconds each.
    pub steps: u32,
    /// How many clients there are, at least 4: the operator's, two guests', the others bidders'.
    pub clients: u16,
    /// Whether anything fails.
    pub faults: bool,
}

impl Options {
    /// A world of the usual size: a dozen clients, with faults.
    #[must_use]
    pub const fn new(seed: u64, steps: u32) -> Self {
        Self { seed, steps, clients: 12, faults: true }
    }
}

/// What happened in a world in which nothing was broken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// As in [`Options`].
    pub seed: u64,
    /// As in [`Options`].
    pub steps: u32,
    /// Commands that clients made, each sent at least once.
    pub commands: u64,
    /// Replies that told a command's outcome.
    pub acknowledged: u64,
    /// Of them those that told it again.
    pub replayed: u64,
    /// Records in the journal.
    pub records: u64,
    /// Events that clients heard.
    pub events: u64,
    /// Subscriptions that went on where they had been.
    pub resumed: u64,
    /// Subscriptions that began with a snapshot.
    pub snapshots: u64,
    /// Deaths of the engine.
    pub crashes: u64,
    /// Checkpoints that were completed.
    pub checkpoints: u64,
    /// Times that the link broke.
    pub link_cuts: u64,
    /// Times that a client's connection broke.
    pub client_cuts: u64,
    /// Deaths of the gateway.
    pub gateway_restarts: u64,
    /// Times that the engine's wall clock jumped by an hour.
    pub clock_jumps: u64,
    /// Times that everybody stood still for half a minute.
    pub pauses: u64,
    /// Simulated time, in milliseconds.
    pub simulated_ms: u64,
    /// How often each kind of thing has happened: `order Paid`, `sold English Full`.
    pub happened: BTreeMap<String, u64>,
    /// The hash of every record of the journal.
    pub journal_hash: u64,
    /// The hash of every byte that each client was sent, in the order of the clients.
    pub streams_hash: u64,
}

/// Something that must never be broken was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The world.
    pub options: Options,
    /// In which step; the steps of the quiet end count on.
    pub step: u32,
    /// By its number in docs/invariants.md, or the part of the protocol.
    pub invariant: &'static str,
    /// What was seen.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { seed, steps, .. } = self.options;
        writeln!(f, "{} broken by seed {seed} in step {}: {}", self.invariant, self.step, self.what)?;
        write!(
            f,
            "again: cargo run --release -p vendue-simulation -- --seeds 1 --from {seed} --steps {steps}"
        )
    }
}

impl std::error::Error for Violation {}

/// A broken invariant, before it is known where and when.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) invariant: &'static str,
    pub(crate) what: String,
}

impl Broken {
    pub(crate) const fn new(invariant: &'static str, what: String) -> Self {
        Self { invariant, what }
    }
}

/// The smallest world of this seed that breaks something, found by halving the number of steps before the quiet end: its
/// violation. `known` is that of the whole world.
#[must_use]
pub fn smallest(known: Violation) -> Violation {
    let mut least = known;
    // What is broken before the quiet end is broken by its own step; later steps did not matter.
    let (mut fails, mut holds) = (least.options.steps.min(least.step.saturating_add(1)), 0);
    while fails > holds + 1 {
        let steps = holds + (fails - holds) / 2;
        match run(Options { steps, ..least.options }) {
            Err(violation) => {
                fails = steps.min(violation.step.saturating_add(1));
                least = violation;
            }
            Ok(_) => holds = steps,
        }
    }
    least
}

/// Lives through a world and audits it.
///
/// # Errors
/// The first invariant that was broken.
pub fn run(options: Options) -> Result<Report, Violation> {
    let mut step = 0;
    live(options, &mut step).map_err(|Broken { invariant, what }| Violation {
        options,
        step,
        invariant,
        what,
    })
}

fn live(options: Options, step: &mut u32) -> Result<Report, Broken> {
    let mut world = lived(options, step)?;
    audit::all(&mut world)?;
    Ok(world.finished())
}

/// A world that has come to rest.
fn lived(options: Options, step: &mut u32) -> Result<World, Broken> {
    let mut world = World::new(options)?;
    while *step < options.steps {
        world.step()?;
        *step += 1;
        if (*step).is_multiple_of((options.steps / 3).max(1)) {
            audit::passing(&world)?;
            audit::replay(&world)?;
        }
    }
    quiet(&mut world, step)?;
    Ok(world)
}

/// Faults stop: everything must be answered in time (I47), and whoever comes now sees what the others have folded (I43).
fn quiet(world: &mut World, step: &mut u32) -> Result<(), Broken> {
    world.calm();
    let mut witness = Client::new(None, Encoding::Json, None);
    for channel in (0..LOTS).map(|number| format!("lot:{}", lot(number))) {
        witness.subscribe(&channel, &mut world.shared);
    }
    for channel in (0..STOCKS).map(|number| format!("stock:{}", stock(number))) {
        witness.subscribe(&channel, &mut world.shared);
    }
    for channel in (0..BOOKS).map(|number| format!("book:{}", book(number))) {
        witness.subscribe(&channel, &mut world.shared);
    }
    // What it would have asked without a connection is asked when it has one.
    witness.lost(world.shared.now, 0);
    world.clients.push(witness);
    let until = world.shared.now.plus_ms(LIVENESS_MS);
    while !world.is_at_rest() {
        if world.shared.now > until {
            return Err(Broken::new("I47", world.restless()));
        }
        world.step()?;
        *step += 1;
    }
    Ok(())
}
