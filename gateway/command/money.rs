//! Amounts as people write them, exactly: text to minor units and back, never through a float.

use vendue_domain::amount::{AMOUNT_MAX, Currency};

use crate::failure::Failure;

/// Why a text is not an amount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AmountError {
    /// Something else than digits with at most one point among them.
    NotDigits,
    /// More decimals than the currency has.
    TooManyDecimals { decimals: u8 },
    /// Zero, or above 2^53-1 minor units.
    OutOfRange,
}

impl std::fmt::Display for AmountError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotDigits => f.write_str("an amount is digits with at most one decimal point, 105.00 say"),
            Self::TooManyDecimals { decimals: 0 } => f.write_str("the currency has no decimals"),
            Self::TooManyDecimals { decimals } => write!(f, "the currency has {decimals} decimals, not more"),
            Self::OutOfRange => write!(f, "an amount is 1 to {AMOUNT_MAX} of the smallest units"),
        }
    }
}

/// Reads an amount in major units (`105`, `105.5`, `105.50`) as minor units of the currency.
pub(crate) fn parse(text: &str, currency: Currency) -> Result<u64, AmountError> {
    let decimals = currency.exponent();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let lone_point = text.contains('.') && (whole.is_empty() || fraction.is_empty());
    if whole.is_empty() || lone_point || !digits(whole) || !digits(fraction) {
        return Err(AmountError::NotDigits);
    }
    if fraction.len() > usize::from(decimals) {
        return Err(AmountError::TooManyDecimals { decimals });
    }
    let minor = format!("{whole}{fraction:0<width$}", width = usize::from(decimals));
    let minor = minor.parse().map_err(|_| AmountError::OutOfRange)?;
    if (1..=AMOUNT_MAX).contains(&minor) { Ok(minor) } else { Err(AmountError::OutOfRange) }
}

/// [`parse`], or what to type instead.
pub(crate) fn read(text: &str, currency: Currency) -> Result<u64, Failure> {
    parse(text, currency).map_err(|error| {
        Failure::usage(format!("`{text}` is not an amount in {}", currency.code()), error, "type 105.00 say")
    })
}

/// A balance, which may be negative: `-1,234.50 EUR`.
pub(crate) fn signed(minor: i64, currency: Currency) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    format!("{sign}{}", with_currency(minor.unsigned_abs(), currency))
}

/// Minor units as a person reads them: `1,234.50`.
pub(crate) fn format(minor: u64, currency: Currency) -> String {
    let decimals = usize::from(currency.exponent());
    let digits = format!("{minor:0>width$}", width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let mut text = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if decimals > 0 {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

/// As `vendue bid` takes it again: no separators between thousands.
pub(crate) fn typed(minor: u64, currency: Currency) -> String {
    format(minor, currency).replace(',', "")
}

/// With the currency beside it: `1,234.50 EUR`.
pub(crate) fn with_currency(minor: u64, currency: Currency) -> String {
    format!("{} {}", format(minor, currency), currency.code())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(currency: &str, cases: &[(&str, Result<u64, AmountError>)]) {
        let currency = Currency::new(currency).unwrap();
        for (text, expected) in cases {
            assert_eq!(&parse(text, currency), expected, "{text}");
        }
    }

    #[test]
    fn amounts_are_read_exactly() {
        use AmountError::*;
        check(
            "EUR",
            &[
                ("105", Ok(10_500)),
                ("105.5", Ok(10_550)),
                ("105.05", Ok(10_505)),
                ("0.01", Ok(1)),
                ("0.29", Ok(29)),
                ("90071992547409.91", Ok(AMOUNT_MAX)),
                ("90071992547409.92", Err(OutOfRange)),
                ("99999999999999999999999", Err(OutOfRange)),
                ("0", Err(OutOfRange)),
                ("0.00", Err(OutOfRange)),
                ("105.001", Err(TooManyDecimals { decimals: 2 })),
                ("105,00", Err(NotDigits)),
                ("1e5", Err(NotDigits)),
                ("-5", Err(NotDigits)),
                ("+5", Err(NotDigits)),
                (".5", Err(NotDigits)),
                ("5.", Err(NotDigits)),
                ("1.2.3", Err(NotDigits)),
                ("", Err(NotDigits)),
            ],
        );
        check("JPY", &[("105", Ok(105)), ("105.0", Err(TooManyDecimals { decimals: 0 }))]);
        check("KWD", &[("1.005", Ok(1_005)), ("1.5", Ok(1_500))]);
    }

    #[test]
    fn amounts_are_written_as_people_read_them() {
        let cases = [
            ("EUR", 1, "0.01"),
            ("EUR", 10_500, "105.00"),
            ("EUR", 123_456_789, "1,234,567.89"),
            ("JPY", 1_000, "1,000"),
            ("KWD", 5, "0.005"),
        ];
        for (code, minor, text) in cases {
            let currency = Currency::new(code).unwrap();
            assert_eq!(format(minor, currency), text);
            assert_eq!(parse(&typed(minor, currency), currency), Ok(minor));
        }
    }
}
