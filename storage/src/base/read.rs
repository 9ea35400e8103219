//! Reading a base: every byte is checked before anything of it is believed.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::format::{
    self, BLOCK_BYTES_MAX, BLOCK_HEAD_BYTES, CHECK_BYTES, FIXED_BYTES, MAGIC, RECORDS_BYTES_MAX,
};
use super::{BaseCost, BaseFacts, BaseName, Bases, REMEDY};
use crate::disk::{Access, DiskFile, read_exact_at};
use crate::error::{IoContext, StorageError};
use crate::state::{Change, StateStore, StoredValue};

/// A base's file, read from its beginning to its end.
struct Reader<'a> {
    bases: &'a Bases,
    name: String,
    file: Arc<dyn DiskFile>,
    at: u64,
    length: u64,
    check: u64,
}

/// One block, checked.
struct Block {
    items: u32,
    payload: Vec<u8>,
}

impl Reader<'_> {
    fn shown(&self) -> String {
        self.bases.disk.describe(&self.name)
    }

    fn damaged(&self, expected: impl Into<String>, found: impl Into<String>) -> StorageError {
        StorageError::damaged(self.shown(), self.at, expected, found, REMEDY)
    }

    /// The next bytes. A file that is too short is damaged, not an error of the disk.
    fn take(&mut self, bytes: usize) -> Result<Vec<u8>, StorageError> {
        let left = self.length.saturating_sub(self.at);
        if left < bytes as u64 {
            return Err(self.damaged(format!("{bytes} bytes"), format!("{left} to the end of the file")));
        }
        let mut buffer = vec![0; bytes];
        read_exact_at(&*self.file, &mut buffer, self.at).doing("read", || self.shown())?;
        self.at += bytes as u64;
        Ok(buffer)
    }

    fn header(&mut self) -> Result<BaseFacts, StorageError> {
        let bytes = self.take(FIXED_BYTES)?;
        let Some(fixed) = bytes.first_chunk::<FIXED_BYTES>() else {
            return Err(self.damaged("a header", "fewer bytes"));
        };
        if fixed[..8] != MAGIC[..] {
            return Err(StorageError::Foreign { file: self.shown(), expected: "\"VNDUBASE\"" });
        }
        let version = format::u32_at(fixed, 8);
        if version > format::VERSION {
            let known = format::VERSION;
            return Err(StorageError::NewerVersion { file: self.shown(), found: version, known });
        }
        let (marker, genesis) = format::record_lengths(fixed);
        if marker.saturating_add(genesis) > RECORDS_BYTES_MAX {
            return Err(self.damaged(format!("at most {RECORDS_BYTES_MAX} bytes of records"), "more"));
        }
        let records = self.take(marker + genesis + CHECK_BYTES)?;
        let (marker, rest) = records.split_at(marker);
        let (genesis, check) = rest.split_at(genesis);
        let facts = format::facts(fixed, marker.to_vec(), genesis.to_vec());
        let (_, expected) = format::header(&facts);
        if format::u64_at(check, 0) != expected || version != format::VERSION {
            return Err(self.damaged("a header with its check", "another check"));
        }
        self.check = expected;
        Ok(facts)
    }

    /// The next block; `None` at the end, when the totals are right and nothing follows.
    fn block(&mut self, sum: &mut (u64, u64)) -> Result<Option<Block>, StorageError> {
        let head = self.take(BLOCK_HEAD_BYTES)?;
        let (items, bytes) = (format::u32_at(&head, 0), format::u32_at(&head, 4) as usize);
        if bytes > BLOCK_BYTES_MAX {
            return Err(
                self.damaged(format!("a block of at most {BLOCK_BYTES_MAX} bytes"), bytes.to_string())
            );
        }
        let is_end = items == 0;
        let payload = self.take(if is_end { format::TOTAL_BYTES } else { bytes })?;
        let check = self.take(CHECK_BYTES)?;
        let expected = format::chained(&head, &payload, self.check);
        if format::u64_at(&check, 0) != expected {
            return Err(self.damaged("a block with its check", "another check"));
        }
        self.check = expected;
        if is_end {
            let totals = (format::u64_at(&payload, 0), format::u64_at(&payload, 8));
            if totals != *sum || bytes != 0 || self.at != self.length {
                return Err(self.damaged("the end of the base", "something else"));
            }
            return Ok(None);
        }
        sum.0 += u64::from(items);
        sum.1 += payload.len() as u64;
        Ok(Some(Block { items, payload }))
    }
}

