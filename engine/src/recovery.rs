//! After a crash, or any stop: the last valid checkpoint, then the journal after it.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;
use vendue_domain::mutant;

use hashbrown::HashMap;

use vendue_domain::actor::{ActorAddress, ActorKind, Entity};
use vendue_domain::effect::{Effects, OutsideRequest};
use vendue_domain::facts::FactChange;
use vendue_domain::id::{Id, StockId};
use vendue_domain::record::{Field, RecordError};
use vendue_domain::time::Timestamp;
use vendue_storage::{JournalReader, Key, Position, StateStore};

use crate::directory::Directory;
use crate::effects::{Arrival, DeclinedEffect, Lane};
use crate::entry::{Entry, Genesis};
use crate::error::EngineError;
use crate::keys::OlderKeys;
use crate::options::EngineOptions;
use crate::shard::{Seal, Shard, read_stored};
use crate::unit::Published;
use crate::views::{Open, ViewSpace, ViewValue, Views};

mod effects;

vendue_domain::record! {
    /// What a checkpoint says of itself; valid because it is written after everything it covers is on disk.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Marker {
        1 => pub cell: u128,
        /// Every record before this one is in the stored states.
        2 => pub replay_from: Position,
        3 => pub time: Timestamp,
    }
}

/// What recovery needs of the cell.
pub struct Sources<'a> {
    /// The truth.
    pub journal: &'a dyn JournalReader,
    /// The checkpoints.
    pub store: &'a dyn StateStore,
    /// Sealed key lists, and up to which position they reach.
    pub older_keys: Arc<dyn OlderKeys>,
    /// Records up to here need not be read for their keys.
    pub keys_listed: Position,
    /// Opens and seals personal data.
    pub seal: Arc<dyn Seal>,
    /// As above.
    pub open: Arc<dyn Open>,
}

/// A cell's memory as its durable state says.
pub struct Recovered {
    /// The shards, in order; their timers are not set yet.
    pub shards: Vec<Shard>,
    /// The views.
    pub views: Views,
    /// The reservations' directory.
    pub directory: Arc<Directory>,
    /// The first record.
    pub genesis: Genesis,
    /// The time of the last record.
    pub last_time: Timestamp,
    /// What orders wait for from the world outside: to be asked again.
    pub outstanding: Vec<OutsideRequest>,
    /// What was done, for the log.
    pub report: RecoveryReport,
}

/// What a recovery did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct RecoveryReport {
    pub stored_actors: u64,
    pub replayed_from: Position,
    pub replayed_records: u64,
    pub last_position: Position,
    /// Effects that were caused and not decided: they are delivered again.
    pub effects: u64,
}

/// The slot, space and id under which the state store keeps an actor.
#[must_use]
pub fn actor_key(address: &ActorAddress) -> Key {
    Key { slot: address.slot(), space: address.kind as u8, id: address.id.0 }
}

/// The same for what a view keeps.
#[must_use]
pub fn view_key(space: ViewSpace, id: Id) -> Key {
    Key { slot: id.slot(), space: space as u8, id: id.0 }
}

/// The key of a captured value: in its owner's slot.
#[must_use]
pub fn captured_key(value: &ViewValue) -> Key {
    Key { slot: value.owner.slot(), space: value.space as u8, id: value.id.0 }
}

/// The key of a slot's lane: in that slot.
#[must_use]
pub const fn lane_key(slot: u16) -> Key {
    Key { slot, space: ViewSpace::Lane as u8, id: Id::NIL.0 }
}

/// The key of a fact: by whose it is, so that a newer version replaces the older.
#[must_use]
pub fn fact_key(change: &FactChange) -> Key {
    // With the variant's number before the ids: ids are the clients' to choose, and a sale may have a market's.
    let mut whose = Vec::with_capacity(33);
    match change {
        FactChange::Market((market, _)) => {
            whose.push(1);
            whose.extend_from_slice(&market.0.0);
        }
        FactChange::Account((account, _)) => {
            whose.push(2);
            whose.extend_from_slice(&account.0.0);
        }
        FactChange::Sale((sale, _)) => {
            whose.push(3);
            whose.extend_from_slice(&sale.0.0);
        }
        FactChange::Registration(registration) => {
            whose.push(4);
            whose.extend_from_slice(&registration.sale.0.0);
            whose.extend_from_slice(&registration.account.0.0);
        }
    }
    let identity = Id::from_u128(xxhash_rust::xxh3::xxh3_128(&whose));
    view_key(ViewSpace::Fact, identity)
}

