//! The same state however it is reached: from the first record, from a checkpoint and what came after it, with another
//! number of shards, or by having lived through it (I4, I6).

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use vendue_domain::record::Field;
use vendue_domain::time::Timestamp;
use vendue_engine::EngineOptions;
use vendue_engine::entry::Entry;
use vendue_engine::local::LocalCell;
use vendue_engine::shard::{Shard, read_stored};
use vendue_storage::JournalReader;

use crate::Broken;
use crate::cell::{self, Actors, Disk};
use crate::world::World;

/// How often what is due is decided at most, until nothing is.
const STEPS_MAX: usize = 1_000;

/// Starts copies of what is durable in several ways and compares them.
///
/// Where effects were under way, a start decides them anew, and how they fall depends on what was in memory and on the
/// number of shards: between actors they have no order. Such a start has a future of its own, which must be as sound as
/// the world's: everything is done once, and its own journal gives its state.
pub(crate) fn check(world: &World) -> Result<(), Broken> {
    let options = &world.engine_options;
    let others = EngineOptions { shards: options.shards % 3 + 1, ..options.clone() };
    let alone = world.disk.journal_only();
    let genesis = State::of(world, &alone, options)?;
    let is_same = !has_delivered(&alone, world.disk.log.last())?;
    let starts = [
        (world.disk.duplicate(), options, "a checkpoint and its tail"),
        (world.disk.journal_only(), &others, "the same with other shards"),
    ];
    for (disk, options, name) in starts {
        let started = State::of(world, &disk, options)?;
        if is_same && !has_delivered(&disk, world.disk.log.last())? {
            compare(&started, &genesis, name)?;
        } else {
            super::future(&disk)?;
            compare(&started, &State::of(world, &disk.journal_only(), options)?, name)?;
        }
    }
    Ok(())
}

/// Whether effects have been decided behind this position.
fn has_delivered(disk: &Disk, after: u64) -> Result<bool, Broken> {
    let mut found = false;
    disk.log
        .read(after + 1, &mut |_, record| {
            found |= Entry::from_bytes(record).is_ok_and(|entry| entry.lane().is_some());
            ControlFlow::Continue(())
        })
        .map_err(failed)?;
    Ok(found)
}

/// The living cell against its own journal. Nothing may be under way.
pub(super) fn live(world: &mut World) -> Result<(), Broken> {
    let now = world.engine_time();
    let Some(living) = &mut world.engine else { return Ok(()) };
    let living = State::at_rest(living, &world.disk, now)?;
    let genesis = State::of(world, &world.disk.journal_only(), &world.engine_options)?;
    compare(&living, &genesis, "the living cell")
}

/// What a cell has become.
struct State {
    /// Every actor's whole state, secrets included.
    actors: Actors,
    /// What anybody may know.
    views: u64,
}

impl State {
    /// Of a cell that is started on this disk now.
    fn of(world: &World, disk: &Disk, options: &EngineOptions) -> Result<Self, Broken> {
        let now = world.engine_time();
        let mut cell = disk.start(options.clone(), now).map_err(failed)?;
        Self::at_rest(&mut cell, disk, now)
    }

    /// Of a cell after everything that is due has been decided. What sleeps in the store is woken: it may have to learn of
    /// a halt or a suspension. A checkpoint brings every actor to one place.
    fn at_rest(cell: &mut LocalCell, disk: &Disk, now: Timestamp) -> Result<Self, Broken> {
        let shards = cell.shards().len() as u16;
        for address in disk.actors().map_err(failed)?.into_keys() {
            let owner = usize::from(Shard::owner(&address, shards));
            cell.round(owner, now, |shard| shard.activate(address));
        }
        cell::settle(cell).map_err(failed)?;
        // What effects bring may have a next step at once: that is due, and causes effects again.
        for _ in 0..STEPS_MAX {
            cell.tick(now);
            cell::settle(cell).map_err(failed)?;
            if cell.next_deadline().is_none_or(|due| due > now) {
                break;
            }
        }
        cell.checkpoint().map_err(failed)?;
        Ok(Self { actors: disk.actors().map_err(failed)?, views: cell.views().state_hash() })
    }
}

fn failed(error: impl std::fmt::Display) -> Broken {
    Broken::new("I4", format!("no recovery: {error}"))
}

fn compare(one: &State, genesis: &State, name: &str) -> Result<(), Broken> {
    let addresses: BTreeSet<_> = one.actors.keys().chain(genesis.actors.keys()).collect();
    for address in addresses {
        let (one, genesis) = (one.actors.get(address), genesis.actors.get(address));
        if one != genesis {
            let show = |bytes: Option<&Vec<u8>>| bytes.map(|bytes| read_stored(address, bytes));
            let why = format!("{name} has {:?}\nthe journal alone has {:?}", show(one), show(genesis));
            return Err(Broken::new("I6", format!("{address}: {why}")));
        }
    }
    if one.views != genesis.views {
        return Err(Broken::new("I6", format!("{name} and the journal alone show different things")));
    }
    Ok(())
}
