//! Backups of a cell, taken while it runs or not, and what becomes of them: a data directory whose history ends where it
//! shall.
//!
//! The bytes are `vendue-storage`'s; here are times, decisions and epochs. A restored history is written anew, record by
//! record, under the next epoch, so that nobody can take it for the one it came from: gateways and clients that
//! stood further ahead are given snapshots.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;

use vendue_domain::record::Field;
use vendue_domain::time::Timestamp;
use vendue_storage::{
    Backup, BackupWriter, BaseName, Bases, Batch, Copied, FileJournal, Journal, JournalOptions,
    JournalReader, Position, Secret, StorageError, read_live,
};

use crate::base::{BASES_DIR, genesis, newest_good};
use crate::entry::Entry;
use crate::error::EngineError;
use crate::hook;

/// Records are written in batches of about so many bytes: a sync each, and well below what a batch may have.
const BATCH_BYTES: usize = 512 * 1024;
/// The folder of the journal in a data directory.
pub(crate) const JOURNAL: &str = "journal";
/// Its name while it is written: a restore that was cut off leaves nothing that an engine would start on.
const JOURNAL_PART: &str = "journal.part";
/// The files of keys that a data directory has.
const SECRETS: [Secret; 2] = [Secret::Vault, Secret::NotaryKey];
/// How often a backup begins anew because the engine removed old segments while they were copied.
const TRIES: u32 = 3;

/// Where a restored history ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestorePoint {
    /// With the last record there is.
    Newest,
    /// With this record.
    Position(Position),
    /// Before the first record that is later than this.
    Time(Timestamp),
}

/// What was restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// The cell.
    pub cell: u128,
    /// The epoch of the new history.
    pub epoch: u64,
    /// Its last record.
    pub last: Position,
    /// The time of its last record.
    pub last_time: Timestamp,
    /// Records of the backup after it.
    pub left_out: u64,
    /// Whether the history ends before the record asked for, because that one is the first part of a decision.
    pub is_shortened: bool,
    /// Whether the keys of personal data were there.
    pub has_vault: bool,
}

/// What a backup can give back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moments {
    /// The cell.
    pub cell: u128,
    /// The epoch of its history.
    pub epoch: u64,
    /// Whether the keys of personal data are in it.
    pub has_vault: bool,
    /// The first record with which a history can end: 1, or where the first records are gone, the one that the oldest base needs.
    pub earliest: Position,
    /// Stretches of history, one for each segment, oldest first.
    pub stretches: Vec<Stretch>,
}

/// Records and times of one segment of a backup: a history can end with each of its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Its first record.
    pub first: Position,
    /// Its last record.
    pub last: Position,
    /// When the first was decided.
    pub from: Timestamp,
    /// When the last was decided.
    pub until: Timestamp,
}

/// Copies what is new in a data directory into a backup; an engine may run on it. With `with_vault` the keys of
/// personal data are copied too, and the notary's.
///
/// # Errors
/// There is no journal, or it is damaged; the backup is of another history, or in use; what either disk says.
pub fn back_up(data_dir: &Path, target: &Path, with_vault: bool) -> Result<Copied, EngineError> {
    let journal = data_dir.join(JOURNAL);
    // The source first: a wrong path shall not leave an empty backup behind.
    let mut reader = read_live(&journal)?;
    let mut writer = BackupWriter::open(target)?;
    // Listed before the journal is copied, which then reaches as far as they do.
    let mut bases = list_bases(data_dir)?;
    let mut tries = 1;
    let mut copied = loop {
        match writer.copy_journal(&*reader, &journal) {
            // The engine has removed a segment that nobody needs any more.
            Err(StorageError::Io { source, .. })
                if source.kind() == std::io::ErrorKind::NotFound && tries < TRIES =>
            {
                tries += 1;
                reader = read_live(&journal)?;
                bases = list_bases(data_dir)?;
            }
            copied => break copied?,
        }
    };
    let mut add = |more: Copied| {
        copied.files += more.files;
        copied.bytes += more.bytes;
    };
    add(writer.copy_bases(&bases, &data_dir.join(BASES_DIR))?);
    for secret in SECRETS.into_iter().filter(|_| with_vault) {
        let from = data_dir.join(secret.folder());
        if secret == Secret::Vault || from.join(secret.file()).exists() {
            add(writer.copy_secret(secret, &from)?);
        }
    }
    Ok(copied)
}

/// The bases of a data directory.
pub(crate) fn list_bases(data_dir: &Path) -> Result<Vec<BaseName>, StorageError> {
    match Bases::read_only(&data_dir.join(BASES_DIR))? {
        Some(bases) => bases.list(),
        None => Ok(Vec::new()),
    }
}

