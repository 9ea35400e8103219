//! What the parties of an order may know of it. Never public.

use serde::{Serialize, Serializer};

use super::{Order, OrderEvent, OrderState, Thing};
use crate::actor::Actor as _;
use crate::amount::{Amount, Currency};
use crate::context::Stamp;
use crate::fees::FeeSchedule;
use crate::id::{AccountId, LotId, MarketId, OrderId, StockId};
use crate::time::Timestamp;

/// An order as `order.get` shows it to operators; to its parties: [`OrderSnapshot::seen_by`].
#[derive(Debug, Clone, PartialEq)]
pub struct OrderSnapshot {
    /// Which one.
    pub order: OrderId,
    /// [`MarketId::PLATFORM`] until its first line says which.
    pub market: MarketId,
    /// Who pays.
    pub buyer: AccountId,
    inner: Box<Order>,
}

/// An order as one of its parties sees it.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs)]
pub struct OrderView<'a> {
    pub order: OrderId,
    pub market: MarketId,
    pub buyer: AccountId,
    pub state: OrderState,
    /// What it waits for where that is not a person: `paying`, `cancelling`, `merging`, `allocating`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<&'static str>,
    pub currency: Option<Currency>,
    /// What the buyer pays in all, as placed, in minor units; to a seller what its own lines come to.
    pub total: u64,
    /// What was given back of it; not to a seller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refunded: Option<u64>,
    /// What deposits go towards the payment; not to a seller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deposits: Option<u64>,
    /// A tender: the lot's seller pays who won.
    pub tender: bool,
    pub placed_at: Timestamp,
    /// When something happens by itself: it is cancelled unpaid, or completed.
    pub until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<OrderId>,
    pub lines: Vec<OrderLineView<'a>>,
    /// The first move and the latest ones.
    pub history: Vec<MoveView<'a>>,
    /// Entries that accounts refused; to operators.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unbooked: Vec<UnbookedView>,
}

/// A line of an order. Amounts are for all its present units, in minor units.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs)]
pub struct OrderLineView<'a> {
    pub line: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stock: Option<StockId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lot: Option<LotId>,
    pub title: &'a str,
    pub seller: AccountId,
    pub quantity: u64,
    /// Units when it was placed.
    pub placed: u64,
    pub unit_price: Option<Amount>,
    /// The price, or hammer price.
    pub amount: u64,
    /// What the buyer pays on top; not to a seller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub premium: Option<u64>,
    /// What is kept from the seller's proceeds; not to the buyer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commission: Option<u64>,
    pub shipped: u64,
    pub returned: u64,
    /// Units that were placed and are given up.
    pub short: u64,
    /// Until when its units are set aside for the order; they may be gone after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The fee tables that it is sold by; to operators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fees: Option<&'a FeeSchedule>,
}

/// A move of an order.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs)]
pub struct MoveView<'a> {
    pub state: OrderState,
    pub cause: &'static str,
    pub at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
}

/// An entry that an account refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[allow(missing_docs)]
pub struct UnbookedView {
    pub account: AccountId,
    pub code: &'static str,
    pub at: Timestamp,
}

/// Who looks at an order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Viewer {
    Buyer,
    Seller(AccountId),
    Operator,
}

impl Order {
    /// What its parties may know of it.
    #[must_use]
    pub fn snapshot(&self) -> OrderSnapshot {
        OrderSnapshot {
            order: self.id,
            market: self.market,
            buyer: self.buyer,
            inner: Box::new(self.clone()),
        }
    }

