//! Trades in books: what an order's hold gives, and what comes for it.
//!
//! A book asks after it has decided the trade, and never for more than it knows to be held: in a right history nothing here
//! is refused (`Err` is shown to operators). What it asks is relative to what is held, so that it does not matter whether a
//! larger hold that was asked for before came about.

use super::{Account, AccountEvent, Balances, EntryPosted, Hold, funds};
use crate::actor::{Decision, Events};
use crate::context::Context;
use crate::id::{AccountId, BookId, EntryId, HoldId, MarketId};
use crate::money::{Asset, EntryKind, Line, SubAccount};
use crate::rejection::Rejection;

crate::record! {
    /// The engine's own: trades of one order of the account, all of one decision of the book.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct SettleTrade {
        1 => pub account: AccountId,
        /// The order's.
        2 => pub hold: HoldId,
        /// The transfer: all entries that the book's decision causes have this id.
        3 => pub entry: EntryId,
        /// Out of the hold, from cash to clearing, from 1: a buyer's price and fee, or a seller's units.
        4 => pub given: u64,
        /// What the hold gives back beside it.
        5 => pub free: u64,
        /// The hold ends: whatever is left of it is given back.
        6 => pub ends: bool,
        /// What comes in, from clearing to cash: a buyer's units, or a seller's price less fee; may be 0.
        7 => pub got: u64,
        8 => pub got_asset: Asset,
        9 => pub book: BookId,
        10 => pub market: MarketId,
    }
}

crate::record! {
    /// A part of a hold was paid out of it, from cash to clearing.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct PartCaptured {
        /// As it was.
        1 => pub hold: Hold,
        /// What was paid, from 1.
        2 => pub amount: u64,
        /// What it holds from now on; 0: it has ended. The rest is free again.
        3 => pub keep: u64,
        4 => pub entry: EntryId,
        5 => pub kind: EntryKind,
        6 => pub after: Balances,
        7 => pub holds_count: u32,
        /// As in [`HoldReleased`](super::HoldReleased).
        8 => pub also_listed: Option<Hold>,
    }
}

pub(super) fn settle_trade(
    account: &Account,
    command: &SettleTrade,
    context: &Context<'_>,
) -> Result<Decision<AccountEvent>, Rejection> {
    funds::engine_only(context)?;
    let hold = account.holds.get(command.hold).ok_or(Rejection::NotFound)?;
    let taken = command.given.checked_add(command.free).ok_or(Rejection::AmountOutOfRange)?;
    let rest = hold.amount.checked_sub(taken).ok_or(Rejection::AmountOutOfRange)?;
    let keep = if command.ends { 0 } else { rest };
    // What was held is promised (as in a capture).
    let mut after = account.ledger.after(hold.asset, &funds::capture_lines(command.given), true)?;
    after.held -= hold.amount - keep;
    let ended = u32::from(keep == 0);
    let mut events = Events::from_buf([AccountEvent::PartCaptured(Box::new(PartCaptured {
        hold: hold.clone(),
        amount: command.given,
        keep,
        entry: command.entry,
        kind: EntryKind::Trade,
        after,
        holds_count: account.holds.len() as u32 - ended,
        also_listed: account.holds.listed_instead_of(hold.id).filter(|_| keep == 0).cloned(),
    }))]);
    if command.got > 0 {
        events.push(AccountEvent::Posted(Box::new(received(account, command)?)));
    }
    Ok(Decision::events(events))
}

/// The entry of what came in.
fn received(account: &Account, command: &SettleTrade) -> Result<EntryPosted, Rejection> {
    let asset = command.got_asset;
    let got = i64::try_from(command.got).map_err(|_| Rejection::AmountOutOfRange)?;
    let line = |sub, amount| Line { sub, amount };
    let lines = vec![line(SubAccount::Cash, got), line(SubAccount::Clearing, -got)];
    let after = account.ledger.after(asset, &lines, false)?;
    Ok(EntryPosted {
        entry: command.entry,
        kind: EntryKind::Trade,
        lines,
        after,
        reverses: None,
        order: None,
        market: Some(command.market),
        reason: None,
        overdraws: false,
        holdings_count: account.holdings_with(asset),
        asked: None,
        book: Some(command.book),
    })
}
