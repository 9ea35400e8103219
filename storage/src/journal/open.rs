//! Opening a journal: what is there, whether it is ours and whole, and where it ends.

use std::sync::Arc;

use crate::disk::{Access, AlignedBuffer, BLOCK_BYTES, Disk, DiskFile};
use crate::error::{IoContext, StorageError};
use crate::journal::Position;
use crate::journal::format::{FORMAT_VERSION, HeaderFault, SegmentHeader};
use crate::journal::reader::{INDEX_STEP_BYTES, READ_STEP_BYTES, Segment};
use crate::journal::scan::{Fault, Found, Link, Window, frame_at, rest_of_segment};

/// What the operator of a damaged journal can do.
pub(crate) const RESTORE: &str = "Nothing was changed. Restore this file from a backup of the journal, or start from a base that covers it";
/// Ending of a segment's name.
const SEGMENT_ENDING: &str = ".segment";
/// Name of the file with which direct writes are tried.
const PROBE: &str = "probe.tmp";

/// Whether to write past the page cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direct {
    /// Where the file system does it.
    #[default]
    Auto,
    /// Or refuse to open.
    On,
    /// Never: write, then fdatasync.
    Off,
}

/// How the journal writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteMode {
    /// `O_DIRECT|O_DSYNC`: one system call, durable when it returns.
    Direct,
    /// A write and an fdatasync.
    Synced,
}

/// How to open a [`crate::FileJournal`].
#[derive(Debug, Clone)]
pub struct JournalOptions {
    /// Bytes of a new segment, a multiple of 4,096 and at least two blocks. The default, 64 MiB, takes about half a second to fill and
    /// holds half a million bids; a batch must fit one segment.
    pub segment_bytes: u64,
    /// Whether to write past the page cache.
    pub direct: Direct,
    /// The cell that the journal belongs to. `None`: the one it names, or a random one for a new journal.
    pub cell: Option<[u8; 16]>,
    /// The epoch to write under; it may be newer than the stored one (history was restored from a backup), not older.
    /// `None`: the stored one, or 1 for a new journal.
    pub epoch: Option<u64>,
    /// The position of a new journal's first record: what comes before it is elsewhere (a base). 1: it has everything.
    pub first: Position,
    /// Whether a thread of the journal makes the next segment ready. Without it `prepare` does the work itself: for
    /// tests in which every operation has its number.
    pub prepare_in_background: bool,
}

impl Default for JournalOptions {
    fn default() -> JournalOptions {
        JournalOptions {
            segment_bytes: 64 * 1024 * 1024,
            direct: Direct::Auto,
            cell: None,
            epoch: None,
            first: 1,
            prepare_in_background: true,
        }
    }
}

/// A torn tail that was cut: a frame whose append had not been acknowledged when the machine stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The segment, with its directory.
    pub file: String,
    /// Where the journal ends now.
    pub offset: u64,
    /// Bytes from there to the last one that was not zero.
    pub bytes: u64,
}

/// What opening a journal found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalReport {
    /// Whether it was made now.
    pub created: bool,
    /// How it writes.
    pub mode: WriteMode,
    /// The torn tail that was cut, if there was one.
    pub cut: Option<Cut>,
    /// Its cell.
    pub cell: [u8; 16],
    /// The epoch that it writes under.
    pub epoch: u64,
    /// Number of segments.
    pub segments: usize,
    /// The oldest record, or the position of the next when there is none.
    pub first: Position,
    /// The last durable record.
    pub last: Position,
}

/// The name of the segment that begins with `first`.
pub(crate) fn segment_name(first: Position) -> String {
    format!("{first:020}{SEGMENT_ENDING}")
}

