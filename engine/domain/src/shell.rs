//! What the shell asks of the rules beside deciding: who did what (for the audit log), which stock a reservation belongs
//! to, and what an outage means.

use std::fmt;
use std::str::FromStr;

use crate::account::{AccountEvent, Mark};
use crate::actor::{ActorAddress, ActorKind, Event, Events};
use crate::book::{BookEvent, Cause as BookCause};
use crate::context::{Context, Stamp};
use crate::id::{AccountId, BookId, LotId, MarketId, OrderId, ReservationId, SaleId, StockId};
use crate::lot::{LotEvent, RestatementCause};
use crate::market::MarketEvent;
use crate::money::EntryKind;
use crate::order::{Cause, OrderEvent};
use crate::sale::SaleEvent;
use crate::stock::{StockCommand, StockEvent};

/// An action for the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Action<'a> {
    /// What was done.
    pub name: &'static str,
    /// Why, in the words of who did it.
    pub reason: Option<&'a str>,
    /// In which market, where the actor does not say it (accounts).
    pub market: Option<MarketId>,
}

impl<'a> Action<'a> {
    const fn new(name: &'static str) -> Self {
        Self { name, reason: None, market: None }
    }

    fn because(mut self, reason: Option<&'a String>) -> Self {
        self.reason = reason.map(String::as_str);
        self
    }
}

impl Event {
    /// What the audit log says of it; `None` for what is trade, not administration: bids, reservations, marks (their
    /// record is the lot's history, the stock's and the accounts' feeds).
    #[must_use]
    pub fn action(&self) -> Option<Action<'_>> {
        match self {
            Self::Market(event) => market_action(event),
            Self::Account(event) => account_action(event),
            Self::Sale(event) => sale_action(event),
            Self::Lot(event) => lot_action(event),
            Self::Stock(event) => stock_action(event),
            Self::Order(event) => order_action(event),
            Self::Book(event) => book_action(event),
        }
    }
}

/// What operators do to books; orders and trades have their own channel and feeds.
fn book_action(event: &BookEvent) -> Option<Action<'_>> {
    Some(match event {
        BookEvent::Created(_) => Action::new("book_created"),
        BookEvent::StateChanged(change) if change.started => Action::new("book_auction_started"),
        BookEvent::Uncrossed(_) => Action::new("book_auction_uncrossed"),
        BookEvent::Ended(ended) => match ended.gone.first()?.cause {
            BookCause::CancelledByOperator => {
                Action::new("book_order_cancelled").because(ended.reason.as_ref())
            }
            BookCause::Suspended => Action::new("book_orders_of_suspended_cancelled"),
            _ => return None,
        },
        _ => return None,
    })
}

/// What operators do to orders, and what they must see to; the rest is trade.
fn order_action(event: &OrderEvent) -> Option<Action<'_>> {
    let step = event.step()?;
    let name = match (event, step.cause) {
        (OrderEvent::Paid(_), Cause::PaidOutside) => "order_marked_paid",
        (OrderEvent::Refunded(_), Cause::Refund) => "order_refunded",
        (OrderEvent::Cancelled(_) | OrderEvent::Refunded(_), Cause::CancelledByOperator) => "order_cancelled",
        (OrderEvent::Delivered(_), _) => "order_delivered",
        (OrderEvent::BookingRefused(_), _) => "booking_refused",
        _ => return None,
    };
    Some(Action { market: Some(step.head.market), ..Action::new(name).because(step.reason.as_ref()) })
}

fn market_action(event: &MarketEvent) -> Option<Action<'_>> {
    Some(match event {
        MarketEvent::Created(_) => Action::new("market_created"),
        MarketEvent::Halted(change) => Action::new("market_halted").because(Some(&change.reason)),
        MarketEvent::Resumed(change) => Action::new("market_resumed").because(Some(&change.reason)),
        MarketEvent::FeesSet(change) => Action::new("market_fees_set").because(Some(&change.reason)),
        MarketEvent::Marked => return None,
    })
}

