//! Replies: appended to a buffer that is used again and again.

use vendue_domain::actor::{Answer, BidAnswer, BidStatus};
use vendue_domain::amount::Amount;
use vendue_domain::id::{AccountId, BidId, BookId, LotId, MarketId, SaleId, StockId};
use vendue_domain::record::RecordError;
use vendue_domain::time::Timestamp;

use crate::wire::Encoding;
use crate::wire::error::WireError;
use crate::wire::json;
use crate::wire::pack;
use crate::wire::transcode::{Instants, to_json};

/// What stands around a result or error: the request's id and when it came in and went out, by the server's clock.
#[derive(Debug, Clone, Copy)]
pub struct Head {
    /// `None` where no id could be read: `"id":null`.
    pub id: Option<u64>,
    /// When the request was read.
    pub t_in: Timestamp,
    /// When the reply is written.
    pub t_out: Timestamp,
}

impl Head {
    #[inline]
    fn open_json(&self, out: &mut Vec<u8>, ok: bool) {
        out.extend_from_slice(b"{\"id\":");
        match self.id {
            Some(id) => json::write_u64(out, id),
            None => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(if ok { b",\"ok\":true,\"result\":" } else { b",\"ok\":false,\"error\":" });
    }

    #[inline]
    fn close_json(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b",\"t_in\":");
        json::write_i64(out, self.t_in.0);
        out.extend_from_slice(b",\"t_out\":");
        json::write_i64(out, self.t_out.0);
        out.push(b'}');
    }

    #[inline]
    fn open_pack(&self, out: &mut Vec<u8>, ok: bool) {
        pack::write_map(out, 5);
        pack::write_name(out, "id");
        match self.id {
            Some(id) => pack::write_uint(out, id),
            None => pack::write_nil(out),
        }
        pack::write_name(out, "ok");
        pack::write_bool(out, ok);
        pack::write_name(out, if ok { "result" } else { "error" });
    }

    #[inline]
    fn close_pack(&self, out: &mut Vec<u8>) {
        pack::write_name(out, "t_in");
        pack::write_int(out, self.t_in.0);
        pack::write_name(out, "t_out");
        pack::write_int(out, self.t_out.0);
    }
}

/// Appends a reply to a command that the rules accepted.
#[inline]
pub fn write_accepted(
    out: &mut Vec<u8>,
    encoding: Encoding,
    head: &Head,
    seq: u64,
    replayed: bool,
    answer: &Answer,
) {
    match (encoding, answer) {
        (Encoding::Json, Answer::Bid(bid)) => {
            head.open_json(out, true);
            write_bid_json(out, bid, seq, replayed);
            head.close_json(out);
        }
        (Encoding::Json, _) => {
            let mut packed = Vec::new();
            write_answer(&mut packed, answer, seq, replayed);
            head.open_json(out, true);
            // What was packed a line above can be read.
            let _ = to_json(out, &packed, Instants::Micros);
            head.close_json(out);
        }
        (Encoding::MessagePack, _) => {
            head.open_pack(out, true);
            write_answer(out, answer, seq, replayed);
            head.close_pack(out);
        }
    }
}

/// Appends a reply whose result is a MessagePack map already: what the engine's views say.
///
/// # Errors
/// What is wrong with the engine's bytes; `out` is as before then.
pub fn write_data(
    out: &mut Vec<u8>,
    encoding: Encoding,
    head: &Head,
    data: &[u8],
) -> Result<(), RecordError> {
    let start = out.len();
    match encoding {
        Encoding::Json => {
            head.open_json(out, true);
            if let Err(error) = to_json(out, data, Instants::Micros) {
                out.truncate(start);
                return Err(error);
            }
            head.close_json(out);
        }
        Encoding::MessagePack => {
            head.open_pack(out, true);
            out.extend_from_slice(data);
            head.close_pack(out);
        }
    }
    Ok(())
}

/// Appends a reply whose result the gateway itself makes.
pub fn write_result(out: &mut Vec<u8>, encoding: Encoding, head: &Head, result: &impl serde::Serialize) {
    match encoding {
        Encoding::Json => {
            head.open_json(out, true);
            json::write_value(out, result);
            head.close_json(out);
        }
        Encoding::MessagePack => {
            head.open_pack(out, true);
            pack::write_value(out, result);
            head.close_pack(out);
        }
    }
}

/// Appends a reply that says no.
pub fn write_error(out: &mut Vec<u8>, encoding: Encoding, head: &Head, error: &WireError) {
    match encoding {
        Encoding::Json => {
            head.open_json(out, false);
            json::write_value(out, error);
            head.close_json(out);
        }
        Encoding::MessagePack => {
            head.open_pack(out, false);
            pack::write_value(out, error);
            head.close_pack(out);
        }
    }
}

const fn status_text(status: BidStatus) -> &'static str {
    match status {
        BidStatus::Leading => "leading",
        BidStatus::Outbid => "outbid",
        BidStatus::Placed => "placed",
        BidStatus::Won => "won",
    }
}

