//! `kill -9` of the engine in the middle of everything.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use crate::failure::Failure;
use crate::market::Market;

/// When to kill: a share of the bids, "50%".
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KillAt(f64);

impl FromStr for KillAt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.strip_suffix('%').unwrap_or(text);
        let percent: f64 = number.parse().map_err(|_| "a share of the bids, 50% say".to_owned())?;
        if (0.0..=100.0).contains(&percent) {
            Ok(Self(percent))
        } else {
            Err("a share from 0% to 100%".into())
        }
    }
}

impl KillAt {
    /// The number of acknowledged bids that it means, at least one.
    #[must_use]
    pub fn of(self, total: usize) -> usize {
        ((total as f64 * self.0 / 100.0).round() as usize).clamp(1, total.max(1))
    }
}

/// Kills the engine once, when so many bids are acknowledged.
#[derive(Debug)]
pub struct Killer {
    market: Arc<Market>,
    at: usize,
    killed: AtomicI32,
}

/// No process has this number: the kill did not work.
const FAILED: i32 = -1;

impl Killer {
    /// At the `at`th acknowledgement.
    #[must_use]
    pub const fn new(market: Arc<Market>, at: usize) -> Self {
        Self { market, at, killed: AtomicI32::new(0) }
    }

    /// So many bids are acknowledged.
    pub fn acknowledged(&self, count: usize) {
        if count == self.at {
            let killed = self.market.private.as_ref().map(|private| private.kill_engine());
            let pid = killed.and_then(Result::ok).unwrap_or(FAILED);
            self.killed.store(pid, Ordering::Release);
        }
    }

    /// At which acknowledgement.
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }

    /// Whether it did what it was there for, and the engine came back.
    ///
    /// # Errors
    /// Where the engine was not killed or not restarted: the run proves nothing then.
    pub fn verdict(&self) -> Result<(), Failure> {
        let restarts = self.market.private.as_ref().map_or(0, |private| private.engine_restarts());
        match self.killed.load(Ordering::Acquire) {
            0 | FAILED => Err(Failure::Market("the engine was not killed: the run proves nothing".into())),
            pid if restarts == 0 => Err(Failure::Market(format!(
                "the engine (process {pid}) was killed, but no restart was announced"
            ))),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_the_bids() {
        let check = |text: &str, total, expected: Option<usize>| {
            assert_eq!(text.parse::<KillAt>().ok().map(|at| at.of(total)), expected, "{text} of {total}");
        };
        check("50%", 2_514, Some(1_257));
        check("50", 2_514, Some(1_257));
        check("0%", 100, Some(1));
        check("100%", 100, Some(100));
        check("12.5%", 16, Some(2));
        check("101%", 1, None);
        check("half", 1, None);
    }
}
