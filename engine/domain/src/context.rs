//! What a decision may rest on besides the actor's own state.

use crate::facts::{Facts, Standing};
use crate::id::{AccountId, BidId, ReservationId};
use crate::money::PlaceHold;
use crate::time::Timestamp;

/// The circumstances of one decision.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The cell's time of the decision.
    pub now: Timestamp,
    /// Who asks; [`AccountId::default`] where the engine itself does (timers).
    pub by: AccountId,
    /// What `by` may do in the actor's market.
    pub standing: Standing,
    /// What is known of markets and accounts.
    pub facts: &'a Facts,
    /// The keyed hash of (account, actor, key): ids that a decision hands out are derived from it, so that a retry finds
    /// the same and nothing random enters a rule. For an effect: the hash of the effect's identity.
    pub command_id: u128,
    /// The hash of the command's content, for a decision that is completed later ([`crate::effect::Asked`]); 0 for the
    /// engine's own and for effects.
    pub content: u64,
    /// Accounts that answer at once, where the shell has them at hand; without it every hold is asked for and waited for.
    pub accounts: Option<&'a dyn Assurance>,
}

/// Accounts that can be asked beforehand whether they would place a hold.
pub trait Assurance {
    /// Whether the account places this hold as the first effect of the event that is being decided: nothing else can
    /// reach the account before it.
    fn assures(&self, hold: &PlaceHold) -> bool;
}

impl Context<'_> {
    /// Who asked for what, for an event that leaves the answer to a later one.
    #[must_use]
    pub const fn asked(&self) -> crate::effect::Asked {
        crate::effect::Asked { by: self.by, command_id: self.command_id, content: self.content }
    }

    /// The id of the bid that this command places.
    #[must_use]
    pub const fn bid_id(&self) -> BidId {
        BidId::from_u128(self.command_id)
    }

    /// The id of the reservation that this command makes.
    #[must_use]
    pub const fn reservation_id(&self) -> ReservationId {
        ReservationId::from_u128(self.command_id)
    }
}

/// How an event came about; `apply` takes it beside the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The cell's time of the decision.
    pub time: Timestamp,
    /// Who asked; [`AccountId::default`] for the engine's own.
    pub by: AccountId,
    /// As [`Context::command_id`]; the entry's key hash in the journal.
    pub command_id: u128,
}
