//! Messages to bytes and back, in both encodings.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use crate::error::ServerError;
use crate::options::Encoding;

/// The most messages in one frame, by the protocol.
const FRAME_MESSAGES: usize = 1_024;
/// The largest frame this client sends, in bytes: the protocol's 256 KiB.
const FRAME_BYTES: usize = 256 * 1024;

#[derive(Serialize)]
struct Request<'a> {
    id: u64,
    method: &'a str,
    params: &'a Value,
}

/// Anything the server sends: a reply where it has an `id`, an event where it has a `channel`, else a notice.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Incoming {
    pub(crate) id: Option<u64>,
    pub(crate) ok: bool,
    pub(crate) result: Value,
    pub(crate) error: Option<ServerError>,
    pub(crate) t_in: Option<i64>,
    pub(crate) t_out: Option<i64>,
    pub(crate) channel: Option<String>,
    pub(crate) epoch: Option<String>,
    pub(crate) seq: Option<u64>,
    pub(crate) from: Option<u64>,
    pub(crate) ts: Option<i64>,
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) data: Value,
    pub(crate) time: Option<i64>,
    pub(crate) seqs: Value,
    pub(crate) code: Option<String>,
    pub(crate) reconnect_after_ms: Option<u64>,
}

/// Gathers messages into frames.
#[derive(Debug)]
pub(crate) struct Writer {
    encoding: Encoding,
    batch: bool,
    messages: Vec<Vec<u8>>,
}

impl Writer {
    pub(crate) const fn new(encoding: Encoding, batch: bool) -> Self {
        Self { encoding, batch, messages: Vec::new() }
    }

    /// Adds a request; returns its bytes' number.
    pub(crate) fn push(&mut self, id: u64, method: &str, params: &Value) -> Result<usize, String> {
        let request = Request { id, method, params };
        let bytes = match self.encoding {
            Encoding::Json => serde_json::to_vec(&request).map_err(|error| error.to_string())?,
            Encoding::MessagePack => rmp_serde::to_vec_named(&request).map_err(|error| error.to_string())?,
        };
        let length = bytes.len();
        self.messages.push(bytes);
        Ok(length)
    }

    /// Everything that was gathered, as frames.
    pub(crate) fn frames(&mut self) -> Vec<Message> {
        let mut frames = Vec::new();
        let mut batch: Vec<Vec<u8>> = Vec::new();
        let mut bytes = 0;
        let most = if self.batch { FRAME_MESSAGES } else { 1 };
        for message in self.messages.drain(..) {
            if !batch.is_empty()
                && (batch.len() == most || bytes + message.len() + batch.len() > FRAME_BYTES - 8)
            {
                frames.push(frame(self.encoding, &mut batch));
                bytes = 0;
            }
            bytes += message.len();
            batch.push(message);
        }
        if !batch.is_empty() {
            frames.push(frame(self.encoding, &mut batch));
        }
        frames
    }
}

fn frame(encoding: Encoding, batch: &mut Vec<Vec<u8>>) -> Message {
    let bytes = match (batch.len(), encoding) {
        (1, _) => batch.pop().unwrap_or_default(),
        (_, Encoding::Json) => [b"[", batch.join(&b',').as_slice(), b"]"].concat(),
        (count, Encoding::MessagePack) => {
            // array 16: the count always fits, a frame holds at most 1,024.
            let [high, low] = u16::try_from(count).unwrap_or(u16::MAX).to_be_bytes();
            let mut bytes = vec![0xDC, high, low];
            batch.iter().for_each(|message| bytes.extend_from_slice(message));
            bytes
        }
    };
    batch.clear();
    match encoding {
        // What `serde_json` wrote is UTF-8.
        Encoding::Json => Message::text(String::from_utf8(bytes).unwrap_or_default()),
        Encoding::MessagePack => Message::binary(bytes),
    }
}

/// Reads one frame: a message or an array of them.
pub(crate) fn read(message: &Message) -> Result<Vec<Incoming>, String> {
    match message {
        Message::Text(text) if text.trim_start().starts_with('[') => {
            serde_json::from_str(text).map_err(|error| error.to_string())
        }
        Message::Text(text) => {
            serde_json::from_str(text).map(|one| vec![one]).map_err(|error| error.to_string())
        }
        Message::Binary(bytes) if is_array(bytes) => {
            rmp_serde::from_slice(bytes).map_err(|error| error.to_string())
        }
        Message::Binary(bytes) => {
            rmp_serde::from_slice(bytes).map(|one| vec![one]).map_err(|error| error.to_string())
        }
        _ => Ok(Vec::new()),
    }
}

fn is_array(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(0x90..=0x9F | 0xDC | 0xDD))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Reads what a writer wrote as the server would.
    fn written(encoding: Encoding, batch: bool, count: u64, params: &Value) -> Vec<Value> {
        let mut writer = Writer::new(encoding, batch);
        for id in 0..count {
            writer.push(id, "ping", params).unwrap();
        }
        let read = |message: &Message| match message {
            Message::Text(text) => serde_json::from_str::<Value>(text).unwrap(),
            Message::Binary(bytes) => rmp_serde::from_slice::<Value>(bytes).unwrap(),
            other => panic!("{other:?}"),
        };
        writer.frames().iter().inspect(|frame| assert!(frame.len() <= FRAME_BYTES)).map(read).collect()
    }

    #[test]
    fn requests_share_frames_where_allowed() {
        let check = |batch, count, length: usize, expected: &[usize]| {
            let params = json!({"t0": 7, "text": "x".repeat(length)});
            for encoding in [Encoding::Json, Encoding::MessagePack] {
                let frames = written(encoding, batch, count, &params);
                let sizes: Vec<_> = frames.iter().map(|frame| frame.as_array().map_or(1, Vec::len)).collect();
                assert_eq!(sizes, expected, "{encoding:?} {batch} {count}");
                let first = if frames[0].is_array() { &frames[0][0] } else { &frames[0] };
                assert_eq!(*first, json!({"id": 0, "method": "ping", "params": params}));
            }
        };
        check(true, 1, 0, &[1]);
        check(true, 3, 0, &[3]);
        check(true, 1_025, 0, &[1_024, 1]);
        check(false, 3, 0, &[1, 1, 1]);
        check(true, 4, 100_000, &[2, 2]);
    }

    #[test]
    fn replies_events_and_notices_are_read_in_both_encodings() {
        let reply = json!({"id": 7, "ok": false, "t_in": 1, "t_out": 2, "new_field": [1],
            "error": {"code": "bid_too_low", "message": "m", "temporary": false, "outcome": "rejected",
                      "retry_after_ms": null, "details": {"min_next_amount": 10500}}});
        let event = json!({"channel": "lot:lot_1", "epoch": "9f2c", "seq": 1042, "ts": 5, "type": "price_changed", "data": {"price": 1}});
        let both = json!([reply, event]);
        let frames =
            [Message::text(both.to_string()), Message::binary(rmp_serde::to_vec_named(&both).unwrap())];
        for frame in frames {
            let read = read(&frame).unwrap();
            let error = read[0].error.as_ref().unwrap();
            assert_eq!((read[0].id, read[0].ok, error.code.as_str()), (Some(7), false, "bid_too_low"));
            assert_eq!(error.outcome, crate::Outcome::Rejected);
            assert_eq!(error.details["min_next_amount"], 10_500);
            assert_eq!((read[1].seq, read[1].kind.as_deref()), (Some(1_042), Some("price_changed")));
        }
        assert!(super::read(&Message::text("{\"id\":")).is_err());
    }
}
