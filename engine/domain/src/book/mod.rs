//! Order books for interchangeable goods.
//!
//! [`matching`] keeps the resting orders in price-time priority and matches against them; [`uncross`] finds the one price
//! of a call auction. Both are plain data structures without money, rights or time. The rest of this room is the actor: a
//! book's rules ([`Book`]), what is asked of it, what happens to it and who hears of that.
//!
//! Prices are minor units for one unit and quantities are units everywhere outside the core; the core counts ticks and lots.

mod apply;
mod auction;
mod change;
mod command;
mod decide;
mod effects;
mod event;
mod funds;
pub mod matching;
mod place;
mod publish;
mod snapshot;
mod state;
pub mod uncross;
mod words;

pub use command::*;
pub use event::*;
pub use matching::Side;
pub use snapshot::{BookSnapshot, LastTrade};
pub use state::Book;
pub use words::*;

use crate::actor::{Actor, Decision, Events};
use crate::context::{Context, Stamp};
use crate::id::MarketId;
use crate::rejection::Rejection;
use crate::time::Timestamp;

impl Actor for Book {
    type Command = BookCommand;
    type Event = BookEvent;

    fn create(command: &BookCommand, context: &Context<'_>) -> Result<Decision<BookEvent>, Rejection> {
        decide::create(command, context)
    }

    fn born(event: &BookEvent, stamp: &Stamp) -> Option<Self> {
        let BookEvent::Created(created) = event else { return None };
        Some(Self::new(created, stamp.by))
    }

    fn decide(&self, command: &BookCommand, context: &Context<'_>) -> Result<Decision<BookEvent>, Rejection> {
        decide::decide(self, command, context)
    }

    fn apply(&mut self, event: &BookEvent, stamp: &Stamp) {
        self.take_over(event, stamp);
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        self.deadline()
    }

    fn due(&self, context: &Context<'_>) -> Events<BookEvent> {
        self.due_now(context)
    }

    fn facts_changed(&self, context: &Context<'_>) -> Events<BookEvent> {
        self.take_facts(context)
    }

    fn market(&self) -> MarketId {
        self.listing.market
    }

    fn channel_seq(&self) -> u64 {
        self.channel_seq
    }
}
