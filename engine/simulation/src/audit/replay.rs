//! The same state however it is reached: from the first record, from a checkpoint and what came after it, with another
//! number of shards, or by having lived through it (I4, I6).

use vendue_engine::local::LocalCell;
use vendue_engine::{EngineError, EngineOptions};

use crate::Broken;
use crate::cell::{self, Disk};
use crate::world::World;

/// Starts copies of what is durable in several ways and compares them.
pub(crate) fn check(world: &World) -> Result<(), Broken> {
    let disk = world.disk.duplicate();
    let options = &world.engine_options;
    let tail = start(world, &disk, options)?;
    let genesis = start(world, &world.disk.journal_only(), options)?;
    compare(&tail, &genesis, "a checkpoint and its tail", "the journal alone", world.keeps_all())?;
    let shards = options.shards % 3 + 1;
    let others = EngineOptions { shards, ..options.clone() };
    let divided = start(world, &world.disk.journal_only(), &others)?;
    compare(&genesis, &divided, "the journal alone", "the same with other shards", false)
}

/// The living cell against its own journal. Nothing may be under way.
pub(super) fn live(world: &mut World) -> Result<(), Broken> {
    let now = world.engine_time();
    let Some(living) = &mut world.engine else { return Ok(()) };
    living.tick(now);
    cell::settle(living).map_err(failed)?;
    let genesis = start(world, &world.disk.journal_only(), &world.engine_options)?;
    let Some(living) = &world.engine else { return Ok(()) };
    // What memory has let go of is in no shard's hash.
    compare(living, &genesis, "the living cell", "the journal alone", world.keeps_all())
}

fn start(world: &World, disk: &Disk, options: &EngineOptions) -> Result<LocalCell, Broken> {
    let mut cell = disk.start(options.clone(), world.engine_time()).map_err(failed)?;
    cell::settle(&mut cell).map_err(failed)?;
    Ok(cell)
}

fn failed(error: EngineError) -> Broken {
    Broken::new("I4", format!("no recovery: {error}"))
}

fn compare(
    one: &LocalCell,
    other: &LocalCell,
    names: &str,
    against: &str,
    with_actors: bool,
) -> Result<(), Broken> {
    if cell::views_hash(one) != cell::views_hash(other) {
        return Err(Broken::new("I6", format!("{names} and {against} show different states")));
    }
    if with_actors && cell::shards_hash(one) != cell::shards_hash(other) {
        return Err(Broken::new("I6", format!("{names} and {against} have different actors")));
    }
    Ok(())
}
