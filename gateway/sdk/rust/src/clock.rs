//! The server's clock as far as it can be known from here.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// How fast two clocks may part, in microseconds a second: an older measurement is believed less.
const DRIFT_PPM: u64 = 500;

/// What is known of the server's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerTime {
    /// Microseconds since the Unix epoch.
    pub micros: i64,
    /// By how much it may be wrong, in microseconds: half the best round trip, and drift since.
    pub error_us: u64,
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    /// Server time minus local time, in microseconds.
    offset_us: i64,
    /// Half the round trip.
    error_us: u64,
    /// When it was measured, on the local clock.
    taken_us: i64,
}

impl Sample {
    fn error_at(&self, local_us: i64) -> u64 {
        let age_us = local_us.saturating_sub(self.taken_us).max(0) as u64;
        self.error_us + age_us / 1_000_000 * DRIFT_PPM
    }
}

/// Keeps the best measurement.
#[derive(Debug)]
pub(crate) struct Clock {
    started: Instant,
    best: Mutex<Option<Sample>>,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), best: Mutex::new(None) }
    }

    /// Microseconds on the local monotonic clock.
    pub(crate) fn local_us(&self) -> i64 {
        i64::try_from(self.started.elapsed().as_micros()).unwrap_or(i64::MAX)
    }

    /// A reply came: sent at `sent_us` and received at `received_us` here, `t_in` and `t_out` there.
    pub(crate) fn observe(&self, sent_us: i64, t_in: i64, t_out: i64, received_us: i64) {
        let round_trip = (received_us - sent_us).saturating_sub(t_out - t_in).max(0);
        let offset_us = t_in.saturating_sub(sent_us).midpoint(t_out.saturating_sub(received_us));
        self.consider(Sample { offset_us, error_us: round_trip as u64 / 2, taken_us: received_us });
    }

    /// The server said its time without being asked (`heartbeat`): it may be any age up to `age_us`.
    pub(crate) fn told(&self, time: i64, age_us: u64) {
        let local = self.local_us();
        self.consider(Sample { offset_us: time.saturating_sub(local), error_us: age_us, taken_us: local });
    }

    fn consider(&self, sample: Sample) {
        let mut best = self.best.lock().unwrap_or_else(PoisonError::into_inner);
        if best.is_none_or(|best| sample.error_us <= best.error_at(sample.taken_us)) {
            *best = Some(sample);
        }
    }

    /// The server's time now; `None` before the first reply.
    pub(crate) fn server(&self) -> Option<ServerTime> {
        let local = self.local_us();
        let best = *self.best.lock().unwrap_or_else(PoisonError::into_inner);
        best.map(|best| ServerTime {
            micros: local.saturating_add(best.offset_us),
            error_us: best.error_at(local),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_round_trip_wins_until_it_is_old() {
        let clock = Clock::new();
        let offset = || clock.best.lock().unwrap().unwrap().offset_us;
        assert_eq!(clock.server(), None);
        // 100 us out, 900 us in the server, 100 us back: the offset is 1,000,000 exactly.
        clock.observe(0, 1_000_100, 1_001_000, 1_100);
        assert_eq!(offset(), 1_000_000);
        // A slower round trip of another opinion is not believed...
        clock.observe(2_000, 1_009_000, 1_009_100, 10_000);
        assert_eq!(offset(), 1_000_000);
        // ...a faster one is...
        clock.observe(20_000, 1_020_510, 1_020_510, 20_020);
        assert_eq!(offset(), 1_000_500);
        // ...and after a while a slower one, too: a minute at 500 ppm is 30 ms.
        clock.observe(60_020_020, 61_030_020, 61_030_020, 60_040_020);
        assert_eq!(offset(), 1_000_000);
    }
}
