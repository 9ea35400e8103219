//! Arguments of `run`.

use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::chaos::Chaos;
use super::choice::Choice;
use super::mix::{Kind, Mix};
use super::threshold::Threshold;
use crate::failure::Failure;
use crate::market::{Funding, MarketArgs};

/// The most bids of one connection in flight: what one frame may hold.
pub const PIPELINE_MAX: u16 = 1_024;

/// How messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Text frames.
    Json,
    /// Binary frames.
    Msgpack,
}

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Bids on lots.
    Bids,
    /// Orders in books.
    Book,
    /// Reservations of stock.
    Stock,
}

impl Mode {
    const fn kind(self) -> Kind {
        match self {
            Self::Bids => Kind::Bid,
            Self::Book => Kind::Book,
            Self::Stock => Kind::Reserve,
        }
    }
}

/// What is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verify {
    /// Everything: also that one order of the bids explains what each bidder saw.
    Full,
    /// How everything stands at the end.
    End,
    /// Nothing.
    None,
}

/// Arguments of `run`.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// A running market, ws://HOST:PORT/ws [default: a private one].
    pub url: Option<String>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub market: MarketArgs,
    /// What is sent: bids on lots; orders in books, half of which rest at ten prices of each side, while the others take as
    /// much; reservations of one unit of stock.
    #[arg(long, value_enum, default_value = "bids", help_heading = "Load")]
    pub mode: Mode,
    /// Several kinds at once, in these shares: `bid=80,reserve=10,book=10`.
    #[arg(long, value_name = "SHARES", conflicts_with_all = ["mode", "echo", "compare_echo"], help_heading = "Load")]
    pub mix: Option<Mix>,
    /// Stock items that are reserved in turn.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000), help_heading = "Load")]
    pub items: u32,
    /// Units of each stock item; when they are gone, everything is refused.
    #[arg(long, value_name = "UNITS", default_value_t = 1_000_000_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000), help_heading = "Load")]
    pub on_hand: u64,
    /// Books that are traded in in turn.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000), help_heading = "Load")]
    pub books: u32,
    /// Closed model: a connection bids again when it is answered. Says what the market can take at this concurrency, and
    /// nothing of the latency at a given rate.
    #[arg(long, help_heading = "Load")]
    pub closed: bool,
    /// Open model (the default): bids arrive at this rate a second, at random (Poisson), whether or not the market keeps up.
    /// Latency counts from the moment a bid was due.
    #[arg(
        long,
        value_name = "PER_SECOND",
        default_value_t = 1_000.0,
        conflicts_with = "closed",
        help_heading = "Load"
    )]
    pub rate: f64,
    /// Connections, each with an account of its own.
    #[arg(long, short, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=50_000), help_heading = "Load")]
    pub connections: u32,
    /// Bids in flight on each connection; above 1 several share a frame, both ways. [default: 1; open model: 64]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(PIPELINE_MAX)), help_heading = "Load")]
    pub pipeline: Option<u16>,
    /// Seconds in which the rate rises evenly from nothing, before the warm-up (open model).
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0, value_parser = seconds, conflicts_with = "closed", help_heading = "Load")]
    pub ramp: f64,
    /// Which lots are bid on: all in turn; `1%:50%`: one lot in a hundred gets half of the bids; `zipf:1.1`: the second gets
    /// 1/2^1.1 of the first's, and so on.
    #[arg(long, value_name = "SHARE", default_value = "turn", help_heading = "Load")]
    pub hot: Choice,
    /// Connections that watch: each follows one lot's channel, all lots in turn, and checks what it hears.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=50_000), help_heading = "Load")]
    pub watchers: u32,
    /// Lots that the watchers share [default: all].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000), help_heading = "Load")]
    pub watched_lots: Option<u32>,
    /// Trouble on the way, several with commas: `reconnect=1%` of the connections and watchers break each second and come back;
    /// `duplicate=1%` of the requests are sent twice; `slow=2%` of the watchers read late; `kill-engine=10s` (private market).
    #[arg(long, value_name = "WHAT", help_heading = "Load")]
    pub chaos: Option<Chaos>,
    /// What is checked: `full`: everything below, and each lot's history as its bidders saw it; `end`: how everything stands at the
    /// end, watchers' streams, the journal of a private market; `none`.
    #[arg(long, value_enum, default_value = "full", help_heading = "Checks")]
    pub verify: Verify,
    /// A condition on the figures, repeatable: `bid_ack_p99<5ms`, `rejected<=0`, `accepted_per_second>20k`. One that fails: exit code 99.
    #[arg(long, value_name = "EXPR", help_heading = "Checks")]
    pub threshold: Vec<Threshold>,
    /// Ends the run as soon as a threshold cannot be met any more or an invariant is broken; looks each second.
    #[arg(long, help_heading = "Checks")]
    pub abort_on_fail: bool,
    /// Looks for the highest rate at which this holds: doubles the rate from `--rate` on, then halves the distance; each step
    /// measures for `--duration`.
    #[arg(long, value_name = "EXPR", conflicts_with_all = ["closed", "compare_echo", "echo"], help_heading = "Checks")]
    pub find_max: Option<Threshold>,
    /// Lots that are bid on in turn [default: four for each bid in flight, 1,000 to 20,000].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000), help_heading = "Load")]
    pub lots: Option<u32>,
    /// Share of bids below the minimum, which the market must reject, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=100), help_heading = "Load")]
    pub rejected: u8,
    /// How lots and books are backed by money: with `full` every bid that takes the lead is a hold, and frees another; every
    /// order is a hold of money or goods, and every trade moves both.
    #[arg(long, value_enum, default_value = "none", conflicts_with = "echo", help_heading = "Load")]
    pub funding: Funding,
    /// How messages are written.
    #[arg(long, value_enum, default_value = "json", help_heading = "Load")]
    pub encoding: Encoding,
    /// Seconds that are measured.
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = seconds, help_heading = "Load")]
    pub duration: f64,
    /// Seconds before that count for nothing.
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0, value_parser = seconds, help_heading = "Load")]
    pub warmup: f64,
    /// Seed of the arrivals [default: drawn, and printed].
    #[arg(long, help_heading = "Load")]
    pub seed: Option<u64>,
    /// Loads the private market's gateway in echo mode: it answers each bid itself, without an engine.
    #[arg(long, conflicts_with = "url", help_heading = "Comparison")]
    pub echo: bool,
    /// Loads the market and a gateway in echo mode by turns and prints the ratio of each round.
    #[arg(long, conflicts_with_all = ["url", "echo"], help_heading = "Comparison")]
    pub compare_echo: bool,
    /// Rounds of a comparison.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100), help_heading = "Comparison")]
    pub rounds: u32,
    /// Seconds of each leg of a comparison.
    #[arg(long, value_name = "SECONDS", default_value_t = 3.0, value_parser = seconds, help_heading = "Comparison")]
    pub seconds: f64,
    /// Pause before each leg of a comparison, in milliseconds: disks and processors have burst allowances.
    #[arg(long, value_name = "MS", default_value_t = 1_000, help_heading = "Comparison")]
    pub pause_ms: u64,
    /// Prints the result as JSON.
    #[arg(long)]
    pub json: bool,
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "a number of seconds".to_owned())?;
    if (0.0..=86_400.0).contains(&seconds) { Ok(seconds) } else { Err("0 to 86400 seconds".into()) }
}

