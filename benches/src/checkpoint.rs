//! What a checkpoint costs: the capture on the shard's thread and the write into the state store, by what has changed.

use std::time::Instant;

use clap::Args;
use vendue_domain::lot::Funding;
use vendue_engine::EngineOptions;
use vendue_engine::shard::{CAPTURE_SLICE, Captured, Shard};
use vendue_storage::{Change, Key, SledStore, StateStore};

use crate::memory::take;
use crate::workload::{Bids, LINK, START, market, orders, shard, stock};

/// How much there is to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Where the state store is made: a directory on the disk to be measured.
    #[arg(long, default_value = "target")]
    dir: std::path::PathBuf,
    /// How many lots, and as many orders.
    #[arg(long, default_value_t = 50_000)]
    lots: u64,
    /// Bidders.
    #[arg(long, default_value_t = 1_000)]
    bidders: u64,
    /// Bids between two checkpoints.
    #[arg(long, default_value_t = 50_000)]
    bids: u64,
}

/// The state store's cache, in bytes: everything fits, as in a cell of this size.
const CACHE_BYTES: u64 = 256 * 1024 * 1024;

/// One checkpoint, measured.
struct Cost {
    actors: u64,
    capture_ns: f64,
    store_us: f64,
    blocks: u64,
    bytes: u64,
}

/// Captures everything that has changed, a slice at a time as the engine does, and stores it.
fn checkpoint(shard: &mut Shard, store: &SledStore) -> Result<Cost, String> {
    let began = Instant::now();
    let mut slices: Vec<Captured> = Vec::new();
    loop {
        let slice = shard.capture(CAPTURE_SLICE, 1);
        let remaining = slice.remaining;
        slices.push(slice);
        if remaining == 0 {
            break;
        }
    }
    let captured = began.elapsed();
    let change = |value: vendue_engine::shard::StoredValue| Change {
        key: Key { slot: value.address.slot(), space: value.address.kind as u8, id: value.address.id.0 },
        value: Some(value.bytes),
        deadline: value.deadline.map(|deadline| deadline.0),
    };
    let mut changes: Vec<Change> = slices.into_iter().flat_map(|slice| slice.values).map(change).collect();
    changes.sort_by_key(|change| change.key);
    let began = Instant::now();
    let stats = store.checkpoint(&mut changes.into_iter(), b"bench").map_err(|error| error.to_string())?;
    let stored = began.elapsed();
    let actors = stats.changes.max(1);
    Ok(Cost {
        actors: stats.changes,
        capture_ns: captured.as_nanos() as f64 / actors as f64,
        store_us: stored.as_secs_f64() * 1e6 / actors as f64,
        blocks: stats.blocks_written,
        bytes: stats.bytes_written,
    })
}

fn print(name: &str, cost: &Cost) {
    println!(
        "{name:<44} {:>8} {:>14.0} {:>13.2} {:>8} {:>12}",
        cost.actors, cost.capture_ns, cost.store_us, cost.blocks, cost.bytes
    );
}

/// Bids that all take the lead: each changes its lot and, funded, two accounts.
fn bid(shard: &mut Shard, bids: &mut Bids, count: u64) {
    for _ in 0..count.div_ceil(512) {
        shard.begin(START, 1, 0);
        for _ in 0..512 {
            shard.command(LINK, bids.next());
        }
        drop(shard.finish(Box::default()));
        drop(shard.take_requests());
        drop(shard.take_immediate());
    }
}

/// Prints what checkpoints cost.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    println!(
        "{:<44} {:>8} {:>14} {:>13} {:>8} {:>12}",
        "checkpoint of", "actors", "capture ns/one", "store us/one", "blocks", "bytes"
    );
    for (name, funding) in [("without money", Funding::None), ("with money (funding: full)", Funding::Full)] {
        let dir = tempfile::tempdir_in(&options.dir).map_err(|error| error.to_string())?;
        let store = SledStore::open(dir.path(), CACHE_BYTES).map_err(|error| error.to_string())?;
        let mut shard = shard(EngineOptions { in_flight_max: 1 << 22, ..EngineOptions::default() });
        take(&mut shard, &market(options.lots, options.bidders, funding));
        print(&format!("everything once, {name}"), &checkpoint(&mut shard, &store)?);
        let mut bids = Bids::new(options.lots, options.bidders, 0);
        for _ in 0..2 {
            bid(&mut shard, &mut bids, options.bids);
            print(&format!("what {} bids changed, {name}", options.bids), &checkpoint(&mut shard, &store)?);
        }
        if funding == Funding::Full {
            take(&mut shard, &stock(0..options.lots));
            checkpoint(&mut shard, &store)?;
            take(&mut shard, &orders(0..options.lots));
            print("orders placed, with their stock", &checkpoint(&mut shard, &store)?);
        }
    }
    Ok(())
}
