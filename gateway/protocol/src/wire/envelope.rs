//! Requests as they come: `{id, method, params}`, alone or in arrays, in either encoding.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use vendue_domain::command::Common;
use vendue_domain::record::Reader;

use crate::query::Query;
use crate::wire::Encoding;
use crate::wire::code::Code;
use crate::wire::error::{Details, Invalid, WireError};
use crate::wire::fast;
use crate::wire::json::Cursor;
use crate::wire::limits::{FRAME_MESSAGES, ID_MAX, KEY_BYTES, KEY_CHARS};
use crate::wire::method::{Call, Kind, Method};
use crate::wire::params::quote;

/// A request that can be carried out.
#[derive(Debug, Clone, PartialEq)]
pub struct Request<'a> {
    /// The client's number for it; HTTP has none.
    pub id: u64,
    /// What is asked.
    pub method: &'static Method,
    /// The parameters that every method takes. A command has a key of the right length.
    pub common: Common<'a>,
    /// What becomes of it.
    pub call: Call<'a>,
}

impl PartialEq for Method {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// A message that cannot be carried out. Exactly one reply goes back for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Failed {
    /// The request's id, where one could be read.
    pub id: Option<u64>,
    /// Its method, where it was known.
    pub method: Option<&'static Method>,
    /// What is wrong.
    pub error: WireError,
    /// Whether it was a message of this protocol at all: frames of something else are counted.
    pub was_readable: bool,
}

impl Failed {
    fn unreadable(id: Option<u64>, expected: &'static str, got: String) -> Self {
        Self {
            id,
            method: None,
            error: WireError::invalid("message", expected, Some(got)),
            was_readable: false,
        }
    }

    fn of(id: Option<u64>, method: Option<&'static Method>, error: WireError) -> Self {
        Self { id, method, error, was_readable: true }
    }
}

/// The messages of one frame.
pub struct Frame<'a> {
    messages: Messages<'a>,
    /// How many have been taken.
    taken: usize,
}

enum Messages<'a> {
    Json { cursor: Cursor<'a>, in_array: bool },
    Pack { reader: Reader<'a>, left: u32 },
    Nothing,
}

/// Whether the frame holds an array: then replies may be sent in arrays too.
#[must_use]
pub fn is_array(encoding: Encoding, bytes: &[u8]) -> bool {
    match encoding {
        Encoding::Json => bytes.trim_ascii_start().first() == Some(&b'['),
        Encoding::MessagePack => matches!(bytes.first(), Some(0x90..=0x9F | 0xDC | 0xDD)),
    }
}

/// The messages of a frame in JSON (which the WebSocket has found to be UTF-8) or MessagePack.
#[must_use]
pub fn frame(encoding: Encoding, bytes: &[u8]) -> Frame<'_> {
    let array = is_array(encoding, bytes);
    let messages = match encoding {
        Encoding::Json => match std::str::from_utf8(bytes) {
            Ok(text) => {
                let mut cursor = Cursor::new(text);
                let in_array = array && cursor.open_array();
                Messages::Json { cursor, in_array }
            }
            Err(_) => Messages::Json { cursor: Cursor::new("\u{fffd}"), in_array: false },
        },
        Encoding::MessagePack => {
            let mut reader = Reader::new(bytes);
            let left = if array { reader.array().unwrap_or(0) } else { 1 };
            Messages::Pack { reader, left }
        }
    };
    Frame { messages, taken: 0 }
}

impl<'a> Iterator for Frame<'a> {
    type Item = Result<Request<'a>, Failed>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = match &mut self.messages {
            Messages::Json { cursor, in_array: false } => {
                let only = *cursor;
                self.messages = Messages::Nothing;
                Some(fast::bid_json_whole(only).map_or_else(|| request_json(only.rest()), Ok))
            }
            Messages::Json { cursor, in_array: true } => {
                let next = next_in_array(cursor);
                if !matches!(next, Some((_, true))) {
                    self.messages = Messages::Nothing;
                }
                next.map(|(message, _)| message)
            }
            Messages::Pack { left: 0, .. } | Messages::Nothing => None,
            Messages::Pack { reader, left } => {
                *left -= 1;
                let (message, goes_on) = next_pack(reader);
                if !goes_on {
                    self.messages = Messages::Nothing;
                }
                Some(message)
            }
        }?;
        self.taken += 1;
        if self.taken > FRAME_MESSAGES {
            self.messages = Messages::Nothing;
            let id = next.map_or_else(|failed| failed.id, |request| Some(request.id));
            let mut error = WireError::new(Code::PayloadTooLarge);
            error.details = Details::Limit { limit: "frame_messages", allowed: FRAME_MESSAGES as u64 };
            return Some(Err(Failed { id, method: None, error, was_readable: false }));
        }
        Some(next)
    }
}

