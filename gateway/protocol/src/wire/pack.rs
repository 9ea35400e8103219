//! MessagePack by hand where it is hot: writers that append to a buffer.

use vendue_domain::id::{ID_TEXT_LEN, Id};
pub use vendue_domain::record::{write_array, write_map, write_str, write_uint};

/// Appends a short text whose length is known to fit 5 bits; hot names are all short.
#[inline]
pub fn write_name(out: &mut Vec<u8>, name: &str) {
    if name.len() < 32 {
        out.push(0xA0 | name.len() as u8);
        out.extend_from_slice(name.as_bytes());
    } else {
        write_str(out, name);
    }
}

/// Appends a signed integer.
#[inline]
pub fn write_int(out: &mut Vec<u8>, value: i64) {
    if let Ok(value) = u64::try_from(value) {
        write_uint(out, value);
    } else {
        let _ = rmp_serde::encode::write(out, &value);
    }
}

/// Appends a boolean.
#[inline]
pub fn write_bool(out: &mut Vec<u8>, value: bool) {
    out.push(if value { 0xC3 } else { 0xC2 });
}

/// Appends nothing's name.
#[inline]
pub fn write_nil(out: &mut Vec<u8>) {
    out.push(0xC0);
}

/// Appends an id as its text: the same 30 characters as in JSON.
#[inline]
pub fn write_id(out: &mut Vec<u8>, prefix: &str, id: Id) {
    let mut text = [0; ID_TEXT_LEN];
    id.encode_text(&mut text);
    // 3 letters, an underscore and 26 characters: 30, which fits the short form.
    out.push(0xA0 | (prefix.len() + 1 + ID_TEXT_LEN) as u8);
    out.extend_from_slice(prefix.as_bytes());
    out.push(b'_');
    out.extend_from_slice(&text);
}

/// Appends whatever serde can write, structures as maps by name.
pub fn write_value(out: &mut Vec<u8>, value: &impl serde::Serialize) {
    // Writing to a Vec cannot fail.
    let _ = rmp_serde::encode::write_named(out, value);
}
