//! A lot's state.

use serde::Serialize;

use super::{LotCreated, LotResult, LotSnapshot, Win};
use crate::amount::Amount;
use crate::id::{AccountId, LotId};
use crate::increments::Increments;
use crate::lot::format::Bidding;
use crate::lot::funding::Funds;
use crate::lot::listing::Listing;
use crate::record::{Field, Reader, RecordError};
use crate::time::Timestamp;

crate::variants! {
    /// Where a lot stands.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum Phase {
        /// Opens only when told to.
        1 => Draft,
        /// Opens by the clock.
        2 => Scheduled,
        3 => Open,
        /// By an operator or because its market is halted; its remaining time is kept.
        4 => Paused,
        5 => Closed,
        /// Its end has come while holds for bids are under way: no new bids.
        6 => Closing,
    }
}

impl Phase {
    /// The protocol's name of the state.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Scheduled => "scheduled",
            Self::Open => "open",
            Self::Paused => "paused",
            Self::Closed => "closed",
            Self::Closing => "closing",
        }
    }
}

crate::record! {
    /// Why and since when a lot is paused. Its remaining time is `ends_at - since`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(super) struct Pause {
        1 => pub(super) since: Timestamp,
        2 => pub(super) by_operator: bool,
        3 => pub(super) by_halt: bool,
    }
}

crate::record! {
    /// How a lot ended.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(super) struct Outcome {
        1 => pub(super) result: LotResult,
        2 => pub(super) price: Option<Amount>,
        4 => pub(super) winners: Vec<Win>,
        5 => pub(super) drawn: Option<super::Drawn>,
    }
}

/// A lot's state.
#[derive(Debug, Clone, PartialEq)]
pub struct Lot {
    pub(super) id: LotId,
    /// Who created it.
    pub(super) owner: AccountId,
    pub(super) listing: Box<Listing>,
    pub(super) increments: Increments,
    pub(super) bidding: Bidding,
    pub(super) phase: Phase,
    /// When it last became open, for a halt that began before.
    pub(super) open_since: Timestamp,
    /// The announced end; while paused, as it stood at the pause.
    pub(super) ends_at: Option<Timestamp>,
    pub(super) pause: Option<Pause>,
    /// The market's `halted_us` that `ends_at` takes into account.
    pub(super) halted_us: u64,
    pub(super) outcome: Option<Box<Outcome>>,
    /// The words for the present state.
    pub(super) reason: Option<String>,
    pub(super) channel_seq: u64,
    /// The hash of the command that created it.
    pub(super) content: u64,
    /// The money behind the bids; absent where the lot asks for none.
    pub(super) funds: Option<Box<Funds>>,
}

crate::record! {
    /// The bytes of a lot's state.
    struct Kept {
        1 => id: LotId,
        2 => owner: AccountId,
        3 => listing: Box<Listing>,
        4 => bidding: Bidding,
        5 => phase: Phase,
        6 => open_since: Timestamp,
        7 => ends_at: Option<Timestamp>,
        8 => pause: Option<Pause>,
        9 => halted_us: u64,
        10 => outcome: Option<Box<Outcome>>,
        11 => reason: Option<String>,
        12 => channel_seq: u64,
        13 => content: u64,
        20 => funds: Option<Box<Funds>>,
    }
}

impl Field for Lot {
    fn encode(&self, out: &mut Vec<u8>) {
        Kept {
            id: self.id,
            owner: self.owner,
            listing: self.listing.clone(),
            bidding: self.bidding.clone(),
            phase: self.phase,
            open_since: self.open_since,
            ends_at: self.ends_at,
            pause: self.pause,
            halted_us: self.halted_us,
            outcome: self.outcome.clone(),
            reason: self.reason.clone(),
            channel_seq: self.channel_seq,
            content: self.content,
            funds: self.funds.clone(),
        }
        .encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
        let kept = Kept::decode(input)?;
        Ok(Self {
            increments: Increments::new(kept.listing.increments.clone(), kept.listing.currency),
            id: kept.id,
            owner: kept.owner,
            listing: kept.listing,
            bidding: kept.bidding,
            phase: kept.phase,
            open_since: kept.open_since,
            ends_at: kept.ends_at,
            pause: kept.pause,
            halted_us: kept.halted_us,
            outcome: kept.outcome,
            reason: kept.reason,
            channel_seq: kept.channel_seq,
            content: kept.content,
            funds: kept.funds,
        })
    }
}

impl Lot {
    pub(super) fn new(created: &LotCreated, owner: AccountId) -> Self {
        let listing = &created.listing;
        Self {
            id: created.lot,
            owner,
            increments: Increments::new(listing.increments.clone(), listing.currency),
            bidding: Bidding::new(listing),
            phase: created.phase(),
            open_since: Timestamp::default(),
            ends_at: created.closes_at,
            pause: None,
            halted_us: 0,
            outcome: None,
            reason: None,
            channel_seq: 0,
            content: created.content,
            funds: listing.is_backed().then(Box::default),
            listing: Box::new(listing.clone()),
        }
    }

    /// Where it stands.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// What is left of its time while it is paused, in microseconds.
    pub(super) fn remaining_us(&self) -> Option<u64> {
        let pause = self.pause?;
        self.ends_at.map(|ends_at| ends_at.micros_since(pause.since))
    }

    /// What anybody may know of this lot.
    #[must_use]
    pub fn snapshot(&self) -> LotSnapshot {
        LotSnapshot::of(self)
    }
}
