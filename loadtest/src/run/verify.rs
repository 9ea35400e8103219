//! After the load: every lot and book must stand where the tool's own record says.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::journal::JournalVerdict;
use super::ledger::{Ledger, Lot};
use super::orders::Orders;
use super::shelf::Shelf;
use super::work::Record;
use crate::failure::Failure;
use crate::market::{Venue, together};

/// How many lots are asked for at once.
const AT_ONCE: usize = 64;
/// How many wrong lots are described.
pub(super) const SHOWN: usize = 10;

/// What the comparison found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Verification {
    /// Lots, books and stock items that were looked at.
    pub lots: usize,
    /// Requests that were acknowledged as taken, warm-up included.
    pub accepted: u64,
    /// The number of each lot's channel, by index.
    #[serde(skip)]
    pub numbers: HashMap<u32, u64>,
    /// Lots whose bids are explained by one order of them, these bids, and lots with too many to keep; absent where that was not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explained: Option<(usize, usize, usize)>,
    /// Lots whose bids no order explains.
    pub wrong_histories: usize,
    /// What watchers heard wrong.
    pub wrong_streams: u64,
    /// The private market's journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub journal: Option<JournalVerdict>,
    /// How long all this took, in seconds.
    pub took_s: f64,
    /// Books that cannot be compared: the fate of one of their orders is not known.
    pub unsure: usize,
    /// Lots, books and stock items that do not stand where they must.
    pub wrong: usize,
    /// The first of them, in words.
    pub problems: Vec<String>,
}

impl Verification {
    fn add(&mut self, other: Self) {
        self.lots += other.lots;
        self.unsure += other.unsure;
        self.wrong += other.wrong;
        self.problems.extend(other.problems);
    }

    /// Whether anything is not as it must be.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        let is_unsound = self.journal.as_ref().is_some_and(|journal| !journal.sound);
        self.wrong > 0 || self.wrong_histories > 0 || self.wrong_streams > 0 || is_unsound
    }
}

/// Asks for everything that requests went to.
///
/// # Errors
/// Where the market cannot be asked.
pub async fn verify(venue: &Venue, record: &Record) -> Result<Verification, Failure> {
    let mut found = lots(venue, &record.bids).await?;
    found.add(books(venue, &record.orders).await?);
    found.add(items(venue, &record.shelf).await?);
    found.accepted = record.bids.lots().iter().map(Lot::accepted).sum::<u64>()
        + record.orders.accepted()
        + record.shelf.reserved();
    Ok(found)
}

/// Asks for every stock item and compares its counters with what was acknowledged.
async fn items(venue: &Venue, shelf: &Shelf) -> Result<Verification, Failure> {
    let found = together(shelf.items(), AT_ONCE, |item| async move {
        let snapshot = venue.read("stock.get", json!({ "stock": item.id() })).await?;
        let snapshot = if snapshot["stock"].is_object() { &snapshot["stock"] } else { &snapshot };
        let counter = |name: &str| snapshot[name].as_u64().unwrap_or(u64::MAX);
        Ok(item.wrong(counter("on_hand"), counter("reserved"), counter("available")))
    })
    .await?;
    let problems: Vec<String> = found.into_iter().flatten().collect();
    Ok(Verification {
        lots: shelf.items().len(),
        wrong: problems.len(),
        problems: problems.into_iter().take(SHOWN).collect(),
        ..Verification::default()
    })
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
        unsure: orders.books().iter().filter(|book| book.unsure()).count(),
        wrong: problems.len(),
        problems: problems.into_iter().take(SHOWN).collect(),
        ..Verification::default()
    })
}

/// Levels of a snapshot: (price, units).
fn levels(value: &Value) -> Option<Vec<(u64, u64)>> {
    value.as_array()?.iter().map(|level| Some((level[0].as_u64()?, level[1].as_u64()?))).collect()
}

/// Asks for every lot and compares it with the record.
async fn lots(venue: &Venue, ledger: &Ledger) -> Result<Verification, Failure> {
    let found = together(ledger.lots(), AT_ONCE, |lot| one(venue, lot)).await?;
    let numbers = (0..).zip(found.iter().map(|&(number, _)| number)).collect();
    let problems: Vec<String> = found.into_iter().filter_map(|(_, problem)| problem).collect();
    Ok(Verification {
        numbers,
        lots: ledger.lots().len(),
        unsure: 0,
        wrong: problems.len(),
        problems: problems.into_iter().take(SHOWN).collect(),
        ..Verification::default()
    })
}

/// The number of the lot's channel, and what is wrong with the lot.
async fn one(venue: &Venue, lot: &Lot) -> Result<(u64, Option<String>), Failure> {
    let id = String::from_utf8_lossy(&lot.text).into_owned();
    let snapshot = venue.read("lot.get", json!({ "lot": id })).await?;
    let snapshot = if snapshot["lot"].is_object() { &snapshot["lot"] } else { &snapshot };
    let expected = lot.expected();
    let (price, bids) = (snapshot["price"].as_u64(), snapshot["bids"].as_u64().unwrap_or_default());
    let (least, most) = expected.bids;
    let right = price == expected.price && (least..=most).contains(&bids);
    let problem = (!right).then(|| {
        format!(
            "{id}: price {price:?} and {bids} bids, but must be {:?} and {least} to {most}",
            expected.price
        )
    });
    Ok((snapshot["seq"].as_u64().unwrap_or_default(), problem))
}
