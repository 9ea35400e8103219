//! An order's state: its lines, what was paid and booked, and how it came so far.

use serde::Serialize;

use super::{Cause, EntryShare, Head, LineNow, Move, Thing, WonLine};
use crate::amount::{Amount, Currency};
use crate::effect::Asked;
use crate::fees::Fees;
use crate::id::{AccountId, EntryId, HoldId, MarketId, OrderId, ReservationId};
use crate::limits;
use crate::rejection::Rejection;
use crate::time::Timestamp;

crate::variants! {
    /// How far an order is (docs/processes.md has what moves it on).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, schemars::JsonSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum OrderState {
        /// Its lines are being set aside.
        1 => Placing,
        /// They are; its payment is under way by itself (a hold, a deposit that covers it).
        2 => Placed,
        3 => AwaitingPayment,
        4 => Paid,
        /// Some of it has been shipped.
        5 => Fulfilling,
        6 => Delivered,
        7 => Completed,
        8 => Cancelled,
        /// Everything that was paid was given back.
        9 => Refunded,
        /// Delivered, or come back, and a part of the money given back.
        10 => RefundedInPart,
        /// What was shipped has come back, or some of it.
        11 => Returned,
    }
}

impl OrderState {
    /// The protocol's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Placing => "placing",
            Self::Placed => "placed",
            Self::AwaitingPayment => "awaiting_payment",
            Self::Paid => "paid",
            Self::Fulfilling => "fulfilling",
            Self::Delivered => "delivered",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Refunded => "refunded",
            Self::RefundedInPart => "refunded_in_part",
            Self::Returned => "returned",
        }
    }

    /// Whether its money is here, or was.
    #[must_use]
    pub const fn is_paid(self) -> bool {
        !matches!(self, Self::Placing | Self::Placed | Self::AwaitingPayment | Self::Cancelled)
    }
}

crate::variants! {
    /// What a line waits for.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum LinePhase {
        /// Its stock item, or its lot's order, was asked for it.
        1 => Asked,
        /// Set aside for the order.
        2 => Held,
        /// Paid: its stock item was asked to allocate it.
        3 => Allocating,
        /// The order's own.
        4 => Allocated,
        /// Its stock item was asked to take it back.
        5 => Releasing,
        /// Given back.
        6 => Released,
    }
}

crate::record! {
    /// A line of an order.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Line {
        /// What changes, as events carry it.
        1 => pub now: LineNow,
        2 => pub phase: LinePhase,
        /// A reservation that the buyer named, then the one that the line has.
        3 => pub reservation: Option<ReservationId>,
        /// The won lot's own order.
        4 => pub from: Option<OrderId>,
        5 => pub title: String,
        /// Of stock.
        6 => pub unit_price: Option<Amount>,
        7 => pub fees: Fees,
        8 => pub expires_at: Option<Timestamp>,
        /// Units when it was placed.
        9 => pub placed_quantity: u64,
    }
}

impl Line {
    /// The same line with fewer units, at the prices of when it was placed: what goes is given back, fees included.
    #[must_use]
    pub fn cut(&self, quantity: u64) -> LineNow {
        let mut now = self.now;
        let gone = now.quantity.saturating_sub(quantity);
        let unit_price = self.unit_price.map_or(0, Amount::get);
        now.short += gone;
        now.quantity -= gone;
        now.amount = now.amount.saturating_sub(unit_price.saturating_mul(gone));
        match Amount::new(now.amount).filter(|_| now.quantity > 0) {
            Some(amount) => {
                now.premium = crate::fees::premium(&self.fees, amount);
                now.commission = crate::fees::commission(&self.fees, amount);
            }
            None => (now.amount, now.premium, now.commission) = (0, 0, 0),
        }
        now
    }

    /// Units that are the order's and have not been shipped.
    #[must_use]
    pub const fn unshipped(&self) -> u64 {
        self.now.quantity.saturating_sub(self.now.shipped)
    }
}

crate::record! {
    /// A hold that goes towards the payment.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct DepositHeld { 1 => pub hold: HoldId, 2 => pub amount: u64 }
}

