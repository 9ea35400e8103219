//! The vault's file: a record for each person, appended and synced before anything is sealed with its key.
//!
//! Erasing writes a new file without the key, durably, and only then overwrites the old one with zeros and removes it.
//! (On a copying file system or a disk that moves its blocks the overwritten bytes may linger beneath; where that matters
//! the volume of the vault has to be encrypted.)

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use crate::disk::{Access, Disk, DiskFile, RealDisk};
use crate::error::{IoContext, StorageError};
use crate::lock::DirLock;
use crate::vault::Vault;
use crate::vault::seal::{self, Entropy, KEY_BYTES, Keys, PersonKey};

const MAGIC: &[u8; 8] = b"VENDUEVT";
const VERSION: u32 = 1;
/// Bytes of the header and of each record. A sector holds whole records, so a record is written whole or not at all.
const RECORD_BYTES: usize = 64;
const CHECKED_BYTES: usize = RECORD_BYTES - 4;

/// Kind of a record: a person's key, or that it was destroyed.
const KEY: u8 = 1;
const ERASED: u8 = 2;

/// The file; its successor while it is written; its predecessor until it is overwritten.
const VAULT: &str = "vault";
const NEW: &str = "vault.new";
const OLD: &str = "vault.old";

/// A vault in a directory of its own.
pub struct FileVault {
    state: Mutex<State>,
    disk: Arc<dyn Disk>,
    entropy: Entropy,
    _lock: Option<DirLock>,
}

struct State {
    keys: Keys,
    file: Arc<dyn DiskFile>,
    /// Where the next record goes.
    end: u64,
    /// After an error what the file holds is unknown: nothing more is appended to it (I8).
    failed: bool,
}

impl FileVault {
    /// Opens the vault in `dir`, or makes one, and locks the directory. An erasure that was interrupted is completed.
    ///
    /// # Errors
    /// Foreign, newer or damaged files; the directory in use; the disk's own.
    pub fn open(dir: &Path, entropy: Entropy) -> Result<FileVault, StorageError> {
        let lock = DirLock::acquire(dir)?;
        let disk = RealDisk::new(dir).doing("open the directory", || dir.display().to_string())?;
        let mut vault = FileVault::open_on(Arc::new(disk), entropy)?;
        vault._lock = Some(lock);
        Ok(vault)
    }

    /// Opens the vault on a disk. The caller sees to it that nobody else does.
    ///
    /// # Errors
    /// As for [`FileVault::open`].
    pub fn open_on(disk: Arc<dyn Disk>, entropy: Entropy) -> Result<FileVault, StorageError> {
        complete_erasure(&*disk).doing("complete an erasure in", || disk.describe(VAULT))?;
        let names = disk.list().doing("list", || disk.describe(""))?;
        if !names.iter().any(|name| name == VAULT) {
            replace(&*disk, &Keys::default()).doing("make", || disk.describe(VAULT))?;
        }
        let state = State::read(&*disk)?;
        Ok(FileVault { state: Mutex::new(state), disk, entropy, _lock: None })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shown(&self) -> String {
        self.disk.describe(VAULT)
    }
}

impl Vault for FileVault {
    fn seal(&self, person: [u8; 16], plaintext: &[u8]) -> Result<Vec<u8>, StorageError> {
        let mut state = self.state();
        if let Some(key) = state.keys.get(person)? {
            return seal::seal(key, person, plaintext, &self.entropy);
        }
        let key = seal::new_key(&self.entropy)?;
        // Before anything sealed with it can be journaled, the key is durable.
        state.append(&record(KEY, &person, Some(&key))[..]).doing("append to", || self.shown())?;
        seal::seal(state.keys.insert(person, key), person, plaintext, &self.entropy)
    }

    fn open(&self, person: [u8; 16], sealed: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        match self.state().keys.get(person) {
            Ok(Some(key)) => seal::open(key, person, sealed).map(Some),
            Ok(None) | Err(_) => Ok(None),
        }
    }

