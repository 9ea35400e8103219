//! The assignments of an order.

use super::{
    Ask, Booked, Cancelling, Cause, DepositHeld, Line, LineHeld, LinePhase, Loan, OpenWonOrder, Order,
    OrderEvent, OrderState, PaymentFailed, Placing, Step, Unbooked,
};
use crate::amount::Amount;
use crate::context::Stamp;
use crate::effect::OutsideKind;
use crate::limits;
use crate::time::Timestamp;

crate::record! {
    /// A move of an order, as its history shows it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Move {
        1 => pub state: OrderState,
        2 => pub cause: Cause,
        3 => pub at: Timestamp,
        4 => pub reason: Option<String>,
    }
}

impl Order {
    /// The order of a won lot.
    pub(super) fn won(won: &OpenWonOrder, now: Timestamp) -> Self {
        let head = won.head();
        let line = Line {
            now: head.lines[0],
            phase: LinePhase::Held,
            reservation: None,
            from: None,
            title: won.title.clone(),
            unit_price: None,
            fees: won.fees.clone(),
            expires_at: None,
            placed_quantity: won.quantity,
        };
        let deposit = won.deposit.zip(won.deposit_amount.map(Amount::get));
        let mut order = Self {
            id: won.order,
            buyer: won.buyer,
            market: won.market,
            currency: Some(won.currency),
            state: OrderState::Placed,
            lines: vec![line],
            total: head.total,
            refunded: 0,
            tender: won.tender,
            near: None,
            since: now,
            until: None,
            asked: None,
            hold: won.hold,
            deposits: deposit.map(|(hold, amount)| DepositHeld { hold, amount }).into_iter().collect(),
            payment: None,
            entry: None,
            shares: Vec::new(),
            cancelling: None,
            lent_to: None,
            merged_into: None,
            outside_asked: false,
            finished: false,
            history: Vec::new(),
            unbooked: Vec::new(),
            content: 0,
            placed_at: now,
        };
        order.note(Cause::Won, None, now);
        order
    }

    /// An order whose lines are being set aside.
    pub(super) fn placing(placing: &Placing, now: Timestamp) -> Self {
        let head = &placing.step.head;
        Self {
            id: placing.order,
            buyer: head.buyer,
            market: head.market,
            currency: None,
            state: OrderState::Placing,
            lines: placing.lines.clone(),
            total: 0,
            refunded: 0,
            tender: false,
            near: placing.near,
            since: now,
            until: Some(placing.until),
            asked: Some(placing.placed_for),
            hold: None,
            deposits: Vec::new(),
            payment: None,
            entry: None,
            shares: Vec::new(),
            cancelling: None,
            lent_to: None,
            merged_into: None,
            outside_asked: false,
            finished: false,
            history: Vec::new(),
            unbooked: Vec::new(),
            content: placing.content,
            placed_at: now,
        }
    }

