//! A whole gateway on a free port with an engine that says yes, and clients of tokio-tungstenite and by hand.
#![allow(clippy::unwrap_used)] // A test that cannot go on says so by panicking.
#![allow(dead_code, unreachable_pub)] // Shared by several tests; none uses all of it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use vendue_gateway::auth::{Claims, mint};
use vendue_gateway::{Gateway, GatewayHandle, GatewayOptions};
use vendue_protocol::channel::Channel;
use vendue_protocol::domain::id::{AccountId, LotId};
use vendue_protocol::domain::time::Timestamp;
use vendue_protocol::link::{
    CommandItem, EventItem, FollowItem, FrameBuilder, FrameKind, Items, LINK_VERSION, QueryItem, Reply,
    ReplyItem, Welcome, split_frame, write_record_frame,
};
use vendue_protocol::query::Query;

use crate::support::{EPOCH, SECRET, accepted, pack};

/// Far longer than anything here takes; a test that hangs ends with a message.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

/// An engine that says yes to every command, shows every lot, and publishes one event for each command.
pub struct FakeEngine {
    listener: UnixListener,
    /// Set: commands are swallowed, and the link is closed.
    fails: Arc<AtomicBool>,
}

impl FakeEngine {
    pub fn start(path: &Path) -> Arc<AtomicBool> {
        let fails = Arc::new(AtomicBool::new(false));
        let engine = Self { listener: UnixListener::bind(path).unwrap(), fails: Arc::clone(&fails) };
        std::thread::spawn(move || engine.run());
        fails
    }

    fn run(self) {
        let mut seq = 0;
        for stream in self.listener.incoming() {
            let Ok(stream) = stream else { return };
            // A link that ends is an error of reading; the next one is accepted.
            let _ = self.serve(stream, &mut seq);
        }
    }

    fn serve(&self, mut stream: UnixStream, seq: &mut u64) -> std::io::Result<()> {
        let (mut input, mut chunk) = (Vec::new(), vec![0; 65_536]);
        loop {
            let count = stream.read(&mut chunk)?;
            if count == 0 {
                return Ok(());
            }
            input.extend_from_slice(&chunk[..count]);
            let mut taken = 0;
            let mut output = Vec::new();
            while let Some((kind, payload, length)) = split_frame(&input[taken..]).unwrap() {
                if kind == FrameKind::Commands && self.fails.load(Ordering::SeqCst) {
                    self.fails.store(false, Ordering::SeqCst);
                    return Ok(());
                }
                output = answer(kind, payload, output, seq);
                taken += length;
            }
            input.drain(..taken);
            stream.write_all(&output)?;
        }
    }
}

pub fn answer(kind: FrameKind, payload: &[u8], mut output: Vec<u8>, seq: &mut u64) -> Vec<u8> {
    if kind == FrameKind::Hello {
        let welcome = Welcome {
            link_version: LINK_VERSION,
            cell: 1,
            epoch: EPOCH,
            version: "fake".into(),
            time: Timestamp(1_900_000_000_000_000),
            key_window_ms: 1_000,
            deadline_max_ms: 60_000,
        };
        write_record_frame(&mut output, FrameKind::Welcome, &welcome);
        return output;
    }
    let mut events = Vec::new();
    let mut replies = FrameBuilder::new(output, FrameKind::Replies);
    for item in Items::new(payload) {
        let item = item.unwrap();
        let mut reply = |request, reply| replies.item(|out| ReplyItem { request, reply }.encode(out));
        match kind {
            FrameKind::Commands => {
                *seq += 1;
                events.push(*seq);
                reply(CommandItem::decode(item).unwrap().request, accepted(*seq, *seq, 100 + *seq));
            }
            FrameKind::Queries => {
                let query = QueryItem::decode(item).unwrap();
                let data = match query.query {
                    Query::WhoAmI(_) => json!({"known": true, "roles": ["bidder"]}),
                    Query::LotGet(get) => {
                        json!({"lot": get.lot.to_string(), "opens_at": 0, "title": "Chair"})
                    }
                    other => panic!("{other:?}"),
                };
                reply(query.request, Reply::Data(&pack(&data)));
            }
            _ => {
                let follow = FollowItem::decode(item).unwrap();
                let snapshot =
                    if follow.after == *seq && *seq > 0 { Vec::new() } else { pack(&json!({"price": *seq})) };
                reply(follow.request, Reply::Followed { seq: *seq, snapshot: &snapshot });
            }
        }
    }
    let mut frame = FrameBuilder::new(replies.finish(), FrameKind::Events);
    for seq in events {
        frame.item(|out| {
            EventItem::encode_head(
                out,
                Channel::Lot(LotId::from_u128(5)),
                seq,
                Timestamp(1),
                "price_changed",
            );
            out.extend_from_slice(&pack(&json!({"price": seq})));
        });
    }
    frame.finish()
}

