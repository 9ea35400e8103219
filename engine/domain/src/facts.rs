//! Facts of others: what an actor must know of its market and of accounts to decide. Versioned, the same in every shard.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use serde::{Deserialize, Serialize};

use crate::amount::Currency;
use crate::id::{AccountId, MarketId, SaleId};
use crate::increments::IncrementTable;
use crate::time::Timestamp;

crate::variants! {
    /// What a grant allows in its market.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum Role {
        /// Buys for itself.
        1 => Bidder,
        2 => Seller,
        /// Everything in its markets.
        3 => Operator,
        /// Reads what operators read.
        4 => Auditor,
    }
}

/// What an account may do in one market: a set of roles and marks, computed from the facts for one decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing(u8);

impl Standing {
    /// An account that this cell knows.
    pub const KNOWN: Self = Self(1);
    /// See [`Role::Bidder`].
    pub const BIDDER: Self = Self(2);
    /// See [`Role::Seller`].
    pub const SELLER: Self = Self(4);
    /// See [`Role::Operator`].
    pub const OPERATOR: Self = Self(8);
    /// See [`Role::Auditor`].
    pub const AUDITOR: Self = Self(16);
    /// Suspended in this market.
    pub const SUSPENDED: Self = Self(32);
    /// Verified by an operator.
    pub const VERIFIED: Self = Self(64);
    /// The engine itself: timers and marks.
    pub const ENGINE: Self = Self(128);

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether any of `other`'s marks is in this set.
    #[must_use]
    pub const fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The mark of a role.
    #[must_use]
    pub const fn of_role(role: Role) -> Self {
        match role {
            Role::Bidder => Self::BIDDER,
            Role::Seller => Self::SELLER,
            Role::Operator => Self::OPERATOR,
            Role::Auditor => Self::AUDITOR,
        }
    }

    /// The roles in this set.
    pub fn roles(self) -> impl Iterator<Item = Role> {
        [Role::Bidder, Role::Seller, Role::Operator, Role::Auditor]
            .into_iter()
            .filter(move |&role| self.any(Self::of_role(role)))
    }
}

crate::record! {
    /// What everybody must know of a market.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct MarketFacts {
        /// Counts the changes of this market's facts.
        1 => pub version: u64,
        /// An operator by ownership.
        2 => pub owner: AccountId,
        3 => pub currency: Currency,
        /// Since when it is halted.
        4 => pub halted_since: Option<Timestamp>,
        /// How long it has been halted in all before `halted_since`, in microseconds: what a lot that slept through a
        /// whole halt adds to its end.
        5 => pub halted_us: u64,
        /// The increments of its lots where it has a table of its own.
        6 => pub increments: Option<Arc<IncrementTable>>,
        /// Every known account may buy here without a grant.
        7 => pub open_registration: bool,
        /// The fees of lots and stock created from now on.
        8 => pub fees: crate::fees::Fees,
    }
}

crate::record! {
    /// What everybody must know of an account.
    #[derive(Debug, Clone, PartialEq, Eq, Default)]
    pub struct AccountFacts {
        /// Counts the changes of this account's facts.
        1 => pub version: u64,
        /// Roles by market; [`MarketId::PLATFORM`] stands for every market.
        2 => pub grants: Vec<(MarketId, Role)>,
        3 => pub suspended_in: Vec<MarketId>,
        4 => pub verified_in: Vec<MarketId>,
        /// Accounts that an operator has linked with this one.
        5 => pub linked: Vec<AccountId>,
        /// Tokens that were issued until then are good no more; none was ever made void where it is absent.
        6 => pub tokens_from: Option<Timestamp>,
    }
}

crate::record! {
    /// What everybody must know of a sale.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct SaleFacts {
        /// Counts the changes of this sale's facts.
        1 => pub version: u64,
        2 => pub market: MarketId,
        /// The terms that a bidder must have accepted before its first bid on a lot.
        3 => pub terms_version: u32,
        /// When lot 1 ends, where the sale says so.
        4 => pub closes_at: Option<Timestamp>,
        /// How much later each next lot ends.
        5 => pub stagger_ms: u64,
        6 => pub opens_at: Timestamp,
    }
}