const ACTOR_KINDS: [ActorKind; 7] = [
    ActorKind::Market,
    ActorKind::Account,
    ActorKind::Sale,
    ActorKind::Lot,
    ActorKind::Stock,
    ActorKind::Order,
    ActorKind::Book,
];

const VIEW_SPACES: [ViewSpace; 7] = [
    ViewSpace::History,
    ViewSpace::Feed,
    ViewSpace::Board,
    ViewSpace::Audit,
    ViewSpace::Statement,
    ViewSpace::Trades,
    ViewSpace::Draws,
];

/// Rebuilds a cell's memory.
///
/// # Errors
/// Damage in the journal or store, or records that this build cannot read.
pub fn recover(options: &Arc<EngineOptions>, sources: &Sources<'_>) -> Result<Recovered, EngineError> {
    let genesis = read_genesis(sources.journal)?;
    let shards = options.shard_count();
    let directory = Arc::new(Directory::default());
    let mut recovery = Recovery {
        shards: (0..shards)
            .map(|number| {
                Shard::new(
                    number,
                    shards,
                    options.clone(),
                    genesis.key_secret,
                    sources.older_keys.clone(),
                    sources.seal.clone(),
                    directory.clone(),
                )
            })
            .collect(),
        views: Views::new(options.clone(), sources.open.clone()),
        store: sources.store,
        directory: directory.clone(),
        last_time: genesis.time,
        report: RecoveryReport::default(),
        replay_from: 1,
        under_way: HashMap::new(),
        outstanding: BTreeMap::new(),
        derived: Effects::new(),
    };
    recovery.views.show_effects(directory.clone());
    if let Some(bytes) = sources.store.marker()? {
        let marker =
            Marker::from_bytes(&bytes).map_err(|error| EngineError::Record { position: 0, error })?;
        if marker.cell == genesis.cell {
            recovery.replay_from = marker.replay_from;
            recovery.last_time = recovery.last_time.max(marker.time);
            recovery.load_stored()?;
        } else {
            tracing::warn!("the state store belongs to another cell; it is not used");
        }
    }
    recovery.views.starts_after(recovery.replay_from - 1);
    recovery.replay(sources)?;
    recovery.redeliver();
    let Recovery { shards, mut views, last_time, report, outstanding, .. } = recovery;
    views.recovered();
    let outstanding = outstanding.into_values().collect();
    Ok(Recovered { shards, views, directory, genesis, last_time, outstanding, report })
}

fn read_genesis(journal: &dyn JournalReader) -> Result<Genesis, EngineError> {
    let record = journal.record(1)?.unwrap_or_default();
    match Entry::from_bytes(&record) {
        Ok(Entry::Genesis(genesis)) => Ok(genesis),
        Ok(_) => Err(EngineError::Record {
            position: 1,
            error: RecordError::Invalid("a journal begins with its genesis"),
        }),
        Err(error) => Err(EngineError::Record { position: 1, error }),
    }
}

struct Recovery<'a> {
    shards: Vec<Shard>,
    views: Views,
    store: &'a dyn StateStore,
    directory: Arc<Directory>,
    last_time: Timestamp,
    report: RecoveryReport,
    replay_from: Position,
    /// Effects whose outcome has not been read yet, by their target's slot, in order.
    under_way: HashMap<u16, VecDeque<Arrival>>,
    outstanding: BTreeMap<Id, OutsideRequest>,
    derived: Effects,
}

/// Runs a visitor that may fail over the values of one space.
fn scan(
    store: &dyn StateStore,
    space: u8,
    mut visit: impl FnMut(&Key, &[u8]) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    let mut failed = None;
    store.scan(space, &mut |key, value| match visit(key, value) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    })?;
    failed.map_or(Ok(()), Err)
}

