//! What the house puts up for sale, and when it ends: pure, so that the market's life is a table in a test.

/// How long a lot is announced before it opens, in microseconds, when the market is already going.
const ANNOUNCED_US: i64 = 20_000_000;
const SECOND_US: i64 = 1_000_000;

/// A lot to be put up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Offer {
    /// In the catalogue, from 1.
    pub(super) number: u64,
    /// Microseconds since the Unix epoch.
    pub(super) opens_at: i64,
    pub(super) closes_at: i64,
}

/// Keeps so many lots on offer.
#[derive(Debug, Clone)]
pub(super) struct House {
    /// How many are open or announced at any time.
    pub(super) lots: usize,
    pub(super) first_end_us: i64,
    pub(super) last_end_us: i64,
    /// The number of the next lot.
    pub(super) next_number: u64,
}

impl House {
    pub(super) fn new(options: &crate::config::DemoOptions, next_number: u64) -> Self {
        let micros =
            |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX / SECOND_US).saturating_mul(SECOND_US);
        Self {
            lots: options.lots as usize,
            first_end_us: micros(options.first_end_s),
            last_end_us: micros(options.last_end_s),
            next_number,
        }
    }

    /// The lots that are missing where `on_offer` are open or announced. A single one takes its place at the end of the line;
    /// several (the first start, or after a night without the demo) end one after the other.
    pub(super) fn missing(&self, on_offer: usize, now_us: i64) -> Vec<Offer> {
        let missing = self.lots.saturating_sub(on_offer);
        let fresh = on_offer == 0;
        (0..missing)
            .map(|at| {
                // The first lots are open at once: somebody has just started a market to see it.
                let opens_at = if fresh { now_us } else { now_us + ANNOUNCED_US };
                let span = self.last_end_us - self.first_end_us;
                let end = match missing {
                    1 => self.last_end_us,
                    several => self.first_end_us + span / (several as i64 - 1) * at as i64,
                };
                Offer { number: self.next_number + at as u64, opens_at, closes_at: opens_at + end }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(on_offer: usize, expected: &[(u64, i64, i64)]) {
        let house =
            House { lots: 3, first_end_us: 120 * SECOND_US, last_end_us: 2_400 * SECOND_US, next_number: 7 };
        let offers = house.missing(on_offer, 0);
        let seconds: Vec<_> =
            offers.iter().map(|o| (o.number, o.opens_at / SECOND_US, o.closes_at / SECOND_US)).collect();
        assert_eq!(seconds, expected, "{on_offer} on offer");
    }

    #[test]
    fn the_market_stays_alive() {
        check(0, &[(7, 0, 120), (8, 0, 1_260), (9, 0, 2_400)]);
        check(1, &[(7, 20, 140), (8, 20, 2_420)]);
        check(2, &[(7, 20, 2_420)]);
        check(3, &[]);
        check(9, &[]);
    }
}
