//! Frames that break RFC 6455, by hand over TCP: what the gateway closes with. The Autobahn suite (tests/conformance) asks the
//! same and more, where it can be had; this table runs everywhere.
#![allow(clippy::unwrap_used)] // A test that cannot go on says so by panicking.

mod house;
mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use house::{House, PATIENCE};

const FIN: u8 = 0x80;
const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;
const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// A client's frame as RFC 6455 section 5.2 draws it: `first` holds FIN, the reserved bits and the opcode.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..=125 => bytes.push(0x80 | length as u8),
        length @ 126..=65_535 => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            bytes.push(0x80 | 127);
            bytes.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(&MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(FIN | CLOSE, &[&code.to_be_bytes(), reason].concat())
}

/// The head of a frame that announces so many bytes and brings none.
fn announced(length: u64) -> Vec<u8> {
    [&[FIN | TEXT, 0x80 | 127][..], &length.to_be_bytes(), &MASK].concat()
}

/// A socket whose upgrade is done.
fn upgraded(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
        .write_all(
            b"GET /ws HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n\
              sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: vendue.v1.json\r\n\r\n",
        )
        .unwrap();
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    stream
}

/// The next frame of the server: opcode and payload. Nothing: it has closed the connection.
fn next_frame(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 2];
    stream.read_exact(&mut head).ok()?;
    assert_eq!(head[0] & 0x70, 0, "the server sets a reserved bit");
    assert_eq!(head[1] & 0x80, 0, "the server masks");
    let length = match head[1] {
        126 => {
            let mut length = [0; 2];
            stream.read_exact(&mut length).unwrap();
            usize::from(u16::from_be_bytes(length))
        }
        length => usize::from(length),
    };
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).unwrap();
    Some((head[0] & 0x0F, payload))
}

/// Says `bytes` and reads to the end: the code of the close frame, which must be the last. `None`: closed without one.
fn closes_with(address: SocketAddr, bytes: &[u8]) -> Option<u16> {
    let mut stream = upgraded(address);
    stream.write_all(bytes).unwrap();
    let mut code = None;
    while let Some((opcode, payload)) = next_frame(&mut stream) {
        assert_eq!(code, None, "something follows the close frame");
        if opcode == CLOSE {
            code = Some(payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code)));
        }
    }
    code
}

