//! What an account's owner, and operators, may know of it. Never public.

use serde::Serialize;

use super::AccountEvent;
use crate::context::Stamp;
use crate::facts::AccountFacts;
use crate::id::{AccountId, MarketId};
use crate::publication::GrantView;

/// An account as `account.get` and its own feed show it. The name is added by the shell, which alone can open it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct AccountSnapshot {
    pub account: AccountId,
    pub grants: Vec<GrantView>,
    pub suspended_in: Vec<MarketId>,
    pub verified_in: Vec<MarketId>,
}

impl AccountSnapshot {
    pub(super) fn new(account: AccountId, facts: &AccountFacts) -> Self {
        Self {
            account,
            grants: facts.grants.iter().map(|&(market, role)| GrantView { market, role }).collect(),
            suspended_in: facts.suspended_in.clone(),
            verified_in: facts.verified_in.clone(),
        }
    }

    /// The snapshot after the creating event; `None` for any other.
    #[must_use]
    pub fn born(event: &AccountEvent, _stamp: &Stamp) -> Option<Self> {
        let AccountEvent::Created(created) = event else { return None };
        Some(Self::new(created.account, &AccountFacts::default()))
    }

    /// Takes an event over (I43).
    pub fn apply(&mut self, event: &AccountEvent, _stamp: &Stamp) {
        if let AccountEvent::Marked(marked) = event {
            *self = Self::new(self.account, &marked.facts);
        }
    }
}