    fn view(&self, viewer: Viewer) -> OrderView<'_> {
        let is_seller = matches!(viewer, Viewer::Seller(_));
        let is_operator = viewer == Viewer::Operator;
        let sees = |seller| !matches!(viewer, Viewer::Seller(account) if account != seller);
        let lines: Vec<_> = (0..)
            .zip(&self.lines)
            .filter(|(_, line)| sees(line.now.seller))
            .map(|(nth, line)| line.view(nth, viewer))
            .collect();
        let own_total = || lines.iter().map(|line| line.amount).sum();
        let deposits = self.deposits.iter().map(|deposit| deposit.amount).sum();
        let unbooked = self.unbooked.iter().filter(|_| is_operator).map(|one| UnbookedView {
            account: one.account,
            code: one.rejection.code(),
            at: one.at,
        });
        OrderView {
            order: self.id,
            market: self.market,
            buyer: self.buyer,
            state: self.state,
            waits_for: (!self.is_settled()).then(|| self.present()),
            currency: self.currency,
            total: if is_seller { own_total() } else { self.total },
            refunded: (!is_seller).then_some(self.refunded),
            deposits: (!is_seller).then_some(deposits),
            tender: self.tender,
            placed_at: self.placed_at,
            until: self.deadline(),
            merged_into: self.merged_into,
            history: self.history.iter().map(super::Move::view).collect(),
            unbooked: unbooked.collect(),
            lines,
        }
    }
}

impl super::Move {
    fn view(&self) -> MoveView<'_> {
        MoveView { state: self.state, cause: self.cause.name(), at: self.at, reason: self.reason.as_deref() }
    }
}

impl super::Line {
    fn view(&self, nth: u32, viewer: Viewer) -> OrderLineView<'_> {
        let (stock, lot) = match self.now.thing {
            Thing::Stock(stock) => (Some(stock), None),
            Thing::Lot(lot) => (None, Some(lot)),
        };
        let is_operator = viewer == Viewer::Operator;
        let is_seller = matches!(viewer, Viewer::Seller(_));
        OrderLineView {
            line: nth,
            stock,
            lot,
            title: &self.title,
            seller: self.now.seller,
            quantity: self.now.quantity,
            placed: self.placed_quantity,
            unit_price: self.unit_price,
            amount: self.now.amount,
            premium: (!is_seller).then_some(self.now.premium),
            commission: (is_seller || is_operator).then_some(self.now.commission),
            shipped: self.now.shipped,
            returned: self.now.returned,
            short: self.now.short,
            expires_at: self.expires_at,
            fees: self.fees.as_deref().filter(|_| is_operator),
        }
    }
}

impl OrderSnapshot {
    /// The snapshot after the creating event; `None` for any other.
    #[must_use]
    pub fn born(event: &OrderEvent, stamp: &Stamp) -> Option<Self> {
        Order::born(event, stamp).map(|order| order.snapshot())
    }

    /// Takes an event over (I43).
    pub fn apply(&mut self, event: &OrderEvent, stamp: &Stamp) {
        self.inner.apply(event, stamp);
        self.market = self.inner.market;
    }

    /// How far it is.
    #[must_use]
    pub fn state(&self) -> OrderState {
        self.inner.state
    }

    /// When it was placed, or won.
    #[must_use]
    pub fn placed_at(&self) -> Timestamp {
        self.inner.placed_at
    }

    /// Its buyer and its sellers; one may come twice.
    pub fn parties(&self) -> impl Iterator<Item = AccountId> + '_ {
        let sellers = self.inner.lines.iter().map(|line| line.now.seller);
        std::iter::once(self.buyer).chain(sellers.filter(|&seller| seller != AccountId::default()))
    }

    /// What an account sees of it: the buyer all but the commission, a seller its own lines, `operator`s (and auditors)
    /// everything; nobody else anything.
    #[must_use]
    pub fn seen_by(&self, account: AccountId, operator: bool) -> Option<OrderView<'_>> {
        let viewer = if operator {
            Viewer::Operator
        } else if account == self.buyer {
            Viewer::Buyer
        } else if self.parties().any(|party| party == account) {
            Viewer::Seller(account)
        } else {
            return None;
        };
        Some(self.inner.view(viewer))
    }
}

impl Serialize for OrderSnapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.inner.view(Viewer::Operator).serialize(serializer)
    }
}
