//! Times as people read and type them.

use std::time::Duration;

/// Microseconds in a second.
const SECOND_US: i64 = 1_000_000;

/// How long until something, in the two units that matter: `2 h 05 min`, `4 min 12 s`, `42 s`; tenths in the last ten seconds.
pub(crate) fn countdown(left_us: i64) -> String {
    let seconds = left_us / SECOND_US;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match seconds {
        _ if left_us <= 0 => "now".to_owned(),
        0..10 => format!("{seconds}.{} s", left_us % SECOND_US / 100_000),
        10..60 => format!("{seconds} s"),
        60..3_600 => format!("{minutes} min {:02} s", seconds % 60),
        3_600..86_400 => format!("{hours} h {minutes:02} min"),
        _ => format!("{days} d {hours:02} h"),
    }
}

/// The time of day of an instant, UTC: `14:03:22`.
pub(crate) fn time_of_day(at_us: i64) -> String {
    let seconds = at_us.div_euclid(SECOND_US).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// An instant, UTC: `2026-11-22 14:03`.
pub(crate) fn date_and_time(at_us: i64) -> String {
    let mut text = Vec::new();
    vendue_protocol::wire::time::write_rfc3339(&mut text, vendue_domain::time::Timestamp(at_us));
    let text = String::from_utf8(text).unwrap_or_default();
    text.get(..16).unwrap_or(&text).replace('T', " ")
}

/// Reads `90s`, `10m`, `24h`, `7d`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a duration: a number and s, m, h or d, as in 10m");
    let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let number: u64 = text[..split].parse().map_err(|_| wrong())?;
    let unit = match &text[split..] {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    number.checked_mul(unit).filter(|&seconds| seconds > 0).map(Duration::from_secs).ok_or_else(wrong)
}

/// An instant as it was typed: from now on, or by the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// So long after now.
    In(Duration),
    /// Microseconds since the Unix epoch.
    At(i64),
}

impl Moment {
    /// This moment.
    pub(crate) const NOW: Self = Self::In(Duration::ZERO);

    /// Microseconds since the Unix epoch, where it is `now_us`.
    pub(crate) fn at_us(self, now_us: i64) -> i64 {
        match self {
            Self::In(time) => now_us.saturating_add(i64::try_from(time.as_micros()).unwrap_or(i64::MAX)),
            Self::At(at) => at,
        }
    }
}

/// Reads `now`, `10m`, `2h`, or an instant of RFC 3339.
pub(crate) fn parse_moment(text: &str) -> Result<Moment, String> {
    if text == "now" {
        return Ok(Moment::NOW);
    }
    if let Some(at) = vendue_protocol::wire::time::parse_rfc3339(text) {
        return Ok(Moment::At(at.0));
    }
    parse_duration(text).map(Moment::In).map_err(|_| {
        format!(
            "`{text}` is neither a time from now (90s, 10m, 2h, 7d) nor an instant (2026-12-24T18:00:00Z)"
        )
    })
}

/// Now by this machine's clock, in microseconds since the Unix epoch.
pub(crate) fn now_us() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countdowns() {
        let cases = [
            (-1, "now"),
            (0, "now"),
            (950_000, "0.9 s"),
            (9_990_000, "9.9 s"),
            (42_000_000, "42 s"),
            (252_000_000, "4 min 12 s"),
            (7_500_000_000, "2 h 05 min"),
            (2 * 86_400_000_000 + 3_600_000_000, "2 d 01 h"),
        ];
        for (left_us, text) in cases {
            assert_eq!(countdown(left_us), text);
        }
        assert_eq!(time_of_day(1_700_000_000_000_000), "22:13:20");
    }

    #[test]
    fn moments() {
        for (text, expected) in [
            ("now", Some(5)),
            ("90s", Some(90_000_005)),
            ("1970-01-01T00:00:01Z", Some(1_000_000)),
            ("1970-01-01T02:00:01+02:00", Some(1_000_000)),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(parse_moment(text).ok().map(|moment| moment.at_us(5)), expected, "{text}");
        }
    }

    #[test]
    fn durations() {
        let cases = [("90s", Some(90)), ("10m", Some(600)), ("24h", Some(86_400)), ("7d", Some(604_800))];
        for (text, seconds) in cases {
            assert_eq!(parse_duration(text).ok().map(|d| d.as_secs()), seconds);
        }
        for text in ["", "10", "m", "10 m", "-1s", "1.5h", "0s", "99999999999999999999d", "10x"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
