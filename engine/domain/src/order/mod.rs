//! An order: a purchase by an account, the outcome of any way of selling.

mod command;

pub use command::*;

use serde::Serialize;

use crate::actor::{Actor, ActorAddress, Answer, Decision, Events, PrivateEvents, PublicEvents};
use crate::command::Targeted;
use crate::context::{Context, Stamp};
use crate::effect::{Asked, Effects, OutsideRequest};
use crate::facts::FactChange;
use crate::id::{AccountId, Id, MarketId, OrderId};
use crate::rejection::Rejection;
use crate::time::Timestamp;

crate::record! {
    /// An order's state.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Order {
        1 => pub id: OrderId,
        2 => buyer: AccountId,
        3 => market: MarketId,
    }
}

crate::variants! {
    /// What happened to an order.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum OrderEvent {
        1 => Won(Box<OpenWonOrder>),
    }
}

/// An order as its buyer, its sellers and operators see it. Never public.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct OrderSnapshot {
    pub order: OrderId,
    pub market: MarketId,
    pub buyer: AccountId,
}

impl Actor for Order {
    type Command = OrderCommand;
    type Event = OrderEvent;

    fn create(command: &OrderCommand, _context: &Context<'_>) -> Result<Decision<OrderEvent>, Rejection> {
        let OrderCommand::OpenWon(command) = command else { return Err(Rejection::OrderNotFound) };
        Ok(Decision::event(OrderEvent::Won(command.clone())))
    }

    fn born(event: &OrderEvent, _stamp: &Stamp) -> Option<Self> {
        let OrderEvent::Won(won) = event;
        Some(Self { id: won.order, buyer: won.buyer, market: won.market })
    }

    fn decide(
        &self,
        _command: &OrderCommand,
        _context: &Context<'_>,
    ) -> Result<Decision<OrderEvent>, Rejection> {
        Err(Rejection::AlreadyExists)
    }

    fn apply(&mut self, _event: &OrderEvent, _stamp: &Stamp) {}

    fn next_deadline(&self) -> Option<Timestamp> {
        None
    }

    fn due(&self, _context: &Context<'_>) -> Events<OrderEvent> {
        Events::new()
    }

    fn facts_changed(&self, _context: &Context<'_>) -> Events<OrderEvent> {
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

impl Order {
    /// What its parties may know of it.
    #[must_use]
    pub fn snapshot(&self) -> OrderSnapshot {
        OrderSnapshot { order: self.id, market: self.market, buyer: self.buyer }
    }

    /// See [`crate::actor::Entity::outstanding`].
    #[must_use]
    pub const fn outstanding(&self) -> Option<OutsideRequest> {
        None
    }
}

impl OrderSnapshot {
    /// The snapshot after the creating event; `None` for any other.
    #[must_use]
    pub fn born(event: &OrderEvent, stamp: &Stamp) -> Option<Self> {
        Order::born(event, stamp).map(|order| order.snapshot())
    }

    /// Takes an event over (I43).
    pub fn apply(&mut self, _event: &OrderEvent, _stamp: &Stamp) {}
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
        };
        Some(order.into())
    }
}

impl OrderEvent {
    /// See [`crate::actor::Event::public`]: nothing about an order is public.
    #[must_use]
    pub fn public(&self) -> PublicEvents {
        PublicEvents::new()
    }

    /// See [`crate::actor::Event::public_count`].
    #[must_use]
    pub const fn public_count(&self) -> u64 {
        0
    }

    /// See [`crate::actor::Event::private`].
    #[must_use]
    pub fn private(&self, _id: Id, _stamp: &Stamp) -> PrivateEvents {
        PrivateEvents::new()
    }

    /// See [`crate::actor::Event::answer`].
    #[must_use]
    pub fn answer(&self, _id: Id, _stamp: &Stamp) -> Option<Answer> {
        None
    }

    /// See [`crate::actor::Event::fact`].
    #[must_use]
    pub const fn fact(&self, _id: Id) -> Option<FactChange> {
        None
    }

    /// See [`crate::actor::Event::effects`].
    pub fn effects(&self, _id: Id, _stamp: &Stamp, _out: &mut Effects) {}

    /// See [`crate::actor::Event::outside`].
    #[must_use]
    pub const fn outside(&self, _id: Id, _stamp: &Stamp) -> Option<OutsideRequest> {
        None
    }

    /// See [`crate::actor::Event::asked`].
    #[must_use]
    pub const fn asked(&self) -> Option<Asked> {
        None
    }

    /// See [`crate::actor::Event::refusal`].
    #[must_use]
    pub const fn refusal(&self) -> Option<&Rejection> {
        None
    }
}
