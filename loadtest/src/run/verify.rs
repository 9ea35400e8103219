//! After the load: every lot and book must stand where the tool's own record says.

use serde::Serialize;
use serde_json::{Value, json};

use super::ledger::{Ledger, Lot};
use super::orders::Orders;
use super::work::Record;
use crate::failure::Failure;
use crate::market::{Venue, together};

/// How many lots are asked for at once.
const AT_ONCE: usize = 64;
/// How many wrong lots are described.
const SHOWN: usize = 10;

/// What the comparison found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Verification {
    /// Lots or books that were looked at.
    pub lots: usize,
    /// Bids or orders that were acknowledged as taken, warm-up included.
    pub accepted: u64,
    /// Books that cannot be compared: the fate of one of their orders is not known.
    pub unsure: usize,
    /// Lots or books that do not stand where they must.
    pub wrong: usize,
    /// The first of them, in words.
    pub problems: Vec<String>,
}

/// Asks for everything that requests went to.
///
/// # Errors
/// Where the market cannot be asked.
pub async fn verify(venue: &Venue, record: &Record) -> Result<Verification, Failure> {
    match record {
        Record::Bids(ledger) => lots(venue, ledger).await,
        Record::Orders(orders) => books(venue, orders).await,
    }
}

/// Asks for every book and compares its depth with what the acknowledged orders must have left.
async fn books(venue: &Venue, orders: &Orders) -> Result<Verification, Failure> {
    let found = together(orders.books(), AT_ONCE, |book| async move {
        let snapshot = venue.read("book.get", json!({ "book": book.id() })).await?;
        let snapshot = if snapshot["book"].is_object() { &snapshot["book"] } else { &snapshot };
        Ok(match (levels(&snapshot["bids"]), levels(&snapshot["asks"])) {
            (Some(bids), Some(asks)) => book.wrong(&bids, &asks),
            _ => Some(format!("{}: a snapshot without levels", book.id())),
        })
    })
    .await?;
    let problems: Vec<String> = found.into_iter().flatten().collect();
    Ok(Verification {
        lots: orders.books().len(),
        accepted: orders.accepted(),
        unsure: orders.books().iter().filter(|book| book.unsure()).count(),
        wrong: problems.len(),
        problems: problems.into_iter().take(SHOWN).collect(),
    })
}

/// Levels of a snapshot: (price, units).
fn levels(value: &Value) -> Option<Vec<(u64, u64)>> {
    value.as_array()?.iter().map(|level| Some((level[0].as_u64()?, level[1].as_u64()?))).collect()
}

/// Asks for every lot and compares it with the record.
async fn lots(venue: &Venue, ledger: &Ledger) -> Result<Verification, Failure> {
    let found = together(ledger.lots(), AT_ONCE, |lot| one(venue, lot)).await?;
    let problems: Vec<String> = found.into_iter().flatten().collect();
    Ok(Verification {
        lots: ledger.lots().len(),
        unsure: 0,
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
