//! A won lot's order brought into another: lent until that one is placed, then ended by it (docs/processes.md).

use super::{
    Ask, Cause, EndLoan, Head, LendOrder, Loan, LoanOutcome, Order, OrderEvent, OrderLent, OrderState, Step,
    TellLoan,
};
use crate::actor::{Decision, Events};
use crate::context::Context;
use crate::rejection::{Rejection, WrongState};

impl Order {
    /// Asked by the new order.
    pub(super) fn lend(&self, asked: &LendOrder) -> Decision<OrderEvent> {
        let LendOrder { into, line, .. } = *asked;
        let outcome = self.may_lend(asked);
        let (won, refused) = match outcome {
            Ok(won) => (Some(Box::new(won)), None),
            Err(rejection) => (None, Some(rejection)),
        };
        let lent = won.is_some();
        let asks = vec![Ask::TellLoan(TellLoan { into, line, won, refused })];
        let step = Step { asks, ..Step::new(self.head(), Cause::Asked) };
        Decision::event(OrderEvent::Loan(Box::new(Loan { step, into, lent })))
    }

    fn may_lend(&self, asked: &LendOrder) -> Result<super::WonLine, Rejection> {
        if asked.buyer != self.buyer || asked.into == self.id || self.lines.len() != 1 {
            return Err(Rejection::OrderNotFound);
        }
        let won = self.won_line().ok_or(Rejection::OrderNotFound)?;
        if self.state != OrderState::AwaitingPayment || !self.is_settled() {
            return Err(Rejection::NotAllowedInState(WrongState { state: self.present().to_owned() }));
        }
        Ok(won)
    }

    /// The new order was placed, or was not.
    pub(super) fn end_loan(&self, asked: &EndLoan) -> Decision<OrderEvent> {
        if self.lent_to != Some(asked.into) {
            return Decision::events(Events::new());
        }
        let step = if asked.merged {
            let head = Head { state: OrderState::Cancelled, ..self.head() };
            self.withdrawing(true, Step::new(head, Cause::Merged))
        } else {
            Step::new(self.head(), Cause::LoanEnded)
        };
        Decision::event(OrderEvent::LoanEnded(Box::new(Loan { step, into: asked.into, lent: false })))
    }

    /// The won lot's order answers the new one.
    pub(super) fn lent(&self, told: &OrderLent, context: &Context<'_>) -> Decision<OrderEvent> {
        match &told.outcome {
            LoanOutcome::Lent(won) => self.brought(told.line, won, context),
            LoanOutcome::Refused(rejection) => self.line_refused(told.line, rejection),
        }
    }

    /// A line cannot be set aside: nor is the order placed.
    pub(super) fn line_refused(&self, nth: u32, rejection: &Rejection) -> Decision<OrderEvent> {
        if self.state != OrderState::Placing {
            return Decision::events(Events::new());
        }
        self.undo(Cause::Refused, rejection.clone(), Some(nth))
    }
}
