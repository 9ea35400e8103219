//! Who hears what of an order's events, and what they ask of others. All from the event, the order's id and the stamp.

use super::{
    Ask, AskCapture, AskLine, AskUnits, Booking, Cause, EndLoan, Head, LendOrder, LineNow, LoanOutcome,
    OpenWonOrder, OrderCommand, OrderEvent, OrderLent, OrderState, Step, TellLoan, Thing,
};
use crate::account::AccountCommand;
use crate::actor::{Answer, Command, OrderAnswer, PrivateEvents, PublicEvents, Publication};
use crate::context::Stamp;
use crate::effect::{Asked, Effect, Effects, OutsideRequest};
use crate::facts::FactChange;
use crate::id::{AccountId, Id, OrderId};
use crate::limits;
use crate::money::{Asker, Asset, CaptureHold, EntryKind, PostEntry, ReleaseHold};
use crate::publication::{OrderChanged, OrderLineChanged, Shortfall};
use crate::rejection::Rejection;
use crate::stock::{AllocateForOrder, OfOrder, ReserveForOrder, StockCommand, TakeReservation};

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

    /// See [`crate::actor::Event::private`]: the buyer hears of the whole order, each seller of its own lines.
    #[must_use]
    pub fn private(&self, id: Id, _stamp: &Stamp) -> PrivateEvents {
        let mut told = PrivateEvents::new();
        if !self.is_told() {
            return told;
        }
        let order = OrderId(id);
        let (head, cause) = match (self, self.step()) {
            (Self::Won(won), _) => (won.head(), Cause::Won),
            (_, Some(step)) => (step.head.clone(), step.cause),
            (_, None) => return told,
        };
        for party in parties(&head) {
            told.push((party, changed(order, &head, cause, party)));
        }
        if let Self::Refunded(event) = self
            && let (Cause::StockShortfall, Some(line)) = (cause, event.line)
            && let Some(now) = head.lines.get(line as usize)
        {
            for party in [head.buyer, now.seller] {
                let data = Shortfall { order, line, missing: now.short, quantity: now.quantity };
                told.push((party, Publication { name: "stock_shortfall", data: data.into() }));
            }
        }
        told
    }

    /// See [`crate::actor::Event::answer`].
    #[must_use]
    pub fn answer(&self, id: Id, _stamp: &Stamp) -> Option<Answer> {
        let step = self.step()?;
        let answers = match self {
            // Answered when it waits for its payment, or is paid by itself.
            Self::PaymentAsked(_) => step.asked.is_some(),
            Self::Paid(_)
            | Self::Refunded(_)
            | Self::Delivered(_)
            | Self::Completed(_)
            | Self::Cancelled(_) => step.refused.is_none(),
            _ => false,
        };
        answers.then(|| answer_of(OrderId(id), &step.head)).flatten().map(Answer::Order)
    }

    /// See [`crate::actor::Event::fact`].
    #[must_use]
    pub const fn fact(&self, _id: Id) -> Option<FactChange> {
        None
    }

    /// See [`crate::actor::Event::effects`].
    pub fn effects(&self, id: Id, _stamp: &Stamp, out: &mut Effects) {
        let order = OrderId(id);
        if let Some(step) = self.step() {
            for ask in &step.asks {
                ask.effect(order, &step.head, out);
            }
        }
    }

    /// See [`crate::actor::Event::outside`].
    #[must_use]
    pub fn outside(&self, id: Id, _stamp: &Stamp) -> Option<OutsideRequest> {
        let step = self.step()?;
        Some(OutsideRequest {
            kind: step.outside?,
            order: OrderId(id),
            market: step.head.market,
            buyer: step.head.buyer,
            amount: step.outside_amount,
            currency: step.head.currency?,
        })
    }

    /// See [`crate::actor::Event::asked`].
    #[must_use]
    pub fn asked(&self) -> Option<Asked> {
        self.step().and_then(|step| step.asked)
    }

    /// See [`crate::actor::Event::refusal`].
    #[must_use]
    pub fn refusal(&self) -> Option<&Rejection> {
        self.step().and_then(|step| step.refused.as_ref())
    }
}

