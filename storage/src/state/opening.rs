//! Opening sled's files, checking them, and setting them aside when they are not good.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::error::{IoContext, StorageError};
use crate::state::KEY_BYTES;
use crate::state::sled_store::{DEADLINE_BYTES, Inner, MARKER, Marker, backend};
use crate::state::tree::BlockTree;

/// Opening has to make some progress within this time. sled's own recovery, one step of it, reads about 1 GiB in 5 s.
const STALL: Duration = Duration::from_secs(60);
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

/// sled panics on some kinds of damage and spins for ever on others. So it is opened and read in a thread of its own; when that
/// thread panics, or stands still, the store is bad. A thread that spins is left behind, with the files that are set aside.
fn try_open(dir: &Path, cache_bytes: u64) -> Result<Inner, OpenError> {
    let (sender, receiver) = sync_channel(1);
    let progress = Arc::new(AtomicU64::new(0));
    let (seen_by_thread, dir) = (Arc::clone(&progress), dir.to_owned());
    std::thread::Builder::new()
        .name("state-open".to_owned())
        .spawn(move || {
            // Nobody waits any more when it was given up.
            let _ = sender.send(open_checked(&dir, cache_bytes, &seen_by_thread));
        })
        .doing("start a thread for", || "opening the state store".to_owned())
        .map_err(OpenError::Refused)?;
    let mut seen = 0;
    loop {
        match receiver.recv_timeout(STALL) {
            Ok(opened) => return opened,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(OpenError::Bad("sled panicked while opening it".to_owned()));
            }
            Err(RecvTimeoutError::Timeout) => {
                let before = std::mem::replace(&mut seen, progress.load(Ordering::Relaxed));
                if before == seen {
                    return Err(OpenError::Bad("sled stood still while opening it".to_owned()));
                }
            }
        }
    }
}

/// Opens sled, reads the marker, and adds up all blocks, counting them in `progress`.
fn open_checked(dir: &Path, cache_bytes: u64, progress: &AtomicU64) -> Result<Inner, OpenError> {
    let config = sled::Config::default().path(dir).cache_capacity(cache_bytes);
    // We flush ourselves, at checkpoints: a timer would only write more often.
    let db = config.mode(sled::Mode::HighThroughput).flush_every_ms(None).open()?;
    progress.fetch_add(1, Ordering::Relaxed);
    let items = BlockTree::open(&db, "items", KEY_BYTES)?;
    let deadlines = BlockTree::open(&db, "deadlines", DEADLINE_BYTES + KEY_BYTES)?;
    let marker = match db.get(MARKER)? {
        None => None,
        Some(bytes) => Some(
            Marker::decode(&bytes).ok_or_else(|| OpenError::Bad("a marker with a wrong check".to_owned()))?,
        ),
    };
    check_digests(&items, &deadlines, marker.as_ref(), progress)?;
    Ok(Inner { db, items, deadlines, marker: Mutex::new(marker), stale: Mutex::default() })
}

fn check_digests(
    items: &BlockTree,
    deadlines: &BlockTree,
    marker: Option<&Marker>,
    progress: &AtomicU64,
) -> Result<(), OpenError> {
    let (generation, expected) =
        marker.map_or((0, (0, 0)), |marker| (marker.generation, (marker.items, marker.deadlines)));
    let add_up = |tree: &BlockTree| {
        tree.add_up(generation, progress).map_err(|error| OpenError::Bad(error.to_string()))
    };
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
