//! When a child that has ended is started again: a pure policy.

use std::time::Duration;

/// The first wait: a killed engine is back before anybody's patience ends.
const WAIT_FIRST: Duration = Duration::from_millis(20);
/// The longest wait.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// A child that ran this long was well: its next end is a new story.
const WELL_AFTER: Duration = Duration::from_secs(10);
/// Ends in a row, each soon after the start, after which it is given up.
const FAILURES_MAX: u32 = 12;

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) ran_for: Duration,
    /// Whether it ever said that it was ready, in this life or an earlier one.
    pub(super) was_ever_ready: bool,
    /// Killed from outside (SIGKILL, SIGTERM, SIGINT): no fault of its own.
    pub(super) killed: bool,
}

/// What has happened so far.
#[derive(Debug, Default)]
pub(super) struct Restart {
    failures: u32,
}

impl Restart {
    /// How long to wait before the next start; `None`: give up.
    pub(super) fn after(&mut self, ending: Ending) -> Option<Duration> {
        // What does not even start once will not start by being tried: its message says why.
        if !ending.was_ever_ready {
            return None;
        }
        if ending.killed {
            return Some(WAIT_FIRST);
        }
        if ending.ran_for >= WELL_AFTER {
            self.failures = 0;
        }
        self.failures += 1;
        let doubled = WAIT_FIRST.saturating_mul(1 << (self.failures - 1).min(16));
        (self.failures <= FAILURES_MAX).then(|| doubled.min(WAIT_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn killed_is_started_at_once_and_broken_is_given_up() {
        let quick = Ending { ran_for: Duration::from_secs(1), was_ever_ready: true, killed: false };
        let mut restart = Restart::default();
        assert_eq!(restart.after(Ending { was_ever_ready: false, ..quick }), None);
        let waits: Vec<u128> = (0..FAILURES_MAX).map(|_| restart.after(quick).unwrap().as_millis()).collect();
        assert_eq!(waits, [20, 40, 80, 160, 320, 640, 1_280, 2_560, 5_000, 5_000, 5_000, 5_000]);
        assert_eq!(restart.after(quick), None);
        for _ in 0..100 {
            assert_eq!(restart.after(Ending { killed: true, ..quick }), Some(WAIT_FIRST));
        }
        assert_eq!(restart.after(Ending { ran_for: WELL_AFTER, ..quick }), Some(WAIT_FIRST));
    }
}
