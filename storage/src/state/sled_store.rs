//! The state store on sled (pinned `=0.34.7`), which is trusted with speed, not with truth.
//!
//! sled's `flush` is not an fsync on Linux (`sync_file_range`), so a checkpoint syncs sled's files itself.

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use xxhash_rust::xxh3::xxh3_64;

use crate::error::{IoContext, StorageError};
use crate::lock::DirLock;
use crate::state::opening::{OpenError, open_inner, put_aside};
use crate::state::tree::{BlockTree, Step};
use crate::state::{Change, CheckpointStats, KEY_BYTES, Key, StateStore, StoredValue};

/// Bytes of a deadline before a value, and before a key in the tree of deadlines.
pub(super) const DEADLINE_BYTES: usize = 8;
/// "No deadline", after every other.
const NEVER: i64 = i64::MAX;
/// Changes sorted and written together.
const CHUNK_CHANGES: usize = 16 * 1024;
/// Bytes of values after which a chunk is written though it has fewer changes: what a checkpoint keeps in memory.
const CHUNK_BYTES: usize = 8 * 1024 * 1024;
/// Key of the marker in sled's default tree.
pub(super) const MARKER: &[u8] = b"marker";
const MARKER_VERSION: u8 = 1;
/// Version, generation, two digests.
const MARKER_HEADER_BYTES: usize = 1 + 8 + 8 + 8;
/// The directory of sled's files, in ours.
const INNER_DIR: &str = "sled";

/// What opening found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateReport {
    /// Where a store that was not good was put, and what was wrong with it.
    pub set_aside: Option<(PathBuf, String)>,
    /// Number of complete checkpoints in the store that is used now; 0: it is empty, and everything has to be replayed.
    pub checkpoints: u64,
}

/// A state store on sled.
pub struct SledStore {
    inner: Inner,
    dir: PathBuf,
    report: StateReport,
    /// One checkpoint at a time.
    checkpoint: Mutex<()>,
    chunk_changes: usize,
    _lock: DirLock,
}

pub(super) struct Inner {
    pub(super) db: sled::Db,
    pub(super) items: BlockTree,
    pub(super) deadlines: BlockTree,
    pub(super) marker: Mutex<Option<Marker>>,
    /// Entries in the tree of deadlines that their items know nothing of, left by a checkpoint that was not completed.
    pub(super) stale: Mutex<Vec<Vec<u8>>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Marker {
    pub(super) generation: u64,
    pub(super) items: u64,
    pub(super) deadlines: u64,
    pub(super) content: Vec<u8>,
}

impl SledStore {
    /// Opens the store in `dir`, or makes one. One that does not open, or whose blocks do not add up to the marker's
    /// digest, is renamed to `<dir>.bad-<n>` beside it, and an empty one is begun; [`SledStore::report`] says so.
    /// `cache_bytes` bounds sled's page cache.
    ///
    /// # Errors
    /// When the directory is in use or may not be written, the disk is full, or the bad store cannot be set aside.
    pub fn open(dir: &Path, cache_bytes: u64) -> Result<SledStore, StorageError> {
        let lock = DirLock::acquire(dir)?;
        let inner_dir = dir.join(INNER_DIR);
        let mut set_aside = None;
        let inner = match open_inner(&inner_dir, cache_bytes) {
            Ok(inner) => inner,
            Err(OpenError::Bad(reason)) => {
                set_aside = Some((put_aside(dir, &inner_dir)?, reason));
                open_inner(&inner_dir, cache_bytes).map_err(OpenError::refused)?
            }
            Err(error) => return Err(error.refused()),
        };
        let checkpoints = inner.generation();
        let report = StateReport { set_aside, checkpoints };
        Ok(SledStore {
            inner,
            dir: inner_dir,
            report,
            checkpoint: Mutex::new(()),
            chunk_changes: CHUNK_CHANGES,
            _lock: lock,
        })
    }

    /// Puts the store aside and begins an empty one: what it holds is of no use. `why` stands in the report.
    ///
    /// # Errors
    /// As for [`SledStore::open`].
    pub fn set_aside(self, why: &str, cache_bytes: u64) -> Result<SledStore, StorageError> {
        let SledStore { inner, dir: inner_dir, _lock: lock, .. } = self;
        drop(inner);
        let dir = inner_dir.parent().unwrap_or(&inner_dir).to_owned();
        let aside = put_aside(&dir, &inner_dir)?;
        let inner = open_inner(&inner_dir, cache_bytes).map_err(OpenError::refused)?;
        Ok(SledStore {
            inner,
            dir: inner_dir,
            report: StateReport { set_aside: Some((aside, why.to_owned())), checkpoints: 0 },
            checkpoint: Mutex::new(()),
            chunk_changes: CHUNK_CHANGES,
            _lock: lock,
        })
    }

    /// What opening found.
    pub fn report(&self) -> &StateReport {
        &self.report
    }

