//! WebSocket frames by hand (RFC 6455, section 5.2): the client's with a mask, the server's without.

/// What a frame holds; the numbers are the wire's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    /// UTF-8.
    Text = 1,
    /// Bytes.
    Binary = 2,
    /// The end, with a code and a reason.
    Close = 8,
    /// To be answered with a pong.
    Ping = 9,
    /// The answer.
    Pong = 10,
}

const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;
const LENGTH_16: u8 = 126;
const LENGTH_64: u8 = 127;

/// Appends one masked frame. `payload` writes its bytes; they are masked in place afterwards.
pub fn write(out: &mut Vec<u8>, opcode: Opcode, mask: u32, payload: impl FnOnce(&mut Vec<u8>)) {
    // The payload is written where the shortest header ends; a longer header moves it. Frames of this tool are either short
    // (one message) or so long that one move in memory does not count.
    let start = out.len();
    out.extend_from_slice(&[FINAL | opcode as u8, 0, 0, 0, 0, 0]);
    payload(out);
    let length = out.len() - start - 6;
    let mut body = start + 6;
    match length {
        0..126 => out[start + 1] = MASKED | length as u8,
        126..=0xFFFF => {
            let [high, low] = (length as u16).to_be_bytes();
            out[start + 1] = MASKED | LENGTH_16;
            out.splice(start + 2..start + 2, [high, low]);
            body += 2;
        }
        _ => {
            out[start + 1] = MASKED | LENGTH_64;
            out.splice(start + 2..start + 2, (length as u64).to_be_bytes());
            body += 8;
        }
    }
    let mask = mask.to_ne_bytes();
    out[body - 4..body].copy_from_slice(&mask);
    apply_mask(&mut out[body..], mask);
}

/// Exclusive or with the mask, eight bytes at a time (the compiler makes vector instructions of it).
fn apply_mask(bytes: &mut [u8], mask: [u8; 4]) {
    let word = u64::from(u32::from_ne_bytes(mask));
    let wide = word << 32 | word;
    let mut chunks = bytes.chunks_exact_mut(8);
    for chunk in &mut chunks {
        let mut eight = [0; 8];
        eight.copy_from_slice(chunk);
        chunk.copy_from_slice(&(u64::from_ne_bytes(eight) ^ wide).to_ne_bytes());
    }
    for (at, byte) in chunks.into_remainder().iter_mut().enumerate() {
        *byte ^= mask[at & 3];
    }
}

/// One frame of the server.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What it holds.
    pub opcode: Opcode,
    /// The bytes.
    pub payload: &'a [u8],
    /// The length of header and payload.
    pub length: usize,
}

/// The first frame of `bytes`; `None` where it is not all there yet.
///
/// # Errors
/// A frame that this tool does not take: masked, in fragments, reserved.
pub fn read(bytes: &[u8]) -> Result<Option<Frame<'_>>, &'static str> {
    let &[first, second, ..] = bytes else { return Ok(None) };
    if first & 0x70 != 0 || second & MASKED != 0 {
        return Err("the server sent a frame with reserved bits or a mask");
    }
    let opcode = match first & 0x0F {
        1 => Opcode::Text,
        2 => Opcode::Binary,
        8 => Opcode::Close,
        9 => Opcode::Ping,
        10 => Opcode::Pong,
        _ => return Err("the server sent a fragment or an unknown frame"),
    };
    if first & FINAL == 0 {
        return Err("the server sent a message in fragments, which this tool does not take");
    }
    let (header, length): (usize, u64) = match second {
        LENGTH_16 => match bytes.get(2..4) {
            Some(&[high, low]) => (4, u64::from(u16::from_be_bytes([high, low]))),
            _ => return Ok(None),
        },
        LENGTH_64 => match bytes.get(2..10).and_then(|length| length.try_into().ok()) {
            Some(length) => (10, u64::from_be_bytes(length)),
            None => return Ok(None),
        },
        short => (2, u64::from(short)),
    };
    let length = usize::try_from(length).map_err(|_| "the server sent a frame of an impossible length")?;
    let payload = bytes.get(header..header.saturating_add(length));
    Ok(payload.map(|payload| Frame { opcode, payload, length: header + length }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Cursor;
    use tokio_tungstenite::tungstenite::protocol::{Message, Role, WebSocket};

    /// What the library's server makes of our frame.
    fn by_the_library(bytes: Vec<u8>) -> Message {
        WebSocket::from_raw_socket(Cursor::new(bytes), Role::Server, None).read().unwrap()
    }

    #[test]
    fn frames_of_every_length_are_read_by_the_library() {
        for length in [0, 1, 3, 4, 7, 8, 9, 125, 126, 127, 255, 256, 65_535, 65_536, 200_000] {
            for mask in [0, 0x1234_5678_u32, u32::MAX] {
                let payload: Vec<u8> = (0..length).map(|at| b'a' + (at % 26) as u8).collect();
                let mut out = Vec::new();
                write(&mut out, Opcode::Binary, mask, |out| out.extend_from_slice(&payload));
                assert_eq!(by_the_library(out).into_data(), payload, "{length} bytes, mask {mask:x}");
            }
        }
    }

    #[test]
    fn a_second_frame_follows_the_first() {
        let mut out = Vec::new();
        write(&mut out, Opcode::Text, 7, |out| out.extend_from_slice(b"one"));
        let first = out.len();
        write(&mut out, Opcode::Text, 8, |out| out.extend_from_slice(&[b'x'; 300]));
        assert_eq!(by_the_library(out.split_off(first)).into_data().len(), 300);
        assert_eq!(by_the_library(out), Message::text("one"));
    }

    proptest! {
        #[test]
        fn the_servers_frames_are_read_whole_or_not_at_all(length in 0_usize..70_000, cut in 0.0..1.0_f64) {
            let mut server = WebSocket::from_raw_socket(Cursor::new(Vec::new()), Role::Server, None);
            server.send(Message::binary(vec![5; length])).unwrap();
            let bytes = server.get_ref().get_ref().clone();
            let frame = read(&bytes).unwrap().unwrap();
            prop_assert_eq!((frame.opcode, frame.payload.len(), frame.length), (Opcode::Binary, length, bytes.len()));
            let cut = (cut * bytes.len() as f64) as usize;
            prop_assert_eq!(read(&bytes[..cut]).unwrap(), None);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = read(&bytes);
        }
    }
}
