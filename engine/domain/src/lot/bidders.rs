//! The bidders of an open lot, with the bids of each that may come to matter again: a maximum in an English auction, an
//! offer in a tender.

use smallvec::SmallVec;

use super::roll::{Member, Roll};

use crate::amount::{Amount, Hidden};
use crate::id::{AccountId, BidId};
use crate::limits::BIDS_KEPT;
use crate::record::{Field, Reader, RecordError};
use crate::time::Timestamp;

crate::record! {
    /// A bid that may come to matter again when later ones of the same bidder are taken back.
    #[derive(Debug, Clone, Copy, PartialEq)]
    pub(super) struct KeptBid {
        1 => pub(super) bid: BidId,
        2 => pub(super) maximum: Hidden,
        /// Its place in the order of all accepted bids of the lot: of equal maxima the earlier leads.
        3 => pub(super) seq: u64,
        4 => pub(super) placed_at: Timestamp,
        /// Whether it is in the public number of bids.
        5 => pub(super) counts: bool,
    }
}

/// A bidder's own bids, newest last. Each is better than the one before: above it, or below it in a tender.
pub(super) type KeptBids = SmallVec<[KeptBid; 1]>;

/// One bidder.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bidder {
    pub(super) account: AccountId,
    pub(super) alias: u32,
    /// How many of its bids stand, and how many of those are in the public number; also the forgotten ones.
    pub(super) standing: u32,
    pub(super) counted: u32,
    pub(super) bids: KeptBids,
}

crate::record! {
    struct Kept {
        1 => account: AccountId,
        2 => alias: u32,
        3 => standing: u32,
        4 => counted: u32,
        5 => bids: Vec<KeptBid>,
    }
}

impl Field for Bidder {
    fn encode(&self, out: &mut Vec<u8>) {
        let Self { account, alias, standing, counted, bids } = self;
        let bids = bids.to_vec();
        Kept { account: *account, alias: *alias, standing: *standing, counted: *counted, bids }.encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
        let Kept { account, alias, standing, counted, bids } = Kept::decode(input)?;
        if counted > standing || bids.len() > standing as usize {
            return Err(RecordError::Invalid("a bidder's bids are all counted"));
        }
        Ok(Self { account, alias, standing, counted, bids: bids.into() })
    }
}

impl Bidder {
    /// Its best bid: the last one.
    #[inline]
    pub(super) fn top(&self) -> Option<&KeptBid> {
        self.bids.last()
    }

    #[inline]
    pub(super) fn keep(&mut self, bid: KeptBid) {
        if self.bids.len() >= 2 * BIDS_KEPT {
            self.forget_older_half();
        }
        self.bids.push(bid);
        self.standing = self.standing.saturating_add(1);
        self.counted = self.counted.saturating_add(u32::from(bid.counts));
    }

    #[cold]
    fn forget_older_half(&mut self) {
        self.bids.drain(..BIDS_KEPT);
    }

    /// No bid of its counts for more than this.
    pub(super) fn cap(&mut self, cap: Amount) {
        for bid in &mut self.bids {
            bid.maximum.0 = bid.maximum.0.min(cap);
        }
    }

    /// What would go with one bid, or with all: how many, and how many of them count.
    pub(super) fn removed(&self, bid: Option<&KeptBid>) -> (u32, u32) {
        match bid {
            Some(bid) => (1, u32::from(bid.counts)),
            None => (self.standing, self.counted),
        }
    }

    /// Removes one bid, or all.
    fn remove(&mut self, bid: Option<BidId>) {
        let Some(bid) = bid else {
            self.bids = KeptBids::new();
            self.standing = 0;
            self.counted = 0;
            return;
        };
        if let Some(place) = self.bids.iter().position(|kept| kept.bid == bid) {
            let removed = self.bids.remove(place);
            self.standing -= 1;
            self.counted -= u32::from(removed.counts);
        }
    }
}

impl Member for Bidder {
    fn new(account: AccountId, alias: u32) -> Self {
        Self { account, alias, standing: 0, counted: 0, bids: KeptBids::new() }
    }

    #[inline]
    fn account(&self) -> AccountId {
        self.account
    }

    #[inline]
    fn alias(&self) -> u32 {
        self.alias
    }

    #[inline]
    fn set_alias(&mut self, alias: u32) {
        self.alias = alias;
    }

    #[inline]
    fn stands(&self) -> bool {
        self.top().is_some()
    }

    fn last_bid(&self) -> Option<BidId> {
        self.top().map(|kept| kept.bid)
    }
}

/// All bidders of a lot with what each has bid.
pub(super) type Bidders = Roll<Bidder>;

impl Bidders {
    /// Removes one bid of an account, or all of them.
    pub(super) fn remove(&mut self, account: AccountId, bid: Option<BidId>) {
        if let Some(place) = self.place(account) {
            self.list[place as usize].remove(bid);
        }
    }

    /// Who made a remembered bid.
    pub(super) fn of_bid(&self, bid: BidId) -> Option<(&Bidder, &KeptBid)> {
        let mut all = self.list.iter().flat_map(|bidder| bidder.bids.iter().map(move |kept| (bidder, kept)));
        all.find(|(_, kept)| kept.bid == bid)
    }

    /// Everybody's best bid, without what is removed (one bid of `from`, or all of its bids), and not none.
    pub(super) fn tops_without<'a>(
        &'a self,
        from: &'a Bidder,
        bid: Option<&'a KeptBid>,
    ) -> impl Iterator<Item = (&'a Bidder, &'a KeptBid)> {
        self.list.iter().filter_map(move |bidder| {
            let top = if bidder.account != from.account {
                bidder.top()
            } else {
                bid.and_then(|removed| bidder.bids.iter().rev().find(|kept| kept.bid != removed.bid))
            };
            top.map(|top| (bidder, top))
        })
    }
}
