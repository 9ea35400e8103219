//! After the load: every lot must stand where the tool's own record says.

use serde::Serialize;
use serde_json::json;

use super::ledger::{Ledger, Lot};
use crate::failure::Failure;
use crate::market::{Venue, together};

/// How many lots are asked for at once.
const AT_ONCE: usize = 64;
/// How many wrong lots are described.
const SHOWN: usize = 10;

/// What the comparison found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Verification {
    /// Lots that were compared.
    pub lots: usize,
    /// Bids that were acknowledged as taken, warm-up included.
    pub accepted: u64,
    /// Lots that do not stand where they must.
    pub wrong: usize,
    /// The first of them, in words.
    pub problems: Vec<String>,
}

/// Asks for every lot and compares it with the record.
///
/// # Errors
/// Where the market cannot be asked.
pub async fn verify(venue: &Venue, ledger: &Ledger) -> Result<Verification, Failure> {
    let found = together(ledger.lots(), AT_ONCE, |lot| one(venue, lot)).await?;
    let problems: Vec<String> = found.into_iter().flatten().collect();
    Ok(Verification {
        lots: ledger.lots().len(),
        accepted: ledger.lots().iter().map(Lot::accepted).sum(),
        wrong: problems.len(),
        problems: problems.into_iter().take(SHOWN).collect(),
    })
}

async fn one(venue: &Venue, lot: &Lot) -> Result<Option<String>, Failure> {
    let id = String::from_utf8_lossy(&lot.text).into_owned();
    let snapshot = venue.read("lot.get", json!({ "lot": id })).await?;
    let snapshot = if snapshot["lot"].is_object() { &snapshot["lot"] } else { &snapshot };
    let expected = lot.expected();
    let (price, bids) = (snapshot["price"].as_u64(), snapshot["bids"].as_u64().unwrap_or_default());
    let (least, most) = expected.bids;
    let right = price == expected.price && (least..=most).contains(&bids);
    Ok((!right).then(|| {
        format!(
            "{id}: price {price:?} and {bids} bids, but must be {:?} and {least} to {most}",
            expected.price
        )
    }))
}
