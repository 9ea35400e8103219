//! An account's state and its bytes.

use super::holds::Holds;
use super::ledger::{Booked, Ledger};
use super::{AccountCreated, AccountSnapshot, Balances, Hold};
use crate::facts::AccountFacts;
use crate::id::{AccountId, EntryId, HoldId};
use crate::money::Asset;
use crate::record::{Bytes, Field, Reader, RecordError};

/// An account's state.
#[derive(Debug, Clone)]
pub struct Account {
    /// Whose it is.
    pub id: AccountId,
    /// Who created it.
    pub(super) owner: AccountId,
    /// Sealed by the vault; opened only by the shell for those who may read it.
    pub(super) name_sealed: Bytes,
    pub(super) reference: Option<String>,
    /// What everybody knows of it: grants and marks.
    pub(super) facts: AccountFacts,
    /// The hash of the command that created it.
    pub(super) content: u64,
    pub(super) ledger: Ledger,
    pub(super) holds: Holds,
    /// How often it has taken bids back.
    pub(super) retractions: u32,
}

crate::record! {
    /// The bytes of an account's state. Lists have an order, so that equal states are equal bytes (I6).
    struct Kept {
        1 => id: AccountId,
        2 => owner: AccountId,
        3 => name_sealed: Bytes,
        4 => reference: Option<String>,
        5 => facts: AccountFacts,
        6 => content: u64,
        /// By asset.
        7 => balances: Vec<Balances>,
        /// The oldest first.
        8 => holds: Vec<Hold>,
        /// The oldest first.
        9 => booked: Vec<Booked>,
        11 => latest: Vec<(EntryId, Asset)>,
        10 => retractions: u32,
    }
}

impl Account {
    pub(super) fn new(created: &AccountCreated, owner: AccountId) -> Self {
        Self {
            id: created.account,
            owner,
            name_sealed: created.name_sealed.clone(),
            reference: created.reference.clone(),
            facts: AccountFacts { version: 1, ..AccountFacts::default() },
            content: created.content,
            ledger: Ledger::default(),
            holds: Holds::default(),
            retractions: 0,
        }
    }

    /// The name as the vault sealed it.
    #[must_use]
    pub fn name_sealed(&self) -> &[u8] {
        &self.name_sealed.0
    }

    /// The caller's own key of this account.
    #[must_use]
    pub fn reference(&self) -> Option<&str> {
        self.reference.as_deref()
    }

    /// What it has of each asset that it ever had, by asset.
    #[must_use]
    pub fn balances(&self) -> &[Balances] {
        &self.ledger.balances
    }

    /// What it has of an asset; nothing where it never had any.
    #[must_use]
    pub fn balances_of(&self, asset: Asset) -> Balances {
        self.ledger.of(asset)
    }

    /// The live holds, the oldest first.
    #[must_use]
    pub fn holds(&self) -> Vec<&Hold> {
        self.holds.in_order()
    }

    /// The live hold with this id.
    #[must_use]
    pub fn hold(&self, id: HoldId) -> Option<&Hold> {
        self.holds.get(id)
    }

    /// How often it has taken bids back.
    #[must_use]
    pub const fn retractions(&self) -> u32 {
        self.retractions
    }

    /// How many kinds of goods it has after an entry about the asset; `None` where that is money.
    pub(super) fn holdings_with(&self, asset: Asset) -> Option<u32> {
        if asset.currency().is_some() {
            return None;
        }
        let is_new = self.ledger.balances.binary_search_by_key(&asset, |known| known.asset).is_err();
        Some(self.ledger.holdings() as u32 + u32::from(is_new))
    }

    /// What its owner and operators may know of this account.
    #[must_use]
    pub fn snapshot(&self) -> AccountSnapshot {
        let mut snapshot = AccountSnapshot::new(self.id, &self.facts);
        snapshot.show_money(&self.ledger, &self.holds, self.retractions);
        snapshot
    }
}

impl Field for Account {
    fn encode(&self, out: &mut Vec<u8>) {
        let kept = Kept {
            id: self.id,
            owner: self.owner,
            name_sealed: self.name_sealed.clone(),
            reference: self.reference.clone(),
            facts: self.facts.clone(),
            content: self.content,
            balances: self.ledger.balances.clone(),
            holds: self.holds.in_order().into_iter().cloned().collect(),
            booked: self.ledger.booked.iter().copied().collect(),
            latest: self.ledger.latest.iter().copied().collect(),
            retractions: self.retractions,
        };
        kept.encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, RecordError> {
        let kept = Kept::decode(input)?;
        let count = kept.holds.len();
        let account = Self {
            id: kept.id,
            owner: kept.owner,
            name_sealed: kept.name_sealed,
            reference: kept.reference,
            facts: kept.facts,
            content: kept.content,
            ledger: Ledger {
                balances: kept.balances,
                booked: kept.booked.into(),
                latest: kept.latest.into(),
            },
            holds: Holds::from_order(kept.holds),
            retractions: kept.retractions,
        };
        if !account.ledger.is_sound() {
            return Err(RecordError::Invalid("a ledger's sub-accounts sum to 0, by asset (I30)"));
        }
        if account.holds.len() != count || !account.holds_are_sound() {
            return Err(RecordError::Invalid("what is held is the sum of the holds (I32)"));
        }
        Ok(account)
    }
}

impl Account {
    /// Whether the holds of each asset sum to what its balances say.
    fn holds_are_sound(&self) -> bool {
        let mut held = vec![0_u64; self.ledger.balances.len()];
        for hold in self.holds.in_order() {
            let place = self.ledger.balances.binary_search_by_key(&hold.asset, |known| known.asset);
            let Some(sum) = place.ok().and_then(|place| held.get_mut(place)) else { return false };
            *sum = sum.saturating_add(hold.amount);
        }
        self.ledger.balances.iter().zip(&held).all(|(balances, held)| balances.held == *held)
    }
}