#[inline]
fn write_bid_json(out: &mut Vec<u8>, bid: &BidAnswer, seq: u64, replayed: bool) {
    let amount = |out: &mut Vec<u8>, amount: Option<Amount>| match amount {
        Some(amount) => json::write_u64(out, amount.get()),
        None => out.extend_from_slice(b"null"),
    };
    out.extend_from_slice(b"{\"bid\":");
    json::write_id(out, BidId::PREFIX, bid.bid.0);
    out.extend_from_slice(b",\"status\":\"");
    out.extend_from_slice(status_text(bid.status).as_bytes());
    out.extend_from_slice(b"\",\"price\":");
    amount(out, bid.price);
    out.extend_from_slice(b",\"min_next_amount\":");
    amount(out, bid.min_next_amount);
    out.extend_from_slice(b",\"ends_at\":");
    match bid.ends_at {
        Some(ends_at) => json::write_i64(out, ends_at.0),
        None => out.extend_from_slice(b"null"),
    }
    let money: [(&[u8], _); 5] = [
        (b",\"fees\":", bid.fees),
        (b",\"total\":", bid.total),
        (b",\"held\":", bid.held),
        (b",\"commission\":", bid.commission),
        (b",\"proceeds\":", bid.proceeds),
    ];
    for (name, units) in money {
        if let Some(units) = units {
            out.extend_from_slice(name);
            json::write_u64(out, units);
        }
    }
    out.extend_from_slice(b",\"seq\":");
    json::write_u64(out, seq);
    out.extend_from_slice(if replayed { b",\"replayed\":true}" } else { b",\"replayed\":false}" });
}

#[inline]
fn write_bid_pack(out: &mut Vec<u8>, bid: &BidAnswer) {
    let amount = |out: &mut Vec<u8>, amount: Option<Amount>| match amount {
        Some(amount) => pack::write_uint(out, amount.get()),
        None => pack::write_nil(out),
    };
    let money = [
        ("fees", bid.fees),
        ("total", bid.total),
        ("held", bid.held),
        ("commission", bid.commission),
        ("proceeds", bid.proceeds),
    ];
    let more = money.iter().filter(|(_, units)| units.is_some()).count() as u32;
    pack::write_map(out, 5 + more + BESIDE);
    pack::write_name(out, "bid");
    pack::write_id(out, BidId::PREFIX, bid.bid.0);
    pack::write_name(out, "status");
    pack::write_name(out, status_text(bid.status));
    pack::write_name(out, "price");
    amount(out, bid.price);
    pack::write_name(out, "min_next_amount");
    amount(out, bid.min_next_amount);
    pack::write_name(out, "ends_at");
    match bid.ends_at {
        Some(ends_at) => pack::write_int(out, ends_at.0),
        None => pack::write_nil(out),
    }
    for (name, units) in money {
        if let Some(units) = units {
            pack::write_name(out, name);
            pack::write_uint(out, units);
        }
    }
}

/// Fields that stand beside every accepted command's own: `seq`, `replayed`.
const BESIDE: u32 = 2;

/// Appends the result of an accepted command as a MessagePack map: its own fields, `seq` and `replayed`.
pub fn write_answer(out: &mut Vec<u8>, answer: &Answer, seq: u64, replayed: bool) {
    let mut one_id = |name: &str, prefix: &str, id| {
        pack::write_map(out, 1 + BESIDE);
        pack::write_name(out, name);
        pack::write_id(out, prefix, id);
    };
    match answer {
        Answer::Bid(bid) => write_bid_pack(out, bid),
        Answer::Market(id) => one_id("market", MarketId::PREFIX, id.0),
        Answer::Account(id) => one_id("account", AccountId::PREFIX, id.0),
        Answer::Sale(id) => one_id("sale", SaleId::PREFIX, id.0),
        Answer::Lot(id) => one_id("lot", LotId::PREFIX, id.0),
        Answer::Stock((id, counters)) => {
            let at = write_open(out, counters, BESIDE + 1);
            // The id stands first: it is what was asked for.
            let fields = out.split_off(at);
            pack::write_name(out, "stock");
            pack::write_id(out, StockId::PREFIX, id.0);
            out.extend_from_slice(&fields);
        }
        Answer::State(state) => _ = write_open(out, state, BESIDE),
        Answer::Counters(counters) => _ = write_open(out, counters, BESIDE),
        Answer::Registration(registration) => _ = write_open(out, registration, BESIDE),
        Answer::Restated(restated) => _ = write_open(out, restated, BESIDE),
        Answer::Order(order) => _ = write_open(out, order, BESIDE),
        Answer::Book(id) => one_id("book", BookId::PREFIX, id.0),
        Answer::BookOrder(order) => _ = write_open(out, order, BESIDE),
        Answer::BookAuction(auction) => _ = write_open(out, auction, BESIDE),
        Answer::Balance(balance) => _ = write_open(out, balance, BESIDE),
    }
    pack::write_name(out, "seq");
    pack::write_uint(out, seq);
    pack::write_name(out, "replayed");
    pack::write_bool(out, replayed);
}

/// Appends a structure's map with room in its head for `more` fields that the caller appends; says where its own begin.
fn write_open(out: &mut Vec<u8>, value: &impl serde::Serialize, more: u32) -> usize {
    let start = out.len();
    pack::write_value(out, value);
    // No answer has more than a dozen fields: the head is one byte and stays one.
    debug_assert!(matches!(out[start], 0x80..=0x8C));
    out[start] += more as u8;
    start + 1
}
