//! The formats, in one place: what each must answer, and which there are.
//!
//! A new format is a file of its own that implements [`Rules`], a variant of [`Format`], a variant of [`Bidding`] with its
//! lines below, and its own variants of [`LotEvent`](super::LotEvent) where the shared ones do not say what happened.

use serde::{Deserialize, Serialize};

use super::english::English;
use super::{BuyNow, Listing, LotEvent, PlaceBid, RetractBid, Win};
use crate::amount::Amount;
use crate::context::{Context, Stamp};
use crate::id::{AccountId, BidId};
use crate::increments::Increments;
use crate::publication::Alias;
use crate::rejection::Rejection;
use crate::time::Timestamp;

crate::variants! {
    /// How a lot is sold. One file each.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Format {
        /// Proxy bidding, or open outcry with `proxy: false`.
        1 => English,
    }
}

/// What a format may rest on besides its own bids.
#[derive(Clone, Copy)]
pub(super) struct Terms<'a> {
    pub(super) listing: &'a Listing,
    pub(super) increments: &'a Increments,
    pub(super) ends_at: Option<Timestamp>,
    /// How long before the end it is, in microseconds, a pause taken into account; `None` without an end.
    pub(super) before_end_us: Option<u64>,
}

/// What a format shows the public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) price: Option<Amount>,
    pub(super) leader: Option<Alias>,
    pub(super) bids: u32,
    pub(super) min_next_amount: Amount,
    pub(super) reserve_met: Option<bool>,
    pub(super) buy_now: Option<Amount>,
}

/// How a bid is judged, in one format. All pure but `apply`, as everywhere.
pub(super) trait Rules {
    /// A bid by an account that may bid, on an open lot before its end.
    fn place(
        &self,
        terms: &Terms<'_>,
        command: &PlaceBid,
        context: &Context<'_>,
    ) -> Result<LotEvent, Rejection>;

    /// The same for buying at once.
    fn buy_now(
        &self,
        terms: &Terms<'_>,
        command: &BuyNow,
        context: &Context<'_>,
    ) -> Result<LotEvent, Rejection>;

    /// A bidder takes bids back.
    fn retract(
        &self,
        terms: &Terms<'_>,
        command: &RetractBid,
        context: &Context<'_>,
    ) -> Result<LotEvent, Rejection>;

    /// An operator removes a bid.
    fn void(&self, terms: &Terms<'_>, bid: BidId, reason: &str) -> Result<LotEvent, Rejection>;

    /// All bids of an account go: it may not bid any more. `None` where it has none.
    fn expel(&self, terms: &Terms<'_>, account: AccountId) -> Option<LotEvent>;

    /// The accounts that have bids, in the order of their first ones.
    fn bidders(&self) -> Box<dyn ExactSizeIterator<Item = AccountId> + '_>;

    /// Whether a bid was ever accepted, also one that was taken back.
    fn has_begun(&self) -> bool;

    /// What the public sees.
    fn standing(&self, listing: &Listing) -> Standing;

    /// Who would win if the lot ended now.
    fn winner(&self, listing: &Listing) -> Option<Win>;

    /// The reserve is lowered: what a hidden maximum counts from now on.
    fn lower_reserve(&mut self, reserve: Amount);

    /// Takes an event of a bid over.
    fn apply(&mut self, event: &LotEvent, stamp: &Stamp);
}

crate::variants! {
    /// The bids of a lot, by its format.
    #[derive(Debug, Clone, PartialEq)]
    pub(super) enum Bidding { 1 => English(English) }
}

impl Bidding {
    /// No bids yet.
    pub(super) fn new(format: Format) -> Self {
        match format {
            Format::English => Self::English(English::default()),
        }
    }

    /// [`Rules::place`] without a detour: the hot path is compiled as one piece.
    #[inline]
    pub(super) fn place(
        &self,
        terms: &Terms<'_>,
        command: &PlaceBid,
        context: &Context<'_>,
    ) -> Result<LotEvent, Rejection> {
        match self {
            Self::English(english) => english.place(terms, command, context),
        }
    }

    /// [`Rules::apply`], as [`Bidding::place`].
    #[inline]
    pub(super) fn apply(&mut self, event: &LotEvent, stamp: &Stamp) {
        match self {
            Self::English(english) => english.apply(event, stamp),
        }
    }

    #[inline]
    pub(super) fn rules(&self) -> &dyn Rules {
        match self {
            Self::English(english) => english,
        }
    }

    #[inline]
    pub(super) fn rules_mut(&mut self) -> &mut dyn Rules {
        match self {
            Self::English(english) => english,
        }
    }
}
