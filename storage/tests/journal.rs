//! What every journal does, on files and in memory: one table of behaviour for all of them.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::ops::ControlFlow;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use vendue_storage::{
    AppendError, Batch, Direct, FileJournal, Journal, JournalOptions, JournalReader, MAX_BATCH_BYTES,
    MemoryDisk, MemoryFault, MemoryJournal, MemoryLog, Seal, StorageError, WriteMode,
};

fn small(direct: Direct) -> JournalOptions {
    JournalOptions { segment_bytes: 64 * 1024, direct, ..JournalOptions::default() }
}

/// Each kind of journal, freshly made, under its name.
fn journals(dir: &std::path::Path) -> Vec<(&'static str, Box<dyn Journal>)> {
    let file = |name: &str, direct| FileJournal::open(&dir.join(name), small(direct)).unwrap();
    let memory_disk = FileJournal::open_on(Arc::new(MemoryDisk::new()), small(Direct::Auto)).unwrap();
    vec![
        ("files, direct if possible", Box::new(file("direct", Direct::Auto))),
        ("files, synced", Box::new(file("synced", Direct::Off))),
        ("files in memory", Box::new(memory_disk)),
        ("memory", Box::new(MemoryJournal::open_with_segments(&MemoryLog::new(), 500))),
    ]
}

fn batch(records: &[Vec<u8>]) -> Batch {
    let mut batch = Batch::new();
    records.iter().for_each(|record| batch.push(record));
    batch
}

fn all(reader: &dyn JournalReader, from: u64) -> Vec<(u64, Vec<u8>)> {
    let mut records = Vec::new();
    reader
        .read(from, &mut |position, record| {
            records.push((position, record.to_vec()));
            ControlFlow::Continue(())
        })
        .unwrap();
    records
}

#[test]
fn random_appends_are_read_back_from_anywhere() {
    for seed in 0..3 {
        let dir = tempfile::tempdir().unwrap();
        for (name, mut journal) in journals(dir.path()) {
            let case = format!("{name}, seed {seed}");
            let mut random = StdRng::seed_from_u64(seed);
            let mut written = Vec::new();
            for _ in 0..120 {
                let length = if random.random_bool(0.02) { 20_000 } else { 200 };
                let records: Vec<Vec<u8>> = (0..random.random_range(0..20))
                    .map(|_| (0..random.random_range(0..length)).map(|_| random.random()).collect())
                    .collect();
                let middle = random.random_range(0..=records.len());
                let (left, right) = (batch(&records[..middle]), batch(&records[middle..]));
                let outcome = journal.append(&[&left, &right], written.len() as u64);
                if left.bytes() + right.bytes() > 60_000 {
                    let refused = matches!(outcome, Err(AppendError::TooLarge { .. }));
                    assert!(refused || name == "memory", "{case}: {outcome:?}");
                    if refused {
                        continue;
                    }
                }
                written.extend(records);
                assert_eq!(outcome.unwrap(), written.len() as u64, "{case}");
                assert_eq!(journal.last(), written.len() as u64, "{case}");
                journal.prepare().unwrap();
            }
            check_reading(&*journal, &written, &mut random, &case);
            check_truncating(&mut *journal, &written, &case);
        }
    }
}

