//! A stock item: a quantity for sale at a fixed price, and its reservations.

mod command;
pub use command::*;

// SCAFFOLD: replaced by the rules.
use crate::actor::{ActorAddress, Answer, Decision, Events, PrivateEvents, PublicEvents};
use crate::context::{Context, Stamp};
use crate::facts::FactChange;
use crate::id::*;
use crate::rejection::Rejection;
use crate::time::Timestamp;

crate::record! { #[derive(Debug, Clone, PartialEq)] pub struct Stock { 1 => pub id: StockId, } }
crate::record! { #[derive(Debug, Clone, PartialEq, serde::Serialize)] pub struct StockSnapshot { 1 => pub stock: StockId, } }
crate::variants! { #[derive(Debug, Clone, PartialEq, Eq)] pub enum StockEvent { 1 => Created(StockId), } }
impl crate::command::Targeted for StockCommand { fn target(&self) -> Option<ActorAddress> { unimplemented!() } }
impl crate::actor::Actor for Stock {
    type Command = StockCommand; type Event = StockEvent;
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
impl Stock { pub fn snapshot(&self) -> StockSnapshot { unimplemented!() } }
impl StockSnapshot {
    pub fn born(_: &StockEvent, _: &Stamp) -> Option<Self> { unimplemented!() }
    pub fn apply(&mut self, _: &StockEvent, _: &Stamp) { unimplemented!() }
}
impl StockEvent {
    pub fn public(&self) -> PublicEvents { unimplemented!() }
    pub fn public_count(&self) -> u64 { unimplemented!() }
    pub fn private(&self, _: Id, _: &Stamp) -> PrivateEvents { unimplemented!() }
    pub fn answer(&self, _: Id, _: &Stamp) -> Option<Answer> { unimplemented!() }
    pub fn fact(&self, _: Id) -> Option<FactChange> { unimplemented!() }
}
