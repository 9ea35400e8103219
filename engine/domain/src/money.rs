//! Money and goods between actors: what lots, orders and books ask of accounts, and what accounts answer.
//!
//! An account's side of it (ledger, holds, holdings) stands in [`crate::account`]; the commands here are effects, never a
//! client's. Every one of them ends in exactly one [`Settled`], which travels back to who asked (except [`Release`], which
//! cannot be refused and needs no answer).

use serde::{Deserialize, Serialize};

use crate::actor::{ActorAddress, Command};
use crate::amount::Currency;
use crate::book::{BookCommand, BookSettled};
use crate::id::{AccountId, BookId, EntryId, HoldId, Id, LotId, MarketId, OrderId, StockId};
use crate::lot::{LotCommand, LotSettled};
use crate::order::{OrderCommand, OrderSettled};
use crate::rejection::Rejection;

crate::variants! {
    /// What an account has: money of a currency, or interchangeable goods.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Asset {
        /// Minor units.
        1 => Money(Currency),
        /// Units of what a book trades. Stands before `Goods`, so that assets sort like the texts of their names.
        3 => Traded(BookId),
        /// Units of a stock item: that actor's id.
        2 => Goods(Id),
    }
}

impl Asset {
    /// The currency, of money.
    #[must_use]
    pub const fn currency(self) -> Option<Currency> {
        match self {
            Self::Money(currency) => Some(currency),
            Self::Traded(_) | Self::Goods(_) => None,
        }
    }

    /// The id of the stock item or book as text, of goods.
    #[must_use]
    pub fn goods(self) -> Option<String> {
        match self {
            Self::Money(_) => None,
            Self::Traded(book) => Some(book.to_string()),
            Self::Goods(stock) => Some(StockId(stock).to_string()),
        }
    }

    /// The goods that the text of a stock item's or book's id names.
    #[must_use]
    pub fn of_goods(text: &str) -> Option<Self> {
        let stock = text.parse().map(|StockId(id)| Self::Goods(id));
        stock.or_else(|_| text.parse().map(Self::Traded)).ok()
    }
}

crate::variants! {
    /// Who asked an account for something and hears what came of it.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Asker {
        1 => Lot(LotId),
        2 => Order(OrderId),
        3 => Book(BookId),
    }
}

impl Asker {
    /// Its address.
    #[must_use]
    pub fn address(self) -> ActorAddress {
        match self {
            Self::Lot(lot) => lot.into(),
            Self::Order(order) => order.into(),
            Self::Book(book) => book.into(),
        }
    }

    /// The lot, where it is one.
    #[must_use]
    pub const fn lot(self) -> Option<LotId> {
        match self {
            Self::Lot(lot) => Some(lot),
            Self::Order(_) | Self::Book(_) => None,
        }
    }

    /// The order, where it is one.
    #[must_use]
    pub const fn order(self) -> Option<OrderId> {
        match self {
            Self::Order(order) => Some(order),
            Self::Lot(_) | Self::Book(_) => None,
        }
    }

    /// The book, where it is one.
    #[must_use]
    pub const fn book(self) -> Option<BookId> {
        match self {
            Self::Book(book) => Some(book),
            Self::Lot(_) | Self::Order(_) => None,
        }
    }

    /// The command by which it hears what came of what it asked.
    #[must_use]
    pub fn told(self, settled: Settled) -> Command {
        match self {
            Self::Lot(lot) => Command::Lot(LotCommand::Settled(Box::new(LotSettled { lot, settled }))),
            Self::Order(order) => {
                Command::Order(OrderCommand::Settled(Box::new(OrderSettled { order, settled })))
            }
            Self::Book(book) => Command::Book(BookCommand::Settled(Box::new(BookSettled { book, settled }))),
        }
    }
}

