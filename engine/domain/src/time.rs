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

    /// The instant `micros` microseconds later, at most [`Timestamp::MAX`].
    #[must_use]
    pub const fn plus_micros(self, micros: u64) -> Self {
        let later = micros as i128 + self.0 as i128;
        if later > Self::MAX.0 as i128 { Self::MAX } else { Self(later as i64) }
    }

    /// The instant `micros` microseconds earlier, at least [`Timestamp`] 0.
    #[must_use]
    pub const fn minus_micros(self, micros: u64) -> Self {
        let earlier = self.0 as i128 - micros as i128;
        if earlier < 0 { Self(0) } else { Self(earlier as i64) }
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

/// An instant in a record that is written often: whole seconds take 5 bytes instead of 9.
///
/// A whole second is written as the negative number of its seconds, anything else as its microseconds: no instant of ours
/// lies before 1970, so that the sign tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub Timestamp);

const MICROS_PER_SECOND: i64 = 1_000_000;

impl Field for Moment {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        let micros = self.0.0;
        if micros > 0 && micros % MICROS_PER_SECOND == 0 { -(micros / MICROS_PER_SECOND) } else { micros }
            .encode(out);
    }

    #[inline]
    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
        let written = i64::decode(input)?;
        if written >= 0 {
            return Ok(Self(Timestamp(written)));
        }
        let micros = written.checked_mul(-MICROS_PER_SECOND).ok_or(RecordError::Invalid("an instant"))?;
        Ok(Self(Timestamp(micros)))
    }
}
