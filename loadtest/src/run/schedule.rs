//! When bids are due in the open model: a Poisson process, from a seed.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// Arrivals one after the other, in nanoseconds since the start. Endless; nothing is stored, however far it is behind.
#[derive(Debug)]
pub struct Poisson {
    random: SmallRng,
    mean_ns: f64,
    start_ns: f64,
    /// How long the rate takes to rise from nothing to what it is then.
    ramp_ns: f64,
    /// How many arrivals at the full rate's distance lie behind; the next one is due there.
    passed: f64,
}

impl Poisson {
    /// `rate` arrivals a second from `start_ns` on, after the rate has risen evenly for `ramp_ns`.
    #[must_use]
    pub fn new(rate: f64, seed: u64, start_ns: u64, ramp_ns: u64) -> Self {
        let mut schedule = Self {
            random: SmallRng::seed_from_u64(seed),
            mean_ns: 1e9 / rate,
            start_ns: start_ns as f64,
            ramp_ns: ramp_ns as f64,
            passed: 0.0,
        };
        schedule.advance();
        schedule
    }

    /// When the next arrival is due.
    #[must_use]
    pub fn due_ns(&self) -> u64 {
        // A Poisson process of a changing rate is one of rate 1 whose time is stretched by the rate's integral (t^2 / 2r while it rises).
        let even = self.passed * self.mean_ns;
        let since = if even < self.ramp_ns / 2.0 {
            (2.0 * even * self.ramp_ns).sqrt()
        } else {
            even + self.ramp_ns / 2.0
        };
        (self.start_ns + since) as u64
    }

    /// Goes on to the one after.
    pub fn advance(&mut self) {
        // Exponential gaps: -ln(1 - u), u in [0, 1).
        let uniform: f64 = self.random.random();
        self.passed -= (1.0 - uniform).ln();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gaps(rate: f64, seed: u64, count: usize) -> Vec<f64> {
        let mut schedule = Poisson::new(rate, seed, 0, 0);
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
    fn the_rate_is_what_was_asked_for() {
        for (rate, seconds) in [(1_000.0, 1_000.0), (50_000.0, 20.0)] {
            let mut schedule = Poisson::new(rate, 11, 0, 0);
            let mut count = 0_u64;
            while (schedule.due_ns() as f64) < seconds * 1e9 {
                schedule.advance();
                count += 1;
            }
            // The deviation of a million arrivals is a thousand: 0.1 % is one of them.
            let off = (count as f64 / (rate * seconds) - 1.0).abs();
            assert!(off < 0.003, "{count} arrivals in {seconds} s at {rate}");
        }
    }

    #[test]
    fn while_it_rises_half_as_many_come() {
        let mut schedule = Poisson::new(10_000.0, 3, 0, 10_000_000_000);
        let mut seconds = [0_u32; 12];
        while schedule.due_ns() < 12_000_000_000 {
            seconds[(schedule.due_ns() / 1_000_000_000) as usize] += 1;
            schedule.advance();
        }
        let near = |found: u32, expected: f64| {
            assert!((f64::from(found) / expected - 1.0).abs() < 0.1, "{seconds:?}")
        };
        near(seconds[1], 1_500.0);
        near(seconds[5], 5_500.0);
        near(seconds[9], 9_500.0);
        near(seconds[11], 10_000.0);
        near(seconds[..10].iter().sum(), 50_000.0);
    }

    #[test]
    fn the_same_seed_gives_the_same_arrivals() {
        assert_eq!(gaps(50_000.0, 3, 1_000), gaps(50_000.0, 3, 1_000));
        assert_ne!(gaps(50_000.0, 3, 1_000), gaps(50_000.0, 4, 1_000));
    }
}
