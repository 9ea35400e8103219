//! Instants as people read them: RFC 3339 in UTC, on HTTP only.

use vendue_domain::time::Timestamp;

const MICROS_A_SECOND: i64 = 1_000_000;
const SECONDS_A_DAY: i64 = 86_400;

/// Appends `2026-11-22T16:39:05.000123Z`; the fraction is always there, so that texts sort as instants do.
pub fn write_rfc3339(out: &mut Vec<u8>, instant: Timestamp) {
    let seconds = instant.0.div_euclid(MICROS_A_SECOND);
    let micros = instant.0.rem_euclid(MICROS_A_SECOND);
    let (year, month, day) = civil(seconds.div_euclid(SECONDS_A_DAY));
    let second = seconds.rem_euclid(SECONDS_A_DAY);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    // Writing to a Vec cannot fail.
    let _ = std::io::Write::write_fmt(
        out,
        format_args!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z"),
    );
}

/// Reads an RFC 3339 instant with any offset; finer than microseconds is cut off. `None` where it is none, or lies
/// outside the years 1970 to 9999.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = bytes.get(from..to)?;
        digits
            .iter()
            .try_fold(0, |value, digit| digit.is_ascii_digit().then(|| value * 10 + i64::from(digit - b'0')))
    };
    let mark = |at: usize, expected: &[u8]| bytes.get(at).filter(|byte| expected.contains(byte)).map(|_| ());
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    mark(4, b"-").and(mark(7, b"-")).and(mark(10, b"Tt ")).and(mark(13, b":")).and(mark(16, b":"))?;
    let is_date = (1..=12).contains(&month) && day >= 1 && day <= days_in(year, month);
    if !is_date || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (micros, rest) = fraction(text.get(19..)?)?;
    let offset = offset_seconds(rest)?;
    let seconds = days(year, month, day) * SECONDS_A_DAY + hour * 3_600 + minute * 60 + second - offset;
    let instant = Timestamp(seconds * MICROS_A_SECOND + micros);
    (0..=Timestamp::MAX.0).contains(&instant.0).then_some(instant)
}

/// `.123` as microseconds, and what follows.
fn fraction(text: &str) -> Option<(i64, &str)> {
    let Some(digits) = text.strip_prefix('.') else { return Some((0, text)) };
    let length = digits.bytes().take_while(u8::is_ascii_digit).count();
    if length == 0 {
        return None;
    }
    let (digits, rest) = digits.split_at(length);
    let micros = digits.bytes().chain(std::iter::repeat(b'0')).take(6);
    Some((micros.fold(0, |value, digit| value * 10 + i64::from(digit - b'0')), rest))
}

/// `Z` or `+02:00` in seconds.
fn offset_seconds(text: &str) -> Option<i64> {
    if matches!(text, "Z" | "z") {
        return Some(0);
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let is_pair = |digits: &str| digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_digit());
    if !is_pair(hours) || !is_pair(minutes) {
        return None;
    }
    let (hours, minutes) = (hours.parse::<i64>().ok()?, minutes.parse::<i64>().ok()?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

const fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a date (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The date of a day since 1970-01-01; the inverse of [`days`].
const fn civil(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400;
    (if month <= 2 { year + 1 } else { year }, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(micros: i64) -> String {
        let mut out = Vec::new();
        write_rfc3339(&mut out, Timestamp(micros));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn instants_as_texts() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (1_709_210_096_000_001, "2024-02-29T12:34:56.000001Z"),
            (Timestamp::MAX.0, "9999-12-31T23:59:59.000000Z"),
        ] {
            assert_eq!(written(micros), text);
            assert_eq!(parse_rfc3339(text), Some(Timestamp(micros)));
        }
        for day in (0..2_900_000).step_by(17) {
            let text = written(day * SECONDS_A_DAY * MICROS_A_SECOND);
            assert_eq!(
                parse_rfc3339(&text),
                Some(Timestamp(day * SECONDS_A_DAY * MICROS_A_SECOND)),
                "{text}"
            );
        }
    }

    #[test]
    fn other_spellings() {
        for (text, expected) in [
            ("1970-01-01T01:00:00+01:00", Some(0)),
            ("1970-01-01 00:00:00.5z", Some(500_000)),
            ("1970-01-01T00:00:00.1234567Z", Some(123_456)),
            ("1969-12-31T23:59:59Z", None),
            ("2023-02-29T00:00:00Z", None),
            ("2023-02-01T24:00:00Z", None),
            ("2023-02-01T00:00:00", None),
            ("2023-02-01T00:00:00.Z", None),
            ("2023-02-01T00:00:00+1:00", None),
            ("soon", None),
        ] {
            assert_eq!(parse_rfc3339(text), expected.map(Timestamp), "{text}");
        }
    }
}
