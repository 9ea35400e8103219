//! Load: what the market can take, and how long it takes.

pub mod args;
pub mod connection;
pub mod frame;
pub mod generator;
pub mod ledger;
pub mod measure;
pub mod message;
pub mod order;
pub mod orders;
pub mod process;
pub mod report;
pub mod scan;
pub mod schedule;
pub mod verify;
pub mod work;

pub use args::{Load, Mode, RunArgs};
pub use report::RunReport;

use std::time::Duration;

use tokio::runtime::Runtime;
use vendue_domain::amount::AMOUNT_MAX;
use vendue_domain::id::{AccountId, BookId, LotId};

use crate::failure::Failure;
use crate::market::{Account, Funding, LotOptions, Market, Venue, together};
use connection::Connection;
use generator::Generator;
use ledger::Ledger;
use message::START_AMOUNT;
use orders::Orders;
use process::{ProcessCost, Usage, sync_p50_us};
use report::{Comparison, Figures, Round};
use verify::{Verification, verify};
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
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::system("cannot start"))?;
    if args.compare_echo {
        return compare(args, load, &runtime);
    }
    let market = Market::open(args.url.as_deref(), &args.market, args.echo)?;
    let mut stage = Stage::build(market, args.echo, &load, &runtime)?;
    let figures = stage.measure(&load)?;
    let verification = stage.verify(&runtime)?;
    Ok(RunReport { load, figures: Some(figures), comparison: None, verification })
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
            with_market = market.measure(&load)?;
            echo.rest(pause)?;
            with_echo = echo.measure(&load)?;
        } else {
            echo.rest(pause)?;
            with_echo = echo.measure(&load)?;
            sync_us = market.rest(pause)?;
            with_market = market.measure(&load)?;
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
    let verification = market.verify(runtime)?;
    Ok(RunReport { load, figures: None, comparison: Some(comparison), verification })
}

/// A market with everything on it that the load needs. Fields are dropped in order: connections before processes.
struct Stage {
    generator: Generator,
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
        let connections = accounts
            .iter()
            .map(|account| Connection::open(&market.url, &account.token, load.encoding, load.pipeline))
            .collect::<Result<Vec<_>, _>>()?;
        let generator = Generator::new(connections, Work::new(record, load.encoding), load)?;
        Ok(Self { generator, venue, market })
    }

    /// Does nothing for a while, then asks the disk what it is worth: median of a sync in microseconds.
    fn rest(&self, pause: Duration) -> Result<f64, Failure> {
        std::thread::sleep(pause);
        self.market.private.as_ref().map_or(Ok(0.0), |private| sync_p50_us(private.directory()))
    }

    /// One leg.
    fn measure(&mut self, load: &Load) -> Result<Figures, Failure> {
        let processes = self.processes();
        let mut readings: Vec<Vec<Option<Usage>>> = Vec::with_capacity(2);
        let leg = self
            .generator
            .run(load, || readings.push(processes.iter().map(|&(_, pid)| Usage::of(pid)).collect()))?;
        let mut costs = Vec::new();
        if let [before, after] = readings.as_slice() {
            for (&(name, _), (before, after)) in processes.iter().zip(before.iter().zip(after)) {
                if let (Some(before), Some(after)) = (before, after) {
                    costs.push(ProcessCost::new(name, &after.since(before), leg.replies(), leg.elapsed));
                }
            }
        }
        Ok(Figures::new(&leg, load.mode, costs))
    }

    /// The server's processes, where they are the tool's own.
    fn processes(&self) -> Vec<(&'static str, i32)> {
        let Some(private) = &self.market.private else { return Vec::new() };
        let gateway = private.ready().gateway_pid.map(|pid| ("gateway", pid));
        let engine = private.engine_pid().map(|pid| ("engine", pid));
        gateway.into_iter().chain(engine).collect()
    }

    fn verify(&self, runtime: &Runtime) -> Result<Option<Verification>, Failure> {
        let verified =
            self.venue.as_ref().map(|venue| runtime.block_on(verify(venue, self.generator.work().record())));
        verified.transpose()
    }
}

/// An account that only its token knows: a gateway in echo mode asks nobody.
fn stranger(market: &Market) -> Result<Account, Failure> {
    let id = AccountId::from_u128(rand::random());
    Ok(Account { id, token: market.tokens.mint(id)? })
}

/// Lots or books that a gateway in echo mode asks nobody about.
fn imagined(load: &Load) -> Record {
    match load.mode {
        Mode::Bids => {
            let lots: Vec<_> = (0..load.lots).map(|_| LotId::from_u128(rand::random())).collect();
            Record::Bids(Ledger::new(&lots, load.rejected))
        }
        Mode::Book => {
            let books: Vec<_> = (0..load.books).map(|_| BookId::from_u128(rand::random())).collect();
            Record::Orders(Orders::new(&books, load.connections))
        }
    }
}

async fn furnish(market: &Market, load: &Load) -> Result<(Venue, Vec<Account>, Record), Failure> {
    let venue = Venue::create(market, "Load", Some(INCREMENTS)).await?;
    let names: Vec<String> = (1..=load.connections).map(|number| format!("Load bidder {number}")).collect();
    let accounts = venue.bidders(market, &names).await?;
    if load.mode == Mode::Book {
        let record = trade(&venue, &accounts, load).await?;
        return Ok((venue, accounts, record));
    }
    let mut funded_for = None;
    if load.funding == Funding::Full {
        funded_for = Some(venue.account(market, "Load seller", "seller").await?.id);
        together(&accounts, DEPOSITS_AT_ONCE, |account| venue.deposit(account.id, AMOUNT_MAX)).await?;
    }
    let lots: Vec<_> = (1..=load.lots)
        .map(|number| LotOptions {
            title: format!("Load lot {number}"),
            start_amount: START_AMOUNT,
            funded_for,
        })
        .collect();
    let lots = venue.lots(&lots).await?;
    Ok((venue, accounts, Record::Bids(Ledger::new(&lots, load.rejected))))
}

/// Creates books; where they are funded, every trader gets half of all the money and goods that an account can have, so that what
/// it buys and sells finds room.
async fn trade(venue: &Venue, accounts: &[Account], load: &Load) -> Result<Record, Failure> {
    let funded = load.funding == Funding::Full;
    let numbers = 1..=load.books;
    let books = together(numbers, DEPOSITS_AT_ONCE, |number| async move {
        venue.book(&format!("Load book {number}"), funded).await
    })
    .await?;
    if funded {
        together(accounts, DEPOSITS_AT_ONCE, |account| venue.deposit(account.id, AMOUNT_MAX / 2)).await?;
        let pairs = accounts.iter().flat_map(|account| books.iter().map(move |book| (account.id, *book)));
        together(pairs, DEPOSITS_AT_ONCE, |(account, book)| venue.supply(account, book, AMOUNT_MAX / 2))
            .await?;
    }
    Ok(Record::Orders(Orders::new(&books, load.connections)))
}
