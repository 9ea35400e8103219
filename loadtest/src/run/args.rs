//! Arguments of `run`.

use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Serialize;

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
}

/// Arguments of `run`.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// A running market, ws://HOST:PORT/ws [default: a private one].
    pub url: Option<String>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub market: MarketArgs,
    /// What is sent: bids on lots; or orders in books, half of which rest at ten prices of each side, while the others take as
    /// much.
    #[arg(long, value_enum, default_value = "bids", help_heading = "Load")]
    pub mode: Mode,
    /// Books that are traded in in turn (`--mode book`).
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
    pub mode: Mode,
    /// Books, where orders are.
    pub books: u32,
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
        if self.mode == Mode::Book && (self.rejected > 0 || self.lots.is_some()) {
            return Err(Failure::Usage("--rejected and --lots are of bids, not of --mode book".into()));
        }
        Ok(Load {
            mode: self.mode,
            books: self.books,
            model: if self.closed { Model::Closed } else { Model::Open(self.rate) },
            connections: self.connections,
            pipeline,
            lots: self.lots.unwrap_or(lots),
            rejected: self.rejected,
            funding: self.funding,
            encoding: self.encoding,
            warmup: Duration::from_secs_f64(self.warmup),
            duration: Duration::from_secs_f64(seconds),
            seed: self.seed.unwrap_or_else(rand::random),
        })
    }
}
