//! The real journal code on a disk that fails: a crash after every operation, an error at every operation, each bit of
//! a small store flipped, each truncation length (I1, I3, I4, I7, I8).

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::sync::Arc;

use vendue_storage::disk::{CrashPolicy, Disk};
use vendue_storage::{
    AppendError, Batch, Direct, FileJournal, Journal, JournalOptions, MemoryDisk, StorageError,
};

const CELL: [u8; 16] = [0xCE; 16];
/// Header and four blocks: a few appends fill it.
const SEGMENT_BYTES: u64 = 5 * 4096;

fn options(direct: Direct) -> JournalOptions {
    let cell = Some(CELL);
    let prepare_in_background = false;
    JournalOptions {
        segment_bytes: SEGMENT_BYTES,
        direct,
        cell,
        prepare_in_background,
        ..JournalOptions::default()
    }
}

fn open(disk: &MemoryDisk, direct: Direct) -> Result<FileJournal, StorageError> {
    FileJournal::open_on(Arc::new(disk.clone()) as Arc<dyn Disk>, options(direct))
}

fn read_all(journal: &FileJournal) -> Result<Vec<Vec<u8>>, StorageError> {
    let mut records = Vec::new();
    let reader = journal.reader();
    reader.read(reader.first(), &mut |position, record| {
        assert_eq!(position, reader.first() + records.len() as u64);
        records.push(record.to_vec());
        ControlFlow::Continue(())
    })?;
    Ok(records)
}

/// What a client of the journal knows when it stops.
#[derive(Default)]
struct Known {
    acknowledged: Vec<Vec<u8>>,
    unknown: Vec<Vec<u8>>,
}

/// The `n`th append: one to four records, some long, some all zero, some empty.
fn records_of(n: u64) -> Vec<Vec<u8>> {
    (0..1 + n % 4)
        .map(|k| match (n + k) % 5 {
            0 => vec![0; 700],
            1 => Vec::new(),
            2 => (0..2000 + n as usize * 7).map(|i| (i as u64 * (n + 3) % 251) as u8).collect(),
            _ => format!("record {n}.{k}").into_bytes(),
        })
        .collect()
}

const APPENDS: u64 = 9;

/// Opens, appends, and stops at the first thing that says it must.
fn run(disk: &MemoryDisk, direct: Direct) -> Known {
    let mut known = Known::default();
    let Ok(mut journal) = open(disk, direct) else { return known };
    for n in 0..APPENDS {
        let records = records_of(n);
        let mut batch = Batch::new();
        records.iter().for_each(|record| batch.push(record));
        let mut outcome = journal.append(&[&batch], journal.last());
        if matches!(outcome, Err(AppendError::Full(_))) {
            outcome = journal.append(&[&batch], journal.last());
        }
        match outcome {
            Ok(last) => {
                known.acknowledged.extend(records);
                assert_eq!(last, known.acknowledged.len() as u64);
            }
            Err(AppendError::Unknown(_)) => {
                known.unknown = records;
                // I8: nothing is acknowledged after a failed write or sync.
                assert!(matches!(journal.append(&[&batch], journal.last()), Err(AppendError::Failed)));
                break;
            }
            Err(error) => panic!("append {n}: {error}"),
        }
        // Idle work may fail without harm.
        let _ = journal.prepare();
    }
    known
}

/// Opens what is left: exactly what was acknowledged, or that and the whole append whose outcome was unknown.
fn check_recovery(disk: &MemoryDisk, direct: Direct, known: &Known, case: &str) {
    let mut journal = open(disk, direct).unwrap_or_else(|error| panic!("{case}: {error}"));
    let records = read_all(&journal).unwrap_or_else(|error| panic!("{case}: {error}"));
    let (kept, more) = records.split_at(known.acknowledged.len().min(records.len()));
    assert_eq!(kept, known.acknowledged, "{case}: acknowledged records");
    assert!(more.is_empty() || more == known.unknown, "{case}: {} records nobody appended", more.len());
    let mut batch = Batch::new();
    batch.push(b"afterwards");
    let last =
        journal.append(&[&batch], records.len() as u64).unwrap_or_else(|error| panic!("{case}: {error}"));
    assert_eq!(journal.reader().record(last).unwrap().as_deref(), Some(&b"afterwards"[..]), "{case}");
    drop(journal);
    let again = open(disk, direct).unwrap_or_else(|error| panic!("{case}, again: {error}"));
    assert_eq!(read_all(&again).unwrap().len(), records.len() + 1, "{case}, again");
    assert_eq!(again.report().cut, None, "{case}, again");
}