fn account_action(event: &AccountEvent) -> Option<Action<'_>> {
    Some(match event {
        AccountEvent::Created(_) => Action::new("account_created"),
        AccountEvent::Updated(_) => Action::new("account_updated"),
        AccountEvent::Posted(posted) => {
            let name = match posted.kind {
                // What a lot or an order caused is its trade, not administration.
                _ if posted.asked.is_some() => return None,
                EntryKind::Trade => return None,
                EntryKind::Withdrawal => "account_withdrawal",
                EntryKind::Correction => "account_correction",
                EntryKind::FeesCollected => "fees_collected",
                _ => "account_deposit",
            };
            Action::new(name).because(posted.reason.as_ref())
        }
        AccountEvent::HoldSet(_)
        | AccountEvent::HoldReleased(_)
        | AccountEvent::HoldCaptured(_)
        | AccountEvent::PartCaptured(_)
        | AccountEvent::Refused(_)
        | AccountEvent::RetractionCounted(_) => return None,
        AccountEvent::Marked(marked) => {
            let name = match (&marked.mark, marked.taken) {
                (Mark::Granted(_), false) => "role_granted",
                (Mark::Granted(_), true) => "role_revoked",
                (Mark::Suspended, false) => "account_suspended",
                (Mark::Suspended, true) => "suspension_lifted",
                (Mark::Verified, false) => "account_verified",
                (Mark::Verified, true) => "verification_revoked",
                (Mark::Linked(_), false) => "accounts_linked",
                (Mark::Linked(_), true) => "accounts_unlinked",
                (Mark::SignedOut, _) => "signed_out_everywhere",
            };
            Action { market: Some(marked.market), ..Action::new(name).because(marked.reason.as_ref()) }
        }
    })
}

const fn sale_action(event: &SaleEvent) -> Option<Action<'_>> {
    Some(match event {
        SaleEvent::Created(_) => Action::new("sale_created"),
        SaleEvent::Revised(_) => Action::new("sale_revised"),
        SaleEvent::Registered(_) => return None,
    })
}

fn lot_action(event: &LotEvent) -> Option<Action<'_>> {
    Some(match event.inner() {
        LotEvent::BidPlaced(_)
        | LotEvent::MaximumRaised(_)
        | LotEvent::Bought(_)
        | LotEvent::SealedBid(_)
        | LotEvent::UnitsBid(_)
        | LotEvent::Taken(_)
        | LotEvent::Ticked(_)
        | LotEvent::Stepped(_) => return None,
        LotEvent::Created(_) => Action::new("lot_created"),
        LotEvent::Restated(restated) => {
            let name = match restated.cause {
                RestatementCause::Retracted => "bid_retracted",
                RestatementCause::Voided => "bid_voided",
                RestatementCause::Suspended => "bidder_removed",
                RestatementCause::Unfunded => "bidder_without_money_removed",
            };
            Action::new(name).because(restated.reason.as_ref())
        }
        LotEvent::Opened(opened) => Action::new("lot_opened").because(opened.reason.as_ref()),
        LotEvent::Paused(_) if crate::mutant("audit_missing") => return None,
        LotEvent::Paused(paused) => Action::new("lot_paused").because(paused.reason.as_ref()),
        LotEvent::Resumed(resumed) => Action::new("lot_resumed").because(resumed.reason.as_ref()),
        LotEvent::Extended(extended) => Action::new("lot_extended").because(extended.reason.as_ref()),
        LotEvent::Closed(closed) => Action::new("lot_closed").because(closed.reason.as_ref()),
        LotEvent::Reopened(reopened) => Action::new("lot_reopened").because(reopened.reason.as_ref()),
        LotEvent::Revised(_) => Action::new("lot_revised"),
        LotEvent::Closing(closing) => Action::new("lot_closing").because(closing.reason.as_ref()),
        // On the way to what is told by the event that ends it.
        LotEvent::BidWaits(_)
        | LotEvent::HoldAsked(_)
        | LotEvent::Backed(_)
        | LotEvent::Refused(_)
        | LotEvent::HoldSettled(_)
        | LotEvent::HoldsFreed(_)
        | LotEvent::Restating(_)
        | LotEvent::Blocked(_) => return None,
    })
}

