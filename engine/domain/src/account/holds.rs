//! Money and goods of an account set aside: the live holds, in the order in which they were placed.
//!
//! A snapshot lists the oldest [`limits::HOLDS_LISTED`] of them. When one of those ends, the oldest that was not listed
//! takes its place, and the event says which: so the list can be followed by who knows nothing but the events (I43).

use std::collections::BTreeMap;

use hashbrown::HashMap;

use crate::id::{HoldId, MarketId};
use crate::limits;
use crate::money::{Asker, Asset};
use crate::publication::HoldView;

crate::record! {
    /// A hold.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Hold {
        1 => pub id: HoldId,
        2 => pub asset: Asset,
        /// From 1 to 2^53 - 1 minor units or units.
        3 => pub amount: u64,
        /// For which lot or order.
        4 => pub asker: Asker,
        5 => pub market: MarketId,
    }
}

impl Hold {
    /// As the account's owner sees it.
    #[must_use]
    pub fn view(&self) -> HoldView {
        HoldView {
            hold: self.id,
            currency: self.asset.currency(),
            goods: self.asset.goods(),
            amount: self.amount,
            lot: self.asker.lot(),
            order: self.asker.order(),
            book: self.asker.book(),
            market: self.market,
        }
    }
}

/// A hold and its place in the order.
#[derive(Debug, Clone)]
struct Placed {
    hold: Hold,
    nth: u64,
}

/// The live holds of an account.
#[derive(Debug, Clone, Default)]
pub(super) struct Holds {
    live: HashMap<HoldId, Placed>,
    /// Those that no snapshot lists, by their place: they are all younger than those listed.
    unlisted: BTreeMap<u64, HoldId>,
    /// The place of the next one.
    next: u64,
}

impl Holds {
    /// The live hold with this id.
    #[inline]
    pub(super) fn get(&self, id: HoldId) -> Option<&Hold> {
        self.live.get(&id).map(|placed| &placed.hold)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.live.len()
    }

    /// Places a hold, or gives the one with this id another amount.
    pub(super) fn set(&mut self, hold: &Hold) {
        if let Some(placed) = self.live.get_mut(&hold.id) {
            placed.hold.amount = hold.amount;
            return;
        }
        if self.live.len() >= limits::HOLDS_LISTED {
            self.unlisted.insert(self.next, hold.id);
        }
        self.live.insert(hold.id, Placed { hold: hold.clone(), nth: self.next });
        self.next += 1;
    }

    /// The hold that the list gains when this one ends.
    pub(super) fn listed_instead_of(&self, id: HoldId) -> Option<&Hold> {
        let (&first_unlisted, next) = self.unlisted.first_key_value()?;
        let is_listed = self.live.get(&id).is_some_and(|placed| placed.nth < first_unlisted);
        if is_listed { self.get(*next) } else { None }
    }

    /// Ends a hold.
    pub(super) fn end(&mut self, id: HoldId) {
        let Some(ended) = self.live.remove(&id) else { return };
        match self.unlisted.first_key_value() {
            Some((&first_unlisted, _)) if ended.nth < first_unlisted => {
                self.unlisted.pop_first();
            }
            Some(_) => {
                self.unlisted.remove(&ended.nth);
            }
            None => {}
        }
    }

    /// All, the oldest first.
    pub(super) fn in_order(&self) -> Vec<&Hold> {
        let mut all: Vec<_> = self.live.values().collect();
        all.sort_unstable_by_key(|placed| placed.nth);
        all.into_iter().map(|placed| &placed.hold).collect()
    }

    /// The holds of a state's bytes, in their order.
    pub(super) fn from_order(holds: Vec<Hold>) -> Self {
        let mut all = Self::default();
        holds.iter().for_each(|hold| all.set(hold));
        all
    }

    /// Those that a snapshot lists, the oldest first.
    pub(super) fn listed(&self) -> Vec<HoldView> {
        let end = self.unlisted.first_key_value().map_or(u64::MAX, |(&nth, _)| nth);
        let mut listed: Vec<_> = self.live.values().filter(|placed| placed.nth < end).collect();
        listed.sort_unstable_by_key(|placed| placed.nth);
        listed.into_iter().map(|placed| placed.hold.view()).collect()
    }
}