fn policies(n: u64) -> Vec<CrashPolicy> {
    let seeds = (0..8).map(|seed| CrashPolicy::Random(n * 1000 + seed));
    [CrashPolicy::KeepAll, CrashPolicy::DropAll].into_iter().chain(seeds).collect()
}

#[test]
fn a_crash_after_every_operation() {
    for direct in [Direct::On, Direct::Off] {
        for n in 0.. {
            let disk = MemoryDisk::new();
            disk.crash_at(n);
            let known = run(&disk, direct);
            let all_done = !disk.crashed();
            for policy in policies(n) {
                check_recovery(
                    &disk.after_crash(policy),
                    direct,
                    &known,
                    &format!("{direct:?}, crash at {n}, {policy:?}"),
                );
            }
            if all_done {
                assert_eq!(
                    known.acknowledged.len(),
                    (0..APPENDS).map(|n| records_of(n).len()).sum::<usize>()
                );
                break;
            }
        }
    }
}

#[test]
fn an_error_at_every_operation() {
    for direct in [Direct::On, Direct::Off] {
        for kind in [ErrorKind::Other, ErrorKind::StorageFull] {
            for n in 0.. {
                let disk = MemoryDisk::new();
                disk.fail_at(n, kind);
                let known = run(&disk, direct);
                for policy in policies(n) {
                    let case = format!("{direct:?}, {kind} at {n}, {policy:?}");
                    check_recovery(&disk.after_crash(policy), direct, &known, &case);
                }
                if disk.operations() < n {
                    break;
                }
            }
        }
    }
}

/// A crash during the crash's recovery: recovery itself must be repeatable from any point.
#[test]
fn a_crash_during_recovery() {
    let direct = Direct::Off;
    for first in (10..80).step_by(3) {
        let disk = MemoryDisk::new();
        disk.crash_at(first);
        let known = run(&disk, direct);
        let left = disk.after_crash(CrashPolicy::Random(first));
        for n in 0.. {
            let disk = left.duplicate();
            disk.crash_at(n);
            let opened = open(&disk, direct);
            drop(opened);
            if !disk.crashed() {
                break;
            }
            let case = format!("crash at {first}, then at {n}");
            check_recovery(&disk.after_crash(CrashPolicy::Random(first * 1000 + n)), direct, &known, &case);
        }
    }
}

fn closed_store() -> (MemoryDisk, Vec<Vec<u8>>) {
    let disk = MemoryDisk::new();
    let known = run(&disk, Direct::Off);
    (disk, known.acknowledged)
}

fn segments(disk: &MemoryDisk) -> Vec<String> {
    disk.list().unwrap().into_iter().filter(|name| name.ends_with(".segment")).collect()
}

/// Opens and reads a damaged store: all of it, or an error that says where.
fn check_damaged(disk: &MemoryDisk, whole: &[Vec<u8>], case: &str) {
    let read = open(disk, Direct::Off).and_then(|journal| read_all(&journal));
    match read {
        Ok(records) => assert_eq!(records, whole, "{case}: a silently different history"),
        Err(error) => assert!(error.to_string().contains(".segment"), "{case}: {error}"),
    }
}

#[test]
fn each_bit_of_a_closed_store_flipped() {
    let (disk, whole) = closed_store();
    for name in segments(&disk) {
        let bytes = disk.contents(&name).unwrap();
        for bit in 0..bytes.len() * 8 {
            // All bits that were written with a meaning; of the zeros between, one in 61.
            if bytes[bit / 8] == 0 && bit % 61 != 0 {
                continue;
            }
            let damaged = disk.duplicate();
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            damaged.plant(&name, flipped);
            check_damaged(&damaged, &whole, &format!("{name}, byte {}, bit {}", bit / 8, bit % 8));
        }
    }
}

#[test]
fn each_truncation_length() {
    let (disk, _) = closed_store();
    for name in segments(&disk) {
        let bytes = disk.contents(&name).unwrap();
        for length in (0..bytes.len()).filter(|length| length % 7 == 0 || length % 512 < 2) {
            let damaged = disk.duplicate();
            damaged.plant(&name, bytes[..length].to_vec());
            let error = open(&damaged, Direct::Off)
                .err()
                .unwrap_or_else(|| panic!("{name} cut to {length} was accepted"));
            assert!(matches!(error, StorageError::Damaged(_)), "{name} cut to {length}: {error}");
        }
    }
}

