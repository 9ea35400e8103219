//! How an order comes into being: of a won lot, or placed, all or nothing.

use super::money::total_of;
use super::plan::Plan;
use super::{
    Ask, AskLine, AskLoan, AskUnits, Booked, Cause, DepositHeld, Head, Line, LineHeld, LineNow, LinePhase,
    LineRequest, LineReserved, OpenWonOrder, Order, OrderCommand, OrderEvent, OrderState, PlaceOrder,
    Placing, Step, Thing, WonLine,
};
use crate::actor::{ActorAddress, ActorKind, Decision};
use crate::amount::{AMOUNT_MAX, Amount, Currency};
use crate::command::content_hash;
use crate::context::Context;
use crate::facts::Standing;
use crate::id::{MarketId, OrderId, ReservationId, StockId};
use crate::limits;
use crate::rejection::{NotQualified, Rejection};
use crate::stock::check_place;

pub(super) fn create(
    command: &OrderCommand,
    context: &Context<'_>,
) -> Result<Decision<OrderEvent>, Rejection> {
    match command {
        OrderCommand::OpenWon(won) => open_won(won, context),
        OrderCommand::Place(command) => place(command, context),
        _ => Err(Rejection::OrderNotFound),
    }
}

fn open_won(won: &OpenWonOrder, context: &Context<'_>) -> Result<Decision<OrderEvent>, Rejection> {
    if !context.standing.any(Standing::ENGINE) {
        return Err(Rejection::Forbidden);
    }
    let order = Order::won(won, context.now);
    let event = OrderEvent::Won(Box::new(won.clone()));
    Ok(Plan::born(order, event, context).then(|order| order.start_payment(None, context)).decided())
}

/// The hash by which "placed again with the same content" is told: without what the shell looked up.
fn content_of(command: &PlaceOrder) -> u64 {
    content_hash(&PlaceOrder { found: Vec::new(), ..command.clone() })
}

fn place(command: &PlaceOrder, context: &Context<'_>) -> Result<Decision<OrderEvent>, Rejection> {
    let order = command.order.ok_or_else(|| Rejection::invalid("order", "the id of the new order"))?;
    let known = context.facts.standing(context.by, MarketId::PLATFORM).any(Standing::KNOWN);
    if context.standing.any(Standing::ENGINE) || !known {
        return Err(Rejection::Forbidden);
    }
    let count = command.lines.len();
    if count == 0 {
        return Err(Rejection::invalid("lines", format!("1 to {}", limits::ORDER_LINES_MAX)));
    }
    if count > limits::ORDER_LINES_MAX {
        return Err(limits::exceeded("lines", limits::ORDER_LINES_MAX as u64, count as u64));
    }
    check_place("near", command.near)?;
    let lines = lines_of(command)?;
    let has_stock = lines.iter().any(|line| matches!(line.now.thing, Thing::Stock(_)));
    check_market(command.market, has_stock, context)?;
    let asks = (0..).zip(&lines).filter_map(|(nth, line)| ask(nth, line, command.near)).collect();
    let head = Head {
        buyer: context.by,
        market: command.market.unwrap_or(MarketId::PLATFORM),
        currency: None,
        state: OrderState::Placing,
        total: 0,
        refunded: 0,
        lines: lines.iter().map(|line| line.now).collect(),
        tender: false,
    };
    Ok(Decision::event(OrderEvent::Placing(Box::new(Placing {
        order,
        step: Step { asks, ..Step::new(head, Cause::Asked) },
        lines,
        near: command.near,
        until: context.now.plus_ms(limits::ORDER_PLACING_MS),
        content: content_of(command),
        placed_for: context.asked(),
    }))))
}

/// What the stock items will ask again; here where the market is named, so that nothing is asked in vain.
fn check_market(market: Option<MarketId>, has_stock: bool, context: &Context<'_>) -> Result<(), Rejection> {
    let Some(market) = market else { return Ok(()) };
    let facts = context.facts.market(market).ok_or(Rejection::NotFound)?;
    if !has_stock {
        return Ok(());
    }
    let standing = context.facts.standing(context.by, market);
    if !standing.any(Standing::BIDDER) {
        return Err(Rejection::Forbidden);
    }
    if standing.any(Standing::SUSPENDED) {
        return Err(Rejection::NotQualified(NotQualified { needs: "suspended".to_owned() }));
    }
    if facts.halted_since.is_some() {
        return Err(Rejection::MarketHalted);
    }
    Ok(())
}

