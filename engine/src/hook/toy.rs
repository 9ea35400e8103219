//! Meanings that tests give to real events: a stock item that receives units for a reason causes what the reason says.
//!
//! A reason is a list of `item+units{reason}`, an effect each: the stock item receives the units for the reason in braces.
//! One that begins with `ask` leaves the command without an answer; in it `$` stands for a reason that completes the command
//! with success, `!` for one that completes it with a refusal.

use std::cell::RefCell;

use vendue_domain::actor::Command;
use vendue_domain::effect::Effect;
use vendue_domain::id::{AccountId, StockId};
use vendue_domain::record::Field;
use vendue_domain::stock::{ReceiveStock, StockCommand, StockEvent};

use super::{Answer, Asked, Effects, Event, Id, Rejection, Stamp, Standing};
use crate::keys::content_hash;

type Completes = Box<dyn Fn(&Event) -> Option<Asked>>;

thread_local! {
    /// Which other events complete which command.
    static COMPLETES: RefCell<Option<Completes>> = const { RefCell::new(None) };
}

/// Lets events of this thread complete commands, with a refusal.
pub(crate) fn completes(which: impl Fn(&Event) -> Option<Asked> + 'static) {
    COMPLETES.with(|completes| *completes.borrow_mut() = Some(Box::new(which)));
}

/// Stock item `n`: spread over the slots.
pub(crate) fn stock(n: u64) -> StockId {
    StockId::from_u128(u128::from(n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C837))
}

/// The command that gives units to an item for a reason.
pub(crate) fn receive(n: u64, quantity: u64, reason: &str) -> Command {
    receive_at(stock(n), quantity, Some(reason.to_owned()))
}

fn receive_at(stock: StockId, quantity: u64, reason: Option<String>) -> Command {
    Command::Stock(StockCommand::Receive(ReceiveStock { stock, quantity, reason, location: None }))
}

/// What a reason causes at once: item, units, reason.
pub(crate) fn parse(reason: &str) -> Vec<(u64, u64, String)> {
    let mut found = Vec::new();
    let mut rest = reason.strip_prefix("ask").unwrap_or(reason);
    while let Some((head, tail)) = rest.split_once('{') {
        let mut depth = 1;
        let end = tail
            .find(|letter| {
                depth += i32::from(letter == '{') - i32::from(letter == '}');
                depth == 0
            })
            .expect("a closing brace");
        let (item, units) = head.trim().split_once('+').expect("item+units");
        found.push((item.parse().expect("an item"), units.parse().expect("units"), tail[..end].to_owned()));
        rest = &tail[end + 1..];
    }
    found
}

/// The units that each item gets in the end because of a reason.
pub(crate) fn units(reason: &str, into: &mut std::collections::BTreeMap<u64, u64>) {
    for (item, units_of, inner) in parse(reason) {
        *into.entry(item).or_default() += units_of;
        units(&inner, into);
    }
}

fn reason_of(event: &Event) -> Option<&str> {
    match event {
        Event::Stock(StockEvent::Received(received)) => received.reason.as_deref(),
        _ => None,
    }
}

pub(super) fn effects(event: &Event, id: Id, stamp: &Stamp, out: &mut Effects) {
    let (Some(reason), Event::Stock(StockEvent::Received(received))) = (reason_of(event), event) else {
        return;
    };
    let reason = if is_silent(event) {
        let command = receive_at(StockId(id), received.quantity as u64, received.reason.clone());
        let content = content_hash(&command.to_bytes());
        let asked = format!("{:x}:{:x}:{content:x}", stamp.by.0.as_u128(), stamp.command_id);
        reason.replace('$', &format!("done:{asked}")).replace('!', &format!("fail:{asked}"))
    } else {
        reason.to_owned()
    };
    for (item, units, inner) in parse(&reason) {
        out.push(Effect::new(stock(item), receive(item, units, &inner)));
    }
}

pub(super) fn asked(event: &Event) -> Option<Asked> {
    let by_rule = COMPLETES.with(|completes| completes.borrow().as_ref().and_then(|which| which(event)));
    by_rule.or_else(|| {
        let reason = reason_of(event)?;
        let asked = reason.strip_prefix("done:").or_else(|| reason.strip_prefix("fail:"))?;
        let mut parts = asked.split(':');
        let by = AccountId::from_u128(u128::from_str_radix(parts.next()?, 16).ok()?);
        let command_id = u128::from_str_radix(parts.next()?, 16).ok()?;
        let content = u64::from_str_radix(parts.next()?, 16).ok()?;
        Some(Asked { by, command_id, content })
    })
}

pub(super) fn refusal(event: &Event) -> Option<&'static Rejection> {
    let by_rule = COMPLETES.with(|completes| completes.borrow().as_ref().and_then(|which| which(event)));
    let fails = reason_of(event).is_some_and(|reason| reason.starts_with("fail:"));
    (fails || by_rule.is_some()).then_some(&Rejection::MarketHalted)
}

pub(super) fn is_silent(event: &Event) -> bool {
    reason_of(event).is_some_and(|reason| reason.starts_with("ask"))
}

/// As an operator: then stock takes units from the engine.
pub(super) fn standing() -> Standing {
    Standing::OPERATOR
}

/// Whether an answer is one of a stock item, for tests that look at it.
pub(crate) fn on_hand(answer: &Answer) -> Option<u64> {
    match answer {
        Answer::Counters(counters) => Some(counters.on_hand),
        _ => None,
    }
}
