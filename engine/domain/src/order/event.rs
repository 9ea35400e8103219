//! What happens to an order.
//!
//! Every event after the first carries the order's `Head` after it and what it asks of others, so that what the parties
//! hear and what the effects are comes from the event alone.

use super::{DepositHeld, Line, OpenWonOrder, OrderState, Payment, WonLine};
use crate::amount::Currency;
use crate::effect::{Asked, OutsideKind};
use crate::id::{AccountId, EntryId, HoldId, LotId, MarketId, OrderId, ReservationId, StockId};
use crate::money::{EntryKind, Line as EntryLine, SubAccount};
use crate::rejection::Rejection;
use crate::time::Timestamp;

crate::variants! {
    /// What a line is of.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum Thing {
        1 => Stock(StockId),
        2 => Lot(LotId),
    }
}

crate::record! {
    /// What of a line changes. Amounts are for all its present units, in minor units.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct LineNow {
        1 => pub thing: Thing,
        /// [`AccountId::default`] until it is set aside.
        2 => pub seller: AccountId,
        3 => pub quantity: u64,
        /// The price, or hammer price.
        4 => pub amount: u64,
        5 => pub premium: u64,
        6 => pub commission: u64,
        7 => pub shipped: u64,
        8 => pub returned: u64,
        /// Units that were placed and are given up: not there when they were paid, or cancelled.
        9 => pub short: u64,
    }
}

impl LineNow {
    /// A line that nobody has answered yet.
    #[must_use]
    pub const fn asked(thing: Thing, quantity: u64) -> Self {
        let seller = AccountId::from_u128(0);
        Self {
            thing,
            seller,
            quantity,
            amount: 0,
            premium: 0,
            commission: 0,
            shipped: 0,
            returned: 0,
            short: 0,
        }
    }
}

crate::record! {
    /// The order after an event, as its parties hear of it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Head {
        1 => pub buyer: AccountId,
        2 => pub market: MarketId,
        3 => pub currency: Option<Currency>,
        4 => pub state: OrderState,
        5 => pub total: u64,
        6 => pub refunded: u64,
        7 => pub lines: Vec<LineNow>,
        8 => pub tender: bool,
    }
}

crate::variants! {
    /// Why an order moved.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Cause {
        /// A lot was won.
        1 => Won,
        2 => Placed,
        /// It is to be paid.
        3 => PaymentDue,
        /// A hold of the buyer was captured.
        4 => HoldCaptured,
        /// From the buyer's balance.
        5 => PaidFromBalance,
        /// An operator, or a provider, says that the money has come.
        6 => PaidOutside,
        7 => PaymentRefused,
        8 => Allocated,
        /// Paid after its reservation had lapsed, and not all of it was there.
        9 => StockShortfall,
        10 => Shipped,
        11 => Delivered,
        12 => Completed,
        /// Nothing can be returned any more.
        13 => ReturnTimeOver,
        14 => Returned,
        15 => CancelledByBuyer,
        16 => CancelledByOperator,
        /// Its time to pay was over.
        17 => Unpaid,
        /// One of its lines could not be set aside.
        18 => Refused,
        /// Its lines were not set aside in time.
        19 => TimedOut,
        /// Brought into another order.
        20 => Merged,
        21 => Refund,
        /// What was asked of others.
        22 => Asked,
        23 => BookingRefused,
        24 => LoanEnded,
    }
}

impl Cause {
    /// The protocol's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Won => "won",
            Self::Placed => "placed",
            Self::PaymentDue => "payment_due",
            Self::HoldCaptured => "hold_captured",
            Self::PaidFromBalance => "paid_from_balance",
            Self::PaidOutside => "paid_outside",
            Self::PaymentRefused => "payment_refused",
            Self::Allocated => "allocated",
            Self::StockShortfall => "stock_shortfall",
            Self::Shipped => "shipped",
            Self::Delivered => "delivered",
            Self::Completed => "completed",
            Self::ReturnTimeOver => "return_time_over",
            Self::Returned => "returned",
            Self::CancelledByBuyer => "cancelled_by_buyer",
            Self::CancelledByOperator => "cancelled_by_operator",
            Self::Unpaid => "unpaid",
            Self::Refused => "refused",
            Self::TimedOut => "timed_out",
            Self::Merged => "merged",
            Self::Refund => "refund",
            Self::Asked => "asked",
            Self::BookingRefused => "booking_refused",
            Self::LoanEnded => "loan_ended",
        }
    }
}

