//! What undoes an order: cancelled, refunded, short.

use super::money::entry_id;
use super::plan::Plan;
use super::{
    Ask, AskLine, Booked, CancelBegun, CancelOrder, Cancelling, Cause, Head, Line, LineNow, LinePhase,
    LineStep, Order, OrderEvent, OrderState, RefundOrder, Step, Thing,
};
use crate::actor::Decision;
use crate::amount::Amount;
use crate::context::Context;
use crate::facts::Standing;
use crate::limits;
use crate::rejection::{Rejection, WrongState};

impl Order {
    fn refuse_in_state(&self) -> Rejection {
        Rejection::NotAllowedInState(WrongState { state: self.present().to_owned() })
    }

    /// By the buyer before it is paid, by an operator before it is shipped.
    pub(super) fn cancel(
        &self,
        command: &CancelOrder,
        context: &Context<'_>,
    ) -> Result<Decision<OrderEvent>, Rejection> {
        let by_operator = context.standing.any(Standing::OPERATOR);
        if !by_operator && context.by != self.buyer {
            return Err(Rejection::Forbidden);
        }
        limits::optional_text("reason", command.reason.as_deref(), limits::REASON_CHARS_MAX)?;
        if !self.is_settled() {
            return Err(self.refuse_in_state());
        }
        let reason = command.reason.clone();
        match self.state {
            OrderState::AwaitingPayment => {
                let own = context.by == self.buyer;
                let cause = if own { Cause::CancelledByBuyer } else { Cause::CancelledByOperator };
                Ok(Decision::event(self.cancel_unpaid(cause, reason)))
            }
            OrderState::Paid if by_operator => Ok(self.cancel_paid(reason, context)),
            _ => Err(self.refuse_in_state()),
        }
    }

    /// Before it is paid: what is set aside and held is given back.
    pub(super) fn cancel_unpaid(&self, cause: Cause, reason: Option<String>) -> OrderEvent {
        let mut asks: Vec<Ask> = self.release(|_| !crate::mutant("order_keeps_lines")).collect();
        asks.extend(self.hold.map(Ask::FreeHold));
        asks.extend(self.deposits.iter().map(|deposit| Ask::FreeHold(deposit.hold)));
        let head = Head { state: OrderState::Cancelled, ..self.head() };
        let step = Step { asks, reason, ..self.withdrawing(true, Step::new(head, cause)) };
        OrderEvent::Cancelled(Box::new(Booked { step, entry: None, shares: Vec::new(), line: None }))
    }

    /// Asks the stock items of some lines to take them back.
    fn release<'a>(&'a self, which: impl Fn(&Line) -> bool + 'a) -> impl Iterator<Item = Ask> + 'a {
        (0..).zip(&self.lines).filter(move |(_, one)| which(one)).filter_map(|(line, one)| {
            match one.now.thing {
                Thing::Stock(stock) => {
                    Some(Ask::Release(AskLine { line, stock, reservation: one.reservation }))
                }
                Thing::Lot(_) => None,
            }
        })
    }

    /// After it was paid: first the stock items take their units back (one may just have been shipped), then the money goes.
    fn cancel_paid(&self, reason: Option<String>, context: &Context<'_>) -> Decision<OrderEvent> {
        let asks: Vec<Ask> = self.release(|line| line.unshipped() > 0).collect();
        if asks.is_empty() {
            let cancelling = Cancelling { asked: None, reason };
            return Decision::event(self.finish_cancelling(&cancelling, context));
        }
        let step = Step { asks, reason, ..Step::new(self.head(), Cause::CancelledByOperator) };
        Decision::event(OrderEvent::Cancelling(Box::new(CancelBegun { step, waits: context.asked() })))
    }

    /// A stock item has taken a line back.
    pub(super) fn line_released(&self, nth: u32, context: &Context<'_>) -> Decision<OrderEvent> {
        let releasing = |line: &Line| line.phase == LinePhase::Releasing;
        let waited = self.lines.get(nth as usize).is_some_and(releasing);
        if !waited || self.state == OrderState::Cancelled {
            return Decision::events(Default::default());
        }
        let step = Step::new(self.head(), Cause::Asked);
        let released = OrderEvent::LineReleased(Box::new(LineStep { step, line: nth }));
        let plan = Plan::of(self, context).then(|_| released);
        match plan.order.cancelling.clone() {
            Some(cancelling) if !plan.order.lines.iter().any(releasing) => {
                plan.then(|order| order.finish_cancelling(&cancelling, context)).decided()
            }
            _ => plan.decided(),
        }
    }

