//! The formats, in one place: what each must answer, and which there are.
//!
//! A new format is a file of its own that implements [`Rules`], a variant of [`Format`] with its row in
//! [`Format::knows`], a variant of [`Bidding`] with its line in `kinds!`, and its own variants of
//! [`LotEvent`](super::LotEvent) where the shared ones do not say what happened. CONTRIBUTING.md has the list of files.

use serde::{Deserialize, Serialize};

use super::candle::{Candle, Drawn};
use super::combinatorial::Combinatorial;
use super::dutch::Dutch;
use super::english::English;
use super::japanese::Japanese;
use super::multi_unit::MultiUnit;
use super::reverse::Reverse;
use super::sealed::Sealed;
use super::{BuyNow, Listing, LotEvent, Package, PlaceBid, RetractBid, Sold, TakeLot, Win};
use crate::amount::Amount;
use crate::context::{Context, Stamp};
use crate::fees;
use crate::id::{AccountId, BidId, LotId, OrderId};
use crate::increments::Increments;
use crate::publication::Alias;
use crate::rejection::{BuyNowUnavailable, Rejection};
use crate::time::Timestamp;

crate::variants! {
    /// How a lot is sold. One file each.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum Format {
        /// Proxy bidding, or open outcry with `proxy: false`.
        1 => English,
        /// A clock steps the price down; units are taken at its price.
        2 => Dutch,
        /// One secret bid each; the highest pays what it bid.
        3 => SealedFirstPrice,
        /// One secret bid each; the highest pays the second bid.
        4 => Vickrey,
        /// A tender: the lowest offer wins, and the lot's seller pays.
        5 => Reverse,
        /// Several equal units to the highest bids.
        6 => MultiUnit,
        /// A clock steps the price up; who does not stay is out.
        7 => Japanese,
        /// English, but the end is drawn afterwards.
        8 => Candle,
        /// Secret bids on packages of several items; each winner pays what its winning costs the others.
        9 => Combinatorial,
    }
}

/// Which terms of a lot a format knows; the others are refused when the lot is created. docs/rules.md has the same table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Knows {
    pub(super) reserve: bool,
    pub(super) buy_now: bool,
    pub(super) increments: bool,
    pub(super) soft_close: bool,
    pub(super) proxy: bool,
    pub(super) clock: bool,
    pub(super) pricing: bool,
    /// Whether it may be said if bids are secret.
    pub(super) sealed: bool,
    /// Whether units are sold one by one, to different bidders.
    pub(super) units: bool,
    /// Whether bids can be funded in full: bidders pay, and who may come to win is known while it lasts.
    pub(super) full: bool,
    /// Whether its end is drawn.
    pub(super) candle: bool,
    /// Whether it has items to be bid for in packages.
    pub(super) items: bool,
}

impl Format {
    /// The terms that this format knows, for a lot whose bids are secret or not.
    pub(super) const fn knows(self, sealed: bool) -> Knows {
        const SEALED: Knows = Knows {
            reserve: true,
            buy_now: false,
            increments: false,
            soft_close: false,
            proxy: false,
            clock: false,
            pricing: false,
            sealed: true,
            units: false,
            full: true,
            candle: false,
            items: false,
        };
        match self {
            Self::English => Knows {
                buy_now: true,
                increments: true,
                soft_close: true,
                proxy: true,
                sealed: false,
                ..SEALED
            },
            Self::Dutch => Knows { reserve: false, clock: true, sealed: false, units: true, ..SEALED },
            Self::SealedFirstPrice | Self::Vickrey => SEALED,
            Self::Reverse if sealed => Knows { full: false, ..SEALED },
            Self::Reverse => Knows { increments: true, soft_close: true, full: false, ..SEALED },
            Self::MultiUnit => Knows {
                reserve: false,
                increments: true,
                soft_close: true,
                pricing: true,
                sealed: false,
                units: true,
                ..SEALED
            },
            Self::Japanese => Knows { reserve: false, clock: true, sealed: false, units: true, ..SEALED },
            Self::Candle => Knows {
                reserve: false,
                increments: true,
                proxy: true,
                sealed: false,
                full: false,
                candle: true,
                ..SEALED
            },
            Self::Combinatorial => Knows { reserve: false, items: true, ..SEALED },
        }
    }

    /// The protocol's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::English => "english",
            Self::Dutch => "dutch",
            Self::SealedFirstPrice => "sealed_first_price",
            Self::Vickrey => "vickrey",
            Self::Reverse => "reverse",
            Self::MultiUnit => "multi_unit",
            Self::Japanese => "japanese",
            Self::Candle => "candle",
            Self::Combinatorial => "combinatorial",
        }
    }

    /// Whether bids are secret whatever the lot says.
    #[must_use]
    pub const fn is_sealed(self) -> bool {
        matches!(self, Self::SealedFirstPrice | Self::Vickrey | Self::Combinatorial)
    }

    /// Whether the lowest bid wins: then the start amount is a ceiling, and the reserve the most that is paid.
    #[must_use]
    pub const fn is_tender(self) -> bool {
        matches!(self, Self::Reverse)
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
    /// Which items, where a lot has several.
    pub(super) items: Option<Package>,
}

