//! The bidders of a lot and what each has bid.

use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::amount::{Amount, Hidden};
use crate::id::{AccountId, BidId};
use crate::limits::BIDS_KEPT;
use crate::record::{Field, Reader, RecordError};
use crate::time::Timestamp;

/// Up to how many bidders a lot is searched from end to end: below it that beats a hash table and saves its memory.
const SEARCHED_MAX: usize = 8;

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

/// A bidder's own bids, newest last. Each is above the one before.
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
    /// Its highest bid: the last one.
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

/// All bidders of a lot, in the order of their first bids, and where to find them.
#[derive(Debug, Clone, Default)]
pub(super) struct Bidders {
    pub(super) list: Vec<Bidder>,
    /// Places by account; empty while there are few.
    places: HashMap<AccountId, u32>,
}

/// Where to find bidders follows from who they are.
impl PartialEq for Bidders {
    fn eq(&self, other: &Self) -> bool {
        self.list == other.list
    }
}

impl Bidders {
    pub(super) fn new(list: Vec<Bidder>) -> Self {
        let mut bidders = Self { list, places: HashMap::new() };
        bidders.index();
        bidders
    }

    fn index(&mut self) {
        if self.list.len() > SEARCHED_MAX {
            self.places = (0_u32..).zip(&self.list).map(|(place, bidder)| (bidder.account, place)).collect();
        }
    }

    #[inline]
    pub(super) fn place(&self, account: AccountId) -> Option<u32> {
        if self.list.len() > SEARCHED_MAX {
            return self.places.get(&account).copied();
        }
        self.list.iter().position(|bidder| bidder.account == account).map(|place| place as u32)
    }

    #[inline]
    pub(super) fn find(&self, account: AccountId) -> Option<&Bidder> {
        self.place(account).map(|place| &self.list[place as usize])
    }

    /// The bidder's place; a new one comes last. In a sale a paddle may be another after a new registration.
    #[inline]
    pub(super) fn find_or_add(&mut self, account: AccountId, alias: u32) -> u32 {
        if let Some(place) = self.place(account) {
            self.list[place as usize].alias = alias;
            return place;
        }
        let place = self.list.len() as u32;
        self.list.push(Bidder { account, alias, standing: 0, counted: 0, bids: KeptBids::new() });
        match self.list.len() {
            ..=SEARCHED_MAX => {}
            len if len == SEARCHED_MAX + 1 => self.index(),
            _ => {
                self.places.insert(account, place);
            }
        }
        place
    }

    pub(super) fn place_of_alias(&self, alias: u32) -> Option<u32> {
        self.list.iter().position(|bidder| bidder.alias == alias).map(|place| place as u32)
    }

    /// Removes one bid of an account, or all of them.
    pub(super) fn remove(&mut self, account: AccountId, bid: Option<BidId>) {
        if let Some(place) = self.place(account) {
            self.list[place as usize].remove(bid);
        }
    }
}