    /// Flushes sled's buffers and syncs all its files.
    fn make_durable(&self) -> Result<(), StorageError> {
        self.inner.db.flush().map_err(|error| backend(&error))?;
        sync_tree(&self.dir).doing("sync", || self.dir.display().to_string())
    }

    fn write_chunk(
        &self,
        chunk: &mut Vec<Change>,
        generation: u64,
        stats: &mut CheckpointStats,
    ) -> Result<(), StorageError> {
        stats.changes += chunk.len() as u64;
        // Stable, so that of several changes to one key the last stays last; then it alone is kept.
        chunk.sort_by_key(|change| change.key);
        let mut entries: Vec<Entry> = Vec::with_capacity(chunk.len());
        for change in chunk.drain(..) {
            let entry = Entry::new(change);
            match entries.last_mut() {
                Some(last) if last.key == entry.key => *last = entry,
                _ => entries.push(entry),
            }
        }
        // New deadlines first, old ones last: a stop in between leaves too many, never too few.
        let mut added: Vec<Vec<u8>> = entries.iter().filter_map(Entry::deadline_key).collect();
        self.inner.write_deadlines(&mut added, Some(&[]), generation, stats)?;
        let mut gone = Vec::new();
        let items: Vec<_> = entries.iter().map(|entry| (&entry.key[..], entry.value.as_deref())).collect();
        self.inner.items.write(&items, generation, stats, &mut |key, old| {
            let new = entries
                .binary_search_by_key(&key, |entry| &entry.key[..])
                .ok()
                .and_then(|at| entries[at].deadline);
            gone.extend(deadline_of(old).filter(|old| Some(*old) != new).map(|old| deadline_key(old, key)));
        })?;
        let stale = std::mem::take(&mut *self.inner.stale.lock().unwrap_or_else(PoisonError::into_inner));
        for key in stale {
            // It may have been on its way when it was noted.
            if !self.inner.is_current(&key)? {
                gone.push(key);
            }
        }
        self.inner.write_deadlines(&mut gone, None, generation, stats)
    }
}

/// A change, encoded.
struct Entry {
    key: [u8; KEY_BYTES],
    value: Option<Vec<u8>>,
    deadline: Option<i64>,
}

impl Entry {
    fn new(change: Change) -> Entry {
        let deadline = change.deadline.filter(|_| change.value.is_some());
        let value = change.value.map(|content| {
            let mut value = Vec::with_capacity(DEADLINE_BYTES + content.len());
            value.extend_from_slice(&deadline.unwrap_or(NEVER).to_le_bytes());
            value.extend_from_slice(&content);
            value
        });
        Entry { key: change.key.encode(), value, deadline }
    }

    fn deadline_key(&self) -> Option<Vec<u8>> {
        self.deadline.filter(|deadline| *deadline != NEVER).map(|deadline| deadline_key(deadline, &self.key))
    }
}

/// The deadline of a stored value.
fn deadline_of(value: &[u8]) -> Option<i64> {
    let deadline = i64::from_le_bytes(*value.first_chunk::<DEADLINE_BYTES>()?);
    (deadline != NEVER).then_some(deadline)
}

/// Deadline and key such that byte order is time order: big-endian, with the sign turned round.
fn deadline_key(deadline: i64, key: &[u8]) -> Vec<u8> {
    let sortable = deadline.cast_unsigned() ^ (1 << 63);
    [&sortable.to_be_bytes()[..], key].concat()
}

fn split_deadline_key(bytes: &[u8]) -> Option<(i64, Key)> {
    let (sortable, key) = bytes.split_first_chunk::<DEADLINE_BYTES>()?;
    Some(((u64::from_be_bytes(*sortable) ^ (1 << 63)).cast_signed(), Key::decode(key)?))
}

impl Inner {
    fn generation(&self) -> u64 {
        self.marker
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .map_or(0, |marker| marker.generation)
    }

    fn write_deadlines(
        &self,
        keys: &mut Vec<Vec<u8>>,
        value: Option<&[u8]>,
        generation: u64,
        stats: &mut CheckpointStats,
    ) -> Result<(), StorageError> {
        keys.sort();
        keys.dedup();
        let changes: Vec<_> = keys.iter().map(|key| (&key[..], value)).collect();
        self.deadlines.write(&changes, generation, stats, &mut |_, _| {})
    }

    /// Whether the item of a deadline's key has that deadline.
    fn is_current(&self, deadline_key: &[u8]) -> Result<bool, StorageError> {
        let Some((deadline, key)) = split_deadline_key(deadline_key) else { return Ok(false) };
        Ok(self.items.get(&key.encode())?.as_deref().and_then(deadline_of) == Some(deadline))
    }
}

impl StateStore for SledStore {
    fn load(&self, key: &Key) -> Result<Option<Vec<u8>>, StorageError> {
        let value = self.inner.items.get(&key.encode())?;
        Ok(value.map(|mut value| value.split_off(DEADLINE_BYTES.min(value.len()))))
    }

