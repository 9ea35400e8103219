//! What happens to a funded lot beside its bids, and the effects of it.

use std::fmt;

use super::super::{BuyNow, LotEvent, Package, PlaceBid, RestatementCause, TakeLot};
use crate::account::AccountCommand;
use crate::actor::Command;
use crate::amount::{Amount, Currency, Hidden};
use crate::context::Stamp;
use crate::effect::{Asked, Effect, Effects};
use crate::id::{AccountId, BidId, HoldId, Id, LotId, MarketId};
use crate::money::{ASSURED_TAG, Asker, Asset, PlaceHold, ReleaseHold};
use crate::record::{Field, Reader, RecordError};
use crate::rejection::Rejection;
use crate::time::Timestamp;

/// The tag of a hold that is lowered: nobody waits for it.
pub(super) const LOWERING_TAG: u128 = 0;

crate::record! {
    /// A bid as it was asked for, without the lot.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct WishedBid {
        1 => pub amount: Hidden,
        2 => pub quantity: Option<u64>,
        3 => pub all_or_none: Option<bool>,
        4 => pub if_seq: Option<u64>,
        5 => pub stay_until: Option<Hidden>,
        6 => pub package: Option<Package>,
    }
}

crate::record! {
    /// A purchase at the clock's price as it was asked for, without the lot.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct WishedTake {
        1 => pub quantity: Option<u64>,
        2 => pub amount: Option<Hidden>,
    }
}

crate::record! {
    /// A purchase at the buy-now amount as it was asked for, without the lot.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct WishedPurchase { 1 => pub amount: Option<Amount> }
}

crate::variants! {
    /// What waits for its hold.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Wish {
        1 => Bid(WishedBid),
        2 => Purchase(WishedPurchase),
        3 => Take(WishedTake),
    }
}

impl From<&PlaceBid> for Wish {
    fn from(command: &PlaceBid) -> Self {
        let PlaceBid { lot: _, amount, quantity, all_or_none, if_seq, validate_only: _, stay_until, package } =
            *command;
        let (amount, stay_until) = (Hidden(amount), stay_until.map(Hidden));
        Self::Bid(WishedBid { amount, quantity, all_or_none, if_seq, stay_until, package })
    }
}

impl From<&BuyNow> for Wish {
    fn from(command: &BuyNow) -> Self {
        Self::Purchase(WishedPurchase { amount: command.amount })
    }
}

impl From<&TakeLot> for Wish {
    fn from(command: &TakeLot) -> Self {
        Self::Take(WishedTake { quantity: command.quantity, amount: command.amount.map(Hidden) })
    }
}

crate::record! {
    /// A hold that is asked for, in all.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct HoldWanted {
        1 => pub hold: HoldId,
        2 => pub total: Hidden,
        3 => pub currency: Currency,
        4 => pub market: MarketId,
    }
}

impl HoldWanted {
    fn effect(&self, lot: LotId, account: AccountId, tag: u128) -> Effect {
        let place = self.of(lot, account, tag);
        Effect::new(account, Command::Account(AccountCommand::PlaceHold(place)))
    }

    /// What the account is asked.
    pub(super) const fn of(&self, lot: LotId, account: AccountId, tag: u128) -> PlaceHold {
        let Self { hold, total: Hidden(total), currency, market } = *self;
        let asset = Asset::Money(currency);
        PlaceHold { account, hold, asset, amount: total.get(), asker: Asker::Lot(lot), tag, market }
    }
}

crate::record! {
    /// A bid has been taken and waits; the bidder stands in the stamp. Its answer comes with a later event.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct BidWaits {
        1 => pub wish: Wish,
        /// As in [`Asked`]; who asked and under which id stands in the stamp.
        2 => pub content: u64,
        /// The hold that is asked for; absent: the bidder has another bid waiting, this one stands behind it.
        3 => pub hold: Option<HoldWanted>,
    }
}

