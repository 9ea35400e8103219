//! Stock items: `stock.reserve` requests of one unit, and the tool's own record of each item.

use vendue_domain::id::StockId;

use super::args::Encoding;
use super::message::{DIGITS, digits};

/// Length of a stock item's id in text.
pub const STOCK_TEXT: usize = 30;
/// How long a reservation lasts, in milliseconds: the longest that there is.
const TTL_MS: &str = "86400000";
/// Refusals that do not say whether the request was executed (protocol, section on errors).
const UNSURE: [&str; 5] = ["deadline_exceeded", "unavailable", "internal", "unknown", "timed_out"];

/// A request with holes.
#[derive(Debug, Clone)]
pub struct ReserveTemplate {
    bytes: Vec<u8>,
    id: usize,
    key: usize,
    stock: usize,
    encoding: Encoding,
}

impl ReserveTemplate {
    /// The request of this encoding.
    #[must_use]
    pub fn new(encoding: Encoding) -> Self {
        let mut bytes = Vec::with_capacity(200);
        let mut part = |text: &[u8], hole: usize| {
            bytes.extend_from_slice(text);
            let at = bytes.len();
            bytes.resize(at + hole, b'0');
            at
        };
        let (id, stock, key);
        match encoding {
            Encoding::Json => {
                id = part(b"{\"id\":", DIGITS);
                stock = part(b",\"method\":\"stock.reserve\",\"params\":{\"stock\":\"", STOCK_TEXT);
                key = part(format!("\",\"quantity\":1,\"ttl_ms\":{TTL_MS},\"key\":\"").as_bytes(), DIGITS);
                part(b"\"}}", 0);
            }
            Encoding::Msgpack => {
                // Maps of three and four; strings of up to 31 bytes are 0xA0 + length; 0xCF begins an unsigned number of 64 bits.
                id = part(b"\x83\xA2id\xCF", 8);
                stock = part(b"\xA6method\xADstock.reserve\xA6params\x84\xA5stock\xBE", STOCK_TEXT);
                part(b"\xA8quantity\x01\xA6ttl_ms\xCF", 0);
                part(&TTL_MS.parse::<u64>().unwrap_or_default().to_be_bytes(), 0);
                key = part(b"\xA3key\xAA", DIGITS);
            }
        }
        Self { bytes, id, key, stock, encoding }
    }

    /// Appends one request; its id's digits are the key, too.
    #[inline]
    pub fn write(&self, out: &mut Vec<u8>, id: u64, stock: &[u8; STOCK_TEXT]) {
        let start = out.len();
        out.extend_from_slice(&self.bytes);
        let message = &mut out[start..];
        let text = digits(id);
        message[self.key..self.key + DIGITS].copy_from_slice(&text);
        message[self.stock..self.stock + STOCK_TEXT].copy_from_slice(stock);
        match self.encoding {
            Encoding::Json => message[self.id..self.id + DIGITS].copy_from_slice(&text),
            Encoding::Msgpack => message[self.id..self.id + 8].copy_from_slice(&id.to_be_bytes()),
        }
    }
}

/// One item.
#[derive(Debug, Clone)]
pub struct Item {
    text: [u8; STOCK_TEXT],
    /// Units on hand at the beginning.
    on_hand: u64,
    reserved: u64,
    /// Requests whose fate is not known.
    unsure: u64,
}

/// All items of a run.
#[derive(Debug)]
pub struct Shelf {
    items: Vec<Item>,
    cursor: usize,
}

impl Shelf {
    /// These items, each with so many units.
    #[must_use]
    pub fn new(items: &[StockId], on_hand: u64) -> Self {
        let item = |id: &StockId| {
            let mut text = [0; STOCK_TEXT];
            text.copy_from_slice(id.to_string().as_bytes());
            Item { text, on_hand, reserved: 0, unsure: 0 }
        };
        Self { items: items.iter().map(item).collect(), cursor: 0 }
    }

    /// An item's id in text.
    #[must_use]
    pub fn text(&self, at: u32) -> &[u8; STOCK_TEXT] {
        &self.items[at as usize].text
    }

    /// All of them.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The next item: all in turn.
    #[inline]
    pub fn next_item(&mut self) -> u32 {
        let at = self.cursor;
        self.cursor = if at + 1 == self.items.len() { 0 } else { at + 1 };
        at as u32
    }

    /// A reply came: reserved, or refused with this code. Whether that cannot be: more was reserved than there is.
    #[inline]
    pub fn acknowledge(&mut self, at: u32, refused: Option<&str>) -> bool {
        let item = &mut self.items[at as usize];
        match refused {
            None => item.reserved += 1,
            Some(code) if UNSURE.contains(&code) => item.unsure += 1,
            Some(_) => {}
        }
        item.reserved > item.on_hand
    }

    /// Units that were acknowledged as reserved.
    #[must_use]
    pub fn reserved(&self) -> u64 {
        self.items.iter().map(|item| item.reserved).sum()
    }
}

impl Item {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> String {
        String::from_utf8_lossy(&self.text).into_owned()
    }

    /// What is wrong with an item that the market shows so.
    #[must_use]
    pub fn wrong(&self, on_hand: u64, reserved: u64, available: u64) -> Option<String> {
        let most = self.reserved + self.unsure;
        let is_right = (self.reserved..=most).contains(&reserved)
            && on_hand == self.on_hand
            && available.checked_add(reserved) == Some(on_hand);
        (!is_right).then(|| {
            format!(
                "{}: {on_hand} on hand, {reserved} reserved, {available} available; but {} were there, {} to {most} are reserved",
                self.id(),
                self.on_hand,
                self.reserved
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn reservations_are_what_the_protocol_says_in_both_encodings() {
        let stock = b"stk_01J9ZZZZZZZZZZZZZZZZZZZZZZ";
        let expected = json!({"id": 1_000_000_007, "method": "stock.reserve", "params": {
            "stock": std::str::from_utf8(stock).unwrap(), "quantity": 1, "ttl_ms": TTL_MS.parse::<u64>().unwrap(), "key": "1000000007"}});
        for encoding in [Encoding::Json, Encoding::Msgpack] {
            let mut out = Vec::new();
            ReserveTemplate::new(encoding).write(&mut out, 1_000_000_007, stock);
            let read: Value = match encoding {
                Encoding::Json => serde_json::from_slice(&out).unwrap(),
                Encoding::Msgpack => rmp_serde::from_slice(&out).unwrap(),
            };
            assert_eq!(read, expected);
        }
    }

    #[test]
    fn an_item_is_judged() {
        let mut shelf = Shelf::new(&[StockId::from_u128(1)], 3);
        let told = [None, Some("insufficient_stock"), None, Some("unavailable")];
        assert!(told.iter().all(|refused| !shelf.acknowledge(0, *refused)));
        let item = &shelf.items()[0];
        let check = |on_hand, reserved, available, right: bool| {
            assert_eq!(
                item.wrong(on_hand, reserved, available).is_none(),
                right,
                "{on_hand} {reserved} {available}"
            );
        };
        check(3, 2, 1, true);
        // The one whose fate is not known may have happened.
        check(3, 3, 0, true);
        check(3, 1, 2, false);
        check(3, 2, 2, false);
        check(4, 2, 2, false);
        assert!(!shelf.acknowledge(0, None));
        assert!(shelf.acknowledge(0, None), "four of three: oversold");
    }
}