impl Recovery<'_> {
    /// The views know every stored actor; the shards load theirs when they need them.
    fn load_stored(&mut self) -> Result<(), EngineError> {
        let store = self.store;
        for kind in ACTOR_KINDS {
            scan(store, kind as u8, |key, value| {
                let address = ActorAddress { kind, id: Id(key.id) };
                let (seq, entity) = read_stored(&address, value)
                    .map_err(|error| EngineError::Record { position: 0, error })?;
                if let Entity::Stock(stock) = &entity {
                    for reservation in stock.live_reservations() {
                        self.directory.insert(reservation, StockId(address.id));
                    }
                }
                if let Some(request) = entity.outstanding() {
                    self.outstanding.insert(address.id, request);
                }
                self.views.restore(address, seq, &entity);
                self.report.stored_actors += 1;
                Ok(())
            })?;
        }
        scan(store, ViewSpace::Fact as u8, |_, value| {
            let change =
                FactChange::from_bytes(value).map_err(|error| EngineError::Record { position: 0, error })?;
            self.views.learn_stored(&change);
            for shard in &mut self.shards {
                shard.learn_stored(&change);
            }
            Ok(())
        })?;
        for space in VIEW_SPACES {
            scan(store, space as u8, |key, value| {
                self.views
                    .restore_value(space, Id(key.id), value)
                    .map_err(|error| EngineError::Record { position: 0, error })
            })?;
        }
        scan(store, ViewSpace::Lane as u8, |key, value| {
            let lane = Lane::from_bytes(value).map_err(|error| EngineError::Record { position: 0, error })?;
            self.owner_of_slot(key.slot).restore_lane(key.slot, lane, false);
            Ok(())
        })?;
        if self.report.stored_actors > 0 {
            for shard in &mut self.shards {
                shard.store_may_hold();
            }
        }
        Ok(())
    }

    /// Reads the journal from where keys or states need it.
    fn replay(&mut self, sources: &Sources<'_>) -> Result<(), EngineError> {
        let from = self.replay_from.min(sources.keys_listed + 1).max(1);
        self.report.replayed_from = from;
        let mut failed = None;
        sources.journal.read(from, &mut |position, record| match Entry::from_bytes(record)
            .map_err(|error| EngineError::Record { position, error })
            .and_then(|entry| self.entry(position, entry, sources.keys_listed))
        {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        for shard in &mut self.shards {
            shard.keys_sealed(sources.keys_listed);
            if sources.keys_listed > 0 {
                shard.older_keys_may_know();
            }
        }
        self.report.last_position = sources.journal.last();
        // Also past records that tell the views nothing (rejections): who was told their position waits for the views to reach it.
        self.views.starts_after(self.report.last_position);
        Ok(())
    }

    fn entry(&mut self, position: Position, entry: Entry, keys_listed: Position) -> Result<(), EngineError> {
        self.report.replayed_records += 1;
        self.last_time = self.last_time.max(entry.time());
        if position > keys_listed
            && let Some(keyed) = entry.keyed()
        {
            // Which shard's key it is depends on its target; an entry without one (a rejection) may be any
            // shard's: every shard remembers those.
            self.remember(position, &entry, keyed);
        }
        if position < self.replay_from {
            return Ok(());
        }
        if let Some((slot, lane)) = entry.lane() {
            self.effect_done(slot, lane);
        }
        let decided = match entry {
            Entry::Decided(decided) => decided,
            Entry::Declined(declined) => {
                let crate::entry::Declined { lane, target, time, rejection } = declined;
                let declined = DeclinedEffect { lane, target, time, rejection };
                self.directory.effects.decline(declined, false);
                return Ok(());
            }
            _ => return Ok(()),
        };
        let missing = EngineError::Record {
            position,
            error: RecordError::Invalid("a record of this actor is missing"),
        };
        let Some(address) = decided.address() else { return Err(missing) };
        let owner = usize::from(Shard::owner(&address, self.shards.len() as u16));
        if !self.shards[owner].holds(&address)
            && let Some(value) = self.store.load(&actor_key(&address))?
        {
            let (seq, entity) =
                read_stored(&address, &value).map_err(|error| EngineError::Record { position, error })?;
            self.shards[owner].restore(address, seq, entity);
        }
        if !self.shards[owner].replay(address, &decided) {
            return Err(missing);
        }
        for event in &decided.events.0 {
            if let Some(change) = event.fact(address.id) {
                for shard in &mut self.shards {
                    shard.learn_quietly(&change);
                }
            }
        }
        if address.kind == ActorKind::Order {
            match self.shards[owner].outstanding(&address) {
                Some(request) => self.outstanding.insert(address.id, request),
                None => self.outstanding.remove(&address.id),
            };
        }
        self.effects_of(position, address, &decided);
        let stamp = decided.stamp();
        let published = Published {
            index: 0,
            address,
            seq: decided.seq,
            channel_seq: decided.channel_seq,
            stamp,
            events: decided.events.0,
        };
        self.views.take(&published, position);
        Ok(())
    }

    fn remember(&mut self, position: Position, entry: &Entry, keyed: crate::entry::Keyed) {
        if mutant("keys_lost_at_start") {
            return;
        }
        let shards = self.shards.len() as u16;
        match entry {
            Entry::Decided(decided) if shards > 1 => {
                if let Some(address) = decided.address() {
                    self.shards[usize::from(Shard::owner(&address, shards))].remember(keyed, position);
                }
            }
            _ => {
                for shard in &mut self.shards {
                    shard.remember(keyed, position);
                }
            }
        }
    }
}
