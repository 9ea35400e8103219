//! The journal on files: appending, rotating, truncating.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use crate::batch::{Batch, MAX_BATCH_BYTES};
use crate::disk::{Access, AlignedBuffer, BLOCK_BYTES, Disk, RealDisk};
use crate::error::{IoContext, StorageError};
use crate::journal::active::{Active, begin_segment};
use crate::journal::format::{FRAME_HEADER_BYTES, SegmentHeader, frame_bytes, seal_frame};
use crate::journal::open::{
    End, JournalOptions, JournalReport, WriteMode, choose_mode, find_end, find_segments, wipe,
};
use crate::journal::reader::{Segment, Shared, State, seal};
use crate::journal::spare::Spare;
use crate::journal::{AppendError, Journal, JournalReader, Position, Seal, SegmentRemover};
use crate::lock::DirLock;

/// The epoch of a new journal.
const FIRST_EPOCH: u64 = 1;

/// A cell's journal in a directory of its own.
pub struct FileJournal {
    shared: Arc<Shared>,
    spare: Spare,
    active: Active,
    /// Of the last record; and of the last frame, which the next one names.
    last: Position,
    last_check: u32,
    /// Whether everything is followed by a witness already, or there is nothing to witness.
    witnessed: bool,
    buffer: AlignedBuffer,
    failed: bool,
    unread_seals: VecDeque<Seal>,
    segment_bytes: u64,
    report: JournalReport,
    _lock: Option<DirLock>,
}

impl FileJournal {
    /// Opens the journal in `dir`, or makes one, and locks the directory for itself.
    ///
    /// # Errors
    /// Each kind of foreign, missing, newer or damaged file has its own [`StorageError`]; nothing is changed then. A torn
    /// tail is no error: it is cut, and [`FileJournal::report`] says so.
    pub fn open(dir: &Path, options: JournalOptions) -> Result<FileJournal, StorageError> {
        let lock = DirLock::acquire(dir)?;
        let disk = RealDisk::new(dir).doing("open the directory", || dir.display().to_string())?;
        let mut journal = FileJournal::open_on(Arc::new(disk), options)?;
        journal._lock = Some(lock);
        Ok(journal)
    }

    /// Opens the journal on a disk. The caller sees to it that nobody else does.
    ///
    /// # Errors
    /// As for [`FileJournal::open`].
    pub fn open_on(disk: Arc<dyn Disk>, options: JournalOptions) -> Result<FileJournal, StorageError> {
        check_options(&options)?;
        let segments = find_segments(&*disk, options.cell)?;
        let mode = choose_mode(&*disk, options.direct)?;
        let direct = mode == WriteMode::Direct;
        let mut spare =
            Spare::open(Arc::clone(&disk), options.segment_bytes, direct, options.prepare_in_background)?;
        let mut journal = if segments.is_empty() {
            let header = first_header(&options)?;
            let active = begin_segment(&*disk, &mut spare, mode, header)?;
            let end = End {
                position: options.first,
                check: 0,
                offset: BLOCK_BYTES as u64,
                witnessed: true,
                index: Vec::new(),
                cut: None,
            };
            let segments = vec![Arc::clone(&active.segment)];
            let mut journal = FileJournal::assemble(disk, spare, segments, active, end, mode, &options);
            journal.report.created = true;
            journal
        } else {
            FileJournal::resume(disk, spare, segments, mode, &options)?
        };
        journal.renew_epoch(&options)?;
        journal.witness()?;
        if options.prepare_in_background {
            journal.spare.prepare()?;
        }
        Ok(journal)
    }

