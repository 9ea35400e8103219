//! `book.place` requests from a template for each side, in which id, key, book, quantity, price and time in force change; all of
//! a fixed width.

use super::args::Encoding;
use super::message::{DIGITS, digits};

/// Length of a book's id in text.
pub const BOOK_TEXT: usize = 30;
/// Digits of every price.
const PRICE_DIGITS: usize = 5;
/// Length of `gtc` and `ioc`.
const FORCE: usize = 3;

/// An order that was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SentOrder {
    /// The book's index.
    pub book: u32,
    /// The limit, in minor units: five digits.
    pub price: u32,
    /// Units: one digit.
    pub quantity: u8,
    /// To sell, not to buy.
    pub sell: bool,
    /// It takes what it finds and does not rest (`ioc`).
    pub takes: bool,
}

/// A request with holes.
#[derive(Debug, Clone)]
struct Side {
    bytes: Vec<u8>,
    id: usize,
    key: usize,
    book: usize,
    quantity: usize,
    price: usize,
    force: usize,
}

/// The requests of one encoding.
#[derive(Debug, Clone)]
pub struct OrderTemplate {
    buy: Side,
    sell: Side,
    encoding: Encoding,
}

impl OrderTemplate {
    /// The requests of this encoding.
    #[must_use]
    pub fn new(encoding: Encoding) -> Self {
        Self { buy: Side::new(encoding, "buy"), sell: Side::new(encoding, "sell"), encoding }
    }

    /// Appends one request; its id's digits are the key, too.
    #[inline]
    pub fn write(&self, out: &mut Vec<u8>, id: u64, book: &[u8; BOOK_TEXT], order: &SentOrder) {
        let side = if order.sell { &self.sell } else { &self.buy };
        let start = out.len();
        out.extend_from_slice(&side.bytes);
        let message = &mut out[start..];
        let id_text = digits(id);
        message[side.key..side.key + DIGITS].copy_from_slice(&id_text);
        message[side.book..side.book + BOOK_TEXT].copy_from_slice(book);
        let force = if order.takes { b"ioc" } else { b"gtc" };
        message[side.force..side.force + FORCE].copy_from_slice(force);
        match self.encoding {
            Encoding::Json => {
                message[side.id..side.id + DIGITS].copy_from_slice(&id_text);
                message[side.quantity] = b'0' + order.quantity;
                let price = &digits(u64::from(order.price))[DIGITS - PRICE_DIGITS..];
                message[side.price..side.price + PRICE_DIGITS].copy_from_slice(price);
            }
            Encoding::Msgpack => {
                message[side.id..side.id + 8].copy_from_slice(&id.to_be_bytes());
                message[side.quantity] = order.quantity;
                message[side.price..side.price + 4].copy_from_slice(&order.price.to_be_bytes());
            }
        }
    }
}

impl Side {
    fn new(encoding: Encoding, name: &str) -> Self {
        let mut bytes = Vec::with_capacity(256);
        let mut part = |text: &[u8], hole: usize| {
            bytes.extend_from_slice(text);
            let at = bytes.len();
            bytes.resize(at + hole, b'0');
            at
        };
        let (id, book, quantity, price, force, key);
        match encoding {
            Encoding::Json => {
                id = part(b"{\"id\":", DIGITS);
                book = part(b",\"method\":\"book.place\",\"params\":{\"book\":\"", BOOK_TEXT);
                let side = format!("\",\"side\":\"{name}\",\"type\":\"limit\",\"quantity\":");
                quantity = part(side.as_bytes(), 1);
                price = part(b",\"price\":", PRICE_DIGITS);
                force = part(b",\"time_in_force\":\"", FORCE);
                key = part(b"\",\"key\":\"", DIGITS);
                part(b"\"}}", 0);
            }
            Encoding::Msgpack => {
                // Maps of three and seven; strings of up to 31 bytes are 0xA0 + length; 0xCF begins an unsigned number of 64
                // bits, 0xCE one of 32; one below 128 is its byte.
                id = part(b"\x83\xA2id\xCF", 8);
                book = part(b"\xA6method\xAAbook.place\xA6params\x87\xA4book\xBE", BOOK_TEXT);
                part(&[b"\xA4side", [0xA0 | name.len() as u8].as_slice(), name.as_bytes()].concat(), 0);
                quantity = part(b"\xA4type\xA5limit\xA8quantity", 1);
                price = part(b"\xA5price\xCE", 4);
                force = part(b"\xADtime_in_force\xA3", FORCE);
                key = part(b"\xA3key\xAA", DIGITS);
            }
        }
        Self { bytes, id, key, book, quantity, price, force }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn orders_are_what_the_protocol_says_in_both_encodings() {
        let book = b"bok_01J9ZZZZZZZZZZZZZZZZZZZZZZ";
        let check = |sell: bool, takes: bool, quantity: u8, price: u32| {
            let order = SentOrder { book: 0, price, quantity, sell, takes };
            let expected = json!({"id": 1_000_000_007, "method": "book.place", "params": {
                "book": std::str::from_utf8(book).unwrap(), "side": if sell { "sell" } else { "buy" }, "type": "limit",
                "quantity": quantity, "price": price, "time_in_force": if takes { "ioc" } else { "gtc" }, "key": "1000000007"}});
            for encoding in [Encoding::Json, Encoding::Msgpack] {
                let mut out = Vec::new();
                OrderTemplate::new(encoding).write(&mut out, 1_000_000_007, book, &order);
                let read: Value = match encoding {
                    Encoding::Json => serde_json::from_slice(&out).unwrap(),
                    Encoding::Msgpack => rmp_serde::from_slice(&out).unwrap(),
                };
                assert_eq!(read, expected);
            }
        };
        check(false, false, 1, 19_990);
        check(true, false, 5, 20_010);
        check(false, true, 3, 20_010);
        check(true, true, 4, 19_990);
    }
}
