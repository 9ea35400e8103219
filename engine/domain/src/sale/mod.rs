//! A sale: a catalogue of numbered lots sold together, with terms that a bidder accepts by registering.

mod command;
mod event;
mod snapshot;

pub use command::*;
pub use event::*;
pub use snapshot::SaleSnapshot;

use hashbrown::HashMap;

use crate::actor::{Actor, Answer, Decision, Events, RegistrationAnswer};
use crate::command::content_hash;
use crate::context::{Context, Stamp};
use crate::facts::{Registration, SaleFacts, Standing};
use crate::id::{AccountId, MarketId, SaleId};
use crate::limits;
use crate::publication::Alias;
use crate::record::{Field, Reader, RecordError};
use crate::rejection::{NotQualified, Rejection};
use crate::time::Timestamp;

crate::record! {
    /// What of a sale is kept as it is.
    #[derive(Debug, Clone, PartialEq)]
    struct Kept {
        1 => id: SaleId,
        2 => owner: AccountId,
        3 => title: String,
        4 => terms: Option<String>,
        5 => reference: Option<String>,
        /// What everybody knows of it: market, terms' version, ends of its lots.
        6 => facts: SaleFacts,
        7 => channel_seq: u64,
        /// The hash of the command that created it.
        8 => content: u64,
        /// In the order of their paddle numbers, which count from 1.
        9 => paddles: Vec<Paddle>,
    }
}

crate::record! {
    /// A registered bidder.
    #[derive(Debug, Clone, PartialEq)]
    struct Paddle { 1 => account: AccountId, 2 => terms_version: u32 }
}

/// A sale's state.
#[derive(Debug, Clone, PartialEq)]
pub struct Sale {
    kept: Kept,
    /// Places in `paddles` by account.
    places: HashMap<AccountId, u32>,
}

impl Field for Sale {
    fn encode(&self, out: &mut Vec<u8>) {
        self.kept.encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
        let kept = Kept::decode(input)?;
        let places = (0_u32..).zip(&kept.paddles).map(|(place, paddle)| (paddle.account, place)).collect();
        Ok(Self { kept, places })
    }
}

impl Actor for Sale {
    type Command = SaleCommand;
    type Event = SaleEvent;

