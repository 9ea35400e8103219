//! Which rule a command of an order meets.

use super::{LineOutcome, Order, OrderCommand, OrderEvent, OrderLine};
use crate::actor::{Decision, Events};
use crate::context::Context;
use crate::facts::Standing;
use crate::rejection::Rejection;

pub(super) fn decide(
    order: &Order,
    command: &OrderCommand,
    context: &Context<'_>,
) -> Result<Decision<OrderEvent>, Rejection> {
    let of_engine = context.standing.any(Standing::ENGINE);
    match command {
        OrderCommand::Place(command) => order.place_again(command, context),
        OrderCommand::Cancel(command) => order.cancel(command, context),
        OrderCommand::MarkPaid(command) => order.mark_paid(command, context),
        OrderCommand::Pay(command) => order.pay(command, context),
        OrderCommand::Refund(command) => order.refund(command, context),
        OrderCommand::MarkDelivered(command) => order.mark_delivered(command, context),
        OrderCommand::Complete(command) => order.complete(command, context),
        _ if !of_engine => Err(Rejection::Forbidden),
        // A lot's outcome is told once; an order that exists already has heard it (I21).
        OrderCommand::OpenWon(_) => Err(Rejection::AlreadyExists),
        OrderCommand::Settled(command) => Ok(order.settled(&command.settled, context)),
        OrderCommand::Line(command) => Ok(order.line(command, context)),
        OrderCommand::Lend(command) => Ok(order.lend(command)),
        OrderCommand::EndLoan(command) => Ok(order.end_loan(command)),
        OrderCommand::Lent(command) => Ok(order.lent(command, context)),
    }
}

impl Order {
    /// What a stock item said. Answers that nobody waits for any more are passed over: what gives their units back was sent
    /// after what asked for them.
    fn line(&self, told: &OrderLine, context: &Context<'_>) -> Decision<OrderEvent> {
        let nth = told.line;
        let is_line = |line: &super::Line| line.now.thing == super::Thing::Stock(told.stock);
        if !self.lines.get(nth as usize).is_some_and(is_line) {
            return Decision::events(Events::new());
        }
        match &told.outcome {
            LineOutcome::Reserved(reserved) => self.reserved(nth, reserved, context),
            LineOutcome::Refused(rejection) => self.line_refused(nth, rejection),
            LineOutcome::Allocated(quantity) => self.allocated(nth, *quantity, context),
            LineOutcome::Released => self.line_released(nth, context),
            LineOutcome::Shipped(shipped) => self.shipped(nth, *shipped),
            LineOutcome::Returned(returned) => self.returned(nth, *returned),
        }
    }
}
