//! `lot.bid` by hand: the request that decides the throughput. These readers take the usual shape only, without
//! allocating, and answer `None` to anything else; the general reader then decides. A property test holds the two together.

use std::borrow::Cow;

use vendue_domain::actor::Command;
use vendue_domain::amount::Amount;
use vendue_domain::command::Common;
use vendue_domain::id::{Id, LotId};
use vendue_domain::lot::{LotCommand, PlaceBid};
use vendue_domain::record::Reader;

use crate::wire::envelope::Request;
use crate::wire::json::Cursor;
use crate::wire::limits::{ID_MAX, KEY_CHARS};
use crate::wire::method::{Call, METHODS, Method};

const NAME: &str = "lot.bid";

/// The method's place in the table, found when this is compiled.
const METHOD: usize = {
    let mut at = 0;
    while !is_bid(METHODS_TABLE[at].name) {
        at += 1;
    }
    at
};
use crate::wire::method::METHODS_TABLE;

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
fn lot_id(text: &str) -> Option<LotId> {
    Id::decode_text(text.strip_prefix("lot_")?.as_bytes()).map(LotId)
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
        };
        Some(Request {
            id: self.id.filter(|&id| id <= ID_MAX)?,
            method: method(),
            common: Common { key: Some(Cow::Borrowed(self.key?)), deadline_ms: self.deadline_ms },
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
            "lot" => fill(&mut parts.lot, lot_id(cursor.plain_string()?)?)?,
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

/// A bid at the front of `bytes`, and what follows it.
pub(crate) fn bid_pack(bytes: &[u8]) -> Option<(Request<'_>, &[u8])> {
    let mut reader = Reader::new(bytes);
    let mut parts = Parts::default();
    for _ in 0..reader.map().ok()? {
        match reader.str().ok()? {
            "id" => fill(&mut parts.id, reader.uint().ok()?)?,
            "method" => {
                if parts.is_bid || reader.str().ok()? != NAME {
                    return None;
                }
                parts.is_bid = true;
            }
            "params" => bid_params_pack(&mut reader, &mut parts)?,
            _ => return None,
        }
    }
    let rest = reader.rest();
    parts.into_request().map(|request| (request, rest))
}

fn bid_params_pack<'a>(reader: &mut Reader<'a>, parts: &mut Parts<'a>) -> Option<()> {
    let boolean = |reader: &mut Reader<'a>| match reader.take(1).ok()? {
        [0xC2] => Some(false),
        [0xC3] => Some(true),
        _ => None,
    };
    for _ in 0..reader.map().ok()? {
        match reader.str().ok()? {
            "lot" => fill(&mut parts.lot, lot_id(reader.str().ok()?)?)?,
            "amount" => fill(&mut parts.amount, Amount::new(reader.uint().ok()?)?)?,
            "key" => parts.key(reader.str().ok()?)?,
            "deadline_ms" => fill(&mut parts.deadline_ms, reader.uint().ok()?)?,
            "quantity" => fill(&mut parts.quantity, reader.uint().ok()?)?,
            "all_or_none" => fill(&mut parts.all_or_none, boolean(reader)?)?,
            "if_seq" => fill(&mut parts.if_seq, reader.uint().ok()?)?,
            "validate_only" => fill(&mut parts.validate_only, boolean(reader)?)?,
            _ => return None,
        }
    }
    Some(())
}
