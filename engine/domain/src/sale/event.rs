//! What happens to a sale, and who hears of it.

use super::SaleCommand;
use crate::actor::{ActorAddress, Answer, PrivateEvents, PublicEvents, Publication, RegistrationAnswer};
use crate::command::Targeted;
use crate::context::Stamp;
use crate::effect::{Asked, Effects};
use crate::facts::{FactChange, Registration, SaleFacts};
use crate::id::{Id, SaleId};
use crate::publication::{Alias, SaleRegistered, SaleRevised};
use crate::rejection::Rejection;

crate::record! {
    /// A sale came into being.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct SaleCreated {
        1 => pub sale: SaleId,
        2 => pub title: String,
        3 => pub terms: Option<String>,
        4 => pub reference: Option<String>,
        5 => pub facts: SaleFacts,
        /// The hash of the command, by which creating twice is told from creating another.
        6 => pub content: u64,
    }
}

crate::record! {
    /// An account accepted the terms.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Registered {
        1 => pub registration: Registration,
        /// How many are registered after it.
        2 => pub registered: u32,
    }
}

crate::record! {
    /// The content after a change.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct SaleRevision {
        1 => pub title: String,
        2 => pub terms: Option<String>,
        3 => pub facts: SaleFacts,
    }
}

crate::variants! {
    /// What happened to a sale.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum SaleEvent {
        1 => Created(Box<SaleCreated>),
        2 => Registered(Box<Registered>),
        3 => Revised(Box<SaleRevision>),
    }
}

impl Targeted for SaleCommand {
    fn target(&self) -> Option<ActorAddress> {
        let sale = match self {
            Self::Create(command) => return command.sale.map(Into::into),
            Self::Register(command) => command.sale,
            Self::Revise(command) => command.sale,
        };
        Some(sale.into())
    }
}

impl SaleEvent {
    /// See [`crate::actor::Event::public`].
    #[must_use]
    pub fn public(&self) -> PublicEvents {
        let (name, data) = match self {
            Self::Created(_) => return PublicEvents::new(),
            Self::Registered(event) => {
                ("sale_registered", SaleRegistered { registered: event.registered }.into())
            }
            Self::Revised(event) => {
                let (title, terms) = (event.title.clone(), event.terms.clone());
                (
                    "sale_revised",
                    SaleRevised { title, terms, terms_version: event.facts.terms_version }.into(),
                )
            }
        };
        smallvec::smallvec![Publication { name, data }]
    }

    /// See [`crate::actor::Event::public_count`].
    #[must_use]
    pub const fn public_count(&self) -> u64 {
        match self {
            Self::Created(_) => 0,
            Self::Registered(_) | Self::Revised(_) => 1,
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
        Some(match self {
            Self::Created(_) | Self::Revised(_) => Answer::Sale(SaleId(id)),
            Self::Registered(event) => Answer::Registration(RegistrationAnswer {
                sale: SaleId(id),
                alias: Alias(event.registration.alias).to_string(),
                terms_version: event.registration.terms_version,
            }),
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
        Some(match self {
            Self::Created(event) => FactChange::Sale((SaleId(id), event.facts.clone())),
            Self::Revised(event) => FactChange::Sale((SaleId(id), event.facts.clone())),
            Self::Registered(event) => FactChange::Registration(event.registration),
        })
    }
}
