//! A book's state: the resting orders in the core, what else is known of each, and what waits for holds.

use std::collections::BTreeSet;

use hashbrown::HashMap;

use super::matching::{Core, Order};
use super::{
    AuctionPrice, BookCreated, BookFunding, BookListing, BookSnapshot, BookState, LastTrade, OrderType,
    OrderView, Purpose, Side,
};
use crate::effect::Asked;
use crate::id::{AccountId, BookId, BookOrderId, Id};
use crate::record::{Field, Reader, RecordError};
use crate::time::Timestamp;

crate::record! {
    /// What is known of a live order besides what the core has.
    #[derive(Debug, Clone, Copy, PartialEq)]
    pub(super) struct Live {
        1 => pub(super) r#type: OrderType,
        /// Of a limit order, in minor units.
        2 => pub(super) price: Option<u64>,
        3 => pub(super) filled: u64,
        /// What it has traded for so far, in minor units: fees are computed on it.
        4 => pub(super) value: u64,
        /// What its hold holds once everything that the book has asked for is done, without a raise under way.
        5 => pub(super) held: u64,
        6 => pub(super) expires_at: Option<Timestamp>,
        /// More is being asked for.
        7 => pub(super) raising: bool,
    }
}

crate::record! {
    /// A hold that was asked for.
    #[derive(Debug, Clone, Copy, PartialEq)]
    pub(super) struct Ask {
        1 => pub(super) asked: Asked,
        2 => pub(super) view: OrderView,
        3 => pub(super) purpose: Purpose,
        4 => pub(super) total: u64,
        5 => pub(super) more: u64,
        /// The order was cancelled while it waited; its hold is on its way back.
        6 => pub(super) dropped: bool,
    }
}

crate::record! {
    /// A call auction.
    #[derive(Debug, Clone, Copy, PartialEq, Default)]
    pub(super) struct Auction {
        /// As announced.
        1 => pub(super) ends_at: Option<Timestamp>,
        /// When it really ends: nobody is told before.
        2 => pub(super) end: Option<Timestamp>,
        3 => pub(super) indicative: Option<AuctionPrice>,
        4 => pub(super) indicated_at: Option<Timestamp>,
        /// When the indicative price is worked out again: something has changed.
        5 => pub(super) indicate_at: Option<Timestamp>,
        /// What its price was found to be; trades at it are still to be told while units are left.
        6 => pub(super) price: Option<AuctionPrice>,
        7 => pub(super) left: u64,
        8 => pub(super) uncrossed_at: Option<Timestamp>,
        9 => pub(super) halted_at: Option<Timestamp>,
    }
}

crate::record! {
    struct KeptOrder { 1 => id: u128, 2 => live: Live }
}

crate::record! {
    struct KeptTrade { 1 => price: u64, 2 => quantity: u64, 3 => taker_side: Option<Side> }
}

crate::record! {
    /// The bytes of a book's state. Lists are sorted, so that equal states are equal bytes (I6); the core's are in priority.
    struct Kept {
        1 => id: BookId,
        2 => owner: AccountId,
        3 => listing: Box<BookListing>,
        4 => content: u64,
        5 => channel_seq: u64,
        6 => state: BookState,
        7 => auction: Option<Box<Auction>>,
        8 => core: Core,
        9 => orders: Vec<KeptOrder>,
        10 => asks: Vec<Ask>,
        11 => last_trade: Option<KeptTrade>,
        12 => transfers: u64,
    }
}

