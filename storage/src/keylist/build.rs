//! Writing a list from sorted entries, and merging lists into such entries.

use std::io;
use std::sync::Arc;

use crate::disk::{Access, Disk, DiskFile};
use crate::error::{IoContext, StorageError};
use crate::journal::{Position, Seal};
use crate::keylist::KeyEntry;
use crate::keylist::bloom::Bloom;
use crate::keylist::list::{List, PAGE_BYTES, PAGE_ENTRIES, encode_header, encode_page, list_name};

/// Name of a list while it is written; there is one at a time.
const UNFINISHED: &str = "keys.tmp";
/// Bytes written at once.
const WRITE_BYTES: usize = 256 * 1024;

/// Writes the list of `range` from entries sorted by hash, without duplicates, at most `at_most` of them; durable when it returns.
pub(crate) fn build(
    disk: &dyn Disk,
    range: Seal,
    at_most: u64,
    entries: &mut dyn Iterator<Item = Result<KeyEntry, StorageError>>,
) -> Result<List, StorageError> {
    let shown = || disk.describe(UNFINISHED);
    let file = disk.open(UNFINISHED, Access::Create).doing("make", shown)?;
    let mut writer = Writer { file: &*file, buffer: Vec::with_capacity(WRITE_BYTES), at: PAGE_BYTES as u64 };
    let (mut fences, mut bloom) = (Vec::new(), Bloom::new(at_most));
    let (mut page, mut count) = (Vec::with_capacity(PAGE_ENTRIES), 0_u64);
    loop {
        let entry = entries.next().transpose()?;
        if page.len() == PAGE_ENTRIES || (entry.is_none() && !page.is_empty()) {
            let first: &KeyEntry = &page[0];
            fences.extend_from_slice(&((first.hash >> 64) as u64).to_le_bytes());
            writer.write(&encode_page(&page)).doing("write", shown)?;
            page.clear();
        }
        let Some(entry) = entry else { break };
        bloom.add(entry.hash);
        page.push(entry);
        count += 1;
    }
    let index_check = crc32c::crc32c_append(crc32c::crc32c(&fences), bloom.bytes());
    let pages = (fences.len() / 8) as u64;
    let header = encode_header(range, count, pages, bloom.bytes().len() as u64, index_check);
    let name = list_name(range);
    let mut finish = || {
        writer.write(&fences)?;
        writer.write(bloom.bytes())?;
        writer.flush()?;
        file.write_at(&header, 0)?;
        file.sync()?;
        disk.rename(UNFINISHED, &name)?;
        disk.sync_names()
    };
    finish().doing("write", shown)?;
    List::open(disk, &name, range)
}

/// Appends through a buffer.
struct Writer<'f> {
    file: &'f dyn DiskFile,
    buffer: Vec<u8>,
    at: u64,
}

impl Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= WRITE_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_at(&self.buffer, self.at)?;
        self.at += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

/// The entries of several lists in order of hash; of several with one hash the latest, and none before the floor.
pub(crate) struct Merge<'d> {
    disk: &'d dyn Disk,
    sources: Vec<Source>,
    floor: Position,
}

/// A list being read, page by page.
struct Source {
    list: Arc<List>,
    next_page: usize,
    /// Of the current page, reversed: the next entry is the last.
    entries: Vec<KeyEntry>,
}

impl<'d> Merge<'d> {
    pub(crate) fn new(
        disk: &'d dyn Disk,
        lists: &[Arc<List>],
        floor: Position,
    ) -> Result<Merge<'d>, StorageError> {
        let source = |list: &Arc<List>| Source { list: Arc::clone(list), next_page: 0, entries: Vec::new() };
        let mut sources: Vec<Source> = lists.iter().map(source).collect();
        for source in &mut sources {
            source.fill(disk)?;
        }
        Ok(Merge { disk, sources, floor })
    }

    /// The latest entry of the smallest hash; all sources move past that hash.
    fn take(&mut self) -> Result<Option<KeyEntry>, StorageError> {
        let Some(hash) = self.sources.iter().filter_map(Source::hash).min() else { return Ok(None) };
        let mut latest: Option<KeyEntry> = None;
        for source in self.sources.iter_mut().filter(|source| source.hash() == Some(hash)) {
            let entry = source.entries.pop();
            source.fill(self.disk)?;
            latest = latest.into_iter().chain(entry).max_by_key(|entry| entry.position);
        }
        Ok(latest)
    }
}

impl Iterator for Merge<'_> {
    type Item = Result<KeyEntry, StorageError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.take() {
                Ok(Some(entry)) if entry.position < self.floor => {}
                taken => return taken.transpose(),
            }
        }
    }
}

impl Source {
    fn hash(&self) -> Option<u128> {
        self.entries.last().map(|entry| entry.hash)
    }

    /// Reads the next page when the current one is used up.
    fn fill(&mut self, disk: &dyn Disk) -> Result<(), StorageError> {
        if self.entries.is_empty() {
            self.entries = self.list.page(disk, self.next_page)?;
            self.entries.reverse();
            self.next_page += 1;
        }
        Ok(())
    }
}
