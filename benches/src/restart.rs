//! What a start costs: a data directory with many lots and many events since the last checkpoint is made, then read back
//! as an engine does after `kill -9`, phase by phase.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use vendue_domain::id::AccountId;
use vendue_domain::lot::Funding;
use vendue_engine::EngineOptions;
use vendue_engine::entry::{Entry, Genesis};
use vendue_engine::keys::{Known, NoOlderKeys, OlderKeys};
use vendue_engine::local::{Ground, LocalCell};
use vendue_engine::recovery::{Progress, Sources, read_genesis, recover_with};
use vendue_engine::views::Open;
use vendue_storage::{FileJournal, Journal, JournalOptions, JournalReader, KeyEntry, KeyLists, SledStore};

use crate::memory::resident;
use crate::workload::{Bids, LINK, NoSeal, START, accounts, lots, only_market};

/// How much there is to read back.
#[derive(Args)]
pub(crate) struct Options {
    /// Where the data directory is made: a directory on the disk to be measured.
    #[arg(long, default_value = "target")]
    dir: PathBuf,
    /// A data directory that an earlier run was told to keep, or that this one shall keep: made where it is missing.
    #[arg(long)]
    keep: Option<PathBuf>,
    /// Lots, open, all of them in the checkpoint.
    #[arg(long, default_value_t = 100_000)]
    lots: u64,
    /// Bidders.
    #[arg(long, default_value_t = 10_000)]
    bidders: u64,
    /// Bidders who contest one lot, one after the other.
    #[arg(long, default_value_t = 4)]
    rivals: u64,
    /// Bids after the checkpoint: each is one event of its lot and of two accounts' feeds.
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// How often it is read back.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
}

/// The state store's cache, in bytes: the engine's default.
const CACHE_BYTES: u64 = 64 * 1024 * 1024;

/// Commands of one round, and of one commit.
const ROUND: u64 = 2_048;

/// Keys that the making of the data may hold in memory: all.
const KEYS_MAX: u32 = 1 << 26;

struct NoNames;

impl Open for NoNames {
    fn open(&self, _account: AccountId, _sealed: &[u8]) -> Option<String> {
        None
    }
}

struct Lists(KeyLists);

