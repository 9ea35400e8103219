//! Reading a file journal while it is written, up to what is durable.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::backup::SegmentPart;
use crate::disk::{Access, BLOCK_BYTES, Disk, DiskFile};
use crate::error::{IoContext, StorageError};
use crate::journal::active::remove_segment;
use crate::journal::format::SegmentHeader;
use crate::journal::open::{RESTORE, note_frame};
use crate::journal::scan::{Found, Link, Window, frame_at};
use crate::journal::{Frame, JournalReader, Position, Seal, SegmentRemover};

/// Bytes read at once when many frames are wanted: several of the largest.
pub(crate) const READ_STEP_BYTES: usize = 4 * 1024 * 1024;
/// Bytes between two places in the index: 16 bytes of memory for each 64 KiB of journal.
pub(crate) const INDEX_STEP_BYTES: u64 = 64 * 1024;
/// Bytes read at once when one record is wanted.
const SEEK_STEP_BYTES: usize = 16 * 1024;

/// A segment that is there.
pub(crate) struct Segment {
    pub(crate) name: String,
    pub(crate) header: SegmentHeader,
    /// The header's check: the seed of the frames' checks.
    pub(crate) seed: u32,
    /// Places of frames, sparse, in order. `None` until somebody needs them.
    index: Mutex<Option<Vec<(Position, u64)>>>,
}

impl Segment {
    pub(crate) fn new(
        name: String,
        header: SegmentHeader,
        seed: u32,
        index: Option<Vec<(Position, u64)>>,
    ) -> Segment {
        Segment { name, header, seed, index: Mutex::new(index) }
    }

    /// Notes a frame that the writer has made durable.
    pub(crate) fn note(&self, first: Position, offset: u64) {
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        note_frame(index.get_or_insert_default(), first, offset);
    }

    /// The last noted frame that begins at or before `position`, or the segment's beginning.
    fn seek(&self, position: Position) -> Option<(Position, u64)> {
        let index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        let places = index.as_ref()?;
        let after = places.partition_point(|(first, _)| *first <= position);
        let start = (self.header.first, BLOCK_BYTES as u64);
        Some(after.checked_sub(1).map_or(start, |before| places[before]))
    }
}

/// What writer and readers share.
pub(crate) struct Shared {
    pub(crate) disk: Arc<dyn Disk>,
    state: RwLock<State>,
}

/// The journal as far as it is durable.
pub(crate) struct State {
    /// Oldest first; never empty.
    pub(crate) segments: Vec<Arc<Segment>>,
    pub(crate) last: Position,
    /// Where the frames end in the last segment.
    pub(crate) end: u64,
}

/// A part of a segment to read: up to `limit` bytes, and up to the record before `until`.
struct Extent {
    segment: Arc<Segment>,
    limit: u64,
    until: Position,
    /// The check with which the frames must end, when the next segment names it.
    final_check: Option<u32>,
}

impl Shared {
    pub(crate) fn new(disk: Arc<dyn Disk>, state: State) -> Shared {
        Shared { disk, state: RwLock::new(state) }
    }

    pub(crate) fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn change(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn seals(&self) -> Vec<Seal> {
        let state = self.state();
        state.segments.windows(2).map(|pair| seal(&pair[0], &pair[1])).collect()
    }

    /// At most `count` extents, the first holding `from`, as of now. Empty when `from` is not there yet.
    fn extents(&self, from: Position, count: usize) -> Result<Vec<Extent>, StorageError> {
        let state = self.state();
        let first = state.segments[0].header.first;
        // 0 is no position: it asks for everything, as 1 does.
        let from = from.max(1);
        if from < first {
            return Err(StorageError::Gone { asked: from, first });
        }
        if from > state.last {
            return Ok(Vec::new());
        }
        let start = state.segments.partition_point(|segment| segment.header.first <= from) - 1;
        let extent = |(index, segment): (usize, &Arc<Segment>)| {
            let next = state.segments.get(index + 1).map(|next| &next.header);
            Extent {
                segment: Arc::clone(segment),
                limit: if next.is_some() { segment.header.segment_bytes } else { state.end },
                until: next.map_or(state.last + 1, |next| next.first),
                final_check: next.map(|next| next.previous_check),
            }
        };
        Ok(state.segments.iter().enumerate().skip(start).take(count).map(extent).collect())
    }

    /// Opens a segment; one that was truncated away meanwhile is gone, not an error of the disk.
    fn open(&self, segment: &Segment, asked: Position) -> Result<Arc<dyn DiskFile>, StorageError> {
        let opened = self.disk.open(&segment.name, Access::Read);
        if opened.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
            let first = self.state().segments[0].header.first;
            if first > segment.header.first {
                return Err(StorageError::Gone { asked, first });
            }
        }
        opened.doing("open", || self.disk.describe(&segment.name))
    }