    /// Reads the journal in `dir` without locking or changing anything, as far as it went when it was opened: for
    /// tools, on a journal that nobody writes, or on a copy. A torn tail is not shown.
    ///
    /// # Errors
    /// As for [`FileJournal::open`], and [`StorageError::Io`] when there is no journal.
    pub fn read_only(dir: &Path) -> Result<Arc<dyn JournalReader>, StorageError> {
        let shown = || dir.display().to_string();
        if !dir.is_dir() {
            return Err(std::io::Error::from(std::io::ErrorKind::NotFound))
                .doing("read the journal in", shown);
        }
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(dir).doing("open the directory", shown)?);
        FileJournal::read_only_on(disk, &shown)
    }

    /// The same on a disk; `shown` names it for messages.
    pub(crate) fn read_only_on(
        disk: Arc<dyn Disk>,
        shown: &dyn Fn() -> String,
    ) -> Result<Arc<dyn JournalReader>, StorageError> {
        let segments: Vec<Arc<Segment>> = find_segments(&*disk, None)?.into_iter().map(Arc::new).collect();
        let Some(segment) = segments.last() else {
            return Err(std::io::Error::from(std::io::ErrorKind::NotFound)).doing("find a segment in", shown);
        };
        let end = find_end(&disk, segment)?;
        let state = State { segments, last: end.position - 1, end: end.offset };
        Ok(Arc::new(Shared::new(disk, state)))
    }

    /// What opening found.
    pub fn report(&self) -> &JournalReport {
        &self.report
    }

    fn resume(
        disk: Arc<dyn Disk>,
        spare: Spare,
        segments: Vec<Segment>,
        mode: WriteMode,
        options: &JournalOptions,
    ) -> Result<FileJournal, StorageError> {
        let mut segments: Vec<Arc<Segment>> = segments.into_iter().map(Arc::new).collect();
        let Some(segment) = segments.last().cloned() else {
            return Err(StorageError::Backend {
                what: "opening the journal",
                message: "no segment".to_owned(),
            });
        };
        let mut end = find_end(&disk, &segment)?;
        let shown = || disk.describe(&segment.name);
        // What was found may still be on its way to the disk, when only the process died: nobody may rest on it before.
        let file = disk.open(&segment.name, Access::Write).doing("open", shown)?;
        if let Some(cut) = &end.cut {
            wipe(&*file, cut).doing("zero the torn tail of", shown)?;
        }
        file.sync().doing("sync", shown)?;
        disk.sync_names().doing("sync the directory of", shown)?;
        let writer = match mode {
            WriteMode::Direct => disk.open(&segment.name, Access::WriteDurable).doing("open", shown)?,
            WriteMode::Synced => file,
        };
        let index = std::mem::take(&mut end.index);
        let indexed =
            Arc::new(Segment::new(segment.name.clone(), segment.header.clone(), segment.seed, Some(index)));
        segments.pop();
        segments.push(Arc::clone(&indexed));
        let active = Active { segment: indexed, file: writer, end: end.offset };
        Ok(FileJournal::assemble(disk, spare, segments, active, end, mode, options))
    }

    fn assemble(
        disk: Arc<dyn Disk>,
        spare: Spare,
        segments: Vec<Arc<Segment>>,
        active: Active,
        end: End,
        mode: WriteMode,
        options: &JournalOptions,
    ) -> FileJournal {
        let header = &active.segment.header;
        let report = JournalReport {
            created: false,
            mode,
            cut: end.cut,
            cell: header.cell,
            epoch: header.epoch,
            segments: segments.len(),
            first: segments[0].header.first,
            last: end.position - 1,
        };
        let state = State { segments, last: end.position - 1, end: end.offset };
        FileJournal {
            shared: Arc::new(Shared::new(disk, state)),
            spare,
            active,
            last: end.position - 1,
            last_check: end.check,
            witnessed: end.witnessed,
            buffer: AlignedBuffer::new(frame_bytes(MAX_BATCH_BYTES)),
            failed: false,
            unread_seals: VecDeque::new(),
            segment_bytes: options.segment_bytes,
            report,
            _lock: None,
        }
    }

    /// A newer epoch begins a segment of its own, because it stands in the segment's header.
    fn renew_epoch(&mut self, options: &JournalOptions) -> Result<(), StorageError> {
        let (found, Some(asked)) = (self.report.epoch, options.epoch) else { return Ok(()) };
        if asked < found {
            let file = self.shared.disk.describe(&self.active.segment.name);
            return Err(StorageError::EpochBack { file, found, expected: asked });
        }
        if asked == found {
            return Ok(());
        }
        self.report.epoch = asked;
        if self.last >= self.active.segment.header.first {
            self.report.segments += 1;
            return self.rotate();
        }
        // No record in the segment yet: one with the new epoch takes its name and its place.
        let header = SegmentHeader { epoch: asked, ..self.active.segment.header.clone() };
        let header = SegmentHeader { segment_bytes: self.segment_bytes, ..header };
        self.last_check = header.previous_check;
        self.active = begin_segment(&*self.shared.disk, &mut self.spare, self.report.mode, header)?;
        self.witnessed = true;
        let mut state = self.shared.change();
        state.end = self.active.end;
        state.segments.pop();
        state.segments.push(Arc::clone(&self.active.segment));
        Ok(())
    }

    /// Writes an empty frame, if there is something that it makes provably durable and there is room: never worth a
    /// segment of its own, because a segment is a witness too.
    fn witness(&mut self) -> Result<(), StorageError> {
        let room = self.active.segment.header.segment_bytes - self.active.end;
        if self.failed || self.witnessed || room < BLOCK_BYTES as u64 {
            return Ok(());
        }
        self.write_frame(&[], 0)?;
        self.witnessed = true;
        Ok(())
    }

    /// Seals the active segment and goes on in the spare one.
    fn rotate(&mut self) -> Result<(), StorageError> {
        let before = &self.active.segment.header;
        let header = SegmentHeader {
            cell: before.cell,
            epoch: self.report.epoch,
            first: self.last + 1,
            previous_first: before.first,
            previous_check: self.last_check,
            segment_bytes: self.segment_bytes,
        };
        let active = begin_segment(&*self.shared.disk, &mut self.spare, self.report.mode, header)?;
        self.unread_seals.push_back(seal(&self.active.segment, &active.segment));
        let mut state = self.shared.change();
        state.segments.push(Arc::clone(&active.segment));
        state.end = active.end;
        drop(state);
        self.active = active;
        self.witnessed = true;
        Ok(())
    }

    /// Makes room for a frame, in the next segment if need be.
    fn make_room(&mut self, frame_bytes: usize) -> Result<(), AppendError> {
        if self.active.end + frame_bytes as u64 <= self.active.segment.header.segment_bytes {
            return Ok(());
        }
        // A full disk is told before anything is written: the spare's blocks are all there before it gets a name.
        self.spare.wait().map_err(|error| self.fail_unless_full(error))?;
        self.rotate().map_err(|error| {
            self.failed = true;
            AppendError::Unknown(error)
        })?;
        // Not being able to begin the next one now is no reason to refuse this append: the next rotation will say it.
        let _ = self.spare.prepare();
        Ok(())
    }

    fn fail_unless_full(&mut self, error: StorageError) -> AppendError {
        if error.is_full() {
            return AppendError::Full(error);
        }
        self.failed = true;
        AppendError::Unknown(error)
    }

    /// Writes one frame and makes it durable. After an error nothing is written ever again: what the disk holds is unknown.
    fn write_frame(&mut self, batches: &[&Batch], count: u32) -> Result<(), StorageError> {
        let buffer = self.buffer.bytes_mut();
        let mut used = FRAME_HEADER_BYTES;
        for batch in batches {
            let payload = batch.payload();
            buffer[used..used + payload.len()].copy_from_slice(payload);
            used += payload.len();
        }
        let (first, seed) = (self.last + 1, self.active.segment.seed);
        let check = seal_frame(&mut buffer[..used], seed, count, first, self.last_check);
        let padded = frame_bytes(used - FRAME_HEADER_BYTES);
        buffer[used..padded].fill(0);
        let offset = self.active.end;
        let mut written = match self.active.file.write_at(&self.buffer.bytes()[..padded], offset) {
            Err(_) if crate::mutant("sync_error_ignored") => Ok(()),
            written => written,
        };
        if self.report.mode == WriteMode::Synced {
            written = written.and_then(|()| match self.active.file.sync() {
                Err(_) if crate::mutant("sync_error_ignored") => Ok(()),
                synced => synced,
            });
        }
        let segment = &self.active.segment;
        if written.is_err() {
            self.failed = true;
        }
        written.doing("append to", || self.shared.disk.describe(&segment.name))?;
        segment.note(first, offset);
        self.active.end += padded as u64;
        self.last += u64::from(count);
        self.last_check = check;
        self.witnessed = count == 0;
        let mut state = self.shared.change();
        state.last = self.last;
        state.end = self.active.end;
        Ok(())
    }
}

