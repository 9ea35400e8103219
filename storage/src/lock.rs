//! One process for a directory (I10): two writers of one journal would tear it apart.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use crate::error::{IoContext, StorageError};

/// Name of the lock file in the directory. It stays there after the lock is released: removing it would let two
/// processes hold locks on two files of the same name.
const LOCK_FILE: &str = "lock";

/// An exclusive lock on a directory, held until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct DirLock {
    _file: File,
}

impl DirLock {
    /// Locks `dir`, creating it if need be.
    ///
    /// # Errors
    /// [`StorageError::InUse`] names the process that holds it; [`StorageError::Io`] when the lock file cannot be made.
    pub fn acquire(dir: &Path) -> Result<DirLock, StorageError> {
        let path = dir.join(LOCK_FILE);
        let shown = || path.display().to_string();
        std::fs::create_dir_all(dir).doing("create the directory", || dir.display().to_string())?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .doing("open the lock file", shown)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) if crate::mutant("lock_ignored") => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut holder = String::new();
                // The number only makes the message better: without it the message is still true.
                let _ = file.read_to_string(&mut holder);
                return Err(StorageError::InUse {
                    dir: dir.display().to_string(),
                    pid: holder.trim().parse().ok(),
                });
            }
            Err(errno) => return Err(std::io::Error::from(errno)).doing("lock", shown),
        }
        file.set_len(0).doing("write the lock file", shown)?;
        file.seek(SeekFrom::Start(0)).doing("write the lock file", shown)?;
        writeln!(file, "{}", std::process::id()).doing("write the lock file", shown)?;
        Ok(DirLock { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_holds_it_and_the_next_gets_it() {
        let dir = tempfile::tempdir().unwrap();
        let first = DirLock::acquire(dir.path()).unwrap();
        let error = DirLock::acquire(dir.path()).unwrap_err();
        assert!(
            matches!(error, StorageError::InUse { pid: Some(pid), .. } if pid == std::process::id()),
            "{error}"
        );
        assert!(error.to_string().contains("stop it first"), "{error}");
        drop(first);
        DirLock::acquire(dir.path()).unwrap();
    }
}
