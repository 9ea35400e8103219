//! An account: a party; its rights are grants (market, role).

mod command;
mod decide;
mod event;
mod snapshot;

pub use crate::facts::Role;
pub use command::*;
pub use event::*;
pub use snapshot::AccountSnapshot;

use crate::actor::{Actor, Decision, Events};
use crate::context::{Context, Stamp};
use crate::facts::AccountFacts;
use crate::id::{AccountId, MarketId};
use crate::record::Bytes;
use crate::rejection::Rejection;
use crate::time::Timestamp;

crate::record! {
    /// An account's state.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Account {
        1 => pub id: AccountId,
        /// Who created it.
        2 => owner: AccountId,
        /// Sealed by the vault; opened only by the shell for those who may read it.
        3 => name_sealed: Bytes,
        4 => reference: Option<String>,
        /// What everybody knows of it: grants and marks.
        5 => facts: AccountFacts,
        /// The hash of the command that created it.
        6 => content: u64,
    }
}

impl Actor for Account {
    type Command = AccountCommand;
    type Event = AccountEvent;

    fn create(command: &AccountCommand, context: &Context<'_>) -> Result<Decision<AccountEvent>, Rejection> {
        decide::create(command, context)
    }

    fn born(event: &AccountEvent, stamp: &Stamp) -> Option<Self> {
        let AccountEvent::Created(created) = event else { return None };
        Some(Self {
            id: created.account,
            owner: stamp.by,
            name_sealed: created.name_sealed.clone(),
            reference: created.reference.clone(),
            facts: AccountFacts { version: 1, ..AccountFacts::default() },
            content: created.content,
        })
    }

    fn decide(
        &self,
        command: &AccountCommand,
        context: &Context<'_>,
    ) -> Result<Decision<AccountEvent>, Rejection> {
        decide::decide(self, command, context)
    }

    fn apply(&mut self, event: &AccountEvent, _stamp: &Stamp) {
        match event {
            AccountEvent::Created(_) => {}
            AccountEvent::Updated(updated) => self.name_sealed = updated.name_sealed.clone(),
            AccountEvent::Marked(marked) => self.facts = marked.facts.clone(),
        }
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        None
    }

    fn due(&self, _context: &Context<'_>) -> Events<AccountEvent> {
        Events::new()
    }

    fn facts_changed(&self, _context: &Context<'_>) -> Events<AccountEvent> {
        Events::new()
    }

    fn market(&self) -> MarketId {
        MarketId::PLATFORM
    }

    /// Always 0: what happens to an account is told to it alone, on its own feed.
    fn channel_seq(&self) -> u64 {
        0
    }
}

impl Account {
    /// The name as the vault sealed it.
    #[must_use]
    pub fn name_sealed(&self) -> &[u8] {
        &self.name_sealed.0
    }

    /// The caller's own key of this account.
    #[must_use]
    pub fn reference(&self) -> Option<&str> {
        self.reference.as_deref()
    }

    /// What its owner and operators may know of this account.
    #[must_use]
    pub fn snapshot(&self) -> AccountSnapshot {
        AccountSnapshot::new(self.id, &self.facts)
    }
}
