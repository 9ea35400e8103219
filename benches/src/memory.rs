//! Bytes for what lies idle.

use clap::Args;
use vendue_domain::lot::Funding;
use vendue_engine::EngineOptions;
use vendue_engine::shard::Shard;

use crate::workload::{LINK, START, accounts, lots, market, orders, shard, stock};

/// How much there is to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// How many of each kind are made.
    #[arg(long, default_value_t = 200_000)]
    lots: u64,
}

/// Resident memory of this process in bytes.
pub(crate) fn resident() -> Result<u64, String> {
    let text = std::fs::read_to_string("/proc/self/statm").map_err(|error| error.to_string())?;
    let pages = text.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    Ok(pages.ok_or("/proc/self/statm is not as expected")? * rustix::param::page_size() as u64)
}

/// Takes commands in until nothing more comes of them.
pub(crate) fn take(shard: &mut Shard, items: &[Vec<u8>]) {
    for chunk in items.chunks(512) {
        shard.begin(START, 1, 0);
        for item in chunk {
            shard.command(LINK, item);
        }
        drop(shard.finish(Box::default()));
        drop(shard.take_requests());
        drop(shard.take_immediate());
    }
}

/// One kind of actor: how many were made, and what each costs.
fn measure(
    shard: &mut Shard,
    name: &str,
    commands_each: &str,
    items: Vec<Vec<u8>>,
    count: u64,
) -> Result<(), String> {
    let before = resident()?;
    take(shard, &items);
    let grown = resident()?.saturating_sub(before);
    drop(items);
    let captured = shard.capture(usize::MAX, 1);
    let stored: usize = captured.values.iter().map(|value| value.bytes.len()).sum();
    println!(
        "{name:<10} {count:>9} {:>16.0} {:>18.0}   {commands_each}",
        grown as f64 / count as f64,
        stored as f64 / captured.values.len().max(1) as f64
    );
    Ok(())
}

/// Makes actors of each kind and says what each costs.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let mut shard = shard(EngineOptions { in_flight_max: 1 << 22, ..EngineOptions::default() });
    take(&mut shard, &market(0, 1, Funding::None));
    println!("shard alone: state, index, timer, and the keys of the commands that made it");
    println!("{:<10} {:>9} {:>16} {:>18}", "kind", "count", "resident bytes", "checkpointed bytes");
    let count = options.lots;
    measure(&mut shard, "lot", "created and opened: 2 keys", lots(0..count, Funding::None), count)?;
    measure(&mut shard, "stock", "created: 1 key", stock(0..count), count)?;
    let name = "order + its";
    measure(&mut shard, name, "placed: 1 key; its stock's reservation counts too", orders(0..count), count)?;
    measure(&mut shard, "account", "created and granted: 2 keys", accounts(1..count + 1), count)?;
    Ok(())
}
