//! Which items of a combinatorial lot something is for.

use std::fmt::{self, Write};

use serde::{Deserialize, Serialize};

use crate::limits::ITEMS_MAX;
use crate::record::{Field, Reader, RecordError};

/// A set of items, never empty. On the wire the list of their numbers, from 1, ascending where we write it; a bit for each
/// in bytes and in the rules.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Package(u16);

impl Package {
    /// The items of these numbers; `None` where there is none, one twice, or one that no lot can have.
    #[must_use]
    pub fn new(numbers: &[u32]) -> Option<Self> {
        let mut bits = 0_u16;
        for &number in numbers {
            let bit = 1_u16 << (number.checked_sub(1).filter(|&place| place < ITEMS_MAX as u32)?);
            if bits & bit != 0 {
                return None;
            }
            bits |= bit;
        }
        Self::from_bits(bits)
    }

    /// The items whose bits are set, the first the lowest.
    #[must_use]
    pub const fn from_bits(bits: u16) -> Option<Self> {
        if bits == 0 || bits >> ITEMS_MAX != 0 { None } else { Some(Self(bits)) }
    }

    /// A bit for each item.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// How many items.
    #[must_use]
    pub const fn count(self) -> u64 {
        self.0.count_ones() as u64
    }

    /// Whether a lot of so many items has all of them.
    #[must_use]
    pub const fn is_of(self, items: usize) -> bool {
        items >= ITEMS_MAX || self.0 >> items == 0
    }

    /// The numbers, ascending, from 1.
    pub fn numbers(self) -> impl Iterator<Item = u32> {
        (0..ITEMS_MAX as u32).filter(move |place| self.0 & (1 << place) != 0).map(|place| place + 1)
    }

    /// A title with the numbers behind it: what an order of some of a lot's items is called.
    pub(super) fn added_to(self, title: &str) -> String {
        let mut text = format!("{title} (");
        for (nth, number) in self.numbers().enumerate() {
            let comma = if nth == 0 { "" } else { ", " };
            // Writing to a string does not fail.
            let _ = write!(text, "{comma}{number}");
        }
        text.push(')');
        text
    }
}

impl fmt::Debug for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.numbers()).finish()
    }
}

impl Serialize for Package {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.numbers())
    }
}

impl<'de> Deserialize<'de> for Package {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let numbers = Vec::<u32>::deserialize(deserializer)?;
        Self::new(&numbers).ok_or_else(|| {
            serde::de::Error::custom(format!("numbers of items, 1 to {ITEMS_MAX}, at least one, none twice"))
        })
    }
}

impl Field for Package {
    fn encode(&self, out: &mut Vec<u8>) {
        u32::from(self.0).encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
        let bits = u32::decode(input)?;
        u16::try_from(bits).ok().and_then(Self::from_bits).ok_or(RecordError::Invalid("a set of items"))
    }
}
