//! The HTTP API: every method as `POST /v1/...`, what can be read also as `GET`. Instants are RFC 3339 here.

use serde_json::{Map, Value};
use vendue_protocol::domain::time::Timestamp;
use vendue_protocol::wire::envelope::unknown_method;
use vendue_protocol::wire::error::Problem;
use vendue_protocol::wire::time::parse_rfc3339;
use vendue_protocol::wire::transcode::{Instants, is_instant, to_json};
use vendue_protocol::wire::{
    Call, Code, Kind, Method, Rights, SessionCall, WireError, envelope, pack, reply,
};

use crate::core::reply::Done;
use crate::core::submit::{Owner, Submission};
use crate::core::{Core, Key};

/// Parameters of a query string that are numbers; all others are texts.
const NUMBERS: &[&str] = &["limit", "deadline_ms"];

/// Parameters that are instants though their names do not end like one: the bounds of a period.
const PERIOD: &[&str] = &["from", "to"];

/// A call of the API.
#[derive(Debug, Clone, Copy)]
pub struct HttpRequest<'a> {
    /// The method's name with dots or slashes: `lot.bid`, `lot/bid`.
    pub method: &'a str,
    /// Whether it came as `GET`: only reading then, parameters from the query string.
    pub is_get: bool,
    /// The body of a `POST`, or a query string.
    pub params: &'a str,
    /// The `Idempotency-Key` header.
    pub key: Option<&'a str>,
    /// The token of the `Authorization` header.
    pub bearer: Option<&'a str>,
}

/// What HTTP answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpReply {
    /// The status.
    pub status: u16,
    /// `application/json`, or `application/problem+json` where the status is no success.
    pub body: Vec<u8>,
    /// For the `Retry-After` header.
    pub retry_after_ms: Option<u64>,
}

/// The answer, or the number under which it will come from [`Core::take_http`].
#[derive(Debug)]
pub enum HttpAnswer {
    /// Here it is.
    Now(HttpReply),
    /// It waits for the engine.
    Later(Key),
}

impl HttpReply {
    /// An error as `application/problem+json`.
    #[must_use]
    pub fn problem(error: &WireError) -> Self {
        problem(error)
    }
}

/// An HTTP request that waits for the engine.
#[derive(Debug)]
pub(crate) struct Waiting;

impl Core {
    /// A call of the API has come in.
    pub fn http(&mut self, own: Timestamp, request: &HttpRequest<'_>) -> HttpAnswer {
        let now = self.clock.now(own);
        let name = request.method.replace('/', ".");
        let waiting = self.http.insert(Waiting);
        match self.http_call(now, waiting, &name, request) {
            // Echoed replies are there already; all others come from the engine.
            Ok(None) => match self.http_done.iter().position(|(key, _)| *key == waiting) {
                Some(at) => HttpAnswer::Now(self.http_done.swap_remove(at).1),
                None => HttpAnswer::Later(waiting),
            },
            Ok(Some(data)) => {
                self.http.remove(waiting);
                HttpAnswer::Now(success(&data))
            }
            Err(error) => {
                self.http.remove(waiting);
                if let Some(method) = Method::find(&name) {
                    self.metrics.replied(method.index, Some(error.code), 0);
                }
                HttpAnswer::Now(problem(&error))
            }
        }
    }

    /// Answers that have come since the last call.
    pub fn take_http(&mut self, into: &mut Vec<(Key, HttpReply)>) {
        into.clear();
        std::mem::swap(&mut self.http_done, into);
    }

    /// The caller has gone: nobody waits for the answer any more. The request itself goes on.
    pub fn forget_http(&mut self, request: Key) {
        self.http.remove(request);
    }

    /// Sends a call on; `Some` is a result that the gateway gives itself.
    fn http_call(
        &mut self,
        now: Timestamp,
        waiting: Key,
        name: &str,
        request: &HttpRequest<'_>,
    ) -> Result<Option<Vec<u8>>, WireError> {
        let method = Method::find(name).ok_or_else(|| unknown_method(name))?;
        if request.is_get && method.kind == Kind::Command {
            return Err(WireError::invalid(
                "method",
                "POST: this method changes something",
                Some("GET".into()),
            ));
        }
        let mut params =
            if request.is_get { query_params(request.params)? } else { body_params(request.params)? };
        if let Some(key) = request.key {
            let beside = params.entry("key").or_insert_with(|| key.into());
            if beside.as_str() != Some(key) {
                return Err(WireError::invalid(
                    "key",
                    "the same as the Idempotency-Key header, or absent",
                    None,
                ));
            }
        }
        read_instants(&mut params);
        let text = Value::Object(params).to_string();
        let call = envelope::single(name, &text).map_err(|failed| failed.error)?;
        let identity = request.bearer.map(|token| self.verify(token, now)).transpose()?;
        if let Some(identity) = identity {
            let level = self.admission.account(identity.account);
            self.admission.take_account(level.as_ref(), now)?;
        }
        if method.rights == Rights::Account && identity.is_none() {
            return Err(WireError::new(Code::Unauthenticated));
        }
        let submission = Submission {
            owner: Owner::Http { request: waiting },
            account: identity.map(|identity| identity.account),
            t_in: now,
            deadline: self.deadline(now, call.common.deadline_ms)?,
            method,
            min_position: 0,
        };
        match call.call {
            Call::Command(command) => {
                self.submit_command(now, &submission, &call.common, command)?;
            }
            Call::Query(query) => self.submit_query(&submission, query)?,
            Call::Session(SessionCall::Ping(ping)) => {
                let mut data = Vec::new();
                pack::write_map(&mut data, 2);
                pack::write_name(&mut data, "t0");
                pack::write_value(&mut data, &ping.t0);
                pack::write_name(&mut data, "time");
                pack::write_int(&mut data, now.0);
                self.metrics.replied(method.index, None, 0);
                return Ok(Some(data));
            }
            Call::Session(_) => {
                return Err(WireError::invalid(
                    "method",
                    "called over a WebSocket (GET /ws)",
                    Some("HTTP".into()),
                ));
            }
            Call::NotImplemented => return Err(WireError::new(Code::NotImplemented)),
        }
        Ok(None)
    }