/// How the bids come out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Awards {
    /// The public price: of the lot, or of a unit where there are several.
    pub(super) price: Option<Amount>,
    /// In the order in which the winners are served; none: unsold.
    pub(super) awards: Vec<Award>,
}

/// The order of a lot's winner, derived so that it can be found again from what everybody knows.
#[must_use]
pub fn won_order(lot: LotId, winner: AccountId) -> OrderId {
    let mut whose = [0; 32];
    whose[..16].copy_from_slice(&lot.0.0);
    whose[16..].copy_from_slice(&winner.0.0);
    OrderId::from_u128(xxhash_rust::xxh3::xxh3_128(&whose))
}

impl Terms<'_> {
    /// An award with the order that follows from it, and its fees. Its order's id is derived from lot and winner: a lot
    /// whose outcome has caused orders is never opened again, so that each winner has exactly one (I21).
    pub(super) fn win(&self, award: Award) -> Win {
        let Award { account, alias, quantity, amount, items } = award;
        Win {
            account,
            alias,
            quantity,
            amount,
            order: won_order(self.lot, account),
            premium: fees::premium(&self.listing.fees, amount),
            commission: fees::commission(&self.listing.fees, amount),
            hold: None,
            deposit: None,
            items,
        }
    }

    /// The end after a bid at `now` that changed price or leader; `None` where it stays (RULES, "Soft close"; I17).
    #[inline]
    pub(super) fn extended(&self, now: Timestamp) -> Option<Timestamp> {
        if crate::mutant("no_soft_close") {
            return None;
        }
        let soft_close = self.listing.soft_close?;
        if crate::mutant("end_shrinks") {
            return Some(now.plus_ms(soft_close.extend_ms));
        }
        soft_close.extended(self.ends_at?, self.before_end_us?, now)
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
            deposit: self.listing.deposit,
        })
    }

    /// The buyer's premium at a price, where the lot has one.
    #[inline]
    pub(super) fn premium(&self, price: Amount) -> Option<u64> {
        self.listing.fees.as_ref()?.buyers_premium.as_ref().map(|table| table.on(price.get()))
    }

    /// What is kept from who is paid a price, where the lot has a commission.
    pub(super) fn commission(&self, price: Amount) -> Option<u64> {
        let fees = self.listing.fees.as_ref()?;
        fees.sellers_commission.as_ref().map(|_| fees.commission(price))
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
    /// What the next bid must reach: at least this, in a tender at most.
    pub(super) min_next_amount: Amount,
    pub(super) reserve_met: Option<bool>,
    pub(super) buy_now: Option<Amount>,
    /// How many have a bid, where that is all that is shown.
    pub(super) bidders: Option<u32>,
    /// Units that nobody has as it stands, where they are sold one by one.
    pub(super) remaining: Option<u64>,
    /// What the clock shows next, and when.
    pub(super) next_price: Option<Amount>,
    pub(super) next_at: Option<Timestamp>,
}