/// A book's state.
#[derive(Debug, Clone)]
pub struct Book {
    pub(super) id: BookId,
    pub(super) owner: AccountId,
    pub(super) listing: Box<BookListing>,
    pub(super) content: u64,
    pub(super) channel_seq: u64,
    pub(super) state: BookState,
    /// There while an auction gathers, also while it is halted, and until its last trade is told.
    pub(super) auction: Option<Box<Auction>>,
    /// Market orders, which rest only in an auction, stand at the prices 0 and [`u64::MAX`].
    pub(super) core: Core,
    pub(super) orders: HashMap<u128, Live>,
    /// By what their answers are known.
    pub(super) asks: HashMap<u128, Ask>,
    /// Live and waiting orders of each account.
    pub(super) counts: HashMap<AccountId, u32>,
    pub(super) expiries: BTreeSet<(Timestamp, u128)>,
    /// How many levels there are, of buyers and of sellers.
    pub(super) levels: [u32; 2],
    pub(super) last_trade: Option<LastTrade>,
    /// Counts the transfers: their entries' ids are made of it.
    pub(super) transfers: u64,
}

impl Book {
    pub(super) fn new(created: &BookCreated, owner: AccountId) -> Self {
        Self {
            id: created.book,
            owner,
            listing: Box::new(created.listing.clone()),
            content: created.content,
            channel_seq: 0,
            state: if created.halted { BookState::Halted } else { BookState::Continuous },
            auction: None,
            core: Core::default(),
            orders: HashMap::new(),
            asks: HashMap::new(),
            counts: HashMap::new(),
            expiries: BTreeSet::new(),
            levels: [0; 2],
            last_trade: None,
            transfers: 0,
        }
    }

    /// How it trades.
    #[must_use]
    pub const fn state(&self) -> BookState {
        self.state
    }

    /// The resting orders in priority, the best first: each with what is open of it.
    pub fn resting(&self, side: Side) -> impl Iterator<Item = OrderView> + '_ {
        self.core.orders(side).filter_map(|(_, order)| Some(self.view(&order, self.orders.get(&order.id)?)))
    }

    /// What every live order's hold holds, once everything that was asked for is done: none where the book is not funded.
    pub fn held(&self) -> impl Iterator<Item = (BookOrderId, u64)> + '_ {
        let funded = self.is_funded();
        let held = move |(&id, live): (&u128, &Live)| (BookOrderId::from_u128(id), live.held);
        self.orders.iter().filter(move |_| funded).map(held)
    }

    /// How many orders, and raises of orders, wait for their holds.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.asks.len()
    }

    pub(super) fn is_funded(&self) -> bool {
        self.listing.funding == BookFunding::Full
    }

    /// A live order as others see it.
    pub(super) fn view(&self, order: &Order, live: &Live) -> OrderView {
        OrderView {
            order: BookOrderId::from_u128(order.id),
            account: order.account,
            side: order.side,
            r#type: live.r#type,
            price: live.price,
            filled: live.filled,
            remaining: self.units(order.quantity),
        }
    }

    /// Units of so many lots.
    pub(super) const fn units(&self, lots: u64) -> u64 {
        lots.saturating_mul(self.listing.lot_size)
    }

    /// Lots of so many units.
    pub(super) const fn lots(&self, units: u64) -> u64 {
        units / self.listing.lot_size
    }

    /// The price in minor units at which what stands at this price of the core trades; `None` where it stands at none.
    pub(super) const fn shown(&self, ticks: u64) -> Option<u64> {
        match ticks {
            0 | u64::MAX => None,
            ticks => Some(ticks.saturating_mul(self.listing.tick)),
        }
    }

    /// The price in the core.
    pub(super) const fn ticks(&self, side: Side, price: Option<u64>) -> u64 {
        match (price, side) {
            (Some(price), _) => price / self.listing.tick,
            (None, Side::Buy) => u64::MAX,
            (None, Side::Sell) => 0,
        }
    }

    pub(super) fn live_of(&self, account: AccountId) -> usize {
        self.counts.get(&account).map_or(0, |&count| count as usize)
    }

    /// What anybody may know of this book.
    #[must_use]
    pub fn snapshot(&self) -> BookSnapshot {
        let mut snapshot = BookSnapshot::new(self.id, &self.listing, self.state);
        let levels = |side| {
            let shown = self.core.levels(side);
            shown.filter_map(|level| Some((self.shown(level.price)?, self.units(level.quantity)))).collect()
        };
        (snapshot.bids, snapshot.asks) = (levels(Side::Buy), levels(Side::Sell));
        snapshot.last_trade = self.last_trade;
        if let Some(auction) = self.auction.as_deref().filter(|_| self.state == BookState::Auction) {
            snapshot.ends_at = auction.ends_at;
            snapshot.indicative = auction.indicative;
        } else if self.state == BookState::Uncrossing {
            snapshot.indicative = self.auction.as_deref().and_then(|auction| auction.price);
        }
        snapshot
    }

    fn kept(&self) -> Kept {
        let mut orders: Vec<_> = self.orders.iter().map(|(&id, &live)| KeptOrder { id, live }).collect();
        orders.sort_unstable_by_key(|order| order.id);
        let mut asks: Vec<_> = self.asks.values().copied().collect();
        asks.sort_unstable_by_key(|ask| ask.asked.command_id);
        let kept_trade =
            |LastTrade { price, quantity, taker_side }| KeptTrade { price, quantity, taker_side };
        Kept {
            id: self.id,
            owner: self.owner,
            listing: self.listing.clone(),
            content: self.content,
            channel_seq: self.channel_seq,
            state: self.state,
            auction: self.auction.clone(),
            core: self.core.clone(),
            orders,
            asks,
            last_trade: self.last_trade.map(kept_trade),
            transfers: self.transfers,
        }
    }
}