impl SaleFacts {
    /// When the lot with this number ends: `stagger_ms` after the one before it.
    #[must_use]
    pub fn closes_at(&self, number: Option<u32>) -> Option<Timestamp> {
        let before = u64::from(number.unwrap_or(1).saturating_sub(1));
        self.closes_at.map(|first| first.plus_ms(self.stagger_ms.saturating_mul(before)))
    }
}

crate::record! {
    /// An account's registration for a sale.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Registration {
        1 => pub sale: SaleId,
        2 => pub account: AccountId,
        /// The paddle number: the account's alias in the sale's lots.
        3 => pub alias: u32,
        /// The terms that it accepted; grows with every new registration for the same sale.
        4 => pub terms_version: u32,
    }
}

crate::variants! {
    /// One new version of somebody's facts, whole.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum FactChange {
        1 => Market((MarketId, MarketFacts)),
        2 => Account((AccountId, AccountFacts)),
        3 => Sale((SaleId, SaleFacts)),
        4 => Registration(Registration),
    }
}

/// All facts a shard knows.
#[derive(Debug, Default, Clone)]
pub struct Facts {
    markets: HashMap<MarketId, MarketFacts>,
    accounts: HashMap<AccountId, AccountFacts>,
    sales: HashMap<SaleId, SaleFacts>,
    registrations: HashMap<(SaleId, AccountId), Registration>,
    /// The accounts that are suspended anywhere: few, and every lot asks for them when facts change.
    suspended: HashSet<AccountId>,
    /// The markets that are halted: mostly none, and every bid asks.
    halted: HashSet<MarketId>,
    /// (account, linked with), as the accounts' facts say: few, and every bid asks.
    links: HashSet<(AccountId, AccountId)>,
}

impl Facts {
    /// Takes a change over if it is newer than what is known; says whether it was.
    pub fn learn(&mut self, change: &FactChange) -> bool {
        match change {
            FactChange::Market((market, facts)) => {
                let newer = self.markets.get(market).is_none_or(|known| known.version < facts.version);
                if newer {
                    if facts.halted_since.is_some() {
                        self.halted.insert(*market);
                    } else {
                        self.halted.remove(market);
                    }
                    self.markets.insert(*market, facts.clone());
                }
                newer
            }
            FactChange::Account((account, facts)) => self.learn_account(*account, facts),
            FactChange::Sale((sale, facts)) => {
                let newer = self.sales.get(sale).is_none_or(|known| known.version < facts.version);
                if newer {
                    self.sales.insert(*sale, facts.clone());
                }
                newer
            }
            FactChange::Registration(registration) => {
                let name = (registration.sale, registration.account);
                let known = self.registrations.get(&name);
                let newer = known.is_none_or(|known| known.terms_version < registration.terms_version);
                if newer {
                    self.registrations.insert(name, *registration);
                }
                newer
            }
        }
    }

    fn learn_account(&mut self, account: AccountId, facts: &AccountFacts) -> bool {
        let known = self.accounts.get(&account);
        if known.is_some_and(|known| known.version >= facts.version) {
            return false;
        }
        for &other in known.map_or(&[][..], |known| known.linked.as_slice()) {
            self.links.remove(&(account, other));
        }
        self.links.extend(facts.linked.iter().map(|&other| (account, other)));
        if facts.suspended_in.is_empty() {
            self.suspended.remove(&account);
        } else {
            self.suspended.insert(account);
        }
        self.accounts.insert(account, facts.clone());
        true
    }

    /// What is known of a sale.
    #[must_use]
    pub fn sale(&self, sale: SaleId) -> Option<&SaleFacts> {
        self.sales.get(&sale)
    }

    /// An account's registration for a sale.
    #[must_use]
    pub fn registration(&self, sale: SaleId, account: AccountId) -> Option<&Registration> {
        self.registrations.get(&(sale, account))
    }