impl Journal for FileJournal {
    fn last(&self) -> Position {
        self.last
    }

    fn append(&mut self, batches: &[&Batch], expected_last: Position) -> Result<Position, AppendError> {
        if self.failed {
            return Err(AppendError::Failed);
        }
        if expected_last != self.last && !crate::mutant("fence_ignored") {
            return Err(AppendError::Fenced { expected_last, last: self.last });
        }
        let bytes: usize = batches.iter().map(|batch| batch.bytes()).sum();
        let room = (self.segment_bytes as usize).saturating_sub(BLOCK_BYTES + FRAME_HEADER_BYTES);
        let limit = MAX_BATCH_BYTES.min(room);
        if bytes > limit {
            return Err(AppendError::TooLarge { bytes, limit });
        }
        let count: u32 = batches.iter().map(|batch| batch.len()).sum();
        if count == 0 {
            return Ok(self.last);
        }
        self.make_room(frame_bytes(bytes))?;
        self.write_frame(batches, count).map_err(AppendError::Unknown)?;
        Ok(self.last)
    }

    fn reader(&self) -> Arc<dyn JournalReader> {
        Arc::clone(&self.shared) as Arc<dyn JournalReader>
    }

    fn remover(&self) -> Arc<dyn SegmentRemover> {
        Arc::clone(&self.shared) as Arc<dyn SegmentRemover>
    }

    fn prepare(&mut self) -> Result<(), StorageError> {
        if self.failed { Ok(()) } else { self.spare.prepare() }
    }

    fn seals(&self) -> Vec<Seal> {
        self.shared.seals()
    }

    fn take_seal(&mut self) -> Option<Seal> {
        self.unread_seals.pop_front()
    }
}

impl Drop for FileJournal {
    fn drop(&mut self) {
        // Everything acknowledged is durable without it; it only makes a later flip of the last frame certain to be seen.
        let _ = self.witness();
    }
}

fn check_options(options: &JournalOptions) -> Result<(), StorageError> {
    let bytes = options.segment_bytes;
    if bytes.is_multiple_of(BLOCK_BYTES as u64) && bytes >= 2 * BLOCK_BYTES as u64 {
        return Ok(());
    }
    let rule = "it must be a multiple of 4096 and at least 8192, because a segment is written in blocks";
    Err(StorageError::Option { option: "segment_bytes", value: bytes, rule })
}

fn first_header(options: &JournalOptions) -> Result<SegmentHeader, StorageError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| StorageError::Entropy(error.to_string()))?;
    Ok(SegmentHeader {
        cell: options.cell.unwrap_or(random),
        epoch: options.epoch.unwrap_or(FIRST_EPOCH),
        first: options.first,
        previous_first: 0,
        previous_check: 0,
        segment_bytes: options.segment_bytes,
    })
}
