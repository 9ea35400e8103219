//! The data directory: everything a cell keeps, opened and checked before anything starts.
//!
//! ```text
//! DIR/lock           held while an engine runs
//! DIR/journal/       the truth
//! DIR/state/         checkpoints (sled)
//! DIR/bases/         copies of checkpoints, from which a lost state store is filled
//! DIR/keys/          keys of sealed segments
//! DIR/vault/         keys of personal data
//! DIR/engine.sock    where gateways connect
//! ```

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use vendue_domain::id::AccountId;
use vendue_domain::record::Field;
use vendue_domain::time::Timestamp;
use vendue_storage::{
    Bases, Batch, DirLock, Direct, Entropy, FileJournal, FileVault, Journal, JournalOptions, JournalReader,
    KeyEntry, KeyLists, Position, Seal, SledStore, StateStore, Vault,
};

use super::Shared;
use super::host::ShardMessage;
use crate::base::{self, BASES_DIR};
use crate::entry::{Entry, Genesis};
use crate::error::EngineError;
use crate::keys::{Known, OlderKeys};
use crate::options::{DirectIo, EngineOptions};
use crate::recovery::Progress;

/// The journal with what its header says.
pub(super) struct OpenJournal {
    pub(super) journal: Box<dyn Journal>,
    pub(super) epoch: u64,
}

/// Everything durable, open.
pub(super) struct Files {
    pub(super) lock: DirLock,
    pub(super) journal: OpenJournal,
    pub(super) reader: Arc<dyn JournalReader>,
    pub(super) genesis: Genesis,
    pub(super) store: Arc<dyn StateStore>,
    pub(super) bases: Bases,
    pub(super) key_lists: Arc<SealedKeys>,
    pub(super) vault: Arc<PersonalData>,
    /// Keys of records up to here stand in the lists.
    pub(super) keys_listed: Position,
    pub(super) listed: Listed,
}

fn wall_clock() -> Timestamp {
    Timestamp(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64))
}

fn random_u128() -> Result<u128, EngineError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| EngineError::Io {
        what: "the system's source of randomness does not answer",
        error: std::io::Error::other(error),
    })?;
    Ok(u128::from_le_bytes(bytes))
}

impl Files {
    /// Opens (or makes) the data directory.
    pub(super) fn open(options: &EngineOptions, progress: &Progress) -> Result<Self, EngineError> {
        let dir = &options.data_dir;
        std::fs::create_dir_all(dir)
            .map_err(|error| EngineError::Io { what: "the data directory cannot be made", error })?;
        let lock = DirLock::acquire(dir)?;
        let (journal, reader) = open_journal(options)?;
        let bases = Bases::open(&dir.join(BASES_DIR))?;
        let genesis = base::genesis(&*reader, Some(&bases))?;
        let cache = options.state_cache_bytes;
        let store = SledStore::open(&dir.join("state"), cache)?;
        let store = base::prepared(store, cache, &*reader, genesis.cell, &bases, progress)?;
        if let Some((path, why)) = &store.report().set_aside {
            tracing::warn!(path = %path.display(), why, "the state store was not good; it is set aside and built anew");
        }
        let vault = FileVault::open(&dir.join("vault"), Entropy::system())?;
        let key_lists = Arc::new(SealedKeys(KeyLists::open(&dir.join("keys"))?));
        for bad in key_lists.0.bad() {
            tracing::warn!(bad, "a list of keys was not good; it is made again from its segment");
        }
        list_missing(&key_lists.0, &*journal.journal, &*reader)?;
        let seals = journal.journal.seals();
        let keys_listed = seals.last().map_or(reader.first() - 1, |seal| seal.last);
        let listed = Listed { sealed_at: inside_window(&seals, options, &*reader)?, until: keys_listed };
        Ok(Self {
            lock,
            journal,
            reader,
            genesis,
            store: Arc::new(store),
            bases,
            key_lists,
            vault: Arc::new(PersonalData(vault)),
            keys_listed,
            listed,
        })
    }
}

fn open_journal(options: &EngineOptions) -> Result<(OpenJournal, Arc<dyn JournalReader>), EngineError> {
    let direct = match options.direct_io {
        DirectIo::Auto => Direct::Auto,
        DirectIo::On => Direct::On,
        DirectIo::Off => Direct::Off,
    };
    let journal_options =
        JournalOptions { segment_bytes: options.segment_bytes, direct, ..JournalOptions::default() };
    let mut journal = FileJournal::open(&options.data_dir.join("journal"), journal_options)?;
    let report = journal.report().clone();
    if let Some(cut) = &report.cut {
        tracing::info!(
            file = cut.file,
            offset = cut.offset,
            bytes = cut.bytes,
            "a torn tail was cut; none of it was acknowledged"
        );
    }
    if journal.last() == 0 {
        let genesis = Genesis {
            cell: u128::from_be_bytes(report.cell),
            time: wall_clock(),
            key_secret: random_u128()?,
        };
        let mut batch = Batch::new();
        batch.push_with(|out| Entry::Genesis(genesis).encode(out));
        journal.append(&[&batch], 0).map_err(|error| EngineError::JournalFailed(error.to_string()))?;
    }
    let reader = journal.reader();
    Ok((OpenJournal { journal: Box::new(journal), epoch: report.epoch }, reader))
}