    /// The accounts that are suspended in some market.
    pub fn suspended(&self) -> impl ExactSizeIterator<Item = AccountId> + '_ {
        self.suspended.iter().copied()
    }

    /// Whether the account is suspended in the market.
    #[must_use]
    pub fn is_suspended(&self, account: AccountId, market: MarketId) -> bool {
        self.suspended.contains(&account) && self.standing(account, market).any(Standing::SUSPENDED)
    }

    /// Whether the market is halted.
    #[must_use]
    #[inline]
    pub fn is_halted(&self, market: MarketId) -> bool {
        !self.halted.is_empty() && self.halted.contains(&market)
    }

    /// What is known of a market.
    #[must_use]
    pub fn market(&self, market: MarketId) -> Option<&MarketFacts> {
        self.markets.get(&market)
    }

    /// What is known of an account.
    #[must_use]
    pub fn account(&self, account: AccountId) -> Option<&AccountFacts> {
        self.accounts.get(&account)
    }

    /// Every account with its facts, in no order.
    pub fn accounts(&self) -> impl ExactSizeIterator<Item = (AccountId, &AccountFacts)> + '_ {
        self.accounts.iter().map(|(account, facts)| (*account, facts))
    }

    /// Whether an operator has linked the two accounts, either way round.
    #[must_use]
    #[inline]
    pub fn are_linked(&self, one: AccountId, other: AccountId) -> bool {
        !self.links.is_empty() && (self.links.contains(&(one, other)) || self.links.contains(&(other, one)))
    }

    /// What `account` may do in `market`.
    #[must_use]
    pub fn standing(&self, account: AccountId, market: MarketId) -> Standing {
        let mut standing = Standing::default();
        if account == AccountId::HOUSE {
            standing = standing.with(Standing::KNOWN).with(Standing::OPERATOR);
        }
        if let Some(facts) = self.accounts.get(&account) {
            standing = standing.with(Standing::KNOWN);
            for &(granted_in, role) in &facts.grants {
                if granted_in == market || granted_in == MarketId::PLATFORM {
                    standing = standing.with(Standing::of_role(role));
                }
            }
            if facts.suspended_in.contains(&market) || facts.suspended_in.contains(&MarketId::PLATFORM) {
                standing = standing.with(Standing::SUSPENDED);
            }
            if facts.verified_in.contains(&market) || facts.verified_in.contains(&MarketId::PLATFORM) {
                standing = standing.with(Standing::VERIFIED);
            }
        }
        if let Some(facts) = self.markets.get(&market) {
            if facts.owner == account {
                standing = standing.with(Standing::OPERATOR);
            }
            if facts.open_registration && standing.any(Standing::KNOWN) {
                standing = standing.with(Standing::BIDDER);
            }
        }
        standing
    }

    /// Every role of an account in any market, for the reply to `connect`.
    #[must_use]
    pub fn roles_anywhere(&self, account: AccountId) -> Standing {
        let mut standing = self.standing(account, MarketId::PLATFORM);
        if let Some(facts) = self.accounts.get(&account) {
            for &(_, role) in &facts.grants {
                standing = standing.with(Standing::of_role(role));
            }
        }
        if self.markets.values().any(|market| market.owner == account) {
            standing = standing.with(Standing::OPERATOR);
        }
        if standing.any(Standing::KNOWN) && self.markets.values().any(|market| market.open_registration) {
            standing = standing.with(Standing::BIDDER);
        }
        standing
    }

    /// Everything known, as changes: what a checkpoint keeps.
    pub fn all(&self) -> impl Iterator<Item = FactChange> + '_ {
        let markets = self.markets.iter().map(|(&id, facts)| FactChange::Market((id, facts.clone())));
        let accounts = self.accounts.iter().map(|(&id, facts)| FactChange::Account((id, facts.clone())));
        let sales = self.sales.iter().map(|(&id, facts)| FactChange::Sale((id, facts.clone())));
        let registrations =
            self.registrations.values().map(|&registration| FactChange::Registration(registration));
        markets.chain(accounts).chain(sales).chain(registrations)
    }
}
