//! Walking the frames of one segment, and judging what is not one.

use std::io;
use std::sync::Arc;

use crate::disk::{BLOCK_BYTES, DiskFile};
use crate::journal::Position;
use crate::journal::format::{FRAME_HEADER_BYTES, FrameHeader, blank_grains, frame_check, is_blank};

/// A part of a file in memory, moved along as frames are asked for.
pub(crate) struct Window {
    file: Arc<dyn DiskFile>,
    /// Nothing is read at or beyond this offset: there the writer may be writing.
    limit: u64,
    /// Bytes read at once, when a frame does not need more.
    step: usize,
    start: u64,
    buffer: Vec<u8>,
    filled: usize,
}

impl Window {
    pub(crate) fn new(file: Arc<dyn DiskFile>, limit: u64, step: usize) -> Window {
        Window { file, limit, step, start: 0, buffer: Vec::new(), filled: 0 }
    }

    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// `length` bytes from `offset`; fewer only at the limit or the end of the file.
    fn get(&mut self, offset: u64, length: usize) -> io::Result<&[u8]> {
        let length = (self.limit.saturating_sub(offset)).min(length as u64) as usize;
        let held = self.start..self.start + self.filled as u64;
        if !(held.start <= offset && offset + length as u64 <= held.end) {
            let step = self.step.max(length).min(self.limit.saturating_sub(offset) as usize);
            if self.buffer.len() < step {
                self.buffer.resize(step, 0);
            }
            self.filled = self.file.read_at(&mut self.buffer[..step], offset)?;
            self.start = offset;
        }
        let from = (offset - self.start) as usize;
        Ok(&self.buffer[from..self.filled.min(from + length)])
    }
}

/// What the frame at the end of the chain must continue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    /// The position that it must begin with.
    pub(crate) position: Position,
    /// The check that it must name; `None` when reading began in the middle and the frame before is not known.
    pub(crate) check: Option<u32>,
}

impl Link {
    /// The link after a good frame.
    pub(crate) fn after(header: &FrameHeader) -> Link {
        Link { position: header.first + u64::from(header.count), check: Some(header.check) }
    }
}

/// What stands at an offset.
pub(crate) enum Found<'a> {
    /// A frame that is good and continues the chain.
    Frame(FrameHeader, &'a [u8]),
    /// Nothing: the place of a header is zero, or the segment ends.
    Blank,
    /// Something else.
    Bad(Fault),
}

/// Why what stands there is not the frame that should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Header,
    Position {
        found: Position,
    },
    Chain {
        found: u32,
    },
    Length {
        found: u32,
    },
    /// Grains are blank that were not when the frame was written: some of it never reached the disk.
    Missing {
        blank: u32,
        written: u32,
    },
    Payload {
        stored: u32,
        computed: u32,
    },
}

impl Fault {
    /// What is expected and what is found, for a message.
    pub(crate) fn words(&self, link: Link) -> (String, String) {
        let check = |check: u32| format!("check {check:08x}");
        match self {
            Fault::Header => {
                ("a frame or nothing".to_owned(), "a frame header with a wrong check".to_owned())
            }
            Fault::Position { found } => {
                (format!("the frame of position {}", link.position), format!("the frame of position {found}"))
            }
            Fault::Chain { found } => (
                format!("a frame after {}", check(link.check.unwrap_or_default())),
                format!("one after {}", check(*found)),
            ),
            Fault::Length { found } => {
                ("a frame that fits the segment".to_owned(), format!("one of {found} bytes of payload"))
            }
            Fault::Missing { blank, written } => (
                format!("{written} blank grains of 64 bytes"),
                format!("{blank}: a part of the frame is missing"),
            ),
            Fault::Payload { stored, computed } => (check(*stored), check(*computed)),
        }
    }
}

/// For two seeded bugs: one that ignores what a frame continues, one that ignores its position, too.
fn ignores_chain() -> bool {
    crate::mutant("chain_ignored") || crate::mutant("gap_accepted")
}

/// Judges what stands at `offset`.
pub(crate) fn frame_at(window: &mut Window, offset: u64, seed: u32, link: Link) -> io::Result<Found<'_>> {
    let limit = window.limit();
    let start = window.get(offset, FRAME_HEADER_BYTES)?;
    if is_blank(start) {
        return Ok(Found::Blank);
    }
    let Some(header) = FrameHeader::decode(start, seed) else { return Ok(Found::Bad(Fault::Header)) };
    if header.first != link.position && !crate::mutant("gap_accepted") {
        return Ok(Found::Bad(Fault::Position { found: header.first }));
    }
    if link.check.is_some_and(|check| check != header.previous) && !ignores_chain() {
        return Ok(Found::Bad(Fault::Chain { found: header.previous }));
    }
    if header.padded_bytes() as u64 > limit - offset {
        return Ok(Found::Bad(Fault::Length { found: header.length }));
    }
    let frame = window.get(offset, header.used_bytes())?;
    if frame.len() < header.used_bytes() {
        return Ok(Found::Bad(Fault::Length { found: header.length }));
    }
    let computed = frame_check(frame, seed);
    if computed == header.check || crate::mutant("payload_unchecked") {
        return Ok(Found::Frame(header, &frame[FRAME_HEADER_BYTES..]));
    }
    let blank = blank_grains(frame) as u32;
    if blank > header.blank_grains {
        return Ok(Found::Bad(Fault::Missing { blank, written: header.blank_grains }));
    }
    Ok(Found::Bad(Fault::Payload { stored: header.check, computed }))
}

/// What stands behind the end of the chain.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Rest {
    /// Offset of a frame of a later position: what is before it was durable.
    pub(crate) later_frame: Option<u64>,
    /// End of the last block that is not zero; 0 when all are.
    pub(crate) used_until: u64,
}

/// Looks at all blocks from `offset` to the limit. A header with a good check is enough to count as a frame: it is seeded
/// with the segment's check, and even with a payload that is damaged too it says that what is before it was durable.
pub(crate) fn rest_of_segment(
    window: &mut Window,
    offset: u64,
    seed: u32,
    position: Position,
) -> io::Result<Rest> {
    let mut rest = Rest::default();
    let mut at = offset;
    while at < window.limit() {
        let block = window.get(at, BLOCK_BYTES)?;
        if block.is_empty() {
            break;
        }
        if !is_blank(block) {
            rest.used_until = at + BLOCK_BYTES as u64;
            let later = FrameHeader::decode(block, seed).is_some_and(|header| header.first >= position);
            if later && at > offset && rest.later_frame.is_none() {
                rest.later_frame = Some(at);
            }
        }
        at += BLOCK_BYTES as u64;
    }
    Ok(rest)
}
