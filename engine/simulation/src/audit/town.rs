//! Money, orders, books, stock and lots of every format: what the engine's own audit of a journal says
//! ([`vendue_engine::offline::Town`]), and what more a simulation knows: that faults are over and nothing may wait for ever.

use std::collections::BTreeMap;

use vendue_domain::actor::{ActorAddress, Entity};
use vendue_domain::money::Asset;
use vendue_domain::time::Timestamp;
use vendue_engine::entry::Entry;
use vendue_engine::offline::Town;

use super::Placed;
use crate::Broken;
use crate::history::{History, Told};

/// How long after its deadline an actor must have done what was due (I47), in microseconds: a recovery may have given lots
/// more time.
const OVERDUE_US: i64 = 5_000_000;

/// An actor's life up to a record, a line for each of its own.
fn told_of(actor: Option<ActorAddress>, journal: &[Placed], until: u64) -> impl Iterator<Item = String> {
    let life = journal.iter().filter_map(move |(position, entry)| match entry {
        Entry::Decided(decided) if decided.address() == actor => Some((*position, decided)),
        _ => None,
    });
    life.take_while(move |(position, _)| *position <= until)
        .map(|(position, decided)| format!("\nrecord {position}: {decided:?}"))
}

fn broken(what: impl ToString) -> Broken {
    Broken::new("I11 to I35", what.to_string())
}

/// What a journal comes to, from its first record.
///
/// # Errors
/// What an event breaks, with the story of whom it befalls.
pub(super) fn of(journal: &[Placed]) -> Result<Town, Broken> {
    let mut town = Town::default();
    for (position, entry) in journal {
        let Entry::Decided(decided) = entry else { continue };
        town.take(decided).map_err(|(_, what)| {
            let story: String = told_of(decided.address(), journal, *position).collect();
            broken(format!("{what}{story}"))
        })?;
    }
    Ok(town)
}

/// I21, I27, I28, I30 to I34 and I47 when nothing is under way.
///
/// # Errors
/// What does not add up.
pub(super) fn at_rest(town: &Town, now: Timestamp) -> Result<(), Broken> {
    if let Some((_, what)) = town.at_rest().into_iter().next() {
        return Err(broken(what));
    }
    // An operator could help such an order; here nothing hinders it.
    if let Some((id, order)) = town.orders().find(|(_, order)| !order.unbooked().is_empty()) {
        return Err(broken(format!("I34: {id} could not be booked: {:?}", order.unbooked())));
    }
    let (waiting, book) = town.waiting();
    if waiting > 0 {
        let whose = book.map_or_else(|| "lots".to_owned(), |book| book.to_string());
        return Err(Broken::new("I47", format!("{waiting} bids or orders wait for ever, of {whose}")));
    }
    for (address, (_, entity)) in town.actors() {
        let due = Entity::next_deadline(entity);
        if due.is_some_and(|due| due.0 + OVERDUE_US <= now.0) {
            return Err(Broken::new("I47", format!("{address} was due at {due:?}: {entity:?}")));
        }
    }
    Ok(())
}

/// Of goods there is what was acknowledged to have come in, less what went out (I30).
///
/// # Errors
/// I30.
pub(super) fn goods(history: &History, journal: &[Placed]) -> Result<(), Broken> {
    let mut expected: BTreeMap<Asset, i128> = BTreeMap::new();
    for issue in history.issues.iter().filter(|issue| matches!(issue.told, Some(Told::Accepted(_)))) {
        let of = |name: &str| issue.params.get(name);
        let asset = of("goods").and_then(|text| text.as_str()).and_then(Asset::of_goods);
        let quantity = of("quantity").and_then(serde_json::Value::as_u64);
        let (Some(asset), Some(quantity)) = (asset, quantity) else { continue };
        let sign = if issue.method == "account.deposit" { 1 } else { -1 };
        *expected.entry(asset).or_default() += sign * i128::from(quantity);
    }
    let town = of(journal)?;
    for (asset, expected) in expected {
        let found = town.in_the_world(asset);
        if found != expected {
            return Err(Broken::new("I30", format!("{found} of {asset:?}, acknowledged were {expected}")));
        }
    }
    Ok(())
}
