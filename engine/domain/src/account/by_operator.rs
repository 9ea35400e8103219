//! What operators book: deposits and withdrawals, corrections, and fees earned that become balance. Refused like any command.

use super::funds::{Decided, line};
use super::ledger::insufficient;
use super::{Account, AccountEvent, CollectFees, Correct, Deposit, EntryPosted, Withdraw};
use crate::actor::Decision;
use crate::amount::{AMOUNT_MAX, Amount, Currency};
use crate::context::Context;
use crate::facts::Standing;
use crate::id::EntryId;
use crate::limits;
use crate::money::{Asset, EntryKind, Line, SubAccount};
use crate::rejection::Rejection;

/// An account belongs to no market: whoever operates some market may book (the shell passes the roles anywhere).
fn operator_only(context: &Context<'_>) -> Result<(), Rejection> {
    if context.standing.any(Standing::OPERATOR) { Ok(()) } else { Err(Rejection::Forbidden) }
}

pub(super) fn deposit(account: &Account, command: &Deposit, context: &Context<'_>) -> Decided {
    operator_only(context)?;
    let Deposit { account: _, amount, currency, goods, quantity, reason } = command;
    let (asset, size) = asked_for(*amount, *currency, goods.as_deref(), *quantity)?;
    let lines = between(size, SubAccount::Outside);
    book(account, asset, Booking { kind: EntryKind::Deposit, lines, corrects: None, reason }, context)
}

pub(super) fn withdraw(account: &Account, command: &Withdraw, context: &Context<'_>) -> Decided {
    operator_only(context)?;
    let Withdraw { account: _, amount, currency, goods, quantity, reason } = command;
    let (asset, size) = asked_for(*amount, *currency, goods.as_deref(), *quantity)?;
    let lines = between(-size, SubAccount::Outside);
    book(account, asset, Booking { kind: EntryKind::Withdrawal, lines, corrects: None, reason }, context)
}

/// Money or goods, and how much: exactly one of `amount` with `currency` and `goods` with `quantity`.
fn asked_for(
    amount: Option<Amount>,
    currency: Option<Currency>,
    goods: Option<&str>,
    quantity: Option<u64>,
) -> Result<(Asset, i64), Rejection> {
    let (asset, size) = match (amount, currency, goods, quantity) {
        (Some(amount), Some(currency), None, None) => (Asset::Money(currency), amount.get()),
        (None, None, Some(goods), Some(quantity)) => (of_goods(goods)?, quantity),
        (Some(_), None, None, None) => return Err(Rejection::invalid("currency", "the amount's currency")),
        (None, None, Some(_), None) => return Err(Rejection::invalid("quantity", "how many of the goods")),
        (None, None, None, Some(_)) => return Err(Rejection::invalid("goods", "what the quantity is of")),
        _ => return Err(Rejection::invalid("amount", "either amount and currency, or goods and quantity")),
    };
    if !(1..=limits::QUANTITY_MAX).contains(&size) {
        return Err(Rejection::invalid("quantity", format!("1 to {}", limits::QUANTITY_MAX)));
    }
    Ok((asset, size as i64))
}

/// `account.correct`: what was wrong stays; what puts it right names it (I35).
pub(super) fn correct(account: &Account, command: &Correct, context: &Context<'_>) -> Decided {
    operator_only(context)?;
    let Correct { account: _, entry, amount, currency, goods, against, reason } = command;
    let asset = match (*currency, goods.as_deref()) {
        (Some(currency), None) => Asset::Money(currency),
        (None, Some(goods)) => of_goods(goods)?,
        _ => {
            return Err(Rejection::invalid(
                "currency",
                "either the amount's currency, or the goods it counts",
            ));
        }
    };
    if !(1..=AMOUNT_MAX).contains(&amount.unsigned_abs()) {
        return Err(Rejection::AmountOutOfRange);
    }
    let against = match against.unwrap_or(SubAccount::Outside) {
        sub @ (SubAccount::Outside | SubAccount::Fees) => sub,
        SubAccount::Cash | SubAccount::Clearing => {
            return Err(Rejection::invalid("against", "outside or fees"));
        }
    };
    // What corrects names what there is (I35).
    if !account.ledger.knows(*entry, asset) && !crate::mutant("correction_of_nothing") {
        return Err(Rejection::NotFound);
    }
    let lines = between(*amount, against);
    book(
        account,
        asset,
        Booking { kind: EntryKind::Correction, lines, corrects: Some(*entry), reason },
        context,
    )
}

/// `account.collect_fees`: only what has been earned.
pub(super) fn collect_fees(account: &Account, command: &CollectFees, context: &Context<'_>) -> Decided {
    operator_only(context)?;
    let CollectFees { account: _, amount, currency, reason } = command;
    let asset = Asset::Money(*currency);
    let earned = account.ledger.of(asset).fees;
    if amount.get().cast_signed() > earned {
        return Err(insufficient(amount.get(), earned));
    }
    let lines = between(amount.get().cast_signed(), SubAccount::Fees);
    book(account, asset, Booking { kind: EntryKind::FeesCollected, lines, corrects: None, reason }, context)
}

fn of_goods(goods: &str) -> Result<Asset, Rejection> {
    let expected = "the id of a stock item (stk_...) or book (bok_...)";
    Asset::of_goods(goods).ok_or_else(|| Rejection::invalid("goods", expected))
}

/// The lines that change the balance by `size`, from or to another sub-account.
const fn between(size: i64, other: SubAccount) -> [Line; 2] {
    [line(SubAccount::Cash, size), line(other, -size)]
}

/// What an operator books.
struct Booking<'a> {
    kind: EntryKind,
    lines: [Line; 2],
    corrects: Option<EntryId>,
    reason: &'a str,
}

fn book(account: &Account, asset: Asset, booking: Booking<'_>, context: &Context<'_>) -> Decided {
    let Booking { kind, lines, corrects, reason } = booking;
    limits::reason(Some(reason))?;
    let after = account.ledger.after(asset, &lines, false)?;
    Ok(Decision::event(AccountEvent::Posted(Box::new(EntryPosted {
        entry: EntryId::from_u128(context.command_id),
        kind,
        lines: lines.to_vec(),
        after,
        reverses: corrects,
        order: None,
        market: None,
        reason: Some(reason.to_owned()),
        overdraws: false,
        holdings_count: account.holdings_with(asset),
        asked: None,
        book: None,
    }))))
}
