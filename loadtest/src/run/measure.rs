//! Figures of one leg: histograms and counts, and what they come to.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// The longest latency that is told apart, in nanoseconds: a minute.
const LATENCY_MAX_NS: u64 = 60_000_000_000;
/// Significant digits of a latency.
const DIGITS: u8 = 3;
/// The percentiles that are printed.
const PERCENTILES: [f64; 6] = [50.0, 75.0, 90.0, 99.0, 99.9, 99.99];

/// Latencies, in nanoseconds.
#[derive(Debug, Clone)]
pub struct Latencies(Histogram<u64>);

impl Latencies {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        // From 128 ns up: below that nothing happens over a socket. These bounds are always valid.
        let histogram = Histogram::new_with_bounds(128, LATENCY_MAX_NS, DIGITS);
        Self(histogram.unwrap_or_else(|_| unreachable!("constant bounds")))
    }

    /// One more; longer ones count as the longest.
    #[inline]
    pub fn record(&mut self, nanoseconds: u64) {
        self.0.saturating_record(nanoseconds);
    }

    /// Microseconds at a percentile.
    #[must_use]
    pub fn percentile_us(&self, percentile: f64) -> f64 {
        self.0.value_at_percentile(percentile) as f64 / 1_000.0
    }

    /// The summary.
    #[must_use]
    pub fn summary(&self) -> LatencySummary {
        let [p50_us, p75_us, p90_us, p99_us, p99_9_us, p99_99_us] =
            PERCENTILES.map(|percentile| self.percentile_us(percentile));
        let max_us = self.0.max() as f64 / 1_000.0;
        LatencySummary { count: self.0.len(), p50_us, p75_us, p90_us, p99_us, p99_9_us, p99_99_us, max_us }
    }
}

impl Default for Latencies {
    fn default() -> Self {
        Self::new()
    }
}

/// Percentiles, in microseconds.
#[derive(Debug, Clone, Copy, Serialize)]
#[allow(missing_docs)]
pub struct LatencySummary {
    pub count: u64,
    pub p50_us: f64,
    pub p75_us: f64,
    pub p90_us: f64,
    pub p99_us: f64,
    pub p99_9_us: f64,
    pub p99_99_us: f64,
    pub max_us: f64,
}

/// How often each code was the answer.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(transparent)]
pub struct Codes(Vec<(String, u64)>);

impl Codes {
    /// One more. There are few codes: a look through a short list.
    pub fn add(&mut self, code: &str) {
        match self.0.iter_mut().find(|(known, _)| known == code) {
            Some((_, count)) => *count += 1,
            None => self.0.push((code.to_owned(), 1)),
        }
    }

    /// How often a code came.
    #[must_use]
    pub fn count(&self, code: &str) -> u64 {
        self.0.iter().find(|(known, _)| known == code).map_or(0, |&(_, count)| count)
    }

    /// All of them together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// Each code with its count.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(code, count)| (code.as_str(), *count))
    }
}

/// Why a leg ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stopped {
    /// Somebody pressed Ctrl-C.
    Interrupted,
    /// A threshold cannot be met any more, or an invariant is broken.
    Failed,
}

/// What was counted in one leg, in its measured part unless said otherwise.
#[derive(Debug, Clone, Default)]
pub struct Leg {
    /// From the moment a bid was due (open model) or sent (closed) to its reply.
    pub bid_ack: Latencies,
    /// From the moment it was written to its reply.
    pub service: Latencies,
    /// How late bids were written that nothing held up but the generator itself.
    pub lag: Latencies,
    /// Replies that said yes.
    pub accepted: u64,
    /// Replies that said no, by code.
    pub rejected: Codes,
    /// Trades that accepted orders made at once.
    pub trades: u64,
    /// Low bids that were taken all the same, at any time: the market is broken.
    pub wrongly_accepted: u64,
    /// Bytes written, frames' headers included.
    pub bytes_out: u64,
    /// Bytes read.
    pub bytes_in: u64,
    /// System calls of the generator.
    pub syscalls: u64,
    /// How long the measured part took.
    pub elapsed: Duration,
    /// CPU time of the generator's thread.
    pub cpu: Duration,
    /// Arrivals that were due and not sent when the time was up: the market did not keep up (open model).
    pub unsent: u64,
    /// Bids without a reply at the end, after waiting for them.
    pub unanswered: u64,
    /// How long connections took to be made, the reply to `connect` included; those made again as well.
    pub connect: Latencies,
    /// Requests that were sent once more on purpose.
    pub duplicates: u64,
    /// Replies to requests that had been answered already.
    pub repeated: u64,
    /// Such replies that say something else than the first: the market is broken.
    pub contradictions: u64,
    /// Connections that were broken on purpose and made again.
    pub reconnects: u64,
    /// Requests that were asked again because the answer to the first attempt was none.
    pub retries: u64,
    /// Why it ended before its time.
    pub stopped: Option<Stopped>,
}

