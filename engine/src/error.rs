//! Why an engine cannot start or go on: what, why and what to do.

use std::path::PathBuf;

use vendue_storage::StorageError;

/// An engine that cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// An option out of its range.
    #[error("engine.{option} is {value}; it must be between {min} and {max}")]
    Option {
        /// Its name.
        option: &'static str,
        /// What it is.
        value: u64,
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// Storage refuses; its own text says what to do.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A record of the journal cannot be understood.
    #[error(
        "record {position} of the journal cannot be read: {error}. If this data directory was written by a newer \
         version of vendue, start that version; otherwise restore it from a backup"
    )]
    Record {
        /// Which one.
        position: u64,
        /// What is wrong.
        error: vendue_domain::record::RecordError,
    },
    /// The journal's first records are gone, and so is everything that would stand for them.
    #[error(
        "the journal begins with record {first}, and there is neither a state store nor a base that what comes before could be \
         taken from. Put the files of bases/ back, or restore this data directory from a backup or the archive (vendue restore)"
    )]
    NoBase {
        /// The oldest record.
        first: u64,
    },
    /// The wall clock is behind the journal.
    #[error(
        "the wall clock is {behind_ms} ms behind the last record of the journal; times would run ahead of the wall \
         clock. Correct the machine's clock, or set engine.allow_clock_behind = true"
    )]
    ClockBehind {
        /// By how much.
        behind_ms: u64,
    },
    /// The link's socket cannot be bound.
    #[error(
        "cannot listen on {path}: {error}. Check that the directory exists and is writable, or set engine.link_socket to another path"
    )]
    Socket {
        /// The path.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// Something of the operating system that should work does not.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// What the system says.
        error: std::io::Error,
    },
    /// The journal took no more; everything acknowledged is durable, nothing after it was acknowledged.
    #[error(
        "the journal failed, the engine stops and acknowledges nothing more: {0}. Mend the disk (space, hardware), then start again: what was acknowledged is there"
    )]
    JournalFailed(String),
    /// A thread of the engine has ended early.
    #[error("a thread of the engine ended unexpectedly: {0}")]
    Thread(&'static str),
}