/// Tries a direct write: some file systems refuse to open, others to write.
pub(crate) fn choose_mode(disk: &dyn Disk, direct: Direct) -> Result<WriteMode, StorageError> {
    if direct == Direct::Off {
        return Ok(WriteMode::Synced);
    }
    let probe = || {
        drop(disk.open(PROBE, Access::Create)?);
        let file = disk.open(PROBE, Access::WriteDurable)?;
        file.write_at(AlignedBuffer::new(BLOCK_BYTES).bytes(), 0)
    };
    let tried = probe();
    match disk.remove(PROBE) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).doing("remove", || disk.describe(PROBE))?
        }
        _ => {}
    }
    match tried {
        Ok(()) => Ok(WriteMode::Direct),
        // A full disk is no reason to write otherwise for ever, but one to go on: the segment may have its room already.
        Err(_) if direct == Direct::Auto => Ok(WriteMode::Synced),
        Err(error) => Err(error).doing("write directly to", || disk.describe(PROBE)),
    }
}

/// Finds all segments and checks that they are ours, whole in length, and continue each other. Reads headers only.
pub(crate) fn find_segments(disk: &dyn Disk, cell: Option<[u8; 16]>) -> Result<Vec<Segment>, StorageError> {
    let names = disk.list().doing("list", || disk.describe(""))?;
    let mut segments = Vec::new();
    for name in names.into_iter().filter(|name| name.ends_with(SEGMENT_ENDING)) {
        segments.push(read_segment(disk, name)?);
    }
    segments.sort_by_key(|segment| segment.header.first);
    let mut expected_cell = cell;
    for (index, segment) in segments.iter().enumerate() {
        check_cell(disk, segment, *expected_cell.get_or_insert(segment.header.cell))?;
        if let Some(before) = index.checked_sub(1).map(|before| &segments[before]) {
            check_neighbours(disk, before, segment)?;
        }
    }
    Ok(segments)
}

fn read_segment(disk: &dyn Disk, name: String) -> Result<Segment, StorageError> {
    let shown = || disk.describe(&name);
    let named: Position = match name.strip_suffix(SEGMENT_ENDING).map(str::parse) {
        Some(Ok(first)) if segment_name(first) == name => first,
        _ => return Err(StorageError::Foreign { file: shown(), expected: "a name of 20 digits" }),
    };
    let file = disk.open(&name, Access::Read).doing("open", shown)?;
    let mut block = vec![0; BLOCK_BYTES];
    let read = file.read_at(&mut block, 0).doing("read", shown)?;
    let length = file.length().doing("measure", shown)?;
    if read < BLOCK_BYTES {
        return Err(StorageError::damaged(
            shown(),
            length,
            "a header of 4096 bytes",
            "the end of the file",
            RESTORE,
        ));
    }
    let (header, seed) = SegmentHeader::decode(&block).map_err(|fault| match fault {
        HeaderFault::Foreign => StorageError::Foreign { file: shown(), expected: "\"VENDUEJL\"" },
        HeaderFault::NewerVersion(found) => {
            StorageError::NewerVersion { file: shown(), found, known: FORMAT_VERSION }
        }
        HeaderFault::Check { stored, computed } => {
            let (expected, found) = (format!("header check {stored:08x}"), format!("{computed:08x}"));
            StorageError::damaged(shown(), 0, expected, found, RESTORE)
        }
    })?;
    if header.first != named {
        let (expected, found) =
            (format!("the segment of position {named}"), format!("that of {}", header.first));
        return Err(StorageError::damaged(shown(), 36, expected, found, RESTORE));
    }
    if length != header.segment_bytes {
        let (expected, found) = (format!("{} bytes", header.segment_bytes), format!("{length} bytes"));
        return Err(StorageError::damaged(
            shown(),
            length.min(header.segment_bytes),
            expected,
            found,
            RESTORE,
        ));
    }
    Ok(Segment::new(name, header, seed, None))
}

fn check_cell(disk: &dyn Disk, segment: &Segment, expected: [u8; 16]) -> Result<(), StorageError> {
    if segment.header.cell == expected {
        return Ok(());
    }
    let hex = |cell: [u8; 16]| format!("{:032x}", u128::from_be_bytes(cell));
    let file = disk.describe(&segment.name);
    Err(StorageError::OtherCell { file, found: hex(segment.header.cell), expected: hex(expected) })
}

