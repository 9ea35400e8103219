//! JSON values as one text each, whatever order their fields came in: what is compared and hashed.

use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

/// The hash of a value's canonical text.
pub(crate) fn hash(value: &Value) -> u64 {
    let mut text = String::new();
    write(&mut text, value);
    xxh3_64(text.as_bytes())
}

/// Whether two values say the same.
pub(crate) fn same(one: &Value, other: &Value) -> bool {
    let (mut first, mut second) = (String::new(), String::new());
    write(&mut first, one);
    write(&mut second, other);
    first == second
}

/// The value of a MessagePack map; `null` where it cannot be read.
pub(crate) fn from_pack(bytes: &[u8]) -> Value {
    rmp_serde::from_slice(bytes).unwrap_or_default()
}

fn write(out: &mut String, value: &Value) {
    match value {
        Value::Object(fields) => {
            let mut names: Vec<_> = fields.iter().collect();
            names.sort_unstable_by_key(|(name, _)| *name);
            out.push('{');
            for (name, value) in names {
                out.push_str(name);
                out.push(':');
                write(out, value);
                out.push(',');
            }
            out.push('}');
        }
        Value::Array(values) => {
            out.push('[');
            for value in values {
                write(out, value);
                out.push(',');
            }
            out.push(']');
        }
        other => out.push_str(&other.to_string()),
    }
}