crate::record! {
    /// An entry in one account's ledger. Its lines sum to 0.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Booking {
        1 => pub account: AccountId,
        2 => pub entry: EntryId,
        3 => pub kind: EntryKind,
        4 => pub lines: Vec<EntryLine>,
        5 => pub reverses: Option<EntryId>,
        6 => pub may_overdraw: bool,
        /// By which the account's answer is known.
        7 => pub tag: u128,
    }
}

crate::record! {
    /// What one account has of an order's money, in one sub-account; negative: what it gave back.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct EntryShare {
        1 => pub account: AccountId,
        2 => pub sub: SubAccount,
        3 => pub amount: i64,
    }
}

crate::record! {
    /// A line and its stock item.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct AskLine {
        1 => pub line: u32,
        2 => pub stock: StockId,
        /// The reservation that it has, as far as the order knows.
        3 => pub reservation: Option<ReservationId>,
    }
}

crate::record! {
    /// A line, its stock item, and how many units.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct AskUnits {
        1 => pub line: u32,
        2 => pub stock: StockId,
        3 => pub quantity: u64,
        4 => pub reservation: ReservationId,
        5 => pub near: Option<(i64, i64)>,
    }
}

crate::record! {
    /// A loan of a won lot's order.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct AskLoan { 1 => pub line: u32, 2 => pub from: OrderId, 3 => pub merged: bool }
}

crate::record! {
    /// Some of a hold of the buyer.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct AskCapture {
        1 => pub hold: HoldId,
        2 => pub amount: u64,
        3 => pub entry: EntryId,
        /// As in [`Booking`].
        4 => pub tag: u128,
    }
}

crate::record! {
    /// The answer to the order that a won lot's order is lent to.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct TellLoan {
        1 => pub into: OrderId,
        2 => pub line: u32,
        3 => pub won: Option<Box<WonLine>>,
        4 => pub refused: Option<Rejection>,
    }
}

crate::variants! {
    /// What an event asks of another actor: one effect each, in this order.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Ask {
        1 => Reserve(AskUnits),
        2 => Take(AskUnits),
        3 => Allocate(AskUnits),
        4 => Release(AskLine),
        5 => Finish(AskLine),
        6 => Lend(AskLoan),
        7 => EndLoan(AskLoan),
        8 => TellLoan(TellLoan),
        9 => Capture(AskCapture),
        10 => FreeHold(HoldId),
        11 => Post(Booking),
    }
}

crate::record! {
    /// What every event says.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Step {
        1 => pub head: Head,
        2 => pub cause: Cause,
        3 => pub reason: Option<String>,
        /// The earlier command that it completes.
        4 => pub asked: Option<Asked>,
        /// The rule by which that command is refused.
        5 => pub refused: Option<Rejection>,
        6 => pub asks: Vec<Ask>,
        /// What is asked of the world outside.
        7 => pub outside: Option<OutsideKind>,
        /// How much, in minor units.
        8 => pub outside_amount: u64,
    }
}

crate::record! {
    /// Somebody placed an order: its lines are asked for.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Placing {
        1 => pub order: OrderId,
        2 => pub step: Step,
        3 => pub lines: Vec<Line>,
        4 => pub near: Option<(i64, i64)>,
        5 => pub until: Timestamp,
        6 => pub content: u64,
        /// Who is answered when all are set aside.
        7 => pub placed_for: Asked,
    }
}

crate::record! {
    /// A line was set aside.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct LineHeld {
        1 => pub step: Step,
        2 => pub line: u32,
        3 => pub held: Line,
        /// What comes with a won lot.
        4 => pub deposit: Option<DepositHeld>,
    }
}

crate::record! {
    /// Something about one line.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct LineStep { 1 => pub step: Step, 2 => pub line: u32 }
}

crate::record! {
    /// A payment has begun.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct PaymentBegun { 1 => pub step: Step, 2 => pub payment: Payment }
}

crate::record! {
    /// A payment was refused; parts of it that had been booked are given back.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct PaymentFailed {
        1 => pub step: Step,
        /// A hold that turned out not to be there.
        2 => pub lost: Option<HoldId>,
    }
}

