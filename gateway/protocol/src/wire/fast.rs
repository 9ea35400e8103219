//! `lot.bid` by hand: the request that decides the throughput. These readers take the usual shape only, without
//! allocating, and answer `None` to anything else; the general reader then decides. A property test holds the two together.

use std::borrow::Cow;

use vendue_domain::actor::Command;
use vendue_domain::amount::Amount;
use vendue_domain::command::Common;
use vendue_domain::id::{Id, LotId};
use vendue_domain::lot::{LotCommand, PlaceBid};

use crate::wire::envelope::Request;
use crate::wire::json::Cursor;
use crate::wire::limits::{ID_MAX, KEY_CHARS};
use crate::wire::method::{Call, METHODS, METHODS_TABLE, Method};

const NAME: &str = "lot.bid";

/// The method's place in the table, found when this is compiled.
const METHOD: usize = {
    let mut at = 0;
    while !is_bid(METHODS_TABLE[at].name) {
        at += 1;
    }
    at
};

const fn is_bid(name: &str) -> bool {
    let (name, bid) = (name.as_bytes(), NAME.as_bytes());
    let mut same = name.len() == bid.len();
    let mut at = 0;
    while same && at < bid.len() {
        same = name[at] == bid[at];
        at += 1;
    }
    same
}

fn method() -> &'static Method {
    &METHODS[METHOD]
}

/// What has been read of a bid so far. Each place is filled once: a second value for it is not the usual shape.
#[derive(Default)]
struct Parts<'a> {
    id: Option<u64>,
    is_bid: bool,
    lot: Option<LotId>,
    amount: Option<Amount>,
    key: Option<&'a str>,
    deadline_ms: Option<u64>,
    quantity: Option<u64>,
    all_or_none: Option<bool>,
    if_seq: Option<u64>,
    validate_only: Option<bool>,
}

#[inline]
fn fill<T>(place: &mut Option<T>, value: T) -> Option<()> {
    if place.is_some() {
        return None;
    }
    *place = Some(value);
    Some(())
}

#[inline]
fn lot_id(text: &[u8]) -> Option<LotId> {
    Id::decode_text(text.strip_prefix(b"lot_")?).map(LotId)
}

impl<'a> Parts<'a> {
    /// A key whose bytes are few enough that its characters are too.
    #[inline]
    fn key(&mut self, key: &'a str) -> Option<()> {
        if key.is_empty() || key.len() > KEY_CHARS {
            return None;
        }
        fill(&mut self.key, key)
    }

    #[inline]
    fn into_request(self) -> Option<Request<'a>> {
        if !self.is_bid {
            return None;
        }
        let bid = PlaceBid {
            lot: self.lot?,
            amount: self.amount?,
            quantity: self.quantity,
            all_or_none: self.all_or_none,
            if_seq: self.if_seq,
            validate_only: self.validate_only,
            stay_until: None,
            package: None,
        };
        Some(Request {
            id: self.id.filter(|&id| id <= ID_MAX)?,
            method: method(),
            common: Common {
                key: Some(Cow::Borrowed(self.key?)),
                deadline_ms: self.deadline_ms,
                currency: None,
            },
            call: Call::Command(Command::Lot(LotCommand::Bid(bid))),
        })
    }
}

/// A frame that is one bid and nothing else.
pub(crate) fn bid_json_whole(mut cursor: Cursor<'_>) -> Option<Request<'_>> {
    let request = bid_json(&mut cursor)?;
    cursor.is_at_end().then_some(request)
}

/// A bid at the cursor, which then stands behind it.
pub(crate) fn bid_json<'a>(cursor: &mut Cursor<'a>) -> Option<Request<'a>> {
    let mut parts = Parts::default();
    cursor.eat(b'{')?;
    loop {
        let name = cursor.plain_string()?;
        cursor.eat(b':')?;
        match name {
            "id" => fill(&mut parts.id, cursor.integer()?)?,
            "method" => {
                if parts.is_bid || cursor.plain_string()? != NAME {
                    return None;
                }
                parts.is_bid = true;
            }
            "params" => bid_params_json(cursor, &mut parts)?,
            _ => return None,
        }
        if cursor.eat(b',').is_none() {
            break;
        }
    }
    cursor.eat(b'}')?;
    parts.into_request()
}

