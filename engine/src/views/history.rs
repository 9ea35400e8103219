//! A lot's public bids: who (by alias), to which price, when. Never a maximum.

use std::collections::VecDeque;

use serde::Serialize;
use vendue_domain::actor::{ActorAddress, ActorKind, Publication};
use vendue_domain::amount::Amount;
use vendue_domain::publication::{Alias, Data};
use vendue_domain::time::Timestamp;

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
    }
}

/// The newest public bids of one lot.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct History {
    /// The channel's number that it has reached.
    seq: u64,
    bids: VecDeque<HistoryBid>,
}

impl History {
    pub(super) const fn seq(&self) -> u64 {
        self.seq
    }

    pub(super) fn bids(&self) -> impl DoubleEndedIterator<Item = &HistoryBid> {
        self.bids.iter()
    }

    pub(super) fn restored(seq: u64, bids: Vec<HistoryBid>) -> Self {
        Self { seq, bids: bids.into() }
    }

    pub(super) fn push(&mut self, bid: HistoryBid, most: usize) {
        if bid.seq <= self.seq {
            return;
        }
        self.seq = bid.seq;
        if self.bids.len() >= most {
            self.bids.pop_front();
        }
        self.bids.push_back(bid);
    }
}

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
            let bid = HistoryBid { seq, alias: change.bidder, amount: change.price, ts: time };
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
