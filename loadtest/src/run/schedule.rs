//! When bids are due in the open model: a Poisson process, from a seed.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// Arrivals one after the other, in nanoseconds since the start. Endless; nothing is stored, however far it is behind.
#[derive(Debug)]
pub struct Poisson {
    random: SmallRng,
    mean_ns: f64,
    due_ns: f64,
}

impl Poisson {
    /// `rate` arrivals a second from `start_ns` on.
    #[must_use]
    pub fn new(rate: f64, seed: u64, start_ns: u64) -> Self {
        let mut schedule =
            Self { random: SmallRng::seed_from_u64(seed), mean_ns: 1e9 / rate, due_ns: start_ns as f64 };
        schedule.advance();
        schedule
    }

    /// When the next arrival is due.
    #[must_use]
    pub const fn due_ns(&self) -> u64 {
        self.due_ns as u64
    }

    /// Goes on to the one after.
    pub fn advance(&mut self) {
        // Exponential gaps: -ln(1 - u), u in [0, 1).
        let uniform: f64 = self.random.random();
        self.due_ns -= self.mean_ns * (1.0 - uniform).ln();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gaps(rate: f64, seed: u64, count: usize) -> Vec<f64> {
        let mut schedule = Poisson::new(rate, seed, 0);
        let mut last = 0;
        let mut next = || {
            let due = schedule.due_ns();
            schedule.advance();
            (due - std::mem::replace(&mut last, due)) as f64
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn gaps_are_exponential_with_the_right_mean() {
        let count = 200_000;
        let gaps = gaps(1_000.0, 7, count);
        let mean = gaps.iter().sum::<f64>() / count as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / count as f64;
        // An exponential's deviation is its mean; a share of 1/e of the gaps is longer than the mean.
        assert!((mean / 1e6 - 1.0).abs() < 0.01, "mean {mean}");
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.02, "deviation {}", variance.sqrt());
        let longer = gaps.iter().filter(|&&gap| gap > mean).count() as f64 / count as f64;
        assert!((longer - (-1.0_f64).exp()).abs() < 0.01, "longer {longer}");
    }

    #[test]
    fn the_same_seed_gives_the_same_arrivals() {
        assert_eq!(gaps(50_000.0, 3, 1_000), gaps(50_000.0, 3, 1_000));
        assert_ne!(gaps(50_000.0, 3, 1_000), gaps(50_000.0, 4, 1_000));
    }
}
