//! What anybody may know of a stock item.

use serde::Serialize;

use super::publish::location_counts;
use super::{Counters, Location, LocationCounters, StockEvent, StockListing, Strategy};
use crate::amount::{Amount, Currency};
use crate::context::Stamp;
use crate::fees::Fees;
use crate::id::{MarketId, StockId};
use crate::publication::{Data, LocationCount};

/// A stock item as `stock.get` and its channel show it.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs)]
pub struct StockSnapshot {
    pub stock: StockId,
    pub market: MarketId,
    pub currency: Currency,
    pub title: String,
    pub description: Option<String>,
    pub category: Option<String>,
    pub images: Vec<String>,
    pub r#ref: Option<String>,
    /// For one unit.
    pub price: Amount,
    pub limit_per_account: Option<u64>,
    pub available: u64,
    pub reserved: u64,
    pub on_hand: u64,
    /// Absent where the item has one location.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locations: Vec<Location>,
    /// In the order of the locations.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub location_counts: Vec<LocationCount>,
    pub strategy: Strategy,
    /// What a buyer pays beside the price, and what is kept from the seller's proceeds; absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "shared_fees")]
    pub fees: Fees,
}

/// The schedule itself, however it is shared.
fn shared_fees<S: serde::Serializer>(fees: &Fees, serializer: S) -> Result<S::Ok, S::Error> {
    fees.as_deref().serialize(serializer)
}

impl StockSnapshot {
    pub(super) fn new(
        stock: StockId,
        listing: &StockListing,
        counters: Counters,
        locations: &[LocationCounters],
    ) -> Self {
        Self {
            stock,
            market: listing.market,
            currency: listing.currency,
            title: listing.title.clone(),
            description: listing.description.clone(),
            category: listing.category.clone(),
            images: listing.images.clone(),
            r#ref: listing.reference.clone(),
            price: listing.price,
            limit_per_account: listing.limit_per_account,
            available: counters.available,
            reserved: counters.reserved,
            on_hand: counters.on_hand,
            locations: listing.locations.clone(),
            location_counts: location_counts(locations),
            strategy: listing.strategy,
            fees: listing.fees.clone(),
        }
    }

    /// The snapshot after the creating event; `None` for any other.
    #[must_use]
    pub fn born(event: &StockEvent, _stamp: &Stamp) -> Option<Self> {
        let StockEvent::Created(created) = event else { return None };
        let counters = Counters::new(created.on_hand, 0, 0, created.listing.threshold);
        Some(Self::new(created.stock, &created.listing, counters, &created.location_counters()))
    }

    /// Takes an event over: what it publishes overwrites the fields of the same names (I43).
    pub fn apply(&mut self, event: &StockEvent, _stamp: &Stamp) {
        for publication in event.public() {
            if let Data::StockChanged(data) = publication.data {
                self.available = data.available;
                self.reserved = data.reserved;
                self.on_hand = data.on_hand;
                self.location_counts = data.location_counts;
            }
        }
    }
}