fn bid_params_json<'a>(cursor: &mut Cursor<'a>, parts: &mut Parts<'a>) -> Option<()> {
    cursor.eat(b'{')?;
    loop {
        let name = cursor.plain_string()?;
        cursor.eat(b':')?;
        match name {
            "lot" => fill(&mut parts.lot, lot_id(cursor.plain_string()?.as_bytes())?)?,
            "amount" => fill(&mut parts.amount, Amount::new(cursor.integer()?)?)?,
            "key" => parts.key(cursor.plain_string()?)?,
            "deadline_ms" => fill(&mut parts.deadline_ms, cursor.integer()?)?,
            "quantity" => fill(&mut parts.quantity, cursor.integer()?)?,
            "all_or_none" => fill(&mut parts.all_or_none, cursor.boolean()?)?,
            "if_seq" => fill(&mut parts.if_seq, cursor.integer()?)?,
            "validate_only" => fill(&mut parts.validate_only, cursor.boolean()?)?,
            _ => return None,
        }
        if cursor.eat(b',').is_none() {
            break;
        }
    }
    cursor.eat(b'}')
}

/// A place in MessagePack bytes. As [`Cursor`]: `None` at anything but the usual shape.
struct Pack<'a>(&'a [u8]);

impl<'a> Pack<'a> {
    #[inline]
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    #[inline]
    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    /// The number of entries of a small map.
    #[inline]
    fn map(&mut self) -> Option<u8> {
        self.byte().filter(|byte| byte & 0xF0 == 0x80).map(|byte| byte & 15)
    }

    /// The bytes of a text of at most 255 of them; whether they are UTF-8 is asked where it matters.
    #[inline]
    fn text(&mut self) -> Option<&'a [u8]> {
        let length = match self.byte()? {
            short @ 0xA0..=0xBF => short & 31,
            0xD9 => self.byte()?,
            _ => return None,
        };
        self.take(usize::from(length))
    }

    #[inline]
    fn uint(&mut self) -> Option<u64> {
        let width = match self.byte()? {
            small @ 0..=0x7F => return Some(u64::from(small)),
            0xCC => 1,
            0xCD => 2,
            0xCE => 4,
            0xCF => 8,
            _ => return None,
        };
        let bytes = self.take(width)?;
        Some(bytes.iter().fold(0, |value, &byte| value << 8 | u64::from(byte)))
    }

    #[inline]
    fn boolean(&mut self) -> Option<bool> {
        match self.byte()? {
            0xC2 => Some(false),
            0xC3 => Some(true),
            _ => None,
        }
    }
}

/// A bid at the front of `bytes`, and what follows it.
pub(crate) fn bid_pack(bytes: &[u8]) -> Option<(Request<'_>, &[u8])> {
    let mut pack = Pack(bytes);
    let mut parts = Parts::default();
    for _ in 0..pack.map()? {
        match pack.text()? {
            b"id" => fill(&mut parts.id, pack.uint()?)?,
            b"method" => {
                if parts.is_bid || pack.text()? != NAME.as_bytes() {
                    return None;
                }
                parts.is_bid = true;
            }
            b"params" => bid_params_pack(&mut pack, &mut parts)?,
            _ => return None,
        }
    }
    parts.into_request().map(|request| (request, pack.0))
}

fn bid_params_pack<'a>(pack: &mut Pack<'a>, parts: &mut Parts<'a>) -> Option<()> {
    for _ in 0..pack.map()? {
        match pack.text()? {
            b"lot" => fill(&mut parts.lot, lot_id(pack.text()?)?)?,
            b"amount" => fill(&mut parts.amount, Amount::new(pack.uint()?)?)?,
            b"key" => parts.key(std::str::from_utf8(pack.text()?).ok()?)?,
            b"deadline_ms" => fill(&mut parts.deadline_ms, pack.uint()?)?,
            b"quantity" => fill(&mut parts.quantity, pack.uint()?)?,
            b"all_or_none" => fill(&mut parts.all_or_none, pack.boolean()?)?,
            b"if_seq" => fill(&mut parts.if_seq, pack.uint()?)?,
            b"validate_only" => fill(&mut parts.validate_only, pack.boolean()?)?,
            _ => return None,
        }
    }
    Some(())
}