/// What a backup or an archive can give back. Reads the first and the last record of each segment.
///
/// # Errors
/// There is no backup, or it is damaged.
pub fn moments(source: &Path) -> Result<Moments, EngineError> {
    let backup = Backup::open(source)?;
    let manifest = backup.manifest();
    let reader = backup.journal()?;
    let mut stretches = Vec::new();
    let parts = reader.parts();
    for (index, part) in parts.iter().enumerate() {
        let last = parts.get(index + 1).map_or(reader.last(), |next| next.first - 1);
        if last >= part.first {
            let (from, until) = (time_of(&*reader, part.first)?, time_of(&*reader, last)?);
            stretches.push(Stretch { first: part.first, last, from, until });
        }
    }
    Ok(Moments {
        cell: u128::from_be_bytes(manifest.cell),
        epoch: manifest.epoch,
        has_vault: backup.secret(Secret::Vault).is_some(),
        earliest: earliest(&backup, &*reader)?,
        stretches,
    })
}

/// The first record with which a history of this backup can end.
fn earliest(backup: &Backup, reader: &dyn JournalReader) -> Result<Position, EngineError> {
    let first = reader.first();
    if first <= 1 {
        return Ok(1);
    }
    let (names, _) = backup.bases();
    let usable = names.iter().filter(|name| name.replay_from >= first && name.highest <= reader.last());
    usable.map(|name| name.highest).min().ok_or(EngineError::NoBase { first })
}

fn time_of(reader: &dyn JournalReader, position: Position) -> Result<Timestamp, EngineError> {
    let record = reader.record(position)?.unwrap_or_default();
    Entry::time_and_key(&record)
        .map(|(time, _)| time)
        .map_err(|error| EngineError::Record { position, error })
}

/// Makes a data directory out of a backup. Everything is checked before anything is written: every file of the backup, and
/// that the directory is empty or missing. `progress` gets the bytes checked so far.
///
/// # Errors
/// The backup is damaged; the directory is not empty; the moment asked for lies before the beginning or after the end;
/// what either disk says.
pub fn restore(
    source: &Path,
    data_dir: &Path,
    point: RestorePoint,
    progress: &mut dyn FnMut(u64),
) -> Result<Restored, EngineError> {
    check_empty(data_dir)?;
    let backup = Backup::open(source)?;
    backup.verify(progress)?;
    let reader = backup.journal()?;
    let earliest = earliest(&backup, &*reader)?;
    let asked = match point {
        RestorePoint::Newest => reader.last(),
        RestorePoint::Position(position) => position,
        RestorePoint::Time(time) => before(&*reader, time)?,
    };
    if !(earliest..=reader.last()).contains(&asked) {
        let message = format!("record {asked} is not among the records {earliest} to {}", reader.last());
        return Err(refused("the backup does not reach that moment", message));
    }
    // Not into what a base holds already: it is taken over whole.
    let last = whole_decision(&*reader, asked)?.max(earliest);
    let last_time = time_of(&*reader, last)?;
    let manifest = backup.manifest();
    let epoch = manifest.epoch + 1;
    std::fs::create_dir_all(data_dir).map_err(|error| io("the data directory cannot be made", error))?;
    let part = data_dir.join(JOURNAL_PART);
    let segment_bytes = reader.parts().last().map_or(0, |part| part.file_bytes);
    let options = JournalOptions {
        segment_bytes,
        cell: Some(manifest.cell),
        epoch: Some(epoch),
        first: reader.first(),
        ..JournalOptions::default()
    };
    let written = write_until(&*reader, &part, options, last)
        .and_then(|()| copy_base(&backup, &*reader, last, data_dir))
        .and_then(|()| copy_secrets(&backup, data_dir));
    if let Err(error) = written {
        // What was made here goes again, so that the next attempt finds the directory empty; if that fails, it says so.
        let _ = std::fs::remove_dir_all(&part);
        for folder in [BASES_DIR, Secret::Vault.folder(), Secret::NotaryKey.folder()] {
            let _ = std::fs::remove_dir_all(data_dir.join(folder));
        }
        return Err(error);
    }
    // The name comes last: from here on it is a data directory.
    std::fs::rename(&part, data_dir.join(JOURNAL))
        .map_err(|error| io("the journal cannot be named", error))?;
    sync_dir(data_dir)?;
    Ok(Restored {
        cell: u128::from_be_bytes(manifest.cell),
        epoch,
        last,
        last_time,
        left_out: reader.last() - last,
        is_shortened: last < asked,
        has_vault: backup.secret(Secret::Vault).is_some(),
    })
}

/// The last record before the first one that is later than `time`.
fn before(reader: &dyn JournalReader, time: Timestamp) -> Result<Position, EngineError> {
    let (mut last, mut failed) = (0, None);
    let first = reader.first();
    reader.read(first, &mut |position, record| match Entry::time_and_key(record) {
        Ok((at, _)) if at > time => ControlFlow::Break(()),
        Ok(_) => {
            last = position;
            ControlFlow::Continue(())
        }
        Err(error) => {
            failed = Some(EngineError::Record { position, error });
            ControlFlow::Break(())
        }
    })?;
    match failed {
        Some(error) => Err(error),
        None if last == 0 => {
            let begins = as_text(time_of(reader, first)?);
            Err(refused("the backup does not reach that moment", format!("its history begins at {begins}")))
        }
        None => Ok(last),
    }
}

