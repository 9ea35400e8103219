//! What an account's owner, and operators, may know of it. Never public.

use serde::Serialize;

use super::holds::Holds;
use super::ledger::Ledger;
use super::{AccountEvent, Balances, Hold};
use crate::context::Stamp;
use crate::facts::AccountFacts;
use crate::id::{AccountId, HoldId, MarketId};
use crate::limits;
use crate::money::Asset;
use crate::publication::{BalanceView, GrantView, HoldView};

/// An account as `account.get` and its own feed show it. The name is added by the shell, which alone can open it.
///
/// It is bounded: of the holds it lists the oldest [`limits::HOLDS_LISTED`], of the goods the first
/// [`limits::HOLDINGS_LISTED`] by id, and says how many there are.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs)]
pub struct AccountSnapshot {
    pub account: AccountId,
    pub grants: Vec<GrantView>,
    pub suspended_in: Vec<MarketId>,
    pub verified_in: Vec<MarketId>,
    /// Money, by currency.
    pub balances: Vec<BalanceView>,
    /// Goods, by id.
    pub holdings: Vec<BalanceView>,
    pub holdings_count: u32,
    /// The oldest first.
    pub holds: Vec<HoldView>,
    pub holds_count: u32,
    /// How often the account has taken bids back.
    pub retractions: u32,
}

impl AccountSnapshot {
    pub(super) fn new(account: AccountId, facts: &AccountFacts) -> Self {
        Self {
            account,
            grants: facts.grants.iter().map(|&(market, role)| GrantView { market, role }).collect(),
            suspended_in: facts.suspended_in.clone(),
            verified_in: facts.verified_in.clone(),
            balances: Vec::new(),
            holdings: Vec::new(),
            holdings_count: 0,
            holds: Vec::new(),
            holds_count: 0,
            retractions: 0,
        }
    }

    /// Fills in what a state has of money and goods.
    pub(super) fn show_money(&mut self, ledger: &Ledger, holds: &Holds, retractions: u32) {
        let (money, goods): (Vec<_>, Vec<_>) =
            ledger.balances.iter().partition(|balances| balances.asset.currency().is_some());
        self.balances = money.into_iter().map(Balances::view).collect();
        self.holdings_count = goods.len() as u32;
        self.holdings = goods.into_iter().take(limits::HOLDINGS_LISTED).map(Balances::view).collect();
        self.holds = holds.listed();
        self.holds_count = holds.len() as u32;
        self.retractions = retractions;
    }

    /// The same for who may see who the account is, but not what it has.
    #[must_use]
    pub fn without_money(&self) -> Self {
        let mut shown = self.clone();
        (shown.balances, shown.holdings, shown.holds) = Default::default();
        (shown.holdings_count, shown.holds_count) = (0, 0);
        shown
    }

    /// The snapshot after the creating event; `None` for any other.
    #[must_use]
    pub fn born(event: &AccountEvent, _stamp: &Stamp) -> Option<Self> {
        let AccountEvent::Created(created) = event else { return None };
        Some(Self::new(created.account, &AccountFacts::default()))
    }

    /// Takes an event over (I43).
    pub fn apply(&mut self, event: &AccountEvent, _stamp: &Stamp) {
        match event {
            AccountEvent::Created(_) | AccountEvent::Updated(_) | AccountEvent::Refused(_) => {}
            AccountEvent::Marked(marked) => {
                let Self { grants, suspended_in, verified_in, .. } = Self::new(self.account, &marked.facts);
                (self.grants, self.suspended_in, self.verified_in) = (grants, suspended_in, verified_in);
            }
            AccountEvent::Posted(posted) => {
                self.set(&posted.after);
                self.holdings_count = posted.holdings_count.unwrap_or(self.holdings_count);
            }
            AccountEvent::HoldSet(set) => {
                self.set_held(set.hold.asset, set.held);
                let is_new = set.holds_count != self.holds_count;
                let has_room = self.holds.len() < limits::HOLDS_LISTED;
                match self.holds.iter_mut().find(|known| known.hold == set.hold.id) {
                    Some(known) => known.amount = set.hold.amount,
                    None if is_new && has_room => self.holds.push(set.hold.view()),
                    None => {}
                }
                self.holds_count = set.holds_count;
            }
            AccountEvent::HoldReleased(released) => {
                self.set_held(released.hold.asset, released.held);
                self.end_hold(released.hold.id, released.holds_count, released.also_listed.as_deref());
            }
            AccountEvent::HoldCaptured(captured) => {
                self.set(&captured.after);
                self.end_hold(captured.hold.id, captured.holds_count, captured.also_listed.as_deref());
            }
            AccountEvent::PartCaptured(captured) => {
                self.set(&captured.after);
                match captured.keep {
                    0 => {
                        let id = captured.hold.id;
                        self.end_hold(id, captured.holds_count, captured.also_listed.as_ref());
                    }
                    keep => {
                        let known = self.holds.iter_mut().find(|known| known.hold == captured.hold.id);
                        if let Some(known) = known {
                            known.amount = keep;
                        }
                    }
                }
            }
            AccountEvent::RetractionCounted(counted) => self.retractions = counted.retractions,
        }
    }

    /// The list that an asset stands in, and the most that it may hold.
    const fn list(&mut self, asset: Asset) -> (&mut Vec<BalanceView>, usize) {
        match asset {
            Asset::Money(_) => (&mut self.balances, usize::MAX),
            Asset::Traded(_) | Asset::Goods(_) => (&mut self.holdings, limits::HOLDINGS_LISTED),
        }
    }

    fn set(&mut self, after: &Balances) {
        let (list, max) = self.list(after.asset);
        let view = after.view();
        // Assets sort like the texts of their names.
        let name = |view: &BalanceView| (view.currency, view.goods.clone());
        match list.binary_search_by_key(&name(&view), name) {
            Ok(place) => list[place] = view,
            Err(place) if place < max => {
                list.insert(place, view);
                list.truncate(max);
            }
            Err(_) => {}
        }
    }

    fn set_held(&mut self, asset: Asset, held: u64) {
        let (currency, goods) = (asset.currency(), asset.goods());
        let (list, _) = self.list(asset);
        if let Some(view) = list.iter_mut().find(|view| view.currency == currency && view.goods == goods) {
            view.held = held;
            view.available = view.balance.saturating_sub_unsigned(held);
        }
    }

    fn end_hold(&mut self, hold: HoldId, holds_count: u32, also_listed: Option<&Hold>) {
        self.holds.retain(|known| known.hold != hold);
        self.holds.extend(also_listed.map(Hold::view));
        self.holds_count = holds_count;
    }
}