/// The next element of a JSON array, and whether more may follow.
fn next_in_array<'a>(cursor: &mut Cursor<'a>) -> Option<(Result<Request<'a>, Failed>, bool)> {
    if cursor.close(b']') {
        let clean = cursor.is_at_end();
        return (!clean).then(|| (Err(Failed::unreadable(None, "one array", quote(cursor.rest()))), false));
    }
    let before = *cursor;
    if let Some(request) = fast::bid_json(cursor) {
        let goes_on = cursor.separator(b']');
        return Some((Ok(request), goes_on));
    }
    *cursor = before;
    match cursor.skip_value() {
        Some(text) => {
            let message = request_json(text);
            let goes_on = cursor.separator(b']');
            Some((message, goes_on))
        }
        None => Some((Err(broken_json(before.rest())), false)),
    }
}

/// The next MessagePack value, and whether more may follow.
fn next_pack<'a>(reader: &mut Reader<'a>) -> (Result<Request<'a>, Failed>, bool) {
    let before = reader.rest();
    if let Some((request, rest)) = fast::bid_pack(before) {
        *reader = Reader::new(rest);
        return (Ok(request), true);
    }
    match reader.skip() {
        Ok(()) => (request_pack(&before[..before.len() - reader.rest().len()]), true),
        Err(error) => (
            Err(Failed::unreadable(None, "a MessagePack map {id, method, params}", error.to_string())),
            false,
        ),
    }
}

/// A request's parts before their meaning is known.
struct Parts<'a> {
    id: Option<u64>,
    method: Option<Cow<'a, str>>,
    deadline_ms: Option<u64>,
    key: Option<Cow<'a, str>>,
}

/// Reads one JSON request of any shape.
fn request_json(text: &str) -> Result<Request<'_>, Failed> {
    #[derive(Deserialize)]
    struct Envelope<'a> {
        #[serde(borrow)]
        id: Option<&'a RawValue>,
        #[serde(borrow)]
        method: Option<&'a RawValue>,
        #[serde(borrow)]
        params: Option<&'a RawValue>,
        #[serde(borrow)]
        deadline_ms: Option<&'a RawValue>,
        #[serde(borrow)]
        key: Option<&'a RawValue>,
    }
    if !text.trim_ascii_start().starts_with('{') {
        return Err(broken_json(text));
    }
    // Too deep is broken wherever it stands, also in what is passed over.
    if Cursor::new(text).skip_value().is_none() {
        return Err(broken_json(text));
    }
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|_| broken_json(text))?;
    let id = envelope.id.map(RawValue::get);
    let readable = id.and_then(|text| text.parse::<u64>().ok()).filter(|&id| id <= ID_MAX);
    if readable.is_none() {
        return Err(Failed::of(None, None, id_error(id.map(quote))));
    }
    let text_of = |field: &'static str, raw: Option<&'_ RawValue>| -> Result<Option<Cow<'_, str>>, Failed> {
        let Some(raw) = raw.map(RawValue::get) else { return Ok(None) };
        serde_json::from_str::<String>(raw)
            .map(|text| Some(Cow::Owned(text)))
            .map_err(|_| Failed::of(readable, None, WireError::invalid(field, "a text", Some(quote(raw)))))
    };
    let deadline_ms = match envelope.deadline_ms.map(RawValue::get) {
        None | Some("null") => None,
        Some(raw) => Some(raw.parse::<u64>().map_err(|_| {
            Failed::of(
                readable,
                None,
                WireError::invalid("deadline_ms", "a number of milliseconds", Some(quote(raw))),
            )
        })?),
    };
    let key = match envelope.key.map(RawValue::get) {
        None | Some("null") => None,
        Some(_) => text_of("key", envelope.key)?.map(|key| Cow::Owned(key.into_owned())),
    };
    let method = text_of("method", envelope.method)?.map(|method| Cow::Owned(method.into_owned()));
    let params = envelope.params.map(RawValue::get).filter(|&params| params != "null").unwrap_or("{}");
    finish(Parts { id: readable, method, deadline_ms, key }, |method| method.decode_json(params))
}

