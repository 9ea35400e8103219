//! What a book's events cause accounts to receive: holds and trades of a funded book.

use super::{
    BookEvent, Crossed, Entered, Gone, HoldAsked, Moved, OrderView, Part, Reduced, Refused, Side, Terms,
};
use crate::account::{AccountCommand, SettleTrade};
use crate::actor::Command;
use crate::effect::{Effect, Effects};
use crate::id::{BookId, BookOrderId, HoldId, Id};
use crate::money::{Asker, Asset, EntryKind, Line, PlaceHold, PostEntry, ReleaseHold, SubAccount};

/// The tag of what nobody waits for: the account's answer is passed over.
const NOBODY_WAITS: u128 = 0;

/// The hold of an order.
pub(super) const fn hold_of(order: BookOrderId) -> HoldId {
    HoldId(order.0)
}

impl Terms {
    /// What an order's hold is of.
    const fn held_asset(&self, book: BookId, side: Side) -> Asset {
        match side {
            Side::Buy => Asset::Money(self.currency),
            Side::Sell => Asset::Traded(book),
        }
    }

    fn place_hold(&self, book: BookId, view: &OrderView, amount: u64, tag: u128) -> Effect {
        let OrderView { order, account, side, .. } = *view;
        let place = PlaceHold {
            account,
            hold: hold_of(order),
            asset: self.held_asset(book, side),
            amount,
            asker: Asker::Book(book),
            tag,
            market: self.market,
        };
        Effect::new(account, Command::Account(AccountCommand::PlaceHold(place)))
    }

    /// A hold becomes smaller, or ends.
    fn lower_hold(&self, book: BookId, view: &OrderView, held: u64) -> Effect {
        if held == 0 { release(view) } else { self.place_hold(book, view, held, NOBODY_WAITS) }
    }

    fn settle(&self, book: BookId, view: &OrderView, moved: &Moved) -> Effect {
        let OrderView { order, account, side, .. } = *view;
        let settle = SettleTrade {
            account,
            hold: hold_of(order),
            entry: self.entry,
            given: moved.given,
            free: moved.free,
            ends: moved.held == 0,
            got: moved.got,
            got_asset: self.held_asset(book, side.opposite()),
            book,
            market: self.market,
        };
        Effect::new(account, Command::Account(AccountCommand::SettleTrade(Box::new(settle))))
    }

    /// The fees of all parts go to the market's owner.
    fn post_fees(&self, book: BookId, fees: u64) -> Option<Effect> {
        if fees == 0 {
            return None;
        }
        let line = |sub, amount| Line { sub, amount };
        let amount = fees as i64;
        let post = PostEntry {
            account: self.owner,
            entry: self.entry,
            asset: Asset::Money(self.currency),
            lines: vec![line(SubAccount::Clearing, -amount), line(SubAccount::Fees, amount)],
            kind: EntryKind::Fee,
            reverses: None,
            may_overdraw: false,
            asker: Asker::Book(book),
            tag: NOBODY_WAITS,
            market: self.market,
            order: None,
        };
        Some(Effect::new(self.owner, Command::Account(AccountCommand::PostEntry(Box::new(post)))))
    }

    fn settle_parts(&self, book: BookId, parts: &[Part], out: &mut Effects) -> u64 {
        let mut fees = 0;
        for part in parts {
            if let Some(moved) = &part.moved {
                fees += moved.fee;
                out.push(self.settle(book, &part.view, moved));
            }
        }
        fees
    }
}

fn release(view: &OrderView) -> Effect {
    let (account, hold) = (view.account, hold_of(view.order));
    Effect::new(account, Command::Account(AccountCommand::ReleaseHold(ReleaseHold { account, hold })))
}

fn release_gone(gone: &[Gone], out: &mut Effects) {
    out.extend(gone.iter().filter(|gone| gone.held).map(|gone| release(&gone.view)));
}

impl Entered {
    fn effects(&self, book: BookId, out: &mut Effects) {
        let Some(terms) = self.terms.as_deref() else { return };
        let mut fees = 0;
        if let Some(moved) = self.moved.as_deref() {
            fees += moved.fee;
            if moved.given > 0 {
                out.push(terms.settle(book, &self.view, moved));
            } else if moved.held == 0 || moved.free > 0 {
                out.push(terms.lower_hold(book, &self.view, moved.held));
            }
        }
        fees += terms.settle_parts(book, &self.makers, out);
        release_gone(&self.gone, out);
        out.extend(terms.post_fees(book, fees));
    }
}

impl BookEvent {
    /// Whether it moves money and goods by entries of one transfer.
    pub(super) const fn is_transfer(&self) -> bool {
        match self {
            Self::Entered(entered) => entered.terms.is_some(),
            Self::Crossed(crossed) => crossed.terms.is_some(),
            _ => false,
        }
    }

    /// See [`crate::actor::Event::effects`].
    #[inline]
    pub fn effects(&self, id: Id, _stamp: &crate::context::Stamp, out: &mut Effects) {
        let book = BookId(id);
        match self {
            Self::Entered(entered) => entered.effects(book, out),
            Self::Ended(ended) | Self::AuctionEnded(ended) => release_gone(&ended.gone, out),
            Self::Reduced(reduced) => {
                let Reduced { view, held, terms, .. } = &**reduced;
                if let (Some(terms), Some(held)) = (terms, held) {
                    out.push(terms.lower_hold(book, view, *held));
                }
            }
            Self::HoldAsked(asked) => {
                let HoldAsked { view, total, asked, terms, .. } = &**asked;
                out.push(terms.place_hold(book, view, *total, asked.command_id));
            }
            Self::Refused(refused) => {
                let Refused { view, held, terms, .. } = &**refused;
                if let (Some(terms), Some(held)) = (terms, held) {
                    out.push(terms.lower_hold(book, view, *held));
                }
            }
            Self::Crossed(crossed) => {
                let Crossed { parts, terms, .. } = &**crossed;
                if let Some(terms) = terms {
                    let fees = terms.settle_parts(book, parts, out);
                    out.extend(terms.post_fees(book, fees));
                }
            }
            Self::Created(_)
            | Self::Dropped(_)
            | Self::StateChanged(_)
            | Self::Indicated(_)
            | Self::Uncrossed(_) => {}
        }
    }
}
