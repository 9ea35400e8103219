//! Load: what the market can take, and how long it takes.

pub mod args;
pub mod chaos;
pub mod choice;
pub mod connection;
pub mod find;
pub mod frame;
pub mod generator;
pub mod interrupt;
pub mod journal;
pub mod ledger;
pub mod measure;
pub mod message;
pub mod mix;
pub mod order;
pub mod orders;
pub mod process;
pub mod report;
pub mod scan;
pub mod schedule;
pub mod seen;
pub mod shelf;
pub mod threshold;
pub mod verify;
pub mod watch;
pub mod work;

pub use args::{Load, Mode, RunArgs, Verify};
pub use report::RunReport;

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use vendue_domain::amount::AMOUNT_MAX;
use vendue_domain::id::{AccountId, BookId, LotId, StockId};

use crate::failure::Failure;
use crate::market::{Account, Funding, LotOptions, Market, Venue, together};
use generator::{Doors, Generator, Observer};
use ledger::Ledger;
use measure::{Leg, Stopped};
use message::START_AMOUNT;
use mix::Kind;
use orders::Orders;
use process::{ProcessCost, Usage, sync_p50_us};
use report::{Comparison, Figures, Round};
use shelf::Shelf;
use verify::{Verification, verify};
use watch::Watchers;
use work::{Record, Work};

/// The increments of the tool's market: one minor unit at any price, so that every rising amount is a bid.
const INCREMENTS: &[(u64, u64)] = &[(0, 1)];

/// How many accounts are given money at once.
const DEPOSITS_AT_ONCE: usize = 64;

/// Makes the load that the arguments ask for.
///
/// # Errors
/// What kept it from running; what the market did wrong is in the report.
pub fn run(args: &RunArgs) -> Result<RunReport, Failure> {
    let load = args.load()?;
    interrupt::listen();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::system("cannot start"))?;
    if args.compare_echo {
        return compare(args, load, &runtime);
    }
    let market = Market::open(args.url.as_deref(), &args.market, args.echo)?;
    let mut stage = Stage::build(market, args.echo, &load, &runtime)?;
    let (figures, search) = match &args.find_max {
        Some(condition) => {
            let found = find::find_max(&load, condition, |load| stage.measure(load, None))?;
            (found.best, Some(found.search))
        }
        None => (Some(stage.measure(&load, Some(args))?), None),
    };
    let verification = stage.verify(&runtime, load.verify)?;
    let thresholds = figures.as_ref().map_or_else(Vec::new, |figures| {
        args.threshold.iter().map(|threshold| threshold.judge(figures)).collect()
    });
    Ok(RunReport { load, figures, comparison: None, search, thresholds, verification })
}

/// Market and gateway in echo mode by turns.
fn compare(args: &RunArgs, load: Load, runtime: &Runtime) -> Result<RunReport, Failure> {
    let mut market = Stage::build(Market::open(None, &args.market, false)?, false, &load, runtime)?;
    let mut echo = Stage::build(Market::open(None, &args.market, true)?, true, &load, runtime)?;
    let pause = Duration::from_millis(args.pause_ms);
    let mut rounds = Vec::new();
    for at in 0..args.rounds {
        // Who goes first changes: what wanders in one direction favours nobody.
        let (with_market, with_echo, sync_us);
        if at % 2 == 0 {
            sync_us = market.rest(pause)?;
            with_market = market.measure(&load, None)?;
            echo.rest(pause)?;
            with_echo = echo.measure(&load, None)?;
        } else {
            echo.rest(pause)?;
            with_echo = echo.measure(&load, None)?;
            sync_us = market.rest(pause)?;
            with_market = market.measure(&load, None)?;
        }
        rounds.push(Round {
            throughput_ratio: with_market.replies_per_second / with_echo.replies_per_second.max(1e-9),
            latency_ratio: with_market.bid_ack.p50_us / (with_echo.bid_ack.p50_us + sync_us).max(1e-9),
            sync_p50_us: sync_us,
            market: with_market,
            echo: with_echo,
        });
    }
    let comparison = Comparison {
        throughput_ratio: measure::Spread::of(rounds.iter().map(|round| round.throughput_ratio)),
        latency_ratio: measure::Spread::of(rounds.iter().map(|round| round.latency_ratio)),
        rounds,
    };
    let verification = market.verify(runtime, load.verify)?;
    Ok(RunReport {
        load,
        figures: None,
        comparison: Some(comparison),
        search: None,
        thresholds: Vec::new(),
        verification,
    })
}

/// A market with everything on it that the load needs. Fields are dropped in order: connections before processes.
struct Stage {
    generator: Generator,
    watchers: Option<Watchers>,
    venue: Option<Venue>,
    market: Market,
}

