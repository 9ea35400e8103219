//! What can be asked of an order.

use crate::amount::{Amount, Currency};
use crate::command;
use crate::fees::Fees;
use crate::id::{AccountId, HoldId, LotId, MarketId, OrderId, ReservationId, StockId};
use crate::money::Settled;
use crate::rejection::Rejection;
use crate::time::Timestamp;

crate::record! {
    /// A line as the buyer names it: exactly one of a reservation, a stock item with a quantity, a won lot.
    #[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
    #[serde(deny_unknown_fields, default)]
    pub struct LineRequest {
        1 => pub reservation: Option<ReservationId>,
        2 => pub stock: Option<StockId>,
        3 => pub quantity: Option<u64>,
        /// Brings the lot's own order in, which ends as `merged`.
        4 => pub lot: Option<LotId>,
    }
}

command! {
    /// `order.place`: all or nothing. Answered when every line is reserved, or with the refusal of the first that is not.
    pub struct PlaceOrder / PlaceOrderParams {
        1 => order: Option<OrderId>,
        /// All lines are of this market; that of the first line where absent.
        2 => market: Option<MarketId>,
        /// 1 to 100.
        3 => lines: Vec<LineRequest>,
        /// Where it goes: [latitude, longitude] in millionths of a degree, for the strategy `nearest`.
        4 => near: Option<(i64, i64)>,
    } engine {
        /// The stock item of each line that names a reservation and the order of each that names a lot, as the shell has
        /// looked them up; in the order of the lines.
        5 => found: Vec<Option<crate::actor::ActorAddress>>,
    }
}

/// Defines the commands that name an order and a reason, and nothing else.
macro_rules! order_actions {
    ($($(#[$meta:meta])* $name:ident / $params:ident;)+) => {$(
        command! {
            $(#[$meta])*
            pub struct $name / $params {
                1 => order: OrderId,
                2 => reason: Option<String>,
            }
        }
    )+};
}

order_actions! {
    /// `order.cancel`: by the buyer before it is paid, by an operator before it is shipped. What was paid is given back.
    CancelOrder / CancelOrderParams;
    /// `order.pay`: from the buyer's own balance, at once.
    PayOrder / PayOrderParams;
    /// `order.mark_delivered`: by the seller or an operator (a carrier's word, later).
    MarkDelivered / MarkDeliveredParams;
    /// `order.complete`: by the buyer or an operator; nothing can be returned any more.
    CompleteOrder / CompleteOrderParams;
}

command! {
    /// `order.mark_paid`: by an operator: the money has come outside of the system. The manual payment connector's word.
    pub struct MarkPaid / MarkPaidParams {
        1 => order: OrderId,
        2 => reason: Option<String>,
        /// The bank's or provider's own reference.
        3 => reference: Option<String>,
    }
}

command! {
    /// `order.refund`: by an operator: the whole of what was paid, or a part.
    pub struct RefundOrder / RefundOrderParams in currency {
        1 => order: OrderId,
        /// All that has not been given back where absent.
        2 => amount: Option<Amount>,
        3 => reason: String,
    }
}

crate::record! {
    /// The engine's own: a lot was won. Creates the order.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct OpenWonOrder {
        1 => pub order: OrderId,
        2 => pub lot: LotId,
        3 => pub market: MarketId,
        4 => pub currency: Currency,
        5 => pub buyer: AccountId,
        6 => pub seller: AccountId,
        7 => pub title: String,
        8 => pub quantity: u64,
        /// The hammer price for all units.
        9 => pub hammer: Amount,
        10 => pub premium: u64,
        11 => pub commission: u64,
        /// The buyer's hold on the whole (`funding: full`): captured at once, which pays the order.
        12 => pub hold: Option<HoldId>,
        /// The buyer's deposit: goes towards the payment, given back when the order is cancelled.
        13 => pub deposit: Option<HoldId>,
        /// In a tender (`reverse`) the roles are turned: `buyer` is who pays, the lot's seller, and `seller` who won.
        14 => pub tender: bool,
        15 => pub fees: Fees,
        16 => pub closed_at: Timestamp,
        /// What the deposit holds.
        17 => pub deposit_amount: Option<Amount>,
    }
}

crate::record! {
    /// The engine's own: what an account said.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct OrderSettled { 1 => pub order: OrderId, 2 => pub settled: Settled }
}

crate::variants! {
    /// What a stock item did about an order's line.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum LineOutcome {
        /// Set aside until the time given, at the unit price of that moment.
        1 => Reserved(LineReserved),
        /// Refused: nothing was set aside.
        2 => Refused(Rejection),
        /// Paid for: this many units are allocated; fewer than asked where its reservation had lapsed.
        3 => Allocated(u64),
        /// Given back.
        4 => Released,
        /// This many units have been shipped by now.
        5 => Shipped(u64),
        /// This many units have come back by now.
        6 => Returned(u64),
    }
}

