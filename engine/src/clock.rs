//! The cell's clock: starts at `max(wall clock, last journaled time)`, then monotonic, drawn towards the wall clock by at
//! most 500 ppm; it never goes back (I22).
//!
//! The core takes readings in and gives times out; only [`SystemClock`] reads the machine's clocks.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use vendue_domain::mutant;

use vendue_domain::time::Timestamp;

use crate::error::EngineError;

/// How far the clock may be drawn towards the wall clock: 500 microseconds a second.
pub const SLEW_PPM: i64 = 500;

/// How far the wall clock may be behind the journal at a start.
pub const BEHIND_MAX_MS: u64 = 5_000;

/// The clock's core: readings in, times out.
#[derive(Debug)]
pub struct ClockCore {
    /// The cell's time minus the monotonic reading, in microseconds.
    offset: i64,
    last: i64,
    slewed_at: i64,
}

impl ClockCore {
    /// A clock that starts at `max(wall, last_journaled)`, all in microseconds.
    #[must_use]
    pub fn start(wall: i64, last_journaled: i64, monotonic: i64) -> Self {
        let now = wall.max(last_journaled);
        Self { offset: now - monotonic, last: now, slewed_at: monotonic }
    }

    /// The time for these readings of the wall clock and the monotonic clock.
    pub fn now(&mut self, wall: i64, monotonic: i64) -> i64 {
        let elapsed = (monotonic - self.slewed_at).max(0);
        let error = wall - (monotonic + self.offset);
        let most = elapsed.saturating_mul(SLEW_PPM) / 1_000_000;
        if most > 0 {
            self.offset += error.clamp(-most, most);
            self.slewed_at = monotonic;
        }
        if mutant("clock_goes_back") {
            self.last = wall;
            return wall;
        }
        self.last = self.last.max(monotonic + self.offset);
        self.last
    }
}

/// The clock of a running cell, shared by its threads.
#[derive(Debug)]
pub struct SystemClock {
    origin: Instant,
    core: std::sync::Mutex<ClockCore>,
    /// The latest time given out, so that no thread sees it go back.
    last: AtomicI64,
}

fn wall_micros() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64)
}

impl SystemClock {
    /// Starts the clock after `last_journaled`.
    ///
    /// # Errors
    /// `ClockBehind` where the wall clock is more than [`BEHIND_MAX_MS`] behind the journal and that is not allowed.
    pub fn start(last_journaled: Timestamp, allow_behind: bool) -> Result<Self, EngineError> {
        let wall = wall_micros();
        let behind_ms = (last_journaled.0 - wall).max(0) as u64 / 1_000;
        if behind_ms > BEHIND_MAX_MS && !allow_behind {
            return Err(EngineError::ClockBehind { behind_ms });
        }
        let core = ClockCore::start(wall, last_journaled.0, 0);
        Ok(Self {
            origin: Instant::now(),
            last: AtomicI64::new(core.last),
            core: std::sync::Mutex::new(core),
        })
    }

    /// The cell's time.
    pub fn now(&self) -> Timestamp {
        let monotonic = self.origin.elapsed().as_micros() as i64;
        let time = match self.core.lock() {
            Ok(mut core) => core.now(wall_micros(), monotonic),
            Err(poisoned) => poisoned.into_inner().now(wall_micros(), monotonic),
        };
        Timestamp(self.last.fetch_max(time, Ordering::Relaxed).max(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    #[test]
    fn starts_at_the_later_of_wall_and_journal() {
        assert_eq!(ClockCore::start(10 * SECOND, 7 * SECOND, 5).now(10 * SECOND, 5), 10 * SECOND);
        assert_eq!(ClockCore::start(10 * SECOND, 12 * SECOND, 5).now(10 * SECOND, 5), 12 * SECOND);
    }

    #[test]
    fn wall_clock_jumps_move_it_by_at_most_500_ppm() {
        for jump in [3_600 * SECOND, -3_600 * SECOND] {
            let mut clock = ClockCore::start(1_000 * SECOND, 0, 0);
            let mut last = clock.now(1_000 * SECOND, 0);
            for second in 1..=100 {
                let now = clock.now(1_000 * SECOND + second * SECOND + jump, second * SECOND);
                let step = now - last;
                assert!((step - SECOND).abs() <= SLEW_PPM, "a step of {step} us in a second");
                last = now;
            }
        }
    }

    #[test]
    fn never_goes_back_whatever_the_readings() {
        let mut clock = ClockCore::start(0, 0, 0);
        let mut last = i64::MIN;
        for (wall, monotonic) in [(5, 5), (0, 10), (-100, 9), (1_000_000_000, 11), (0, 12)] {
            let now = clock.now(wall, monotonic);
            assert!(now >= last);
            last = now;
        }
    }
}