impl Stage {
    /// Creates bidders and lots (in echo mode there is nothing to create) and connects.
    fn build(market: Market, echo: bool, load: &Load, runtime: &Runtime) -> Result<Self, Failure> {
        let (venue, accounts, record) = if echo {
            let accounts = (0..load.connections).map(|_| stranger(&market)).collect::<Result<_, _>>()?;
            (None, accounts, imagined(load))
        } else {
            let (venue, accounts, record) = runtime.block_on(furnish(&market, load))?;
            (Some(venue), accounts, record)
        };
        let watchers = if load.watchers > 0 {
            let watched = record.bids.lots().iter().take(load.watched_lots as usize);
            let lots: Vec<_> = watched.map(|lot| lot.text).collect();
            Some(Watchers::start(&market.url, &lots, load.watchers, load.chaos, load.seed)?)
        } else {
            None
        };
        let doors = Doors {
            url: market.url.clone(),
            tokens: accounts.into_iter().map(|account| account.token).collect(),
            encoding: load.encoding,
            pipeline: load.pipeline,
        };
        // Between rounds of a comparison nobody is interested in what bidders saw.
        let generator = Generator::new(doors, Work::new(record, load.mix, load.encoding, load.verify), load)?;
        Ok(Self { generator, watchers, venue, market })
    }

    /// Does nothing for a while, then asks the disk what it is worth: median of a sync in microseconds.
    fn rest(&self, pause: Duration) -> Result<f64, Failure> {
        std::thread::sleep(pause);
        self.market.private.as_ref().map_or(Ok(0.0), |private| sync_p50_us(private.directory()))
    }

    /// One leg; with `args` its thresholds may end it.
    fn measure(&mut self, load: &Load, args: Option<&RunArgs>) -> Result<Figures, Failure> {
        let processes = self.processes();
        let Self { generator, watchers, market, .. } = self;
        let mut follower = Follower {
            load,
            args,
            market,
            watchers: watchers.as_mut(),
            processes: &processes,
            readings: Vec::with_capacity(2),
            killed: Duration::ZERO,
        };
        let leg = generator.run(load, &mut follower)?;
        let readings = follower.readings;
        let mut costs = Vec::new();
        if let [before, after] = readings.as_slice() {
            for (&(name, _), (before, after)) in processes.iter().zip(before.iter().zip(after)) {
                if let (Some(before), Some(after)) = (before, after) {
                    costs.push(ProcessCost::new(name, &after.since(before), leg.replies(), leg.elapsed));
                }
            }
        }
        let mut figures = Figures::new(&leg, load.mix, costs);
        figures.watched = self.watchers.as_ref().map(|watchers| watchers.watched(leg.elapsed));
        Ok(figures)
    }

    /// The server's processes, where they are the tool's own.
    fn processes(&self) -> Vec<(&'static str, i32)> {
        let Some(private) = &self.market.private else { return Vec::new() };
        let gateway = private.ready().gateway_pid.map(|pid| ("gateway", pid));
        let engine = private.engine_pid().map(|pid| ("engine", pid));
        gateway.into_iter().chain(engine).collect()
    }

    fn verify(&self, runtime: &Runtime, how: Verify) -> Result<Option<Verification>, Failure> {
        let Some(venue) = self.venue.as_ref().filter(|_| how != Verify::None) else { return Ok(None) };
        let began = Instant::now();
        let work = self.generator.work();
        let mut found = runtime.block_on(verify(venue, work.record()))?;
        if let Some(watchers) = &self.watchers {
            watchers.must_reach(&found.numbers);
            let watched = watchers.watched(Duration::ZERO);
            found.wrong_streams = watched.wrong;
            found.problems.extend(watched.problems);
        }
        if let Some(seen) = work.seen() {
            let explained = seen.explain(&work.record().bids);
            found.wrong_histories = explained.problems.len();
            found.problems.extend(explained.problems.iter().take(verify::SHOWN).cloned());
            found.explained = Some((explained.lots, explained.bids, explained.skipped));
        }
        if let Some(private) = &self.market.private {
            found.journal = Some(journal::verify(private)?);
        }
        found.took_s = began.elapsed().as_secs_f64();
        Ok(Some(found))
    }
}

/// Follows a leg: what the processes cost, whether it can still succeed, when the engine is to be killed.
struct Follower<'a> {
    load: &'a Load,
    args: Option<&'a RunArgs>,
    market: &'a Market,
    watchers: Option<&'a mut Watchers>,
    processes: &'a [(&'static str, i32)],
    readings: Vec<Vec<Option<Usage>>>,
    /// When the engine was last killed, since the beginning.
    killed: Duration,
}

