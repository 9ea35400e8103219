//! How an order is paid: from a hold, the buyer's balance, or outside, less its deposits.

use super::money::{ask_leg, entry_id, give_buyer, leg_tag};
use super::place::uncovered;
use super::plan::Plan;
use super::{
    Ask, AskUnits, Booked, BookingRefused, Cause, Head, Leg, MarkPaid, Order, OrderEvent, OrderState,
    PayOrder, Payment, PaymentBegun, PaymentFailed, Source, Step, Thing,
};
use crate::actor::{Decision, Events};
use crate::context::Context;
use crate::effect::{Asked, OutsideKind, OutsideRequest};
use crate::facts::Standing;
use crate::limits;
use crate::money::Settled;
use crate::rejection::{Rejection, WrongState};

impl Order {
    /// Pays by itself where the buyer's money is held already; otherwise asks for it.
    pub(super) fn start_payment(&self, asked: Option<Asked>, context: &Context<'_>) -> OrderEvent {
        if let Some(hold) = self.hold {
            let whole = (Source::Hold(hold), self.total);
            return self.begin(vec![whole], asked, (Cause::HoldCaptured, None), context);
        }
        match uncovered(self.total, &self.deposits) {
            None => {
                let parts = self.parts(Source::Balance);
                self.begin(parts, asked, (Cause::HoldCaptured, None), context)
            }
            Some(amount) => {
                let head = Head { state: OrderState::AwaitingPayment, ..self.head() };
                OrderEvent::PaymentAsked(Box::new(Step {
                    asked,
                    outside: Some(OutsideKind::Payment),
                    outside_amount: amount.get(),
                    ..Step::new(head, Cause::PaymentDue)
                }))
            }
        }
    }

    /// The parts of a payment: what no deposit covers first, since only that may be refused in a right history.
    fn parts(&self, source: Source) -> Vec<(Source, u64)> {
        let mut left = self.total;
        let mut parts = Vec::new();
        for deposit in &self.deposits {
            let amount = deposit.amount.min(left);
            left -= amount;
            if amount > 0 {
                parts.push((Source::Hold(deposit.hold), amount));
            }
        }
        if left > 0 {
            parts.insert(0, (source, left));
        }
        parts
    }

    fn begin(
        &self,
        parts: Vec<(Source, u64)>,
        asked: Option<Asked>,
        (cause, reason): (Cause, Option<String>),
        context: &Context<'_>,
    ) -> OrderEvent {
        let entry = entry_id(self.id, context);
        let leg = |(nth, (source, amount))| Leg { source, amount, tag: leg_tag(entry, nth) };
        let legs: Vec<_> = parts.into_iter().enumerate().map(leg).collect();
        let first = legs.first().map(|leg| ask_leg(leg, self.buyer, entry));
        let step = Step { asks: Vec::from_iter(first), ..Step::new(self.head(), cause) };
        let payment = Payment { legs, done: 0, asked, cause, reason, state: self.state, entry };
        OrderEvent::PaymentBegun(Box::new(PaymentBegun { step, payment }))
    }

    /// That the order can be paid now.
    fn check_payable(&self) -> Result<(), Rejection> {
        if self.state == OrderState::AwaitingPayment && self.is_settled() {
            return Ok(());
        }
        Err(Rejection::NotAllowedInState(WrongState { state: self.present().to_owned() }))
    }

    pub(super) fn pay(
        &self,
        command: &PayOrder,
        context: &Context<'_>,
    ) -> Result<Decision<OrderEvent>, Rejection> {
        if context.by != self.buyer {
            return Err(Rejection::Forbidden);
        }
        limits::optional_text("reason", command.reason.as_deref(), limits::REASON_CHARS_MAX)?;
        self.check_payable()?;
        let why = (Cause::PaidFromBalance, command.reason.clone());
        let parts = self.parts(Source::Balance);
        Ok(Decision::event(self.begin(parts, Some(context.asked()), why, context)))
    }

    pub(super) fn mark_paid(
        &self,
        command: &MarkPaid,
        context: &Context<'_>,
    ) -> Result<Decision<OrderEvent>, Rejection> {
        if !context.standing.any(Standing::OPERATOR) {
            return Err(Rejection::Forbidden);
        }
        limits::optional_text("reason", command.reason.as_deref(), limits::REASON_CHARS_MAX)?;
        limits::optional_text("reference", command.reference.as_deref(), limits::REASON_CHARS_MAX)?;
        self.check_payable()?;
        let said = match (&command.reason, &command.reference) {
            (Some(reason), Some(reference)) => Some(format!("{reason} ({reference})")),
            (reason, reference) => reason.clone().or_else(|| reference.clone()),
        };
        let parts = self.parts(Source::Outside);
        Ok(Decision::event(self.begin(parts, Some(context.asked()), (Cause::PaidOutside, said), context)))
    }

