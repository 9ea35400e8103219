//! What checkpoints, loads and key lookups cost.
//!
//! `cargo run --release -p vendue-storage --example store_bench -- [directory] [items]`

use std::error::Error;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use vendue_storage::{Change, Key, KeyEntry, KeyLists, Seal, SledStore, StateStore};

/// Bytes of an idle lot, about.
const VALUE_BYTES: usize = 200;
const CACHE_BYTES: u64 = 512 * 1024 * 1024;
const SLOTS: u16 = 4096;
/// Lookups timed.
const LOOKUPS: u64 = 100_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let parent = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let items: u64 = arguments.next().map_or(Ok(200_000), |text| text.parse())?;
    let dir = tempfile::Builder::new().prefix("store-bench").tempdir_in(&parent)?;
    state(&dir.path().join("state"), items)?;
    keys(&dir.path().join("keys"), items)
}

fn key(n: u64) -> Key {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&n.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
    Key { slot: (n % u64::from(SLOTS)) as u16, space: 1, id }
}

fn state(dir: &std::path::Path, items: u64) -> Result<(), Box<dyn Error>> {
    let store = SledStore::open(dir, CACHE_BYTES)?;
    let mut random = StdRng::seed_from_u64(1);
    let mut value = || (0..VALUE_BYTES).map(|_| random.random()).collect::<Vec<u8>>();
    let values: Vec<Vec<u8>> = (0..1000).map(|_| value()).collect();
    let change = |n: u64, round: u64| Change {
        key: key(n),
        value: Some(values[((n + round) % 1000) as usize].clone()),
        deadline: n.is_multiple_of(4).then_some((n + round) as i64),
    };
    for (name, step) in [("all", 1), ("1 in 10", 10), ("1 in 100", 100)] {
        let mut numbers: Vec<u64> = (0..items).step_by(step).collect();
        numbers.sort_by_key(|n| key(*n));
        let (begin, cpu) = (Instant::now(), cpu_ms());
        let stats = store.checkpoint(&mut numbers.iter().map(|n| change(*n, step as u64)), b"marker")?;
        let us = begin.elapsed().as_secs_f64() * 1e6;
        let (each, blocks) = (us / stats.changes as f64, stats.blocks_written);
        let cpu = cpu_ms() - cpu;
        println!(
            "checkpoint of {name:>8}: {each:6.2} us an item, {blocks} blocks, {:.0} ms, {cpu} ms of CPU",
            us / 1e3
        );
    }
    let begin = Instant::now();
    for n in 0..LOOKUPS {
        store.load(&key(n * 7919 % items))?;
    }
    println!("load: {:.2} us", begin.elapsed().as_secs_f64() * 1e6 / LOOKUPS as f64);
    let (begin, mut count) = (Instant::now(), 0);
    store.scan(1, &mut |_, _| {
        count += 1;
        ControlFlow::Continue(())
    })?;
    println!("scan: {:.2} us an item of {count}", begin.elapsed().as_secs_f64() * 1e6 / f64::from(count));
    drop(store);
    let begin = Instant::now();
    let store = SledStore::open(dir, CACHE_BYTES)?;
    println!("open, all blocks checked: {:.0} ms, {:?}", begin.elapsed().as_secs_f64() * 1e3, store.report());
    Ok(())
}

/// CPU time of this process so far, in ms; 0 where `/proc` does not tell. A tick is 10 ms.
fn cpu_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 10
}

fn keys(dir: &std::path::Path, items: u64) -> Result<(), Box<dyn Error>> {
    let lists = KeyLists::open(dir)?;
    let hash = |n: u64| xxhash_rust::xxh3::xxh3_128(&n.to_le_bytes());
    let segments = 16;
    let begin = Instant::now();
    for n in 0..segments {
        let range = Seal { first: n * items + 1, last: (n + 1) * items };
        let entries = (range.first..=range.last).map(|n| KeyEntry { hash: hash(n), content: n, position: n });
        lists.write(range, entries.collect())?;
    }
    let (seconds, cost) = (begin.elapsed().as_secs_f64(), lists.cost());
    println!("key lists: {:.2} us a key to write; {cost:?}", seconds * 1e6 / cost.keys as f64);
    for (name, offset) in [("hit", 0), ("miss", segments * items)] {
        let begin = Instant::now();
        for n in 0..LOOKUPS {
            lists.lookup(hash(offset + 1 + n * 7919 % items))?;
        }
        println!(
            "key lookup, {name}: {:.2} us in {segments} lists",
            begin.elapsed().as_secs_f64() * 1e6 / LOOKUPS as f64
        );
    }
    Ok(())
}
