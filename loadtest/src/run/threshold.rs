//! Conditions on the figures of a run: `bid_ack_p99<5ms`.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::measure::LatencySummary;
use super::report::Figures;

/// Percentiles, as they end a latency's name.
const PERCENTILES: [&str; 7] = ["p50", "p75", "p90", "p99", "p99_9", "p99_99", "max"];
/// Latencies, as they begin a name.
const LATENCIES: [&str; 5] = ["bid_ack", "service", "fanout", "connect", "resume"];
/// How late the generator was by itself.
const LAG: &str = "generator_lag_p99";
/// What is counted, and what of it is a rate a second or a share in percent.
const COUNTS: [&str; 9] = [
    "accepted_per_second",
    "replies_per_second",
    "trades_per_second",
    "deliveries_per_second",
    "rejected",
    "rejected_percent",
    "unsent",
    "unanswered",
    "generator_percent",
];

/// What a metric is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// Microseconds.
    Time,
    /// Anything else.
    Count,
}

/// How a metric and its bound are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Below,
    AtMost,
    Above,
    AtLeast,
}

impl Relation {
    /// The longer signs first: `<` begins `<=`.
    const ALL: [(&'static str, Self); 4] =
        [("<=", Self::AtMost), (">=", Self::AtLeast), ("<", Self::Below), (">", Self::Above)];

    fn holds(self, found: f64, bound: f64) -> bool {
        match self {
            Self::Below => found < bound,
            Self::AtMost => found <= bound,
            Self::Above => found > bound,
            Self::AtLeast => found >= bound,
        }
    }
}

/// One condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    text: String,
    metric: String,
    relation: Relation,
    bound: f64,
}

/// A condition and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judged {
    /// As it was given.
    pub threshold: String,
    /// The metric: microseconds, a second, percent or a number; absent where the run has none (no watchers, no latency).
    pub found: Option<f64>,
    /// Whether it holds. What was not measured does not.
    pub holds: bool,
}

impl FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (at, sign, relation) = Relation::ALL
            .iter()
            .find_map(|&(sign, relation)| text.find(sign).map(|at| (at, sign, relation)))
            .ok_or_else(|| format!("{text:?} has no <, <=, > or >=: write bid_ack_p99<5ms"))?;
        let (metric, bound) = (text[..at].trim(), text[at + sign.len()..].trim());
        let Some(unit) = unit_of(metric) else {
            return Err(format!(
                "there is no metric {metric:?}; there are {} with _{}, {LAG}, and {}",
                LATENCIES.join(", "),
                PERCENTILES.join(", _"),
                COUNTS.join(", ")
            ));
        };
        let bound = parse_bound(bound, unit)?;
        Ok(Self { text: text.to_owned(), metric: metric.to_owned(), relation, bound })
    }
}

fn unit_of(metric: &str) -> Option<Unit> {
    if metric == LAG {
        return Some(Unit::Time);
    }
    if COUNTS.contains(&metric) {
        return Some(Unit::Count);
    }
    let percentile = LATENCIES
        .iter()
        .find_map(|latency| metric.strip_prefix(latency).and_then(|rest| rest.strip_prefix('_')))?;
    PERCENTILES.contains(&percentile).then_some(Unit::Time)
}

fn parse_bound(text: &str, unit: Unit) -> Result<f64, String> {
    let units: &[(&str, f64)] = match unit {
        Unit::Time => &[("us", 1.0), ("ms", 1e3), ("s", 1e6)],
        Unit::Count => &[("%", 1.0), ("k", 1e3), ("", 1.0)],
    };
    let found = units.iter().find_map(|(name, scale)| {
        let number: f64 = text.strip_suffix(name)?.trim().parse().ok()?;
        (number.is_finite() && number >= 0.0).then_some(number * scale)
    });
    found.ok_or_else(|| match unit {
        Unit::Time => format!("{text:?} is no time: write 800us, 5ms or 1s"),
        Unit::Count => format!("{text:?} is no number: write 20000, 20k or 1%"),
    })
}

fn percentile(summary: &LatencySummary, name: &str) -> Option<f64> {
    let LatencySummary { count, p50_us, p75_us, p90_us, p99_us, p99_9_us, p99_99_us, max_us } = *summary;
    if count == 0 {
        return None;
    }
    Some(match name {
        "p50" => p50_us,
        "p75" => p75_us,
        "p90" => p90_us,
        "p99" => p99_us,
        "p99_9" => p99_9_us,
        "p99_99" => p99_99_us,
        "max" => max_us,
        _ => return None,
    })
}

