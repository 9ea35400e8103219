//! Durable commands a second through a shard, the journal and the replies' encoding.

use std::io::Write;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use vendue_domain::lot::Funding;
use vendue_engine::EngineOptions;
use vendue_engine::commit::{Committer, Release};
use vendue_engine::notary::{Due, Notary, NotaryKey};
use vendue_engine::shard::{Shard, ShardStats};
use vendue_engine::unit::Unit;
use vendue_storage::{AppendError, FileJournal, Journal, JournalOptions, JournalReader};

use crate::orders::{Orders, books};
use crate::workload::{Bids, LINK, START, market, shard};

/// How the bench runs.
#[derive(Args)]
pub(crate) struct Options {
    /// Where the journal is written: a directory on the disk to be measured.
    #[arg(long, default_value = "target")]
    dir: std::path::PathBuf,
    /// Seconds of each leg.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Rounds of each case.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Commands that a shard takes in one round.
    #[arg(long, default_value_t = 512)]
    commit: u64,
    /// Lots.
    #[arg(long, default_value_t = 10_000)]
    lots: u64,
    /// Bidders.
    #[arg(long, default_value_t = 1_000)]
    bidders: u64,
    /// Only this case, for a profile: one whose name contains the text.
    #[arg(long)]
    only: Option<String>,
    /// Only the pair with and without funding.
    #[arg(long, conflicts_with = "only")]
    only_funded: bool,
    /// Only the pair with and without the notary.
    #[arg(long, conflicts_with_all = ["only", "only_funded"])]
    only_notary: bool,
}

/// How many commands may be decided and not durable: the producer waits past it.
const IN_FLIGHT: u64 = 16_384;

/// How long a leg waits for replies that do not come before it gives up.
const PATIENCE: Duration = Duration::from_secs(10);

/// Counts what is durable, and the sizes of the commits.
#[derive(Default)]
struct Count {
    replies: AtomicU64,
    sizes: std::sync::Mutex<Vec<u32>>,
}

struct Counting(Arc<Count>);

impl Release for Counting {
    fn release(&self, units: &mut Vec<Box<Unit>>) {
        let mut bytes = 0;
        for unit in units.iter_mut() {
            bytes += unit.batch.bytes();
            for replies in unit.replies.drain(..) {
                self.0.replies.fetch_add(u64::from(replies.frame.items()), Ordering::Relaxed);
                std::hint::black_box(replies.frame.finish());
            }
        }
        if let Ok(mut sizes) = self.0.sizes.lock() {
            sizes.push(bytes as u32);
        }
    }

    fn failed(&self, error: &AppendError) {
        eprintln!("the journal failed: {error}");
    }
}

struct Leg {
    per_second: f64,
    sizes: Vec<u32>,
    bytes_per_command: f64,
    /// Of the shard's thread, the making of the commands included.
    cpu_ns_per_command: f64,
}

/// What is bid for in a leg.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    lots: u64,
    /// Of 100 bids.
    rejected: u64,
    funding: Funding,
    what: What,
    /// Whether the history is signed meanwhile.
    notary: bool,
}

/// What the commands of a leg are.
#[derive(Clone, Copy, PartialEq)]
enum What {
    /// Bids on English lots.
    Bids,
    /// Orders in books, of which there are as many as `lots` says.
    Orders,
}

/// Where a leg's commands come from.
enum Source {
    Bids(Bids),
    Orders(Orders),
}

impl Source {
    fn next(&mut self) -> &[u8] {
        match self {
            Self::Bids(bids) => bids.next(),
            Self::Orders(orders) => orders.next(),
        }
    }
}

