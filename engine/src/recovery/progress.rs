//! How far a recovery has come: counted by the threads that recover, read by whoever shows it.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// What a recovery does at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Phase {
    /// Opens the files: the store's blocks are added up, lists of keys that are missing are written.
    #[default]
    Opening = 0,
    /// Reads what the last checkpoint holds.
    Checkpoint = 1,
    /// Reads the journal after it.
    Journal = 2,
    /// Everything is in memory.
    Done = 3,
    /// Fills an empty state store from a base; before the checkpoint is read.
    Base = 4,
}

impl Phase {
    /// The phase in words, for a line of a log or of a terminal.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Opening => "opening the files",
            Self::Checkpoint => "reading the checkpoint",
            Self::Journal => "reading the journal",
            Self::Done => "done",
            Self::Base => "filling the state store from a base",
        }
    }
}

/// How far a recovery has come.
#[derive(Debug, Default)]
pub struct Progress {
    phase: AtomicU8,
    actors: AtomicU64,
    /// Records of the journal that have been applied, and all that have to be.
    records: AtomicU64,
    records_all: AtomicU64,
}

impl Progress {
    pub(crate) fn begin(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    pub(crate) fn begin_checkpoint(&self) {
        self.actors.store(0, Ordering::Relaxed);
        self.begin(Phase::Checkpoint);
    }

    pub(crate) fn expect_records(&self, all: u64) {
        self.records_all.store(all, Ordering::Relaxed);
        self.begin(Phase::Journal);
    }

    pub(crate) fn add_records(&self, more: u64) {
        self.records.fetch_add(more, Ordering::Relaxed);
    }

    /// Values of a base that have been put into the state store.
    pub(crate) fn loaded(&self, values: u64) {
        self.phase.store(Phase::Base as u8, Ordering::Relaxed);
        self.actors.store(values, Ordering::Relaxed);
    }

    pub(crate) fn add_actor(&self) {
        self.actors.fetch_add(1, Ordering::Relaxed);
    }

    /// What is being done.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Opening,
            1 => Phase::Checkpoint,
            2 => Phase::Journal,
            4 => Phase::Base,
            _ => Phase::Done,
        }
    }

    /// Actors of the checkpoint, or values of a base, that have been read.
    #[must_use]
    pub fn actors(&self) -> u64 {
        self.actors.load(Ordering::Relaxed)
    }

    /// Records of the journal: applied, and in all. Both 0 before the journal is read.
    #[must_use]
    pub fn records(&self) -> (u64, u64) {
        (self.records.load(Ordering::Relaxed), self.records_all.load(Ordering::Relaxed))
    }
}
