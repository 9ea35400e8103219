//! A lot: what one auction sells.

mod command;
pub use command::*;

// SCAFFOLD: replaced by the rules.
use crate::actor::{ActorAddress, Answer, Decision, Events, PrivateEvents, PublicEvents};
use crate::context::{Context, Stamp};
use crate::facts::FactChange;
use crate::id::*;
use crate::rejection::Rejection;
use crate::time::Timestamp;

crate::record! { #[derive(Debug, Clone, PartialEq)] pub struct Lot { 1 => pub id: LotId, } }
crate::record! { #[derive(Debug, Clone, PartialEq, serde::Serialize)] pub struct LotSnapshot { 1 => pub lot: LotId, } }
crate::variants! { #[derive(Debug, Clone, PartialEq, Eq)] pub enum LotEvent { 1 => Created(LotId), } }
impl crate::command::Targeted for LotCommand { fn target(&self) -> Option<ActorAddress> { unimplemented!() } }
impl crate::actor::Actor for Lot {
    type Command = LotCommand; type Event = LotEvent;
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
impl Lot { pub fn snapshot(&self) -> LotSnapshot { unimplemented!() } }
impl LotSnapshot {
    pub fn born(_: &LotEvent, _: &Stamp) -> Option<Self> { unimplemented!() }
    pub fn apply(&mut self, _: &LotEvent, _: &Stamp) { unimplemented!() }
}
impl LotEvent {
    pub fn public(&self) -> PublicEvents { unimplemented!() }
    pub fn public_count(&self) -> u64 { unimplemented!() }
    pub fn private(&self, _: Id, _: &Stamp) -> PrivateEvents { unimplemented!() }
    pub fn answer(&self, _: Id, _: &Stamp) -> Option<Answer> { unimplemented!() }
    pub fn fact(&self, _: Id) -> Option<FactChange> { unimplemented!() }
}

crate::variants! {
    /// How a lot is sold. One file each.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Format { 1 => English }
}
