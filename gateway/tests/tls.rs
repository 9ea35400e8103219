//! TLS on the port, and web pages of other servers: over real sockets.
#![allow(clippy::unwrap_used)] // A test that cannot go on says so by panicking.

mod house;
mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use house::{House, PATIENCE, http, options, post, token};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use support::{bid, lot};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

type Secure = TlsStream<tokio::net::TcpStream>;

/// Writes a certificate of its own maker for `localhost`, and says what a client has to trust.
fn certificate(directory: &Path) -> (PathBuf, PathBuf, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let (certificate, key) = (directory.join("certificate.pem"), directory.join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (certificate, key, made.cert.der().clone())
}

async fn secure(house: &House, trusted: &CertificateDer<'static>) -> std::io::Result<Secure> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = tokio::net::TcpStream::connect(house.address()).await?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

async fn say(socket: &mut WebSocketStream<Secure>, value: &Value) {
    socket.send(Message::text(value.to_string())).await.unwrap();
}

async fn hear(socket: &mut WebSocketStream<Secure>) -> Value {
    let next = tokio::time::timeout(PATIENCE, socket.next()).await.expect("nothing came");
    match next.unwrap().unwrap() {
        Message::Text(text) => serde_json::from_str(&text).unwrap(),
        Message::Close(frame) => json!({"closed": frame.map(|frame| u16::from(frame.code))}),
        other => panic!("{other:?}"),
    }
}

async fn connected(house: &House, trusted: &CertificateDer<'static>) -> WebSocketStream<Secure> {
    let stream = secure(house, trusted).await.unwrap();
    let request = "wss://localhost/ws".into_client_request().unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
    say(&mut socket, &json!({"id": 0, "method": "connect", "params": {"token": token(7)}})).await;
    assert_eq!(hear(&mut socket).await["ok"], true);
    socket
}

fn house_with_tls() -> (House, tempfile::TempDir, CertificateDer<'static>) {
    let directory = tempfile::tempdir().unwrap();
    let (certificate, key, trusted) = certificate(directory.path());
    let house = House::open_unready(|options| {
        options.tls_certificate = Some(certificate);
        options.tls_key = Some(key);
    });
    (house, directory, trusted)
}

#[tokio::test]
async fn bids_and_events_through_tls() {
    let (house, _directory, trusted) = house_with_tls();
    let mut bidder = connected(&house, &trusted).await;
    let mut watcher = connected(&house, &trusted).await;
    let subscribe = json!({"id": 1, "method": "subscribe", "params": {"channel": format!("lot:{}", lot(5))}});
    say(&mut watcher, &subscribe).await;
    let from = hear(&mut watcher).await["result"]["seq"].as_u64().unwrap();
    // Many frames in one write, far more than one record of TLS: 16 KiB.
    for id in 1..=500 {
        let text = bid(id, 5, 100, &format!("key {id} {}", "x".repeat(40))).to_string();
        bidder.feed(Message::text(text)).await.unwrap();
    }
    bidder.flush().await.unwrap();
    for id in 1..=500 {
        let reply = hear(&mut bidder).await;
        assert_eq!((&reply["id"], &reply["ok"]), (&json!(id), &json!(true)), "{reply}");
    }
    for seq in from + 1..=from + 500 {
        assert_eq!(hear(&mut watcher).await["seq"], seq);
    }
    bidder.close(None).await.unwrap();
    while let Ok(Some(Ok(_))) = tokio::time::timeout(PATIENCE, bidder.next()).await {}
}

#[tokio::test]
async fn pages_over_tls_say_so_and_plain_http_is_told() {
    let (house, _directory, trusted) = house_with_tls();
    let mut stream = secure(&house, &trusted).await.unwrap();
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.to_lowercase().contains("strict-transport-security: max-age=31536000"), "{answer}");
    let (head, body) = http(house.address(), "GET /livez HTTP/1.1\r\n", "");
    assert!(head.starts_with("HTTP/1.1 400") && body.contains("https://"), "{head} {body}");
}

#[tokio::test]
async fn a_reload_brings_the_new_certificate_and_keeps_connections() {
    let (house, directory, old) = house_with_tls();
    let mut bidder = connected(&house, &old).await;
    let (certificate_path, key_path, new) = certificate(directory.path());
    let mut changed = options(&house.directory);
    changed.tls_certificate = Some(certificate_path);
    changed.tls_key = Some(key_path.clone());
    changed.heartbeat_ms = 1_234;
    let waiting = house.gateway.as_ref().unwrap().reload(&changed).unwrap();
    assert_eq!(waiting, ["the limits of gateway"]);
    assert!(secure(&house, &old).await.is_err(), "the old certificate is still shown");
    connected(&house, &new).await;
    say(&mut bidder, &bid(1, 5, 100, "still here")).await;
    assert_eq!(hear(&mut bidder).await["ok"], true);
    // What cannot be used changes nothing.
    std::fs::write(&key_path, "no key").unwrap();
    let refused = house.gateway.as_ref().unwrap().reload(&changed).unwrap_err();
    assert!(refused.to_string().contains("gateway.tls_key"), "{refused}");
    connected(&house, &new).await;
}

#[tokio::test]
async fn pages_of_other_servers() {
    let house = House::open(|options| options.allowed_origins = vec!["https://shop.example".into()]);
    let upgrade = |origin: &str| {
        let head = format!(
            "GET /ws HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{origin}"
        );
        let mut stream = std::net::TcpStream::connect(house.address()).unwrap();
        std::io::Write::write_all(&mut stream, format!("{head}host: market.example\r\n\r\n").as_bytes())
            .unwrap();
        let mut start = [0; 12];
        std::io::Read::read_exact(&mut stream, &mut start).unwrap();
        String::from_utf8_lossy(&start[9..]).into_owned()
    };
    for (origin, expected) in [
        ("", "101"),
        ("origin: http://market.example\r\n", "101"),
        ("origin: https://shop.example\r\n", "101"),
        ("origin: https://evil.example\r\n", "403"),
        ("origin: null\r\n", "403"),
    ] {
        assert_eq!(upgrade(origin), expected, "{origin}");
    }
    let allow = "access-control-allow-origin: https://shop.example";
    let preflight = |origin: &str| {
        let head = format!(
            "OPTIONS /v1/lot.bid HTTP/1.1\r\norigin: {origin}\r\naccess-control-request-method: POST\r\n"
        );
        http(house.address(), &head, "").0
    };
    let head = preflight("https://shop.example");
    assert!(
        head.starts_with("HTTP/1.1 204") && head.contains(allow) && head.contains("idempotency-key"),
        "{head}"
    );
    let head = preflight("https://evil.example");
    assert!(!head.starts_with("HTTP/1.1 2") && !head.contains("access-control-allow-origin"), "{head}");
    let get = |origin: &str| {
        post(&house, "/v1/lot.get", &format!("origin: {origin}\r\n"), &json!({"lot": lot(5)})).0
    };
    assert!(get("https://shop.example").contains(allow));
    let head = get("https://evil.example");
    assert!(head.starts_with("HTTP/1.1 200") && !head.contains("access-control-allow-origin"), "{head}");
}
