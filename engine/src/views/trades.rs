//! A book's trades as everybody sees them: price, quantity, which side took. Never who.

use hashbrown::HashMap;
use serde::Serialize;
use vendue_domain::actor::{ActorAddress, ActorKind, Publication};
use vendue_domain::book::Side;
use vendue_domain::id::BookId;
use vendue_domain::publication::Data;
use vendue_domain::time::Timestamp;
use vendue_protocol::query::ListTrades;

use super::answer::{BAD_CURSOR, NOT_FOUND, Refusal, bytes, page_limit};
use super::log::{Log, Numbered};
use super::{Views, stored::ViewSpace};

vendue_domain::record! {
    /// One trade.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
    pub struct PublicTrade {
        /// The sequence number, in the book's channel, of the event that told it.
        1 => pub seq: u64,
        /// Minor units for one unit.
        2 => pub price: u64,
        /// Units.
        3 => pub quantity: u64,
        /// Of the order that came to one that rested; null in a call auction.
        4 => pub taker_side: Option<Side>,
        5 => pub ts: Timestamp,
    }
}

impl Numbered for PublicTrade {
    /// About 25 bytes each.
    const CHUNK: u64 = 128;

    fn seq(&self) -> u64 {
        self.seq
    }
}

/// The newest trades of one book.
#[derive(Debug, Default)]
pub(super) struct Trades {
    pub(super) log: Log<PublicTrade>,
    /// Whether they wait in the list of what has changed.
    pub(super) noted: bool,
}

/// Those of all books.
pub(super) type BookTrades = HashMap<BookId, Trades>;

#[derive(Serialize)]
struct TradePage {
    trades: Vec<PublicTrade>,
    cursor: Option<String>,
}

impl Views {
    /// Takes a trade into its book's history.
    pub(super) fn note_trade(
        &mut self,
        address: &ActorAddress,
        publication: &Publication,
        seq: u64,
        ts: Timestamp,
    ) {
        let (ActorKind::Book, Data::Trade(trade)) = (address.kind, &publication.data) else { return };
        let (price, quantity, taker_side) = (trade.price, trade.quantity, trade.taker_side);
        let most = self.options.history_per_lot as usize;
        let trades = self.trades.entry(BookId(address.id)).or_default();
        trades.log.push(PublicTrade { seq, price, quantity, taker_side, ts }, most);
        if !std::mem::replace(&mut trades.noted, true) {
            self.changed.push(ViewSpace::Trades, address.id);
        }
    }

    /// A page of a book's trades, the newest first.
    pub(super) fn trade_page(&self, list: &ListTrades) -> Result<Vec<u8>, Refusal> {
        if self.of(list.book).is_none() {
            return Err(NOT_FOUND);
        }
        let before = list.cursor.as_deref().map(str::parse).transpose().map_err(|_| BAD_CURSOR)?;
        let before: u64 = before.unwrap_or(u64::MAX);
        let limit = page_limit(list.limit);
        let known = self.trades.get(&list.book);
        let newest = known.into_iter().flat_map(|trades| trades.log.items().rev());
        let mut trades: Vec<PublicTrade> =
            newest.filter(|trade| trade.seq < before).take(limit + 1).copied().collect();
        let more = trades.len() > limit;
        trades.truncate(limit);
        let cursor = trades.last().filter(|_| more).map(|trade| trade.seq.to_string());
        bytes(&TradePage { trades, cursor })
    }
}