#[test]
fn a_frame_that_stands_where_another_should_is_damage() {
    let (disk, whole) = closed_store();
    for name in segments(&disk) {
        let bytes = disk.contents(&name).unwrap();
        let blocks = bytes.len() / 4096;
        for (from, to) in (1..blocks).flat_map(|from| (1..blocks).map(move |to| (from, to))) {
            let (from_at, to_at) = (from * 4096, to * 4096);
            let block = bytes[from_at..from_at + 4096].to_vec();
            let blank = |at: usize| bytes[at..at + 4096].iter().all(|&byte| byte == 0);
            if block == bytes[to_at..to_at + 4096] || blank(from_at) || blank(to_at) {
                continue;
            }
            let damaged = disk.duplicate();
            let mut moved = bytes.clone();
            moved[to_at..to_at + 4096].copy_from_slice(&block);
            damaged.plant(&name, moved);
            check_damaged(&damaged, &whole, &format!("{name}, block {from} in place of {to}"));
        }
    }
}

/// Two futures of one journal: a frame of the one has the right position in the other, and follows something else there.
#[test]
fn a_frame_of_another_future_is_damage() {
    let disk = MemoryDisk::new();
    let append = |disk: &MemoryDisk, texts: &[&str]| {
        let mut journal = open(disk, Direct::Auto).unwrap();
        for text in texts {
            let mut batch = Batch::new();
            batch.push(text.as_bytes());
            journal.append(&[&batch], journal.last()).unwrap();
        }
    };
    append(&disk, &["first"]);
    let other = disk.duplicate();
    append(&disk, &["one", "two"]);
    append(&other, &["uno", "due"]);
    let name = segments(&disk).remove(0);
    let (ours, theirs) = (disk.contents(&name).unwrap(), other.contents(&name).unwrap());
    let differ: Vec<usize> = (1..ours.len() / 4096)
        .filter(|block| ours[block * 4096..][..4096] != theirs[block * 4096..][..4096])
        .collect();
    assert!(differ.len() >= 2, "{differ:?}");
    let whole = read_all(&open(&disk, Direct::Auto).unwrap()).unwrap();
    for block in differ {
        let spliced = disk.duplicate();
        let mut bytes = ours.clone();
        bytes[block * 4096..][..4096].copy_from_slice(&theirs[block * 4096..][..4096]);
        spliced.plant(&name, bytes);
        check_damaged(&spliced, &whole, &format!("block {block} of another future"));
    }
}

#[test]
fn a_flip_in_the_last_frame_of_a_killed_process_is_damage() {
    let disk = MemoryDisk::new();
    let mut journal = open(&disk, Direct::Off).unwrap();
    let mut batch = Batch::new();
    batch.push(&[0x5A; 3000]);
    journal.append(&[&batch], 0).unwrap();
    // No witness is written: the process was killed.
    let killed = disk.duplicate();
    let name = &segments(&killed)[0];
    let bytes = killed.contents(name).unwrap();
    for at in 4096..4096 + 40 + 4 + 3000 {
        if bytes[at] == 0 {
            continue;
        }
        let damaged = killed.duplicate();
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        damaged.plant(name, flipped);
        let error = open(&damaged, Direct::Off).err().unwrap_or_else(|| panic!("byte {at}: cut silently"));
        assert!(
            matches!(&error, StorageError::Damaged(damage) if damage.offset == 4096),
            "byte {at}: {error}"
        );
    }
}

/// In the window that the module documentation names, a frame that vanished altogether looks like one that was never written.
/// Closing the journal ends that window.
#[test]
fn a_last_frame_that_vanished_from_a_closed_journal_is_damage() {
    let disk = MemoryDisk::new();
    let mut batch = Batch::new();
    batch.push(&[0x5A; 3000]);
    open(&disk, Direct::Off).unwrap().append(&[&batch], 0).unwrap();
    let name = segments(&disk)[0].clone();
    let mut bytes = disk.contents(&name).unwrap();
    bytes[4096..8192].fill(0);
    disk.plant(&name, bytes);
    let error = open(&disk, Direct::Off).err().unwrap();
    assert!(matches!(&error, StorageError::Damaged(damage) if damage.offset == 4096), "{error}");
}

