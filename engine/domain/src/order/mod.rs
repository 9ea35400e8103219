//! An order: a purchase by an account, the outcome of any way of selling. It asks stock items for units, accounts for
//! money and won lots' orders for themselves; docs/processes.md has each of these processes as a table.

mod apply;
mod command;
mod decide;
mod deliver;
mod event;
mod merge;
mod money;
mod pay;
mod place;
mod plan;
mod publish;
mod refund;
mod snapshot;
mod state;

pub use apply::Move;
pub use command::*;
pub use event::*;
pub use snapshot::{OrderLineView, OrderSnapshot, OrderView};
pub use state::*;

use crate::actor::{Actor, ActorAddress, Decision, Events};
use crate::command::Targeted;
use crate::context::{Context, Stamp};
use crate::id::MarketId;
use crate::rejection::Rejection;
use crate::time::Timestamp;

impl Actor for Order {
    type Command = OrderCommand;
    type Event = OrderEvent;

    fn create(command: &OrderCommand, context: &Context<'_>) -> Result<Decision<OrderEvent>, Rejection> {
        place::create(command, context)
    }

    fn born(event: &OrderEvent, stamp: &Stamp) -> Option<Self> {
        match event {
            OrderEvent::Won(won) => Some(Self::won(won, stamp.time)),
            OrderEvent::Placing(placing) => Some(Self::placing(placing, stamp.time)),
            _ => None,
        }
    }

    fn decide(
        &self,
        command: &OrderCommand,
        context: &Context<'_>,
    ) -> Result<Decision<OrderEvent>, Rejection> {
        decide::decide(self, command, context)
    }

    fn apply(&mut self, event: &OrderEvent, stamp: &Stamp) {
        self.take_over(event, stamp);
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        self.deadline()
    }

    fn due(&self, context: &Context<'_>) -> Events<OrderEvent> {
        self.ends(context)
    }

    fn facts_changed(&self, _context: &Context<'_>) -> Events<OrderEvent> {
        // A halt or a suspension takes nothing back that was agreed; what is placed later is judged when it is.
        Events::new()
    }

    fn market(&self) -> MarketId {
        self.market
    }

    /// Always 0: what happens to an order is told on its parties' own feeds.
    fn channel_seq(&self) -> u64 {
        0
    }
}

impl Targeted for OrderCommand {
    fn target(&self) -> Option<ActorAddress> {
        let order = match self {
            Self::Place(command) => return command.order.map(Into::into),
            Self::Cancel(command) => command.order,
            Self::MarkPaid(command) => command.order,
            Self::Pay(command) => command.order,
            Self::Refund(command) => command.order,
            Self::MarkDelivered(command) => command.order,
            Self::Complete(command) => command.order,
            Self::OpenWon(command) => command.order,
            Self::Settled(command) => command.order,
            Self::Line(command) => command.order,
            Self::Lend(command) => command.order,
            Self::EndLoan(command) => command.order,
            Self::Lent(command) => command.order,
        };
        Some(order.into())
    }
}