/// Last position and last time of the segments whose keys may still be repeated, oldest first.
fn inside_window(
    seals: &[Seal],
    options: &EngineOptions,
    reader: &dyn JournalReader,
) -> Result<Vec<(Position, Timestamp)>, EngineError> {
    let horizon = key_horizon(wall_clock(), options);
    let mut inside = Vec::new();
    // Times go up: from the newest back to the first that is too old.
    for seal in seals.iter().rev() {
        let record = reader.record(seal.last)?.unwrap_or_default();
        let time = Entry::time_and_key(&record).map(|(time, _)| time);
        let time = time.map_err(|error| EngineError::Record { position: seal.last, error })?;
        inside.push((seal.last, time));
        if time < horizon {
            break;
        }
    }
    inside.reverse();
    Ok(inside)
}

/// Keys of commands decided before this may be forgotten.
fn key_horizon(now: Timestamp, options: &EngineOptions) -> Timestamp {
    let window_us = i64::try_from(options.key_window_ms.saturating_mul(1_000)).unwrap_or(i64::MAX);
    Timestamp(now.0.saturating_sub(window_us))
}

/// Makes the lists of sealed segments that have none: the process ended between the seal and the list.
fn list_missing(
    lists: &KeyLists,
    journal: &dyn Journal,
    reader: &dyn JournalReader,
) -> Result<(), EngineError> {
    let covered = lists.covered();
    for seal in journal.seals() {
        if !covered.iter().any(|range| range.first <= seal.first && seal.last <= range.last) {
            list(lists, seal, reader)?;
        }
    }
    while lists.merge()? {}
    Ok(())
}

/// Writes the list of one sealed segment; the time of its last record.
fn list(lists: &KeyLists, seal: Seal, reader: &dyn JournalReader) -> Result<Timestamp, EngineError> {
    let mut entries = Vec::new();
    let mut failed = None;
    let mut last_time = Timestamp(0);
    reader.read(seal.first, &mut |position, record| {
        if position > seal.last {
            return ControlFlow::Break(());
        }
        match Entry::time_and_key(record) {
            Ok((time, keyed)) => {
                last_time = time;
                if let Some(keyed) = keyed {
                    entries.push(KeyEntry { hash: keyed.hash, content: keyed.content, position });
                }
                ControlFlow::Continue(())
            }
            Err(error) => {
                failed = Some(EngineError::Record { position, error });
                ControlFlow::Break(())
            }
        }
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    lists.write(seal, entries)?;
    Ok(last_time)
}

/// The sealed lists as the shards ask them.
pub(super) struct SealedKeys(KeyLists);

impl OlderKeys for SealedKeys {
    fn lookup(&self, hash: u128) -> Result<Option<Known>, String> {
        match self.0.lookup(hash) {
            Ok(found) => Ok(found.map(|(content, position)| Known { content, position })),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Lists segments as they are sealed, and forgets lists that are older than the key window.
pub(super) struct Listed {
    /// Last position and last time of the listed segments whose keys may still be repeated, oldest first.
    sealed_at: Vec<(Position, Timestamp)>,
    /// The last record whose key is in a list, or was.
    until: Position,
}

impl Listed {
    pub(super) fn keep(
        &mut self,
        shared: &Shared,
        keys: &SealedKeys,
        reader: &dyn JournalReader,
    ) -> Result<(), String> {
        while let Some(seal) = shared.committer.with_journal(|journal| journal.take_seal()) {
            let last_time = list(&keys.0, seal, reader).map_err(|error| error.to_string())?;
            self.sealed_at.push((seal.last, last_time));
            self.until = seal.last;
            for number in 0..shared.options.shard_count() {
                if let Some(shard) = shared.shard(number) {
                    shard.do_send(ShardMessage::KeysSealed(seal.last));
                }
            }
            keys.0.merge().map_err(|error| error.to_string())?;
        }
        let horizon = key_horizon(shared.clock.now(), &shared.options);
        while self.sealed_at.first().is_some_and(|(_, time)| *time < horizon) {
            let (position, _) = self.sealed_at.remove(0);
            keys.0.drop_before(position + 1).map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

impl Listed {
    /// A segment whose last record is this, or a later one, may hold keys that are repeated.
    pub(super) fn needed(&self) -> Position {
        self.sealed_at.first().map_or(self.until + 1, |(last, _)| *last)
    }
}

/// The vault as shards and views use it.
pub(super) struct PersonalData(FileVault);

impl crate::shard::Seal for PersonalData {
    fn seal(&self, account: AccountId, plain: &str) -> Option<Vec<u8>> {
        match self.0.seal(account.0.0, plain.as_bytes()) {
            Ok(sealed) => Some(sealed),
            Err(error) => {
                tracing::error!(%error, "personal data cannot be sealed");
                None
            }
        }
    }

    fn fingerprint(&self, account: AccountId, plain: &str) -> Option<u64> {
        self.0.fingerprint(account.0.0, plain.as_bytes()).ok().flatten()
    }
}

impl crate::views::Open for PersonalData {
    fn open(&self, account: AccountId, sealed: &[u8]) -> Option<String> {
        let opened = self.0.open(account.0.0, sealed).ok().flatten()?;
        String::from_utf8(opened).ok()
    }
}