    /// What an account said. Only a payment is waited for; a refused entry of what follows from it is never passed over.
    pub(super) fn settled(&self, settled: &Settled, context: &Context<'_>) -> Decision<OrderEvent> {
        let leg = self.payment.as_ref().and_then(|payment| payment.legs.get(payment.done as usize));
        if let (Some(payment), Some(leg)) = (&self.payment, leg)
            && settled.account == self.buyer
            && settled.tag == leg.tag
        {
            return match &settled.refused {
                Some(rejection) => self.fail(payment, leg, rejection, context),
                None => Decision::event(self.advance(payment, context)),
            };
        }
        let Some(rejection) = &settled.refused else { return Decision::events(Events::new()) };
        let step = Step::new(self.head(), Cause::BookingRefused);
        Decision::event(OrderEvent::BookingRefused(Box::new(BookingRefused {
            step,
            account: settled.account,
            tag: settled.tag,
            rejection: rejection.clone(),
        })))
    }

    fn advance(&self, payment: &Payment, context: &Context<'_>) -> OrderEvent {
        if let Some(next) = payment.legs.get(payment.done as usize + 1) {
            let asks = vec![ask_leg(next, self.buyer, payment.entry)];
            return OrderEvent::PaymentAdvanced(Box::new(Step {
                asks,
                ..Step::new(self.head(), payment.cause)
            }));
        }
        self.paid(payment, context)
    }

    /// All parts are booked: sellers and the market get theirs, stock is allocated, what was held beyond is given back.
    fn paid(&self, payment: &Payment, context: &Context<'_>) -> OrderEvent {
        let entry = payment.entry;
        let (shares, mut asks) = self.shares_of_payment(entry, context);
        for (line, one) in (0..).zip(&self.lines) {
            if let Thing::Stock(stock) = one.now.thing {
                let reservation = one.reservation.unwrap_or_default();
                let quantity = one.now.quantity;
                asks.push(Ask::Allocate(AskUnits { line, stock, quantity, reservation, near: self.near }));
            }
        }
        let used = |hold| payment.legs.iter().any(|leg| leg.source == Source::Hold(hold));
        let held = self.hold.into_iter().chain(self.deposits.iter().map(|deposit| deposit.hold));
        asks.extend(held.filter(|&hold| !used(hold)).map(Ask::FreeHold));
        let head = Head { state: OrderState::Paid, ..self.head() };
        let step = Step {
            asks,
            asked: payment.asked,
            reason: payment.reason.clone(),
            ..self.withdrawing(payment.cause != Cause::PaidOutside, Step::new(head, payment.cause))
        };
        OrderEvent::Paid(Box::new(Booked { step, entry: Some(entry), shares, line: None }))
    }

    /// See [`crate::actor::Entity::outstanding`].
    #[must_use]
    pub fn outstanding(&self) -> Option<OutsideRequest> {
        let amount = uncovered(self.total, &self.deposits).filter(|_| self.outside_asked)?;
        Some(OutsideRequest {
            kind: OutsideKind::Payment,
            order: self.id,
            market: self.market,
            buyer: self.buyer,
            amount: amount.get(),
            currency: self.currency?,
        })
    }

    /// Tells a connector that was asked for the payment that it is not wanted any more.
    pub(super) fn withdrawing(&self, withdraw: bool, step: Step) -> Step {
        if !withdraw || !self.outside_asked {
            return step;
        }
        let outside_amount =
            uncovered(self.total, &self.deposits).map_or(self.total, crate::amount::Amount::get);
        Step { outside: Some(OutsideKind::PaymentWithdrawn), outside_amount, ..step }
    }

    /// A part was refused. What was booked before goes onto the buyer's balance; a hold that was not there counts no more.
    fn fail(
        &self,
        payment: &Payment,
        leg: &Leg,
        rejection: &Rejection,
        context: &Context<'_>,
    ) -> Decision<OrderEvent> {
        let booked = payment.legs.iter().take(payment.done as usize).map(|leg| leg.amount).sum();
        let entry = entry_id(self.id, context);
        let back = (booked > 0).then(|| give_buyer(self.buyer, booked, entry, Some(payment.entry)));
        let asks = Vec::from_iter(back);
        let lost = if let Source::Hold(hold) = leg.source { Some(hold) } else { None };
        // A payment that began by itself refuses nobody: it is asked for now.
        let by_itself = payment.state == OrderState::Placed;
        let (asked, refused) =
            if by_itself { (None, None) } else { (payment.asked, Some(rejection.clone())) };
        let step = Step { asks, asked, refused, ..Step::new(self.head(), Cause::PaymentRefused) };
        let failed = OrderEvent::PaymentFailed(Box::new(PaymentFailed { step, lost }));
        let asked = payment.asked;
        let plan = Plan::of(self, context).then(|_| failed);
        if by_itself {
            return plan.then(|order| order.start_payment(asked, context)).decided();
        }
        plan.decided()
    }
}