/// The lines as they are asked: the demand is summed for each stock item (RULES, "Stock").
fn lines_of(command: &PlaceOrder) -> Result<Vec<Line>, Rejection> {
    const EXPECTED: &str = "each line names one of: reservation; stock and quantity; lot; nothing twice";
    let invalid = || Rejection::invalid("lines", EXPECTED);
    let mut lines: Vec<Line> = Vec::new();
    for (nth, line) in command.lines.iter().enumerate() {
        let found = command.found.get(nth).copied().flatten();
        let asked = match *line {
            LineRequest { reservation: Some(reservation), stock: None, quantity: None, lot: None } => {
                let stock = found_as(found, ActorKind::Stock).ok_or(Rejection::NotFound)?;
                asked_line(Thing::Stock(StockId(stock.id)), 0, Some(reservation), None)
            }
            LineRequest { reservation: None, stock: Some(stock), quantity: Some(quantity), lot: None } => {
                if !(1..=limits::QUANTITY_MAX).contains(&quantity) {
                    return Err(Rejection::invalid(
                        "lines",
                        format!("quantity: 1 to {}", limits::QUANTITY_MAX),
                    ));
                }
                asked_line(Thing::Stock(stock), quantity, None, None)
            }
            LineRequest { reservation: None, stock: None, quantity: None, lot: Some(lot) } => {
                let order = found_as(found, ActorKind::Order).ok_or(Rejection::OrderNotFound)?;
                asked_line(Thing::Lot(lot), 0, None, Some(OrderId(order.id)))
            }
            _ => return Err(invalid()),
        };
        let same = |one: &&mut Line| one.now.thing == asked.now.thing && one.reservation == asked.reservation;
        match lines.iter_mut().find(same) {
            None => lines.push(asked),
            Some(one) if asked.reservation.is_none() && asked.from.is_none() => {
                let sum = one.now.quantity.saturating_add(asked.now.quantity);
                if sum > limits::QUANTITY_MAX {
                    return Err(Rejection::invalid(
                        "lines",
                        format!("quantity: 1 to {}", limits::QUANTITY_MAX),
                    ));
                }
                (one.now.quantity, one.placed_quantity) = (sum, sum);
            }
            Some(_) => return Err(invalid()),
        }
    }
    Ok(lines)
}

fn found_as(found: Option<ActorAddress>, kind: ActorKind) -> Option<ActorAddress> {
    found.filter(|address| address.kind == kind)
}

fn asked_line(
    thing: Thing,
    quantity: u64,
    reservation: Option<ReservationId>,
    from: Option<OrderId>,
) -> Line {
    Line {
        now: LineNow::asked(thing, quantity),
        phase: LinePhase::Asked,
        reservation,
        from,
        title: String::new(),
        unit_price: None,
        fees: None,
        expires_at: None,
        placed_quantity: quantity,
    }
}

fn ask(nth: u32, line: &Line, near: Option<(i64, i64)>) -> Option<Ask> {
    Some(match (line.now.thing, line.from) {
        (Thing::Lot(_), Some(from)) => Ask::Lend(AskLoan { line: nth, from, merged: false }),
        (Thing::Lot(_), None) => return None,
        (Thing::Stock(stock), _) => {
            let reservation = line.reservation.unwrap_or_default();
            let units = AskUnits { line: nth, stock, quantity: line.now.quantity, reservation, near };
            if line.reservation.is_some() { Ask::Take(units) } else { Ask::Reserve(units) }
        }
    })
}

impl Order {
    pub(super) fn place_again(
        &self,
        command: &PlaceOrder,
        context: &Context<'_>,
    ) -> Result<Decision<OrderEvent>, Rejection> {
        let same = self.buyer == context.by && self.content == content_of(command) && self.content != 0;
        match super::publish::answer_of(self.id, &self.head()) {
            Some(answer) if same && self.state != OrderState::Placing => {
                Ok(Decision::unchanged(crate::actor::Answer::Order(answer)))
            }
            _ => Err(Rejection::AlreadyExists),
        }
    }

    /// A stock item has set a line aside.
    pub(super) fn reserved(
        &self,
        nth: u32,
        reserved: &LineReserved,
        context: &Context<'_>,
    ) -> Decision<OrderEvent> {
        let Some(line) = self.asked_line(nth) else { return Decision::events(Default::default()) };
        let Some(amount) = reserved.unit_price.checked_mul(reserved.quantity) else {
            return self.undo(Cause::Refused, Rejection::AmountOutOfRange, None);
        };
        let held = Line {
            now: LineNow {
                seller: reserved.seller,
                quantity: reserved.quantity,
                amount: amount.get(),
                premium: crate::fees::premium(&reserved.fees, amount),
                commission: crate::fees::commission(&reserved.fees, amount),
                ..line.now
            },
            phase: LinePhase::Held,
            reservation: Some(reserved.reservation),
            title: reserved.title.clone(),
            unit_price: Some(reserved.unit_price),
            fees: reserved.fees.clone(),
            expires_at: Some(reserved.expires_at),
            placed_quantity: reserved.quantity,
            ..line.clone()
        };
        self.hold_line(nth, held, (reserved.market, reserved.currency), None, context)
    }

