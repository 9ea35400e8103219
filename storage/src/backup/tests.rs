use std::ops::ControlFlow;
use std::path::Path;

use super::*;
use crate::batch::Batch;
use crate::error::StorageError;
use crate::journal::{Direct, FileJournal, Journal, JournalOptions, JournalReader};

const SEGMENT_BYTES: u64 = 16 * 1024;

struct World {
    dir: tempfile::TempDir,
    journal: Option<FileJournal>,
}

fn options(epoch: Option<u64>) -> JournalOptions {
    JournalOptions {
        segment_bytes: SEGMENT_BYTES,
        direct: Direct::Off,
        prepare_in_background: false,
        epoch,
        ..JournalOptions::default()
    }
}

impl World {
    fn new() -> World {
        let dir = tempfile::tempdir().unwrap();
        let journal = FileJournal::open(&dir.path().join("journal"), options(None)).unwrap();
        World { dir, journal: Some(journal) }
    }

    fn journal_dir(&self) -> std::path::PathBuf {
        self.dir.path().join("journal")
    }

    fn target(&self) -> std::path::PathBuf {
        self.dir.path().join("backup")
    }

    fn append(&mut self, count: u64) {
        let journal = self.journal.as_mut().unwrap();
        for _ in 0..count {
            let last = journal.last();
            let mut batch = Batch::new();
            batch.push(format!("record {}", last + 1).as_bytes());
            journal.append(&[&batch], last).unwrap();
        }
    }

    /// One round by a writer of its own, from outside the journal's process.
    fn back_up(&self) -> Result<Copied, StorageError> {
        let reader = read_live(&self.journal_dir())?;
        BackupWriter::open(&self.target())?.copy_journal(&*reader, &self.journal_dir())
    }
}

fn records(reader: &dyn JournalReader) -> Vec<String> {
    let mut records = Vec::new();
    reader
        .read(1, &mut |_, record| {
            records.push(String::from_utf8_lossy(record).into_owned());
            ControlFlow::Continue(())
        })
        .unwrap();
    records
}

fn check_holds(target: &Path, last: u64) {
    let backup = Backup::open(target).unwrap();
    backup.verify(&mut |_| {}).unwrap();
    assert_eq!(backup.manifest().last, last);
    let expected: Vec<String> = (1..=last).map(|n| format!("record {n}")).collect();
    assert_eq!(records(&*backup.journal().unwrap()), expected);
}

#[test]
fn a_backup_grows_with_its_journal() {
    let mut world = World::new();
    let mut writer = BackupWriter::open(&world.target()).unwrap();
    let from = world.journal_dir();
    // Within a segment, over several, exactly at an end, nothing new; by one writer and by another after it.
    for count in [1, 1, 7, 3, 0, 2] {
        world.append(count);
        let reader = world.journal.as_ref().unwrap().reader();
        let copied = writer.copy_journal(&*reader, &from).unwrap();
        assert_eq!(copied.files == 0, count == 0, "{copied:?}");
        check_holds(&world.target(), reader.last());
    }
    drop(writer);
    for count in [1, 5, 0] {
        world.append(count);
        let last = world.journal.as_ref().unwrap().last();
        assert_eq!(world.back_up().unwrap().last, last);
        check_holds(&world.target(), last);
    }
    let sealed = world.journal.as_ref().unwrap().seals().len();
    assert!(sealed >= 4, "{sealed} segments are sealed");
}

#[test]
fn what_stands_behind_the_bytes_that_count_does_not_count() {
    let mut world = World::new();
    world.append(2);
    world.back_up().unwrap();
    let path = world.target().join("journal/00000000000000000001.segment");
    let mut bytes = std::fs::read(&path).unwrap();
    let backup = Backup::open(&world.target()).unwrap();
    let counts = backup.manifest().files[0].bytes as usize;
    // The beginning of a copy that was cut off, and a segment of which the manifest knows nothing.
    bytes[counts..].fill(0x5a);
    std::fs::write(&path, bytes).unwrap();
    std::fs::write(world.target().join("journal/00000000000000000009.segment"), b"a part").unwrap();
    check_holds(&world.target(), 2);
    world.append(9);
    world.back_up().unwrap();
    check_holds(&world.target(), 11);
}