crate::variants! {
    /// Where a part of a payment comes from.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Source {
        /// A hold of the buyer.
        1 => Hold(HoldId),
        /// The buyer's balance.
        2 => Balance,
        /// The world outside.
        3 => Outside,
    }
}

crate::record! {
    /// One part of a payment: an entry in the buyer's ledger.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Leg {
        1 => pub source: Source,
        2 => pub amount: u64,
        /// By which its answer is known.
        3 => pub tag: u128,
    }
}

crate::record! {
    /// A payment under way: its parts are asked one after another, the one that may be refused first.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Payment {
        1 => pub legs: Vec<Leg>,
        /// How many of them are booked.
        2 => pub done: u32,
        3 => pub asked: Option<Asked>,
        4 => pub cause: Cause,
        5 => pub reason: Option<String>,
        /// The state to go back to where it is refused.
        6 => pub state: OrderState,
        /// The transfer: all entries that it leads to, of the buyer and of everybody else, have this id.
        7 => pub entry: EntryId,
    }
}

crate::record! {
    /// A cancellation that waits for the stock items.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Cancelling { 1 => pub asked: Option<Asked>, 2 => pub reason: Option<String> }
}

crate::record! {
    /// An entry that an account refused: an operator must see to it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Unbooked {
        1 => pub account: AccountId,
        2 => pub tag: u128,
        3 => pub rejection: Rejection,
        4 => pub at: Timestamp,
    }
}

crate::record! {
    /// An order's state.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Order {
        1 => pub(super) id: OrderId,
        2 => pub(super) buyer: AccountId,
        /// [`MarketId::PLATFORM`] until the first line says which.
        3 => pub(super) market: MarketId,
        4 => pub(super) currency: Option<Currency>,
        5 => pub(super) state: OrderState,
        6 => pub(super) lines: Vec<Line>,
        /// What the buyer pays in all, as placed.
        7 => pub(super) total: u64,
        8 => pub(super) refunded: u64,
        /// In a tender the buyer is the lot's seller.
        9 => pub(super) tender: bool,
        10 => pub(super) near: Option<(i64, i64)>,
        /// Since when it is in its state.
        11 => pub(super) since: Timestamp,
        /// Until when its lines must be set aside.
        12 => pub(super) until: Option<Timestamp>,
        /// Who waits for it to be placed.
        13 => pub(super) asked: Option<Asked>,
        /// The buyer's hold on the whole.
        14 => pub(super) hold: Option<HoldId>,
        15 => pub(super) deposits: Vec<DepositHeld>,
        16 => pub(super) payment: Option<Payment>,
        /// The transfer by which it was paid: what a refund reverses.
        17 => pub(super) entry: Option<EntryId>,
        /// What everybody else has of it now; sums to what was paid and not given back (I34).
        18 => pub(super) shares: Vec<EntryShare>,
        19 => pub(super) cancelling: Option<Cancelling>,
        /// The new order that it is lent to.
        20 => pub(super) lent_to: Option<OrderId>,
        21 => pub(super) merged_into: Option<OrderId>,
        /// A connector was asked for the payment.
        22 => pub(super) outside_asked: bool,
        /// Nothing can come back any more.
        23 => pub(super) finished: bool,
        24 => pub(super) history: Vec<Move>,
        25 => pub(super) unbooked: Vec<Unbooked>,
        /// The hash of the command that placed it.
        26 => pub(super) content: u64,
        /// When it was placed.
        27 => pub(super) placed_at: Timestamp,
    }
}

impl Order {
    /// What events carry of it, as it stands.
    pub(super) fn head(&self) -> Head {
        Head {
            buyer: self.buyer,
            market: self.market,
            currency: self.currency,
            state: self.state,
            total: self.total,
            refunded: self.refunded,
            lines: self.lines.iter().map(|line| line.now).collect(),
            tender: self.tender,
        }
    }

    /// Whether it is what a lot's outcome made, rather than placed.
    #[must_use]
    pub fn is_of_win(&self) -> bool {
        self.content == 0
    }

