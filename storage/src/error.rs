//! What can go wrong with bytes on a disk. Every message says what, where, and what the operator can do.

use std::io;

/// Damage found in a file: never repaired silently, because a repair could only shorten or change history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The file, with its directory.
    pub file: String,
    /// Byte offset in the file at which the damage was noticed.
    pub offset: u64,
    /// What stands there in an intact file.
    pub expected: String,
    /// What was found instead.
    pub found: String,
    /// What the operator can do.
    pub remedy: &'static str,
}

/// An error of the storage machinery. A broken rule of a market is never one of these.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The operating system refused an operation.
    #[error("cannot {doing} {file}: {source}")]
    Io {
        /// The operation, as a verb phrase.
        doing: &'static str,
        /// The file, with its directory.
        file: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// Another process holds the directory.
    #[error("{dir} is in use by {}: stop it first, or give this one a directory of its own",
        .pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}")))]
    InUse {
        /// The directory.
        dir: String,
        /// The process that wrote its number into the lock file, if it could be read.
        pid: Option<u32>,
    },
    /// A file that carries a name of ours, but was not written by us.
    #[error("{file} is not a file of this kind (expected {expected}): move it out of the directory")]
    Foreign {
        /// The file, with its directory.
        file: String,
        /// What such a file begins with.
        expected: &'static str,
    },
    /// A file of a format that this version does not know.
    #[error(
        "{file} has format version {found}, this program knows up to {known}: run the newer program that wrote it"
    )]
    NewerVersion {
        /// The file, with its directory.
        file: String,
        /// The version in the file.
        found: u32,
        /// The newest version that this program reads.
        known: u32,
    },
    /// A segment of another cell lies in this cell's directory.
    #[error("{file} belongs to cell {found}, not to cell {expected}: point the engine at its own directory")]
    OtherCell {
        /// The file, with its directory.
        file: String,
        /// The cell named in the file, in hexadecimal.
        found: String,
        /// The cell that was expected, in hexadecimal.
        expected: String,
    },
    /// The stored epoch is newer than the one asked for, or goes back from one segment to the next.
    #[error("{file} has epoch {found}, expected at most {expected}: the options belong to an older history")]
    EpochBack {
        /// The file, with its directory.
        file: String,
        /// The epoch in the file.
        found: u64,
        /// The newest epoch that would be in order.
        expected: u64,
    },
    /// A segment is missing between two others.
    #[error(
        "a segment is missing before {file}: it continues the segment that begins at {continues}, but the one \
        before it here begins at {found}; restore the missing segments from a backup"
    )]
    Gap {
        /// The segment after the gap, with its directory.
        file: String,
        /// First position of the segment that it says it continues.
        continues: u64,
        /// First position of the segment that is there.
        found: u64,
    },
    /// Bytes are not what was written.
    #[error("{} is damaged at offset {}: expected {}, found {}. {}", .0.file, .0.offset, .0.expected, .0.found, .0.remedy)]
    Damaged(Box<Damage>),
    /// The records asked for were truncated away.
    #[error(
        "position {asked} is gone: the journal begins at {first}; start from a checkpoint or base that covers it"
    )]
    Gone {
        /// The position asked for.
        asked: u64,
        /// The oldest position that is still there.
        first: u64,
    },
    /// The person's key was destroyed; nothing can be sealed for them any more.
    #[error("the key of this person was erased: nothing can be sealed under it any more")]
    Erased,
    /// The source of randomness failed.
    #[error("no randomness from the operating system: {0}")]
    Entropy(String),
    /// An option is outside what the format allows.
    #[error("{option} is {value}: {rule}")]
    Option {
        /// Name of the option.
        option: &'static str,
        /// Its value.
        value: u64,
        /// What is allowed, and why.
        rule: &'static str,
    },
    /// A foreign package failed in a way of its own.
    #[error("{what}: {message}")]
    Backend {
        /// What we were doing with it.
        what: &'static str,
        /// Its message.
        message: String,
    },
}

impl StorageError {
    /// Whether this error means that there is no room left: freeing space is all it takes to go on.
    pub fn is_full(&self) -> bool {
        matches!(self, StorageError::Io { source, .. } if matches!(source.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge))
    }

    pub(crate) fn damaged(
        file: String,
        offset: u64,
        expected: impl Into<String>,
        found: impl Into<String>,
        remedy: &'static str,
    ) -> StorageError {
        StorageError::Damaged(Box::new(Damage {
            file,
            offset,
            expected: expected.into(),
            found: found.into(),
            remedy,
        }))
    }
}

/// Names the operation and the file of an `io::Error`.
pub(crate) trait IoContext<T> {
    /// `file` is asked only when there is an error to describe.
    fn doing(self, doing: &'static str, file: impl FnOnce() -> String) -> Result<T, StorageError>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn doing(self, doing: &'static str, file: impl FnOnce() -> String) -> Result<T, StorageError> {
        self.map_err(|source| StorageError::Io { doing, file: file(), source })
    }
}
