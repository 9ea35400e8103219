//! All options together, and those of the command itself.

use serde::{Deserialize, Serialize};
use vendue_engine::EngineOptions;
use vendue_gateway::GatewayOptions;

/// Every section of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    pub(crate) engine: EngineOptions,
    pub(crate) gateway: GatewayOptions,
    pub(crate) demo: DemoOptions,
    pub(crate) log: LogOptions,
}

/// The demo market's size and pace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DemoOptions {
    /// How many bots bid; 0 to [`DemoOptions::BIDDERS_MAX`].
    pub(crate) bidders: u32,
    /// How many lots are open or announced at any time; 1 to [`DemoOptions::LOTS_MAX`].
    pub(crate) lots: u32,
    /// How many bids the bots make together in a minute, about; at most [`DemoOptions::PACE_MAX`].
    pub(crate) bids_per_minute: u32,
    /// When the first of the first lots ends, in seconds.
    pub(crate) first_end_s: u64,
    /// When the last of them ends, and how long each later lot is open, in seconds.
    pub(crate) last_end_s: u64,
    /// Seed of the bots' tastes and moods; the same seed bids alike.
    pub(crate) seed: u64,
    /// How long engine and gateway may take to be ready at the start, in seconds. A long journal takes its time.
    pub(crate) start_timeout_s: u64,
}

impl DemoOptions {
    /// More connections than this are a load test: `vendue-loadtest run`.
    pub(crate) const BIDDERS_MAX: u32 = 500;
    /// The bots look at every lot each time they bid.
    pub(crate) const LOTS_MAX: u32 = 2_000;
    /// A hundred a second is no human pace any more.
    pub(crate) const PACE_MAX: u32 = 6_000;

    /// What is wrong with these values together, for a person.
    pub(crate) fn validate(&self) -> Result<(), String> {
        let limits = [
            ("bidders", self.bidders, 0, Self::BIDDERS_MAX),
            ("lots", self.lots, 1, Self::LOTS_MAX),
            ("bids_per_minute", self.bids_per_minute, 0, Self::PACE_MAX),
        ];
        for (name, value, low, high) in limits {
            if !(low..=high).contains(&value) {
                return Err(format!("{name} = {value}: must be {low} to {high}"));
            }
        }
        if self.first_end_s == 0 || self.last_end_s < self.first_end_s {
            return Err(format!(
                "first_end_s = {} and last_end_s = {}: the first must be at least 1, the last not before it",
                self.first_end_s, self.last_end_s
            ));
        }
        Ok(())
    }
}

impl Default for DemoOptions {
    fn default() -> Self {
        Self {
            bidders: 25,
            lots: 40,
            bids_per_minute: 75,
            first_end_s: 40,
            last_end_s: 2_400,
            seed: 1,
            start_timeout_s: 120,
        }
    }
}

/// What is logged, to standard error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LogOptions {
    /// `error`, `warn`, `info`, `debug`, `trace`, or directives for targets (`info,vendue_gateway=debug`).
    pub(crate) level: String,
    pub(crate) format: LogFormat,
}

impl LogOptions {
    pub(crate) fn validate(&self) -> Result<(), String> {
        let parsed = tracing_subscriber::EnvFilter::builder().parse(&self.level);
        parsed.map(|_| ()).map_err(|error| format!("level = \"{}\": {error}", self.level))
    }
}

impl Default for LogOptions {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    Text,
    /// One JSON object a line.
    Json,
}
