//! What happens to an account.

use super::{AccountCommand, Balances, Hold, PartCaptured};
use crate::actor::ActorAddress;
use crate::command::Targeted;
use crate::facts::{AccountFacts, Role};
use crate::id::{AccountId, BookId, EntryId, HoldId, LotId, MarketId, OrderId};
use crate::money::{Asker, EntryKind, Line};
use crate::record::Bytes;
use crate::rejection::Rejection;

crate::record! {
    /// An account came into being.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct AccountCreated {
        1 => pub account: AccountId,
        /// Sealed under the person's key: unreadable once that is destroyed.
        2 => pub name_sealed: Bytes,
        3 => pub reference: Option<String>,
        /// The hash of the command, by which creating twice is told from creating another.
        4 => pub content: u64,
    }
}

crate::record! {
    /// A new name.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct AccountUpdated { 1 => pub name_sealed: Bytes }
}

crate::variants! {
    /// What an operator said about an account.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Mark {
        1 => Granted(Role),
        2 => Suspended,
        3 => Verified,
        4 => Linked(AccountId),
        /// Every token issued so far is void; never taken back.
        5 => SignedOut,
    }
}

crate::record! {
    /// A grant or mark, given or taken back; the facts after it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct AccountMarked {
        1 => pub mark: Mark,
        2 => pub market: MarketId,
        3 => pub reason: Option<String>,
        /// Taken back rather than given.
        4 => pub taken: bool,
        5 => pub facts: AccountFacts,
    }
}

crate::record! {
    /// Who asked for money or goods, and what it knows its question by.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct AskedBy { 1 => pub asker: Asker, 2 => pub tag: u128 }
}

crate::record! {
    /// An entry in the account's ledger. It is never changed: what corrects it is another entry that names it (I35).
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct EntryPosted {
        /// Shared by the entries of a transfer.
        1 => pub entry: EntryId,
        2 => pub kind: EntryKind,
        /// They sum to 0 (I30).
        3 => pub lines: Vec<Line>,
        /// Of the asset that it is about.
        4 => pub after: Balances,
        5 => pub reverses: Option<EntryId>,
        6 => pub order: Option<OrderId>,
        7 => pub market: Option<MarketId>,
        /// Of what an operator booked.
        8 => pub reason: Option<String>,
        /// It was allowed to make the available balance negative, and it is.
        9 => pub overdraws: bool,
        /// How many kinds of goods the account has after it, where it is about goods.
        10 => pub holdings_count: Option<u32>,
        /// Who hears of it; nobody where a client's command is answered.
        11 => pub asked: Option<AskedBy>,
        /// Of a trade.
        12 => pub book: Option<BookId>,
    }
}

crate::record! {
    /// A hold was placed, or given another amount.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct HoldSet {
        1 => pub hold: Hold,
        2 => pub tag: u128,
        /// The asset's balance.
        3 => pub balance: i64,
        /// What is held of the asset after it, in all.
        4 => pub held: u64,
        /// How many holds there are after it.
        5 => pub holds_count: u32,
    }
}

crate::record! {
    /// A hold was given back, wholly.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct HoldReleased {
        /// As it was.
        1 => pub hold: Hold,
        2 => pub balance: i64,
        3 => pub held: u64,
        4 => pub holds_count: u32,
        /// The hold that snapshots list from now on instead of it.
        5 => pub also_listed: Option<Box<Hold>>,
    }
}

crate::record! {
    /// A hold was captured: `amount` of it went from cash to clearing, the rest was given back.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct HoldCaptured {
        /// As it was.
        1 => pub hold: Hold,
        /// 0 to what was held; 0 makes no entry.
        2 => pub amount: u64,
        3 => pub entry: EntryId,
        4 => pub kind: EntryKind,
        5 => pub asked: AskedBy,
        6 => pub after: Balances,
        7 => pub holds_count: u32,
        /// As in [`HoldReleased`].
        8 => pub also_listed: Option<Box<Hold>>,
    }
}

crate::record! {
    /// What was asked was refused; nothing changed.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Refused {
        1 => pub asked: AskedBy,
        2 => pub hold: Option<HoldId>,
        /// What the hold holds, as before.
        3 => pub held: u64,
        4 => pub rejection: Rejection,
    }
}

crate::record! {
    /// The account took bids on a lot back.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct RetractionCounted {
        1 => pub lot: LotId,
        2 => pub bids: u32,
        /// How often it has done so.
        3 => pub retractions: u32,
    }
}

crate::variants! {
    /// What happened to an account.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum AccountEvent {
        1 => Created(Box<AccountCreated>),
        2 => Updated(Box<AccountUpdated>),
        3 => Marked(Box<AccountMarked>),
        4 => Posted(Box<EntryPosted>),
        5 => HoldSet(Box<HoldSet>),
        6 => HoldReleased(Box<HoldReleased>),
        7 => HoldCaptured(Box<HoldCaptured>),
        8 => Refused(Box<Refused>),
        9 => RetractionCounted(RetractionCounted),
        20 => PartCaptured(Box<PartCaptured>),
    }
}

impl Targeted for AccountCommand {
    fn target(&self) -> Option<ActorAddress> {
        let account = match self {
            Self::Create(command) => return command.account.map(Into::into),
            Self::Grant(command) => command.account,
            Self::Update(command) => command.account,
            Self::Suspend(command) => command.account,
            Self::Verify(command) => command.account,
            Self::Link(command) => command.account,
            Self::Deposit(command) => command.account,
            Self::Withdraw(command) => command.account,
            Self::PlaceHold(command) => command.account,
            Self::ReleaseHold(command) => command.account,
            Self::CaptureHold(command) => command.account,
            Self::PostEntry(command) => command.account,
            Self::CountRetraction(command) => command.account,
            Self::SettleTrade(command) => command.account,
            Self::Correct(command) => command.account,
            Self::CollectFees(command) => command.account,
            Self::SignOut(command) => return command.account.map(Into::into),
        };
        Some(account.into())
    }
}

impl AccountMarked {
    pub(super) fn new(mark: Mark, market: MarketId, reason: Option<&str>, taken: bool) -> Self {
        Self { mark, market, reason: reason.map(str::to_owned), taken, facts: AccountFacts::default() }
    }

    /// The state that the answer names.
    #[must_use]
    pub const fn state(&self) -> &'static str {
        match (self.mark, self.taken) {
            (Mark::Granted(_), false) => "granted",
            (Mark::Granted(_), true) => "revoked",
            (Mark::Suspended, false) => "suspended",
            (Mark::Suspended, true) => "active",
            (Mark::Verified, false) => "verified",
            (Mark::Verified, true) => "unverified",
            (Mark::Linked(_), false) => "linked",
            (Mark::Linked(_), true) => "unlinked",
            (Mark::SignedOut, _) => "signed_out",
        }
    }
}