    /// All that was not shipped is back: its money is given back. What was shipped in that moment stays sold.
    fn finish_cancelling(&self, cancelling: &Cancelling, context: &Context<'_>) -> OrderEvent {
        let entry = entry_id(self.id, context);
        let cut = |line: &Line| match line.now.thing {
            Thing::Stock(_) => line.cut(line.now.shipped),
            Thing::Lot(_) => line.cut(0),
        };
        let is_shipped = self.lines.iter().any(|line| line.now.shipped > 0);
        let lines: Vec<LineNow> = self.lines.iter().map(cut).collect();
        let shares = if is_shipped {
            self.shares_of_cut(&lines, context)
        } else {
            self.shares_of_refund(self.remaining())
        };
        let refunded = shares.iter().map(|share| -share.amount).sum::<i64>().max(0).unsigned_abs();
        let state = if is_shipped { OrderState::Fulfilling } else { OrderState::Cancelled };
        let head = Head { state, refunded: self.refunded + refunded, lines, ..self.head() };
        let step = Step {
            asks: self.book_back(&shares, entry),
            asked: cancelling.asked,
            reason: cancelling.reason.clone(),
            ..Step::new(head, Cause::CancelledByOperator)
        };
        let booked = Box::new(Booked { step, entry: Some(entry), shares, line: None });
        if is_shipped { OrderEvent::Refunded(booked) } else { OrderEvent::Cancelled(booked) }
    }

    /// The whole or a part of what was paid, by an operator.
    pub(super) fn refund(
        &self,
        command: &RefundOrder,
        context: &Context<'_>,
    ) -> Result<Decision<OrderEvent>, Rejection> {
        if !context.standing.any(Standing::OPERATOR) {
            return Err(Rejection::Forbidden);
        }
        limits::reason(Some(&command.reason))?;
        let remaining = self.remaining();
        if !self.state.is_paid() || remaining == 0 || !self.is_settled() {
            return Err(self.refuse_in_state());
        }
        let amount = command.amount.map_or(remaining, Amount::get);
        if amount > remaining {
            return Err(Rejection::invalid(
                "amount",
                format!("at most {remaining}, what was paid and not given back"),
            ));
        }
        let entry = entry_id(self.id, context);
        let shares = self.shares_of_refund(amount);
        let whole = amount == remaining;
        let mut asks = self.book_back(&shares, entry);
        if whole {
            // What was not shipped stays with its seller.
            asks.extend(self.release(|line| line.unshipped() > 0));
        }
        let state = match self.state {
            _ if whole => OrderState::Refunded,
            going @ (OrderState::Paid | OrderState::Fulfilling) => going,
            _ => OrderState::RefundedInPart,
        };
        let head = Head { state, refunded: self.refunded + amount, ..self.head() };
        let reason = Some(command.reason.clone());
        let step = Step { asks, reason, ..Step::new(head, Cause::Refund) };
        Ok(Decision::event(OrderEvent::Refunded(Box::new(Booked {
            step,
            entry: Some(entry),
            shares,
            line: None,
        }))))
    }

    /// A stock item has allocated a paid line, wholly or as much as was there.
    pub(super) fn allocated(&self, nth: u32, quantity: u64, context: &Context<'_>) -> Decision<OrderEvent> {
        let waited = self.lines.get(nth as usize).filter(|line| line.phase == LinePhase::Allocating);
        let Some(line) = waited else { return Decision::events(Default::default()) };
        if quantity >= line.now.quantity {
            let step = Step::new(self.head(), Cause::Allocated);
            return Decision::event(OrderEvent::LineAllocated(Box::new(LineStep { step, line: nth })));
        }
        let mut lines = self.head().lines;
        lines[nth as usize] = line.cut(quantity);
        let entry = entry_id(self.id, context);
        let shares = self.shares_of_cut(&lines, context);
        let refunded = shares.iter().map(|share| -share.amount).sum::<i64>().max(0).unsigned_abs();
        let nothing_left = lines.iter().all(|line| line.quantity == 0);
        let state = if nothing_left { OrderState::Refunded } else { self.state };
        let head = Head { state, refunded: self.refunded + refunded, lines, ..self.head() };
        let step = Step { asks: self.book_back(&shares, entry), ..Step::new(head, Cause::StockShortfall) };
        Decision::event(OrderEvent::Refunded(Box::new(Booked {
            step,
            entry: Some(entry),
            shares,
            line: Some(nth),
        })))
    }
}