    fn fingerprint(&self, person: [u8; 16], plaintext: &[u8]) -> Result<Option<u64>, StorageError> {
        match self.state().keys.get(person) {
            Ok(Some(key)) => seal::fingerprint(key, plaintext).map(Some),
            Ok(None) | Err(_) => Ok(None),
        }
    }

    fn erase(&self, person: [u8; 16]) -> Result<(), StorageError> {
        let mut state = self.state();
        if state.keys.is_erased(person) && !state.failed {
            return Ok(());
        }
        // From here on the key is not used, whatever the disk says; the caller repeats it after an error.
        state.failed = true;
        state.keys.erase(person);
        // What an earlier try left: its old file must be overwritten before another takes its name.
        complete_erasure(&*self.disk).doing("overwrite", || self.disk.describe(OLD))?;
        replace(&*self.disk, &state.keys).doing("erase a key from", || self.shown())?;
        complete_erasure(&*self.disk).doing("overwrite", || self.disk.describe(OLD))?;
        *state = State::read(&*self.disk)?;
        Ok(())
    }
}

impl State {
    /// Reads the whole file and checks it; an unfinished record at the end is cut.
    fn read(disk: &dyn Disk) -> Result<State, StorageError> {
        let shown = || disk.describe(VAULT);
        let file = disk.open(VAULT, Access::Write).doing("open", shown)?;
        let length = file.length().doing("measure", shown)?;
        let mut bytes = Zeroizing::new(vec![0; length as usize]);
        let read = file.read_at(&mut bytes, 0).doing("read", shown)?;
        let (keys, used) = parse(&bytes[..read], shown)?;
        if used < length {
            file.set_length(used).doing("cut the unfinished end of", shown)?;
        }
        // What was read may still be on its way to the disk, when only the process died.
        file.sync().doing("sync", shown)?;
        Ok(State { keys, file, end: used, failed: false })
    }

