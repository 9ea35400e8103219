//! What became of command keys whose segments were sealed: sorted lists on disk, a little of each in memory.
//!
//! A list costs 32.3 bytes a key on disk and 1.6 in memory (a filter of 12 bits and a fence of 8 bytes for each page of
//! 127). A lookup of a key that is there reads one page of 4 KiB; a miss costs one cache line for each list, and in about
//! 1 of 150 of them a page. Of [`MAX_LISTS`] lists, neighbours are merged, so that a miss stays cheap.
//!
//! Lists are derived from the journal: one that is damaged is renamed and has to be written again from its segment
//! ([`KeyLists::covered`] shows what is there). A page that turns out damaged later is an error, never "not found": that
//! would do a command twice (I36).

mod bloom;
mod build;
mod list;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::disk::{Disk, RealDisk};
use crate::error::{IoContext, StorageError};
use crate::journal::{Position, Seal};
use build::{Merge, build};
use list::{List, parse_name};

/// Bytes of an entry on disk: hash 16, content 8, position 8.
pub(crate) const ENTRY_BYTES: usize = 32;
/// With more lists than this, [`KeyLists::merge`] merges some: a miss then looks at 17 filters at most.
pub const MAX_LISTS: usize = 16;
/// Lists merged into one.
const MERGE_WIDTH: usize = 8;
/// Ending of the name of a list that was not good.
const BAD_ENDING: &str = ".bad";

/// The outcome of one command key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyEntry {
    /// The key's hash: keyed, so that nobody can choose it; the lists rely on its being uniform.
    pub hash: u128,
    /// The hash of the command's content.
    pub content: u64,
    /// The journal position of its outcome.
    pub position: Position,
}

/// What the lists cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeyListsCost {
    /// Number of lists: of filters that a miss looks at.
    pub lists: usize,
    /// Number of keys.
    pub keys: u64,
    /// Bytes in memory.
    pub memory_bytes: u64,
    /// Bytes on disk.
    pub disk_bytes: u64,
}

/// The lists of a directory.
pub struct KeyLists {
    disk: Arc<dyn Disk>,
    /// By first position, newest last; replaced as a whole.
    lists: RwLock<Arc<Vec<Arc<List>>>>,
    /// Entries before this position are forgotten, also those in lists that hold later ones too.
    floor: RwLock<Position>,
    /// One writer at a time.
    change: Mutex<()>,
    bad: Vec<String>,
}

impl KeyLists {
    /// Opens the lists in `dir`, which is made if need be; it has one owner.
    ///
    /// # Errors
    /// Newer versions, and the disk's own. Damaged and foreign lists are no error: [`KeyLists::bad`] names them.
    pub fn open(dir: &Path) -> Result<KeyLists, StorageError> {
        let disk = RealDisk::new(dir).doing("open the directory", || dir.display().to_string())?;
        KeyLists::open_on(Arc::new(disk))
    }

    /// Opens the lists on a disk.
    ///
    /// # Errors
    /// As for [`KeyLists::open`].
    pub fn open_on(disk: Arc<dyn Disk>) -> Result<KeyLists, StorageError> {
        let (mut lists, mut bad) = (Vec::new(), Vec::new());
        for name in disk.list().doing("list", || disk.describe(""))? {
            let Some(range) = parse_name(&name) else { continue };
            match List::open(&*disk, &name, range) {
                Ok(list) => lists.push(Arc::new(list)),
                Err(error @ (StorageError::Damaged(_) | StorageError::Foreign { .. })) => {
                    disk.rename(&name, &format!("{name}{BAD_ENDING}"))
                        .doing("rename", || disk.describe(&name))?;
                    bad.push(error.to_string());
                }
                Err(error) => return Err(error),
            }
        }
        // Longer ranges before the shorter ones that were merged into them, and which a crash left behind.
        lists.sort_by_key(|list: &Arc<List>| (list.range.first, std::cmp::Reverse(list.range.last)));
        let mut kept: Vec<Arc<List>> = Vec::new();
        for list in lists {
            if kept.last().is_some_and(|before| list.range.last <= before.range.last) {
                disk.remove(&list.name).doing("remove", || disk.describe(&list.name))?;
            } else {
                kept.push(list);
            }
        }
        let lists = RwLock::new(Arc::new(kept));
        Ok(KeyLists { disk, lists, floor: RwLock::new(0), change: Mutex::new(()), bad })
    }

    /// What was wrong with lists that were renamed on opening: the segments that [`KeyLists::covered`] lacks now
    /// need theirs written again.
    pub fn bad(&self) -> &[String] {
        &self.bad
    }

    /// The ranges of positions whose keys are held, in order.
    pub fn covered(&self) -> Vec<Seal> {
        self.snapshot().iter().map(|list| list.range).collect()
    }

