//! The money and goods behind a book's orders, from what its events ask of accounts and nothing else (I30, I32, I34).
//!
//! Each order that trades is settled once by an event, all by the same transfer, which no other event has; what the buyers
//! give is what the sellers and the market's owner get, to the cent and the unit. Nothing is taken out of a hold that is
//! not known to be in it, and nothing is asked of a hold that has ended.

use std::collections::{BTreeMap, BTreeSet};

use super::super::auction::{Checked, holds};
use super::hold_of;
use crate::account::{AccountCommand, SettleTrade};
use crate::actor::Command;
use crate::book::{BookEvent, Gone};
use crate::context::Stamp;
use crate::effect::Effects;
use crate::id::{AccountId, BookId, BookOrderId, EntryId, HoldId};
use crate::money::{Asset, PlaceHold, SubAccount};

/// The tag of a hold's change that nobody waits for.
const NOBODY_WAITS: u128 = 0;

/// A hold as the book knows it.
#[derive(Debug, Clone, Copy)]
struct Hold {
    account: AccountId,
    amount: u64,
    /// What has been asked for in all, and how much more that is.
    wanted: Option<(u64, u64)>,
}

#[derive(Debug, Clone)]
pub(super) struct Holds {
    book: BookId,
    live: BTreeMap<HoldId, Hold>,
    ended: BTreeSet<HoldId>,
    transfers: BTreeSet<EntryId>,
}

/// What an event moves in all.
#[derive(Debug, Default)]
struct Moves {
    money_given: u64,
    money_got: u64,
    goods_given: u64,
    goods_got: u64,
    fees: u64,
    settled: BTreeSet<HoldId>,
    released: BTreeSet<HoldId>,
    entries: BTreeSet<EntryId>,
}

impl Holds {
    pub(super) const fn new(book: BookId) -> Self {
        Self { book, live: BTreeMap::new(), ended: BTreeSet::new(), transfers: BTreeSet::new() }
    }

    pub(super) fn of(&self, order: BookOrderId) -> Option<u64> {
        self.live.get(&hold_of(order)).map(|hold| hold.amount)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (AccountId, HoldId, u64)> + '_ {
        self.live.iter().map(|(&id, hold)| (hold.account, id, hold.amount))
    }

    pub(super) fn take(&mut self, event: &BookEvent, stamp: &Stamp) -> Checked {
        self.confirm(event);
        let mut effects = Effects::new();
        event.effects(self.book.0, stamp, &mut effects);
        let mut moves = Moves::default();
        for effect in &effects {
            let Command::Account(command) = &effect.command else {
                return holds("I34", false, || format!("a book asks for nothing like {effect:?}"));
            };
            self.effect(command, &mut moves)?;
        }
        self.settled_once(event, moves)?;
        if let BookEvent::Refused(refused) = event {
            let hold = hold_of(refused.view.order);
            if refused.is_new && self.live.remove(&hold).is_some() {
                // The account has refused it: it never was.
                self.ended.insert(hold);
            } else if let Some(hold) = self.live.get_mut(&hold) {
                hold.wanted = None;
            }
        }
        Ok(())
    }

    /// What was asked for is there: the order has come.
    fn confirm(&mut self, event: &BookEvent) {
        let order = match event {
            BookEvent::Entered(entered) if entered.asked.is_some() => entered.view.order,
            BookEvent::Refused(refused) if refused.held == Some(0) => refused.view.order,
            _ => return,
        };
        if let Some(hold) = self.live.get_mut(&hold_of(order)) {
            hold.amount += hold.wanted.take().map_or(0, |(_, more)| more);
        }
    }

    fn effect(&mut self, command: &AccountCommand, moves: &mut Moves) -> Checked {
        match command {
            AccountCommand::PlaceHold(place) => self.place(place),
            AccountCommand::ReleaseHold(release) => {
                moves.released.insert(release.hold);
                self.end(release.account, release.hold)
            }
            AccountCommand::SettleTrade(settle) => self.settle(settle, moves),
            AccountCommand::PostEntry(post) => {
                moves.entries.insert(post.entry);
                let fees = post.lines.iter().filter(|line| line.sub == SubAccount::Fees);
                let fees: i64 = fees.map(|line| line.amount).sum();
                let is_first = moves.fees == 0 && fees > 0;
                moves.fees = fees.unsigned_abs();
                holds("I34", is_first, || format!("fees are booked once: {post:?}"))
            }
            other => holds("I34", false, || format!("a book asks for nothing like {other:?}")),
        }
    }

