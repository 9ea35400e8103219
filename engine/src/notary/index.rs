//! Where the checkpoints stand in the journal: 24 bytes each, so that the interval of a record is found without reading the
//! journal. A cache: it is compared with the journal at the start and made anew where it differs.
//!
//! ```text
//! notary/index   entries, big-endian: first 8, last 8, position of the checkpoint's record 8; entry n is checkpoint n + 1
//! ```

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

const ENTRY_BYTES: u64 = 24;

/// One checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexEntry {
    /// The first record of its interval.
    pub first: u64,
    /// The last one.
    pub last: u64,
    /// Where the checkpoint itself stands.
    pub at: u64,
}

/// The file, open.
#[derive(Debug)]
pub struct NotaryIndex {
    file: File,
    len: u64,
}

impl NotaryIndex {
    /// Opens or makes the file. An entry that a crash left unfinished is not counted.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        let len = file.metadata()?.len() / ENTRY_BYTES;
        Ok(Self { file, len })
    }

    /// How many checkpoints it knows.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether it knows none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Entry `n`, from 0.
    ///
    /// # Errors
    /// What the system says.
    pub fn get(&self, n: u64) -> io::Result<Option<IndexEntry>> {
        if n >= self.len {
            return Ok(None);
        }
        let mut bytes = [0; ENTRY_BYTES as usize];
        self.file.read_exact_at(&mut bytes, n * ENTRY_BYTES)?;
        let number =
            |at: usize| bytes[at..at + 8].iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        Ok(Some(IndexEntry { first: number(0), last: number(8), at: number(16) }))
    }

    /// The last entry.
    ///
    /// # Errors
    /// What the system says.
    pub fn last(&self) -> io::Result<Option<IndexEntry>> {
        self.len.checked_sub(1).map_or(Ok(None), |last| self.get(last))
    }

    /// Adds a checkpoint. Not synced: what is lost is found in the journal again.
    ///
    /// # Errors
    /// What the system says.
    pub fn push(&mut self, entry: IndexEntry) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(ENTRY_BYTES as usize);
        for number in [entry.first, entry.last, entry.at] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        self.file.write_all_at(&bytes, self.len * ENTRY_BYTES)?;
        self.len += 1;
        Ok(())
    }

    /// Forgets everything.
    ///
    /// # Errors
    /// What the system says.
    pub fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.len = 0;
        Ok(())
    }

    /// The checkpoint that covers `position`.
    ///
    /// # Errors
    /// What the system says.
    pub fn find(&self, position: u64) -> io::Result<Option<IndexEntry>> {
        let (mut low, mut high) = (0, self.len);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.get(middle)? {
                Some(entry) if entry.last < position => low = middle + 1,
                _ => high = middle,
            }
        }
        Ok(self.get(low)?.filter(|entry| (entry.first..=entry.last).contains(&position)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_position_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("index");
        let mut index = NotaryIndex::open(&path).unwrap();
        assert_eq!(index.find(1).unwrap(), None);
        let mut first = 1;
        for size in [3, 1, 70, 2, 9] {
            index.push(IndexEntry { first, last: first + size - 1, at: first + size }).unwrap();
            first += size;
        }
        let index = NotaryIndex::open(&path).unwrap();
        assert_eq!(index.len(), 5);
        for position in 1..first {
            let found = index.find(position).unwrap().unwrap();
            assert!((found.first..=found.last).contains(&position), "{position}: {found:?}");
        }
        assert_eq!(index.find(first).unwrap(), None);
        assert_eq!(index.find(0).unwrap(), None);
    }
}
