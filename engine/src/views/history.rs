//! A lot's public bids: who (by alias), to which price, when. Never a maximum.

use serde::Serialize;
use vendue_domain::actor::{ActorAddress, ActorKind, Publication};
use vendue_domain::amount::Amount;
use vendue_domain::publication::{Alias, Data};
use vendue_domain::time::Timestamp;

use super::log::{Log, Numbered};
use super::{Views, stored::ViewSpace};

vendue_domain::record! {
    /// One bid as the public sees it.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
    pub struct HistoryBid {
        /// The sequence number, in the lot's channel, of the event that told it.
        1 => pub seq: u64,
        2 => pub alias: Option<Alias>,
        /// The price it led to.
        3 => pub amount: Option<Amount>,
        4 => pub ts: Timestamp,
        /// Units, where the lot has several.
        #[serde(skip_serializing_if = "Option::is_none")]
        5 => pub quantity: Option<u64>,
    }
}

impl Numbered for HistoryBid {
    /// About 25 bytes each.
    const CHUNK: u64 = 128;

    fn seq(&self) -> u64 {
        self.seq
    }
}

/// The newest public bids of one lot.
pub(super) type History = Log<HistoryBid>;

impl Views {
    /// Takes a bid into its lot's history.
    pub(super) fn note_bid(
        &mut self,
        address: &ActorAddress,
        publication: &Publication,
        seq: u64,
        time: Timestamp,
    ) {
        if address.kind != ActorKind::Lot || publication.name != "price_changed" {
            return;
        }
        let Data::PriceChanged(change) = &publication.data else { return };
        // A price that moved without anybody's bid (a lowered reserve) is no bid.
        if change.bidder.is_some() {
            let (alias, amount, quantity) = (change.bidder, change.price, change.units);
            let bid = HistoryBid { seq, alias, amount, ts: time, quantity };
            self.push_bid(address, bid);
        }
    }

    pub(super) fn push_bid(&mut self, address: &ActorAddress, bid: HistoryBid) {
        let most = self.options.history_per_lot as usize;
        let Some(shown) = self.shown.get_mut(address) else { return };
        shown.history.push(bid, most);
        if !std::mem::replace(&mut shown.history_noted, true) {
            self.changed.push(ViewSpace::History, address.id);
        }
    }
}
