//! After a crash, or any stop: the last valid checkpoint, then the journal after it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use hashbrown::HashMap;

use vendue_domain::actor::{ActorAddress, ActorKind};
use vendue_domain::effect::{Effects, OutsideRequest};
use vendue_domain::facts::FactChange;
use vendue_domain::id::Id;
use vendue_domain::record::Field;
use vendue_domain::time::Timestamp;
use vendue_storage::{JournalReader, Key, Position, StateStore};

use crate::directory::Directory;
use crate::effects::Arrival;
use crate::entry::Genesis;
use crate::error::EngineError;
use crate::keys::OlderKeys;
use crate::options::EngineOptions;
use crate::shard::{Seal, Shard};
use crate::views::{Open, ViewSpace, ViewValue, Views};

mod effects;
mod progress;
mod replay;
mod stored;

pub use progress::{Phase, Progress};

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
    /// Its first record, which may be gone ([`read_genesis`] where it is not).
    pub genesis: Genesis,
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

pub(crate) const ACTOR_KINDS: [ActorKind; 7] = [
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
    recover_with(options, sources, None, &Progress::default())
}

/// The same, telling `progress` how far it has come: another thread may show that. With `store` (the one of the sources)
/// the views keep in memory what has changed and read the rest there.
///
/// # Errors
/// As [`recover`].
pub fn recover_with(
    options: &Arc<EngineOptions>,
    sources: &Sources<'_>,
    store: Option<Arc<dyn StateStore>>,
    progress: &Progress,
) -> Result<Recovered, EngineError> {
    let genesis = sources.genesis;
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
        options,
        store: sources.store,
        directory: directory.clone(),
        last_time: genesis.time,
        report: RecoveryReport::default(),
        replay_from: 1,
        under_way: HashMap::new(),
        outstanding: BTreeMap::new(),
        derived: Effects::new(),
        all_resident: true,
        progress,
    };
    recovery.views.show_effects(directory.clone());
    if let Some(store) = store {
        recovery.views.read_from(store);
    }
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
    recovery.refresh_views();
    recovery.redeliver();
    let Recovery { shards, mut views, last_time, report, outstanding, .. } = recovery;
    views.recovered();
    progress.begin(Phase::Done);
    let outstanding = outstanding.into_values().collect();
    Ok(Recovered { shards, views, directory, genesis, last_time, outstanding, report })
}

/// The first record of a journal that is whole.
///
/// # Errors
/// It is gone, or is no genesis.
pub fn read_genesis(journal: &dyn JournalReader) -> Result<Genesis, EngineError> {
    crate::base::genesis(journal, None)
}

struct Recovery<'a> {
    options: &'a Arc<EngineOptions>,
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
    /// Whether every stored actor is in memory: one that is not there is new.
    all_resident: bool,
    progress: &'a Progress,
}
