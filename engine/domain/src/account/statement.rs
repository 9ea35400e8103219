//! Statements: each entry of an account's ledger as one line, made from the event alone, so that views can keep those of a
//! period and make them again from the journal.

use serde::Serialize;
use smallvec::SmallVec;

use super::{AccountEvent, funds};
use crate::actor::Event;
use crate::amount::Currency;
use crate::context::Stamp;
use crate::id::{BookId, EntryId, Id, LotId, MarketId, OrderId};
use crate::money::{Asset, EntryKind, Line, SubAccount};
use crate::time::Timestamp;

crate::record! {
    /// One line of an account's statement. Amounts are minor units of `currency` or units of `goods`.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
    pub struct StatementLine {
        1 => pub entry: EntryId,
        2 => pub at: Timestamp,
        3 => pub kind: EntryKind,
        #[serde(skip_serializing_if = "Option::is_none")]
        4 => pub currency: Option<Currency>,
        /// The id of a stock item or book as text.
        #[serde(skip_serializing_if = "Option::is_none")]
        5 => pub goods: Option<String>,
        /// By how much the balance changed: 0 where only fees did.
        6 => pub amount: i64,
        /// By how much the fees earned changed.
        7 => pub fees: i64,
        /// After it.
        8 => pub balance: i64,
        /// After it.
        9 => pub held: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        10 => pub order: Option<OrderId>,
        /// The lot that the captured hold was for.
        #[serde(skip_serializing_if = "Option::is_none")]
        11 => pub lot: Option<LotId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        12 => pub market: Option<MarketId>,
        /// The entry that this one gives back or corrects.
        #[serde(skip_serializing_if = "Option::is_none")]
        13 => pub reverses: Option<EntryId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        14 => pub reason: Option<String>,
        /// The book that it was traded in.
        #[serde(skip_serializing_if = "Option::is_none")]
        15 => pub book: Option<BookId>,
    }
}

/// The lines of an entry.
pub type Lines = SmallVec<[Line; 2]>;

impl AccountEvent {
    /// The entry that it makes in the account's ledger: its id, what it is about, its lines. Views total them (I30).
    #[must_use]
    pub fn entry(&self) -> Option<(EntryId, Asset, Lines)> {
        match self {
            Self::Posted(posted) => Some((posted.entry, posted.after.asset, posted.lines.as_slice().into())),
            Self::HoldCaptured(captured) if captured.amount > 0 => Some((
                captured.entry,
                captured.hold.asset,
                funds::capture_lines(captured.amount).as_slice().into(),
            )),
            Self::PartCaptured(captured) => Some((
                captured.entry,
                captured.hold.asset,
                funds::capture_lines(captured.amount).as_slice().into(),
            )),
            _ => None,
        }
    }

    /// The line that it adds to the account's statement.
    #[must_use]
    pub fn statement(&self, stamp: &Stamp) -> Option<StatementLine> {
        let (entry, asset, lines) = self.entry()?;
        let moved = |sub| lines.iter().filter(|line| line.sub == sub).map(|line| line.amount).sum();
        let line = StatementLine {
            entry,
            at: stamp.time,
            kind: EntryKind::Payment,
            currency: asset.currency(),
            goods: asset.goods(),
            amount: moved(SubAccount::Cash),
            fees: moved(SubAccount::Fees),
            balance: 0,
            held: 0,
            order: None,
            lot: None,
            market: None,
            reverses: None,
            reason: None,
            book: None,
        };
        match self {
            Self::Posted(posted) => Some(StatementLine {
                kind: posted.kind,
                balance: posted.after.cash,
                held: posted.after.held,
                order: posted.order.or_else(|| posted.asked.and_then(|asked| asked.asker.order())),
                lot: posted.asked.and_then(|asked| asked.asker.lot()),
                market: posted.market,
                reverses: posted.reverses,
                reason: posted.reason.clone(),
                book: posted.book.or_else(|| posted.asked.and_then(|asked| asked.asker.book())),
                ..line
            }),
            Self::HoldCaptured(captured) => Some(StatementLine {
                kind: captured.kind,
                balance: captured.after.cash,
                held: captured.after.held,
                order: captured.asked.asker.order().or_else(|| captured.hold.asker.order()),
                lot: captured.hold.asker.lot(),
                market: Some(captured.hold.market),
                ..line
            }),
            Self::PartCaptured(captured) => Some(StatementLine {
                kind: captured.kind,
                balance: captured.after.cash,
                held: captured.after.held,
                market: Some(captured.hold.market),
                book: captured.hold.asker.book(),
                ..line
            }),
            _ => None,
        }
    }
}

impl Event {
    /// The line that it adds to the statement of the account that it happened to. From the event and its stamp alone; the
    /// id is the account's, for symmetry with what else is made from an event.
    #[must_use]
    pub fn statement(&self, _id: Id, stamp: &Stamp) -> Option<StatementLine> {
        match self {
            Self::Account(event) => event.statement(stamp),
            _ => None,
        }
    }
}
