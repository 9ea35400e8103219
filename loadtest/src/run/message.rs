//! `lot.bid` requests from a template in which only id, key, lot and amount change; all of a fixed width.

use super::args::Encoding;

/// The first id: ten digits, so that every id is as wide.
pub const FIRST_ID: u64 = 1_000_000_000;
/// The start amount of every lot, in minor units: ten digits, as every amount above it.
pub const START_AMOUNT: u64 = 2_000_000_000;
/// An amount that every lot must reject.
pub const LOW_AMOUNT: u64 = 1_000_000_000;
/// Length of an id's or amount's digits.
pub(super) const DIGITS: usize = 10;
/// Length of a lot's id in text.
pub const LOT_TEXT: usize = 30;

/// What changes in a request.
#[derive(Debug, Clone, Copy)]
pub struct Bid<'a> {
    /// From [`FIRST_ID`], ten digits; its digits are the key, too: unique for the account.
    pub id: u64,
    /// The lot's id in text.
    pub lot: &'a [u8; LOT_TEXT],
    /// Ten digits.
    pub amount: u64,
}

/// A request with holes.
#[derive(Debug, Clone)]
pub struct Template {
    bytes: Vec<u8>,
    id: usize,
    key: usize,
    lot: usize,
    amount: usize,
    encoding: Encoding,
}

impl Template {
    /// The request of this encoding.
    #[must_use]
    pub fn new(encoding: Encoding) -> Self {
        let mut bytes = Vec::with_capacity(160);
        let mut part = |text: &[u8], hole: usize| {
            bytes.extend_from_slice(text);
            let at = bytes.len();
            bytes.resize(at + hole, b'0');
            at
        };
        let (id, lot, amount, key);
        match encoding {
            Encoding::Json => {
                id = part(b"{\"id\":", DIGITS);
                lot = part(b",\"method\":\"lot.bid\",\"params\":{\"lot\":\"", LOT_TEXT);
                amount = part(b"\",\"amount\":", DIGITS);
                key = part(b",\"key\":\"", DIGITS);
                part(b"\"}}", 0);
            }
            Encoding::Msgpack => {
                // Maps of three; strings of up to 31 bytes are 0xA0 + length; 0xCF begins an unsigned number of 64 bits.
                id = part(b"\x83\xA2id\xCF", 8);
                lot = part(b"\xA6method\xA7lot.bid\xA6params\x83\xA3lot\xBE", LOT_TEXT);
                amount = part(b"\xA6amount\xCF", 8);
                key = part(b"\xA3key\xAA", DIGITS);
            }
        }
        Self { bytes, id, key, lot, amount, encoding }
    }

    /// Appends one request.
    #[inline]
    pub fn write(&self, out: &mut Vec<u8>, bid: &Bid<'_>) {
        let start = out.len();
        out.extend_from_slice(&self.bytes);
        let message = &mut out[start..];
        let id = digits(bid.id);
        message[self.key..self.key + DIGITS].copy_from_slice(&id);
        message[self.lot..self.lot + LOT_TEXT].copy_from_slice(bid.lot);
        match self.encoding {
            Encoding::Json => {
                message[self.id..self.id + DIGITS].copy_from_slice(&id);
                message[self.amount..self.amount + DIGITS].copy_from_slice(&digits(bid.amount));
            }
            Encoding::Msgpack => {
                message[self.id..self.id + 8].copy_from_slice(&bid.id.to_be_bytes());
                message[self.amount..self.amount + 8].copy_from_slice(&bid.amount.to_be_bytes());
            }
        }
    }

    /// Appends what stands before `count` requests, where they are an array.
    pub fn open(&self, out: &mut Vec<u8>, count: usize) {
        match self.encoding {
            _ if count == 1 => {}
            Encoding::Json => out.push(b'['),
            Encoding::Msgpack => {
                let [high, low] = (count as u16).to_be_bytes();
                out.extend_from_slice(&[0xDC, high, low]);
            }
        }
    }

    /// Appends what stands between two requests.
    pub fn separate(&self, out: &mut Vec<u8>) {
        if self.encoding == Encoding::Json {
            out.push(b',');
        }
    }

    /// Appends what stands behind `count` requests.
    pub fn close(&self, out: &mut Vec<u8>, count: usize) {
        if count > 1 && self.encoding == Encoding::Json {
            out.push(b']');
        }
    }
}

/// The last ten digits of a number.
#[inline]
pub(super) fn digits(number: u64) -> [u8; DIGITS] {
    const PAIRS: &[u8; 200] = &{
        let mut pairs = [0; 200];
        let mut at = 0;
        while at < 100 {
            pairs[at * 2] = b'0' + (at / 10) as u8;
            pairs[at * 2 + 1] = b'0' + (at % 10) as u8;
            at += 1;
        }
        pairs
    };
    let mut text = [0; DIGITS];
    let mut rest = number;
    for pair in text.chunks_exact_mut(2).rev() {
        let at = (rest % 100) as usize * 2;
        pair.copy_from_slice(&PAIRS[at..at + 2]);
        rest /= 100;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn requests_are_what_the_protocol_says_in_both_encodings() {
        let lot = b"lot_01J9ZZZZZZZZZZZZZZZZZZZZZZ";
        let expected = |id: u64, amount: u64| {
            json!({"id": id, "method": "lot.bid",
                "params": {"lot": std::str::from_utf8(lot).unwrap(), "amount": amount, "key": id.to_string()}})
        };
        let check = |encoding, ids: &[u64]| {
            let template = Template::new(encoding);
            let mut out = Vec::new();
            template.open(&mut out, ids.len());
            for (at, &id) in ids.iter().enumerate() {
                if at > 0 {
                    template.separate(&mut out);
                }
                template.write(&mut out, &Bid { id, lot, amount: id + 7 });
            }
            template.close(&mut out, ids.len());
            let read: Value = match encoding {
                Encoding::Json => serde_json::from_slice(&out).unwrap(),
                Encoding::Msgpack => rmp_serde::from_slice(&out).unwrap(),
            };
            let all: Vec<_> = ids.iter().map(|&id| expected(id, id + 7)).collect();
            assert_eq!(read, if all.len() == 1 { all[0].clone() } else { Value::Array(all) });
        };
        for encoding in [Encoding::Json, Encoding::Msgpack] {
            check(encoding, &[FIRST_ID]);
            check(encoding, &[FIRST_ID, 9_876_543_210, 1_000_000_099]);
        }
    }
}
