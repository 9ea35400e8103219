//! A gateway that sends every WebSocket message back as it came, for suites that test frames: the listener, TLS, sockets and
//! WebSockets are the gateway's own. `cargo run -p vendue-gateway --example conformance` prints a `ws://` and a `wss://`
//! address, and ends when its standard input does.
#![allow(clippy::unwrap_used)] // A tool of the tests: what it cannot do, it says by panicking.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::Path;

use vendue_gateway::{Gateway, GatewayHandle, GatewayOptions};

/// A suite never says `connect`, and some of its cases are slow.
const CONNECT_WITHIN_MS: u64 = 600_000;

fn start(directory: &Path, certificate: Option<&Path>) -> GatewayHandle {
    let options = GatewayOptions {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        engine_socket: directory.join("engine.sock"),
        token_secret: directory.join("token.secret"),
        tls_certificate: certificate.map(|path| path.join("certificate.pem")),
        tls_key: certificate.map(|path| path.join("key.pem")),
        connect_within_ms: CONNECT_WITHIN_MS,
        address_rate: 0,
        echo: true,
        echo_frames: true,
        ..GatewayOptions::default()
    };
    Gateway::start(options).unwrap()
}

fn main() {
    let directory = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    std::fs::write(directory.path().join("certificate.pem"), made.cert.pem()).unwrap();
    std::fs::write(directory.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let plain = start(directory.path(), None);
    let secure = start(directory.path(), Some(directory.path()));
    let mut out = std::io::stdout();
    writeln!(out, "ws://{}/ws\nwss://{}/ws", plain.local_addr(), secure.local_addr()).unwrap();
    out.flush().unwrap();
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    plain.shutdown();
    secure.shutdown();
}