impl OlderKeys for Lists {
    fn lookup(&self, hash: u128) -> Result<Option<Known>, String> {
        let found = self.0.lookup(hash).map_err(|error| error.to_string())?;
        Ok(found.map(|(content, position)| Known { content, position }))
    }
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn options() -> EngineOptions {
    EngineOptions {
        shards: 1,
        in_flight_max: 1 << 22,
        keys_in_memory: KEYS_MAX,
        resident_max: 1 << 30,
        memory_budget: 1 << 40,
        ..EngineOptions::default()
    }
}

fn open_journal(dir: &Path) -> Result<FileJournal, String> {
    FileJournal::open(&dir.join("journal"), JournalOptions::default()).map_err(words)
}

/// Makes the data directory: market, bidders and lots, a checkpoint of them, then the bids.
fn make(wanted: &Options, dir: &Path) -> Result<(), String> {
    let began = Instant::now();
    let store = Arc::new(SledStore::open(&dir.join("state"), CACHE_BYTES).map_err(words)?);
    let ground = Ground {
        store: store.clone(),
        older_keys: Arc::new(NoOlderKeys),
        seal: Arc::new(NoSeal),
        open: Arc::new(NoNames),
    };
    let genesis = Genesis { cell: 1, time: START, key_secret: 7 };
    let journal = Box::new(open_journal(dir)?);
    let mut cell = LocalCell::start(options(), journal, ground, genesis, START).map_err(words)?;
    let take = |cell: &mut LocalCell, items: Vec<Vec<u8>>| -> Result<(), String> {
        for chunk in items.chunks(ROUND as usize) {
            cell.round(0, START, |shard| chunk.iter().for_each(|item| shard.command(LINK, item)));
            cell.commit().map_err(words)?;
        }
        Ok(())
    };
    take(&mut cell, vec![only_market()])?;
    let step = 100_000;
    for first in (0..wanted.bidders).step_by(step as usize) {
        take(&mut cell, accounts(first..(first + step).min(wanted.bidders)))?;
    }
    for first in (0..wanted.lots).step_by(step as usize) {
        take(&mut cell, lots(first..(first + step).min(wanted.lots), Funding::None))?;
    }
    cell.checkpoint().map_err(words)?;
    println!("made {} lots and their checkpoint in {:.1} s", wanted.lots, began.elapsed().as_secs_f64());
    let mut bids = Bids::new(wanted.lots, wanted.bidders, 0).with_rivals(wanted.rivals);
    for _ in 0..wanted.events.div_ceil(ROUND) {
        cell.round(0, START, |shard| {
            for _ in 0..ROUND {
                shard.command(LINK, bids.next());
            }
        });
        cell.commit().map_err(words)?;
    }
    let stats = cell.shards()[0].stats();
    if stats.not_executed > 0 || stats.rejected > 0 {
        return Err(format!("the data is not what it should be: {stats:?}"));
    }
    drop(cell);
    drop(store);
    list_keys(dir)?;
    println!("made {} events after it, {:.1} s in all", wanted.events, began.elapsed().as_secs_f64());
    Ok(())
}

/// Writes the lists of the sealed segments, as an engine does while it runs.
fn list_keys(dir: &Path) -> Result<(), String> {
    let journal = open_journal(dir)?;
    let lists = KeyLists::open(&dir.join("keys")).map_err(words)?;
    let reader = journal.reader();
    for seal in journal.seals() {
        let mut entries = Vec::new();
        let mut visit = |position, record: &[u8]| {
            if position > seal.last {
                return ControlFlow::Break(());
            }
            if let Ok((_, Some(keyed))) = Entry::time_and_key(record) {
                entries.push(KeyEntry { hash: keyed.hash, content: keyed.content, position });
            }
            ControlFlow::Continue(())
        };
        reader.read(seal.first, &mut visit).map_err(words)?;
        lists.write(seal, entries).map_err(words)?;
        while lists.merge().map_err(words)? {}
    }
    Ok(())
}

fn print(what: &str, took: Duration, rest: &str) {
    println!("  {what:<34} {:>8.0} ms   {rest}", took.as_secs_f64() * 1e3);
}

/// What this process has used of all processors, in seconds.
fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Reads the directory back, and says how long each part took; the whole time.
fn read_back(dir: &Path) -> Result<Duration, String> {
    let (began, cpu_before) = (Instant::now(), cpu_seconds());
    let journal = open_journal(dir)?;
    print("journal opened", began.elapsed(), "");
    let before = Instant::now();
    let store = Arc::new(SledStore::open(&dir.join("state"), CACHE_BYTES).map_err(words)?);
    if store.report().set_aside.is_some() {
        return Err("the state store was not good".into());
    }
    print("state store opened and added up", before.elapsed(), "");
    let before = Instant::now();
    let lists = Arc::new(Lists(KeyLists::open(&dir.join("keys")).map_err(words)?));
    print("key lists opened", before.elapsed(), "");
    let keys_listed = journal.seals().last().map_or(0, |seal| seal.last);
    let reader: Arc<dyn JournalReader> = journal.reader();
    let sources = Sources {
        journal: &*reader,
        genesis: read_genesis(&*reader).map_err(words)?,
        store: &*store,
        older_keys: lists,
        keys_listed,
        seal: Arc::new(NoSeal),
        open: Arc::new(NoNames),
    };
    let before = Instant::now();
    let recovered = recover_with(&Arc::new(options()), &sources, Some(store.clone()), &Progress::default());
    let recovered = recovered.map_err(words)?;
    let report = recovered.report;
    let took = before.elapsed();
    print(
        "recovered",
        took,
        &format!("{} actors, {} records", report.stored_actors, report.replayed_records),
    );
    let whole = began.elapsed();
    let cpu = cpu_seconds() - cpu_before;
    let seconds = whole.as_secs_f64();
    println!(
        "  start in {seconds:.2} s: {:.2} million events/s, {cpu:.1} s of processor; {} MiB resident",
        report.replayed_records as f64 / seconds / 1e6,
        resident()? / (1024 * 1024),
    );
    Ok(whole)
}

/// Makes the data, where it is not there, and reads it back.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let temporary = tempfile::tempdir_in(&options.dir).map_err(words)?;
    let dir = options.keep.clone().unwrap_or_else(|| temporary.path().to_owned());
    if !dir.join("journal").exists() {
        std::fs::create_dir_all(&dir).map_err(words)?;
        make(options, &dir)?;
    }
    let mut best = Duration::MAX;
    for round in 1..=options.rounds {
        println!("round {round}");
        best = best.min(read_back(&dir)?);
    }
    println!("best start {:.2} s", best.as_secs_f64());
    Ok(())
}
