//! Effects: commands that one actor's event causes other actors to receive (docs/engine.md, "Effects").
//!
//! They are derived from the event by a pure function, so that they can be derived again from the journal, and travel in
//! journal order. An effect's identity is its cause: the actor, the sequence number of the deciding record and the
//! effect's index in it. The receiver decides it like any command, with [`Standing::ENGINE`](crate::facts::Standing);
//! whatever it decides, also "no", is its outcome and is journaled with the place of its cause, so that it happens once.
//!
//! **Answers that wait.** A command whose decision has events but no answer (a bid that waits for its hold) is answered by
//! a later event of the same actor that names the same [`Asked`]: the record of that event carries the command's key, so
//! that a repeat finds the final outcome.

use crate::actor::{ActorAddress, Command};
use crate::amount::Currency;
use crate::id::{AccountId, MarketId, OrderId};

/// A command on its way to another actor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// Who shall receive it.
    pub target: ActorAddress,
    /// What it is asked.
    pub command: Command,
}

impl Effect {
    /// An effect.
    #[must_use]
    pub fn new(target: impl Into<ActorAddress>, command: Command) -> Self {
        Self { target: target.into(), command }
    }
}

/// The effects of one record, in order; an effect's index is its place.
pub type Effects = Vec<Effect>;

crate::record! {
    /// A client's command that has been taken and whose answer a later event gives.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub struct Asked {
        /// Who asked.
        1 => pub by: AccountId,
        /// As [`Context::command_id`](crate::context::Context): the id of the bid, say.
        2 => pub command_id: u128,
        /// The hash of the command's content.
        3 => pub content: u64,
    }
}

crate::variants! {
    /// What an order asks of the world outside.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum OutsideKind {
        /// To collect an amount from its buyer; the result comes back as `order.mark_paid`.
        1 => Payment,
        /// What was asked before is not wanted any more: the order was paid otherwise, cancelled, or brought into another.
        2 => PaymentWithdrawn,
    }
}

impl OutsideKind {
    /// Its name, as connectors and logs know it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::PaymentWithdrawn => "payment_withdrawn",
        }
    }
}

crate::record! {
    /// What an order asks of the world outside (a payment provider): to collect `amount` from its buyer, say. It is asked
    /// when the event that causes it is durable, never in a replay, and a payment again after a restart while the order
    /// waits for it; the result comes back as a command.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct OutsideRequest {
        1 => pub order: OrderId,
        /// Minor units, from 1: what no deposit covers.
        2 => pub amount: u64,
        3 => pub currency: Currency,
        4 => pub kind: OutsideKind,
        5 => pub market: MarketId,
        6 => pub buyer: AccountId,
    }
}

impl OutsideRequest {
    /// The idempotency key: the same request asked twice is one payment.
    #[must_use]
    pub fn key(&self) -> u128 {
        xxhash_rust::xxh3::xxh3_128(&crate::record::Field::to_bytes(self))
    }
}
