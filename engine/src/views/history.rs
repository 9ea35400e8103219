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
        /// Units, where the lot has several.
        #[serde(skip_serializing_if = "Option::is_none")]
        5 => pub quantity: Option<u64>,
    }
}

/// How many bids stand in one value of the state store: a checkpoint writes the values that have grown, not all that a
/// busy lot ever heard. At about 25 bytes a bid a value stays well below a block.
const CHUNK_BIDS: u64 = 128;

/// The number of a chunk's first bid, and its bids.
pub(super) type Chunk = (u64, Vec<HistoryBid>);

/// The newest public bids of one lot.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct History {
    /// The channel's number that it has reached.
    seq: u64,
    /// How many bids came before the first one kept.
    dropped: u64,
    bids: VecDeque<HistoryBid>,
    /// Bids with a number (from 0) below this one are in the state store.
    stored: u64,
    /// Chunks below this one have been removed from the state store.
    removed: u64,
}

impl History {
    pub(super) fn bids(&self) -> impl DoubleEndedIterator<Item = &HistoryBid> {
        self.bids.iter()
    }

    /// Takes back a stored chunk by the number of its first bid; chunks come in any order.
    pub(super) fn absorb(&mut self, first: u64, bids: Vec<HistoryBid>) {
        self.dropped = if self.bids.is_empty() { first } else { self.dropped.min(first) };
        self.bids.extend(bids);
        self.bids.make_contiguous().sort_unstable_by_key(|bid| bid.seq);
        self.seq = self.bids.back().map_or(0, |bid| bid.seq);
        self.stored = self.dropped + self.bids.len() as u64;
        self.removed = self.dropped / CHUNK_BIDS;
    }

    /// What has to be written: the chunks that have grown since the last call (with their first bid's number), and (`None`) those no bid of which is kept.
    pub(super) fn take_changes(&mut self) -> Vec<(u32, Option<Chunk>)> {
        let end = self.dropped + self.bids.len() as u64;
        let first_kept = self.dropped / CHUNK_BIDS;
        let gone = (self.removed..first_kept).map(|chunk| (chunk as u32, None));
        let mut changes: Vec<_> = gone.collect();
        let from = (self.stored / CHUNK_BIDS).max(first_kept);
        for chunk in from..end.div_ceil(CHUNK_BIDS) {
            let begin = (chunk * CHUNK_BIDS).max(self.dropped) - self.dropped;
            let until = ((chunk + 1) * CHUNK_BIDS).min(end) - self.dropped;
            let bids = self.bids.range(begin as usize..until as usize).copied().collect();
            changes.push((chunk as u32, Some((self.dropped + begin, bids))));
        }
        (self.stored, self.removed) = (end, first_kept);
        changes
    }

    /// The state store did not take the changes: everything is written again.
    pub(super) fn not_stored(&mut self) {
        (self.stored, self.removed) = (0, 0);
    }

    pub(super) fn push(&mut self, bid: HistoryBid, most: usize) {
        if bid.seq <= self.seq {
            return;
        }
        self.seq = bid.seq;
        if self.bids.len() >= most {
            self.bids.pop_front();
            self.dropped += 1;
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn bid(seq: u64) -> HistoryBid {
        HistoryBid {
            seq,
            alias: Some(Alias(1)),
            amount: Amount::new(seq),
            ts: Timestamp(seq as i64),
            quantity: None,
        }
    }

    /// What is stored after every capture gives the same history back, whatever was let go of in between.
    #[test]
    fn chunks_give_the_history_back() {
        for (most, step) in [(10, 3), (300, 50), (300, 128), (500, 131), (1_000, 7)] {
            let mut history = History::default();
            let mut store: BTreeMap<u32, (u64, Vec<HistoryBid>)> = BTreeMap::new();
            for seq in 1..=2_000_u64 {
                history.push(bid(seq), most);
                if seq % step != 0 {
                    continue;
                }
                for (chunk, bids) in history.take_changes() {
                    match bids {
                        Some(bids) => drop(store.insert(chunk, bids)),
                        None => drop(store.remove(&chunk)),
                    }
                }
                let mut restored = History::default();
                for (first, bids) in store.values().rev() {
                    restored.absorb(*first, bids.clone());
                }
                // A stored chunk may still hold bids that memory has let go of; none is missing.
                let newest: Vec<_> = restored.bids().rev().take(history.bids.len()).copied().collect();
                let live: Vec<_> = history.bids().rev().copied().collect();
                assert_eq!(newest, live, "{most} kept, captured each {step}, at {seq}");
                if seq % (step * 5) == 0 {
                    history = restored;
                }
            }
        }
    }
}
