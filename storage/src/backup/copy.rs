//! Copying a journal into a backup, again and again into the same one.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::backup::manifest::{BackupFile, Manifest, hex};
use crate::backup::{JOURNAL, STEP_BYTES, SegmentPart};
use crate::disk::{Access, Disk, DiskFile, RealDisk, read_exact_at};
use crate::error::{IoContext, StorageError};
use crate::journal::{JournalReader, Position};
use crate::lock::DirLock;

/// What a round of copying did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Copied {
    /// Files that were begun or continued.
    pub files: u64,
    /// Bytes that were read of the source, and were not in the backup before.
    pub bytes: u64,
    /// The last record in the backup now.
    pub last: Position,
}

/// The writing side of a backup. It has one owner: the directory is locked.
pub struct BackupWriter {
    pub(super) disk: RealDisk,
    journal: RealDisk,
    pub(super) dir: PathBuf,
    pub(super) manifest: Option<Manifest>,
    /// The hash of what is copied already, of files that may grow: made once from the copy itself.
    hashes: HashMap<String, Sha256>,
    /// Whether journal and backup were compared by this process.
    is_compared: bool,
    _lock: DirLock,
}

impl BackupWriter {
    /// Opens the backup in `dir`, or begins one.
    ///
    /// # Errors
    /// The directory is in use, its manifest is not good, or what the disk says.
    pub fn open(dir: &Path) -> Result<BackupWriter, StorageError> {
        let shown = || dir.display().to_string();
        let lock = DirLock::acquire(dir)?;
        let disk = RealDisk::new(dir).doing("open the directory", shown)?;
        let journal = RealDisk::new(&dir.join(JOURNAL)).doing("make the directory", shown)?;
        let manifest = Manifest::read(&disk)?;
        Ok(BackupWriter {
            disk,
            journal,
            dir: dir.to_owned(),
            manifest,
            hashes: HashMap::new(),
            is_compared: false,
            _lock: lock,
        })
    }

    /// What the backup holds; `None` before the first round.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref()
    }

    /// Copies what is durable in the journal and not yet in the backup; `from` is the journal's directory. With an
    /// error the backup holds what it held before; call it again when you like.
    ///
    /// # Errors
    /// What either disk says; [`StorageError::OtherCell`] or [`StorageError::Backend`] when the backup is of another
    /// history; [`StorageError::Damaged`] when what was written cannot be read back.
    pub fn copy_journal(&mut self, reader: &dyn JournalReader, from: &Path) -> Result<Copied, StorageError> {
        // The end is asked before the parts: they hold at least what it says.
        let last = reader.last();
        let parts = reader.parts();
        let Some(newest) = parts.last() else { return Ok(Copied::default()) };
        let mut manifest = match &self.manifest {
            Some(manifest) => manifest.clone(),
            None => Manifest { cell: newest.cell, epoch: newest.epoch, last: 0, files: Vec::new() },
        };
        let source = RealDisk::new(from).doing("open the directory", || from.display().to_string())?;
        self.check_same_history(&manifest, &parts, last, &source)?;
        let mut copied = Copied { last, ..Copied::default() };
        for part in &parts {
            let name = format!("{JOURNAL}/{}", part.name);
            let held = manifest.file(&name).cloned();
            let from = held.as_ref().map_or(0, |file| file.bytes);
            if from >= part.durable_bytes {
                continue;
            }
            let sha256 = self.copy_part(&source, part, held.as_ref())?;
            copied.files += 1;
            copied.bytes += part.durable_bytes - from;
            manifest.put(BackupFile { name, bytes: part.durable_bytes, sha256 });
        }
        if copied.files > 0 || self.manifest.is_none() {
            manifest.epoch = newest.epoch;
            // A witness grows the file without a record; records may have come after the end was asked.
            manifest.last = manifest.last.max(last);
            self.journal.sync_names().doing("sync the directory of", || self.journal.describe(""))?;
            manifest.write(&self.disk)?;
            self.manifest = Some(manifest);
        }
        Ok(copied)
    }

    /// A backup grows with one history: another cell, an older epoch or an earlier end is another one.
    fn check_same_history(
        &mut self,
        manifest: &Manifest,
        parts: &[SegmentPart],
        last: Position,
        source: &RealDisk,
    ) -> Result<(), StorageError> {
        let dir = self.dir.clone();
        let file = || dir.display().to_string();
        let Some(newest) = parts.last() else { return Ok(()) };
        if manifest.cell != newest.cell {
            let (found, expected) = (hex(&manifest.cell), hex(&newest.cell));
            return Err(StorageError::OtherCell { file: file(), found, expected });
        }
        let other =
            |message: String| StorageError::Backend { what: "the backup is of another history", message };
        if manifest.epoch > newest.epoch || manifest.last > last {
            return Err(other(format!(
                "{} holds epoch {} up to record {}, the journal epoch {} up to record {last}; back up into a new directory",
                file(),
                manifest.epoch,
                manifest.last,
                newest.epoch
            )));
        }
        if self.is_compared {
            return Ok(());
        }
        // Segments name the check of the one before: when the newest of both is the same, everything before it is.
        let held = |part: &SegmentPart| manifest.file(&format!("{JOURNAL}/{}", part.name)).cloned();
        if let Some((part, held)) = parts.iter().rev().find_map(|part| Some((part, held(part)?))) {
            let shown = || source.describe(&part.name);
            let original = source.open(&part.name, Access::Read).doing("open", shown)?;
            let mut hash = Sha256::new();
            let read = read_steps(&*original, 0, held.bytes, &mut |_, bytes| {
                hash.update(bytes);
                Ok(())
            });
            read.doing("read", shown)?;
            let found: [u8; 32] = hash.finalize().into();
            if part.durable_bytes < held.bytes || found != held.sha256 {
                return Err(other(format!(
                    "{} was written differently than {} says: one of both was restored from a backup; back up into a new directory",
                    shown(),
                    file()
                )));
            }
        }
        self.is_compared = true;
        Ok(())
    }

    /// Copies what is missing of one segment, syncs it and reads it back; the SHA-256 of all of it.
    fn copy_part(
        &mut self,
        source: &RealDisk,
        part: &SegmentPart,
        held: Option<&BackupFile>,
    ) -> Result<[u8; 32], StorageError> {
        let written = || self.journal.describe(&part.name);
        let read = || source.describe(&part.name);
        let begin = held.map_or(0, |file| file.bytes);
        let access = if held.is_some() { Access::Write } else { Access::Create };
        let copy = self.journal.open(&part.name, access).doing("open", written)?;
        let before = match (self.hashes.remove(&part.name), held) {
            (Some(hash), _) => hash,
            (None, Some(file)) => rehash(&*copy, file, &written)?,
            (None, None) => Sha256::new(),
        };
        if held.is_none() {
            copy.set_length(part.file_bytes).doing("extend", written)?;
        }
        let original = source.open(&part.name, Access::Read).doing("open", read)?;
        let mut hash = before.clone();
        read_steps(&*original, begin, part.durable_bytes, &mut |at, bytes| {
            hash.update(bytes);
            copy.write_at(bytes, at)
        })
        .doing("copy to", written)?;
        copy.sync().doing("sync", written)?;
        let sha256: [u8; 32] = hash.clone().finalize().into();
        check_copy(&copy, before, begin, part.durable_bytes, &sha256, &written)?;
        if part.durable_bytes < part.file_bytes {
            self.hashes.insert(part.name.clone(), hash);
        }
        Ok(sha256)
    }
}

