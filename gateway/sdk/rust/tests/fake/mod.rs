//! A server whose lines the test itself speaks.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// Listens; each connection is the test's to serve.
pub(crate) struct Fake {
    listener: TcpListener,
}

impl Fake {
    pub(crate) async fn start() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}/ws", self.listener.local_addr().unwrap())
    }

    /// The next connection, up to and including the request `connect`, unanswered.
    pub(crate) async fn accept_raw(&self) -> (Peer, Value) {
        let (stream, _) = self.listener.accept().await.unwrap();
        let mut binary = false;
        #[allow(clippy::result_large_err)]
        let echo = |request: &Request, mut response: Response| {
            let protocol = request.headers()["Sec-WebSocket-Protocol"].clone();
            binary = protocol == "vendue.v1.msgpack";
            response.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
            Ok(response)
        };
        let socket = tokio_tungstenite::accept_hdr_async(stream, echo).await.unwrap();
        let mut peer = Peer { socket, binary, queue: Vec::new() };
        let connect = peer.receive().await;
        assert_eq!(connect["method"], "connect");
        (peer, connect)
    }

    /// The next connection, greeted.
    pub(crate) async fn accept(&self) -> Peer {
        let (mut peer, connect) = self.accept_raw().await;
        let result = json!({"connection": "c1", "account": "acc_1", "roles": ["bidder"], "time": 1_000_000,
            "server": {"version": "0", "epoch": "9f2c"}, "heartbeat_ms": 15_000, "limits": {}, "new": 1});
        peer.answer(&connect, result).await;
        peer
    }
}

/// One connection.
pub(crate) struct Peer {
    socket: WebSocketStream<TcpStream>,
    binary: bool,
    queue: Vec<Value>,
}

impl Peer {
    /// The next request.
    pub(crate) async fn receive(&mut self) -> Value {
        while self.queue.is_empty() {
            let frame = match self.socket.next().await.unwrap().unwrap() {
                Message::Text(text) => serde_json::from_str(&text).unwrap(),
                Message::Binary(bytes) => rmp_serde::from_slice(&bytes).unwrap(),
                _ => continue,
            };
            match frame {
                Value::Array(messages) => self.queue = messages,
                one => self.queue = vec![one],
            }
        }
        self.queue.remove(0)
    }

    /// The next request, which must be this one.
    pub(crate) async fn expect(&mut self, method: &str) -> Value {
        let request = self.receive().await;
        assert_eq!(request["method"], method, "{request}");
        request
    }

    pub(crate) async fn send(&mut self, message: Value) {
        let frame = if self.binary {
            Message::binary(rmp_serde::to_vec_named(&message).unwrap())
        } else {
            Message::text(message.to_string())
        };
        self.socket.send(frame).await.unwrap();
    }

    pub(crate) async fn answer(&mut self, request: &Value, result: Value) {
        self.send(json!({"id": request["id"], "ok": true, "result": result, "t_in": 5, "t_out": 6})).await;
    }

    pub(crate) async fn refuse(&mut self, request: &Value, code: &str, outcome: &str, temporary: bool) {
        let error = json!({"code": code, "message": "m", "temporary": temporary, "outcome": outcome,
            "retry_after_ms": null, "details": {"min_next_amount": 10_500}});
        self.send(json!({"id": request["id"], "ok": false, "error": error, "t_in": 5, "t_out": 6})).await;
    }

    pub(crate) async fn event(&mut self, seq: u64, data: Value) {
        let event = json!({"channel": "lot:lot_1", "epoch": "9f2c", "seq": seq, "ts": 7, "type": "price_changed", "data": data});
        self.send(event).await;
    }

    pub(crate) async fn close(mut self, code: u16) {
        let frame = CloseFrame { code: code.into(), reason: "because".into() };
        self.socket.close(Some(frame)).await.unwrap();
        // The client's answer to the close.
        while let Some(Ok(_)) = self.socket.next().await {}
    }
}
