//! The house's counter: what was won or bought is paid, sent and delivered, so that a visitor sees whole stories. Which
//! order needs what next is a table; the rest carries it.

use std::collections::HashSet;

use serde_json::{Value, json};
use vendue_client::{Client, Error, Key};

use super::seed::{self, Seeded};
use crate::connection::text;

/// The house helps a bot's payment after so long, in microseconds: it had its time.
const HELP_PAYING_US: i64 = 45_000_000;
/// A paid order is sent so long after it was placed, in microseconds, and each later step this much later again.
const STEP_US: i64 = 30_000_000;
/// Orders looked at in one state at once.
const PAGE: u32 = 50;
/// The states in which the house has something to do.
const STATES: [&str; 4] = ["awaiting_payment", "paid", "fulfilling", "delivered"];

/// What the house does about an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Wait,
    MarkPaid,
    /// Sends what it has of stock.
    Ship,
    MarkDelivered,
    Complete,
}

/// What comes next for an order of this age; `own` are the bots' orders, which the house may also pay for.
fn step(state: &str, age_us: i64, is_bots: bool, has_unshipped: bool) -> Step {
    match state {
        "awaiting_payment" if is_bots && age_us >= HELP_PAYING_US => Step::MarkPaid,
        "paid" if age_us < STEP_US => Step::Wait,
        "paid" | "fulfilling" if has_unshipped => Step::Ship,
        "paid" => Step::MarkDelivered,
        "fulfilling" if age_us >= 2 * STEP_US => Step::MarkDelivered,
        "delivered" if age_us >= 4 * STEP_US => Step::Complete,
        _ => Step::Wait,
    }
}

/// Whether an order has lines of stock that are not sent in full.
fn has_unshipped(order: &Value) -> bool {
    order["lines"].as_array().into_iter().flatten().any(is_unshipped)
}

fn is_unshipped(line: &Value) -> bool {
    line["stock"].is_string() && line["shipped"].as_u64() < line["quantity"].as_u64()
}

/// Moves every order on that is due. What is refused (somebody else was faster) is looked at again next time.
pub(super) async fn attend(operator: &Client, seeded: &Seeded, purse: u64, now_us: i64) -> Result<(), Error> {
    let bots: HashSet<String> = seeded.bots.iter().map(ToString::to_string).collect();
    for state in STATES {
        let params = json!({"market": seeded.market.to_string(), "state": state, "limit": PAGE});
        let page = operator.request("order.list", params).await?;
        for order in page["orders"].as_array().into_iter().flatten() {
            let age_us = now_us - order["placed_at"].as_i64().unwrap_or(now_us);
            let is_bots = bots.contains(&text(order, "buyer"));
            let step = step(state, age_us, is_bots, has_unshipped(order));
            if let Err(error) = take(operator, step, order).await {
                tracing::debug!(%error, ?step, order = text(order, "order"), "the counter tries again later");
            }
            if step == Step::MarkPaid
                && let Some(&bot) = seeded.bots.iter().find(|bot| bot.to_string() == text(order, "buyer"))
            {
                seed::fill_purse(operator, bot, seeded.currency, purse).await?;
            }
        }
    }
    Ok(())
}

async fn take(operator: &Client, step: Step, order: &Value) -> Result<(), Error> {
    let id = text(order, "order");
    let (method, params) = match step {
        Step::Wait => return Ok(()),
        Step::MarkPaid => ("order.mark_paid", json!({"order": id, "reference": "bank transfer"})),
        Step::MarkDelivered => {
            ("order.mark_delivered", json!({"order": id, "reason": "the carrier says so"}))
        }
        Step::Complete => ("order.complete", json!({"order": id, "reason": "nothing came back"})),
        Step::Ship => return ship(operator, order, &id).await,
    };
    operator.command(method, params, Key::random()).await.map(drop)
}

async fn ship(operator: &Client, order: &Value, id: &str) -> Result<(), Error> {
    for line in order["lines"].as_array().into_iter().flatten().filter(|line| is_unshipped(line)) {
        let params = json!({"stock": line["stock"], "order": id, "line": line["line"], "reason": "parcel"});
        operator.command("stock.ship", params, Key::random()).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_moves_on() {
        let second = 1_000_000;
        for (state, seconds, is_bots, unshipped, expected) in [
            ("awaiting_payment", 10, true, false, Step::Wait),
            ("awaiting_payment", 60, true, false, Step::MarkPaid),
            ("awaiting_payment", 6_000, false, false, Step::Wait),
            ("paid", 10, true, true, Step::Wait),
            ("paid", 40, false, true, Step::Ship),
            ("paid", 40, false, false, Step::MarkDelivered),
            ("fulfilling", 40, true, true, Step::Ship),
            ("fulfilling", 40, true, false, Step::Wait),
            ("fulfilling", 70, true, false, Step::MarkDelivered),
            ("delivered", 70, true, false, Step::Wait),
            ("delivered", 130, true, false, Step::Complete),
            ("completed", 9_000, true, false, Step::Wait),
        ] {
            assert_eq!(
                step(state, seconds * second, is_bots, unshipped),
                expected,
                "{state} after {seconds} s"
            );
        }
        let order = json!({"lines": [{"lot": "lot_1", "quantity": 1, "shipped": 0}, {"stock": "stk_1", "quantity": 2, "shipped": 2}]});
        assert!(!has_unshipped(&order));
        assert!(has_unshipped(&json!({"lines": [{"stock": "stk_1", "quantity": 2, "shipped": 1}]})));
    }
}