    /// Writes the list of a sealed segment, durably. Entries in any order; of several with one hash the latest counts. A
    /// range that is covered already is left alone.
    ///
    /// # Errors
    /// The disk's; nothing is changed then.
    pub fn write(&self, segment: Seal, mut entries: Vec<KeyEntry>) -> Result<(), StorageError> {
        let _alone = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let lists = self.snapshot();
        if lists.iter().any(|list| list.range.first <= segment.first && segment.last <= list.range.last) {
            return Ok(());
        }
        entries.sort_unstable_by_key(|entry| (entry.hash, std::cmp::Reverse(entry.position)));
        entries.dedup_by_key(|entry| entry.hash);
        let count = entries.len() as u64;
        let list = build(&*self.disk, segment, count, &mut entries.into_iter().map(Ok))?;
        self.replace(&[], list);
        Ok(())
    }

    /// The content hash and position of a key's outcome; `None` when it is in no list.
    ///
    /// # Errors
    /// A damaged page, or the disk's own. It must not be taken for "not found".
    pub fn lookup(&self, hash: u128) -> Result<Option<(u64, Position)>, StorageError> {
        let floor = *self.floor.read().unwrap_or_else(PoisonError::into_inner);
        for list in self.snapshot().iter().rev() {
            if let Some(entry) = list.lookup(&*self.disk, hash)? {
                return Ok(Some((entry.content, entry.position)).filter(|(_, position)| *position >= floor));
            }
        }
        Ok(None)
    }

    /// Forgets the outcomes before `position`, and removes lists that hold no other.
    ///
    /// # Errors
    /// When a list cannot be removed.
    pub fn drop_before(&self, position: Position) -> Result<(), StorageError> {
        let _alone = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let mut floor = self.floor.write().unwrap_or_else(PoisonError::into_inner);
        *floor = position.max(*floor);
        drop(floor);
        let (gone, kept): (Vec<_>, Vec<_>) =
            self.snapshot().iter().cloned().partition(|list| list.range.last < position);
        *self.lists.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(kept);
        self.remove(&gone)
    }

    /// Work for an idle moment: merges neighbours when there are more than [`MAX_LISTS`] lists. Whether it did; call it
    /// again then. Reads and writes those lists once, and blocks no lookup.
    ///
    /// # Errors
    /// A damaged page, or the disk's own; the lists stay as they were.
    pub fn merge(&self) -> Result<bool, StorageError> {
        let _alone = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let lists = self.snapshot();
        if lists.len() <= MAX_LISTS {
            return Ok(false);
        }
        // The cheapest neighbours: so each key is written again only about once for each eightfold growth.
        let adjacent =
            |run: &&[Arc<List>]| run.windows(2).all(|pair| pair[0].range.last + 1 == pair[1].range.first);
        let total = |run: &&[Arc<List>]| run.iter().map(|list| list.count).sum::<u64>();
        let Some(run) = lists.windows(MERGE_WIDTH).filter(adjacent).min_by_key(total) else {
            return Ok(false);
        };
        let range = Seal { first: run[0].range.first, last: run[run.len() - 1].range.last };
        let floor = *self.floor.read().unwrap_or_else(PoisonError::into_inner);
        let mut entries = Merge::new(&*self.disk, run, floor)?;
        let merged = build(&*self.disk, range, total(&run), &mut entries)?;
        self.replace(run, merged);
        self.remove(run)?;
        Ok(true)
    }

    /// What the lists cost at present.
    pub fn cost(&self) -> KeyListsCost {
        let lists = self.snapshot();
        let mut cost = KeyListsCost { lists: lists.len(), ..KeyListsCost::default() };
        for list in lists.iter() {
            cost.keys += list.count;
            cost.memory_bytes += list.memory_bytes();
            cost.disk_bytes += list.disk_bytes();
        }
        cost
    }

    fn snapshot(&self) -> Arc<Vec<Arc<List>>> {
        Arc::clone(&self.lists.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts a list in the place of others.
    fn replace(&self, others: &[Arc<List>], list: List) {
        let mut lists: Vec<_> = self.snapshot().iter().cloned().collect();
        lists.retain(|list| !others.iter().any(|other| Arc::ptr_eq(list, other)));
        let at = lists.partition_point(|other| other.range.first < list.range.first);
        lists.insert(at, Arc::new(list));
        *self.lists.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(lists);
    }

    /// Removes the files of lists that are in use no more; those who still read them hold them open.
    fn remove(&self, lists: &[Arc<List>]) -> Result<(), StorageError> {
        if lists.is_empty() {
            return Ok(());
        }
        for list in lists {
            self.disk.remove(&list.name).doing("remove", || self.disk.describe(&list.name))?;
        }
        self.disk.sync_names().doing("sync the directory of", || self.disk.describe(""))
    }
}

#[cfg(test)]
mod tests;
