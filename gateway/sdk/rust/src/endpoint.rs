//! One connection: the address, the upgrade, and the protocol's `connect`.

use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::{Message, WebSocketConfig};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

use crate::codec::{self, Incoming, Writer};
use crate::error::{Error, Outcome, ServerError};
use crate::options::Options;
use crate::tls;

/// Buffer for reading, in bytes: the library's default of 128 KiB is too much for a tool with thousands of connections.
const READ_BUFFER_BYTES: usize = 8 * 1024;
/// The largest message that is accepted, in bytes: four of the protocol's largest frames.
const MESSAGE_BYTES: usize = 1024 * 1024;
/// The most bytes that may wait to be sent: one largest frame for each message of a batch is never reached by this client.
const WRITE_BUFFER_BYTES: usize = 16 * 1024 * 1024;
/// The id of `connect`; other requests begin above it.
pub(crate) const CONNECT_ID: u64 = 0;
/// The default of the protocol, used where the server names none.
const HEARTBEAT_MS: u64 = 15_000;

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What the server said to `connect`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Session {
    /// The connection's name at the server.
    pub connection: Value,
    /// Whose commands these are; `None` for a guest.
    pub account: Option<String>,
    /// The account's roles anywhere.
    pub roles: Value,
    /// Version and epoch.
    pub server: Value,
    /// The server's time at the reply, microseconds since the Unix epoch.
    pub time: Option<i64>,
    /// How often the server sends a heartbeat.
    pub heartbeat_ms: Option<u64>,
    /// The limits in force, by name.
    pub limits: Value,
}

impl Session {
    /// How often the server sends a heartbeat, in milliseconds.
    #[must_use]
    pub fn heartbeat_ms(&self) -> u64 {
        self.heartbeat_ms.unwrap_or(HEARTBEAT_MS)
    }
}

/// Where to connect: the address, checked.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    url: String,
    authority: String,
    is_tls: bool,
}

impl Endpoint {
    pub(crate) fn parse(url: &str) -> Result<Self, Error> {
        let wrong = |why| Error::Url { url: url.to_owned(), why };
        let (scheme, rest) =
            url.split_once("://").ok_or_else(|| wrong("it does not begin with ws:// or wss://"))?;
        let is_tls = match scheme {
            "ws" | "http" => false,
            "wss" | "https" => true,
            _ => return Err(wrong("it does not begin with ws:// or wss://")),
        };
        let (host, path) = rest.split_once('/').map_or((rest, ""), |(host, path)| (host, path));
        if host.is_empty() || host.contains('@') {
            return Err(wrong("it names no host"));
        }
        let authority = if has_port(host) {
            host.to_owned()
        } else {
            format!("{host}:{}", if is_tls { 443 } else { 80 })
        };
        // A page's address is what people paste: the WebSocket lives at /ws.
        let path = if path.is_empty() { "ws" } else { path };
        let scheme = if is_tls { "wss" } else { "ws" };
        Ok(Self { url: format!("{scheme}://{host}/{path}"), authority, is_tls })
    }

    fn failed(&self, why: impl ToString) -> Error {
        Error::Connect { url: self.url.clone(), why: why.to_string() }
    }

    /// Connects once: TCP, upgrade, `connect` and its reply.
    pub(crate) async fn connect(&self, options: &Options) -> Result<(Socket, Session), Error> {
        let within = options.connect_timeout;
        timeout(within, self.attempt(options))
            .await
            .unwrap_or_else(|_| Err(self.failed(format!("no answer within {} ms", within.as_millis()))))
    }

    async fn attempt(&self, options: &Options) -> Result<(Socket, Session), Error> {
        let stream = TcpStream::connect(&self.authority).await.map_err(|error| self.failed(error))?;
        stream.set_nodelay(true).map_err(|error| self.failed(error))?;
        let mut request = self.url.as_str().into_client_request().map_err(|error| self.failed(error))?;
        let subprotocol = HeaderValue::from_static(options.encoding.subprotocol());
        request.headers_mut().insert("Sec-WebSocket-Protocol", subprotocol);
        let connector = if self.is_tls {
            Connector::Rustls(tls::config(options.ca_file.as_deref()).map_err(|why| self.failed(why))?)
        } else {
            Connector::Plain
        };
        let (mut socket, _) = client_async_tls_with_config(request, stream, Some(config()), Some(connector))
            .await
            .map_err(|error| self.failed(error))?;
        let session = self.greet(&mut socket, options).await?;
        Ok((socket, session))
    }

