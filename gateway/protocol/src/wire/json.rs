//! JSON by hand where it is hot: a cursor that walks over a text, and writers that append to a buffer.

use vendue_domain::id::{ID_TEXT_LEN, Id};

use crate::wire::limits::{ID_MAX, NESTING};

/// A place in a JSON text. Methods return `None` at anything unexpected; the caller then turns to a full parser.
#[derive(Debug, Clone, Copy)]
pub struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// At the beginning of a text.
    #[must_use]
    pub const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// What has not been read.
    #[must_use]
    pub fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// Takes one byte, after white space.
    #[inline]
    pub(crate) fn eat(&mut self, byte: u8) -> Option<()> {
        self.space();
        if self.peek() == Some(byte) {
            self.at += 1;
            return Some(());
        }
        None
    }

    /// Whether only white space is left.
    #[must_use]
    pub fn is_at_end(mut self) -> bool {
        self.space();
        self.at == self.text.len()
    }

    /// Enters an array.
    pub(crate) fn open_array(&mut self) -> bool {
        self.eat(b'[').is_some()
    }

    /// Takes the closing bracket if it stands here.
    pub(crate) fn close(&mut self, bracket: u8) -> bool {
        self.eat(bracket).is_some()
    }

    /// After an element: whether to go on: past a comma, or at anything that the next step will report.
    pub(crate) fn separator(&mut self, bracket: u8) -> bool {
        if self.eat(b',').is_some() {
            // A comma before the bracket is no JSON: leave it to be reported as a broken element.
            return true;
        }
        self.space();
        if self.peek() == Some(bracket) {
            return true;
        }
        false
    }

    /// A string without escapes, after white space.
    #[inline]
    pub(crate) fn plain_string(&mut self) -> Option<&'a str> {
        self.eat(b'"')?;
        let start = self.at;
        let bytes = self.text.as_bytes();
        loop {
            match *bytes.get(self.at)? {
                b'"' => break,
                b'\\' | 0..=0x1F => return None,
                _ => self.at += 1,
            }
        }
        let text = self.text.get(start..self.at);
        self.at += 1;
        text
    }

    /// An integer of at most 16 digits, without sign, fraction or exponent, after white space.
    #[inline]
    pub(crate) fn integer(&mut self) -> Option<u64> {
        self.space();
        let start = self.at;
        let mut value = 0_u64;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            self.at += 1;
        }
        let digits = self.at - start;
        let has_leading_zero = digits > 1 && self.text.as_bytes()[start] == b'0';
        if digits == 0 || digits > 16 || has_leading_zero {
            return None;
        }
        matches!(self.peek(), Some(b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t')).then_some(value)
    }

    /// `true` or `false`, after white space.
    pub(crate) fn boolean(&mut self) -> Option<bool> {
        self.space();
        for (text, value) in [("true", true), ("false", false)] {
            if self.rest().starts_with(text) {
                self.at += text.len();
                return Some(value);
            }
        }
        None
    }

    /// Passes over one value by its brackets and quotes alone, and gives its text; whoever parses it finds what is wrong
    /// inside.
    pub(crate) fn skip_value(&mut self) -> Option<&'a str> {
        self.space();
        let start = self.at;
        let mut depth = 0_u32;
        loop {
            match self.peek()? {
                b'{' | b'[' => {
                    depth += 1;
                    if depth > NESTING {
                        return None;
                    }
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                b'"' => self.skip_string()?,
                b',' if depth == 0 => return None,
                _ => self.at += 1,
            }
            let at_end = depth == 0
                && matches!(self.peek(), None | Some(b',' | b']' | b'}' | b' ' | b'\n' | b'\r' | b'\t'));
            if at_end {
                return self.text.get(start..self.at);
            }
        }
    }

    fn skip_string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(());
                }
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
    }

    /// The `id` of a broken message, where it stands before what is broken.
    #[must_use]
    pub(crate) fn salvage_id(mut self) -> Option<u64> {
        self.eat(b'{')?;
        loop {
            let name = self.plain_string()?;
            self.eat(b':')?;
            if name == "id" {
                return self.integer().filter(|&id| id <= ID_MAX);
            }
            self.skip_value()?;
            self.eat(b',')?;
        }
    }
}

/// Two digits each, `00` to `99`: numbers are written two digits at a time.
const DIGITS: &[u8; 200] = {
    let mut table = [0; 200];
    let mut number = 0;
    while number < 100 {
        table[number * 2] = b'0' + (number / 10) as u8;
        table[number * 2 + 1] = b'0' + (number % 10) as u8;
        number += 1;
    }
    &{ table }
};

/// Appends an unsigned integer in decimal.
#[inline]
pub fn write_u64(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    while value >= 100 {
        let pair = (value % 100) as usize * 2;
        value /= 100;
        at -= 2;
        digits[at..at + 2].copy_from_slice(&DIGITS[pair..pair + 2]);
    }
    if value >= 10 {
        let pair = value as usize * 2;
        at -= 2;
        digits[at..at + 2].copy_from_slice(&DIGITS[pair..pair + 2]);
    } else {
        at -= 1;
        digits[at] = b'0' + value as u8;
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends a signed integer in decimal.
#[inline]
pub fn write_i64(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    write_u64(out, value.unsigned_abs());
}

/// Appends an id in quotes: `"lot_01J9..."`.
#[inline]
pub fn write_id(out: &mut Vec<u8>, prefix: &str, id: Id) {
    let mut text = [0; ID_TEXT_LEN];
    id.encode_text(&mut text);
    out.push(b'"');
    out.extend_from_slice(prefix.as_bytes());
    out.push(b'_');
    out.extend_from_slice(&text);
    out.push(b'"');
}

/// Appends a text in quotes, escaped as JSON wants it.
pub fn write_str(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            0..=0x1F => b"",
            _ => continue,
        };
        out.extend_from_slice(&text.as_bytes()[from..at]);
        from = at + 1;
        if escape.is_empty() {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            out.extend_from_slice(b"\\u00");
            out.push(HEX[usize::from(byte >> 4)]);
            out.push(HEX[usize::from(byte & 15)]);
        } else {
            out.extend_from_slice(escape);
        }
    }
    out.extend_from_slice(&text.as_bytes()[from..]);
    out.push(b'"');
}

/// Appends whatever serde can write.
pub fn write_value(out: &mut Vec<u8>, value: &impl serde::Serialize) {
    // Writing to a Vec cannot fail, and nothing of ours has keys that are no texts.
    let _ = serde_json::to_writer(out, value);
}
