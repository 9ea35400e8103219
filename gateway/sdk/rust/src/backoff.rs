//! When to come back after a connection broke.

use std::time::Duration;

use crate::options::Options;

/// Attempts that a server which asks for backing off counts as having failed already: it is not to be asked within the first
/// second again by everybody.
const ASKED_TO_BACK_OFF_ATTEMPTS: u32 = 3;

/// What a close code asks the client to do (PROTOCOL section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Return {
    /// 4000 to 4099: do not come back.
    Never,
    /// 4100 to 4199: back off.
    BackOff,
    /// 4200 to 4299: come back at once.
    AtOnce,
    /// Any other, or none: a broken line. Come back, politely.
    Usual,
}

impl Return {
    /// What this close code asks for; `None` stands for a connection that broke without one.
    #[must_use]
    pub const fn for_code(code: Option<u16>) -> Self {
        match code {
            Some(4000..=4099) => Self::Never,
            Some(4100..=4199) => Self::BackOff,
            Some(4200..=4299) => Self::AtOnce,
            _ => Self::Usual,
        }
    }
}

/// Waits between attempts to connect: exponential with full jitter, so that ten thousand clients who lost the same server
/// do not come back in the same moment.
#[derive(Debug, Clone)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    attempt: u32,
}

impl Backoff {
    /// A fresh one.
    #[must_use]
    pub const fn new(options: &Options) -> Self {
        Self { base: options.backoff_base, cap: options.backoff_cap, attempt: 0 }
    }

    /// Starts as the server's way of closing asks for.
    pub fn start(&mut self, asked: Return) {
        self.attempt = if asked == Return::BackOff { ASKED_TO_BACK_OFF_ATTEMPTS } else { 0 };
    }

    /// How many attempts were made.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The longest wait that the next attempt may draw.
    #[must_use]
    pub fn ceiling(&self) -> Duration {
        self.base.saturating_mul(1_u32.checked_shl(self.attempt).unwrap_or(u32::MAX)).min(self.cap)
    }

    /// The wait before the next attempt: `random` (0 to 1) of the ceiling.
    pub fn next(&mut self, random: f64) -> Duration {
        let wait = self.ceiling().mul_f64(random.clamp(0.0, 1.0));
        self.attempt = self.attempt.saturating_add(1).min(30);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_codes_say_whether_to_come_back() {
        let check = |code, expected| assert_eq!(Return::for_code(code), expected, "{code:?}");
        check(None, Return::Usual);
        check(Some(1000), Return::Usual);
        check(Some(1006), Return::Usual);
        check(Some(4001), Return::Never);
        check(Some(4099), Return::Never);
        check(Some(4101), Return::BackOff);
        check(Some(4201), Return::AtOnce);
        check(Some(4299), Return::AtOnce);
        check(Some(4300), Return::Usual);
    }

    #[test]
    fn waits_double_up_to_the_cap_and_jitter_takes_any_part_of_them() {
        let options = Options {
            backoff_base: Duration::from_millis(100),
            backoff_cap: Duration::from_millis(1_000),
            ..Options::default()
        };
        let mut backoff = Backoff::new(&options);
        let ceilings: Vec<_> = (0..6).map(|_| backoff.next(1.0).as_millis()).collect();
        assert_eq!(ceilings, [100, 200, 400, 800, 1_000, 1_000]);
        backoff.start(Return::Usual);
        assert_eq!(backoff.next(0.0), Duration::ZERO);
        assert_eq!(backoff.next(0.5).as_millis(), 100);
        backoff.start(Return::BackOff);
        assert_eq!(backoff.ceiling().as_millis(), 800);
    }
}