impl Ask {
    /// The new order that waits; `None` for a raise.
    pub(super) const fn new_order(&self) -> Option<AccountId> {
        match self.purpose {
            Purpose::Place(_) => Some(self.view.account),
            Purpose::Modify(_) => None,
        }
    }
}

/// The number of an order.
pub(super) const fn number(order: BookOrderId) -> u128 {
    let BookOrderId(Id(bytes)) = order;
    u128::from_be_bytes(bytes)
}

impl Field for Book {
    fn encode(&self, out: &mut Vec<u8>) {
        self.kept().encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
        let kept = Kept::decode(input)?;
        if kept.listing.tick == 0 || kept.listing.lot_size == 0 {
            return Err(RecordError::Invalid("a book's tick and lot size are at least 1"));
        }
        let mut counts = HashMap::new();
        let levels = [Side::Buy, Side::Sell].map(|side| {
            kept.core.orders(side).for_each(|(_, order)| *counts.entry(order.account).or_insert(0) += 1);
            kept.core.levels(side).filter(|level| !matches!(level.price, 0 | u64::MAX)).count() as u32
        });
        for account in kept.asks.iter().filter(|ask| !ask.dropped).filter_map(Ask::new_order) {
            *counts.entry(account).or_insert(0) += 1;
        }
        let known = |order: &KeptOrder| kept.core.find(order.id).is_some();
        if kept.orders.len() != kept.core.len() || !kept.orders.iter().all(known) {
            return Err(RecordError::Invalid("every order of a book rests in it"));
        }
        let expiry = |order: &KeptOrder| Some((order.live.expires_at?, order.id));
        Ok(Self {
            id: kept.id,
            owner: kept.owner,
            listing: kept.listing,
            content: kept.content,
            channel_seq: kept.channel_seq,
            state: kept.state,
            auction: kept.auction,
            core: kept.core,
            expiries: kept.orders.iter().filter_map(expiry).collect(),
            orders: kept.orders.into_iter().map(|order| (order.id, order.live)).collect(),
            asks: kept.asks.into_iter().map(|ask| (ask.asked.command_id, ask)).collect(),
            counts,
            levels,
            last_trade: kept.last_trade.map(|KeptTrade { price, quantity, taker_side }| LastTrade {
                price,
                quantity,
                taker_side,
            }),
            transfers: kept.transfers,
        })
    }
}