    fn append(&mut self, record: &[u8]) -> io::Result<()> {
        if self.failed {
            return Err(io::Error::other(
                "an earlier write failed; nothing more is written until it is opened again",
            ));
        }
        let written = self.file.write_at(record, self.end).and_then(|()| self.file.sync());
        self.failed = written.is_err();
        self.end += record.len() as u64;
        written
    }
}

fn header() -> [u8; RECORD_BYTES] {
    let mut bytes = [0; RECORD_BYTES];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    let check = crc32c::crc32c(&bytes[..CHECKED_BYTES]);
    bytes[CHECKED_BYTES..].copy_from_slice(&check.to_le_bytes());
    bytes
}

/// Kind (1 byte), 3 zeros, person (16), key (32), 8 zeros, CRC-32C.
fn record(kind: u8, person: &[u8; 16], key: Option<&PersonKey>) -> Zeroizing<[u8; RECORD_BYTES]> {
    let mut bytes = Zeroizing::new([0; RECORD_BYTES]);
    bytes[0] = kind;
    bytes[4..20].copy_from_slice(person);
    if let Some(key) = key {
        bytes[20..20 + KEY_BYTES].copy_from_slice(&key[..]);
    }
    let check = crc32c::crc32c(&bytes[..CHECKED_BYTES]);
    bytes[CHECKED_BYTES..].copy_from_slice(&check.to_le_bytes());
    bytes
}

fn check_of(record: &[u8]) -> u32 {
    u32::from_le_bytes(std::array::from_fn(|i| record[CHECKED_BYTES + i]))
}

/// The keys of a file, and how much of it is whole. A record is synced before the next is written, so only the last can be
/// unfinished: then it is short, or zero. A record that is there and wrong is damage.
fn parse(bytes: &[u8], shown: impl Fn() -> String) -> Result<(Keys, u64), StorageError> {
    let remedy = "Restore the vault from its own backup: without its keys the personal data in the journal cannot be read";
    let damaged = |at: usize, expected: &str, found: &str| {
        Err(StorageError::damaged(shown(), at as u64, expected, found, remedy))
    };
    let Some((start, records)) = bytes.split_first_chunk::<RECORD_BYTES>() else {
        return damaged(bytes.len(), "a header of 64 bytes", "the end of the file");
    };
    if &start[..8] != MAGIC {
        return Err(StorageError::Foreign { file: shown(), expected: "\"VENDUEVT\"" });
    }
    let version = u32::from_le_bytes([start[8], start[9], start[10], start[11]]);
    if version > VERSION {
        return Err(StorageError::NewerVersion { file: shown(), found: version, known: VERSION });
    }
    if *start != header() {
        return damaged(0, "a header with a good check", "a wrong one");
    }
    let mut keys = Keys::default();
    let mut used = RECORD_BYTES;
    let count = records.len().div_ceil(RECORD_BYTES);
    for (index, record) in records.chunks(RECORD_BYTES).enumerate() {
        let unfinished = record.len() < RECORD_BYTES || record.iter().all(|byte| *byte == 0);
        if unfinished && index + 1 == count {
            break;
        }
        if unfinished || check_of(record) != crc32c::crc32c(&record[..CHECKED_BYTES]) {
            return damaged(used, "a record with a good check", "a wrong one");
        }
        let person: [u8; 16] = std::array::from_fn(|i| record[4 + i]);
        match record[0] {
            KEY => {
                keys.insert(person, PersonKey::new(std::array::from_fn(|i| record[20 + i])));
            }
            ERASED => keys.erase(person),
            _ => return damaged(used, "a key or an erasure", "a record of an unknown kind"),
        }
        used += RECORD_BYTES;
    }
    Ok((keys, used as u64))
}

/// Writes a file of these keys beside the one there is, durably, and puts it in its place. The old one keeps a name, so that it
/// can be overwritten whatever happens in between.
fn replace(disk: &dyn Disk, keys: &Keys) -> io::Result<()> {
    let mut people: Vec<_> = keys.iter().collect();
    people.sort_by_key(|(person, _)| **person);
    let mut bytes = Zeroizing::new(header().to_vec());
    bytes.reserve_exact(people.len() * RECORD_BYTES);
    for (person, key) in people {
        bytes.extend_from_slice(&record(if key.is_some() { KEY } else { ERASED }, person, key)[..]);
    }
    let file = disk.open(NEW, Access::Create)?;
    file.write_at(&bytes, 0)?;
    file.sync()?;
    // The new file's name is durable before the old one loses its own.
    disk.sync_names()?;
    if disk.list()?.iter().any(|name| name == VAULT) {
        disk.rename(VAULT, OLD)?;
    }
    disk.rename(NEW, VAULT)?;
    disk.sync_names()
}

/// Brings an interrupted `replace` to its end, and overwrites the file that it replaced.
fn complete_erasure(disk: &dyn Disk) -> io::Result<()> {
    let names = disk.list()?;
    let there = |name: &str| names.iter().any(|other| other == name);
    if there(NEW) {
        if there(OLD) && !there(VAULT) {
            // The new file was synced before the old one lost its name.
            disk.rename(NEW, VAULT)?;
            disk.sync_names()?;
        } else {
            // Perhaps unfinished; the vault is whole without it. It holds keys, so it is overwritten too.
            overwrite_and_remove(disk, NEW)?;
        }
    }
    if there(OLD) {
        // The file that takes its place must be there for good before it goes.
        disk.sync_names()?;
        overwrite_and_remove(disk, OLD)?;
    }
    Ok(())
}

fn overwrite_and_remove(disk: &dyn Disk, name: &str) -> io::Result<()> {
    let file = disk.open(name, Access::Write)?;
    let length = file.length()?;
    file.write_at(&vec![0; length as usize], 0)?;
    file.sync()?;
    disk.remove(name)?;
    disk.sync_names()
}

#[cfg(test)]
mod tests;
