//! Backups: a directory that holds a copy of a journal, grows with it, and can be read back to any of its records.
//!
//! ```text
//! TARGET/manifest                         what is in the backup: the length and the SHA-256 of each file
//! TARGET/journal/<20 digits>.segment      copies of segments; the newest grows in place
//! TARGET/bases/<20 digits>-<20 digits>.base  copies of bases
//! TARGET/vault/<16 digits>.vault          the keys of personal data, where they were asked for
//! TARGET/notary/<16 digits>.key           the key that the notary signs with, where it was asked for
//! TARGET/lock                             held while something copies
//! ```
//!
//! Only what the manifest names counts: of each file its first bytes, as many as it says. These bytes never change, new
//! ones come behind them, and the manifest is replaced, whole and last, when they are on the disk and were read
//! back. So a copy that is cut off at any moment leaves what the manifest before it promised.

mod copy;
mod manifest;
mod source;
mod whole;

use crate::journal::Position;

pub use copy::{BackupWriter, Copied};
pub use manifest::{BackupFile, Manifest};
pub use source::{Backup, read_live};

/// Bytes read and written at once.
const STEP_BYTES: usize = 1024 * 1024;
/// The folder of the segments.
const JOURNAL: &str = "journal";
/// The folder of the bases.
const BASES: &str = "bases";

/// A file of keys: copied only where it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secret {
    /// The keys of personal data.
    Vault,
    /// The key that the notary signs with.
    NotaryKey,
}

impl Secret {
    /// Its folder, in a data directory as in a backup.
    #[must_use]
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Vault => "vault",
            Self::NotaryKey => "notary",
        }
    }

    /// Its file in a data directory.
    #[must_use]
    pub const fn file(self) -> &'static str {
        match self {
            Self::Vault => "vault",
            Self::NotaryKey => "key",
        }
    }

    /// How its copies' names end.
    const fn ending(self) -> &'static str {
        match self {
            Self::Vault => "vault",
            Self::NotaryKey => "key",
        }
    }

    /// Bytes of a record of a file that grows while it is copied: a copy ends with a whole one.
    const fn record_bytes(self) -> u64 {
        match self {
            Self::Vault => 64,
            Self::NotaryKey => 1,
        }
    }
}

/// A segment as far as it is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentPart {
    /// Its file's name in the journal's directory.
    pub name: String,
    /// Position of its first record.
    pub first: Position,
    /// The cell it belongs to.
    pub cell: [u8; 16],
    /// The epoch it was written under.
    pub epoch: u64,
    /// Bytes from its beginning that are durable and will not change.
    pub durable_bytes: u64,
    /// Length of the file.
    pub file_bytes: u64,
}

#[cfg(test)]
mod tests;
