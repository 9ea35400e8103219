//! Clients that mean harm, on the real socket: each gets its refusal, and everybody else goes on being served.
#![allow(clippy::unwrap_used)] // A test that cannot go on says so by panicking.

mod house;
mod support;

use std::io::{Read, Write};
use std::net::TcpStream;

use futures_util::{SinkExt, StreamExt};
use house::{House, PATIENCE, hear, http, post, send, token};
use serde_json::{Value, json};
use support::{bid, code, lot};
use tokio_tungstenite::tungstenite::Message;

/// As deep as a frame's bytes allow, about: a reader that calls itself for each level would be out of stack.
const DEEP: usize = 100_000;

/// A gateway that waits for slow clients no longer than a test likes to.
fn impatient() -> House {
    House::open(|options| options.request_within_ms = 200)
}

/// What the server says to the bytes of a client that then waits, until it hangs up.
fn say(house: &House, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(house.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // The server may hang up before it has read everything.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error)
            if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
        {
            panic!("the server holds on to {} bytes that lead nowhere", bytes.len())
        }
        _ => String::from_utf8_lossy(&answer).into_owned(),
    }
}

fn is_served(house: &House) {
    assert!(http(house.address(), "GET /livez HTTP/1.1\r\n", "").0.starts_with("HTTP/1.1 200"));
}

#[test]
fn a_head_that_never_ends_is_hung_up_on() {
    let house = impatient();
    for head in ["", "GET", "GET /livez HTTP/1.1\r\nhost: x\r\n", "GET /livez HTTP/1.1\r\nhost: x\r\nx: y"] {
        let answer = say(&house, head.as_bytes());
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{head:?}: {answer}");
        is_served(&house);
    }
}

#[test]
fn a_body_that_never_ends_is_refused() {
    let house = impatient();
    let head = "POST /v1/lot.bid HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{\"lot\":";
    let answer = say(&house, head.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("sent whole within 200 ms"), "{answer}");
    is_served(&house);
}

#[test]
fn heads_are_bounded() {
    let house = impatient();
    let long = "x".repeat(1 << 20);
    let many: String = (0..1_000).map(|number| format!("x{number}: y\r\n")).collect();
    for head in [
        format!("GET /livez HTTP/1.1\r\nhost: x\r\nx: {long}\r\n\r\n"),
        format!("GET /{long} HTTP/1.1\r\nhost: x\r\n\r\n"),
        format!("GET /livez HTTP/1.1\r\nhost: x\r\n{many}\r\n"),
    ] {
        let answer = say(&house, head.as_bytes());
        // Hung up on while it was still talking, a client may not hear why.
        let is_refused =
            ["HTTP/1.1 431", "HTTP/1.1 414", "HTTP/1.1 400"].iter().any(|one| answer.starts_with(one));
        assert!(is_refused || answer.is_empty(), "{:.100}", answer);
        is_served(&house);
    }
}

#[test]
fn bodies_are_bounded_and_never_unpacked() {
    let house = impatient();
    let (head, reply) = post(&house, "/v1/lot.bid", "", &json!({"x": "y".repeat(1 << 20)}));
    assert!(head.is_empty() || head.starts_with("HTTP/1.1 413"), "{head} {reply}");
    // A body that says it is packed is read as it is: what a bomb would unfold to is never made.
    let (head, reply) = post(
        &house,
        "/v1/lot.bid",
        &format!("authorization: Bearer {}\r\ncontent-encoding: gzip\r\n", token(7)),
        &json!({"lot": lot(5), "amount": 100, "key": "k"}),
    );
    assert!(head.starts_with("HTTP/1.1 200"), "{head} {reply}");
    let gzip = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    let mut request = format!(
        "POST /v1/lot.bid HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
        gzip.len()
    )
    .into_bytes();
    request.extend(gzip);
    assert!(say(&house, &request).starts_with("HTTP/1.1 400"));
    is_served(&house);
}

#[test]
fn compression_of_websockets_is_not_spoken() {
    let house = impatient();
    let head = "GET /ws HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
        sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-extensions: permessage-deflate\r\n\r\n";
    // A text frame with RSV1, "packed", empty and masked.
    let mut bytes = head.as_bytes().to_vec();
    bytes.extend([0xc1, 0x80, 0, 0, 0, 0]);
    let answer = say(&house, &bytes);
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    assert!(!answer.to_lowercase().contains("sec-websocket-extensions"), "{answer}");
    is_served(&house);
}

