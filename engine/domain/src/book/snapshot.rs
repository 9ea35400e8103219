//! What anybody may know of a book.

use serde::Serialize;

use super::{
    AuctionPrice, BookCreated, BookEvent, BookFunding, BookListing, BookState, Level, SelfTrade, Side,
};
use crate::amount::Currency;
use crate::context::Stamp;
use crate::fees::Fees;
use crate::id::{BookId, MarketId};
use crate::publication::Data;
use crate::time::Timestamp;

/// The last trade: minor units for one unit, units, and the side of the order that came to one that rested (`null` in a
/// call auction).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs)]
pub struct LastTrade {
    pub price: u64,
    pub quantity: u64,
    pub taker_side: Option<Side>,
}

/// A book as `book.get` and its channel show it. Prices are minor units for one unit, quantities units.
///
/// `book_changed` overwrites the levels that it names, `trade` is `last_trade`, `auction_indicative` is `indicative`,
/// `book_state` overwrites the fields of its names.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs)]
pub struct BookSnapshot {
    pub book: BookId,
    pub market: MarketId,
    pub currency: Currency,
    pub title: String,
    pub description: Option<String>,
    pub r#ref: Option<String>,
    pub tick: u64,
    pub lot_size: u64,
    pub reference: Option<u64>,
    pub tick_significant_figures: Option<u32>,
    pub self_trade: SelfTrade,
    pub funding: BookFunding,
    /// Of buyers and sellers; absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "shared_fees")]
    pub fees: Fees,
    pub state: BookState,
    /// Of an auction: its announced end.
    pub ends_at: Option<Timestamp>,
    /// All levels, (price, quantity), the highest first.
    pub bids: Vec<(u64, u64)>,
    /// All levels, the lowest first.
    pub asks: Vec<(u64, u64)>,
    pub last_trade: Option<LastTrade>,
    /// What the auction would give now.
    pub indicative: Option<AuctionPrice>,
}

/// The schedule itself, however it is shared.
fn shared_fees<S: serde::Serializer>(fees: &Fees, serializer: S) -> Result<S::Ok, S::Error> {
    fees.as_deref().serialize(serializer)
}

impl BookSnapshot {
    pub(super) fn new(book: BookId, listing: &BookListing, state: BookState) -> Self {
        Self {
            book,
            market: listing.market,
            currency: listing.currency,
            title: listing.title.clone(),
            description: listing.description.clone(),
            r#ref: listing.reference.clone(),
            tick: listing.tick,
            lot_size: listing.lot_size,
            reference: listing.reference_price,
            tick_significant_figures: listing.tick_significant_figures,
            self_trade: listing.self_trade,
            funding: listing.funding,
            fees: listing.fees.clone(),
            state,
            ends_at: None,
            bids: Vec::new(),
            asks: Vec::new(),
            last_trade: None,
            indicative: None,
        }
    }

    /// The snapshot after the creating event; `None` for any other.
    #[must_use]
    pub fn born(event: &BookEvent, _stamp: &Stamp) -> Option<Self> {
        let BookEvent::Created(created) = event else { return None };
        let BookCreated { book, listing, halted, .. } = &**created;
        let state = if *halted { BookState::Halted } else { BookState::Continuous };
        Some(Self::new(*book, listing, state))
    }

    /// Takes an event over (I43).
    pub fn apply(&mut self, event: &BookEvent, _stamp: &Stamp) {
        event.levels().iter().for_each(|level| self.set(level));
        for publication in event.public() {
            match publication.data {
                Data::Trade(trade) => {
                    let (price, quantity) = (trade.price, trade.quantity);
                    self.last_trade = Some(LastTrade { price, quantity, taker_side: trade.taker_side });
                }
                Data::BookStateChanged(data) => {
                    (self.state, self.ends_at) = (data.state, data.ends_at);
                    self.indicative = None;
                }
                Data::AuctionIndicative(data) => self.indicative = data.indicative(),
                _ => {}
            }
        }
    }

    fn set(&mut self, level: &Level) {
        let (list, place) = match level.side {
            Side::Buy => {
                let place = self.bids.binary_search_by(|(price, _)| level.price.cmp(price));
                (&mut self.bids, place)
            }
            Side::Sell => {
                let place = self.asks.binary_search_by_key(&level.price, |(price, _)| *price);
                (&mut self.asks, place)
            }
        };
        match place {
            Ok(place) if level.quantity == 0 => drop(list.remove(place)),
            Ok(place) => list[place].1 = level.quantity,
            Err(_) if level.quantity == 0 => {}
            Err(place) => list.insert(place, (level.price, level.quantity)),
        }
    }
}

impl crate::publication::AuctionIndicative {
    /// The snapshot's `indicative` after it.
    #[must_use]
    pub fn indicative(&self) -> Option<AuctionPrice> {
        self.price.map(|price| AuctionPrice { price, volume: self.volume, surplus: self.surplus })
    }
}