crate::record! {
    /// Sets money or goods aside. Where the hold exists already it becomes `amount`: more is held, or some is given back.
    /// The id of a hold that has ended may be used again: it is another hold then.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct PlaceHold {
        1 => pub account: AccountId,
        2 => pub hold: HoldId,
        3 => pub asset: Asset,
        /// In all, from 1.
        4 => pub amount: u64,
        5 => pub asker: Asker,
        /// Whatever the asker needs to recognise the answer: the bid's command id, say.
        6 => pub tag: u128,
        /// The market it concerns, for the account's own feed and the audit.
        7 => pub market: MarketId,
    }
}

/// The tag of a hold that the account has assured beforehand ([`crate::context::Assurance`]): it answers only with a
/// refusal, which cannot be.
pub const ASSURED_TAG: u128 = 1;

crate::record! {
    /// Gives a hold back, wholly. A hold that has ended already, or never was, is passed over.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ReleaseHold {
        1 => pub account: AccountId,
        2 => pub hold: HoldId,
    }
}

crate::record! {
    /// Takes `amount` of a hold and gives the rest back: the account's part of a transfer, from its cash to its clearing.
    /// Refused (`not_found`) where the hold has ended, (`amount_out_of_range`) where it holds less.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct CaptureHold {
        1 => pub account: AccountId,
        2 => pub hold: HoldId,
        /// 0 to what is held; 0 releases it.
        3 => pub amount: u64,
        /// The transfer; the other side's entry has the same id.
        4 => pub entry: EntryId,
        5 => pub asker: Asker,
        6 => pub tag: u128,
        7 => pub kind: EntryKind,
        8 => pub market: MarketId,
    }
}

crate::variants! {
    /// A sub-account of one account's own ledger.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum SubAccount {
        /// What the account has: its balance.
        1 => Cash,
        /// What is on its way from or to another account.
        2 => Clearing,
        /// Fees it has earned (a market's operator) or paid.
        3 => Fees,
        /// The world outside: deposits come from it, withdrawals go to it.
        4 => Outside,
    }
}

crate::variants! {
    /// Why an entry was made.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, schemars::JsonSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum EntryKind {
        1 => Deposit,
        2 => Withdrawal,
        /// A buyer's payment for an order.
        3 => Payment,
        /// A seller's proceeds.
        4 => Proceeds,
        /// A market's premium and commission.
        5 => Fee,
        /// A payment given back to a buyer.
        6 => Refund,
        /// What a seller or market gives back for a refund.
        7 => Reversal,
        /// Goods bought or delivered.
        8 => Delivery,
        /// An operator's correction, which names the entry it corrects.
        9 => Correction,
        /// A trade in a book: what was sold or paid, and what came for it.
        20 => Trade,
        /// Fees earned that became balance.
        10 => FeesCollected,
    }
}

crate::record! {
    /// One line of an entry.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Line {
        1 => pub sub: SubAccount,
        /// Signed: what is added to the sub-account.
        2 => pub amount: i64,
    }
}

crate::record! {
    /// Makes an entry in an account's ledger. Its lines sum to 0.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct PostEntry {
        1 => pub account: AccountId,
        2 => pub entry: EntryId,
        3 => pub asset: Asset,
        4 => pub lines: Vec<Line>,
        5 => pub kind: EntryKind,
        /// The entry that this one corrects or gives back (I35).
        6 => pub reverses: Option<EntryId>,
        /// Posted although the account's available balance becomes negative by it: giving back what a seller may have
        /// withdrawn. Otherwise refused with `insufficient_funds` (I31).
        7 => pub may_overdraw: bool,
        8 => pub asker: Asker,
        9 => pub tag: u128,
        10 => pub market: MarketId,
        /// The order or lot that it is about, for the statement.
        11 => pub order: Option<OrderId>,
    }
}

crate::record! {
    /// What came of a [`PlaceHold`], [`CaptureHold`] or [`PostEntry`].
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Settled {
        1 => pub account: AccountId,
        2 => pub tag: u128,
        /// The hold that was placed, raised or captured.
        3 => pub hold: Option<HoldId>,
        /// What is held now, was captured, or was posted to cash (its size).
        4 => pub amount: u64,
        /// Why not; nothing has changed then.
        5 => pub refused: Option<Rejection>,
    }
}