/// When bids are made.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    /// After a reply.
    Closed,
    /// At this rate a second, come what may.
    Open(f64),
}

/// The load as it will be made.
#[derive(Debug, Clone, Serialize)]
pub struct Load {
    /// What is sent.
    pub mix: Mix,
    /// Books, where orders are.
    pub books: u32,
    /// Stock items, where reservations are.
    pub items: u32,
    /// Units of each.
    pub on_hand: u64,
    /// When bids are made.
    pub model: Model,
    /// Connections.
    pub connections: u32,
    /// Bids in flight on each.
    pub pipeline: u16,
    /// Lots.
    pub lots: u32,
    /// Percent.
    pub rejected: u8,
    /// How lots are backed by money.
    pub funding: Funding,
    /// How messages are written.
    pub encoding: Encoding,
    /// Which lots.
    pub hot: Choice,
    /// Connections that watch.
    pub watchers: u32,
    /// Lots that they watch.
    pub watched_lots: u32,
    /// Trouble on the way.
    #[serde(skip_serializing_if = "Chaos::is_none")]
    pub chaos: Chaos,
    /// What is checked.
    pub verify: Verify,
    /// In which the rate rises; not measured.
    pub ramp: Duration,
    /// Not measured.
    pub warmup: Duration,
    /// Measured.
    pub duration: Duration,
    /// Of the arrivals.
    pub seed: u64,
}

