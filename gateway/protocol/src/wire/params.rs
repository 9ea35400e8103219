//! Reading a method's parameters, and saying exactly what is wrong with them.

use vendue_domain::amount::{AMOUNT_EXPECTED, AMOUNT_MAX};
use vendue_domain::command::Params;

use crate::wire::code::Code;
use crate::wire::error::{Details, WireError};
use crate::wire::limits::QUOTED_CHARS;

/// How alike a suggestion must be (Jaro-Winkler, 0 to 1): high enough that it is a typing error, not another word.
const SUGGEST_FROM: f64 = 0.84;

/// The name nearest to an unknown one, if any is near.
pub fn nearest(name: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let short: String = name.chars().take(QUOTED_CHARS).collect();
    known
        .map(|candidate| (strsim::jaro_winkler(&short, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= SUGGEST_FROM)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, candidate)| candidate)
}

/// Reads parameters from a JSON object.
///
/// # Errors
/// `invalid_request` or `amount_out_of_range`, with the parameter in the details.
pub fn from_json<'a, P: Params<'a>>(text: &'a str) -> Result<P, WireError> {
    if !text.trim_ascii_start().starts_with('{') {
        return Err(WireError::invalid("params", "an object", Some(quote(text))));
    }
    match serde_json::from_str(text) {
        Ok(params) => Ok(params),
        // The second reading keeps track of where it is; the first, which nearly always suffices, need not.
        Err(_) => {
            let mut reader = serde_json::Deserializer::from_str(text);
            Err(match serde_path_to_error::deserialize::<_, P>(&mut reader) {
                Ok(_) => WireError::invalid("params", "one object", None),
                Err(error) => explain(&error.path().to_string(), &error.inner().to_string(), P::NAMES),
            })
        }
    }
}

/// Reads parameters from a MessagePack map.
///
/// # Errors
/// As [`from_json`].
pub fn from_pack<'a, P: Params<'a>>(bytes: &'a [u8]) -> Result<P, WireError> {
    if !matches!(bytes.first(), Some(0x80..=0x8F | 0xDE | 0xDF)) {
        return Err(WireError::invalid("params", "a map with names as keys", None));
    }
    match P::deserialize(&mut rmp_serde::Deserializer::from_read_ref(bytes)) {
        Ok(params) => Ok(params),
        Err(_) => {
            let mut reader = rmp_serde::Deserializer::from_read_ref(bytes);
            Err(match serde_path_to_error::deserialize::<_, P>(&mut reader) {
                Ok(_) => WireError::invalid("params", "one map", None),
                Err(error) => explain(&error.path().to_string(), &error.inner().to_string(), P::NAMES),
            })
        }
    }
}

/// Makes serde's sentence into the protocol's details. The sentences are those of `serde::de::Error`'s own methods,
/// which both formats use; an unexpected one is passed on whole.
fn explain(path: &str, sentence: &str, names: &'static [&'static str]) -> WireError {
    let sentence = sentence.split(" at line ").next().unwrap_or(sentence);
    let path = if path == "." { "params" } else { path };
    if let Some(rest) = sentence.strip_prefix("unknown field `") {
        let field = rest.split('`').next().unwrap_or(rest);
        return unknown_parameter(field, path, names);
    }
    if let Some(rest) = sentence.strip_prefix("missing field `") {
        let field = rest.trim_end_matches('`');
        return WireError::invalid(within(path, field), "given", Some("missing".into()));
    }
    let invalid_value = sentence.strip_prefix("invalid value: ");
    let wrong = invalid_value.or_else(|| sentence.strip_prefix("invalid type: "));
    if let Some((got, expected)) = wrong.and_then(|rest| rest.split_once(", expected ")) {
        if expected == AMOUNT_EXPECTED {
            return amount_error(path, got, invalid_value.is_some());
        }
        return WireError::invalid(path.to_owned(), expected.to_owned(), Some(quote(got)));
    }
    if let Some(rest) = sentence.strip_prefix("unknown variant ")
        && let Some((got, expected)) = rest.split_once(", expected ")
    {
        return WireError::invalid(path.to_owned(), expected.to_owned(), Some(quote(got)));
    }
    WireError::invalid(path.to_owned(), format!("readable: {}", quote(sentence)), None)
}

/// `field` of the object at `path`.
fn within(path: &str, field: &str) -> String {
    if path == "params" { field.to_owned() } else { format!("{path}.{field}") }
}

fn unknown_parameter(field: &str, path: &str, names: &'static [&'static str]) -> WireError {
    let field = quote(field);
    let suggestion = nearest(&field, names.iter().map(|name| name.trim_start_matches("r#")));
    let full =
        if path == "params" || path.ends_with(&field) { field.clone() } else { format!("{path}.{field}") };
    let mut error =
        WireError::invalid(full.clone(), "one of the method's parameters", Some("an unknown name".into()));
    error.message = match suggestion {
        Some(name) => format!("there is no parameter `{full}`; did you mean `{name}`?").into(),
        None => format!("there is no parameter `{full}`").into(),
    };
    if let Details::Invalid(invalid) = &mut error.details {
        invalid.did_you_mean = suggestion;
    }
    error
}

/// Money is an integer: 10500.0 is refused although it equals one, because a client that computes with floats will send
/// 10500.000001 next.
fn amount_error(path: &str, got: &str, is_integer: bool) -> WireError {
    let float =
        got.strip_prefix("floating point `").and_then(|rest| rest.trim_end_matches('`').parse::<f64>().ok());
    let beyond = float.is_some_and(|value| value.abs() > AMOUNT_MAX as f64);
    let mut error = WireError::invalid(path.to_owned(), AMOUNT_EXPECTED, Some(quote(got)));
    if is_integer || beyond {
        error.code = Code::AmountOutOfRange;
    } else if float.is_some() {
        error.message = format!(
            "`{path}` must be {AMOUNT_EXPECTED}: money is never a float, not even one without a fraction; it is {}",
            quote(got)
        )
        .into();
    }
    error
}

/// At most [`QUOTED_CHARS`] characters of a text, so that an error is never larger than its cause.
pub(crate) fn quote(text: &str) -> String {
    let mut short: String = text.trim_start().chars().take(QUOTED_CHARS).collect();
    if short.len() < text.trim_start().len() {
        short.push('…');
    }
    short
}
