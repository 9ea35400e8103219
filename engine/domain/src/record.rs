//! The bytes of everything that is kept: MessagePack maps with small integer keys.
//!
//! Each record's keys stand in one table, its definition (`record!`), and are never reused. A key that a reader does
//! not know is skipped; a variant that it does not know stops it (an older build must not replay what it would
//! misunderstand). A field that is absent takes its type's absent value (`None`, an empty list, `false`); where there is
//! none, the record is refused. The link uses the same encoding, so a command is encoded once and hashed as it is.

use smallvec::SmallVec;
use std::fmt;
use std::sync::Arc;

/// How deep an unknown value may nest before [`Reader::skip`] refuses it: deeper than any record of ours.
const SKIP_DEPTH_MAX: u32 = 32;

/// Why bytes are not the record that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordError {
    /// The bytes end in the middle of a value.
    Truncated,
    /// A value of another type than the record's table says.
    Type,
    /// A required key is missing: its number.
    Missing(u32),
    /// A variant that this build does not know: its number. Written by a newer build.
    UnknownVariant(u32),
    /// The value breaks a rule of its type.
    Invalid(&'static str),
    /// More bytes than one record.
    Trailing,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the record ends in the middle of a value"),
            Self::Type => f.write_str("a value has another type than expected"),
            Self::Missing(key) => write!(f, "required key {key} is missing"),
            Self::UnknownVariant(variant) => {
                write!(f, "variant {variant} is not known to this build: it was written by a newer one")
            }
            Self::Invalid(rule) => write!(f, "invalid value: {rule}"),
            Self::Trailing => f.write_str("bytes follow the record"),
        }
    }
}

impl std::error::Error for RecordError {}

