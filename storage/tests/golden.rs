//! The bytes on disk, pinned: a change of any of them is a change of a format, and needs a version of its own.
//!
//! To write the files anew after such a change: `VENDUE_GOLDEN=write cargo test -p vendue-storage --test golden`.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::fmt::Write;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use vendue_storage::{
    BaseFacts, BaseName, Bases, Batch, Change, Direct, Entropy, FileJournal, FileVault, Journal,
    JournalOptions, Key, KeyEntry, KeyLists, MemoryDisk, MemoryStore, Seal, StateStore, Vault,
};

/// Bytes of a line.
const LINE: usize = 32;

/// Offset and bytes in hexadecimal; lines of zeros are left out.
fn hex(bytes: &[u8]) -> String {
    let mut text = format!("length {}\n", bytes.len());
    for (line, chunk) in bytes.chunks(LINE).enumerate() {
        if chunk.iter().any(|byte| *byte != 0) {
            write!(text, "{:06x} ", line * LINE).unwrap();
            chunk.iter().for_each(|byte| write!(text, "{byte:02x}").unwrap());
            text.push('\n');
        }
    }
    text
}

fn check(name: &str, bytes: &[u8]) {
    let path = format!("{}/tests/golden/{name}.hex", env!("CARGO_MANIFEST_DIR"));
    let text = hex(bytes);
    if std::env::var_os("VENDUE_GOLDEN").is_some_and(|value| value == "write") {
        std::fs::write(&path, &text).unwrap();
    }
    let pinned = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert_eq!(text, pinned, "{name}: these bytes are on disks already");
}

fn journal_disk() -> MemoryDisk {
    let disk = MemoryDisk::new();
    let options = JournalOptions {
        first: 1,
        segment_bytes: 4 * 4096,
        direct: Direct::Off,
        cell: Some(*b"cell of a market"),
        epoch: Some(3),
        prepare_in_background: false,
    };
    let mut journal = FileJournal::open_on(Arc::new(disk.clone()), options).unwrap();
    let mut batch = Batch::new();
    batch.push(b"first record");
    batch.push(b"");
    batch.push(&[0; 200]);
    journal.append(&[&batch], 0).unwrap();
    let mut large = Batch::new();
    large.push(&[0xAB; 4100]);
    // Fills the first segment, and begins the second.
    journal.append(&[&large], 3).unwrap();
    journal.append(&[&batch, &batch], 4).unwrap();
    disk
}

#[test]
fn segments() {
    let disk = journal_disk();
    for first in [1, 5] {
        let name = format!("{first:020}.segment");
        check(&format!("segment-{first}"), &disk.contents(&name).unwrap());
    }
}

fn entry(n: u64) -> KeyEntry {
    KeyEntry { hash: u128::from(n).wrapping_mul(0x9E37_79B9_7F4A_7C15 << 61), content: n * 7, position: n }
}

#[test]
fn key_list() {
    let disk = MemoryDisk::new();
    let lists = KeyLists::open_on(Arc::new(disk.clone())).unwrap();
    let entry = |n: u64| KeyEntry {
        hash: u128::from(n).wrapping_mul(0x9E37_79B9_7F4A_7C15 << 61),
        content: n * 7,
        position: n,
    };
    lists.write(Seal { first: 1, last: 130 }, (1..=130).map(entry).collect()).unwrap();
    check("keys", &disk.contents(&format!("{:020}-{:020}.keys", 1, 130)).unwrap());
}

fn base() -> (BaseFacts, BaseName) {
    let facts = BaseFacts {
        cell: *b"cell of a market",
        replay_from: 41,
        highest: 60,
        marker: b"a marker".to_vec(),
        genesis: b"a first record".to_vec(),
    };
    let name = BaseName { replay_from: facts.replay_from, highest: facts.highest };
    (facts, name)
}