    /// A won lot's order is lent.
    pub(super) fn brought(&self, nth: u32, won: &WonLine, context: &Context<'_>) -> Decision<OrderEvent> {
        let Some(line) = self.asked_line(nth) else { return Decision::events(Default::default()) };
        if line.now.thing != Thing::Lot(won.lot) {
            return self.undo(Cause::Refused, Rejection::OrderNotFound, None);
        }
        let held = Line {
            now: LineNow {
                seller: won.seller,
                quantity: won.quantity,
                amount: won.hammer.get(),
                premium: won.premium,
                commission: won.commission,
                ..line.now
            },
            phase: LinePhase::Held,
            title: won.title.clone(),
            fees: won.fees.clone(),
            placed_quantity: won.quantity,
            ..line.clone()
        };
        let deposit = won.deposit.zip(won.deposit_amount);
        let deposit = deposit.map(|(hold, amount)| DepositHeld { hold, amount: amount.get() });
        self.hold_line(nth, held, (won.market, won.currency), deposit, context)
    }

    /// The line, where its answer is still waited for.
    fn asked_line(&self, nth: u32) -> Option<&Line> {
        let line = self.lines.get(nth as usize)?;
        (self.state == OrderState::Placing && line.phase == LinePhase::Asked).then_some(line)
    }

    fn hold_line(
        &self,
        nth: u32,
        held: Line,
        (market, currency): (MarketId, Currency),
        deposit: Option<DepositHeld>,
        context: &Context<'_>,
    ) -> Decision<OrderEvent> {
        let other_market = self.market != MarketId::PLATFORM && self.market != market;
        if other_market || self.currency.is_some_and(|known| known != currency) {
            let expected = "all of one market, the one that is named";
            return self.undo(Cause::Refused, Rejection::invalid("lines", expected), None);
        }
        let total = total_of(&self.lines) + u128::from(held.now.amount) + u128::from(held.now.premium);
        if total > u128::from(AMOUNT_MAX) {
            return self.undo(Cause::Refused, Rejection::AmountOutOfRange, None);
        }
        let mut head = Head { market, currency: Some(currency), total: total as u64, ..self.head() };
        head.lines[nth as usize] = held.now;
        let step = Step::new(head, Cause::Asked);
        let event = LineHeld { step, line: nth, held, deposit };
        let plan = Plan::of(self, context).then(|_| OrderEvent::LineHeld(Box::new(event)));
        if plan.order.lines.iter().any(|line| line.phase == LinePhase::Asked) {
            return plan.decided();
        }
        let asked = plan.order.asked;
        plan.then(Self::placed).then(|order| order.start_payment(asked, context)).decided()
    }

    /// All are set aside: what was lent is the order's now.
    fn placed(&self) -> OrderEvent {
        let loans = (0..).zip(&self.lines).filter_map(|(line, one)| {
            one.from.map(|from| Ask::EndLoan(AskLoan { line, from, merged: true }))
        });
        let head = Head { state: OrderState::Placed, ..self.head() };
        OrderEvent::Placed(Box::new(Step { asks: loans.collect(), ..Step::new(head, Cause::Placed) }))
    }

    /// The order is not placed after all: every line is given back, also those that have not answered (their answers come
    /// before what gives them back); what is lent goes on by itself.
    pub(super) fn undo(&self, cause: Cause, refused: Rejection, except: Option<u32>) -> Decision<OrderEvent> {
        let lines = (0..).zip(&self.lines).filter(|(nth, _)| Some(*nth) != except);
        let asks = lines.filter_map(|(line, one)| match (one.now.thing, one.from) {
            (Thing::Stock(stock), _) => {
                Some(Ask::Release(AskLine { line, stock, reservation: one.reservation }))
            }
            (Thing::Lot(_), from) => from.map(|from| Ask::EndLoan(AskLoan { line, from, merged: false })),
        });
        let head = Head { state: OrderState::Cancelled, ..self.head() };
        let step = Step {
            asks: asks.collect(),
            asked: self.asked,
            refused: Some(refused),
            ..Step::new(head, cause)
        };
        let booked = Booked { step, entry: None, shares: Vec::new(), line: None };
        Decision::event(OrderEvent::Cancelled(Box::new(booked)))
    }
}

/// The amount that is not covered by deposits.
pub(super) fn uncovered(total: u64, deposits: &[DepositHeld]) -> Option<Amount> {
    let covered = deposits.iter().fold(0_u64, |sum, deposit| sum.saturating_add(deposit.amount));
    Amount::new(total.saturating_sub(covered))
}