fn check_reading(journal: &dyn Journal, written: &[Vec<u8>], random: &mut StdRng, case: &str) {
    let reader = journal.reader();
    assert_eq!((reader.first(), reader.last()), (1, written.len() as u64), "{case}");
    let expected: Vec<_> = (1..).zip(written.iter().cloned()).collect();
    assert_eq!(all(&*reader, 0), expected, "{case}");
    for _ in 0..30 {
        let from = random.random_range(1..=written.len() as u64 + 3);
        let rest = expected.get(from as usize - 1..).unwrap_or_default();
        assert_eq!(all(&*reader, from), rest, "{case}, from {from}");
        assert_eq!(
            reader.record(from).unwrap().as_ref(),
            rest.first().map(|(_, record)| record),
            "{case}, {from}"
        );
    }
    assert_eq!(reader.record(0).unwrap(), None, "{case}");
    let mut frames = 0;
    reader
        .frames(1, &mut |frame| {
            assert_eq!(frame.records().count(), frame.count as usize, "{case}");
            frames += 1;
            if frames == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
    assert_eq!(frames, 3, "{case}");
}

fn check_truncating(journal: &mut dyn Journal, written: &[Vec<u8>], case: &str) {
    let seals = journal.seals();
    assert!(seals.len() >= 2, "{case}: {seals:?}");
    assert!(seals.windows(2).all(|pair| pair[0].last + 1 == pair[1].first), "{case}: {seals:?}");
    let taken: Vec<Seal> = std::iter::from_fn(|| journal.take_seal()).collect();
    assert_eq!(taken, seals, "{case}");
    // In the middle of the second segment: only the first one goes.
    journal.remover().remove_before(seals[1].first + 1).unwrap();
    let reader = journal.reader();
    assert_eq!(reader.first(), seals[1].first, "{case}");
    assert_eq!(
        all(&*reader, seals[1].first).len() as u64,
        written.len() as u64 + 1 - seals[1].first,
        "{case}"
    );
    let gone = reader.record(1).unwrap_err();
    assert!(
        matches!(gone, StorageError::Gone { asked: 1, first } if first == seals[1].first),
        "{case}: {gone}"
    );
    // The segment that is written never goes.
    journal.remover().remove_before(u64::MAX).unwrap();
    assert_eq!((journal.seals(), journal.last()), (Vec::new(), written.len() as u64), "{case}");
    journal.append(&[&batch(&[vec![1]])], journal.last()).unwrap();
}

#[test]
fn wrong_appends_are_refused_and_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for (name, mut journal) in journals(dir.path()) {
        let one = batch(&[vec![7; 100]]);
        assert!(
            matches!(journal.append(&[&one], 1), Err(AppendError::Fenced { expected_last: 1, last: 0 })),
            "{name}"
        );
        let large = batch(&vec![vec![0; 1024]; MAX_BATCH_BYTES / 1024]);
        assert!(matches!(journal.append(&[&large], 0), Err(AppendError::TooLarge { .. })), "{name}");
        assert_eq!(journal.append(&[], 0).unwrap(), 0, "{name}");
        assert_eq!(journal.append(&[&Batch::new(), &Batch::new()], 0).unwrap(), 0, "{name}");
        assert_eq!(journal.append(&[&one, &Batch::new(), &one], 0).unwrap(), 2, "{name}");
        assert_eq!(journal.reader().last(), 2, "{name}");
    }
}

#[test]
fn the_largest_batch_fits_and_comes_back_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let options = || JournalOptions { segment_bytes: 2 * 1024 * 1024, ..JournalOptions::default() };
    let mut journal = FileJournal::open(dir.path(), options()).unwrap();
    let records: Vec<Vec<u8>> = (0..1000_u32).map(|n| vec![n as u8; 1020]).collect();
    let largest = batch(&records);
    assert_eq!(largest.bytes(), MAX_BATCH_BYTES);
    for n in 0..5 {
        assert_eq!(journal.append(&[&largest], n * 1000).unwrap(), (n + 1) * 1000);
    }
    let (cell, mode) = (journal.report().cell, journal.report().mode);
    drop(journal);
    let journal = FileJournal::open(dir.path(), JournalOptions { cell: Some(cell), ..options() }).unwrap();
    let report = journal.report();
    assert_eq!((report.created, report.mode, report.first, report.last), (false, mode, 1, 5000));
    assert_eq!(report.cut, None);
    assert_eq!(all(&*journal.reader(), 4001).len(), 1000);
    let busy = FileJournal::open(dir.path(), options()).err();
    assert!(matches!(busy, Some(StorageError::InUse { pid: Some(_), .. })), "{busy:?}");
    assert_eq!(
        all(&*FileJournal::read_only(dir.path()).unwrap(), 4001).len(),
        1000,
        "a tool reads it all the same"
    );
    assert!(FileJournal::read_only(&dir.path().join("none")).is_err());
}

