//! Fees: versioned tables of marginal bands with stated rounding (RULES, "Lots", Fees).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::amount::{AMOUNT_MAX, Amount};
use crate::limits;
use crate::rejection::Rejection;

/// A rate of 100 %, in parts per million.
pub const WHOLE_PPM: u32 = 1_000_000;

crate::variants! {
    /// What happens to fractions of a minor unit. Applied once, to the sum over all bands.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum Rounding {
        /// To the nearest; a half away from zero.
        #[default]
        1 => HalfUp,
        /// To the nearest; a half to the even neighbour.
        2 => HalfEven,
        3 => Up,
        4 => Down,
    }
}

crate::record! {
    /// A fee by marginal bands: each band's rate applies to the part of the amount that lies in it.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub struct FeeTable {
        /// (begins at, rate in parts per million); the first begins at 0, each later one higher. At most 64.
        1 => pub bands: Vec<(u64, u32)>,
        /// Beside the bands, per order line, in minor units.
        #[serde(default)]
        2 => pub fixed: u64,
        #[serde(default)]
        3 => pub rounding: Rounding,
    }
}

crate::record! {
    /// The fees of a market. A lot keeps those of the moment when it was created.
    #[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
    #[serde(deny_unknown_fields, default)]
    pub struct FeeSchedule {
        /// Counts the schedules of a market; set by the rules, from 1.
        1 => pub version: u32,
        /// What a buyer pays on top of the hammer price.
        2 => pub buyers_premium: Option<FeeTable>,
        /// What is kept from a seller's proceeds.
        3 => pub sellers_commission: Option<FeeTable>,
    }
}

/// A schedule as lots and facts share it.
pub type Fees = Option<Arc<FeeSchedule>>;

impl FeeTable {
    /// Checks the rules of a table.
    ///
    /// # Errors
    /// `InvalidRequest` for `fees`.
    pub fn validate(&self) -> Result<(), Rejection> {
        let bands = &self.bands;
        let valid = (1..=limits::FEE_BANDS_MAX).contains(&bands.len())
            && bands[0].0 == 0
            && bands.windows(2).all(|pair| pair[0].0 < pair[1].0)
            && bands.iter().all(|&(begins_at, ppm)| begins_at <= AMOUNT_MAX && ppm <= WHOLE_PPM)
            && self.fixed <= AMOUNT_MAX;
        if valid {
            return Ok(());
        }
        let rule = format!(
            "1 to {} bands [begins_at, parts_per_million]; the first begins at 0, each later one higher; rates up to {WHOLE_PPM}",
            limits::FEE_BANDS_MAX
        );
        Err(Rejection::invalid("fees", rule))
    }

    /// The fee on an amount, in minor units; at most [`AMOUNT_MAX`] + the fixed part.
    #[must_use]
    pub fn on(&self, amount: u64) -> u64 {
        let mut millionths = 0_u128;
        for (place, &(begins_at, ppm)) in self.bands.iter().enumerate() {
            let ends_at = self.bands.get(place + 1).map_or(u64::MAX, |&(next, _)| next);
            let part = amount.min(ends_at).saturating_sub(begins_at);
            millionths += u128::from(part) * u128::from(ppm);
        }
        let whole = u128::from(WHOLE_PPM);
        let (units, rest) = (millionths / whole, millionths % whole);
        let up = match self.rounding {
            Rounding::HalfUp => rest * 2 >= whole,
            Rounding::HalfEven => rest * 2 > whole || (rest * 2 == whole && units % 2 == 1),
            Rounding::Up => rest > 0,
            Rounding::Down => false,
        };
        // The rates are at most 100 %: the sum is at most the amount, which fits.
        (units as u64 + u64::from(up)).saturating_add(self.fixed)
    }
}

impl FeeSchedule {
    /// Checks both tables.
    ///
    /// # Errors
    /// `InvalidRequest` for `fees`.
    pub fn validate(&self) -> Result<(), Rejection> {
        self.buyers_premium.iter().chain(&self.sellers_commission).try_for_each(FeeTable::validate)
    }

    /// What a buyer pays on top of a hammer price.
    #[must_use]
    pub fn premium(&self, hammer: Amount) -> u64 {
        self.buyers_premium.as_ref().map_or(0, |table| table.on(hammer.get()))
    }

    /// What is kept from the proceeds of a hammer price; never more than it.
    #[must_use]
    pub fn commission(&self, hammer: Amount) -> u64 {
        self.sellers_commission.as_ref().map_or(0, |table| table.on(hammer.get())).min(hammer.get())
    }
}

/// The premium under a schedule that may be absent.
#[must_use]
pub fn premium(fees: &Fees, hammer: Amount) -> u64 {
    fees.as_ref().map_or(0, |fees| fees.premium(hammer))
}

/// The commission under a schedule that may be absent.
#[must_use]
pub fn commission(fees: &Fees, hammer: Amount) -> u64 {
    fees.as_ref().map_or(0, |fees| fees.commission(hammer))
}