/// Reads MessagePack values off the front of a slice.
#[derive(Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What has not been read.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether everything has been read.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Takes `len` raw bytes.
    ///
    /// # Errors
    /// `Truncated` where there are fewer.
    #[inline]
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], RecordError> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(RecordError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    fn byte(&mut self) -> Result<u8, RecordError> {
        let (&first, rest) = self.rest.split_first().ok_or(RecordError::Truncated)?;
        self.rest = rest;
        Ok(first)
    }

    #[inline]
    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(RecordError::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// An unsigned integer of any width.
    ///
    /// # Errors
    /// `Type` for anything else, `Truncated`.
    #[inline]
    pub fn uint(&mut self) -> Result<u64, RecordError> {
        Ok(match self.byte()? {
            small @ 0..=0x7F => u64::from(small),
            0xCC => u64::from(self.byte()?),
            0xCD => u64::from(u16::from_be_bytes(self.fixed()?)),
            0xCE => u64::from(u32::from_be_bytes(self.fixed()?)),
            0xCF => u64::from_be_bytes(self.fixed()?),
            _ => return Err(RecordError::Type),
        })
    }

    /// A signed integer of any width.
    ///
    /// # Errors
    /// `Type` for anything else or past 64 signed bits, `Truncated`.
    #[inline]
    pub fn int(&mut self) -> Result<i64, RecordError> {
        let first = *self.rest.first().ok_or(RecordError::Truncated)?;
        if matches!(first, 0..=0x7F | 0xCC..=0xCF) {
            return i64::try_from(self.uint()?).map_err(|_| RecordError::Type);
        }
        self.byte()?;
        Ok(match first {
            negative @ 0xE0..=0xFF => i64::from(negative as i8),
            0xD0 => i64::from(self.byte()? as i8),
            0xD1 => i64::from(i16::from_be_bytes(self.fixed()?)),
            0xD2 => i64::from(i32::from_be_bytes(self.fixed()?)),
            0xD3 => i64::from_be_bytes(self.fixed()?),
            _ => return Err(RecordError::Type),
        })
    }

    /// The number of entries of a map.
    ///
    /// # Errors
    /// `Type` for anything else, `Truncated`.
    #[inline]
    pub fn map(&mut self) -> Result<u32, RecordError> {
        Ok(match self.byte()? {
            small @ 0x80..=0x8F => u32::from(small & 15),
            0xDE => u32::from(u16::from_be_bytes(self.fixed()?)),
            0xDF => u32::from_be_bytes(self.fixed()?),
            _ => return Err(RecordError::Type),
        })
    }

    /// The number of items of an array.
    ///
    /// # Errors
    /// `Type` for anything else, `Truncated`.
    #[inline]
    pub fn array(&mut self) -> Result<u32, RecordError> {
        Ok(match self.byte()? {
            small @ 0x90..=0x9F => u32::from(small & 15),
            0xDC => u32::from(u16::from_be_bytes(self.fixed()?)),
            0xDD => u32::from_be_bytes(self.fixed()?),
            _ => return Err(RecordError::Type),
        })
    }

    /// A byte string.
    ///
    /// # Errors
    /// `Type` for anything else, `Truncated`.
    #[inline]
    pub fn bin(&mut self) -> Result<&'a [u8], RecordError> {
        let len = match self.byte()? {
            0xC4 => u32::from(self.byte()?),
            0xC5 => u32::from(u16::from_be_bytes(self.fixed()?)),
            0xC6 => u32::from_be_bytes(self.fixed()?),
            _ => return Err(RecordError::Type),
        };
        self.take(len as usize)
    }

    /// A text.
    ///
    /// # Errors
    /// `Type` for anything else, `Invalid` where it is not UTF-8, `Truncated`.
    pub fn str(&mut self) -> Result<&'a str, RecordError> {
        let len = match self.byte()? {
            small @ 0xA0..=0xBF => u32::from(small & 31),
            0xD9 => u32::from(self.byte()?),
            0xDA => u32::from(u16::from_be_bytes(self.fixed()?)),
            0xDB => u32::from_be_bytes(self.fixed()?),
            _ => return Err(RecordError::Type),
        };
        std::str::from_utf8(self.take(len as usize)?).map_err(|_| RecordError::Invalid("a text is UTF-8"))
    }

    /// Passes over one value of any type.
    ///
    /// # Errors
    /// `Type` for a byte that begins no value or for values nested too deep, `Truncated`.
    pub fn skip(&mut self) -> Result<(), RecordError> {
        self.skip_nested(SKIP_DEPTH_MAX)
    }

    fn skip_nested(&mut self, depth: u32) -> Result<(), RecordError> {
        let depth = depth.checked_sub(1).ok_or(RecordError::Type)?;
        let first = *self.rest.first().ok_or(RecordError::Truncated)?;
        match first {
            0x80..=0x8F | 0xDE | 0xDF => {
                for _ in 0..self.map()? {
                    self.skip_nested(depth)?;
                    self.skip_nested(depth)?;
                }
            }
            0x90..=0x9F | 0xDC | 0xDD => {
                for _ in 0..self.array()? {
                    self.skip_nested(depth)?;
                }
            }
            0xC4..=0xC6 => drop(self.bin()?),
            0xA0..=0xBF | 0xD9..=0xDB => drop(self.str()?),
            0x00..=0x7F | 0xE0..=0xFF | 0xC0 | 0xC2 | 0xC3 => drop(self.byte()?),
            0xCC | 0xD0 => drop(self.take(2)?),
            0xCD | 0xD1 => drop(self.take(3)?),
            0xCA | 0xCE | 0xD2 => drop(self.take(5)?),
            0xCB | 0xCF | 0xD3 => drop(self.take(9)?),
            _ => return Err(RecordError::Type),
        }
        Ok(())
    }
}

/// A value that can stand in a record.
pub trait Field: Sized {
    /// Whether this value is left out of its record (its key does not appear).
    fn is_absent(&self) -> bool {
        false
    }

    /// What a missing key stands for; `None` where the key is required.
    #[must_use]
    fn absent() -> Option<Self> {
        None
    }