fn stock_action(event: &StockEvent) -> Option<Action<'_>> {
    Some(match event {
        StockEvent::Created(_) => Action::new("stock_created"),
        StockEvent::Received(change) => Action::new("stock_received").because(change.reason.as_ref()),
        StockEvent::Adjusted(change) => Action::new("stock_adjusted").because(change.reason.as_ref()),
        StockEvent::Shipped(change) => Action::new("stock_shipped").because(change.reason.as_ref()),
        StockEvent::Returned(change) => Action::new("stock_returned").because(change.reason.as_ref()),
        StockEvent::Reserved(_)
        | StockEvent::Extended(_)
        | StockEvent::Closed(_)
        | StockEvent::OrderReserved(_)
        | StockEvent::OrderRefused(_)
        | StockEvent::Allocated(_)
        | StockEvent::LineReleased(_)
        | StockEvent::Finished(_) => return None,
    })
}

impl StockEvent {
    /// The reservation that it makes (`true`) or ends (`false`).
    #[must_use]
    pub fn reservation(&self, stamp: &Stamp) -> Option<(ReservationId, bool)> {
        match self {
            Self::Reserved(_) => Some((ReservationId::from_u128(stamp.command_id), true)),
            Self::OrderReserved(reserved) => Some((reserved.reservation, true)),
            Self::Closed(closed) => Some((closed.reservation, false)),
            Self::Allocated(allocated) => Some((allocated.reservation?, false)),
            Self::LineReleased(released) => Some((released.reservation?, false)),
            _ => None,
        }
    }
}

impl StockCommand {
    /// The reservation it names, and where its stock item stands once the shell has looked it up.
    pub fn reservation_mut(&mut self) -> Option<(ReservationId, &mut Option<StockId>)> {
        match self {
            Self::Release(command) => Some((command.reservation, &mut command.stock)),
            Self::Extend(command) => Some((command.reservation, &mut command.stock)),
            _ => None,
        }
    }
}

impl crate::actor::Entity {
    /// What an outage that this actor's deadline fell into means for it. Only lots are given time.
    #[must_use]
    pub fn after_outage(&self, context: &Context<'_>, extend_ms: u64) -> Events<Event> {
        match self {
            Self::Lot(lot) => lot.after_outage(context, extend_ms).into_iter().map(Event::Lot).collect(),
            Self::Market(_)
            | Self::Account(_)
            | Self::Sale(_)
            | Self::Stock(_)
            | Self::Order(_)
            | Self::Book(_) => Events::new(),
        }
    }
}

impl fmt::Display for ActorAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ActorKind::Market => MarketId(self.id).fmt(f),
            ActorKind::Account => AccountId(self.id).fmt(f),
            ActorKind::Sale => SaleId(self.id).fmt(f),
            ActorKind::Lot => LotId(self.id).fmt(f),
            ActorKind::Stock => StockId(self.id).fmt(f),
            ActorKind::Order => OrderId(self.id).fmt(f),
            ActorKind::Book => BookId(self.id).fmt(f),
        }
    }
}

impl ActorAddress {
    /// The actor that an id in text names.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text.get(..3)? {
            MarketId::PREFIX => MarketId::from_str(text).ok()?.into(),
            AccountId::PREFIX => AccountId::from_str(text).ok()?.into(),
            SaleId::PREFIX => SaleId::from_str(text).ok()?.into(),
            LotId::PREFIX => LotId::from_str(text).ok()?.into(),
            StockId::PREFIX => StockId::from_str(text).ok()?.into(),
            OrderId::PREFIX => OrderId::from_str(text).ok()?.into(),
            BookId::PREFIX => BookId::from_str(text).ok()?.into(),
            _ => return None,
        })
    }
}
