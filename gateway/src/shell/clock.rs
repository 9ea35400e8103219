//! This process's clock: begins at the wall clock and never goes back.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use vendue_protocol::domain::time::Timestamp;

/// Microseconds since the Unix epoch that never go back.
#[derive(Debug, Clone, Copy)]
pub(super) struct OwnClock {
    began: Instant,
    began_us: i64,
}

impl OwnClock {
    pub(super) fn new() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { began: Instant::now(), began_us: since_epoch.as_micros() as i64 }
    }

    #[inline]
    pub(super) fn now(&self) -> Timestamp {
        Timestamp(self.began_us + self.began.elapsed().as_micros() as i64)
    }
}