/// Reads `from..until` in steps.
pub(super) fn read_steps(
    file: &dyn DiskFile,
    from: u64,
    until: u64,
    take: &mut dyn FnMut(u64, &[u8]) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let mut buffer = vec![0; STEP_BYTES.min(until.saturating_sub(from) as usize)];
    let mut at = from;
    while at < until {
        let step = buffer.len().min((until - at) as usize);
        read_exact_at(file, &mut buffer[..step], at)?;
        take(at, &buffer[..step])?;
        at += step as u64;
    }
    Ok(())
}

/// The hash of a file of the backup as far as it counts, if it still is what the manifest says.
fn rehash(
    file: &dyn DiskFile,
    named: &BackupFile,
    shown: &dyn Fn() -> String,
) -> Result<Sha256, StorageError> {
    let mut hash = Sha256::new();
    let read = read_steps(file, 0, named.bytes, &mut |_, bytes| {
        hash.update(bytes);
        Ok(())
    });
    read.doing("read", shown)?;
    let found: [u8; 32] = hash.clone().finalize().into();
    if found == named.sha256 { Ok(hash) } else { Err(differs(shown(), &named.sha256, &found)) }
}

/// Reads what was written back and compares.
pub(super) fn check_copy(
    copy: &Arc<dyn DiskFile>,
    before: Sha256,
    from: u64,
    until: u64,
    expected: &[u8; 32],
    shown: &dyn Fn() -> String,
) -> Result<(), StorageError> {
    let mut hash = before;
    let read = read_steps(&**copy, from, until, &mut |_, bytes| {
        hash.update(bytes);
        Ok(())
    });
    read.doing("read back", shown)?;
    let found: [u8; 32] = hash.finalize().into();
    if found == *expected { Ok(()) } else { Err(differs(shown(), expected, &found)) }
}

/// A file of a backup that is not what its manifest says.
pub(super) fn differs(file: String, expected: &[u8; 32], found: &[u8; 32]) -> StorageError {
    let words = |hash: &[u8; 32]| format!("SHA-256 {}", hex(&hash[..8]));
    StorageError::damaged(file, 0, words(expected), words(found), super::manifest::OTHER_BACKUP)
}