#[test]
fn a_torn_tail_is_cut_and_reported() {
    let mut cuts = 0;
    for seed in 0..200 {
        let disk = MemoryDisk::new();
        let mut journal = open(&disk, Direct::Off).unwrap();
        let mut batch = Batch::new();
        batch.push(&[1; 5000]);
        journal.append(&[&batch], 0).unwrap();
        disk.crash_at(disk.operations());
        assert!(matches!(journal.append(&[&batch], 1), Err(AppendError::Unknown(_))));
        let left = disk.after_crash(CrashPolicy::Random(seed));
        let journal = open(&left, Direct::Off).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        if let Some(cut) = &journal.report().cut {
            assert_eq!((cut.offset, journal.last()), (3 * 4096, 1), "seed {seed}");
            // Nothing of the torn frame stays behind the witness, where a later frame could meet it.
            let bytes = left.contents(&segments(&left)[0]).unwrap();
            assert!(bytes[4 * 4096..].iter().all(|byte| *byte == 0), "seed {seed}");
            cuts += 1;
        }
    }
    assert!(cuts > 100, "only {cuts} of 200 tails were torn: the disk does not do its work");
}

#[test]
fn each_wrong_file_has_its_own_error() {
    type Damage = fn(&MemoryDisk, &[String]);
    type Expected = fn(&StorageError) -> bool;
    let cases: [(&str, Damage, Expected); 6] = [
        (
            "foreign contents",
            |disk, names| disk.plant(&names[1], vec![7; SEGMENT_BYTES as usize]),
            |error| matches!(error, StorageError::Foreign { .. }),
        ),
        (
            "foreign name",
            |disk, names| disk.plant("mine.segment", disk.contents(&names[0]).unwrap()),
            |error| matches!(error, StorageError::Foreign { .. }),
        ),
        (
            "newer version",
            |disk, names| {
                let mut bytes = disk.contents(&names[0]).unwrap();
                bytes[8] = 2;
                disk.plant(&names[0], bytes);
            },
            |error| matches!(error, StorageError::NewerVersion { found: 2, known: 1, .. }),
        ),
        (
            "another cell",
            |disk, _| {
                let other = MemoryDisk::new();
                let options = JournalOptions { cell: Some([1; 16]), ..options(Direct::Off) };
                drop(FileJournal::open_on(Arc::new(other.clone()), options).unwrap());
                let name = &segments(&other)[0];
                disk.plant(name, other.contents(name).unwrap());
            },
            |error| matches!(error, StorageError::OtherCell { .. }),
        ),
        ("gap", |disk, names| disk.lose(&names[1]), |error| matches!(error, StorageError::Gap { .. })),
        (
            "exchanged names",
            |disk, names| {
                let (a, b) = (disk.contents(&names[0]).unwrap(), disk.contents(&names[1]).unwrap());
                disk.plant(&names[0], b);
                disk.plant(&names[1], a);
            },
            |error| matches!(error, StorageError::Damaged(_)),
        ),
    ];
    for (case, damage, expected) in cases {
        let (disk, _) = closed_store();
        let names = segments(&disk);
        assert!(names.len() >= 3, "{names:?}");
        damage(&disk, &names);
        let error = open(&disk, Direct::Off).err().unwrap_or_else(|| panic!("{case}: accepted"));
        assert!(expected(&error), "{case}: {error}");
    }
}

#[test]
fn a_full_disk_refuses_before_anything_is_written() {
    let disk = MemoryDisk::new();
    let mut journal = open(&disk, Direct::Off).unwrap();
    let mut batch = Batch::new();
    batch.push(&[9; 8000]);
    journal.append(&[&batch], 0).unwrap();
    journal
        .append(&[&batch], 1)
        .unwrap_or_else(|error| panic!("the first segment has room for two: {error}"));
    disk.fail_at(disk.operations() + 1, ErrorKind::StorageFull);
    let error = journal.append(&[&batch], 2).unwrap_err();
    assert!(matches!(error, AppendError::Full(_)), "{error}");
    assert_eq!(journal.append(&[&batch], 2).unwrap(), 3, "there is room again");
    assert_eq!(journal.seals().len(), 1);
}
