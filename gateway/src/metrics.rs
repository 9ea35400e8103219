//! What an operator watches, in Prometheus' text format.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use vendue_protocol::signs::{APPEND_BOUNDS_US, SIGNS, Vitals};
use vendue_protocol::wire::{Code, METHODS};

/// Upper bounds of the latency histogram's buckets, in microseconds: about a factor of two each, from a reply that the
/// gateway gives itself to the default deadline.
const BUCKETS_US: [u64; 16] = [
    50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 51_200, 102_400, 409_600, 1_638_400,
    5_000_000, 60_000_000,
];

/// Columns of the table of requests: `ok`, then each code.
const OUTCOMES: usize = Code::ALL.len() + 1;

/// A number that one thread writes and others read.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds. Only one thread writes, so a plain load and store suffice; they cost a tenth of an atomic addition.
    #[inline]
    pub(crate) fn add(&self, count: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counters of one thread's core.
#[derive(Debug)]
pub struct Metrics {
    requests: Vec<Counter>,
    latency: [Counter; BUCKETS_US.len() + 1],
    latency_sum_us: Counter,
    pub(crate) connections: Counter,
    pub(crate) connections_total: Counter,
    pub(crate) bytes_in: Counter,
    pub(crate) bytes_out: Counter,
    pub(crate) events: Counter,
    pub(crate) deliveries: Counter,
    pub(crate) channels: Counter,
    pub(crate) pending: Counter,
    pub(crate) slow_consumers: Counter,
    pub(crate) unreadable: Counter,
    pub(crate) link_up: Counter,
    pub(crate) link_reconnects: Counter,
    pub(crate) http_requests: Counter,
    /// What the engine last told of itself; nothing while the link is down. Written twice a second.
    engine: Mutex<Option<Vitals>>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: (0..METHODS.len() * OUTCOMES).map(|_| Counter::default()).collect(),
            latency: Default::default(),
            latency_sum_us: Counter::default(),
            connections: Counter::default(),
            connections_total: Counter::default(),
            bytes_in: Counter::default(),
            bytes_out: Counter::default(),
            events: Counter::default(),
            deliveries: Counter::default(),
            channels: Counter::default(),
            pending: Counter::default(),
            slow_consumers: Counter::default(),
            unreadable: Counter::default(),
            link_up: Counter::default(),
            link_reconnects: Counter::default(),
            http_requests: Counter::default(),
            engine: Mutex::default(),
        }
    }
}

impl Metrics {
    /// Counts a reply: by method and code, and how long it took.
    #[inline]
    pub(crate) fn replied(&self, method: u8, code: Option<Code>, took_us: u64) {
        let column = code.map_or(0, |code| code as usize + 1);
        if let Some(counter) = self.requests.get(usize::from(method) * OUTCOMES + column) {
            counter.add(1);
        }
        let bucket = BUCKETS_US.partition_point(|&bound| bound < took_us);
        self.latency[bucket].add(1);
        self.latency_sum_us.add(took_us);
    }

    /// The engine has told of itself.
    pub(crate) fn engine_told(&self, vitals: Vitals) {
        *self.engine.lock().unwrap_or_else(PoisonError::into_inner) = Some(vitals);
    }

