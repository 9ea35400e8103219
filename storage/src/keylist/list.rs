//! One list: its bytes, and looking a key up in it.
//!
//! | part | bytes |
//! |---|---|
//! | header | one block of 4,096: magic, version, range, number of entries and pages, length of the filter, checks |
//! | pages | 4,096 each: up to 127 entries sorted by hash, number, CRC-32C |
//! | fences | 8 for each page: the upper half of its first hash |
//! | filter | 64 for each block |

use std::sync::Arc;

use crate::disk::{Access, Disk, DiskFile, read_exact_at};
use crate::error::{IoContext, StorageError};
use crate::journal::Seal;
use crate::keylist::bloom::Bloom;
use crate::keylist::{ENTRY_BYTES, KeyEntry};

/// Bytes of a page and of the header.
pub(crate) const PAGE_BYTES: usize = 4096;
/// Entries of a page; the rest holds their number and the check.
pub(crate) const PAGE_ENTRIES: usize = PAGE_BYTES / ENTRY_BYTES - 1;
/// Where a page's number of entries stands, and its check.
const COUNT_AT: usize = PAGE_ENTRIES * ENTRY_BYTES;
const CHECK_AT: usize = PAGE_BYTES - 4;

const MAGIC: &[u8; 8] = b"VENDUEKL";
const VERSION: u32 = 1;
const ENDING: &str = ".keys";
const REMEDY: &str = "Start again: the list is set aside and written again from its segment of the journal";

/// An open list.
pub(crate) struct List {
    pub(crate) name: String,
    pub(crate) range: Seal,
    pub(crate) count: u64,
    file: Arc<dyn DiskFile>,
    /// The upper half of each page's first hash.
    fences: Vec<u64>,
    bloom: Bloom,
}

/// The name of the list of a range of positions.
pub(crate) fn list_name(range: Seal) -> String {
    format!("{:020}-{:020}{ENDING}", range.first, range.last)
}

pub(crate) fn parse_name(name: &str) -> Option<Seal> {
    let (first, last) = name.strip_suffix(ENDING)?.split_once('-')?;
    let range = Seal { first: first.parse().ok()?, last: last.parse().ok()? };
    (list_name(range) == name).then_some(range)
}

/// The header's block.
pub(crate) fn encode_header(
    range: Seal,
    count: u64,
    pages: u64,
    bloom_bytes: u64,
    index_check: u32,
) -> Vec<u8> {
    let mut block = vec![0; PAGE_BYTES];
    block[..8].copy_from_slice(MAGIC);
    block[8..12].copy_from_slice(&VERSION.to_le_bytes());
    for (at, word) in [(12, range.first), (20, range.last), (28, count), (36, pages), (44, bloom_bytes)] {
        block[at..at + 8].copy_from_slice(&word.to_le_bytes());
    }
    block[52..56].copy_from_slice(&index_check.to_le_bytes());
    let check = crc32c::crc32c(&block[..56]);
    block[56..60].copy_from_slice(&check.to_le_bytes());
    block
}

/// A page of entries, which are at most [`PAGE_ENTRIES`].
pub(crate) fn encode_page(entries: &[KeyEntry]) -> [u8; PAGE_BYTES] {
    let mut page = [0; PAGE_BYTES];
    for (entry, bytes) in entries.iter().zip(page.as_chunks_mut::<ENTRY_BYTES>().0) {
        // Big-endian, so that the bytes sort as the hashes do.
        bytes[..16].copy_from_slice(&entry.hash.to_be_bytes());
        bytes[16..24].copy_from_slice(&entry.content.to_le_bytes());
        bytes[24..].copy_from_slice(&entry.position.to_le_bytes());
    }
    page[COUNT_AT..COUNT_AT + 2].copy_from_slice(&(entries.len() as u16).to_le_bytes());
    let check = crc32c::crc32c(&page[..CHECK_AT]);
    page[CHECK_AT..].copy_from_slice(&check.to_le_bytes());
    page
}

/// The entries of a page, checked.
fn page_entries(page: &[u8; PAGE_BYTES]) -> Option<&[[u8; ENTRY_BYTES]]> {
    let stored = u32::from_le_bytes(std::array::from_fn(|i| page[CHECK_AT + i]));
    let count = usize::from(u16::from_le_bytes([page[COUNT_AT], page[COUNT_AT + 1]]));
    if stored != crc32c::crc32c(&page[..CHECK_AT]) {
        return None;
    }
    page.as_chunks::<ENTRY_BYTES>().0.get(..count.min(PAGE_ENTRIES))
}

fn hash_of(entry: &[u8; ENTRY_BYTES]) -> u128 {
    u128::from_be_bytes(std::array::from_fn(|i| entry[i]))
}

