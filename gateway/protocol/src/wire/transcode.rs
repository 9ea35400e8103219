//! MessagePack to JSON, value by value, without a tree in between: what the engine says is MessagePack by the wire's
//! names, passed through to MessagePack clients and transcoded for the others.

use vendue_domain::record::{Reader, RecordError};
use vendue_domain::time::Timestamp;

use crate::wire::json;
use crate::wire::limits::NESTING;
use crate::wire::time::write_rfc3339;

/// How instants are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instants {
    /// Integer microseconds: WebSockets.
    Micros,
    /// RFC 3339: HTTP. A field is an instant by its name: `*_at`, `ts`, `t_in`, `t_out`, `time`.
    Rfc3339,
}

/// Whether a field of this name is an instant.
#[must_use]
pub fn is_instant(name: &str) -> bool {
    name.ends_with("_at") || matches!(name, "ts" | "t_in" | "t_out" | "time" | "at")
}

/// Appends the JSON of the one MessagePack value in `bytes`.
///
/// # Errors
/// What is wrong with the bytes; `out` is as before then.
pub fn to_json(out: &mut Vec<u8>, bytes: &[u8], instants: Instants) -> Result<(), RecordError> {
    let start = out.len();
    let mut reader = Reader::new(bytes);
    let done = value(out, &mut reader, instants, NESTING);
    let done = done.and_then(|()| if reader.is_empty() { Ok(()) } else { Err(RecordError::Trailing) });
    if done.is_err() {
        out.truncate(start);
    }
    done
}

fn value(
    out: &mut Vec<u8>,
    reader: &mut Reader<'_>,
    instants: Instants,
    depth: u32,
) -> Result<(), RecordError> {
    let depth = depth.checked_sub(1).ok_or(RecordError::Type)?;
    match *reader.rest().first().ok_or(RecordError::Truncated)? {
        0x80..=0x8F | 0xDE | 0xDF => map(out, reader, instants, depth)?,
        0x90..=0x9F | 0xDC | 0xDD => {
            out.push(b'[');
            for index in 0..reader.array()? {
                if index > 0 {
                    out.push(b',');
                }
                value(out, reader, instants, depth)?;
            }
            out.push(b']');
        }
        0xA0..=0xBF | 0xD9..=0xDB => json::write_str(out, reader.str()?),
        0x00..=0x7F | 0xCC..=0xCF => json::write_u64(out, reader.uint()?),
        0xE0..=0xFF | 0xD0..=0xD3 => json::write_i64(out, reader.int()?),
        0xC0 => literal(out, reader, b"null")?,
        0xC2 => literal(out, reader, b"false")?,
        0xC3 => literal(out, reader, b"true")?,
        0xC4..=0xC6 => binary(out, reader.bin()?),
        0xCA | 0xCB => float(out, reader)?,
        _ => return Err(RecordError::Type),
    }
    Ok(())
}

fn literal(out: &mut Vec<u8>, reader: &mut Reader<'_>, text: &[u8]) -> Result<(), RecordError> {
    reader.take(1)?;
    out.extend_from_slice(text);
    Ok(())
}

fn map(
    out: &mut Vec<u8>,
    reader: &mut Reader<'_>,
    instants: Instants,
    depth: u32,
) -> Result<(), RecordError> {
    out.push(b'{');
    for index in 0..reader.map()? {
        if index > 0 {
            out.push(b',');
        }
        let name = reader.str()?;
        json::write_str(out, name);
        out.push(b':');
        let is_number = matches!(reader.rest().first(), Some(0x00..=0x7F | 0xCC..=0xD3 | 0xE0..=0xFF));
        if instants == Instants::Rfc3339 && is_number && is_instant(name) {
            out.push(b'"');
            write_rfc3339(out, Timestamp(reader.int()?.clamp(0, Timestamp::MAX.0)));
            out.push(b'"');
        } else {
            value(out, reader, instants, depth)?;
        }
    }
    out.push(b'}');
    Ok(())
}

/// Bytes have no place in JSON: hexadecimal.
fn binary(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    for byte in bytes {
        let _ = std::io::Write::write_fmt(out, format_args!("{byte:02x}"));
    }
    out.push(b'"');
}

fn float(out: &mut Vec<u8>, reader: &mut Reader<'_>) -> Result<(), RecordError> {
    let number = match reader.take(1)? {
        [0xCA] => {
            let bytes = reader.take(4)?.try_into().map_err(|_| RecordError::Truncated)?;
            f64::from(f32::from_be_bytes(bytes))
        }
        _ => {
            let bytes = reader.take(8)?.try_into().map_err(|_| RecordError::Truncated)?;
            f64::from_be_bytes(bytes)
        }
    };
    // Infinities and NaN become null, as serde_json has it.
    json::write_value(out, &number);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_come_through() {
        for value in [
            json!(null),
            json!({"a": [1, -1, 1.5, true, false, null, "x\"\\\n\u{1}é"], "b": {"c": u64::MAX, "d": i64::MIN}}),
            json!({"list": (0..40).collect::<Vec<_>>(), "text": "y".repeat(70_000)}),
        ] {
            let bytes = rmp_serde::to_vec_named(&value).unwrap();
            let mut out = b"before".to_vec();
            to_json(&mut out, &bytes, Instants::Micros).unwrap();
            assert_eq!(serde_json::from_slice::<serde_json::Value>(&out[6..]).unwrap(), value);
            for cut in 0..bytes.len().min(300) {
                assert!(to_json(&mut out, &bytes[..cut], Instants::Micros).is_err(), "cut at {cut}");
            }
        }
    }

    #[test]
    fn instants_by_name() {
        let value = json!({"ends_at": 1_000_000, "opens_at": null, "that": 5, "at": 7, "nested": {"ts": 0}});
        let mut out = Vec::new();
        to_json(&mut out, &rmp_serde::to_vec_named(&value).unwrap(), Instants::Rfc3339).unwrap();
        let read: serde_json::Value = serde_json::from_slice(&out).unwrap();
        let expected = json!({"ends_at": "1970-01-01T00:00:01.000000Z", "opens_at": null, "that": 5,
            "at": "1970-01-01T00:00:00.000007Z",
            "nested": {"ts": "1970-01-01T00:00:00.000000Z"}});
        assert_eq!(read, expected);
    }
}
