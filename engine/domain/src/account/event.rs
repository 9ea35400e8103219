//! What happens to an account, and who hears of it.

use super::{AccountCommand, AccountSnapshot};
use crate::actor::{ActorAddress, Answer, PrivateEvents, PublicEvents, Publication, StateAnswer};
use crate::command::Targeted;
use crate::context::Stamp;
use crate::effect::{Asked, Effects};
use crate::facts::{AccountFacts, FactChange, Role};
use crate::id::{AccountId, Id, MarketId};
use crate::publication::AccountChanged;
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

crate::variants! {
    /// What happened to an account.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum AccountEvent {
        1 => Created(Box<AccountCreated>),
        2 => Updated(Box<AccountUpdated>),
        3 => Marked(Box<AccountMarked>),
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
        }
    }
}

impl AccountEvent {
    /// See [`crate::actor::Event::public`]: nothing about an account is public.
    #[must_use]
    pub fn public(&self) -> PublicEvents {
        PublicEvents::new()
    }

    /// See [`crate::actor::Event::public_count`].
    #[must_use]
    pub const fn public_count(&self) -> u64 {
        0
    }

    /// See [`crate::actor::Event::private`].
    #[must_use]
    pub fn private(&self, id: Id, _stamp: &Stamp) -> PrivateEvents {
        let Self::Marked(marked) = self else { return PrivateEvents::new() };
        let AccountSnapshot { grants, suspended_in, verified_in, .. } =
            AccountSnapshot::new(AccountId(id), &marked.facts);
        let data = AccountChanged { grants, suspended_in, verified_in }.into();
        smallvec::smallvec![(AccountId(id), Publication { name: "account_changed", data })]
    }

    /// See [`crate::actor::Event::answer`].
    #[must_use]
    pub fn answer(&self, id: Id, _stamp: &Stamp) -> Option<Answer> {
        Some(match self {
            Self::Created(_) | Self::Updated(_) => Answer::Account(AccountId(id)),
            Self::Marked(marked) => {
                Answer::State(StateAnswer { state: marked.state().to_owned(), ends_at: None })
            }
        })
    }

    /// See [`crate::actor::Event::effects`].
    #[inline]
    pub fn effects(&self, _id: Id, _stamp: &Stamp, _out: &mut Effects) {}

    /// See [`crate::actor::Event::asked`].
    #[must_use]
    #[inline]
    pub const fn asked(&self) -> Option<Asked> {
        None
    }

    /// See [`crate::actor::Event::refusal`].
    #[must_use]
    #[inline]
    pub const fn refusal(&self) -> Option<&Rejection> {
        None
    }

    /// See [`crate::actor::Event::fact`].
    #[must_use]
    pub fn fact(&self, id: Id) -> Option<FactChange> {
        let facts = match self {
            Self::Created(_) => AccountFacts { version: 1, ..AccountFacts::default() },
            Self::Marked(marked) => marked.facts.clone(),
            Self::Updated(_) => return None,
        };
        Some(FactChange::Account((AccountId(id), facts)))
    }
}
