//! Instants as values. The domain never reads a clock: the time of a decision comes with its context.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::record::{Field, Reader, RecordError};

/// An instant: microseconds since the Unix epoch, by the cell's clock.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The latest instant that is accepted anywhere: 9999-12-31T23:59:59Z, so that every instant has an RFC 3339 text.
    pub const MAX: Self = Self(253_402_300_799_000_000);

    /// The instant `ms` milliseconds later, at most [`Timestamp::MAX`].
    #[must_use]
    pub const fn plus_ms(self, ms: u64) -> Self {
        let micros = (ms as i128) * 1_000 + self.0 as i128;
        if micros > Self::MAX.0 as i128 { Self::MAX } else { Self(micros as i64) }
    }

    /// How long it is from `earlier` to here in microseconds; 0 where it is not earlier.
    #[must_use]
    pub const fn micros_since(self, earlier: Self) -> u64 {
        if self.0 <= earlier.0 { 0 } else { self.0.wrapping_sub(earlier.0) as u64 }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}us", self.0)
    }
}

impl Field for Timestamp {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
        i64::decode(input).map(Self)
    }
}