    /// Appends this value's bytes.
    fn encode(&self, out: &mut Vec<u8>);

    /// Reads a value.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError>;

    /// Reads exactly one value.
    ///
    /// # Errors
    /// As `decode`, and `Trailing` where bytes follow.
    fn from_bytes(bytes: &[u8]) -> Result<Self, RecordError> {
        let mut input = Reader::new(bytes);
        let value = Self::decode(&mut input)?;
        if input.is_empty() { Ok(value) } else { Err(RecordError::Trailing) }
    }

    /// This value's bytes.
    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }
}

/// Writes an unsigned integer in its shortest form.
#[inline]
pub fn write_uint(out: &mut Vec<u8>, value: u64) {
    // One copy of a known length each: this is the innermost step of every record.
    if value < 0x80 {
        // Most are keys and small numbers: their own byte.
        out.push(value as u8);
    } else if value <= u64::from(u8::MAX) {
        out.extend_from_slice(&[0xCC, value as u8]);
    } else if value <= u64::from(u16::MAX) {
        out.extend_from_slice(&headed::<2, 3>(0xCD, (value as u16).to_be_bytes()));
    } else if value <= u64::from(u32::MAX) {
        out.extend_from_slice(&headed::<4, 5>(0xCE, (value as u32).to_be_bytes()));
    } else {
        out.extend_from_slice(&headed::<8, 9>(0xCF, value.to_be_bytes()));
    }
}

/// A marker and its `N` bytes, `M` in all.
#[inline]
const fn headed<const N: usize, const M: usize>(marker: u8, bytes: [u8; N]) -> [u8; M] {
    let mut out = [0; M];
    out[0] = marker;
    let mut at = 0;
    while at < N {
        out[at + 1] = bytes[at];
        at += 1;
    }
    out
}

/// Writes 16 bytes as a byte string: an id, a hash.
#[inline]
pub(crate) fn write_16(out: &mut Vec<u8>, bytes: [u8; 16]) {
    let mut all = [0; 18];
    all[0] = 0xC4;
    all[1] = 16;
    all[2..].copy_from_slice(&bytes);
    out.extend_from_slice(&all);
}

/// Writes the head of a map.
#[inline]
pub fn write_map(out: &mut Vec<u8>, entries: u32) {
    if entries < 16 {
        out.push(0x80 | entries as u8);
    } else {
        let _ = rmp::encode::write_map_len(out, entries);
    }
}

/// Writes the head of an array.
#[inline]
pub fn write_array(out: &mut Vec<u8>, items: u32) {
    if items < 16 {
        out.push(0x90 | items as u8);
    } else {
        let _ = rmp::encode::write_array_len(out, items);
    }
}

/// Writes a byte string.
#[inline]
pub fn write_bin(out: &mut Vec<u8>, bytes: &[u8]) {
    let _ = rmp::encode::write_bin(out, bytes);
}

/// Writes a text.
#[inline]
pub fn write_str(out: &mut Vec<u8>, text: &str) {
    let _ = rmp::encode::write_str(out, text);
}

macro_rules! unsigned_fields {
    ($($type:ty),+) => {$(
        impl Field for $type {
            #[inline]
            fn encode(&self, out: &mut Vec<u8>) {
                write_uint(out, u64::from(*self));
            }
            #[inline]
            fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
                Self::try_from(input.uint()?).map_err(|_| RecordError::Type)
            }
        }
    )+};
}

unsigned_fields!(u8, u16, u32, u64);

impl Field for i64 {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        match u64::try_from(*self) {
            Ok(value) => write_uint(out, value),
            // Writing to a Vec cannot fail.
            Err(_) => drop(rmp::encode::write_sint(out, *self)),
        }
    }

    #[inline]
    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
        input.int()
    }
}

impl Field for u128 {
    fn encode(&self, out: &mut Vec<u8>) {
        write_16(out, self.to_be_bytes());
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
        let bytes = input.bin()?.try_into().map_err(|_| RecordError::Invalid("16 bytes"))?;
        Ok(Self::from_be_bytes(bytes))
    }
}

