//! Increment tables: data of a market or lot, by current price.
//!
//! The default is eBay's (<http://pages.ebay.com/help/buy/bid-increments.html>), in cents. For a currency with three
//! decimals it is scaled by ten, so that it reads the same in major units; for one without decimals the numbers stay, since a
//! yen is worth about a cent.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::amount::{AMOUNT_MAX, Amount, Currency};
use crate::limits::INCREMENT_BANDS_MAX;
use crate::rejection::Rejection;

crate::record! {
    /// Bands by current price: the increment of the last band that begins at or below it.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub struct IncrementTable {
        /// (begins at, increment) in minor units; the first begins at 0, each later one higher. At most 64 bands.
        1 => pub bands: Vec<(u64, Amount)>,
    }
}

const fn band(begins_at: u64, increment: u64) -> (u64, Amount) {
    match Amount::new(increment) {
        Some(increment) => (begins_at, increment),
        None => panic!("an increment is 1 to 2^53-1"),
    }
}

const fn ebay(scale: u64) -> [(u64, Amount); 10] {
    [
        band(0, 5 * scale),
        band(100 * scale, 25 * scale),
        band(500 * scale, 50 * scale),
        band(2_500 * scale, 100 * scale),
        band(10_000 * scale, 250 * scale),
        band(25_000 * scale, 500 * scale),
        band(50_000 * scale, 1_000 * scale),
        band(100_000 * scale, 2_500 * scale),
        band(250_000 * scale, 5_000 * scale),
        band(500_000 * scale, 10_000 * scale),
    ]
}

static EBAY: [(u64, Amount); 10] = ebay(1);
static EBAY_THREE_DECIMALS: [(u64, Amount); 10] = ebay(10);

impl IncrementTable {
    /// Checks the rules of a table.
    ///
    /// # Errors
    /// `InvalidRequest` for `increments`.
    pub fn validate(&self) -> Result<(), Rejection> {
        let bands = &self.bands;
        let valid = (1..=INCREMENT_BANDS_MAX).contains(&bands.len())
            && bands[0].0 == 0
            && bands.windows(2).all(|pair| pair[0].0 < pair[1].0)
            && bands.last().is_some_and(|&(begins_at, _)| begins_at <= AMOUNT_MAX);
        if valid {
            return Ok(());
        }
        let rule = format!(
            "1 to {INCREMENT_BANDS_MAX} bands [begins_at, increment]; the first begins at 0, each later one higher"
        );
        Err(Rejection::invalid("increments", rule))
    }
}

/// The increments of one lot: a table of its own (or its market's), or the default of its currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Increments {
    /// The default table of a currency.
    Default(&'static [(u64, Amount)]),
    /// A table that somebody brought.
    Own(Arc<IncrementTable>),
}

impl Increments {
    /// `own` where there is one, else the default of the currency.
    #[must_use]
    pub fn new(own: Option<Arc<IncrementTable>>, currency: Currency) -> Self {
        match own {
            Some(table) => Self::Own(table),
            None => Self::Default(default_bands(currency)),
        }
    }

    /// The increment at `price`.
    #[must_use]
    #[inline]
    pub fn at(&self, price: Amount) -> Amount {
        let bands = match self {
            Self::Default(bands) => bands,
            Self::Own(table) => table.bands.as_slice(),
        };
        increment_at(bands, price)
    }
}

/// The default bands of a currency.
#[must_use]
pub fn default_bands(currency: Currency) -> &'static [(u64, Amount)] {
    if currency.exponent() == 3 { &EBAY_THREE_DECIMALS } else { &EBAY }
}

/// The increment of the last band that begins at or below `price`. The first band begins at 0.
///
/// Gone through from the lowest: tables are short, and the bids of one auction end in the same band again and again, so
/// that the processor foresees where.
#[must_use]
#[inline]
pub fn increment_at(bands: &[(u64, Amount)], price: Amount) -> Amount {
    let mut found = Amount::ONE;
    for &(begins_at, increment) in bands {
        if begins_at > price.get() {
            break;
        }
        found = increment;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(minor_units: u64) -> Amount {
        Amount::new(minor_units).expect("an amount")
    }

    #[test]
    fn the_default_is_ebays() {
        let eur = Currency::new("EUR").expect("a currency");
        let kwd = Currency::new("KWD").expect("a currency");
        let jpy = Currency::new("JPY").expect("a currency");
        // RULES, increments: (the last price of a band and the first of the next, their increments).
        for (price, expected) in [
            (1, 5),
            (99, 5),
            (100, 25),
            (499, 25),
            (500, 50),
            (2_499, 50),
            (2_500, 100),
            (9_999, 100),
            (10_000, 250),
            (24_999, 250),
            (25_000, 500),
            (49_999, 500),
            (50_000, 1_000),
            (99_999, 1_000),
            (100_000, 2_500),
            (249_999, 2_500),
            (250_000, 5_000),
            (499_999, 5_000),
            (500_000, 10_000),
            (AMOUNT_MAX, 10_000),
        ] {
            assert_eq!(Increments::new(None, eur).at(amount(price)), amount(expected), "EUR at {price}");
            assert_eq!(Increments::new(None, jpy).at(amount(price)), amount(expected), "JPY at {price}");
            if price < AMOUNT_MAX {
                assert_eq!(
                    Increments::new(None, kwd).at(amount(price * 10)),
                    amount(expected * 10),
                    "KWD at {price}0"
                );
            }
        }
    }

    #[test]
    fn tables_are_checked() {
        let table = |bands: &[(u64, u64)]| IncrementTable {
            bands: bands.iter().map(|&(begins_at, increment)| (begins_at, amount(increment))).collect(),
        };
        let long: Vec<_> = (0..65).map(|begins_at| (begins_at, 1)).collect();
        for (bands, valid) in [
            (&[(0, 1)][..], true),
            (&[(0, 5), (100, 25)], true),
            (&[(0, 25), (100, 5)], true),
            (&[], false),
            (&[(1, 5)], false),
            (&[(0, 5), (0, 6)], false),
            (&[(0, 5), (200, 6), (100, 7)], false),
            (&[(0, 5), (AMOUNT_MAX + 1, 7)], false),
            (&long[..64], true),
            (&long, false),
        ] {
            assert_eq!(table(bands).validate().is_ok(), valid, "{bands:?}");
        }
    }
}
