//! A market: a venue with its own currency, rules and operator.

mod command;
mod event;
mod snapshot;

pub use command::*;
pub use event::*;
pub use snapshot::MarketSnapshot;

use crate::actor::{Actor, Answer, Decision, Events, StateAnswer};
use crate::command::content_hash;
use crate::context::{Context, Stamp};
use crate::facts::{MarketFacts, Standing};
use crate::fees::FeeSchedule;
use crate::id::{AccountId, MarketId};
use crate::limits;
use crate::rejection::Rejection;
use crate::time::Timestamp;

crate::record! {
    /// What a market allows.
    #[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
    #[serde(deny_unknown_fields, default)]
    pub struct Policy {
        /// Every account may bid and buy here without a grant.
        1 => pub open_registration: bool,
    }
}

crate::record! {
    /// A market's state.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Market {
        1 => pub id: MarketId,
        2 => name: String,
        3 => reference: Option<String>,
        4 => policy: Policy,
        /// What everybody knows of it: owner, currency, halts, increments.
        5 => facts: MarketFacts,
        /// The operator's words for the present state.
        6 => reason: Option<String>,
        7 => channel_seq: u64,
        /// The hash of the command that created it.
        8 => content: u64,
    }
}

/// The name of a market's state on the wire.
const fn state_name(facts: &MarketFacts) -> &'static str {
    if facts.halted_since.is_some() { "halted" } else { "open" }
}

impl Actor for Market {
    type Command = MarketCommand;
    type Event = MarketEvent;

    fn create(command: &MarketCommand, context: &Context<'_>) -> Result<Decision<MarketEvent>, Rejection> {
        let MarketCommand::Create(command) = command else { return Err(Rejection::NotFound) };
        if !context.standing.any(Standing::OPERATOR) {
            return Err(Rejection::Forbidden);
        }
        let market =
            command.market.ok_or_else(|| Rejection::invalid("market", "the id of the new market"))?;
        if market == MarketId::PLATFORM {
            return Err(Rejection::AlreadyExists);
        }
        limits::text("name", &command.name, limits::NAME_CHARS_MAX)?;
        limits::optional_text("ref", command.r#ref.as_deref(), limits::REF_CHARS_MAX)?;
        if let Some(table) = &command.increments {
            table.validate()?;
        }
        if let Some(fees) = &command.fees {
            fees.validate()?;
        }
        let policy = command.policy.clone().unwrap_or_default();
        let facts = MarketFacts {
            version: 1,
            owner: context.by,
            currency: command.currency,
            halted_since: None,
            halted_us: 0,
            increments: command.increments.clone().map(std::sync::Arc::new),
            open_registration: policy.open_registration,
            fees: command.fees.clone().map(|fees| std::sync::Arc::new(FeeSchedule { version: 1, ..fees })),
        };
        Ok(Decision::event(MarketEvent::Created(Box::new(MarketCreated {
            name: command.name.clone(),
            reference: command.r#ref.clone(),
            policy,
            facts,
            content: content_hash(&**command),
            market,
        }))))
    }

    fn born(event: &MarketEvent, _stamp: &Stamp) -> Option<Self> {
        let MarketEvent::Created(created) = event else { return None };
        Some(Self {
            id: created.market,
            name: created.name.clone(),
            reference: created.reference.clone(),
            policy: created.policy.clone(),
            facts: created.facts.clone(),
            reason: None,
            channel_seq: 0,
            content: created.content,
        })
    }

    fn decide(
        &self,
        command: &MarketCommand,
        context: &Context<'_>,
    ) -> Result<Decision<MarketEvent>, Rejection> {
        match command {
            MarketCommand::Create(command) => {
                if self.facts.owner == context.by && self.content == content_hash(&**command) {
                    return Ok(Decision::unchanged(Answer::Market(self.id)));
                }
                Err(Rejection::AlreadyExists)
            }
            MarketCommand::Halt(command) => self.halt(command, context),
            MarketCommand::Resume(command) => self.resume(command, context),
            MarketCommand::SetFees(command) => self.set_fees(command, context),
            MarketCommand::Mark(_) if context.standing.any(Standing::ENGINE) => {
                Ok(Decision::event(MarketEvent::Marked))
            }
            MarketCommand::Mark(_) => Err(Rejection::Forbidden),
        }
    }

    fn apply(&mut self, event: &MarketEvent, _stamp: &Stamp) {
        self.channel_seq += event.public_count();
        match event {
            MarketEvent::FeesSet(change) => self.facts = change.facts.clone(),
            MarketEvent::Halted(change) | MarketEvent::Resumed(change) => {
                self.facts = change.facts.clone();
                self.reason = Some(change.reason.clone());
            }
            MarketEvent::Created(_) | MarketEvent::Marked => {}
        }
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        None
    }

    fn due(&self, _context: &Context<'_>) -> Events<MarketEvent> {
        Events::new()
    }

    fn facts_changed(&self, _context: &Context<'_>) -> Events<MarketEvent> {
        Events::new()
    }

    fn market(&self) -> MarketId {
        self.id
    }

    fn channel_seq(&self) -> u64 {
        self.channel_seq
    }
}

impl Market {
    /// The account that created it: an operator by ownership.
    #[must_use]
    pub const fn owner(&self) -> AccountId {
        self.facts.owner
    }

