//! A sale: a catalogue of numbered lots sold together.

mod command;
pub use command::*;

// SCAFFOLD: replaced by the rules.
use crate::actor::{ActorAddress, Answer, Decision, Events, PrivateEvents, PublicEvents};
use crate::context::{Context, Stamp};
use crate::facts::FactChange;
use crate::id::*;
use crate::rejection::Rejection;
use crate::time::Timestamp;

crate::record! { #[derive(Debug, Clone, PartialEq)] pub struct Sale { 1 => pub id: SaleId, } }
crate::record! { #[derive(Debug, Clone, PartialEq, serde::Serialize)] pub struct SaleSnapshot { 1 => pub sale: SaleId, } }
crate::variants! { #[derive(Debug, Clone, PartialEq, Eq)] pub enum SaleEvent { 1 => Created(SaleId), } }
impl crate::command::Targeted for SaleCommand { fn target(&self) -> Option<ActorAddress> { unimplemented!() } }
impl crate::actor::Actor for Sale {
    type Command = SaleCommand; type Event = SaleEvent;
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
impl Sale { pub fn snapshot(&self) -> SaleSnapshot { unimplemented!() } }
impl SaleSnapshot {
    pub fn born(_: &SaleEvent, _: &Stamp) -> Option<Self> { unimplemented!() }
    pub fn apply(&mut self, _: &SaleEvent, _: &Stamp) { unimplemented!() }
}
impl SaleEvent {
    pub fn public(&self) -> PublicEvents { unimplemented!() }
    pub fn public_count(&self) -> u64 { unimplemented!() }
    pub fn private(&self, _: Id, _: &Stamp) -> PrivateEvents { unimplemented!() }
    pub fn answer(&self, _: Id, _: &Stamp) -> Option<Answer> { unimplemented!() }
    pub fn fact(&self, _: Id) -> Option<FactChange> { unimplemented!() }
}