    /// The engine is away: what it told before is no longer so.
    pub(crate) fn engine_away(&self) {
        *self.engine.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The text of several threads' counters together.
    #[must_use]
    pub fn render(threads: &[std::sync::Arc<Self>]) -> String {
        let mut text = String::with_capacity(8_192);
        let sum =
            |field: fn(&Self) -> &Counter| threads.iter().map(|metrics| field(metrics).get()).sum::<u64>();
        for (name, kind, help, field) in Self::scalars() {
            let _ =
                writeln!(text, "# HELP vendue_gateway_{name} {help}\n# TYPE vendue_gateway_{name} {kind}");
            let _ = writeln!(text, "vendue_gateway_{name} {}", sum(field));
        }
        let _ = writeln!(
            text,
            "# HELP vendue_gateway_requests_total Requests answered, by method and code (ok or the error's).\n\
             # TYPE vendue_gateway_requests_total counter"
        );
        for (at, cell) in (0..METHODS.len() * OUTCOMES).map(|at| (at, at)) {
            let count: u64 = threads.iter().map(|metrics| metrics.requests[cell].get()).sum();
            if count > 0 {
                let method = METHODS[at / OUTCOMES].name;
                let code = (at % OUTCOMES).checked_sub(1).map_or("ok", |code| Code::ALL[code].as_str());
                let _ = writeln!(
                    text,
                    "vendue_gateway_requests_total{{method=\"{method}\",code=\"{code}\"}} {count}"
                );
            }
        }
        Self::render_latency(&mut text, threads);
        let told = threads
            .iter()
            .find_map(|metrics| metrics.engine.lock().unwrap_or_else(PoisonError::into_inner).clone());
        if let Some(vitals) = told {
            render_engine(&mut text, &vitals);
        }
        text
    }

    fn render_latency(text: &mut String, threads: &[std::sync::Arc<Self>]) {
        const NAME: &str = "vendue_gateway_request_duration_seconds";
        let _ = writeln!(
            text,
            "# HELP {NAME} From the arrival of a request to its reply, in the gateway's own time.\n# TYPE {NAME} histogram"
        );
        let mut total = 0;
        for (at, bound) in
            BUCKETS_US.iter().map(|&us| (us as f64 / 1e6).to_string()).chain(["+Inf".into()]).enumerate()
        {
            total += threads.iter().map(|metrics| metrics.latency[at].get()).sum::<u64>();
            let _ = writeln!(text, "{NAME}_bucket{{le=\"{bound}\"}} {total}");
        }
        let sum: u64 = threads.iter().map(|metrics| metrics.latency_sum_us.get()).sum();
        let _ = writeln!(text, "{NAME}_sum {}\n{NAME}_count {total}", sum as f64 / 1e6);
    }

    #[allow(clippy::type_complexity)]
    fn scalars() -> [(&'static str, &'static str, &'static str, fn(&Self) -> &Counter); 13] {
        [
            ("connections", "gauge", "WebSockets that are open.", |metrics| &metrics.connections),
            ("connections_total", "counter", "WebSockets since the start.", |metrics| {
                &metrics.connections_total
            }),
            ("received_bytes_total", "counter", "Bytes read from WebSockets.", |metrics| &metrics.bytes_in),
            ("sent_bytes_total", "counter", "Bytes written to WebSockets.", |metrics| &metrics.bytes_out),
            ("events_total", "counter", "Events that the engine sent.", |metrics| &metrics.events),
            ("deliveries_total", "counter", "Events given to watchers.", |metrics| &metrics.deliveries),
            ("channels", "gauge", "Channels that are followed.", |metrics| &metrics.channels),
            ("pending_requests", "gauge", "Requests that wait for the engine.", |metrics| &metrics.pending),
            ("slow_consumers_total", "counter", "Connections closed because they did not read.", |metrics| {
                &metrics.slow_consumers
            }),
            ("unreadable_messages_total", "counter", "Messages that were no requests.", |metrics| {
                &metrics.unreadable
            }),
            ("link_up", "gauge", "Links to the engine that are up.", |metrics| &metrics.link_up),
            ("link_reconnects_total", "counter", "Times a link came up again.", |metrics| {
                &metrics.link_reconnects
            }),
            ("http_requests_total", "counter", "HTTP requests, pages included.", |metrics| {
                &metrics.http_requests
            }),
        ]
    }
}

/// What the engine told; absent while it is away.
fn render_engine(text: &mut String, vitals: &Vitals) {
    for (sign, &value) in SIGNS.iter().zip(&vitals.values) {
        let name = sign.name;
        let _ = writeln!(text, "# HELP vendue_engine_{name} {}", sign.help);
        let _ = writeln!(text, "# TYPE vendue_engine_{name} {}", sign.kind.name());
        let _ = if sign.is_time {
            writeln!(text, "vendue_engine_{name} {}", value as f64 / 1e6)
        } else {
            writeln!(text, "vendue_engine_{name} {value}")
        };
    }
    const NAME: &str = "vendue_engine_journal_append_duration_seconds";
    let _ = writeln!(
        text,
        "# HELP {NAME} How long appends to the journal took, their sync included.\n# TYPE {NAME} histogram"
    );
    let bounds = APPEND_BOUNDS_US.iter().map(|&us| (us as f64 / 1e6).to_string()).chain(["+Inf".into()]);
    let mut total = 0;
    for (bound, count) in bounds.zip(&vitals.appends) {
        total += count;
        let _ = writeln!(text, "{NAME}_bucket{{le=\"{bound}\"}} {total}");
    }
    let _ = writeln!(text, "{NAME}_sum {}\n{NAME}_count {total}", vitals.append_us as f64 / 1e6);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn the_text_sums_over_threads() {
        let threads = [Arc::new(Metrics::default()), Arc::new(Metrics::default())];
        let bid = vendue_protocol::wire::Method::find("lot.bid").unwrap().index;
        threads[0].replied(bid, None, 70);
        threads[1].replied(bid, None, 90);
        threads[1].replied(bid, Some(Code::BidTooLow), 99_000_000);
        threads[0].connections.set(3);
        let text = Metrics::render(&threads);
        for line in [
            "vendue_gateway_connections 3",
            "vendue_gateway_requests_total{method=\"lot.bid\",code=\"ok\"} 2",
            "vendue_gateway_requests_total{method=\"lot.bid\",code=\"bid_too_low\"} 1",
            "vendue_gateway_request_duration_seconds_bucket{le=\"0.0001\"} 2",
            "vendue_gateway_request_duration_seconds_bucket{le=\"+Inf\"} 3",
            "vendue_gateway_request_duration_seconds_count 3",
        ] {
            assert!(text.lines().any(|written| written == line), "{line}\n{text}");
        }
    }

    #[test]
    fn the_engine_is_told_of_while_it_is_there() {
        use vendue_protocol::signs::Sign;
        let threads = [Arc::new(Metrics::default()), Arc::new(Metrics::default())];
        let mut vitals = Vitals::empty();
        vitals.set(Sign::Position, 12);
        vitals.set(Sign::Stalled, 1_500_000);
        (vitals.appends[2], vitals.appends[14], vitals.append_us) = (3, 1, 2_000_000);
        threads[1].engine_told(vitals);
        let text = Metrics::render(&threads);
        for line in [
            "vendue_engine_journal_position 12",
            "vendue_engine_journal_stalled_seconds 1.5",
            "# TYPE vendue_engine_commands_total counter",
            "vendue_engine_journal_append_duration_seconds_bucket{le=\"0.00005\"} 0",
            "vendue_engine_journal_append_duration_seconds_bucket{le=\"0.0001\"} 3",
            "vendue_engine_journal_append_duration_seconds_bucket{le=\"+Inf\"} 4",
            "vendue_engine_journal_append_duration_seconds_sum 2",
        ] {
            assert!(text.lines().any(|written| written == line), "{line}\n{text}");
        }
        threads[1].engine_away();
        assert!(!Metrics::render(&threads).contains("vendue_engine_"));
    }
}
