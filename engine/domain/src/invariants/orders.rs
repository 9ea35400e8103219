//! Invariants of orders: I21, I28, I34.

use std::collections::{HashMap, HashSet};

use crate::id::{AccountId, LotId, OrderId, StockId};
use crate::lot::won_order;
use crate::order::{LinePhase, Order, OrderState, Thing};
use crate::stock::Stock;

/// I21: every winner of a closed lot has exactly one order of it, nobody else any. Orders that a won lot was brought into
/// do not count: they are of it by the order that ended in them.
///
/// # Errors
/// Names the lot and the account.
pub fn one_order_per_win<'a>(
    wins: impl Iterator<Item = (LotId, AccountId)>,
    orders: impl Iterator<Item = (OrderId, &'a Order)>,
) -> Result<(), String> {
    let mut made: HashSet<OrderId> = HashSet::new();
    for (id, order) in orders.filter(|(_, order)| order.is_of_win()) {
        if !made.insert(id) {
            return Err(format!("I21: {id} was made twice, for {}", order.buyer()));
        }
    }
    for (lot, winner) in wins {
        if !made.remove(&won_order(lot, winner)) {
            return Err(format!("I21: {winner} has won {lot} and has no order of it"));
        }
    }
    match made.iter().next() {
        Some(order) => Err(format!("I21: {order} is of nobody's win")),
        None => Ok(()),
    }
}

/// I28: once nothing is under way, an order has all of its lines or none of them.
///
/// # Errors
/// Names the order and the line.
pub fn all_or_nothing(id: OrderId, order: &Order, stock: &HashMap<StockId, &Stock>) -> Result<(), String> {
    if order.is_waiting() {
        return Err(format!("I28: {id} still waits, {}", order.state().name()));
    }
    for (nth, line) in (0..).zip(order.lines()) {
        let Thing::Stock(of) = line.now.thing else { continue };
        let item = stock.get(&of);
        let reserved = item.is_some_and(|item| item.reserved_lines().any(|one| one == (id, nth)));
        let allocated = item.and_then(|item| {
            let line = item.allocations().find(|one| (one.0, one.1) == (id, nth));
            line.map(|(_, _, quantity, shipped)| (quantity, shipped))
        });
        let fits = match order.state() {
            OrderState::Placing | OrderState::Placed => false,
            // Its reservation may have lapsed: it gets what is there when it is paid.
            OrderState::AwaitingPayment => allocated.is_none(),
            OrderState::Cancelled => !reserved && allocated.is_none(),
            OrderState::Refunded => {
                !reserved && allocated.is_none_or(|(quantity, shipped)| quantity == shipped)
            }
            _ => {
                let quantity = allocated.map_or(0, |(quantity, _)| quantity);
                let finished = allocated.is_none() && line.unshipped() == 0;
                !reserved
                    && matches!(line.phase, LinePhase::Allocated | LinePhase::Released)
                    && (quantity == line.now.quantity || finished)
            }
        };
        if !fits {
            let state = order.state().name();
            return Err(format!(
                "I28: {id} is {state}, line {nth}: reserved {reserved}, {allocated:?}, {line:?}"
            ));
        }
    }
    Ok(())
}

/// I34: what everybody has of an order sums to what was paid and not given back; nobody anything before it is paid.
///
/// # Errors
/// Names the order.
pub fn money(id: OrderId, order: &Order) -> Result<(), String> {
    let shares: i128 = order.shares().iter().map(|share| i128::from(share.amount)).sum();
    let paid = order.state().is_paid() || (order.state() == OrderState::Cancelled && order.refunded() > 0);
    let expected = if paid { i128::from(order.total()) - i128::from(order.refunded()) } else { 0 };
    if shares == expected && order.refunded() <= order.total() {
        return Ok(());
    }
    Err(format!(
        "I34: {id} is {}, {} in all, {} given back, shares {:?}",
        order.state().name(),
        order.total(),
        order.refunded(),
        order.shares()
    ))
}