impl Bases {
    fn reader(&self, name: &BaseName) -> Result<Reader<'_>, StorageError> {
        let name = name.file();
        let shown = || self.disk.describe(&name);
        let file = self.disk.open(&name, Access::Read).doing("open", shown)?;
        let length = file.length().doing("measure", shown)?;
        Ok(Reader { bases: self, name, file, at: 0, length, check: 0 })
    }

    /// What a base says of itself; nothing behind its header is looked at.
    ///
    /// # Errors
    /// [`StorageError::Damaged`], [`StorageError::Foreign`], [`StorageError::NewerVersion`], or what the disk says.
    pub fn facts(&self, name: &BaseName) -> Result<BaseFacts, StorageError> {
        let mut reader = self.reader(name)?;
        let facts = reader.header()?;
        if (facts.replay_from, facts.highest) != (name.replay_from, name.highest) {
            return Err(reader.damaged("the positions of its name", "others"));
        }
        Ok(facts)
    }

    /// Calls `visit` for every value, in the order of the keys, until it says `Break`. Each block is checked before its first
    /// value is shown; that the base is whole is known at the end only ([`Bases::verify`]).
    ///
    /// # Errors
    /// As for [`Bases::facts`].
    pub fn read(
        &self,
        name: &BaseName,
        visit: &mut dyn FnMut(StoredValue<'_>) -> ControlFlow<()>,
    ) -> Result<BaseCost, StorageError> {
        self.facts(name)?;
        let mut reader = self.reader(name)?;
        reader.header()?;
        let mut sum = (0, 0);
        while let Some(block) = reader.block(&mut sum)? {
            let mut rest = &block.payload[..];
            for _ in 0..block.items {
                let Some((item, after)) = format::take_item(rest) else {
                    return Err(reader.damaged("a value with its length", "fewer bytes"));
                };
                if visit(item).is_break() {
                    return Ok(BaseCost { items: sum.0, bytes: reader.at });
                }
                rest = after;
            }
            if !rest.is_empty() {
                return Err(reader.damaged("the end of a block", "more bytes"));
            }
        }
        Ok(BaseCost { items: sum.0, bytes: reader.at })
    }

    /// Reads all of a base and checks it.
    ///
    /// # Errors
    /// As for [`Bases::facts`].
    pub fn verify(&self, name: &BaseName) -> Result<BaseCost, StorageError> {
        self.read(name, &mut |_| ControlFlow::Continue(()))
    }

    /// Fills an empty store with a base: as if the checkpoint that it was made of had just been written. The base is read twice,
    /// once to see that it is whole. `progress` hears of values loaded so far.
    ///
    /// # Errors
    /// As for [`Bases::facts`], and the store's. If the base changed between both readings the store holds a part of it, and
    /// must not be used: set it aside.
    pub fn load(
        &self,
        name: &BaseName,
        store: &dyn StateStore,
        progress: &mut dyn FnMut(u64),
    ) -> Result<BaseCost, StorageError> {
        let facts = self.facts(name)?;
        self.verify(name)?;
        let mut reader = self.reader(name)?;
        reader.header()?;
        let (mut sum, mut failed, mut pending, mut loaded) = ((0, 0), None, Vec::new().into_iter(), 0_u64);
        let mut changes = std::iter::from_fn(|| {
            loop {
                if let Some(change) = pending.next() {
                    loaded += 1;
                    return Some(change);
                }
                progress(loaded);
                match reader.block(&mut sum) {
                    Ok(Some(block)) => pending = changes_of(&block).into_iter(),
                    Ok(None) => return None,
                    Err(error) => {
                        failed = Some(error);
                        return None;
                    }
                }
            }
        });
        store.checkpoint(&mut changes, &facts.marker)?;
        match failed {
            Some(error) => Err(error),
            None => Ok(BaseCost { items: sum.0, bytes: reader.at }),
        }
    }
}

fn changes_of(block: &Block) -> Vec<Change> {
    let mut rest = &block.payload[..];
    let mut changes = Vec::with_capacity(block.items as usize);
    while let Some((item, after)) = format::take_item(rest) {
        changes.push(Change { key: item.key, value: Some(item.value.to_vec()), deadline: item.deadline });
        rest = after;
    }
    changes
}
