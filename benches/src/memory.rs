//! Bytes for what lies idle.

use clap::Args;
use vendue_engine::EngineOptions;

use crate::workload::{LINK, START, market, shard};

/// How much there is to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Lots that are made.
    #[arg(long, default_value_t = 200_000)]
    lots: u64,
}

/// Resident memory of this process in bytes.
fn resident() -> Result<u64, String> {
    let text = std::fs::read_to_string("/proc/self/statm").map_err(|error| error.to_string())?;
    let pages = text.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    Ok(pages.ok_or("/proc/self/statm is not as expected")? * rustix::param::page_size() as u64)
}

/// Makes lots and says what each costs.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let mut shard = shard(EngineOptions { in_flight_max: 1 << 22, ..EngineOptions::default() });
    let items = market(options.lots, 1);
    let before = resident()?;
    for chunk in items.chunks(512) {
        shard.begin(START, 1, 0);
        for item in chunk {
            shard.command(LINK, item);
        }
        drop(shard.finish(Box::default()));
        drop(shard.take_requests());
        drop(shard.take_immediate());
    }
    let after = resident()?;
    let captured = shard.capture(usize::MAX, 1);
    let stored: usize = captured.values.iter().map(|value| value.bytes.len()).sum();
    let count = captured.values.len().max(1);
    println!("lots                              {}", options.lots);
    println!(
        "resident bytes a lot              {:.0}  (shard alone: state, index, timer; keys of its two commands)",
        (after - before) as f64 / options.lots as f64
    );
    println!("checkpointed bytes an actor       {:.0}", stored as f64 / count as f64);
    Ok(())
}