impl Observer for Follower<'_> {
    fn edge(&mut self) {
        self.readings.push(self.processes.iter().map(|&(_, pid)| Usage::of(pid)).collect());
        if let Some(watchers) = &mut self.watchers {
            watchers.edge();
        }
    }

    fn tick(&mut self, leg: &Leg, since_begin: Duration) -> Option<Stopped> {
        if interrupt::is_interrupted() {
            return Some(Stopped::Interrupted);
        }
        if let (Some(every), Some(private)) = (self.load.chaos.kill_engine, &self.market.private)
            && since_begin >= self.killed + every
        {
            self.killed = since_begin;
            if let Err(failure) = private.kill_engine() {
                eprintln!("vendue-loadtest: {failure}");
            }
        }
        let args = self.args.filter(|args| args.abort_on_fail)?;
        let is_broken = leg.wrongly_accepted > 0
            || leg.contradictions > 0
            || self.watchers.as_ref().is_some_and(|watchers| watchers.wrong() > 0);
        if is_broken {
            return Some(Stopped::Failed);
        }
        if leg.replies() == 0 {
            return None;
        }
        let mut figures = Figures::new(leg, self.load.mix, Vec::new());
        figures.watched = self.watchers.as_ref().map(|watchers| watchers.watched(leg.elapsed));
        let fails = args.threshold.iter().any(|threshold| !threshold.judge(&figures).holds);
        fails.then_some(Stopped::Failed)
    }
}

/// An account that only its token knows: a gateway in echo mode asks nobody.
fn stranger(market: &Market) -> Result<Account, Failure> {
    let id = AccountId::from_u128(rand::random());
    Ok(Account { id, token: market.tokens.mint(id)? })
}

/// What stands behind the ids that a load is made with.
#[derive(Default)]
struct Things {
    lots: Vec<LotId>,
    books: Vec<BookId>,
    items: Vec<StockId>,
}

impl Things {
    fn record(&self, load: &Load) -> Record {
        Record {
            bids: Ledger::new(&self.lots, load.rejected, load.hot, load.seed),
            orders: Orders::new(&self.books, load.connections),
            shelf: Shelf::new(&self.items, load.on_hand),
        }
    }
}

/// Lots and books that a gateway in echo mode asks nobody about.
fn imagined(load: &Load) -> Record {
    let count = |kind: Kind, count: u32| if load.mix.has(kind) { count } else { 0 };
    let things = Things {
        lots: (0..count(Kind::Bid, load.lots)).map(|_| LotId::from_u128(rand::random())).collect(),
        books: (0..count(Kind::Book, load.books)).map(|_| BookId::from_u128(rand::random())).collect(),
        items: Vec::new(),
    };
    things.record(load)
}

async fn furnish(market: &Market, load: &Load) -> Result<(Venue, Vec<Account>, Record), Failure> {
    let venue = Venue::create(market, "Load", Some(INCREMENTS)).await?;
    let names: Vec<String> = (1..=load.connections).map(|number| format!("Load bidder {number}")).collect();
    let accounts = venue.bidders(market, &names).await?;
    let funded = load.funding == Funding::Full;
    if funded {
        // Where there are books, what it buys and sells has to find room.
        let amount = if load.mix.has(Kind::Book) { AMOUNT_MAX / 2 } else { AMOUNT_MAX };
        together(&accounts, DEPOSITS_AT_ONCE, |account| venue.deposit(account.id, amount)).await?;
    }
    let mut things = Things::default();
    if load.mix.has(Kind::Bid) {
        let funded_for =
            if funded { Some(venue.account(market, "Load seller", "seller").await?.id) } else { None };
        let lots: Vec<_> = (1..=load.lots)
            .map(|number| LotOptions {
                title: format!("Load lot {number}"),
                start_amount: START_AMOUNT,
                funded_for,
            })
            .collect();
        things.lots = venue.lots(&lots).await?;
    }
    if load.mix.has(Kind::Book) {
        things.books = trade(&venue, &accounts, load).await?;
    }
    if load.mix.has(Kind::Reserve) {
        let item = |number| {
            let venue = &venue;
            async move { venue.stock(&format!("Load item {number}"), load.on_hand).await }
        };
        things.items = together(1..=load.items, DEPOSITS_AT_ONCE, item).await?;
    }
    let record = things.record(load);
    Ok((venue, accounts, record))
}

/// Creates books; where they are funded, every trader gets half of all the goods that an account can have.
async fn trade(venue: &Venue, accounts: &[Account], load: &Load) -> Result<Vec<BookId>, Failure> {
    let funded = load.funding == Funding::Full;
    let books = together(1..=load.books, DEPOSITS_AT_ONCE, |number| async move {
        venue.book(&format!("Load book {number}"), funded).await
    })
    .await?;
    if funded {
        let pairs = accounts.iter().flat_map(|account| books.iter().map(move |book| (account.id, *book)));
        together(pairs, DEPOSITS_AT_ONCE, |(account, book)| venue.supply(account, book, AMOUNT_MAX / 2))
            .await?;
    }
    Ok(books)
}