#[tokio::test]
async fn deep_nesting_is_refused() {
    let house = impatient();
    let deep = format!("{}{}", "[".repeat(DEEP), "]".repeat(DEEP));
    let address = house.address();
    let headers = format!("POST /v1/lot.bid HTTP/1.1\r\nauthorization: Bearer {}\r\n", token(7));
    for body in [deep.clone(), format!("{{\"lot\":{deep}}}"), "{\"a\":".repeat(DEEP / 4)] {
        let (head, _) = http(address, &headers, &body);
        assert!(head.starts_with("HTTP/1.1 400"), "{head}");
    }
    for text in [
        deep.clone(),
        format!("{{\"id\":1,\"method\":\"lot.bid\",\"params\":{deep}}}"),
        format!("{{\"id\":1,\"method\":\"lot.bid\",\"params\":{{\"x\":{deep}}}}}"),
        format!("{{\"id\":1,\"method\":\"ping\",\"params\":{{\"t0\":{deep}}}}}"),
        format!("{{\"id\":1,\"x\":{deep},\"method\":\"ping\"}}"),
    ] {
        let mut bidder = house.bidder("vendue.v1.json").await;
        bidder.send(Message::text(text.clone())).await.unwrap();
        refused(&mut bidder, &text).await;
    }
    let (one_map, name) = ([0x83_u8], |text: &str| [&[0xa0 | text.len() as u8], text.as_bytes()].concat());
    let arrays = [vec![0x91_u8; DEEP], vec![0xc0]].concat();
    let request = [
        &one_map[..],
        &name("id"),
        &[1],
        &name("method"),
        &name("ping"),
        &name("params"),
        &[0x81],
        &name("t0"),
        &arrays,
    ]
    .concat();
    for bytes in [arrays.clone(), request] {
        let mut bidder = house.bidder("vendue.v1.msgpack").await;
        bidder.send(Message::binary(bytes)).await.unwrap();
        refused(&mut bidder, &"MessagePack").await;
    }
    is_served(&house);
}

/// The next thing that is heard is a refusal: for the message, or for the whole connection.
async fn refused(socket: &mut house::Socket, what: &dyn std::fmt::Debug) {
    let heard = hear(socket).await;
    let is_refused = heard["ok"] == false || heard.get("closed").is_some();
    assert!(is_refused, "{:.80} {heard}", format!("{what:?}"));
}

#[tokio::test]
async fn floods_of_ids_and_channels_are_bounded() {
    let house = House::open(|options| options.subscriptions_max = 10);
    let mut guest = house.guest().await;
    // One id again and again: each request has its own answer.
    for _ in 0..1_000 {
        guest.feed(Message::text(r#"{"id":7,"method":"ping"}"#)).await.unwrap();
    }
    guest.flush().await.unwrap();
    for _ in 0..1_000 {
        let reply = hear(&mut guest).await;
        assert_eq!((&reply["id"], &reply["ok"]), (&json!(7), &json!(true)));
    }
    for id in ["-1", "9007199254740992", "1.5", "\"7\"", "1e3", "null"] {
        guest.send(Message::text(format!("{{\"id\":{id},\"method\":\"ping\"}}"))).await.unwrap();
        assert_eq!(code(&hear(&mut guest).await), "invalid_request", "{id}");
    }
    for number in 0..10 {
        let channel = format!("lot:{}", lot(number + 1));
        send(&mut guest, "json", &json!({"id": 1, "method": "subscribe", "params": {"channel": channel}}))
            .await;
        assert_eq!(hear(&mut guest).await["ok"], true);
    }
    let channel = format!("lot:{}", lot(99));
    send(&mut guest, "json", &json!({"id": 1, "method": "subscribe", "params": {"channel": channel}})).await;
    assert_eq!(code(&hear(&mut guest).await), "limit_exceeded");
    // More messages in one frame than a frame may have.
    let many: Vec<Value> = (0..1_025).map(|id| bid(id, 5, 100, "x")).collect();
    let mut bidder = house.bidder("vendue.v1.json").await;
    bidder.send(Message::text(Value::from(many).to_string())).await.unwrap();
    let mut heard = Vec::new();
    while let Some(Ok(Message::Text(text))) = bidder.next().await {
        heard.push(serde_json::from_str::<Value>(&text).unwrap());
    }
    let is_refused =
        |reply: &Value| code(reply) == "payload_too_large" || code(&reply[0]) == "payload_too_large";
    assert!(heard.iter().any(is_refused), "{heard:?}");
}