impl Standing {
    /// Bids and the next amount; of everything else nothing.
    pub(super) const fn new(bids: u32, min_next_amount: Amount) -> Self {
        Self {
            price: None,
            leader: None,
            bids,
            min_next_amount,
            reserve_met: None,
            buy_now: None,
            bidders: None,
            remaining: None,
            next_price: None,
            next_at: None,
        }
    }
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
        _terms: &Terms<'_>,
        _command: &BuyNow,
        _context: &Context<'_>,
    ) -> Result<LotEvent, Rejection> {
        Err(Rejection::BuyNowUnavailable(BuyNowUnavailable { buy_now: None }))
    }

    /// A bidder takes bids back.
    fn retract(
        &self,
        terms: &Terms<'_>,
        command: &RetractBid,
        context: &Context<'_>,
    ) -> Result<LotEvent, Rejection>;

    /// An operator removes a bid.
    fn void(&self, terms: &Terms<'_>, bid: BidId, reason: &str) -> Result<LotEvent, Rejection>;

    /// The newest bid that stands of the bidder with this alias: what an operator names who knows bidders as the public does.
    fn last_bid_of(&self, alias: u32) -> Option<BidId>;

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
    /// format keeps earlier bids of the bidder beside it, theirs too. Never asked where bidders do not pay.
    fn exposure(
        &self,
        terms: &Terms<'_>,
        command: &PlaceBid,
        context: &Context<'_>,
    ) -> Result<Amount, Rejection>;

    /// What an account's standing bids may cost it at most, before fees; `None` where nothing can make it pay any more
    /// (outbid in the open): its hold is given back. In a sealed format every standing bid, so that no hold tells who
    /// is outbid.
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

    /// What a take may cost its buyer in all, before fees: what it has taken already and this.
    fn take_exposure(
        &self,
        _terms: &Terms<'_>,
        _command: &TakeLot,
        _context: &Context<'_>,
    ) -> Result<Amount, Rejection> {
        Err(Rejection::NotAllowedInFormat)
    }

    /// When the format's own clock next has something to tell, in an open lot.
    fn next_tick(&self) -> Option<Timestamp> {
        None
    }

    /// What the format's own clock tells at `now`; nothing where it has not come so far.
    fn tick(&self, _listing: &Listing, _now: Timestamp) -> Option<LotEvent> {
        None
    }

    /// When a lot that ends at `ends_at` has truly ended, and who won then, where that is drawn (candle).
    fn draw(&self, _listing: &Listing, _ends_at: Timestamp) -> Option<(Drawn, Awards)> {
        None
    }

    /// The price up to which a `lot.stay` without an amount stays (japanese).
    fn stay_amount(&self, _listing: &Listing, _account: AccountId) -> Result<Amount, Rejection> {
        Err(Rejection::NotAllowedInFormat)
    }

    /// The clock has stood since its last step, because nobody could bid: its next step comes at `resumes_at`. Nothing
    /// where it was not due before `now`.
    fn stand_still(&self, _listing: &Listing, _now: Timestamp, _resumes_at: Timestamp) -> Option<LotEvent> {
        None
    }

    /// Whether nothing is left to be bid for: the lot ends at once.
    fn is_over(&self, _listing: &Listing) -> bool {
        false
    }

    /// The reserve is changed in the bidders' favour (`listing` has the old one): what hidden bids count from now on.
    fn lower_reserve(&mut self, _listing: &Listing, _reserve: Amount) {}

    /// Takes an event over: of a bid, or of the lot's states and times, on which a clock rests.
    fn apply(&mut self, event: &LotEvent, stamp: &Stamp);
}

/// The bids of a lot by its format: the kinds there are, and the calls that are compiled as one piece with them.
macro_rules! kinds {
    ($($number:literal => $kind:ident),+ $(,)?) => {
        crate::variants! {
            /// The bids of a lot, by its format.
            #[derive(Debug, Clone, PartialEq)]
            pub(super) enum Bidding { $( $number => $kind($kind) ),+ }
        }

        impl Bidding {
            /// [`Rules::place`] without a detour: the hot path is compiled as one piece.
            #[inline]
            pub(super) fn place(
                &self,
                terms: &Terms<'_>,
                command: &PlaceBid,
                context: &Context<'_>,
            ) -> Result<LotEvent, Rejection> {
                match self { $( Self::$kind(bids) => bids.place(terms, command, context), )+ }
            }

            /// [`Rules::apply`], as [`Bidding::place`].
            #[inline]
            pub(super) fn apply(&mut self, event: &LotEvent, stamp: &Stamp) {
                match self { $( Self::$kind(bids) => bids.apply(event, stamp), )+ }
            }

            /// [`Rules::next_tick`], as [`Bidding::place`]: asked after every command.
            #[inline]
            pub(super) fn next_tick(&self) -> Option<Timestamp> {
                match self { $( Self::$kind(bids) => bids.next_tick(), )+ }
            }

            /// [`Rules::is_over`], as [`Bidding::next_tick`].
            #[inline]
            pub(super) fn is_over(&self, listing: &Listing) -> bool {
                match self { $( Self::$kind(bids) => bids.is_over(listing), )+ }
            }

            #[inline]
            pub(super) fn rules(&self) -> &dyn Rules {
                match self { $( Self::$kind(bids) => bids, )+ }
            }

            #[inline]
            pub(super) fn rules_mut(&mut self) -> &mut dyn Rules {
                match self { $( Self::$kind(bids) => bids, )+ }
            }
        }
    };
}

kinds! {
    1 => English,
    2 => Dutch,
    3 => Sealed,
    4 => Reverse,
    5 => MultiUnit,
    6 => Japanese,
    7 => Candle,
    8 => Combinatorial,
}

impl Bidding {
    /// No bids yet.
    pub(super) fn new(listing: &Listing) -> Self {
        match listing.format {
            Format::English => Self::English(English::default()),
            Format::Dutch => Self::Dutch(Dutch::default()),
            Format::SealedFirstPrice | Format::Vickrey => Self::Sealed(Sealed::default()),
            Format::Reverse if listing.sealed => Self::Sealed(Sealed::default()),
            Format::Reverse => Self::Reverse(Reverse::default()),
            Format::MultiUnit => Self::MultiUnit(MultiUnit::default()),
            Format::Japanese => Self::Japanese(Japanese::default()),
            Format::Candle => Self::Candle(Candle::new(listing)),
            Format::Combinatorial => Self::Combinatorial(Combinatorial::default()),
        }
    }
}