crate::record! {
    /// See [`LineOutcome::Reserved`].
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct LineReserved {
        1 => pub reservation: ReservationId,
        2 => pub quantity: u64,
        3 => pub unit_price: Amount,
        4 => pub expires_at: Timestamp,
        5 => pub seller: AccountId,
        6 => pub currency: Currency,
        7 => pub market: MarketId,
        8 => pub title: String,
        9 => pub fees: Fees,
    }
}

crate::record! {
    /// The engine's own: what a stock item said.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct OrderLine {
        1 => pub order: OrderId,
        /// The line, from 0.
        2 => pub line: u32,
        3 => pub stock: StockId,
        4 => pub outcome: LineOutcome,
    }
}

crate::record! {
    /// The engine's own: the buyer brings a won lot's order (`order`) into a new one. It is lent until that one is placed.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct LendOrder {
        1 => pub order: OrderId,
        2 => pub into: OrderId,
        /// The new order's line.
        3 => pub line: u32,
        4 => pub buyer: AccountId,
    }
}

crate::record! {
    /// The engine's own: the new order was placed (`merged`), and this one ends in it; or it was not, and this one goes on.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct EndLoan { 1 => pub order: OrderId, 2 => pub into: OrderId, 3 => pub merged: bool }
}

crate::record! {
    /// A won lot as its order passes it on.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct WonLine {
        1 => pub lot: LotId,
        2 => pub market: MarketId,
        3 => pub currency: Currency,
        4 => pub seller: AccountId,
        5 => pub title: String,
        6 => pub quantity: u64,
        7 => pub hammer: Amount,
        8 => pub premium: u64,
        9 => pub commission: u64,
        10 => pub fees: Fees,
        11 => pub deposit: Option<HoldId>,
        12 => pub deposit_amount: Option<Amount>,
        13 => pub tender: bool,
    }
}

crate::variants! {
    /// What a won lot's order said to being lent.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum LoanOutcome {
        1 => Lent(Box<WonLine>),
        2 => Refused(Rejection),
    }
}

crate::record! {
    /// The engine's own: what a won lot's order said.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct OrderLent {
        1 => pub order: OrderId,
        2 => pub line: u32,
        /// The won lot's order.
        3 => pub from: OrderId,
        4 => pub outcome: LoanOutcome,
    }
}

crate::variants! {
    /// The commands of an order.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum OrderCommand {
        1 => Place(Box<PlaceOrder>),
        2 => Cancel(CancelOrder),
        3 => MarkPaid(MarkPaid),
        4 => Pay(PayOrder),
        5 => Refund(RefundOrder),
        6 => MarkDelivered(MarkDelivered),
        7 => Complete(CompleteOrder),
        /// Internal: from a lot's close.
        8 => OpenWon(Box<OpenWonOrder>),
        /// Internal: from an account.
        9 => Settled(Box<OrderSettled>),
        /// Internal: from a stock item.
        10 => Line(Box<OrderLine>),
        /// Internal: from a new order, to a won lot's.
        11 => Lend(LendOrder),
        /// Internal: the same.
        12 => EndLoan(EndLoan),
        /// Internal: a won lot's order answers.
        13 => Lent(Box<OrderLent>),
    }
}