    /// The engine has answered an HTTP request.
    pub(crate) fn http_finished(
        &mut self,
        now: Timestamp,
        request: Key,
        t_in: Timestamp,
        method: u8,
        done: &Done<'_>,
    ) {
        self.metrics.replied(method, done.code(), (now.0 - t_in.0).max(0) as u64);
        if self.http.remove(request).is_none() {
            return;
        }
        let reply = match done {
            Done::Accepted { seq, replayed, answer } => {
                let mut data = Vec::with_capacity(192);
                reply::write_answer(&mut data, answer, *seq, *replayed);
                success(&data)
            }
            Done::Data(data) => success(data),
            Done::Error(error) => problem(error),
        };
        self.http_done.push((request, reply));
    }
}

/// A result from MessagePack.
fn success(data: &[u8]) -> HttpReply {
    let mut body = Vec::with_capacity(data.len() * 2);
    match to_json(&mut body, data, Instants::Rfc3339) {
        Ok(()) => HttpReply { status: 200, body, retry_after_ms: None },
        Err(error) => {
            tracing::error!(%error, "the engine's data cannot be read");
            problem(&WireError::new(Code::Internal))
        }
    }
}

/// An error as `application/problem+json`.
fn problem(error: &WireError) -> HttpReply {
    let (mut packed, mut body) = (Vec::new(), Vec::new());
    // By way of MessagePack, since that is what knows instants by their names.
    pack::write_value(&mut packed, &Problem(error));
    let _ = to_json(&mut body, &packed, Instants::Rfc3339);
    HttpReply { status: error.code.http_status(), body, retry_after_ms: error.retry_after_ms }
}

/// The object of a `POST`; nothing is an empty one.
fn body_params(body: &str) -> Result<Map<String, Value>, WireError> {
    if body.trim().is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_str(body) {
        Ok(Value::Object(params)) => Ok(params),
        Ok(_) => Err(WireError::invalid("body", "a JSON object", Some("another kind of value".into()))),
        Err(error) => Err(WireError::invalid("body", "a JSON object", Some(error.to_string()))),
    }
}

/// `a=b&c=d`, percent-encoded.
fn query_params(query: &str) -> Result<Map<String, Value>, WireError> {
    let mut params = Map::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decoded = |text| {
            percent_decoded(text)
                .ok_or_else(|| WireError::invalid("query", "percent-encoded UTF-8", Some(quoted(pair))))
        };
        let (name, value) = (decoded(name)?, decoded(value)?);
        let number = value.parse::<u64>().ok().filter(|_| NUMBERS.contains(&name.as_str()));
        if params.insert(name, number.map_or(Value::String(value), Value::from)).is_some() {
            return Err(WireError::invalid("query", "each parameter once", Some(quoted(pair))));
        }
    }
    Ok(params)
}

fn quoted(text: &str) -> String {
    text.chars().take(64).collect()
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: u8| (byte as char).to_digit(16);
                let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
                (high * 16 + low) as u8
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// Makes the instants of a call integers, as the methods know them. A text that is no instant is left for the method
/// to refuse.
fn read_instants(params: &mut Map<String, Value>) {
    for (name, value) in params.iter_mut() {
        match value {
            Value::Object(nested) => read_instants(nested),
            Value::String(text) if is_instant(name) || PERIOD.contains(&name.as_str()) => {
                if let Some(instant) = parse_rfc3339(text) {
                    *value = instant.0.into();
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn query_strings() {
        let read = |query| query_params(query).map(Value::Object);
        assert_eq!(
            read("market=mkt_1&query=oak%20ch%C3%A4ir+x&limit=5").unwrap(),
            json!({"market": "mkt_1", "query": "oak chäir x", "limit": 5})
        );
        assert_eq!(read("").unwrap(), json!({}));
        for bad in ["a=%", "a=%zz", "a=%ff", "a=1&a=2"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn instants_become_integers() {
        let mut params = body_params(
            r#"{"opens_at":"1970-01-01T00:00:01Z","soft_close":{"hard_close_at":"1970-01-01T00:00:02Z"},"title":"1970-01-01T00:00:01Z","closes_at":"soon","from":"1970-01-01T00:00:03Z"}"#,
        )
        .unwrap();
        read_instants(&mut params);
        assert_eq!(
            Value::Object(params),
            json!({"opens_at": 1_000_000, "soft_close": {"hard_close_at": 2_000_000}, "title": "1970-01-01T00:00:01Z", "closes_at": "soon", "from": 3_000_000})
        );
        assert!(body_params("[1]").is_err() && body_params("{").is_err());
    }
}
