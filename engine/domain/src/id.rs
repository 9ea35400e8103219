//! Identities: 16 bytes inside, a prefix and 26 characters of Crockford base32 outside (`lot_01J9...`).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::record::{Field, Reader, RecordError};

/// Length of an id's text after its prefix: 26 characters of 5 bits hold 128 bits, the first one only 3 of them.
pub const ID_TEXT_LEN: usize = 26;

/// Number of partitions of all actors, pinned for ever: an id's slot decides which cell and shard own it.
pub const SLOTS: u16 = 4_096;

/// The 16 bytes of an identity without its kind.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Id(pub [u8; 16]);

/// As one number, not as bytes with their length before them: every command is looked up by ids several times.
impl std::hash::Hash for Id {
    #[inline]
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        state.write_u128(u128::from_ne_bytes(self.0));
    }
}

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const INVALID: u8 = 0xFF;

/// Crockford's decoding table: either case, and the look-alikes I, L (one) and O (zero).
const DECODE: [u8; 256] = {
    let mut table = [INVALID; 256];
    let mut i = 0;
    while i < 32 {
        let c = ALPHABET[i];
        table[c as usize] = i as u8;
        if c.is_ascii_uppercase() {
            table[c.to_ascii_lowercase() as usize] = i as u8;
        }
        i += 1;
    }
    table[b'I' as usize] = 1;
    table[b'i' as usize] = 1;
    table[b'L' as usize] = 1;
    table[b'l' as usize] = 1;
    table[b'O' as usize] = 0;
    table[b'o' as usize] = 0;
    table
};

impl Id {
    /// The id that names nothing; as a market it stands for the platform itself.
    pub const NIL: Self = Self([0; 16]);

    /// An id from a number, big-endian, so that ids sort like numbers.
    #[must_use]
    pub const fn from_u128(value: u128) -> Self {
        Self(value.to_be_bytes())
    }

    /// The id as a number.
    #[must_use]
    pub const fn as_u128(self) -> u128 {
        u128::from_be_bytes(self.0)
    }

    /// The partition of this id: `XXH3-64(id) mod 4096`.
    #[must_use]
    pub fn slot(self) -> u16 {
        (xxhash_rust::xxh3::xxh3_64(&self.0) % u64::from(SLOTS)) as u16
    }

    /// Writes the 26 characters of this id into `out`.
    pub fn encode_text(self, out: &mut [u8; ID_TEXT_LEN]) {
        let mut value = self.as_u128();
        for place in out.iter_mut().rev() {
            *place = ALPHABET[(value & 31) as usize];
            value >>= 5;
        }
    }

    /// Reads 26 characters; `None` where the length, a character or the value (over 128 bits) is wrong.
    #[must_use]
    pub fn decode_text(text: &[u8]) -> Option<Self> {
        if text.len() != ID_TEXT_LEN || DECODE[text[0] as usize] > 7 {
            return None;
        }
        let mut value = 0_u128;
        let mut bad = 0_u8;
        for &c in text {
            let digit = DECODE[c as usize];
            bad |= digit & 0x80;
            value = (value << 5) | u128::from(digit & 31);
        }
        (bad == 0).then(|| Self::from_u128(value))
    }
}

/// By the bytes, as numbers: the sorted lists of actors look ids up on hot paths, where a call to compare bytes shows.
impl Ord for Id {
    #[inline]
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_u128().cmp(&other.as_u128())
    }
}

impl PartialOrd for Id {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; ID_TEXT_LEN];
        self.encode_text(&mut text);
        f.write_str(std::str::from_utf8(&text).unwrap_or("?"))
    }
}

impl Field for Id {
    fn encode(&self, out: &mut Vec<u8>) {
        crate::record::write_16(out, self.0);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
        let bytes = input.bin()?;
        bytes.try_into().map(Self).map_err(|_| RecordError::Invalid("an id has 16 bytes"))
    }
}

/// Why a text is not an id of the kind that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdError {
    /// The prefix that was expected, `lot` say.
    pub expected: &'static str,
}

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected an id of the form {}_ and 26 characters of Crockford base32", self.expected)
    }
}

impl std::error::Error for IdError {}

/// Defines the typed ids, one line each: name, prefix, what it names.
macro_rules! typed_ids {
    ($($name:ident, $prefix:literal, $doc:literal;)+) => {$(
        #[doc = $doc]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub Id);

        impl $name {
            /// What the text of such an id begins with, before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// An id from a number.
            #[must_use]
            pub const fn from_u128(value: u128) -> Self {
                Self(Id::from_u128(value))
            }

            /// The partition that owns what this id names.
            #[must_use]
            pub fn slot(self) -> u16 {
                self.0.slot()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut text = [0; ID_TEXT_LEN];
                self.0.encode_text(&mut text);
                f.write_str(concat!($prefix, "_"))?;
                f.write_str(std::str::from_utf8(&text).unwrap_or("?"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(|rest| Id::decode_text(rest.as_bytes()))
                    .map(Self)
                    .ok_or(IdError { expected: $prefix })
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "pattern": concat!("^", $prefix, "_[0-7][0-9A-HJKMNP-TV-Z]{25}$"),
                    "description": $doc
                })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut text = [b'_'; $prefix.len() + 1 + ID_TEXT_LEN];
                text[..$prefix.len()].copy_from_slice($prefix.as_bytes());
                let mut digits = [0; ID_TEXT_LEN];
                self.0.encode_text(&mut digits);
                text[$prefix.len() + 1..].copy_from_slice(&digits);
                serializer.serialize_str(std::str::from_utf8(&text).unwrap_or("?"))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl de::Visitor<'_> for Text {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str(concat!("an id of the form ", $prefix, "_ and 26 characters of Crockford base32"))
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }

        impl Field for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                self.0.encode(out);
            }
            fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
                Id::decode(input).map(Self)
            }
        }
    )+};
}

typed_ids! {
    MarketId, "mkt", "A venue with its own currency, rules, fees and operator.";
    AccountId, "acc", "A party: bidder, seller, operator, auditor.";
    SaleId, "sal", "A catalogue of numbered lots sold together.";
    LotId, "lot", "What one auction sells.";
    StockId, "stk", "A quantity for sale at a fixed price.";
    ReservationId, "rsv", "Stock set aside for an account.";
    BidId, "bid", "One accepted bid.";
    BookId, "bok", "An order book.";
    BookOrderId, "bko", "An order in a book.";
    OrderId, "ord", "A purchase by an account.";
    HoldId, "hld", "Money or goods of an account set aside.";
    EntryId, "ent", "One entry of a ledger; the two entries of a transfer share it.";
}

impl MarketId {
    /// The platform itself: a grant in it holds in every market.
    pub const PLATFORM: Self = Self(Id::NIL);
}

impl AccountId {
    /// The account that exists from the first start: operator of the platform. `vendue token --operator` names it.
    pub const HOUSE: Self = Self::from_u128(1);
}
