//! An account: a party; its rights are grants (market, role).

mod command;
pub use command::*;
pub use crate::facts::Role;

// SCAFFOLD: replaced by the rules.
use crate::actor::{ActorAddress, Answer, Decision, Events, PrivateEvents, PublicEvents};
use crate::context::{Context, Stamp};
use crate::facts::FactChange;
use crate::id::*;
use crate::rejection::Rejection;
use crate::time::Timestamp;

crate::record! { #[derive(Debug, Clone, PartialEq)] pub struct Account { 1 => pub id: AccountId, } }
crate::record! { #[derive(Debug, Clone, PartialEq, serde::Serialize)] pub struct AccountSnapshot { 1 => pub account: AccountId, } }
crate::variants! { #[derive(Debug, Clone, PartialEq, Eq)] pub enum AccountEvent { 1 => Created(AccountId), } }
impl crate::command::Targeted for AccountCommand { fn target(&self) -> Option<ActorAddress> { unimplemented!() } }
impl crate::actor::Actor for Account {
    type Command = AccountCommand; type Event = AccountEvent;
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
impl Account { pub fn snapshot(&self) -> AccountSnapshot { unimplemented!() } }
impl AccountSnapshot {
    pub fn born(_: &AccountEvent, _: &Stamp) -> Option<Self> { unimplemented!() }
    pub fn apply(&mut self, _: &AccountEvent, _: &Stamp) { unimplemented!() }
}
impl AccountEvent {
    pub fn public(&self) -> PublicEvents { unimplemented!() }
    pub fn public_count(&self) -> u64 { unimplemented!() }
    pub fn private(&self, _: Id, _: &Stamp) -> PrivateEvents { unimplemented!() }
    pub fn answer(&self, _: Id, _: &Stamp) -> Option<Answer> { unimplemented!() }
    pub fn fact(&self, _: Id) -> Option<FactChange> { unimplemented!() }
}
