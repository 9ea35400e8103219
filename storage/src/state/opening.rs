//! Opening sled's files, checking them, and setting them aside when they are not good.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use crate::error::{IoContext, StorageError};
use crate::state::KEY_BYTES;
use crate::state::sled_store::{DEADLINE_BYTES, Inner, MARKER, Marker, backend};
use crate::state::tree::BlockTree;

/// How often, and after what pause, sled's lock is tried again: together 5 s, a thousand times what it takes.
const LOCK_TRIES: u32 = 1_000;
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// Why a store did not open.
pub(super) enum OpenError {
    /// It may be good: setting it aside would be wrong.
    Refused(StorageError),
    /// sled's own lock is held.
    Locked,
    /// It is not good.
    Bad(String),
}

impl OpenError {
    /// The error of a store that is not set aside, or of an empty one.
    pub(super) fn refused(self) -> StorageError {
        let message = match self {
            OpenError::Refused(error) => return error,
            OpenError::Locked => "its lock is held".to_owned(),
            OpenError::Bad(reason) => reason,
        };
        StorageError::Backend { what: "opening the state store", message }
    }
}

impl From<sled::Error> for OpenError {
    fn from(error: sled::Error) -> OpenError {
        use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull, WouldBlock};
        match &error {
            sled::Error::Io(io)
                if [PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull, WouldBlock]
                    .contains(&io.kind()) =>
            {
                OpenError::Refused(backend(&error))
            }
            sled::Error::Io(io) if io.to_string().contains("could not acquire lock") => OpenError::Locked,
            _ => OpenError::Bad(error.to_string()),
        }
    }
}

/// Opens sled's files and checks them. Our own lock is held, so sled's can only be held by threads of a handle that this
/// process has just dropped: they are waited for.
pub(super) fn open_inner(dir: &Path, cache_bytes: u64) -> Result<Inner, OpenError> {
    for _ in 0..LOCK_TRIES {
        match try_open(dir, cache_bytes) {
            Err(OpenError::Locked) => std::thread::sleep(LOCK_PAUSE),
            opened => return opened,
        }
    }
    Err(OpenError::Refused(StorageError::InUse { dir: dir.display().to_string(), pid: None }))
}

fn try_open(dir: &Path, cache_bytes: u64) -> Result<Inner, OpenError> {
    // sled panics on some kinds of damage; nothing of ours is under way that a panic could leave half done.
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let config = sled::Config::default().path(dir).cache_capacity(cache_bytes);
        // We flush ourselves, at checkpoints: a timer would only write more often.
        let db = config.mode(sled::Mode::HighThroughput).flush_every_ms(None).open()?;
        let items = BlockTree::open(&db, "items", KEY_BYTES)?;
        let deadlines = BlockTree::open(&db, "deadlines", DEADLINE_BYTES + KEY_BYTES)?;
        let marker = match db.get(MARKER)? {
            None => None,
            Some(bytes) => {
                Some(Marker::decode(&bytes).ok_or(OpenError::Bad("a marker with a wrong check".to_owned()))?)
            }
        };
        check_digests(&items, &deadlines, marker.as_ref())?;
        Ok(Inner { db, items, deadlines, marker: Mutex::new(marker), stale: Mutex::default() })
    }));
    opened.unwrap_or_else(|_| Err(OpenError::Bad("sled panicked while opening it".to_owned())))
}

fn check_digests(items: &BlockTree, deadlines: &BlockTree, marker: Option<&Marker>) -> Result<(), OpenError> {
    let (generation, expected) =
        marker.map_or((0, (0, 0)), |marker| (marker.generation, (marker.items, marker.deadlines)));
    let add_up =
        |tree: &BlockTree| tree.add_up(generation).map_err(|error| OpenError::Bad(error.to_string()));
    if (add_up(items)?.at_marker, add_up(deadlines)?.at_marker) == expected {
        return Ok(());
    }
    Err(OpenError::Bad("blocks are missing or older than the marker says".to_owned()))
}

/// Renames a bad store to the first free `<dir>.bad-<n>`.
pub(super) fn put_aside(dir: &Path, inner_dir: &Path) -> Result<PathBuf, StorageError> {
    let shown = || inner_dir.display().to_string();
    for n in 1_u32.. {
        let mut name = dir.as_os_str().to_owned();
        name.push(format!(".bad-{n}"));
        let aside = PathBuf::from(name);
        if !aside.exists() {
            std::fs::rename(inner_dir, &aside).doing("set aside", shown)?;
            return Ok(aside);
        }
    }
    Err(StorageError::Backend { what: "setting the state store aside", message: "no free name".to_owned() })
}