    pub(super) fn take_over(&mut self, event: &OrderEvent, stamp: &Stamp) {
        let Some(step) = event.step() else { return };
        self.take_step(step, stamp.time);
        match event {
            OrderEvent::Won(_) | OrderEvent::Placing(_) => {}
            OrderEvent::LineHeld(event) => self.hold_held(event),
            OrderEvent::Placed(_) => self.until = None,
            OrderEvent::PaymentAsked(_) => self.asked = None,
            OrderEvent::PaymentBegun(event) => {
                self.payment = Some(event.payment.clone());
                self.asked = None;
            }
            OrderEvent::PaymentAdvanced(_) => {
                if let Some(payment) = &mut self.payment {
                    payment.done += 1;
                }
            }
            OrderEvent::PaymentFailed(event) => self.fail_payment(event),
            OrderEvent::Paid(event) => {
                self.payment = None;
                self.hold = None;
                self.deposits.clear();
                self.outside_asked = false;
                self.entry = event.entry;
                self.shares.clone_from(&event.shares);
            }
            OrderEvent::LineAllocated(event) => self.set_phase(event.line, LinePhase::Allocated),
            OrderEvent::LineReleased(event) => self.set_phase(event.line, LinePhase::Released),
            OrderEvent::Refunded(event) => self.book_refund(event),
            OrderEvent::Cancelled(event) => self.end(event),
            OrderEvent::Cancelling(event) => {
                let (asked, reason) = (Some(event.waits), event.step.reason.clone());
                self.cancelling = Some(Cancelling { asked, reason });
            }
            OrderEvent::Completed(_) => self.finished = true,
            OrderEvent::Loan(event) => self.lent_to = event.lent.then_some(event.into).or(self.lent_to),
            OrderEvent::LoanEnded(event) => self.end_lent(event),
            OrderEvent::BookingRefused(event) => {
                if self.unbooked.len() < limits::ORDER_UNBOOKED_MAX {
                    let (account, tag) = (event.account, event.tag);
                    let rejection = event.rejection.clone();
                    self.unbooked.push(Unbooked { account, tag, rejection, at: stamp.time });
                }
            }
            OrderEvent::Shipped(_) | OrderEvent::Returned(_) | OrderEvent::Delivered(_) => {}
        }
        if event.is_told() {
            self.note(step.cause, step.reason.clone(), stamp.time);
        }
    }

    /// What every event says.
    fn take_step(&mut self, step: &Step, now: Timestamp) {
        let head = &step.head;
        if head.state != self.state {
            self.since = now;
        }
        self.state = head.state;
        self.market = head.market;
        self.currency = head.currency;
        self.total = head.total;
        self.refunded = head.refunded;
        for (line, now) in self.lines.iter_mut().zip(&head.lines) {
            line.now = *now;
        }
        match step.outside {
            Some(OutsideKind::Payment) => self.outside_asked = true,
            Some(OutsideKind::PaymentWithdrawn) => self.outside_asked = false,
            None => {}
        }
        for ask in &step.asks {
            match ask {
                Ask::Allocate(asked) => self.set_phase(asked.line, LinePhase::Allocating),
                Ask::Release(asked) => self.set_phase(asked.line, LinePhase::Releasing),
                _ => {}
            }
        }
    }

    fn set_phase(&mut self, line: u32, phase: LinePhase) {
        if let Some(line) = self.lines.get_mut(line as usize) {
            line.phase = phase;
        }
    }

    fn hold_held(&mut self, event: &LineHeld) {
        if let Some(line) = self.lines.get_mut(event.line as usize) {
            line.clone_from(&event.held);
        }
        self.deposits.extend(event.deposit);
    }

    fn fail_payment(&mut self, event: &PaymentFailed) {
        self.payment = None;
        if let Some(lost) = event.lost {
            self.hold = self.hold.filter(|&hold| hold != lost);
            self.deposits.retain(|deposit| deposit.hold != lost);
        }
    }

    fn book_refund(&mut self, event: &Booked) {
        super::money::add_shares(&mut self.shares, &event.shares);
        self.cancelling = None;
        if let Some(line) = event.line {
            self.set_phase(line, LinePhase::Allocated);
        }
    }

    fn end(&mut self, event: &Booked) {
        super::money::add_shares(&mut self.shares, &event.shares);
        self.cancelling = None;
        self.payment = None;
        self.asked = None;
        self.until = None;
        self.hold = None;
        self.deposits.clear();
        self.outside_asked = false;
    }

    fn end_lent(&mut self, event: &Loan) {
        self.lent_to = None;
        if event.step.cause == Cause::Merged {
            self.merged_into = Some(event.into);
            // They go towards the new order's payment.
            self.deposits.clear();
            self.outside_asked = false;
        }
    }

    /// Remembers a move; the first one and the latest ones.
    fn note(&mut self, cause: Cause, reason: Option<String>, at: Timestamp) {
        if self.history.len() >= limits::ORDER_HISTORY_MAX {
            self.history.remove(1);
        }
        self.history.push(Move { state: self.state, cause, at, reason });
    }
}
