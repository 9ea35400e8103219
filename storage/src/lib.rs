//! Bytes and sequence numbers on disk, and nothing else: this crate knows no market, no clock and no runtime.
//!
//! | noun | what it promises | files |
//! |---|---|---|
//! | [`Journal`] | an acknowledged batch survives any crash; damage is never mistaken for a shorter history | `*.segment` |
//! | [`StateStore`] | checkpoints that count only when everything before them is on disk; losing it costs time, never data | sled's, set aside when bad |
//! | [`Bases`] | a checkpoint in one checked file: what the journal need not hold any more | `*.base` |
//! | [`Vault`] | keys of personal data, erasable one person at a time | `vault` |
//! | [`BackupWriter`], [`Backup`] | a copy that grows with the journal, and is what its manifest says or nothing | `manifest` |
//! | [`KeyLists`] | what became of a command key, for segments that left memory | `*.keys` |
//!
//! Each has a real implementation and one in memory. The journal, the vault and the key lists run on a [`Disk`], so
//! that tests drive the *same* code over [`MemoryDisk`], which fails, crashes and tears writes when told.
//! `docs/storage.md` shows the bytes of every file on one screen, with the decisions and their reasons.

mod backup;
mod base;
mod batch;
pub mod disk;
mod error;
mod journal;
mod keylist;
mod lock;
mod state;
mod vault;

pub use backup::{Backup, BackupFile, BackupWriter, Copied, Manifest, Secret, SegmentPart, read_live};
pub use base::{BaseCost, BaseFacts, BaseName, Bases};
pub use batch::{Batch, MAX_BATCH_BYTES, Records};
pub use disk::{Disk, DiskFile, MemoryDisk, RealDisk};
pub use error::{Damage, StorageError};
pub use journal::{
    AppendError, Cut, Direct, FileJournal, Frame, Journal, JournalOptions, JournalReader, JournalReport,
    MemoryFault, MemoryJournal, MemoryLog, Position, Seal, SegmentRemover, WriteMode,
};
pub use keylist::{KeyEntry, KeyLists, KeyListsCost, MAX_LISTS};
pub use lock::DirLock;
pub use state::{Change, CheckpointStats, Key, MemoryStore, SledStore, StateReport, StateStore, StoredValue};
pub use vault::{Entropy, FileVault, MemoryVault, Vault};

/// Whether a seeded bug is switched on: only in builds that are there to be caught by the suites (`vendue-mutants`).
#[cfg(feature = "mutants")]
#[must_use]
pub fn mutant(name: &str) -> bool {
    vendue_mutants::is_on(name)
}

/// Whether a seeded bug is switched on: never, in any build but those of `vendue-mutants`.
#[cfg(not(feature = "mutants"))]
#[inline(always)]
#[must_use]
pub const fn mutant(_name: &str) -> bool {
    false
}
