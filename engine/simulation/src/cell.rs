//! The engine's process: a cell on a journal and a store in memory that outlive it. It may die at any step; what was not
//! durable is lost then.

use std::collections::BTreeMap;
use std::sync::Arc;

use vendue_domain::actor::{ActorAddress, ActorKind};
use vendue_domain::id::{AccountId, Id};
use vendue_domain::time::Timestamp;
use vendue_engine::entry::Genesis;
use vendue_engine::{EngineError, EngineOptions};

use vendue_engine::keys::NoOlderKeys;
use vendue_engine::local::{Ground, LocalCell};
use vendue_engine::shard::Seal;
use vendue_engine::views::Open;
use vendue_storage::{JournalReader, MemoryJournal, MemoryLog, MemoryStore, StateStore, StorageError};
use xxhash_rust::xxh3::Xxh3;

use crate::history::KEY_SECRET;

/// The cell's number in every world.
const CELL: u128 = 0xCE11;
/// How many commits are made until nothing is under way, at least: facts travel between shards in one more each.
const SETTLING_COMMITS: usize = 8;
/// And at most: effects travel in one more for each step of their process.
const SETTLING_COMMITS_MAX: usize = 1_000;

/// The kinds of actors there are.
const ACTORS: [ActorKind; 7] = [
    ActorKind::Market,
    ActorKind::Account,
    ActorKind::Sale,
    ActorKind::Lot,
    ActorKind::Stock,
    ActorKind::Order,
    ActorKind::Book,
];

/// Seals by reversing: enough to see that nothing is kept in clear.
struct Reversed;

impl Seal for Reversed {
    fn seal(&self, _account: AccountId, plain: &str) -> Option<Vec<u8>> {
        Some(plain.bytes().rev().collect())
    }

    fn fingerprint(&self, account: AccountId, plain: &str) -> Option<u64> {
        Some(vendue_domain::command::content_hash(&(account, plain.to_owned())))
    }
}

impl Open for Reversed {
    fn open(&self, _account: AccountId, sealed: &[u8]) -> Option<String> {
        String::from_utf8(sealed.iter().rev().copied().collect()).ok()
    }
}

/// What survives the process.
#[derive(Clone)]
pub(crate) struct Disk {
    pub(crate) log: MemoryLog,
    pub(crate) store: Arc<MemoryStore>,
    began: Timestamp,
}

impl Disk {
    pub(crate) fn new(began: Timestamp) -> Self {
        Self { log: MemoryLog::new(), store: Arc::new(MemoryStore::new()), began }
    }

    /// A copy of what another machine would find at this moment.
    pub(crate) fn duplicate(&self) -> Self {
        Self { log: self.log.duplicate(), store: Arc::new(self.store.duplicate()), began: self.began }
    }

    /// The journal alone: what is left where the state store is lost.
    pub(crate) fn journal_only(&self) -> Self {
        Self { log: self.log.duplicate(), store: Arc::new(MemoryStore::new()), began: self.began }
    }

    /// Starts a cell on it.
    pub(crate) fn start(&self, options: EngineOptions, now: Timestamp) -> Result<LocalCell, EngineError> {
        let ground = Ground {
            store: self.store.clone(),
            older_keys: Arc::new(NoOlderKeys),
            seal: Arc::new(Reversed),
            open: Arc::new(Reversed),
        };
        let genesis = Genesis { cell: CELL, time: self.began, key_secret: KEY_SECRET };
        LocalCell::start(options, Box::new(MemoryJournal::open(&self.log)), ground, genesis, now)
    }

    /// The hash of every record with its position.
    pub(crate) fn journal_hash(&self) -> Result<u64, EngineError> {
        let mut hasher = Xxh3::new();
        self.log.read(1, &mut |position, record| {
            hasher.update(&position.to_le_bytes());
            hasher.update(record);
            std::ops::ControlFlow::Continue(())
        })?;
        Ok(hasher.digest())
    }
}

/// Every actor's sequence number and whole state, as bytes.
pub(crate) type Actors = BTreeMap<ActorAddress, Vec<u8>>;

impl Disk {
    /// Every actor that the state store holds.
    pub(crate) fn actors(&self) -> Result<Actors, StorageError> {
        let mut actors = BTreeMap::new();
        for kind in ACTORS {
            self.store.scan(kind as u8, &mut |key, value| {
                actors.insert(ActorAddress { kind, id: Id(key.id) }, value.to_vec());
                std::ops::ControlFlow::Continue(())
            })?;
        }
        Ok(actors)
    }
}

/// Commits until nothing is under way, for cells whose replies nobody waits for.
pub(crate) fn settle(cell: &mut LocalCell) -> Result<(), EngineError> {
    for round in 0..SETTLING_COMMITS_MAX {
        cell.commit()?;
        if round + 1 >= SETTLING_COMMITS && cell.is_idle() {
            break;
        }
    }
    Ok(())
}

/// Whether everything decided is durable, and no effect is in line.
pub(crate) fn is_settled(cell: &LocalCell) -> bool {
    cell.is_idle()
}
