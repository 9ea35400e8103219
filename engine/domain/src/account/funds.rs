//! The rules of money and goods: holds and entries asked for by lots and orders.
//!
//! Who asks from another actor always hears: a rule that says no is an event whose effect tells the asker.

use super::ledger::insufficient;
use super::{
    Account, AccountEvent, AskedBy, Balances, CountRetraction, EntryPosted, Hold, HoldCaptured, HoldReleased,
    HoldSet, Refused, RetractionCounted,
};
use crate::actor::Decision;
use crate::amount::AMOUNT_MAX;
use crate::context::Context;
use crate::facts::Standing;
use crate::id::HoldId;
use crate::limits;
use crate::money::{CaptureHold, Line, PlaceHold, PostEntry, ReleaseHold, SubAccount};
use crate::rejection::Rejection;

pub(super) type Decided = Result<Decision<AccountEvent>, Rejection>;

/// The engine's own commands: never a client's.
pub(super) fn engine_only(context: &Context<'_>) -> Result<(), Rejection> {
    if context.standing.any(Standing::ENGINE) { Ok(()) } else { Err(Rejection::Forbidden) }
}

pub(super) const fn line(sub: SubAccount, amount: i64) -> Line {
    Line { sub, amount }
}

/// The asker's no: nothing has changed. `held` is what the hold in question still holds.
fn refused(asked: AskedBy, hold: Option<HoldId>, held: u64, rejection: Rejection) -> Decided {
    Ok(Decision::event(AccountEvent::Refused(Box::new(Refused { asked, hold, held, rejection }))))
}

pub(super) fn place_hold(account: &Account, command: &PlaceHold, context: &Context<'_>) -> Decided {
    engine_only(context)?;
    let known = account.holds.get(command.hold);
    let already = known.map_or(0, |known| known.amount);
    match holding(account, command, known) {
        Ok(balances) => Ok(Decision::event(AccountEvent::HoldSet(Box::new(HoldSet {
            hold: Hold {
                id: command.hold,
                asset: command.asset,
                amount: command.amount,
                asker: command.asker,
                market: command.market,
            },
            tag: command.tag,
            balance: balances.cash,
            held: balances.held,
            holds_count: account.holds.len() as u32 + u32::from(known.is_none()),
        })))),
        Err(rejection) => refused(
            AskedBy { asker: command.asker, tag: command.tag },
            Some(command.hold),
            already,
            rejection,
        ),
    }
}

impl Account {
    /// Whether it would place this hold as it is now.
    #[must_use]
    pub fn would_hold(&self, hold: &PlaceHold) -> bool {
        holding(self, hold, self.holds.get(hold.hold)).is_ok()
    }
}

/// The balances with a hold at its new amount.
fn holding(account: &Account, command: &PlaceHold, known: Option<&Hold>) -> Result<Balances, Rejection> {
    if !(1..=AMOUNT_MAX).contains(&command.amount) {
        return Err(Rejection::AmountOutOfRange);
    }
    if known.is_some_and(|known| known.asker != command.asker || known.asset != command.asset) {
        return Err(Rejection::AlreadyExists);
    }
    let count = account.holds.len();
    if known.is_none() && count >= limits::HOLDS_MAX {
        return Err(limits::exceeded("holds", limits::HOLDS_MAX as u64, count as u64 + 1));
    }
    let already = known.map_or(0, |known| known.amount);
    let mut balances = account.ledger.of(command.asset);
    let beyond = i64::from(crate::mutant("overdraft"));
    let available_for_it = balances.available().saturating_add_unsigned(already) + beyond;
    // Less than before is always given back, also where the account is overdrawn.
    if command.amount > already && available_for_it.saturating_sub_unsigned(command.amount) < 0 {
        return Err(insufficient(command.amount, available_for_it));
    }
    balances.held = balances.held - already + command.amount;
    Ok(balances)
}

