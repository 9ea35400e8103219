//! A data directory without its engine: read, replayed and judged; nothing in it is changed.
//!
//! The journal is read in place ([`FileJournal::read_only`]), also while an engine writes it: as far as it went when it was
//! opened. sled cannot be opened without being written to, so `state/` is opened as a copy, and only where no engine runs;
//! key lists as well. The vault is read into memory.

mod books;
mod ground;
mod notary;
mod past;
mod report;
mod state;
mod verify;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use vendue_domain::record::{Field, RecordError};
use vendue_domain::time::Timestamp;
use vendue_storage::{FileJournal, JournalReader};

use crate::entry::{Entry, Genesis};
use crate::error::EngineError;

pub use ground::{OfflineVault, Opened};
pub use past::{Past, Until};
pub use report::{CheckReport, Finding, Outcome, VerifyReport};
pub use verify::{VerifyOptions, verify};

/// From where a replay begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// From the first record: everything is known.
    Genesis(Genesis),
    /// The first records are gone (retention): from the oldest that is there. What an actor was before it is not in the journal.
    Kept {
        /// The oldest record.
        first: u64,
    },
}

/// A data directory, open for reading.
pub struct Offline {
    dir: PathBuf,
    journal: Arc<dyn JournalReader>,
    start: Start,
}

impl Offline {
    /// Opens the journal of a data directory.
    ///
    /// # Errors
    /// There is no journal, it is damaged at its end, or its first record is not a genesis.
    pub fn open(dir: &Path) -> Result<Self, EngineError> {
        let journal = FileJournal::read_only(&dir.join("journal"))?;
        let first = journal.first();
        let start = if first > 1 {
            Start::Kept { first }
        } else {
            let record = journal.record(1)?.unwrap_or_default();
            match Entry::from_bytes(&record) {
                Ok(Entry::Genesis(genesis)) => Start::Genesis(genesis),
                Ok(_) => {
                    let error = RecordError::Invalid("a journal begins with its genesis");
                    return Err(EngineError::Record { position: 1, error });
                }
                Err(error) => return Err(EngineError::Record { position: 1, error }),
            }
        };
        Ok(Self { dir: dir.to_owned(), journal, start })
    }

    /// The data directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The journal.
    #[must_use]
    pub fn journal(&self) -> &dyn JournalReader {
        &*self.journal
    }

    /// From where replays begin.
    #[must_use]
    pub const fn start(&self) -> &Start {
        &self.start
    }

    /// The cell and the time of its first record, where that is there.
    #[must_use]
    pub const fn born(&self) -> Option<(u128, Timestamp)> {
        match &self.start {
            Start::Genesis(genesis) => Some((genesis.cell, genesis.time)),
            Start::Kept { .. } => None,
        }
    }
}