#[test]
fn an_epoch_is_raised_kept_and_never_lowered() {
    let disk = MemoryDisk::new();
    let open =
        |epoch| FileJournal::open_on(Arc::new(disk.clone()), JournalOptions { epoch, ..small(Direct::Off) });
    let one = batch(&[vec![7; 100]]);
    assert_eq!(open(None).unwrap().report().epoch, 1);
    assert_eq!(open(Some(2)).unwrap().report().epoch, 2, "in a segment without records");
    open(Some(2)).unwrap().append(&[&one], 0).unwrap();
    let mut journal = open(Some(5)).unwrap();
    assert_eq!((journal.report().epoch, journal.report().segments), (5, 2));
    journal.append(&[&one], 1).unwrap();
    drop(journal);
    assert!(matches!(open(Some(4)), Err(StorageError::EpochBack { found: 5, expected: 4, .. })));
    let journal = open(None).unwrap();
    assert_eq!((journal.report().epoch, all(&*journal.reader(), 1).len()), (5, 2));
}

#[test]
fn options_outside_the_format_are_refused() {
    for segment_bytes in [0, 4096, 10_000] {
        let options = JournalOptions { segment_bytes, ..JournalOptions::default() };
        let error = FileJournal::open_on(Arc::new(MemoryDisk::new()), options).err();
        assert!(matches!(error, Some(StorageError::Option { .. })), "{segment_bytes}: {error:?}");
    }
    let disk = MemoryDisk::new();
    disk.refuse_direct();
    let journal = FileJournal::open_on(Arc::new(disk.clone()), small(Direct::Auto)).unwrap();
    assert_eq!(journal.report().mode, WriteMode::Synced);
    drop(journal);
    assert!(FileJournal::open_on(Arc::new(disk), small(Direct::On)).is_err());
}

#[test]
fn readers_see_all_and_only_what_is_durable_while_it_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = FileJournal::open(dir.path(), small(Direct::Auto)).unwrap();
    let reader = journal.reader();
    let until = 400;
    let reading = std::thread::spawn(move || {
        let mut next = 1;
        while next <= until {
            let durable = reader.last();
            let mut seen = next;
            reader
                .read(next, &mut |position, record| {
                    assert_eq!((position, record), (seen, &seen.to_le_bytes().repeat(40)[..]));
                    seen += 1;
                    ControlFlow::Continue(())
                })
                .unwrap();
            assert!(seen > durable, "what was durable before is read");
            next = seen;
            std::thread::yield_now();
        }
    });
    for position in 1..=until {
        journal.append(&[&batch(&[position.to_le_bytes().repeat(40)])], position - 1).unwrap();
    }
    reading.join().unwrap();
}

#[test]
fn a_log_in_memory_outlives_its_journal_and_fences_the_older_owner() {
    let log = MemoryLog::new();
    let one = batch(&[vec![1]]);
    let mut old = MemoryJournal::open(&log);
    old.append(&[&one], 0).unwrap();
    let mut new = MemoryJournal::open(&log);
    assert_eq!(new.append(&[&one], 1).unwrap(), 2);
    assert!(matches!(old.append(&[&one], 2), Err(AppendError::Fenced { .. })), "I10");
    for (fault, kept) in
        [(MemoryFault::Full, 2), (MemoryFault::UnknownLost, 2), (MemoryFault::UnknownKept, 3)]
    {
        let log = log.duplicate();
        let mut journal = MemoryJournal::open(&log);
        log.fail_next(fault);
        let error = journal.append(&[&one], 2).unwrap_err();
        assert_eq!(matches!(error, AppendError::Full(_)), fault == MemoryFault::Full, "{error}");
        let after = journal.append(&[&one], kept);
        assert_eq!(after.is_ok(), fault == MemoryFault::Full, "I8: {after:?}");
        let expected = if fault == MemoryFault::Full { 3 } else { kept };
        assert_eq!(all(&log, 1).len() as u64, expected, "{fault:?}");
    }
}
