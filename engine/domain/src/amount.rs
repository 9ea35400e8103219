//! Money: integer minor units, checked; never a float. And quantities, which never are money.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::record::{Field, Reader, RecordError};

/// The largest amount: 2^53 - 1 minor units, the largest integer that every JSON reader keeps exactly.
pub const AMOUNT_MAX: u64 = (1 << 53) - 1;

/// An amount of money in minor units of its market's currency, from 1 to [`AMOUNT_MAX`] (I33).
///
/// `Option<Amount>` is as small as `Amount`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(std::num::NonZeroU64);

impl Amount {
    /// The smallest amount, one minor unit.
    pub const ONE: Self = Self(std::num::NonZeroU64::MIN);
    /// The largest amount.
    pub const MAX: Self = match Self::new(AMOUNT_MAX) {
        Some(max) => max,
        None => unreachable!(),
    };

    /// An amount, or `None` where it is 0 or above [`AMOUNT_MAX`].
    #[must_use]
    pub const fn new(minor_units: u64) -> Option<Self> {
        if minor_units > AMOUNT_MAX {
            return None;
        }
        match std::num::NonZeroU64::new(minor_units) {
            Some(value) => Some(Self(value)),
            None => None,
        }
    }

    /// The number of minor units.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// The sum, or `None` past [`AMOUNT_MAX`].
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        // Both are at most 2^53 - 1: the sum of two cannot overflow 64 bits.
        Self::new(self.get() + other.get())
    }

    /// The sum, at most [`Amount::MAX`].
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        match self.checked_add(other) {
            Some(sum) => sum,
            None => Self::MAX,
        }
    }

    /// The difference, or `None` where nothing or less would remain.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.get().checked_sub(other.get()) {
            Some(rest) => Self::new(rest),
            None => None,
        }
    }

    /// `quantity` times this amount, or `None` where the product is out of range.
    #[must_use]
    pub const fn checked_mul(self, quantity: u64) -> Option<Self> {
        match self.get().checked_mul(quantity) {
            Some(product) => Self::new(product),
            None => None,
        }
    }
}

/// An amount that nobody may see: a maximum, a reserve. Its Debug hides it and it cannot be serialized for the wire (I14);
/// in the journal and the state it is bytes like any other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hidden(pub Amount);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hidden")
    }
}

impl Field for Hidden {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }

    #[inline]
    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
        Amount::decode(input).map(Self)
    }
}

/// A sum from which a hidden amount could be told, a fee on it say; may be 0. Seen as little as [`Hidden`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HiddenSum(pub u64);

impl fmt::Debug for HiddenSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hidden")
    }
}

impl Field for HiddenSum {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }

    #[inline]
    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
        u64::decode(input).map(Self)
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.get())
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.get())
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MinorUnits;
        impl de::Visitor<'_> for MinorUnits {
            type Value = Amount;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(AMOUNT_EXPECTED)
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Amount, E> {
                Amount::new(value).ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(value), &self))
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Amount, E> {
                u64::try_from(value)
                    .ok()
                    .and_then(Amount::new)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Signed(value), &self))
            }
        }
        deserializer.deserialize_u64(MinorUnits)
    }
}

/// What an amount must be; the protocol answers a value outside it with `amount_out_of_range`, which it knows by this text.
pub const AMOUNT_EXPECTED: &str = "an amount in integer minor units from 1 to 9007199254740991";

impl Field for Amount {
    fn encode(&self, out: &mut Vec<u8>) {
        self.get().encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
        Self::new(u64::decode(input)?).ok_or(RecordError::Invalid("an amount is 1 to 2^53-1"))
    }
}

/// A currency by its ISO 4217 code, three capital letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

/// The currencies a market may use: code, number of decimals (ISO 4217), name.
pub const CURRENCIES: &[(&str, u8, &str)] = &[
    ("AUD", 2, "Australian dollar"),
    ("BHD", 3, "Bahraini dinar"),
    ("BRL", 2, "Brazilian real"),
    ("CAD", 2, "Canadian dollar"),
    ("CHF", 2, "Swiss franc"),
    ("CLP", 0, "Chilean peso"),
    ("CNY", 2, "Renminbi"),
    ("CZK", 2, "Czech koruna"),
    ("DKK", 2, "Danish krone"),
    ("EUR", 2, "Euro"),
    ("GBP", 2, "Pound sterling"),
    ("HKD", 2, "Hong Kong dollar"),
    ("HUF", 2, "Forint"),
    ("IDR", 2, "Rupiah"),
    ("ILS", 2, "New Israeli sheqel"),
    ("INR", 2, "Indian rupee"),
    ("ISK", 0, "Iceland krona"),
    ("JOD", 3, "Jordanian dinar"),
    ("JPY", 0, "Yen"),
    ("KRW", 0, "Won"),
    ("KWD", 3, "Kuwaiti dinar"),
    ("MXN", 2, "Mexican peso"),
    ("NOK", 2, "Norwegian krone"),
    ("NZD", 2, "New Zealand dollar"),
    ("PLN", 2, "Zloty"),
    ("SEK", 2, "Swedish krona"),
    ("SGD", 2, "Singapore dollar"),
    ("THB", 2, "Baht"),
    ("TND", 3, "Tunisian dinar"),
    ("TRY", 2, "Turkish lira"),
    ("TWD", 2, "New Taiwan dollar"),
    ("USD", 2, "US dollar"),
    ("VND", 0, "Dong"),
    ("ZAR", 2, "Rand"),
];

impl Currency {
    /// The currency with this code, if it is one of [`CURRENCIES`].
    #[must_use]
    pub fn new(code: &str) -> Option<Self> {
        let known = CURRENCIES.iter().any(|&(known, _, _)| known == code);
        known.then(|| code.as_bytes().try_into().ok().map(Self)).flatten()
    }

    /// The three letters.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("???")
    }

    /// How many decimals its minor unit stands for: 2 for EUR, 0 for JPY.
    #[must_use]
    pub fn exponent(&self) -> u8 {
        CURRENCIES.iter().find(|&&(code, _, _)| code == self.code()).map_or(2, |&(_, exponent, _)| exponent)
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::new(&code).ok_or_else(|| {
            de::Error::invalid_value(de::Unexpected::Str(&code), &"an ISO 4217 code listed at /v1/currencies")
        })
    }
}

impl Field for Currency {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(0xA3);
        out.extend_from_slice(&self.0);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
        Self::new(input.str()?).ok_or(RecordError::Invalid("an ISO 4217 code that this build knows"))
    }
}