pub(super) fn release_hold(account: &Account, command: &ReleaseHold, context: &Context<'_>) -> Decided {
    engine_only(context)?;
    let Some(hold) = account.holds.get(command.hold) else {
        // It has ended already, or never was: there is nothing to give back, and nobody waits for an answer.
        return Ok(Decision { events: smallvec::SmallVec::new(), answer: None });
    };
    let balances = account.ledger.of(hold.asset);
    Ok(Decision::event(AccountEvent::HoldReleased(Box::new(HoldReleased {
        hold: hold.clone(),
        balance: balances.cash,
        held: balances.held - hold.amount,
        holds_count: account.holds.len() as u32 - 1,
        also_listed: account.holds.listed_instead_of(hold.id).cloned().map(Box::new),
    }))))
}

pub(super) fn capture_hold(account: &Account, command: &CaptureHold, context: &Context<'_>) -> Decided {
    engine_only(context)?;
    let asked = AskedBy { asker: command.asker, tag: command.tag };
    let hold = account.holds.get(command.hold);
    match capture(account, command, hold) {
        Ok(captured) => Ok(Decision::event(AccountEvent::HoldCaptured(Box::new(captured)))),
        Err(rejection) => refused(asked, Some(command.hold), hold.map_or(0, |hold| hold.amount), rejection),
    }
}

fn capture(account: &Account, command: &CaptureHold, hold: Option<&Hold>) -> Result<HoldCaptured, Rejection> {
    let hold = hold.ok_or(Rejection::NotFound)?;
    // Captured <= held (I32).
    if command.amount > hold.amount && !crate::mutant("captured_more") {
        return Err(Rejection::AmountOutOfRange);
    }
    let lines = capture_lines(command.amount);
    // What was held is promised: it is paid also where the account has been overdrawn meanwhile, which changes nothing
    // about what is available.
    let mut after = account.ledger.after(hold.asset, &lines, true)?;
    after.held -= hold.amount;
    Ok(HoldCaptured {
        hold: hold.clone(),
        amount: command.amount,
        entry: command.entry,
        kind: command.kind,
        asked: AskedBy { asker: command.asker, tag: command.tag },
        after,
        holds_count: account.holds.len() as u32 - 1,
        also_listed: account.holds.listed_instead_of(hold.id).cloned().map(Box::new),
    })
}

/// The entry of a capture: from cash to clearing.
pub(super) fn capture_lines(amount: u64) -> [Line; 2] {
    let amount = amount.cast_signed();
    let arrives = amount - i64::from(crate::mutant("entry_unbalanced"));
    [line(SubAccount::Cash, -amount), line(SubAccount::Clearing, arrives)]
}

pub(super) fn post_entry(account: &Account, command: &PostEntry, context: &Context<'_>) -> Decided {
    engine_only(context)?;
    let asked = AskedBy { asker: command.asker, tag: command.tag };
    let after = account.ledger.after(command.asset, &command.lines, command.may_overdraw).and_then(|after| {
        let reversed = command.reverses;
        reversed.map_or(Ok(()), |reversed| {
            account.ledger.check_reversal(reversed, command.asset, &command.lines)
        })?;
        Ok(after)
    });
    match after {
        Ok(after) => Ok(Decision::event(AccountEvent::Posted(Box::new(EntryPosted {
            entry: command.entry,
            kind: command.kind,
            lines: command.lines.clone(),
            after,
            reverses: command.reverses,
            order: command.order,
            market: Some(command.market),
            reason: None,
            overdraws: command.may_overdraw && after.available() < 0,
            holdings_count: account.holdings_with(command.asset),
            asked: Some(asked),
            book: None,
        })))),
        Err(rejection) => refused(asked, None, 0, rejection),
    }
}

pub(super) fn count_retraction(
    account: &Account,
    command: &CountRetraction,
    context: &Context<'_>,
) -> Decided {
    engine_only(context)?;
    let retractions = account.retractions.saturating_add(1);
    let event = RetractionCounted { lot: command.lot, bids: command.bids, retractions };
    Ok(Decision::event(AccountEvent::RetractionCounted(event)))
}
