//! What happens to a market, and who hears of it.

use super::{MarketCommand, Policy, state_name};
use crate::actor::{ActorAddress, Answer, PrivateEvents, PublicEvents, Publication, StateAnswer};
use crate::command::Targeted;
use crate::context::Stamp;
use crate::facts::{FactChange, MarketFacts};
use crate::id::{Id, MarketId};
use crate::publication::{LotsChanged, MarketState};

crate::record! {
    /// A market came into being.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct MarketCreated {
        1 => pub market: MarketId,
        2 => pub name: String,
        3 => pub reference: Option<String>,
        4 => pub policy: Policy,
        5 => pub facts: MarketFacts,
        /// The hash of the command, by which creating twice is told from creating another.
        6 => pub content: u64,
    }
}

crate::record! {
    /// A halt or its end: the facts after it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct MarketChanged {
        1 => pub reason: String,
        2 => pub facts: MarketFacts,
    }
}

crate::variants! {
    /// What happened to a market.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum MarketEvent {
        1 => Created(Box<MarketCreated>),
        2 => Halted(Box<MarketChanged>),
        3 => Resumed(Box<MarketChanged>),
        /// Everything that changed in its lots since the last mark is one `lots_changed` on its channel. Which lots
        /// that are stands in the journal between the two marks; the shell's view fills them in.
        4 => Marked,
    }
}

impl Targeted for MarketCommand {
    fn target(&self) -> Option<ActorAddress> {
        let market = match self {
            Self::Create(command) => return command.market.map(Into::into),
            Self::Halt(command) => command.market,
            Self::Resume(command) => command.market,
            Self::Mark(command) => command.market,
        };
        Some(market.into())
    }
}

impl MarketEvent {
    /// See [`crate::actor::Event::public`]. The lots of a `lots_changed` are left empty: see [`MarketEvent::Marked`].
    #[must_use]
    pub fn public(&self) -> PublicEvents {
        let (name, data) = match self {
            Self::Created(_) => return PublicEvents::new(),
            Self::Halted(change) | Self::Resumed(change) => {
                let state =
                    MarketState { state: state_name(&change.facts), reason: Some(change.reason.clone()) };
                ("market_state", state.into())
            }
            Self::Marked => ("lots_changed", LotsChanged { lots: Vec::new(), stock: Vec::new() }.into()),
        };
        smallvec::smallvec![Publication { name, data }]
    }

    /// See [`crate::actor::Event::public_count`].
    #[must_use]
    pub const fn public_count(&self) -> u64 {
        match self {
            Self::Created(_) => 0,
            Self::Halted(_) | Self::Resumed(_) | Self::Marked => 1,
        }
    }

    /// See [`crate::actor::Event::private`].
    #[must_use]
    pub fn private(&self, _id: Id, _stamp: &Stamp) -> PrivateEvents {
        PrivateEvents::new()
    }

    /// See [`crate::actor::Event::answer`].
    #[must_use]
    pub fn answer(&self, id: Id, _stamp: &Stamp) -> Option<Answer> {
        match self {
            Self::Created(_) => Some(Answer::Market(MarketId(id))),
            Self::Halted(change) | Self::Resumed(change) => {
                let state = state_name(&change.facts).to_owned();
                Some(Answer::State(StateAnswer { state, ends_at: None }))
            }
            Self::Marked => None,
        }
    }

    /// See [`crate::actor::Event::fact`].
    #[must_use]
    pub fn fact(&self, id: Id) -> Option<FactChange> {
        let facts = match self {
            Self::Created(created) => &created.facts,
            Self::Halted(change) | Self::Resumed(change) => &change.facts,
            Self::Marked => return None,
        };
        Some(FactChange::Market((MarketId(id), facts.clone())))
    }
}
