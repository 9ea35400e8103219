//! What happens to a paid order's goods, and how it ends.

use super::{
    Ask, AskLine, Cause, CompleteOrder, Head, Line, LineNow, MarkDelivered, Order, OrderEvent, OrderState,
    Step, Thing,
};
use crate::actor::{Decision, Events};
use crate::context::Context;
use crate::facts::Standing;
use crate::limits;
use crate::rejection::{Rejection, WrongState};

impl Order {
    /// So many units of a line have been shipped by now.
    pub(super) fn shipped(&self, nth: u32, shipped: u64) -> Decision<OrderEvent> {
        self.moved(
            nth,
            |line| (shipped > line.shipped).then_some(LineNow { shipped, ..*line }),
            |order| {
                let state =
                    if order.state == OrderState::Paid { OrderState::Fulfilling } else { order.state };
                (state, Cause::Shipped)
            },
        )
    }

    /// So many units of a line have come back by now.
    pub(super) fn returned(&self, nth: u32, returned: u64) -> Decision<OrderEvent> {
        let complete = self.lines.iter().all(|line| line.unshipped() == 0);
        self.moved(
            nth,
            |line| (returned > line.returned).then_some(LineNow { returned, ..*line }),
            |order| {
                let comes_back =
                    complete && matches!(order.state, OrderState::Fulfilling | OrderState::Delivered);
                (if comes_back { OrderState::Returned } else { order.state }, Cause::Returned)
            },
        )
    }

    fn moved(
        &self,
        nth: u32,
        change: impl FnOnce(&LineNow) -> Option<LineNow>,
        after: impl FnOnce(&Self) -> (OrderState, Cause),
    ) -> Decision<OrderEvent> {
        let mut head = self.head();
        let Some(line) = head.lines.get_mut(nth as usize) else { return Decision::events(Events::new()) };
        let Some(changed) = change(line) else { return Decision::events(Events::new()) };
        *line = changed;
        let (state, cause) = after(self);
        let step = Box::new(Step::new(Head { state, ..head }, cause));
        Decision::event(match cause {
            Cause::Shipped => OrderEvent::Shipped(step),
            _ => OrderEvent::Returned(step),
        })
    }

    /// By the seller of everything in it, or an operator.
    pub(super) fn mark_delivered(
        &self,
        command: &MarkDelivered,
        context: &Context<'_>,
    ) -> Result<Decision<OrderEvent>, Rejection> {
        let sells_all = self.lines.iter().all(|line| line.now.seller == context.by);
        if !sells_all && !context.standing.any(Standing::OPERATOR) {
            return Err(Rejection::Forbidden);
        }
        limits::optional_text("reason", command.reason.as_deref(), limits::REASON_CHARS_MAX)?;
        let on_its_way = matches!(self.state, OrderState::Paid | OrderState::Fulfilling) && self.is_settled();
        let all_shipped =
            self.lines.iter().filter(|line| is_of_stock(line)).all(|line| line.unshipped() == 0);
        if !on_its_way || !all_shipped {
            return Err(Rejection::NotAllowedInState(WrongState { state: self.present().to_owned() }));
        }
        let head = Head { state: OrderState::Delivered, ..self.head() };
        let reason = command.reason.clone();
        Ok(Decision::event(OrderEvent::Delivered(Box::new(Step {
            reason,
            ..Step::new(head, Cause::Delivered)
        }))))
    }

    /// By the buyer or an operator.
    pub(super) fn complete(
        &self,
        command: &CompleteOrder,
        context: &Context<'_>,
    ) -> Result<Decision<OrderEvent>, Rejection> {
        if context.by != self.buyer && !context.standing.any(Standing::OPERATOR) {
            return Err(Rejection::Forbidden);
        }
        limits::optional_text("reason", command.reason.as_deref(), limits::REASON_CHARS_MAX)?;
        if self.state != OrderState::Delivered || !self.is_settled() {
            return Err(Rejection::NotAllowedInState(WrongState { state: self.present().to_owned() }));
        }
        Ok(Decision::event(self.completed(Cause::Completed, command.reason.clone())))
    }

    /// Nothing comes back any more: the stock items forget the order.
    fn completed(&self, cause: Cause, reason: Option<String>) -> OrderEvent {
        let shipped = (0..).zip(&self.lines).filter(|(_, line)| line.now.shipped > 0);
        let asks = shipped.filter_map(|(line, one)| match one.now.thing {
            Thing::Stock(stock) => Some(Ask::Finish(AskLine { line, stock, reservation: one.reservation })),
            Thing::Lot(_) => None,
        });
        let state = if self.state == OrderState::Delivered { OrderState::Completed } else { self.state };
        let head = Head { state, ..self.head() };
        OrderEvent::Completed(Box::new(Step { asks: asks.collect(), reason, ..Step::new(head, cause) }))
    }

    pub(super) fn ends(&self, context: &Context<'_>) -> Events<OrderEvent> {
        if self.deadline().is_none_or(|deadline| deadline > context.now) {
            return Events::new();
        }
        match self.state {
            OrderState::Placing => self.undo(Cause::TimedOut, Rejection::TimedOut, None).events,
            OrderState::AwaitingPayment => Events::from_iter([self.cancel_unpaid(Cause::Unpaid, None)]),
            _ => Events::from_iter([self.completed(Cause::ReturnTimeOver, None)]),
        }
    }
}

const fn is_of_stock(line: &Line) -> bool {
    matches!(line.now.thing, Thing::Stock(_))
}
