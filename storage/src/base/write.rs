//! Writing a base: off the path of every bid, slowly where it is asked to.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::format::{self, BLOCK_BYTES, CHECK_BYTES, TOTAL_BYTES};
use super::{BaseFacts, BaseName, Bases, PART};
use crate::disk::{Access, DiskFile};
use crate::error::{IoContext, StorageError};
use crate::state::StateStore;

/// What a base came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BaseCost {
    /// Values in it.
    pub items: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

struct Writer {
    file: Arc<dyn DiskFile>,
    at: u64,
    check: u64,
    payload: Vec<u8>,
    in_block: u32,
    items: u64,
    payload_bytes: u64,
}

impl Writer {
    fn put(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.file.write_at(bytes, self.at)?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    /// Writes what has come together as a block.
    fn block(&mut self) -> std::io::Result<()> {
        if self.in_block == 0 {
            return Ok(());
        }
        let mut head = [0; 8];
        head[..4].copy_from_slice(&self.in_block.to_le_bytes());
        head[4..].copy_from_slice(&(self.payload.len() as u32).to_le_bytes());
        self.check = format::chained(&head, &self.payload, self.check);
        let payload = std::mem::take(&mut self.payload);
        self.put(&head)?;
        self.put(&payload)?;
        self.put(&self.check.to_le_bytes())?;
        self.payload_bytes += payload.len() as u64;
        self.payload = payload;
        self.payload.clear();
        self.in_block = 0;
        Ok(())
    }

    /// The end block: no items, the totals, the last check.
    fn end(&mut self) -> std::io::Result<()> {
        let mut totals = [0; TOTAL_BYTES];
        totals[..8].copy_from_slice(&self.items.to_le_bytes());
        totals[8..].copy_from_slice(&self.payload_bytes.to_le_bytes());
        let check = format::chained(&[0; 8], &totals, self.check);
        let mut bytes = Vec::with_capacity(8 + TOTAL_BYTES + CHECK_BYTES);
        bytes.extend_from_slice(&[0; 8]);
        bytes.extend_from_slice(&totals);
        bytes.extend_from_slice(&check.to_le_bytes());
        self.put(&bytes)?;
        self.file.sync()
    }
}

impl Bases {
    /// Writes everything that `store` holds as a base; nothing may checkpoint into it meanwhile. `pace` hears of each block's
    /// bytes and may take its time; with `Break` the base is given up, and `Ok(None)` returned.
    ///
    /// # Errors
    /// What the store or the disk says; there is no such base then.
    pub fn write(
        &self,
        facts: &BaseFacts,
        store: &dyn StateStore,
        pace: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Option<BaseCost>, StorageError> {
        let name = BaseName { replay_from: facts.replay_from, highest: facts.highest }.file();
        let part = format!("{name}{PART}");
        let shown = || self.disk.describe(&part);
        match self.write_part(&part, facts, store, pace) {
            Ok(Some(cost)) => {
                self.disk.rename(&part, &name).doing("name", shown)?;
                self.disk.sync_names().doing("sync the directory of", shown)?;
                Ok(Some(cost))
            }
            other => {
                // What cannot be removed now is removed at the next start.
                let _ = self.disk.remove(&part);
                other
            }
        }
    }

    fn write_part(
        &self,
        part: &str,
        facts: &BaseFacts,
        store: &dyn StateStore,
        pace: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Option<BaseCost>, StorageError> {
        let shown = || self.disk.describe(part);
        let file = self.disk.open(part, Access::Create).doing("make", shown)?;
        let (header, check) = format::header(facts);
        let payload = Vec::with_capacity(BLOCK_BYTES + BLOCK_BYTES / 4);
        let mut writer = Writer { file, at: 0, check, payload, in_block: 0, items: 0, payload_bytes: 0 };
        writer.put(&header).doing("write", shown)?;
        let (mut failed, mut given_up) = (None, false);
        store.export(&mut |item| {
            format::put_item(&mut writer.payload, item);
            writer.in_block += 1;
            writer.items += 1;
            if writer.payload.len() < BLOCK_BYTES {
                return ControlFlow::Continue(());
            }
            let bytes = writer.payload.len() as u64;
            if let Err(error) = writer.block() {
                failed = Some(error);
                return ControlFlow::Break(());
            }
            given_up = pace(bytes).is_break();
            if given_up { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if given_up {
            return Ok(None);
        }
        failed
            .map_or(Ok(()), Err)
            .and_then(|()| writer.block())
            .and_then(|()| writer.end())
            .doing("write", shown)?;
        Ok(Some(BaseCost { items: writer.items, bytes: writer.at }))
    }
}