/// Reads one MessagePack request of any shape.
fn request_pack(bytes: &[u8]) -> Result<Request<'_>, Failed> {
    const EMPTY: &[u8] = &[0x80];
    let mut reader = Reader::new(bytes);
    let Ok(entries) = reader.map() else {
        return Err(Failed::unreadable(
            None,
            "a MessagePack map {id, method, params}",
            "another type".into(),
        ));
    };
    let mut parts = Parts { id: None, method: None, deadline_ms: None, key: None };
    let (mut params, mut wrong) = (EMPTY, None);
    for _ in 0..entries {
        let name = reader.str().unwrap_or_default();
        if name.is_empty() {
            return Err(Failed::unreadable(
                parts.id,
                "a map with names as keys",
                "another kind of key".into(),
            ));
        }
        let before = reader.rest();
        if reader.skip().is_err() {
            return Err(Failed::unreadable(parts.id, "a whole map", "a broken value".into()));
        }
        let value = &before[..before.len() - reader.rest().len()];
        if value == [0xC0] {
            continue;
        }
        match name {
            "id" => parts.id = Reader::new(value).uint().ok().filter(|&id| id <= ID_MAX),
            "method" => match Reader::new(value).str() {
                Ok(text) => parts.method = Some(Cow::Borrowed(text)),
                Err(_) => wrong = Some(("method", "a text")),
            },
            "deadline_ms" => match Reader::new(value).uint() {
                Ok(ms) => parts.deadline_ms = Some(ms),
                Err(_) => wrong = Some(("deadline_ms", "a number of milliseconds")),
            },
            "key" => match Reader::new(value).str() {
                Ok(text) => parts.key = Some(Cow::Borrowed(text)),
                Err(_) => wrong = Some(("key", "a text")),
            },
            "params" => params = value,
            _ => {}
        }
    }
    if parts.id.is_none() {
        return Err(Failed::of(None, None, id_error(None)));
    }
    if let Some((field, expected)) = wrong {
        return Err(Failed::of(
            parts.id,
            None,
            WireError::invalid(field, expected, Some("another type".into())),
        ));
    }
    finish(parts, |method| method.decode_pack(params))
}

/// Finds the method, reads its parameters and checks what every request must have.
fn finish<'a>(
    parts: Parts<'a>,
    decode: impl FnOnce(&'static Method) -> Result<(Common<'a>, Call<'a>), WireError>,
) -> Result<Request<'a>, Failed> {
    let id = parts.id.unwrap_or_default();
    let name = parts.method.as_deref().ok_or_else(|| {
        Failed::of(
            Some(id),
            None,
            WireError::invalid("method", "the name of a method", Some("missing".into())),
        )
    })?;
    let method = Method::find(name).ok_or_else(|| Failed::of(Some(id), None, unknown_method(name)))?;
    let fail = |error| Failed::of(Some(id), Some(method), error);
    let (mut common, call) = decode(method).map_err(fail)?;
    common.deadline_ms = common.deadline_ms.or(parts.deadline_ms);
    if common.key.is_none() {
        common.key = parts.key;
    }
    checked(id, method, common, call).map_err(fail)
}

/// A request whose key has been checked; the one way by which requests are made, also from HTTP.
///
/// # Errors
/// `invalid_request` for a key that is missing where one is needed, or has the wrong length.
pub fn checked<'a>(
    id: u64,
    method: &'static Method,
    common: Common<'a>,
    mut call: Call<'a>,
) -> Result<Request<'a>, WireError> {
    const EXPECTED: &str = "1 to 64 characters of your choosing (at most 255 bytes)";
    let key = common.key.as_deref();
    let asks_for_result = matches!(call, Call::Query(Query::CommandResult(_) | Query::CommandReceipt(_)));
    if (method.kind == Kind::Command && method.is_offered) || asks_for_result {
        let Some(key) = key else {
            return Err(WireError::invalid("key", EXPECTED, Some("missing".into())));
        };
        if key.is_empty() || key.len() > KEY_BYTES || key.chars().nth(KEY_CHARS).is_some() {
            let got = format!("{} characters", key.chars().count());
            return Err(WireError::invalid("key", EXPECTED, Some(got)));
        }
        if let Call::Query(Query::CommandResult((_, beside)) | Query::CommandReceipt((_, beside))) = &mut call
        {
            key.clone_into(beside);
        }
    }
    Ok(Request { id, method, common, call })
}

/// One request by its method and JSON parameters, as HTTP brings it; its id is 0.
///
/// # Errors
/// What is wrong with it, and the method where it was known.
pub fn single<'a>(name: &str, params: &'a str) -> Result<Request<'a>, Failed> {
    let parts =
        Parts { id: Some(0), method: Some(Cow::Owned(name.to_owned())), deadline_ms: None, key: None };
    finish(parts, |method| method.decode_json(params))
}

/// What is said to a method's name that nobody knows.
#[must_use]
pub fn unknown_method(name: &str) -> WireError {
    let suggestion = Method::nearest(name);
    let name = quote(name);
    let mut error = WireError::new(Code::UnknownMethod);
    error.message = match suggestion {
        Some(nearest) => format!("there is no method `{name}`; did you mean `{nearest}`?").into(),
        None => format!("there is no method `{name}`").into(),
    };
    error.details = Details::Invalid(Box::new(Invalid {
        field: "method".into(),
        expected: "one of the protocol's methods".into(),
        got: Some(name),
        did_you_mean: suggestion,
    }));
    error
}

fn id_error(got: Option<String>) -> WireError {
    WireError::invalid("id", "an integer from 0 to 9007199254740991", got.or(Some("missing".into())))
}

/// What is said to a text that is no JSON object; the id is read off its front where it can be.
fn broken_json(text: &str) -> Failed {
    Failed::unreadable(Cursor::new(text).salvage_id(), "a JSON object {id, method, params}", quote(text))
}