    fn checkpoint(
        &self,
        changes: &mut dyn Iterator<Item = Change>,
        marker: &[u8],
    ) -> Result<CheckpointStats, StorageError> {
        let _alone = self.checkpoint.lock().unwrap_or_else(PoisonError::into_inner);
        let generation = self.inner.generation() + 1;
        let mut stats = CheckpointStats::default();
        self.inner.items.remove_empty(generation)?;
        self.inner.deadlines.remove_empty(generation)?;
        let (mut chunk, mut bytes) = (Vec::new(), 0);
        for change in changes {
            bytes += change.value.as_ref().map_or(0, Vec::len);
            chunk.push(change);
            if chunk.len() >= self.chunk_changes || bytes >= CHUNK_BYTES {
                self.write_chunk(&mut chunk, generation, &mut stats)?;
                bytes = 0;
            }
        }
        self.write_chunk(&mut chunk, generation, &mut stats)?;
        self.make_durable()?;
        let (items, deadlines) = (self.inner.items.digest(), self.inner.deadlines.digest());
        let marker = Marker { generation, items, deadlines, content: marker.to_vec() };
        self.inner.db.insert(MARKER, marker.encode()).map_err(|error| backend(&error))?;
        self.make_durable()?;
        *self.inner.marker.lock().unwrap_or_else(PoisonError::into_inner) = Some(marker);
        Ok(stats)
    }

    fn marker(&self) -> Result<Option<Vec<u8>>, StorageError> {
        let marker = self.inner.marker.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(marker.as_ref().map(|marker| marker.content.clone()))
    }

    fn scan(
        &self,
        space: u8,
        visit: &mut dyn FnMut(&Key, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        let start_of = |slot: u16| Key { slot, space, id: [0; 16] }.encode().to_vec();
        self.inner.items.walk(&start_of(0), &mut |bytes, value| {
            let Some(key) = Key::decode(bytes) else { return Step::Next };
            // Blocks that hold nothing of the space are skipped.
            match key.space.cmp(&space) {
                std::cmp::Ordering::Less => Step::Seek(start_of(key.slot)),
                std::cmp::Ordering::Greater => {
                    key.slot.checked_add(1).map_or(Step::Stop, |slot| Step::Seek(start_of(slot)))
                }
                std::cmp::Ordering::Equal => {
                    let content = value.get(DEADLINE_BYTES..).unwrap_or_default();
                    if visit(&key, content).is_break() { Step::Stop } else { Step::Next }
                }
            }
        })
    }

    fn export(&self, visit: &mut dyn FnMut(StoredValue<'_>) -> ControlFlow<()>) -> Result<(), StorageError> {
        self.inner.items.walk(&[0; KEY_BYTES], &mut |bytes, value| {
            let Some(key) = Key::decode(bytes) else { return Step::Next };
            let deadline = deadline_of(value);
            let value = value.get(DEADLINE_BYTES..).unwrap_or_default();
            if visit(StoredValue { key, value, deadline }).is_break() { Step::Stop } else { Step::Next }
        })
    }

    fn due(&self, until_micros: i64, limit: usize) -> Result<Vec<(i64, Key)>, StorageError> {
        let mut due = Vec::new();
        let mut failed = None;
        self.inner.deadlines.walk(&[0; DEADLINE_BYTES + KEY_BYTES], &mut |bytes, _| {
            let Some((deadline, key)) = split_deadline_key(bytes) else { return Step::Next };
            if due.len() >= limit || deadline > until_micros {
                return Step::Stop;
            }
            match self.inner.is_current(bytes) {
                Ok(true) => due.push((deadline, key)),
                Ok(false) => {
                    self.inner.stale.lock().unwrap_or_else(PoisonError::into_inner).push(bytes.to_vec())
                }
                Err(error) => {
                    failed = Some(error);
                    return Step::Stop;
                }
            }
            Step::Next
        })?;
        failed.map_or(Ok(due), Err)
    }
}

impl Marker {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![MARKER_VERSION];
        for word in [self.generation, self.items, self.deadlines] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes.extend_from_slice(&self.content);
        let check = xxh3_64(&bytes);
        bytes.extend_from_slice(&check.to_le_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Marker> {
        let (body, check) = bytes.split_last_chunk::<8>()?;
        let (header, content) = body.split_first_chunk::<MARKER_HEADER_BYTES>()?;
        if xxh3_64(body) != u64::from_le_bytes(*check) || header[0] != MARKER_VERSION {
            return None;
        }
        let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| header[at + i]));
        Some(Marker { generation: word(1), items: word(9), deadlines: word(17), content: content.to_vec() })
    }
}

/// Syncs every file and directory below `dir`.
fn sync_tree(dir: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            sync_tree(&path)?;
            continue;
        }
        match File::open(&path) {
            Ok(file) => file.sync_all()?,
            // sled removes snapshots that it has replaced.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    File::open(dir)?.sync_all()
}

pub(super) fn backend(error: &sled::Error) -> StorageError {
    StorageError::Backend { what: "the state store", message: error.to_string() }
}

#[cfg(test)]
mod tests;