/// One leg of the engine: `seconds` of bids through a fresh cell.
fn engine_leg(options: &Options, dir: &std::path::Path, case: Case) -> Result<Leg, String> {
    let Case { lots, rejected, funding, what, notary, .. } = case;
    let journal =
        FileJournal::open(&dir.join("journal"), JournalOptions::default()).map_err(|e| e.to_string())?;
    let (reader, over) = (journal.reader(), Arc::new(AtomicBool::new(false)));
    let count = Arc::new(Count::default());
    let committer = Arc::new(Committer::new(Box::new(journal), Box::new(Counting(count.clone())), false));
    let running = committer.clone();
    let thread = std::thread::spawn(move || running.run());
    let mut shard = shard(EngineOptions { in_flight_max: 1 << 20, ..EngineOptions::default() });
    let (made, mut source) = match what {
        What::Bids => {
            let bids = Bids::new(lots, options.bidders, rejected);
            (market(lots, options.bidders, funding), Source::Bids(bids))
        }
        What::Orders => {
            let orders = Orders::new(lots, options.bidders);
            (books(lots, options.bidders, funding == Funding::Full), Source::Orders(orders))
        }
    };
    prepare(&mut shard, &committer, &made);
    // What is durable is told a moment later: the leg counts its own replies only.
    await_replies(&count, made.len() as u64, &shard)?;
    count.replies.store(0, Ordering::Relaxed);
    count.sizes.lock().map_err(|e| e.to_string())?.clear();
    let signing = notary.then(|| {
        let (over, next) = (over.clone(), reader.last() + 1);
        std::thread::spawn(move || sign(&*reader, next, &over))
    });
    let bytes_before = committer.stats().bytes.load(Ordering::Relaxed);
    let before = shard.stats();
    let (began, cpu_before) = (Instant::now(), thread_cpu_ns());
    let until = Duration::from_secs_f64(options.seconds);
    let mut sent = 0_u64;
    while began.elapsed() < until {
        round(&mut shard, &committer, |shard| {
            for _ in 0..options.commit {
                shard.command(LINK, source.next());
            }
        });
        sent += options.commit;
        await_replies(&count, sent.saturating_sub(IN_FLIGHT), &shard)?;
    }
    let cpu_ns = thread_cpu_ns() - cpu_before;
    // Effects that found their round full are decided in the next one.
    while shard.effects_waiting() > 0 {
        round(&mut shard, &committer, |_| {});
    }
    await_replies(&count, sent, &shard)?;
    let took = began.elapsed().as_secs_f64();
    over.store(true, Ordering::Release);
    if let Some(signing) = signing {
        signing.join().map_err(|_| "the notary panicked")??;
    }
    let bytes = committer.stats().bytes.load(Ordering::Relaxed) - bytes_before;
    committer.stop();
    thread.join().map_err(|_| "the journal thread panicked")?;
    check(&shard, &before, sent, rejected)?;
    let sizes = std::mem::take(&mut *count.sizes.lock().map_err(|e| e.to_string())?);
    let (per_second, bytes_per_command) = (sent as f64 / took, bytes as f64 / sent as f64);
    Ok(Leg { per_second, sizes, bytes_per_command, cpu_ns_per_command: cpu_ns / sent as f64 })
}