#[test]
fn every_change_of_a_byte_that_counts_is_found() {
    let mut world = World::new();
    world.append(4);
    world.back_up().unwrap();
    let named = Backup::open(&world.target()).unwrap().manifest().files.clone();
    for file in named {
        let path = world.target().join(&file.name);
        let good = std::fs::read(&path).unwrap();
        for at in (0..file.bytes as usize).step_by(509) {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            std::fs::write(&path, &bad).unwrap();
            let error = Backup::open(&world.target()).unwrap().verify(&mut |_| {}).unwrap_err();
            assert!(matches!(error, StorageError::Damaged(_)), "byte {at}: {error}");
        }
        std::fs::write(&path, &good[..file.bytes as usize - 1]).unwrap();
        Backup::open(&world.target()).unwrap().verify(&mut |_| {}).unwrap_err();
        std::fs::remove_file(&path).unwrap();
        Backup::open(&world.target()).unwrap().verify(&mut |_| {}).unwrap_err();
        std::fs::write(&path, &good).unwrap();
    }
}

#[test]
fn a_bad_copy_is_not_continued() {
    let mut world = World::new();
    world.append(2);
    world.back_up().unwrap();
    let held = Backup::open(&world.target()).unwrap().manifest().clone();
    let path = world.target().join(&held.files[0].name);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[5_000] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    world.append(1);
    assert!(matches!(world.back_up(), Err(StorageError::Damaged(_))));
    assert_eq!(*Backup::open(&world.target()).unwrap().manifest(), held);
}

#[test]
fn another_history_is_refused() {
    let mut world = World::new();
    world.append(3);
    world.back_up().unwrap();
    let held = Backup::open(&world.target()).unwrap().manifest().clone();
    let cell = held.cell;
    // (epoch, cell, records): written again under the same and under the next epoch, shorter, and by another cell.
    let cases = [
        (Some(1), Some(cell), 5, true),
        (Some(2), Some(cell), 5, true),
        (Some(1), Some(cell), 1, true),
        (None, None, 5, false),
    ];
    for (epoch, cell, count, is_same_cell) in cases {
        let dir = tempfile::tempdir().unwrap();
        let from = dir.path().join("journal");
        let mut journal = FileJournal::open(&from, JournalOptions { cell, ..options(epoch) }).unwrap();
        for number in 0..count {
            let mut batch = Batch::new();
            batch.push(format!("another {number}").as_bytes());
            journal.append(&[&batch], number).unwrap();
        }
        let mut writer = BackupWriter::open(&world.target()).unwrap();
        let error = writer.copy_journal(&*journal.reader(), &from).unwrap_err();
        assert_eq!(matches!(error, StorageError::Backend { .. }), is_same_cell, "{error}");
        assert_eq!(matches!(error, StorageError::OtherCell { .. }), !is_same_cell, "{error}");
        drop(writer);
        assert_eq!(*Backup::open(&world.target()).unwrap().manifest(), held);
        check_holds(&world.target(), 3);
    }
}

#[test]
fn one_writer_at_a_time_and_no_backup_is_said() {
    let world = World::new();
    let first = BackupWriter::open(&world.target()).unwrap();
    assert!(matches!(BackupWriter::open(&world.target()), Err(StorageError::InUse { .. })));
    drop(first);
    assert!(matches!(Backup::open(&world.target()), Err(StorageError::Io { .. })));
    assert!(matches!(Backup::open(&world.dir.path().join("nowhere")), Err(StorageError::Io { .. })));
}

#[test]
fn the_vaults_copy_is_replaced_and_the_old_one_goes() {
    let mut world = World::new();
    world.append(1);
    let vault = world.dir.path().join("vault");
    std::fs::create_dir(&vault).unwrap();
    assert!(
        BackupWriter::open(&world.target()).unwrap().copy_secret(Secret::Vault, &vault).is_err(),
        "no journal yet"
    );
    world.back_up().unwrap();
    // The last one ends within a record that is just being written.
    for (content, counts) in [(vec![1; 64], 64), (vec![1; 128], 128), (vec![2; 150], 128)] {
        std::fs::write(vault.join("vault"), &content).unwrap();
        let mut writer = BackupWriter::open(&world.target()).unwrap();
        assert_eq!(writer.copy_secret(Secret::Vault, &vault).unwrap().files, 1);
        assert_eq!(writer.copy_secret(Secret::Vault, &vault).unwrap().files, 0);
        let backup = Backup::open(&world.target()).unwrap();
        backup.verify(&mut |_| {}).unwrap();
        assert_eq!(std::fs::read(backup.secret(Secret::Vault).unwrap()).unwrap(), content[..counts]);
        assert_eq!(std::fs::read_dir(world.target().join("vault")).unwrap().count(), 1);
    }
    check_holds(&world.target(), 1);
}
