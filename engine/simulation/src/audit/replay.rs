//! The same state however it is reached: from the first record, from a checkpoint and what came after it, with another
//! number of shards, or by having lived through it (I4, I6).

use vendue_domain::time::Timestamp;
use vendue_engine::EngineOptions;
use vendue_engine::local::LocalCell;

use crate::Broken;
use crate::cell::{self, Disk};
use crate::world::World;

/// Starts copies of what is durable in several ways and compares them.
pub(crate) fn check(world: &World) -> Result<(), Broken> {
    let options = &world.engine_options;
    let tail = State::of(world, world.disk.duplicate(), options)?;
    let genesis = State::of(world, world.disk.journal_only(), options)?;
    compare(&tail, &genesis, "a checkpoint and its tail")?;
    let others = EngineOptions { shards: options.shards % 3 + 1, ..options.clone() };
    let divided = State::of(world, world.disk.journal_only(), &others)?;
    compare(&divided, &genesis, "the same with other shards")
}

/// The living cell against its own journal. Nothing may be under way.
pub(super) fn live(world: &mut World) -> Result<(), Broken> {
    let now = world.engine_time();
    let Some(living) = &mut world.engine else { return Ok(()) };
    let living = State::at_rest(living, &world.disk, now)?;
    let genesis = State::of(world, world.disk.journal_only(), &world.engine_options)?;
    compare(&living, &genesis, "the living cell")
}

/// What a cell has become.
#[derive(PartialEq)]
struct State {
    /// Every actor's whole state, secrets included.
    actors: u64,
    /// What anybody may know.
    views: u64,
}

impl State {
    /// Of a cell that is started on this disk now.
    fn of(world: &World, disk: Disk, options: &EngineOptions) -> Result<Self, Broken> {
        let now = world.engine_time();
        let mut cell = disk.start(options.clone(), now).map_err(failed)?;
        Self::at_rest(&mut cell, &disk, now)
    }

    /// Of a cell after everything that is due has been decided. A checkpoint brings every actor, in memory or not, to one
    /// place.
    fn at_rest(cell: &mut LocalCell, disk: &Disk, now: Timestamp) -> Result<Self, Broken> {
        cell::settle(cell).map_err(failed)?;
        cell.tick(now);
        cell::settle(cell).map_err(failed)?;
        cell.checkpoint().map_err(failed)?;
        Ok(Self { actors: disk.actors_hash().map_err(failed)?, views: cell.views().state_hash() })
    }
}

fn failed(error: impl std::fmt::Display) -> Broken {
    Broken::new("I4", format!("no recovery: {error}"))
}

fn compare(one: &State, genesis: &State, name: &str) -> Result<(), Broken> {
    if one.actors != genesis.actors {
        return Err(Broken::new("I6", format!("{name} and the journal alone have different actors")));
    }
    if one.views != genesis.views {
        return Err(Broken::new("I6", format!("{name} and the journal alone show different things")));
    }
    Ok(())
}
