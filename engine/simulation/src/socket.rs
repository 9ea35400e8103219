//! A client's side of a WebSocket, by hand: what the gateway's library must understand and what it writes. Written
//! without that library on purpose, so that a fault of it is not shared by both ends.

use serde_json::Value;
use vendue_protocol::wire::Encoding;

use crate::chance::Chance;

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;

/// What came in.
#[derive(Debug, PartialEq)]
pub(crate) enum Heard {
    /// One message or an array of them.
    Message(Value),
    /// The server closes, with this code.
    Close(u16),
}

/// Appends a masked frame with one message.
pub(crate) fn write(out: &mut Vec<u8>, encoding: Encoding, message: &Value, chance: &mut Chance) {
    match encoding {
        Encoding::Json => write_frame(out, TEXT, message.to_string().as_bytes(), chance),
        Encoding::MessagePack => {
            // A value in memory always serializes into a vector.
            let bytes = rmp_serde::to_vec_named(message).unwrap_or_default();
            write_frame(out, BINARY, &bytes, chance);
        }
    }
}

/// Appends the answer to a close.
pub(crate) fn write_close(out: &mut Vec<u8>, code: u16, chance: &mut Chance) {
    write_frame(out, CLOSE, &code.to_be_bytes(), chance);
}

fn write_frame(out: &mut Vec<u8>, opcode: u8, payload: &[u8], chance: &mut Chance) {
    out.push(FINAL | opcode);
    match payload.len() {
        length @ 0..=125 => out.push(MASKED | length as u8),
        length @ 126..=0xFFFF => {
            out.push(MASKED | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(MASKED | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    let mask = (chance.number() as u32).to_be_bytes();
    out.extend_from_slice(&mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

/// Takes whole frames off the front of `bytes`.
///
/// # Errors
/// What is wrong with a frame: the gateway must never write one.
pub(crate) fn read(bytes: &mut Vec<u8>, encoding: Encoding) -> Result<Vec<Heard>, String> {
    let (mut heard, mut taken) = (Vec::new(), 0);
    while let Some((opcode, payload, length)) = split(&bytes[taken..])? {
        taken += length;
        match (opcode, encoding) {
            (TEXT, Encoding::Json) => {
                let value = serde_json::from_slice(payload).map_err(|error| format!("not JSON: {error}"))?;
                heard.push(Heard::Message(value));
            }
            (BINARY, Encoding::MessagePack) => {
                let value =
                    rmp_serde::from_slice(payload).map_err(|error| format!("not MessagePack: {error}"))?;
                heard.push(Heard::Message(value));
            }
            (CLOSE, _) => {
                let code = payload.first_chunk::<2>().map_or(0, |code| u16::from_be_bytes(*code));
                heard.push(Heard::Close(code));
            }
            (9 | 10, _) => {}
            (other, _) => return Err(format!("a frame with opcode {other} in {encoding:?}")),
        }
    }
    bytes.drain(..taken);
    Ok(heard)
}

/// Opcode, payload and length of the frame at the front; `None` where more bytes are needed.
#[allow(clippy::type_complexity)]
fn split(bytes: &[u8]) -> Result<Option<(u8, &[u8], usize)>, String> {
    let [first, second, rest @ ..] = bytes else { return Ok(None) };
    if first & FINAL == 0 || second & MASKED != 0 {
        return Err(format!("a server's frame that is a fragment or masked: {first:#x} {second:#x}"));
    }
    let (length, head) = match second {
        126 => match rest.first_chunk::<2>() {
            Some(length) => (usize::from(u16::from_be_bytes(*length)), 4),
            None => return Ok(None),
        },
        127 => match rest.first_chunk::<8>() {
            Some(length) => (u64::from_be_bytes(*length) as usize, 10),
            None => return Ok(None),
        },
        short => (usize::from(*short), 2),
    };
    Ok(bytes.get(head..head + length).map(|payload| (first & 0x0F, payload, head + length)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// What a client writes, unmasked again.
    fn unmask(bytes: &[u8]) -> Vec<u8> {
        let head = match bytes[1] & 0x7F {
            126 => 4,
            127 => 10,
            _ => 2,
        };
        let mask: [u8; 4] = bytes[head..head + 4].try_into().unwrap();
        let mut frame = bytes[..head].to_vec();
        frame[1] &= 0x7F;
        frame.extend(bytes[head + 4..].iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        frame
    }

    #[test]
    fn frames_of_every_length_come_back() {
        let mut chance = Chance::new(3);
        for encoding in Encoding::ALL {
            for length in [0, 100, 125, 126, 200, 65_535, 65_536, 70_000] {
                let message = json!({"text": "x".repeat(length)});
                let mut out = Vec::new();
                write(&mut out, encoding, &message, &mut chance);
                let frame = unmask(&out);
                let mut partial = frame[..frame.len() - 1].to_vec();
                assert_eq!(read(&mut partial, encoding).unwrap(), []);
                let mut whole = frame.clone();
                assert_eq!(read(&mut whole, encoding).unwrap(), [Heard::Message(message)]);
                assert!(whole.is_empty());
            }
        }
        assert!(read(&mut vec![0x01, 0x00], Encoding::Json).is_err());
    }
}