    fn place(&mut self, place: &PlaceHold) -> Checked {
        let &PlaceHold { account, hold: id, amount, tag, .. } = place;
        let again = !self.ended.contains(&id);
        holds("I32", again && amount > 0, || format!("hold {id} has ended, or is of nothing"))?;
        let hold = self.live.entry(id).or_insert(Hold { account, amount: 0, wanted: None });
        holds("I32", hold.account == account, || format!("hold {id} is another's"))?;
        if tag != NOBODY_WAITS {
            hold.wanted = Some((amount, amount.saturating_sub(hold.amount)));
            return holds("I34", amount > hold.amount, || format!("{amount} are no more than {hold:?}"));
        }
        holds("I34", amount <= hold.amount, || format!("{amount} are taken for granted, {hold:?}"))?;
        hold.amount = amount;
        Ok(())
    }

    fn end(&mut self, account: AccountId, id: HoldId) -> Checked {
        let hold = self.live.remove(&id).filter(|hold| hold.account == account);
        let ends_once = hold.is_some() && self.ended.insert(id);
        holds("I32", ends_once, || format!("hold {id} of {account} is given back, but not there"))
    }

    fn settle(&mut self, settle: &SettleTrade, moves: &mut Moves) -> Checked {
        let &SettleTrade { account, hold: id, given, free, got, ends, .. } = settle;
        moves.entries.insert(settle.entry);
        let is_first = moves.settled.insert(id);
        holds("I34", is_first, || format!("{settle:?} is the second of its event"))?;
        match settle.got_asset {
            Asset::Traded(book) if book == self.book => {
                moves.money_given += given;
                moves.goods_got += got;
            }
            Asset::Money(_) => {
                moves.goods_given += given;
                moves.money_got += got;
            }
            other => return holds("I34", false, || format!("{other:?} is not traded here")),
        }
        let Some(hold) = self.live.get_mut(&id).filter(|hold| hold.account == account) else {
            return holds("I34", false, || format!("{settle:?}, and nothing is held"));
        };
        let rest = hold.amount.checked_sub(given + free);
        holds("I34", rest.is_some(), || format!("{settle:?} out of {hold:?}"))?;
        hold.amount = rest.unwrap_or(0);
        if ends {
            return self.end(account, id);
        }
        Ok(())
    }

    /// The sums of an event, and that each order that has traded is settled.
    fn settled_once(&mut self, event: &BookEvent, moves: Moves) -> Checked {
        let in_balance = moves.money_given == moves.money_got + moves.fees
            && moves.goods_given == moves.goods_got
            && moves.entries.len() <= 1;
        holds("I30", in_balance, || format!("{moves:?} by {event:?}"))?;
        let (traded, gone, is_funded) = match event {
            BookEvent::Entered(entered) => {
                let taker = (!entered.makers.is_empty()).then_some(entered.view.order);
                let makers = entered.makers.iter().map(|part| part.view.order);
                let traded: BTreeSet<_> = makers.chain(taker).map(hold_of).collect();
                (traded, entered.gone.as_slice(), entered.terms.is_some())
            }
            BookEvent::Crossed(crossed) => {
                let parts = crossed.parts.iter().map(|part| hold_of(part.view.order));
                (parts.collect(), [].as_slice(), crossed.terms.is_some())
            }
            BookEvent::Ended(ended) | BookEvent::AuctionEnded(ended) => {
                let is_funded = ended.gone.iter().any(|gone| gone.held);
                (BTreeSet::new(), ended.gone.as_slice(), is_funded)
            }
            _ => return Ok(()),
        };
        let traded = if is_funded { traded } else { BTreeSet::new() };
        holds("I34", traded == moves.settled, || format!("{:?} settled by {event:?}", moves.settled))?;
        let held = |gone: &&Gone| gone.held;
        let released =
            gone.iter().filter(held).all(|gone| moves.released.contains(&hold_of(gone.view.order)));
        holds("I32", released, || format!("{:?} given back by {event:?}", moves.released))?;
        for entry in moves.entries {
            let is_new = self.transfers.insert(entry);
            holds("I34", is_new, || format!("transfer {entry} is there twice"))?;
        }
        Ok(())
    }
}