impl OpenWonOrder {
    /// The order as it begins.
    pub(super) fn head(&self) -> Head {
        let line = LineNow {
            thing: Thing::Lot(self.lot),
            seller: self.seller,
            quantity: self.quantity,
            amount: self.hammer.get(),
            premium: self.premium,
            commission: self.commission,
            shipped: 0,
            returned: 0,
            short: 0,
        };
        Head {
            buyer: self.buyer,
            market: self.market,
            currency: Some(self.currency),
            state: OrderState::Placed,
            total: self.hammer.get().saturating_add(self.premium),
            refunded: 0,
            lines: vec![line],
            tender: self.tender,
        }
    }
}

/// Who hears of an order: its buyer, then its sellers, each once.
fn parties(head: &Head) -> Vec<AccountId> {
    let mut parties = vec![head.buyer];
    for line in &head.lines {
        if !parties.contains(&line.seller) && line.seller != AccountId::default() {
            parties.push(line.seller);
        }
    }
    parties
}

fn changed(order: OrderId, head: &Head, cause: Cause, party: AccountId) -> Publication {
    let is_buyer = party == head.buyer;
    let lines: Vec<_> = (0..)
        .zip(&head.lines)
        .filter(|(_, line)| is_buyer || line.seller == party)
        .map(|(nth, line)| line_changed(nth, line))
        .collect();
    // A seller hears what its own lines come to, without what the buyer pays the market.
    let total = if is_buyer { head.total } else { lines.iter().map(|line| line.amount).sum() };
    let refunded = if is_buyer { Some(head.refunded) } else { None };
    let data = OrderChanged {
        order,
        market: head.market,
        state: head.state.name(),
        cause: cause.name(),
        total,
        currency: head.currency,
        refunded,
        lines,
    };
    Publication { name: "order_changed", data: data.into() }
}

fn line_changed(nth: u32, line: &LineNow) -> OrderLineChanged {
    let (stock, lot) = match line.thing {
        Thing::Stock(stock) => (Some(stock), None),
        Thing::Lot(lot) => (None, Some(lot)),
    };
    OrderLineChanged {
        line: nth,
        stock,
        lot,
        quantity: line.quantity,
        amount: line.amount,
        shipped: line.shipped,
        returned: line.returned,
        short: line.short,
    }
}

/// What a command about an order is answered with.
///
/// Nothing before a line has said which market and currency it is: until then it is nobody's but the refusal's.
pub(super) fn answer_of(order: OrderId, head: &Head) -> Option<OrderAnswer> {
    let short = (0..).zip(&head.lines).filter(|(_, line)| line.short > 0);
    Some(OrderAnswer {
        order,
        state: head.state.name().to_owned(),
        total: head.total,
        currency: head.currency?,
        stock_shortfall: short.map(|(nth, line)| (nth, line.short)).collect(),
    })
}