crate::record! {
    /// Money changed hands: paid, refunded, cancelled.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Booked {
        1 => pub step: Step,
        /// The transfer.
        2 => pub entry: Option<EntryId>,
        /// What it adds to what everybody else has of the order.
        3 => pub shares: Vec<EntryShare>,
        /// The line that is short, where that is the cause.
        4 => pub line: Option<u32>,
    }
}

crate::record! {
    /// Cancelled after it was paid: its stock items are asked to take it back.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct CancelBegun {
        1 => pub step: Step,
        /// Who is answered when they have.
        2 => pub waits: Asked,
    }
}

crate::record! {
    /// The order is lent to a new one, or is not.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Loan { 1 => pub step: Step, 2 => pub into: OrderId, 3 => pub lent: bool }
}

crate::record! {
    /// An account refused an entry: its part stays in clearing until an operator sees to it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct BookingRefused {
        1 => pub step: Step,
        2 => pub account: AccountId,
        3 => pub tag: u128,
        4 => pub rejection: Rejection,
    }
}

crate::variants! {
    /// What happened to an order.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum OrderEvent {
        1 => Won(Box<OpenWonOrder>),
        2 => Placing(Box<Placing>),
        3 => LineHeld(Box<LineHeld>),
        /// Every line is set aside.
        4 => Placed(Box<Step>),
        /// It waits for the buyer's payment.
        5 => PaymentAsked(Box<Step>),
        6 => PaymentBegun(Box<PaymentBegun>),
        /// A part of the payment is booked, the next is asked.
        7 => PaymentAdvanced(Box<Step>),
        8 => PaymentFailed(Box<PaymentFailed>),
        9 => Paid(Box<Booked>),
        10 => LineAllocated(Box<LineStep>),
        /// A part was given back, or all.
        11 => Refunded(Box<Booked>),
        12 => Shipped(Box<Step>),
        13 => Returned(Box<Step>),
        14 => Delivered(Box<Step>),
        /// Nothing can be returned any more.
        15 => Completed(Box<Step>),
        16 => Cancelling(Box<CancelBegun>),
        /// One of the stock items has taken its units back.
        17 => LineReleased(Box<LineStep>),
        18 => Cancelled(Box<Booked>),
        19 => Loan(Box<Loan>),
        20 => LoanEnded(Box<Loan>),
        21 => BookingRefused(Box<BookingRefused>),
    }
}

impl OrderEvent {
    /// What every event but the creating one of a won lot says.
    #[must_use]
    pub fn step(&self) -> Option<&Step> {
        Some(match self {
            Self::Won(_) => return None,
            Self::Placing(event) => &event.step,
            Self::LineHeld(event) => &event.step,
            Self::Placed(step)
            | Self::PaymentAsked(step)
            | Self::PaymentAdvanced(step)
            | Self::Shipped(step)
            | Self::Returned(step)
            | Self::Delivered(step)
            | Self::Completed(step) => step,
            Self::Cancelling(event) => &event.step,
            Self::PaymentBegun(event) => &event.step,
            Self::PaymentFailed(event) => &event.step,
            Self::Paid(event) | Self::Refunded(event) | Self::Cancelled(event) => &event.step,
            Self::LineAllocated(event) | Self::LineReleased(event) => &event.step,
            Self::Loan(event) | Self::LoanEnded(event) => &event.step,
            Self::BookingRefused(event) => &event.step,
        })
    }

    /// Whether the parties hear of it: it moved the order, or money.
    #[must_use]
    pub const fn is_told(&self) -> bool {
        match self {
            Self::Won(_)
            | Self::Placed(_)
            | Self::PaymentAsked(_)
            | Self::PaymentFailed(_)
            | Self::Paid(_)
            | Self::Refunded(_)
            | Self::Shipped(_)
            | Self::Returned(_)
            | Self::Delivered(_)
            | Self::Completed(_) => true,
            // Of an order that was never placed only its buyer hears, by the refusal.
            Self::Cancelled(event) => event.step.refused.is_none(),
            Self::Placing(_)
            | Self::LineHeld(_)
            | Self::PaymentBegun(_)
            | Self::PaymentAdvanced(_)
            | Self::LineAllocated(_)
            | Self::Cancelling(_)
            | Self::LineReleased(_)
            | Self::Loan(_)
            | Self::LoanEnded(_)
            | Self::BookingRefused(_) => false,
        }
    }
}
