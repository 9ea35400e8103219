//! What a data directory holds beside its journal, opened without changing it.

use std::path::Path;
use std::sync::Arc;

use vendue_domain::id::AccountId;
use vendue_storage::{DirLock, Entropy, FileVault, MemoryDisk, StorageError, Vault};

/// Whether an engine runs on the directory; the guard keeps one from starting while it lives. A directory without a lock
/// file (a copy, a restored backup) has never had one.
pub(super) fn hold_still(dir: &Path) -> Result<Option<DirLock>, StorageError> {
    if dir.join("lock").exists() { DirLock::acquire(dir).map(Some) } else { Ok(None) }
}

/// Copies a directory's files and directories.
pub(super) fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// The vault as it lies there, read into memory.
pub struct OfflineVault(FileVault);

/// What became of sealed data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// What was sealed.
    Text(String),
    /// Its person was erased, or the vault has no key of them.
    Erased,
    /// The bytes are not what was sealed.
    Damaged(String),
}

impl OfflineVault {
    /// Reads the vault of a data directory; `None` where there is none.
    ///
    /// # Errors
    /// It is damaged.
    pub fn open(dir: &Path) -> Result<Option<Self>, StorageError> {
        let disk = MemoryDisk::new();
        let mut is_there = false;
        for name in ["vault", "vault.new", "vault.old"] {
            if let Ok(bytes) = std::fs::read(dir.join("vault").join(name)) {
                disk.plant(name, bytes);
                is_there = true;
            }
        }
        if !is_there {
            return Ok(None);
        }
        FileVault::open_on(Arc::new(disk), Entropy::system()).map(|vault| Some(Self(vault)))
    }

    /// Opens what was sealed for an account.
    #[must_use]
    pub fn name(&self, account: AccountId, sealed: &[u8]) -> Opened {
        match self.0.open(account.0.0, sealed) {
            Ok(Some(bytes)) => {
                String::from_utf8(bytes).map_or_else(|error| Opened::Damaged(error.to_string()), Opened::Text)
            }
            Ok(None) => Opened::Erased,
            Err(error) => Opened::Damaged(error.to_string()),
        }
    }
}