/// Bounds of the number of lots where none is named: enough that lots differ, few enough that they are made in seconds.
const LOTS_DEFAULT: std::ops::RangeInclusive<u32> = 1_000..=20_000;
/// Bids in flight on a connection of the open model where none is named: room for a burst.
const PIPELINE_OPEN: u16 = 64;

impl RunArgs {
    /// The load that these arguments ask for.
    ///
    /// # Errors
    /// Arguments that make no sense.
    pub fn load(&self) -> Result<Load, Failure> {
        if !(self.rate.is_finite() && self.rate > 0.0) {
            return Err(Failure::Usage("--rate must be above 0".into()));
        }
        let pipeline = self.pipeline.unwrap_or(if self.closed { 1 } else { PIPELINE_OPEN });
        let in_flight = if self.closed { self.connections * u32::from(pipeline) } else { self.connections };
        let lots = in_flight.saturating_mul(4).clamp(*LOTS_DEFAULT.start(), *LOTS_DEFAULT.end());
        let seconds = if self.compare_echo { self.seconds } else { self.duration };
        if seconds <= 0.0 {
            return Err(Failure::Usage("nothing to measure: the duration is 0".into()));
        }
        let mix = self.mix.unwrap_or_else(|| Mix::only(self.mode.kind()));
        let bids_only =
            self.rejected > 0 || self.lots.is_some() || self.watchers > 0 || self.hot != Choice::Turn;
        if mix.has(Kind::Reserve) && (self.echo || self.compare_echo) {
            return Err(Failure::Usage(
                "a gateway in echo mode answers bids and orders, not reservations".into(),
            ));
        }
        if !mix.has(Kind::Bid) && bids_only {
            return Err(Failure::Usage(
                "--rejected, --lots, --hot and --watchers are of bids: there are none in this load".into(),
            ));
        }
        let chaos = self.chaos.unwrap_or_default();
        if !chaos.is_none() && (self.compare_echo || self.echo) {
            return Err(Failure::Usage(
                "--chaos is not for a gateway in echo mode: nothing stands behind it".into(),
            ));
        }
        if chaos.kill_engine.is_some() && self.url.is_some() {
            return Err(Failure::Usage(
                "--chaos kill-engine is for a private market: leave the address out".into(),
            ));
        }
        if chaos.slow > 0.0 && self.watchers == 0 {
            return Err(Failure::Usage("--chaos slow is of watchers: add --watchers N".into()));
        }
        Ok(Load {
            mix,
            books: self.books,
            items: self.items,
            on_hand: self.on_hand,
            model: if self.closed { Model::Closed } else { Model::Open(self.rate) },
            connections: self.connections,
            pipeline,
            lots: self.lots.unwrap_or(lots),
            rejected: self.rejected,
            funding: self.funding,
            encoding: self.encoding,
            hot: self.hot,
            watchers: self.watchers,
            watched_lots: self.watched_lots.unwrap_or(u32::MAX).min(self.lots.unwrap_or(lots)),
            chaos: self.chaos.unwrap_or_default(),
            verify: if self.echo { Verify::None } else { self.verify },
            ramp: Duration::from_secs_f64(self.ramp),
            warmup: Duration::from_secs_f64(self.warmup),
            duration: Duration::from_secs_f64(seconds),
            seed: self.seed.unwrap_or_else(rand::random),
        })
    }
}
