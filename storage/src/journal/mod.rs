//! The journal: an ordered, checked sequence of records. What it acknowledged, it holds; what it holds, it shows whole.
//!
//! # Bytes
//! Segments named by their first position, each filled with zeros and synced *before* it gets its name; in them frames
//! of one append each, padded to 4 KiB (`format.rs`, and `docs/storage.md` for the table).
//!
//! # A torn tail and damage, told apart (I7)
//! There is one append in flight: a frame is written only when the one before it is durable, and a segment is begun only
//! when all frames of the one before are. So after a crash *at most one* frame is not durable: the last that was
//! begun. Everything before it was synced, and everything after it is zero, because the segment was zero-filled and a
//! cut tail is zeroed again before anything is written there. When the frame at the end of the chain is bad:
//!
//! 1. **A valid frame stands anywhere after it, or a later segment exists.** The bad frame was durable when that was
//!    written: damage. Frames found in payloads do not count by accident or malice: their checks are seeded with the
//!    segment's own check, which nobody outside sees.
//! 2. **Nothing after it, and bytes of it are missing.** A torn write leaves each 64 bytes new or old, and old
//!    is zero. The header says how many all-zero grains the frame has; when there are more, some were never
//!    written: a torn tail, never acknowledged. It is cut, zeroed, and reported. The same when the header is missing altogether.
//! 3. **Nothing after it, and nothing is missing.** The bytes all arrived, and are wrong: damage.
//!
//! What would escape: the very last frame before a crash has lost its header or a grain *after* it was durable, which no reader could
//! distinguish from never having been written. To keep this window small, a journal that is closed or opened writes a *witness*, an
//! empty frame that makes everything before it provably durable; from then on rule 1 holds for all of it. A flip that
//! makes a written grain all zero (its only bit) escapes in the same window only.
//!
//! Sealed segments are checked when they are read, and by their headers when the journal is opened: each names the
//! segment before it and the check of its last frame, so a missing, foreign or exchanged segment cannot hide.

mod active;
mod file;
mod format;
mod memory;
mod open;
mod reader;
mod scan;
mod spare;

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::backup::SegmentPart;
use crate::batch::{Batch, Records};
use crate::error::StorageError;

pub use file::FileJournal;
pub use memory::{MemoryFault, MemoryJournal, MemoryLog};
pub use open::{Cut, Direct, JournalOptions, JournalReport, WriteMode};

/// 1-based number of a record in the journal; 0 = none. Never a byte offset: a replicated journal has none.
pub type Position = u64;

/// The writing side of a cell's journal. It has one owner.
pub trait Journal: Send {
    /// The last durable record; 0 when there is none.
    fn last(&self) -> Position;

    /// Writes all records of `batches`, in order, as one frame: one write, one sync. `Ok` is the position of the
    /// last record, durable. Nothing to write is `Ok` at once.
    ///
    /// # Errors
    /// See [`AppendError`]; only `Unknown` leaves open whether the records are there.
    fn append(&mut self, batches: &[&Batch], expected_last: Position) -> Result<Position, AppendError>;

    /// The reading side, to be shared with other threads. It sees only what is durable.
    fn reader(&self) -> Arc<dyn JournalReader>;

    /// What removes old segments, for another thread: files are not removed between two appends.
    fn remover(&self) -> Arc<dyn SegmentRemover>;

    /// Work for an idle moment: sees to it that the next segment is ready. Call it as often as you like.
    ///
    /// # Errors
    /// No space, or a disk error. Neither harms the journal: an append that needs the segment tries again.
    fn prepare(&mut self) -> Result<(), StorageError>;

    /// All sealed segments that are still there, oldest first.
    fn seals(&self) -> Vec<Seal>;

    /// The oldest segment sealed since the journal was opened and not yet taken by this call.
    fn take_seal(&mut self) -> Option<Seal>;
}

