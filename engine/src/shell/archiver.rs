//! The archive: a backup on another disk or a mounted bucket, brought up to date about every second while the cell runs.
//! Whatever becomes of that directory, the cell goes on; what was missed is copied when it is there again.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::archive::{JOURNAL, list_bases};
use crate::base::BASES_DIR;

use vendue_storage::{BackupWriter, JournalReader, Position, StorageError};

/// How often what is new is copied: what may be lost with the machine.
const COPY_EVERY: Duration = Duration::from_secs(1);
/// The longest pause after errors: each is twice the one before.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// How often it looks whether the cell has ended.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What others want to know of the archive.
pub(super) struct Counted<'a> {
    /// From which record on the archive lacks the journal.
    pub(super) needs: &'a AtomicU64,
    /// Rounds that failed.
    pub(super) failures: &'a AtomicU64,
}

/// Copies until the cell ends. Not joined: a file system that does not answer shall not hold up the end either.
/// `data` is the data directory.
pub(super) fn run(
    archive: &Path,
    data: &Path,
    reader: &Arc<dyn JournalReader>,
    counted: &Counted<'_>,
    over: &AtomicBool,
) {
    let mut archiver = Archiver::new(archive.to_owned(), data.to_owned());
    let mut due = Instant::now();
    while !over.load(Ordering::Acquire) {
        if Instant::now() < due {
            std::thread::sleep(LOOK_EVERY);
            continue;
        }
        let pause = archiver.round(&**reader);
        counted.needs.store(archiver.copied + 1, Ordering::Release);
        counted.failures.fetch_add(u64::from(archiver.failures > 0), Ordering::Relaxed);
        due = Instant::now() + pause;
    }
}

/// What one round needs of those before.
struct Archiver {
    archive: PathBuf,
    data: PathBuf,
    writer: Option<BackupWriter>,
    /// Whether this process has seen the archive with something in it.
    was_there: bool,
    copied: Position,
    failures: u32,
}

impl Archiver {
    fn new(archive: PathBuf, data: PathBuf) -> Self {
        Self { archive, data, writer: None, was_there: false, copied: 0, failures: 0 }
    }

    /// Copies what is new; how long to wait before the next round.
    fn round(&mut self, reader: &dyn JournalReader) -> Duration {
        match self.copy(reader) {
            Ok(()) => {
                if self.failures > 0 {
                    tracing::info!(last = self.copied, "the archive is up to date again");
                }
                self.failures = 0;
                COPY_EVERY
            }
            Err(error) => {
                // Opened anew the next time: what it held open may be gone.
                self.writer = None;
                let pause = COPY_EVERY.saturating_mul(1 << self.failures.min(6)).min(PAUSE_MAX);
                self.failures += 1;
                tracing::error!(
                    %error,
                    archive = %self.archive.display(),
                    copied = self.copied,
                    behind = reader.last().saturating_sub(self.copied),
                    again_in_s = pause.as_secs(),
                    "the archive cannot be written; the cell goes on, and it is tried again"
                );
                pause
            }
        }
    }

    fn copy(&mut self, reader: &dyn JournalReader) -> Result<(), StorageError> {
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => {
                // Never made here: where a bucket is not mounted, the copy would fill the disk beneath.
                if !self.archive.is_dir() {
                    return Err(gone(&self.archive, "make it, or mount what shall be there"));
                }
                let writer = BackupWriter::open(&self.archive)?;
                if self.was_there && writer.manifest().is_none() {
                    return Err(gone(&self.archive, "it is empty: mount again what was there"));
                }
                self.writer.insert(writer)
            }
        };
        // Listed before the journal is copied, which then reaches as far as they do.
        let bases = list_bases(&self.data)?;
        self.copied = writer.copy_journal(reader, &self.data.join(JOURNAL))?.last;
        self.was_there = true;
        writer.copy_bases(&bases, &self.data.join(BASES_DIR))?;
        Ok(())
    }
}

fn gone(archive: &Path, remedy: &str) -> StorageError {
    StorageError::Backend {
        what: "the archive directory is not there",
        message: format!("{}: {remedy}", archive.display()),
    }
}

#[cfg(test)]
mod tests {
    use vendue_storage::{Backup, Batch, FileJournal, Journal, JournalOptions};

    use super::*;

    fn append(journal: &mut FileJournal, count: u64) {
        for _ in 0..count {
            let mut batch = Batch::new();
            batch.push(b"a record");
            let last = journal.last();
            journal.append(&[&batch], last).unwrap();
        }
    }

    #[test]
    fn an_archive_that_vanishes_is_waited_for_and_caught_up() {
        let dir = tempfile::tempdir().unwrap();
        let (archive, from) = (dir.path().join("archive"), dir.path().join("journal"));
        let data = dir.path().to_owned();
        let options = JournalOptions { segment_bytes: 16 * 1024, ..JournalOptions::default() };
        let mut journal = FileJournal::open(&from, options).unwrap();
        let reader = journal.reader();
        let mut archiver = Archiver::new(archive.clone(), data);
        let holds = || {
            Backup::open(&archive).and_then(|backup| {
                backup.verify(&mut |_| {})?;
                Ok(backup.journal()?.last())
            })
        };

        append(&mut journal, 2);
        let pauses: Vec<u64> = (0..8).map(|_| archiver.round(&*reader).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60], "there is no directory yet");
        assert!(!archive.exists(), "and none was made");

        std::fs::create_dir(&archive).unwrap();
        assert_eq!(archiver.round(&*reader), COPY_EVERY);
        assert_eq!((holds().unwrap(), archiver.failures), (2, 0));

        let away = dir.path().join("away");
        std::fs::rename(&archive, &away).unwrap();
        append(&mut journal, 9);
        archiver.round(&*reader);
        assert_eq!(archiver.failures, 1);
        // The empty place where something was mounted.
        std::fs::create_dir(&archive).unwrap();
        archiver.round(&*reader);
        assert_eq!(archiver.failures, 2);
        assert!(holds().is_err(), "nothing was copied there");

        std::fs::remove_dir_all(&archive).unwrap();
        std::fs::rename(&away, &archive).unwrap();
        archiver.round(&*reader);
        assert_eq!((holds().unwrap(), archiver.failures), (11, 0));
    }
}