crate::variants! {
    /// Why a hold is changed.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Purpose {
        /// For the first bid in the account's line.
        1 => Bid,
        /// For a place that the account has only after the restatement under way.
        2 => Restatement,
        /// Some of it is given back.
        3 => Lowering,
    }
}

crate::record! {
    /// A hold is asked for by the lot itself.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct HoldAsked {
        1 => pub account: AccountId,
        2 => pub tag: u128,
        3 => pub purpose: Purpose,
        4 => pub wanted: HoldWanted,
        /// What is held now.
        5 => pub held: u64,
    }
}

crate::record! {
    /// A hold is given back, wholly.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Released {
        1 => pub account: AccountId,
        2 => pub hold: HoldId,
    }
}

crate::record! {
    /// A hold is given back in part.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Lowered {
        1 => pub account: AccountId,
        2 => pub wanted: HoldWanted,
    }
}

crate::variants! {
    /// What an event changes about somebody's hold.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum HoldChange {
        1 => Released(Released),
        2 => Lowered(Lowered),
    }
}

impl HoldChange {
    /// Whose hold.
    pub(super) const fn account(&self) -> AccountId {
        match self {
            Self::Released(released) => released.account,
            Self::Lowered(lowered) => lowered.account,
        }
    }

    fn effect(&self, lot: LotId) -> Effect {
        match *self {
            Self::Released(Released { account, hold }) => {
                let release = AccountCommand::ReleaseHold(ReleaseHold { account, hold });
                Effect::new(account, Command::Account(release))
            }
            Self::Lowered(Lowered { account, wanted }) => wanted.effect(lot, account, LOWERING_TAG),
        }
    }
}

/// What happens to holds because of one event: nearly always one of them, held inline.
pub type HoldChanges = smallvec::SmallVec<[HoldChange; 1]>;

crate::variants! {
    /// What an event brings to its end.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Step {
        /// The first bid in the line of who asked, and the change of the hold for it.
        1 => Bid,
        /// The same, while the change of the hold is still under way.
        2 => BidInFlight,
        /// The first of the changes that wait for holds.
        3 => Change,
    }
}

crate::record! {
    /// An event of the lot with what it means for the money: a bid whose hold is there, a restatement whose new leader's is.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Backed {
        /// Who asked for it earlier; absent where it is the command's own event, or nobody asked.
        1 => pub asked: Option<Asked>,
        2 => pub step: Option<Step>,
        /// What is held for the bidder after it, fees included.
        3 => pub held: Option<u64>,
        4 => pub changes: HoldChanges,
        5 => pub event: Told,
        /// The hold that the bidder's account has assured and places because of this event: then nobody has waited.
        6 => pub placed: Option<HoldWanted>,
    }
}

/// The event inside a [`Backed`]; never another one of those.
#[derive(Clone, PartialEq, Eq)]
pub struct Told(LotEvent);

impl Told {
    /// An event that is told with what it means for the money.
    pub(super) fn new(event: LotEvent) -> Self {
        debug_assert!(!matches!(event, LotEvent::Backed(_)), "not twice");
        Self(event)
    }
}

impl std::ops::Deref for Told {
    type Target = LotEvent;

    fn deref(&self) -> &LotEvent {
        &self.0
    }
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Field for Told {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }

    /// Refuses an event in an event in an event: damaged bytes must not lead deep.
    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
        let mut ahead = input.clone();
        ahead.map()?;
        if ahead.uint()? == BACKED {
            return Err(RecordError::Invalid("an event is backed once"));
        }
        LotEvent::decode(input).map(Self)
    }
}

/// The number of [`LotEvent::Backed`].
const BACKED: u64 = 42;

crate::record! {
    /// What waited is refused after all. Nothing of it is public.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Refused {
        /// Absent where nobody waits for it: a suspended bidder had nothing left to remove.
        1 => pub asked: Option<Asked>,
        2 => pub step: Step,
        3 => pub rejection: Rejection,
        /// What is held for the account now.
        4 => pub held: u64,
        5 => pub changes: HoldChanges,
    }
}