impl Leg {
    /// Replies of either kind.
    #[must_use]
    pub fn replies(&self) -> u64 {
        self.accepted + self.rejected.total()
    }

    /// Replies a second.
    #[must_use]
    pub fn replies_per_second(&self) -> f64 {
        self.replies() as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// Accepted bids a second.
    #[must_use]
    pub fn accepted_per_second(&self) -> f64 {
        self.accepted as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// Trades a second.
    #[must_use]
    pub fn trades_per_second(&self) -> f64 {
        self.trades as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// The share of one core that the generator used.
    #[must_use]
    pub fn generator_share(&self) -> f64 {
        self.cpu.as_secs_f64() / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// Why this leg measured the generator instead of the market, where it did.
    #[must_use]
    pub fn saturated(&self) -> Option<String> {
        /// Above this share of a core the generator itself may be what is measured.
        const SHARE_MAX: f64 = 0.9;
        /// A generator that writes this much later than due, at the 99th percentile, in microseconds, measures itself.
        const LAG_MAX_US: f64 = 5_000.0;
        let share = self.generator_share();
        let lag_us = self.lag.percentile_us(99.0);
        if share > SHARE_MAX {
            Some(format!("the generator was the bottleneck: it used {:.0} % of a core", share * 100.0))
        } else if lag_us > LAG_MAX_US {
            Some(format!("the generator was late by itself: {lag_us:.0} us at p99"))
        } else {
            None
        }
    }

    /// Why this leg says nothing about the market, where it does not.
    #[must_use]
    pub fn invalid(&self) -> Option<String> {
        if self.replies() == 0 {
            Some("there was no reply in the measured time".into())
        } else if self.unanswered > 0 {
            Some(format!("{} requests were never answered", self.unanswered))
        } else {
            self.saturated()
        }
    }
}

/// The middle of some figures, and how far they lie apart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The middle one.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Of these figures; `None` of none.
    #[must_use]
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let (&min, &max) = (figures.first()?, figures.last()?);
        let half = figures.len() / 2;
        let median =
            if figures.len() % 2 == 1 { figures[half] } else { figures[half - 1].midpoint(figures[half]) };
        Some(Self { median, min, max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_a_thousand_figures() {
        let mut latencies = Latencies::new();
        (1..=1_000_u64).for_each(|us| latencies.record(us * 1_000));
        latencies.record(u64::MAX);
        let summary = latencies.summary();
        let near =
            |found: f64, expected: f64| assert!((found / expected - 1.0).abs() < 0.002, "{found} {expected}");
        near(summary.p50_us, 501.0);
        near(summary.p99_us, 991.0);
        near(summary.max_us, 60_000_000.0);
        assert_eq!(summary.count, 1_001);
    }

    #[test]
    fn the_spread_of_figures() {
        let check = |figures: &[f64], expected: Option<(f64, f64, f64)>| {
            let found =
                Spread::of(figures.iter().copied()).map(|spread| (spread.median, spread.min, spread.max));
            assert_eq!(found, expected, "{figures:?}");
        };
        check(&[], None);
        check(&[3.0], Some((3.0, 3.0, 3.0)));
        check(&[3.0, 1.0, 2.0], Some((2.0, 1.0, 3.0)));
        check(&[4.0, 1.0, 2.0, 3.0], Some((2.5, 1.0, 4.0)));
    }

    #[test]
    fn a_leg_that_measures_the_generator_says_so() {
        let leg = |cpu_ms, unanswered| Leg {
            accepted: 1,
            elapsed: Duration::from_secs(1),
            cpu: Duration::from_millis(cpu_ms),
            unanswered,
            ..Leg::default()
        };
        assert_eq!(leg(300, 0).invalid(), None);
        assert!(leg(950, 0).invalid().is_some_and(|why| why.contains("bottleneck")));
        assert!(leg(300, 2).invalid().is_some_and(|why| why.contains("never answered")));
        assert!(Leg::default().invalid().is_some());
    }

    #[test]
    fn codes_are_counted() {
        let mut codes = Codes::default();
        ["a", "b", "a"].into_iter().for_each(|code| codes.add(code));
        assert_eq!((codes.count("a"), codes.count("b"), codes.count("c"), codes.total()), (2, 1, 0, 3));
    }
}
