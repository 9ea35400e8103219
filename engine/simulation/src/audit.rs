//! The journal against everything that was asked, told and heard.

mod channels;
mod lots;
mod outcomes;
mod replay;
mod stock;
mod town;
#[cfg(test)]
mod mutants;

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use vendue_domain::actor::ActorAddress;
use vendue_domain::record::Field;
use vendue_domain::time::Timestamp;
use vendue_engine::effects::LaneAudit;
use vendue_engine::entry::Entry;
use vendue_storage::JournalReader;

use crate::Broken;
use crate::world::World;
use town::Town;

pub(crate) use replay::check as replay;

/// One record and its position.
pub(crate) type Placed = (u64, Entry);

/// Every check of a world at rest.
pub(crate) fn all(world: &mut World) -> Result<(), Broken> {
    let journal = read(world)?;
    outcomes::check(&world.shared.history, &journal)?;
    at_rest(&journal, world.engine_time())?;
    town::goods(&world.shared.history, &journal)?;
    channels::check(&world.shared.ledger, &journal)?;
    replay::check(world)?;
    replay::live(world)
}

/// What a journal alone shows while things are under way.
pub(crate) fn passing(world: &World) -> Result<(), Broken> {
    Town::of(&read(world)?).map(drop)
}

/// What a journal alone shows when nothing is under way; `now` is the engine's time.
fn at_rest(journal: &[Placed], now: Timestamp) -> Result<(), Broken> {
    positions(journal)?;
    effects(journal)?;
    lots::check(journal, now)?;
    stock::check(journal)?;
    Town::of(journal)?.at_rest(now)
}

fn read(world: &World) -> Result<Vec<Placed>, Broken> {
    let mut journal = Vec::new();
    let mut unreadable = None;
    let outcome = world.disk.log.read(1, &mut |position, record| match Entry::from_bytes(record) {
        Ok(entry) => {
            journal.push((position, entry));
            ControlFlow::Continue(())
        }
        Err(error) => {
            unreadable = Some(format!("record {position}: {error}"));
            ControlFlow::Break(())
        }
    });
    if let Err(error) = outcome {
        return Err(Broken::new("I5", error.to_string()));
    }
    unreadable.map_or(Ok(journal), |problem| Err(Broken::new("I5", problem)))
}

/// Every effect has one outcome, in order, and none was refused: at rest nothing is under way (I2, I47).
fn effects(journal: &[Placed]) -> Result<(), Broken> {
    let mut audit = LaneAudit::default();
    for (position, entry) in journal {
        audit.take(*position, entry).map_err(|problem| Broken::new("I2", problem))?;
        if let Entry::Declined(declined) = entry {
            return Err(Broken::new("I3", format!("record {position}: {declined:?}")));
        }
    }
    match audit.undone() {
        Some(lane) => Err(Broken::new("I47", format!("{lane:?} has no outcome"))),
        None => Ok(()),
    }
}

/// Positions are dense from 1; an actor's numbers are dense and its time never goes back (I5, I22).
fn positions(journal: &[Placed]) -> Result<(), Broken> {
    let mut actors: BTreeMap<ActorAddress, (u64, Timestamp)> = BTreeMap::new();
    for (number, (position, entry)) in journal.iter().enumerate() {
        if *position != number as u64 + 1 {
            return Err(Broken::new("I5", format!("record {number} stands at {position}")));
        }
        let Entry::Decided(decided) = entry else { continue };
        let Some(address) = decided.address() else {
            return Err(Broken::new("I5", format!("a decision without events at {position}")));
        };
        let (seq, time) = actors.entry(address).or_default();
        if decided.seq != *seq + decided.events.0.len() as u64 {
            return Err(Broken::new("I5", format!("after number {seq} comes {decided:?}")));
        }
        if decided.time < *time {
            return Err(Broken::new("I22", format!("after {time:?} comes {decided:?}")));
        }
        (*seq, *time) = (decided.seq, decided.time);
    }
    Ok(())
}