    fn create(command: &SaleCommand, context: &Context<'_>) -> Result<Decision<SaleEvent>, Rejection> {
        let SaleCommand::Create(command) = command else { return Err(Rejection::NotFound) };
        if !context.standing.any(Standing::OPERATOR) {
            return Err(Rejection::Forbidden);
        }
        context.facts.market(command.market).ok_or(Rejection::NotFound)?;
        let sale = command.sale.ok_or_else(|| Rejection::invalid("sale", "the id of the new sale"))?;
        limits::text("title", &command.title, limits::TITLE_CHARS_MAX)?;
        limits::optional_text("terms", command.terms.as_deref(), limits::TERMS_CHARS_MAX)?;
        limits::optional_text("ref", command.r#ref.as_deref(), limits::REF_CHARS_MAX)?;
        check_times(command)?;
        let facts = SaleFacts {
            version: 1,
            market: command.market,
            terms_version: 1,
            closes_at: command.closes_at,
            stagger_ms: command.stagger_ms.unwrap_or(0),
            opens_at: command.opens_at,
        };
        Ok(Decision::event(SaleEvent::Created(Box::new(SaleCreated {
            sale,
            title: command.title.clone(),
            terms: command.terms.clone(),
            reference: command.r#ref.clone(),
            facts,
            content: content_hash(&**command),
        }))))
    }

    fn born(event: &SaleEvent, stamp: &Stamp) -> Option<Self> {
        let SaleEvent::Created(created) = event else { return None };
        let kept = Kept {
            id: created.sale,
            owner: stamp.by,
            title: created.title.clone(),
            terms: created.terms.clone(),
            reference: created.reference.clone(),
            facts: created.facts.clone(),
            channel_seq: 0,
            content: created.content,
            paddles: Vec::new(),
        };
        Some(Self { kept, places: HashMap::new() })
    }

    fn decide(&self, command: &SaleCommand, context: &Context<'_>) -> Result<Decision<SaleEvent>, Rejection> {
        match command {
            SaleCommand::Create(command) => {
                if self.kept.owner == context.by && self.kept.content == content_hash(&**command) {
                    return Ok(Decision::unchanged(Answer::Sale(self.kept.id)));
                }
                Err(Rejection::AlreadyExists)
            }
            SaleCommand::Register(command) => self.register(command, context),
            SaleCommand::Revise(command) => self.revise(command, context),
        }
    }

    fn apply(&mut self, event: &SaleEvent, _stamp: &Stamp) {
        self.kept.channel_seq += event.public_count();
        match event {
            SaleEvent::Created(_) => {}
            SaleEvent::Registered(registered) => self.take_registration(&registered.registration),
            SaleEvent::Revised(revised) => {
                self.kept.title.clone_from(&revised.title);
                self.kept.terms.clone_from(&revised.terms);
                self.kept.facts = revised.facts.clone();
            }
        }
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        None
    }

    fn due(&self, _context: &Context<'_>) -> Events<SaleEvent> {
        Events::new()
    }

    fn facts_changed(&self, _context: &Context<'_>) -> Events<SaleEvent> {
        Events::new()
    }

    fn market(&self) -> MarketId {
        self.kept.facts.market
    }

    fn channel_seq(&self) -> u64 {
        self.kept.channel_seq
    }
}

fn check_times(command: &CreateSale) -> Result<(), Rejection> {
    let valid = |time: Timestamp| (Timestamp(0)..=Timestamp::MAX).contains(&time);
    if !valid(command.opens_at) {
        return Err(Rejection::invalid("opens_at", "microseconds since 1970, up to the year 9999"));
    }
    if command.closes_at.is_some_and(|closes_at| !valid(closes_at) || closes_at <= command.opens_at) {
        return Err(Rejection::invalid("closes_at", "later than opens_at, up to the year 9999"));
    }
    if command.stagger_ms.is_some_and(|stagger_ms| stagger_ms > limits::STAGGER_MAX_MS) {
        return Err(Rejection::invalid("stagger_ms", format!("at most {}", limits::STAGGER_MAX_MS)));
    }
    Ok(())
}

impl Sale {
    fn register(
        &self,
        command: &RegisterForSale,
        context: &Context<'_>,
    ) -> Result<Decision<SaleEvent>, Rejection> {
        if !context.standing.any(Standing::BIDDER) {
            return Err(Rejection::Forbidden);
        }
        if context.standing.any(Standing::SUSPENDED) {
            return Err(Rejection::NotQualified(NotQualified { needs: "suspended".to_owned() }));
        }
        let terms_version = self.kept.facts.terms_version;
        if command.terms_version.is_some_and(|accepted| accepted != terms_version) {
            return Err(Rejection::invalid("terms_version", format!("{terms_version}, the newest")));
        }
        let known = self.places.get(&context.by).copied();
        let registered = self.kept.paddles.len();
        if known.is_none() && registered >= limits::REGISTRATIONS_MAX {
            return Err(limits::exceeded(
                "registrations",
                limits::REGISTRATIONS_MAX as u64,
                registered as u64 + 1,
            ));
        }
        let alias = known.unwrap_or(registered as u32) + 1;
        let registration = Registration { sale: self.kept.id, account: context.by, alias, terms_version };
        if known.is_some_and(|place| self.kept.paddles[place as usize].terms_version == terms_version) {
            return Ok(Decision::unchanged(Answer::Registration(RegistrationAnswer {
                sale: self.kept.id,
                alias: Alias(alias).to_string(),
                terms_version,
            })));
        }
        let registered = registered as u32 + u32::from(known.is_none());
        Ok(Decision::event(SaleEvent::Registered(Box::new(Registered { registration, registered }))))
    }

    fn revise(&self, command: &ReviseSale, context: &Context<'_>) -> Result<Decision<SaleEvent>, Rejection> {
        if !context.standing.any(Standing::OPERATOR) {
            return Err(Rejection::Forbidden);
        }
        if let Some(title) = &command.title {
            limits::text("title", title, limits::TITLE_CHARS_MAX)?;
        }
        limits::optional_text("terms", command.terms.as_deref(), limits::TERMS_CHARS_MAX)?;
        let terms = command.terms.clone().or_else(|| self.kept.terms.clone());
        let mut facts = self.kept.facts.clone();
        if terms != self.kept.terms {
            facts.terms_version = facts.terms_version.saturating_add(1);
        }
        facts.version += 1;
        let title = command.title.clone().unwrap_or_else(|| self.kept.title.clone());
        Ok(Decision::event(SaleEvent::Revised(Box::new(SaleRevision { title, terms, facts }))))
    }

    fn take_registration(&mut self, registration: &Registration) {
        let paddle = Paddle { account: registration.account, terms_version: registration.terms_version };
        match self.places.get(&registration.account) {
            Some(&place) => self.kept.paddles[place as usize] = paddle,
            None => {
                self.places.insert(registration.account, self.kept.paddles.len() as u32);
                self.kept.paddles.push(paddle);
            }
        }
    }

    /// What anybody may know of this sale.
    #[must_use]
    pub fn snapshot(&self) -> SaleSnapshot {
        let Kept { id, title, terms, reference, facts, paddles, .. } = &self.kept;
        SaleSnapshot::new(*id, title, terms.as_ref(), reference.as_ref(), facts, paddles.len() as u32)
    }
}
