//! What happens to a market, and who hears of it.

use super::{MarketCommand, Policy, state_name};
use crate::actor::{ActorAddress, Answer, PrivateEvents, PublicEvents, Publication, StateAnswer};
use crate::command::Targeted;
use crate::context::Stamp;
use crate::effect::{Asked, Effects};
use crate::facts::{FactChange, MarketFacts};
use crate::id::{Id, MarketId};
use crate::publication::{LotsChanged, MarketFees, MarketState};
use crate::rejection::Rejection;

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
        /// New fees: the facts after it.
        5 => FeesSet(Box<MarketChanged>),
    }
}

impl Targeted for MarketCommand {
    fn target(&self) -> Option<ActorAddress> {
        let market = match self {
            Self::Create(command) => return command.market.map(Into::into),
            Self::Halt(command) => command.market,
            Self::Resume(command) => command.market,
            Self::Mark(command) => command.market,
            Self::SetFees(command) => command.market,
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
            Self::FeesSet(change) => {
                let fees = change.facts.fees.as_deref().cloned().unwrap_or_default();
                ("market_fees", MarketFees { fees }.into())
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
            Self::Halted(_) | Self::Resumed(_) | Self::Marked | Self::FeesSet(_) => 1,
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
            Self::Halted(change) | Self::Resumed(change) | Self::FeesSet(change) => {
                let state = state_name(&change.facts).to_owned();
                Some(Answer::State(StateAnswer { state, ends_at: None }))
            }
            Self::Marked => None,
        }
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
            Self::Created(created) => &created.facts,
            Self::Halted(change) | Self::Resumed(change) | Self::FeesSet(change) => &change.facts,
            Self::Marked => return None,
        };
        Some(FactChange::Market((MarketId(id), facts.clone())))
    }
}
