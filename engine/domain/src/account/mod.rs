//! An account: a party. Its rights are grants (market, role); what it has is a ledger of its own, with holds.

mod by_operator;
mod command;
mod decide;
mod event;
mod funds;
mod holds;
mod ledger;
mod publish;
mod snapshot;
mod state;
mod statement;
mod trades;

pub use crate::facts::Role;
pub use command::*;
pub use event::*;
pub use holds::Hold;
pub use ledger::Balances;
pub use snapshot::AccountSnapshot;
pub use state::Account;
pub use statement::{Lines, StatementLine};
pub use trades::{PartCaptured, SettleTrade};

use crate::actor::{Actor, Decision, Events};
use crate::context::{Context, Stamp};
use crate::id::{AccountId, MarketId};
use crate::money::EntryKind;
use crate::rejection::Rejection;
use crate::time::Timestamp;

impl Actor for Account {
    type Command = AccountCommand;
    type Event = AccountEvent;

    fn create(command: &AccountCommand, context: &Context<'_>) -> Result<Decision<AccountEvent>, Rejection> {
        decide::create(command, context)
    }

    fn born(event: &AccountEvent, stamp: &Stamp) -> Option<Self> {
        let AccountEvent::Created(created) = event else { return None };
        let owner = if created.account == AccountId::HOUSE { AccountId::HOUSE } else { stamp.by };
        Some(Self::new(created, owner))
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
            AccountEvent::Posted(posted) => {
                let EntryPosted { entry, kind, reverses, lines, after, .. } = &**posted;
                self.ledger.set(*after);
                // A trade is never given back: it does not push out what may be.
                if *kind != EntryKind::Trade {
                    self.ledger.remember(*entry, *reverses, after.asset, lines);
                }
            }
            AccountEvent::HoldSet(set) => {
                self.ledger.set_held(set.hold.asset, set.held);
                self.holds.set(&set.hold);
            }
            AccountEvent::HoldReleased(released) => {
                self.ledger.set_held(released.hold.asset, released.held);
                self.holds.end(released.hold.id);
            }
            AccountEvent::HoldCaptured(captured) => {
                self.holds.end(captured.hold.id);
                self.ledger.set(captured.after);
                let lines = funds::capture_lines(captured.amount);
                self.ledger.remember(captured.entry, None, captured.hold.asset, &lines);
            }
            AccountEvent::PartCaptured(captured) => {
                self.ledger.set(captured.after);
                match captured.keep {
                    0 => self.holds.end(captured.hold.id),
                    amount => self.holds.set(&Hold { amount, ..captured.hold.clone() }),
                }
            }
            AccountEvent::Refused(_) => {}
            AccountEvent::RetractionCounted(counted) => self.retractions = counted.retractions,
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
