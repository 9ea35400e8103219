//! The formats, in one place: what each must answer, and which there are.
//!
//! A new format is a file of its own that implements [`Rules`], a variant of [`Format`], a variant of [`Bidding`] with its
//! lines below, and its own variants of [`LotEvent`](super::LotEvent) where the shared ones do not say what happened.

use serde::{Deserialize, Serialize};

use super::english::English;
use super::{BuyNow, Listing, LotEvent, PlaceBid, RetractBid, Sold, TakeLot, Win};
use crate::amount::Amount;
use crate::context::{Context, Stamp};
use crate::fees;
use crate::id::{AccountId, BidId, LotId, OrderId};
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

impl Format {
    /// Whether who bids wants to be paid rather than to pay.
    #[must_use]
    pub const fn is_tender(self) -> bool {
        match self {
            Self::English => false,
        }
    }
}

/// What a format may rest on besides its own bids.
#[derive(Clone, Copy)]
pub(super) struct Terms<'a> {
    pub(super) lot: LotId,
    pub(super) listing: &'a Listing,
    pub(super) increments: &'a Increments,
    pub(super) ends_at: Option<Timestamp>,
    /// How long before the end it is, in microseconds, a pause taken into account; `None` without an end.
    pub(super) before_end_us: Option<u64>,
}

/// What a bidder has won by the bids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Award {
    pub(super) account: AccountId,
    pub(super) alias: u32,
    pub(super) quantity: u64,
    /// The hammer price for all its units.
    pub(super) amount: Amount,
}

/// How the bids come out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Awards {
    /// The public price: of the lot, or of a unit where there are several.
    pub(super) price: Option<Amount>,
    /// In the order in which the winners are served; none: unsold.
    pub(super) awards: Vec<Award>,
}

impl Terms<'_> {
    /// An award with the order that follows from it, and its fees. Its order's id is derived from lot and winner: a lot
    /// whose outcome has caused orders is never opened again, so that each winner has exactly one (I21).
    pub(super) fn win(&self, award: Award) -> Win {
        let Award { account, alias, quantity, amount } = award;
        let mut whose = [0; 32];
        whose[..16].copy_from_slice(&self.lot.0.0);
        whose[16..].copy_from_slice(&account.0.0);
        Win {
            account,
            alias,
            quantity,
            amount,
            order: OrderId::from_u128(xxhash_rust::xxh3::xxh3_128(&whose)),
            premium: fees::premium(&self.listing.fees, amount),
            commission: fees::commission(&self.listing.fees, amount),
            hold: None,
            deposit: None,
        }
    }

    /// What the orders of its winners need to know.
    pub(super) fn sold(&self) -> Box<Sold> {
        let Listing { currency, seller, content, fees, format, .. } = self.listing;
        Box::new(Sold {
            currency: *currency,
            seller: *seller,
            title: content.title.clone(),
            tender: format.is_tender(),
            fees: fees.clone(),
        })
    }

    /// The buyer's premium at a price, where the lot has one.
    #[inline]
    pub(super) fn premium(&self, price: Amount) -> Option<u64> {
        self.listing.fees.as_ref()?.buyers_premium.as_ref().map(|table| table.on(price.get()))
    }
}

/// Accounts whose bids may cost them something else now, and what (before fees; `None`: nothing any more).
pub(super) type Debts = smallvec::SmallVec<[(AccountId, Option<Amount>); 2]>;

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

    /// Who would win what if the lot ended now.
    fn awards(&self, listing: &Listing) -> Awards;

    /// What a bid may cost its bidder at most, before fees: what `funding: full` holds. With this bid standing: where the
    /// format keeps earlier bids of the bidder beside it, theirs too.
    fn exposure(
        &self,
        terms: &Terms<'_>,
        command: &PlaceBid,
        context: &Context<'_>,
    ) -> Result<Amount, Rejection>;

    /// What an account's standing bids may cost it at most, before fees; `None` where nothing can make it pay any more
    /// (outbid in the open): its hold is given back.
    fn owes(&self, listing: &Listing, account: AccountId) -> Option<Amount>;

    /// Whose debt ([`Rules::owes`]) a bid's event changes, and what they owe after it, where that can be told without
    /// working everything out again; `None` where it cannot. Only on the way of a funded bid.
    fn debts_after(&self, _event: &LotEvent, _by: AccountId) -> Option<Debts> {
        None
    }

    /// Buys units at the clock's price (dutch).
    fn take(
        &self,
        _terms: &Terms<'_>,
        _command: &TakeLot,
        _context: &Context<'_>,
    ) -> Result<LotEvent, Rejection> {
        Err(Rejection::NotAllowedInFormat)
    }

    /// When the format's own clock next changes something, in an open lot.
    fn next_tick(&self, _terms: &Terms<'_>) -> Option<Timestamp> {
        None
    }

    /// What the format's own clock changes at `now`; nothing where it has not come so far.
    fn tick(&self, _terms: &Terms<'_>, _now: Timestamp) -> Option<LotEvent> {
        None
    }

    /// Whether nothing is left to be bid for: the lot ends at once.
    fn is_over(&self, _listing: &Listing) -> bool {
        false
    }

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
