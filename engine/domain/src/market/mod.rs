//! A market: a venue with its own currency, rules and operator.

mod command;
pub use command::*;

// SCAFFOLD: replaced by the rules.
use crate::actor::{ActorAddress, Answer, Decision, Events, PrivateEvents, PublicEvents};
use crate::context::{Context, Stamp};
use crate::facts::FactChange;
use crate::id::*;
use crate::rejection::Rejection;
use crate::time::Timestamp;

crate::record! { #[derive(Debug, Clone, PartialEq)] pub struct Market { 1 => pub id: MarketId, } }
crate::record! { #[derive(Debug, Clone, PartialEq, serde::Serialize)] pub struct MarketSnapshot { 1 => pub market: MarketId, } }
crate::variants! { #[derive(Debug, Clone, PartialEq, Eq)] pub enum MarketEvent { 1 => Created(MarketId), } }
impl crate::command::Targeted for MarketCommand { fn target(&self) -> Option<ActorAddress> { unimplemented!() } }
impl crate::actor::Actor for Market {
    type Command = MarketCommand; type Event = MarketEvent;
    fn create(_: &Self::Command, _: &Context<'_>) -> Result<Decision<Self::Event>, Rejection> { unimplemented!() }
    fn born(_: &Self::Event, _: &Stamp) -> Option<Self> { unimplemented!() }
    fn decide(&self, _: &Self::Command, _: &Context<'_>) -> Result<Decision<Self::Event>, Rejection> { unimplemented!() }
    fn apply(&mut self, _: &Self::Event, _: &Stamp) { unimplemented!() }
    fn next_deadline(&self) -> Option<Timestamp> { unimplemented!() }
    fn due(&self, _: &Context<'_>) -> Events<Self::Event> { unimplemented!() }
    fn facts_changed(&self, _: &Context<'_>) -> Events<Self::Event> { unimplemented!() }
    fn market(&self) -> MarketId { unimplemented!() }
    fn channel_seq(&self) -> u64 { unimplemented!() }
}
impl Market { pub fn snapshot(&self) -> MarketSnapshot { unimplemented!() } }
impl MarketSnapshot {
    pub fn born(_: &MarketEvent, _: &Stamp) -> Option<Self> { unimplemented!() }
    pub fn apply(&mut self, _: &MarketEvent, _: &Stamp) { unimplemented!() }
}
impl MarketEvent {
    pub fn public(&self) -> PublicEvents { unimplemented!() }
    pub fn public_count(&self) -> u64 { unimplemented!() }
    pub fn private(&self, _: Id, _: &Stamp) -> PrivateEvents { unimplemented!() }
    pub fn answer(&self, _: Id, _: &Stamp) -> Option<Answer> { unimplemented!() }
    pub fn fact(&self, _: Id) -> Option<FactChange> { unimplemented!() }
}

crate::record! {
    /// What a market allows.
    #[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct Policy { 1 => pub open_registration: bool }
}