fn stored() -> [Change; 3] {
    let change = |slot, value: &[u8], deadline| {
        let key = Key { slot, space: 3, id: *b"an id of a thing" };
        Change { key, value: Some(value.to_vec()), deadline }
    };
    [change(1, b"a value", None), change(2, b"", Some(-7)), change(4_095, b"another", Some(1_700_000_000))]
}

#[test]
fn base_file() {
    let disk = MemoryDisk::new();
    let store = MemoryStore::new();
    let (facts, name) = base();
    store.checkpoint(&mut stored().into_iter(), &facts.marker).unwrap();
    let bases = Bases::open_on(Arc::new(disk.clone())).unwrap();
    bases.write(&facts, &store, &mut |_| ControlFlow::Continue(())).unwrap();
    check("base", &disk.contents(&name.file()).unwrap());
}

#[test]
fn vault() {
    let disk = MemoryDisk::new();
    let counter = AtomicU8::new(1);
    let entropy = Entropy::from_fn(move |bytes| bytes.fill_with(|| counter.fetch_add(1, Ordering::Relaxed)));
    let vault = FileVault::open_on(Arc::new(disk.clone()), entropy).unwrap();
    let sealed = vault.seal(*b"a person's own i", b"Anna, 3 Elm Road").unwrap();
    check("sealed", &sealed);
    vault.seal(*b"another person i", b"").unwrap();
    check("vault", &disk.contents("vault").unwrap());
    vault.erase(*b"a person's own i").unwrap();
    check("vault-erased", &disk.contents("vault").unwrap());
}

/// The bytes of a pinned file.
fn pinned(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/golden/{name}.hex", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let length = lines.next().unwrap().strip_prefix("length ").unwrap().parse().unwrap();
    let mut bytes = vec![0; length];
    for (offset, hex) in lines.map(|line| line.split_once(' ').unwrap()) {
        let at = usize::from_str_radix(offset, 16).unwrap();
        for (n, pair) in hex.as_bytes().chunks(2).enumerate() {
            bytes[at + n] = u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        }
    }
    bytes
}

/// Files that were written long ago open with today's code.
#[test]
fn pinned_files_are_read() {
    let disk = MemoryDisk::new();
    for first in [1, 5] {
        disk.plant(&format!("{first:020}.segment"), pinned(&format!("segment-{first}")));
    }
    disk.plant("vault", pinned("vault"));
    disk.plant(&format!("{:020}-{:020}.keys", 1, 130), pinned("keys"));
    let (facts, name) = base();
    disk.plant(&name.file(), pinned("base"));
    let disk = Arc::new(disk);

    let options =
        JournalOptions { direct: Direct::Off, prepare_in_background: false, ..JournalOptions::default() };
    let journal = FileJournal::open_on(Arc::clone(&disk) as _, options).unwrap();
    assert_eq!((journal.report().cell, journal.report().epoch), (*b"cell of a market", 3));
    assert_eq!(journal.reader().record(1).unwrap().as_deref(), Some(&b"first record"[..]));
    assert_eq!(journal.reader().record(4).unwrap().unwrap(), [0xAB; 4100]);
    assert_eq!(journal.last(), 10);

    let vault = FileVault::open_on(Arc::clone(&disk) as _, Entropy::system()).unwrap();
    let plain = vault.open(*b"a person's own i", &pinned("sealed")).unwrap();
    assert_eq!(plain.as_deref(), Some(&b"Anna, 3 Elm Road"[..]));

    let (bases, store) = (Bases::open_on(Arc::clone(&disk) as _).unwrap(), MemoryStore::new());
    assert_eq!(bases.facts(&name).unwrap(), facts);
    bases.load(&name, &store, &mut |_| {}).unwrap();
    for change in stored() {
        assert_eq!(store.load(&change.key).unwrap(), change.value);
    }
    assert_eq!(store.due(0, 9).unwrap(), [(-7, stored()[1].key)]);

    let lists = KeyLists::open_on(disk).unwrap();
    assert_eq!(lists.lookup(entry(77).hash).unwrap(), Some((77 * 7, 77)));
}
