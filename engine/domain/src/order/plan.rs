//! A decision of several events: each is made from the order as the ones before leave it.

use super::{Order, OrderEvent};
use crate::actor::{Decision, Events};
use crate::context::{Context, Stamp};

/// The order as it will be, and the events that make it so.
pub(super) struct Plan {
    pub(super) order: Order,
    stamp: Stamp,
    events: Events<OrderEvent>,
}

impl Plan {
    pub(super) fn of(order: &Order, context: &Context<'_>) -> Self {
        let stamp = Stamp { time: context.now, by: context.by, command_id: context.command_id };
        Self { order: order.clone(), stamp, events: Events::new() }
    }

    /// Begins with the event that creates the order.
    pub(super) fn born(order: Order, event: OrderEvent, context: &Context<'_>) -> Self {
        let mut plan = Self::of(&order, context);
        plan.events.push(event);
        plan
    }

    pub(super) fn then(mut self, make: impl FnOnce(&Order) -> OrderEvent) -> Self {
        let event = make(&self.order);
        self.order.take_over(&event, &self.stamp);
        self.events.push(event);
        self
    }

    pub(super) fn decided(self) -> Decision<OrderEvent> {
        Decision::events(self.events)
    }
}
