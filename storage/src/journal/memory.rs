//! A journal in memory, for tests and simulations: its log outlives the journal, as a disk does.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::batch::{Batch, MAX_BATCH_BYTES};
use crate::error::StorageError;
use crate::journal::{AppendError, Frame, Journal, JournalReader, Position, Seal, SegmentRemover};

/// What holds the records: clone it, drop the journal, and open another on the clone, as after a crash.
#[derive(Clone, Default)]
pub struct MemoryLog {
    contents: Arc<Mutex<Contents>>,
}

/// How the next append fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryFault {
    /// `Unknown`, and the records are there.
    UnknownKept,
    /// `Unknown`, and the records are lost.
    UnknownLost,
    /// `Full`: nothing written, the next append may succeed.
    Full,
}

#[derive(Default)]
struct Contents {
    /// Each a frame's first position, number of records and payload.
    frames: VecDeque<(Position, u32, Arc<[u8]>)>,
    first: Position,
    last: Position,
    /// The journal that may write; an older one is fenced.
    owner: u64,
    fault: Option<MemoryFault>,
    seals: VecDeque<Seal>,
}

impl MemoryLog {
    /// An empty log.
    pub fn new() -> MemoryLog {
        let log = MemoryLog::default();
        log.contents().first = 1;
        log
    }

    /// Makes the next append fail.
    pub fn fail_next(&self, fault: MemoryFault) {
        self.contents().fault = Some(fault);
    }

    /// Takes back a failure that has not happened yet.
    pub fn heal(&self) {
        self.contents().fault = None;
    }

    /// A copy that shares nothing with this one: what another machine would have found at this moment.
    pub fn duplicate(&self) -> MemoryLog {
        let contents = self.contents();
        let copy = Contents {
            frames: contents.frames.clone(),
            first: contents.first,
            last: contents.last,
            owner: contents.owner,
            fault: None,
            seals: contents.seals.clone(),
        };
        MemoryLog { contents: Arc::new(Mutex::new(copy)) }
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A journal on a [`MemoryLog`].
pub struct MemoryJournal {
    log: MemoryLog,
    owner: u64,
    failed: bool,
    segment_records: u64,
    unread_seals: VecDeque<Seal>,
}

impl MemoryJournal {
    /// Opens the log and becomes its owner: a journal opened on it before is fenced from now on. Segments have no end.
    pub fn open(log: &MemoryLog) -> MemoryJournal {
        MemoryJournal::open_with_segments(log, u64::MAX)
    }

    /// The same, sealing a segment with the first append that leaves it with `segment_records` records or more.
    pub fn open_with_segments(log: &MemoryLog, segment_records: u64) -> MemoryJournal {
        let mut contents = log.contents();
        contents.owner += 1;
        let owner = contents.owner;
        drop(contents);
        MemoryJournal {
            log: log.clone(),
            owner,
            failed: false,
            segment_records,
            unread_seals: VecDeque::new(),
        }
    }

    fn seal_if_due(&mut self, contents: &mut Contents) {
        let first = contents.seals.back().map_or(contents.first, |seal| seal.last + 1);
        if contents.last + 1 - first >= self.segment_records {
            let seal = Seal { first, last: contents.last };
            contents.seals.push_back(seal);
            self.unread_seals.push_back(seal);
        }
    }
}

impl Journal for MemoryJournal {
    fn last(&self) -> Position {
        self.log.contents().last
    }

    fn append(&mut self, batches: &[&Batch], expected_last: Position) -> Result<Position, AppendError> {
        if self.failed {
            return Err(AppendError::Failed);
        }
        let log = self.log.clone();
        let mut contents = log.contents();
        if expected_last != contents.last || self.owner != contents.owner {
            return Err(AppendError::Fenced { expected_last, last: contents.last });
        }
        let payload: Vec<u8> = batches.iter().flat_map(|batch| batch.payload()).copied().collect();
        if payload.len() > MAX_BATCH_BYTES {
            return Err(AppendError::TooLarge { bytes: payload.len(), limit: MAX_BATCH_BYTES });
        }
        let count: u32 = batches.iter().map(|batch| batch.len()).sum();
        if count == 0 {
            return Ok(contents.last);
        }
        let fault = contents.fault.take();
        let injected = || StorageError::Backend {
            what: "appending in memory",
            message: "injected by a test".to_owned(),
        };
        if fault == Some(MemoryFault::Full) {
            return Err(AppendError::Full(injected()));
        }
        if fault != Some(MemoryFault::UnknownLost) {
            let first = contents.last + 1;
            contents.frames.push_back((first, count, payload.into()));
            contents.last += u64::from(count);
        }
        if fault.is_some() {
            self.failed = true;
            return Err(AppendError::Unknown(injected()));
        }
        self.seal_if_due(&mut contents);
        Ok(contents.last)
    }

    fn reader(&self) -> Arc<dyn JournalReader> {
        Arc::new(self.log.clone())
    }

    fn remover(&self) -> Arc<dyn SegmentRemover> {
        Arc::new(self.log.clone())
    }

    fn prepare(&mut self) -> Result<(), StorageError> {
        Ok(())
    }

    fn seals(&self) -> Vec<Seal> {
        self.log.contents().seals.iter().copied().collect()
    }

    fn take_seal(&mut self) -> Option<Seal> {
        self.unread_seals.pop_front()
    }
}

impl SegmentRemover for MemoryLog {
    fn remove_before(&self, position: Position) -> Result<(), StorageError> {
        let mut contents = self.contents();
        while contents.seals.front().is_some_and(|seal| seal.last < position) {
            let Some(seal) = contents.seals.pop_front() else { break };
            contents.first = seal.last + 1;
            contents.frames.retain(|(first, _, _)| *first > seal.last);
        }
        Ok(())
    }
}

impl JournalReader for MemoryLog {
    fn first(&self) -> Position {
        self.contents().first
    }

    fn last(&self) -> Position {
        self.contents().last
    }

    fn frames(
        &self,
        from: Position,
        visit: &mut dyn FnMut(Frame<'_>) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        let contents = self.contents();
        let asked = from.max(1);
        if asked < contents.first {
            return Err(StorageError::Gone { asked, first: contents.first });
        }
        let start = contents.frames.partition_point(|(first, count, _)| first + u64::from(*count) <= asked);
        let frames: Vec<_> = contents.frames.iter().skip(start).cloned().collect();
        // The visitor may append or read: it must not find the log locked.
        drop(contents);
        for (first, count, payload) in frames {
            if visit(Frame { first, count, payload: &payload }).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn record(&self, position: Position) -> Result<Option<Vec<u8>>, StorageError> {
        if position == 0 || position > self.last() {
            return Ok(None);
        }
        let mut record = None;
        self.read(position, &mut |_, bytes| {
            record = Some(bytes.to_vec());
            ControlFlow::Break(())
        })?;
        Ok(record)
    }
}
