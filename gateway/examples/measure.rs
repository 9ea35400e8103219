//! Two figures of a gateway over real sockets, without an engine: bytes for an idle connection, and bids a second in
//! echo mode, pipelined. `cargo run --release -p vendue-gateway --example measure -- [connections] [seconds]`
//!
//! Client and gateway share this process: the client's part of the memory is a file descriptor for each connection, its
//! part of the work is stated as the share of its own threads' time.
#![allow(clippy::unwrap_used)] // A measurement that cannot go on says so by panicking.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vendue_gateway::auth::{Claims, mint, open_secret};
use vendue_gateway::{Gateway, GatewayOptions};
use vendue_protocol::domain::id::{AccountId, LotId};

/// Bids in one write.
const BURST: usize = 64;
/// Bursts under way on each connection.
const DEPTH: usize = 8;
/// Connections of the throughput part.
const CLIENTS: usize = 4;

fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>().unwrap());
    let connections = arguments.next().unwrap_or(500);
    let seconds = arguments.next().unwrap_or(3);
    let directory = tempfile::tempdir().unwrap();
    let options = GatewayOptions {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        token_secret: directory.path().join("token.secret"),
        echo: true,
        account_rate: 0,
        address_rate: 0,
        ..GatewayOptions::default()
    };
    let secret = open_secret(&options.token_secret).unwrap();
    let sub = AccountId::from_u128(7).to_string();
    let token =
        mint(&secret, &Claims { sub, exp: 4_000_000_000, nbf: None, iat: None, iss: None, aud: None })
            .unwrap();
    let gateway = Gateway::start(options).unwrap();
    let address = gateway.local_addr();
    idle(address, connections);
    for protocol in ["vendue.v1.json", "vendue.v1.msgpack"] {
        pipelined(address, protocol, &token, Duration::from_secs(seconds));
    }
    gateway.shutdown();
}

fn idle(address: SocketAddr, connections: u64) {
    // The first ones make the allocator's and the runtime's own room.
    let _warm: Vec<_> = (0..50).map(|_| open(address, "vendue.v1.json", &json!({}))).collect();
    let before = resident_bytes();
    let _open: Vec<_> = (0..connections).map(|_| open(address, "vendue.v1.json", &json!({}))).collect();
    let each = resident_bytes().saturating_sub(before) / connections;
    println!("idle connections: {connections}, resident bytes for each: {each}");
}

fn pipelined(address: SocketAddr, protocol: &'static str, token: &str, time: Duration) {
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let stream = open(address, protocol, &json!({ "token": token }));
            std::thread::spawn(move || flood(stream, protocol, time))
        })
        .collect();
    let rate: f64 = clients.into_iter().map(|client| client.join().unwrap()).sum();
    println!("echo, {protocol}, {CLIENTS} connections with {} in flight: {rate:.0} bids/s", BURST * DEPTH);
}

/// Keeps `DEPTH` bursts under way; the rate that it saw.
fn flood(mut stream: TcpStream, protocol: &str, time: Duration) -> f64 {
    let lot = LotId::from_u128(5).to_string();
    let burst: Vec<u8> = (0..BURST)
        .flat_map(|id| {
            let params = json!({"lot": lot, "amount": 10_500, "key": format!("c0ffee-{id:09}")});
            client_frame(protocol, &json!({"id": id, "method": "lot.bid", "params": params}))
        })
        .collect();
    let (mut replies, mut buffer, began) = (Replies::default(), vec![0; 256 * 1024], Instant::now());
    let (mut sent, mut heard) = (0, 0);
    while began.elapsed() < time {
        while sent - heard <= BURST * (DEPTH - 1) {
            stream.write_all(&burst).unwrap();
            sent += BURST;
        }
        let count = stream.read(&mut buffer).unwrap();
        heard += replies.count(&buffer[..count]);
    }
    heard as f64 / began.elapsed().as_secs_f64()
}

/// Counts the frames in a server's bytes without looking into them.
#[derive(Default)]
struct Replies {
    kept: Vec<u8>,
}

impl Replies {
    fn count(&mut self, bytes: &[u8]) -> usize {
        self.kept.extend_from_slice(bytes);
        let (mut at, mut count) = (0, 0);
        while let Some(length) =
            frame_length(&self.kept[at..]).filter(|length| at + length <= self.kept.len())
        {
            at += length;
            count += 1;
        }
        self.kept.drain(..at);
        count
    }
}

fn frame_length(bytes: &[u8]) -> Option<usize> {
    match *bytes.get(1)? {
        126 => Some(4 + usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => Some(10 + u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?) as usize),
        short => Some(2 + usize::from(short)),
    }
}

fn client_frame(protocol: &str, value: &Value) -> Vec<u8> {
    let is_json = protocol.ends_with("json");
    let payload =
        if is_json { serde_json::to_vec(value).unwrap() } else { rmp_serde::to_vec_named(value).unwrap() };
    let mut frame = vec![if is_json { 0x81 } else { 0x82 }, 0x80 | 126];
    if payload.len() < 126 {
        frame[1] = 0x80 | payload.len() as u8;
    } else {
        frame.extend_from_slice(&u16::try_from(payload.len()).unwrap().to_be_bytes());
    }
    let mask = [1, 2, 3, 4];
    frame.extend_from_slice(&mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// A WebSocket that has said `connect` and heard the reply.
fn open(address: SocketAddr, protocol: &str, params: &Value) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let head = format!(
        "GET /ws HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: {protocol}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut byte = [0];
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&answer));
    stream
        .write_all(&client_frame(protocol, &json!({"id": 0, "method": "connect", "params": params})))
        .unwrap();
    let mut replies = Replies::default();
    let mut buffer = [0; 4_096];
    loop {
        let count = stream.read(&mut buffer).unwrap();
        if replies.count(&buffer[..count]) > 0 {
            return stream;
        }
    }
}

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap() * 4_096
}