    /// Visits the frames of one extent from `from` on.
    fn walk(
        &self,
        extent: &Extent,
        from: Position,
        step: usize,
        visit: &mut dyn FnMut(Frame<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, StorageError> {
        let segment = &extent.segment;
        let shown = || self.disk.describe(&segment.name);
        let mut window = Window::new(self.open(segment, from)?, extent.limit, step);
        let start = (segment.header.first, BLOCK_BYTES as u64);
        let (position, mut offset) =
            if from > segment.header.first { self.seek(extent, from)? } else { start };
        let known = (offset == start.1).then_some(segment.header.previous_check);
        let mut link = Link { position, check: known };
        while link.position < extent.until {
            let (expected, found) = match frame_at(&mut window, offset, segment.seed, link)
                .doing("read", shown)?
            {
                Found::Frame(header, payload) => {
                    let frame = Frame { first: header.first, count: header.count, payload };
                    link = Link::after(&header);
                    if link.position > from && visit(frame).is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                    offset += header.padded_bytes() as u64;
                    continue;
                }
                Found::Blank => (format!("the frame of position {}", link.position), "nothing".to_owned()),
                Found::Bad(fault) => fault.words(link),
            };
            return Err(StorageError::damaged(shown(), offset, expected, found, RESTORE));
        }
        self.check_end(extent, &mut window, offset, link)?;
        Ok(ControlFlow::Continue(()))
    }

    /// At the end of a sealed segment: the next one must name its last frame. A witness may stand between.
    fn check_end(
        &self,
        extent: &Extent,
        window: &mut Window,
        offset: u64,
        link: Link,
    ) -> Result<(), StorageError> {
        let segment = &extent.segment;
        let shown = || self.disk.describe(&segment.name);
        let Some(named) = extent.final_check else { return Ok(()) };
        let (mut link, mut offset) = (link, offset);
        while link.check != Some(named) || link.position != extent.until {
            match frame_at(window, offset, segment.seed, link).doing("read", shown)? {
                Found::Frame(header, _) if header.count == 0 => {
                    offset += header.padded_bytes() as u64;
                    link = Link::after(&header);
                }
                _ => {
                    let expected = format!("an end with check {named:08x} before position {}", extent.until);
                    let found = format!(
                        "position {} after check {:08x}",
                        link.position,
                        link.check.unwrap_or_default()
                    );
                    return Err(StorageError::damaged(shown(), offset, expected, found, RESTORE));
                }
            }
        }
        Ok(())
    }

    /// Where to begin reading for `position`, by the segment's index, which is made when it is not there.
    fn seek(&self, extent: &Extent, position: Position) -> Result<(Position, u64), StorageError> {
        let segment = &extent.segment;
        if let Some(place) = segment.seek(position) {
            return Ok(place);
        }
        let shown = || self.disk.describe(&segment.name);
        let mut window = Window::new(self.open(segment, position)?, extent.limit, READ_STEP_BYTES);
        let mut link = Link { position: segment.header.first, check: Some(segment.header.previous_check) };
        let (mut offset, mut places) = (BLOCK_BYTES as u64, Vec::new());
        // Ends at the first thing that is no frame: if that is damage, reading what lies there will say so.
        while let Found::Frame(header, _) =
            frame_at(&mut window, offset, segment.seed, link).doing("read", shown)?
        {
            note_frame(&mut places, header.first, offset);
            offset += header.padded_bytes() as u64;
            link = Link::after(&header);
        }
        *segment.index.lock().unwrap_or_else(PoisonError::into_inner) = Some(places);
        Ok(segment.seek(position).unwrap_or((segment.header.first, BLOCK_BYTES as u64)))
    }
}

/// The seal of a segment that another follows.
pub(crate) fn seal(segment: &Segment, next: &Segment) -> Seal {
    Seal { first: segment.header.first, last: next.header.first - 1 }
}

impl SegmentRemover for Shared {
    fn remove_before(&self, position: Position) -> Result<(), StorageError> {
        loop {
            let mut state = self.change();
            // The oldest goes when the one after it begins at or before the position.
            let oldest = match &state.segments[..] {
                [oldest, next, ..] if next.header.first <= position => Arc::clone(oldest),
                _ => return Ok(()),
            };
            // Readers are told first that it is gone, and the names synced one by one, so that no crash leaves a gap.
            state.segments.remove(0);
            drop(state);
            if let Err(error) = remove_segment(&*self.disk, &oldest.name) {
                self.change().segments.insert(0, oldest);
                return Err(error);
            }
        }
    }
}

impl JournalReader for Shared {
    fn first(&self) -> Position {
        self.state().segments[0].header.first
    }

    fn last(&self) -> Position {
        self.state().last
    }

    fn parts(&self) -> Vec<SegmentPart> {
        let state = self.state();
        let newest = state.segments.len() - 1;
        let part = |(index, segment): (usize, &Arc<Segment>)| SegmentPart {
            name: segment.name.clone(),
            first: segment.header.first,
            cell: segment.header.cell,
            epoch: segment.header.epoch,
            durable_bytes: if index == newest { state.end } else { segment.header.segment_bytes },
            file_bytes: segment.header.segment_bytes,
        };
        state.segments.iter().enumerate().map(part).collect()
    }

    fn frames(
        &self,
        from: Position,
        visit: &mut dyn FnMut(Frame<'_>) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        // Witnesses hold nothing: they are not shown.
        let mut shown =
            |frame: Frame<'_>| if frame.count == 0 { ControlFlow::Continue(()) } else { visit(frame) };
        for extent in self.extents(from, usize::MAX)? {
            let from = from.max(extent.segment.header.first);
            if self.walk(&extent, from, READ_STEP_BYTES, &mut shown)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn record(&self, position: Position) -> Result<Option<Vec<u8>>, StorageError> {
        if position == 0 {
            return Ok(None);
        }
        let Some(extent) = self.extents(position, 1)?.into_iter().next() else { return Ok(None) };
        let mut record = None;
        let mut take = |frame: Frame<'_>| {
            record = frame.records().nth((position - frame.first) as usize).map(<[u8]>::to_vec);
            ControlFlow::Break(())
        };
        // The walk ends at the frame that holds the position, as every frame shown ends at or after it.
        let _ = self.walk(&extent, position, SEEK_STEP_BYTES, &mut take)?;
        Ok(record)
    }
}
