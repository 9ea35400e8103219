//! Which lot gets the next bid.

use std::fmt;
use std::str::FromStr;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;

/// Shares of the lots in the bids.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// One after the other.
    #[default]
    Turn,
    /// Some lots share some of the bids, the others the rest.
    Hot {
        /// Of the lots, 0 to 1.
        lots: f64,
        /// Of the bids, 0 to 1.
        bids: f64,
    },
    /// The nth lot's share is proportional to 1 / n^s (G. K. Zipf).
    Zipf(f64),
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let share = |text: &str| -> Option<f64> {
            let percent: f64 = text.strip_suffix('%')?.parse().ok()?;
            (percent > 0.0 && percent < 100.0).then_some(percent / 100.0)
        };
        let found = match text.split_once(':') {
            None if text == "turn" => Some(Self::Turn),
            Some(("zipf", exponent)) => {
                exponent.parse().ok().filter(|s| (0.01..=10.0).contains(s)).map(Self::Zipf)
            }
            Some((lots, bids)) => share(lots).zip(share(bids)).map(|(lots, bids)| Self::Hot { lots, bids }),
            None => None,
        };
        found.ok_or_else(|| {
            format!("{text:?} is no share: write turn, 1%:50% (so much of the lots, of the bids) or zipf:1.1")
        })
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Turn => f.write_str("in turn"),
            Self::Hot { lots, bids } => {
                write!(f, "{:.3} % of them get {:.1} % of the bids", lots * 100.0, bids * 100.0)
            }
            Self::Zipf(exponent) => write!(f, "by Zipf's law, s = {exponent}"),
        }
    }
}

/// Chooses among so many lots, from a seed.
#[derive(Debug)]
pub struct Chooser {
    count: usize,
    cursor: usize,
    how: How,
    random: SmallRng,
}

#[derive(Debug)]
enum How {
    Turn,
    Hot {
        hot: usize,
        bids: f64,
    },
    /// The sum of the shares of each lot and those before it.
    Zipf(Vec<f64>),
}

impl Chooser {
    /// Among `count` lots.
    #[must_use]
    pub fn new(choice: Choice, count: usize, seed: u64) -> Self {
        let how = match choice {
            Choice::Turn => How::Turn,
            Choice::Hot { lots, bids } => {
                How::Hot { hot: ((count as f64 * lots).ceil() as usize).clamp(1, count.max(1)), bids }
            }
            Choice::Zipf(exponent) => {
                let mut sum = 0.0;
                let sums = (1..=count).map(|rank| {
                    sum += (rank as f64).powf(-exponent);
                    sum
                });
                How::Zipf(sums.collect())
            }
        };
        Self { count, cursor: 0, how, random: SmallRng::seed_from_u64(seed) }
    }

    /// The next lot.
    #[inline]
    pub fn choose(&mut self) -> usize {
        match &self.how {
            How::Turn => {
                let at = self.cursor;
                self.cursor = if at + 1 == self.count { 0 } else { at + 1 };
                at
            }
            How::Hot { hot, bids } => {
                let is_hot = *hot == self.count || self.random.random::<f64>() < *bids;
                if is_hot {
                    self.random.random_range(0..*hot)
                } else {
                    self.random.random_range(*hot..self.count)
                }
            }
            How::Zipf(sums) => {
                let most = sums.last().copied().unwrap_or_default();
                let drawn = self.random.random::<f64>() * most;
                sums.partition_point(|&sum| sum <= drawn).min(self.count - 1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(choice: &str, count: usize, times: usize) -> Vec<usize> {
        let mut chooser = Chooser::new(choice.parse().unwrap(), count, 5);
        let mut counts = vec![0; count];
        (0..times).for_each(|_| counts[chooser.choose()] += 1);
        counts
    }

    #[test]
    fn shares_are_what_was_asked_for() {
        assert_eq!(drawn("turn", 4, 400), [100; 4]);
        let hot = drawn("1%:50%", 1_000, 100_000);
        let share = hot[..10].iter().sum::<usize>() as f64 / 100_000.0;
        assert!((share - 0.5).abs() < 0.01, "{share}");
        assert!(hot.iter().all(|&count| count > 0));
        let zipf = drawn("zipf:1", 100, 200_000);
        let ratio = zipf[0] as f64 / zipf[9] as f64;
        assert!((ratio - 10.0).abs() < 1.0, "{ratio}");
        assert_eq!(drawn("1%:50%", 1, 10), [10]);
        assert_eq!(drawn("zipf:1.1", 1, 10), [10]);
    }

    #[test]
    fn what_is_no_share_is_said_so() {
        for text in ["", "hot", "1:2", "0%:50%", "1%:100%", "zipf:0", "zipf:x", "1%:50"] {
            assert!(text.parse::<Choice>().unwrap_err().contains("is no share"), "{text}");
        }
    }
}