    async fn greet(&self, socket: &mut Socket, options: &Options) -> Result<Session, Error> {
        let mut params = json!({
            "client": {"name": options.name, "version": env!("CARGO_PKG_VERSION")},
            "batch": options.batch,
        });
        if let Some(token) = &options.token {
            params["token"] = json!(token);
        }
        let mut writer = Writer::new(options.encoding, options.batch);
        writer.push(CONNECT_ID, "connect", &params).map_err(|error| self.failed(error))?;
        for frame in writer.frames() {
            socket.send(frame).await.map_err(|error| self.failed(error))?;
        }
        loop {
            let message =
                socket.next().await.ok_or_else(|| self.failed("closed before the reply to connect"))?;
            let message = message.map_err(|error| self.failed(error))?;
            if let Message::Close(close) = &message {
                let (code, reason) = close_of(close.as_ref());
                return Err(self.refused(code, reason));
            }
            let read = codec::read(&message).map_err(|error| self.failed(error))?;
            if let Some(reply) = read.into_iter().find(|incoming| incoming.id == Some(CONNECT_ID)) {
                return self.session(reply);
            }
        }
    }

    fn session(&self, reply: Incoming) -> Result<Session, Error> {
        if !reply.ok {
            return Err(Error::Server(Box::new(reply.error.unwrap_or_else(unexplained))));
        }
        serde_json::from_value(reply.result)
            .map_err(|error| self.failed(format!("the reply to connect: {error}")))
    }

    fn refused(&self, code: Option<u16>, reason: String) -> Error {
        match crate::Return::for_code(code) {
            crate::Return::Never => Error::Closed { code, reason },
            _ => self.failed(format!("closed by the server: {reason}")),
        }
    }
}

fn has_port(host: &str) -> bool {
    // An IPv6 address stands in brackets; its colons are not a port's.
    host.rsplit_once(':')
        .is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|digit| digit.is_ascii_digit()))
}

fn config() -> WebSocketConfig {
    let mut config = WebSocketConfig::default();
    config.read_buffer_size = READ_BUFFER_BYTES;
    config.max_message_size = Some(MESSAGE_BYTES);
    config.max_frame_size = Some(MESSAGE_BYTES);
    config.max_write_buffer_size = WRITE_BUFFER_BYTES;
    config
}

/// Code and reason of a close frame.
pub(crate) fn close_of(
    close: Option<&tokio_tungstenite::tungstenite::protocol::CloseFrame>,
) -> (Option<u16>, String) {
    close.map_or_else(
        || (None, "the server closed the connection".to_owned()),
        |frame| (Some(frame.code.into()), frame.reason.to_string()),
    )
}

/// A refusal that brought no error with it: a server that does not keep to the protocol.
pub(crate) fn unexplained() -> ServerError {
    ServerError {
        code: "internal".into(),
        message: "the server said no without saying why".into(),
        temporary: false,
        outcome: Outcome::Unknown,
        retry_after_ms: None,
        details: Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked_and_completed() {
        let check = |url: &str, expected: Option<(&str, &str)>| {
            let parsed = Endpoint::parse(url).ok().map(|endpoint| (endpoint.url, endpoint.authority));
            let expected = expected.map(|(url, authority)| (url.to_owned(), authority.to_owned()));
            assert_eq!(parsed, expected, "{url}");
        };
        check("ws://127.0.0.1:7400/ws", Some(("ws://127.0.0.1:7400/ws", "127.0.0.1:7400")));
        check("http://127.0.0.1:7400/", Some(("ws://127.0.0.1:7400/ws", "127.0.0.1:7400")));
        check("http://127.0.0.1:7400", Some(("ws://127.0.0.1:7400/ws", "127.0.0.1:7400")));
        check("ws://market.example/ws", Some(("ws://market.example/ws", "market.example:80")));
        check("ws://[::1]:7400/ws", Some(("ws://[::1]:7400/ws", "[::1]:7400")));
        check("ws://[::1]/ws", Some(("ws://[::1]/ws", "[::1]:80")));
        check("wss://market.example/ws", Some(("wss://market.example/ws", "market.example:443")));
        check("https://market.example:7400/", Some(("wss://market.example:7400/ws", "market.example:7400")));
        check("ftp://market.example", None);
        check("127.0.0.1:7400", None);
        check("ws:///ws", None);
    }
}
