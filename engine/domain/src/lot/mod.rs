//! A lot: what one auction sells.
//!
//! What all formats share stands here (states, time, rights, pauses, revisions); how bids are judged stands in the
//! format's own file behind [`format::Rules`].

mod admin;
mod apply;
mod bid;
mod bidders;
mod candle;
mod clock;
mod combinatorial;
mod command;
mod create;
mod dutch;
mod effects;
mod english;
mod event;
mod format;
mod funding;
mod japanese;
mod listing;
mod multi_unit;
mod offers;
mod package;
mod publish;
mod retraction;
mod reverse;
mod revise;
mod roll;
mod sealed;
mod sealed_first_price;
mod snapshot;
mod state;
mod time;
mod vickrey;

pub use candle::{ChainFields, Digest, Drawn, EventChain, Seed, draw_moment};
pub use command::*;
pub use event::*;
pub use format::{Format, won_order};
pub use funding::{
    Backed, BidWaits, Change, Closing, HoldAsked, HoldChange, HoldChanges, HoldSettled, HoldWanted,
    HoldsFreed, Lowered, Purpose, Refused, Released, Removal, Reopening, Step, Told, Wish, WishedBid,
    WishedPurchase, WishedTake,
};
pub use listing::{Content, Listing};
pub use package::Package;
pub use snapshot::LotSnapshot;
pub use state::{Lot, Phase};

use crate::actor::{Actor, ActorAddress, Answer, Decision, Events};
use crate::command::{Targeted, content_hash};
use crate::context::{Context, Stamp};
use crate::id::MarketId;
use crate::rejection::Rejection;
use crate::time::Timestamp;

impl Actor for Lot {
    type Command = LotCommand;
    type Event = LotEvent;

    fn create(command: &LotCommand, context: &Context<'_>) -> Result<Decision<LotEvent>, Rejection> {
        let LotCommand::Create(command) = command else { return Err(Rejection::NotFound) };
        create::create(command, context)
    }

    fn born(event: &LotEvent, stamp: &Stamp) -> Option<Self> {
        let LotEvent::Created(created) = event else { return None };
        Some(Self::new(created, stamp.by))
    }

    #[inline]
    fn decide(&self, command: &LotCommand, context: &Context<'_>) -> Result<Decision<LotEvent>, Rejection> {
        match command {
            LotCommand::Bid(command) => self.bid(command, context),
            LotCommand::BuyNow(command) => self.buy_now(command, context),
            LotCommand::Retract(command) => self.retract(command, context),
            LotCommand::Create(command) => {
                if self.owner == context.by && self.content == content_hash(&**command) {
                    return Ok(Decision::unchanged(Answer::Lot(self.id)));
                }
                Err(Rejection::AlreadyExists)
            }
            LotCommand::Revise(command) => self.revise(command, context),
            LotCommand::Open(command) => self.open(command, context),
            LotCommand::Pause(command) => self.pause(command, context),
            LotCommand::Resume(command) => self.resume(command, context),
            LotCommand::Extend(command) => self.extend(command, context),
            LotCommand::Cancel(command) => self.cancel(command, context),
            LotCommand::Close(command) => self.close_now(command, context),
            LotCommand::Reopen(command) => self.reopen(command, context),
            LotCommand::VoidBid(command) => self.void_bid(command, context),
            LotCommand::Take(command) => self.take_units(command, context),
            LotCommand::Settled(command) => self.settled(command, context),
            LotCommand::Stay(command) => self.stay(command, context),
        }
    }

    #[inline]
    fn apply(&mut self, event: &LotEvent, stamp: &Stamp) {
        self.take_over(event, stamp);
    }

    #[inline]
    fn next_deadline(&self) -> Option<Timestamp> {
        if self.funds.as_deref().is_some_and(|funds| funds.is_due(self.phase)) {
            return Some(Timestamp::default());
        }
        match self.phase {
            Phase::Scheduled => self.listing.opens_at,
            Phase::Open => self.open_deadline(),
            Phase::Closing => self.closing_deadline(),
            Phase::Draft | Phase::Paused | Phase::Closed => None,
        }
    }

    fn due(&self, context: &Context<'_>) -> Events<LotEvent> {
        self.due_events(context)
    }

    fn facts_changed(&self, context: &Context<'_>) -> Events<LotEvent> {
        self.events_of_facts(context)
    }

    #[inline]
    fn market(&self) -> MarketId {
        self.listing.market
    }

    #[inline]
    fn channel_seq(&self) -> u64 {
        self.channel_seq
    }
}

impl Targeted for LotCommand {
    fn target(&self) -> Option<ActorAddress> {
        let lot = match self {
            Self::Bid(command) => command.lot,
            Self::Create(command) => return command.lot.map(Into::into),
            Self::Revise(command) => command.lot,
            Self::Open(command) => command.lot,
            Self::Pause(command) => command.lot,
            Self::Resume(command) => command.lot,
            Self::Extend(command) => command.lot,
            Self::Cancel(command) => command.lot,
            Self::Close(command) => command.lot,
            Self::Reopen(command) => command.lot,
            Self::VoidBid(command) => command.lot,
            Self::BuyNow(command) => command.lot,
            Self::Retract(command) => command.lot,
            Self::Take(command) => command.lot,
            Self::Settled(command) => command.lot,
            Self::Stay(command) => command.lot,
        };
        Some(lot.into())
    }
}

/// The moment at which an end is due: the end.
#[inline(always)]
fn due_at(ends_at: Timestamp) -> Timestamp {
    if crate::mutant("closed_early") { Timestamp(ends_at.0 - 1_000_000) } else { ends_at }
}
