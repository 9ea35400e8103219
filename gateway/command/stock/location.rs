//! Where units of a stock item lie, as it is typed.

use serde_json::{Value, json};

/// A location with its first units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Location {
    name: String,
    on_hand: u64,
    /// Latitude and longitude in millionths of a degree.
    at: Option<(i64, i64)>,
}

impl Location {
    /// As the protocol has it.
    pub(super) fn params(&self) -> Value {
        json!({"name": self.name, "on_hand": self.on_hand, "at": self.at})
    }
}

/// `Cellar:12` or `Cellar:12:52.3702,4.8952`; a place in millionths of a degree.
pub(super) fn parse(text: &str) -> Result<Location, String> {
    let wrong = || format!("`{text}` is no location: NAME:COUNT or NAME:COUNT:LATITUDE,LONGITUDE");
    let mut parts = text.splitn(3, ':');
    let (name, count) = parts.next().zip(parts.next()).ok_or_else(wrong)?;
    let count = count.trim().parse().map_err(|_| wrong())?;
    let place = parts.next().map(|place| {
        let (latitude, longitude) = place.split_once(',')?;
        millionths(latitude, 90).zip(millionths(longitude, 180))
    });
    match place {
        None => Ok(Location { name: name.to_owned(), on_hand: count, at: None }),
        Some(Some(place)) => Ok(Location { name: name.to_owned(), on_hand: count, at: Some(place) }),
        Some(None) => Err(wrong()),
    }
}

/// `-4.8952` degrees as millionths, exactly: at most six decimals.
fn millionths(text: &str, most: i64) -> Option<i64> {
    let text = text.trim();
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty()
        || whole.len() > 3
        || fraction.len() > 6
        || !all_digits(whole)
        || !all_digits(fraction)
    {
        return None;
    }
    let value: i64 = format!("{whole}{fraction:0<6}").parse().ok()?;
    (value <= most * 1_000_000).then_some(sign * value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_read_exactly() {
        for (text, expected) in [
            ("Cellar:12", Some(("Cellar", 12, None))),
            ("Cellar:12:52.3702,4.8952", Some(("Cellar", 12, Some((52_370_200, 4_895_200))))),
            ("Quay 3:0:-33.9,151.000001", Some(("Quay 3", 0, Some((-33_900_000, 151_000_001))))),
            ("Cellar", None),
            ("Cellar:x", None),
            ("Cellar:1:52", None),
            ("Cellar:1:91,0", None),
            ("Cellar:1:0,181", None),
            ("Cellar:1:0.0000001,0", None),
        ] {
            let expected =
                expected.map(|(name, on_hand, at)| Location { name: name.to_owned(), on_hand, at });
            assert_eq!(parse(text).ok(), expected, "{text}");
        }
    }
}