    /// The buyer.
    #[must_use]
    pub const fn buyer(&self) -> AccountId {
        self.buyer
    }

    /// How far it is.
    #[must_use]
    pub const fn state(&self) -> OrderState {
        self.state
    }

    /// Its lines.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// What the buyer pays in all, as placed, in minor units.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// What was given back of it.
    #[must_use]
    pub const fn refunded(&self) -> u64 {
        self.refunded
    }

    /// What everybody else has of it now.
    #[must_use]
    pub fn shares(&self) -> &[EntryShare] {
        &self.shares
    }

    /// Whether it waits for another actor.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        let asking = |line: &Line| {
            matches!(line.phase, LinePhase::Asked | LinePhase::Allocating | LinePhase::Releasing)
        };
        let open = !matches!(self.state, OrderState::Cancelled | OrderState::Refunded);
        open && (self.state == OrderState::Placing
            || self.payment.is_some()
            || self.cancelling.is_some()
            || self.lent_to.is_some()
            || self.lines.iter().any(asking))
    }

    /// The deposits that are held for it, with their amounts: live until it is paid or cancelled.
    pub fn deposit_holds(&self) -> impl Iterator<Item = (HoldId, u64)> + '_ {
        self.deposits.iter().map(|deposit| (deposit.hold, deposit.amount))
    }

    /// What holds of the buyer go towards its payment, in minor units.
    #[must_use]
    pub fn deposits(&self) -> u64 {
        self.deposits.iter().map(|deposit| deposit.amount).sum()
    }

    /// Entries that accounts refused.
    #[must_use]
    pub fn unbooked(&self) -> &[Unbooked] {
        &self.unbooked
    }

    /// The state in words, the parts of it too that only the order knows: why a command must wait.
    pub(super) fn present(&self) -> &'static str {
        if self.lent_to.is_some() {
            "merging"
        } else if self.payment.is_some() {
            "paying"
        } else if self.cancelling.is_some() {
            "cancelling"
        } else if self.lines.iter().any(|line| line.phase == LinePhase::Allocating) {
            "allocating"
        } else {
            self.state.name()
        }
    }

    /// Whether it waits for nobody but people.
    pub(super) fn is_settled(&self) -> bool {
        self.present() == self.state.name()
    }

    pub(super) fn deadline(&self) -> Option<Timestamp> {
        match self.state {
            OrderState::Placing => self.until,
            // A won lot binds: what becomes of it where its winner does not pay, an operator decides.
            OrderState::AwaitingPayment if self.is_settled() && !self.has_lots() => {
                Some(self.since.plus_ms(limits::ORDER_PAYMENT_MS))
            }
            OrderState::Delivered | OrderState::Returned | OrderState::RefundedInPart
                if self.is_settled() && !self.finished =>
            {
                Some(self.since.plus_ms(limits::ORDER_RETURN_MS))
            }
            OrderState::Refunded if !self.finished && self.lines.iter().any(|line| line.now.shipped > 0) => {
                Some(self.since.plus_ms(limits::ORDER_RETURN_MS))
            }
            _ => None,
        }
    }

    fn has_lots(&self) -> bool {
        self.lines.iter().any(|line| matches!(line.now.thing, Thing::Lot(_)))
    }

    /// The won lot as it is passed on to another order.
    pub(super) fn won_line(&self) -> Option<WonLine> {
        let line = self.lines.first()?;
        let Thing::Lot(lot) = line.now.thing else { return None };
        let deposit = self.deposits.first();
        Some(WonLine {
            lot,
            market: self.market,
            currency: self.currency?,
            seller: line.now.seller,
            title: line.title.clone(),
            quantity: line.now.quantity,
            hammer: Amount::new(line.now.amount)?,
            premium: line.now.premium,
            commission: line.now.commission,
            fees: line.fees.clone(),
            deposit: deposit.map(|deposit| deposit.hold),
            deposit_amount: deposit.and_then(|deposit| Amount::new(deposit.amount)),
            tender: self.tender,
        })
    }
}