impl Field for bool {
    fn is_absent(&self) -> bool {
        !*self
    }

    fn absent() -> Option<Self> {
        Some(false)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.push(if *self { 0xC3 } else { 0xC2 });
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
        match input.byte()? {
            0xC2 => Ok(false),
            0xC3 => Ok(true),
            _ => Err(RecordError::Type),
        }
    }
}

impl Field for String {
    fn is_absent(&self) -> bool {
        self.is_empty()
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }

    fn encode(&self, out: &mut Vec<u8>) {
        write_str(out, self);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
        input.str().map(str::to_owned)
    }
}

impl Field for () {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(0xC0);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
        if input.byte()? == 0xC0 { Ok(()) } else { Err(RecordError::Type) }
    }
}

impl<T: Field> Field for Option<T> {
    fn is_absent(&self) -> bool {
        self.is_none()
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Some(value) => value.encode(out),
            None => out.push(0xC0),
        }
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
        if input.rest().first() == Some(&0xC0) {
            input.byte()?;
            return Ok(None);
        }
        T::decode(input).map(Some)
    }
}

impl<T: Field> Field for Vec<T> {
    fn is_absent(&self) -> bool {
        self.is_empty()
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }

    fn encode(&self, out: &mut Vec<u8>) {
        write_array(out, self.len() as u32);
        for item in self {
            item.encode(out);
        }
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
        let len = input.array()?;
        // Not `with_capacity(len)`: a damaged length must not allocate what the bytes cannot hold.
        let mut items = Self::with_capacity((len as usize).min(input.rest().len()));
        for _ in 0..len {
            items.push(T::decode(input)?);
        }
        Ok(items)
    }
}

/// As a [`Vec`]: the first item is held inline.
impl<T: Field> Field for SmallVec<[T; 1]> {
    fn is_absent(&self) -> bool {
        self.is_empty()
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }

    fn encode(&self, out: &mut Vec<u8>) {
        write_array(out, self.len() as u32);
        for item in self {
            item.encode(out);
        }
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
        let len = input.array()?;
        let mut items = Self::new();
        for _ in 0..len {
            items.push(T::decode(input)?);
        }
        Ok(items)
    }
}

/// A byte string, sealed personal data say. Its Debug shows only its length.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Bytes(pub Vec<u8>);

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl Field for Bytes {
    fn is_absent(&self) -> bool {
        self.0.is_empty()
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn encode(&self, out: &mut Vec<u8>) {
        write_bin(out, &self.0);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
        input.bin().map(|bytes| Self(bytes.to_vec()))
    }
}

macro_rules! wrapped_fields {
    ($($wrapper:ident),+) => {$(
        impl<T: Field> Field for $wrapper<T> {
            fn is_absent(&self) -> bool {
                (**self).is_absent()
            }
            fn absent() -> Option<Self> {
                T::absent().map(Self::new)
            }
            fn encode(&self, out: &mut Vec<u8>) {
                (**self).encode(out);
            }
            fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
                T::decode(input).map(Self::new)
            }
        }
    )+};
}

wrapped_fields!(Box, Arc);

impl<A: Field, B: Field> Field for (A, B) {
    fn encode(&self, out: &mut Vec<u8>) {
        write_array(out, 2);
        self.0.encode(out);
        self.1.encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
        if input.array()? != 2 {
            return Err(RecordError::Type);
        }
        Ok((A::decode(input)?, B::decode(input)?))
    }
}

