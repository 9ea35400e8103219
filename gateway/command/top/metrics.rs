//! The text of `/metrics`, read, and what follows from two of them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

const GATEWAY: &str = "vendue_gateway_";

/// The counters at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sample {
    /// This machine's clock, microseconds.
    at_us: i64,
    /// Values without labels, by their whole names.
    plain: BTreeMap<String, f64>,
    /// Answers by method and code.
    requests: BTreeMap<(String, String), f64>,
    /// How many requests took at most so many seconds, upwards; the last bound is infinite.
    buckets: Vec<(f64, f64)>,
}

impl Sample {
    /// Reads Prometheus' text format; what is not known is passed over.
    pub(super) fn read(text: &str, at_us: i64) -> Self {
        let mut sample = Self { at_us, ..Self::default() };
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((name, value)) = line.rsplit_once(' ') else { continue };
            let Ok(value) = value.parse::<f64>() else { continue };
            let (name, labels) = name.split_once('{').unwrap_or((name, ""));
            match name.strip_prefix(GATEWAY) {
                Some("requests_total") => {
                    let key = (label(labels, "method").to_owned(), label(labels, "code").to_owned());
                    *sample.requests.entry(key).or_default() += value;
                }
                Some("request_duration_seconds_bucket") => {
                    let bound = label(labels, "le").parse().unwrap_or(f64::INFINITY);
                    sample.buckets.push((bound, value));
                }
                _ if labels.is_empty() => drop(sample.plain.insert(name.to_owned(), value)),
                _ => {}
            }
        }
        sample
    }

    fn gateway(&self, name: &str) -> f64 {
        self.plain.get(&format!("{GATEWAY}{name}")).copied().unwrap_or_default()
    }
}

/// The value of one label.
fn label<'a>(labels: &'a str, name: &str) -> &'a str {
    let from = labels.split(',').find_map(|part| part.trim_end_matches('}').strip_prefix(name));
    from.and_then(|rest| rest.strip_prefix("=\"")).and_then(|rest| rest.strip_suffix('"')).unwrap_or_default()
}

/// What one method was asked in the time between two samples.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct MethodRate {
    pub(super) method: String,
    pub(super) per_second: f64,
    /// Those of them that were refused.
    pub(super) refused_per_second: f64,
}

/// The vital signs between two samples. Rates are for a second; `None` before the second sample, and where a process
/// began anew between the two.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Signs {
    pub(super) at_us: i64,
    /// The gateway reaches its engine.
    pub(super) ready: bool,
    pub(super) requests: Option<f64>,
    pub(super) deliveries: Option<f64>,
    pub(super) received_bytes: Option<f64>,
    pub(super) sent_bytes: Option<f64>,
    /// Bounds in milliseconds.
    pub(super) p50_ms: Option<f64>,
    pub(super) p99_ms: Option<f64>,
    pub(super) p999_ms: Option<f64>,
    pub(super) connections: f64,
    pub(super) channels: f64,
    pub(super) pending: f64,
    pub(super) slow_consumers: f64,
    pub(super) link_reconnects: f64,
    /// The busiest first.
    pub(super) methods: Vec<MethodRate>,
    /// Since the gateway's start, the most frequent first.
    pub(super) refusals: Vec<(String, f64)>,
    /// What the engine tells of itself, by name.
    pub(super) engine: Vec<(String, f64)>,
}

impl Signs {
    /// What has happened from one sample to the next.
    pub(super) fn between(before: Option<&Sample>, now: &Sample, ready: bool) -> Self {
        let before = before.filter(|before| {
            before.gateway("connections_total") <= now.gateway("connections_total")
                && before.at_us < now.at_us
        });
        let seconds = before.map(|before| (now.at_us - before.at_us) as f64 / 1e6);
        let rate = |of: &dyn Fn(&Sample) -> f64| {
            before.zip(seconds).map(|(before, seconds)| (of(now) - of(before)).max(0.0) / seconds)
        };
        let counter = |name: &'static str| rate(&move |sample: &Sample| sample.gateway(name));
        let engine = now.plain.iter().filter(|(name, _)| name.starts_with("vendue_engine_"));
        Self {
            at_us: now.at_us,
            ready,
            requests: rate(&|sample| sample.requests.values().sum()),
            deliveries: counter("deliveries_total"),
            received_bytes: counter("received_bytes_total"),
            sent_bytes: counter("sent_bytes_total"),
            p50_ms: before.and_then(|before| percentile(before, now, 0.5)),
            p99_ms: before.and_then(|before| percentile(before, now, 0.99)),
            p999_ms: before.and_then(|before| percentile(before, now, 0.999)),
            connections: now.gateway("connections"),
            channels: now.gateway("channels"),
            pending: now.gateway("pending_requests"),
            slow_consumers: now.gateway("slow_consumers_total"),
            link_reconnects: now.gateway("link_reconnects_total"),
            methods: before
                .zip(seconds)
                .map_or_else(Vec::new, |(before, seconds)| methods(before, now, seconds)),
            refusals: refusals(now),
            engine: engine.map(|(name, value)| (name["vendue_".len()..].to_owned(), *value)).collect(),
        }
    }

