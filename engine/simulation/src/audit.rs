//! The journal against everything that was asked, told and heard.

mod census;
mod channels;
mod lots;
#[cfg(test)]
mod mutants;
mod outcomes;
mod replay;
mod stock;
mod town;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use vendue_domain::actor::ActorAddress;
use vendue_domain::actor::Command;
use vendue_domain::effect::{Effect, Effects};
use vendue_domain::order::OrderCommand;
use vendue_domain::record::Field;
use vendue_domain::time::Timestamp;
use vendue_engine::effects::{Lane, LaneAudit};
use vendue_engine::entry::{Decided, Entry};
use vendue_storage::JournalReader;

use crate::Broken;
use crate::cell::Disk;
use crate::world::World;

pub(crate) use replay::check as replay;

/// One record and its position.
pub(crate) type Placed = (u64, Entry);

/// Every check of a world at rest.
pub(crate) fn all(world: &mut World) -> Result<(), Broken> {
    let journal = read(&world.disk)?;
    world.report.happened = census::of(&journal);
    outcomes::check(&world.shared.history, &journal)?;
    at_rest(&journal, world.engine_time())?;
    town::goods(&world.shared.history, &journal)?;
    channels::check(&world.shared.ledger, &journal)?;
    replay::check(world)?;
    replay::live(world)
}

/// What a journal alone shows while things are under way.
pub(crate) fn passing(world: &World) -> Result<(), Broken> {
    town::of(&read(&world.disk)?).map(drop)
}

/// What a start has made of effects that were under way: each once, and nothing that breaks a rule.
fn future(disk: &Disk) -> Result<(), Broken> {
    let journal = read(disk)?;
    positions(&journal)?;
    effects(&journal)?;
    town::of(&journal).map(drop)
}

/// What a journal alone shows when nothing is under way; `now` is the engine's time.
fn at_rest(journal: &[Placed], now: Timestamp) -> Result<(), Broken> {
    positions(journal)?;
    effects(journal)?;
    lots::check(journal, now)?;
    stock::check(journal)?;
    town::at_rest(&town::of(journal)?, now)
}

fn read(disk: &Disk) -> Result<Vec<Placed>, Broken> {
    let mut journal = Vec::new();
    let mut unreadable = None;
    let outcome = disk.log.read(1, &mut |position, record| match Entry::from_bytes(record) {
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

/// Every effect has one outcome, in order, and none was declined but what nobody could answer: at rest nothing is under way
/// (I2, I47).
fn effects(journal: &[Placed]) -> Result<(), Broken> {
    let mut audit = LaneAudit::default();
    let mut asked: BTreeMap<Lane, Effect> = BTreeMap::new();
    let mut there: BTreeSet<ActorAddress> = BTreeSet::new();
    for (position, entry) in journal {
        audit.take(*position, entry).map_err(|problem| Broken::new("I2", problem))?;
        match entry {
            Entry::Decided(decided) => {
                there.extend(decided.address());
                asked.extend(caused(*position, decided));
            }
            Entry::Declined(declined) => {
                let effect = asked.get(&declined.lane);
                if there.contains(&declined.target) || !effect.is_some_and(is_of_a_won_lot) {
                    let what = format!("record {position}: {declined:?} of {effect:?}");
                    return Err(Broken::new("I3", what));
                }
            }
            _ => {}
        }
    }
    match audit.undone() {
        Some(lane) => Err(Broken::new("I47", format!("{lane:?} has no outcome"))),
        None => Ok(()),
    }
}

/// What a record asks of others.
fn caused(position: u64, decided: &Decided) -> impl Iterator<Item = (Lane, Effect)> {
    let mut effects = Effects::new();
    for event in &decided.events.0 {
        event.effects(decided.id, &decided.stamp(), &mut effects);
    }
    (0..).zip(effects).map(move |(index, effect)| (Lane { position, index }, effect))
}

/// Whoever places an order of a lot that it has not won asks an order that there is not: its own deadline answers
/// (docs/processes.md, "`order.place`").
fn is_of_a_won_lot(effect: &Effect) -> bool {
    matches!(&effect.command, Command::Order(OrderCommand::Lend(_) | OrderCommand::EndLoan(_)))
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