impl Ask {
    fn effect(&self, order: OrderId, head: &Head, out: &mut Effects) {
        match self {
            Self::Reserve(asked) => reserve(order, head, asked, out),
            Self::Take(asked) => out.push(Effect::new(
                asked.stock,
                Command::Stock(StockCommand::TakeReservation(Box::new(TakeReservation {
                    stock: asked.stock,
                    order,
                    line: asked.line,
                    buyer: head.buyer,
                    reservation: asked.reservation,
                    ttl_ms: limits::ORDER_RESERVATION_MS,
                }))),
            )),
            Self::Allocate(asked) => out.push(Effect::new(
                asked.stock,
                Command::Stock(StockCommand::AllocateForOrder(Box::new(AllocateForOrder {
                    stock: asked.stock,
                    order,
                    line: asked.line,
                    buyer: head.buyer,
                    reservation: asked.reservation,
                    quantity: asked.quantity,
                    near: asked.near,
                }))),
            )),
            Self::Release(asked) => {
                let of = asked.of(order);
                out.push(Effect::new(asked.stock, Command::Stock(StockCommand::ReleaseForOrder(of))));
            }
            Self::Finish(asked) => {
                let of = asked.of(order);
                out.push(Effect::new(asked.stock, Command::Stock(StockCommand::FinishForOrder(of))));
            }
            Self::Lend(loan) => {
                let lend = LendOrder { order: loan.from, into: order, line: loan.line, buyer: head.buyer };
                out.push(Effect::new(loan.from, Command::Order(OrderCommand::Lend(lend))));
            }
            Self::EndLoan(loan) => {
                let end = EndLoan { order: loan.from, into: order, merged: loan.merged };
                out.push(Effect::new(loan.from, Command::Order(OrderCommand::EndLoan(end))));
            }
            Self::TellLoan(told) => tell_loan(order, told, out),
            Self::Capture(capture) => self::capture(order, head, capture, out),
            Self::FreeHold(hold) => {
                let release = ReleaseHold { account: head.buyer, hold: *hold };
                out.push(Effect::new(head.buyer, Command::Account(AccountCommand::ReleaseHold(release))));
            }
            Self::Post(booking) => post(order, head, booking, out),
        }
    }
}

impl AskLine {
    const fn of(self, order: OrderId) -> OfOrder {
        OfOrder { stock: self.stock, order, line: self.line, reservation: self.reservation }
    }
}

fn reserve(order: OrderId, head: &Head, asked: &AskUnits, out: &mut Effects) {
    let command = ReserveForOrder {
        stock: asked.stock,
        order,
        line: asked.line,
        buyer: head.buyer,
        quantity: asked.quantity,
        near: asked.near,
        ttl_ms: limits::ORDER_RESERVATION_MS,
    };
    out.push(Effect::new(asked.stock, Command::Stock(StockCommand::ReserveForOrder(Box::new(command)))));
}

fn tell_loan(order: OrderId, told: &TellLoan, out: &mut Effects) {
    let outcome = match (&told.won, &told.refused) {
        (Some(won), _) => LoanOutcome::Lent(won.clone()),
        (None, refused) => LoanOutcome::Refused(refused.clone().unwrap_or(Rejection::OrderNotFound)),
    };
    let lent = OrderLent { order: told.into, line: told.line, from: order, outcome };
    out.push(Effect::new(told.into, Command::Order(OrderCommand::Lent(Box::new(lent)))));
}

fn capture(order: OrderId, head: &Head, capture: &AskCapture, out: &mut Effects) {
    let AskCapture { hold, amount, entry, tag } = *capture;
    let command = CaptureHold {
        account: head.buyer,
        hold,
        amount,
        entry,
        asker: Asker::Order(order),
        tag,
        kind: EntryKind::Payment,
        market: head.market,
    };
    out.push(Effect::new(head.buyer, Command::Account(AccountCommand::CaptureHold(command))));
}

fn post(order: OrderId, head: &Head, booking: &Booking, out: &mut Effects) {
    let Some(currency) = head.currency else { return };
    let command = PostEntry {
        account: booking.account,
        entry: booking.entry,
        asset: Asset::Money(currency),
        lines: booking.lines.clone(),
        kind: booking.kind,
        reverses: booking.reverses,
        may_overdraw: booking.may_overdraw,
        asker: Asker::Order(order),
        tag: booking.tag,
        market: head.market,
        order: Some(order),
    };
    out.push(Effect::new(booking.account, Command::Account(AccountCommand::PostEntry(Box::new(command)))));
}

impl Step {
    /// A step that asks nothing.
    pub(super) const fn new(head: Head, cause: Cause) -> Self {
        Self {
            head,
            cause,
            reason: None,
            asked: None,
            refused: None,
            asks: Vec::new(),
            outside: None,
            outside_amount: 0,
        }
    }
}
