//! What there is in each market, in the order of its coming.

use hashbrown::HashMap;
use vendue_domain::actor::{ActorAddress, Snapshot};
use vendue_domain::id::{BookId, LotId, MarketId, SaleId, StockId};

/// The members of one market.
#[derive(Debug, Default, Clone)]
pub(super) struct Members {
    pub(super) lots: Vec<LotId>,
    pub(super) stock: Vec<StockId>,
    pub(super) sales: Vec<SaleId>,
    pub(super) books: Vec<BookId>,
}

/// The members of every market.
#[derive(Debug, Default, Clone)]
pub(super) struct Lists {
    pub(super) markets: Vec<MarketId>,
    members: HashMap<MarketId, Members>,
}

impl Lists {
    pub(super) fn insert(&mut self, address: &ActorAddress, snapshot: &Snapshot) {
        let market = super::market_of(snapshot);
        match snapshot {
            Snapshot::Market(_) => self.markets.push(market),
            Snapshot::Account(_) | Snapshot::Order(_) => {}
            Snapshot::Sale(_) => self.members.entry(market).or_default().sales.push(SaleId(address.id)),
            Snapshot::Lot(_) => self.members.entry(market).or_default().lots.push(LotId(address.id)),
            Snapshot::Stock(_) => self.members.entry(market).or_default().stock.push(StockId(address.id)),
            Snapshot::Book(_) => self.members.entry(market).or_default().books.push(BookId(address.id)),
        }
    }

    pub(super) fn of(&self, market: MarketId) -> Option<&Members> {
        self.members.get(&market)
    }
}
