//! Bases: everything that a state store held after one checkpoint, in one file of our own. What a base covers need not be in
//! the journal any more, and a state store that is lost is filled from it.
//!
//! ```text
//! DIR/<replay from, 20 digits>-<highest, 20 digits>.base
//! DIR/<the same>.base.bad      one that was damaged, set aside
//! ```
//!
//! A base gets its name when all of it is on the disk: one without the last name is no base. Its blocks are chained: each check
//! depends on everything before it, so that no block can be lost, moved or taken from another base.

mod format;
mod read;
mod write;

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::disk::{Disk, RealDisk};
use crate::error::{IoContext, StorageError};
use crate::journal::Position;

pub use write::BaseCost;

/// The end of a base's name.
const SUFFIX: &str = ".base";
/// The end of a name while the base is written.
const PART: &str = ".part";
/// What is added to the name of one that is damaged.
const BAD: &str = ".bad";
/// Digits of a position in a name: all of the largest.
const DIGITS: usize = 20;
/// What can be done about a damaged base.
const REMEDY: &str = "The engine sets it aside and takes the one before, or the journal where it is whole";

/// What a base says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseFacts {
    /// The cell that it is of.
    pub cell: [u8; 16],
    /// From where the journal is read on after it.
    pub replay_from: Position,
    /// The last record that any of its values may contain: it is of no use to a history that ends earlier.
    pub highest: Position,
    /// The checkpoint's marker, as the state store gave it.
    pub marker: Vec<u8>,
    /// The journal's first record: it may be gone with its segment.
    pub genesis: Vec<u8>,
}

/// A base by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BaseName {
    /// From where the journal is read on after it.
    pub replay_from: Position,
    /// The last record that any of its values may contain.
    pub highest: Position,
}

impl BaseName {
    /// The file's name.
    #[must_use]
    pub fn file(&self) -> String {
        format!("{:020}-{:020}{SUFFIX}", self.replay_from, self.highest)
    }

    /// The name of a file, if it is one of a base.
    #[must_use]
    pub fn parse(file: &str) -> Option<BaseName> {
        let (replay_from, highest) = file.strip_suffix(SUFFIX)?.split_once('-')?;
        let position = |digits: &str| {
            let is_right = digits.len() == DIGITS && digits.bytes().all(|digit| digit.is_ascii_digit());
            is_right.then(|| digits.parse().ok()).flatten()
        };
        Some(BaseName { replay_from: position(replay_from)?, highest: position(highest)? })
    }
}

/// The bases of a cell.
pub struct Bases {
    disk: Arc<dyn Disk>,
}

impl Bases {
    /// The bases in `dir`, which is made where it is missing. One that was not written to its end is removed.
    ///
    /// # Errors
    /// What the disk says.
    pub fn open(dir: &Path) -> Result<Bases, StorageError> {
        let disk = RealDisk::new(dir).doing("open the directory", || dir.display().to_string())?;
        Self::open_on(Arc::new(disk))
    }

    /// The bases in `dir`, for reading: nothing is made or removed. `None` where there is no such directory.
    ///
    /// # Errors
    /// What the disk says.
    pub fn read_only(dir: &Path) -> Result<Option<Bases>, StorageError> {
        if !dir.is_dir() {
            return Ok(None);
        }
        let disk = RealDisk::new(dir).doing("open the directory", || dir.display().to_string())?;
        Ok(Some(Bases { disk: Arc::new(disk) }))
    }

    /// The same on any disk.
    ///
    /// # Errors
    /// What the disk says.
    pub fn open_on(disk: Arc<dyn Disk>) -> Result<Bases, StorageError> {
        let bases = Bases { disk };
        for name in bases.files()? {
            if name.ends_with(PART) {
                bases.disk.remove(&name).doing("remove", || bases.disk.describe(&name))?;
            }
        }
        Ok(bases)
    }

    fn files(&self) -> Result<Vec<String>, StorageError> {
        self.disk.list().doing("list", || self.disk.describe(""))
    }

    /// All bases, the newest first; whether they are good is known when they are read.
    ///
    /// # Errors
    /// What the disk says.
    pub fn list(&self) -> Result<Vec<BaseName>, StorageError> {
        let mut names: Vec<_> = self.files()?.iter().filter_map(|file| BaseName::parse(file)).collect();
        names.sort_unstable_by(|one, other| other.cmp(one));
        Ok(names)
    }

    /// Gives a damaged base another name, under which nobody takes it for one.
    ///
    /// # Errors
    /// What the disk says.
    pub fn set_aside(&self, name: &BaseName) -> Result<(), StorageError> {
        let file = name.file();
        self.disk.rename(&file, &format!("{file}{BAD}")).doing("rename", || self.disk.describe(&file))?;
        self.disk.sync_names().doing("sync the directory of", || self.disk.describe(&file))
    }

    /// Removes all bases but the `keep` newest.
    ///
    /// # Errors
    /// What the disk says; what was removed until then stays removed.
    pub fn prune(&self, keep: usize) -> Result<(), StorageError> {
        let old: Vec<_> = self.list()?.into_iter().skip(keep).collect();
        for name in &old {
            let file = name.file();
            match self.disk.remove(&file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(error).doing("remove", || self.disk.describe(&file));
                }
                _ => {}
            }
        }
        if old.is_empty() {
            return Ok(());
        }
        self.disk.sync_names().doing("sync the directory of", || self.disk.describe(""))
    }
}

#[cfg(test)]
mod tests;