/// Defines a struct together with its table of keys: `1 => pub amount: Amount,`.
///
/// A field whose name says all needs no comment.
#[macro_export]
macro_rules! record {
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $( $(#[$field_meta:meta])* $key:literal => $field_vis:vis $field:ident : $type:ty ),* $(,)? }) => {
        $(#[$meta])*
        #[allow(missing_docs)]
        $vis struct $name { $( $(#[$field_meta])* $field_vis $field: $type, )* }

        impl $crate::record::Field for $name {
            #[inline]
            fn encode(&self, out: &mut Vec<u8>) {
                #[allow(unused_imports)]
                use $crate::record::Field as _;
                let present = 0_u32 $( + u32::from(!self.$field.is_absent()) )*;
                $crate::record::write_map(out, present);
                $( if !self.$field.is_absent() {
                    $crate::record::write_uint(out, $key);
                    self.$field.encode(out);
                } )*
            }

            #[inline]
            fn decode(input: &mut $crate::record::Reader<'_>) -> Result<Self, $crate::record::RecordError> {
                $( let mut $field: Option<$type> = None; )*
                for _ in 0..input.map()? {
                    match input.uint()? {
                        $( $key => $field = Some(<$type as $crate::record::Field>::decode(input)?), )*
                        _ => input.skip()?,
                    }
                }
                Ok(Self { $( $field: match $field {
                    Some(value) => value,
                    None => <$type as $crate::record::Field>::absent().ok_or($crate::record::RecordError::Missing($key))?,
                }, )* })
            }
        }
    };
}

/// Defines an enum together with its table of variants: `1 => BidPlaced(BidPlaced),` or, without content, `2 => Opened,`.
///
/// A variant with content is a map of one entry, one without is its number alone.
#[macro_export]
macro_rules! variants {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $( $(#[$variant_meta:meta])* $key:literal => $variant:ident $( ( $type:ty ) )? ),* $(,)? }) => {
        $(#[$meta])*
        #[allow(missing_docs)]
        $vis enum $name { $( $(#[$variant_meta])* $variant $( ($type) )?, )* }

        #[allow(dead_code, unreachable_pub)]
        impl $name {
            /// The number and name of each variant, in the order of their declaration: what a test of all of them goes by.
            pub const VARIANTS: &'static [(u64, &'static str)] = &[ $( ($key, stringify!($variant)), )* ];
        }

        impl $crate::record::Field for $name {
            #[inline]
            fn encode(&self, out: &mut Vec<u8>) {
                match self {
                    $( $crate::variants!(@pattern $name $variant $( value $type )?) => {
                        $crate::variants!(@encode out $key $( value $type )?);
                    } )*
                }
            }

            #[inline]
            fn decode(input: &mut $crate::record::Reader<'_>) -> Result<Self, $crate::record::RecordError> {
                let has_content = matches!(input.rest().first(), Some(0x80..=0x8F));
                if has_content && input.map()? != 1 {
                    return Err($crate::record::RecordError::Type);
                }
                let variant = input.uint()?;
                match variant {
                    $( $key => $crate::variants!(@decode input has_content $name $variant $( $type )?), )*
                    _ => Err($crate::record::RecordError::UnknownVariant(variant.min(u64::from(u32::MAX)) as u32)),
                }
            }
        }
    };
    (@pattern $name:ident $variant:ident $value:ident $type:ty) => { $name::$variant($value) };
    (@pattern $name:ident $variant:ident) => { $name::$variant };
    (@encode $out:ident $key:literal $value:ident $type:ty) => {
        $crate::record::write_map($out, 1);
        $crate::record::write_uint($out, $key);
        $crate::record::Field::encode($value, $out);
    };
    (@encode $out:ident $key:literal) => { $crate::record::write_uint($out, $key); };
    (@decode $input:ident $has:ident $name:ident $variant:ident $type:ty) => {
        if $has {
            Ok($name::$variant(<$type as $crate::record::Field>::decode($input)?))
        } else {
            Err($crate::record::RecordError::Type)
        }
    };
    (@decode $input:ident $has:ident $name:ident $variant:ident) => {
        if $has { Err($crate::record::RecordError::Type) } else { Ok($name::$variant) }
    };
}

#[cfg(test)]
mod tests;