fn decode_entry(entry: &[u8; ENTRY_BYTES]) -> KeyEntry {
    let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| entry[at + i]));
    KeyEntry { hash: hash_of(entry), content: word(16), position: word(24) }
}

impl List {
    /// Opens a list: reads and checks its header, fences and filter; pages are checked when they are read.
    pub(crate) fn open(disk: &dyn Disk, name: &str, range: Seal) -> Result<List, StorageError> {
        let shown = || disk.describe(name);
        let damaged = |at: u64, expected: &str, found: &str| {
            Err(StorageError::damaged(shown(), at, expected, found, REMEDY))
        };
        let file = disk.open(name, Access::Read).doing("open", shown)?;
        let length = file.length().doing("measure", shown)?;
        let mut header = vec![0; PAGE_BYTES];
        let read = file.read_at(&mut header, 0).doing("read", shown)?;
        if header[..8] != *MAGIC {
            return Err(StorageError::Foreign { file: shown(), expected: "\"VENDUEKL\"" });
        }
        let half = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| header[at + i]));
        let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| header[at + i]));
        if half(8) > VERSION {
            return Err(StorageError::NewerVersion { file: shown(), found: half(8), known: VERSION });
        }
        if read < PAGE_BYTES || half(56) != crc32c::crc32c(&header[..56]) {
            return damaged(0, "a header with a good check", "a wrong one");
        }
        let (count, pages, bloom_bytes) = (word(28), word(36), word(44));
        if (word(12), word(20)) != (range.first, range.last) {
            return damaged(12, "the range that the name says", "another");
        }
        let index_at = PAGE_BYTES as u64 * (pages + 1);
        if length != index_at + pages * 8 + bloom_bytes {
            return damaged(length, "the length that the header says", "another");
        }
        let mut index = vec![0; (length - index_at) as usize];
        read_exact_at(&*file, &mut index, index_at).doing("read", shown)?;
        if half(52) != crc32c::crc32c(&index) {
            return damaged(index_at, "fences and filter with a good check", "a wrong one");
        }
        let bloom = index.split_off(pages as usize * 8);
        let fences = index.as_chunks::<8>().0.iter().map(|fence| u64::from_le_bytes(*fence)).collect();
        Ok(List { name: name.to_owned(), range, count, file, fences, bloom: Bloom::from_bytes(bloom) })
    }

    /// The entry of a hash.
    pub(crate) fn lookup(&self, disk: &dyn Disk, hash: u128) -> Result<Option<KeyEntry>, StorageError> {
        if !self.bloom.may_hold(hash) {
            return Ok(None);
        }
        let upper = (hash >> 64) as u64;
        // The last page that begins before the hash, and those that begin with its very upper half: nearly always one page.
        let from = self.fences.partition_point(|fence| *fence < upper).saturating_sub(1);
        let until = self.fences.partition_point(|fence| *fence <= upper);
        for page in from..until {
            let bytes = self.read_page(disk, page)?;
            let entries = page_entries(&bytes).unwrap_or_default();
            if let Ok(at) = entries.binary_search_by_key(&hash, hash_of) {
                return Ok(Some(decode_entry(&entries[at])));
            }
        }
        Ok(None)
    }

    fn read_page(&self, disk: &dyn Disk, page: usize) -> Result<Box<[u8; PAGE_BYTES]>, StorageError> {
        let shown = || disk.describe(&self.name);
        let mut bytes = Box::new([0; PAGE_BYTES]);
        let at = PAGE_BYTES as u64 * (page as u64 + 1);
        read_exact_at(&*self.file, &mut bytes[..], at).doing("read", shown)?;
        if page_entries(&bytes).is_none() {
            return Err(StorageError::damaged(
                shown(),
                at,
                "a page with a good check",
                "a wrong one",
                REMEDY,
            ));
        }
        Ok(bytes)
    }

    /// The entries of a page, decoded; none after the last page.
    pub(crate) fn page(&self, disk: &dyn Disk, page: usize) -> Result<Vec<KeyEntry>, StorageError> {
        if page >= self.fences.len() {
            return Ok(Vec::new());
        }
        let bytes = self.read_page(disk, page)?;
        Ok(page_entries(&bytes).unwrap_or_default().iter().map(decode_entry).collect())
    }

    pub(crate) fn memory_bytes(&self) -> u64 {
        (self.fences.len() * 8 + self.bloom.bytes().len() + size_of::<List>()) as u64
    }

    pub(crate) fn disk_bytes(&self) -> u64 {
        (PAGE_BYTES * (self.fences.len() + 1) + self.fences.len() * 8 + self.bloom.bytes().len()) as u64
    }
}