pub struct House {
    pub gateway: Option<GatewayHandle>,
    pub engine_fails: Arc<AtomicBool>,
    pub directory: TempDir,
}

impl House {
    /// As [`Self::open`], without waiting for the link to the engine: requests wait for it themselves.
    pub fn open_unready(change: impl FnOnce(&mut GatewayOptions)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("token.secret"), SECRET).unwrap();
        let engine_fails = FakeEngine::start(&directory.path().join("engine.sock"));
        let mut options = options(&directory);
        change(&mut options);
        let gateway = Gateway::start(options).unwrap();
        Self { gateway: Some(gateway), engine_fails, directory }
    }

    pub fn open(change: impl FnOnce(&mut GatewayOptions)) -> Self {
        let house = Self::open_unready(change);
        while !http(house.address(), "GET /readyz HTTP/1.1\r\n", "").0.starts_with("HTTP/1.1 200") {
            std::thread::yield_now();
        }
        house
    }

    pub fn address(&self) -> SocketAddr {
        self.gateway.as_ref().unwrap().local_addr()
    }

    pub async fn guest(&self) -> Socket {
        self.client("vendue.v1.json", json!({})).await
    }

    pub async fn bidder(&self, protocol: &str) -> Socket {
        self.client(protocol, json!({"token": token(7)})).await
    }

    pub async fn client(&self, protocol: &str, params: Value) -> Socket {
        let mut request = format!("ws://{}/ws", self.address()).into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", protocol.parse().unwrap());
        let (mut socket, response) = tokio_tungstenite::connect_async(request).await.unwrap();
        assert_eq!(response.headers()["sec-websocket-protocol"], protocol);
        send(&mut socket, protocol, &json!({"id": 0, "method": "connect", "params": params})).await;
        let reply = hear(&mut socket).await;
        assert_eq!(reply["ok"], true, "{reply}");
        socket
    }
}

pub fn options(directory: &TempDir) -> GatewayOptions {
    GatewayOptions {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        engine_socket: directory.path().join("engine.sock"),
        token_secret: directory.path().join("token.secret"),
        drain_ms: 1_000,
        ..GatewayOptions::default()
    }
}

pub fn token(account: u128) -> String {
    let sub = AccountId::from_u128(account).to_string();
    mint(SECRET, &Claims { sub, exp: 4_000_000_000, nbf: None, iat: None, iss: None, aud: None }).unwrap()
}

pub async fn send(socket: &mut Socket, protocol: &str, value: &Value) {
    let message = if protocol.ends_with("json") {
        Message::text(value.to_string())
    } else {
        Message::binary(pack(value))
    };
    socket.send(message).await.unwrap();
}

pub async fn hear(socket: &mut Socket) -> Value {
    let next = tokio::time::timeout(PATIENCE, socket.next()).await.expect("nothing came");
    match next.unwrap().unwrap() {
        Message::Text(text) => serde_json::from_str(&text).unwrap(),
        Message::Binary(bytes) => rmp_serde::from_slice(&bytes).unwrap(),
        Message::Close(frame) => json!({"closed": frame.map(|frame| u16::from(frame.code))}),
        other => panic!("{other:?}"),
    }
}

/// One HTTP request by hand: the head (to which the closing header is added) and the body.
pub fn http(address: SocketAddr, head: &str, body: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request =
        format!("{head}host: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    // A server that refuses a large body may close before it has read all of it.
    let _ = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    (head.to_lowercase().replacen("http/1.1", "HTTP/1.1", 1), body.to_owned())
}

pub fn post(house: &House, path: &str, headers: &str, body: &Value) -> (String, Value) {
    let (head, body) =
        http(house.address(), &format!("POST {path} HTTP/1.1\r\n{headers}"), &body.to_string());
    (head, serde_json::from_str(&body).unwrap_or(Value::String(body)))
}