#[tokio::test]
async fn each_broken_rule_has_its_close_code() {
    let house = House::open(|_| {});
    let address = house.address();
    let unmasked = vec![FIN | TEXT, 2, b'{', b'}'];
    let long = [b'x'; 126];
    let cases: Vec<(&str, Vec<u8>, u16)> = vec![
        // Section 5.2: bits and opcodes that mean nothing.
        ("reserved bit 1", frame(FIN | 0x40 | TEXT, b"{}"), 1002),
        ("reserved bit 2", frame(FIN | 0x20 | TEXT, b"{}"), 1002),
        ("reserved bit 3 on a ping", frame(FIN | 0x10 | PING, b""), 1002),
        ("data opcode 3", frame(FIN | 0x3, b""), 1002),
        ("data opcode 7", frame(FIN | 0x7, b""), 1002),
        ("control opcode 11", frame(FIN | 0xB, b""), 1002),
        ("control opcode 15", frame(FIN | 0xF, b""), 1002),
        // Section 5.1: a client masks.
        ("a text without a mask", unmasked, 1002),
        ("a ping without a mask", vec![FIN | PING, 0], 1002),
        // Section 5.5: control frames are short and whole.
        ("a ping in fragments", frame(PING, b"a"), 1002),
        ("a pong in fragments", frame(PONG, b""), 1002),
        ("a close in fragments", frame(CLOSE, &1000_u16.to_be_bytes()), 1002),
        ("a ping of 126 bytes", frame(FIN | PING, &long), 1002),
        ("a close of 126 bytes", frame(FIN | CLOSE, &long), 1002),
        // Section 5.4: fragments.
        ("a continuation of nothing", frame(FIN | CONTINUATION, b"{}"), 1002),
        ("a continuation of nothing that goes on", frame(CONTINUATION, b"{}"), 1002),
        ("a message within a message", [frame(TEXT, b"{"), frame(FIN | TEXT, b"}")].concat(), 1002),
        ("a binary within a text", [frame(TEXT, b"{"), frame(FIN | BINARY, b"}")].concat(), 1002),
        // Section 8.1: text is UTF-8.
        ("text: a byte that never is", frame(FIN | TEXT, b"\xFF"), 1007),
        ("text: overlong", frame(FIN | TEXT, b"\xC0\xAF"), 1007),
        ("text: a surrogate", frame(FIN | TEXT, b"\xED\xA0\x80"), 1007),
        ("text: beyond U+10FFFF", frame(FIN | TEXT, b"\xF4\x90\x80\x80"), 1007),
        ("text: breaks off", frame(FIN | TEXT, b"\xE2\x82"), 1007),
        (
            "text: broken over fragments",
            [frame(TEXT, b"\xE2\x82"), frame(FIN | CONTINUATION, b"x")].concat(),
            1007,
        ),
        ("a close whose reason is no text", close(1000, b"\xFF"), 1007),
        // Section 7.4: codes of a close.
        ("a close of one byte", frame(FIN | CLOSE, &[3]), 1002),
        ("close code 0", close(0, b""), 1002),
        ("close code 999", close(999, b""), 1002),
        ("close code 1004", close(1004, b""), 1002),
        ("close code 1005", close(1005, b""), 1002),
        ("close code 1006", close(1006, b""), 1002),
        ("close code 1015", close(1015, b""), 1002),
        ("close code 2999", close(2999, b""), 1002),
        // Our own limit (PROTOCOL section 1): told before a byte of it has come.
        ("a length of 256 KiB and one", announced(256 * 1024 + 1), 4001),
        ("a length of 2^40", announced(1 << 40), 4001),
        ("the largest length", announced(i64::MAX as u64), 4001),
        // What is right is answered in kind: the table can tell.
        ("close code 1000", close(1000, b"bye"), 1000),
        ("close code 3000", close(3000, b""), 3000),
        ("close code 4999", close(4999, b""), 4999),
        ("a close that says nothing", frame(FIN | CLOSE, b""), 1005),
        (
            "a character over two fragments, a ping between, a close",
            [
                frame(TEXT, b"\xE2\x82"),
                frame(FIN | PING, b"p"),
                frame(FIN | CONTINUATION, b"\xAC"),
                close(1000, b""),
            ]
            .concat(),
            1000,
        ),
    ];
    let wrong: Vec<String> = cases
        .into_iter()
        .filter_map(|(name, bytes, expected)| {
            let code = closes_with(address, &bytes);
            (code != Some(expected)).then(|| format!("{name}: {code:?}, not {expected}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn a_ping_is_answered_within_a_message_in_fragments() {
    let house = House::open(|_| {});
    let mut stream = upgraded(house.address());
    let (begin, end) = br#"{"id": 0, "method": "connect"}"#.split_at(9);
    let bytes = [
        frame(TEXT, begin),
        frame(FIN | PING, b"are you there"),
        frame(FIN | PONG, b"nobody asked"),
        frame(CONTINUATION, b""),
        frame(FIN | CONTINUATION, end),
    ];
    // Byte by byte: no frame comes whole.
    for byte in bytes.concat() {
        stream.write_all(&[byte]).unwrap();
    }
    assert_eq!(next_frame(&mut stream).unwrap(), (PONG, b"are you there".to_vec()));
    let (opcode, reply) = next_frame(&mut stream).unwrap();
    assert_eq!(opcode, TEXT);
    assert!(String::from_utf8(reply).unwrap().contains(r#""ok":true"#));
}

#[tokio::test]
async fn echoed_frames_come_back_as_they_came() {
    let house = House::open_unready(|options| options.echo_frames = true);
    let mut stream = upgraded(house.address());
    for (opcode, payload) in [(TEXT, &b"not a request"[..]), (BINARY, &[0xC1, 0, 0xFF]), (TEXT, b"")] {
        stream.write_all(&frame(FIN | opcode, payload)).unwrap();
        assert_eq!(next_frame(&mut stream).unwrap(), (opcode, payload.to_vec()));
    }
    assert_eq!(closes_with(house.address(), &frame(FIN | TEXT, b"\xFF")), Some(1007));
}
