//! A stock item: a quantity for sale at a fixed price, at one or several locations; its reservations, and what of it
//! belongs to orders.

mod apply;
mod command;
mod decide;
mod event;
mod expiries;
mod levels;
mod orders;
mod publish;
mod snapshot;
mod state;

pub use command::*;
pub(crate) use decide::check_place;
pub use event::*;
pub use snapshot::StockSnapshot;
pub use state::{Stock, Tally};

use crate::actor::{Actor, Decision, Events};
use crate::context::{Context, Stamp};
use crate::id::MarketId;
use crate::limits::EXPIRIES_PER_STEP;
use crate::rejection::Rejection;
use crate::time::Timestamp;

impl Actor for Stock {
    type Command = StockCommand;
    type Event = StockEvent;

    fn create(command: &StockCommand, context: &Context<'_>) -> Result<Decision<StockEvent>, Rejection> {
        decide::create(command, context)
    }

    fn born(event: &StockEvent, stamp: &Stamp) -> Option<Self> {
        let StockEvent::Created(created) = event else { return None };
        Some(Self::new(created, stamp.by))
    }

    fn decide(
        &self,
        command: &StockCommand,
        context: &Context<'_>,
    ) -> Result<Decision<StockEvent>, Rejection> {
        decide::decide(self, command, context)
    }

    fn apply(&mut self, event: &StockEvent, stamp: &Stamp) {
        self.take_over(event, stamp);
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        self.next_expiry()
    }

    fn due(&self, context: &Context<'_>) -> Events<StockEvent> {
        self.expiries(context.now, EXPIRIES_PER_STEP).0
    }

    fn facts_changed(&self, _context: &Context<'_>) -> Events<StockEvent> {
        // A halted market refuses new reservations when they are asked for; those that live go on to their own ends.
        Events::new()
    }

    fn market(&self) -> MarketId {
        self.listing.market
    }

    fn channel_seq(&self) -> u64 {
        self.channel_seq
    }
}
