//! Reading a backup: whether all of it is there, and the journal that it holds.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::backup::copy::{differs, read_steps};
use crate::backup::manifest::{BackupFile, MANIFEST, Manifest, OTHER_BACKUP};
use crate::backup::whole::{bases, is_in};
use crate::backup::{BASES, JOURNAL, Secret};
use crate::base::BaseName;
use crate::disk::{Access, Disk, DiskFile, RealDisk};
use crate::error::{IoContext, StorageError};
use crate::journal::{FileJournal, JournalReader};

/// How often a journal that another process writes is looked at, until a frame is not just being written.
const LOOKS: u32 = 20;
/// The pause between two looks: many times what writing a frame takes.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A backup, for reading.
pub struct Backup {
    dir: PathBuf,
    manifest: Manifest,
}

impl Backup {
    /// Opens the backup in `dir`; looks at its manifest only.
    ///
    /// # Errors
    /// There is none, or its manifest is not good.
    pub fn open(dir: &Path) -> Result<Backup, StorageError> {
        let shown = || dir.join(MANIFEST).display().to_string();
        if !dir.is_dir() {
            return Err(io::Error::from(io::ErrorKind::NotFound)).doing("open the backup", shown);
        }
        let disk = RealDisk::new(dir).doing("open the directory", shown)?;
        match Manifest::read(&disk)? {
            Some(manifest) => Ok(Backup { dir: dir.to_owned(), manifest }),
            None => Err(io::Error::from(io::ErrorKind::NotFound)).doing("open the backup", shown),
        }
    }

    /// What it says it holds.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Reads every file and compares it with the manifest. `progress` gets the number of bytes read so far.
    ///
    /// # Errors
    /// [`StorageError::Damaged`] names the first file that differs, [`StorageError::Io`] one that is missing or short.
    pub fn verify(&self, progress: &mut dyn FnMut(u64)) -> Result<(), StorageError> {
        let disk = RealDisk::new(&self.dir).doing("open the directory", || self.dir.display().to_string())?;
        let mut done = 0;
        for named in &self.manifest.files {
            let shown = || disk.describe(&named.name);
            let file = disk.open(&named.name, Access::Read).doing("open", shown)?;
            let mut hash = Sha256::new();
            let read = read_steps(&*file, 0, named.bytes, &mut |_, bytes| {
                hash.update(bytes);
                done += bytes.len() as u64;
                progress(done);
                Ok(())
            });
            read.doing("read", shown)?;
            let found: [u8; 32] = hash.finalize().into();
            if found != named.sha256 {
                return Err(differs(shown(), &named.sha256, &found));
            }
        }
        Ok(())
    }

    /// The journal that it holds, up to its last record.
    ///
    /// # Errors
    /// As for [`FileJournal::read_only`]; and [`StorageError::Damaged`] when it does not reach as far as the manifest says.
    pub fn journal(&self) -> Result<Arc<dyn JournalReader>, StorageError> {
        let dir = self.dir.join(JOURNAL);
        let shown = || dir.display().to_string();
        let disk = RealDisk::new(&dir).doing("open the directory", shown)?;
        let named = |file: &BackupFile| {
            Some((file.name.strip_prefix(JOURNAL)?.strip_prefix('/')?.to_owned(), file.bytes))
        };
        let limits = self.manifest.files.iter().filter_map(named).collect();
        let reader = FileJournal::read_only_on(Arc::new(Named { disk, limits }), &shown)?;
        if reader.last() < self.manifest.last {
            let (expected, found) =
                (format!("records up to {}", self.manifest.last), format!("up to {}", reader.last()));
            return Err(StorageError::damaged(shown(), 0, expected, found, OTHER_BACKUP));
        }
        Ok(reader)
    }

    /// The copy of a file of keys, where the backup has one.
    pub fn secret(&self, secret: Secret) -> Option<PathBuf> {
        let file = self.manifest.files.iter().find(|file| is_in(secret.folder(), &file.name))?;
        Some(self.dir.join(&file.name))
    }

    /// The bases that it holds, oldest first, and where they lie.
    pub fn bases(&self) -> (Vec<BaseName>, PathBuf) {
        let mut names: Vec<_> = bases(&self.manifest).collect();
        names.sort_unstable();
        (names, self.dir.join(BASES))
    }
}

/// A directory of which only what a manifest names is seen: what stands behind the bytes that count is zero.
struct Named {
    disk: RealDisk,
    limits: HashMap<String, u64>,
}

impl Disk for Named {
    fn describe(&self, name: &str) -> String {
        self.disk.describe(name)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.limits.keys().cloned().collect())
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        match (self.limits.get(name), access) {
            (Some(&limit), Access::Read) => {
                Ok(Arc::new(Limited { file: self.disk.open(name, access)?, limit }))
            }
            (None, Access::Read) => Err(io::ErrorKind::NotFound.into()),
            _ => Err(io::ErrorKind::ReadOnlyFilesystem.into()),
        }
    }

    fn rename(&self, _from: &str, _to: &str) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn remove(&self, _name: &str) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn sync_names(&self) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }
}

struct Limited {
    file: Arc<dyn DiskFile>,
    limit: u64,
}

impl DiskFile for Limited {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let read = self.file.read_at(buffer, offset)?;
        let counts = (self.limit.saturating_sub(offset) as usize).min(read);
        buffer[counts..read].fill(0);
        Ok(read)
    }

    fn write_at(&self, _bytes: &[u8], _offset: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn sync(&self) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    fn set_length(&self, _length: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }
}

/// Reads a journal that another process may be writing: a frame that is just on its way looks like damage when the
/// one after it arrives between two looks, so what seems damaged is looked at again.
///
/// # Errors
/// As for [`FileJournal::read_only`]; damage only when it stays.
pub fn read_live(dir: &Path) -> Result<Arc<dyn JournalReader>, StorageError> {
    let mut looks = 0;
    loop {
        match FileJournal::read_only(dir) {
            Err(StorageError::Damaged(_) | StorageError::Gap { .. }) if looks < LOOKS => {
                looks += 1;
                std::thread::sleep(LOOK_AGAIN);
            }
            read => {
                let reader = read?;
                make_durable(dir, &*reader)?;
                return Ok(reader);
            }
        }
    }
}

/// What was seen may be in the writer's cache only: nobody may hold a copy of what a power cut takes back.
fn make_durable(dir: &Path, reader: &dyn JournalReader) -> Result<(), StorageError> {
    let Some(newest) = reader.parts().pop() else { return Ok(()) };
    let shown = || dir.join(&newest.name).display().to_string();
    let disk = RealDisk::new(dir).doing("open the directory", shown)?;
    disk.open(&newest.name, Access::Read).and_then(|file| file.sync()).doing("sync", shown)
}