/// What the engine's notary does, at its pace: at most half a core, an interval of 16,384 records.
fn sign(reader: &dyn JournalReader, first: u64, over: &AtomicBool) -> Result<(), String> {
    const SLICE_RECORDS: u64 = 4_096;
    let key = NotaryKey::new(&[7; 32], &[8; 32]);
    let mut notary = Notary::new(key, 1, Due { records: 16_384, micros: 5_000_000 }, None, first);
    while !over.load(Ordering::Acquire) {
        let (began, until) = (Instant::now(), notary.next() + SLICE_RECORDS);
        let mut failed = None;
        let read = reader.read(notary.next(), &mut |position, record| {
            if position >= until || notary.is_full() {
                return ControlFlow::Break(());
            }
            failed = notary.take(position, record, START).err();
            if failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        read.map_err(|error| error.to_string())?;
        if let Some(error) = failed {
            return Err(error.to_string());
        }
        if notary.is_due(START) {
            std::hint::black_box(notary.sign(START));
        }
        let has_more = notary.next() <= reader.last();
        std::thread::sleep(if has_more { began.elapsed() } else { Duration::from_millis(50) });
    }
    println!(
        "  the notary signed {} records, {} were waiting",
        notary.covered(),
        reader.last() - notary.covered()
    );
    Ok(())
}

/// Waits until so many commands are answered.
fn await_replies(count: &Count, expected: u64, shard: &Shard) -> Result<(), String> {
    let waiting = Instant::now();
    while count.replies.load(Ordering::Relaxed) < expected {
        if waiting.elapsed() > PATIENCE {
            return Err(format!("commands are unanswered: {:?}", shard.stats()));
        }
        std::thread::sleep(Duration::from_micros(50));
    }
    Ok(())
}

/// What this thread has used of its core.
fn thread_cpu_ns() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// The leg did what it says: nothing was refused outside the rules, and the share of rejections is the asked one.
fn check(shard: &Shard, before: &ShardStats, sent: u64, rejected: u64) -> Result<(), String> {
    let stats = shard.stats();
    // A lot's first bid is never refused: the share falls short by at most one bid a lot.
    let share = (stats.rejected - before.rejected) * 100 / sent;
    if stats.not_executed > 0 || share.abs_diff(rejected) > 5 {
        return Err(format!("the leg is not what it claims: {stats:?}"));
    }
    Ok(())
}

fn round(shard: &mut Shard, committer: &Committer, work: impl FnOnce(&mut Shard)) {
    shard.begin(START, committer.next(), committer.durable());
    work(shard);
    if let Some(unit) = shard.finish(committer.spare()) {
        committer.submit(unit);
    }
    drop(shard.take_requests());
    drop(shard.take_immediate());
}

fn prepare(shard: &mut Shard, committer: &Committer, items: &[Vec<u8>]) {
    for chunk in items.chunks(512) {
        round(shard, committer, |shard| {
            for item in chunk {
                shard.command(LINK, item);
            }
        });
    }
    while committer.durable() + 1 < committer.next() {
        std::thread::yield_now();
    }
}

/// A bare loop of write and sync of the same sizes, into a zero-filled file: what the disk allows.
fn bare_leg(dir: &std::path::Path, sizes: &[u32]) -> Result<f64, String> {
    let io = |error: std::io::Error| error.to_string();
    let path = dir.join("bare");
    let total: u64 = sizes.iter().map(|&size| u64::from(size)).sum();
    let room = total.min(256 * 1024 * 1024) + 4 * 1024 * 1024;
    let mut file = std::fs::File::create(&path).map_err(io)?;
    let zeros = vec![0_u8; 1024 * 1024];
    for _ in 0..room.div_ceil(zeros.len() as u64) {
        file.write_all(&zeros).map_err(io)?;
    }
    file.sync_all().map_err(io)?;
    let data = vec![0xA5_u8; sizes.iter().copied().max().unwrap_or(0) as usize];
    let began = Instant::now();
    let mut offset = 0;
    for &size in sizes {
        if offset + u64::from(size) > room {
            offset = 0;
        }
        file.write_all_at(&data[..size as usize], offset).map_err(io)?;
        file.sync_data().map_err(io)?;
        offset += u64::from(size);
    }
    let took = began.elapsed().as_secs_f64();
    std::fs::remove_file(&path).map_err(io)?;
    Ok(took)
}

/// The figures of a case over its rounds.
#[derive(Default)]
struct Rounds {
    rates: Vec<f64>,
    ratios: Vec<f64>,
    cpu_ns: Vec<f64>,
    bytes: f64,
}

impl Rounds {
    fn add(&mut self, options: &Options, case: Case) -> Result<f64, String> {
        let dir = tempfile::tempdir_in(&options.dir).map_err(|error| error.to_string())?;
        let leg = engine_leg(options, dir.path(), case)?;
        let bare = bare_leg(dir.path(), &leg.sizes)?;
        // The same commits by the bare loop would have given this many commands a second.
        let commands = leg.per_second * options.seconds;
        self.rates.push(leg.per_second);
        self.ratios.push(leg.per_second / (commands / bare));
        self.cpu_ns.push(leg.cpu_ns_per_command);
        self.bytes = leg.bytes_per_command;
        Ok(leg.per_second)
    }

    fn print(&mut self, name: &str) {
        let rate = median(&mut self.rates);
        let spread = (self.rates[self.rates.len() - 1] - self.rates[0]) / rate * 100.0;
        let ratio = median(&mut self.ratios);
        println!(
            "{name:<28} {rate:>12.0} {spread:>11.0}% {ratio:>10.2} {:>12.1} {:>12.0}",
            self.bytes,
            median(&mut self.cpu_ns)
        );
    }
}

/// Sorts the figures and gives the middle one.
fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Runs every case and prints its table.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    println!(
        "engine in process: {} commands a round, {} bidders, {:.0} s a leg",
        options.commit, options.bidders, options.seconds
    );
    println!(
        "{:<28} {:>12} {:>12} {:>10} {:>12} {:>12}",
        "case", "median/s", "spread", "vs bare", "bytes/command", "shard ns"
    );
    let plain = Case {
        name: "0 % rejected",
        lots: options.lots,
        rejected: 0,
        funding: Funding::None,
        what: What::Bids,
        notary: false,
    };
    let alone = |case: Case| {
        let mut rounds = Rounds::default();
        for _ in 0..options.rounds {
            rounds.add(options, case)?;
        }
        rounds.print(case.name);
        Ok::<_, String>(())
    };
    let others = [
        Case { name: "50 % rejected", rejected: 50, ..plain },
        Case { name: "95 % rejected", rejected: 95, ..plain },
        Case { name: "one hot lot, 0 % rejected", lots: 1, ..plain },
        Case { name: "orders, one book", lots: 1, what: What::Orders, ..plain },
        Case { name: "orders, 100 books", lots: 100, what: What::Orders, ..plain },
        Case {
            name: "orders, one funded book",
            lots: 1,
            what: What::Orders,
            funding: Funding::Full,
            ..plain
        },
    ];
    let funded = Case { name: "0 % rejected, funding: full", funding: Funding::Full, ..plain };
    if let Some(only) = &options.only {
        let cases = [others.as_slice(), &[plain, funded]].concat();
        return cases.into_iter().filter(|case| case.name.contains(only)).try_for_each(alone);
    }
    if options.only_notary {
        return notary_pair(options, plain);
    }
    if !options.only_funded {
        others.into_iter().try_for_each(alone)?;
    }
    // Side by side, in turn: every bid takes the lead, so that a funded one is a hold, its confirmation and a release.
    let (mut without, mut with, mut ratios) = (Rounds::default(), Rounds::default(), Vec::new());
    for _ in 0..options.rounds {
        let unfunded_rate = without.add(options, plain)?;
        ratios.push(with.add(options, funded)? / unfunded_rate);
    }
    without.print(plain.name);
    with.print(funded.name);
    println!("funded / unfunded, median of {} rounds: {:.2}", options.rounds, median(&mut ratios));
    if options.only_funded { Ok(()) } else { notary_pair(options, plain) }
}

/// With and without the notary, in turn.
fn notary_pair(options: &Options, plain: Case) -> Result<(), String> {
    let (mut without, mut with, mut ratios) = (Rounds::default(), Rounds::default(), Vec::new());
    let signed = Case { name: "0 % rejected, notary", notary: true, ..plain };
    for _ in 0..options.rounds {
        let unsigned_rate = without.add(options, plain)?;
        ratios.push(with.add(options, signed)? / unsigned_rate);
    }
    without.print(plain.name);
    with.print(signed.name);
    println!("notary / none, median of {} rounds: {:.2}", options.rounds, median(&mut ratios));
    Ok(())
}