/// The end of the last whole decision at or before `position`. A decision has several records only where it completes
/// commands of several askers: then of two that follow each other at least one does, both are of one actor, and of one time.
fn whole_decision(reader: &dyn JournalReader, position: Position) -> Result<Position, EngineError> {
    let entry = |position: Position| match reader.record(position)? {
        Some(record) => {
            Entry::from_bytes(&record).map(Some).map_err(|error| EngineError::Record { position, error })
        }
        None => Ok(None),
    };
    let mut last = position;
    let mut after = entry(last + 1)?;
    while last > reader.first() {
        let before = entry(last)?;
        match (&before, &after) {
            (Some(before), Some(after)) if may_be_one_decision(before, after) => {}
            _ => break,
        }
        last -= 1;
        after = before;
    }
    Ok(last)
}

fn may_be_one_decision(first: &Entry, second: &Entry) -> bool {
    let (Entry::Decided(first), Entry::Decided(second)) = (first, second) else { return false };
    let completes =
        |events: &crate::entry::EventList| events.0.iter().any(|event| hook::asked(event).is_some());
    first.address() == second.address()
        && first.time == second.time
        && first.seq + second.events.0.len() as u64 == second.seq
        && (completes(&first.events) || completes(&second.events))
}

/// Writes the records up to `last` into a journal of its own.
fn write_until(
    reader: &dyn JournalReader,
    dir: &Path,
    options: JournalOptions,
    last: Position,
) -> Result<(), EngineError> {
    let mut journal = FileJournal::open(dir, options)?;
    let mut batch = Batch::new();
    let mut failed = None;
    reader.read(reader.first(), &mut |position, record| {
        batch.push(record);
        if batch.bytes() >= BATCH_BYTES || position == last {
            let end = position - u64::from(batch.len());
            if let Err(error) = journal.append(&[&batch], end) {
                failed = Some(EngineError::JournalFailed(error.to_string()));
                return ControlFlow::Break(());
            }
            batch.clear();
        }
        if position == last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    failed.map_or(Ok(()), Err)
}

/// Copies the newest base that a history ending with `last` can be built from. With the first records there it only saves time.
fn copy_base(
    backup: &Backup,
    reader: &dyn JournalReader,
    last: Position,
    data_dir: &Path,
) -> Result<(), EngineError> {
    let (_, from) = backup.bases();
    let Some(bases) = Bases::read_only(&from)? else { return Ok(()) };
    let cell = genesis(reader, Some(&bases))?.cell;
    // The manifest's check was right: what is damaged here was damaged before it was backed up.
    let Some(name) = newest_good(reader, cell, &bases, last, &mut |_, _| {})? else { return Ok(()) };
    let to = data_dir.join(BASES_DIR);
    let failed = |error| io("a base cannot be copied", error);
    std::fs::create_dir_all(&to).map_err(failed)?;
    let (file, part) = (to.join(name.file()), to.join(format!("{}.part", name.file())));
    std::fs::copy(from.join(name.file()), &part).map_err(failed)?;
    File::open(&part).and_then(|file| file.sync_all()).map_err(failed)?;
    std::fs::rename(&part, &file).map_err(failed)?;
    sync_dir(&to)
}

/// Copies the files of keys that the backup has.
fn copy_secrets(backup: &Backup, data_dir: &Path) -> Result<(), EngineError> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    let failed = |error| io("the keys cannot be copied", error);
    for secret in SECRETS {
        let Some(from) = backup.secret(secret) else { continue };
        let to = data_dir.join(secret.folder());
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&to).map_err(failed)?;
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(to.join(secret.file())).map_err(failed)?;
        let mut source = File::open(from).map_err(failed)?;
        std::io::copy(&mut source, &mut file).and_then(|_| file.sync_all()).map_err(failed)?;
        sync_dir(&to)?;
    }
    Ok(())
}

/// A restore never mixes two histories: it takes an empty directory, or makes one.
fn check_empty(dir: &Path) -> Result<(), EngineError> {
    let mut entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(|error| io("the data directory cannot be read", error))?,
    };
    match entries.next() {
        None => Ok(()),
        Some(_) => Err(refused("the data directory is not empty", dir.display().to_string())),
    }
}

fn sync_dir(dir: &Path) -> Result<(), EngineError> {
    let synced = File::open(dir).and_then(|dir| dir.sync_all());
    synced.map_err(|error| io("the data directory cannot be synced", error))
}

fn as_text(time: Timestamp) -> String {
    let mut text = Vec::new();
    vendue_protocol::wire::time::write_rfc3339(&mut text, time);
    String::from_utf8(text).unwrap_or_default()
}

fn io(what: &'static str, error: std::io::Error) -> EngineError {
    EngineError::Io { what, error }
}

fn refused(what: &'static str, message: String) -> EngineError {
    EngineError::Storage(StorageError::Backend { what, message })
}
