//! The server's time as clients hear it: the cell's clock, kept between the engine's pulses by the gateway's own.

use vendue_protocol::domain::time::Timestamp;

/// The difference between the cell's clock and this process's, and the latest time told: time never goes back.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    offset_us: i64,
    latest: Timestamp,
}

impl Clock {
    /// The engine has told its time.
    pub(crate) fn learn(&mut self, own: Timestamp, cell: Timestamp) {
        self.offset_us = cell.0 - own.0;
    }

    /// The server's time.
    #[inline]
    pub(crate) fn now(&mut self, own: Timestamp) -> Timestamp {
        self.latest = self.latest.max(Timestamp(own.0 + self.offset_us));
        self.latest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_follows_the_cell_and_never_goes_back() {
        let mut clock = Clock::default();
        assert_eq!(clock.now(Timestamp(1_000)), Timestamp(1_000));
        clock.learn(Timestamp(1_000), Timestamp(5_000));
        assert_eq!(clock.now(Timestamp(1_010)), Timestamp(5_010));
        clock.learn(Timestamp(1_020), Timestamp(5_000));
        assert_eq!(clock.now(Timestamp(1_020)), Timestamp(5_010));
        assert_eq!(clock.now(Timestamp(1_040)), Timestamp(5_020));
    }
}
