//! Replies, looked at just enough: whose they are and whether they say yes. What does not look as a Vendue gateway writes it is
//! read whole by the usual library instead: slower, never wrong.

use memchr::memmem::Finder;
use serde_json::Value;

use super::args::Encoding;

/// What a reply says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said<'a> {
    /// `ok: true`; of an order, what it traded at once.
    Yes(Traded),
    /// `ok: false`, with the error's code.
    No(&'a str),
}

/// What a reply that says yes tells: of an order's trades, and the number it led to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traded {
    /// Units.
    pub filled: u64,
    /// Trades.
    pub trades: u64,
    /// The number of the channel that the command led to; 0 where it was not asked for.
    pub seq: u64,
}

/// Reads frames of replies.
#[derive(Debug)]
pub struct Scanner {
    encoding: Encoding,
    next: Finder<'static>,
    filled: Finder<'static>,
    trade: Finder<'static>,
    seq: Finder<'static>,
    /// Whether anybody wants to know the number.
    wants_seq: bool,
}

impl Scanner {
    /// For this encoding; `wants_seq`: replies shall tell the number that they led to.
    #[must_use]
    pub fn new(encoding: Encoding, wants_seq: bool) -> Self {
        Self {
            encoding,
            wants_seq,
            seq: Finder::new(SEQ),
            next: Finder::new(b"},{\""),
            filled: Finder::new(b"\"filled\":"),
            trade: Finder::new(TRADE),
        }
    }

