//! The bytes of a segment: its header and its frames. All integers little-endian.

use crate::disk::BLOCK_BYTES;
use crate::journal::Position;

/// First bytes of a segment.
pub(crate) const SEGMENT_MAGIC: &[u8; 8] = b"VENDUEJL";
/// First bytes of a frame, chosen so that no byte of it is zero.
pub(crate) const FRAME_MAGIC: u32 = u32::from_le_bytes(*b"VFRM");
/// Version of segment and frame. A change of either's meaning is a new version; an unknown one is refused.
pub(crate) const FORMAT_VERSION: u32 = 1;
/// Bytes of a segment's header; the block's rest is zero.
pub(crate) const SEGMENT_HEADER_BYTES: usize = 68;
/// Bytes of a frame's header; its payload follows.
pub(crate) const FRAME_HEADER_BYTES: usize = 40;
/// The grain of a torn write: what is at least this long and aligned to it arrives whole or not at all. Sectors have
/// 512 bytes or 4,096; 64 is what a memory bus moves at once.
pub(crate) const GRAIN_BYTES: usize = 64;

/// What stands at the beginning of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) cell: [u8; 16],
    pub(crate) epoch: u64,
    /// Position of the segment's first record.
    pub(crate) first: Position,
    /// First position of the segment before; 0 for a journal's very first segment.
    pub(crate) previous_first: Position,
    /// The check of the last frame before this segment; 0 for a journal's very first segment.
    pub(crate) previous_check: u32,
    /// Length of the file. It is filled with zeros before the segment gets its name.
    pub(crate) segment_bytes: u64,
}

/// Why a block is not the header of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum HeaderFault {
    Foreign,
    NewerVersion(u32),
    Check { stored: u32, computed: u32 },
}

impl SegmentHeader {
    /// The header's block, and its check: the seed of all checks of frames in this segment.
    pub(crate) fn encode(&self, block: &mut [u8]) -> u32 {
        block.fill(0);
        block[0..8].copy_from_slice(SEGMENT_MAGIC);
        block[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        block[12..28].copy_from_slice(&self.cell);
        block[28..36].copy_from_slice(&self.epoch.to_le_bytes());
        block[36..44].copy_from_slice(&self.first.to_le_bytes());
        block[44..52].copy_from_slice(&self.previous_first.to_le_bytes());
        block[52..60].copy_from_slice(&self.segment_bytes.to_le_bytes());
        block[60..64].copy_from_slice(&self.previous_check.to_le_bytes());
        let check = crc32c::crc32c(&block[..64]);
        block[64..68].copy_from_slice(&check.to_le_bytes());
        check
    }

    pub(crate) fn decode(block: &[u8]) -> Result<(SegmentHeader, u32), HeaderFault> {
        if block.len() < SEGMENT_HEADER_BYTES || &block[0..8] != SEGMENT_MAGIC {
            return Err(HeaderFault::Foreign);
        }
        let version = u32_at(block, 8);
        if version > FORMAT_VERSION {
            return Err(HeaderFault::NewerVersion(version));
        }
        let (stored, computed) = (u32_at(block, 64), crc32c::crc32c(&block[..64]));
        if stored != computed {
            return Err(HeaderFault::Check { stored, computed });
        }
        let mut cell = [0; 16];
        cell.copy_from_slice(&block[12..28]);
        let header = SegmentHeader {
            cell,
            epoch: u64_at(block, 28),
            first: u64_at(block, 36),
            previous_first: u64_at(block, 44),
            segment_bytes: u64_at(block, 52),
            previous_check: u32_at(block, 60),
        };
        Ok((header, stored))
    }
}

/// What stands before a frame's payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    /// Records in the payload. 0: a witness, which holds nothing and says that everything before it is durable.
    pub(crate) count: u32,
    /// Bytes of the payload.
    pub(crate) length: u32,
    /// Grains of the frame that are all zero although they were written. More than these means that some were not.
    pub(crate) blank_grains: u32,
    /// Position of the first record; of the next one to come, in a witness.
    pub(crate) first: Position,
    /// The check of the frame before.
    pub(crate) previous: u32,
    /// CRC-32C over the header's first 32 bytes and the payload, seeded with the segment's check.
    pub(crate) check: u32,
}

