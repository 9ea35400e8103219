use std::ops::ControlFlow;
use std::sync::Arc;

use super::*;
use crate::disk::{CrashPolicy, MemoryDisk};
use crate::state::{Change, Key, MemoryStore, StateStore};

const NAME: BaseName = BaseName { replay_from: 41, highest: 60 };

fn facts() -> BaseFacts {
    BaseFacts {
        cell: [7; 16],
        replay_from: NAME.replay_from,
        highest: NAME.highest,
        marker: b"a marker".to_vec(),
        genesis: b"a first record".to_vec(),
    }
}

fn key(number: u16) -> Key {
    let mut id = [0; 16];
    id[..2].copy_from_slice(&number.to_be_bytes());
    Key { slot: number % 5, space: (number % 3) as u8, id }
}

/// A store with so many values of so many bytes; every third has a deadline.
fn store(count: u16, bytes: usize) -> MemoryStore {
    let store = MemoryStore::new();
    let mut changes = (0..count).map(|number| Change {
        key: key(number),
        value: Some(vec![number as u8; bytes + usize::from(number)]),
        deadline: (number % 3 == 0).then(|| i64::from(number) - 5),
    });
    store.checkpoint(&mut changes, b"a marker").unwrap();
    store
}

fn everything(store: &dyn StateStore) -> Vec<(Key, Vec<u8>, Option<i64>)> {
    let mut all = Vec::new();
    store
        .export(&mut |item| {
            all.push((item.key, item.value.to_vec(), item.deadline));
            ControlFlow::Continue(())
        })
        .unwrap();
    all
}