/// Removes a journal's oldest segments while it is written and read.
pub trait SegmentRemover: Send + Sync {
    /// Removes what lies before `position`, whole sealed segments only: records before it may remain. Readers that stand there
    /// get [`StorageError::Gone`].
    ///
    /// # Errors
    /// When a segment cannot be removed; those removed until then stay removed.
    fn remove_before(&self, position: Position) -> Result<(), StorageError>;
}

/// A segment that will not change any more: its records are `first..=last`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seal {
    /// Position of its first record.
    pub first: Position,
    /// Position of its last record.
    pub last: Position,
}

/// Why an append was not acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Somebody else has written, or the caller's count is wrong. Nothing was written.
    #[error("the journal ends at {last}, not at {expected_last}: it has another writer")]
    Fenced {
        /// The position that the caller expected.
        expected_last: Position,
        /// Where the journal really ends.
        last: Position,
    },
    /// The records may or may not be there after a restart. Nothing may be acknowledged any more (I8).
    #[error("the outcome of an append is unknown, the cell stops: {0}")]
    Unknown(#[source] StorageError),
    /// There is no room. Nothing was written; the same append may succeed later.
    #[error("no space for the journal, nothing was written: {0}")]
    Full(#[source] StorageError),
    /// More bytes than a frame takes. Nothing was written; smaller batches go through.
    #[error("a batch of {bytes} bytes; at most {limit} fit one frame")]
    TooLarge {
        /// Bytes of the batch, length prefixes included.
        bytes: usize,
        /// The most that this journal takes.
        limit: usize,
    },
    /// An earlier append failed: the journal takes nothing more until it is opened again.
    #[error("the journal failed earlier and takes nothing more")]
    Failed,
}

/// The reading side of a journal.
pub trait JournalReader: Send + Sync {
    /// The oldest record still there. When there is none at all: the position that the next one gets.
    fn first(&self) -> Position;

    /// The last durable record; 0 when there never was one.
    fn last(&self) -> Position;

    /// The files of the journal as far as they are durable, oldest first; none for a journal that has no files.
    fn parts(&self) -> Vec<SegmentPart> {
        Vec::new()
    }

    /// Calls `visit` for each frame with records at or after `from`, in order, until it says `Break`, up to what was
    /// durable when the call began. The first frame may begin before `from`. Larger steps for a fast recovery.
    ///
    /// # Errors
    /// [`StorageError::Gone`] when `from` was truncated away, [`StorageError::Damaged`] when a frame is not what was
    /// written; the frames visited before are good.
    fn frames(
        &self,
        from: Position,
        visit: &mut dyn FnMut(Frame<'_>) -> ControlFlow<()>,
    ) -> Result<(), StorageError>;

    /// One record; `None` when it is not there yet. Costs the reading of its frame.
    ///
    /// # Errors
    /// As for [`JournalReader::frames`].
    fn record(&self, position: Position) -> Result<Option<Vec<u8>>, StorageError>;

    /// Calls `visit` with position and bytes of each durable record from `from` on, in order, until it says `Break`.
    ///
    /// # Errors
    /// As for [`JournalReader::frames`].
    fn read(
        &self,
        from: Position,
        visit: &mut dyn FnMut(Position, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        self.frames(from, &mut |frame| {
            for (position, record) in (frame.first..).zip(frame.records()) {
                if position >= from {
                    visit(position, record)?;
                }
            }
            ControlFlow::Continue(())
        })
    }
}

/// The records of one append, as they lie in the journal.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// Position of the first record.
    pub first: Position,
    /// Number of records, at least 1.
    pub count: u32,
    /// The records, each with its length before it: [`Records`] reads them.
    pub payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Position of the last record.
    pub fn last(&self) -> Position {
        self.first + u64::from(self.count) - 1
    }

    /// The records, in order.
    pub fn records(&self) -> Records<'a> {
        Records::new(self.payload)
    }
}