    /// Tells each reply of a frame to `reply`; other messages (heartbeats, events) are passed over.
    ///
    /// # Errors
    /// A frame that is no message of the protocol.
    pub fn scan(&self, payload: &[u8], reply: &mut impl FnMut(u64, Said<'_>)) -> Result<(), String> {
        match self.encoding {
            Encoding::Json => self.json(payload, reply),
            Encoding::Msgpack => packed(payload, reply),
        }
    }

    fn json(&self, payload: &[u8], reply: &mut impl FnMut(u64, Said<'_>)) -> Result<(), String> {
        let mut rest = payload.strip_prefix(b"[").unwrap_or(payload);
        let mut seen = 0;
        loop {
            let Some((id, said)) = json_head(rest) else { return json_whole(payload, seen, reply) };
            let next = self.next_message(rest);
            reply(
                id,
                if said == Said::YES {
                    Said::Yes(self.traded(&rest[..next.unwrap_or(rest.len())]))
                } else {
                    said
                },
            );
            seen += 1;
            match next {
                Some(at) => rest = &rest[at..],
                None => return Ok(()),
            }
        }
    }

    /// Where the next message of the array begins. In a string this cannot stand: there a quote would have its backslash. An
    /// order's trades look like messages, and begin otherwise.
    fn next_message(&self, message: &[u8]) -> Option<usize> {
        let mut from = 0;
        loop {
            let at = from + self.next.find(&message[from..])? + 2;
            if !message[at..].starts_with(TRADE) {
                return Some(at);
            }
            from = at;
        }
    }

    /// What one reply that says yes tells of trades.
    fn traded(&self, message: &[u8]) -> Traded {
        let seq = if self.wants_seq {
            self.seq.find(message).map_or(0, |at| digits(&message[at + SEQ.len()..]))
        } else {
            0
        };
        let Some(at) = self.filled.find(message) else { return Traded { seq, ..Traded::default() } };
        let filled = digits(&message[at + b"\"filled\":".len()..]);
        let trades = if filled == 0 { 0 } else { self.trade.find_iter(message).count() as u64 };
        Traded { filled, trades, seq }
    }
}

/// What stands before a reply's number.
const SEQ: &[u8] = b"\"seq\":";

/// The number that a text begins with.
fn digits(text: &[u8]) -> u64 {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0_u64, |number, digit| number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')))
}

/// How each trade of an order's reply begins.
const TRADE: &[u8] = b"{\"price\":";

impl Said<'_> {
    /// Yes, and nothing of trades.
    pub const YES: Self = Said::Yes(Traded { filled: 0, trades: 0, seq: 0 });
}

/// A frame in which something looks unusual; the first `seen` replies were told already.
fn json_whole(payload: &[u8], seen: usize, reply: &mut impl FnMut(u64, Said<'_>)) -> Result<(), String> {
    let frame: Value =
        serde_json::from_slice(payload).map_err(|error| format!("a frame that is no JSON: {error}"))?;
    let messages = match &frame {
        Value::Array(messages) => messages.as_slice(),
        one => std::slice::from_ref(one),
    };
    messages
        .iter()
        .filter(|message| message["id"].is_u64())
        .skip(seen)
        .for_each(|message| told(message, reply));
    Ok(())
}

/// `{"id":7,"ok":true` or `{"id":7,"ok":false,"error":{"code":"..."`.
fn json_head(message: &[u8]) -> Option<(u64, Said<'_>)> {
    let mut rest = message.strip_prefix(b"{\"id\":")?;
    let mut id = 0_u64;
    while let [digit @ b'0'..=b'9', tail @ ..] = rest {
        id = id.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
        rest = tail;
    }
    let rest = rest.strip_prefix(b",\"ok\":")?;
    if rest.starts_with(b"true") {
        return Some((id, Said::YES));
    }
    let code = rest.strip_prefix(b"false,\"error\":{\"code\":\"")?;
    let end = memchr::memchr(b'"', code)?;
    std::str::from_utf8(&code[..end]).ok().map(|code| (id, Said::No(code)))
}

/// A message that was read whole.
fn told(message: &Value, reply: &mut impl FnMut(u64, Said<'_>)) {
    if let Some(id) = message["id"].as_u64() {
        let no = || Said::No(message["error"]["code"].as_str().unwrap_or("unknown"));
        let result = &message["result"];
        let filled = result["filled"].as_u64().unwrap_or_default();
        let trades = result["trades"].as_array().map_or(0, Vec::len) as u64;
        let seq = result["seq"].as_u64().unwrap_or_default();
        reply(id, if message["ok"] == true { Said::Yes(Traded { filled, trades, seq }) } else { no() });
    }
}

const TORN: &str = "a frame that is no MessagePack";

fn packed(payload: &[u8], reply: &mut impl FnMut(u64, Said<'_>)) -> Result<(), String> {
    let mut input = Packed(payload);
    let count = if matches!(payload.first(), Some(0x90..=0x9F | 0xDC | 0xDD)) {
        input.array().ok_or(TORN)?
    } else {
        1
    };
    for _ in 0..count {
        let (id, said) = input.message().ok_or(TORN)?;
        if let Some(id) = id {
            reply(id, said);
        }
    }
    Ok(())
}

/// A reader of MessagePack that skips what it is not asked for.
struct Packed<'a>(&'a [u8]);

impl<'a> Packed<'a> {
    #[inline]
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    #[inline]
    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|byte| byte[0])
    }

    #[inline]
    fn number(&mut self, bytes: usize) -> Option<u64> {
        Some(self.take(bytes)?.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    fn array(&mut self) -> Option<u64> {
        match self.byte()? {
            short @ 0x90..=0x9F => Some(u64::from(short & 0x0F)),
            0xDC => self.number(2),
            0xDD => self.number(4),
            _ => None,
        }
    }

    fn map(&mut self) -> Option<u64> {
        match self.byte()? {
            short @ 0x80..=0x8F => Some(u64::from(short & 0x0F)),
            0xDE => self.number(2),
            0xDF => self.number(4),
            _ => None,
        }
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let length = match self.byte()? {
            short @ 0xA0..=0xBF => u64::from(short & 0x1F),
            0xD9 => self.number(1)?,
            0xDA => self.number(2)?,
            0xDB => self.number(4)?,
            _ => return None,
        };
        self.take(usize::try_from(length).ok()?)
    }

    fn unsigned(&mut self) -> Option<u64> {
        match self.byte()? {
            small @ 0..=0x7F => Some(u64::from(small)),
            0xCC => self.number(1),
            0xCD => self.number(2),
            0xCE => self.number(4),
            0xCF => self.number(8),
            _ => None,
        }
    }

    /// One message: its id, where it has one, and what it says.
    fn message(&mut self) -> Option<(Option<u64>, Said<'a>)> {
        let (mut id, mut said, mut traded) = (None, Said::No("unknown"), Traded::default());
        for _ in 0..self.map()? {
            match self.text()? {
                b"id" if self.0.first() == Some(&0xC0) => self.skip()?,
                b"id" => id = Some(self.unsigned()?),
                b"ok" => {
                    if self.byte()? == 0xC3 {
                        said = Said::Yes(traded);
                    }
                }
                b"result" if matches!(self.0.first(), Some(0x80..=0x8F | 0xDE | 0xDF)) => {
                    traded = self.traded()?;
                    if let Said::Yes(already) = &mut said {
                        *already = traded;
                    }
                }
                b"error" if self.0.first() != Some(&0xC0) => said = Said::No(self.code()?),
                _ => self.skip()?,
            }
        }
        Some((id, said))
    }

    /// What a result tells of trades.
    fn traded(&mut self) -> Option<Traded> {
        let mut traded = Traded::default();
        for _ in 0..self.map()? {
            match self.text()? {
                b"filled" => traded.filled = self.unsigned()?,
                b"seq" => traded.seq = self.unsigned()?,
                b"trades" => {
                    traded.trades = self.array()?;
                    for _ in 0..traded.trades {
                        self.skip()?;
                    }
                }
                _ => self.skip()?,
            }
        }
        Some(traded)
    }

    /// The code of an error.
    fn code(&mut self) -> Option<&'a str> {
        let mut code = "unknown";
        for _ in 0..self.map()? {
            match self.text()? {
                b"code" => code = std::str::from_utf8(self.text()?).ok()?,
                _ => self.skip()?,
            }
        }
        Some(code)
    }

    /// Passes over one value, however deep.
    fn skip(&mut self) -> Option<()> {
        let mut values = 1_u64;
        while values > 0 {
            values -= 1;
            let (bytes, inner) = match self.byte()? {
                0..=0x7F | 0xC0..=0xC3 | 0xE0..=0xFF => (0, 0),
                map @ 0x80..=0x8F => (0, u64::from(map & 0x0F) * 2),
                array @ 0x90..=0x9F => (0, u64::from(array & 0x0F)),
                text @ 0xA0..=0xBF => (u64::from(text & 0x1F), 0),
                0xC4 | 0xD9 => (self.number(1)?, 0),
                0xC5 | 0xDA => (self.number(2)?, 0),
                0xC6 | 0xDB => (self.number(4)?, 0),
                0xC7 => (self.number(1)? + 1, 0),
                0xC8 => (self.number(2)? + 1, 0),
                0xC9 => (self.number(4)? + 1, 0),
                0xCC | 0xD0 => (1, 0),
                0xCD | 0xD1 => (2, 0),
                0xCA | 0xCE | 0xD2 => (4, 0),
                0xCB | 0xCF | 0xD3 => (8, 0),
                fixed @ 0xD4..=0xD8 => ((1 << (fixed - 0xD4)) + 1, 0),
                0xDC => (0, self.number(2)?),
                0xDD => (0, self.number(4)?),
                0xDE => (0, self.number(2)? * 2),
                0xDF => (0, self.number(4)? * 2),
            };
            self.take(usize::try_from(bytes).ok()?)?;
            values = values.checked_add(inner)?;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn scan(encoding: Encoding, payload: &[u8]) -> Result<Vec<(u64, Option<String>)>, String> {
        let mut replies = Vec::new();
        Scanner::new(encoding, true).scan(payload, &mut |id, said| {
            replies.push((id, if let Said::No(code) = said { Some(code.to_owned()) } else { None }));
        })?;
        Ok(replies)
    }

    fn yes(id: u64) -> Value {
        json!({"id": id, "ok": true, "result": {"bid": "bid_1", "status": "leading", "price": 2_000_000_000_u64,
            "min_next_amount": 5, "ends_at": null, "seq": 4, "replayed": false}, "t_in": 1, "t_out": 1_700_000_000_000_000_u64})
    }

    fn no(id: u64, code: &str) -> Value {
        json!({"id": id, "ok": false, "error": {"code": code, "message": "m", "temporary": false, "outcome": "rejected",
            "retry_after_ms": null, "details": {"min_next_amount": 5}}, "t_in": 1, "t_out": 2})
    }

    /// Messages as one frame, in both encodings, must be understood so; in JSON also as a gateway orders the fields.
    fn check(messages: &Value, expected: &[(u64, Option<&str>)]) {
        let expected: Vec<_> = expected.iter().map(|&(id, code)| (id, code.map(str::to_owned))).collect();
        let json = serde_json::to_vec(messages).unwrap();
        assert_eq!(scan(Encoding::Json, &json).unwrap(), expected, "{messages}");
        let packed = rmp_serde::to_vec_named(messages).unwrap();
        assert_eq!(scan(Encoding::Msgpack, &packed).unwrap(), expected, "{messages}");
    }

    #[test]
    fn replies_are_found_whatever_their_order_and_company() {
        let heartbeat = json!({"type": "heartbeat", "time": 5, "seqs": {"lot:lot_1": [1, 2]}});
        check(&yes(1_000_000_000), &[(1_000_000_000, None)]);
        check(&no(7, "bid_too_low"), &[(7, Some("bid_too_low"))]);
        check(
            &json!([yes(1), no(2, "lot_closed"), yes(3)]),
            &[(1, None), (2, Some("lot_closed")), (3, None)],
        );
        check(
            &json!([heartbeat, yes(1), heartbeat, no(2, "overloaded"), heartbeat]),
            &[(1, None), (2, Some("overloaded"))],
        );
        check(&heartbeat, &[]);
        check(&json!({"id": null, "ok": false, "error": {"code": "invalid_request"}}), &[]);
        check(&json!([]), &[]);
    }

    #[test]
    fn the_usual_shape_is_read_without_the_library() {
        let text = br#"[{"id":12,"ok":true,"result":{"bid":"bid_1","seq":1},"t_in":1,"t_out":2},{"id":13,"ok":false,"error":{"code":"bid_too_low","message":"x","details":{"min_next_amount":7}},"t_in":1,"t_out":2}]"#;
        assert_eq!(json_head(&text[1..]), Some((12, Said::YES)));
        assert_eq!(scan(Encoding::Json, text).unwrap(), [(12, None), (13, Some("bid_too_low".into()))]);
    }

    #[test]
    fn what_an_order_traded_is_read_in_both_encodings() {
        let order = |id: u64, trades: &[u64]| {
            let list: Vec<_> =
                trades.iter().map(|&quantity| json!({"price": 10_001, "quantity": quantity})).collect();
            json!({"id": id, "ok": true, "result": {"book_order": "bko_1", "filled": trades.iter().sum::<u64>(), "remaining": 0,
                "trades": list, "seq": 4, "replayed": false}, "t_in": 1, "t_out": 2})
        };
        let check = |frame: &[&[u64]]| {
            let messages: Value = frame.iter().zip(7..).map(|(trades, id)| order(id, trades)).collect();
            let expected: Vec<_> = frame
                .iter()
                .zip(7..)
                .map(|(trades, id)| (id, trades.iter().sum(), trades.len() as u64))
                .collect();
            for (encoding, bytes) in [
                (Encoding::Json, serde_json::to_vec(&messages).unwrap()),
                (Encoding::Msgpack, rmp_serde::to_vec_named(&messages).unwrap()),
            ] {
                let mut found: Vec<(u64, u64, u64)> = Vec::new();
                let told = Scanner::new(encoding, false).scan(&bytes, &mut |id, said| {
                    let Said::Yes(traded) = said else { panic!() };
                    found.push((id, traded.filled, traded.trades));
                });
                assert_eq!((told, &found), (Ok(()), &expected), "{messages}");
            }
        };
        check(&[&[]]);
        check(&[&[5]]);
        check(&[&[], &[1, 2, 300], &[4], &[]]);
        check(&[&[1, 2], &[3, 4]]);
    }

    #[test]
    fn what_is_no_message_is_an_error() {
        assert!(scan(Encoding::Json, b"hello").is_err());
        assert!(scan(Encoding::Msgpack, &[0x83, 0xA2]).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = scan(Encoding::Json, &bytes);
            let _ = scan(Encoding::Msgpack, &bytes);
        }
    }
}
