//! Lists against a plain map, through merges, crashes and damage.

use std::collections::HashMap;
use std::io::ErrorKind;

use xxhash_rust::xxh3::xxh3_128;

use super::*;
use crate::disk::{CrashPolicy, MemoryDisk};

fn hash(n: u64) -> u128 {
    xxh3_128(&n.to_le_bytes())
}

/// The entries of the `n`th segment of `keys` records: each record has a key; every tenth repeats one of the segment before.
fn segment(n: u64, keys: u64) -> (Seal, Vec<KeyEntry>) {
    let first = n * keys + 1;
    let entry = |position: u64| {
        let key = if position.is_multiple_of(10) && n > 0 { position - keys } else { position };
        KeyEntry { hash: hash(key), content: position * 3, position }
    };
    (Seal { first, last: first + keys - 1 }, (first..first + keys).map(entry).collect())
}

fn open(disk: &MemoryDisk) -> KeyLists {
    KeyLists::open_on(Arc::new(disk.clone())).unwrap()
}

fn check(lists: &KeyLists, model: &HashMap<u128, (u64, u64)>, keys: u64, case: &str) {
    for n in 0..keys {
        let found = lists.lookup(hash(n)).unwrap();
        assert_eq!(found, model.get(&hash(n)).copied(), "{case}: key {n}");
    }
}

#[test]
fn lists_are_like_a_map_through_merges_and_restarts() {
    let (disk, mut model) = (MemoryDisk::new(), HashMap::new());
    let mut lists = open(&disk);
    let (count, keys) = (40, 300);
    for n in 0..count {
        let (range, entries) = segment(n, keys);
        model.extend(entries.iter().map(|entry| (entry.hash, (entry.content, entry.position))));
        lists.write(range, entries).unwrap();
        lists.merge().unwrap();
        if n % 7 == 0 {
            lists = open(&disk);
        }
    }
    assert!(lists.cost().lists <= MAX_LISTS + 1, "{:?}", lists.cost());
    assert_eq!(lists.covered().first().unwrap().first, 1);
    assert_eq!(lists.covered().last().unwrap().last, count * keys);
    check(&lists, &model, count * keys + 1_000, "merged");
    let floor = 20 * keys + 1;
    lists.drop_before(floor).unwrap();
    model.retain(|_, (_, position)| *position >= floor);
    check(&lists, &model, count * keys, "dropped");
    lists.write(segment(3, keys).0, Vec::new()).unwrap();
}

#[test]
fn a_list_costs_what_the_documentation_says() {
    let (disk, keys) = (MemoryDisk::new(), 100_000);
    let lists = open(&disk);
    let (range, entries) = segment(0, keys);
    lists.write(range, entries).unwrap();
    let cost = lists.cost();
    let (memory, on_disk) = (cost.memory_bytes as f64 / keys as f64, cost.disk_bytes as f64 / keys as f64);
    assert!((1.5..1.65).contains(&memory), "{memory} bytes a key in memory");
    assert!((32.0..34.0).contains(&on_disk), "{on_disk} bytes a key on disk");
}

#[test]
fn an_empty_list_covers_its_segment() {
    let disk = MemoryDisk::new();
    open(&disk).write(Seal { first: 5, last: 9 }, Vec::new()).unwrap();
    let lists = open(&disk);
    assert_eq!(lists.covered(), [Seal { first: 5, last: 9 }]);
    assert_eq!(lists.lookup(7).unwrap(), None);
}

#[test]
fn a_crash_or_an_error_at_every_operation() {
    for errors in [false, true] {
        for n in 0.. {
            let disk = MemoryDisk::new();
            let prepared = open(&disk);
            (0..17).for_each(|n| prepared.write(segment(n, 20).0, segment(n, 20).1).unwrap());
            let at = disk.operations() + n;
            if errors {
                disk.fail_at(at, ErrorKind::Other)
            } else {
                disk.crash_at(at)
            }
            let merged = prepared.merge();
            let written = prepared.write(segment(17, 20).0, segment(17, 20).1);
            for seed in 0..10 {
                for policy in
                    [CrashPolicy::KeepAll, CrashPolicy::DropAll, CrashPolicy::Random(n * 100 + seed)]
                {
                    let case = format!("errors {errors}, at {n}, {policy:?}");
                    let lists = open(&disk.after_crash(policy));
                    assert!(lists.bad().is_empty(), "{case}: {:?}", lists.bad());
                    let until = if written.is_ok() { 18 } else { 17 };
                    for position in 1..=until * 20 {
                        let found = lists.lookup(hash(position)).unwrap();
                        assert!(found.is_some() || position % 10 == 0, "{case}: {position} was forgotten");
                    }
                }
            }
            if disk.operations() <= at {
                assert!(merged.unwrap() && written.is_ok());
                break;
            }
        }
    }
}

#[test]
fn a_flipped_bit_is_never_a_wrong_answer() {
    let disk = MemoryDisk::new();
    let (range, entries) = segment(0, 200);
    open(&disk).write(range, entries.clone()).unwrap();
    let name = list::list_name(range);
    let bytes = disk.contents(&name).unwrap();
    for bit in (0..bytes.len() * 8).filter(|bit| bytes[bit / 8] != 0 || bit % 97 == 0) {
        let damaged = disk.duplicate();
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        damaged.plant(&name, flipped);
        let Ok(lists) = KeyLists::open_on(Arc::new(damaged.clone())) else { continue };
        if !lists.bad().is_empty() {
            assert!(lists.covered().is_empty(), "bit {bit}");
            continue;
        }
        for entry in entries.iter().step_by(17) {
            if let Ok(found) = lists.lookup(entry.hash) {
                assert_eq!(found, Some((entry.content, entry.position)), "bit {bit}");
            }
        }
    }
}