fn go_on(_: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[test]
fn names_are_their_positions() {
    let table = [
        ("00000000000000000041-00000000000000000060.base", Some(NAME)),
        ("00000000000000000041-00000000000000000060.base.bad", None),
        ("00000000000000000041-00000000000000000060.base.part", None),
        ("41-60.base", None),
        ("+0000000000000000041-00000000000000000060.base", None),
        ("99999999999999999999-00000000000000000060.base", None),
        ("", None),
    ];
    for (file, name) in table {
        assert_eq!(BaseName::parse(file), name, "{file}");
    }
    assert_eq!(NAME.file(), table[0].0);
}

#[test]
fn a_store_filled_from_a_base_is_the_one_it_was_made_of() {
    for (count, bytes) in [(0, 0), (1, 0), (40, 10), (300, 4_000)] {
        let (store, other) = (store(count, bytes), MemoryStore::new());
        let bases = Bases::open_on(Arc::new(MemoryDisk::new())).unwrap();
        let cost = bases.write(&facts(), &store, &mut go_on).unwrap().unwrap();
        assert_eq!((cost.items, bases.list().unwrap()), (u64::from(count), vec![NAME]));
        assert_eq!(bases.facts(&NAME).unwrap(), facts());
        assert_eq!(bases.verify(&NAME).unwrap(), cost);
        let mut heard = 0;
        assert_eq!(bases.load(&NAME, &other, &mut |loaded| heard = loaded).unwrap(), cost);
        assert_eq!(heard, u64::from(count));
        assert_eq!(everything(&other), everything(&store));
        assert_eq!(other.marker().unwrap(), Some(b"a marker".to_vec()));
        assert_eq!(other.due(1_000, 1_000).unwrap(), store.due(1_000, 1_000).unwrap());
    }
}

#[test]
fn a_base_that_is_given_up_leaves_nothing() {
    let disk = MemoryDisk::new();
    let bases = Bases::open_on(Arc::new(disk.clone())).unwrap();
    let given_up = bases.write(&facts(), &store(300, 4_000), &mut |_| ControlFlow::Break(())).unwrap();
    assert_eq!((given_up, disk.list().unwrap()), (None, Vec::new()));
}

/// Each bit of the file, each length: no base is taken for good that is not the one that was written.
#[test]
fn every_flipped_bit_and_every_missing_byte_is_found() {
    let disk = MemoryDisk::new();
    let bases = Bases::open_on(Arc::new(disk.clone())).unwrap();
    bases.write(&facts(), &store(12, 3), &mut go_on).unwrap();
    let file = disk.open(&NAME.file(), crate::disk::Access::Read).unwrap();
    let mut good = vec![0; file.length().unwrap() as usize];
    file.read_at(&mut good, 0).unwrap();
    let is_found = |bytes: Vec<u8>| {
        let disk = MemoryDisk::new();
        disk.plant(&NAME.file(), bytes);
        let bases = Bases::open_on(Arc::new(disk)).unwrap();
        let store = MemoryStore::new();
        let refused = bases.load(&NAME, &store, &mut |_| {}).is_err();
        assert!(!refused || store.marker().unwrap().is_none(), "nothing was loaded");
        refused
    };
    assert!(!is_found(good.clone()), "the file itself is good");
    for bit in 0..good.len() * 8 {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(is_found(bytes), "bit {bit}");
    }
    for length in 0..good.len() {
        assert!(is_found(good[..length].to_vec()), "{length} bytes");
    }
    assert!(is_found([&good[..], &[0]].concat()), "one byte more");
}

#[test]
fn newer_and_foreign_files_are_told_apart_from_damage() {
    let (mut newer, _) = format::header(&facts());
    newer[8] = 9;
    let table = [
        (newer, "has format version 9, this program knows up to 1"),
        (vec![0x50; 200], "is not a file of this kind (expected \"VNDUBASE\")"),
        (Vec::new(), "is damaged at offset 0"),
    ];
    for (bytes, words) in table {
        let disk = MemoryDisk::new();
        disk.plant(&NAME.file(), bytes);
        let error = Bases::open_on(Arc::new(disk)).unwrap().facts(&NAME).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}

/// A crash after each operation of a second base: the first is there and good, and the second is whole or not there.
#[test]
fn a_crash_at_any_moment_leaves_the_older_bases() {
    let second = BaseFacts { replay_from: 50, highest: 70, ..facts() };
    let mut whole = 0;
    for operations in 0.. {
        for policy in [CrashPolicy::DropAll, CrashPolicy::KeepAll, CrashPolicy::Random(operations)] {
            let disk = MemoryDisk::new();
            let bases = Bases::open_on(Arc::new(disk.clone())).unwrap();
            bases.write(&facts(), &store(20, 30), &mut go_on).unwrap();
            disk.crash_at(disk.operations() + operations);
            let written = bases.write(&second, &store(30, 40), &mut go_on);
            let after = disk.after_crash(policy);
            let bases = Bases::open_on(Arc::new(after.clone())).unwrap();
            for name in bases.list().unwrap() {
                bases.verify(&name).unwrap();
            }
            let count = bases.list().unwrap().len();
            assert!(bases.list().unwrap().contains(&NAME), "after {operations} operations");
            assert!(after.list().unwrap().iter().all(|name| !name.ends_with(PART)));
            assert!(written.is_err() || count == 2);
            whole = if written.is_ok() { whole + 1 } else { 0 };
        }
        if whole >= 3 {
            return;
        }
    }
}

#[test]
fn the_oldest_are_pruned_and_bad_ones_are_not_counted() {
    let bases = Bases::open_on(Arc::new(MemoryDisk::new())).unwrap();
    let name = |at: u64| BaseName { replay_from: at, highest: at + 5 };
    for at in [10, 30, 20, 40] {
        let facts = BaseFacts { replay_from: at, highest: at + 5, ..facts() };
        bases.write(&facts, &store(3, 3), &mut go_on).unwrap();
    }
    assert_eq!(bases.list().unwrap(), [40, 30, 20, 10].map(name));
    bases.set_aside(&name(30)).unwrap();
    bases.prune(2).unwrap();
    assert_eq!(bases.list().unwrap(), [40, 20].map(name));
}