    fn halt(&self, command: &HaltMarket, context: &Context<'_>) -> Result<Decision<MarketEvent>, Rejection> {
        authorize(context)?;
        limits::reason(Some(&command.reason))?;
        if self.facts.halted_since.is_some() {
            return Ok(Decision::unchanged(self.state_answer()));
        }
        let mut facts = self.facts.clone();
        facts.version += 1;
        facts.halted_since = Some(context.now);
        Ok(Decision::event(MarketEvent::Halted(Box::new(MarketChanged {
            reason: command.reason.clone(),
            facts,
        }))))
    }

    fn resume(
        &self,
        command: &ResumeMarket,
        context: &Context<'_>,
    ) -> Result<Decision<MarketEvent>, Rejection> {
        authorize(context)?;
        limits::reason(Some(&command.reason))?;
        let Some(halted_since) = self.facts.halted_since else {
            return Ok(Decision::unchanged(self.state_answer()));
        };
        let mut facts = self.facts.clone();
        facts.version += 1;
        facts.halted_since = None;
        facts.halted_us = facts.halted_us.saturating_add(context.now.micros_since(halted_since));
        Ok(Decision::event(MarketEvent::Resumed(Box::new(MarketChanged {
            reason: command.reason.clone(),
            facts,
        }))))
    }

    /// A new schedule with the next version: who sells from now on knows which one was agreed.
    fn set_fees(&self, command: &SetFees, context: &Context<'_>) -> Result<Decision<MarketEvent>, Rejection> {
        authorize(context)?;
        limits::reason(Some(&command.reason))?;
        command.fees.validate()?;
        let mut facts = self.facts.clone();
        facts.version += 1;
        let version = facts.fees.as_ref().map_or(0, |fees| fees.version) + 1;
        facts.fees = Some(std::sync::Arc::new(FeeSchedule { version, ..command.fees.clone() }));
        Ok(Decision::event(MarketEvent::FeesSet(Box::new(MarketChanged {
            reason: command.reason.clone(),
            facts,
        }))))
    }

    fn state_answer(&self) -> Answer {
        Answer::State(StateAnswer { state: state_name(&self.facts).to_owned(), ends_at: None })
    }

    /// What anybody may know of this market.
    #[must_use]
    pub fn snapshot(&self) -> MarketSnapshot {
        MarketSnapshot {
            market: self.id,
            name: self.name.clone(),
            currency: self.facts.currency,
            state: state_name(&self.facts),
            reason: self.reason.clone(),
            r#ref: self.reference.clone(),
            increments: self.facts.increments.as_deref().cloned(),
            fees: self.facts.fees.as_deref().cloned(),
        }
    }
}

fn authorize(context: &Context<'_>) -> Result<(), Rejection> {
    if context.standing.any(Standing::OPERATOR) { Ok(()) } else { Err(Rejection::Forbidden) }
}
