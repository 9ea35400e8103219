//! A state store in memory, for tests and simulations: clone it to keep it through a crash.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::StorageError;
use crate::state::{Change, CheckpointStats, Key, StateStore, StoredValue};

/// Values in a map. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    contents: Arc<Mutex<Contents>>,
}

#[derive(Debug, Clone, Default)]
struct Contents {
    values: BTreeMap<Key, (Vec<u8>, Option<i64>)>,
    deadlines: BTreeSet<(i64, Key)>,
    marker: Option<Vec<u8>>,
    stop_after: Option<u64>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }

    /// The next checkpoint takes so many changes, and then fails: as if the machine stopped half-way.
    pub fn stop_after(&self, changes: u64) {
        self.contents().stop_after = Some(changes);
    }

    /// A copy that shares nothing with this one.
    pub fn duplicate(&self) -> MemoryStore {
        MemoryStore { contents: Arc::new(Mutex::new(self.contents().clone())) }
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contents {
    fn take(&mut self, change: Change) {
        if let Some((_, Some(deadline))) = self.values.remove(&change.key) {
            self.deadlines.remove(&(deadline, change.key));
        }
        let Some(value) = change.value else { return };
        self.values.insert(change.key, (value, change.deadline));
        self.deadlines.extend(change.deadline.map(|deadline| (deadline, change.key)));
    }
}

impl StateStore for MemoryStore {
    fn load(&self, key: &Key) -> Result<Option<Vec<u8>>, StorageError> {
        Ok(self.contents().values.get(key).map(|(value, _)| value.clone()))
    }

    fn checkpoint(
        &self,
        changes: &mut dyn Iterator<Item = Change>,
        marker: &[u8],
    ) -> Result<CheckpointStats, StorageError> {
        let mut stats = CheckpointStats::default();
        let mut contents = self.contents();
        let stop_after = contents.stop_after.take();
        for change in changes {
            if stop_after == Some(stats.changes) {
                break;
            }
            stats.changes += 1;
            stats.bytes_written += change.value.as_ref().map_or(0, Vec::len) as u64;
            contents.take(change);
        }
        if stop_after.is_some() {
            let message = "stopped by a test".to_owned();
            return Err(StorageError::Backend { what: "checkpoint in memory", message });
        }
        contents.marker = Some(marker.to_vec());
        Ok(stats)
    }

    fn marker(&self) -> Result<Option<Vec<u8>>, StorageError> {
        Ok(self.contents().marker.clone())
    }

    fn scan(
        &self,
        space: u8,
        visit: &mut dyn FnMut(&Key, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        // A copy, so that the visitor may use the store.
        let values: Vec<_> = {
            let contents = self.contents();
            let of_space = contents.values.iter().filter(|(key, _)| key.space == space);
            of_space.map(|(key, (value, _))| (*key, value.clone())).collect()
        };
        for (key, value) in values {
            if visit(&key, &value).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn export(&self, visit: &mut dyn FnMut(StoredValue<'_>) -> ControlFlow<()>) -> Result<(), StorageError> {
        let values = self.contents().values.clone();
        for (key, (value, deadline)) in values {
            if visit(StoredValue { key, value: &value, deadline }).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn due(&self, until_micros: i64, limit: usize) -> Result<Vec<(i64, Key)>, StorageError> {
        let contents = self.contents();
        Ok(contents.deadlines.iter().take_while(|(at, _)| *at <= until_micros).take(limit).copied().collect())
    }
}