/// A frame's bytes on disk: header and payload, padded to whole blocks.
pub(crate) fn frame_bytes(payload_bytes: usize) -> usize {
    (FRAME_HEADER_BYTES + payload_bytes).next_multiple_of(BLOCK_BYTES)
}

/// Completes the frame in `frame`, whose payload already stands behind the place of the header; returns its check.
pub(crate) fn seal_frame(frame: &mut [u8], seed: u32, count: u32, first: Position, previous: u32) -> u32 {
    let length = (frame.len() - FRAME_HEADER_BYTES) as u32;
    frame[0..4].copy_from_slice(&FRAME_MAGIC.to_le_bytes());
    frame[4..8].copy_from_slice(&count.to_le_bytes());
    frame[8..12].copy_from_slice(&length.to_le_bytes());
    let blank = blank_grains(frame) as u32;
    frame[12..16].copy_from_slice(&blank.to_le_bytes());
    frame[16..24].copy_from_slice(&first.to_le_bytes());
    frame[24..28].copy_from_slice(&previous.to_le_bytes());
    frame[28..32].fill(0);
    let check = frame_check(frame, seed);
    frame[32..36].copy_from_slice(&check.to_le_bytes());
    let header_check = crc32c::crc32c_append(seed, &frame[..36]);
    frame[36..40].copy_from_slice(&header_check.to_le_bytes());
    check
}

/// The check over a frame that is not padded.
pub(crate) fn frame_check(frame: &[u8], seed: u32) -> u32 {
    let header = crc32c::crc32c_append(seed, &frame[..32]);
    crc32c::crc32c_append(header, &frame[FRAME_HEADER_BYTES..])
}

/// Number of grains of a frame that are all zero. The last one may be shorter.
pub(crate) fn blank_grains(frame: &[u8]) -> usize {
    // Nearly every grain is told by its first word; only the others are looked at whole.
    let blank = |grain: &[u8]| grain.first_chunk::<8>().is_none_or(|word| *word == [0; 8]) && is_blank(grain);
    frame.chunks(GRAIN_BYTES).filter(|grain| blank(grain)).count()
}

/// Whether all bytes are zero.
pub(crate) fn is_blank(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<16>();
    rest.iter().all(|byte| *byte == 0) && words.iter().all(|word| u128::from_ne_bytes(*word) == 0)
}

impl FrameHeader {
    /// `None` when the header's own check is wrong, or there are too few bytes.
    pub(crate) fn decode(bytes: &[u8], seed: u32) -> Option<FrameHeader> {
        let header = bytes.first_chunk::<FRAME_HEADER_BYTES>()?;
        if u32_at(header, 0) != FRAME_MAGIC
            || u32_at(header, 36) != crc32c::crc32c_append(seed, &header[..36])
        {
            return None;
        }
        Some(FrameHeader {
            count: u32_at(header, 4),
            length: u32_at(header, 8),
            blank_grains: u32_at(header, 12),
            first: u64_at(header, 16),
            previous: u32_at(header, 24),
            check: u32_at(header, 32),
        })
    }

    /// Bytes of header and payload, without padding.
    pub(crate) fn used_bytes(&self) -> usize {
        FRAME_HEADER_BYTES + self.length as usize
    }

    /// Bytes on disk.
    pub(crate) fn padded_bytes(&self) -> usize {
        frame_bytes(self.length as usize)
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grain_is_blank_only_when_all_of_it_is_zero() {
        let mut cases = vec![(vec![0; 130], 3), (vec![1; 130], 0), (vec![], 0)];
        let mut late = vec![0; 128];
        late[63] = 1;
        cases.push((late, 1));
        for (bytes, expected) in cases {
            assert_eq!(blank_grains(&bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn a_header_with_any_bit_flipped_is_refused() {
        let header = SegmentHeader {
            cell: [7; 16],
            epoch: 1,
            first: 9,
            previous_first: 4,
            previous_check: 5,
            segment_bytes: 8192,
        };
        let mut block = vec![0; BLOCK_BYTES];
        let check = header.encode(&mut block);
        assert_eq!(SegmentHeader::decode(&block), Ok((header, check)));
        for bit in 0..SEGMENT_HEADER_BYTES * 8 {
            block[bit / 8] ^= 1 << (bit % 8);
            assert!(SegmentHeader::decode(&block).is_err(), "bit {bit}");
            block[bit / 8] ^= 1 << (bit % 8);
        }
    }
}