fn check_neighbours(disk: &dyn Disk, before: &Segment, segment: &Segment) -> Result<(), StorageError> {
    let file = || disk.describe(&segment.name);
    if segment.header.previous_first != before.header.first {
        let (continues, found) = (segment.header.previous_first, before.header.first);
        return Err(StorageError::Gap { file: file(), continues, found });
    }
    if segment.header.epoch < before.header.epoch {
        let (found, expected) = (segment.header.epoch, before.header.epoch);
        return Err(StorageError::EpochBack { file: file(), found, expected });
    }
    Ok(())
}

/// Where the chain of frames ends in the last segment.
pub(crate) struct End {
    /// What the next frame continues.
    pub(crate) position: Position,
    pub(crate) check: u32,
    pub(crate) offset: u64,
    /// Whether the last frame is a witness, or there is none.
    pub(crate) witnessed: bool,
    /// Places of frames, sparse.
    pub(crate) index: Vec<(Position, u64)>,
    pub(crate) cut: Option<Cut>,
}

/// Walks the last segment to its end and tells a torn tail from damage. Changes nothing.
pub(crate) fn find_end(disk: &Arc<dyn Disk>, segment: &Segment) -> Result<End, StorageError> {
    let shown = || disk.describe(&segment.name);
    let file = disk.open(&segment.name, Access::Read).doing("open", shown)?;
    let mut window = Window::new(file, segment.header.segment_bytes, READ_STEP_BYTES);
    let mut link = Link { position: segment.header.first, check: Some(segment.header.previous_check) };
    let mut end = End {
        position: 0,
        check: segment.header.previous_check,
        offset: BLOCK_BYTES as u64,
        witnessed: true,
        index: Vec::new(),
        cut: None,
    };
    // Where the last frame begins; for a seeded bug alone.
    let mut before = (link.position, end.offset, end.check);
    let fault = loop {
        match frame_at(&mut window, end.offset, segment.seed, link).doing("read", shown)? {
            Found::Frame(header, _) => {
                before = (link.position, end.offset, end.check);
                note_frame(&mut end.index, header.first, end.offset);
                end.offset += header.padded_bytes() as u64;
                end.check = header.check;
                end.witnessed = header.count == 0;
                link = Link::after(&header);
            }
            Found::Blank => break None,
            Found::Bad(fault) => break Some(fault),
        }
    };
    end.position = link.position;
    if crate::mutant("tail_cut_short") {
        (end.position, end.offset, end.check) = before;
        return Ok(end);
    }
    let rest = rest_of_segment(&mut window, end.offset, segment.seed, end.position).doing("read", shown)?;
    if let Some(later) = rest.later_frame.filter(|_| !crate::mutant("later_frame_ignored")) {
        let (expected, found) = fault.map_or_else(
            || (format!("the frame of position {}", end.position), "nothing".to_owned()),
            |fault| fault.words(link),
        );
        let found = format!("{found} (and a good frame at offset {later})");
        return Err(StorageError::damaged(shown(), end.offset, expected, found, RESTORE));
    }
    match fault {
        None | Some(Fault::Missing { .. }) => {}
        Some(_) if crate::mutant("damage_is_torn") => {}
        Some(fault) => {
            let (expected, found) = fault.words(link);
            return Err(StorageError::damaged(shown(), end.offset, expected, found, RESTORE));
        }
    }
    if rest.used_until > end.offset {
        let bytes = rest.used_until - end.offset;
        end.cut = Some(Cut { file: shown(), offset: end.offset, bytes });
    }
    Ok(end)
}

/// Adds the place of a frame to a sparse index when the last place in it is far enough behind.
pub(crate) fn note_frame(index: &mut Vec<(Position, u64)>, first: Position, offset: u64) {
    if index.last().is_none_or(|(_, noted)| offset - noted >= INDEX_STEP_BYTES) {
        index.push((first, offset));
    }
}

/// Zeroes a torn tail, so that nothing of it can ever be taken for a part of a later frame. The caller syncs.
pub(crate) fn wipe(file: &dyn DiskFile, cut: &Cut) -> std::io::Result<()> {
    let zeros = vec![0; BLOCK_BYTES];
    for at in (cut.offset..cut.offset + cut.bytes).step_by(BLOCK_BYTES) {
        file.write_at(&zeros, at)?;
    }
    Ok(())
}