crate::record! {
    /// The change of a hold that no bid waits for has ended.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct HoldSettled {
        1 => pub account: AccountId,
        /// What is held now.
        2 => pub held: u64,
        /// The money for its place after the restatement is not there: its bids will be removed.
        3 => pub out: bool,
        4 => pub changes: HoldChanges,
    }
}

crate::record! {
    /// Holds that nothing needs any more are given back.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct HoldsFreed { 1 => pub changes: HoldChanges }
}

crate::record! {
    /// Bids that go once the money of who rises by it is there.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Removal {
        1 => pub cause: RestatementCause,
        2 => pub account: AccountId,
        /// One bid; absent: all of the account's.
        3 => pub bid: Option<BidId>,
        4 => pub reason: Option<String>,
        /// Who waits for it.
        5 => pub asked: Option<Asked>,
    }
}

crate::record! {
    /// A reopening that takes effect once the leader's money is there again.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Reopening {
        1 => pub ends_at: Timestamp,
        2 => pub reason: Option<String>,
        3 => pub asked: Asked,
    }
}

crate::variants! {
    /// A change of the standing that waits for holds: until they are there, everything stands as it did.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Change {
        1 => Removal(Removal),
        2 => Reopening(Reopening),
    }
}

impl Change {
    pub(super) fn asked(&self) -> Option<Asked> {
        match self {
            Self::Removal(removal) => removal.asked,
            Self::Reopening(reopening) => Some(reopening.asked),
        }
    }
}

crate::record! {
    /// The end has come while holds are under way.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Closing {
        1 => pub ends_at: Timestamp,
        2 => pub opens_at: Option<Timestamp>,
        3 => pub soft_close: Option<super::super::SoftClose>,
        /// Until when they may settle.
        4 => pub until: Timestamp,
        5 => pub reason: Option<String>,
    }
}

impl LotEvent {
    /// The event itself where it comes with what it means for the money: a bid is a bid, funded or not.
    #[must_use]
    #[inline]
    pub fn inner(&self) -> &Self {
        match self {
            Self::Backed(backed) => &backed.event,
            other => other,
        }
    }

    /// The end that it has moved to, where it is a bid that has moved it.
    pub(in crate::lot) const fn extended_to(&self) -> Option<Timestamp> {
        let (old, ends_at) = match self {
            Self::BidPlaced(placed) => (placed.old_ends_at, placed.ends_at),
            Self::UnitsBid(bid) => (bid.old_ends_at, bid.ends_at),
            _ => return None,
        };
        match (old, ends_at) {
            (Some(_), Some(ends_at)) => Some(ends_at.0),
            _ => None,
        }
    }

    /// What it changes about holds that are there.
    #[must_use]
    pub fn hold_changes(&self) -> &[HoldChange] {
        match self {
            Self::Backed(event) => &event.changes,
            Self::Refused(event) => &event.changes,
            Self::HoldSettled(event) => &event.changes,
            Self::HoldsFreed(event) => &event.changes,
            _ => &[],
        }
    }

    /// The holds that it asks for, raises, lowers and gives back.
    pub(in crate::lot) fn effects_on_holds(&self, id: Id, stamp: &Stamp, out: &mut Effects) {
        let lot = LotId(id);
        match self {
            Self::BidWaits(waits) => {
                out.extend(waits.hold.map(|wanted| wanted.effect(lot, stamp.by, stamp.command_id)));
            }
            Self::HoldAsked(asked) => out.push(asked.wanted.effect(lot, asked.account, asked.tag)),
            Self::Backed(backed) => {
                out.extend(backed.placed.map(|wanted| wanted.effect(lot, stamp.by, ASSURED_TAG)));
                out.extend(backed.changes.iter().map(|change| change.effect(lot)));
            }
            _ => out.extend(self.hold_changes().iter().map(|change| change.effect(lot))),
        }
    }
}