    /// One line for a program.
    pub(super) fn json(&self) -> Value {
        let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
        json!({
            "at": self.at_us, "gateway": "well", "engine": if self.ready { "well" } else { "away" },
            "requests_per_second": self.requests, "deliveries_per_second": self.deliveries,
            "received_bytes_per_second": self.received_bytes, "sent_bytes_per_second": self.sent_bytes,
            "p50_ms": finite(self.p50_ms), "p99_ms": finite(self.p99_ms), "p999_ms": finite(self.p999_ms),
            "connections": self.connections, "channels": self.channels, "pending": self.pending,
            "slow_consumers": self.slow_consumers, "link_reconnects": self.link_reconnects,
            "methods": self.methods.iter().map(|one| json!({"method": one.method, "per_second": one.per_second,
                "refused_per_second": one.refused_per_second})).collect::<Vec<_>>(),
            "refusals": self.refusals.iter().cloned().collect::<BTreeMap<_, _>>(),
            "engine_metrics": self.engine.iter().cloned().collect::<BTreeMap<_, _>>(),
        })
    }
}

/// The bound, in milliseconds, under which a part of the requests between two samples stayed; `None` without any.
fn percentile(before: &Sample, now: &Sample, part: f64) -> Option<f64> {
    let earlier = |at: usize| before.buckets.get(at).map_or(0.0, |(_, count)| *count);
    let risen: Vec<(f64, f64)> =
        now.buckets.iter().enumerate().map(|(at, (bound, count))| (*bound, count - earlier(at))).collect();
    let all = risen.last().map(|(_, count)| *count).filter(|count| *count > 0.0)?;
    let wanted = (all * part).ceil();
    risen.iter().find(|(_, count)| *count >= wanted).map(|(bound, _)| bound * 1_000.0)
}

fn methods(before: &Sample, now: &Sample, seconds: f64) -> Vec<MethodRate> {
    let mut found: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for (key, count) in &now.requests {
        let risen = (count - before.requests.get(key).copied().unwrap_or_default()).max(0.0) / seconds;
        let (all, refused) = found.entry(key.0.as_str()).or_default();
        *all += risen;
        *refused += if key.1 == "ok" { 0.0 } else { risen };
    }
    let mut rates: Vec<MethodRate> = found
        .into_iter()
        .filter(|(_, (all, _))| *all > 0.0)
        .map(|(method, (per_second, refused_per_second))| MethodRate {
            method: method.to_owned(),
            per_second,
            refused_per_second,
        })
        .collect();
    rates.sort_by(|one, other| other.per_second.total_cmp(&one.per_second));
    rates
}

fn refusals(now: &Sample) -> Vec<(String, f64)> {
    let mut found: BTreeMap<&str, f64> = BTreeMap::new();
    for ((_, code), count) in now.requests.iter().filter(|((_, code), _)| code != "ok") {
        *found.entry(code).or_default() += count;
    }
    let mut codes: Vec<(String, f64)> =
        found.into_iter().map(|(code, count)| (code.to_owned(), count)).collect();
    codes.sort_by(|one, other| other.1.total_cmp(&one.1));
    codes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at_us: i64, ok: u32, refused: u32, fast: u32, slow: u32) -> Sample {
        let all = fast + slow;
        let text = format!(
            "# HELP x y\nvendue_gateway_connections 7\nvendue_gateway_connections_total 9\n\
             vendue_gateway_requests_total{{method=\"lot.bid\",code=\"ok\"}} {ok}\n\
             vendue_gateway_requests_total{{method=\"lot.bid\",code=\"bid_too_low\"}} {refused}\n\
             vendue_gateway_request_duration_seconds_bucket{{le=\"0.001\"}} {fast}\n\
             vendue_gateway_request_duration_seconds_bucket{{le=\"1\"}} {all}\n\
             vendue_gateway_request_duration_seconds_bucket{{le=\"+Inf\"}} {all}\n\
             vendue_engine_commits_total 5\nnot a metric\n"
        );
        Sample::read(&text, at_us)
    }

    #[test]
    fn rates_and_percentiles_are_those_of_the_time_between() {
        let (before, now) = (sample(0, 100, 0, 1_000, 1_000), sample(2_000_000, 140, 20, 1_098, 1_002));
        let signs = Signs::between(Some(&before), &now, true);
        assert_eq!(signs.requests, Some(30.0));
        let rate = MethodRate { method: "lot.bid".into(), per_second: 30.0, refused_per_second: 10.0 };
        assert_eq!(signs.methods, [rate]);
        // 98 of 100 were fast; what was slow before does not count.
        assert_eq!((signs.p50_ms, signs.p99_ms), (Some(1.0), Some(1_000.0)));
        assert_eq!((signs.connections, signs.engine.len()), (7.0, 1));
        assert_eq!(signs.refusals, [("bid_too_low".to_owned(), 20.0)]);
    }

    #[test]
    fn without_a_time_between_there_is_no_rate() {
        let now = sample(1, 5, 5, 5, 5);
        for before in [None, Some(sample(1, 0, 0, 0, 0)), Some(sample(2, 0, 0, 0, 0))] {
            let signs = Signs::between(before.as_ref(), &now, false);
            assert_eq!((signs.requests, signs.p99_ms, signs.methods.len()), (None, None, 0));
            assert_eq!(signs.json()["engine"], "away");
        }
        let quiet = Signs::between(Some(&sample(0, 5, 5, 5, 5)), &now, true);
        assert_eq!((quiet.requests, quiet.p50_ms), (Some(0.0), None), "nothing was asked");
    }

    #[test]
    fn a_gateway_that_began_anew_has_no_negative_rates() {
        let mut before = sample(0, 500, 0, 500, 0);
        before.plain.insert(format!("{GATEWAY}connections_total"), 90.0);
        assert_eq!(Signs::between(Some(&before), &sample(1_000_000, 1, 0, 1, 0), true).requests, None);
    }
}