fn value(figures: &Figures, metric: &str) -> Option<f64> {
    let rejected = figures.rejected.total() as f64;
    match metric {
        "accepted_per_second" => return Some(figures.accepted_per_second),
        "replies_per_second" => return Some(figures.replies_per_second),
        "trades_per_second" => return figures.trades_per_second,
        "deliveries_per_second" => {
            return figures.watched.as_ref().map(|watched| watched.deliveries_per_second);
        }
        "rejected" => return Some(rejected),
        "rejected_percent" => return Some(100.0 * rejected / (figures.replies.max(1) as f64)),
        "unsent" => return Some(figures.unsent as f64),
        "unanswered" => return Some(figures.unanswered as f64),
        "generator_percent" => return Some(100.0 * figures.generator_share),
        LAG => return Some(figures.generator_lag_p99_us),
        _ => {}
    }
    let of = |name: &str, summary: Option<&LatencySummary>| {
        let rest = metric.strip_prefix(name)?.strip_prefix('_')?;
        percentile(summary?, rest)
    };
    of("bid_ack", Some(&figures.bid_ack))
        .or_else(|| of("service", Some(&figures.service)))
        .or_else(|| of("connect", Some(&figures.connect)))
        .or_else(|| of("fanout", figures.watched.as_ref().map(|watched| &watched.fanout)))
        .or_else(|| of("resume", figures.watched.as_ref().map(|watched| &watched.resume)))
}

impl Threshold {
    /// Whether the figures meet it.
    #[must_use]
    pub fn judge(&self, figures: &Figures) -> Judged {
        let found = value(figures, &self.metric);
        let holds = found.is_some_and(|found| self.relation.holds(found, self.bound));
        Judged { threshold: self.text.clone(), found, holds }
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.holds { "holds" } else { "FAILS" };
        match self.found {
            Some(found) => write!(f, "{word:<6} {} (found {found:.1})", self.threshold),
            None => write!(f, "{word:<6} {} (not measured)", self.threshold),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::measure::Leg;
    use super::super::mix::{Kind, Mix};
    use super::*;
    use std::time::Duration;

    fn figures() -> Figures {
        let mut leg = Leg { accepted: 990, elapsed: Duration::from_secs(2), ..Leg::default() };
        (0..10).for_each(|_| leg.rejected.add("bid_too_low"));
        (1..=1_000).for_each(|us| leg.bid_ack.record(us * 1_000));
        Figures::new(&leg, Mix::only(Kind::Bid), Vec::new())
    }

    #[test]
    fn conditions_are_judged() {
        let check = |text: &str, holds: bool| {
            let judged = text.parse::<Threshold>().unwrap().judge(&figures());
            assert_eq!(judged.holds, holds, "{judged}");
        };
        check("bid_ack_p50<1ms", true);
        check("bid_ack_p99 < 900us", false);
        check("bid_ack_p99<1s", true);
        check("bid_ack_max<=1.01ms", true);
        check("accepted_per_second>=495", true);
        check("accepted_per_second>0.5k", false);
        check("rejected<=10", true);
        check("rejected_percent<1%", false);
        check("rejected_percent<=1", true);
        check("unanswered<1", true);
        // What nobody measured never holds.
        check("fanout_p99<10s", false);
        check("trades_per_second>=0", false);
    }

    #[test]
    fn what_is_no_condition_is_said_so() {
        let check = |text: &str, what: &str| {
            let error = text.parse::<Threshold>().unwrap_err();
            assert!(error.contains(what), "{text}: {error}");
        };
        check("bid_ack_p99", "has no <");
        check("bid_ack_p98<5ms", "there is no metric \"bid_ack_p98\"");
        check("latency<5ms", "bid_ack, service");
        check("bid_ack_p99<5", "is no time");
        check("bid_ack_p99<-5ms", "is no time");
        check("unsent<many", "is no number");
        check("unsent<5ms", "is no number");
    }

    #[test]
    fn every_metric_can_be_asked_for() {
        let mut figures = figures();
        figures.trades_per_second = Some(1.0);
        for name in COUNTS.iter().filter(|name| **name != "deliveries_per_second") {
            assert!(value(&figures, name).is_some(), "{name}");
        }
        for percentile in PERCENTILES {
            assert!(value(&figures, &format!("bid_ack_{percentile}")).is_some(), "{percentile}");
        }
    }
}
